"""Find how the pages of a list follow, as far as a document says: by parameters, headers and fields of an envelope.

Where a list names no parameter for pages, the document says that there is one page. Where it names one, and not where
the answer has what belongs into it, the end of the list is `unstated`. The client doubts both: an answer with a sign of
more is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.catalogue.documents.names import snake_case
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.catalogue.http import CURSOR_KEYS, HREF, MAX_ENVELOPE_DEPTH, MORE_KEYS, TOTAL_KEYS
from kosmo_kernel.text import lazy_pattern

# Parameters by what they take, in snake case; the first that an operation has counts.
_CURSORS = (
    *("cursor", "next_cursor", "page_cursor", "page_token", "next_token", "next_page_token", "continuation_token"),
    *("continuation", "starting_after", "start_cursor", "after", "after_id", "page_after", "next", "marker"),
)
_NUMBERS = ("page", "page_number", "page_num", "page_no", "page_index", "p")
_OFFSETS = ("offset", "skip", "start", "start_at", "start_index", "page_offset", "from")
_SIZES = ("per_page", "page_size", "page_limit", "limit", "size", "count", "max_results", "max_items", "max", "first")
_EMBEDDED = "_embedded"  # what a HAL answer has its list in
_CURSOR_HEADER = lazy_pattern(r"(?:^|_)next_(?:cursor|token|page_token|page)$")
# Fields beside a list that describe the answer.
_BESIDE = {
    *("links", "meta", "metadata", "paging", "pagination", "object", "url", "self", "first", "last"),
    *("success", "ok", "result_info", "response_metadata"),
}
_POSITION = {*CURSOR_KEYS, *MORE_KEYS, *TOTAL_KEYS}  # fields that say what follows, or how many records there are
_ABOUT_ANSWER = {"errors", "messages", "warnings"}  # lists that describe the answer, if there is another one
DEFAULT_SIZE = 100  # records of a page to ask for, where a document does not say how many there can be
MAX_SIZE = 1_000


def has_pages(query: Iterable[str]) -> bool:
    """Return whether one of the parameters of a query selects a page."""
    names = {snake_case(name.replace("[", "_").replace("]", "")) for name in query}
    return bool(names & {*_CURSORS, *_NUMBERS, *_OFFSETS} - {"start", "from", "after", "next", "p"})


def envelope(shapes: Shapes, shape: Shape, *, is_paged: bool) -> tuple[tuple[str, ...], Shape] | None:
    """Return the keys that lead to the list in an object, and the shape of the list; None if it is no envelope.

    An object is an envelope if it has one list, and besides it only what describes the list: totals, positions, links,
    flags. If a parameter selects a page, it may also have any objects, and if it says what follows or how many there
    are, one more value and lists of plain values.
    """
    lists: list[tuple[tuple[str, ...], Shape]] = []
    others: list[str] = []
    for name, schema in shape.properties.items():
        inner = shapes.of(schema, shape.inside)
        if name == _EMBEDDED and (embedded := envelope(shapes, inner, is_paged=is_paged)):
            lists.append(((name, *embedded[0]), embedded[1]))
        elif inner.is_list:
            lists.append(((name,), inner))
        elif not _describes_list(name, inner) and not (is_paged and inner.is_object):
            others.append(name)
    if len(lists) > 1:
        lists = [entry for entry in lists if entry[0][0] not in _ABOUT_ANSWER]
    has_position = is_paged and bool(_POSITION & set(map(snake_case, shape.properties)))
    if has_position and len(lists) > 1:
        lists = [entry for entry in lists if shapes.of(entry[1].items, entry[1].inside).is_object]
    return lists[0] if len(lists) == 1 and len(others) <= has_position else None


def _describes_list(name: str, shape: Shape) -> bool:
    snake = snake_case(name)
    words = set(snake.split("_"))
    return (
        snake in {*CURSOR_KEYS, *MORE_KEYS, *TOTAL_KEYS, *_NUMBERS, *_OFFSETS, *_SIZES}
        or bool(words & {"total", "count", "page", "pages", "cursor", "next", "previous", "prev", "more", "has"})
        or snake in _BESIDE
        or (shape.types == ["boolean"] and "incomplete" in words)
    )


def element(shapes: Shapes, shape: Shape) -> str:
    """Return the key of the record in an element of a list that has its cursor beside it; empty for no such element."""
    names = list(shape.properties)
    if len(names) != 2 or "cursor" not in names:
        return ""
    other = next(name for name in names if name != "cursor")
    return other if shapes.of(shape.properties[other], shape.inside).is_object else ""


def pages(
    query: Mapping[str, Mapping[str, Any]],
    headers: Iterable[str],
    body: Shape | None,
    shapes: Shapes,
    *,
    keys: Sequence[str],
    record: Shape,
) -> tuple[dict[str, Any], Shape]:
    """Return how the pages of a list follow, in the notation of `catalogue.pages.Pages`, and the shape of its records.

    Parameters:
        query: the schemas of the parameters of the query, by name.
        headers: the names of the headers of the answer, as far as the document declares them.
        body: the envelope; None if the answer is the list.
        shapes: of the document.
        keys: the keys that lead to the list in the envelope; none if the answer is the list.
        record: the shape of the elements of the list.
    """
    by_name = {snake_case(name.replace("[", "_").replace("]", "")): name for name in query}
    wrapped = element(shapes, record) if record.is_object else ""
    own_total = [f"total_{snake_case(key)}" for key in keys[-1:]]  # `total_apps` of `apps`
    facts: dict[str, Any] = {"items": list(keys), "element": wrapped}
    facts["total"] = list(_first_path(shapes, body, (*TOTAL_KEYS[:-1], *own_total, *TOTAL_KEYS[-1:])))
    facts["more"] = list(_first_path(shapes, body, MORE_KEYS))
    size = next((by_name[name] for name in _SIZES if name in by_name), "")
    if size:
        facts |= {"size_param": size, "size": _size(shapes.of(query[size]), query[size])}
    path = list(_first_path(shapes, body, CURSOR_KEYS))
    facts |= _following(by_name, query, {name.lower() for name in headers}, path, is_wrapped=bool(wrapped))
    if wrapped:
        record = shapes.of(record.properties[wrapped], record.inside)
    if not record.is_object and record.types:
        facts["scalar"] = True
        record = Shape(properties={"value": {"type": record.types[0]}})
    return {key: value for key, value in facts.items() if value not in ("", [], None)}, record


def _following(
    by_name: Mapping[str, str],
    query: Mapping[str, Mapping[str, Any]],
    headers: Collection[str],
    path: list[str],
    *,
    is_wrapped: bool,
) -> dict[str, Any]:
    """Return the kind of pages with what belongs to it.

    Parameters:
        by_name: the parameters of the query, by their names in snake case.
        query: their schemas.
        headers: the names of the headers of the answer, in lower case.
        path: the keys that lead to a cursor or an address in the envelope; none if there is none.
        is_wrapped: whether each element has its cursor.
    """
    number, cursor, offset = (
        next((by_name[name] for name in kind if name in by_name), "") for kind in (_NUMBERS, _CURSORS, _OFFSETS)
    )
    header = next((name for name in sorted(headers) if _CURSOR_HEADER.search(snake_case(name))), "")
    in_header = {"kind": "cursor", "param": cursor or number, "cursor": [header], "cursor_in": "header"}
    in_element = {"kind": "cursor", "param": cursor, "cursor_in": "element"}
    ways: tuple[tuple[Any, dict[str, Any]], ...] = (
        ("link" in headers, {"kind": "link-header", "param": number}),
        ("next-range" in headers, {"kind": "range"}),
        (header and (cursor or number), in_header),
        (is_wrapped and cursor, in_element | {"cursor": ["cursor"]}),
        # A link in the answer needs no parameter.
        (path and (cursor or not (number or offset)), {"kind": "cursor", "param": cursor, "cursor": path}),
        (number, {"kind": "page-number", "param": number, "start": _start(query.get(number, {}))}),
        (offset and by_name.keys() & set(_SIZES), {"kind": "offset", "param": offset}),
        (cursor == "starting_after", in_element | {"cursor": ["id"]}),  # takes the id of the last record
        (cursor, {"kind": "unstated"}),
    )
    return next((facts for is_so, facts in ways if is_so), {"kind": "whole"})


def settled(facts: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the facts of a list whose pages follow in a way that the user names.

    Parameters:
        facts: of the list, as its document gives them.
        kind: of the pages, of those that need no place in the answer.
    """
    names = {"page-number": _NUMBERS, "offset": _OFFSETS}.get(kind, ())
    by_name = {snake_case(param["sent"]): param["sent"] for param in facts.get("params", ()) if "sent" in param}
    selects = next((by_name[name] for name in names if name in by_name), next(iter(names), ""))
    pages = {key: value for key, value in facts["pages"].items() if key not in ("param", "cursor", "cursor_in")}
    pages |= {"kind": kind} | ({"param": selects} if selects else {})
    params = [param for param in facts.get("params", ()) if param.get("sent") != selects or not selects]
    return {**facts, "pages": pages, "params": params}


def _first_path(shapes: Shapes, body: Shape | None, keys: Sequence[str], depth: int = 0) -> tuple[str, ...]:
    """Return the keys that lead to the first of some fields in an envelope; none if there is none."""
    if body is None or depth > MAX_ENVELOPE_DEPTH:
        return ()
    for key in keys:
        for name in body.properties:
            if snake_case(name) == key:
                inner = shapes.of(body.properties[name], body.inside)
                if not inner.is_object:
                    return (name,)
                if HREF in inner.properties:
                    return (name, HREF)
    for name in body.properties:
        inner = shapes.of(body.properties[name], body.inside)
        if inner.is_object and not inner.is_list and (path := _first_path(shapes, inner, keys, depth + 1)):
            return (name, *path)
    return ()


def _size(shape: Shape, schema: Mapping[str, Any]) -> int:
    """Return how many records of a page to ask for: the maximum, if the document says it."""
    maximum = schema.get("maximum")
    if isinstance(maximum, int) and not isinstance(maximum, bool) and maximum > 0:
        return min(maximum, MAX_SIZE)
    numbers = [value for value in shape.values if isinstance(value, int)]
    return max(numbers) if numbers else DEFAULT_SIZE


def _start(schema: Mapping[str, Any]) -> int:
    """Return the number of the first page."""
    default = schema.get("default", schema.get("minimum", 1))
    return 0 if default == 0 and not isinstance(default, bool) else 1
