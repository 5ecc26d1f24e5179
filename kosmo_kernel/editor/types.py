"""What an editor knows of Lua expressions: their types, the live Lua state, and Lua's library.

Each line of `library.txt` is one entry: its signature, what it returns if an editor can tell, two or more spaces, its
description. The facts are from https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEFAULT
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.lua_syntax import nodes
from kosmo_kernel.values.records import FAILURE_FIELDS, columns_with_item

Chain = tuple["str | int", ...]


@dataclass(frozen=True, slots=True)
class NamePath:
    """A chain of names that starts at a global."""

    chain: Chain
    method: bool = False  # whether the last name follows a colon


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of a catalogue function, or the value at a path of fields in it."""

    function: Function
    many: bool  # whether it is a list of records
    path: tuple[str, ...] = ()  # the fields; empty for the record itself
    is_fan_out: bool = False  # whether a list of items, such as apps, was passed, so that each record names its item
    inner: tuple[Column, ...] | None = None  # of a record in a list of a record, its columns

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns at the path and below it."""
        all_columns = columns_with_item(self.function) if self.is_fan_out else self.function.columns
        all_columns = all_columns if self.inner is None else self.inner
        return tuple(column for column in all_columns if column.path[: len(self.path)] == self.path)

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
        return replace(self, path=(), inner=items) if items else None


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


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The data of a failed call, or a list of such data."""

    columns: tuple[Column, ...]
    many: bool


InferredType = NamePath | CallResult | StringType | TableLiteral | nodes.FunctionDefinition | Items | ErrorFields


def failures_of(function: Function | None) -> ErrorFields:
    """Return the type of the failures that `errors = "collect"` returns beside the results."""
    fan_out = function.fan_out if function else None
    index = Column("index", "The place of the item in the list", "integer")
    return ErrorFields((Column(fan_out.name, fan_out.doc) if fan_out else index, *FAILURE_FIELDS), many=True)


def integration_at(chain: Sequence[str | int]) -> Integration | None:
    """Return the integration whose namespace `app.integrations.NAME` a chain is, or None."""
    match tuple(chain):
        case ("app", "integrations", name):
            return integrations.known(name)
    return None


def function_named(name: object) -> Function | None:
    """Return the catalogue function with a full name, in the Lua state's form, or None."""
    return integrations.function_named(name.partition("*")[0]) if isinstance(name, str) and name else None


def call_result_of(description: dict[str, object]) -> CallResult | None:
    """Return the result of a catalogue function that a value of the live state is, or is part of, or None."""
    function, path = function_named(description.get("of")), description.get("path")
    if function is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str)) if isinstance(path, list) else ()
    return CallResult(function, bool(description.get("many")), steps, is_fan_out="*" in str(description["of"]))


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library."""

    name: str  # its full name, `string.format`
    signature: str  # how it is called, `string.format(template, ...)`; of a constant, its name
    returns: str  # `text`, the `first` argument, the `items` of the first argument, or empty
    doc: str  # what it does, one line of Markdown

    def takes(self, position: int, *parameters: str) -> bool:
        """Return whether the argument at a position, counted from 0, is one of these parameters."""
        names = re.findall(r"\w+", self.signature.partition("(")[2])
        return position < len(names) and names[position] in parameters


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
    """Return whether an argument of a library function is one of these parameters; False if there is no such entry."""
    return name in library() and library()[name].takes(position, *parameters)


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
        self._names: dict[Chain, list[tuple[str, str]]] = {}
        self._values: dict[Chain, dict[str, Any] | None] = {}

    def names(self, chain: Chain) -> list[tuple[str, str]]:
        """Return the names that can follow a chain, each with its Lua type, in order."""
        if chain not in self._names:
            live_names = self._query("names", chain)
            self._names[chain] = _default_names(chain) if live_names is None else live_names
        return self._names[chain]

    def resolve(self, chain: Chain) -> dict[str, Any] | None:
        """Return what is known about the value at the end of a chain, or None if there is no such value."""
        if chain not in self._values:
            self._values[chain] = self._query("resolve", chain)
        return self._values[chain]

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
        if self._live is None or not _is_encodable(chain):
            return None
        try:
            return getattr(self._live, method)(chain)
        except KosmoError:  # busy or just ended: the next cell reports it, so typing is not interrupted
            self._live = None
            return None


def _is_encodable(chain: Chain) -> bool:
    """Return whether a chain can be encoded; text from a broken front end may contain lone surrogates."""
    try:
        "".join(map(str, chain)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _default_names(chain: Chain) -> list[tuple[str, str]]:
    """Return what follows a chain in a Lua state in which nothing has run."""
    match chain:
        case ("app",):
            return [("integrations", "table"), ("mcp", "table")]
        case ("app", "integrations"):
            return [(integration.name, "table") for integration in integrations.loaded()]
        case ("app", "integrations", *_):
            here, parent = integration_at(chain), integration_at(chain[:-1])
            owner = here or parent
            return [(name, "function") for name in owner.table.names] if owner else []
    prefix = "".join(f"{name}." for name in chain)
    names = (name.removeprefix(prefix) for name in library() if name.startswith(prefix))
    kinds = [(name, _kind(prefix + name)) for name in names if "." not in name]
    return kinds if chain else [*kinds, *((integration.name, "table") for integration in integrations.loaded())]


def _kind(name: str) -> str:
    """Return the Lua type of a library entry."""
    if "(" in library()[name].signature:
        return "function"
    return "table" if any(other.startswith(f"{name}.") for other in library()) else "field"
