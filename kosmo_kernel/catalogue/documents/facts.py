"""Compare two tables of facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names.

    Parameters:
        before, after: the facts of both tables as text, by name.
    """
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"
