"""What can stand at the cursor.

Inside a string that names a page, a key or a choice, those; behind a dot or colon, what is there; between
the braces of a call, the names of its arguments; everywhere else the variables and keywords that fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kosmo_kernel import accounts, integrations
from kosmo_kernel.docs import GUIDES
from kosmo_kernel.editor.arguments import Argument, arguments_of, options_of, words_of
from kosmo_kernel.editor.grammar import allowed
from kosmo_kernel.editor.inference import CallSite, TypeInferrer
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
    answer_of,
    integration_at,
)

PAGE_READERS = ("docs.read", "lua_read_doc")
NAMESPACE = "app"
SELF = "self, "


@dataclass(frozen=True, slots=True)
class Match:
    """One way to go on.

    Parameters:
        text: what takes the place of what was typed.
        type: `function`, `module`, `instance`, `keyword`, `param`, `property` or `path`, for the front end's icon.
        signature: how it is called, or empty.
    """

    text: str
    type: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """The ways to go on, best first, and the part of the text that each would fill."""

    matches: tuple[Match, ...]
    start: int
    end: int


def complete(code: str, cursor: int, live: LiveState | None) -> Completion:
    """What can stand at the cursor. No text is an error.

    Args:
        code: the whole text.
        cursor: the number of characters in front of the cursor.
        live: the Lua state, for names that exist only there; None where nothing has run.
    """
    before = code[:cursor]
    last = next(reversed(tokens_of(before)), None)
    if last is None or last.end < len(before):
        found, start = _names(TypeInferrer(before, live), code[cursor:]), len(before)
    elif last.kind == "comment" and not last.closed:
        found, start = iter(()), len(before)
    elif last.kind == "string" and not last.closed:
        start = len(before) - len(last.text)
        found = _strings(TypeInferrer(before, live))
    else:
        start = last.start if last.kind in ("name", "keyword") else len(before)
        is_number = last.kind == "number"
        found = iter(()) if is_number else _names(TypeInferrer(before[:start], live), code[cursor:])
    return Completion(fitting(found, before[start:]), start, len(before))


def fitting(found: Iterable[Match], prefix: str) -> tuple[Match, ...]:
    """Those that go on from what was typed, each once; in whatever case, where none does so exactly."""
    matches = {match.text: match for match in found}.values()
    exact = tuple(match for match in matches if match.text.startswith(prefix))
    return exact or tuple(match for match in matches if match.text.lower().startswith(prefix.lower()))


def pages() -> Iterator[Match]:
    """The pages of the reference."""
    for integration in integrations.everything():
        yield Match(integration.name, "path")
        yield from (Match(f"{integration.name}.{f.name}", "path", f.signature) for f in integration.functions)
    yield from (Match(name, "path") for name in GUIDES)


def _strings(reader: TypeInferrer) -> Iterator[Match]:
    """What the string can hold that is being typed: a page's name, the key of a table, one of a few words."""
    place = len(reader.tokens) - 1
    opening = reader.outline.word(place - 1)
    if opening == "[":
        yield from _members(reader, reader.meaning_until(place - 1), place, methods=False, in_quotes=True)
        return
    if reader.outline.can_be_called(place - 1):
        name, position = reader.library_name(reader.meaning_until(place)), 0
    else:
        call = next(reader.calls_around(place), None)
        if call is None:
            return
        if call.key:
            for argument in _arguments(reader, call):
                if argument.name == call.key:
                    yield from (Match(value, "param") for value in argument.values)
            return
        name, position = reader.library_name(reader.meaning_until(call.end)), call.position
    if name in PAGE_READERS:
        yield from pages()
    yield from (Match(word, "param") for word in words_of(name, position))


def _names(reader: TypeInferrer, behind: str) -> Iterator[Match]:
    """What can stand where a name is being typed.

    Args:
        reader: the text in front of the name.
        behind: the text behind the cursor.
    """
    end = len(reader.tokens)
    mark = reader.outline.word(end - 1)
    if mark in (".", ":"):
        yield from _members(reader, reader.meaning_until(end - 1), end, methods=mark == ":")
        return
    yield from _argument_names(reader, end, behind)
    yield from _argument_values(reader, end)
    between = reader.code[reader.tokens[-1].end :] if reader.tokens else ""
    fits = allowed(reader.outline, end, same_line="\n" not in between)
    yield from (Match(name, "keyword") for name in fits.others)
    if fits.names:
        variables = dict(reader.state.names(()))
        for name in dict.fromkeys(reader.outline.names(end)):
            variables.pop(name, None)
            yield _bound(reader, name, end)
        for name, kind in sorted(variables.items(), key=_by_name):
            yield _match(reader, (name,), kind)
    yield from (Match(word, "keyword") for word in fits.keywords)


def _argument_names(reader: TypeInferrer, end: int, behind: str) -> Iterator[Match]:
    """The arguments that a call does not have yet, where the cursor is between its braces and a name may stand."""
    call = next(reader.calls_around(end), None)
    words, inside = reader.outline.words, reader.outline.inside
    if call is None or call.brace is None or call.brace != inside[end] or words[end - 1] not in ("{", ",", ";"):
        return
    given = {words[at - 1] for at in range(call.brace, end) if words[at] == "=" and inside[at] == call.brace}
    rest = behind.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_").lstrip(" ")
    is_assigned = rest.startswith("=") and not rest.startswith("==")
    for argument in _arguments(reader, call):
        if argument.name not in given:
            text = argument.name if is_assigned else f"{argument.name} = "
            yield Match(text, "param", f"{argument.name}: {argument.kind}")


def _argument_values(reader: TypeInferrer, end: int) -> Iterator[Match]:
    """The values that an argument can have, behind its `=`, where those are few."""
    call = next(reader.calls_around(end), None)
    if call is None or not call.key or reader.outline.words[end - 1] != "=":
        return
    for argument in _arguments(reader, call):
        if argument.name == call.key:
            yield from (Match(literal, "param") for literal in argument.literals)


def _arguments(reader: TypeInferrer, call: CallSite) -> tuple[Argument, ...]:
    """The names that the table can have which a call gets."""
    meaning = reader.meaning_until(call.end)
    name = reader.library_name(meaning)
    if name:
        return options_of(name, call.position)
    if not isinstance(meaning, NamePath) or call.position != 0:
        return ()
    function = reader.function_at(meaning)
    if function is None:
        known = reader.state.resolve(meaning.chain) or {}
        return tuple(Argument(**one) for one in known.get("arguments", ()))
    return arguments_of(function)


def _members(
    reader: TypeInferrer, meaning: InferredType | None, end: int, *, methods: bool, in_quotes: bool = False
) -> Iterator[Match]:
    """What can follow a dot or a colon, or stand in quotes between brackets, behind a meaning."""
    if methods and reader.is_text(meaning):
        yield from _string_methods()
        return
    match meaning:
        case NamePath(chain=chain):
            yield from _given(reader, str(chain[0]), tuple(map(str, chain[1:])), end, methods=methods)
            yield from _live_members(reader, meaning, methods=methods, in_quotes=in_quotes)
        case CallResult(many=False) if not methods:
            yield from (Match(name, "property") for name in meaning.fields)
        case ErrorFields(many=False) if not methods:
            yield from (Match(column.name, "property") for column in meaning.columns)
        case TableLiteral():
            if meaning.owner:
                yield from _given(reader, meaning.owner, meaning.path, end, methods=methods)
            yield from _made_members(reader, meaning, methods=methods, in_quotes=in_quotes)
        case Union(parts=parts):
            for part in parts:
                yield from _members(reader, part, end, methods=methods, in_quotes=in_quotes)


def _given(
    reader: TypeInferrer, owner: Binding | str, path: tuple[str, ...], end: int, *, methods: bool
) -> Iterator[Match]:
    """The fields that the text gives to a table after it was made."""
    for binding in reader.outline.fields(owner, end):
        if binding.path[: len(path)] == path and len(binding.path) == len(path) + 1:
            match = _of_meaning(reader, binding.path[-1], reader.bound(binding), methods=methods)
            if match.type == "function" or not methods:
                yield match


def _made_members(reader: TypeInferrer, table: TableLiteral, *, methods: bool, in_quotes: bool) -> Iterator[Match]:
    """The fields that a table of the text is made with."""
    for name, span in reader.fields_of(table).items():
        if name.isdecimal() or not (in_quotes or name.isidentifier()):
            continue
        match = _of_meaning(reader, name, reader.value(*span), methods=methods)
        if match.type == "function" or not methods:
            yield match


def _live_members(reader: TypeInferrer, place: NamePath, *, methods: bool, in_quotes: bool) -> Iterator[Match]:
    """What the live state has behind a place, without a look at what only a request would tell."""
    known = {} if place.chain[0] == NAMESPACE else reader.state.resolve(place.chain) or {}
    if known.get("type") == "string":
        return  # its methods stand behind a colon
    chain: Chain = tuple(str(known["space"]).split(".")) if known.get("space") else place.chain
    names = dict(reader.state.names(chain))
    answer = answer_of(known)
    if answer is not None and not methods:
        for match in _members(reader, answer, 0, methods=False):
            names.pop(match.text, None)
            yield match
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if integration is not None:
        names |= dict.fromkeys(accounts.names(integration), "table")
    elif not names and above is not None and chain[-1] not in above.names():
        names = dict.fromkeys((function.name for function in above.functions), "function")
    for name, kind in sorted(names.items(), key=_by_name):
        if (kind.startswith("function") or not methods) and (in_quotes or name.isidentifier()):
            yield _match(reader, (*chain, name), kind, methods=methods)


def _string_methods() -> Iterator[Match]:
    for entry in library().values():
        _, _, name = entry.name.partition("string.")
        if name:
            yield Match(name, "function", entry.signature)


def _bound(reader: TypeInferrer, name: str, end: int) -> Match:
    """The match for a name that the text binds."""
    return _of_meaning(reader, name, reader.named(name, end), methods=False)


def _of_meaning(reader: TypeInferrer, name: str, meaning: InferredType | None, *, methods: bool) -> Match:
    """The match for a name that stands for something."""
    match meaning:
        case FunctionLiteral(at=at):
            return Match(name, "function", _call(name, reader.parameters(at), methods=methods))
        case NamePath() if function := reader.function_at(meaning):
            return Match(name, "function", function.signature)
        case NamePath(chain=chain) if integration_at(chain) or integration_at(chain[:-1]):
            return Match(name, "module")
    entry = library().get(reader.library_name(meaning))
    return Match(name, "function", entry.signature) if entry and "(" in entry.signature else Match(name, "instance")


def _match(reader: TypeInferrer, chain: Chain, kind: str, *, methods: bool = False) -> Match:
    """The match for a name of the live state."""
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
    """How a function of the user's is called; behind a colon without the object."""
    if methods:
        parameters = "" if parameters == SELF.rstrip(", ") else parameters.removeprefix(SELF)
    return f"{name}({parameters})"


def _by_name(name: tuple[str, str]) -> tuple[bool, str]:
    return name[0].startswith("_"), name[0].lower()
