"""Named arguments for completion and inspection: those of catalogue functions, and the options of library functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function

BOOLEANS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Argument:
    """One named argument.

    Parameters:
        name: as written in Lua.
        kind: the type of its value, as shown to the user.
        doc: one sentence.
        required: whether a call without it is an error.
        values: the possible strings, if there are only a few.
    """

    name: str
    kind: str
    doc: str
    required: bool = False
    values: tuple[str, ...] = ()

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
