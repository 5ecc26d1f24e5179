"""A company as Heroku's API shows it: an account, its apps, and the resources of each app.

`company()` is Larkmoor Parcels (`company_data.py`). `company(5000)` is a company with that many apps, generated from a
seed (`generated.py`). App records are created at once, because everything starts with their list. The resources of an
app are created on first use and cached; releases, which can number thousands, are cached for a few apps only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from kosmo_kernel.demo import attachments, company_data, formation, generated, people, releases, teams
from kosmo_kernel.demo.models import App, AppResources, Collaborator, Record, own_domain
from kosmo_kernel.errors import SettingsError


@dataclass(frozen=True, slots=True)
class AppRecords:
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
        things: returns the resources of the app at a position of `apps`; the same ones each time.

    Attributes:
        apps: the apps that the account can reach.
        every_app: all apps of the company, which invoices, Private Spaces and the audit trail are about.
    """

    def __init__(self, account: Record, apps: Sequence[App], things: Callable[[int], AppResources]) -> None:
        self.account = account
        self.every_app: list[Record] = [app.record() for app in apps]
        self.apps = self.every_app
        self._unreachable: set[str] = set()  # the identifiers of the apps that are not in `apps`
        self._app_facts = apps
        self._things = things
        self._positions = {text: n for n, app in enumerate(self.every_app) for text in (app["id"], app["name"])}
        self._resources: dict[int, AppRecords] = {}
        self._releases = lru_cache(maxsize=64)(lambda n: releases.releases(apps[n], things(n)))

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
        seen = Company(self.account, self._app_facts, self._things)
        own = self.account["id"]
        seen.apps = [app for app in seen.every_app if app["name"] in names or app["owner"]["id"] == own]
        seen._unreachable = {app["id"] for app in seen.every_app} - {app["id"] for app in seen.apps}
        return seen

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

    @cached_property
    def addon_attachments(self) -> list[Record]:
        """The attachments of add-ons to all apps."""
        return [attachment for app in self.apps for attachment in self.attachments_of(app)]

    def attachments_of(self, app: Record) -> list[Record]:
        """Return the attachments of add-ons to one of `apps`."""
        return attachments.attachments(app, self.resources_of(app).all_addons)

    def formation(self, app: Record) -> list[Record]:
        """Return the process types of one of `apps`."""
        position = self._positions[app["id"]]
        return formation.formation(
            self._app_facts[position], self.resources_of(app).dynos, self._things(position).at_rest
        )

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
        return teams.teams()

    def team_apps(self, team: Record) -> list[Record]:
        """Return the apps of one of `teams` that the account can reach, as `team-app` records."""
        owned = self.owned_by(team, self.apps)
        return [teams.team_app(app, joined=self.joined(app)) for app in owned]

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
                seats[app.team] += self._things(position).people
        return {team["name"]: teams.members(team, seats[team["name"]]) for team in self.teams}

    def own_records(self, path: str, *parents: Any) -> Any:
        """Return what this company has at one of Heroku's paths in place of what the demo makes there, or None.

        Parameters:
            path: such as `/apps/{app.identity}/builds`.
            parents: what stands in its places; records, or words of Heroku's such as a stage.
        """
        return None

    def joined(self, app: Record, user: Record | None = None) -> bool:
        """Return whether a user, by default the account, is a collaborator of one of `apps`."""
        wanted = (user or self.account)["id"]
        return any(seat["user"]["id"] == wanted for seat in self.resources_of(app).collaborators)

    def _make_records(self, position: int) -> AppRecords:
        app, things = self._app_facts[position], self._things(position)
        domains = len(things.domains) + 1
        return AppRecords(
            dynos=[d.record(app, (n, len(things.dynos))) for n, d in enumerate(things.dynos)],
            addons=[addon.record(app) for addon in things.addons],
            attached=[addon.record(owner) for owner, addon in things.uses],
            domains=[
                own_domain(app, (0, domains)),
                *(d.record(app, (n, domains)) for n, d in enumerate(things.domains, 1)),
            ],
            collaborators=[s.record(app, (n, len(things.people))) for n, s in enumerate(things.people)],
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
        story = company_data.story()
        return Company(people.account(), [app for app, _ in story], lambda position: story[position][1])
    if apps < 0:
        raise SettingsError(f"the demo company cannot have {apps} apps; give 0 or more")
    generated_apps = [generated.app(position, seed) for position in range(apps)]
    return Company(
        people.account(), generated_apps, lambda position: generated.resources(generated_apps, position, seed)
    )
