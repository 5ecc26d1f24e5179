"""Make the records of any service from the columns of its functions.

A record is made from the list that it is in and its number there, so that the same path has the same record every time,
and the record at `/books/{book_id}` is the one with this identifier in the list at `/books`. A field such as
`author_id`, or `author.name`, has the value of a record in the list of all authors, if the service has one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from kosmo_kernel.catalogue import Column, Function, Integration, Param
from kosmo_kernel.catalogue.documents.names import singular, snake_case
from kosmo_kernel.catalogue.integration import FunctionOutline
from kosmo_kernel.catalogue.model import PLACE, path_pattern
from kosmo_kernel.demo import ago

Record = dict[str, Any]

FEW = 7  # records of a list of which nobody says how many a page has, or that belongs to something
SIZE = 20  # records of a page for a service that lets nobody choose
_NAMES = frozenset(("name", "full_name", "login", "slug", "title", "value", "key"))  # fields that tell records apart
_OLDEST = 700  # days


class RequestPath(NamedTuple):
    """The function that a path belongs to, and what is in the places of its path."""

    function: Function
    path: str
    values: Mapping[str, str]


class ServicePaths:
    """Finds the function that a path belongs to; functions are made when they are found.

    Parameters:
        integration: the service.
    """

    def __init__(self, integration: Integration) -> None:
        self._table = integration.table
        self._paths: dict[int, list[FunctionOutline]] = {}
        self._lists: dict[str, str] = {}  # the names of lists by path, with `{}` for each place
        # A word of a path is preferred to a place that takes any.
        for entry in sorted(self._table.outlines(), key=_specificity):
            self._paths.setdefault(entry.path.count("/"), []).append(entry)
            if entry.returns == "list":
                self._lists.setdefault(PLACE.sub("{}", entry.path), entry.name)

    def find(self, path: str) -> RequestPath | None:
        """Return the function of a path, or None."""
        for entry in self._paths.get(path.count("/"), ()):
            if match := path_pattern(entry.path).fullmatch(path):
                return RequestPath(self._table.named(entry.name), path, match.groupdict())
        return None

    def list_at(self, path: str) -> Function | None:
        """Return the list with a path, in which `{}` stands for each place, or None."""
        return self._table.named(self._lists[path]) if path in self._lists else None


def _specificity(entry: FunctionOutline) -> list[bool]:
    return [segment.startswith("{") for segment in entry.path.split("/")]


class ServiceRecords:
    """The records of a service.

    Parameters:
        integration: the service.
        paths: of its functions.
        count: how many records each list has; 0 for two pages and a half in lists of all, and a few in others.
    """

    def __init__(self, integration: Integration, paths: ServicePaths, count: int) -> None:
        self._table = integration.table
        self._paths = paths
        self._count = count
        names = (name for name in self._table.names if name.startswith("list_"))
        self._lists = {singular(name.removeprefix("list_")): name for name in names}
        self._numbers: dict[tuple[str, tuple[str, ...]], dict[str, int]] = {}

    def count(self, function: Function) -> int:
        """Return how many records a list has."""
        pages = function.pages
        if self._count or pages is None or pages.kind in ("whole", "unstated") or "{" in function.links[0].path:
            return self._count or FEW
        size = pages.size or SIZE
        return 2 * size + size // 2

    def exists(self, requested: RequestPath) -> bool:
        """Return whether there is all that a path names, as far as lists say what there is."""
        places = [param for param in requested.function.params if param.name in requested.values]
        return all(self._number(requested, param) is not None for param in places if self._list(param))

    def listed(self, requested: RequestPath, numbers: range) -> list[Record]:
        """Return the records of a list with some numbers."""
        path = self._path(requested, requested.function.links[0].path)
        return [self._record(requested, path, number, {}) for number in numbers]

    def record(self, requested: RequestPath) -> Record:
        """Return the record at a path."""
        function, path = requested.function, self._path(requested, requested.function.links[0].path)
        last = next(
            (param for param in function.params if requested.path.endswith(self._ending(requested, param))), None
        )
        if last and self._list(last):
            return self._record(requested, path.rpartition("/")[0], self._number(requested, last) or 0, {})
        names = {column.name for column in function.columns if column.kind == "string"}
        field = next((field for field in last.each if field in names), "") if last else ""
        return self._record(requested, path, 0, {field: requested.values[last.name]} if last and field else {})

    def identifiers(self, requested: RequestPath, field: str) -> dict[str, int]:
        """Return the numbers of the records of a list by the values of a field."""
        path = self._path(requested, requested.function.links[0].path)
        return self._by_fields(requested.function, path, (field,))

    def _ending(self, requested: RequestPath, param: Param) -> str:
        value = requested.values.get(param.name)
        is_last = requested.function.links[0].path.endswith(f"/{{{param.name}}}")
        return f"/{value}" if value and is_last else "\n"  # which no path ends with

    def _list(self, param: Param) -> Function | None:
        """Return the function that lists what can be in a place; None if there is none."""
        return self._paths.list_at(param.listed_at)

    def _number(self, requested: RequestPath, param: Param) -> int | None:
        """Return the number of what is in a place in the list of all that can be there."""
        listing = self._list(param)
        template = requested.function.links[0].path.partition(f"/{{{param.name}}}")[0]
        path = self._path(requested, template)
        numbers = self._by_fields(listing, path, (*param.each, "id", param.name)) if listing else {}
        return numbers.get(requested.values[param.name]) if numbers else 0  # records that nothing identifies

    def _path(self, requested: RequestPath, template: str) -> str:
        """Return a path with the number of each thing in its place, whichever of its fields identifies it."""
        places = {param.name: param for param in requested.function.params}

        def key(match: re.Match[str]) -> str:
            param = places[match[1]]
            return str(self._number(requested, param)) if self._list(param) else requested.values[param.name]

        return PLACE.sub(key, template)

    def _by_fields(self, function: Function, path: str, fields: tuple[str, ...]) -> dict[str, int]:
        matches = self._numbers.get((path, fields))
        if matches is None:
            columns = [column for column in function.columns if column.name in fields]
            numbers = range(self.count(function))
            matches = {str(self._value(path, number, column)): number for number in numbers for column in columns}
            self._numbers[path, fields] = matches
        return matches

    def _record(self, requested: RequestPath, path: str, number: int, own: dict[str, str]) -> Record:
        places = {param.name: param for param in requested.function.params}
        values = {name: value for name, value in requested.values.items() if places[name].kind == "string"} | own
        record: Record = {}
        for column in requested.function.columns:
            is_given = column.name in values and column.kind == "string" and column.name not in ("id", "value")
            put(record, column.path, values[column.name] if is_given else self._value(path, number, column))
        return record

    def _value(self, path: str, number: int, column: Column) -> Any:
        """Return the value of a field."""
        name = column.path[-1]
        chance = _chance(f"{path}/{number}/{column.name}")
        thing = self._thing(path)
        if column.name in ("id", f"{snake_case(thing)}_id"):
            return _identifier(column, path, thing, number)
        if reference := self._reference(column):
            target, field = reference
            return self._value(target.links[0].path, chance % self.count(target), field)
        is_name = len(column.path) == 1 and name in _NAMES
        if is_name and column.values:  # each once, as far as there are enough
            return column.values[(_chance(path) + number) % len(column.values)]
        if column.nullable and not is_name and chance % 5 == 0:
            return None
        if column.kind == "list":
            return self._items(path, number, column)
        return _made(column, f"{thing}-{number + 1}", number, chance, is_name=is_name)

    def _items(self, path: str, number: int, column: Column) -> list[Any]:
        if not column.items:
            return [f"{column.path[-1]}-{number + 1}"]
        item: Record = {}
        for field in column.items:
            put(item, field.path, self._value(f"{path}/{number}/{column.name}", 0, field))
        return [item]

    def _reference(self, column: Column) -> tuple[Function, Column] | None:
        """Return the list that a field refers to and the field there; None if it refers to none."""
        *above, name = column.path
        thing = snake_case(above[-1]) if above else name.removesuffix("_id") if name.endswith("_id") else ""
        listing = self._lists.get(thing)
        if listing is None or column.kind not in ("string", "integer"):
            return None
        target = self._table.named(listing)
        field = next((column for column in target.columns if column.name == (name if above else "id")), None)
        is_name = field is not None and (field.name == "id" or field.name in _NAMES)  # which refer to nothing else
        fits = field is not None and field.kind == column.kind and "{" not in target.links[0].path
        return (target, field) if field and is_name and fits else None

    def _thing(self, path: str) -> str:
        """Return what the records of a list are called."""
        words = [part for part in path.split("/") if part]
        return singular(snake_case(words[-1])).replace("_", "-") if words else "record"


def put(record: Record, path: Sequence[str], value: Any) -> None:
    """Set a field inside objects, which are made."""
    *above, name = path
    for part in above:
        inner = record.get(part)
        record = inner if isinstance(inner, dict) else record.setdefault(part, {})
    record[name] = value


def _identifier(column: Column, path: str, thing: str, number: int) -> Any:
    chance = _chance(path)
    if column.kind in ("integer", "number"):
        return chance % 9_000 * 10_000 + number + 1
    return f"{thing}-{number + 1}-{chance % 0x10000:04x}"


def _made(column: Column, thing: str, number: int, chance: int, *, is_name: bool) -> Any:
    """Return the value of a field that refers to nothing.

    Parameters:
        column: the field.
        thing: the name of the record.
        number: of the record in its list.
        chance: a number that looks random.
        is_name: whether the field tells records apart.
    """
    values: Mapping[str, Any] = {
        "boolean": chance % 2 == 1,
        "integer": chance % 90_000 + 10,
        "number": chance % 90_000 + 10,
        "object": {"about": thing},
        "timestamp": ago(chance % _OLDEST + number / 1000),
    }
    if column.kind in values:
        return values[column.kind]
    if column.secret:
        return f"fictional-{chance:08x}"
    if column.values:
        return column.values[chance % len(column.values)]
    return thing if is_name else _text(column.path[-1], thing, chance)


def _text(name: str, thing: str, chance: int) -> str:
    if name.endswith(("url", "uri", "href", "link")):
        return f"https://look-alike.example/{thing}"
    if name.endswith("email"):
        return f"{thing}@look-alike.example"
    return ago(chance % _OLDEST)[:10] if name.endswith("date") else f"{name.replace('_', '-')}-{chance % 100_000}"


def _chance(key: str) -> int:
    """Return a number that looks random, the same one for the same key."""
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest())
