"""Infer the types of expressions from the text and the live Lua state, without running anything.

`app.integrations.heroku` is a path in the live state. `heroku.list_apps()` is the result of a catalogue function,
whose fields are known before any request. A name that the text itself binds (`local h = app.integrations.heroku`,
`for _, app in ipairs(h.list_apps()) do`) has the type of its value in the text, because the cell being edited has
not run yet. What a function in the text returns is not inferred.

Each line of `library.txt` is one entry of Lua's library: its signature, what it returns if an editor can tell, two or
more spaces, its description. The facts are from https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEFAULT
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.lua_syntax import nodes
from kosmo_kernel.lua_syntax.parser import parse
from kosmo_kernel.values.records import ERROR_FIELDS, FAILURE_FIELDS, columns_with_item

MAX_DEPTH = 40  # nested expressions, and aliases of aliases, that are followed
MAX_CHAIN_LENGTH = 100  # names in one chain that are followed
_FIRST = 1  # the item that represents all items of a list
_RESULT, _ERROR = 1, 2  # indexes of the result and the error data among the values that `pcall` returns
Chain = tuple["str | int", ...]


@dataclass(frozen=True, slots=True)
class NamePath:
    """A chain of names that starts at a global."""

    chain: Chain
    method: bool = False  # whether the last name follows a colon


@dataclass(frozen=True, slots=True)
class CallResult:
    """The type of what a call returns, or fails with: records, one record, or the value at a path of fields in it."""

    function: Function | None  # of the catalogue; None for the data of a failure
    records: tuple[Column, ...]  # the columns of the records
    many: bool  # whether it is a list of records
    path: tuple[str, ...] = ()  # the fields; empty for the record itself
    is_inner: bool = False  # whether the records are those of a list in a record

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns at the path and below it."""
        return tuple(column for column in self.records if column.path[: len(self.path)] == self.path)

    @property
    def fields(self) -> list[str]:
        """The field names that can follow, in the order of the catalogue."""
        depth = len(self.path)
        return list(dict.fromkeys(column.path[depth] for column in self.columns if len(column.path) > depth))

    @property
    def is_text(self) -> bool:
        """True if string methods work on it: a string, or a reference that reads as its name."""
        if self.many or not self.path:
            return False
        texts = {column.path for column in self.columns if column.kind in ("string", "timestamp")}
        labels = next((i.labels for i in integrations.loaded() if self.function in i.functions), ())
        return self.path in texts or any((*self.path, label) in texts for label in labels)

    def item(self) -> CallResult | None:
        """Return the type of one record of the list, or of the list that a field is; None if it is none."""
        if self.many:
            return replace(self, many=False)
        items = next((column.items for column in self.columns if column.path == self.path), ())
        return replace(self, path=(), records=items, is_inner=True) if items else None


@dataclass(frozen=True, slots=True)
class StringType:
    """A string."""


@dataclass(frozen=True, slots=True)
class TableLiteral:
    """A table constructor in the text."""

    node: nodes.TableConstructor
    assigned: Sequence[nodes.Binding] = ()  # the fields that the text assigns to the variable that holds it
    path: tuple[str, ...] = ()  # its fields after the name of that variable


@dataclass(frozen=True, slots=True)
class Items:
    """A list, or a table by key such as `list.group_by` returns, whose values all have one type."""

    of: InferredType | None


InferredType = NamePath | CallResult | StringType | TableLiteral | nodes.FunctionDefinition | Items


def _result(function: Function, *, many: bool, is_fan_out: bool, path: tuple[str, ...] = ()) -> CallResult:
    """Return what a function returns; where a list such as apps was passed, each record names its item."""
    return CallResult(function, columns_with_item(function) if is_fan_out else function.columns, many, path)


def failures_of(function: Function | None) -> CallResult:
    """Return the type of the failures that `errors = "collect"` returns beside the results."""
    fan_out = function.fan_out if function else None
    index = Column("index", "The place of the item in the list", "integer")
    item = Column(fan_out.name, fan_out.doc) if fan_out else index
    return CallResult(None, (item, *FAILURE_FIELDS), many=True)


def integration_at(chain: Sequence[str | int]) -> Integration | None:
    """Return the integration whose namespace `app.integrations.NAME` a chain is, or None."""
    is_namespace = len(chain) == 3 and tuple(chain[:2]) == ("app", "integrations")
    return integrations.known(str(chain[2])) if is_namespace else None


def function_named(name: object) -> Function | None:
    """Return the catalogue function with a full name, in the Lua state's form, or None."""
    return integrations.function_named(name.partition("*")[0]) if isinstance(name, str) and name else None


def call_result_of(description: dict[str, object]) -> CallResult | None:
    """Return the result of a catalogue function that a value of the live state is, or is part of, or None."""
    function, path = function_named(description.get("of")), description.get("path")
    if function is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str)) if isinstance(path, list) else ()
    is_fan_out = "*" in str(description["of"])
    return _result(function, many=bool(description.get("many")), is_fan_out=is_fan_out, path=steps)


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library."""

    name: str  # its full name, `string.format`
    signature: str  # how it is called, `string.format(template, ...)`; of a constant, its name
    returns: str  # `text`, the `first` argument, the `items` of the first argument, or empty
    doc: str  # what it does, one line of Markdown


@cache
def library() -> dict[str, LibraryEntry]:
    """Return the entries of the library by full name."""
    entries = {}
    for line in Path(__file__).with_name("library.txt").read_text(encoding="utf-8").splitlines():
        head, _, doc = line.partition("  ")
        signature, _, returns = head.partition(" -> ")
        name = signature.partition("(")[0].replace(":", ".")
        entries[name] = LibraryEntry(name, signature, returns, doc.strip())
    return entries


def takes(name: str, position: int, *parameters: str) -> bool:
    """Return whether an argument of a library function, counted from 0, is one of these; False for other functions."""
    names = re.findall(r"\w+", library()[name].signature.partition("(")[2]) if name in library() else []
    return position < len(names) and names[position] in parameters


class LiveState(Protocol):
    """The part of a `session.Session` that an editor needs.

    Attributes:
        account: the alias of the account that `heroku.<function>` uses.
    """

    account: str

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """Return the names that can follow a chain, each with its Lua type; a script's function as `function(a, b)`."""

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """Return what is known about the value at the end of a chain, or None."""

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """Return the list that a function last returned without arguments in this session; None before that."""


class LiveStateCache:
    """Caches what one completion or inspection reads from the Lua state. Raises nothing.

    Parameters:
        live: the session; None before anything has run.
        account: the account that `heroku.<function>` uses in this text; the session's if empty.
    """

    def __init__(self, live: LiveState | None, account: str = "") -> None:
        self._session, self._account = live, account
        self._live = live
        self._answers: dict[tuple[str, Chain], Any] = {}

    def names(self, chain: Chain) -> Iterable[tuple[str, str]]:
        """Return the names that can follow a chain, each with its Lua type, in order."""
        names: Iterable[tuple[str, str]] | None = self._query("names", chain)
        return _default_names(chain) if names is None else names

    def resolve(self, chain: Chain) -> dict[str, Any] | None:
        """Return what is known about the value at the end of a chain, or None if there is no such value."""
        description: dict[str, Any] | None = self._query("resolve", chain)
        return description

    def namespace(self, name: str) -> Chain | None:
        """Return the path of the namespace of an integration that a global of this name is, or None."""
        if not any(integration.name == name for integration in integrations.loaded()):
            return None
        resolved = self.resolve((name,))
        path = ("app", "integrations", name)
        return path if resolved is None or resolved.get("space") == ".".join(path) else None

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]]:
        """Return the list that a function last returned without arguments in this session; empty before that.

        Parameters:
            integration: the service.
            function: its function.
            account: the account that the call names, or empty.
        """
        if self._session is None:
            return ()
        if account in ("", DEFAULT):
            account = self._account or self._session.account
        return self._session.last_list(integration, function, account) or ()

    def _query(self, method: str, chain: Chain) -> Any:
        """Call a method of the live state; return None, and stop calling it, if it cannot respond."""
        key = method, chain
        if key not in self._answers:
            self._answers[key] = None
            if self._live is not None:
                with suppress(UnicodeEncodeError):  # text from a broken front end may contain lone surrogates
                    "".join(map(str, chain)).encode()
                    try:
                        self._answers[key] = getattr(self._live, method)(chain)
                    except KosmoError:  # busy or just ended: the next cell reports it, so typing is not interrupted
                        self._live = None
        return self._answers[key]


def _default_names(chain: Chain) -> Iterator[tuple[str, str]]:
    """Yield what follows a chain in a Lua state in which nothing has run."""
    match chain:
        case ("app",):
            yield from (("integrations", "table"), ("mcp", "table"))
        case ("app", "integrations", *_) if len(chain) > 2:
            owner = integration_at(chain) or integration_at(chain[:-1])
            yield from ((name, "function") for name in (owner.table.names if owner else ()))
        case _:
            prefix = "".join(f"{name}." for name in chain)
            names = [name.removeprefix(prefix) for name in library() if name.startswith(prefix)]
            yield from ((name, _kind(prefix + name)) for name in names if "." not in name)
            if chain in ((), ("app", "integrations")):
                yield from ((integration.name, "table") for integration in integrations.loaded())


def _kind(name: str) -> str:
    """Return the Lua type of a library entry."""
    if "(" in library()[name].signature:
        return "function"
    return "table" if any(other.startswith(f"{name}.") for other in library()) else "field"


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
                tables = [node for node in call.arguments if isinstance(node, nodes.TableConstructor)]
                table = next((node for node in tables if node.has_inside(at)), None)
                # The field or item that has the token behind its first one, or would have it if it came next.
                entries = [entry for entry in table.entries if entry.start < at < entry.end] if table else []
                position = sum(comma < at for comma in call.commas)
                yield CallSite(call, position, table, entries[-1].name if entries and entries[-1].has_key else "")

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
            case nodes.Name(name=name):
                binding = node.scope.find(name, node.start)[1]
                return self.type_of_binding(binding) if binding else NamePath(self.state.namespace(name) or (name,))
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
    return _result(function, many=is_fan_out or function.returns == "list", is_fan_out=is_fan_out)


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
            result = CallResult(None, ERROR_FIELDS, many=False)
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
