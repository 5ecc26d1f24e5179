"""Work out from plain HTTP answers what has changed between two accounts.

It shares no code with the package. The comparison of snapshots is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from plain_http import PlainAccount, Record

Facts = Mapping[str, str | None]


class Change(NamedTuple):
    """One change; of what is new or gone, the two values are None."""

    app: str | None
    thing: str
    change: str
    before: str | None
    now: str | None


def text(value: Any) -> str | None:
    """Return a value as a reader sees it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value else None


def app_facts(app: Record) -> Facts:
    """Return what is compared of an app."""
    build, stack = app["build_stack"]["name"], app["stack"]["name"]
    return {
        "name": app["name"],
        "owner": app["owner"]["email"],
        "team": app["team"]["name"] if app["team"] else None,
        "region": app["region"]["name"],
        "space": app["space"]["name"] if app["space"] else None,
        "stack": stack,
        "stack of the next build": build if build != stack else None,
        "maintenance": text(app["maintenance"]),
        "automatic certificates": text(app["acm"]),
    }


def rights(seat: Record) -> str:
    """Return what a seat may do."""
    names = sorted(permission["name"] for permission in seat.get("permissions") or ())
    return ", ".join(names) or seat.get("role") or "collaborator"


# For each list of an app: the name of one record, and its facts.
OF_APPS: dict[str, tuple[Callable[[Record], str], Callable[[Record], Facts]]] = {
    "formation": (
        lambda row: f"process {row['type']}",
        lambda row: {"quantity": str(row["quantity"]), "size": row["size"], "command": row["command"]},
    ),
    "dynos": (
        lambda row: f"dyno {row['name']}",
        lambda row: {"size": row["size"], "state": row["state"]},
    ),
    "domains": (
        lambda row: f"domain {row['hostname']}",
        lambda row: {
            "DNS": row["status"],
            "DNS target": row["cname"],
            "certificate": row["acm_status"],
            "certificate endpoint": row["sni_endpoint"]["name"] if row["sni_endpoint"] else None,
        },
    ),
    "log-drains": (
        lambda row: f"log drain to {urlsplit(row['url']).hostname}",
        lambda row: {"host": urlsplit(row["url"]).hostname, "add-on": row["addon"]["name"] if row["addon"] else None},
    ),
    "collaborators": (lambda row: f"seat of {row['user']['email']}", lambda row: {"permissions": rights(row)}),
}


def changes(before: PlainAccount, now: PlainAccount) -> set[Change]:
    """Return all changes of apps and of what they have, between two accounts."""
    apps = {app["name"]: app_facts(app) for app in before.apps}, {app["name"]: app_facts(app) for app in now.apps}
    found = {change._replace(app=change.thing, thing="app") for change in differences(None, *apps)}
    for app in apps[0].keys() & apps[1].keys():
        found |= set(differences(app, things(before, app), things(now, app)))
    stacks = [{f"stack {row['name']}": {"state": row["state"]} for row in of.pages("/stacks")} for of in (before, now)]
    return found | set(differences(None, *stacks))


def things(account: PlainAccount, app: str) -> dict[str, Facts]:
    """Return the facts about all that an app has, by the name of each thing."""
    facts: dict[str, Facts] = {}
    for path, (name, of) in OF_APPS.items():
        facts |= {name(row): of(row) for row in account.pages(f"/apps/{app}/{path}")}
    for row in account.addons:
        if row["app"]["name"] == app:
            plan = row["plan"]["name"]
            facts[f"add-on {row['name']}"] = {"name": row["name"], "plan": plan, "state": row["state"]}
    return facts | {f"config var {name}": {"value": value} for name, value in account.config_vars(app).items()}


def differences(app: str | None, before: Mapping[str, Facts], now: Mapping[str, Facts]) -> Iterator[Change]:
    """Yield the changes of some things: those that are new, those that are gone, and each fact that is another one."""
    for thing in before.keys() ^ now.keys():
        yield Change(app, thing, "new" if thing in now else "gone", None, None)
    for thing in before.keys() & now.keys():
        for fact, was in before[thing].items():
            if was != now[thing][fact]:
                hidden = thing.startswith("config var ")
                values = ("(hidden)", "(hidden, another one)") if hidden else (was, now[thing][fact])
                yield Change(app, thing, fact, *values)
