"""What is known of the name at the cursor, or of the call around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kosmo_kernel import docs, harmless, integrations
from kosmo_kernel.editor.library import library
from kosmo_kernel.editor.meaning import Answer, Live, Meaning, Place, Reader, Text, namespace_at

if TYPE_CHECKING:
    from kosmo_kernel.catalogue import Function

LONGEST = 4000  # characters of a value's text or source that are shown


def inspect(code: str, cursor: int, live: Live, detail: int = 0) -> docs.Page | None:
    """The documentation of the name at the cursor; inside a call's brackets, where there is none, of the call.

    Args:
        code: the whole text.
        cursor: the number of characters in front of the cursor.
        live: the Lua state, for functions and values that exist only there.
        detail: 1 asks for the source of the user's own functions as well.

    Returns:
        Markdown, or None when nothing is known.

    Raises:
        KosmoError: the Lua state cannot be asked.
    """
    reader = Reader(code, live)
    under = next((i for i, t in enumerate(reader.tokens) if t.kind == "name" and t.start <= cursor <= t.end), None)
    if under is not None:
        found = _described(reader, reader.meaning_until(under + 1), detail)
        if found is not None:
            return found
    here = next((i for i, t in enumerate(reader.tokens) if t.end > cursor), len(reader.tokens))
    for name_end, _ in reader.calls_around(here):
        found = _described(reader, reader.meaning_until(name_end), detail)
        if found is not None:
            return found
    return None


def _described(reader: Reader, meaning: Meaning | None, detail: int) -> docs.Page | None:
    match meaning:
        case Answer(path=()):
            return _function(meaning.function)
        case Answer():
            return _field(meaning)
        case Text():
            return _entry("string")
        case Place():
            return _place(reader, meaning, detail)
    return None


def _place(reader: Reader, place: Place, detail: int) -> docs.Page | None:
    function = reader.function_at(place)
    if function is not None:
        return _function(function)
    integration = namespace_at(place.chain) or namespace_at(place.chain[:-1])
    if integration is not None:
        return docs.read(integration.name)
    owner = reader.live.resolve(place.chain[:-1]) if place.method else None
    name = f"string.{place.chain[-1]}" if owner and owner["type"] == "string" else ".".join(place.chain)
    known = None if name in library() else reader.live.resolve(place.chain)
    return _entry(name) if known is None else _value(place, known, detail)


def _function(function: Function) -> docs.Page:
    home = next(i for i in integrations.everything() if function in i.functions)
    return docs.read(f"{home.name}.{function.name}")


def _field(answer: Answer) -> docs.Page | None:
    """A field of a record, or the object that has such fields."""
    depth = len(answer.path)
    lines = [
        f"- `{column.name}` ({column.kind}{', may be nil' if column.nullable else ''}): {column.doc}"
        for column in answer.function.columns
        if column.path[:depth] == answer.path
    ]
    title = f"**{'.'.join(answer.path)}** of what `{answer.function.name}` returns"
    return docs.Page("\n".join([title, "", *lines])) if lines else None


def _entry(name: str) -> docs.Page | None:
    entry = library().get(name)
    return docs.Page(f"{_fenced(entry.signature)}\n\n{entry.doc}") if entry is not None else None


def _value(place: Place, known: dict[str, Any], detail: int) -> docs.Page:
    """A value that only the live state has: a function by its source, everything else by its text."""
    source = known.get("source")
    where = f", {known['chunk']} line {known['line']}" if known.get("chunk") and known.get("line") else ""
    title = f"**{'.'.join(place.chain)}**: {known['type']}{where}"
    text = harmless.text((source if detail else source.partition("\n")[0]) if source else str(known["text"]))
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return docs.Page(f"{title}\n\n{_fenced(shown, 'lua' if source else '')}")


def _fenced(text: str, language: str = "lua") -> str:
    """A block of code, whatever runs of backticks its text has."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text}\n{fence}"
