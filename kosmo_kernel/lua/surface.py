"""Describe the catalogue for the Lua process: names at the start, and more about a function when Lua needs it.

A record type lists the fields, which of them may be missing and their defaults, and the field that represents a nested
record as text. It is computed from the declared columns and used by `records.lua`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.lua.values import columns_of_items
from kosmo_kernel.questions.discovery import table_names


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
