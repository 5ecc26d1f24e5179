"""Complete the name, string or argument at the cursor.

In a string that holds a page name, a table key, one of a few choices or a name that was listed before, these are
offered; after a dot or colon, the members of the value; between the braces of a call, its argument names; anywhere
else, the variables and keywords that the grammar allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import ascii_letters, digits

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Column
from kosmo_kernel.docs import GUIDES, titles
from kosmo_kernel.editor.argument_values import listed_values
from kosmo_kernel.editor.arguments import Argument, arguments_of, fields_of, options_of, words_of
from kosmo_kernel.editor.grammar import allowed
from kosmo_kernel.editor.inference import LIST_KEYS, LIST_TESTS, CallSite, TypeInferrer
from kosmo_kernel.editor.library import library
from kosmo_kernel.editor.live import LiveState
from kosmo_kernel.editor.outline import Binding
from kosmo_kernel.editor.tokens import tokens_of
from kosmo_kernel.editor.types import (
    CallResult,
    Chain,
    ErrorFields,
    FunctionLiteral,
    InferredType,
    NamePath,
    TableLiteral,
    Union,
    call_result_of,
    integration_at,
)
from kosmo_kernel.values.lua_syntax import is_lua_name

PAGE_READERS = ("docs.read", "lua_read_doc")
NAMESPACE = "app"
SELF = "self, "


@dataclass(frozen=True, slots=True)
class Match:
    """One completion.

    Parameters:
        text: what replaces the typed prefix.
        type: `function`, `module`, `instance`, `keyword`, `param`, `property` or `path`; selects the front end's icon.
        signature: how it is called, or empty.
    """

    text: str
    type: str
    signature: str = ""


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


def filter_matches(found: Iterable[Match], prefix: str) -> tuple[Match, ...]:
    """Return the matches that continue a prefix, without duplicates; case is ignored only if none matches exactly."""
    matches = {match.text: match for match in found}.values()
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
    place = len(reader.tokens) - 1
    opening, call = reader.outline.word(place - 1), None
    if opening == "[":
        yield from _members(reader, reader.type_before(place - 1), place, methods=False, in_quotes=True)
        return
    if reader.outline.can_be_called(place - 1):
        name, position = reader.library_name(reader.type_before(place)), 0
    else:
        call = next(reader.calls_around(place), None)
        if call is None:
            return
        yield from (Match(value, "instance") for value in listed_values(reader, call))
        if call.key:
            for argument in _arguments(reader, call):
                if argument.name == call.key:
                    yield from (Match(value, "param") for value in argument.values)
            return
        name, position = reader.library_name(reader.type_before(call.end)), call.position
    if name in PAGE_READERS:
        yield from pages()
    elif call is not None and call.brace is None and {**LIST_KEYS, **LIST_TESTS}.get(name) == position:
        yield from (Match(column.name, "property") for column in _columns_of_items(reader, call))
    yield from (Match(word, "param") for word in words_of(name, position))


def _columns_of_items(reader: TypeInferrer, call: CallSite) -> tuple[Column, ...]:
    """Return the columns of the records in the list that is the first argument of a call."""
    item = reader.item_of_call(call)
    if isinstance(item, NamePath):
        item = reader.call_result_at(item)
    return item.columns if isinstance(item, CallResult) and not item.path else ()


def _names(reader: TypeInferrer, after_cursor: str) -> Iterator[Match]:
    """Yield what can stand where a name is being typed, after the text of the reader."""
    end = len(reader.tokens)
    mark = reader.outline.word(end - 1)
    if mark in (".", ":"):
        yield from _members(reader, reader.type_before(end - 1), end, methods=mark == ":")
        return
    yield from _argument_names(reader, end, after_cursor)
    yield from _argument_values(reader, end)
    between = reader.code[reader.tokens[-1].end :] if reader.tokens else ""
    fits = allowed(reader.outline, end, same_line="\n" not in between)
    yield from (Match(name, "keyword") for name in fits.others)
    if fits.names:
        variables = dict(reader.state.names(()))
        for name in dict.fromkeys(reader.outline.names(end)):
            variables.pop(name, None)
            yield _typed_match(reader, name, reader.type_of_name(name, end), methods=False)
        for name, kind in sorted(variables.items(), key=_by_name):
            yield _live_match(reader, (name,), kind)
    yield from (Match(word, "keyword") for word in fits.keywords)


def _argument_names(reader: TypeInferrer, end: int, after_cursor: str) -> Iterator[Match]:
    """Yield the arguments that a call does not have yet, if the cursor is between its braces where a name can stand."""
    call = next(reader.calls_around(end), None)
    words, inside = reader.outline.words, reader.outline.inside
    if call is None or call.brace is None or call.brace != inside[end] or words[end - 1] not in ("{", ",", ";"):
        return
    existing_keys = {words[at - 1] for at in range(call.brace, end) if words[at] == "=" and inside[at] == call.brace}
    rest = after_cursor.lstrip(f"{ascii_letters}{digits}_").lstrip(" ")
    is_assigned = rest.startswith("=") and not rest.startswith("==")
    for argument in _arguments(reader, call):
        if argument.name not in existing_keys:
            name = argument.name if is_lua_name(argument.name) else f'["{argument.name}"]'
            yield Match(name if is_assigned else f"{name} = ", "param", f"{argument.name}: {argument.kind}")


def _argument_values(reader: TypeInferrer, end: int) -> Iterator[Match]:
    """Yield the values of an argument after its `=`, if there are only a few."""
    call = next(reader.calls_around(end), None)
    if call is None or not call.key or reader.outline.words[end - 1] != "=":
        return
    for argument in _arguments(reader, call):
        if argument.name == call.key:
            yield from (Match(literal, "param") for literal in argument.literals)


def _arguments(reader: TypeInferrer, call: CallSite) -> tuple[Argument, ...]:
    """Return the fields that the table passed to a call can have."""
    meaning = reader.type_before(call.end)
    name = reader.library_name(meaning)
    if LIST_TESTS.get(name) == call.position:
        return fields_of(_columns_of_items(reader, call))
    if name:
        return options_of(name, call.position)
    if not isinstance(meaning, NamePath) or call.position != 0:
        return ()
    function = reader.function_at(meaning)
    if function is None:
        info = reader.state.resolve(meaning.chain) or {}
        return tuple(Argument(**argument) for argument in info.get("arguments", ()))
    return arguments_of(function)


def _members(
    reader: TypeInferrer, meaning: InferredType | None, end: int, *, methods: bool, in_quotes: bool = False
) -> Iterator[Match]:
    """Yield what can follow a value after a dot or colon, or stand in quotes between brackets."""
    if methods and reader.is_text(meaning):
        yield from _string_methods()
        return
    match meaning:
        case NamePath(chain=chain):
            yield from _assigned_members(reader, str(chain[0]), tuple(map(str, chain[1:])), end, methods=methods)
            yield from _live_members(reader, meaning, methods=methods, in_quotes=in_quotes)
        case CallResult(many=False) if not methods:
            yield from (Match(name, "property") for name in meaning.fields if in_quotes or is_lua_name(name))
        case ErrorFields(many=False) if not methods:
            yield from (Match(column.name, "property") for column in meaning.columns)
        case TableLiteral():
            if meaning.owner:
                yield from _assigned_members(reader, meaning.owner, meaning.path, end, methods=methods)
            yield from _constructor_members(reader, meaning, methods=methods, in_quotes=in_quotes)
        case Union(parts=parts):
            for part in parts:
                yield from _members(reader, part, end, methods=methods, in_quotes=in_quotes)


def _assigned_members(
    reader: TypeInferrer, owner: Binding | str, path: tuple[str, ...], end: int, *, methods: bool
) -> Iterator[Match]:
    """Yield the fields that the text assigns to a table after its creation."""
    for binding in reader.outline.fields(owner, end):
        if binding.path[: len(path)] == path and len(binding.path) == len(path) + 1:
            match = _typed_match(reader, binding.path[-1], reader.type_of_binding(binding), methods=methods)
            if match.type == "function" or not methods:
                yield match


def _constructor_members(
    reader: TypeInferrer, table: TableLiteral, *, methods: bool, in_quotes: bool
) -> Iterator[Match]:
    """Yield the fields in a table constructor of the text."""
    for name, span in reader.fields_of(table).items():
        if name.isdecimal() or not (in_quotes or is_lua_name(name)):
            continue
        match = _typed_match(reader, name, reader.value(*span), methods=methods)
        if match.type == "function" or not methods:
            yield match


def _live_members(reader: TypeInferrer, place: NamePath, *, methods: bool, in_quotes: bool) -> Iterator[Match]:
    """Yield the members that the live state has at a path, without any lookup that would send a request."""
    info = {} if place.chain[0] == NAMESPACE else reader.state.resolve(place.chain) or {}
    if info.get("type") == "string":
        return  # its methods follow a colon, not a dot
    chain: Chain = tuple(str(info["space"]).split(".")) if info.get("space") else place.chain
    names = dict(reader.state.names(chain))
    answer = call_result_of(info)
    if answer is not None and not methods:
        for match in _members(reader, answer, 0, methods=False):
            names.pop(match.text, None)
            yield match
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if integration is not None:
        names |= dict.fromkeys(accounts.names(integration), "table")
    elif not names and above is not None and chain[-1] not in above.names():
        names = dict.fromkeys(above.table.names, "function")
    for name, kind in sorted(names.items(), key=_by_name):
        if (kind.startswith("function") or not methods) and (in_quotes or is_lua_name(name)):
            yield _live_match(reader, (*chain, name), kind, methods=methods)


def _string_methods() -> Iterator[Match]:
    for entry in library().values():
        _, _, name = entry.name.partition("string.")
        if name:
            yield Match(name, "function", entry.signature)


def _typed_match(reader: TypeInferrer, name: str, meaning: InferredType | None, *, methods: bool) -> Match:
    """Return the match for a name with an inferred type."""
    match meaning:
        case FunctionLiteral(at=at):
            return Match(name, "function", _call(name, reader.parameters(at), methods=methods))
        case NamePath() if function := reader.function_at(meaning):
            return Match(name, "function", function.signature)
        case NamePath(chain=chain) if integration_at(chain) or integration_at(chain[:-1]):
            return Match(name, "module")
    entry = library().get(reader.library_name(meaning))
    return Match(name, "function", entry.signature) if entry and "(" in entry.signature else Match(name, "instance")


def _live_match(reader: TypeInferrer, chain: Chain, kind: str, *, methods: bool = False) -> Match:
    """Return the match for a name in the live state."""
    name = str(chain[-1])
    entry = library().get(".".join(map(str, chain)))
    if entry is not None and kind in ("function", "table"):
        return Match(name, "function", entry.signature) if kind == "function" else Match(name, "module")
    if chain[0] == NAMESPACE:
        function = reader.function_at(NamePath(chain)) if kind == "function" else None
        return Match(name, "function", function.signature) if function else Match(name, "module")
    if not kind.startswith("function"):
        return Match(name, "instance")
    _, has_parameters, parameters = kind.partition("(")
    signature = _call(name, parameters.removesuffix(")"), methods=methods) if has_parameters else ""
    return Match(name, "function", signature)


def _call(name: str, parameters: str, *, methods: bool) -> str:
    """Return the signature of a user's function; after a colon without `self`."""
    if methods:
        parameters = "" if parameters == SELF.rstrip(", ") else parameters.removeprefix(SELF)
    return f"{name}({parameters})"


def _by_name(name: tuple[str, str]) -> tuple[bool, str]:
    return name[0].startswith("_"), name[0].lower()
