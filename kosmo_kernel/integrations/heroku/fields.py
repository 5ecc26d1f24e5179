"""The notation of a field in a table of facts, and the columns that are made from fields.

A field is one line, `"string? {failed pending} | secret"`:

    string …      the type: string, timestamp, integer, number, boolean, object, any; `array of string` with its items
    ?             may be null
    uuid, {a b}   the format, or the values that there are
    | secret      its mark: `SECRET`, `HOST` or `BARE`

A dotted name leads into an object, `[]` into each item of a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.model import Column, ColumnKind
from kosmo_kernel.text import lazy_pattern

SECRET = "secret"  # noqa: S105 - the mark of a field, not a secret
HOST = "secret, host kept"  # the address is secret, the host that it leads to is not
BARE = "without credentials"  # an address whose user, password and query are removed
NAMES = ("name", "hostname", "email", "version", "number", "title", "date", "month")  # fields that tell records apart

_FORMATS = {"date-time": "timestamp"}  # formats that are types of their own
_KINDS: dict[str, ColumnKind] = {"array": "list", "any": "string"}
_FACT = lazy_pattern(
    r"""(?P<type>\w+) (?P<null>\?)?
        (?:\ (?P<format>[\w-]+))??
        (?:\ of\ (?P<items>[^{]+))?
        (?:\ \{(?P<values>.+)\})?""",
    re.VERBOSE,
)


class FieldFact(NamedTuple):
    """A field of a record."""

    name: str  # dotted, with `[]` after a list whose items have fields
    kind: str  # the type
    nullable: bool
    values: tuple[str, ...]  # the values that there are; empty if there are others
    items: str  # the facts of an item of a list, if they are known
    mark: str  # `SECRET`, `HOST`, `BARE`, or empty
    format: str = ""  # the format of its text, `uuid`; empty if there is none


def read_field(name: str, line: str) -> FieldFact:
    """Return the field that a line describes.

    Raises:
        ValueError: the line is none of this notation.
    """
    fact, _, mark = line.partition(" | ")
    match = _FACT.fullmatch(fact)
    if match is None:
        raise ValueError(f"{name} has the fact `{line}`, which cannot be read")
    values = tuple((match["values"] or "").split())
    return FieldFact(
        name, match["type"], bool(match["null"]), values, match["items"] or "", mark, match["format"] or ""
    )


def fact_text(types: Sequence[str], values: Sequence[Any] = (), format_: str = "", *, nullable: bool = False) -> str:
    """Return the type of a value in this notation: whether it may be null, and its format or the values that there are.

    Parameters:
        types: its JSON types, without `null`.
        values: the values that there are.
        format_: the format that the schema names.
    """
    kind = _FORMATS.get(format_, "") or (types[0] if len(types) == 1 else "any")
    text = kind + "?" * nullable
    if format_ and kind not in _FORMATS.values():
        text += f" {format_}"
    return text + (f" {{{' '.join(map(str, values))}}}" if values else "")


def columns(
    fields: Iterable[FieldFact],
    doc: Callable[[FieldFact], str],
    spelling: Callable[[FieldFact], Callable[[str], str] | None] = lambda _field: None,
    docs: Mapping[str, str] | None = None,
) -> list[Column]:
    """Return the columns of some fields: what tells the records apart first, times and identifiers last.

    Parameters:
        fields: of the records.
        doc: returns the sentence about a field; empty if its name says it all.
        spelling: returns how the values of a field are spelled, see `Column.spelling`.
        docs: sentences by name that take precedence; not for the fields of the items of lists.
    """
    fields = list(fields)
    with_fields = {name.rpartition(".")[0] for name in (field.name for field in fields) if "[]" not in name}
    lists = {field.name.partition("[]")[0] for field in fields if "[]" in field.name}
    nullable = {field.name for field in fields if field.nullable}
    result = []
    for field in fields:
        if "[]" in field.name or (field.kind == "object" and field.name in with_fields):
            continue
        parents = field.name.split(".")
        may_be_null = any(".".join(parents[: n + 1]) in nullable for n in range(len(parents)))
        has_host = field.mark == HOST
        inner = _items(field.name, fields) if field.name in lists else []
        column = Column(
            field.name,
            (docs or {}).get(field.name) or doc(field),
            _KINDS.get(field.kind, field.kind),  # type: ignore[arg-type] # the other types have the names of kinds
            nullable=may_be_null or has_host,
            secret=has_host or field.mark == SECRET,
            host="host" if has_host else "",
            bare=field.mark == BARE,
            values=field.values,
            items=tuple(columns(inner, doc, spelling)) if inner else (),
            spelling=spelling(field),
        )
        result.append(column)
        if has_host:
            host = ".".join((*parents[:-1], "host"))
            result.append(Column(host, "The host that the address leads to", nullable=True))
    return sorted(result, key=_rank)


def field_doc(field: FieldFact, about: str = "") -> str:
    """Return a sentence about a field, which may begin with some words, from its values and whether it is a secret."""
    parts = [about, ", ".join(f"`{value}`" for value in field.values)]
    parts += ["a secret: shown as `[redacted]`"] if field.mark in (SECRET, HOST) else []
    text = ", ".join(filter(None, parts))
    return text[:1].upper() + text[1:]


def _items(name: str, fields: Iterable[FieldFact]) -> list[FieldFact]:
    """Return the fields of the items of a list, by their names in an item."""
    start = f"{name}[]."
    return [field._replace(name=field.name.removeprefix(start)) for field in fields if field.name.startswith(start)]


def _rank(column: Column) -> int:
    leaf = column.path[-1]
    if leaf == "id" or leaf.endswith("_id"):
        return 3
    if column.kind == "timestamp":
        return 2
    return 0 if column.name in NAMES else 1
