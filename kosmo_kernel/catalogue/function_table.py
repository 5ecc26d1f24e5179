"""The functions of a service by name, each made when it is first needed.

A service with many functions need not describe all of them at every start: names and aliases are enough for a
namespace and for completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, overload

from kosmo_kernel.catalogue.model import Function


class FunctionPath(NamedTuple):
    """A path, and the function that it belongs to."""

    path: str  # with placeholders
    name: str  # of the function
    returns: str


class FunctionSummary(NamedTuple):
    """What a list of functions says of one."""

    name: str
    subject: str  # empty if the service has no subjects
    summary: str


class FunctionTable(Sequence[Function]):
    """The functions of a service, in the order of the reference.

    Parameters:
        names: returns the name of each function with its aliases; called when the first name is needed.
        make: returns the function with a name; called once for each.
        paths, summaries: return what the methods do, if that is known without the functions.
        only_reads: whether all of them are known to read only, without making them.
    """

    def __init__(
        self,
        names: Callable[[], Mapping[str, tuple[str, ...]]],
        make: Callable[[str], Function],
        paths: Callable[[], Iterable[FunctionPath]] | None = None,
        summaries: Callable[[], Iterable[FunctionSummary]] | None = None,
        *,
        only_reads: bool = False,
    ) -> None:
        self._read_names, self._make, self._only_reads = names, make, only_reads
        self._read_paths, self._read_summaries = paths, summaries
        self._names: Mapping[str, tuple[str, ...]] | None = None
        self._made: dict[str, Function] = {}

    @classmethod
    def of(cls, functions: Iterable[Function]) -> FunctionTable:
        """Return a table of functions that exist already."""
        made = {function.name: function for function in functions}
        table = cls(lambda: {name: function.aliases for name, function in made.items()}, made.__getitem__)
        table._made.update(made)
        return table

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The name of each function with its aliases."""
        if self._names is None:
            self._names = self._read_names()
        return self._names

    def named(self, name: str) -> Function:
        """Return the function with this name; an alias is none.

        Raises:
            KeyError: there is none.
        """
        function = self._made.get(name)
        if function is None:
            function = self._made.setdefault(name, self._make(name))  # one of two threads that make it wins
        return function

    def paths(self) -> Iterable[FunctionPath]:
        """Return each path with the function that it belongs to."""
        if self._read_paths:
            return self._read_paths()
        return [FunctionPath(link.path, one.name, one.returns) for one in self for link in one.links]

    def summaries(self) -> Iterable[FunctionSummary]:
        """Return the summary of each function, in the order of the reference."""
        if self._read_summaries:
            return self._read_summaries()
        return [FunctionSummary(one.name, one.subject, one.summary) for one in self]

    @property
    def only_reads(self) -> bool:
        """Return whether all functions only read."""
        return self._only_reads or all(function.effect == "read" for function in self)

    def existing(self) -> list[Function]:
        """Return the functions that were needed so far."""
        return list(self._made.values())

    @overload
    def __getitem__(self, index: int) -> Function: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Function, ...]: ...
    def __getitem__(self, index: int | slice) -> Function | tuple[Function, ...]:
        names = list(self.names)[index]
        return self.named(names) if isinstance(names, str) else tuple(map(self.named, names))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Function]:
        return map(self.named, self.names)

    def __contains__(self, function: object) -> bool:
        return isinstance(function, Function) and self._made.get(function.name) == function


class FunctionNames(Mapping[str, Function]):
    """The functions of a table by other names.

    Parameters:
        table: the functions.
        names: the function's own name for each name.
    """

    def __init__(self, table: FunctionTable, names: Mapping[str, str]) -> None:
        self._table, self._names = table, names

    def __getitem__(self, name: str) -> Function:
        return self._table.named(self._names[name])

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
