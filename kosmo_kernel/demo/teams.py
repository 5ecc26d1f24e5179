"""The company's teams and their members.

Members are derived from the apps: a collaborator of a team's app is in that team, as an administrator, a member, or,
from outside, a collaborator. The account itself administers both teams; administrators can access every app without
being its collaborator, so a list of an app's collaborators does not show them (Heroku's CLI adds them in
`heroku access`).

The records are Heroku's `team`, `team-member`, `team-app` and `team-app-permission` (schema of 19 February 2026).
"""

from __future__ import annotations

from collections.abc import Iterable

from kosmo_kernel.demo.models import PERMISSIONS, Collaborator, Person, Record, ident, reference
from kosmo_kernel.demo.people import ENTERPRISE, JOINED, JUNO, LABS, ROBOT, RUI, SAMUEL, SIGN_IN, TEAM, TOM

_CREATED = {TEAM: "2016-10-24T08:15:00Z", LABS: "2026-01-12T09:30:00Z"}
_RANKS = ("admin", "member", "collaborator")
_PASSWORD_ONLY = (TOM, RUI, ROBOT, SAMUEL)
# Who is in a team without being a collaborator of an app of it, as what, and since when; one of them is of the agency.
_OTHERS = {LABS: ((SAMUEL, "admin", "2026-01-19T10:40:00Z"), (RUI, "member", "2026-02-20T09:15:00Z"))}

APP_PERMISSIONS: list[Record] = [{"name": name, "description": text} for name, text in PERMISSIONS.items()]


def teams() -> list[Record]:
    """Return the records of the teams, as the account sees them."""
    return [
        {
            "id": ident("team", name),
            "created_at": created,
            "credit_card_collections": False,
            "default": name == TEAM,
            "enterprise_account": reference("enterprise-account", ENTERPRISE),
            "identity_provider": SIGN_IN if name == TEAM else None,
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
    """Return the members of a team, in the order of their addresses.

    Parameters:
        seats: the collaborators of all its apps, including the manager's account.
    """
    manager = f"{team['name']}@herokumanager.com"
    by_person: dict[Person, tuple[str, str]] = {JUNO: ("admin", max(JOINED, team["created_at"]))}
    by_person |= {person: (role, since) for person, role, since in _OTHERS.get(team["name"], ())}
    for seat in seats:
        if seat.person.email == manager:
            continue
        role, since = by_person.get(seat.person, ("collaborator", seat.since))
        better = min(role, seat.role or "collaborator", key=_RANKS.index)
        by_person[seat.person] = (better, since if seat.person == JUNO else min(since, seat.since))
    ordered = sorted(by_person.items(), key=lambda item: item[0].email)
    return [_member(team, person, role, since) for person, (role, since) in ordered]


def team_app(app: Record, *, joined: bool) -> Record:
    """Return an app as its team's list shows it; `joined` says that the account is a collaborator."""
    fields = {name: value for name, value in app.items() if name not in ("acm", "generation", "organization")}
    space = app["space"] and {"id": app["space"]["id"], "name": app["space"]["name"]}
    return fields | {"joined": joined, "locked": False, "team": {"name": app["team"]["name"]}, "space": space}


def _member(team: Record, person: Person, role: str, since: str) -> Record:
    provider = {"id": SIGN_IN["id"], "name": SIGN_IN["name"], "redacted": False, "owner": SIGN_IN["owner"]}
    return {
        "created_at": since,
        "email": person.email,
        "federated": person.federated,
        "id": ident("team-member", f"{team['name']}/{person.email}"),
        "identity_provider": provider if person.federated else None,
        "role": role,
        "two_factor_authentication": person not in _PASSWORD_ONLY,
        "updated_at": since,
        "user": {"email": person.email, "id": person.id, "name": person.name},
    }
