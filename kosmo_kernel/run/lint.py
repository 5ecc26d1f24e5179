"""Warnings about mistakes in a script that Lua does not report.

A reference such as `app.stack` converts to its name by metamethods, but Lua calls none when it compares values of two
types: `app.stack == "heroku-24"` is silently false. The text is tokenized only if it has an operator, a quote and a
field such as `.stack`, and only up to `READ_MOST` characters.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.lua.surface import record_type
from kosmo_kernel.run.chunks import MAX_CHARACTERS_TOKENIZED, keys

_EQUALS = ("==", "~=")
_QUOTES = ('"', "'", "[[", "[=")


def lint(source: str) -> list[str]:
    """Return warnings about a script, one line each, for all integrations loaded so far."""
    source = source[:MAX_CHARACTERS_TOKENIZED]
    if not any(map(source.__contains__, _EQUALS)) or not any(map(source.__contains__, _QUOTES)):
        return []
    labels = _labels(tuple(function for one in integrations.loaded() for function in _functions_meant(one, source)))
    if not any(f".{name}" in source for name in labels):
        return []
    return [_warning(line, name, labels[name]) for line, name in _comparisons(source) if name in labels]


def _functions_meant(integration: Integration, source: str) -> list[tuple[str, str]]:
    """Return the functions that a script names or, if it names none, those that were called so far, by full name."""
    names = [name for name in integration.table.names if name in source]
    return [(integration.name, name) for name in names or [one.name for one in integration.table.existing()]]


@lru_cache(maxsize=64)
def _labels(functions: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the fields that hold a reference, each with the field that is its text form."""
    labels: dict[str, str] = {}
    for name, function in functions:
        integration = integrations.find(name)
        nested = record_type(integration.function(function).columns, integration.labels)["fields"]
        labels |= {name: kind["label"] for name, kind in nested.items() if "label" in kind}
    return labels


def _warning(line: int, name: str, label: str) -> str:
    return (
        f"line {line}: `.{name}` is a record, and Lua never finds a record equal to a text. "
        f'Compare its {label}: `.{name}.{label} == "…"`.'
    )


@lru_cache(maxsize=64)
def _comparisons(source: str) -> tuple[tuple[int, str], ...]:
    """Return where fields are compared with strings: the line, counted from 1, and the field's name.

    Fields that the script defines itself are left out.
    """
    from kosmo_kernel.editor.tokens import tokens_of

    tokens = [token for token in tokens_of(source) if token.kind != "comment"]
    matches = []
    for place, token in enumerate(tokens):
        if token.text not in ("==", "~=") or token.kind != "mark" or not 0 < place < len(tokens) - 1:
            continue
        before, after, end = tokens[place - 1], tokens[place + 1], place + 1
        if after.kind == "string" and before.kind == "name" and tokens[place - 2].text == ".":
            matches.append((source.count("\n", 0, token.start) + 1, before.text))
        while end + 2 < len(tokens) and tokens[end + 1].text == "." and tokens[end + 2].kind == "name":
            end += 2
        if before.kind == "string" and end > place + 1:
            matches.append((source.count("\n", 0, token.start) + 1, tokens[end].text))
    own = frozenset(chain.from_iterable(keys(source)))
    return tuple((line, name) for line, name in matches if name not in own)
