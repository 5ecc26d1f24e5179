"""The nodes of a syntax tree of Lua, and the names that a text binds. Positions are indexes of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal

from msgspec import Struct

How = Literal["value", "loop", "parameter"]


class Node(Struct, eq=False):
    """An expression."""

    start: int  # its first token
    end: int  # the token after its last; one more if the text ends before what closes it

    def has_inside(self, at: int) -> bool:
        """Return whether a token is inside what the first token opens, the closing token included."""
        return self.start < at < self.end


class Name(Node, eq=False):
    """A variable."""

    name: str
    scope: Scope  # where it is


class Constant(Node, eq=False):
    """A string, a number, `nil`, `true`, `false` or `...`."""

    kind: str  # as of its token
    text: str  # as written; a string without its quotes


class FieldAccess(Node, eq=False):
    """A field of a value: `base.name`, `base["name"]`, or `base:name` for a call."""

    base: Node
    name: str
    method: bool = False


class ItemAccess(Node, eq=False):
    """An item of a value: `base[key]`."""

    base: Node
    key: Node | None


class Call(Node, eq=False):
    """A call; it starts where its arguments do."""

    base: Node
    arguments: list[Node] = []
    commas: list[int] = []


class TableField(Struct, eq=False):
    """A field or an item in a table constructor."""

    start: int
    end: int  # as of a node
    name: str  # empty for an item, and for a key that is no literal
    value: Node | None
    has_key: bool = True


class TableConstructor(Node, eq=False):
    """A table constructor."""

    entries: list[TableField] = []

    def values(self) -> dict[str, Node | None]:
        """Return the values by their names; those of a list by their numbers."""
        items = map(str, count(1))
        entries = [(entry.name if entry.has_key else next(items), entry.value) for entry in self.entries]
        return {name: value for name, value in entries if name}


class FunctionDefinition(Node, eq=False):
    """A function definition."""

    name: str = ""  # what it is called by
    parameters: list[str] = []  # `self` first if its name has a colon


class Operation(Node, eq=False):
    """Operands with operators between them, in the order of the text: precedence is up to the reader."""

    operands: list[Node | None] = []
    prefixes: list[tuple[str, ...]] = []  # the `not`, `-`, `#` and `~` before each operand
    operators: list[int] = []  # their tokens


class Binding(Struct, eq=False):
    """A name, or a field of one, and what it is bound to."""

    name: str
    since: int  # the first token where it is visible
    how: How
    index: int = 0  # its position among the names bound together
    values: list[Node] = []  # on the right; of a loop those after `in`
    function: FunctionDefinition | None = None  # whose parameter it is
    path: tuple[str, ...] = ()  # the fields after the name: `("open",)` for `function shop.open()`
    fields: list[Binding] = []  # what the text assigns to fields of its value


class Scope(Struct, eq=False):
    """A block, and the names that it binds. The outermost one has the global variables."""

    parent: Scope | None = None
    names: dict[str, list[Binding]] = {}

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
