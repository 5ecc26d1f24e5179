"""The formats of a report for other programs. The one for people is that of the command (`cli/check_table.py`)."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.safety.text import with_json_escapes
from kosmo_kernel.values.records import encode

# The function of each format, which is imported when it is used. It gets the report and the lowest severity that
# counts, and returns a text, or a JSON value.
FORMATS = {
    "json": "kosmo_kernel.checks.json_document:json_document",
    "junit": "kosmo_kernel.checks.junit:junit",
    "sarif": "kosmo_kernel.checks.sarif:sarif",
    "markdown": "kosmo_kernel.checks.comment:comment",
}


def format_report(report: QuestionReport, form: str, fail_on: str) -> bytes:
    """Return a report in one of `FORMATS`, as UTF-8 that ends in a line feed."""
    content: Any = resolve_name(FORMATS[form])(report, fail_on)
    text = (
        content.encode(errors="backslashreplace")
        if isinstance(content, str)
        else with_json_escapes(encode(content, indent=2))
    )
    return text if text.endswith(b"\n") else text + b"\n"
