"""The indentation of the line after an unfinished Lua text."""

from __future__ import annotations

from kosmo_kernel.lua_syntax.parser import CLOSING, OPERATORS, WHOLE, parse
from kosmo_kernel.lua_syntax.tokens import tokens_of

STEP = "  "  # indentation of a block, if the text has no indentation of its own
_CLOSING = frozenset((*CLOSING.values(), "end", "else", "elseif", "until"))
_CONTINUED = OPERATORS | {*CLOSING, "do", "then", "else", "repeat", "=", "function"}  # after which a line continues


def indent(code: str) -> str:
    """Return the indentation of the line after an unfinished text."""
    everything, tree = tokens_of(f"{code}\n"), parse(code)
    if not tree.tokens or not everything[-1].closed:
        return ""  # in a string or comment, whitespace is content
    lines = code[: everything[-1].end].split("\n")
    before = _blank(lines[-1])
    if tree.opener == WHOLE:
        return before + (STEP if tree.missing_keyword else "")
    above = _blank(lines[code.count("\n", 0, tree.tokens[tree.opener].start)])
    last = len(tree.tokens) - 1
    if len(before) > len(above) and tree.words[last] not in _CONTINUED and last not in tree.heads:
        return before
    step = min(filter(None, map(_blank, lines)), key=len, default=STEP)  # that the text uses
    return (before if len(before) > len(above) else above) + step


def closes(line: str) -> bool:
    """Return whether a line begins with a token that closes a block or a bracket."""
    first = next(iter(tokens_of(line)), None)
    return first is not None and first.kind in ("keyword", "mark") and first.text in _CLOSING


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
