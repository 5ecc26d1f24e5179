"""A company as Heroku's API sees it: an account, its apps, and what belongs to each app.

`company()` is Larkmoor Parcels (`larkmoor.py`). `company(5000)` is a company of that many apps, invented
from a seed (`generated.py`). App records are made at once, because everything starts with their list;
what belongs to an app is made when somebody asks for it, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kosmo_kernel.demo import generated, larkmoor, people
from kosmo_kernel.demo.shapes import App, Record, Things, own_domain
from kosmo_kernel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Belongings:
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
        things: what belongs to the app at a position of `apps`; asked once for each.
    """

    def __init__(self, account: Record, apps: Sequence[App], things: Callable[[int], Things]) -> None:
        self.account = account
        self.apps: list[Record] = [app.record() for app in apps]
        self._told = apps
        self._things = things
        self._positions = {text: n for n, app in enumerate(self.apps) for text in (app["id"], app["name"])}
        self._belongings: dict[int, Belongings] = {}

    def find(self, identity: str) -> Record | None:
        """The app with this name or identifier, or None."""
        position = self._positions.get(identity)
        return None if position is None else self.apps[position]

    def belongings(self, app: Record) -> Belongings:
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
        return [addon for app in self.apps for addon in self.belongings(app).addons]

    def _make(self, position: int) -> Belongings:
        app, things = self._told[position], self._things(position)
        domains = len(things.domains) + 1
        return Belongings(
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
        told = larkmoor.story()
        return Company(people.account(), [app for app, _ in told], lambda position: told[position][1])
    if apps < 0:
        raise SettingsError(f"the demo company cannot have {apps} apps; give 0 or more")
    invented = [generated.app(position, seed) for position in range(apps)]
    return Company(people.account(), invented, lambda position: generated.things(invented, position, seed))
