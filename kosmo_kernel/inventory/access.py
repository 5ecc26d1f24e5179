"""The tables of teams, people and Private Spaces: who may do what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel.inventory.records import Row, at
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
    *("email", "name", "teams", "apps", "apps_managed", "apps_owned", "spaces", "enterprise_accounts", "two_factor"),
    "single_sign_on",
)
ACCESS_COLUMNS = ("app", "email", "role", "permissions", "team", "created_at", "id")
SPACE_COLUMNS = (
    *("name", "team", "region", "generation", "shield", "state", "cidr", "data_cidr", "apps", "members", "created_at"),
    "id",
)
SPACE_ACCESS_COLUMNS = ("space", "email", "permissions", "created_at", "id")

PEOPLE = ("collaborators", "team_members", "space_members", "enterprise_account_members")  # the lists of people
_DEFAULT_ROLE = "collaborator"  # what Heroku means by a collaborator without a role
_TEAM_ACCOUNT = "@herokumanager.com"  # ends the address that stands for a team where Heroku wants a person


def is_person(email: str) -> bool:
    """Return whether an address is one of a person, and does not stand for a team."""
    return not email.endswith(_TEAM_ACCOUNT)


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
    apps: set[str] = field(default_factory=set)
    managed: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
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
        app = data.app_name(row)
        person.apps.add(app)
        if "manage" in _permissions(row) or row.get("role") in {"owner", "admin"}:
            person.managed.add(app)
        if person.single_sign_on is None:
            person.single_sign_on = at(row, "user.federated")
    for row in data.rows("space_members"):
        everybody[row["user"]["email"]].spaces[row["space"]["name"]] = None
    for row in data.rows("apps"):
        if owner := at(row, "owner.email"):
            everybody[owner].owned.add(row["name"])
    return {email: everybody[email] for email in sorted(everybody) if is_person(email)}


def person_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each person."""
    knows_apps = "collaborators" in data.tables
    for email, person in people(data).items():
        yield {
            "email": email,
            "name": person.name,
            "teams": list(person.teams),
            "apps": len(person.apps | person.owned) if knows_apps else None,
            "apps_managed": len(person.managed | person.owned) if knows_apps else None,
            "apps_owned": len(person.owned),
            "spaces": list(person.spaces),
            "enterprise_accounts": list(person.enterprise_accounts),
            "two_factor": person.two_factor,
            "single_sign_on": person.single_sign_on,
        }


def access_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each collaborator of each app."""
    for row in data.rows("collaborators"):
        app = data.app_name(row)
        yield {
            "app": app,
            "email": at(row, "user.email"),
            "role": row.get("role") or _DEFAULT_ROLE,
            "permissions": _permissions(row),
            "team": at(data.apps.get(app), "team.name"),
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }


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
            "permissions": _permissions(row),
            "created_at": row.get("created_at"),
            "id": row.get("id"),
        }


def _permissions(row: Row) -> list[str]:
    """Return the names of the permissions of a record."""
    return [name for one in row.get("permissions") or () if (name := at(one, "name"))]


def _by_team(data: AccountData, table: str, path: str) -> dict[str, int | None]:
    """Return the number of records of each team; None for a team of which the list could not be read."""
    unread = data.unread_items(table, "team")
    if table not in data.tables or None in unread:
        return {}
    counts = Counter(at(row, path) for row in data.rows(table))
    return {row["name"]: None if row["name"] in unread else counts[row["name"]] for row in data.rows("teams")}
