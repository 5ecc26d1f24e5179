"""Read a field of a record by its dotted name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def value_at(record: object, path: str | Iterable[str]) -> Any:
    """Return the value of a field, or None if something on the way is null, absent or no record.

    Parameters:
        record: a decoded JSON object, or anything else, which has no fields.
        path: the names from the outermost to the innermost: `app.name`, or `("app", "name")`.
    """
    value: Any = record
    for name in path.split(".") if isinstance(path, str) else path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
