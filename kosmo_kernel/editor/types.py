"""What an expression in a Lua text can stand for, as far as that can be known without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.editor.outline import Binding
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.values.records import FAILED, columns_with_item

Chain = tuple["str | int", ...]


@dataclass(frozen=True, slots=True)
class NamePath:
    """A chain of names from the globals on; `method` where the last one stands behind a colon."""

    chain: Chain
    method: bool = False


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a function of the catalogue returned, or the value at a path of fields in it.

    Parameters:
        function: the function.
        many: whether it is a list of records.
        path: the fields; empty for the record itself.
        asked: whether a list of apps was asked for, so that each record says whose it is.
    """

    function: Function
    many: bool
    path: tuple[str, ...] = ()
    asked: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """What there is at the path and below it."""
        every = columns_with_item(self.function) if self.asked else self.function.columns
        return tuple(column for column in every if column.path[: len(self.path)] == self.path)

    @property
    def fields(self) -> list[str]:
        """The names that can follow, in the order of the catalogue."""
        depth = len(self.path)
        return list(dict.fromkeys(column.path[depth] for column in self.columns if len(column.path) > depth))

    @property
    def is_text(self) -> bool:
        """Whether string methods work on it: a text, or a reference that reads as its name."""
        if self.many or not self.path:
            return False
        here = {column.path for column in self.columns if column.kind in ("string", "timestamp")}
        labels = next((i.labels for i in integrations.present() if self.function in i.functions), ())
        return self.path in here or any((*self.path, label) in here for label in labels)

    def item(self) -> CallResult:
        """One record of the list."""
        return replace(self, many=False)


@dataclass(frozen=True, slots=True)
class StringType:
    """A string."""


@dataclass(frozen=True, slots=True)
class TableLiteral:
    """A table that the text makes.

    Parameters:
        at: the token `{`.
        owner: what it was bound to, and so may have got more fields.
        path: where behind the owner it is.
    """

    at: int
    owner: Binding | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionLiteral:
    """A function that the text defines.

    Parameters:
        at: the token `function`.
        name: as it is called, or empty.
    """

    at: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of such things."""

    of: InferredType | None


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """What a failed call gives as data, or a list of such."""

    columns: tuple[Column, ...]
    many: bool


@dataclass(frozen=True, slots=True)
class Union:
    """What has the fields of several things: an object and its class."""

    parts: tuple[InferredType, ...]


InferredType = NamePath | CallResult | StringType | TableLiteral | FunctionLiteral | ListOf | ErrorFields | Union


def failures_of(function: Function | None) -> ErrorFields:
    """What `errors = "collect"` returns beside what worked."""
    asked = function.fan_out if function else None
    first = Column(asked.name, asked.doc) if asked else Column("index", "The place of the item in the list", "integer")
    return ErrorFields((first, *FAILED), many=True)


def integration_at(chain: Sequence[str | int]) -> Integration | None:
    """The integration whose namespace is `app.integrations.NAME`; None elsewhere."""
    match tuple(chain):
        case ("app", "integrations", name):
            return integrations.known(name)
    return None


def function_named(name: object) -> Function | None:
    """The catalogue's function by its full name, as the Lua state has it."""
    if not isinstance(name, str) or not name:
        return None
    integration, _, last = name.removesuffix("*").partition(".")
    try:
        return integrations.find(integration).function(last)
    except KosmoError:
        return None


def answer_of(known: dict[str, object]) -> CallResult | None:
    """The answer that a value of the live state is, or is in."""
    function, path = function_named(known.get("of")), known.get("path")
    if function is None:
        return None
    steps = tuple(step for step in path if isinstance(step, str)) if isinstance(path, list) else ()
    return CallResult(function, bool(known.get("many")), steps, asked=str(known["of"]).endswith("*"))
