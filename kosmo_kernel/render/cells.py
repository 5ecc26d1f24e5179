"""Write one value as the text of a cell: exactly, for other programs, or as people read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from kosmo_kernel.render.style import NOTHING
from kosmo_kernel.render.text import pretty
from kosmo_kernel.values.fields import MISSING
from kosmo_kernel.values.records import encode

# What makes a spreadsheet take a cell for a formula, in its full-width variants as well.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")


def exact_cell(value: Any) -> str:
    """Return a value as text: a string unchanged, a missing value as an empty string, anything else as JSON."""
    if type(value) in MISSING:
        return ""
    if isinstance(value, float) and not isfinite(value):  # JSON has no such number
        return pretty(value)
    return str(value) if isinstance(value, str) else encode(value).decode()


def spreadsheet_cell(value: Any) -> str:
    """Return a value as text that a spreadsheet does not run as a formula, if it is no number."""
    text = exact_cell(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not isinstance(value, (int, float)) else text


def value_text(value: Any) -> str:
    """Return a value as text: a list of plain values with commas between them, other lists and objects as JSON."""
    if isinstance(value, list) and not any(isinstance(item, (list, Mapping)) for item in value):
        return ", ".join(map(exact_cell, value))
    return exact_cell(value)


def cell_text(value: Any) -> str:
    """Return a value as people read it: times without seconds, truth as `yes` or `no`, a dash for a missing value."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}".removesuffix(".00")
    return _TIME.sub(r"\1 \2", value_text(value))
