"""Complete the name, string or argument at the cursor.

In a string that holds a page name, a table key, one of a few choices or a name that was listed before, these are
offered; after a dot or colon, the members of the value; between the braces of a call, its argument names; anywhere
else, the variables and keywords that the grammar allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from string import ascii_letters, digits

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function, Integration
from kosmo_kernel.docs import GUIDES, titles
from kosmo_kernel.editor.resolver import (
    CallResult,
    CallSite,
    Chain,
    LiveState,
    Meaning,
    NamePath,
    Resolver,
    Written,
    call_result_of,
    integration_at,
    library,
    takes,
)
from kosmo_kernel.safety.text import is_plain_in_quotes
from kosmo_kernel.values.lua_literals import KEYWORDS, is_lua_name
from kosmo_kernel.values.lua_tokens import tokens_of

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
    last = next(reversed(tokens_of(before)), None)
    start = len(before)
    matches: Iterator[Match] = iter(())
    if last is None or last.end < len(before) or last.kind == "mark" or (last.closed and last.kind == "string"):
        matches = _names(Resolver(before, live), code[cursor:])
    elif last.kind == "string":
        start -= len(last.text)
        matches = _strings(Resolver(before, live, account))
    elif last.kind in ("name", "keyword"):
        start = last.start
        matches = _names(Resolver(before[:start], live), code[cursor:])
    elif last.kind == "comment" and last.closed:
        matches = _names(Resolver(before, live), code[cursor:])
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


def _strings(resolver: Resolver) -> Iterator[Match]:
    """Yield what the string being typed can hold: a page name, a table key, one of a few words, a listed name."""
    source, at = resolver.source, resolver.source.size - 1
    site = next(resolver.calls_around(at), None)
    if source.words[source.opener[at]] == "[" and source.opener[at] == at - 1:
        yield from _members(resolver, resolver.before(at - 1))
        return
    if source.is_suffix(at):  # a call without brackets
        site = CallSite(at, 0, None, "")
    if site is None:
        return
    yield from (Match(value, "instance") for value in _listed_values(resolver, site))
    if site.key:
        yield from (Match(value, "param") for value in _argument(resolver, site).values)
        return
    name = resolver.library_name(resolver.before(site.at))
    if site.table is None and takes(name, site.position, "key", "test"):
        yield from (Match(column.name, "property") for column in _columns_of_items(resolver, site))
    if name in PAGE_READERS:
        yield from pages()
    yield from (Match(word, "param") for word in _WORDS.get((name, site.position), ()))


def _argument(resolver: Resolver, site: CallSite) -> Argument:
    """Return the argument whose value is being typed."""
    arguments = _arguments(resolver, site)
    return next((argument for argument in arguments if argument.name == site.key), Argument("", "", ""))


def _columns_of_items(resolver: Resolver, site: CallSite) -> tuple[Column, ...]:
    """Return the columns of the records in the list that is the first argument of a call."""
    item = resolver.item_of_call(site)
    if isinstance(item, NamePath):
        item = call_result_of(resolver.state.resolve(item.chain) or {})
    return item.columns if isinstance(item, CallResult) and not item.path else ()


def _names(resolver: Resolver, after_cursor: str) -> Iterator[Match]:
    """Yield what can stand where a name is being typed, after the text of the resolver."""
    source = resolver.source
    end = source.size
    mark = source.words[end - 1]
    if mark in (".", ":"):
        meaning = resolver.before(end - 1)
        members = _members(resolver, meaning)
        if mark == ":":  # only functions follow it, which get the value as their `self`
            functions = [_without_self(match) for match in members if match.type == "function"]
            members = iter(functions or _string_methods())
        yield from (match for match in members if is_lua_name(match.text))
        return
    if end and source.kinds[end - 1] == "number" and source.tokens[end - 1].end == len(source.code):
        return
    site = next(resolver.calls_around(end), None)
    if site and site.table is not None and site.table == source.opener[end] and mark in ("{", ",", ";"):
        yield from _argument_names(resolver, site, after_cursor)
    if site and site.key and mark == "=":
        yield from (Match(value, "param") for value in _argument(resolver, site).literals)
    variables = dict(resolver.state.names(()))
    for name, binding in resolver.visible_names().items():
        variables.pop(name, None)
        yield _written_match(resolver, name, binding.values[0] if binding.how == "function" else None)
    yield from _live_matches(resolver, (), variables)
    yield from (Match(word, "keyword") for word in sorted(KEYWORDS))


def _argument_names(resolver: Resolver, site: CallSite, after_cursor: str) -> Iterator[Match]:
    """Yield the arguments that a call does not have yet, where the cursor is between its braces."""
    existing = resolver.fields(site.table or 0)
    rest = after_cursor.lstrip(f"{ascii_letters}{digits}_").lstrip(" ")
    is_assigned = rest.startswith("=") and not rest.startswith("==")
    for argument in _arguments(resolver, site):
        if argument.name not in existing:
            name = argument.name if is_lua_name(argument.name) else f'["{argument.name}"]'
            yield Match(name if is_assigned else f"{name} = ", "param", f"{argument.name}: {argument.kind}")


def _arguments(resolver: Resolver, site: CallSite) -> tuple[Argument, ...]:
    """Return the fields that the table passed to a call can have."""
    callee = resolver.before(site.at)
    name = resolver.library_name(callee)
    if takes(name, site.position, "test"):
        return fields_of(_columns_of_items(resolver, site))
    if name:
        return options_of(name, site.position)
    if not isinstance(callee, NamePath) or site.position != 0:
        return ()
    if function := resolver.function_at(callee):
        return arguments_of(function)
    info = resolver.state.resolve(callee.chain) or {}
    return tuple(Argument(**argument) for argument in info.get("arguments", ()))


def _members(resolver: Resolver, meaning: Meaning) -> Iterator[Match]:
    """Yield what a value has, whether or not it can be written after a dot."""
    if isinstance(meaning, (NamePath, Written)):
        for binding in resolver.assigned(meaning):
            at = binding.values[min(binding.index, len(binding.values) - 1)] if binding.values else None
            yield _written_match(resolver, binding.path[-1], at)
    match meaning:
        case NamePath():
            yield from _live_members(resolver, meaning)
        case CallResult(many=False):
            yield from (Match(name, "property") for name in meaning.fields)
        case Written():
            for name, entry in resolver.fields(meaning.at).items():
                if entry.name:
                    yield _written_match(resolver, name, entry.value)


def _live_members(resolver: Resolver, path: NamePath) -> Iterator[Match]:
    """Yield the members that the live state has at a path, without any lookup that would send a request."""
    info = {} if path.chain[0] == NAMESPACE else resolver.state.resolve(path.chain) or {}
    if info.get("type") == "string":
        return  # its methods follow a colon, not a dot
    chain: Chain = tuple(str(info["space"]).split(".")) if info.get("space") else path.chain
    names = dict(resolver.state.names(chain))
    for match in _members(resolver, call_result_of(info)):
        names.pop(match.text, None)
        yield match
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if integration is not None:
        names |= dict.fromkeys(accounts.names(integration), "table")
    elif not names and above is not None and chain[-1] not in above.names():
        names = dict.fromkeys(above.table.names, "function")
    yield from _live_matches(resolver, chain, names)


def _string_methods() -> Iterator[Match]:
    for entry in library().values():
        _, _, name = entry.name.partition("string.")
        if name:
            yield Match(name, "function", entry.signature)


def _written_match(resolver: Resolver, name: str, at: int | None) -> Match:
    """Return the match for a name that the text sets to the expression that begins at a token."""
    if at is None or resolver.source.words[at] != "function":
        return Match(name, "instance")
    return Match(name, "function", f"{name}({', '.join(resolver.source.parameters(at))})")


def _live_matches(resolver: Resolver, chain: Chain, kinds: Mapping[str, str]) -> Iterator[Match]:
    """Yield the matches for the names that the live state has after a chain, with their kinds."""
    for name in sorted(kinds, key=lambda name: (name.startswith("_"), name.lower())):
        path, kind = (*chain, name), kinds[name]
        entry = library().get(".".join(map(str, path)))
        if entry is not None and kind in ("function", "table"):
            yield Match(name, "function", entry.signature) if kind == "function" else Match(name, "module")
        elif path[0] == NAMESPACE:
            function = resolver.function_at(NamePath(path)) if kind == "function" else None
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


def _listed_values(resolver: Resolver, site: CallSite) -> Iterator[str]:
    """Yield the known values of the argument whose text is being typed, if a list of them was returned before."""
    path = resolver.before(site.at)
    function = resolver.function_at(path)
    if function is None or not isinstance(path, NamePath):
        return
    params = [p for p in function.params if p.name == site.key] if site.key else function.params[site.position :]
    namespace = _namespace(resolver, path.chain)
    if not params or namespace is None:
        return
    integration, alias = namespace
    listing = integration.listing(params[0])
    if listing is not None:
        for record in resolver.state.last_list(integration.name, listing.name, alias):
            value = params[0].value_of_record(record)
            if isinstance(value, str) and is_plain_in_quotes(value):
                yield value


def _namespace(resolver: Resolver, chain: Chain) -> tuple[Integration, str] | None:
    """Return the integration of a function at a path, and the account that the path names, or an empty string."""
    above = chain[:-1]
    if above[:1] != ("app",):
        space = (resolver.state.resolve(above) or {}).get("space") if above else None
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
