"""What a case of a check is made of: a place in a company that no other case touches, and the findings it causes.

A case is a function that changes a clean company. `defect` says which checks must find something then, `near_miss`
which must not, although it looks like it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar

from clean_company import ALL_STAGES, BUILDS, MY_APP, RELEASES, REVIEW_APPS, EditableCompany

from kosmo_kernel.integrations.heroku.demo.models import Person, Record
from kosmo_kernel.text import iso_time


class Finding(NamedTuple):
    """A finding that must appear: the check, and the values of the columns that its head names."""

    check: str
    key: frozenset[tuple[str, str]]


def finding(check: str, key: Mapping[str, Any]) -> Finding:
    """Return a finding by the columns of its key."""
    return Finding(check, frozenset((name, str(value)) for name, value in key.items()))


Findings = list[Finding]


class NoPlaceError(Exception):
    """The company has no place left for a case of this kind."""


class Site:
    """The places of a company that no case has touched yet.

    A place is a whole pipeline, because some checks compare its stages.

    Parameters:
        company: the company to be changed.
        draw: chooses among places.
    """

    def __init__(self, company: EditableCompany, draw: Random) -> None:
        self.company = company
        self.draw = draw
        self._free = sorted({one.pipeline for one in company.placed.values()} - {MY_APP})
        self._once: set[str] = set()

    def app(self, *stages: str, where: Callable[[Record], Any] = bool) -> Record:
        """Return an app in one of these stages for which a condition holds, and reserve its pipeline."""
        apps = [
            app
            for app in self.company.in_stage(*(stages or ALL_STAGES))
            if self.pipeline_of(app) in self._free and where(app)
        ]
        if not apps:
            raise NoPlaceError
        app: Record = self.draw.choice(apps)
        self._free.remove(self.pipeline_of(app))
        return app

    def my_app(self) -> Record:
        """Return the app that every company has, which no other case touches."""
        self.once(MY_APP)
        return next(app for app in self.company.apps if app["name"] == MY_APP)

    def team(self, what: str) -> Record:
        """Return a team, and reserve something of it."""
        teams = [team for team in self.company.teams if f"{what} of {team['name']}" not in self._once]
        if not teams:
            raise NoPlaceError
        team: Record = self.draw.choice(teams)
        self._once.add(f"{what} of {team['name']}")
        return team

    def pipeline_of(self, app: Record) -> str:
        """Return the name of the pipeline of an app."""
        return self.company.placed[app["name"]].pipeline

    def apps_in(self, pipeline: str, *stages: str) -> list[Record]:
        """Return the apps in some stages of a pipeline, or in all."""
        apps = self.company.in_stage(*(stages or ALL_STAGES))
        return [app for app in apps if self.pipeline_of(app) == pipeline]

    def person(self, *people: Person) -> Person:
        """Return somebody whom no other case is about."""
        free = [one for one in people if one.email not in self._once]
        if not free:
            raise NoPlaceError
        person = self.draw.choice(free)
        self._once.add(person.email)
        return person

    def once(self, what: str) -> None:
        """Reserve something that a company has only once."""
        if what in self._once:
            raise NoPlaceError
        self._once.add(what)


def move(site: Site, app: Record, days: float) -> None:
    """Move an app, its releases and its builds so many days into the past; its dynos were restarted since."""
    reviews = [one for one in site.company.at(REVIEW_APPS) if one["app"] and one["app"]["id"] == app["id"]]
    for record in (app, *reviews, *site.company.at(RELEASES, app), *site.company.at(BUILDS, app)):
        for name in ("created_at", "released_at", "updated_at"):
            if record.get(name):
                time = datetime.fromisoformat(record[name]) - timedelta(days=days)
                record[name] = iso_time(time)


def is_cedar(app: Record) -> bool:
    """Return whether an app runs on Heroku's first generation, whose stacks and names of dynos differ."""
    return bool(app["generation"]["name"] == "cedar")


# --- The cases of each check -----------------------------------------------------------------------------------------

Case = Callable[[Site], Findings]
NearMiss = Callable[[Site], Findings | None]  # the findings are those of other checks
Decorated = TypeVar("Decorated", bound=NearMiss)

DEFECTS: dict[str, list[Case]] = {}
NEAR_MISSES: dict[str, list[NearMiss]] = {}
PARAMETERS: dict[str, Any] = {}


def defect(*checks: str) -> Callable[[Case], Case]:
    """Return a decorator of a function that seeds a defect, and returns all findings that it causes.

    Parameters:
        checks: those for which it is a case.
    """

    def register(case: Case) -> Case:
        for check in checks:
            DEFECTS.setdefault(check, []).append(case)
        return case

    return register


def near_miss(*checks: str) -> Callable[[Decorated], Decorated]:
    """Return a decorator of a function that comes close to a defect, and returns what other checks find, if any do.

    Parameters:
        checks: those that must find nothing.
    """

    def register(case: Decorated) -> Decorated:
        for check in checks:
            NEAR_MISSES.setdefault(check, []).append(case)
        return case

    return register


def takes(*checks: str, **parameters: Any) -> None:
    """Set the required parameters of some checks: what they are about in all cases."""
    PARAMETERS.update({f"{check}.{name}": setting for check in checks for name, setting in parameters.items()})
