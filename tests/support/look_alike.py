"""A service in the ways in which services page their lists, and the ways in which that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

URL = "https://shelf.example"
TOKEN = "token-of-the-shelf"
CURSOR = "after-{}"


@dataclass
class Shelf:
    """A WSGI application with one list of books.

    Parameters:
        style: how its pages follow; see `Shelf.page`.
        count: the number of books.
        size: the most books of a page, whatever was asked for.
        fault: what goes wrong: `second page fails`, `link lost`, `cursor repeated`, `total too high`, `no cursor`,
            `html`, `page repeated`, or nothing.
    """

    style: str
    count: int = 7
    size: int = 3
    fault: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    @property
    def books(self) -> list[dict[str, Any]]:
        return [{"id": number, "title": f"Volume {number}"} for number in range(1, self.count + 1)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        self.asked.append(environ["QUERY_STRING"] or environ.get("HTTP_RANGE", ""))
        self.tokens.append(environ.get("HTTP_AUTHORIZATION", ""))
        first = self._first(query, environ.get("HTTP_RANGE", ""))
        if self.fault == "page repeated":
            first = min(first, self.size)
        is_second = first > 0
        if is_second and self.fault == "second page fails":
            return answer(start_response, "422 Unprocessable Entity", {"message": "no such page"})
        if is_second and self.fault == "html":
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<h1>Please sign in</h1>"]
        rows = self.books[first : first + self.size]
        status, body, headers = self.page(first, rows, query)
        return answer(start_response, status, body, headers)

    def _first(self, query: dict[str, str], range_: str) -> int:
        """Return the number of books before the page that was asked for."""
        for name, text in query.items():
            match name:
                case "page":
                    return (int(text) - 1) * self.size
                case "offset":
                    return int(text)
                case "cursor":
                    return int(text.removeprefix(CURSOR.format("")))
                case "starting_after":
                    return int(text)
        return int(range_) if range_.isdecimal() else 0

    def page(self, first: int, rows: list[dict[str, Any]], query: dict[str, str]) -> tuple[str, Any, dict[str, str]]:
        """Return the status, the body and the headers of a page."""
        end = first + len(rows)
        has_more = end < self.count
        total = self.count + 2 if self.fault == "total too high" else self.count
        cursor: str | None = CURSOR.format(end) if has_more else None
        if first and self.fault == "cursor repeated" and has_more:
            cursor = CURSOR.format(first)
        is_lost = self.fault in ("link lost", "no cursor")
        page = int(query.get("page", "1"))
        links = [f'<{URL}/books?page={page + 1}>; rel="next"'] * has_more + [f'<{URL}/books?page=1>; rel="first"']
        headers = {} if is_lost else {"Link": ", ".join(links)}
        body: dict[str, Any] = {"books": rows}
        next_cursor = {} if is_lost else {"next_cursor": cursor}
        address = f"/books?cursor={cursor}" if cursor else None
        links_inside = {} if is_lost else {"links": {"next": address}}
        following_link = {"next": {"href": address}} if address else {}
        hal_links = {} if is_lost else {"_links": {"self": {"href": "/books"}} | following_link}
        results = f'; results="{str(has_more).lower()}"'
        later = f'<{URL}/books?page={page + 1}>; rel="next"{results}'
        following = {} if is_lost or not has_more else {"Next-Range": str(end)}
        answers: dict[str, tuple[Any, dict[str, str]]] = {
            "link-header": (rows, headers),
            "link-header, results": (rows, {} if is_lost else {"Link": later}),
            "page-number": (rows, {}),
            "page-number, total": (body | {"total_count": total}, {}),
            "page-number, count": (body | {"count": len(rows)}, {}),
            "offset, more": (body | {"more": has_more}, {}),
            "offset, total": (body | {"total": total}, {}),
            "cursor": (body | next_cursor, {}),
            "cursor, more": (body | {"has_more": has_more} | next_cursor, {}),
            "cursor, link": (body | links_inside, {}),
            "cursor, HAL": ({"_embedded": body} | hal_links, {}),
            "cursor, header": (rows, {} if is_lost or not cursor else {"Next-Cursor": cursor}),
            "cursor, element": ([self._element(row, first) for row in rows], {}),
            "range": (rows, following),
            "whole, link": (rows, headers),
            "whole, HAL": (body | hal_links, {}),
            "whole, more": (body | {"has_more": has_more}, {}),
            "whole, total": (body | {"total_count": total}, {}),
            "whole, total header": (rows, {"X-Total-Count": str(total)}),
            "unstated": (rows, {}),
        }
        status = "206 Partial Content" if self.style == "range" and has_more else "200 OK"
        return status, *answers[self.style]

    def _element(self, row: dict[str, Any], first: int) -> dict[str, Any]:
        is_repeated = self.fault == "cursor repeated" and first
        return {"cursor": CURSOR.format(first if is_repeated else row["id"]), "book": row}


def answer(
    start_response: StartResponse, status: str, body: Any, headers: dict[str, str] | None = None
) -> Iterable[bytes]:
    content = json.dumps(body).encode()
    sent = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    start_response(status, list(sent.items()))
    return [content]


# How each style is described in facts.
ENVELOPE = {"items": ["books"]}
PAGES: dict[str, dict[str, Any]] = {
    "link-header": {"kind": "link-header", "param": "page", "size_param": "per_page", "size": 3},
    "link-header, results": {"kind": "link-header"},
    "page-number": {"kind": "page-number", "param": "page", "size_param": "per_page", "size": 100},
    "page-number, total": {"kind": "page-number", "param": "page", "total": ["total_count"], **ENVELOPE},
    "page-number, count": {
        "kind": "page-number",
        "param": "page",
        "size_param": "per_page",
        "size": 3,
        "total": ["count"],
        **ENVELOPE,
    },
    "offset, more": {"kind": "offset", "param": "offset", "more": ["more"], **ENVELOPE},
    "offset, total": {"kind": "offset", "param": "offset", "total": ["total"], **ENVELOPE},
    "cursor": {"kind": "cursor", "param": "cursor", "cursor": ["next_cursor"], **ENVELOPE},
    "cursor, more": {
        "kind": "cursor",
        "param": "cursor",
        "cursor": ["next_cursor"],
        "more": ["has_more"],
        **ENVELOPE,
    },
    "cursor, link": {"kind": "cursor", "cursor": ["links", "next"], **ENVELOPE},
    "cursor, HAL": {"kind": "cursor", "cursor": ["_links", "next", "href"], "items": ["_embedded", "books"]},
    "cursor, header": {
        "kind": "cursor",
        "param": "cursor",
        "cursor": ["next-cursor"],
        "cursor_in": "header",
        "size_param": "limit",
        "size": 3,
    },
    "cursor, element": {
        "kind": "cursor",
        "param": "cursor",
        "cursor": ["cursor"],
        "cursor_in": "element",
        "element": "book",
    },
    "range": {"kind": "range"},
    "whole, link": {"kind": "whole"},
    "whole, HAL": {"kind": "whole", **ENVELOPE},
    "whole, more": {"kind": "whole", "more": ["has_more"], **ENVELOPE},
    "whole, total": {"kind": "whole", "total": ["total_count"], **ENVELOPE},
    "whole, total header": {"kind": "whole"},
    "unstated": {"kind": "unstated"},
}
