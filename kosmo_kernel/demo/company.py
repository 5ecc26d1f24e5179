"""A company as Heroku's API sees it: an account, its apps, and what belongs to each app.

`company()` is Larkmoor Parcels (`company_data.py`). `company(5000)` is a company of that many apps, invented
from a seed (`generated.py`). App records are made at once, because everything starts with their list;
what belongs to an app is made when somebody asks for it, and kept; but releases, of which there can be
thousands, are kept for a few apps only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kosmo_kernel.demo import attachments, company_data, formation, generated, people, releases, teams
from kosmo_kernel.demo.models import App, AppResources, Collaborator, Record, own_domain
from kosmo_kernel.errors import SettingsError


@dataclass(frozen=True, slots=True)
class AppRecords:
    """The records of one app's things. `attached` are add-ons of other apps that this one uses."""

    dynos: list[Record]
    addons: list[Record]
    attached: list[Record]
    domains: list[Record]
    collaborators: list[Record]


class Company:
    """Everything that one account can see.

    Parameters:
        account: the record of whom the token belongs to.
        apps: the apps, in any order.
        things: what belongs to the app at a position of `apps`; the same each time.
    """

    def __init__(self, account: Record, apps: Sequence[App], things: Callable[[int], AppResources]) -> None:
        self.account = account
        self.apps: list[Record] = [app.record() for app in apps]
        self._told = apps
        self._things = things
        self._positions = {text: n for n, app in enumerate(self.apps) for text in (app["id"], app["name"])}
        self._belongings: dict[int, AppRecords] = {}
        self._releases = lru_cache(maxsize=64)(self._make_releases)

    def find(self, identity: str) -> Record | None:
        """The app with this name or identifier, or None."""
        position = self._positions.get(identity)
        return None if position is None else self.apps[position]

    def resources_of(self, app: Record) -> AppRecords:
        """What belongs to one of `apps`."""
        position = self._positions[app["id"]]
        found = self._belongings.get(position)
        if found is None:
            # Two threads may both make it; the records are equal, and the first one stays.
            found = self._belongings.setdefault(position, self._make(position))
        return found

    @cached_property
    def addons(self) -> list[Record]:
        """The add-ons of all apps, each once."""
        return [addon for app in self.apps for addon in self.resources_of(app).addons]

    @cached_property
    def attachments(self) -> list[Record]:
        """Which app uses which add-on, all of them."""
        return [attachment for app in self.apps for attachment in self.attachments_of(app)]

    def attachments_of(self, app: Record) -> list[Record]:
        """Which add-ons one of `apps` uses, and under which names."""
        found = self.resources_of(app)
        return attachments.attachments(app, [*found.addons, *found.attached])

    def formation(self, app: Record) -> list[Record]:
        """The process types of one of `apps`."""
        position = self._positions[app["id"]]
        return formation.formation(self._told[position], self.resources_of(app).dynos, self._things(position).at_rest)

    def releases(self, app: Record) -> list[Record]:
        """The releases of one of `apps`, the oldest first."""
        return self._releases(self._positions[app["id"]])

    @cached_property
    def personal_apps(self) -> list[Record]:
        """The apps that no team owns and in which the account has a seat."""
        return [app for app in self.apps if app["team"] is None and self._joined(app)]

    @cached_property
    def teams(self) -> list[Record]:
        """The teams that the account is in."""
        return teams.teams()

    def team_apps(self, team: Record) -> list[Record]:
        """The apps of one of `teams`, as records of their own kind."""
        owned = [app for app in self.apps if app["team"] and app["team"]["id"] == team["id"]]
        return [teams.team_app(app, joined=self._joined(app)) for app in owned]

    def members(self, team: Record) -> list[Record]:
        """Who is in one of `teams`."""
        return self._members[team["name"]]

    @cached_property
    def _members(self) -> dict[str, list[Record]]:
        seats: dict[str, list[Collaborator]] = {team["name"]: [] for team in self.teams}
        for position, app in enumerate(self._told):
            if app.team in seats:
                seats[app.team] += self._things(position).people
        return {team["name"]: teams.members(team, seats[team["name"]]) for team in self.teams}

    def _joined(self, app: Record) -> bool:
        """Whether the account has a seat in an app."""
        return any(seat["user"]["id"] == self.account["id"] for seat in self.resources_of(app).collaborators)

    def _make_releases(self, position: int) -> list[Record]:
        return releases.releases(self._told[position], self._things(position))

    def _make(self, position: int) -> AppRecords:
        app, things = self._told[position], self._things(position)
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
    """The demo's company.

    Parameters:
        apps: None is Larkmoor Parcels, which never changes; a number is that many invented apps, the first of
            which is called `my-app`.
        seed: which of the invented companies; the same number gives the same company everywhere.

    Raises:
        SettingsError: a negative number of apps.
    """
    if apps is None:
        told = company_data.story()
        return Company(people.account(), [app for app, _ in told], lambda position: told[position][1])
    if apps < 0:
        raise SettingsError(f"the demo company cannot have {apps} apps; give 0 or more")
    invented = [generated.app(position, seed) for position in range(apps)]
    return Company(people.account(), invented, lambda position: generated.things(invented, position, seed))
