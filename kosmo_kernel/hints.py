"""Mistakes that Lua cannot see, found in a script's text before it runs.

A reference such as `app.stack` reads as its name wherever Lua lets a value speak for itself, but Lua never asks
when it compares values of two types: `app.stack == "heroku-24"` is false without a word. The text is read as
tokens, and only when it may hold such a comparison at all.
"""

from __future__ import annotations

import re
from functools import cache

from kosmo_kernel.editor.tokens import tokens_of
from kosmo_kernel.integrations import BUILT_IN
from kosmo_kernel.lua.surface import record_type

_COMPARED = re.compile(r"""\.\s*([a-z_]+)\s*[=~]=\s*["'\[]|["'\]]\s*[=~]=\s*[\w.]+\.([a-z_]+)""")


def hints(source: str) -> list[str]:
    """Warnings about a script, one line each."""
    suspects = {a or b for a, b in _COMPARED.findall(source)} & references().keys()
    # A script that makes fields of that name itself means those.
    suspects = {name for name in suspects if not re.search(rf"[{{,;.]\s*{name}\s*=[^=]", source)}
    return [_warning(line, name) for line, name in _comparisons(source) if name in suspects] if suspects else []


@cache
def references() -> dict[str, str]:
    """Fields that hold a reference, each with the field by which it reads as text."""
    found: dict[str, str] = {}
    for integration in BUILT_IN:
        for function in integration.functions:
            nested = record_type(function.columns, integration.labels)["fields"]
            found |= {name: kind["label"] for name, kind in nested.items() if "label" in kind}
    return found


def _warning(line: int, name: str) -> str:
    label = references()[name]
    return (
        f"line {line}: `.{name}` is a record, and Lua never finds a record equal to a text. "
        f'Compare its {label}: `.{name}.{label} == "…"`.'
    )


def _comparisons(source: str) -> list[tuple[int, str]]:
    """Where a field is compared with a text: the line, counted from 1, and the field's name."""
    tokens = [token for token in tokens_of(source) if token.kind != "comment"]
    found = []
    for place, token in enumerate(tokens):
        if token.text not in ("==", "~=") or token.kind != "mark" or not 0 < place < len(tokens) - 1:
            continue
        before, after, end = tokens[place - 1], tokens[place + 1], place + 1
        if after.kind == "string" and before.kind == "name" and tokens[place - 2].text == ".":
            found.append((source.count("\n", 0, token.start) + 1, before.text))
        while end + 2 < len(tokens) and tokens[end + 1].text == "." and tokens[end + 2].kind == "name":
            end += 2
        if before.kind == "string" and end > place + 1:
            found.append((source.count("\n", 0, token.start) + 1, tokens[end].text))
    return found
