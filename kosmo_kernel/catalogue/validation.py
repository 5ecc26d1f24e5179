"""Check an integration and report every mistake at once, so that its author can fix them in one go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kosmo_kernel.catalogue.model import NEWEST, PLACE, RESERVED, SINCE, BulkSource, Column, Function, Param
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from kosmo_kernel.catalogue.http import Budget

_NAME = lazy_pattern(r"[a-z][a-z0-9_]*\Z")
_OBJECT = lazy_pattern(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")


def mistakes(name: str, functions: Iterable[Function], budget: Budget | None, demos: Iterable[str]) -> Iterator[str]:
    """Yield the mistakes of an integration, each with the name of the function, parameter or column that has it.

    Parameters:
        name: of the integration; the other parameters are the attributes of an `Integration` with these names.
    """
    if not _NAME.match(name):
        yield f"`{name}` is no Lua name in lower case"
    if budget and not (budget.capacity > 0 and budget.refill_per_minute > 0):
        yield "it has a budget that is empty or never comes back"
    for demo in demos:
        if not _OBJECT.match(demo):
            yield f"has its demo at `{demo}`, which is no `package.module:name`"
    owners: dict[str, str] = {}
    for function in functions:
        for alias in (function.name, *function.aliases, f"{name}_{function.name}"):
            if not _NAME.match(alias):
                yield f"`{alias}` is no Lua name in lower case"
            if alias in owners:
                yield f"`{alias}` is used by {owners[alias]} and {function.name}"
            owners[alias] = function.name
        yield from (f"{function.name} {mistake}" for mistake in function_mistakes(function))


def function_mistakes(function: Function) -> Iterator[str]:
    """Yield the mistakes of one function."""
    texts = {"summary": function.summary, "description": function.description, "example": function.example}
    yield from (f"has no {what}" for what, text in texts.items() if not text.strip())
    yield from _of_links(function)
    places = [placeholder for link in function.links for placeholder in link.places]
    yield from (f"has the parameter `{n}` twice" for n in _duplicates(p.name for p in function.params))
    for param in function.params:
        yield from (f"has the parameter `{param.name}`, which {mistake}" for mistake in _of_param(param, places))
    if not function.columns:
        yield "has no columns"
    yield from (f"has the column `{n}` twice" for n in _duplicates(c.name for c in function.columns))
    parents = {c.path[:-1] for c in function.columns}
    for column in function.columns:
        yield from (f"has the column `{column.name}`, which {mistake}" for mistake in _of_column(column, parents))


def _of_links(function: Function) -> Iterator[str]:
    if not function.links and not function.local:
        yield "has no links"
    if function.local and (function.links or function.params or function.returns != "list"):
        yield "is local, but no list without links and parameters"
    names = {p.name: p.required for p in function.params}
    everywhere = set.intersection(*(set(link.places) for link in function.links)) if function.links else set()
    for link in function.links:
        if not link.path.startswith("/") or "{" in PLACE.sub("", link.path):
            yield f"has the path `{link.path}`, which is none"
        for placeholder in link.places:
            if names.get(placeholder) is not (placeholder in everywhere):
                required = "a required" if placeholder in everywhere else "an optional"
                yield f"has `{placeholder}` in its path but not as {required} parameter"
        if link.bulk:
            yield from (f"has lists for `bulk`, but {mistake}" for mistake in _of_bulk(function, link.bulk))
    for places in _duplicates(" ".join(sorted(link.places)) for link in function.links):
        yield f"has more than one link for the arguments `{places}`"


def _of_bulk(function: Function, whole: BulkSource) -> Iterator[str]:
    if function.fan_out is None or function.returns != "list":
        yield "is no list function with a parameter that takes a list"
    if not whole.path.startswith("/") or "{" in whole.path:
        yield f"`{whole.path}` is no path without places"
    for what in (whole.list_items, *([whole.shared_links] if whole.shared_links else [])):
        if what.returns != "list" or any(param.required for param in what.params):
            yield f"{what.name} is no list function without parameters"
    if whole.shared_links and not (whole.link_item and whole.link_record):
        yield "does not say what a link leads from and to"


def _of_param(param: Param, places: list[str]) -> Iterator[str]:
    if not _NAME.match(param.name):
        yield "is no Lua name in lower case"
    if param.name in RESERVED:
        yield "is a reserved name"
    if not param.doc.strip():
        yield "has no doc"
    if param.name not in (*places, NEWEST, SINCE) and not param.query:
        yield "goes nowhere: the path has no place for it"
    if param.pattern and not param.pattern_doc:
        yield "has a pattern but no words for it"
    try:
        re.compile(param.pattern)
    except re.error as error:
        yield f"has a pattern that does not compile: {error}"
        return
    if param.kind == "string" and param.example and param.fault(param.example):
        yield "refuses its own example"


def _of_column(column: Column, parents: set[tuple[str, ...]]) -> Iterator[str]:
    if not all(column.path):
        yield "is no path"
    if column.path in parents:
        yield "has other columns below it"
    if column.default is not None and not column.nullable:
        yield "has a default but is never null"


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
