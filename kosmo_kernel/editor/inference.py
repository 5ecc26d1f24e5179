"""Infer the types of expressions from the text and the live Lua state, without running anything.

`app.integrations.heroku` is a path in the live state. `heroku.list_apps()` is the result of a catalogue function,
whose fields are known before any request. A name that the text itself binds (`local h = app.integrations.heroku`,
`for _, app in ipairs(h.list_apps()) do`) has the type of its value in the text, because the cell being edited has
not run yet.
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
from kosmo_kernel.editor.outline import BRACKETS, OPERATORS, WHOLE, Binding, Outline, Span
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
    TableOf,
    Union,
    call_result_of,
    failures_of,
    function_named,
)
from kosmo_kernel.values.records import ERROR_FIELDS

MAX_DEPTH = 40  # nested expressions, and aliases of aliases, that are followed
MAX_CHAIN_LENGTH = 100  # names in one chain that are followed
_FIRST = 1  # the item that represents all items of a list
GIVE_BACK = ("assert", "dump", "json.array", "json.object")  # they return their first argument
RETURN_TEXT = frozenset(
    (
        *("docs.list", "docs.read", "docs.search", "io.read", "json.encode", "lua_list_docs", "lua_read_doc"),
        *("lua_search_docs", "math.type", "os.date", "regex.gsub", "string.char", "string.format", "string.gsub"),
        *("string.lower", "string.match", "string.pack", "string.rep", "string.reverse", "string.sub", "string.upper"),
        *("coroutine.status", "list.join", "table.concat", "time.ago", "time.now", "tostring", "type"),
        "utf8.char",
    )
)
_NO_SPAN = (0, 0)
_RESULT, _ERROR = 1, 2  # indexes of the result and the error data among the values that `pcall` returns
# Functions of `list` with a key or a test, and the position of it; the key may be a field.
LIST_KEYS = {
    **dict.fromkeys(("list.count_by", "list.group_by", "list.index_by", "list.map", "list.sort_by", "list.sum_by"), 1),
    "list.unique_by": 1,
    "list.join": 2,
}
LIST_TESTS = dict.fromkeys(("list.filter", "list.find", "list.reject"), 1)
_SAME_ITEMS = ("list.drop", "list.filter", "list.reject", "list.sort_by", "list.take", "list.unique_by")
# Functions that call a function with items of their first argument.
_EACH = ("parallel.map", "table.sort", *LIST_KEYS, *LIST_TESTS)


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call whose arguments contain a given token.

    Parameters:
        end: the token after the name of the called function.
        bracket: the token that opens the arguments.
        position: the position of the argument, from 0.
        brace: the `{` of the table that is this argument, if it is a table.
        key: the field of that table whose value contains the token, or empty.
    """

    end: int
    bracket: int
    position: int
    brace: int | None
    key: str


@lru_cache(maxsize=2)  # while a name is typed, the text before it stays the same and is needed repeatedly
def _outline(code: str) -> Outline:
    return Outline([token for token in tokens_of(code) if token.kind != "comment"])


class TypeInferrer:
    """Infers types in a Lua text; `live` and `account` are the state that it will run in, as for `LiveStateCache`."""

    def __init__(self, code: str, live: LiveState | None, account: str = "") -> None:
        self.code = code
        self.state = LiveStateCache(live, account)
        self.outline = _outline(code)
        self.tokens = self.outline.tokens
        self._cache: dict[tuple[int, int], InferredType | None] = {}
        self._depth = 0

    # Queries -----------------------------------------------------------------------------------------

    def type_before(self, end: int) -> InferredType | None:
        """Return the type of the expression that ends before the token at `end`, or None if unknown."""
        start = self.outline.start_of(end - 1)
        return None if start is None else self._chain(start, end)

    def calls_around(self, end: int) -> Iterator[CallSite]:
        """Yield the calls whose arguments contain the token at `end`, innermost first, up to the enclosing function."""
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
        """Return the catalogue function at a path, or None."""
        match place.chain:
            case ("app", "integrations", str(name), *_, str(last)) if len(place.chain) <= 5:
                integration = integrations.known(name)
                return integration.names().get(last) if integration else None
            case ("app", "integrations", *_):
                return None
        if ".".join(map(str, place.chain)) in library():
            return None
        return function_named((self.state.resolve(place.chain) or {}).get("function"))

    def library_name(self, meaning: InferredType | None) -> str:
        """Return the full name of the library function at a path, or an empty string."""
        if not isinstance(meaning, NamePath):
            return ""
        name = ".".join(map(str, meaning.chain))
        if name in library():
            return name
        last = f"string.{meaning.chain[-1]}"
        return last if meaning.method and last in library() and self.is_text(NamePath(meaning.chain[:-1])) else ""

    def is_text(self, meaning: InferredType | None) -> bool:
        """Return whether string methods work on a value."""
        match meaning:
            case StringType():
                return True
            case CallResult():
                return meaning.is_text
            case NamePath(chain=chain):
                info = self.state.resolve(chain) or {}
                return info.get("type") == "string" or bool(info.get("reads")) or self.is_text(call_result_of(info))
        return False

    def call_result_at(self, place: NamePath) -> CallResult | None:
        """Return the result of a catalogue function that the value at a path is, or None."""
        return call_result_of(self.state.resolve(place.chain) or {})

    def parameters(self, function: int) -> str:
        """Return the parameters of a function in the text as written, with `self` where a colon adds it."""
        opener = self._parameters_of(function)
        if opener is None:
            return ""
        names = [w for w in self.outline.words[opener + 1 : self.outline.after(opener)] if w not in ("", ",", ")")]
        return ", ".join((["self"] if self.is_method(function) else []) + names)

    def is_method(self, function: int) -> bool:
        """Return whether the name of a function in the text has a colon."""
        return ":" in self.outline.words[function : self._parameters_of(function)]

    def _parameters_of(self, function: int) -> int | None:
        """Return the bracket that opens the parameters of a function, or None if it is still missing."""
        words = self.outline.words
        return next((at for at in range(function, len(words)) if words[at] == "("), None)

    def fields_of(self, table: TableLiteral) -> dict[str, Span]:
        """Return the fields in a table constructor with the spans of their values; list items by their number."""
        outline, at, fields, count = self.outline, table.at + 1, {}, 0
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
                fields[name] = at, stop
            at = max(stop, at)
            while at < end and outline.word(at) not in (",", ";"):
                at = outline.after(at)  # skip invalid code
            at += 1
        return fields

    # Expressions -------------------------------------------------------------------------------------

    def value(self, start: int, end: int, which: int = 0) -> InferredType | None:
        """Return the type of an expression; `which` selects one of the values that a call returns."""
        if start >= end or self._depth > MAX_DEPTH:
            return None
        self._depth += 1
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
            self._depth -= 1

    def _operators(self, start: int, end: int) -> Iterator[int]:
        at = start
        while at < end:
            if self.outline.words[at] in OPERATORS or self.outline.words[at] in ("not", "#"):
                yield at
            at = self.outline.after(at)

    def _chain(self, start: int, end: int, which: int = 0) -> InferredType | None:
        """Return the type of a name, bracket or string with the fields and calls after it, read from the left."""
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
            meaning = self.type_of_name(word, start)
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

    def type_of_name(self, name: str, at: int) -> InferredType | None:
        """Return the type of a name at a token: from its binding in the text, or else from the live state."""
        binding = self.outline.find_binding(name, at)
        if binding is not None:
            return self.type_of_binding(binding)
        return NamePath(self.state.namespace(name) or (name,))

    def field(self, meaning: InferredType, name: str, at: int, *, method: bool = False) -> InferredType | None:
        """Return the type of a field of a value."""
        result: InferredType | None = None
        match meaning:
            case NamePath(chain=chain) if len(chain) < MAX_CHAIN_LENGTH:
                assigned = self._assigned(str(chain[0]), (*map(str, chain[1:]), name), at)
                result = assigned or NamePath((*chain, name), method)
            case CallResult(many=False, path=path):
                result = replace(meaning, path=(*path, name))
            case TableOf(of=of):
                result = of
            case StringType():
                result = NamePath(("string", name), method)
            case TableLiteral():
                result = self._field_of_table(meaning, name, at)
            case ErrorFields(many=False, columns=columns) if any(
                c.name == name and c.kind == "string" for c in columns
            ):
                result = StringType()
            case Union(parts=parts):
                result = next(
                    (part_field for part in parts if (part_field := self.field(part, name, at, method=method))), None
                )
        return result

    def _field_of_table(self, table: TableLiteral, name: str, at: int) -> InferredType | None:
        path = (*table.path, name)
        result = self._assigned(table.owner, path, at) if table.owner else None
        if result is None and name in (fields := self.fields_of(table)):
            result = self.value(*fields[name])
        return replace(result, owner=table.owner, path=path) if isinstance(result, TableLiteral) else result

    def _assigned(self, owner: Binding | str, path: tuple[str, ...], at: int) -> InferredType | None:
        """Return the type of the value that the text assigns to a field, or None."""
        binding = next((b for b in self.outline.fields(owner, at) if b.path == path), None)
        return self.type_of_binding(binding) if binding else None

    def _index(self, meaning: InferredType, at: int) -> InferredType | None:
        """Return the type of the item or field that the `[` at a token selects."""
        if self.outline.kind(at + 1) == "string":
            return self.field(meaning, self.tokens[at + 1].text, at)
        token = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        number = int(token.text) if token and token.kind == "number" and token.text.isdecimal() else _FIRST
        return self.item(meaning, number if number < 1 << 31 else _FIRST)

    def item(self, meaning: InferredType | None, number: int = _FIRST) -> InferredType | None:
        """Return the type of a list's items."""
        match meaning:
            case CallResult():
                return meaning.item()
            case ErrorFields(many=True):
                return replace(meaning, many=False)
            case ListOf(of=of) | TableOf(of=of):
                return of
            case TableLiteral():
                fields = self.fields_of(meaning)
                span = fields.get(str(number)) or fields.get(str(_FIRST))
                return self.value(*span) if span else None
            case NamePath(chain=chain):
                answer = self.call_result_at(meaning)
                return self.item(answer) if answer else NamePath((*chain, number))
        return None

    def type_of_binding(self, binding: Binding) -> InferredType | None:
        """Return the type of what a name or field is bound to."""
        key = binding.at, binding.place
        if key not in self._cache:
            self._cache[key] = None  # stops circular bindings
            result = self._type_of_binding(binding) if self._depth <= MAX_DEPTH else None
            if isinstance(result, TableLiteral) and result.owner is None:
                result = replace(result, owner=binding)
            self._cache[key] = result
        return self._cache[key]

    def _type_of_binding(self, binding: Binding) -> InferredType | None:
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
        """Return the type of a variable of `for place, item in ipairs(list) do`."""
        if not binding.spans:
            return None
        start, end = binding.spans[0]
        opener = self.outline.opener_of(end - 1) if end > start else None
        iterator = self.library_name(self.type_before(opener)) if opener is not None and opener > start else ""
        if iterator == "string.gmatch":
            return StringType()
        if iterator not in ("ipairs", "pairs") or binding.place != 1 or opener is None:
            return None
        return self.item(self.value(opener + 1, end - 1))

    def _parameter(self, binding: Binding) -> InferredType | None:
        """Return the type of a parameter: `self`, or an item that a function such as `parallel.map` passes."""
        outline, function = self.outline, binding.function
        if binding.place == WHOLE:  # `self` is the value before the colon
            colon = next(at for at in range(function, len(self.tokens)) if outline.words[at] == ":")
            return self._chain(function + 1, colon)
        call = next(self.calls_around(function), None)
        if call is None or call.brace is not None or call.position == 0:
            return None
        return self.item_of_call(call) if self.library_name(self.type_before(call.end)) in _EACH else None

    # Calls -------------------------------------------------------------------------------------------

    def item_of_call(self, call: CallSite) -> InferredType | None:
        """Return the type of the items of the list that is the first argument of a call."""
        return self.item(self.value(*self.arguments(call.bracket)[0]))

    def returned(self, function: FunctionLiteral, which: int) -> InferredType | None:
        """Return the type of what a function in the text returns, by its first `return` outside nested functions."""
        key = -2 - function.at, which
        if key not in self._cache:
            self._cache[key] = None
            outline, end = self.outline, self.outline.partners.get(function.at, len(self.tokens))
            at = function.at + 1
            while at < end and outline.words[at] != "return":
                at = outline.after(at)
            spans = outline.expressions(at + 1)[0] if at < end else []
            place = min(which, len(spans) - 1)
            if place >= 0:
                self._cache[key] = self.value(*spans[place], which - place)
        return self._cache[key]

    def arguments(self, at: int) -> list[Span]:
        """Return the arguments of the call whose bracket, or only string, is at a token."""
        if self.outline.word(at) != "(":
            return [(at, self.outline.after(at))]
        return [span for span in self.outline.expressions(at + 1)[0] if span[0] < span[1]]

    def _position(self, opener: int, at: int) -> int:
        """Return the number of a bracket's own commas before a token."""
        inside, words = self.outline.inside, self.outline.words
        return sum(words[i] == "," and inside[i] == opener for i in range(opener + 1, at))

    def _key(self, brace: int, at: int) -> str:
        """Return the field of a table whose value contains a token, or an empty string."""
        inside, words = self.outline.inside, self.outline.words
        start = at
        while start - 1 > brace and not (words[start - 1] in (",", ";") and inside[start - 1] == brace):
            start -= 1
        return words[start] if start < at and self.outline.word(start + 1) == "=" else ""


# Results of calls, from the catalogue, the library or the text -------------------------------------------


def result_of(reader: TypeInferrer, called: InferredType, at: int, which: int) -> InferredType | None:
    """Return the type of what a call returns, or None if unknown.

    Parameters:
        reader: the text.
        called: the called function.
        at: the bracket of its arguments, or its only argument.
        which: the position among the returned values, from 0.
    """
    if isinstance(called, FunctionLiteral):
        return reader.returned(called, which)
    if not isinstance(called, NamePath):
        return None
    if name := reader.library_name(called):
        return _result_of_library(reader, name, at, which)
    function = reader.function_at(called)
    if function is None or which > 1:
        return None
    if which == 1:
        return failures_of(function)
    is_fan_out = function.fan_out is not None and _is_list(reader, function.fan_out.name, reader.arguments(at))
    return CallResult(function, many=is_fan_out or function.returns == "list", is_fan_out=is_fan_out)


def _is_list(reader: TypeInferrer, name: str, arguments: list[Span]) -> bool:
    """Return whether the argument with this name, or the first one, is a list."""
    value = reader.value(*arguments[0]) if arguments else None
    if isinstance(value, TableLiteral):
        fields = reader.fields_of(value)
        if name in fields:
            value = reader.value(*fields[name])
        elif "1" not in fields:
            return False
    if isinstance(value, NamePath):
        value = reader.call_result_at(value)
    return isinstance(value, (TableLiteral, ListOf)) or (isinstance(value, CallResult) and value.many)


def _result_of_library(reader: TypeInferrer, name: str, at: int, which: int) -> InferredType | None:
    arguments = reader.arguments(at)
    first, second = (reader.value(*span) for span in [*arguments, _NO_SPAN, _NO_SPAN][:2])
    result: InferredType | None = None
    match name:
        case "pcall" | "xpcall" if which == _ERROR:
            result = ErrorFields(ERROR_FIELDS, many=False)
        case "pcall" | "xpcall" if which == _RESULT and first:
            result = result_of(reader, first, arguments[1][0] if len(arguments) > 1 else at, 0)
        case "parallel.map" if which == 1:
            result = failures_of(None)
        case "parallel.map" | "list.map":
            result = ListOf(result_of(reader, second, arguments[1][0], 0) if second else None)
        case "table.remove" | "list.find":
            result = reader.item(first)
        case _ if name.startswith("list.") and name not in RETURN_TEXT:
            result = _result_of_list(reader, name, first)
        case "setmetatable":
            index = reader.field(second, "__index", at) if second else None
            result = Union(tuple(part for part in (first, index, second) if part))
        case _ if name in RETURN_TEXT:
            result = StringType()
        case _ if name in GIVE_BACK:
            result = first
    return result


def _result_of_list(reader: TypeInferrer, name: str, first: InferredType | None) -> InferredType | None:
    """Return the type of what a function of `list` returns."""
    item = reader.item(first)
    if name in _SAME_ITEMS:
        return first if isinstance(first, CallResult) else ListOf(item)
    match name:
        case "list.flatten":
            return item if isinstance(item, CallResult) else ListOf(reader.item(item))
        case "list.group_by":
            return TableOf(first if isinstance(first, CallResult) else ListOf(item))
        case "list.index_by":
            return TableOf(item)
    return None
