"""The commands that show the reference: as text for people, and as JSON for programs.

Names are resolved by `docs.resolve` and searches run by `docs.search_index`, as in Lua and in notebooks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel import docs as reference
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.cli.arguments import flags
from kosmo_kernel.cli.command import CommandResult, command, document, print_note, print_result, print_rows, show_page
from kosmo_kernel.cli.options import account_option, function_names, integration_names, pages
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations import find, load_all
from kosmo_kernel.questions import CHECKS, TABLES
from kosmo_kernel.questions.discovery import own_questions, readable_checks
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from kosmo_kernel.docs.search_index import SearchResult

FORMATS = ("text", "markdown", "json")
FIELD = ("key", "label", "type", "required", "configured", "description")
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


@command("integrations:list", "kosmo integrations:list --json")
def list_(*, as_json: bool) -> None:
    """List the integrations and their functions.

    With --json: `providers` by name. `configured` means that the default account has a token, and `active` that
    functions can be called without naming an account.
    """
    if as_json:
        providers = {
            i.name: state(i) | PROVIDER | {"functions": [function_of(i, f) for f in i.functions]} for i in load_all()
        }
        document({"success": True, "providers": providers})
    else:
        _print_integrations()


@command("integrations:search", "kosmo integrations:search failing certificates")
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
        print_result("Nothing speaks of this. `kosmo integrations:docs` names all pages.")


def _pages(matches: Iterable[SearchResult]) -> list[dict[str, str]]:
    return [{"page": page.page, "title": page.title} for page in matches]


@command(
    "integrations:docs",
    "kosmo integrations:docs heroku.list_dynos",
    "kosmo integrations:docs errors",
)
@click.argument("page", required=False, default="", shell_complete=pages)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    help="`text`: formatted on a terminal, plain in a pipe; `markdown`: the source; `json`: the same as --json.",
)
def docs(*, page: str, form: str, as_json: bool) -> None:
    """Read the reference, or one page of it.

    PAGE is an integration (heroku), one of its functions (heroku.list_dynos) or a guide (errors). Without PAGE, the
    command lists the pages.

    With --json: the function as data, or a list of all functions on the page; for a guide its `page`, `title` and
    `text`.
    """
    subject = subject_of(page)
    if as_json or form == "json":
        _print_data(subject)
    elif form == "markdown":
        print_result(reference.page_of(subject), end="")
    elif subject.page:
        show_page(reference.page_of(subject))
    else:
        _print_integrations(pages=True)
        print_result("\nGuides:\n")
        print_rows(list(reference.GUIDES.items()))
        print_result("\nChecks:\n")
        checks, mistakes = readable_checks()
        print_rows([(f"{CHECKS}.{check.name}", check.title) for check in checks])
        print_result("\n`kosmo integrations:docs PAGE` shows one of these pages.")
        for mistake in mistakes:
            print_note(mistake)


@command("integrations:examples", "kosmo integrations:examples heroku.list_dynos | kosmo lua --demo -")
@click.argument("page", shell_complete=pages)
def examples(*, page: str, as_json: bool) -> None:
    """Show how a function is called, in Lua and the shell.

    PAGE is a function (heroku.list_dynos), an integration (heroku, for all its functions) or a guide (errors, for all
    its Lua examples). In a pipe, the example of a function or an integration is a complete script.

    With --json: the same as `integrations:docs`; the `example` of a function is the Lua code.
    """
    subject = subject_of(page)
    if as_json:
        _print_data(subject)
    else:
        scripts = _examples(subject)
        if sys.stdout.isatty():
            from kosmo_kernel.safety.markup import Markdown, fenced

            show_page(reference.Page(Markdown("\n\n").join(fenced(part.removesuffix("\n"), "lua") for part in scripts)))
        else:
            print_result("\n".join(scripts), end="")


@command("integrations:schema", "kosmo integrations:schema heroku.list_dynos", json=False)
@click.argument("function", shell_complete=function_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON also for an error; a schema is always JSON.")
def schema(*, function: str, as_json: bool) -> None:
    """Print a function's arguments as JSON Schema.

    FUNCTION is written as in Lua: heroku.list_dynos.
    """
    _, resolved = reference.resolve_function(function)
    document(reference.input_schema(resolved))


@command("integrations:fields", "kosmo integrations:fields heroku")
@click.argument("integration", shell_complete=integration_names)
@account_option("The account; otherwise the default account.", default="default")
def fields(*, integration: str, account: str) -> CommandResult:
    """Show the settings of an account, and which are set.

    No secret is shown. `kosmo accounts:add` sets a token, and `kosmo integrations:configure` sets the other fields.

    With --json: `fields`, each with `key`, `label`, `type`, `required`, `configured` and `description`.
    """
    from kosmo_kernel.accounts import NOT_AN_ALIAS, canonical_name, looks_like_token, names

    service = integration_of(integration)
    aliases = names(service)
    if account != "default" and canonical_name(service, account) is None:
        if looks_like_token(account):
            raise UnknownNameError(NOT_AN_ALIAS)
        similar = tuple(nearest(account, aliases))
        exist = f"there {'are' if len(aliases) > 1 else 'is'} {', '.join(aliases) or 'none'}"
        raise UnknownNameError(f"{service.title} has no account `{account}`; {exist}.", similar)
    account_fields = credential_fields(service, account)
    facts = {"provider": service.name, "account": account, "accounts": aliases} | PROVIDER | {"fields": account_fields}
    rows = [
        (field["key"], field["description"] + ("" if field["configured"] else " (not set)")) for field in account_fields
    ]
    heading = f"The account {account} of {service.title}:\n"
    return CommandResult({**facts, "example": f"kosmo accounts:add {account}"}, heading, rows)


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
        lists = "" if error.reason else "; `kosmo integrations:docs` lists them all"
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


def credential_fields(integration: Integration, account: str) -> list[dict[str, Any]]:
    """Return the fields of an account as JSON data: its token, and the addresses that the token may be sent to."""
    from kosmo_kernel.accounts import canonical_name, variable_of
    from kosmo_kernel.settings.config_file import config

    credentials, settings = integration.credentials, config()
    keys = ("integrations", integration.name)
    url = any(os.environ.get(name) for name in credentials.url_env) or settings.get(*keys, "url") is not None
    has_token = canonical_name(integration, account) is not None
    host = settings.get(*keys, "allow_host") is not None
    about_token = f"The token, kept by `kosmo accounts:add {account}` or in {variable_of(integration, account)}"
    about_url = f"Another address than {integration.base_url}, also in {' or '.join(credentials.url_env)}"
    about_host = f"A host of your own that a token may be sent to, besides {', '.join(credentials.hosts)}"
    rows = (
        ("api_key", "Token", "secret", True, has_token, about_token),
        ("url", "Address", "url", False, url, about_url),
        ("allow_host", "Host", "string", False, host, about_host),
    )
    return [dict(zip(FIELD, row, strict=True)) for row in rows]


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


def _print_integrations(*, pages: bool = False) -> None:
    """Print the integrations and their functions, with the accounts of each, or with its page if `pages` is true."""
    width = sys.maxsize
    if sys.stdout.isatty():
        from shutil import get_terminal_size  # which imports all archive formats

        width = get_terminal_size().columns
    for integration in load_all():
        print_result(click.wrap_text(f"{integration.title}: {integration.description}", width))
        if pages:
            print_result("")
            of_functions, titles = integration.by_full_name(), reference.titles(integration)
            print_rows([(page, title) for page, title in titles.items() if page not in of_functions])
        for subject, functions in integration.by_subject().items():
            print_result(f"\n{subject}:\n")
            print_rows([(f"{integration.name}.{function.name}", function.summary) for function in functions])
        if not pages:
            print_result("\nAccounts: " + (", ".join(state(integration)["accounts"]) or "none"))


def _examples(subject: reference.Subject) -> list[str]:
    """Return the Lua of a guide, or the example of each function with the equivalent shell command in a comment."""
    if subject.page in reference.GUIDES:
        scripts = enumerate(reference.guide(subject.page).scripts, 1)
        return [f"-- {subject.page}, example {number}\n\n{script}" for number, script in scripts]
    return [
        f"-- {i.name}.{f.name}: {f.summary}\n"
        f"-- {' '.join([f'kosmo integrations:{i.name} {f.name}', *flags(f)])}\n\n{f.example.strip()}\n"
        for i, f in _functions_of(subject)
    ]
