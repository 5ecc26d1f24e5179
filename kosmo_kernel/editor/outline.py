"""Index the blocks of a Lua text and the names that it binds, and walk its tokens from expression to expression.

One pass over the tokens pairs brackets and blocks and records what binds names: `local`, assignments, loops,
parameters, functions. Text being typed is rarely complete, so what does not fit is skipped: a statement inside a
bracket means that the bracket was never closed, and a surplus `end` is ignored. An unclosed bracket or block extends
to the end, and an incomplete expression is reported as such.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

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

_STATEMENTS = frozenset(
    ("break", "do", "else", "elseif", "end", "for", "goto", "if", "local", "repeat", "return", "then", "until", "while")
)
_CLOSED_BY: dict[str, tuple[str, ...]] = {
    **{closing: (opening,) for closing, opening in OPENING.items()},
    "end": ("function", "do", "then", "else"),
    "until": ("repeat",),
}
_RELEVANT = _STATEMENTS | OPENING.keys() | BRACKETS | {"function", "=", "::"}
MAX_UNCLOSED_DEPTH = 200  # unclosed blocks and brackets among which a closing token looks for its partner

How = Literal["value", "function", "loop", "parameter"]
Span = tuple[int, int]  # an expression: its first token, and the one after its last


@dataclass(slots=True, eq=False)
class Binding:
    """A name, or a field of one, and what it is bound to.

    Parameters:
        name: as written.
        at: its token.
        since: the first token where it is visible.
        block: the token that opened its block, or `WHOLE`.
        how: `value` of an expression, `function` defined there, variable of a `loop`, or `parameter`.
        place: its position among the names bound together, from 0.
        spans: the expressions on the right; for a loop those after `in`, none for a numeric loop.
        function: the token `function` that defines it, or whose parameter it is.
        path: the fields after the name: `("open",)` for `function shop.open()`.
    """

    name: str
    at: int
    since: int
    block: int
    how: How
    place: int = 0
    spans: Sequence[Span] = ()
    function: int = WHOLE
    path: tuple[str, ...] = ()


@dataclass(slots=True)
class _Header:
    """An `if`, `while` or `for` before its `then` or `do`."""

    at: int
    depth: int
    names: tuple[int, ...] = ()
    mark: int = WHOLE  # the `in` or `=` of a loop


class Outline:
    """The blocks, bindings and labels of a text, from its tokens without comments.

    Attributes:
        words: each token as written, empty for a string.
        partners: the closing token by its opening token; an unclosed one has no entry.
        inside: the token that opens the innermost bracket or block around each token, and around the next one to come.
        headers: the `if`, `while` and `for` still without `then` or `do`, outermost first.
        bindings: in the order of the text.
        labels: the names between `::`.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.words = ["" if token.kind == "string" else token.text for token in tokens]
        self.partners: dict[int, int] = {}
        self.inside: list[int] = []
        self.headers: list[_Header] = []
        self.bindings: list[Binding] = []
        self.labels: list[str] = []
        self._by_name: dict[str, list[Binding]] = {}
        self._open: list[int] = []
        self._assignments: list[tuple[tuple[int, ...], int, int, bool]] = []  # targets, index of `=`, block, is local
        self._loops: dict[int, _Header] = {}
        for at, word in enumerate(self.words):
            if word in _RELEVANT:
                self._take(at, word)
            else:
                self.inside.append(self._open[-1] if self._open else WHOLE)
        self.inside.append(self._top())
        self._bind()

    # Indexing ----------------------------------------------------------------------------------------

    def _take(self, at: int, word: str) -> None:
        if word in _STATEMENTS:
            while self._open and self.words[self._open[-1]] in BRACKETS:
                self._open.pop()
        self.inside.append(self._top())
        action = self._ACTIONS.get(word)
        if action is not None:
            action(self, at)

    def _begin(self, at: int) -> None:
        self._open.append(at)

    def _end(self, at: int) -> None:
        self._close(at, _CLOSED_BY[self.words[at]])

    def _label(self, at: int) -> None:
        if self.word(at + 2) == "::":
            self.labels.append(self.words[at + 1])

    def _top(self) -> int:
        return self._open[-1] if self._open else WHOLE

    def _block(self) -> int:
        return next((at for at in reversed(self._open) if self.words[at] not in BRACKETS), WHOLE)

    def _close(self, at: int, openers: Collection[str]) -> None:
        depths = range(len(self._open) - 1, max(len(self._open) - MAX_UNCLOSED_DEPTH, 0) - 1, -1)
        place = next((i for i in depths if self.words[self._open[i]] in openers), None)
        if place is None:
            return
        self.partners[self._open[place]] = at
        del self._open[place:]
        while self.headers and self.headers[-1].depth > place:
            self.headers.pop()

    def _begin_header(self, at: int) -> None:
        """Record an `if`, `while` or `for`, whose block comes later."""
        names, mark = self._names(at + 1) if self.words[at] == "for" else ([], at + 1)
        self.headers.append(_Header(at, len(self._open), tuple(names), mark))

    def _begin_block(self, at: int) -> None:
        """Open the block of a `then` or `do`, which may belong to an `if`, `while` or `for`."""
        heads = ("if", "elseif") if self.words[at] == "then" else ("while", "for")
        if self.headers and self.headers[-1].depth == len(self._open) and self.words[self.headers[-1].at] in heads:
            header = self.headers.pop()
            if self.words[at] == "do":
                self._loops[at] = header
        self._open.append(at)

    def _otherwise(self, at: int) -> None:
        """End one branch and begin the next."""
        self._close(at, ("then",))
        if self.words[at] == "else":
            self._open.append(at)
        else:
            self.headers.append(_Header(at, len(self._open)))

    def _names(self, at: int) -> tuple[list[int], int]:
        """Return the comma-separated names from a token on, without attributes, and the token after them."""
        names = []
        while self.kind(at) == "name":
            names.append(at)
            at += 1
            if self.word(at) == "<" and self.word(at + 2) == ">":
                at += 3
            if self.word(at) != ",":
                break
            at += 1
        return names, at

    def _local(self, at: int) -> None:
        if self.word(at + 1) == "function":
            return
        names, end = self._names(at + 1)
        self._assignments.append((tuple(names), end, self._block(), True))

    def _assignment(self, at: int) -> None:
        """Record `a, b.c = …` if it is a statement; the names of `local` and `for` are already recorded."""
        if self._top() != self._block() or (self._assignments and self._assignments[-1][1] == at):
            return
        if self.headers and self.headers[-1].mark == at:
            return
        targets: list[int] = []
        start: int | None = at
        while start is not None and (start == at or self.word(start - 1) == ","):
            start = self.start_of(start - (1 if start == at else 2))
            if start is not None:
                targets.insert(0, start)
        self._assignments.append((tuple(targets), at, self._block(), False))

    def _function(self, at: int) -> None:
        """Record `function name.field:method(parameters)`, or a function without a name."""
        block, local, where = self._block(), self.word(at - 1) == "local", at + 1
        self._open.append(at)
        path: list[str] = []
        while self.kind(where) == "name":
            path.append(self.words[where])
            where += 1
            if self.word(where) not in (".", ":"):
                break
            where += 1
        is_method = len(path) > 1 and self.word(where - 2) == ":"
        if path:
            home = block if local else WHOLE
            self.bindings.append(Binding(path[0], at + 1, at, home, "function", function=at, path=tuple(path[1:])))
        if self.word(where) != "(":
            return
        names, end = self._names(where + 1)
        for place, name in enumerate(names):
            self.bindings.append(Binding(self.words[name], name, end, at, "parameter", place, function=at))
        if is_method:
            self.bindings.append(Binding("self", at, end, at, "parameter", WHOLE, function=at))

    _ACTIONS: ClassVar[dict[str, Callable[[Outline, int], None]]] = {
        **dict.fromkeys((*BRACKETS, "repeat"), _begin),
        **dict.fromkeys((*OPENING, "end", "until"), _end),
        **dict.fromkeys(("if", "while", "for"), _begin_header),
        **dict.fromkeys(("then", "do"), _begin_block),
        **dict.fromkeys(("else", "elseif"), _otherwise),
        "local": _local,
        "=": _assignment,
        "function": _function,
        "::": _label,
    }

    def _bind(self) -> None:
        """Bind names to values, whose ends are known only after the whole text has been paired."""
        for targets, equals, block, local in self._assignments:
            spans, end = self.expressions(equals + 1) if self.word(equals) == "=" else ((), equals)
            for place, at in enumerate(targets):
                path = () if local else self._path_of(at)
                if path is not None and self.kind(at) == "name":
                    home = block if local else WHOLE
                    self.bindings.append(Binding(self.words[at], at, end, home, "value", place, spans, path=path))
        for block, header in self._loops.items():
            spans = self.expressions(header.mark + 1)[0] if self.word(header.mark) == "in" else ()
            for place, at in enumerate(header.names):
                self.bindings.append(Binding(self.words[at], at, block + 1, block, "loop", place, spans))
        self.bindings.sort(key=lambda binding: binding.at)
        for binding in self.bindings:
            bindings = self._by_name.setdefault(binding.name, [])
            if binding.block == WHOLE and not binding.path and (local_ := self.find_binding(binding.name, binding.at)):
                binding.block = local_.block  # assigns to an existing local
            bindings.append(binding)

    def _path_of(self, at: int) -> tuple[str, ...] | None:
        """Return the fields after the name that is assigned to, or None if it is not a plain path."""
        path: list[str] = []
        at += 1
        while self.word(at) in (".", "["):
            if self.word(at) == "." and self.kind(at + 1) == "name":
                path.append(self.words[at + 1])
                at += 2
            elif self.kind(at + 1) == "string" and self.word(at + 2) == "]":
                path.append(self.tokens[at + 1].text)
                at += 3
            else:
                return None
        return tuple(path) if self.word(at) in ("=", ",") else None

    # Queries -----------------------------------------------------------------------------------------

    def find_binding(self, name: str, at: int) -> Binding | None:
        """Return what a name is bound to at a token, or None if the text does not bind it."""
        candidates = self._by_name.get(name, ())
        return next((b for b in reversed(candidates) if not b.path and self._is_visible(b, at)), None)

    def names(self, at: int) -> Iterator[str]:
        """Yield the names bound by the text that are visible at a token, the last one first."""
        yield from (b.name for b in reversed(self.bindings) if not b.path and self._is_visible(b, at))

    def fields(self, owner: Binding | str, at: int) -> Iterator[Binding]:
        """Yield the fields that the text assigns, before a token, to the value of a binding or of a global."""
        name = owner if isinstance(owner, str) else owner.name
        home = None if isinstance(owner, str) else owner
        for binding in reversed(self._by_name.get(name, ())):
            if binding.path and binding.since <= at and self.find_binding(name, binding.at) is home:
                yield binding

    def _is_visible(self, binding: Binding, at: int) -> bool:
        if binding.since > at:
            return False
        end = self.partners.get(binding.block, at)
        if end < at and self.words[binding.block] == "repeat":  # the condition of `until` still sees the block's locals
            end, is_whole = self.expression(end + 1)
            return at < end + (not is_whole)
        return end >= at

    def is_loop(self, block: int) -> bool:
        """Return whether a block is the body of a loop."""
        return block in self._loops

    def missing_keyword(self) -> tuple[str, ...]:
        """Return the keyword that an unfinished `if`, `while` or `for` at the end of the text needs, if any."""
        header = self.headers[-1] if self.headers else None
        if header is None or header.depth != len(self._open):
            return ()
        return ("then",) if self.words[header.at] in ("if", "elseif") else ("do",)

    # Expressions -------------------------------------------------------------------------------------

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
