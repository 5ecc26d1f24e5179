"""The names and keywords that Lua's grammar allows at a position, and the indentation of the next line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kosmo_kernel.editor.outline import BRACKETS, CONSTANTS, OPENING, OPERATORS, WHOLE, Outline
from kosmo_kernel.editor.tokens import first_token, tokens_of

STEP = "  "  # indentation of a block, if the text has no indentation of its own
_STATEMENT_STARTS = ("local", "function", "if", "for", "while", "repeat", "do", "return", "goto")
_EXPRESSION_STARTS = ("function", "not", "nil", "true", "false")  # what an expression starts with, besides names
_LOGICAL_OPERATORS = ("and", "or")
_ATTRIBUTES = ("const", "close")
_CLOSING = frozenset((*OPENING, "end", "else", "elseif", "until"))
_BEFORE_STATEMENT = (";", "do", "then", "else", "repeat")  # what a statement can follow
_CONTINUED = OPERATORS | BRACKETS | {*_BEFORE_STATEMENT[1:], "=", "function"}  # after which a line continues


@dataclass(frozen=True, slots=True)
class Allowed:
    """The tokens that the grammar allows next.

    Parameters:
        keywords: most likely first.
        names: whether a variable is allowed.
        others: allowed names that are not variables: labels, attributes.
    """

    keywords: tuple[str, ...] = ()
    names: bool = False
    others: tuple[str, ...] = ()


_BY_PREVIOUS_WORD = {"local": Allowed(("function",)), "function": Allowed(names=True), "for": Allowed()}


def allowed(outline: Outline, end: int, *, same_line: bool) -> Allowed:
    """Return what can come next in a text.

    Parameters:
        outline: the text.
        end: the index that the next token would have.
        same_line: whether that token is on the line of the one before it.
    """
    special = _special(outline, end)
    if special is not None:
        return special
    opener, word = outline.inside[end], outline.word(end - 1)
    if _is_value(outline, end - 1):
        return _after_value(outline, opener, same_line=same_line)
    if end == 0 or word in (*_BEFORE_STATEMENT, "end", "::") or _ends_head(outline, end - 1):
        return Allowed(tuple(_statement(outline, opener)), names=True)
    if word == "break":
        return Allowed(tuple(_endings(outline, opener)))
    endings = tuple(_endings(outline, opener)) if word == "return" else ()
    return Allowed((*_EXPRESSION_STARTS, *endings), names=True)


def _after_value(outline: Outline, opener: int, *, same_line: bool) -> Allowed:
    """Return what can follow a value: an operator, a new statement, or the end of the enclosing block."""
    if opener != WHOLE and outline.words[opener] in BRACKETS:
        return Allowed(_LOGICAL_OPERATORS, names=not same_line)  # on a new line the comma may just be missing
    if waiting := outline.missing_keyword():
        return Allowed((*waiting, *_LOGICAL_OPERATORS))
    return Allowed((*_LOGICAL_OPERATORS, *_statement(outline, opener)), names=True)


def indent(code: str) -> str:
    """Return the indentation of the line after an unfinished text."""
    everything = tokens_of(f"{code}\n")
    tokens = [token for token in everything if token.kind != "comment"]
    if not tokens or not everything[-1].closed:
        return ""  # in a string or comment, whitespace is content
    lines = code[: everything[-1].end].split("\n")
    before = _blank(lines[-1])
    outline = Outline(tokens)
    opener = outline.inside[-1]
    if opener == WHOLE:
        return before + (STEP if outline.missing_keyword() else "")
    above = _blank(lines[code.count("\n", 0, tokens[opener].start)])
    if len(before) > len(above) and not _continues(outline, len(tokens) - 1):
        return before
    return (before if len(before) > len(above) else above) + _step(lines)


def closes(line: str) -> bool:
    """Return whether a line begins with a token that closes a block or a bracket."""
    first = first_token(line)
    return first is not None and first.kind in ("keyword", "mark") and first.text in _CLOSING


def _special(outline: Outline, end: int) -> Allowed | None:
    """Return what is allowed where the grammar requires a certain kind of name, or None elsewhere."""
    word = outline.word(end - 1)
    if word in _BY_PREVIOUS_WORD:
        return _BY_PREVIOUS_WORD[word]
    if word == "goto":
        return Allowed(others=tuple(outline.labels))
    if word == "::" and outline.word(end - 3) != "::":
        return Allowed()  # a new label
    return _among_new_names(outline, end, word)


def _among_new_names(outline: Outline, end: int, word: str) -> Allowed | None:
    """Return what is allowed among names being declared: locals, loop variables, parameters."""
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
    """Return the index of the `local` whose names surround a position, or None."""
    at = end - 1
    while outline.kind(at) == "name" or outline.word(at) in (",", "<", ">"):
        at -= 1
    return at if outline.word(at) == "local" else None


def _is_value(outline: Outline, at: int) -> bool:
    """Return whether an expression can end with a token."""
    word = outline.word(at)
    if word == ")" and _ends_head(outline, at):
        return False
    if word == "end":
        opener = next((o for o, c in outline.partners.items() if c == at), WHOLE)
        return outline.word(opener) == "function" and outline.kind(opener + 1) != "name"
    return outline.kind(at) in ("name", "string", "number") or word in OPENING or word in CONSTANTS


def _ends_head(outline: Outline, at: int) -> bool:
    """Return whether a token is the bracket after the parameters of a function."""
    opener = outline.opener_of(at) if outline.word(at) == ")" else None
    return opener is not None and outline.is_definition(opener)


def _statement(outline: Outline, opener: int) -> Iterator[str]:
    yield from _STATEMENT_STARTS
    if any(word == "repeat" or outline.is_loop(at) for at, word in _around(outline, opener)):
        yield "break"
    yield from _endings(outline, opener)


def _endings(outline: Outline, opener: int) -> Iterator[str]:
    """Yield the keywords that end the block around a position."""
    word = outline.word(opener)
    if word == "repeat":
        yield "until"
    elif opener != WHOLE:
        yield "end"
    if word == "then":
        yield from ("else", "elseif")


def _around(outline: Outline, opener: int) -> Iterator[tuple[int, str]]:
    """Yield the blocks around a position, up to the enclosing function."""
    while opener != WHOLE and outline.words[opener] != "function":
        yield opener, outline.words[opener]
        opener = outline.inside[opener]


def _continues(outline: Outline, at: int) -> bool:
    """Return whether the line after a token continues what the token has begun."""
    word = outline.word(at)
    return word in _CONTINUED or _ends_head(outline, at)


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _step(lines: list[str]) -> str:
    """Return the indentation step that the text uses."""
    return min(filter(None, map(_blank, lines)), key=len, default=STEP)
