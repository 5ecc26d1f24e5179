"""Heroku, through version 3 of its Platform API.

The functions only read. Most look at one app and take its name or UUID, or a list of them. The response to a list
longer than one page has status 206 and a `Next-Range`, which is sent back as `Range` to get the next page (Heroku's
reference, "Ranges"). An error is `{"id", "message", "url"}`. An account can accumulate 4,500 requests and gets 75
more each minute ("Rate limits").

api.py        pages, errors and the request budget
table.py      all functions, each made when it is first needed
functions.py  the functions for apps; columns.py has the columns of their records
entries.py    what is said by hand about the functions that are made from the facts
links.py      which links belong to which of them
derived.py    their parameters and columns
facts.py      the facts of Heroku's schema, in `facts.json`; `__main__.py` makes that file, with `catalogue/documents`
scopes.py     which scope a token needs for what
changes.py    the commands with which a person makes a change
secrets.py    what is secret in Heroku's records
stacks.py     when the support of stacks ends, a table of our own
inventory.py  what an inventory has; terraform.py has what Terraform manages of it
questions/    checks and tables in Lua
"""

from __future__ import annotations

from collections.abc import Iterator

from kosmo_kernel.catalogue import Function, FunctionTable, Integration
from kosmo_kernel.catalogue.http import Budget, CliLogin, Credentials, PageRequest
from kosmo_kernel.catalogue.pages import Pages
from kosmo_kernel.integrations.heroku.api import PAGE_SIZE, newest_page, read_budget, read_error
from kosmo_kernel.integrations.heroku.scopes import ENOUGH


def _names() -> dict[str, tuple[str, ...]]:
    from kosmo_kernel.integrations.heroku.table import names

    return names()


def _left_out() -> Iterator[tuple[str, str]]:
    from kosmo_kernel.integrations.heroku.links import left_out

    return left_out()


def _change_command(verb: str, subject: str) -> str:
    from kosmo_kernel.integrations.heroku.changes import command_for

    return command_for(verb, subject)


def _make(name: str) -> Function:
    from kosmo_kernel.integrations.heroku.table import make

    return make(name, HEROKU.table.named)


HEROKU = Integration(
    name="heroku",
    title="Heroku",
    description="Apps, dynos, add-ons, domains and people of a Heroku account.",
    base_url="https://api.heroku.com",
    functions=FunctionTable(_names, _make, only_reads=True),
    credentials=Credentials(
        env="HEROKU_API_KEY",
        url_env=("HEROKU_API_URL", "HEROKU_HOST"),
        hosts=("heroku.com", "herokai.com", "herokuspace.com", "herokudev.com"),
        token_help=(
            "`heroku authorizations:create -s read,identity` makes a token that can look and change nothing",
            "`heroku auth:token` shows the token that the Heroku CLI is signed in with, which can change everything",
            "https://dashboard.heroku.com/account/applications makes one in a browser",
        ),
        scopes="oauth-scope",
        enough=ENOUGH,
        signed_in=CliLogin(  # as in @heroku-cli/command 13.2
            title="the Heroku CLI",
            state="heroku/login.json",
            folder_env="HEROKU_DATA_DIR",
            user_key="account",
            service="heroku-cli",
            attributes={"username": "account", "service": "service"},
            off_env="HEROKU_NETRC_WRITE",
        ),
        netrc=True,
    ),
    headers={"Accept": "application/vnd.heroku+json; version=3"},
    labels=("name", "email", "version"),
    pages=Pages("range", PageRequest(headers={"Range": f"id ..; max={PAGE_SIZE}"}), size=PAGE_SIZE, ends_partial=True),
    newest_page=newest_page,
    read_error=read_error,
    read_headers=("oauth-scope-accepted",),
    budget=Budget(
        header="ratelimit-remaining",
        capacity=4500,
        refill_per_minute=75,
        path="/account/rate-limits",
        read=read_budget,
    ),
    deletable={"app_id": ("list_apps", "get_app")},
    team_address="@herokumanager.com",
    change_command=_change_command,
    left_out=_left_out,
    most_used=(
        "list_apps",
        "get_app",
        "list_dynos",
        "list_addons",
        "list_domains",
        "list_collaborators",
        "get_current_user",
    ),
    inventory="kosmo_kernel.integrations.heroku.inventory:INVENTORY",
    demo="kosmo_kernel.integrations.heroku.demo.api:in_process",
    demo_accounts={
        "production": "kosmo_kernel.integrations.heroku.demo.api:production",
        "staging": "kosmo_kernel.integrations.heroku.demo.api:staging",
    },
    demo_now="kosmo_kernel.demo.times:NOW",
)
