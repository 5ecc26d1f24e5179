"""The private spaces of the company, and the networks around them."""

from __future__ import annotations

from typing import Any

from kosmo_kernel.demo.models import Record, ident, reference
from kosmo_kernel.demo.people import LABS
from kosmo_kernel.demo.record_maker import Maker

_SPACES = {"larkmoor-fir": "2026-01-28T10:05:00Z", "larkmoor-secure": "2023-09-26T08:40:00Z"}
_PILOT = ("larkmoor-pilot", LABS, "virginia", "2026-03-09T15:20:00Z")  # nothing runs in it


def spaces(make: Maker) -> list[Record]:
    """Return the spaces, as the apps in them tell."""
    name, owner, region, since = _PILOT
    where = {"region": reference("region", region), "generation": reference("generation", "cedar"), "shield": False}
    found = {name: _space(make, name, since, reference("team", owner), **where)}
    for app in make.company.every_app:
        if app["space"] and app["space"]["name"] not in found:
            name = app["space"]["name"]
            where = {"region": app["region"], "generation": app["generation"], "shield": app["space"]["shield"]}
            found[name] = _space(make, name, _SPACES.get(name) or app["created_at"], app["team"], **where)
    return [found[name] for name in sorted(found)]


def _space(make: Maker, name: str, since: str, team: Record | None, **where: Any) -> Record:
    given = {"team": team, "organization": team, "state": "allocated", "created_at": since, **where}
    return make("space", name, **reference("space", name), cidr="10.0.0.0/16", data_cidr="172.23.0.0/20", **given)


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
    for app in make.company.every_app:
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
