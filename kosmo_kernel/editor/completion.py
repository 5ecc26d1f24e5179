"""What can stand at the cursor.

Inside a string that names a page or a key, pages and keys; behind a dot or colon, what is there; between
the braces of a call, the names of its arguments; everywhere else variables and keywords.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import RESERVED
from kosmo_kernel.editor.library import KEYWORDS, library
from kosmo_kernel.editor.meaning import Answer, Live, Meaning, Place, Reader, Text, namespace_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE_READERS = (("docs", "read"), ("lua_read_doc",))
NAMESPACE = "app"

_ASSIGNED = re.compile(r"\w*\s*=(?!=)")


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


def complete(code: str, cursor: int, live: Live) -> Completion:
    """What can stand at the cursor.

    Args:
        code: the whole text.
        cursor: the number of characters in front of the cursor.
        live: the Lua state, for names that exist only there.

    Raises:
        KosmoError: the Lua state cannot be asked.
    """
    before = code[:cursor]
    reader = Reader(before, live)
    last = reader.tokens[-1] if reader.tokens else None
    if reader.in_comment:
        return Completion((), cursor, cursor)
    if last is not None and last.kind == "string" and not last.closed and last.end == cursor:
        start = cursor - len(last.text)
        return Completion(_fitting(_strings(reader), last.text), start, cursor)
    end = len(reader.tokens)
    prefix = ""
    if last is not None and last.end == cursor and last.kind in ("name", "keyword"):
        prefix = last.text
        end -= 1
    mark = reader.text(end - 1)
    if mark in (".", ":"):
        found = _members(reader, reader.meaning_until(end - 1), methods=mark == ":")
    elif last is not None and last.end == cursor and last.kind == "number":
        found = iter(())
    else:
        found = _names(reader, end, assigned=bool(_ASSIGNED.match(code, cursor)))
    return Completion(_fitting(found, prefix), cursor - len(prefix), cursor)


def _fitting(found: Iterable[Match], prefix: str) -> tuple[Match, ...]:
    """Those that go on from what was typed, each once."""
    return tuple({m.text: m for m in found if m.text.startswith(prefix)}.values())


def _strings(reader: Reader) -> Iterator[Match]:
    """What the string can hold that is being typed: a page's name, or the key of a table."""
    place = len(reader.tokens) - 1
    opening = reader.text(place - 1)
    if opening == "[":
        yield from _members(reader, reader.meaning_until(place - 1), methods=False)
        return
    meaning = reader.meaning_until(place - 1 if opening == "(" else place)
    if isinstance(meaning, Place) and meaning.chain in PAGE_READERS:
        for integration in integrations.everything():
            yield Match(integration.name, "path")
            yield from (Match(f"{integration.name}.{function.name}", "path") for function in integration.functions)


def _members(reader: Reader, meaning: Meaning | None, *, methods: bool) -> Iterator[Match]:
    """What can follow a dot, or a colon, behind a meaning."""
    match meaning:
        case Place(chain=chain):
            if methods and (reader.live.resolve(chain) or {}).get("type") == "string":
                yield from _string_methods()
                return
            for name, kind in sorted(reader.live.names(chain), key=_by_name) or _functions_of_account(chain):
                if kind == "function" or not methods:
                    yield _match(reader, (*chain, name), kind)
        case Answer(many=False) if not methods:
            depth = len(meaning.path)
            for column in meaning.function.columns:
                if column.path[:depth] == meaning.path and len(column.path) > depth:
                    yield Match(column.path[depth], "property")
        case Text() if methods:
            yield from _string_methods()


def _functions_of_account(chain: tuple[str, ...]) -> list[tuple[str, str]]:
    """What an account has, which Lua itself does not know before it is first used."""
    integration = namespace_at(chain[:-1])
    if integration is None or chain[-1] in integration.names():
        return []
    return [(function.name, "function") for function in integration.functions]


def _string_methods() -> Iterator[Match]:
    for entry in library().values():
        _, _, name = entry.name.partition("string.")
        if name:
            yield Match(name, "function", entry.signature)


def _names(reader: Reader, end: int, *, assigned: bool) -> Iterator[Match]:
    """What can start an expression: argument names where they belong, then variables, then keywords."""
    yield from _arguments(reader, end, assigned=assigned)
    variables = dict(reader.live.names(()))
    for name in reader.bound_names(end):
        variables.setdefault(name, "local")
    for name, kind in sorted(variables.items(), key=_by_name):
        yield _match(reader, (name,), kind)
    for word in KEYWORDS:
        yield Match(word, "keyword")


def _arguments(reader: Reader, end: int, *, assigned: bool) -> Iterator[Match]:
    """The arguments that a call does not have yet, where the cursor is between its braces and a name may stand."""
    name_end, bracket = next(reader.calls_around(end), (0, 0))
    if reader.text(bracket) != "{" or bracket != reader.opener(end) or reader.text(end - 1) not in ("{", ",", ";"):
        return
    meaning = reader.meaning_until(name_end)
    function = reader.function_at(meaning) if isinstance(meaning, Place) else None
    if function is None:
        return
    given = {reader.text(at) for at in range(bracket, end) if reader.text(at + 1) == "="}
    reserved = RESERVED if function.fan_out else ()
    for name in (*(param.name for param in function.params), *reserved):
        if name not in given:
            yield Match(name if assigned else f"{name} = ", "param")


def _match(reader: Reader, chain: tuple[str, ...], kind: str) -> Match:
    """The match for a name of the live state."""
    entry = library().get(".".join(chain))
    if entry is not None:
        kind = "module" if kind == "table" else kind
        signature = entry.signature if kind == "function" else ""
        return Match(chain[-1], kind if kind in ("function", "module") else "instance", signature)
    if chain[0] == NAMESPACE:
        function = reader.function_at(Place(chain)) if kind == "function" else None
        return Match(chain[-1], "function" if function else "module", function.signature if function else "")
    return Match(chain[-1], "function" if kind == "function" else "instance")


def _by_name(name: tuple[str, str]) -> tuple[bool, str]:
    return name[0].startswith("_"), name[0].lower()
