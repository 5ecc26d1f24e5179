"""The reference: pages computed from the catalogue, and the guides, which are files in `guides/`.

An integration has a page (`heroku`) with a section for each function, and each function has a page of its own
(`heroku.list_dynos`). A guide (`parallel`) is about what all of them have in common. `resolve.py` understands a page's
name however it is written, `search.py` finds pages by words, and `page.py` is what a page is: one text, which Lua
prints, a terminal draws and a notebook renders.
"""

from __future__ import annotations

from kosmo_kernel import integrations
from kosmo_kernel.docs.guides import GUIDES, guide
from kosmo_kernel.docs.page import Page, joined, table
from kosmo_kernel.docs.reference import function_page, integration_page
from kosmo_kernel.docs.resolve import near, resolve
from kosmo_kernel.docs.schema import describe, input_schema
from kosmo_kernel.docs.search import SearchResult, search_pages, terms_of
from kosmo_kernel.docs.subject import Subject
from kosmo_kernel.errors import UnknownNameError

__all__ = (
    "GUIDES",
    "MAX_RESULTS",
    "Page",
    "SearchResult",
    "Subject",
    "describe",
    "guide",
    "input_schema",
    "list_pages",
    "look_up",
    "page_of",
    "read",
    "resolve",
    "search",
    "search_pages",
    "table",
)

MAX_RESULTS = 20  # pages that a search lists
MAX_FIELDS_LISTED = 3  # of one function, likewise


def read(page: str) -> Page:
    """A page by any of its names, such as `heroku`, `app.integrations.heroku.production.list_apps`, `parallel`.

    An empty name gives the list of pages.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    return page_of(resolve(page))


def page_of(subject: Subject) -> Page:
    """The page about something."""
    if subject.integration is None:
        return guide(subject.page) if subject.page else list_pages()
    if subject.function is None:
        return joined(integration_page(subject.integration))
    return joined(function_page(subject.integration, subject.function))


def look_up(words: str) -> Page:
    """The page of this name; or what speaks of these words, where they are no misspelt name of a page.

    Raises:
        UnknownNameError: nothing is called so and nothing speaks of it; with the nearest names.
    """
    try:
        return read(words)
    except UnknownNameError:
        if ("." in words or near(words)) or not search_pages(words):
            raise
        return search(words)


def list_pages() -> Page:
    """The names of all pages, each with a line on what it is about."""
    blocks = [
        "# Reference",
        '`docs.read("heroku")` shows a page; `docs.search("certificate")` finds what speaks of something.',
    ]
    for integration in integrations.everything():
        rows = [(integration.name, "Everything on one page")]
        rows += [(f"{integration.name}.{f.name}", f.summary) for f in integration.functions]
        blocks += [f"## {integration.title}", integration.description]
        blocks.append(table(("Page", "What it is about"), ((f"`{name}`", about) for name, about in rows)))
    blocks += ["## Guides", table(("Page", "What it is about"), ((f"`{name}`", GUIDES[name]) for name in GUIDES))]
    return joined(blocks)


def search(words: str) -> Page:
    """What speaks of these words, best first: functions, with the fields that do, and guides; all pages without any."""
    terms = terms_of(words)
    if not terms:
        return list_pages()
    lines = []
    for page in search_pages(words)[:MAX_RESULTS]:
        lines.append(f"- `{page.page}`: {page.title}")
        lines += [f"  - `{column.name}`: {column.doc}" for column in page.columns[:MAX_FIELDS_LISTED]]
    answer = "\n".join(lines) or "Nothing speaks of this. `docs.list()` names all pages."
    return joined([f"# Search: {' '.join(terms)}", answer])
