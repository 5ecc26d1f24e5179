"""Describe the catalogue for the Lua process: names at the start, and more about a function when Lua needs it.

A record type lists the fields, which of them may be missing and their defaults, and the field that represents a nested
record as text. It is computed from the declared columns and used by `records.lua`. The errors about fields that records
do not have are made here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.lua.values import columns_of_items
from kosmo_kernel.questions import services
from kosmo_kernel.questions.discovery import table_names
from kosmo_kernel.safety.text import sanitize_text, shortened
from kosmo_kernel.text import nearest

MAX_FIELDS_LISTED = 40
MAX_NAME_SHOWN = 60  # characters


def record_type(columns: Iterable[Column], labels: Sequence[str]) -> dict[str, Any]:
    """Return the type of a record with these columns.

    Parameters:
        columns: of one function.
        labels: fields that may represent a nested record as text; the first one that it has is used.

    Returns:
        `names`, the fields in order; `declared`, the fields that may be missing, each with its default or True;
        `fields`, the types of nested records; `label`, in nested types that have one.
    """
    root: dict[str, Any] = {"names": [], "declared": {}, "fields": {}}
    required: set[tuple[str, ...]] = set()  # nested records that have a non-nullable field
    for column in columns:
        node = root
        *parents, leaf = column.path
        for depth, parent in enumerate(parents, 1):
            if parent not in node["fields"]:
                node["names"].append(parent)
                node["fields"][parent] = {"names": [], "declared": {}, "fields": {}}
            node = node["fields"][parent]
            if not column.nullable:
                required.add(tuple(parents[:depth]))
        node["names"].append(leaf)
        if column.nullable:
            node["declared"][leaf] = column.default if column.default is not None else True
    _finish(root, (), required, labels)
    return root


def _finish(node: dict[str, Any], path: tuple[str, ...], required: set[tuple[str, ...]], labels: Sequence[str]) -> None:
    """Set the labels of nested records, and mark those that may be missing as a whole."""
    for name, nested in node["fields"].items():
        below = (*path, name)
        label = next((field for field in labels if field in nested["names"]), None)
        if label:
            nested["label"] = label
        if below not in required:
            node["declared"][name] = True
        _finish(nested, below, required, labels)


def surface(integrations: Iterable[Integration], accounts: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return the contents of `app.integrations` as JSON values.

    Parameters:
        integrations: in the order in which to list them.
        accounts: the account aliases of each integration by its name, for completion only.
    """
    described = []
    for integration in integrations:
        names = integration.table.names
        aliases = {alias: name for name, others in names.items() for alias in others}
        described.append(
            {
                "name": integration.name,
                "functions": list(names),
                "aliases": aliases,
                "accounts": list(accounts[integration.name]),
                "tables": list(table_names(integration.name)),
            }
        )
    return described


def record_types(integration: Integration, function: Function) -> dict[str, Any]:
    """Return the types of a function's records: of a call's, and of calls with a list, by the column of its items."""
    items = columns_of_items(function).items()
    return {
        "type": record_type(function.columns, integration.labels),
        "asked": {name: record_type(columns, integration.labels) for name, columns in items},
    }


def unknown_field(function: Function, path: tuple[str, ...], name: str, names: Sequence[str]) -> UnknownFieldError:
    """Return the error for a field that no record has.

    Parameters:
        function: the function that returned the record.
        path: the fields that lead to a record inside it; empty for the record itself.
        name: the field.
        names: the fields that there are beside it.
    """
    prefix = "".join(f"{part}." for part in path)
    if "." in name and any(column.name == prefix + name for column in function.columns):
        text = f'{_subject(function)} a record "{prefix}{name.partition(".")[0]}", and no field with the name "{name}".'
        return UnknownFieldError(
            text, advice=f'Write item.{prefix}{name}, and for all of them list.map(items, "{prefix}{name}").'
        )
    text = f'{_subject(function)} no field "{prefix}{_quoted(name)}".'
    written_otherwise = (name, name.replace("_", "."))  # `app_name` is `app.name`
    below = (
        [column.name for column in function.columns if column.path[-1] == name or column.name in written_otherwise]
        if not path
        else []
    )
    if reason := _why_not(function, (*path, name)):
        return UnknownFieldError(text, advice=reason)
    for service in services() if not below else ():
        if f"{name}s" in table_names(service):
            return UnknownFieldError(text, advice=f"The table `{service}.tables.{name}s()` has it.")
    return _no_such_field(text, name, names, prefix, below)


def unknown_column(table: str, name: str, names: Sequence[str]) -> UnknownFieldError:
    """Return the error for a field that no row of a table has, which has fields of these names."""
    return _no_such_field(f'the rows of {_short_path(table)} have no field "{_quoted(name)}".', name, names)


def _no_such_field(
    text: str, name: str, names: Sequence[str], prefix: str = "", below: Sequence[str] = ()
) -> UnknownFieldError:
    """Return the error with the nearest names, those `below` first, and with all names."""
    near = [*below, *(f"{prefix}{field}" for field in nearest(name, names))]
    fields = ", ".join(f"{prefix}{field}" for field in names[:MAX_FIELDS_LISTED])
    cut = ", …" if len(names) > MAX_FIELDS_LISTED else ""
    return UnknownFieldError(text, tuple(dict.fromkeys(near))[:3], advice=f"There are {fields}{cut}.")


def _short_path(source: str) -> str:
    """Return the name of a function, or the path of a table as scripts write it."""
    return _quoted(source.removeprefix("app.integrations."))


def _quoted(name: str) -> str:
    return shortened(sanitize_text(name), MAX_NAME_SHOWN)


def _why_not(function: Function, path: tuple[str, ...]) -> str:
    """Return why records have no field that is often expected, and what to read instead; otherwise an empty text."""
    name = ".".join(path)
    if function.fingerprints and "value" in path[-1].lower():
        reason = "The value of a config var is never shown to a script."
        return f"{reason} `fingerprint` is equal where two values are equal, so it finds a value that two apps share."
    many = function.fan_out.name if function.fan_out else ""
    if not many or name not in (many, many.removesuffix("_id"), f"{many.removesuffix('_id')}.name"):
        return ""
    own = next((column.name for column in function.columns if column.name == f"{many.removesuffix('_id')}.name"), "")
    own_hint = f"; `{own}` is in each record" if own else ""
    return f"With a list as `{many}`, each record has `{many}`, the name as the call has it{own_hint}."


def field_of_records(source: str, name: str) -> UnknownFieldError:
    """Return the error for a field that was read of a list, although its records, those of `source`, have it."""
    name = _quoted(name)
    text = f'This is a list, which has no field "{name}"; the records of {_short_path(source)} have one each.'
    advice = f'Read it of one record, items[1].{name}, or of all: list.map(items, "{name}")'
    return UnknownFieldError(text, advice=advice)


def _subject(function: Function) -> str:
    """Return the records of a function in words, with the verb: `dynos have`, `an app has`."""
    verb, _, words = function.name.partition("_")
    thing = words.replace("_", " ")
    if not thing or verb not in ("list", "get"):
        return f"what {function.name} returns has"
    if verb == "list":
        return f"{thing} have" if thing.endswith("s") else f"records of {function.name} have"
    if thing.startswith("current "):
        return f"the {thing} has"
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing} has"
