"""Generate Heroku's records from the few facts that the demo's data defines.

Each class is one kind of object (an app, a dyno, an add-on …) and `record()` returns it as Heroku sends it: every
property of Heroku's published schema (version 3, 19 February 2026), in the schema's order, nulls included. Keys that
Heroku leaves out are left out: a collaborator of a personal app has neither `permissions` nor, unless it is the owner,
a `role`; an add-on has a `provision_message` only if there is one.

Identifiers are UUIDs computed from names, so the same object has the same identifier in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from msgspec import Struct

Record = dict[str, Any]

COMPANY = uuid5(NAMESPACE_DNS, "larkmoor.example")

# Prices of plans per month, in US cents; None is a price set by contract. Heroku's own services have their real names
# and list prices, the others are as fictional as the company.
PLANS: dict[str, int | None] = {
    "heroku-postgresql:essential-0": 500,
    "heroku-postgresql:essential-2": 2000,
    "heroku-postgresql:standard-0": 5000,
    "heroku-postgresql:standard-2": 20000,
    "heroku-postgresql:premium-2": 35000,
    "heroku-redis:mini": 300,
    "heroku-redis:premium-0": 1500,
    "heroku-redis:premium-2": 6000,
    "heroku-kafka:extended-0": None,
    "scheduler:standard": 0,
    "logbarn:sapling": 700,
    "logbarn:orchard": 6500,
    "mailfinch:nest": 0,
    "mailfinch:flock": 3500,
    "mapwren:county": 4900,
}

PERMISSIONS = {
    "view": "Can see the app and read its logs",
    "deploy": "Can push code and create releases",
    "operate": "Can scale and restart the app and manage its free add-ons",
    "manage": "Can do everything, deleting the app and managing paid add-ons included",
}

# Words for the names of cnames and certificates, chosen by hash.
_ADJECTIVES = ("brisk", "calm", "dapper", "gentle", "hazel", "lively", "mellow", "nimble", "quiet", "sturdy")
_NOUNS = ("anchor", "badger", "cobble", "dune", "fern", "harbour", "lantern", "meadow", "orchard", "plover")


@lru_cache(maxsize=4096)
def ident(kind: str, name: str, position: tuple[int, int] | None = None) -> str:
    """Return the identifier of an object.

    Parameters:
        kind: its kind, `app`.
        name: unique within its kind.
        position: the position in its list, from 0, and the list's length. Heroku lists by identifier, so identifiers
            that rise in the order of the data make lists that are pleasant to read.
    """
    text = str(uuid5(COMPANY, f"{kind}/{name}"))
    if position is None:
        return text
    index, length = position
    within = int(text[:4], 16) / 0x10000
    return f"{int((index + within) * 0x10000 / length):04x}{text[4:]}"


def reference(kind: str, name: str) -> Record:
    """Return an `{id, name}` object, as Heroku refers from one record to another."""
    return {"id": ident(kind, name), "name": name}


def price(plan: str) -> Record:
    """Return the price of a plan."""
    cents = PLANS[plan]
    return {"cents": cents or 0, "contract": cents is None, "unit": "month"}


class Person(Struct, frozen=True):
    """A person with a Heroku account; `federated` means that they sign in through the company's own directory."""

    email: str
    federated: bool = False

    @property
    def id(self) -> str:
        """The identifier of the account."""
        return ident("account", self.email)

    @property
    def name(self) -> str | None:
        """The name that an address spells out, as Larkmoor's own addresses do, or None."""
        first, dot, last = self.email.partition("@")[0].partition(".")
        return f"{first} {last}".title() if dot else None


class App(Struct, frozen=True):
    """An app. `owner` is a person, or the name of a team; `slug` and `repo` are sizes in bytes."""

    name: str
    owner: Person | str
    language: str | None
    stack: str
    region: str
    created: str
    released: str | None
    slug: int | None = None
    repo: int | None = None
    build_stack: str = ""
    updated: str = ""
    acm: bool = True
    maintenance: bool = False
    web: bool = True
    space: str = ""
    shield: bool = False
    internal_routing: bool | None = None
    generation: str = "cedar"
    release: int = 1
    position: tuple[int, int] | None = None
    # Its resources. `uses` are add-ons of other apps that are attached to it, each after its owner; `at_rest` are the
    # process types that are scaled to zero, with their commands.
    dynos: Sequence[Dyno] = ()
    addons: Sequence[AddOn] = ()
    uses: Sequence[tuple[App, AddOn]] = ()
    domains: Sequence[Domain] = ()
    people: Sequence[Collaborator] = ()
    at_rest: Sequence[tuple[str, str]] = ()

    @property
    def id(self) -> str:
        """The identifier of the app."""
        return ident("app", self.name, self.position)

    @property
    def team(self) -> str | None:
        """The name of the team that owns it, or None."""
        return self.owner if isinstance(self.owner, str) else None

    @property
    def owning(self) -> Person:
        """The account that owns it; for a team its manager's account."""
        return Person(f"{self.owner}@herokumanager.com") if isinstance(self.owner, str) else self.owner

    @property
    def host(self) -> str:
        """The host name under herokuapp.com; it cannot be guessed, as for every app created since 2023."""
        return f"{self.name}-{ident('host', self.name)[-12:]}.herokuapp.com"

    @property
    def all_domains(self) -> list[Domain]:
        """Its domains; the first is the one that Heroku itself gives an app, without a certificate."""
        return [Domain(self.host, self.created, None, status="none", certificate=False), *self.domains]

    def release_id(self, version: int) -> str:
        """Return the identifier of one of its releases."""
        return ident("release", f"{self.name}/v{version}")

    def record(self) -> Record:
        """Return the record as Heroku sends it."""
        team = reference("team", self.team) if self.team else None
        owner = self.owning
        return {
            "acm": self.acm,
            "archived_at": None,
            "buildpack_provided_description": self.language,
            "build_stack": reference("stack", self.build_stack or self.stack),
            "created_at": self.created,
            "generation": reference("generation", self.generation),
            "git_url": f"https://git.heroku.com/{self.name}.git",
            "id": self.id,
            "internal_routing": self.internal_routing,
            "maintenance": self.maintenance,
            "name": self.name,
            "owner": {"email": owner.email, "id": owner.id},
            "organization": team,
            "team": team,
            "region": reference("region", self.region),
            "released_at": self.released,
            "repo_size": self.repo,
            "slug_size": self.slug,
            "space": reference("space", self.space) | {"shield": self.shield} if self.space else None,
            "stack": reference("stack", self.stack),
            "updated_at": self.updated or self.released or self.created,
            "web_url": f"https://{self.host}/" if self.web else None,
        }


class Dyno(Struct, frozen=True):
    """A dyno. `since` is when it entered its state; `release` is by default the app's current one."""

    name: str
    size: str
    command: str
    since: str
    state: str = "up"
    created: str = ""
    release: int | None = None
    attach_url: str | None = None

    def record(self, app: App, position: tuple[int, int] | None = None) -> Record:
        """Return the record as Heroku sends it."""
        version = app.release if self.release is None else self.release
        return {
            "attach_url": self.attach_url,
            "command": self.command,
            "created_at": self.created or self.since,
            "id": ident("dyno", f"{app.name}/{self.name}", position),
            "name": self.name,
            "release": {"id": app.release_id(version), "version": version},
            "app": {"name": app.name, "id": app.id},
            "size": self.size,
            "state": self.state,
            # `web.1` on Cedar, `web-1234abcde44-123ab` on Fir.
            "type": self.name.split("." if "." in self.name else "-")[0],
            "updated_at": self.since,
        }


# The services of add-ons, and the config vars that an add-on sets, by the word with which names of add-ons begin.
_SERVICES = {
    "postgresql": ("heroku-postgresql", ("DATABASE_URL",)),
    "redis": ("heroku-redis", ("REDIS_URL",)),
    "kafka": ("heroku-kafka", ("KAFKA_URL", "KAFKA_TRUSTED_CERT")),
    "logbarn": ("logbarn", ("LOGBARN_TOKEN",)),
    "mailfinch": ("mailfinch", ("MAILFINCH_KEY",)),
    "mapwren": ("mapwren", ("MAPWREN_KEY",)),
    "scheduler": ("scheduler", ()),
}


class AddOn(Struct, frozen=True):
    """An add-on, listed by the app that owns it, whose name begins with a key of `_SERVICES`.

    `tier` is its plan without the service; `config_vars` is None for those that its service usually sets; `priced` is
    false if the viewer may not see the bill.
    """

    name: str
    tier: str
    created: str
    updated: str = ""
    config_vars: tuple[str, ...] | None = None
    state: str = "provisioned"
    message: str | None = None
    priced: bool = True
    action: str = ""
    position: tuple[int, int] | None = None

    @property
    def plan(self) -> str:
        """The name of its plan, `heroku-redis:mini`."""
        return f"{_SERVICES[self.name.partition('-')[0]][0]}:{self.tier}"

    def record(self, app: App) -> Record:
        """Return the record as Heroku sends it."""
        id_ = ident("add-on", self.name, self.position)
        service, variables = _SERVICES[self.name.partition("-")[0]]
        ready = self.state == "provisioned"
        message = {} if self.message is None else {"provision_message": self.message}
        payer = reference("team", app.team) if app.team else {"id": app.id, "name": app.name}
        return {
            "actions": [self._action()] if self.action else [],
            "addon_service": reference("add-on-service", service),
            "billing_entity": payer | {"type": "team" if app.team else "app"},
            "app": {"id": app.id, "name": app.name},
            "billed_price": price(self.plan) if self.priced else None,
            "config_vars": list(variables if self.config_vars is None else self.config_vars),
            "created_at": self.created,
            "id": id_,
            "name": self.name,
            "plan": reference("plan", self.plan),
            "provider_id": ident("provider", self.name) if ready else "",
            **message,
            "state": self.state,
            "updated_at": self.updated or self.created,
            "web_url": f"https://addons-sso.heroku.com/apps/{app.id}/addons/{id_}" if ready else None,
        }

    def _action(self) -> Record:
        return {
            "id": ident("action", f"{self.plan}/{self.action}"),
            "label": self.action,
            "action": self.action.lower().replace(" ", "-"),
            "url": "https://dashboard.logbarn.example/?resource_id=:resource_id",
            "requires_owner": True,
        }


class Domain(Struct, frozen=True):
    """A domain, by default a custom one. `acm` is the state of its automatic certificate, None if that is disabled."""

    hostname: str
    created: str
    acm: str | None = "cert issued"
    reason: str | None = None
    updated: str = ""
    status: str = "succeeded"
    certificate: bool = True

    def record(self, app: App, position: tuple[int, int] | None = None) -> Record:
        """Return the record as Heroku sends it."""
        digits = int(ident("cname", self.hostname)[:8], 16)
        words = f"{_ADJECTIVES[digits % 10]}-{_NOUNS[digits // 10 % 10]}"
        endpoint = {"name": f"{words}-{digits % 100_000:05d}", "id": ident("sni-endpoint", self.hostname)}
        is_custom = self.hostname != app.host
        return {
            "acm_status": self.acm,
            "acm_status_reason": self.reason,
            "app": {"name": app.name, "id": app.id},
            "cname": f"{words}-{ident('cname', self.hostname)[-12:]}.herokudns.com" if is_custom else None,
            "created_at": self.created,
            "hostname": self.hostname,
            "id": ident("domain", self.hostname, position),
            "kind": "custom" if is_custom else "heroku",
            "updated_at": self.updated or self.created,
            "status": self.status,
            "sni_endpoint": endpoint if self.certificate else None,
        }


class Collaborator(Struct, frozen=True):
    """A person's access to an app. `role` and `permissions` are sent only for an app of a team."""

    person: Person
    since: str
    role: str | None = "member"
    permissions: tuple[str, ...] = ("view", "deploy", "operate")

    def record(self, app: App, position: tuple[int, int] | None = None) -> Record:
        """Return the record as Heroku sends it."""
        access: Record = {
            "permissions": [{"name": name, "description": PERMISSIONS[name]} for name in self.permissions],
            "role": self.role,
        }
        if not app.team:
            access = {"role": "owner"} if self.person == app.owner else {}
        return {
            "app": {"name": app.name, "id": app.id},
            "created_at": self.since,
            "id": ident("collaborator", f"{app.name}/{self.person.email}", position),
            **access,
            "updated_at": self.since,
            "user": {"email": self.person.email, "federated": self.person.federated, "id": self.person.id},
        }
