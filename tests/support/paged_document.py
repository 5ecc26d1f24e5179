"""A document with a list for each way in which lists have pages."""

from __future__ import annotations

from typing import Any

STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
BOOK = {"type": "object", "properties": {"id": INTEGER, "title": STRING, "author_id": STRING, "in_print": BOOLEAN}}
AUTHOR = {"type": "object", "required": ["api_key"], "properties": {"id": STRING, "name": STRING, "api_key": STRING}}
BOOKS = {"type": "array", "items": BOOK}


def _get(schema: Any, *query: str, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    parameters = [{"name": name, "in": "query", "schema": STRING if "cursor" in name else INTEGER} for name in query]
    response = {"description": "", "content": {"application/json": {"schema": schema}}}
    response["headers"] = {name: {"schema": STRING} for name in headers}
    return {"get": {"summary": "All", "parameters": parameters, "responses": {"200": response}}}


def _envelope(**beside: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"data": BOOKS, **beside}}


def _reported(**info: Any) -> dict[str, Any]:
    """Return an envelope with a list of errors beside the list, which a part of it says is one."""
    errors = {"type": "array", "items": {"type": "object", "properties": {"message": STRING}}}
    common = {"errors": errors, "success": BOOLEAN, "result": {"anyOf": [{"type": "object"}, {"type": "array"}]}}
    own = {"result": BOOKS, "result_info": {"type": "object", "properties": info}}
    return {"allOf": [{"type": "object", "properties": common}, {"type": "object", "properties": own}]}


def paged_document() -> dict[str, Any]:
    """Return the document."""
    element = {"type": "object", "properties": {"cursor": STRING, "book": BOOK}}
    links = {"type": "object", "properties": {"next": STRING | {"nullable": True}}}
    address = {"type": "object", "properties": {"href": STRING}}
    hal = {
        "type": "object",
        "properties": {
            "_embedded": {"type": "object", "properties": {"books": BOOKS}},
            "_links": {"type": "object", "properties": {"self": address, "next": address}},
            "page": {"type": "object", "properties": {"size": INTEGER, "totalElements": INTEGER}},
        },
    }
    paths = {
        "/authors": _get({"type": "array", "items": AUTHOR}, "page", "per_page", headers=("Link",)),
        "/authors/{author_id}": _get(AUTHOR),
        "/authors/{author_id}/books": _get(BOOKS, "page", "per_page", headers=("Link",)),
        "/linked": _get(BOOKS, headers=("Link",)),
        "/sized": _get(BOOKS, "per_page", headers=("Link",)),
        "/numbered": _get(BOOKS, "page", "per_page"),
        "/unsized": _get(BOOKS, "page"),
        "/counted": _get(_envelope(total_count=INTEGER), "page", "per_page"),
        "/skipped": _get(_envelope(more=BOOLEAN), "offset", "limit"),
        "/summed": _get(_envelope(total=INTEGER), "offset", "limit"),
        "/followed": _get(_envelope(next_cursor=STRING), "cursor", "limit"),
        "/continued": _get(_envelope(next_cursor=STRING, has_more=BOOLEAN), "cursor", "limit"),
        "/addressed": _get(_envelope(links=links), "limit"),
        "/embedded": _get(hal, "size"),
        "/headed": _get(BOOKS, "cursor", "limit", headers=("Shelf-Next-Cursor",)),
        "/reported": _get(_reported(total_count=INTEGER), "page", "per_page"),
        "/wrapped": _get({"type": "array", "items": element}, "cursor", "limit"),
        "/after": _get(_envelope(has_more=BOOLEAN), "starting_after", "limit"),
        "/ranged": _get(BOOKS, headers=("Next-Range",)),
        "/whole": _get(_envelope(total_count=INTEGER)),
        "/words": _get({"type": "array", "items": STRING}, "page", "per_page"),
        "/unstated": _get(BOOKS, "cursor", "limit"),
    }
    bearer = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    info = {"title": "The Shelf", "version": "1"}
    servers = [{"url": "https://shelf.example/v1"}]
    return {"openapi": "3.0.3", "info": info, "servers": servers, "paths": paths, "components": bearer}
