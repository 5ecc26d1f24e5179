"""The source text of recent chunks: for excerpts around errors, stack traces and the order of table keys.

A Lua table has no order, so the order in which its keys were written is read from the text. So is whether several lines
are one expression. The text is tokenized when Lua requests it, up to `MAX_CHARACTERS_TOKENIZED` characters.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from kosmo_kernel.lua.host import Frame

if TYPE_CHECKING:
    from kosmo_kernel.editor.tokens import Token

MAX_CHUNKS_KEPT = 200
CONTEXT_LINES = 1  # lines shown before and after the failed one
MAX_CHARACTERS_TOKENIZED = 200_000  # characters tokenized, of one text and of all together: about 6,000 lines
OPENING_BRACKETS = ("(", "[", "{")
CLOSING_BRACKETS = (")", "]", "}")
MAX_CONSTRUCTORS = 1_000  # table constructors of all texts whose key order is sent to Lua

Names = tuple[str, ...]


class ChunkHistory:
    """The texts of the last chunks by name; a reused name refers to the newer text.

    The key order of the older text is kept: its tables may still exist, and cells without a number share a name.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._ran: dict[str, None] = {}  # the distinct texts, the latest last
        self._assigned_before: set[str] = set()  # fields that texts which are no longer kept assign

    def add(self, name: str, text: str) -> None:
        """Keep the text of a chunk."""
        self._texts.pop(name, None)
        self._ran.pop(text, None)
        while len(self._texts) >= MAX_CHUNKS_KEPT:
            self._texts.pop(next(iter(self._texts)))
        while len(self._ran) >= MAX_CHUNKS_KEPT:
            oldest = next(iter(self._ran))
            del self._ran[oldest]
            self._assigned_before |= _fields_before_equals(oldest)
        self._texts[name] = text
        self._ran[text] = None

    def text(self, name: str) -> str:
        """Return the text of a chunk; empty if it is no longer kept."""
        return self._texts.get(name, "")

    def assigns(self, name: str) -> bool:
        """Return whether a chunk assigns a field of this name: `row.seen = true` or `row["seen"] = true`."""
        return name in self._assigned_before or any(_assigns(text, name) for text in self._ran)

    def names_item(self, item: str) -> bool:
        """Return whether a chunk has a text as a string: `"my-app"`, `'my-app'` or `[[my-app]]`."""
        return any(item in text and _has_string(text, item) for text in self._ran)

    def key_orders(self) -> tuple[list[str], list[Names]]:
        """Return the order of table keys in the chunks, the latest chunk first.

        Returns:
            All names without duplicates, and the names of each table constructor. Of constructors with the same set of
            names, only the first counts.
        """
        names: dict[str, None] = {}
        constructors: dict[frozenset[str], Names] = {}
        remaining = MAX_CHARACTERS_TOKENIZED
        for text in reversed(self._ran):
            if remaining <= 0 or len(constructors) >= MAX_CONSTRUCTORS:
                break
            groups = keys(text[:remaining])
            remaining -= len(text)
            names.update(dict.fromkeys(chain.from_iterable(groups)))
            for group in groups:
                if len(group) > 1:
                    constructors.setdefault(frozenset(group), group)
        return list(names), list(constructors.values())[:MAX_CONSTRUCTORS]

    def concatenations(self, chunk: str, first: int, last: int) -> bool:
        """Return whether `..` joins each of the lines `first` to `last` of a chunk, counted from 1, to the next."""
        text = self.text(chunk)[:MAX_CHARACTERS_TOKENIZED]
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

    def excerpt(self, chunk: str, line: int | None) -> str:
        """Return a line of a chunk with its neighbours, marked as in IPython; empty if the line is unknown."""
        lines = self._texts.get(chunk, "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return ""
        shown = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
        return "\n".join(f"{'----> ' if number == line else '      '}{number} {lines[number - 1]}" for number in shown)

    def sets(self, name: str) -> bool:
        """Return whether a chunk sets or declares a variable of this name."""
        return any(name in text and name in _set_variables(text) for text in self._ran)

    def stack(self, frames: Sequence[Frame]) -> tuple[str, ...]:
        """Return the calls that led to an error, innermost first; empty if there were none."""
        if len(frames) < 2:
            return ()
        return tuple(f"{frame.chunk}:{frame.line}: in {frame.name}" for frame in frames)


_start = attrgetter("start")


def _has_string(text: str, item: str) -> bool:
    return any(f"{before}{item}{after}" in text for before, after in (('"', '"'), ("'", "'"), ("[", "]")))


def _tokens(text: str) -> list[Token]:
    from kosmo_kernel.editor.tokens import tokens_of

    return tokens_of(text)


def code_of(text: str) -> tuple[list[Token], list[str]]:
    """Return the tokens of a text without comments, and what is written in each; nothing for strings."""
    code = [token for token in _tokens(text) if token.kind != "comment"]
    return code, ["" if token.kind == "string" else token.text for token in code]


def masked_text(source: str) -> str:
    r"""Return a text with the characters inside its strings and comments replaced by `\x01`; line ends stay."""
    characters = list(source)
    for token in _tokens(source):
        inner = {"string": (1, 1), "comment": (2, 0)}.get(token.kind)
        if inner:
            for at in range(token.start + inner[0], token.end - inner[1] * token.closed):
                if characters[at] != "\n":
                    characters[at] = "\x01"
    return "".join(characters)


def _joins(token: Token) -> bool:
    return token.kind == "mark" and token.text == ".."


_ONE_TARGET = re.compile(r"(?<![\w.:])(\w+)\s*=(?!=)|\bfunction(?=\s+(\w+))")
_TARGET = re.compile(r"(?<![\w.:])(\w+)\s*,")
_LOCAL = re.compile(r"\blocal\s")
_FOR = re.compile(r"\bfor\s")
_IN = re.compile(r"\bin\b")
_PARAMETERS = re.compile(r"(?<![\w.:])function\s*[\w.:]*\(")
_LINE_OR_EQUALS, _PARENTHESIS, _WORD = re.compile(r"[\n=]"), re.compile(r"\)"), re.compile(r"\w+")


@lru_cache(maxsize=MAX_CHUNKS_KEPT)
def _set_variables(text: str) -> frozenset[str]:
    """Return the variables that a text may set or declare, from its letters alone.

    Each part of the text is read once, because a script of any kind may be meant to keep this process busy.
    """
    found = {one or function for one, function in _ONE_TARGET.findall(text)}
    end_of_line = last_equals = -1
    for match in _TARGET.finditer(text):  # `a, b = …`
        if match.end() > end_of_line:
            end_of_line = (text.find("\n", match.end()) + 1 or len(text) + 1) - 1
            last_equals = text.rfind("=", match.end(), end_of_line)
        if last_equals >= match.end():
            found.add(match[1])
    for names in _parts(text, _LOCAL, _LINE_OR_EQUALS):
        found.update(_WORD.findall(names))
    for names in _parts(text, _FOR, _LINE_OR_EQUALS):
        *_, last_in = (0, *(match.start() for match in _IN.finditer(names)))
        found.update(_WORD.findall(names, 0, last_in))
    for names in _parts(text, _PARAMETERS, _PARENTHESIS):
        found.update(_WORD.findall(names))
    return frozenset(found)


def _parts(text: str, beginning: re.Pattern[str], ending: re.Pattern[str]) -> Iterator[str]:
    """Yield the parts of a text between two patterns; of parts with the same end only the longest."""
    end = -1
    for match in beginning.finditer(text):
        if match.end() > end:
            ended = ending.search(text, match.end())
            end = ended.start() if ended else len(text)
            yield text[match.end() : end]


_ASSIGNED = re.compile(r"""\.\s*([^\W\d]\w*)\s*(?:=(?!=)|,)|\[\s*["']([^"'\\\n]*)["']\s*\]\s*(?:=(?!=)|,)""")


def _fields_before_equals(text: str) -> set[str]:
    """Return the fields that a text may assign, from its letters alone: those before `=` or a comma."""
    return {dotted or quoted for dotted, quoted in _ASSIGNED.findall(text)}


def _assigns(text: str, name: str) -> bool:
    if name not in text:  # most texts need not be tokenized
        return False
    rest = text[MAX_CHARACTERS_TOKENIZED:]
    return name in assigned_fields(text[:MAX_CHARACTERS_TOKENIZED]) or name in _fields_before_equals(rest)


@lru_cache(maxsize=64)
def assigned_fields(text: str) -> frozenset[str]:
    """Return the names of the fields that a text assigns, including those of functions: `function row.total()`."""
    return frozenset(_assigned_fields(*code_of(text)))


def _assigned_fields(code: Sequence[Token], words: Sequence[str]) -> Iterator[str]:
    opened_at = openers(words)
    open_ = [""]
    for at, word in enumerate(words):
        if word in _OPENING:
            open_.append(word)
        elif word in _CLOSING and len(open_) > 1:
            open_.pop()
        elif word == "=" and at > 1 and open_[-1] != "{":
            yield from _targets(code, words, at - 1, opened_at)
        if word == "function":
            end = at + 1
            while end < len(words) and words[end] != "(":
                end += 1
            if end - 2 > at and words[end - 2] in (".", ":"):
                yield words[end - 1]


def _targets(code: Sequence[Token], words: Sequence[str], at: int, opened_at: Mapping[int, int]) -> Iterator[str]:
    """Yield the fields among the targets of an assignment, `a.b, c["d"] = …`, the last of which ends at a token."""
    while at > 1:
        name, before = _key(code, words, at)
        if name and words[before] in (".", "["):
            yield name
        at = start_of(code, words, at, opened_at) - 1
        if words[max(at, 0)] != ",":
            return
        at -= 1


def openers(words: Sequence[str]) -> dict[int, int]:
    """Return the place of the opening bracket for that of each closing one; 0 if there is none."""
    places: dict[int, int] = {}
    open_: list[int] = []
    for at, word in enumerate(words):
        if word in OPENING_BRACKETS:
            open_.append(at)
        elif word in CLOSING_BRACKETS:
            places[at] = open_.pop() if open_ else 0
    return places


def start_of(code: Sequence[Token], words: Sequence[str], at: int, opened_at: Mapping[int, int]) -> int:
    """Return the first token of the name, with its fields, indexes and calls, that ends at a token.

    Parameters:
        code, words: the text, as `code_of` returns it.
        at: the last token.
        opened_at: the places of its brackets, as `openers` returns them.
    """
    while at > 0:
        if words[at] in CLOSING_BRACKETS:
            at = opened_at[at]
            if at > 0 and (code[at - 1].kind in ("name", "string") or words[at - 1] in (")", "]")):
                at -= 1
                continue
            return at
        if at > 1 and words[at - 1] in (".", ":"):
            at -= 2
            continue
        if code[at].kind == "string" and (code[at - 1].kind == "name" or words[at - 1] in (")", "]")):
            at -= 1
            continue
        return at
    return at


@lru_cache(maxsize=64)
def keys(text: str) -> tuple[Names, ...]:
    """Return the names of keys in a text, in its order: one group per table constructor, and one per assigned field.

    `{ a = 1, ["b c"] = 2 }` is a group of two names; `row.total = 3` and `row["total"] = 3` are groups of one.
    """
    return tuple(_keys(*code_of(text))) if "=" in text else ()


# The tokens that open and close a construct with statements or keys inside.
_OPENING = frozenset(("(", "[", "{", "function", "do", "if", "repeat"))
_CLOSING = frozenset((")", "]", "}", "end", "until"))
_BEFORE_KEY = frozenset(("{", ",", ";"))


def _keys(code: Sequence[Token], words: Sequence[str]) -> Iterator[Names]:
    groups: list[dict[str, None]] = []  # in the order of their starts
    open_: list[dict[str, None] | None] = [None]  # open constructs: the names of a constructor, None for others
    for at, word in enumerate(words):
        if word in _OPENING:
            constructor: dict[str, None] | None = {} if word == "{" else None
            open_.append(constructor)
            if constructor is not None:
                groups.append(constructor)
        elif word in _CLOSING and len(open_) > 1:
            open_.pop()
        elif word == "=" and at > 1:
            constructor, name, before = open_[-1], *_key(code, words, at - 1)
            if name and constructor is None and words[before] in (".", "["):
                groups.append({name: None})
            elif name and constructor is not None and words[before - (words[before] == "[")] in _BEFORE_KEY:
                constructor[name] = None
    yield from map(tuple, filter(None, groups))


def _key(code: Sequence[Token], words: Sequence[str], at: int) -> tuple[str, int]:
    """Return the name of the key that ends at a token (`.name` or `["name"]`), or "", and the index before it."""
    if code[at].kind == "name":
        return words[at], at - 1
    if at > 1 and words[at] == "]" and code[at - 1].kind == "string" and "\\" not in code[at - 1].text:
        return code[at - 1].text, at - 2
    return "", at
