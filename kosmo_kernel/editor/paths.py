"""Walk the tokens of a Lua text from one end of an expression to the other.

Text being typed is rarely complete: an unclosed bracket or block extends to the end, and an incomplete expression
is reported as such.
"""

from __future__ import annotations

from collections.abc import Sequence

from kosmo_kernel.editor.tokens import Token

OPENING = {")": "(", "]": "[", "}": "{"}
BRACKETS = frozenset(OPENING.values())
WHOLE = -1  # stands for the block that is the whole text
OPERATORS = frozenset(
    ("+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~", "<<", ">>")
)
CONSTANTS = frozenset(("nil", "true", "false", "..."))
_PREFIXES = frozenset(("not", "-", "#", "~"))
_OPERANDS = BRACKETS - {"["} | {"function"}

Span = tuple[int, int]  # an expression: its first token, and the one after its last


class BracketIndex:
    """Tokens with their enclosing and their matching brackets and blocks.

    Parameters:
        tokens: of the text, without comments.

    Attributes:
        words: each token as written, empty for a string.
        partners: the closing token by its opening token; an unclosed one has no entry.
        inside: the token that opens the innermost bracket or block around each token, and around the next one to come.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.words = ["" if token.kind == "string" else token.text for token in tokens]
        self.partners: dict[int, int] = {}
        self.inside: list[int] = []

    def word(self, at: int) -> str:
        """Return a token as written; empty for a string, and beyond the text."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def kind(self, at: int) -> str:
        """Return the kind of a token; empty beyond the text."""
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def after(self, at: int) -> int:
        """Return the position after a token and all that it opens; beyond the text if it is never closed."""
        if self.words[at] in BRACKETS or self.words[at] == "function":
            return self.partners.get(at, len(self.words) - 1) + 1
        return at + 1

    def is_definition(self, opener: int) -> bool:
        """Return whether a bracket encloses the parameters of a function."""
        if self.word(opener - 1) == "function":
            return True
        start = self.start_of(opener - 1)
        return start is not None and self.word(start - 1) == "function"

    def start_of(self, at: int) -> int | None:
        """Return the start of the expression that ends with a token: `f("x")[1].name` starts at `f`."""
        while at >= 0:
            word, kind = self.words[at], self.tokens[at].kind
            if word in OPENING:
                opener = self.opener_of(at)
                if opener is None:
                    return None
                if not (self.can_be_called(opener - 1) or self.kind(opener - 1) == "string"):
                    return opener
                at = opener - 1
            elif kind == "string":
                if not self.can_be_called(at - 1):
                    return at
                at -= 1
            elif kind == "name":
                if self.word(at - 1) not in (".", ":"):
                    return at
                at -= 2
            else:
                return None
        return None

    def opener_of(self, at: int) -> int | None:
        """Return the opening bracket of a closing one, or None."""
        opener = self.inside[at]
        return opener if self.partners.get(opener) == at else None

    def can_be_called(self, at: int) -> bool:
        """Return whether arguments can follow a token."""
        return self.kind(at) == "name" or self.word(at) in OPENING

    def expressions(self, at: int) -> tuple[list[Span], int]:
        """Return the comma-separated expressions from a token on, and the first token after them."""
        spans = []
        while True:
            end, is_whole = self.expression(at)
            spans.append((at, end))
            if not is_whole:
                return spans, end + 1  # still being typed: the next token belongs to it
            if self.word(end) != ",":
                return spans, end
            at = end + 1

    def expression(self, at: int) -> tuple[int, bool]:
        """Return the end of the expression that starts at a token, and whether it is complete."""
        while True:
            while self.word(at) in _PREFIXES:
                at += 1
            kind, word = self.kind(at), self.word(at)
            if word in _OPERANDS:
                at = self.after(at)
            elif kind in ("name", "string", "number") or word in CONSTANTS:
                at += 1
            else:
                return at, False
            if kind == "name" or word == "(":
                at, is_whole = self._suffixes(at)
                if not is_whole:
                    return at, False
            if self.word(at) not in OPERATORS:
                return at, True
            at += 1

    def _suffixes(self, at: int) -> tuple[int, bool]:
        """Return the position after the fields and calls that follow a name, and whether they are complete."""
        while True:
            word = self.word(at)
            if word in (".", ":"):
                if self.kind(at + 1) != "name":
                    return at + 1, False
                at += 2
            elif word in BRACKETS:
                at = self.after(at)
            elif self.kind(at) == "string":
                at += 1
            else:
                return at, True
