"""Heroku, through version 3 of its Platform API.

The functions only read. Most look at one app and take its name or UUID, or a list of them. The response to a list
longer than one page has status 206 and a `Next-Range`, which is sent back as `Range` to get the next page (Heroku's
reference, "Ranges"). An error is `{"id", "message", "url"}`. An account can accumulate 4,500 requests and gets 75
more each minute ("Rate limits").

api.py        pages, errors, the request budget, and which scope of a token a resource needs
functions.py  the functions that are written by hand: those for apps, and the dates of stacks, a table of our own
functions.md  the names of all functions, and what is said by hand about them; entries.py reads it
derived.py    which links of the facts belong to which of them, and their parameters, columns and examples
data.py       the records of the data API in one form; its facts are in `data_facts.json`
facts.py      the facts of Heroku's schema, in `facts.json`, and what is secret in its records
fields.py     the notation of a field in that file, and the columns that are made from fields
schema.py     how that file is made from the schema; `__main__.py` is the command
changes.txt   the commands with which a person makes a change
inventory.py  what an inventory has, and what Terraform manages of it
questions/    checks and tables in Lua
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kosmo_kernel.catalogue import Function, FunctionTable, Integration
from kosmo_kernel.catalogue.http import Budget, CliLogin, Credentials, OtherHost, Ranges
from kosmo_kernel.catalogue.integration import FunctionSummary, NotTold
from kosmo_kernel.integrations.heroku.api import ENOUGH, PAGE_SIZE, read_budget, read_error

_ADDS = ("attach", "create", "enable", "invite", "post", "provision", "put", "set", "write")
_REMOVES = ("cancel", "clear", "delete", "destroy", "detach", "disable", "leave", "revoke", "uninstall", "unset")


def _make(name: str) -> Function:
    """Return the function with a name.

    Raises:
        KeyError: there is none.
        ValueError: what is made from the facts and its entry is no function; the message has the mistakes.
    """
    from kosmo_kernel.integrations.heroku.functions import BY_HAND

    if name in BY_HAND:
        return BY_HAND[name]
    from kosmo_kernel.catalogue.integration import function_mistakes
    from kosmo_kernel.integrations.heroku.derived import function_of, with_example
    from kosmo_kernel.integrations.heroku.entries import entries

    entry = entries()[name]
    function = with_example(function_of(entry, HEROKU.table.named), entry)
    if mistakes := list(function_mistakes(function)):
        raise ValueError(f"{name} {'; '.join(mistakes)}")
    return function


def _summaries() -> Iterable[FunctionSummary]:
    from kosmo_kernel.integrations.heroku.entries import summaries

    return summaries()


def _left_out() -> Iterator[tuple[str, str]]:
    from kosmo_kernel.integrations.heroku.derived import left_out

    return left_out()


def _change_command(verb: str, subject: str) -> str:
    """Return the command with which a person makes a change; `heroku help` if none is known.

    Parameters:
        verb: the first word of the name of an operation.
        subject: the other words, separated by `_`.
    """
    from pathlib import Path

    name = f"{verb}_{subject}"
    lines = Path(__file__).with_name("changes.txt").read_text(encoding="utf-8").splitlines()
    by_words = (line.partition(": ")[::2] for line in lines if not line.startswith("#"))
    listed = next((commands for words, commands in by_words if any(word in name for word in words.split())), "")
    commands = dict(part.split(" ", 1) for part in listed.split("; ")) if listed else {}
    group = "add" if verb in _ADDS else "remove" if verb in _REMOVES else "change"
    command = commands.get(verb) or commands.get(group) or commands.get("add") or "help"
    return command if command.startswith("git ") else f"heroku {command}"


HEROKU = Integration(
    name="heroku",
    title="Heroku",
    description="Apps, dynos, add-ons, domains and people of a Heroku account.",
    base_url="https://api.heroku.com",
    functions=FunctionTable(_summaries, _make),
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
    ranges=Ranges("id", PAGE_SIZE),
    read_error=read_error,
    read_headers=("oauth-scope-accepted",),
    hosts={
        "data": OtherHost(
            url="https://api.data.heroku.com",
            env="HEROKU_DATA_HOST",
            refusal="Heroku does not state which scope its API of databases needs; a token with the scope global has "
            "all of them",
        )
    },
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
    not_told={
        "jobs of Heroku Scheduler": NotTold(
            "`heroku addons:open scheduler --app APP`", "scheduler, scheduled job, cron"
        ),
        "DNS records": NotTold(
            "`dig CNAME NAME`; `list_domains` has the target that each should have",
            "dns record, cname record, nameserver",
        ),
        "contents of databases": NotTold(
            "`heroku pg:psql --app APP`; `heroku pg:outliers --app APP` has slow queries",
            "sql, query database, query postgres, slow query, row table database, row table postgres, lock query",
        ),
        "values of config vars": NotTold(
            "`heroku config --app APP`; they are never read, `list_config_vars` has the names",
            "value config var, value env var, value environment variable, value config variable, "
            "database url, read secret, show secret, get secret",
        ),
        "logs and metrics": NotTold(
            "`heroku logs --app APP`, and the dashboard",
            "log -drain -audit -telemetry -receive -company -sent -send -go -without -missing -statement -lack -ship, "
            "tail, memory usage, memory hour, memory consume, memory leak, metric, cpu, load average, latency, "
            "response time, traffic, throughput, request per second, slow request, error rate, timeout request, "
            "r10, r12, r13, r14, r15, h10, h12, h13, h14, h18",
        ),
        "rules of autoscaling": NotTold(
            "`heroku ps:autoscale:enable --app APP`, and the dashboard", "autoscaling, autoscale, auto scale"
        ),
        "source code and contents of builds": NotTold(
            "`heroku git:clone --app APP`", "source code, clone, file repository, content build"
        ),
    },
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
    demo_now="kosmo_kernel.demo:NOW",
)
