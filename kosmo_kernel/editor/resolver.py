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
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEFAULT
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.values.lua_source import OPERATORS, Binding, Names, TableEntry, read
from kosmo_kernel.values.records import ERROR_FIELDS, FAILURE_FIELDS, columns_with_item

MAX_DEPTH = 40  # nested expressions, and variables set to variables, that are followed
MAX_STEPS = 1000  # expressions that are read for one completion
MAX_CHAIN_LENGTH = 100  # names in one chain that are followed
_OF_ITEMS = ("before", "f", "key", "test")  # parameters that are functions, which get items of the first argument
Chain = tuple["str | int", ...]
"""A path of names that starts at a global."""


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
    path: Names = ()  # the variable that holds it, and the fields after that


Meaning = Chain | CallResult | Written | None


class CallSite(NamedTuple):
    """A call whose arguments contain a token."""

    at: int  # the token that opens its arguments
    position: int  # of the argument, from 0
    table: int | None  # the token that opens the argument, if it is a table constructor
    key: str  # the field of that table whose value contains the token, or empty


class LibraryEntry(NamedTuple):
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


def integration_at(chain: Sequence[str | int]) -> Integration | None:
    """Return the integration whose namespace `app.integrations.NAME` a chain is, or None."""
    is_namespace = len(chain) == 3 and tuple(chain[:2]) == ("app", "integrations")
    return integrations.known(str(chain[2])) if is_namespace else None


def call_result_of(description: Mapping[str, Any] | None) -> CallResult | None:
    """Return the result of a catalogue function that a value of the live state is, or is part of, or None."""
    name, star, _ = str((description or {}).get("of", "")).partition("*")
    function = integrations.function_named(name) if name else None
    if function is None or description is None:
        return None
    path = tuple(step for step in description.get("path") or () if isinstance(step, str))
    columns = columns_with_item(function) if star else function.columns
    return CallResult(function, columns, bool(description.get("many")), path)


# The live state ----------------------------------------------------------------------------------------


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

    def resolve(self, chain: Chain) -> dict[str, Any]:
        """Return what is known about the value at the end of a chain; empty if there is no such value."""
        return self._query("resolve", chain) or {}

    def namespace(self, chain: Chain) -> Chain:
        """Return the path `app.integrations.NAME` of the namespace that a chain stands for, or the chain itself."""
        space = self.resolve(chain).get("space") if chain and chain[0] != "app" else None
        return tuple(str(space).split(".")) if space else chain

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]]:
        """Return the list that a function last returned in this session for the account that a call names."""
        if self._session is None:
            return ()
        account = (self._account or self._session.account) if account in ("", DEFAULT) else account
        return self._session.last_list(integration, function, account) or ()

    def _query(self, method: str, chain: Chain) -> Any:
        """Call a method of the live state; return None, and stop calling it, if it cannot respond."""
        if (method, chain) not in self._answers:
            answer = None
            try:
                answer = getattr(self._live, method)(chain) if self._live else None
            except (KosmoError, UnicodeEncodeError):  # busy or just ended; a broken front end sent half a character
                self._live = None
            self._answers[method, chain] = answer
        return self._answers[method, chain]


def _default_names(chain: Chain) -> Iterator[tuple[str, str]]:
    """Yield what follows a chain in a Lua state in which nothing has run."""
    match chain:
        case ("app",):
            yield from (("integrations", "table"), ("mcp", "table"))
        case ("app", "integrations", _, *_):
            owner = integration_at(chain) or integration_at(chain[:-1])
            yield from ((name, "function") for name in (owner.table.names if owner else ()))
        case _:
            entries = library().values()
            tables = {entry.name.rpartition(".")[0] for entry in entries}
            for entry in entries:
                table, _, name = entry.name.rpartition(".")
                if table == ".".join(map(str, chain)):
                    yield name, "function" if "(" in entry.signature else "table" if entry.name in tables else "field"
            if chain in ((), ("app", "integrations")):
                yield from ((integration.name, "table") for integration in integrations.loaded())


# Meanings ----------------------------------------------------------------------------------------------


class Resolver:
    """Resolves names in a Lua text; `live` and `account` are the state that it will run in, as for `LiveStateCache`."""

    def __init__(self, code: str, live: LiveState | None, account: str = "") -> None:
        self.source = read(code)
        self.state = LiveStateCache(live, account)
        self._depth = self._steps = 0

    def calls_around(self, at: int) -> Iterator[CallSite]:
        """Yield the calls whose arguments contain a token, innermost first, up to the enclosing function."""
        source, inner, key = self.source, -1, ""  # the table in which the token is, and the field of it
        for opening in islice(source.around(at), MAX_DEPTH):
            word, separators = source.words[opening], source.separators.get(opening, [])
            if word == "function":
                return
            index = bisect_left(separators, at)
            start = separators[index - 1] + 1 if index else opening + 1
            if word == "{":
                entry = source.entry(start)
                key = entry.name if entry.value <= at else ""
            if word in ("(", "{") and source.is_suffix(opening):
                table = opening if word == "{" else inner if inner == start else None
                yield CallSite(opening, index if word == "(" else 0, table, "" if table is None else key)
            inner = opening if word == "{" else -1

    def function_at(self, meaning: Meaning) -> Function | None:
        """Return the catalogue function that a path stands for, or None."""
        match meaning:
            case ("app", "integrations", str(name), *_, str(last)) if len(meaning) <= 5:
                integration = integrations.known(name)
                return integration.names().get(last) if integration else None
            case tuple() if meaning[:2] != ("app", "integrations") and not self.library_name(meaning):
                return integrations.function_named(
                    str(self.state.resolve(meaning).get("function", "")).partition("*")[0]
                )
        return None

    def library_name(self, meaning: Meaning) -> str:
        """Return the full name of the library function that a path stands for, or an empty string."""
        name = ".".join(map(str, meaning)) if isinstance(meaning, tuple) else ""
        return name if name in library() else ""

    def before(self, end: int) -> Meaning:
        """Return what the name, fields, indexes and calls that end before a token stand for."""
        return self._operand(self.source.start_of(end), end)

    def value(self, at: int, which: int = 0) -> Meaning:
        """Return what the expression that begins at a token stands for.

        That is its first operand that is known and that only an `or` follows. `which` selects one of the values that
        a call returns.
        """
        meaning: Meaning = None
        self._depth += 1
        for start, end, has_prefix in self.source.operands(at):
            self._steps += 1
            if meaning is not None or self._depth > MAX_DEPTH or self._steps > MAX_STEPS:
                break
            if not has_prefix and self.source.words[end] not in OPERATORS - {"or"}:
                meaning = self._operand(start, end, which)
        self._depth -= 1
        return meaning

    def _operand(self, at: int, last: int, which: int = 0) -> Meaning:
        """Return what the operand between two tokens stands for."""
        source, word = self.source, self.source.words[at]
        if word in ("{", "function"):
            return Written(at)
        if source.kinds[at] != "name" and word != "(":
            return None
        meaning = self.value(at + 1) if word == "(" else self._variable(word, at)
        at = source.after(at) if word == "(" else at + 1
        while at < last and (after := source.suffix(at)) > at:
            word, name = source.words[at], source.words[at + 1]
            if word == ":" and f"string.{name}" in library():
                meaning = ("string", name)
            elif word in (".", ":"):
                meaning = self.field(meaning, name)
            elif word == "[":
                number = int(name) if name.isdecimal() and len(name) < 10 else 1
                meaning = self.field(meaning, key) if (key := source.key(at)) else self.item(meaning, number)
            else:
                arguments = [entry.value for entry in source.entries(at)] if word == "(" else [at]
                meaning = self._call(meaning, arguments, which if after >= last else 0)
            at = after
        return meaning

    def _variable(self, name: str, at: int) -> Meaning:
        """Return what a variable stands for at a token: what it was last set to, or the global variable."""
        if binding := next(self.source.visible(name, at), None):
            return self._value_of(binding)
        space = f"app.integrations.{name}"
        is_namespace = integrations.known(name) and self.state.resolve((name,)).get("space", space) == space
        return tuple(space.split(".")) if is_namespace else (name,)

    def field(self, meaning: Meaning, name: str) -> Meaning:
        """Return what a field of a value stands for."""
        value = next((self._value_of(binding) for binding in self.assigned(meaning) if binding.path[-1] == name), None)
        match meaning:
            case tuple() if value is None and len(meaning) < MAX_CHAIN_LENGTH:
                return (*meaning, name)
            case CallResult(many=False, path=path):
                return replace(meaning, path=(*path, name))
            case CallResult(path=()):  # an item by its key
                return meaning.item()
            case Written(at=at, path=path):
                entry = self.fields(at).get(name)
                value = self.value(entry.value) if entry and value is None else value
                return replace(value, path=(*path, name)) if isinstance(value, Written) else value
        return value

    def fields(self, table: int) -> dict[str, TableEntry]:
        """Return the fields of a table constructor by their names, and its items by their numbers."""
        entries = self.source.entries(table) if self.source.words[table] == "{" else []
        items = (entry for entry in entries if not entry.name and entry.value == entry.start)
        return {e.name: e for e in entries if e.name} | {str(number): e for number, e in enumerate(items, 1)}

    def assigned(self, meaning: Meaning) -> Iterator[Binding]:
        """Yield what the text assigns to the fields of a value, the last first."""
        above = meaning.path if isinstance(meaning, Written) else meaning if isinstance(meaning, tuple) else ()
        for binding in reversed(self.source.bindings.get(str(above[0]), ()) if above else ()):
            if binding.path[:-1] == above:
                yield binding

    def item(self, meaning: Meaning, number: int = 1) -> Meaning:
        """Return what a list's items stand for; the first one represents all of them."""
        match meaning:
            case CallResult():
                return meaning.item()
            case Written(at=at):
                fields = self.fields(at)
                entry = fields.get(str(number)) or fields.get("1")
                return self.value(entry.value) if entry else None
            case tuple():
                answer = call_result_of(self.state.resolve(meaning))
                return answer.item() if answer else (*meaning, number)
        return None

    def _value_of(self, binding: Binding) -> Meaning:
        """Return what a variable or a field was set to."""
        match binding.how:
            case "value" | "function":
                meaning = self.value(binding.value, binding.which)
                is_new = isinstance(meaning, Written) and not meaning.path
                return replace(meaning, path=binding.path) if is_new else meaning  # type: ignore[type-var]
            case "loop" if binding.which == 1 and self.source.words[binding.value] in ("ipairs", "pairs"):
                return self.item(self.value(binding.value + 2))
            case "parameter" if site := next(self.calls_around(binding.block), None):  # `parallel.map` passes an item
                is_item = site.position and takes(self.library_name(self.before(site.at)), site.position, *_OF_ITEMS)
                return self.item(self.value(site.at + 1)) if is_item else None
        return None

    def _call(self, callee: Meaning, arguments: list[int], which: int) -> Meaning:
        """Return what a call returns; `arguments` are where they begin, `which` is the position among the values."""
        if name := self.library_name(callee):
            return self._library_call(name, arguments, which)
        function = self.function_at(callee)
        if function is None or which > 1:
            return None
        if which == 1:
            return _failures_of(function)
        # Where a list such as apps is passed, each record names its item.
        is_fan_out = function.fan_out is not None and self._is_list(function.fan_out.name, arguments)
        columns = columns_with_item(function) if is_fan_out else function.columns
        return CallResult(function, columns, many=is_fan_out or function.returns == "list")

    def _is_list(self, name: str, arguments: list[int]) -> bool:
        """Return whether the argument with this name, or the first one, is a list."""
        value = self.value(arguments[0]) if arguments else None
        if isinstance(value, Written):
            fields = self.fields(value.at)
            value = self.value(fields[name].value) if name in fields else value if "1" in fields else None
        value = call_result_of(self.state.resolve(value)) if isinstance(value, tuple) else value
        return isinstance(value, Written) or (isinstance(value, CallResult) and value.many)

    def _library_call(self, name: str, arguments: list[int], which: int) -> Meaning:
        """Return what a function of the library returns; a list of lists and a table by key stand for a list."""
        first, second = (self.value(at) if at is not None else None for at in (*arguments, None, None)[:2])
        results = {
            "first": (first,),
            "item": (self.item(first),),
            "mapped": (self._call(second, [], 0), _failures_of(None)),
            "called": (None, self._call(first, arguments[1:], 0), CallResult(None, ERROR_FIELDS, many=False)),
        }.get(library()[name].returns, ())
        return results[which] if which < len(results) else None


def _failures_of(function: Function | None) -> CallResult:
    """Return the failures that `errors = "collect"` returns beside the results."""
    fan_out = function.fan_out if function else None
    item = Column(fan_out.name, fan_out.doc) if fan_out else Column("index", "The place of the item", "integer")
    return CallResult(None, (item, *FAILURE_FIELDS), many=True)
