"""What can be called: the reference for people, and the same as data for programs.

`docs.resolve` understands every name here, and `docs.found` every search, as they do in Lua and in notebooks.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from kosmo_kernel.catalogue import Function, Integration, nearest
from kosmo_kernel.cli.arguments import flags
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.completions import function_names, integration_names, pages
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, print_rows, say, show_page
from kosmo_kernel.docs import (
    GUIDES,
    MAX_RESULTS,
    Page,
    Subject,
    describe,
    guide,
    input_schema,
    page_of,
    resolve,
    search_pages,
)
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations import everything, find

FORMATS = ("text", "markdown", "json")
FIELD = ("key", "label", "type", "required", "configured", "description")
# What KosmoKrator tells of an integration besides, which is the same for all that are here: scripts may look for it.
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


@click.command(
    "integrations:list",
    cls=Command,
    epilog="\b\nExample:\n  kosmo integrations:list --json",
)
@as_json
def list_(*, as_json: bool) -> None:
    """List the integrations and their functions.

    With --json: `providers` by name. `configured` means that the default account has a token, and `active` that
    functions can be called without naming an account.
    """
    if as_json:
        providers = {i.name: state(i) | PROVIDER | {"functions": functions(i)} for i in everything()}
        document({"success": True, "providers": providers})
    else:
        _print_integrations()


@click.command(
    "integrations:search",
    cls=Command,
    epilog="\b\nExample:\n  kosmo integrations:search failing certificates",
)
@click.argument("words", nargs=-1, required=True)
@as_json
def search(*, words: tuple[str, ...], as_json: bool) -> None:
    """Find functions and guides by words.

    The best come first, 20 at most: those with the words in their names, then in their titles, then in their texts.
    Beginnings of words are enough, and so are words that are nearly right.

    With --json: `functions`, and beside them `guides` with `page` and `title` of each.
    """
    query = " ".join(words)
    best = search_pages(query)[:MAX_RESULTS]
    if as_json:
        document(
            {
                "success": True,
                "query": query,
                "functions": [function_of(p.integration, p.function) for p in best if p.integration and p.function],
                "guides": [{"page": page.page, "title": page.title} for page in best if page.page in GUIDES],
            }
        )
    elif best:
        print_rows([(page.page, page.title) for page in best])
    else:
        say("Nothing speaks of this. `kosmo integrations:docs` names all pages.")


@click.command(
    "integrations:docs",
    cls=Command,
    epilog="\b\nExamples:\n  kosmo integrations:docs heroku.list_dynos\n  kosmo integrations:docs errors",
)
@click.argument("page", required=False, default="", shell_complete=pages)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    help="`text`: drawn on a terminal, plain in a pipe; `markdown`: the page as it is; `json`: as --json.",
)
@as_json
def docs(*, page: str, form: str, as_json: bool) -> None:
    """Read the reference, or one page of it.

    PAGE is an integration (heroku), one of its functions (heroku.list_dynos) or a guide (errors). Without it, the pages
    are listed.

    With --json: the function as data, or the list of all the functions on the page; of a guide its `page`, `title` and
    `text`.
    """
    subject = subject_of(page)
    if as_json or form == "json":
        _print_data(subject)
    elif form == "markdown":
        say(page_of(subject), end="")
    elif subject.page:
        show_page(page_of(subject))
    else:
        _print_integrations(pages=True)
        say("\nGuides:\n")
        print_rows(list(GUIDES.items()))
        say("\n`kosmo integrations:docs PAGE` shows one of these pages.")


@click.command(
    "integrations:examples",
    cls=Command,
    epilog="\b\nExample:\n  kosmo integrations:examples heroku.list_dynos | kosmo integrations:lua --demo -",
)
@click.argument("page", shell_complete=pages)
@as_json
def examples(*, page: str, as_json: bool) -> None:
    """Show how a function is called, in Lua and the shell.

    PAGE is a function (heroku.list_dynos), an integration (heroku: all its functions) or a guide (errors: what it shows
    in Lua, one example after the other). In a pipe that of a function or an integration is a script that runs.

    With --json: what `integrations:docs` gives; `example` of a function is the Lua.
    """
    subject = subject_of(page)
    if as_json:
        _print_data(subject)
    else:
        shown = _guide_examples(subject.page) if subject.page in GUIDES else _examples(subject)
        if sys.stdout.isatty():
            show_page(Page("\n\n".join(f"```lua\n{part}```" for part in shown)))
        else:
            say("\n".join(shown), end="")


@click.command(
    "integrations:schema",
    cls=Command,
    epilog="\b\nExample:\n  kosmo integrations:schema heroku.list_dynos",
)
@click.argument("function", shell_complete=function_names)
@click.option("--json", "as_json", is_flag=True, help="Also where something fails; a schema is JSON in any case.")
def schema(*, function: str, as_json: bool) -> None:
    """Print a function's arguments as JSON Schema.

    FUNCTION is written as in Lua: heroku.list_dynos.
    """
    near: tuple[str, ...] = ()
    there = everything()
    try:
        subject = resolve(function)
        if subject.function is not None:
            document(input_schema(subject.function))
            return
        there = (subject.integration,) if subject.integration else there
    except UnknownNameError as error:
        near = error.suggestions
    full_names = tuple(f"{one.name}.{f.name}" for one in there for f in one.functions)
    nearer = tuple(page for page in near if page in full_names)
    raise UnknownNameError(f"There is no function `{function}`.", nearer or full_names)


@click.command(
    "integrations:fields",
    cls=Command,
    epilog="\b\nExample:\n  kosmo integrations:fields heroku",
)
@click.argument("integration", shell_complete=integration_names)
@click.option(
    "-a", "--account", default="default", metavar="A", help="The account to look at, in place of the default one."
)
@as_json
def fields(*, integration: str, account: str, as_json: bool) -> None:
    """Show what an account is made of, and what is set.

    Nothing secret is shown. `kosmo accounts:add` keeps a token, `kosmo integrations:configure` the rest.

    With --json: `fields` with `key`, `label`, `type`, `required`, `configured` and `description` of each.
    """
    from kosmo_kernel.accounts import listed, names

    service = integration_of(integration)
    there = names(service)
    if account != "default" and listed(service, account) is None:
        near = tuple(nearest(account, there))
        exist = f"there {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none'}"
        raise UnknownNameError(f"{service.title} has no account `{account}`; {exist}.", near)
    made = credential_fields(service, account)
    if as_json:
        example = f"kosmo accounts:add {account}"
        facts = {"success": True, "provider": service.name, "account": account, "accounts": there}
        document(facts | PROVIDER | {"fields": made, "example": example})
        return
    say(f"The account {account} of {service.title}:\n")
    rows = [(one["key"], one["description"] + ("" if one["configured"] else " (not set)")) for one in made]
    print_rows(rows)


def integration_of(name: str) -> Integration:
    """The integration of this name, in any case.

    Raises:
        UnknownNameError: there is none; with the nearest, as they are written here.
        SettingsError: it is installed, and cannot be loaded.
    """
    try:
        return find(name.lower())
    except UnknownNameError:
        every = [one.name for one in everything()]
        near = nearest(name, every) or every
        raise UnknownNameError(f"There is no integration `{name}`.", tuple(near)) from None


def subject_of(page: str) -> Subject:
    """What a page is about.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    try:
        return resolve(page)
    except UnknownNameError as error:
        message = f"There is no page `{page}`; `kosmo integrations:docs` lists them all."
        raise UnknownNameError(message, error.suggestions) from None


def state(integration: Integration) -> dict[str, Any]:
    """Whether an integration can be called, and with which accounts."""
    from kosmo_kernel.accounts import DEFAULT, DEMO, demo_chosen, names

    accounts = names(integration)
    configured = DEFAULT in accounts
    active = configured or (demo_chosen() and DEMO in accounts)
    return {"active": active, "configured": configured, "accounts": accounts}


def function_of(integration: Integration, function: Function) -> dict[str, Any]:
    """A function as data, and with which accounts it can be called: what KosmoKrator tells first, in its order."""
    told = describe(integration, function)
    first = ("provider", "function", "name", "slug", "title", "description", "operation")
    schema = {"input_schema": told["input_schema"]}
    return {key: told[key] for key in first} | state(integration) | FUNCTION | schema | told


def functions(*those: Integration) -> list[dict[str, Any]]:
    """All functions of integrations as data."""
    return [function_of(i, f) for i in those for f in i.functions]


def credential_fields(integration: Integration, account: str) -> list[dict[str, Any]]:
    """What an account is made of: its token, and where that is sent.

    Parameters:
        integration: the service.
        account: an alias.
    """
    from kosmo_kernel.accounts import listed, variable_of
    from kosmo_kernel.settings.config_file import config

    credentials, settings = integration.credentials, config()
    keys = ("integrations", integration.name)
    url = any(os.environ.get(name) for name in credentials.url_env) or settings.get(*keys, "url") is not None
    told = (
        (
            "api_key",
            "Token",
            "secret",
            True,
            listed(integration, account) is not None,
            f"The token, kept by `kosmo accounts:add {account}` or in {variable_of(integration, account)}",
        ),
        (
            "url",
            "Address",
            "url",
            False,
            url,
            f"Another address than {integration.base_url}, also in {' or '.join(credentials.url_env)}",
        ),
        (
            "allow_host",
            "Host",
            "string",
            False,
            settings.get(*keys, "allow_host") is not None,
            f"A host of your own that a token may be sent to, besides {', '.join(credentials.hosts)}",
        ),
    )
    return [dict(zip(FIELD, one, strict=True)) for one in told]


def _print_data(subject: Subject) -> None:
    """Print what `--json` gives of a page."""
    if subject.function is not None and subject.integration is not None:
        document(function_of(subject.integration, subject.function))
    elif subject.page in GUIDES:
        document({"page": subject.page, "title": GUIDES[subject.page], "text": guide(subject.page)})
    else:
        document(functions(*([subject.integration] if subject.integration else everything())))


def _print_integrations(*, pages: bool = False) -> None:
    """Print the integrations and their functions; with which accounts, or the pages about all of it."""
    for integration in everything():
        _say_line(f"{integration.title}: {integration.description}")
        whole = [(integration.name, "Everything on one page")] if pages else []
        print_rows([*whole, *((f"{integration.name}.{f.name}", f.summary) for f in integration.functions)])
        if not pages:
            say("\nAccounts: " + (", ".join(state(integration)["accounts"]) or "none"))


def _say_line(text: str) -> None:
    """Print a line and an empty one; on a terminal it is wrapped between words."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    say(click.wrap_text(text, width) + "\n")


def _examples(subject: Subject) -> list[str]:
    """The example of each function as Lua, with the same call from the shell in its comments."""
    those = [subject.integration] if subject.integration else everything()
    called = [(i, f) for i in those for f in ([subject.function] if subject.function else i.functions)]
    return [
        f"-- {i.name}.{f.name}: {f.summary}\n"
        f"-- {' '.join([f'kosmo integrations:{i.name} {f.name}', *flags(f)])}\n\n{f.example.strip()}\n"
        for i, f in called
    ]


def _guide_examples(page: str) -> Sequence[str]:
    return [f"-- {page}, example {number}\n\n{part}" for number, part in enumerate(guide(page).scripts, 1)]
