"""The catalogue as the Lua process needs it: names, signatures, and the type of each function's records.

A type says which fields exist, which may be missing and how they read then, and by which field a nested
record reads as text; all of it is computed from the declared columns. See `records.lua` for its use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column, Integration
from kosmo_kernel.values.records import columns_with_item


def record_type(columns: Iterable[Column], labels: Sequence[str]) -> dict[str, Any]:
    """The type of a record with these columns.

    Parameters:
        columns: of one function.
        labels: fields by which a nested record reads as text, first found wins.

    Returns:
        `names` in order; `declared`, the fields that may be missing, each with its default or True;
        `fields`, the types of nested records; `label`, in nested types that have one.
    """
    root: dict[str, Any] = {"names": [], "declared": {}, "fields": {}}
    required: set[tuple[str, ...]] = set()  # nested records with a field that is always there
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
    """Label nested records, and mark those that may be missing as a whole."""
    for name, nested in node["fields"].items():
        below = (*path, name)
        label = next((field for field in labels if field in nested["names"]), None)
        if label:
            nested["label"] = label
        if below not in required:
            node["declared"][name] = True
        _finish(nested, below, required, labels)


def surface(integrations: Iterable[Integration], accounts: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """What `app.integrations` holds, as JSON values.

    Parameters:
        integrations: in the order in which they are listed.
        accounts: the aliases of each integration by its name, for completion only.
    """
    found = []
    for integration in integrations:
        names: dict[str, list[str]] = {}
        for name, function in integration.names().items():
            names.setdefault(function.name, []).append(name)
        functions = [
            {
                "name": function.name,
                "names": names[function.name],
                "signature": function.signature,
                "type": record_type(function.columns, integration.labels),
                "asked": record_type(columns_with_item(function), integration.labels),
            }
            for function in integration.functions
        ]
        found.append({"name": integration.name, "functions": functions, "accounts": list(accounts[integration.name])})
    return found
