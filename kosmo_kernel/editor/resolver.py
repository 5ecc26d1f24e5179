"""Resolve the names in a Lua text: what they stand for, from the text, the live Lua state and the catalogue.

`app.integrations.heroku` is a path in the live state. `heroku.list_apps()` is the result of a catalogue function,
whose fields are known before any request. A variable that the text sets (`local h = app.integrations.heroku`,
`for _, app in ipairs(h.list_apps()) do`) stands for what it was last set to, because the cell being edited has not
run yet. Nothing is run, and what a function in the text returns is not known.

Each line of `library.txt` is one entry of Lua's library: its signature, what it returns if an editor can tell, two or
more spaces, its description. The facts are from https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEFAULT
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.values.lua_source import OPERATORS, PREFIXES, WHOLE, Binding, Names, TableEntry, read
from kosmo_kernel.values.records import ERROR_FIELDS, FAILURE_FIELDS, columns_with_item

MAX_DEPTH = 40  # nested expressions, and variables set to variables, that are followed
MAX_STEPS = 1000  # expressions that are read for one completion
MAX_CHAIN_LENGTH = 100  # names in one chain that are followed
_FIRST = 1  # the item that represents all items of a list
Chain = tuple["str | int", ...]


@dataclass(frozen=True, slots=True)
class NamePath:
    """A chain of names that starts at a global."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class CallResult:
    """Describe what a call returns, or fails with: records, one record, or the value at a path of fields in it."""

    function: Function | None  # of the catalogue; None for the data of a failure
    records: tuple[Column, ...]  # the columns of the records
    many: bool  # whether it is a list of records
    path: Names = ()  # the fields; empty for the record itself
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

    def item(self) -> CallResult | None:
        """Return one record of the list, or of the list that a field is; a record stands for a group of records."""
        items = next((column.items for column in self.columns if column.path == self.path), ())
        if self.path and items:
            return replace(self, path=(), records=items, is_inner=True)
        return None if self.path else replace(self, many=False)


@dataclass(frozen=True, slots=True)
class Written:
    """A table constructor or a function in the text."""

    at: int  # its first token
    binding: Binding | None = None  # of the variable that holds it
    path: Names = ()  # its fields after the name of that variable


Meaning = NamePath | CallResult | Written | None


def failures_of(function: Function | None) -> CallResult:
    """Return the failures that `errors = "collect"` returns beside the results."""
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


def _result(function: Function, *, many: bool, is_fan_out: bool, path: Names = ()) -> CallResult:
    """Return what a function returns; where a list such as apps was passed, each record names its item."""
    return CallResult(function, columns_with_item(function) if is_fan_out else function.columns, many, path)


def call_result_of(description: dict[str, object]) -> CallResult | None:
    """Return the result of a catalogue function that a value of the live state is, or is part of, or None."""
    function, path = function_named(description.get("of")), description.get("path")
    if function is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str)) if isinstance(path, list) else ()
    return _result(function, many=bool(description.get("many")), is_fan_out="*" in str(description["of"]), path=steps)


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library."""

    name: str  # its full name, `string.format`
    signature: str  # how it is called, `string.format(template, ...)`; of a constant, its name
    # The `first` argument, an `item` of it, what it returns when `called`, or what the second one returns, `mapped`.
    returns: str
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


class CallSite(NamedTuple):
    """A call whose arguments contain a token."""

    at: int  # the token that opens its arguments
    position: int  # of the argument, from 0
    table: int | None  # the token that opens the argument, if it is a table constructor
    key: str  # the field of that table whose value contains the token, or empty


class Resolver:
    """Resolves names in a Lua text; `live` and `account` are the state that it will run in, as for `LiveStateCache`."""

    def __init__(self, code: str, live: LiveState | None, account: str = "") -> None:
        self.source = read(code)
        self.state = LiveStateCache(live, account)
        self._bound: dict[Binding, Meaning] = {}
        self._followed: list[Binding] = []  # those that are being resolved
        self._depth = self._steps = 0

    # Calls -------------------------------------------------------------------------------------------

    def calls_around(self, at: int) -> Iterator[CallSite]:
        """Yield the calls whose arguments contain a token, innermost first, up to the enclosing function."""
        source, inner = self.source, -1
        for opening in islice(source.around(at), MAX_DEPTH):
            word = source.words[opening]
            if word == "function":
                return
            if word in ("(", "{") and source.is_suffix(opening):
                separators = source.separators.get(opening, ()) if word == "(" else ()
                position = bisect_left(separators, at)
                argument = separators[position - 1] + 1 if position else opening + 1
                table = opening if word == "{" else inner if inner == argument else None
                yield CallSite(opening, position, table, "" if table is None else self._key(table, at))
            inner = opening if word == "{" else -1

    def _key(self, table: int, at: int) -> str:
        """Return the field of a table constructor whose value contains a token, or would if it came next."""
        separators = self.source.separators.get(table, ())
        index = bisect_left(separators, at)
        entry = self.source.entry(separators[index - 1] + 1 if index else table + 1)
        return entry.name if entry.value <= at else ""

    def item_of_call(self, site: CallSite) -> Meaning:
        """Return the items of the list that is the first argument of a call."""
        return self.item(self.value(site.at + 1))

    def function_at(self, meaning: Meaning) -> Function | None:
        """Return the catalogue function that a path stands for, or None."""
        if not isinstance(meaning, NamePath):
            return None
        match meaning.chain:
            case ("app", "integrations", str(name), *_, str(last)) if len(meaning.chain) <= 5:
                integration = integrations.known(name)
                return integration.names().get(last) if integration else None
            case ("app", "integrations", *_):
                return None
        if ".".join(map(str, meaning.chain)) in library():
            return None
        return function_named((self.state.resolve(meaning.chain) or {}).get("function"))

    def library_name(self, meaning: Meaning) -> str:
        """Return the full name of the library function that a path stands for, or an empty string."""
        if not isinstance(meaning, NamePath):
            return ""
        name = ".".join(map(str, meaning.chain))
        return name if name in library() else ""

    # Expressions -------------------------------------------------------------------------------------

    def before(self, end: int) -> Meaning:
        """Return what the name, fields, indexes and calls that end before a token stand for."""
        return self._operand(self.source.start_of(end), end)[0]

    def value(self, at: int, which: int = 0) -> Meaning:
        """Return what the expression that begins at a token stands for.

        That is the first part between `or` that is known; what comes before an `and` does not count. `which` selects
        one of the values that a call returns.
        """
        self._depth += 1
        self._steps += 1
        meaning: Meaning = None
        while self._depth <= MAX_DEPTH and self._steps <= MAX_STEPS:
            is_known = self.source.words[at] not in PREFIXES
            while self.source.words[at] in PREFIXES:
                at += 1
            meaning, at = self._operand(at, self.source.size, which)
            word = self.source.words[at]
            meaning = meaning if is_known and word not in OPERATORS - {"or"} else None
            if word not in OPERATORS or meaning is not None:
                break
            at += 1
        self._depth -= 1
        return meaning

    def _operand(self, at: int, last: int, which: int = 0) -> tuple[Meaning, int]:
        """Return what the operand that begins at a token stands for, up to another token, and the token after it."""
        source, word, kind = self.source, self.source.words[at], self.source.kinds[at]
        meaning: Meaning = None
        end = at + 1
        if kind == "name":
            meaning = self.variable(word, at)
        elif word == "(":
            meaning, end = self.value(at + 1), source.partner.get(at, source.size) + 1
        elif word in ("{", "function"):
            return Written(at), source.partner.get(at, source.size) + 1
        else:
            return None, end
        while end < last and (after := source.suffix(end)) > end:
            word = source.words[end]
            if word in (".", ":"):
                name = source.words[end + 1]
                is_method = word == ":" and f"string.{name}" in library()
                meaning = NamePath(("string", name)) if is_method else self.field(meaning, name)
            elif word == "[" and source.kinds[end + 1] == "string":
                meaning = self.field(meaning, source.tokens[end + 1].text)
            elif word == "[":
                number = source.words[end + 1]
                meaning = self.item(meaning, int(number) if number.isdecimal() and len(number) < 10 else _FIRST)
            else:
                arguments = [entry.value for entry in source.entries(end)] if word == "(" else [end]
                meaning = self._call(
                    meaning, arguments, which if after >= last or not source.suffix(after) > after else 0
                )
            end = after
        return meaning, end

    def variable(self, name: str, at: int) -> Meaning:
        """Return what a variable stands for at a token: what it was last set to, or the global variable."""
        for binding in self.source.visible(name, at):
            if binding not in self._followed:
                return self.bound(binding)
        return NamePath(self.state.namespace(name) or (name,))

    def visible_names(self) -> dict[str, Binding]:
        """Return the variables that the text sets and that are visible at its end, the last one first."""
        blocks = {WHOLE, *self.source.around(self.source.size)}
        bindings = (binding for own in self.source.bindings.values() for binding in own if len(binding.path) == 1)
        names: dict[str, Binding] = {}
        for binding in sorted(bindings, key=lambda binding: (binding.at, binding.index), reverse=True):
            if binding.block in blocks and binding.path[0]:
                names.setdefault(binding.path[0], binding)
        return names

    def field(self, meaning: Meaning, name: str) -> Meaning:
        """Return what a field of a value stands for."""
        result: Meaning = None
        match meaning:
            case NamePath(chain=chain) if len(chain) < MAX_CHAIN_LENGTH:
                assigned = next(self.assigned(meaning, name), None)
                result = (self.bound(assigned) if assigned else None) or NamePath((*chain, name))
            case CallResult(many=False, path=path):
                result = replace(meaning, path=(*path, name))
            case CallResult(path=()):  # an item by its key
                result = meaning.item()
            case Written(at=at, binding=binding, path=path):
                assigned = next(self.assigned(meaning, name), None)
                entry = self.fields(at).get(name)
                result = self.bound(assigned) if assigned else self.value(entry.value) if entry else None
                if isinstance(result, Written):
                    result = replace(result, binding=binding, path=(*path, name))
        return result

    def fields(self, table: int) -> dict[str, TableEntry]:
        """Return the fields of a table constructor by their names, and its items by their numbers."""
        if self.source.words[table] != "{":
            return {}
        numbers = map(str, count(1))
        entries = self.source.entries(table)
        return {entry.name or next(numbers): entry for entry in entries if entry.name or entry.value == entry.start}

    def assigned(self, meaning: NamePath | Written, name: str = "") -> Iterator[Binding]:
        """Yield what the text assigns to the field of a value, or to all of its fields, the last first."""
        match meaning:
            case Written(binding=Binding(path=root, at=since), path=path):
                above = (*root, *path)
            case NamePath(chain=chain):
                above, since = tuple(map(str, chain)), -1
            case _:
                return
        for binding in reversed(self.source.bindings.get(above[0], ())):
            if binding.path[:-1] == above and binding.at > since and name in ("", binding.path[-1]):
                yield binding

    def item(self, meaning: Meaning, number: int = _FIRST) -> Meaning:
        """Return what a list's items stand for."""
        match meaning:
            case CallResult():
                return meaning.item()
            case Written(at=at):
                fields = self.fields(at)
                entry = fields.get(str(number)) or fields.get(str(_FIRST))
                return self.value(entry.value) if entry else None
            case NamePath(chain=chain):
                answer = call_result_of(self.state.resolve(chain) or {})
                return answer.item() if answer else NamePath((*chain, number))
        return None

    def bound(self, binding: Binding) -> Meaning:
        """Return what a variable or a field was set to."""
        if binding not in self._bound:
            self._followed.append(binding)
            meaning = self._value_of(binding) if len(self._followed) <= MAX_DEPTH else None
            self._followed.pop()
            if isinstance(meaning, Written) and not meaning.path:
                meaning = replace(meaning, binding=meaning.binding or binding)
            self._bound[binding] = meaning
        return self._bound[binding]

    def _value_of(self, binding: Binding) -> Meaning:
        source, start = self.source, next(iter(binding.values), 0)
        match binding.how:
            case "function":
                return Written(start)
            case "self":
                return self._operand(start, source.head(start - 1) - 2)[0]
            case "parameter":  # an item that a function such as `parallel.map` passes
                site = next(self.calls_around(start), None)
                name = self.library_name(self.before(site.at)) if site and site.table is None and site.position else ""
                return self.item_of_call(site) if site and takes(name, site.position, *_OF_ITEMS) else None
            case "loop":
                is_list = source.words[start] in ("ipairs", "pairs") and source.words[start + 1] == "("
                return self.item(self.value(start + 2)) if is_list and binding.index == 1 else None
        index = min(binding.index, len(binding.values) - 1)
        return self.value(binding.values[index], binding.index - index) if index >= 0 else None

    # Results of calls, from the catalogue or the library -----------------------------------------------

    def _call(self, callee: Meaning, arguments: list[int], which: int) -> Meaning:
        """Return what a call returns; `arguments` are where they begin, `which` is the position among the values."""
        if name := self.library_name(callee):
            return self._library_call(name, arguments, which)
        function = self.function_at(callee)
        if function is None or which > 1:
            return None
        if which == 1:
            return failures_of(function)
        is_fan_out = function.fan_out is not None and self._is_list(function.fan_out.name, arguments)
        return _result(function, many=is_fan_out or function.returns == "list", is_fan_out=is_fan_out)

    def _is_list(self, name: str, arguments: list[int]) -> bool:
        """Return whether the argument with this name, or the first one, is a list."""
        value = self.value(arguments[0]) if arguments else None
        if isinstance(value, Written):
            fields = self.fields(value.at)
            if name not in fields:
                return str(_FIRST) in fields
            value = self.value(fields[name].value)
        if isinstance(value, NamePath):
            value = call_result_of(self.state.resolve(value.chain) or {})
        return isinstance(value, Written) or (isinstance(value, CallResult) and value.many)

    def _library_call(self, name: str, arguments: list[int], which: int) -> Meaning:
        """Return what a function of the library returns; a list of lists and a table by key stand for a list."""
        first, second = (self.value(at) if at is not None else None for at in (*arguments, None, None)[:2])
        results = {
            "first": (first,),
            "item": (self.item(first),),
            "mapped": (self._call(second, [], 0), failures_of(None)),
            "called": (None, self._call(first, arguments[1:], 0), CallResult(None, ERROR_FIELDS, many=False)),
        }.get(library()[name].returns, ())
        return results[which] if which < len(results) else None


_OF_ITEMS = ("before", "f", "key", "test")  # parameters that are functions, which get items of the first argument
