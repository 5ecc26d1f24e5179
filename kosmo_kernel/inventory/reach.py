"""Work out who can reach which app, and by what.

It gives the rows of the shared table `heroku.tables.access()`, from lists that were read before, such as those of a
snapshot, and of which a part may be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from kosmo_kernel.inventory.records import Row, at
from kosmo_kernel.inventory.source import AccountData

REACH = ("apps", "collaborators", "team_members")  # the lists without which somebody may reach more
MANAGE = "manage"
_ALL = ("view", "deploy", "operate", MANAGE)
_BY_ROLE = {"owner": "owner", "admin": "team admin", "member": "team member", "viewer": "team member"}
_ADMINS = {"admin", "owner"}  # the roles in a team that reach all of its apps
_TEAM_ACCOUNT = "@herokumanager.com"  # ends the address that stands for a team where Heroku wants a person


@dataclass(frozen=True, slots=True)
class Access:
    """One person's access to one app.

    Parameters:
        app: the name of the app.
        team: the team of the app, or None.
        email: the address of the person.
        by: what gives the access, the strongest of `owner`, `team admin`, `team member` and `collaborator`.
        permissions: those of the seat; an owner and an admin have all. A seat in an app without a team has none.
        seat: whether the person is one of the app's own collaborators.
        since: the time of the seat, or else of the membership or of the app.
    """

    app: str
    team: str | None
    email: str
    by: str
    permissions: tuple[str, ...]
    seat: bool
    since: str | None


def is_person(email: str) -> bool:
    """Return whether an address is one of a person, and does not stand for a team."""
    return not email.lower().endswith(_TEAM_ACCOUNT)


def accesses(data: AccountData) -> Iterator[Access]:
    """Yield the access of each person to each app, sorted by both."""
    admins: defaultdict[str, list[Row]] = defaultdict(list)
    for member in data.rows("team_members"):
        if member.get("role") in _ADMINS:
            admins[member["team"]].append(member)
    seats: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for seat in data.rows("collaborators"):
        seats[data.app_name(seat)][seat["user"]["email"]] = seat
    for app in sorted(data.rows("apps"), key=lambda app: str(app["name"])):
        yield from _of_app(app, seats[app["name"]], admins.get(at(app, "team.name"), []))


def _of_app(app: Row, seats: dict[str, Row], admins: list[Row]) -> Iterator[Access]:
    owner = at(app, "owner.email")
    since = {member["email"]: member.get("created_at") for member in admins}
    for email in sorted({*seats, *since, *([owner] if owner else [])}):
        if not is_person(email):
            continue
        seat = seats.get(email)
        by = _BY_ROLE.get(at(seat, "role"), "collaborator")
        if email == owner:
            by = "owner"
        elif email in since and by != "owner":
            by = "team admin"
        yield Access(
            app["name"],
            at(app, "team.name"),
            email,
            by,
            _ALL if by in ("owner", "team admin") else permissions_of(seat or {}),
            seat is not None,
            seat.get("created_at") if seat else since.get(email, app.get("created_at")),
        )


def permissions_of(row: Row) -> tuple[str, ...]:
    """Return the names of the permissions of a record."""
    return tuple(name for one in row.get("permissions") or () if (name := at(one, "name")))
