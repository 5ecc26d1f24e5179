"""What an account has, what it costs and what has changed, worked out from plain HTTP answers.

It shares no code with the package: requests are httpx's, pages follow `Next-Range`, and prices, reach, states, stages
and changes are worked out here from the definitions that all reports share. Reports are held against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

Record = dict[str, Any]

TODAY = "2026-11-20"  # the day on which the demo company plays
# The last days of support, of devcenter.heroku.com/articles/stack: Heroku's API has none.
LAST_DAYS = {"heroku-20": "2025-04-30", "heroku-22": "2027-04-30", "heroku-24": "2029-04-30", "heroku-26": "2031-04-30"}
# The words in a name that stand for a stage. Of several the earliest stage counts.
WORDS = {
    "review": {"review", "pr"},
    "test": {"test", "qa", "ci"},
    "development": {"dev", "development"},
    "staging": {"staging", "stage"},
    "production": {"production", "prod", "live"},
}


class PlainAccount:
    """The lists of one account, each read when it is first needed.

    Parameters:
        url: the address of the API.
        token: the token of the account.
    """

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.heroku+json; version=3"}
        self._http = httpx.Client(base_url=url, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pages(self, path: str) -> list[Record]:
        """Return the records of a list, of all its pages."""
        records: list[Record] = []
        following: str | None = "id ..; max=50"
        while following:
            answer = self._http.get(path, headers={"Range": following})
            answer.raise_for_status()
            records += answer.json()
            following = answer.headers.get("Next-Range")
        return records

    def record(self, path: str) -> Record:
        """Return what is at a path that has no pages."""
        answer = self._http.get(path)
        answer.raise_for_status()
        record: Record = answer.json()
        return record

    def maintenances(self, app_id: str) -> list[Record]:
        """Return what Heroku plans for the databases of an app; nothing where that may not be read."""
        answer = self._http.get(f"/data/maintenances/v1/apps/{app_id}")
        planned: list[Record] = answer.json()["maintenances"] if answer.is_success else []
        return planned

    @cached_property
    def apps(self) -> list[Record]:
        """The apps."""
        return self.pages("/apps")

    def of_apps(self, things: str) -> dict[str, list[Record]]:
        """Return a list of each app, by the name of the app."""
        return {app["name"]: self.pages(f"/apps/{app['id']}/{things}") for app in self.apps}

    def config_vars(self, app: str) -> dict[str, str]:
        """Return the config vars of an app."""
        answer = self._http.get(f"/apps/{app}/config-vars")
        answer.raise_for_status()
        values: dict[str, str] = answer.json()
        return values

    @cached_property
    def formation(self) -> dict[str, list[Record]]:
        """The process types of each app."""
        return self.of_apps("formation")

    @cached_property
    def collaborators(self) -> dict[str, list[Record]]:
        """The collaborators of each app."""
        return self.of_apps("collaborators")

    @cached_property
    def domains(self) -> dict[str, list[Record]]:
        """The domains of each app."""
        return self.of_apps("domains")

    @cached_property
    def sni_endpoints(self) -> dict[str, list[Record]]:
        """The SNI endpoints of each app."""
        return self.of_apps("sni-endpoints")

    @cached_property
    def addons(self) -> list[Record]:
        """The add-ons, each once."""
        return list({row["id"]: row for row in self.pages("/addons")}.values())

    @cached_property
    def pipelines(self) -> dict[str, str]:
        """The names of the pipelines, by id."""
        return {row["id"]: row["name"] for row in self.pages("/pipelines")}

    @cached_property
    def couplings(self) -> dict[str, tuple[str, str]]:
        """The pipeline and the stage of each app that is in one, by the name of the app."""
        names = {app["id"]: app["name"] for app in self.apps}
        return {
            names[row["app"]["id"]]: (self.pipelines[row["pipeline"]["id"]], row["stage"])
            for row in self.pages("/pipeline-couplings")
            if row["app"]["id"] in names
        }

    @cached_property
    def members(self) -> dict[str, list[Record]]:
        """The members of each team, by its name."""
        return {team["name"]: self.pages(f"/teams/{team['name']}/members") for team in self.pages("/teams")}

    # Costs ---------------------------------------------------------------------------------------------

    @cached_property
    def team_of(self) -> dict[str, str]:
        """The team of each app, or the address of its owner where it has none."""
        return {app["name"]: app["team"]["name"] if app["team"] else app["owner"]["email"] for app in self.apps}

    @cached_property
    def month_prices(self) -> dict[str, int]:
        """What a month of each dyno size costs, in cents; of Eco what all of them cost together."""
        sizes = self.pages("/dyno-sizes")
        return {row["name"].casefold(): row["cost"]["cents"] for row in sizes if row["cost"]["unit"] == "month"}

    @cached_property
    def dyno_cents(self) -> Counter[str]:
        """What the processes of each app cost a month, without Eco."""
        cents = Counter[str]()
        for app, processes in self.formation.items():
            for process in processes:
                size = process["dyno_size"]["name"].casefold()
                if size != "eco" and process["quantity"]:
                    cents[app] += process["quantity"] * self.month_prices[size]
        return cents

    @cached_property
    def eco_cents(self) -> int:
        """What all Eco dynos of the account cost together."""
        processes = [process for rows in self.formation.values() for process in rows if process["quantity"]]
        has_eco = any(process["dyno_size"]["name"].casefold() == "eco" for process in processes)
        return self.month_prices["eco"] if has_eco else 0

    @cached_property
    def billed_addons(self) -> list[Record]:
        """The add-ons that are billed."""
        return [addon for addon in self.addons if addon["state"] != "deprovisioned"]

    @cached_property
    def addon_cents(self) -> Counter[str]:
        """What the add-ons of each app cost a month, each with the app that owns it."""
        cents = Counter[str]()
        for addon in self.billed_addons:
            price = addon["billed_price"]
            if price and price["unit"] == "month" and not price["contract"]:
                cents[addon["app"]["name"]] += price["cents"]
        return cents

    @cached_property
    def unpriced(self) -> set[str]:
        """The names of the add-ons without a price by the month, and of the Private Spaces."""
        return {space["name"] for space in self.pages("/spaces")} | {
            addon["name"]
            for addon in self.billed_addons
            if not (price := addon["billed_price"]) or price["contract"] or price["unit"] != "month"
        }

    @cached_property
    def app_cents(self) -> Counter[str]:
        """What each app costs a month: its dynos without Eco, and its add-ons."""
        return self.dyno_cents + self.addon_cents

    def by_team(self, cents: Mapping[str, int]) -> Counter[str]:
        """Return sums by app as sums by team or owner."""
        return self._by(self.team_of, cents)

    def by_stage(self, cents: Mapping[str, int]) -> Counter[str]:
        """Return sums by app as sums by the stage in the pipeline; the others are below an empty text."""
        return self._by({app: stage for app, (_, stage) in self.couplings.items()}, cents)

    @staticmethod
    def _by(group_of: Mapping[str, str], cents: Mapping[str, int]) -> Counter[str]:
        sums = Counter[str]()
        for app, amount in cents.items():
            sums[group_of.get(app, "")] += amount
        return sums

    # Access --------------------------------------------------------------------------------------------

    @cached_property
    def seats(self) -> set[tuple[str, str]]:
        """App and person of each seat: a collaborator of an app, who is no team."""
        return {
            (app, seat["user"]["email"])
            for app, rows in self.collaborators.items()
            for seat in rows
            if is_person(seat["user"]["email"])
        }

    @cached_property
    def reach(self) -> set[tuple[str, str]]:
        """App and person of all that people can reach: by a seat, as the owner, or as an admin of the team."""
        found = set(self.seats)
        for app in self.apps:
            found |= {(app["name"], app["owner"]["email"])} if is_person(app["owner"]["email"]) else set()
            members = self.members.get(app["team"]["name"], []) if app["team"] else []
            found |= {(app["name"], one["email"]) for one in members if one["role"] in ("admin", "owner")}
        return found

    # States --------------------------------------------------------------------------------------------

    @cached_property
    def stack_states(self) -> dict[str, str]:
        """The state of the stack of each app: supported, deprecated or out of support."""
        states = {row["name"]: row["state"] for row in self.pages("/stacks")}

        def state(stack: str) -> str:
            if stack not in states or LAST_DAYS.get(stack, TODAY) < TODAY:
                return "out of support"
            return "deprecated" if states[stack] == "deprecated" else "supported"

        return {app["name"]: state(app["stack"]["name"]) for app in self.apps}

    @cached_property
    def stages(self) -> dict[str, tuple[str, str]]:
        """The stage of each app that has one, and by what: its pipeline, or a word in its name."""
        found = {app: (stage, "pipeline") for app, (_, stage) in self.couplings.items()}
        for name in (app["name"] for app in self.apps if app["name"] not in found):
            stages = [stage for stage, words in WORDS.items() if words & set(name.split("-"))]
            if stages:
                found[name] = stages[0], "name"
        return found

    @cached_property
    def crashed(self) -> set[tuple[str, str]]:
        """App and name of each crashed dyno."""
        dynos = self.of_apps("dynos")
        return {(app, dyno["name"]) for app, of in dynos.items() for dyno in of if dyno["state"] == "crashed"}

    @cached_property
    def small_production(self) -> set[tuple[str, str]]:
        """App and process type of what runs on Eco or Basic dynos in an app of production."""
        return {
            (app, process["type"])
            for app, processes in self.formation.items()
            for process in processes
            if self.stages.get(app, ("", ""))[0] == "production"
            and process["quantity"]
            and process["dyno_size"]["name"].casefold() in ("eco", "basic")
        }

    @cached_property
    def bare_domains(self) -> set[tuple[str, str]]:
        """App and host of each custom domain that no certificate covers, in apps for which Heroku makes none."""
        found: set[tuple[str, str]] = set()
        for app in (app["name"] for app in self.apps if not app["acm"]):
            covered = {domain for endpoint in self.sni_endpoints[app] for domain in endpoint["domains"]}
            found |= {
                (app, domain["hostname"])
                for domain in self.domains[app]
                if domain["kind"] == "custom" and not domain["sni_endpoint"] and domain["id"] not in covered
            }
        return found

    @cached_property
    def certificates(self) -> dict[tuple[str, str], tuple[str | None, str | None]]:
        """The certificate of each domain and its last day, by app and host; both None where it has none."""
        found: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        for app, domains in self.domains.items():
            of = {id_: endpoint for endpoint in self.sni_endpoints[app] for id_ in endpoint["domains"]}
            for domain in domains:
                endpoint = of.get(domain["id"])
                last = endpoint["ssl_cert"]["expires_at"][:10] if endpoint else None
                found[app, domain["hostname"]] = (endpoint["name"] if endpoint else None, last)
        return found


def is_person(email: str) -> bool:
    """Return whether an address is one of a person, and does not stand for a team."""
    return not email.endswith("@herokumanager.com")


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
