"""Ways through the tokens of a Lua text, from one end of an expression to the other.

Texts that are being typed are rarely whole: what is never closed goes on to the end, and an expression
in which something is missing says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from kosmo_kernel.editor.tokens import Token

OPENING = {")": "(", "]": "[", "}": "{"}
BRACKETS = frozenset(OPENING.values())
WHOLE = -1  # the block that is the whole text
OPERATORS = frozenset(
    ("+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~", "<<", ">>")
)
CONSTANTS = frozenset(("nil", "true", "false", "..."))
_PREFIXES = frozenset(("not", "-", "#", "~"))
_OPERANDS = BRACKETS - {"["} | {"function"}

Span = tuple[int, int]  # an expression: its first token, and the one behind its last


class BracketIndex:
    """Tokens of which each knows what it is in, and what closes it.

    Parameters:
        tokens: of the text, without comments.

    Attributes:
        words: each token as written, empty for a string.
        partners: the token that closes what another one opens, by the latter; a missing one is missing here.
        inside: the innermost bracket or block that each token is in, and one entry for what comes next.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.words = ["" if token.kind == "string" else token.text for token in tokens]
        self.partners: dict[int, int] = {}
        self.inside: list[int] = []

    def word(self, at: int) -> str:
        """A token as written; empty for a string, and beyond the text."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def kind(self, at: int) -> str:
        """What a token is; empty beyond the text."""
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def after(self, at: int) -> int:
        """The place behind what a token opens, or behind the token; beyond the text where it is never closed."""
        if self.words[at] in BRACKETS or self.words[at] == "function":
            return self.partners.get(at, len(self.words) - 1) + 1
        return at + 1

    def is_definition(self, opener: int) -> bool:
        """Whether a bracket is around the parameters of a function."""
        if self.word(opener - 1) == "function":
            return True
        start = self.start_of(opener - 1)
        return start is not None and self.word(start - 1) == "function"

    def start_of(self, at: int) -> int | None:
        """Where the expression starts whose last token is given: `f("x")[1].name` starts at `f`."""
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
        """What a closing bracket closes."""
        opener = self.inside[at]
        return opener if self.partners.get(opener) == at else None

    def can_be_called(self, at: int) -> bool:
        """Whether arguments may stand behind a token."""
        return self.kind(at) == "name" or self.word(at) in OPENING

    def expressions(self, at: int) -> tuple[list[Span], int]:
        """The expressions from a token on, with commas between, and the first token that is no part of them."""
        found = []
        while True:
            end, is_whole = self.expression(at)
            found.append((at, end))
            if not is_whole:
                return found, end + 1  # it is still being typed: whatever comes next belongs to it
            if self.word(end) != ",":
                return found, end
            at = end + 1

    def expression(self, at: int) -> tuple[int, bool]:
        """Where the expression ends that starts at a token, and whether nothing is missing in it."""
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
        """Behind the fields and calls that follow a name, and whether nothing is missing in them."""
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
