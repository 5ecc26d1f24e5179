"""The resources of the server: the pages of the reference, and the values of `Out`, which a client can save whole.

`kosmo://docs/heroku.list_apps` is a page. `kosmo://out/3.csv` is the value of `Out[3]` as CSV, and so are `.json` and
`.md`. Where the transport does not identify the client, the address names the session: `kosmo://out/3.csv?session=NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kosmo_kernel import docs
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.render.tables import csv_of, exact_table, markdown_of
from kosmo_kernel.values.records import Records, encode

DOCS, OUT = "kosmo://docs/", "kosmo://out/"
MARKDOWN = "text/markdown"
MAX_VALUE_LENGTH = 32 << 20  # characters of a value that is sent
_OUT_URI = re.compile(r"kosmo://out/(\d{1,9})\.(\w+)(?:\?session=([\w-]+))?", re.ASCII)


class Resource(NamedTuple):
    """A resource."""

    mime_type: str  # its kind
    text: str  # its text
    is_fixed: bool = False  # whether it stays the same while the server runs


def read_resource(uri: str, value_of: Callable[[int, str | None], Any]) -> Resource:
    """Return a resource.

    Parameters:
        uri: its address.
        value_of: returns a value of `Out` by its number, and by the name of the session if the address has one.

    Raises:
        UnknownNameError: there is no such page, value or form.
        InvalidArgumentsError: the value has no such form, or is too large.
    """
    if uri.startswith(DOCS):
        return Resource(MARKDOWN, str(docs.read(uri.removeprefix(DOCS))), is_fixed=True)
    match = _OUT_URI.fullmatch(uri)
    if not match or match[2] not in _FORMS:
        forms = ", ".join(f"{OUT}N.{form}" for form in _FORMS)
        raise UnknownNameError(f"There is no resource `{uri[:80]}`. Pages are {DOCS}PAGE, values of `Out` are {forms}.")
    number = int(match[1])
    value = value_of(number, match[3])
    if value is None:
        raise UnknownNameError(f"`Out[{number}]` has no value.")
    mime_type, write = _FORMS[match[2]]
    text = write(value)
    if len(text) > MAX_VALUE_LENGTH:
        size = f"more than {MAX_VALUE_LENGTH >> 20} MiB"
        raise InvalidArgumentsError(f"`Out[{number}]` has {size} as {match[2]}. Keep a part of it, with `lua_run`.")
    return Resource(mime_type, text)


def _table(value: Any) -> Records | None:
    """Return a value as a table, if it is a list of records or one record."""
    if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        return Records([dict(item) for item in value])
    return value if isinstance(value, Records) else None


def _csv(value: Any) -> str:
    table = _table(value)
    if table is None:
        raise InvalidArgumentsError("Only a list of records has a form as CSV. Read it as .json.")
    return "".join(csv_of(exact_table(table)))


def _markdown(value: Any) -> str:
    table = _table(value)
    if table is None:
        return value if isinstance(value, str) else f"```json\n{_json(value)}\n```\n"
    return "".join(markdown_of(exact_table(table)))


def _json(value: Any) -> str:
    return encode(value).decode()


_FORMS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "json": ("application/json", _json),
    "csv": ("text/csv", _csv),
    "md": (MARKDOWN, _markdown),
}
