"""Render the values of a cell as MIME bundles.

A list of records becomes a table, a page of the reference Markdown, a larger Lua table a collapsible outline, and
everything else the text that Lua's `print` would write.
"""

from __future__ import annotations

from typing import Any

from kosmo_kernel.docs import Page
from kosmo_kernel.render.display import Bundle, bundle_of
from kosmo_kernel.render.tree import outline
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import Record, Records


def bundles_of(values: list[Any], options: Options, note: str = "") -> list[Bundle]:
    """Return a bundle for each table, and one for each run of adjacent plain values, joined by tabs.

    Args:
        values: the values that the cell returned.
        options: `raw` turns tables into text, `limit` sets the number of rows.
        note: a text to show below the first table.
    """
    bundles: list[Bundle] = []
    texts: list[str] = []
    for value in values:
        if hasattr(value, "_repr_mimebundle_"):
            bundles += [*_join_texts(texts), value._repr_mimebundle_()]
        elif isinstance(value, (Page, dict, list, Records)):
            bundle = bundle_of(value, rows=options.limit, raw=options.raw, note=note)
            note = "" if isinstance(value, Records) else note
            bundles += [*_join_texts(texts), bundle if options.raw else with_outline(bundle, value)]
        else:
            texts.append(lua_text(value))
            continue
        texts = []
    return bundles + _join_texts(texts)


def with_outline(bundle: Bundle, value: Any) -> Bundle:
    """Add an HTML outline to a bundle that has only text, if the value is large enough for one."""
    if isinstance(value, (Record, Records)) or bundle.keys() != {"text/plain"}:
        return bundle
    folded = outline(value)
    return bundle | {"text/html": folded} if folded else bundle


def _join_texts(texts: list[str]) -> list[Bundle]:
    return [{"text/plain": "\t".join(texts)}] if texts else []


def lua_text(value: Any) -> str:
    """Return the text that Lua's `print` shows for a value."""
    return str(bundle_of(value, raw=True)["text/plain"])
