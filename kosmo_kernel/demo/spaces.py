"""The private spaces of the company, and the networks around them."""

from __future__ import annotations

from kosmo_kernel.demo.models import Record, ident, reference
from kosmo_kernel.demo.record_maker import Maker

_SPACES = {"larkmoor-fir": "2026-01-28T10:05:00Z", "larkmoor-secure": "2023-09-26T08:40:00Z"}


def spaces(make: Maker) -> list[Record]:
    """Return the spaces, as the apps in them tell."""
    found: dict[str, Record] = {}
    for app in make.company.apps:
        if app["space"] and app["space"]["name"] not in found:
            name = app["space"]["name"]
            given = {"shield": app["space"]["shield"], "region": app["region"], "generation": app["generation"]}
            given |= {"team": app["team"], "organization": app["team"], "state": "allocated", "cidr": "10.0.0.0/16"}
            given |= {"data_cidr": "172.23.0.0/20", "created_at": _SPACES.get(name, app["created_at"])}
            found[name] = make("space", name, **reference("space", name), **given)
    return [found[name] for name in sorted(found)]


def team_spaces(make: Maker, team: Record) -> list[Record]:
    """Return the spaces of a team."""
    return [space for space in make.records("/spaces") if space["team"]["id"] == team["id"]]


def members(make: Maker, space: Record) -> list[Record]:
    """Return the members of the team of a space, with what each may do there; its administrators create apps."""
    [team] = (team for team in make.company.teams if team["id"] == space["team"]["id"])
    creates = [{"name": "create_apps", "description": "Create apps in the space"}]
    return [
        {
            "created_at": max(member["created_at"], space["created_at"]),
            "id": ident("space-member", f"{space['name']}/{member['email']}"),
            "permissions": creates if member["role"] == "admin" else [],
            "space": reference("space", space["name"]),
            "updated_at": max(member["created_at"], space["created_at"]),
            "user": {"email": member["email"], "id": member["user"]["id"]},
        }
        for member in make.company.members(team)
        if member["role"] != "collaborator"
    ]


def topology(make: Maker, space: Record) -> Record:
    """Return where the dynos of a space run."""
    apps = []
    for app in make.company.apps:
        if app["space"] and app["space"]["id"] == space["id"]:
            dynos = make.company.resources_of(app).dynos
            formation = [
                {
                    "id": one["id"],
                    "process_type": one["type"],
                    "dynos": [_place(n, dyno) for n, dyno in enumerate(dynos, 1) if dyno["type"] == one["type"]],
                }
                for one in make.company.formation(app)
            ]
            domains = [domain["hostname"] for domain in make.company.resources_of(app).domains]
            apps.append({"id": app["id"], "domains": domains, "formation": formation})
    return {"version": 1, "apps": apps}


def _place(number: int, dyno: Record) -> Record:
    address = f"10.0.{number}.{int(dyno['id'][-2:], 16)}"
    return {"id": dyno["id"], "number": number, "private_ip": address, "hostname": f"{number}.{dyno['type']}.app.local"}
