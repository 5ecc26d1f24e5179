"""The source text of recent chunks: for excerpts around errors, stack traces and the order of table keys.

A Lua table has no order, so the order in which its keys were written is read from the text. So is whether several lines
are one expression. The text is parsed when Lua requests it, up to `MAX_CHARACTERS_PARSED` characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from types import ModuleType

from kosmo_kernel.lua.host import Frame

MAX_CHUNKS_KEPT = 200
CONTEXT_LINES = 1  # lines shown before and after the failed one
MAX_CHARACTERS_PARSED = 200_000  # characters parsed, of one text and of all together: about 6,000 lines
MAX_CONSTRUCTORS = 1_000  # table constructors of all texts whose key order is sent to Lua


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
            if "=" in oldest or "function" in oldest:
                self._assigned_before |= _facts().assigned_fields(oldest[:MAX_CHARACTERS_PARSED])
        self._texts[name] = text
        self._ran[text] = None

    def text(self, name: str) -> str:
        """Return the text of a chunk; empty if it is no longer kept."""
        return self._texts.get(name, "")

    def assigns(self, name: str) -> bool:
        """Return whether a chunk assigns a field of this name, or may do so beyond what is parsed of it.

        It does with `row.seen = true` and `row["seen"] = true`.
        """
        return name in self._assigned_before or any(
            name in text and (name in text[MAX_CHARACTERS_PARSED:] or name in _facts().assigned_fields(_start(text)))
            for text in self._ran
        )

    def sets(self, name: str) -> bool:
        """Return whether a chunk sets or declares a variable of this name, or may do so beyond what is parsed of it."""
        return any(
            name in text and (name in text[MAX_CHARACTERS_PARSED:] or name in _facts().set_variables(_start(text)))
            for text in self._ran
        )

    def names_item(self, item: str) -> bool:
        """Return whether a chunk has a text as a string: `"my-app"`, `'my-app'` or `[[my-app]]`."""
        quoted = [f"{before}{item}{after}" for before, after in ('""', "''", "[]")]
        return any(item in text and any(string in text for string in quoted) for text in self._ran)

    def key_orders(self) -> tuple[list[str], list[tuple[str, ...]]]:
        """Return the order of table keys in the chunks, the latest chunk first.

        Returns:
            All names without duplicates, and the names of each table constructor. Of constructors with the same set of
            names, only the first counts.
        """
        names: dict[str, None] = {}
        constructors: dict[frozenset[str], tuple[str, ...]] = {}
        remaining = MAX_CHARACTERS_PARSED
        for text in reversed(self._ran):
            if remaining <= 0 or len(constructors) >= MAX_CONSTRUCTORS:
                break
            groups = _facts().keys(text[:remaining]) if "=" in text else ()
            remaining -= len(text)
            names.update(dict.fromkeys(chain.from_iterable(groups)))
            for group in groups:
                if len(group) > 1:
                    constructors.setdefault(frozenset(group), group)
        return list(names), list(constructors.values())[:MAX_CONSTRUCTORS]

    def concatenations(self, chunk: str, first: int, last: int) -> bool:
        """Return whether `..` joins each of the lines `first` to `last` of a chunk, counted from 1, to the next."""
        from kosmo_kernel.lua_syntax.tokens import tokens_of

        text = _start(self.text(chunk))
        lines = text.split("\n")
        if not text or not 1 <= first <= last <= len(lines):
            return False
        start = sum(len(line) + 1 for line in lines[: first - 1])
        end = start + sum(len(line) + 1 for line in lines[first - 1 : last])
        tokens = [token for token in tokens_of(text) if token.kind != "comment"]
        tokens = [token for token in tokens if start <= token.start < end]
        breaks = [(a, b) for a, b in pairwise(tokens) if "\n" in text[a.end : b.start]]
        return all(_JOIN in (a[:2], b[:2]) for a, b in breaks)

    def excerpt(self, chunk: str, line: int | None) -> str:
        """Return a line of a chunk with its neighbours, marked as in IPython; empty if the line is unknown."""
        lines = self._texts.get(chunk, "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return ""
        numbers = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
        return "\n".join(
            f"{'----> ' if number == line else '      '}{number} {lines[number - 1]}" for number in numbers
        )

    def stack(self, frames: Sequence[Frame]) -> tuple[str, ...]:
        """Return the calls that led to an error, innermost first; empty if there were none."""
        if len(frames) < 2:
            return ()
        return tuple(f"{frame.chunk}:{frame.line}: in {frame.name}" for frame in frames)


_JOIN = ("mark", "..")  # kind and text of the token


def _facts() -> ModuleType:
    from kosmo_kernel.lua_syntax import facts  # when a script needs it

    return facts


def _start(text: str) -> str:
    return text[:MAX_CHARACTERS_PARSED]
