"""Read from the tokens of a Lua text what Lua does not tell: nesting, bound names, key order, the next indentation.

The text may be unfinished. Brackets and blocks are matched, and names are searched for where the text assigns them;
there is no grammar. A closing word without an opening one is ignored, a statement inside a bracket means that the
bracket was never closed, and what is open at the end of the text extends to it. The time is linear in the length of
the text, without recursion.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from operator import attrgetter

from msgspec import Struct

from kosmo_kernel.values.lua_tokens import Token, tokens_of

MAX_TEXTS = 256  # whose facts are kept: more than a session keeps scripts, all of which are read for some requests
WHOLE = -1  # stands for the token that opens the whole text
STEP = "  "  # indentation of a block, if the text has no indentation of its own
BRACKETS = {"(": ")", "[": "]", "{": "}"}
SEPARATORS = (",", ";")
_OPENS = frozenset((*BRACKETS, "function", "do", "then", "else", "repeat"))
_CLOSES = {  # what each closing word closes
    **{closing: (opening,) for opening, closing in BRACKETS.items()},
    "end": ("function", "do", "then", "else"),
    "else": ("then",),
    "elseif": ("then",),
    "until": ("repeat",),
}
_HEADS = ("if", "elseif", "while", "for")
_STATEMENTS = frozenset((*_HEADS, "break", "do", "else", "end", "goto", "local", "repeat", "return", "then", "until"))
_STRUCTURE = _STATEMENTS | _OPENS | _CLOSES.keys() | {*SEPARATORS}  # words that are matched or separate
# What begins a statement whatever comes before it, and does not close a block.
_BEGIN = frozenset(("for", "goto", "if", "local", "repeat", "return", "while"))
PREFIXES = frozenset(("not", "-", "#", "~"))
OPERATORS = frozenset(
    ["+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or", "&", "|", "~", "<<", ">>"]
)
CONSTANTS = frozenset(("nil", "true", "false", "..."))
_ENCLOSED = ("(", "{", "function")
Names = tuple[str, ...]


class Binding(Struct, frozen=True):
    """A variable, or a field of one, and what the text sets it to."""

    path: Names  # the variable and the fields after it
    at: int  # the token that sets it
    block: int  # the token that opens the block that it is local to, or `WHOLE`
    how: str  # `value`, `loop`, `parameter`, `self` or `function`
    values: tuple[int, ...] = ()  # where the expressions on the right begin; the `function` of the others
    index: int = 0  # its position among the names that are set together


class TableEntry(Struct, frozen=True):
    """A field or an item of a table constructor, or an argument of a call."""

    name: str  # empty for an item, and for a key that is no literal
    start: int  # its first token
    value: int  # the first token of its value


_start = attrgetter("start")


def read(code: str) -> Source:
    """Return what is read from a Lua text; what was typed after the last text is read without most of that."""
    global _latest  # noqa: PLW0603 - one assignment replaces it as a whole, which is safe in any thread
    latest = _latest
    if latest is None or latest.code != code:
        _latest = latest = Source(code, latest)
    return latest


class Source:
    """A Lua text without its comments. Tokens are counted from 0; `size` stands for the end of the text.

    Parameters:
        code: the text.
        earlier: another text, whose statements are not read again if this text begins with them.
    """

    def __init__(self, code: str, earlier: Source | None = None) -> None:
        self.code = code
        self.tokens: list[Token] = []
        self.words: list[str] = []
        self.kinds: list[str] = []
        self.opener: list[int] = []  # the innermost bracket or block around each token, and around the end
        self.partner: dict[int, int] = {}  # of the tokens that open and close brackets and blocks
        self.separators: dict[int, list[int]] = {}  # directly inside each bracket and block
        self.statements: list[int] = []  # tokens outside of all blocks that begin a statement whatever is before them
        self.bindings: dict[str, list[Binding]] = {}  # what the text sets, by the name of the variable, in its order
        if earlier:
            self._take(earlier)
        tokens, first = tokens_of(code), len(self.tokens)
        begin = self.tokens[-1].end if first else 0
        new = [token for token in tokens[bisect_left(tokens, begin, key=_start) :] if token.kind != "comment"]
        self.tokens += new
        self.size = len(self.tokens)
        self.words += [*("" if token.kind == "string" else token.text for token in new), *[""] * 3]
        self.kinds += [*(token.kind for token in new), *[""] * 3]
        self._match(first)
        self._bind(first)

    def _take(self, earlier: Source) -> None:
        """Take what is known of the statements, outside of all blocks, that an earlier text begins with too."""
        size = min(len(self.code), len(earlier.code))
        end = self.code.rfind("\n", 0, size) + 1 if self.code[:size] == earlier.code[:size] else 0
        index = bisect_right([earlier.tokens[at].end for at in earlier.statements], end)
        self.statements = earlier.statements[: max(index - 1, 0)]
        first = earlier.statements[index - 1] if index else 0
        self.tokens, self.words = earlier.tokens[:first], earlier.words[:first]
        self.kinds, self.opener = earlier.kinds[:first], earlier.opener[:first]
        self.partner = {at: other for at, other in earlier.partner.items() if at < first and other <= first}
        self.separators = {at: own for at, own in earlier.separators.items() if at < first}
        self.separators[WHOLE] = [at for at in self.separators.get(WHOLE, ()) if at < first]
        bindings = {name: [b for b in own if b.at < first] for name, own in earlier.bindings.items()}
        self.bindings = {name: own for name, own in bindings.items() if own}

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
            if word in _BEGIN and len(stack) == 1:
                self.statements.append(at)
            if word in _OPENS:
                stack.append(at)
                count[word] += 1
            elif word in SEPARATORS:
                self.separators.setdefault(stack[-1], []).append(at)
        self.opener += [stack[-1]] * (len(self.words) - len(self.opener))

    def line(self, at: int) -> int:
        """Return the line of a token, counted from 1."""
        return self.code.count("\n", 0, self.tokens[at].start) + 1

    def around(self, at: int) -> Iterator[int]:
        """Yield the tokens that open the brackets and blocks around a token, innermost first."""
        while (at := self.opener[at]) != WHOLE:
            yield at

    # Expressions -------------------------------------------------------------------------------------

    def is_suffix(self, at: int) -> bool:
        """Return whether a bracket or a string is the argument, or the index, of what is before it."""
        return at > 0 and (self.kinds[at - 1] in ("name", "string") or self.words[at - 1] in BRACKETS.values())

    def start_of(self, end: int) -> int:
        """Return the first token of the name, fields, indexes and calls that end before a token."""
        at = end - 1
        while at > 0:
            at = self.partner.get(at, at) if self.words[at] in BRACKETS.values() else at
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
        return self.partner.get(at, self.size) + 1 if self.words[at] in BRACKETS else at + (self.kinds[at] == "string")

    def expressions(self, at: int) -> tuple[tuple[int, ...], int]:
        """Return where the expressions with commas between begin, the first at a token, and the token after them."""
        starts = [at]
        while at < self.size:
            while self.words[at] in PREFIXES:
                at += 1
            is_base, is_closed = self.kinds[at] == "name" or self.words[at] == "(", self.words[at] in _ENCLOSED
            if not (is_base or is_closed or self.kinds[at] in ("string", "number") or self.words[at] in CONSTANTS):
                break
            at = self.partner.get(at, self.size) + 1 if is_closed else at + 1
            while is_base and at < self.size and (after := self.suffix(at)) > at:
                at = after
            if at < self.size and self.words[at] == ",":
                starts.append(at + 1)
            elif at >= self.size or self.words[at] not in OPERATORS:
                break
            at += 1
        return tuple(starts), at

    def entries(self, opening: int) -> list[TableEntry]:
        """Return what is between the brackets of a table constructor or a call."""
        last = self.partner.get(opening, self.size)
        starts = (opening + 1, *(at + 1 for at in self.separators.get(opening, ())))
        return [self.entry(start) for start in starts if start < last]

    def entry(self, start: int) -> TableEntry:
        """Return the field or item that begins at a token."""
        if self.kinds[start] == "name" and self.words[start + 1] == "=":
            return TableEntry(self.words[start], start, start + 2)
        if self.words[start] == "[" and self.words[(closing := self.partner.get(start, self.size)) + 1] == "=":
            return TableEntry(self.tokens[start + 1].text if self._is_key(start) else "", start, closing + 2)
        return TableEntry("", start, start)

    def _is_key(self, at: int) -> bool:
        """Return whether an index is a literal text."""
        return self.words[at] == "[" and self.kinds[at + 1] == "string" and self.partner.get(at) == at + 2

    def path(self, start: int, end: int) -> Names:
        """Return the names of a variable and of the fields after it between two tokens, without what is none."""
        path = [self.words[start] if self.kinds[start] == "name" else ""]
        start = self.partner.get(start, start)
        while (start := start + 1) < end:
            if self.words[start] in (".", ":"):
                path.append(self.words[start + 1])
                start += 1
            else:
                path.append(self.tokens[start + 1].text if self._is_key(start) else "")
                start = self.partner.get(start, start)
        return tuple(path)

    # Names -------------------------------------------------------------------------------------------

    def _bind(self, first: int) -> None:
        """Find what the text sets from a token on."""
        for at in range(first, self.size):
            word = self.words[at]
            if word in ("=", "in", "function") or (word == "local" and self.words[at + 1] != "function"):
                for binding in self._function(at) if word == "function" else self._set(at):
                    self.bindings.setdefault(binding.path[0], []).append(binding)

    def visible(self, name: str, at: int) -> Iterator[Binding]:
        """Yield what the text sets a variable to that is visible at a token, the last first."""
        own = [b for b in self.bindings.get(name, ()) if len(b.path) == 1 and b.at < at]
        blocks = {WHOLE, *self.around(at)} if own else ()
        return (binding for binding in reversed(own) if binding.block in blocks)

    def _set(self, at: int) -> Iterator[Binding]:
        """Yield the bindings of a `local`, a `=` or an `in`."""
        if self.words[at] == "local":
            names, end = self.names(at + 1)
            yield from (Binding((name,), at, self.opener[at], "value") for name in names if self.words[end] != "=")
            return
        targets = self._targets(at)
        before = self.words[targets[0][0] - 1] if targets and targets[0][0] else ""
        values, end = self.expressions(at + 1) if targets else ((), 0)
        how, block = ("loop", end) if before == "for" else ("value", self.opener[at] if before == "local" else WHOLE)
        if how == "value" or self.words[end : end + 1] == ["do"]:
            for index, (start, target_end) in enumerate(targets):
                yield Binding(self.path(start, target_end), at, block, how, values, index)

    def _targets(self, at: int) -> list[tuple[int, int]]:
        """Return where the names and fields before a `=` or `in` begin and end."""
        targets: list[tuple[int, int]] = []
        while at > 0 and self.words[self.opener[at]] not in BRACKETS:
            end = at - 3 if self.words[at - 1] == ">" else at  # the attribute of a local variable
            targets.append((self.start_of(end), end))
            at = targets[-1][0] - 1
            if at < 0 or self.words[at] != ",":
                break
        return targets[::-1]

    def _function(self, at: int) -> Iterator[Binding]:
        """Yield the name of a function and its parameters."""
        end = self.head(at)
        path = self.path(at + 1, end) if end > at + 1 else ()
        if path:
            yield Binding(path, at, self.opener[at] if self.words[at - 1] == "local" else WHOLE, "function", (at,))
        if self.words[end - 2] == ":":
            yield Binding(("self",), at, at, "self", (at + 1,))
        for index, name in enumerate(self.names(end + 1)[0]):
            yield Binding((name,), at, at, "parameter", (at,), index)

    def head(self, function: int) -> int:
        """Return the bracket that opens the parameters of a function."""
        end = function + 1 + (self.kinds[function + 1] == "name")
        while end > function + 1 and self.words[end] in (".", ":") and self.kinds[end + 1] == "name":
            end += 2
        return end

    def parameters(self, function: int) -> list[str]:
        """Return the names of the parameters of a function; `self` first if its name has a colon."""
        head = self.head(function)
        return ["self"] * (head > function + 2 and self.words[head - 2] == ":") + self.names(head + 1)[0]

    def names(self, at: int) -> tuple[list[str], int]:
        """Return the names with commas between that begin at a token, and the token after them."""
        names: list[str] = []
        while self.kinds[at] == "name" or self.words[at] == "...":
            names.append(self.words[at])
            at += 4 if self.words[at + 1] == "<" and at + 4 <= self.size else 1
            if self.words[at] != ",":
                break
            at += 1
        return names, at


_latest: Source | None = None


# What is read of whole scripts -----------------------------------------------------------------------


@lru_cache(maxsize=MAX_TEXTS)
def keys(text: str) -> tuple[Names, ...]:
    """Return the names of keys in a text, in its order: one group per table constructor, and one per assigned field.

    `{ a = 1, ["b c"] = 2 }` is a group of two names; `row.total = 3` and `row["total"] = 3` are groups of one.
    """
    if "=" not in text:
        return ()
    source = read(text)
    groups = [(at, 0, [e.name for e in source.entries(at)]) for at, word in enumerate(source.words) if word == "{"]
    groups += [(b.at, b.index, [b.path[-1]]) for b in _fields(source) if b.how == "value"]
    literal = [dict.fromkeys(name for name in names if name and "\\" not in name) for *_, names in sorted(groups)]
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
    everything, source = tokens_of(f"{code}\n"), read(code)
    if not source.tokens or not everything[-1].closed:
        return ""  # in a string or comment, whitespace is content
    lines = code[: everything[-1].end].split("\n")
    blanks, opening = [line[: len(line) - len(line.lstrip())] for line in lines], source.opener[source.size]
    heads = (word for word in reversed(source.words) if word in (*_HEADS, "then", "do"))
    if opening == WHOLE:
        return blanks[-1] + STEP * (next(heads, "") in _HEADS)
    is_opened = source.line(opening) == len(lines)
    return blanks[-1] + min(filter(None, blanks), key=len, default=STEP) * is_opened
