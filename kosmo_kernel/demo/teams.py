"""The company's teams and who is in them.

Members follow from the apps: who has a seat in an app of a team is in that team, as an administrator, a member, or,
from outside, a collaborator. The account itself administers both teams; administrators reach every app and need
no seat, so a list of an app's collaborators does not show them (Heroku's CLI adds them in `heroku access`).

The records are Heroku's `team`, `team-member`, `team-app` and `team-app-permission` (schema of 19 February 2026).
"""

from __future__ import annotations

from collections.abc import Iterable

from kosmo_kernel.demo.models import PERMISSIONS, Collaborator, Person, Record, ident, reference
from kosmo_kernel.demo.people import JOINED, JUNO, LABS, ROBOT, RUI, TEAM, TOM

_CREATED = {TEAM: "2016-10-24T08:15:00Z", LABS: "2026-01-12T09:30:00Z"}
_RANKS = ("admin", "member", "collaborator")
_PASSWORD_ONLY = (TOM, RUI, ROBOT)
_SIGN_IN = {
    "id": ident("identity-provider", TEAM),
    "name": "larkmoor-sso",
    "owner": reference("team", TEAM) | {"type": "team"},
}

APP_PERMISSIONS: list[Record] = [{"name": name, "description": text} for name, text in PERMISSIONS.items()]


def teams() -> list[Record]:
    """The records of the teams, as the account sees them."""
    return [
        {
            "id": ident("team", name),
            "created_at": created,
            "credit_card_collections": False,
            "default": name == TEAM,
            "enterprise_account": reference("enterprise-account", "larkmoor-parcels"),
            "identity_provider": _SIGN_IN if name == TEAM else None,
            "membership_limit": None,
            "name": name,
            "provisioned_licenses": True,
            "role": "admin",
            "type": "enterprise",
            "updated_at": created,
        }
        for name, created in _CREATED.items()
    ]


def members(team: Record, seats: Iterable[Collaborator]) -> list[Record]:
    """Who is in a team, in the order of their addresses.

    Parameters:
        team: its record.
        seats: all seats in its apps, its own manager's accounts among them.
    """
    manager = f"{team['name']}@herokumanager.com"
    found: dict[Person, tuple[str, str]] = {JUNO: ("admin", max(JOINED, team["created_at"]))}
    for seat in seats:
        if seat.person.email == manager:
            continue
        role, since = found.get(seat.person, ("collaborator", seat.since))
        better = min(role, seat.role or "collaborator", key=_RANKS.index)
        found[seat.person] = (better, since if seat.person == JUNO else min(since, seat.since))
    ordered = sorted(found.items(), key=lambda item: item[0].email)
    return [_member(team, person, role, since) for person, (role, since) in ordered]


def team_app(app: Record, *, joined: bool) -> Record:
    """An app of a team as the team's own list shows it; `joined` says that the account has a seat in it."""
    kept = {name: value for name, value in app.items() if name not in ("acm", "generation", "organization")}
    space = app["space"] and {"id": app["space"]["id"], "name": app["space"]["name"]}
    return kept | {"joined": joined, "locked": False, "team": {"name": app["team"]["name"]}, "space": space}


def _member(team: Record, person: Person, role: str, since: str) -> Record:
    redacted = {"id": _SIGN_IN["id"], "name": _SIGN_IN["name"], "redacted": False, "owner": _SIGN_IN["owner"]}
    return {
        "created_at": since,
        "email": person.email,
        "federated": person.federated,
        "id": ident("team-member", f"{team['name']}/{person.email}"),
        "identity_provider": redacted if person.federated else None,
        "role": role,
        "two_factor_authentication": person not in _PASSWORD_ONLY,
        "updated_at": since,
        "user": {"email": person.email, "id": person.id, "name": _name(person)},
    }


def _name(person: Person) -> str | None:
    """Their name, which larkmoor's own addresses spell out."""
    first, dot, last = person.email.partition("@")[0].partition(".")
    return f"{first} {last}".title() if dot else None
