"""Describe how the pages of a list follow, as data: the kinds of pages, and where an answer says what comes next.

    whole        one page has all records
    range        status 206 and a header with the next range, which is sent back as it is
    link-header  a `Link` header with `rel="next"`
    page-number  a parameter with the number of the page
    offset       a parameter with the number of records before the page
    cursor       a text or an address in the answer, in its last element, or in a header
    unstated     nobody says how the list ends

The client follows them, and doubts all of them; see `client/pages.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from kosmo_kernel.catalogue.http import PageRequest
from kosmo_kernel.text.paths import value_at

PageKind = Literal["whole", "range", "link-header", "page-number", "offset", "cursor", "unstated"]

# Fields of an envelope by what they mean, in snake case.
CURSOR_KEYS = (
    *("next_cursor", "next_page_token", "next_token", "next_page", "continuation_token", "end_cursor", "next_url"),
    *("odata_next_link", "next_link", "next_marker", "next", "cursor", "after"),
)
MORE_KEYS = ("has_more", "more", "has_next", "has_next_page", "is_truncated", "more_results", "incomplete_results")
TOTAL_KEYS = (
    *("total_count", "total_results", "total_items", "total_entries", "total_records", "total_elements", "total"),
    "count",
)
LINKS, HREF = ("_links", "links"), "href"  # links to pages in an answer: `_links.next.href`, `links.next`
NEXT_RANGE, LINK, NEXT_PAGE = PAGE_HEADERS = ("next-range", "link", "x-next-page")  # that say how pages follow
TOTAL_HEADERS = ("x-total-count", "x-total")  # with the number of all records
MAX_ENVELOPE_DEPTH = 2  # objects between an envelope and what describes its list


class Pages(Struct, frozen=True):
    """The kind of pages of a list, and where they say what comes next."""

    kind: PageKind = "whole"
    first: PageRequest = field(default_factory=PageRequest)  # what the first request adds
    size: int = 0  # the records of a full page; 0 if unknown
    size_param: str = ""  # the parameter of the query that asks for a page of that size
    param: str = ""  # the parameter of the query, for a range the header, that selects a page
    start: int = 1  # the number of the first page
    items: tuple[str, ...] = ()  # the keys that lead to the list in an envelope; none if the answer is the list
    element: str = ""  # the key of the record in each element; empty if the element is the record
    scalar: bool = False  # the elements are no records: each becomes a record with the field `value`
    cursor: tuple[str, ...] = ()  # the keys that lead to the cursor; for `header` its name
    cursor_in: Literal["body", "element", "header"] = "body"
    more: tuple[str, ...] = ()  # the keys that lead to whether there is more
    total: tuple[str, ...] = ()  # the keys that lead to the number of all records
    last_header: str = ""  # the header with the number of the last page
    ends_partial: bool = False  # the last page of ranges may have status 206, too: what follows it is asked for

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Pages:
        """Return what a table of facts says."""
        lists = {key: tuple(facts[key]) for key in ("items", "cursor", "more", "total") if key in facts}
        pages = cls(**{**facts, **lists})
        return pages.with_first()

    def with_first(self) -> Pages:
        """Return the same pages with a first request that is made from the parameters."""
        query = {self.size_param: str(self.size)} if self.size_param and self.size else {}
        if self.kind == "page-number":
            query[self.param] = str(self.start)
        elif self.kind == "offset":
            query[self.param] = "0"
        return replace(self, first=PageRequest(query=query)) if query else self

    def elements(self, value: Any) -> Any:
        """Return the list in the body of an answer; the body itself if that is the list, None if there is none."""
        return value_at(value, self.items) if self.items else value

    def record(self, element: Any) -> Any:
        """Return the record in an element of the list."""
        if self.scalar:
            return element if isinstance(element, dict) else {"value": element}
        return element.get(self.element) if self.element and isinstance(element, Mapping) else element
