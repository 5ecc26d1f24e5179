"""Complete the name, string or argument at the cursor.

In a string that holds a page name, a table key, one of a few choices or a name that was listed before, these are
offered; after a dot or colon, the members of the value; between the braces of a call, its argument names; anywhere
else, the variables and keywords that the grammar allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from string import ascii_letters, digits

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function
from kosmo_kernel.docs import GUIDES, titles
from kosmo_kernel.editor.resolver import (
    CallResult,
    CallSite,
    Chain,
    LiveState,
    Meaning,
    Resolver,
    Written,
    call_result_of,
    integration_at,
    library,
    takes,
)
from kosmo_kernel.safety.text import is_plain_in_quotes
from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_literals import KEYWORDS, is_lua_name
from kosmo_kernel.values.lua_source import WHOLE, Binding, TableEntry

_WORD = lazy_pattern(r"\w*")
_LONGEST_NAMESPACE = 4  # names in `app.integrations.heroku.production`


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
    start = len(before) - len(_WORD.match(before[::-1])[0])  # type: ignore[index] # it matches an empty text
    start = len(before) if before[start : start + 1].isdigit() else start
    resolver = Resolver(before[:start], live, account)
    last = resolver.source.last
    matches: Iterator[Match] = iter(())
    if last and last.kind == "string" and not last.closed:
        start -= len(last.text)
        matches = _strings(resolver)
    elif last is None or last.end < start or last.kind == "mark" or (last.closed and last.kind != "number"):
        matches = _names(resolver, code[cursor:])
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
    if source.words[source.opener[at]] == "[" and source.opener[at] == at - 1:
        yield from _members(resolver, resolver.before(at - 1))
        return
    # A string after a name is a call without brackets.
    site = CallSite(at, 0, None, "") if source.is_suffix(at) else next(resolver.calls_around(at), None)
    if site is None:
        return
    name = resolver.library_name(resolver.before(site.at))
    yield from _listed_values(resolver, site)
    yield from (Match(value, "param") for value in argument_at(resolver, site, site.key).values)
    if site.table is None and takes(name, site.position, "key", "test"):
        yield from (Match(column.name, "property") for column in _columns_of_items(resolver, site))
    if name in ("docs.read", "lua_read_doc"):
        yield from pages()
    yield from (Match(word, "param") for word in _WORDS.get((name, site.position), ()) if not site.key)


def _columns_of_items(resolver: Resolver, site: CallSite) -> tuple[Column, ...]:
    """Return the columns of the records in the list that is the first argument of a call."""
    item = resolver.item(resolver.value(site.at + 1))
    if isinstance(item, tuple):
        item = call_result_of(resolver.state.resolve(item))
    return item.columns if isinstance(item, CallResult) and not item.path else ()


def _names(resolver: Resolver, after_cursor: str) -> Iterator[Match]:
    """Yield what can stand where a name is being typed, after the text of the resolver."""
    source = resolver.source
    end, mark = source.size, source.words[source.size - 1]
    if mark in (".", ":"):
        members = _members(resolver, resolver.before(end - 1))
        if mark == ":":  # only functions follow it, which get the value as their `self`
            functions = [
                replace(match, signature=re.sub(r"\(self(, |(?=\)))", "(", match.signature, count=1))
                for match in members
                if match.type == "function"
            ]
            strings = (entry for entry in library().values() if entry.name.startswith("string."))
            members = iter(functions or [Match(e.name.partition(".")[2], "function", e.signature) for e in strings])
        yield from (match for match in members if is_lua_name(match.text))
        return
    if site := next(resolver.calls_around(end), None):
        if site.table is not None and site.table == source.opener[end] and mark in ("{", ",", ";"):
            yield from _argument_names(resolver, site, after_cursor)
        elif site.key and mark == "=":
            argument = argument_at(resolver, site, site.key)
            literals = ("true", "false") if argument.kind == "boolean" else (f'"{value}"' for value in argument.values)
            yield from (Match(literal, "param") for literal in literals)
    variables = dict(resolver.state.names(()))
    blocks = {WHOLE, *source.around(end)}
    visible = ([b for b in own if b.block in blocks and len(b.path) == 1] for own in source.bindings.values())
    latest = sorted((own[-1] for own in visible if own), key=attrgetter("target"), reverse=True)
    names = {binding.path[0]: binding for binding in latest if binding.path[0]}
    for name, binding in names.items():
        variables.pop(name, None)
        yield _written_match(resolver, name, binding)
    yield from _live_matches((), variables)
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


def _members(resolver: Resolver, meaning: Meaning) -> Iterator[Match]:
    """Yield what a value has, whether or not it can be written after a dot."""
    for binding in resolver.assigned(meaning):
        yield _written_match(resolver, binding.path[-1], binding)
    match meaning:
        case CallResult(many=False):
            yield from (Match(name, "property") for name in meaning.fields)
        case Written():
            for name, entry in resolver.fields(meaning.at).items():
                if entry.name:
                    yield _written_match(resolver, name, entry)
        case tuple():
            yield from _live_members(resolver, meaning)


def _live_members(resolver: Resolver, path: Chain) -> Iterator[Match]:
    """Yield the members that the live state has at a path, without any lookup that would send a request."""
    info = {} if path[0] == "app" else resolver.state.resolve(path)
    if info.get("type") == "string":
        return  # its methods follow a colon, not a dot
    chain = resolver.state.namespace(path)
    names = dict(resolver.state.names(chain))
    for match in _members(resolver, call_result_of(info)):
        names.pop(match.text, None)
        yield match
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if integration is not None:
        names |= dict.fromkeys(accounts.names(integration), "table")
    elif not names and above is not None and chain[-1] not in above.names():
        names = dict.fromkeys(above.table.names, "function")
    yield from _live_matches(chain, names)


def _written_match(resolver: Resolver, name: str, setting: Binding | TableEntry) -> Match:
    """Return the match for a name that the text sets."""
    if resolver.source.words[setting.value] != "function":
        return Match(name, "instance")
    return Match(name, "function", f"{name}({', '.join(resolver.source.parameters(setting.value))})")


def _live_matches(chain: Chain, kinds: Mapping[str, str]) -> Iterator[Match]:
    """Yield the matches for the names that the live state has after a chain, with their kinds."""
    owner = integration_at(chain[:3]) if len(chain) <= _LONGEST_NAMESPACE else None
    functions = owner.names() if owner else {}
    for name in sorted(kinds, key=lambda name: (name.startswith("_"), name.lower())):
        path, kind = (*chain, name), kinds[name]
        entry = library().get(".".join(map(str, path)))
        described = (entry or functions.get(name)) if kind == "function" else None
        if described is not None:
            yield Match(name, "function", described.signature)
        elif path[0] == "app" or (entry is not None and kind == "table"):
            yield Match(name, "module")
        elif kind.startswith("function"):
            parameters = kind.removeprefix("function")
            yield Match(name, "function", f"{name}{parameters}" if parameters else "")
        else:
            yield Match(name, "instance")


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


def arguments_of(function: Function) -> tuple[Argument, ...]:
    """Return the arguments of a catalogue function in its order; then `errors` and `limit`, if it takes a list."""
    own = (Argument(p.name, f"{p.kind} or list" if p.each else p.kind, p.doc, p.required) for p in function.params)
    return (*own, *(_LIST_ARGUMENTS if function.fan_out else ()))


def _arguments(resolver: Resolver, site: CallSite) -> tuple[Argument, ...]:
    """Return the fields that the table passed to a call can have."""
    callee = resolver.before(site.at)
    if function := resolver.function_at(callee):
        return arguments_of(function) if site.position == 0 or site.table is None else ()
    name = resolver.library_name(callee)
    if takes(name, site.position, "test"):
        columns = _columns_of_items(resolver, site)
        names = dict.fromkeys(column.path[0] for column in columns)
        return tuple(Argument(name, "field", "") for name in names)
    position, options = _OPTIONS.get(name, (0, ()))
    if name or not isinstance(callee, tuple):
        return options if position == site.position else ()
    described = resolver.state.resolve(callee).get("arguments", ()) if site.position == 0 else ()
    return tuple(Argument(**argument) for argument in described)


def argument_at(resolver: Resolver, site: CallSite, name: str) -> Argument:
    """Return the argument of a call with a name, or the one at the position of a call without a table."""
    function = resolver.function_at(resolver.before(site.at))
    if function is not None and site.table is None and site.position < len(function.params):
        name = function.params[site.position].name
    arguments = _arguments(resolver, site)
    return next((argument for argument in arguments if argument.name == name), Argument("", "", ""))


def _listed_values(resolver: Resolver, site: CallSite) -> Iterator[Match]:
    """Yield the known values of the argument whose text is being typed, if a list of them was returned before."""
    path = resolver.before(site.at)
    function, name = resolver.function_at(path), argument_at(resolver, site, site.key).name
    param = next((param for param in function.params if param.name == name), None) if function else None
    if param is None or not isinstance(path, tuple):
        return
    above = resolver.state.namespace(path[:-1])
    integration, account = integration_at(above[:3]), str(above[3]) if len(above) > 3 else ""
    listing = integration.listing(param) if integration else None
    if integration is not None and listing is not None:
        for record in resolver.state.last_list(integration.name, listing.name, account):
            value = param.value_of_record(record)
            if isinstance(value, str) and is_plain_in_quotes(value):
                yield Match(value, "instance")


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
