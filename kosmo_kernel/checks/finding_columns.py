"""The columns of findings, for the formats that show them: facts first, then ids and what has no value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from kosmo_kernel.checks.report import Finding, field_of
from kosmo_kernel.render.cells import value_text
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.values.fields import MISSING

_LABELS = ("name", "email")  # the field that stands for a record that a finding refers to
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class FindingColumn(NamedTuple):
    """A column of findings of one check.

    Parameters:
        name: its name; `app.name` is a field of a field.
        values: the value of each finding.
        in_key: whether it belongs to the key of the check.
        is_fact: whether it tells a reader something: it has a value, and its values are no ids.
    """

    name: str
    values: list[Any]
    in_key: bool
    is_fact: bool


def finding_columns(findings: Sequence[Finding]) -> list[FindingColumn]:
    """Return all columns of findings of one check: the key, then other facts, then ids and columns without a value.

    The first column of the key counts as a fact even if it has ids, because a finding is recognized by it.
    """
    names = dict.fromkeys(findings[0].check.key if findings else ())
    fields_of_fields = {name.partition(".")[0] for name in names if "." in name}
    for finding in findings:
        names.update(dict.fromkeys(name for name in finding.record if name not in fields_of_fields))
    columns = [_column(name, findings, is_first=place == 0) for place, name in enumerate(names)]
    return sorted(columns, key=lambda column: not column.is_fact)


def details(finding: Finding, most: int | None = None) -> str:
    """Return the columns of a finding besides its key on one line, those that have a value: `size Eco, hours 50`.

    Parameters:
        finding: the finding.
        most: the maximum number of columns; all when None. Ids are the last.
    """
    parts = (
        f"{escape_control(name)} {escape_control(value_text(values[0]))}"
        for name, values, in_key, _ in finding_columns([finding])
        if not in_key and _is_there(values[0])
    )
    return ", ".join(islice(parts, most))


def column_value(finding: Finding, column: str) -> Any:
    """Return a value of a finding: the text of the key, the name of a record, or the value itself."""
    if column in finding.key:
        return finding.key[column]
    value = field_of(finding.record, column)
    label = _label(value) if isinstance(value, Mapping) else None
    return value if label is None else label


def _column(name: str, findings: Sequence[Finding], *, is_first: bool) -> FindingColumn:
    values = [column_value(finding, name) for finding in findings]
    present = list(filter(_is_there, values))
    is_fact = bool(present) and (is_first or not _are_ids(name, present))
    return FindingColumn(name, values, name in findings[0].check.key, is_fact)


def _are_ids(name: str, values: Sequence[Any]) -> bool:
    last = name.rpartition(".")[2]
    if last == "id" or last.endswith("_id"):
        return True
    return all(isinstance(value, str) and _UUID.fullmatch(value) for value in values)


def _is_there(value: Any) -> bool:
    return type(value) not in MISSING and value not in ("", [], {})


def _label(record: Mapping[str, Any]) -> Any:
    return next((record[name] for name in _LABELS if record.get(name)), None)
