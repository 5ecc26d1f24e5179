"""Types of Lua expressions, as far as they can be inferred without running the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Function, Integration
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


def call_result_of(known: dict[str, object]) -> CallResult | None:
    """Return the result of a catalogue function that a value of the live state is, or is part of, or None."""
    function, path = function_named(known.get("of")), known.get("path")
    if function is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str)) if isinstance(path, list) else ()
    return CallResult(function, bool(known.get("many")), steps, is_fan_out="*" in str(known["of"]))
