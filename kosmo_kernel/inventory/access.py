"""The tables of teams, people and Private Spaces: who may do what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from kosmo_kernel.inventory.reach import MANAGE, REACH, Access, accesses, is_person, permissions_of
from kosmo_kernel.inventory.records import at
from kosmo_kernel.inventory.source import AccountData

TEAM_COLUMNS = (
    "name",
    "type",
    "enterprise_account",
    "identity_provider",
    "apps",
    "members",
    "invitations",
    "own_role",
    "id",
)
MEMBER_COLUMNS = (
    *("team", "email", "name", "role", "state", "two_factor", "single_sign_on", "invited_by", "created_at", "id"),
)
PERSON_COLUMNS = (
    *("email", "name", "teams", "apps", "apps_managed", "apps_at_least", "apps_owned", "seats", "spaces"),
    *("enterprise_accounts", "two_factor", "single_sign_on"),
)
ACCESS_COLUMNS = tuple(field.name for field in fields(Access))
SPACE_COLUMNS = (
    *("name", "team", "region", "generation", "shield", "state", "cidr", "data_cidr", "apps", "members", "created_at"),
    "id",
)
SPACE_ACCESS_COLUMNS = ("space", "email", "permissions", "created_at", "id")

PEOPLE = ("collaborators", "team_members", "space_members", "enterprise_account_members")  # the lists of people


def team_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each team."""
    apps = Counter(at(app, "team.name") for app in data.rows("apps"))
    members = _by_team(data, "team_members", "team")
    invitations = _by_team(data, "team_invitations", "team.name")
    for row in data.rows("teams"):
        name = row["name"]
        yield {
            "name": name,
            "type": row.get("type"),
            "enterprise_account": at(row, "enterprise_account.name"),
            "identity_provider": at(row, "identity_provider.name"),
            "apps": apps[name],
            "members": members.get(name),
            "invitations": invitations.get(name),
            "own_role": row.get("role"),
            "id": row["id"],
        }


def member_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each member of a team and for each invitation."""
    for row in data.rows("team_members"):
        yield {
            "team": row["team"],
            "email": row["email"],
            "name": at(row, "user.name"),
            "role": row.get("role"),
            "state": "member",
            "two_factor": row.get("two_factor_authentication"),
            "single_sign_on": row.get("federated"),
            "invited_by": None,
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }
    for row in data.rows("team_invitations"):
        yield {
            "team": at(row, "team.name"),
            "email": at(row, "user.email"),
            "name": at(row, "user.name"),
            "role": row.get("role"),
            "state": "invited",
            "two_factor": None,
            "single_sign_on": None,
            "invited_by": at(row, "invited_by.email"),
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }


@dataclass
class PersonAccess:
    """One person: the name, and all that this person can reach."""

    name: str | None = None
    teams: dict[str, None] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    spaces: dict[str, None] = field(default_factory=dict)
    enterprise_accounts: dict[str, None] = field(default_factory=dict)
    two_factor: bool | None = None
    single_sign_on: bool | None = None


def people(data: AccountData) -> dict[str, PersonAccess]:
    """Return everybody who may do something, by address."""
    everybody: defaultdict[str, PersonAccess] = defaultdict(PersonAccess)
    for row in data.rows("team_members"):
        person = everybody[row["email"]]
        person.teams[f"{row['team']} ({row.get('role') or 'no role'})"] = None
        person.name = at(row, "user.name") or person.name
        person.two_factor, person.single_sign_on = row.get("two_factor_authentication"), row.get("federated")
    for row in data.rows("enterprise_account_members"):
        person = everybody[row["user"]["email"]]
        person.enterprise_accounts[at(row, "enterprise_account.name")] = None
        if person.two_factor is None:
            person.two_factor = row.get("two_factor_authentication")
    for row in data.rows("collaborators"):
        person = everybody[row["user"]["email"]]
        if person.single_sign_on is None:
            person.single_sign_on = at(row, "user.federated")
    for row in data.rows("space_members"):
        everybody[row["user"]["email"]].spaces[row["space"]["name"]] = None
    for access in accesses(data):
        everybody[access.email].accesses.append(access)
    return {email: everybody[email] for email in sorted(everybody) if is_person(email)}


def person_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each person."""
    knows_apps = "collaborators" in data.tables
    at_least = not data.is_whole(*REACH)
    for email, person in people(data).items():
        yield {
            "email": email,
            "name": person.name,
            "teams": list(person.teams),
            "apps": len(person.accesses) if knows_apps else None,
            "apps_managed": sum(MANAGE in one.permissions for one in person.accesses) if knows_apps else None,
            "apps_at_least": at_least if knows_apps else None,
            "apps_owned": sum(one.by == "owner" for one in person.accesses),
            "seats": sum(one.seat for one in person.accesses) if knows_apps else None,
            "spaces": list(person.spaces),
            "enterprise_accounts": list(person.enterprise_accounts),
            "two_factor": person.two_factor,
            "single_sign_on": person.single_sign_on,
        }


def access_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each app that a person can reach."""
    for one in accesses(data):
        yield asdict(one) | {"permissions": list(one.permissions)}


def space_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each Private Space."""
    apps = Counter(at(app, "space.name") for app in data.rows("apps"))
    members = Counter(at(row, "space.name") for row in data.rows("space_members"))
    unread = data.unread_items("space_members", "space")
    known = "space_members" in data.tables and None not in unread
    for row in data.rows("spaces"):
        name = row["name"]
        yield {
            "name": name,
            "team": at(row, "team.name"),
            "region": at(row, "region.name"),
            "generation": at(row, "generation.name"),
            "shield": row.get("shield"),
            "state": row.get("state"),
            "cidr": row.get("cidr"),
            "data_cidr": row.get("data_cidr"),
            "apps": apps[name],
            "members": members[name] if known and name not in unread else None,
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def space_access_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each member of a Private Space."""
    for row in data.rows("space_members"):
        yield {
            "space": at(row, "space.name"),
            "email": at(row, "user.email"),
            "permissions": list(permissions_of(row)),
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }


def _by_team(data: AccountData, table: str, path: str) -> dict[str, int | None]:
    """Return the number of records of each team; None for a team of which the list could not be read."""
    unread = data.unread_items(table, "team")
    if table not in data.tables or None in unread:
        return {}
    counts = Counter(at(row, path) for row in data.rows(table))
    return {row["name"]: None if row["name"] in unread else counts[row["name"]] for row in data.rows("teams")}
