"""The reference: pages generated from the catalogue, and the guides, which are files in `guides/`.

An integration has a page (`heroku`) with an index of its functions by subject, and each function has a page of its own
(`heroku.list_dynos`). A guide (`parallel`) covers a subject that all functions share. `resolve.py` finds a page by
any form of its name, and `search_index.py` finds pages by words. A page is one text (see `pages/`), which Lua
prints, a terminal draws and a notebook renders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.docs.guides import GUIDES as GUIDES
from kosmo_kernel.docs.guides import guide as guide
from kosmo_kernel.docs.reference import Subject as Subject
from kosmo_kernel.docs.reference import (
    check_page,
    function_page,
    part_page,
    table_of_package,
)
from kosmo_kernel.docs.reference import describe as describe
from kosmo_kernel.docs.reference import input_schema as input_schema
from kosmo_kernel.docs.reference import integration_page as integration_page
from kosmo_kernel.docs.reference import parts_of as parts_of
from kosmo_kernel.docs.resolve import resolve as resolve
from kosmo_kernel.docs.resolve import resolve_function as resolve_function
from kosmo_kernel.docs.resolve import suggest as suggest
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.pages import Page as Page
from kosmo_kernel.pages import joined
from kosmo_kernel.pages.design import ipython_shell
from kosmo_kernel.questions import CHECKS
from kosmo_kernel.questions.discovery import find_check, own_questions, readable_checks
from kosmo_kernel.safety.markup import Markdown, Plain, markdown_of_package
from kosmo_kernel.text import counted

MAX_RESULTS = 20  # pages that the search of a command lists
MAX_LISTED = 8  # pages that the search of a notebook or a script lists
MAX_FIELDS_LISTED = 3  # fields of one function that a search lists


def read(page: str, names: Callable[[Integration], Sequence[str]] | None = None) -> Page:
    """Return a page by any of its names, such as `heroku`, `app.integrations.heroku.production.list_apps`, `parallel`.

    An empty name returns the list of pages.

    Parameters:
        page: the name.
        names: returns the accounts of an integration, whose names lead to its page; those of this machine when None.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    return page_of(resolve(page, names))


def page_of(subject: Subject) -> Page:
    """Return the page about a subject."""
    if subject.integration is None and not subject.part:
        return guide(subject.page) if subject.page else list_pages()
    if subject.integration is None:
        blocks = check_page(find_check(subject.part))
    elif subject.part:
        blocks = part_page(subject.integration, subject.part)
    elif subject.function is None:
        return _integration_page(subject.integration)
    else:
        in_python = ipython_shell() is not None
        blocks = function_page(subject.integration, subject.function, in_python=in_python)
    return joined(map(markdown_of_package, blocks))


def _integration_page(integration: Integration) -> Page:
    """Return the page of an integration: a short index as text, and with lines that open for a notebook."""
    of_package = markdown_of_package

    def markdown() -> Markdown:
        return joined(map(of_package, integration_page(integration, opens=True))).markdown

    return Page(Plain.escape(joined(map(of_package, integration_page(integration)))), markdown)


def look_up(words: str) -> Page:
    """Return the page with this name or, if it is not a misspelt page name, the results of a search for its words.

    Raises:
        UnknownNameError: there is no such page and no search result; with the nearest names.
    """
    try:
        return read(words)
    except UnknownNameError:
        from kosmo_kernel.docs.search_index import search_pages  # compiles patterns, which a page does not need

        if ("." in words or suggest(words)) or not search_pages(words):
            raise
        return search(words)


def titles(integration: Integration) -> dict[str, str]:
    """Return the title of each page about an integration, by the page's name."""
    parts = {f"{integration.name}.{part}": title for part, title in parts_of(integration).items()}
    functions = {f"{integration.name}.{function.name}": function.summary for function in integration.table.summaries()}
    return {integration.name: f"All functions of {integration.title}, by subject"} | parts | functions


def list_pages() -> Page:
    """Return the list of all pages, each with a line on what it is about."""
    of_package = markdown_of_package
    blocks = [
        Markdown("# Reference"),
        Markdown('`docs.read("heroku")` shows a page; `docs.search("certificate")` finds what speaks of something.'),
    ]
    for integration in integrations.load_all():
        rows = titles(integration).items()
        blocks += [of_package(f"## {integration.title}"), of_package(integration.description), _contents(rows)]
    checks, mistakes = readable_checks()
    pages = ((f"{CHECKS}.{check.name}", check.title) for check in checks)
    blocks += [Markdown("## Checks"), _contents(pages), *map(Markdown.escape, mistakes)]
    return joined([*blocks, Markdown("## Guides"), _contents(GUIDES.items())])


def _contents(rows: Iterable[tuple[str, str]]) -> Markdown:
    """Return a table of pages with what each is about."""
    return table_of_package(("Page", "What it is about"), ((f"`{name}`", about) for name, about in rows))


def search(words: str) -> Page:
    """Return the functions with their fields and the guides that match words, best first; all pages without words."""
    from kosmo_kernel.docs.search_index import matching_columns, not_available, search_pages, terms_of

    terms = terms_of(words)
    if not terms:
        return list_pages()
    pages = search_pages(words)
    lines = [markdown_of_package(f"- {line}") for line in not_available(words)]
    for page in pages[:MAX_LISTED]:
        lines.append(markdown_of_package(f"- `{page.page}`: {page.title}"))
        lines += [
            markdown_of_package(f"  - `{column.name}`{column.doc and f': {column.doc}'}")
            for column in matching_columns(page, words)[:MAX_FIELDS_LISTED]
        ]
    answer = Markdown("\n").join(lines) or Markdown("Nothing speaks of this. `docs.list()` names all pages.")
    blocks = [Markdown("# Search: {}").format(" ".join(terms)), answer]
    if len(pages) > MAX_LISTED:
        more = counted(len(pages) - MAX_LISTED, "more page")
        blocks.append(Markdown("{}. More words find fewer.").format(more))
    return joined([*blocks, *map(Markdown.escape, own_questions()[1])])
