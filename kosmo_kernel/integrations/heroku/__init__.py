"""Heroku, through version 3 of its Platform API.

The functions only read. Most look at one app and take its name or UUID, or a list of them. The response to a list
longer than one page has status 206 and a `Next-Range`, which is sent back as `Range` to get the next page (Heroku's
reference, "Ranges"). An error is `{"id", "message", "url"}`. An account can accumulate 4,500 requests and gets 75
more each minute ("Rate limits").

api.py        pages, errors and the request budget
functions.py  the functions
columns.py    the columns of their records
facts.py      the facts of Heroku's schema, in `facts.json`; `schema.py` makes that file
secrets.py    what is secret in Heroku's records
"""

from __future__ import annotations

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Budget, CliLogin, Credentials, PageRequest
from kosmo_kernel.integrations.heroku.api import PAGE_SIZE, next_page, read_budget, read_error
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS

HEROKU = Integration(
    name="heroku",
    title="Heroku",
    description="Apps, dynos, add-ons, domains and people of a Heroku account.",
    base_url="https://api.heroku.com",
    functions=FUNCTIONS,
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
    first_page=PageRequest(headers={"Range": f"id ..; max={PAGE_SIZE}"}),
    page_size=PAGE_SIZE,
    next_page=next_page,
    read_error=read_error,
    budget=Budget(
        header="ratelimit-remaining",
        capacity=4500,
        refill_per_minute=75,
        path="/account/rate-limits",
        read=read_budget,
    ),
    demo="kosmo_kernel.demo.api:in_process",
)
