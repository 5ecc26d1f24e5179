"""Complete the name, string or argument at the cursor.

In a string that holds a page name, a table key, one of a few choices or a name that was listed before, these are
offered; after a dot or colon, the members of the value; between the braces of a call, its argument names; anywhere
else, the variables and keywords that the grammar allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_letters, digits

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function, Integration
from kosmo_kernel.docs import GUIDES, titles
from kosmo_kernel.editor.inference import (
    CallResult,
    CallSite,
    Chain,
    InferredType,
    LiveState,
    NamePath,
    TableLiteral,
    TypeInferrer,
    call_result_of,
    integration_at,
    library,
    takes,
)
from kosmo_kernel.lua_syntax.nodes import Binding, FunctionDefinition, TableConstructor
from kosmo_kernel.lua_syntax.parser import tokens_of
from kosmo_kernel.safety.text import is_plain_in_quotes
from kosmo_kernel.values.lua_literals import is_lua_name

PAGE_READERS = ("docs.read", "lua_read_doc")
NAMESPACE = "app"
BOOLEANS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Match:
    """One completion."""

    text: str  # what replaces the typed prefix
    type: str  # `function`, `module`, `instance`, `keyword`, `param`, `property` or `path`: selects an icon
    signature: str = ""  # how it is called


@dataclass(frozen=True, slots=True)
class Completion:
    """The completions, best first, and the range of the text that each would replace."""

    matches: tuple[Match, ...]
    start: int
    end: int


def complete(code: str, cursor: int, live: LiveState | None, account: str = "") -> Completion:
    """Return the completions at the cursor. Incomplete or invalid code is not an error.

    Parameters:
        code: the whole text.
        cursor: the number of characters before the cursor.
        live: the Lua state, for names that exist only there; None before anything has run.
        account: the account that `heroku.<function>` uses in this code; the session's if empty.
    """
    before = code[:cursor]
    last_token = next(reversed(tokens_of(before)), None)
    if last_token is None or last_token.end < len(before):
        matches, start = _names(TypeInferrer(before, live), code[cursor:]), len(before)
    elif last_token.kind == "comment" and not last_token.closed:
        matches, start = iter(()), len(before)
    elif last_token.kind == "string" and not last_token.closed:
        start = len(before) - len(last_token.text)
        matches = _strings(TypeInferrer(before, live, account))
    else:
        start = last_token.start if last_token.kind in ("name", "keyword") else len(before)
        is_number = last_token.kind == "number"
        matches = iter(()) if is_number else _names(TypeInferrer(before[:start], live), code[cursor:])
    return Completion(filter_matches(matches, before[start:]), start, len(before))


def filter_matches(candidates: Iterable[Match], prefix: str) -> tuple[Match, ...]:
    """Return the matches that continue a prefix, without duplicates; case is ignored only if none matches exactly."""
    matches = {match.text: match for match in candidates}.values()
    exact = tuple(match for match in matches if match.text.startswith(prefix))
    return exact or tuple(match for match in matches if match.text.lower().startswith(prefix.lower()))


def pages() -> Iterator[Match]:
    """Yield the pages of the reference."""
    for integration in integrations.load_all():
        functions = integration.by_full_name()
        for page in titles(integration):
            yield Match(page, "path", functions[page].signature if page in functions else "")
    yield from (Match(name, "path") for name in GUIDES)


def _strings(reader: TypeInferrer) -> Iterator[Match]:
    """Yield what the string being typed can hold: a page name, a table key, one of a few words, a listed name."""
    at = len(reader.tokens) - 1
    if reader.tree.words[at - 1] == "[":
        yield from _members(reader, reader.type_before(at - 1))
        return
    callee = reader.tree.ending_at.get(at - 1) if at else None
    site = next(reader.calls_around(at), None)
    if callee is not None:  # a call without brackets
        name, position = reader.library_name(reader.value(callee)), 0
    elif site is None:
        return
    else:
        yield from (Match(value, "instance") for value in _listed_values(reader, site))
        if site.key:
            yield from _values_of(reader, site, lambda argument: argument.values)
            return
        name, position = reader.library_name(reader.value(site.call.base)), site.position
        if site.table is None and takes(name, position, "key", "test"):
            yield from (Match(column.name, "property") for column in _columns_of_items(reader, site))
    if name in PAGE_READERS:
        yield from pages()
    yield from (Match(word, "param") for word in _WORDS.get((name, position), ()))


def _values_of(reader: TypeInferrer, site: CallSite, values: Callable[[Argument], tuple[str, ...]]) -> Iterator[Match]:
    """Yield the values of the argument that is being typed, if there are only a few."""
    for argument in _arguments(reader, site):
        if argument.name == site.key:
            yield from (Match(value, "param") for value in values(argument))


def _columns_of_items(reader: TypeInferrer, site: CallSite) -> tuple[Column, ...]:
    """Return the columns of the records in the list that is the first argument of a call."""
    item = reader.item_of_call(site)
    if isinstance(item, NamePath):
        item = reader.call_result_at(item)
    return item.columns if isinstance(item, CallResult) and not item.path else ()


def _names(reader: TypeInferrer, after_cursor: str) -> Iterator[Match]:
    """Yield what can stand where a name is being typed, after the text of the reader."""
    end, words, allowed = len(reader.tokens), reader.tree.words, reader.tree.allowed
    mark = words[end - 1] if end else ""
    if mark in (".", ":"):
        meaning = reader.type_before(end - 1)
        members = _members(reader, meaning)
        if mark == ":":  # only functions follow it, which get the value as their `self`
            functions = (match for match in members if match.type == "function")
            members = _string_methods() if reader.is_text(meaning) else map(_without_self, functions)
        yield from (match for match in members if is_lua_name(match.text))
        return
    site = next(reader.calls_around(end), None)
    if site and site.table and site.table.start == reader.tree.opener and mark in ("{", ",", ";"):
        yield from _argument_names(reader, site, site.table, after_cursor)
    if site and site.key and mark == "=":
        yield from _values_of(reader, site, lambda argument: argument.literals)
    yield from (Match(name, "keyword") for name in allowed.others)
    if allowed.names:
        variables = dict(reader.state.names(()))
        for name, meaning in reader.visible_names().items():
            variables.pop(name, None)
            yield _typed_match(reader, name, meaning)
        yield from _live_matches(reader, (), variables)
    yield from (Match(word, "keyword") for word in allowed.keywords)


def _argument_names(
    reader: TypeInferrer, site: CallSite, table: TableConstructor, after_cursor: str
) -> Iterator[Match]:
    """Yield the arguments that a call does not have yet, where the cursor is between its braces."""
    existing = table.values()
    rest = after_cursor.lstrip(f"{ascii_letters}{digits}_").lstrip(" ")
    is_assigned = rest.startswith("=") and not rest.startswith("==")
    for argument in _arguments(reader, site):
        if argument.name not in existing:
            name = argument.name if is_lua_name(argument.name) else f'["{argument.name}"]'
            yield Match(name if is_assigned else f"{name} = ", "param", f"{argument.name}: {argument.kind}")


def _arguments(reader: TypeInferrer, site: CallSite) -> tuple[Argument, ...]:
    """Return the fields that the table passed to a call can have."""
    meaning = reader.value(site.call.base)
    name = reader.library_name(meaning)
    if takes(name, site.position, "test"):
        return fields_of(_columns_of_items(reader, site))
    if name:
        return options_of(name, site.position)
    if not isinstance(meaning, NamePath) or site.position != 0:
        return ()
    function = reader.function_at(meaning)
    return arguments_of(function) if function else ()


def _members(reader: TypeInferrer, meaning: InferredType | None) -> Iterator[Match]:
    """Yield what a value has, whether or not it can be written after a dot."""
    match meaning:
        case NamePath(chain=chain):
            fields = reader.tree.global_fields.get(str(chain[0]), ())
            yield from _assigned_members(reader, fields, tuple(map(str, chain[1:])))
            yield from _live_members(reader, meaning)
        case CallResult(many=False):
            yield from (Match(name, "property") for name in meaning.fields)
        case TableLiteral():
            yield from _assigned_members(reader, meaning.assigned, meaning.path)
            for name, node in meaning.node.values().items():
                if not name.isdecimal():
                    yield _typed_match(reader, name, reader.value(node))


def _assigned_members(reader: TypeInferrer, fields: Sequence[Binding], path: tuple[str, ...]) -> Iterator[Match]:
    """Yield the fields that the text assigns to a table after its creation, the last one first."""
    for binding in reversed(fields):
        if binding.path[:-1] == path:
            yield _typed_match(reader, binding.path[-1], reader.type_of_binding(binding))


def _live_members(reader: TypeInferrer, path: NamePath) -> Iterator[Match]:
    """Yield the members that the live state has at a path, without any lookup that would send a request."""
    info = {} if path.chain[0] == NAMESPACE else reader.state.resolve(path.chain) or {}
    if info.get("type") == "string":
        return  # its methods follow a colon, not a dot
    chain: Chain = tuple(str(info["space"]).split(".")) if info.get("space") else path.chain
    names = dict(reader.state.names(chain))
    for match in _members(reader, call_result_of(info)):
        names.pop(match.text, None)
        yield match
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if integration is not None:
        names |= dict.fromkeys(accounts.names(integration), "table")
    elif not names and above is not None and chain[-1] not in above.names():
        names = dict.fromkeys(above.table.names, "function")
    yield from _live_matches(reader, chain, names)


def _string_methods() -> Iterator[Match]:
    for entry in library().values():
        _, _, name = entry.name.partition("string.")
        if name:
            yield Match(name, "function", entry.signature)


def _typed_match(reader: TypeInferrer, name: str, meaning: InferredType | None) -> Match:
    """Return the match for a name with an inferred type."""
    match meaning:
        case FunctionDefinition(parameters=parameters):
            return Match(name, "function", f"{name}({', '.join(parameters)})")
        case NamePath() if function := reader.function_at(meaning):
            return Match(name, "function", function.signature)
        case NamePath(chain=chain) if integration_at(chain) or integration_at(chain[:-1]):
            return Match(name, "module")
    entry = library().get(reader.library_name(meaning))
    return Match(name, "function", entry.signature) if entry and "(" in entry.signature else Match(name, "instance")


def _live_matches(reader: TypeInferrer, chain: Chain, kinds: Mapping[str, str]) -> Iterator[Match]:
    """Yield the matches for the names that the live state has after a chain, with their kinds."""
    for name in sorted(kinds, key=lambda name: (name.startswith("_"), name.lower())):
        path, kind = (*chain, name), kinds[name]
        entry = library().get(".".join(map(str, path)))
        if entry is not None and kind in ("function", "table"):
            yield Match(name, "function", entry.signature) if kind == "function" else Match(name, "module")
        elif path[0] == NAMESPACE:
            function = reader.function_at(NamePath(path)) if kind == "function" else None
            yield Match(name, "function", function.signature) if function else Match(name, "module")
        elif kind.startswith("function"):
            parameters = kind.removeprefix("function")
            yield Match(name, "function", f"{name}{parameters}" if parameters else "")
        else:
            yield Match(name, "instance")


def _without_self(method: Match) -> Match:
    """Return a method as it is called after a colon."""
    return replace(method, signature=re.sub(r"\(self(, |(?=\)))", "(", method.signature, count=1))


# Named arguments of catalogue functions and library functions -------------------------------------
#
# Their values are completed from lists that this session has: the names of apps after `list_apps` was called. Nothing
# is requested. The names come from the service, so only those are offered that stay one text between quotes.


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


def _listed_values(reader: TypeInferrer, site: CallSite) -> Iterator[str]:
    """Yield the known values of the argument whose text is being typed, if a list of them was returned before."""
    path = reader.value(site.call.base)
    function = reader.function_at(path) if isinstance(path, NamePath) else None
    if function is None or not isinstance(path, NamePath):
        return
    params = [p for p in function.params if p.name == site.key] if site.table else function.params[site.position :]
    namespace = _namespace(reader, path.chain)
    if not params or namespace is None:
        return
    integration, alias = namespace
    listing = integration.listing(params[0])
    if listing is not None:
        for record in reader.state.last_list(integration.name, listing.name, alias):
            value = params[0].value_of_record(record)
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
    Argument("hour", "integer", "The hour."),
    Argument("min", "integer", "The minute."),
    Argument("sec", "integer", "The second."),
    Argument("isdst", "boolean", "Whether it is daylight saving time."),
)
_OPTIONS: dict[str, tuple[int, tuple[Argument, ...]]] = {
    "parallel.map": (2, _LIST_ARGUMENTS),
    "display": (1, (_ID,)),
    **{f"display.{form}": (1, (_ID, _UPDATE)) for form in ("html", "json", "markdown", "png", "svg")},
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
