"""The nodes of a syntax tree of Lua, and the names that a text binds. Positions are indexes of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

How = Literal["value", "loop", "parameter"]


@dataclass(slots=True, eq=False)
class Node:
    """An expression."""

    start: int  # its first token
    end: int  # the token after its last; one more if the text ends before what closes it

    def has_inside(self, at: int) -> bool:
        """Return whether a token is inside what the first token opens, the closing token included."""
        return self.start < at < self.end


@dataclass(slots=True, eq=False)
class Name(Node):
    """A variable."""

    name: str
    scope: Scope  # where it is


@dataclass(slots=True, eq=False)
class Constant(Node):
    """A string, a number, `nil`, `true`, `false` or `...`."""

    kind: str  # as of its token
    text: str  # as written; a string without its quotes


@dataclass(slots=True, eq=False)
class FieldAccess(Node):
    """A field of a value: `base.name`, `base["name"]`, or `base:name` for a call."""

    base: Node
    name: str
    method: bool = False


@dataclass(slots=True, eq=False)
class ItemAccess(Node):
    """An item of a value: `base[key]`."""

    base: Node
    key: Node | None


@dataclass(slots=True, eq=False)
class Call(Node):
    """A call; it starts where its arguments do."""

    base: Node
    arguments: list[Node] = field(default_factory=list)
    commas: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class TableField:
    """A field or an item in a table constructor."""

    start: int
    end: int  # as of a node
    name: str  # empty for an item, and for a key that is no literal
    value: Node | None
    has_key: bool = True


@dataclass(slots=True, eq=False)
class TableConstructor(Node):
    """A table constructor."""

    entries: list[TableField] = field(default_factory=list)

    def values(self) -> dict[str, Node | None]:
        """Return the values by their names; those of a list by their numbers."""
        items = (str(number) for number, _ in enumerate(self.entries, 1))
        named = [(entry.name if entry.has_key else next(items), entry.value) for entry in self.entries]
        return {name: value for name, value in named if name}

    def entry_at(self, at: int) -> TableField | None:
        """Return the field or item that has a token behind its first one, or would have it if it came next."""
        return next((entry for entry in reversed(self.entries) if entry.start < at < entry.end), None)


@dataclass(slots=True, eq=False)
class FunctionDefinition(Node):
    """A function definition."""

    name: str = ""  # what it is called by
    parameters: list[str] = field(default_factory=list)  # `self` first if its name has a colon

    @property
    def is_method(self) -> bool:
        """Whether its name has a colon."""
        return ":" in self.name


@dataclass(slots=True, eq=False)
class Operation(Node):
    """Operands with operators between them, in the order of the text: precedence is up to the reader."""

    operands: list[Node | None] = field(default_factory=list)
    prefixes: list[tuple[str, ...]] = field(default_factory=list)  # the `not`, `-`, `#` and `~` before each operand
    operators: list[int] = field(default_factory=list)  # their tokens


@dataclass(slots=True, eq=False)
class Binding:
    """A name, or a field of one, and what it is bound to."""

    name: str
    since: int  # the first token where it is visible
    how: How
    index: int = 0  # its position among the names bound together
    values: list[Node] = field(default_factory=list)  # on the right; of a loop those after `in`
    function: FunctionDefinition | None = None  # whose parameter it is
    path: tuple[str, ...] = ()  # the fields after the name: `("open",)` for `function shop.open()`
    fields: list[Binding] = field(default_factory=list)  # what the text assigns to fields of its value


@dataclass(slots=True, eq=False)
class Scope:
    """A block, and the names that it binds. The outermost one has the global variables."""

    parent: Scope | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)

    def around(self) -> Iterator[Scope]:
        """Yield this block and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def find(self, name: str, at: int) -> tuple[Scope, Binding | None]:
        """Return the block that binds a name, and the last binding that is visible at a token; or the outermost one."""
        scope = self
        for scope in self.around():
            binding = next((b for b in reversed(scope.names.get(name, ())) if b.since <= at), None)
            if binding:
                return scope, binding
        return scope, None
