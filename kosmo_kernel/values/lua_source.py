"""Read from the tokens of a Lua text what Lua does not tell: nesting, bound names, key order, the next indentation.

The text may be unfinished. Brackets and blocks are matched, and names are searched for where the text assigns them;
there is no grammar. A closing word without an opening one is ignored, a statement inside a bracket means that the
bracket was never closed, and what is open at the end of the text extends to it. The time is linear in the length of
the text, without recursion.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from kosmo_kernel.values.lua_tokens import Token, tokens_of

MAX_TEXTS = 256  # whose facts are kept: more than a session keeps scripts, all of which are read for some requests
WHOLE = -1  # stands for the token that opens the whole text
STEP = "  "  # indentation of a block, if the text has no indentation of its own
BRACKETS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(BRACKETS.values())
SEPARATORS = (",", ";")
_CLOSES = {  # what each closing word closes
    **{closing: (opening,) for opening, closing in BRACKETS.items()},
    "end": ("function", "do", "then", "else"),
    "else": ("then",),
    "elseif": ("then",),
    "until": ("repeat",),
}
_OPENS = frozenset(chain.from_iterable(_CLOSES.values()))
_HEADS = ("if", "elseif", "while", "for")
_STATEMENTS = frozenset((*_HEADS, "break", "do", "else", "end", "goto", "local", "repeat", "return", "then", "until"))
_AFTER_EXPRESSIONS = _STATEMENTS | _CLOSING | {";", "::", "="}
# What begins a statement whatever comes before it, and does not close a block.
_BEGIN = frozenset(("for", "goto", "if", "local", "repeat", "return", "while"))
PREFIXES = frozenset(("not", "-", "#", "~"))
BINDS_CLOSER = PREFIXES | frozenset(("+", "*", "/", "//", "%", "^", "..", "&", "|", "<<", ">>"))  # than comparisons
OPERATORS = BINDS_CLOSER - {"not", "#"} | {"==", "~=", "<", ">", "<=", ">=", "and", "or"}
_STRUCTURE = _STATEMENTS | _OPENS | _CLOSES.keys() | {*SEPARATORS}  # words that are matched or separate
Names = tuple[str, ...]


class Binding(NamedTuple):
    """A variable, or a field of one, that the text sets."""

    path: Names  # the variable and the fields after it
    target: int  # the first token of its name; of parameters, tokens in their order
    since: int  # the token from which on it has the value
    block: int  # the token that opens the block that it is local to, or `WHOLE`
    how: str  # `value`, `loop`, `parameter`, `function` or `declared`
    value: int  # the first token of the expression or function; of a loop, of what it goes over
    end: int  # the token after the value
    which: int = 0  # of the values of that expression, from 0


class TableEntry(NamedTuple):
    """A field or an item of a table constructor, or an argument of a call."""

    name: str  # empty for an item, and for a key that is no literal
    start: int  # its first token
    value: int  # the first token of its value


_end = attrgetter("end")


def read(code: str) -> Source:
    """Return what is read from a Lua text; what was typed after the last text is read without most of that."""
    global _latest  # noqa: PLW0603 - one assignment replaces it as a whole, which is safe in any thread
    latest = _latest
    if latest is None or latest.code != code:
        _latest = latest = Source(code, latest)
    return latest


_latest: Source | None = None


class Source:
    """A Lua text without its comments. Tokens are counted from 0; `size` stands for the end of the text.

    Parameters:
        code: the text.
        earlier: another text, whose statements are not read again if this text begins with them.
    """

    def __init__(self, code: str, earlier: Source | None = None) -> None:
        self.code = code
        self.tokens: list[Token] = []
        self.words: list[str] = []  # empty for strings, and for three tokens after the end
        self.kinds: list[str] = []
        self.opener: list[int] = []  # the innermost bracket or block around each token, and around the end
        self.partner: list[int] = []  # of the tokens that open and close brackets and blocks; others are their own
        self.separators: dict[int, list[int]] = {}  # directly inside each bracket
        self.bindings: dict[str, list[Binding]] = {}  # what the text sets, by the name of the variable, in its order
        if earlier:
            self._take(earlier)
        first = len(self.tokens)
        new = list(tokens_of(code, self.tokens[-1].end if first else 0))
        self.last = new[-1] if new else None  # may be a comment
        self.tokens += [token for token in new if token.kind != "comment"]
        self.size = len(self.tokens)
        self.words += [*("" if token.kind == "string" else token.text for token in self.tokens[first:]), *[""] * 3]
        self.kinds += [*(token.kind for token in self.tokens[first:]), *[""] * 3]
        self.partner += range(first, self.size + 3)
        self._match(first)
        for binding in self._read_bindings(first):
            self.bindings.setdefault(binding.path[0], []).append(binding)

    def _take(self, earlier: Source) -> None:
        """Take what is known of the statements, outside of all blocks, that an earlier text begins with too."""
        size = min(len(self.code), len(earlier.code))
        first = bisect_left(earlier.tokens, size, key=_end) - 1 if self.code[:size] == earlier.code[:size] else 0
        while first > 0 and (earlier.words[first] not in _BEGIN or earlier.opener[first] != WHOLE):
            first -= 1
        if first > 0:
            self.tokens, self.words, self.kinds = earlier.tokens[:first], earlier.words[:first], earlier.kinds[:first]
            self.opener, self.partner = earlier.opener[:first], earlier.partner[:first]
            self.separators = {at: own for at, own in earlier.separators.items() if at < first}
            bindings = [(name, own) for name, own in earlier.bindings.items() if own[0].target < first]
            self.bindings = {name: [binding for binding in own if binding.target < first] for name, own in bindings}

    def _match(self, first: int) -> None:
        """Match brackets and blocks from a token on that is outside of all."""
        stack, count = [WHOLE], Counter[str]()
        for at in [at for at in range(first, self.size) if self.words[at] in _STRUCTURE]:
            word = self.words[at]
            self.opener += [stack[-1]] * (at - len(self.opener))
            closes = _CLOSES.get(word, ())
            is_closing = any(map(count.__getitem__, closes))
            while is_closing or (word in _STATEMENTS and stack[-1] != WHOLE and self.words[stack[-1]] in BRACKETS):
                opening = stack.pop()
                count[self.words[opening]] -= 1
                self.partner[opening] = at
                if is_closing and self.words[opening] in closes:
                    self.partner[at] = opening
                    break
            self.opener.append(stack[-1])
            if word in _OPENS:
                stack.append(at)
                count[word] += 1
            elif word in SEPARATORS:
                self.separators.setdefault(stack[-1], []).append(at)
        self.opener += [stack[-1]] * (len(self.words) - len(self.opener))

    def _read_bindings(self, first: int) -> Iterator[Binding]:
        """Yield what is set from a token on that is outside of all blocks."""
        words, read = self.words, first  # the last `=`, `in` or end of names that was read
        for at in [at for at in range(first, self.size) if words[at] in ("=", "for", "function", "local")]:
            if words[at] == "function":
                head, block = self.head(at), self.opener[at] if words[at - 1] == "local" else WHOLE
                if head > at + 1:
                    yield Binding(self.path(at + 1, head), at + 1, at, block, "function", at, self.after(at) - 1)
                for position, name in enumerate(self.parameters(at)):
                    yield Binding((name,), head + position, at, at, "parameter", head, head)
            elif words[at] != "=":
                names, read = self.names(at + 1)
                how = "loop" if words[at] == "for" else "value" if words[read] == "=" else "declared"
                yield from self._bind([(name, name + 1) for name in names], read, how, self.opener[at])
            elif at != read and words[self.opener[at]] not in BRACKETS:
                targets = [(self.start_of(at), at)]
                while (end := targets[-1][0] - 1) > 0 and words[end] == ",":
                    targets.append((self.start_of(end), end))
                yield from self._bind(targets[::-1], at, "value", WHOLE)

    def _bind(self, targets: list[tuple[int, int]], at: int, how: str, block: int) -> Iterator[Binding]:
        """Yield what the names between tokens are set to by the `=` or `in` at a token."""
        bounds = [at, at] if how == "declared" else self.expressions(at + 1)
        block = bounds[-1] if how == "loop" else block  # its `do`
        for position, target in enumerate(targets):
            index = min(position, len(bounds) - 2)
            start, end = bounds[index : index + 2]
            yield Binding(self.path(*target), target[0], bounds[-1], block, how, start, end, position - index)

    def after(self, opening: int) -> int:
        """Return the token after a bracket or block; without an end it extends to the end of the text."""
        return self.partner[opening] + 1 if self.partner[opening] > opening else self.size + 1

    def line(self, at: int) -> int:
        """Return the line of a token, counted from 1."""
        return self.code.count("\n", 0, self.tokens[at].start) + 1

    def around(self, at: int) -> Iterator[int]:
        """Yield the tokens that open the brackets and blocks around a token, innermost first."""
        while (at := self.opener[at]) != WHOLE:
            yield at

    # Expressions -------------------------------------------------------------------------------------

    def is_literal(self, at: int) -> bool:
        """Return whether a token is a text, a number, `true` or `false`."""
        return at >= 0 and (self.kinds[at] in ("string", "number") or self.words[at] in ("true", "false"))

    def is_suffix(self, at: int) -> bool:
        """Return whether a bracket or a string is the argument, or the index, of what is before it."""
        return at > 0 and (self.kinds[at - 1] in ("name", "string") or self.words[at - 1] in _CLOSING)

    def start_of(self, end: int) -> int:
        """Return the first token of the name, fields, indexes and calls that end before a token."""
        at = end - 1
        while at > 0:
            at = self.partner[at] if self.words[at] in _CLOSING else at
            if self.kinds[at] == "name" and self.words[at - 1] in (".", ":"):
                at -= 2
            elif (self.kinds[at] == "string" or self.words[at] in BRACKETS) and self.is_suffix(at):
                at -= 1
            else:
                break
        return max(at, 0)

    def suffix(self, at: int) -> int:
        """Return the token after the field, index or arguments of a call that begin at a token; itself if none do."""
        if self.words[at] in (".", ":"):
            return at + 2
        return self.after(at) if self.words[at] in BRACKETS else at + (self.kinds[at] == "string")

    def end_of(self, at: int) -> int:
        """Return the token after the operand that begins at a token."""
        end = self.after(at) if self.words[at] in (*BRACKETS, "function") else at + 1
        while (self.kinds[at] == "name" or self.words[at] == "(") and end < self.size and self.suffix(end) > end:
            end = self.suffix(end)
        return end

    def operands(self, at: int) -> Iterator[tuple[int, int, bool]]:
        """Yield the first token of each operand of an expression, the token after it, and whether it has a prefix."""
        while at < self.size and self.words[at] not in _AFTER_EXPRESSIONS:
            start = at
            while self.words[start] in PREFIXES:
                start += 1
            end = min(self.end_of(start), self.size)
            yield start, end, start > at
            if self.words[end] not in OPERATORS:
                break
            at = end + 1

    def expressions(self, at: int) -> list[int]:
        """Return where each of the expressions with commas between begins, the first at a token; then their end."""
        bounds = [at]
        while True:
            *_, end = (bounds[-1], *(end for _, end, _ in self.operands(bounds[-1])))
            if self.words[end] != ",":
                return [*bounds, end]
            bounds.append(end + 1)

    def entries(self, opening: int) -> list[TableEntry]:
        """Return what is between the brackets of a table constructor or a call."""
        starts = (opening + 1, *(at + 1 for at in self.separators.get(opening, ())))
        return [self.entry(start) for start in starts if start < self.after(opening) - 1]

    def entry(self, start: int) -> TableEntry:
        """Return the field or item that begins at a token."""
        if self.kinds[start] == "name" and self.words[start + 1] == "=":
            return TableEntry(self.words[start], start, start + 2)
        if self.words[start] == "[" and self.words[self.after(start)] == "=":
            return TableEntry(self.key(start), start, self.after(start) + 1)
        return TableEntry("", start, start)

    def key(self, at: int) -> str:
        """Return the literal text between the square brackets that open at a token, or an empty text."""
        return self.tokens[at + 1].text if self.kinds[at + 1] == "string" and self.partner[at] == at + 2 else ""

    def path(self, start: int, end: int) -> Names:
        """Return the names of a variable and of the fields after it between two tokens, without what is none."""
        path = [self.words[start] if self.kinds[start] == "name" else ""]
        start = max(start, self.partner[start])
        while (start := start + 1) < end:
            if self.words[start] in (".", ":"):
                path.append(self.words[start + 1])
                start += 1
            else:
                path.append(self.key(start))
                start = max(start, self.partner[start])
        return tuple(path)

    # Names -------------------------------------------------------------------------------------------

    def visible(self, name: str, at: int) -> Iterator[Binding]:
        """Yield where the text sets a variable that is visible at a token, the last first."""
        own = [b for b in self.bindings.get(name, ()) if len(b.path) == 1 and b.since <= at]
        blocks = {WHOLE, *self.around(at)} if own else ()
        return (binding for binding in reversed(own) if binding.block in blocks)

    def head(self, function: int) -> int:
        """Return the bracket that opens the parameters of a function."""
        end = function + 1 + (self.kinds[function + 1] == "name")
        while end > function + 1 and self.words[end] in (".", ":") and self.kinds[end + 1] == "name":
            end += 2
        return end

    def parameters(self, function: int) -> list[str]:
        """Return the names of the parameters of a function; `self` first if its name has a colon."""
        head = self.head(function)
        has_self = head > function + 2 and self.words[head - 2] == ":"
        return ["self"] * has_self + [self.words[at] for at in self.names(head + 1)[0]]

    def names(self, at: int) -> tuple[list[int], int]:
        """Return the names with commas between that begin at a token, and the token after them."""
        names: list[int] = []
        while self.kinds[at] == "name" or self.words[at] == "...":
            names.append(at)
            at = min(at + 4, self.size) if self.words[at + 1] == "<" else at + 1  # after the attribute
            if self.words[at] != ",":
                break
            at += 1
        return names, at


# What is read of whole scripts -----------------------------------------------------------------------


@lru_cache(maxsize=MAX_TEXTS)
def keys(text: str) -> tuple[Names, ...]:
    """Return the names of keys in a text, in its order: one group per table constructor, and one per assigned field.

    `{ a = 1, ["b c"] = 2 }` is a group of two names; `row.total = 3` and `row["total"] = 3` are groups of one.
    """
    if "=" not in text:
        return ()
    source = read(text)
    groups = [(at, [entry.name for entry in source.entries(at)]) for at, word in enumerate(source.words) if word == "{"]
    groups += [(b.target, [b.path[-1]]) for b in _fields(source) if b.how == "value"]
    literal = [dict.fromkeys(name for name in names if name and "\\" not in name) for _, names in sorted(groups)]
    return tuple(tuple(names) for names in literal if names)


@lru_cache(maxsize=MAX_TEXTS)
def assigned_fields(text: str) -> frozenset[str]:
    """Return the names of the fields that a text assigns, including those of functions: `function row.total()`."""
    return frozenset(binding.path[-1] for binding in _fields(read(text))) - {""}


def _fields(source: Source) -> Iterator[Binding]:
    return (binding for binding in chain.from_iterable(source.bindings.values()) if len(binding.path) > 1)


@lru_cache(maxsize=MAX_TEXTS)
def set_variables(text: str) -> frozenset[str]:
    """Return the variables that a text sets or declares."""
    return frozenset(name for name, own in read(text).bindings.items() if any(len(b.path) == 1 for b in own)) - {""}


def indent(code: str) -> str:
    """Return the indentation of the line after an unfinished text."""
    source = read(f"{code}\n")
    if source.last is None or not source.tokens or not source.last.closed:
        return ""  # in a string or comment, whitespace is content
    lines = code[: source.last.end].split("\n")
    blanks, opening = [line[: len(line) - len(line.lstrip())] for line in lines], source.opener[source.size]
    if opening == WHOLE:
        heads = (word for word in reversed(source.words) if word in (*_HEADS, "then", "do"))
        return blanks[-1] + STEP * (next(heads, "") in _HEADS)
    is_opened = source.line(opening) == len(lines)
    return blanks[-1] + min(filter(None, blanks), key=len, default=STEP) * is_opened
