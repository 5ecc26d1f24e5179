"""The commands that show the reference: as text for people, and as JSON for programs.

Names are resolved by `docs.resolve` and searches run by `docs.search_index`, as in Lua and in notebooks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel import docs as reference
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.cli.command import command, document, print_note, print_result, print_rows, show_page
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations import find, load_all
from kosmo_kernel.questions import CHECKS, TABLES
from kosmo_kernel.questions.discovery import own_questions, readable_checks
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from kosmo_kernel.docs.search_index import SearchResult

# Further fields of KosmoKrator, which existing scripts may read. They are the same for all integrations here.
STRATEGY, SUMMARY = "api_key", "CLI setup and runtime supported."
SUPPORTED = {"cli_setup_supported": True, "cli_runtime_supported": True}
PROVIDER = {"auth_strategy": STRATEGY} | SUPPORTED | {"compatibility_summary": SUMMARY}
RUNS = {
    "auth_strategy": STRATEGY,
    "host_availability": {"cli": True, "web": False, "proxy": False},
    "runtime_requirements": {},
    "compatibility": SUPPORTED,
    "compatibility_summary": SUMMARY,
} | SUPPORTED
FUNCTION = {"auth": STRATEGY} | RUNS


@command("search", "kosmo search failing certificates")
@click.argument("words", nargs=-1, required=True)
def search(*, words: tuple[str, ...], as_json: bool) -> None:
    """Find functions, tables, checks and guides by words.

    Lists at most 20 matches, the best first: rare words count most, and so do words of a name or a title. The beginning
    of a word is enough, and small spelling mistakes do not matter.

    With --json: `functions`; and `tables`, `checks` and `guides`, each with `page` and `title`.
    """
    from kosmo_kernel.docs.search_index import search_pages

    query = " ".join(words)
    matches = search_pages(query)[: reference.MAX_RESULTS]
    for mistake in own_questions()[1]:
        print_note(mistake)
    if as_json:
        document(
            {
                "success": True,
                "query": query,
                "functions": [function_of(p.integration, p.function) for p in matches if p.integration and p.function],
                "tables": _pages(page for page in matches if page.part.startswith(f"{TABLES}.")),
                "checks": _pages(page for page in matches if page.page.startswith(f"{CHECKS}.")),
                "guides": _pages(page for page in matches if page.page in reference.GUIDES),
            }
        )
    elif matches:
        print_rows([(page.page, page.title) for page in matches])
    else:
        print_result("Nothing speaks of this. `kosmo docs` names all pages.")


def _pages(matches: Iterable[SearchResult]) -> list[dict[str, str]]:
    return [{"page": page.page, "title": page.title} for page in matches]


@command(
    "docs",
    "kosmo docs heroku.list_dynos",
    "kosmo docs errors",
)
@click.argument("page", required=False, default="")
def docs(*, page: str, as_json: bool) -> None:
    """Read the reference, or one page of it.

    PAGE is an integration (heroku), one of its functions (heroku.list_dynos) or a guide (errors). Without PAGE, the
    command lists the pages.

    With --json: the function as data, or a list of all functions on the page; for a guide its `page`, `title` and
    `text`.
    """
    subject = subject_of(page)
    if as_json:
        _print_data(subject)
    elif subject.page:
        show_page(reference.page_of(subject))
    else:
        _print_pages()


def integration_of(name: str) -> Integration:
    """Return the integration of this name, ignoring case.

    Raises:
        UnknownNameError: there is no such integration; the error has similar names.
        SettingsError: the integration is installed but cannot be loaded.
    """
    try:
        return find(name.lower())
    except UnknownNameError:
        names = [integration.name for integration in load_all()]
        similar = nearest(name, names) or names
        raise UnknownNameError(f"There is no integration `{name}`.", tuple(similar)) from None


def subject_of(page: str) -> reference.Subject:
    """Return the subject of a page.

    Raises:
        UnknownNameError: there is no such page; the error has similar names.
    """
    try:
        return reference.resolve(page)
    except UnknownNameError as error:
        lists = "" if error.reason or error.suggestions else "; `kosmo docs` lists them all"
        message = f"There is no page `{page}`{lists}."
        raise UnknownNameError(message, error.suggestions, reason=error.reason) from None


def state(integration: Integration) -> dict[str, Any]:
    """Return whether an integration can be called, and its accounts, as JSON data."""
    from kosmo_kernel.accounts import DEFAULT, DEMO, demo_chosen, names

    accounts = names(integration)
    configured = DEFAULT in accounts
    active = configured or (demo_chosen() and DEMO in accounts)
    return {"active": active, "configured": configured, "accounts": accounts}


def function_of(integration: Integration, function: Function) -> dict[str, Any]:
    """Return a function and its accounts as JSON data, beginning with KosmoKrator's fields in their order."""
    description = reference.describe(integration, function)
    first = ("provider", "function", "name", "slug", "title", "description", "operation")
    schema = {"input_schema": description["input_schema"]}
    return {key: description[key] for key in first} | state(integration) | FUNCTION | schema | description


def _print_data(subject: reference.Subject) -> None:
    """Print the JSON document of a page."""
    if subject.function is not None and subject.integration is not None:
        document(function_of(subject.integration, subject.function))
    elif subject.page and not subject.functions:
        text = reference.page_of(subject)
        title = text.partition("\n")[0].removeprefix("# ")
        document({"page": subject.page, "title": title, "text": text})
    else:
        document([function_of(i, f) for i, f in _functions_of(subject)])


def _functions_of(subject: reference.Subject) -> list[tuple[Integration, Function]]:
    """Return the functions that a page is about, each with its integration; all functions for the list of pages."""
    if subject.integration:
        return [(subject.integration, function) for function in subject.functions]
    return [(integration, function) for integration in load_all() for function in integration.functions]


def _print_pages() -> None:
    """Print the names of all pages, each with its title."""
    width = sys.maxsize
    if sys.stdout.isatty():
        from shutil import get_terminal_size  # which imports all archive formats

        width = get_terminal_size().columns
    for integration in load_all():
        print_result(click.wrap_text(f"{integration.title}: {integration.description}", width) + "\n")
        of_functions, titles = integration.by_full_name(), reference.titles(integration)
        print_rows([(page, title) for page, title in titles.items() if page not in of_functions])
        for subject, functions in integration.by_subject().items():
            print_result(f"\n{subject}:\n")
            print_rows([(f"{integration.name}.{function.name}", function.summary) for function in functions])
    print_result("\nGuides:\n")
    print_rows(list(reference.GUIDES.items()))
    print_result("\nChecks:\n")
    checks, mistakes = readable_checks()
    print_rows([(f"{CHECKS}.{check.name}", check.title) for check in checks])
    print_result("\n`kosmo docs PAGE` shows one of these pages.")
    for mistake in mistakes:
        print_note(mistake)
