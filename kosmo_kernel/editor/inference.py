"""Infer the types of expressions from the text and the live Lua state, without running anything.

`app.integrations.heroku` is a path in the live state. `heroku.list_apps()` is the result of a catalogue function,
whose fields are known before any request. A name that the text itself binds (`local h = app.integrations.heroku`,
`for _, app in ipairs(h.list_apps()) do`) has the type of its value in the text, because the cell being edited has
not run yet. What a function in the text returns is not inferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.editor.types import (
    CallResult,
    ErrorFields,
    InferredType,
    Items,
    LiveState,
    LiveStateCache,
    NamePath,
    StringType,
    TableLiteral,
    call_result_of,
    failures_of,
    function_named,
    library,
    takes,
)
from kosmo_kernel.lua_syntax import nodes
from kosmo_kernel.lua_syntax.parser import parse
from kosmo_kernel.values.records import ERROR_FIELDS

MAX_DEPTH = 40  # nested expressions, and aliases of aliases, that are followed
MAX_CHAIN_LENGTH = 100  # names in one chain that are followed
_FIRST = 1  # the item that represents all items of a list
_RESULT, _ERROR = 1, 2  # indexes of the result and the error data among the values that `pcall` returns


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call whose arguments contain a given token."""

    call: nodes.Call
    position: int  # of the argument, from 0
    table: nodes.TableConstructor | None  # the argument, if it is a table constructor
    key: str  # the field of that table whose value contains the token, or empty


class TypeInferrer:
    """Infers types in a Lua text; `live` and `account` are the state that it will run in, as for `LiveStateCache`."""

    def __init__(self, code: str, live: LiveState | None, account: str = "") -> None:
        self.code = code
        self.state = LiveStateCache(live, account)
        self.tree = parse(code)
        self.tokens = self.tree.tokens
        self._cache: dict[nodes.Binding, InferredType | None] = {}
        self._depth = 0

    # Queries -----------------------------------------------------------------------------------------

    def type_before(self, end: int) -> InferredType | None:
        """Return the type of the expression that ends before the token at `end`, or None if unknown."""
        return self.value(self.tree.ending_at.get(end - 1))

    def calls_around(self, at: int) -> Iterator[CallSite]:
        """Yield the calls whose arguments contain a token, innermost first, up to the enclosing function."""
        function = max((f.start for f in self.tree.functions if f.has_inside(at)), default=-1)
        for call in reversed(self.tree.calls):
            if call.start < function:
                break
            if call.has_inside(at):
                tables = (
                    node for node in call.arguments if isinstance(node, nodes.TableConstructor) and node.has_inside(at)
                )
                table = next(tables, None)
                entry = table.entry_at(at) if table else None
                position = sum(comma < at for comma in call.commas)
                yield CallSite(call, position, table, entry.name if entry and entry.has_key else "")

    def function_at(self, path: NamePath) -> Function | None:
        """Return the catalogue function at a path, or None."""
        match path.chain:
            case ("app", "integrations", str(name), *_, str(last)) if len(path.chain) <= 5:
                integration = integrations.known(name)
                return integration.names().get(last) if integration else None
            case ("app", "integrations", *_):
                return None
        if ".".join(map(str, path.chain)) in library():
            return None
        return function_named((self.state.resolve(path.chain) or {}).get("function"))

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

    def call_result_at(self, path: NamePath) -> CallResult | None:
        """Return the result of a catalogue function that the value at a path is, or None."""
        return call_result_of(self.state.resolve(path.chain) or {})

    def visible_names(self) -> dict[str, InferredType | None]:
        """Return the names that the text binds and that are visible at its end, the last one first."""
        end, scope = len(self.tokens), self.tree.end_scope
        names = dict.fromkeys(name for around in scope.around() for name in around.names)
        visible = [binding for name in names if (binding := scope.find(name, end)[1])]
        visible.sort(key=lambda binding: (binding.since, binding.index), reverse=True)
        return {binding.name: self.type_of_binding(binding) for binding in visible}

    # Expressions -------------------------------------------------------------------------------------

    def value(self, node: nodes.Node | None, which: int = 0) -> InferredType | None:
        """Return the type of an expression; `which` selects one of the values that a call returns."""
        if node is None or self._depth > MAX_DEPTH:
            return None
        self._depth += 1
        try:
            return self._value(node, which)
        finally:
            self._depth -= 1

    def _value(self, node: nodes.Node, which: int) -> InferredType | None:
        suffixes: list[nodes.FieldAccess | nodes.ItemAccess | nodes.Call] = []
        while isinstance(node, (nodes.FieldAccess, nodes.ItemAccess, nodes.Call)):
            suffixes.append(node)
            node = node.base
            if len(suffixes) > MAX_CHAIN_LENGTH:
                return None
        meaning = self._first_value(node)
        for suffix in reversed(suffixes):
            match suffix:
                case nodes.FieldAccess():
                    meaning = self.field(meaning, suffix.name, method=suffix.method)
                case nodes.ItemAccess(key=key):
                    number = key.text if isinstance(key, nodes.Constant) and key.kind == "number" else ""
                    meaning = self.item(meaning, int(number) if number.isdecimal() and len(number) < 10 else _FIRST)
                case nodes.Call():
                    meaning = result_of(self, meaning, suffix.arguments, which if suffix is suffixes[0] else 0)
        return meaning

    def _first_value(self, node: nodes.Node) -> InferredType | None:
        """Return the type of an expression that is no field, item or call."""
        match node:
            case nodes.Name():
                return self.type_of_name(node.name, node.scope, node.start)
            case nodes.Constant(kind="string"):
                return StringType()
            case nodes.TableConstructor():
                return TableLiteral(node)
            case nodes.FunctionDefinition():
                return node
            case nodes.Operation():
                return self._operation(node)
        return None

    def _operation(self, operation: nodes.Operation) -> InferredType | None:
        """Return the type of the first part between `or` that has one; what comes before an `and` does not count."""
        words, first = [*(self.tree.words[at] for at in operation.operators), "or"], 0
        for index, word in enumerate(words):
            if word == "or":
                joining = set(words[first:index])
                meaning = self.value(operation.operands[first]) if not (joining or operation.prefixes[first]) else None
                if meaning is not None or joining == {".."}:
                    return meaning or StringType()
            if word in ("or", "and"):
                first = index + 1
        return None

    def type_of_name(self, name: str, scope: nodes.Scope, at: int | None = None) -> InferredType | None:
        """Return the type of a name at a token, or at the end: from its binding in the text, or the live state."""
        binding = scope.find(name, len(self.tokens) if at is None else at)[1]
        if binding is not None:
            return self.type_of_binding(binding)
        return NamePath(self.state.namespace(name) or (name,))

    def field(self, meaning: InferredType | None, name: str, *, method: bool = False) -> InferredType | None:
        """Return the type of a field of a value."""
        result: InferredType | None = None
        match meaning:
            case NamePath(chain=chain) if len(chain) < MAX_CHAIN_LENGTH:
                fields = self.tree.global_fields.get(str(chain[0]), ())
                result = self._assigned(fields, (*map(str, chain[1:]), name)) or NamePath((*chain, name), method)
            case CallResult(many=False, path=path):
                result = replace(meaning, path=(*path, name))
            case Items(of=of):
                result = of
            case StringType():
                result = NamePath(("string", name), method)
            case TableLiteral(node=node, assigned=fields):
                path = (*meaning.path, name)
                result = self._assigned(fields, path) or self.value(node.values().get(name))
                if isinstance(result, TableLiteral):
                    result = replace(result, assigned=fields, path=path)
            case ErrorFields(many=False, columns=columns):
                is_text = any(column.name == name and column.kind == "string" for column in columns)
                result = StringType() if is_text else None
        return result

    def _assigned(self, fields: Sequence[nodes.Binding], path: tuple[str, ...]) -> InferredType | None:
        """Return the type of the value that the text assigns to a field, or None."""
        binding = next((binding for binding in reversed(fields) if binding.path == path), None)
        return self.type_of_binding(binding) if binding else None

    def item(self, meaning: InferredType | None, number: int = _FIRST) -> InferredType | None:
        """Return the type of a list's items."""
        match meaning:
            case CallResult():
                return meaning.item()
            case ErrorFields(many=True):
                return replace(meaning, many=False)
            case Items(of=of):
                return of
            case TableLiteral(node=node):
                values = node.values()
                return self.value(values.get(str(number)) or values.get(str(_FIRST)))
            case NamePath(chain=chain):
                answer = self.call_result_at(meaning)
                return self.item(answer) if answer else NamePath((*chain, number))
        return None

    # Bindings ----------------------------------------------------------------------------------------

    def type_of_binding(self, binding: nodes.Binding) -> InferredType | None:
        """Return the type of what a name or field is bound to."""
        if binding not in self._cache:
            self._cache[binding] = None  # stops circular bindings
            result = self._type_of_binding(binding)
            if isinstance(result, TableLiteral) and not result.path and not result.assigned:
                result = replace(result, assigned=binding.fields)
            self._cache[binding] = result
        return self._cache[binding]

    def _type_of_binding(self, binding: nodes.Binding) -> InferredType | None:
        match binding:
            case nodes.Binding(how="loop"):
                return self._loop(binding)
            case nodes.Binding(how="parameter", function=nodes.FunctionDefinition() as function, values=[]):
                return self._parameter(function)
        index = min(binding.index, len(binding.values) - 1)
        return self.value(binding.values[index], binding.index - index) if index >= 0 else None

    def _loop(self, binding: nodes.Binding) -> InferredType | None:
        """Return the type of a variable of `for index, item in ipairs(list) do`."""
        match binding.values:
            case [nodes.Call(base=base, arguments=arguments), *_]:
                name = self.library_name(self.value(base))
                if name == "string.gmatch":
                    return StringType()
                if name in ("ipairs", "pairs") and binding.index == 1 and arguments:
                    return self.item(self.value(arguments[0]))
        return None

    def _parameter(self, function: nodes.FunctionDefinition) -> InferredType | None:
        """Return the type of a parameter: an item that a function such as `parallel.map` passes."""
        site = next(self.calls_around(function.start), None)
        if site is None or site.table is not None or site.position == 0:
            return None
        name = self.library_name(self.value(site.call.base))
        return self.item_of_call(site) if takes(name, site.position, "before", "f", "key", "test") else None

    def item_of_call(self, site: CallSite) -> InferredType | None:
        """Return the type of the items of the list that is the first argument of a call."""
        return self.item(self.value(next(iter(site.call.arguments), None)))


# Results of calls, from the catalogue or the library ------------------------------------------------------


def result_of(
    reader: TypeInferrer, function_type: InferredType | None, arguments: Sequence[nodes.Node], which: int
) -> InferredType | None:
    """Return the type of what a call returns, or None if unknown; `which` is the position among the values."""
    if not isinstance(function_type, NamePath):
        return None
    if name := reader.library_name(function_type):
        return _result_of_library(reader, name, arguments, which)
    function = reader.function_at(function_type)
    if function is None or which > 1:
        return None
    if which == 1:
        return failures_of(function)
    is_fan_out = function.fan_out is not None and _is_list(reader, function.fan_out.name, arguments)
    return CallResult(function, many=is_fan_out or function.returns == "list", is_fan_out=is_fan_out)


def _is_list(reader: TypeInferrer, name: str, arguments: Sequence[nodes.Node]) -> bool:
    """Return whether the argument with this name, or the first one, is a list."""
    value = reader.value(arguments[0]) if arguments else None
    if isinstance(value, TableLiteral):
        values = value.node.values()
        if name in values:
            value = reader.value(values[name])
        elif str(_FIRST) not in values:
            return False
    if isinstance(value, NamePath):
        value = reader.call_result_at(value)
    return isinstance(value, (TableLiteral, Items)) or (isinstance(value, CallResult) and value.many)


def _result_of_library(
    reader: TypeInferrer, name: str, arguments: Sequence[nodes.Node], which: int
) -> InferredType | None:
    first, second = (reader.value(node) for node in [*arguments, None, None][:2])
    result: InferredType | None = None
    returns = library()[name].returns
    match name:
        case "pcall" | "xpcall" if which == _ERROR:
            result = ErrorFields(ERROR_FIELDS, many=False)
        case "pcall" | "xpcall":
            result = result_of(reader, first, arguments[1:], 0) if which == _RESULT else None
        case "parallel.map" if which == 1:
            result = failures_of(None)
        case "parallel.map" | "list.map":
            result = Items(result_of(reader, second, (), 0))
        case "table.remove" | "list.find":
            result = reader.item(first)
        case "list.flatten":
            item = reader.item(first)
            result = item if isinstance(item, CallResult) else Items(reader.item(item))
        case "list.group_by":
            result = Items(first if isinstance(first, CallResult) else Items(reader.item(first)))
        case "list.index_by":
            result = Items(reader.item(first))
        case _ if returns == "items":
            result = first if isinstance(first, CallResult) else Items(reader.item(first))
        case _ if returns == "text":
            result = StringType()
        case _ if returns == "first":
            result = first
    return result
