"""What an expression stands for, read from the text and from the live Lua state, without running anything.

`app.integrations.heroku` is a place in the live state. `heroku.list_apps()` is the answer of a function of
the catalogue, whose fields are known before anyone asks. A name that the text itself binds
(`local h = app.integrations.heroku`, `for _, app in ipairs(h.list_apps()) do`) stands for what it is bound
to, since the cell that is being written has not run yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.editor.library import library
from kosmo_kernel.editor.live import LiveState, LiveStateCache
from kosmo_kernel.editor.outline import Binding, Outline
from kosmo_kernel.editor.paths import BRACKETS, OPERATORS, WHOLE, Span
from kosmo_kernel.editor.tokens import tokens_of
from kosmo_kernel.editor.types import (
    CallResult,
    ErrorFields,
    FunctionLiteral,
    InferredType,
    ListOf,
    NamePath,
    StringType,
    TableLiteral,
    Union,
    answer_of,
    failures_of,
    function_named,
)
from kosmo_kernel.values.records import CAUGHT

MAX_DEPTH = 40  # expressions within expressions, and aliases of aliases, that are followed
MAX_CHAIN_LENGTH = 100  # names behind one another that are followed
_FIRST = 1  # the item that stands for all of a list
GIVE_BACK = ("assert", "dump", "json.array", "json.object")  # their first argument
RETURN_TEXT = frozenset(
    (
        *("docs.list", "docs.read", "docs.search", "io.read", "json.encode", "lua_list_docs", "lua_read_doc"),
        *("lua_search_docs", "math.type", "os.date", "regex.gsub", "string.char", "string.format", "string.gsub"),
        *("string.lower", "string.match", "string.pack", "string.rep", "string.reverse", "string.sub", "string.upper"),
        *("coroutine.status", "table.concat", "tostring", "type", "utf8.char"),
    )
)
_NOTHING = (0, 0)
_RESULT, _WHY = 1, 2  # of the values that `pcall` returns
_EACH = ("parallel.map", "table.sort")  # what calls a function with items of its first argument


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call whose arguments something is in.

    Parameters:
        end: the token behind the name of what is called.
        bracket: what stands around the arguments.
        position: which argument, from 0.
        brace: the `{` of the table that is this argument, where it is one.
        key: the name in that table whose value something is in, or empty.
    """

    end: int
    bracket: int
    position: int
    brace: int | None
    key: str


@lru_cache(maxsize=2)  # while a name is typed, what stands in front of it stays, and is asked about again and again
def _outline(code: str) -> Outline:
    return Outline([token for token in tokens_of(code) if token.kind != "comment"])


class TypeInferrer:
    """A Lua text up to some place, and the live state that it will meet.

    Parameters:
        code: the text.
        live: the Lua state, or None where nothing has run.
    """

    def __init__(self, code: str, live: LiveState | None) -> None:
        self.code = code
        self.state = LiveStateCache(live)
        self.outline = _outline(code)
        self.tokens = self.outline.tokens
        self._known: dict[tuple[int, int], InferredType | None] = {}
        self._deep = 0

    # Questions ---------------------------------------------------------------------------------------

    def meaning_until(self, end: int) -> InferredType | None:
        """What the expression that stops before the token at `end` stands for; None when it cannot be known."""
        start = self.outline.start_of(end - 1)
        return None if start is None else self._chain(start, end)

    def calls_around(self, end: int) -> Iterator[CallSite]:
        """The calls whose arguments the token at `end` is in, innermost first; not beyond the function it is in."""
        outline, at, brace, key = self.outline, end, None, ""
        opener = outline.inside[end]
        while opener != WHOLE and outline.words[opener] in BRACKETS:
            word = outline.words[opener]
            if word == "{":
                brace, key = opener, self._key(opener, at)
            if word != "[" and outline.can_be_called(opener - 1) and not outline.is_definition(opener):
                yield CallSite(opener, opener, self._position(opener, at) if word == "(" else 0, brace, key)
            if word != "{":
                brace, key = None, ""
            at, opener = opener, outline.inside[opener]

    def function_at(self, place: NamePath) -> Function | None:
        """The catalogue's function at a place."""
        match place.chain:
            case ("app", "integrations", str(name), *_, str(last)) if len(place.chain) <= 5:
                found = integrations.known(name)
                return found.names().get(last) if found else None
            case ("app", "integrations", *_):
                return None
        if ".".join(map(str, place.chain)) in library():
            return None
        return function_named((self.state.resolve(place.chain) or {}).get("function"))

    def library_name(self, meaning: InferredType | None) -> str:
        """The full name of the library's function that a place is, or empty."""
        if not isinstance(meaning, NamePath):
            return ""
        name = ".".join(map(str, meaning.chain))
        if name in library():
            return name
        last = f"string.{meaning.chain[-1]}"
        return last if meaning.method and last in library() and self.is_text(NamePath(meaning.chain[:-1])) else ""

    def is_text(self, meaning: InferredType | None) -> bool:
        """Whether string methods work on it."""
        match meaning:
            case StringType():
                return True
            case CallResult():
                return meaning.is_text
            case NamePath(chain=chain):
                known = self.state.resolve(chain) or {}
                return known.get("type") == "string" or bool(known.get("reads")) or self.is_text(answer_of(known))
        return False

    def answer_at(self, place: NamePath) -> CallResult | None:
        """What a place holds, where that is what a function of the catalogue returned."""
        return answer_of(self.state.resolve(place.chain) or {})

    def parameters(self, function: int) -> str:
        """The parameters of a function of the text, as they are written, with `self` where a colon adds it."""
        opener = self._parameters_of(function)
        if opener is None:
            return ""
        names = [w for w in self.outline.words[opener + 1 : self.outline.after(opener)] if w not in ("", ",", ")")]
        return ", ".join((["self"] if self.is_method(function) else []) + names)

    def is_method(self, function: int) -> bool:
        """Whether a colon stands in the name of a function of the text."""
        return ":" in self.outline.words[function : self._parameters_of(function)]

    def _parameters_of(self, function: int) -> int | None:
        """The bracket around the parameters of a function; None where it is still missing."""
        words = self.outline.words
        return next((at for at in range(function, len(words)) if words[at] == "("), None)

    def fields_of(self, table: TableLiteral) -> dict[str, Span]:
        """The fields that a table is made with, each with its value; the items under their numbers."""
        outline, at, found, count = self.outline, table.at + 1, {}, 0
        end = outline.partners.get(table.at, len(self.tokens))
        while at < end:
            if outline.kind(at) == "name" and outline.word(at + 1) == "=":
                name, at = outline.words[at], at + 2
            elif outline.word(at) == "[" and outline.kind(at + 1) == "string" and outline.word(at + 3) == "=":
                name, at = self.tokens[at + 1].text, at + 4
            elif outline.word(at) == "[":
                name, at = "", outline.after(at) + 1
            else:
                count += 1
                name = str(count)
            stop = min(outline.expression(at)[0], end)
            if name:
                found[name] = at, stop
            at = max(stop, at)
            while at < end and outline.word(at) not in (",", ";"):
                at = outline.after(at)  # what is no Lua
            at += 1
        return found

    # Expressions -------------------------------------------------------------------------------------

    def value(self, start: int, end: int, which: int = 0) -> InferredType | None:
        """What an expression stands for; `which` of the values that a call returns."""
        if start >= end or self._deep > MAX_DEPTH:
            return None
        self._deep += 1
        try:
            marks = list(self._operators(start, end))
            words = {self.outline.words[at] for at in marks}
            if "or" in words:
                bounds = [start - 1, *(at for at in marks if self.outline.words[at] == "or"), end]
                parts = (self.value(a + 1, b) for a, b in pairwise(bounds))
                return next((part for part in parts if part is not None), None)
            if "and" in words:
                return self.value(max(at for at in marks if self.outline.words[at] == "and") + 1, end)
            if not marks:
                return self._chain(start, end, which)
            return StringType() if words == {".."} else None
        finally:
            self._deep -= 1

    def _operators(self, start: int, end: int) -> Iterator[int]:
        at = start
        while at < end:
            if self.outline.words[at] in OPERATORS or self.outline.words[at] in ("not", "#"):
                yield at
            at = self.outline.after(at)

    def _chain(self, start: int, end: int, which: int = 0) -> InferredType | None:
        """What a name, a bracket or a string stands for with the fields and calls behind it, read from the left."""
        outline, word = self.outline, self.outline.word(start)
        at = outline.after(start)
        meaning: InferredType | None = None
        if word == "(":
            meaning = self.value(start + 1, min(at, end) - 1)
        elif word == "{":
            meaning = TableLiteral(start)
        elif word == "function":
            meaning = FunctionLiteral(start)
        elif outline.kind(start) == "string":
            meaning = StringType()
        elif outline.kind(start) == "name":
            meaning = self.named(word, start)
        while at < end and meaning is not None:
            word = outline.word(at)
            if word in (".", ":"):
                meaning = self.field(meaning, outline.word(at + 1), at, method=word == ":")
                at += 2
            elif word == "[":
                meaning = self._index(meaning, at)
                at = outline.after(at)
            elif word in BRACKETS or outline.kind(at) == "string":
                after = outline.after(at)
                meaning = result_of(self, meaning, at, which if after >= end else 0)
                at = after
            else:
                return None
        return meaning

    def named(self, name: str, at: int) -> InferredType | None:
        """What a name stands for at a token: what the text has bound it to, else what the live state has."""
        binding = self.outline.seen(name, at)
        return NamePath((name,)) if binding is None else self.bound(binding)

    def field(self, meaning: InferredType, name: str, at: int, *, method: bool = False) -> InferredType | None:
        """What a field stands for."""
        found: InferredType | None = None
        match meaning:
            case NamePath(chain=chain) if len(chain) < MAX_CHAIN_LENGTH:
                written = self._given(str(chain[0]), (*map(str, chain[1:]), name), at)
                found = written or NamePath((*chain, name), method)
            case CallResult(many=False, path=path):
                found = replace(meaning, path=(*path, name))
            case StringType():
                found = NamePath(("string", name), method)
            case TableLiteral():
                found = self._field_of_table(meaning, name, at)
            case ErrorFields(many=False, columns=columns) if any(
                c.name == name and c.kind == "string" for c in columns
            ):
                found = StringType()
            case Union(parts=parts):
                found = next((one for part in parts if (one := self.field(part, name, at, method=method))), None)
        return found

    def _field_of_table(self, table: TableLiteral, name: str, at: int) -> InferredType | None:
        path = (*table.path, name)
        found = self._given(table.owner, path, at) if table.owner else None
        if found is None and name in (fields := self.fields_of(table)):
            found = self.value(*fields[name])
        return replace(found, owner=table.owner, path=path) if isinstance(found, TableLiteral) else found

    def _given(self, owner: Binding | str, path: tuple[str, ...], at: int) -> InferredType | None:
        """What the text has put into a field."""
        written = next((b for b in self.outline.fields(owner, at) if b.path == path), None)
        return self.bound(written) if written else None

    def _index(self, meaning: InferredType, at: int) -> InferredType | None:
        """What stands in a table behind the `[` at a token."""
        if self.outline.kind(at + 1) == "string":
            return self.field(meaning, self.tokens[at + 1].text, at)
        token = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        number = int(token.text) if token and token.kind == "number" and token.text.isdecimal() else _FIRST
        return self.item(meaning, number if number < 1 << 31 else _FIRST)

    def item(self, meaning: InferredType | None, number: int = _FIRST) -> InferredType | None:
        """What the items of a list are."""
        match meaning:
            case CallResult(many=True):
                return meaning.item()
            case ErrorFields(many=True):
                return replace(meaning, many=False)
            case ListOf(of=of):
                return of
            case TableLiteral():
                fields = self.fields_of(meaning)
                span = fields.get(str(number)) or fields.get(str(_FIRST))
                return self.value(*span) if span else None
            case NamePath(chain=chain):
                answer = self.answer_at(meaning)
                return self.item(answer) if answer else NamePath((*chain, number))
        return None

    def bound(self, binding: Binding) -> InferredType | None:
        """What a binding stands for."""
        key = binding.at, binding.place
        if key not in self._known:
            self._known[key] = None  # a circle ends here
            found = self._meaning_of(binding) if self._deep <= MAX_DEPTH else None
            if isinstance(found, TableLiteral) and found.owner is None:
                found = replace(found, owner=binding)
            self._known[key] = found
        return self._known[key]

    def _meaning_of(self, binding: Binding) -> InferredType | None:
        match binding.how:
            case "function":
                return FunctionLiteral(binding.function, ".".join((binding.name, *binding.path)))
            case "parameter":
                return self._parameter(binding)
            case "loop":
                return self._loop(binding)
        place = min(binding.place, len(binding.spans) - 1)
        return self.value(*binding.spans[place], binding.place - place) if place >= 0 else None

    def _loop(self, binding: Binding) -> InferredType | None:
        """What a variable is in `for place, item in ipairs(list) do`."""
        if not binding.spans:
            return None
        start, end = binding.spans[0]
        opener = self.outline.opener_of(end - 1) if end > start else None
        called = self.library_name(self.meaning_until(opener)) if opener is not None and opener > start else ""
        if called == "string.gmatch":
            return StringType()
        if called not in ("ipairs", "pairs") or binding.place != 1 or opener is None:
            return None
        return self.item(self.value(opener + 1, end - 1))

    def _parameter(self, binding: Binding) -> InferredType | None:
        """What a parameter is: `self` of a method, or the items that `table.sort` and `parallel.map` pass on."""
        outline, function = self.outline, binding.function
        if binding.place == WHOLE:  # `self` is what stands in front of the colon
            colon = next(at for at in range(function, len(self.tokens)) if outline.words[at] == ":")
            return self._chain(function + 1, colon)
        call = next(self.calls_around(function), None)
        if call is None or call.brace is not None or call.position == 0:
            return None
        if self.library_name(self.meaning_until(call.end)) not in _EACH:
            return None
        return self.item(self.value(*self.arguments(call.bracket)[0]))

    # Calls -------------------------------------------------------------------------------------------

    def returned(self, function: FunctionLiteral, which: int) -> InferredType | None:
        """What a function of the text returns, by the first `return` of its own."""
        key = -2 - function.at, which
        if key not in self._known:
            self._known[key] = None
            outline, end = self.outline, self.outline.partners.get(function.at, len(self.tokens))
            at = function.at + 1
            while at < end and outline.words[at] != "return":
                at = outline.after(at)
            spans = outline.expressions(at + 1)[0] if at < end else []
            place = min(which, len(spans) - 1)
            if place >= 0:
                self._known[key] = self.value(*spans[place], which - place)
        return self._known[key]

    def arguments(self, at: int) -> list[Span]:
        """The arguments of the call whose bracket, or only string, is at a token."""
        if self.outline.word(at) != "(":
            return [(at, self.outline.after(at))]
        return [span for span in self.outline.expressions(at + 1)[0] if span[0] < span[1]]

    def _position(self, opener: int, at: int) -> int:
        """How many commas of its own a bracket has in front of a token."""
        inside, words = self.outline.inside, self.outline.words
        return sum(words[i] == "," and inside[i] == opener for i in range(opener + 1, at))

    def _key(self, brace: int, at: int) -> str:
        """The name in a table whose value a token is in, or empty."""
        inside, words = self.outline.inside, self.outline.words
        start = at
        while start - 1 > brace and not (words[start - 1] in (",", ";") and inside[start - 1] == brace):
            start -= 1
        return words[start] if start < at and self.outline.word(start + 1) == "=" else ""


# What a call returns, as far as the catalogue, the library or the text itself tells. ----------------------


def result_of(reader: TypeInferrer, called: InferredType, at: int, which: int) -> InferredType | None:
    """What a call returns.

    Parameters:
        reader: the text.
        called: what is called.
        at: the bracket of its arguments, or its only argument.
        which: of the values returned, from 0.
    """
    if isinstance(called, FunctionLiteral):
        return reader.returned(called, which)
    if not isinstance(called, NamePath):
        return None
    if name := reader.library_name(called):
        return _of_library(reader, name, at, which)
    function = reader.function_at(called)
    if function is None or which > 1:
        return None
    if which == 1:
        return failures_of(function)
    asked = function.fan_out is not None and _is_list(reader, function.fan_out.name, reader.arguments(at))
    return CallResult(function, many=asked or function.returns == "list", asked=asked)


def _is_list(reader: TypeInferrer, name: str, arguments: list[Span]) -> bool:
    """Whether the argument of this name, or the first one, is a list."""
    value = reader.value(*arguments[0]) if arguments else None
    if isinstance(value, TableLiteral):
        fields = reader.fields_of(value)
        if name in fields:
            value = reader.value(*fields[name])
        elif "1" not in fields:
            return False
    if isinstance(value, NamePath):
        value = reader.answer_at(value)
    return isinstance(value, (TableLiteral, ListOf)) or (isinstance(value, CallResult) and value.many)


def _of_library(reader: TypeInferrer, name: str, at: int, which: int) -> InferredType | None:
    arguments = reader.arguments(at)
    first, second = (reader.value(*span) for span in [*arguments, _NOTHING, _NOTHING][:2])
    found: InferredType | None = None
    match name:
        case "pcall" | "xpcall" if which == _WHY:
            found = ErrorFields(CAUGHT, many=False)
        case "pcall" | "xpcall" if which == _RESULT and first:
            found = result_of(reader, first, arguments[1][0] if len(arguments) > 1 else at, 0)
        case "parallel.map" if which == 1:
            found = failures_of(None)
        case "parallel.map":
            found = ListOf(result_of(reader, second, at, 0) if second else None)
        case "table.remove":
            found = reader.item(first)
        case "setmetatable":
            behind = reader.field(second, "__index", at) if second else None
            found = Union(tuple(part for part in (first, behind, second) if part))
        case _ if name in RETURN_TEXT:
            found = StringType()
        case _ if name in GIVE_BACK:
            found = first
    return found
