"""The findings of one check as a table, for the formats that show them: facts first, then ids and what has no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from kosmo_kernel.checks.report import Finding, field_of
from kosmo_kernel.render.tables import Table, column_kind, times_of
from kosmo_kernel.render.text import escape_control, format_column
from kosmo_kernel.values.records import MISSING

_LABELS = ("name", "email")  # the field that stands for a record that a finding refers to


def finding_table(findings: Sequence[Finding]) -> Table:
    """Return all columns of findings of one check, of which the main ones are facts: they have a value and no ids."""
    key = findings[0].check.key
    names = dict.fromkeys(key)
    fields_of_fields = {name.partition(".")[0] for name in names if "." in name}
    for finding in findings:
        names.update(dict.fromkeys(name for name in finding.record if name not in fields_of_fields))
    columns = {name: _values(findings, name) for name in names}
    facts = [name for name, values in columns.items() if _is_fact(name, values, key)]
    order = list(dict.fromkeys([*facts, *names]))
    return Table(order, [columns[name] for name in order], len(findings), main=frozenset(facts), key=key)


def details(finding: Finding, most: int | None = None) -> str:
    """Return the columns of a finding besides its key on one line, those that have a value: `size Eco, hours 50`.

    Parameters:
        finding: the finding.
        most: the maximum number of columns; all when None. Ids are the last.
    """
    table = finding_table([finding])
    parts = (
        f"{escape_control(name)} {format_column(values)[0]}"
        for name, values in zip(table.names, table.columns, strict=True)
        if name not in table.key and _is_there(values[0])
    )
    return ", ".join(islice(parts, most))


def _values(findings: Sequence[Finding], name: str) -> list[Any]:
    """Return the value of each finding in a column: the text of the key, the name of a record, or the value itself."""
    values = [_value(finding, name) for finding in findings]
    return times_of(values) or values


def _value(finding: Finding, name: str) -> Any:
    if name in finding.key:
        return finding.key[name]
    value = field_of(finding.record, name)
    label = next((value[field] for field in _LABELS if value.get(field)), None) if isinstance(value, Mapping) else None
    return value if label is None else label


def _is_fact(name: str, values: Sequence[Any], key: Sequence[str]) -> bool:
    return any(map(_is_there, values)) and column_kind(name, values, key) != "id"


def _is_there(value: Any) -> bool:
    return type(value) not in MISSING and value not in ("", [], {})
