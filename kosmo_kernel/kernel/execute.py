"""What one cell shows: its values as MIME bundles.

A list of records is a table, a page of the reference Markdown, a larger Lua table an outline that folds, everything
else the text that Lua's own `print` would give.
"""

from __future__ import annotations

from typing import Any

from kosmo_kernel.docs import Page
from kosmo_kernel.render.display import Bundle, bundle_of
from kosmo_kernel.render.tree import outline
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import Record, Records


def bundles_of(values: list[Any], options: Options, note: str = "") -> list[Bundle]:
    """How the values of a cell are shown: each table by itself, neighbouring plain ones in a line, with tabs.

    Args:
        values: what the cell returned.
        options: `raw` asks for text in place of tables, `limit` for so many rows.
        note: what is to be said below the first table.
    """
    shown: list[Bundle] = []
    words: list[str] = []
    for value in values:
        if hasattr(value, "_repr_mimebundle_"):
            shown += [*_line(words), value._repr_mimebundle_()]
        elif isinstance(value, (Page, dict, list, Records)):
            bundle = bundle_of(value, rows=options.limit, raw=options.raw, note=note)
            note = "" if isinstance(value, Records) else note
            shown += [*_line(words), bundle if options.raw else folding(bundle, value)]
        else:
            words.append(lua_text(value))
            continue
        words = []
    return shown + _line(words)


def folding(bundle: Bundle, value: Any) -> Bundle:
    """A bundle with an outline for those who can fold one, where there is only text so far and much in the value."""
    if isinstance(value, (Record, Records)) or bundle.keys() != {"text/plain"}:
        return bundle
    folded = outline(value)
    return bundle | {"text/html": folded} if folded else bundle


def _line(words: list[str]) -> list[Bundle]:
    return [{"text/plain": "\t".join(words)}] if words else []


def lua_text(value: Any) -> str:
    """A value as Lua's `print` shows it."""
    return str(bundle_of(value, raw=True)["text/plain"])
