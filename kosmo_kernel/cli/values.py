r"""Print the values that Lua returned.

On a terminal, records are printed as a table as wide as the terminal (`terminal.py`). In a pipe they are complete
tab-separated values: a line of names, then a line for each record. Tabs, line ends and backslashes in a value are
written as `\t`, `\n`, `\r` and `\\`, so that `cut`, `sort` and `awk -F'\t'` work. All other values are the same text in
both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from kosmo_kernel.cli.output import print_result, show_page
from kosmo_kernel.docs import Page
from kosmo_kernel.render.text import pretty
from kosmo_kernel.values.fields import MISSING, fields_of
from kosmo_kernel.values.records import Record, Records, encode

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def show_values(values: Sequence[Any], below: str = "") -> None:
    """Print the values of a script: each table by itself, adjacent plain values on one line, separated by tabs.

    Parameters:
        values: the values of a `session.Result`.
        below: a note that a terminal shows below the first table and a pipe leaves out.
    """
    texts: list[str] = []
    for value in values:
        if not isinstance(value, (Page, Record, Records)):
            texts.append("nil" if value is None else pretty(value))
            continue
        _print_line(texts)
        texts = []
        if isinstance(value, Page):
            show_page(value)
        else:
            show_records(value, below)
            below = "" if isinstance(value, Records) else below
    _print_line(texts)


def show_records(value: Record | Records, below: str = "") -> None:
    """Print records: a table with a note below on a terminal, tab-separated values in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_records

        print_records(value, below)
    else:
        sys.stdout.writelines(f"{line}\n" for line in separated(value))


def separated(value: Record | Records) -> Iterator[str]:
    """Yield records as lines of tab-separated values, the names first; for one record, a line for each field."""
    records = value.for_table() if isinstance(value, Records) else Records([value], value.function)
    fields = fields_of(records)
    columns = ([field.name, *field.values(records)] for field in fields)
    texts = [[_escaped(cell) for cell in column] for column in columns]
    return map("\t".join, texts if isinstance(value, Record) else zip(*texts, strict=True))


def _escaped(value: Any) -> str:
    if type(value) in MISSING:
        return ""
    if isinstance(value, float) and not isfinite(value):  # JSON has no such number
        return pretty(value)
    text = value if isinstance(value, str) else encode(value).decode()
    return text.translate(_ESCAPES)


def _print_line(texts: Sequence[str]) -> None:
    if texts:
        print_result("\t".join(texts))
