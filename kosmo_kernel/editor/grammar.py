"""What may stand at a place of a Lua text: names, or which keywords; and how far the next line is indented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kosmo_kernel.editor.outline import Outline
from kosmo_kernel.editor.paths import BRACKETS, CONSTANTS, OPENING, OPERATORS, WHOLE
from kosmo_kernel.editor.tokens import first_token, tokens_of

STEP = "  "  # what a block is indented by, where the text has no way of its own
_BEGIN = ("local", "function", "if", "for", "while", "repeat", "do", "return", "goto")
_START = ("function", "not", "nil", "true", "false")  # of an expression, besides names
_GO_ON = ("and", "or")
_ATTRIBUTES = ("const", "close")
_CLOSING = frozenset((*OPENING, "end", "else", "elseif", "until"))
_OPENED = (";", "do", "then", "else", "repeat")  # a statement follows


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may come next.

    Parameters:
        keywords: those that fit, likeliest first.
        names: whether a variable fits.
        others: names that fit and are no variables: labels, attributes.
    """

    keywords: tuple[str, ...] = ()
    names: bool = False
    others: tuple[str, ...] = ()


_WANT = {"local": Allowed(("function",)), "function": Allowed(names=True), "for": Allowed()}


def allowed(outline: Outline, end: int, *, same_line: bool) -> Allowed:
    """What may come next in a text.

    Args:
        outline: the text.
        end: the token that would be it.
        same_line: whether it stands on the line of the token before.
    """
    special = _special(outline, end)
    if special is not None:
        return special
    opener, word = outline.inside[end], outline.word(end - 1)
    if _is_value(outline, end - 1):
        return _behind_value(outline, opener, same_line=same_line)
    if end == 0 or word in (*_OPENED, "end", "::") or _ends_head(outline, end - 1):
        return Allowed(tuple(_statement(outline, opener)), names=True)
    if word == "break":
        return Allowed(tuple(_endings(outline, opener)))
    endings = tuple(_endings(outline, opener)) if word == "return" else ()
    return Allowed((*_START, *endings), names=True)


def _behind_value(outline: Outline, opener: int, *, same_line: bool) -> Allowed:
    """The expression goes on; or it ends, and with it what it stands in."""
    if opener != WHOLE and outline.words[opener] in BRACKETS:
        return Allowed(_GO_ON, names=not same_line)  # a comma may have been forgotten
    if waiting := outline.waiting():
        return Allowed((*waiting, *_GO_ON))
    return Allowed((*_GO_ON, *_statement(outline, opener)), names=True)


def indent(code: str) -> str:
    """What the line after an unfinished text starts with."""
    everything = tokens_of(f"{code}\n")
    tokens = [token for token in everything if token.kind != "comment"]
    if not tokens or not everything[-1].closed:
        return ""  # inside of a text or comment every blank counts
    lines = code[: everything[-1].end].split("\n")
    before = _blank(lines[-1])
    outline = Outline(tokens)
    opener = outline.inside[-1]
    if opener == WHOLE:
        return before + (STEP if outline.waiting() else "")
    above = _blank(lines[code.count("\n", 0, tokens[opener].start)])
    if len(before) > len(above) and not _continues(outline, len(tokens) - 1):
        return before
    return (before if len(before) > len(above) else above) + _step(lines)


def closes(line: str) -> bool:
    """Whether a line begins with what ends a block or a bracket."""
    first = first_token(line)
    return first is not None and first.kind in ("keyword", "mark") and first.text in _CLOSING


def _special(outline: Outline, end: int) -> Allowed | None:
    """Where the grammar wants a name of a certain kind; None elsewhere."""
    word = outline.word(end - 1)
    if word in _WANT:
        return _WANT[word]
    if word == "goto":
        return Allowed(others=tuple(outline.labels))
    if word == "::" and outline.word(end - 3) != "::":
        return Allowed()  # a label that is new
    return _of_new_names(outline, end, word)


def _of_new_names(outline: Outline, end: int, word: str) -> Allowed | None:
    """Between names that are only made up there: of locals, loop variables, parameters."""
    header = next((h for h in reversed(outline.headers) if h.mark == end and h.names), None)
    if header is not None:
        return Allowed() if word == "," else Allowed(("in",))
    opener = outline.inside[end]
    if outline.word(opener) == "(" and outline.is_definition(opener):
        return Allowed()
    if word in (",", "<") and _start_of_names(outline, end) is not None:
        return Allowed(others=_ATTRIBUTES if word == "<" else ())
    return None


def _start_of_names(outline: Outline, end: int) -> int | None:
    """The `local` in front of the names that a place is between; None where it is elsewhere."""
    at = end - 1
    while outline.kind(at) == "name" or outline.word(at) in (",", "<", ">"):
        at -= 1
    return at if outline.word(at) == "local" else None


def _is_value(outline: Outline, at: int) -> bool:
    """Whether an expression may end with a token."""
    word = outline.word(at)
    if word == ")" and _ends_head(outline, at):
        return False
    if word == "end":
        opener = next((o for o, c in outline.partners.items() if c == at), WHOLE)
        return outline.word(opener) == "function" and outline.kind(opener + 1) != "name"
    return outline.kind(at) in ("name", "string", "number") or word in OPENING or word in CONSTANTS


def _ends_head(outline: Outline, at: int) -> bool:
    """Whether a token is the bracket behind the parameters of a function."""
    opener = outline.opener_of(at) if outline.word(at) == ")" else None
    return opener is not None and outline.is_definition(opener)


def _statement(outline: Outline, opener: int) -> Iterator[str]:
    yield from _BEGIN
    if any(word == "repeat" or outline.is_loop(at) for at, word in _around(outline, opener)):
        yield "break"
    yield from _endings(outline, opener)


def _endings(outline: Outline, opener: int) -> Iterator[str]:
    """The keywords that end the block around a place."""
    word = outline.word(opener)
    if word == "repeat":
        yield "until"
    elif opener != WHOLE:
        yield "end"
    if word == "then":
        yield from ("else", "elseif")


def _around(outline: Outline, opener: int) -> Iterator[tuple[int, str]]:
    """The blocks around a place, up to the function that it is in."""
    while opener != WHOLE and outline.words[opener] != "function":
        yield opener, outline.words[opener]
        opener = outline.inside[opener]


def _continues(outline: Outline, at: int) -> bool:
    """Whether the line after a token goes on with what the token has begun."""
    word = outline.word(at)
    return word in OPERATORS or word in BRACKETS or word in (*_OPENED[1:], "=", "function") or _ends_head(outline, at)


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _step(lines: list[str]) -> str:
    """What the text indents its blocks by."""
    return min(filter(None, map(_blank, lines)), key=len, default=STEP)
