"""Choose the columns of findings that tell a reader something, for formats with little room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kosmo_kernel.checks.report import Finding, field_of

_LABELS = ("name", "email")  # the field that stands for a record that a finding refers to
_MAX_RECORDS = 200  # that are looked at for their fields


def report_columns(findings: Sequence[Finding], most: int) -> list[str]:
    """Return the columns of findings of one check: those of the key, then others with a value, without ids.

    Parameters:
        findings: the findings.
        most: the maximum number of columns; those of the key are all there.
    """
    columns = dict.fromkeys(findings[0].check.key if findings else ())
    for finding in findings[:_MAX_RECORDS]:
        for column in _columns(finding.record):
            if len(columns) >= most:
                return list(columns)
            if column not in columns and not any(key.startswith(f"{column}.") for key in columns):
                columns[column] = None
    return list(columns)


def column_value(finding: Finding, column: str) -> Any:
    """Return a value of a finding: the text of the key, the name of a record, or the value itself."""
    if column in finding.key:
        return finding.key[column]
    value = field_of(finding.record, column)
    return _label(value) if isinstance(value, Mapping) else value


def _columns(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of a record that are a number, a text or a record with a name."""
    for name, value in record.items():
        shown = _label(value) if isinstance(value, Mapping) else value
        is_id = name == "id" or name.endswith("_id")
        if isinstance(shown, (str, int, float)) and shown != "" and not is_id:
            yield name


def _label(record: Mapping[str, Any]) -> Any:
    return next((record[name] for name in _LABELS if record.get(name)), None)
