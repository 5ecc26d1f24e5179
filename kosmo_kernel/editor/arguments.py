"""Named arguments for completion and inspection: those of catalogue functions, and the options of library functions.

Their values are completed from lists that this session has: the names of apps after `list_apps` was called. Nothing is
requested. The names come from the service, so only those are offered that stay one text between quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function, Integration
from kosmo_kernel.editor.inference import CallSite, TypeInferrer
from kosmo_kernel.editor.types import Chain, NamePath
from kosmo_kernel.safety.text import is_plain_in_quotes

BOOLEANS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Argument:
    """One named argument."""

    name: str  # as written in Lua
    kind: str  # the type of its value, as shown to the user
    doc: str  # one sentence
    required: bool = False  # whether a call without it is an error
    values: tuple[str, ...] = ()  # the possible strings, if there are only a few

    @property
    def literals(self) -> tuple[str, ...]:
        """The possible values as Lua literals, if there are only a few."""
        return BOOLEANS if self.kind == "boolean" else tuple(f'"{value}"' for value in self.values)


def arguments_of(function: Function) -> tuple[Argument, ...]:
    """Return the arguments of a catalogue function in its order; then `errors` and `limit`, if it takes a list."""
    own = (Argument(p.name, f"{p.kind} or list" if p.each else p.kind, p.doc, p.required) for p in function.params)
    return (*own, *(_LIST_ARGUMENTS if function.fan_out else ()))


def fields_of(columns: Iterable[Column]) -> tuple[Argument, ...]:
    """Return the fields of records as the names of a table of wanted values; a nested record is one of them."""
    names: dict[str, Argument] = {}
    for column in columns:
        name, is_nested = column.path[0], len(column.path) > 1
        doc = "A record." if is_nested else column.doc
        names.setdefault(name, Argument(name, "record" if is_nested else column.kind, doc))
    return tuple(names.values())


def options_of(name: str, position: int) -> tuple[Argument, ...]:
    """Return the fields of the options table that a library function takes at a position, counted from 0."""
    expected, options = _OPTIONS.get(name, (position, ()))
    return options if expected == position else ()


def words_of(name: str, position: int) -> tuple[str, ...]:
    """Return the possible strings for an argument of a library function, if there are only a few."""
    return _WORDS.get((name, position), ())


def listed_values(reader: TypeInferrer, site: CallSite) -> Iterator[str]:
    """Yield the known values of the argument whose text is being typed, if a list of them was returned before."""
    path = reader.value(site.call.base)
    function = reader.function_at(path) if isinstance(path, NamePath) else None
    if function is None or not isinstance(path, NamePath):
        return
    if site.table is None:
        param = function.params[site.position] if site.position < len(function.params) else None
    else:
        param = next((param for param in function.params if param.name == site.key), None)
    namespace = _namespace(reader, path.chain)
    if param is None or namespace is None:
        return
    integration, alias = namespace
    listing = integration.listing(param)
    if listing is not None:
        records = reader.state.last_list(integration.name, listing.name, alias)
        for value in map(param.value_of_record, records):
            if isinstance(value, str) and is_plain_in_quotes(value):
                yield value


def _namespace(reader: TypeInferrer, chain: Chain) -> tuple[Integration, str] | None:
    """Return the integration of a function at a path, and the account that the path names, or an empty string."""
    above = chain[:-1]
    if above[:1] != ("app",):
        space = (reader.state.resolve(above) or {}).get("space") if above else None
        above = tuple(str(space).split(".")) if space else ()
    match above:
        case ("app", "integrations", str(name), *alias) if integration := integrations.known(name):
            return integration, str(alias[0]) if alias else ""
    return None


_LIST_ARGUMENTS = tuple(
    Argument(name, param.kind, f"{param.doc}.", values=ERROR_MODES[1:] if name == "errors" else ())
    for name, param in RESERVED.items()
)
_ID = Argument("id", "string", "A name under which `display.update` can show something else in its place.")
_UPDATE = Argument("update", "boolean", "Shows it in place of what has this `id`.")
_WAIT = Argument("wait", "boolean", "Waits with it until there is something new.")

_TIME = (
    *(Argument(name, "integer", f"The {name}.", required=True) for name in ("year", "month", "day")),
    *(
        Argument(name, "integer", f"The {word}.")
        for name, word in (("hour", "hour"), ("min", "minute"), ("sec", "second"))
    ),
    Argument("isdst", "boolean", "Whether it is daylight saving time."),
)
_OPTIONS: dict[str, tuple[int, tuple[Argument, ...]]] = {
    "parallel.map": (2, _LIST_ARGUMENTS),
    "display": (1, (_ID,)),
    **{f"display.{form}": (1, (_ID, _UPDATE)) for form in ("html", "json", "latex", "markdown", "png", "svg")},
    "display.clear": (0, (_WAIT,)),
    "os.time": (0, _TIME),
}
_WORDS = {
    ("collectgarbage", 0): ("collect", "count"),
    ("io.read", 0): ("l", "L", "n", "a"),
    ("list.sort_by", 2): ("asc", "desc"),
    ("os.date", 0): ("%Y-%m-%d", "!%Y-%m-%dT%H:%M:%SZ", "*t", "!*t"),
    ("select", 0): ("#",),
}
