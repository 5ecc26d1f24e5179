"""Parse Lua text, complete or still being typed, into its expressions and the names that it binds.

One regular expression finds the tokens. Nothing is an error: a string without its end stops at the end of its line, and
a character that Lua does not know is a `mark`. What was typed after the last text is read without the lines above it.

Text that does not fit is skipped: a statement inside a bracket means that the bracket was never closed, a closing word
without an opening one is ignored, and what is open at the end of the text extends to it. Where the text ends, the
parser records what the grammar allows next. Each token is read once, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import ClassVar, Literal, NamedTuple

from kosmo_kernel.lua_syntax.nodes import (
    Binding,
    Call,
    Constant,
    FieldAccess,
    FunctionDefinition,
    How,
    ItemAccess,
    Name,
    Node,
    Operation,
    Scope,
    TableConstructor,
    TableField,
)
from kosmo_kernel.values.lua_literals import KEYWORDS

Kind = Literal["name", "keyword", "string", "comment", "number", "mark"]

_TOKEN = re.compile(
    r"""
    (?P<name> [^\W\d]\w* )
  | (?P<comment> --\[(?P<dashes>=*)\[ [\s\S]*? (?: (?P<comment_end> \](?P=dashes)\] ) | \Z ) | --.* )
  | (?P<string> " (?: [^"\\\n] | \\(?: z\s* | [\s\S] | \Z ) )*+ (?P<double>")?
              | ' (?: [^'\\\n] | \\(?: z\s* | [\s\S] | \Z ) )*+ (?P<single>')?
              | \[(?P<level>=*)\[ [\s\S]*? (?: (?P<long> \](?P=level)\] ) | \Z ) )
  | (?P<number> 0[xX] (?: [pP][+-] | \w | \.(?!\.) )* | \.?\d (?: [eE][+-] | \w | \.(?!\.) )* )
  | (?P<mark> \.{1,3} | [=~<>/]= | << | >> | // | :: | \S )
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of Lua text."""

    kind: Kind
    text: str  # as written; a string without its quotes
    start: int  # in characters of the text
    end: int
    closed: bool = True  # False for a string or comment whose end is missing


def tokens_of(code: str) -> list[Token]:
    """Return the tokens of a Lua text, without whitespace."""
    global _latest  # noqa: PLW0603 - one assignment replaces it as a whole, which is safe in any thread
    previous, tokens = _latest
    size = min(len(previous), len(code))
    begin = code.rfind("\n", 0, size) + 1 if previous[:size] == code[:size] else 0
    tokens = tokens[: bisect_left(tokens, begin, key=attrgetter("end"))]
    begin = tokens[-1].end if tokens else 0
    tokens += _read(code, begin)
    _latest = code, tokens
    return tokens.copy()


_latest: tuple[str, list[Token]] = ("", [])


def _read(code: str, begin: int) -> Iterator[Token]:
    """Yield the tokens from the end of a token on."""
    for match in _TOKEN.finditer(code, begin):
        kind, text, (start, end) = match.lastgroup, match[0], match.span()
        closed = True
        if kind == "name":
            kind = "keyword" if text in KEYWORDS else "name"
        elif kind == "string":
            width = 2 + len(match["level"]) if match["level"] is not None else 1
            closed = bool(match["double"] or match["single"] or match["long"])
            text = text[width : -width if closed else None]
        elif kind == "comment":  # typing at the end of the text can extend it unless it has an end of its own
            closed = end < len(code) or match["comment_end"] is not None
        yield Token(kind, text, start, end, closed)  # type: ignore[arg-type] # the names of the groups


def masked(code: str) -> str:
    r"""Return a text with the characters inside its strings and comments replaced by `\x01`; line ends stay."""
    pieces, end = [], 0
    for token in tokens_of(code):
        if token.kind in ("string", "comment"):
            opening, closing = (2, 0) if token.kind == "comment" else (1, int(token.closed))
            pieces.append(code[end : token.start + opening])
            pieces.append(re.sub(r"[^\n]", "\x01", code[token.start + opening : token.end - closing]))
            end = token.end - closing
    return "".join((*pieces, code[end:]))


MAX_DEPTH = 80  # nested brackets and blocks; what is nested deeper is skipped
WHOLE = -1  # stands for the token that opens the whole text
CLOSING = {"(": ")", "[": "]", "{": "}"}
OPERATORS = frozenset(
    ("+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~", "<<", ">>")
)
_CONSTANTS = frozenset(("nil", "true", "false", "..."))
_PREFIXES = frozenset(("not", "-", "#", "~"))
_LOOP = "loop"  # stands for the `do` of a loop
# What each closing word closes.
_CLOSES: dict[str, tuple[str, ...]] = {
    **{closing: (opening,) for opening, closing in CLOSING.items()},
    "end": ("function", "do", _LOOP, "then", "else"),
    "else": ("then",),
    "elseif": ("then",),
    "until": ("repeat",),
}
_ENDS_BRACKET = frozenset(
    ("break", "do", "else", "elseif", "end", "for", "goto", "if", "local", "repeat", "return", "then", "until", "while")
)
_STATEMENTS = ("local", "function", "if", "for", "while", "repeat", "do", "return", "goto")
_EXPRESSIONS = ("function", "not", "nil", "true", "false")  # what an expression starts with, besides names


class Allowed(NamedTuple):
    """Hold what the grammar allows at the end of a text."""

    keywords: tuple[str, ...] = ()  # most likely first
    names: bool = False  # whether a variable is allowed
    others: tuple[str, ...] = ()  # names that are not variables: labels, attributes


_NOT_RECORDED = Allowed()
# What is bound: the name, the bindings that it has so far, and the fields after the name.
_Target = tuple[str, list[Binding], tuple[str, ...]]


@lru_cache(maxsize=4)  # while a name is typed, the text before it stays the same and is needed repeatedly
def parse(code: str) -> Tree:
    """Return the syntax tree of a Lua text."""
    return Tree(code)


class Tree:
    """The syntax tree of a Lua text, without its comments. Lists of nodes are in the order of their first tokens."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.tokens = [token for token in tokens_of(code) if token.kind != "comment"]
        self.words = [*("" if token.kind == "string" else token.text for token in self.tokens), ""]
        self._kinds = [*(token.kind for token in self.tokens), ""]
        self.ending_at: dict[int, Node] = {}  # the names, fields, calls and constants by their last tokens
        self.calls: list[Call] = []
        self.tables: list[TableConstructor] = []
        self.functions: list[FunctionDefinition] = []
        self.operations: list[Operation] = []
        self.items: list[ItemAccess] = []
        self.assigned: list[tuple[int, str]] = []  # the fields that are assigned, with their tokens
        self.bindings: dict[str, list[Binding]] = {}  # by name, without those of fields
        self.global_fields: dict[str, list[Binding]] = {}  # of variables that the text does not bind
        self.result: Node | None = None  # what the text returns, or the expression that it ends with
        self.heads: set[int] = set()  # the brackets that close the parameters of functions
        # What is at the end of the text.
        self.allowed = _NOT_RECORDED
        self.opener = WHOLE  # the token that opens the innermost bracket or block
        self.missing_keyword = ""  # the `then` or `do` that an unfinished `if`, `while` or `for` needs, if any
        self.end_scope = self._scope = Scope()
        self._labels: list[str] = []
        self._at, self._size = 0, len(self.tokens)
        self._ends_with_value = False  # whether the text ends with a complete expression
        self._open: list[tuple[str, int]] = []  # the brackets and blocks around the current token
        self._heads: list[tuple[str, int]] = []  # the keywords that end the heads around it, and how deep they are
        self._line_starts: list[int] = []
        self._block("", WHOLE, self._scope)

    def line(self, at: int) -> int:
        """Return the line of a token, counted from 1."""
        self._line_starts = self._line_starts or [0, *(match.end() for match in re.finditer("\n", self.code))]
        return bisect_right(self._line_starts, self.tokens[at].start)

    # What the text ends with -------------------------------------------------------------------------

    def _expect(
        self, *keywords: str, names: bool = False, others: tuple[str, ...] = (), after_operators: bool = False
    ) -> None:
        """Record what is allowed next, if the text ends here and nothing was recorded before."""
        if self._at < self._size or self.allowed is not _NOT_RECORDED:
            return
        operators = ("and", "or") if self._ends_with_value else ()
        keywords = (*operators, *keywords) if after_operators else (*keywords, *operators)
        self.allowed = Allowed(keywords, names, others)
        self.opener = self._open[-1][1] if self._open else WHOLE
        keyword, depth = self._heads[-1] if self._heads else ("", 0)
        self.missing_keyword = keyword if depth == len(self._open) else ""
        self.end_scope = self._scope

    def _endings(self) -> Iterator[str]:
        """Yield the keywords that end the block around the current token."""
        opening = self._open[-1][0]
        if opening:
            yield "until" if opening == "repeat" else "end"
        if opening == "then":
            yield from ("else", "elseif")

    def _statement_words(self) -> Iterator[str]:
        yield from _STATEMENTS
        openings = [opening for opening, _ in self._open]
        inner = len(openings) - openings[::-1].index("function") if "function" in openings else 0
        if _LOOP in openings[inner:] or "repeat" in openings[inner:]:
            yield "break"
        yield from self._endings()

    # Blocks and statements ---------------------------------------------------------------------------

    def _take(self, word: str) -> bool:
        """Go on behind a word if it comes next."""
        is_next = self.words[self._at] == word
        self._at += is_next
        return is_next

    def _closes_any(self, word: str) -> bool:
        """Return whether a word closes one of the brackets and blocks around it."""
        return any(opening in _CLOSES[word] for opening, _ in reversed(self._open))

    def _block(self, opening: str, at: int, scope: Scope, closing: str = "end") -> bool:
        """Read statements up to a word that ends this block or one around it; return whether it is the closing word."""
        outside, self._scope = self._scope, scope
        self._open.append((opening, at))
        if len(self._open) > MAX_DEPTH:
            self._skip_deep()
        while self._at < self._size:
            word = self.words[self._at]
            if word not in _CLOSES:
                self._statement(word)
            elif self._closes_any(word):
                break
            else:
                self._at += 1
        if self._at >= self._size:
            self._expect(*self._statement_words(), names=True, after_operators=True)
        self._open.pop()
        self._scope = outside
        return self._take(closing)

    def _skip_deep(self) -> None:
        """Skip what is nested too deeply, up to what closes it."""
        depth = 0
        while self._at < self._size and depth >= 0:
            word = self.words[self._at]
            depth += (word in CLOSING or word in ("function", "do", "if", "repeat")) - (word in _CLOSES)
            depth += word in ("else", "elseif")
            self._at += depth >= 0

    def _statement(self, word: str) -> None:
        start = self._at
        self._ends_with_value = False
        if len(self._open) == 1:
            self.result = None
        read = self._READERS.get(word)
        if read is not None:
            self._at += 1
            read(self, start)
        else:
            self._assignment()
        self._at += self._at == start  # nothing that fits

    def _assignment(self) -> None:
        """Read a call, an assignment to names and fields, or an expression that is the value of the text."""
        targets = [self._expression()]
        while isinstance(targets[-1], (Name, FieldAccess, ItemAccess)) and self._take(","):
            targets.append(self._expression())
        if isinstance(targets[0], (Name, FieldAccess, ItemAccess)) and self.words[self._at] == "=":
            bound = [self._target(target) for target in targets]
            self.assigned += [(target.end - 1, target.name) for target in targets if isinstance(target, FieldAccess)]
            self._at += 1
            self._bind(bound, "value", self._expressions())
        elif len(self._open) == 1:
            self.result = targets[0]

    def _target(self, target: Node | None) -> _Target | None:
        """Return what an assignment to a name or a field of one binds; None for a field of another value."""
        path: list[str] = []
        while isinstance(target, FieldAccess) and len(path) < MAX_DEPTH:
            path.append(target.name)
            target = target.base
        if not isinstance(target, Name):
            return None
        scope, binding = target.scope.find(target.name, target.start)
        if path and not binding:
            return target.name, self.global_fields.setdefault(target.name, []), tuple(reversed(path))
        bindings = binding.fields if path and binding else scope.names.setdefault(target.name, [])
        return target.name, bindings, tuple(reversed(path))

    def _bind(
        self,
        targets: Sequence[_Target | None],
        how: How,
        values: list[Node],
        function: FunctionDefinition | None = None,
    ) -> None:
        """Bind names and fields from the next token on, or nowhere if the text ends in the middle of the statement."""
        since = self._at + (self.allowed is not _NOT_RECORDED)
        for index, target in enumerate(targets):
            if target:
                name, bindings, path = target
                bindings.append(Binding(name, since, how, index, values, function, path))
                if not path:
                    self.bindings.setdefault(name, []).append(bindings[-1])

    def _declare(
        self, names: list[str], scope: Scope, how: How, values: list[Node], function: FunctionDefinition | None = None
    ) -> None:
        """Bind the names of a block from the next token on."""
        self._bind([(name, scope.names.setdefault(name, []), ()) for name in names], how, values, function)

    def _names(self) -> list[str]:
        """Read names with commas between and attributes after them."""
        names: list[str] = []
        while self._kinds[self._at] == "name" or self.words[self._at] == "...":
            names.append(self.words[self._at])
            self._at += 1
            if self._take("<"):
                self._expect(others=("const", "close"))
                self._at += self._kinds[self._at] == "name"
                self._take(">")
            if not self._take(","):
                return names
        self._expect()
        return names

    def _local(self, _start: int) -> None:
        self._expect("function")
        if self._take("function"):
            self._function(self._at - 1, is_local=True)
            return
        names = self._names()
        self._declare(names, self._scope, "value", self._expressions() if self._take("=") else [])

    def _function(self, start: int, *, is_local: bool = False) -> FunctionDefinition:
        """Read what follows `function`: a name, unless it is an expression, the parameters and the block."""
        function, target, inside = FunctionDefinition(start, start + 1), None, Scope(self._scope)
        self.functions.append(function)
        self._expect(names=True)
        if self._kinds[self._at] == "name":
            self._at += 1
            target = self._suffixes(Name(start + 1, self._at, self.words[start + 1], self._scope), is_head=True)
            function.name = "".join(self.words[start + 1 : self._at])
        if is_local:
            self._declare([function.name] if target else [], self._scope, "value", [function])
        else:
            self._bind([self._target(target)], "value", [function])
        if self._take("("):
            if isinstance(target, FieldAccess) and target.method:
                self._declare(["self"], inside, "value", [target.base])
            names = self._names()
            function.parameters = ["self"] * (":" in function.name) + names
            self._declare(names, inside, "parameter", [], function)
            self.heads.add(self._at)
            self._expect()
            self._take(")")
            function.end = self._end(closed=self._block("function", start, inside))
        return function

    def _end(self, *, closed: bool) -> int:
        """Return the end of what has just been read."""
        return self._at + (not closed and self._at >= self._size)

    def _head(self, keyword: str, read: Callable[[], object]) -> bool:
        """Read the head of a statement, and return whether the keyword follows that ends it."""
        self._heads.append((keyword, len(self._open)))
        read()
        self._expect(keyword)
        self._heads.pop()
        while self._at < self._size and self.words[self._at] not in _ENDS_BRACKET:
            self._at += 1
        return self._take(keyword)

    def _if(self, _start: int) -> None:
        while self._head("then", self._expression):
            if not self._block("then", self._at - 1, Scope(self._scope), "elseif"):
                if self._take("else"):
                    self._block("else", self._at - 1, Scope(self._scope))
                else:
                    self._take("end")
                break

    def _while(self, _start: int) -> None:
        if self._head("do", self._expression):
            self._block(_LOOP, self._at - 1, Scope(self._scope))

    def _for(self, _start: int) -> None:
        scope = Scope(self._scope)
        if self._head("do", lambda: self._loop_names(scope)):
            self._block(_LOOP, self._at - 1, scope)

    def _loop_names(self, scope: Scope) -> None:
        names, values = self._names(), list[Node]()
        if self._take("="):
            self._expressions()
        elif self._take("in"):
            values = self._expressions()
        else:
            self._expect("in")
        self._declare(names, scope, "loop", values)

    def _do(self, start: int) -> None:
        self._block("do", start, Scope(self._scope))

    def _repeat(self, start: int) -> None:
        outside, scope = self._scope, Scope(self._scope)
        if self._block("repeat", start, scope, "until"):
            self._scope = scope  # the condition still sees the names of the block
            self._expression()
            self._scope = outside

    def _return(self, _start: int) -> None:
        if self._at >= self._size:
            self._expect(*_EXPRESSIONS, *self._endings(), names=True)
        values = self._expressions() if self.words[self._at] not in _CLOSES else []
        if len(self._open) == 1 and values:
            self.result = values[0]

    def _break(self, _start: int) -> None:
        self._expect(*self._endings())

    def _goto(self, _start: int) -> None:
        self._expect(others=tuple(self._labels))
        self._at += self._kinds[self._at] == "name"

    def _label(self, _start: int) -> None:
        self._expect()
        if self.words[self._at : self._at + 2][1:] == ["::"]:
            self._labels.append(self.words[self._at])
            self._at += 2

    _READERS: ClassVar[dict[str, Callable[[Tree, int], object]]] = {
        "local": _local,
        "function": _function,
        "if": _if,
        "while": _while,
        "for": _for,
        "repeat": _repeat,
        "do": _do,
        "return": _return,
        "break": _break,
        "goto": _goto,
        "::": _label,
    }

    # Expressions -------------------------------------------------------------------------------------

    def _expressions(self) -> list[Node]:
        """Read expressions with commas between."""
        values: list[Node] = []
        while value := self._expression():
            values.append(value)
            if not self._take(","):
                break
        return values

    def _expression(self) -> Node | None:
        """Read an expression, or as much of it as there is; return None where none begins."""
        start, words, operators = self._at, self.words, list[int]()
        operands: list[Node | None] = []
        prefixes: list[tuple[str, ...]] = []
        while True:
            first = self._at
            while words[self._at] in _PREFIXES:
                self._at += 1
            prefixes.append(tuple(words[first : self._at]))
            operand = self._operand()
            operands.append(operand)
            self._ends_with_value = operand is not None and self._at >= self._size
            if operand is None:
                self._expect(*_EXPRESSIONS, names=True)
            if operand is None or words[self._at] not in OPERATORS:
                break
            operators.append(self._at)
            self._at += 1
        if not operators and not prefixes[0]:
            return operand
        self.operations.append(Operation(start, self._at, operands, prefixes, operators))
        return self.operations[-1]

    def _operand(self) -> Node | None:
        at, kind, word = self._at, self._kinds[self._at], self.words[self._at]
        node: Node | None = None
        if word == "(":
            values = self._bracket(self._expression)[0]
            return self._suffixes(values[0] if values else Constant(at, self._at, "keyword", "nil"))
        if word == "{":
            return self._table()
        self._at += 1
        if kind == "name":
            return self._suffixes(Name(at, at + 1, word, self._scope))
        if word == "function":
            node = self._function(at)
        elif kind in ("string", "number") or word in _CONSTANTS:
            node = Constant(at, at + 1, kind, self.tokens[at].text)
        else:
            self._at = at
            return None
        self.ending_at[self._at - 1] = node
        return node

    def _suffixes(self, node: Node, *, is_head: bool = False) -> Node:
        """Read the fields, indexes and calls that follow a value; of the name of a function only fields."""
        while True:
            self.ending_at[self._at - 1] = node
            at, word = self._at, self.words[self._at]
            if word in (".", ":"):
                self._at += 1
                if self._kinds[self._at] != "name":
                    self._expect()
                    return node
                self._at += 1
                node = FieldAccess(node.start, self._at, node, self.words[at + 1], method=word == ":")
            elif is_head:
                return node
            elif word == "[":
                node = self._index(node)
            elif word in CLOSING or self._kinds[self._at] == "string":
                node = self._call(node)
            else:
                return node

    def _index(self, base: Node) -> Node:
        keys = self._bracket(self._expression)[0]
        key = keys[0] if keys else None
        if isinstance(key, Constant) and key.kind == "string":
            return FieldAccess(base.start, self._at, base, key.text)
        self.items.append(ItemAccess(base.start, self._at, base, key))
        return self.items[-1]

    def _call(self, base: Node) -> Call:
        call = Call(self._at, self._at, base)
        self.calls.append(call)
        if self.words[self._at] == "(":
            call.arguments, call.commas, closed = self._bracket(self._expression)
            call.end = self._end(closed=closed)
        elif argument := self._operand():
            call.arguments.append(argument)
            call.end = argument.end
        return call

    def _table(self) -> TableConstructor:
        table = TableConstructor(self._at, self._at)
        self.tables.append(table)
        table.end = self._end(closed=self._bracket(lambda: table.entries.append(self._entry()))[2])
        self.ending_at[self._at - 1] = table
        return table

    def _entry(self) -> TableField:
        """Read a field or an item of a table constructor."""
        start, name, has_key = self._at, "", False
        if self._kinds[self._at] == "name" and self.words[start + 1] == "=":
            name, has_key, self._at = self.words[start], True, start + 2
        elif self.words[start] == "[":
            keys = self._bracket(self._expression)[0]
            name = keys[0].text if keys and isinstance(keys[0], Constant) and keys[0].kind == "string" else ""
            has_key = self._take("=")
        value = self._expression()
        return TableField(start, self._end(closed=False), name, value, has_key)

    def _bracket(self, read: Callable[[], Node | None]) -> tuple[list[Node], list[int], bool]:
        """Read what is between brackets, and return it, the separators, and whether the bracket is closed."""
        opening, nodes, separators = self.words[self._at], list[Node](), list[int]()
        self._open.append((opening, self._at))
        self._at += 1
        self._ends_with_value = False
        if len(self._open) > MAX_DEPTH:
            self._skip_deep()
        while self._at < self._size:
            before, word = self._at, self.words[self._at]
            if word in _ENDS_BRACKET or (word in _CLOSES and self._closes_any(word)):
                break
            if word in (",", ";"):
                separators.append(before)
            elif node := read():
                nodes.append(node)
            if self._at == before:
                self._at += 1
                self._ends_with_value = False
        if self._ends_with_value:
            self._expect(names="\n" in self.code[self.tokens[-1].end :])  # the comma may just be missing
        else:
            self._expect(*_EXPRESSIONS, names=True)
        self._open.pop()
        return nodes, separators, self._take(CLOSING[opening])
