"""A company as Heroku's API shows it: an account, its apps, and the resources of each app.

`company()` is Larkmoor Parcels (`company_data.py`). `company(5000)` is a company with that many apps, generated from a
seed (`generated.py`). App records are created at once, because everything starts with their list. The resources of an
app are created on first use and cached; releases, which can number thousands, are cached for a few apps only.

Attachments of add-ons, the formation and the releases are computed from the other data of an app. The records are
Heroku's (schema of 19 February 2026).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from msgspec import Struct

from kosmo_kernel.demo import ago, later
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo import company_data, generated
from kosmo_kernel.integrations.heroku.demo.models import (
    App,
    Collaborator,
    Domain,
    Dyno,
    Person,
    Record,
    ident,
    reference,
)
from kosmo_kernel.text import iso_time

# Attachments of add-ons ---------------------------------------------------------------------------------

# What a service appends to the name of an attachment to form the names of its config vars.
_VARIABLE_SUFFIX = re.compile(r"_(TRUSTED_CERT|URL|TOKEN|KEY)$")
_COLOURS = ("AMBER", "AQUA", "BRONZE", "COBALT", "CRIMSON", "IVORY", "JADE", "MAUVE", "OLIVE", "ROSE", "TEAL", "WHITE")


def attachments_of(app: Record, addons: Iterable[Record]) -> list[Record]:
    """Return the attachments of an app; `addons` are all that it uses, its own first."""
    by_name: dict[str, Record] = {}
    for addon in addons:
        own = addon["app"]["id"] == app["id"]
        service = str(addon["addon_service"]["name"]).upper().replace("-", "_")
        colour = _COLOURS[int(addon["id"][-4:], 16) % len(_COLOURS)]
        names = list(dict.fromkeys(_VARIABLE_SUFFIX.sub("", var) for var in addon["config_vars"])) or [service]
        for name in names[: None if own else 1]:
            attachment_name = name if name not in by_name else f"{service}_{colour}"
            by_name[attachment_name] = _attachment(app, addon, attachment_name)
    return list(by_name.values())


def _attachment(app: Record, addon: Record, name: str) -> Record:
    since = max(app["created_at"], addon["created_at"])
    web = f"https://addons-sso.heroku.com/apps/{app['id']}/addons/{addon['id']}"
    return {
        "addon": {"id": addon["id"], "name": addon["name"], "app": addon["app"]},
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": since,
        "id": ident("attachment", f"{app['name']}/{name}"),
        "name": name,
        "namespace": None,
        "updated_at": since,
        "web_url": web if addon["web_url"] else None,
        "log_input_url": None,
    }


# The formation ------------------------------------------------------------------------------------------

_ONE_OFF = ("run", "scheduler")


def formation_of(app: App, dynos: Iterable[Record]) -> list[Record]:
    """Return the process types of an app: those without dynos, then the others in the order of their first dynos.

    Parameters:
        dynos: the records of its dynos.
    """
    by_type = {kind: _process(app, kind, "Standard-1X", command, 0) for kind, command in app.at_rest}
    for dyno in dynos:
        if dyno["type"] not in _ONE_OFF:
            previous = by_type.get(dyno["type"])
            count = previous["quantity"] if previous else 0
            by_type[dyno["type"]] = _process(app, dyno["type"], dyno["size"], dyno["command"], count + 1)
    return list(by_type.values())


def _process(app: App, kind: str, size: str, command: str, quantity: int) -> Record:
    return {
        "app": {"name": app.name, "id": app.id},
        "command": command,
        "created_at": app.created,
        "dyno_size": reference("dyno-size", size),
        "id": ident("formation", f"{app.name}/{kind}"),
        "quantity": quantity,
        "size": size,
        "type": kind,
        "updated_at": app.released or app.created,
    }


# Releases -----------------------------------------------------------------------------------------------

_FIRST_DESCRIPTIONS = ("Initial release", "Enable Logplex")  # the first releases of every app
_DEPLOY_SHARE = 0.8  # the share of deploys among the other releases; the rest are changes of config vars
# By hand: a rollback to the deploy before the last one, and a deploy whose release phase failed.
_ROLLED_BACK = {("parcel-tracker", 1199), ("my-app", 41), ("route-planner", 376)}
_FAILED = {("parcel-tracker", 1201), ("booking-api", 684), ("my-app", 40)}
# How the history of an app ends, where not with a deploy: with a rollback, with a deploy whose release phase failed, or
# with changes of config vars only. In a generated company, each is that of one app in so many.
_ROLLBACK, _FAILURE, _CONFIG = "rollback", "failure", "config"
_ENDS = {"courier-app": _ROLLBACK, "address-checker": _FAILURE, "holiday-labels": _CONFIG}
_ONE_IN = 40
_KEPT_DAYS, _KEPT = 30, 20  # Heroku keeps what was built for so long, and for so many releases
_OUTPUT = "https://release-output.larkmoor.example/fictional-"  # before what signs the address of a phase's output
_VARIABLES = ("LOG_LEVEL", "WEB_CONCURRENCY", "FEATURE_FLAGS", "SMTP_HOST", "TIMEOUT_SECONDS")


def releases_of(app: App) -> list[Record]:
    """Return the releases of an app, the oldest first."""
    if app.released is None:
        return []
    first, last = datetime.fromisoformat(app.created), datetime.fromisoformat(app.released)
    step, end = (last - first) / max(app.release - 1, 1), _end(app)
    is_fir = app.generation == "fir"
    records: list[Record] = []
    slug: str | None = None
    deploys: list[tuple[int, str | None]] = [(1, None)] * 2  # the last ones that succeeded, with their slugs
    for version in range(1, app.release + 1 + (end == _FAILURE)):
        chance = int(app.release_id(version)[-12:], 16)
        # Up to half a step late, and so always before the next one.
        created = last if version == app.release else first + step * (version - 1 + (chance % 64 / 128) * (version > 1))
        since = later(app.released, 0.3) if version > app.release else iso_time(created)
        rolled_back, must_fail = ((app.name, version) in versions for versions in (_ROLLED_BACK, _FAILED))
        rolled_back = rolled_back or (version == app.release and end == _ROLLBACK and bool(deploys[-2][1]))
        description = f"Rollback to v{deploys[-2][0]}" if rolled_back else _description(app, version, chance)
        deployed = description.startswith("Deploy")
        failed = deployed and (version > app.release or (version < app.release and (must_fail or chance % 40 == 0)))
        built = ident("build", f"{app.name}/v{version}") if deployed else deploys[-2][1] if rolled_back else slug
        if deployed and not failed:
            deploys.append((version, built))
        slug = slug if failed else built
        expired = version <= app.release - _KEPT and since < ago(_KEPT_DAYS)
        records.append(
            {
                "addon_plan_names": sorted(addon.plan for addon in app.addons if addon.created <= since),
                "artifacts": [{"type": "oci-image" if is_fir else "slug", "id": built}] if built else [],
                "app": {"name": app.name, "id": app.id},
                "created_at": since,
                "description": description,
                "id": app.release_id(version),
                "updated_at": since,
                "slug": {"id": built} if built and not is_fir else None,
                "status": "failed" if failed else "expired" if expired else "succeeded",
                "user": _user(app, since, chance),
                "version": version,
                "current": version == app.release,
                "output_stream_url": f"{_OUTPUT}{ident('output', f'{app.name}/v{version}')}" if failed else None,
                "eligible_for_rollback": built is not None and not failed and not expired,
            }
        )
    return records


def _end(app: App) -> str:
    """Return how the history of an app ends; empty for a deploy."""
    if app.position or app.release <= _KEPT:
        return _ENDS.get(app.name, "")
    return dict(enumerate((_ROLLBACK, _FAILURE, _CONFIG))).get(int(app.id[-6:], 16) % _ONE_IN, "")


def _description(app: App, version: int, chance: int) -> str:
    """Return the description of a release. The last one is a deploy, unless its history ends otherwise."""
    if version < app.release and version <= len(_FIRST_DESCRIPTIONS):
        return _FIRST_DESCRIPTIONS[version - 1]
    if version > app.release - _KEPT and _end(app) == _CONFIG:
        return f"Set {_VARIABLES[chance % len(_VARIABLES)]} config vars"
    if version >= app.release or (app.name, version) in _FAILED or chance % 10 < _DEPLOY_SHARE * 10:
        return f"Deploy {app.release_id(version)[:8]}"
    return f"Set {_VARIABLES[chance % len(_VARIABLES)]} config vars"


def _user(app: App, since: str, chance: int) -> Record:
    deployers: Sequence[Person] = [
        collaborator.person
        for collaborator in app.people
        if collaborator.since <= since and (not app.team or "deploy" in collaborator.permissions)
    ]
    person = deployers[chance // 64 % len(deployers)] if deployers else app.owning
    return {"id": person.id, "email": person.email}


# The company --------------------------------------------------------------------------------------------


class AppRecords(Struct, frozen=True):
    """The records of one app's resources. `attached` are add-ons of other apps that this one uses."""

    dynos: list[Record]
    addons: list[Record]
    attached: list[Record]
    domains: list[Record]
    collaborators: list[Record]

    @property
    def all_addons(self) -> list[Record]:
        """The add-ons that the app uses: its own, then those of other apps."""
        return [*self.addons, *self.attached]


class Company:
    """A company, as one account sees it.

    Parameters:
        account: the record of the token's owner.
        apps: the apps, in any order.
        with_resources: returns the app at a position of `apps` with its resources, the same ones each time; None if
            `apps` have them.

    Attributes:
        apps: the apps that the account can reach.
        every_app: all apps of the company, which invoices, Private Spaces and the audit trail are about.
    """

    def __init__(
        self,
        account: Record,
        apps: Sequence[App],
        with_resources: Callable[[int], App] | None = None,
        user_id: str = "",
    ) -> None:
        self.account = account
        self.user_id = user_id or str(account["id"])
        self.every_app: list[Record] = [app.record() for app in apps]
        self.apps = self.every_app
        self._unreachable: set[str] = set()  # the identifiers of the apps that are not in `apps`
        self._app_facts = apps
        self._with_resources = with_resources or apps.__getitem__
        self._positions = {text: n for n, app in enumerate(self.every_app) for text in (app["id"], app["name"])}
        self._resources: dict[int, AppRecords] = {}
        self._releases = lru_cache(maxsize=64)(lambda n: releases_of(self._with_resources(n)))

    def find(self, identity: str) -> Record | None:
        """Return the app with this name or identifier that the account can reach, or None."""
        app = self.find_any(identity)
        return None if app is None or app["id"] in self._unreachable else app

    def find_any(self, identity: str) -> Record | None:
        """Return the app with this name or identifier, which the account may not reach, or None."""
        position = self._positions.get(identity)
        return None if position is None else self.every_app[position]

    def seen_with(self, names: Collection[str]) -> Company:
        """Return the company as an account sees it that reaches only the apps with these names and its owner's own."""
        view = Company(self.account, self._app_facts, self._with_resources, self.user_id)
        own = self.account["id"]
        view.apps = [app for app in view.every_app if app["name"] in names or app["owner"]["id"] == own]
        view._unreachable = {app["id"] for app in view.every_app} - {app["id"] for app in view.apps}
        return view

    def resources_of(self, app: Record) -> AppRecords:
        """Return the records of the resources of one of `apps`."""
        position = self._positions[app["id"]]
        records = self._resources.get(position)
        if records is None:
            # Two threads may both create the records; they are equal, and the first ones are kept.
            records = self._resources.setdefault(position, self._make_records(position))
        return records

    @cached_property
    def addons(self) -> list[Record]:
        """The add-ons of all apps, each once."""
        return self.addons_of(self.apps)

    def addons_of(self, apps: Iterable[Record]) -> list[Record]:
        """Return the add-ons that some of `apps` own."""
        return [addon for app in apps for addon in self.resources_of(app).addons]

    @property
    def borrowed_addons(self) -> list[Record]:
        """The add-ons that apps use and other apps own."""
        return [addon for app in self.apps for addon in self.resources_of(app).attached]

    @cached_property
    def addon_attachments(self) -> list[Record]:
        """The attachments of add-ons to all apps."""
        return [attachment for app in self.apps for attachment in self.attachments_of(app)]

    def attachments_of(self, app: Record) -> list[Record]:
        """Return the attachments of add-ons to one of `apps`."""
        return attachments_of(app, self.resources_of(app).all_addons)

    def formation(self, app: Record) -> list[Record]:
        """Return the process types of one of `apps`."""
        return formation_of(self._with_resources(self._positions[app["id"]]), self.resources_of(app).dynos)

    def releases(self, app: Record) -> list[Record]:
        """Return the releases of one of `apps`, the oldest first."""
        return self._releases(self._positions[app["id"]])

    @cached_property
    def personal_apps(self) -> list[Record]:
        """The apps without a team that have the account as a collaborator."""
        return [app for app in self.apps if app["team"] is None and self.joined(app)]

    @cached_property
    def teams(self) -> list[Record]:
        """The teams that the account is in."""
        return company_data.team_records()

    def team_apps(self, team: Record) -> list[Record]:
        """Return the apps of one of `teams` that the account can reach, as `team-app` records."""
        owned = self.owned_by(team, self.apps)
        return [company_data.team_app_record(app, joined=self.joined(app)) for app in owned]

    def owned_by(self, team: Record, apps: Iterable[Record]) -> list[Record]:
        """Return those of some apps that a team owns."""
        return [app for app in apps if app["team"] and app["team"]["id"] == team["id"]]

    def members(self, team: Record) -> list[Record]:
        """Return the members of one of `teams`."""
        return self._members[team["name"]]

    @cached_property
    def _members(self) -> dict[str, list[Record]]:
        seats: dict[str, list[Collaborator]] = {team["name"]: [] for team in self.teams}
        for position, app in enumerate(self._app_facts):
            if app.team in seats:
                seats[app.team] += self._with_resources(position).people
        return {team["name"]: company_data.member_records(team, seats[team["name"]]) for team in self.teams}

    def own_records(self, path: str, *parents: Any) -> Any:
        """Return what this company has at one of Heroku's paths in place of what the demo makes there, or None.

        Parameters:
            path: such as `/apps/{app.identity}/builds`.
            parents: what stands in its places; records, or words of Heroku's such as a stage.
        """
        return None

    def joined(self, app: Record, user: Record | None = None) -> bool:
        """Return whether a user, by default the account, is a collaborator of one of `apps`."""
        identity = (user or self.account)["id"]
        return any(seat["user"]["id"] == identity for seat in self.resources_of(app).collaborators)

    def _make_records(self, position: int) -> AppRecords:
        app = self._with_resources(position)

        def records(items: Sequence[Dyno | Domain | Collaborator]) -> list[Record]:
            return [item.record(app, (n, len(items))) for n, item in enumerate(items)]

        return AppRecords(
            dynos=records(app.dynos),
            addons=[addon.record(app) for addon in app.addons],
            attached=[addon.record(owner) for owner, addon in app.uses],
            domains=records(app.all_domains),
            collaborators=records(app.people),
        )


def company(apps: int | None = None, seed: int = 1) -> Company:
    """Return the company of the demo.

    Parameters:
        apps: None for Larkmoor Parcels, which never changes; a number for that many generated apps, the first of
            which is called `my-app`.
        seed: selects the generated company; the same seed gives the same company everywhere.

    Raises:
        SettingsError: a negative number of apps.
    """
    if apps is None:
        return Company(company_data.account_record(), company_data.story())
    if apps < 0:
        raise SettingsError(f"the demo company cannot have {apps} apps; give 0 or more")
    generated_apps = [generated.app(position, seed) for position in range(apps)]
    return Company(
        company_data.account_record(),
        generated_apps,
        lambda position: generated.with_resources(generated_apps, position, seed),
        # An archive of one company must not pass for that of another, and it is the user who tells them apart.
        user_id=ident("account", f"generated/{seed}"),
    )
