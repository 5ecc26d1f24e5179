"""Accounts that lack one thing: the demo company without apps, without teams, or without add-ons."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from kosmo_kernel.integrations.heroku.demo import company_data
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.models import App

Record = dict[str, Any]


class CompanyWithoutTeams(Company):
    """A company in which each app belongs to a person."""

    @property
    def teams(self) -> list[Record]:
        """No teams."""
        return []

    def own_records(self, path: str, *parents: Any) -> Any:
        """Return no Private Spaces and no enterprise accounts, which have teams."""
        return [] if path in ("/spaces", "/enterprise-accounts") else super().own_records(path, *parents)


def of_a_person(app: App) -> App:
    """Return an app as its owner's own, and outside of a Private Space, as these belong to teams."""
    owner = company_data.JUNO if app.team else app.owner
    return replace(app, owner=owner, space="", uses=[(of_a_person(other), addon) for other, addon in app.uses])


def without_apps() -> Company:
    """Return a company that has teams and no apps."""
    return Company(company_data.account_record(), ())


def without_teams() -> Company:
    """Return a company that has apps and no teams."""
    return CompanyWithoutTeams(company_data.account_record(), [of_a_person(app) for app in company_data.story()])


def without_addons() -> Company:
    """Return a company whose apps use no add-ons."""
    apps = [replace(app, addons=(), uses=()) for app in company_data.story()]
    return Company(company_data.account_record(), apps)


ACCOUNTS = {"no apps": without_apps, "no teams": without_teams, "no add-ons": without_addons}
