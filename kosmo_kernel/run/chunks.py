"""The chunks that ran, for people: which line failed, what stands around it, who called whom, and how keys are ordered.

A table of Lua's has no order, so in which order people wrote its keys only the text knows, and which lines are one
expression as well. The text is read as tokens, when Lua asks for it, and of much text only the start is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from kosmo_kernel.lua.host import Frame

if TYPE_CHECKING:
    from kosmo_kernel.editor.tokens import Token

MAX_CHUNKS_KEPT = 200  # chunks whose text is kept
CONTEXT_LINES = 1  # lines shown before and after the one that failed
READ_MOST = 200_000  # characters of one text, and of all together, that are read as tokens: 6,000 lines
MAX_CONSTRUCTORS = 1_000  # of all texts, whose order Lua is told

Names = tuple[str, ...]
_LINE = re.compile(r"([0-9]{1,9}):")


class ChunkHistory:
    """The texts of the last chunks by name; a name that is used again means the newer text.

    How the older one orders its keys still counts: its tables may live on, and cells without a number share a name.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._ran: dict[str, None] = {}  # the texts by themselves, the last one last

    def add(self, name: str, text: str) -> None:
        """Remember a chunk."""
        for kept, key in ((self._texts, name), (self._ran, text)):
            kept.pop(key, None)
            while len(kept) >= MAX_CHUNKS_KEPT:
                kept.pop(next(iter(kept)))
        self._texts[name] = text
        self._ran[text] = None

    def text(self, name: str) -> str:
        """The text of a chunk; empty where it is not kept any more."""
        return self._texts.get(name, "")

    def key_orders(self) -> tuple[list[str], list[Names]]:
        """In which order the chunks name keys, the last chunk before those above it.

        Returns:
            All names, each once; and the names of each table constructor, of those that have the same ones the first.
        """
        names: dict[str, None] = {}
        constructors: dict[frozenset[str], Names] = {}
        left = READ_MOST
        for text in reversed(self._ran):
            if left <= 0 or len(constructors) >= MAX_CONSTRUCTORS:
                break
            found = keys(text[:left])
            left -= len(text)
            names.update(dict.fromkeys(chain.from_iterable(found)))
            for one in found:
                if len(one) > 1:
                    constructors.setdefault(frozenset(one), one)
        return list(names), list(constructors.values())[:MAX_CONSTRUCTORS]

    def concatenations(self, chunk: str, first: int, last: int) -> bool:
        """Tell whether a chunk joins with `..` over each break between two lines, counted from 1, as one expression."""
        text = self.text(chunk)[:READ_MOST]
        lines = text.split("\n")
        if not text or not 1 <= first <= last <= len(lines):
            return False
        start = sum(len(line) + 1 for line in lines[: first - 1])
        end = start + sum(len(line) + 1 for line in lines[first - 1 : last])
        tokens = _tokens(text)
        tokens = tokens[bisect_left(tokens, start, key=_start) : bisect_left(tokens, end, key=_start)]
        code = [token for token in tokens if token.kind != "comment"]
        breaks = [(a, b) for a, b in pairwise(code) if "\n" in text[a.end : b.start]]
        return all(_joins(a) or _joins(b) for a, b in breaks)

    def place(self, message: str, stack: Sequence[Frame]) -> tuple[int | None, str]:
        """Line and chunk that an error came from, by its message where that names them, else by the stack."""
        for name in self._texts:
            if message.startswith(f"{name}:"):
                number = _LINE.match(message, len(name) + 1)
                if number:
                    return int(number[1]), name
        if stack:
            return stack[0].line, stack[0].chunk
        return None, ""

    def excerpt(self, chunk: str, line: int | None) -> str:
        """A line of a chunk with its neighbours, marked as IPython marks it; empty where it is not known."""
        lines = self._texts.get(chunk, "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return ""
        shown = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
        return "\n".join(f"{'----> ' if number == line else '      '}{number} {lines[number - 1]}" for number in shown)

    def stack(self, frames: Sequence[Frame]) -> tuple[str, ...]:
        """The calls that led to an error, innermost first; empty when there was none."""
        if len(frames) < 2:
            return ()
        return tuple(f"{frame.chunk}:{frame.line}: in {frame.name}" for frame in frames)


_start = attrgetter("start")


def _tokens(text: str) -> list[Token]:
    from kosmo_kernel.editor.tokens import tokens_of

    return tokens_of(text)


def _joins(token: Token) -> bool:
    return token.kind == "mark" and token.text == ".."


@lru_cache(maxsize=64)
def keys(text: str) -> tuple[Names, ...]:
    """The names of keys in a text, as it has them: those of each table constructor, and each that gets a value later.

    `{ a = 1, ["b c"] = 2 }` are two together; `row.total = 3` and `row["total"] = 3` are one alone.
    """
    return tuple(_keys(_tokens(text))) if "=" in text else ()


# What opens something that may have statements or keys inside, and what closes it.
_OPENING = frozenset(("(", "[", "{", "function", "do", "if", "repeat"))
_CLOSING = frozenset((")", "]", "}", "end", "until"))
_IN_FRONT = frozenset(("{", ",", ";"))  # of a key


def _keys(tokens: Sequence[Token]) -> Iterator[Names]:
    code = [token for token in tokens if token.kind != "comment"]
    words = ["" if token.kind == "string" else token.text for token in code]
    found: list[dict[str, None]] = []  # in the order in which the text begins them
    inside: list[dict[str, None] | None] = [None]  # what is open: the names of a constructor, None for anything else
    for at, word in enumerate(words):
        if word in _OPENING:
            constructor: dict[str, None] | None = {} if word == "{" else None
            inside.append(constructor)
            if constructor is not None:
                found.append(constructor)
        elif word in _CLOSING and len(inside) > 1:
            inside.pop()
        elif word == "=" and at > 1:
            constructor, name, before = inside[-1], *_key(code, words, at - 1)
            if name and constructor is None and words[before] in (".", "["):
                found.append({name: None})
            elif name and constructor is not None and words[before - (words[before] == "[")] in _IN_FRONT:
                constructor[name] = None
    yield from map(tuple, filter(None, found))


def _key(code: Sequence[Token], words: Sequence[str], at: int) -> tuple[str, int]:
    """The name that ends at a token, empty for none, and the token in front of it: `.name` or `["name"]`."""
    if code[at].kind == "name":
        return words[at], at - 1
    if at > 1 and words[at] == "]" and code[at - 1].kind == "string" and "\\" not in code[at - 1].text:
        return code[at - 1].text, at - 2
    return "", at
