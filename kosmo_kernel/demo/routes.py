"""The routes of Heroku's API that the demo supports, and the records that each returns.

The addresses are Heroku's own, from the links of its schema (19 February 2026), and not from this package's catalogue:
tests compare the two. Besides what the package requests, they include what Heroku's CLI requests if `HEROKU_HOST`
points here (heroku/cli 11: `apps`, `access`, `ps`, `addons`, `domains`, `members`, `releases`, `teams` …). The
attributes that lists can be ordered by are from the Platform API Reference, where the schema does not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from werkzeug.routing import Map, Rule

from kosmo_kernel.demo.company import Company
from kosmo_kernel.demo.heroku_error import HerokuError
from kosmo_kernel.demo.models import Record


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: what its lists can be ordered by, what identifies one, and its names in Heroku's errors."""

    sortable: tuple[str, ...]
    names: tuple[str, ...]
    resource: str
    noun: str


_APPS = Kind(("id", "name", "updated_at"), ("id", "name"), "app", "app")
KINDS = {
    "apps": _APPS,
    "personal-apps": _APPS,
    "team-apps": _APPS,
    "dynos": Kind(("id", "name"), ("id", "name"), "dyno", "dyno"),
    "addons": Kind(("id", "name"), ("id", "name"), "addon", "add-on"),
    "addon-attachments": Kind(("id",), ("id", "name"), "add_on attachment", "add-on attachment"),
    "domains": Kind(("hostname", "id"), ("id", "hostname"), "domain", "domain name"),
    "collaborators": Kind(("email", "id"), ("id", "email"), "collaborator", "collaborator"),
    "formation": Kind(("id",), ("id", "type"), "formation", "process type"),
    "releases": Kind(("id", "version"), ("id", "version"), "release", "release"),
    "teams": Kind(("id",), ("id", "name"), "team", "team"),
    "members": Kind(("email", "id"), ("id", "email"), "member", "team member"),
}


def _get(path: str, endpoint: str, kind: str = "") -> Rule:
    return Rule(path, endpoint=endpoint, methods=["GET"], defaults={"kind": kind} if kind else None)


_OF_APP = "/apps/<app>/<any(dynos, addons, 'addon-attachments', domains, collaborators, formation, releases):kind>"
ROUTES = Map(
    [
        _get("/apps", "list", "apps"),
        _get("/apps/<identity>", "one", "apps"),
        _get(_OF_APP, "list"),
        _get(f"{_OF_APP}/<identity>", "one"),
        _get("/addons", "list", "addons"),
        _get("/addons/<identity>", "one", "addons"),
        _get("/addons/<addon>/addon-attachments", "list", "addon-attachments"),
        Rule("/actions/addons/resolve", endpoint="resolve", methods=["POST"]),
        _get("/addon-attachments", "list", "addon-attachments"),
        _get("/addon-attachments/<identity>", "one", "addon-attachments"),
        _get("/teams", "list", "teams"),
        _get("/teams/permissions", "permissions"),
        _get("/teams/<identity>", "one", "teams"),
        _get("/teams/<team>/apps", "list", "team-apps"),
        _get("/teams/<team>/members", "list", "members"),
        Rule("/account", endpoint="account", methods=["GET"], defaults={"identity": "~"}),
        _get("/account/rate-limits", "limits"),
        _get("/users/<identity>", "account"),
        _get("/users/<user>/apps", "list", "personal-apps"),
    ],
    merge_slashes=False,
    redirect_defaults=False,
)


def list_records(company: Company, place: Mapping[str, str]) -> Sequence[Record]:
    """Return all records of a list.

    Parameters:
        place: the `kind` of the list, and the variable parts of the route by name, such as `app`.

    Raises:
        HerokuError: 404 if the list does not exist.
    """
    kind = place["kind"]
    if "app" in place:
        return _of_app(company, company_app(company, place["app"]), kind)
    if "team" in place:
        team = find_record(company.teams, place["team"], "teams")
        return company.team_apps(team) if kind == "team-apps" else company.members(team)
    if "addon" in place:
        addon = find_record(company.addons, place["addon"], "addons")
        return [attachment for attachment in company.addon_attachments if attachment["addon"]["id"] == addon["id"]]
    if "user" in place:
        check_user(company, place["user"])
    records: Sequence[Record] = getattr(company, kind.replace("-", "_"))  # named like the kind
    return records


def get_record(company: Company, place: Mapping[str, str]) -> Record:
    """Return the record that a route identifies.

    Raises:
        HerokuError: 404 if there is none.
    """
    if place["kind"] == "apps":
        return company_app(company, place["identity"])
    return find_record(list_records(company, place), place["identity"], place["kind"])


def check_user(company: Company, identity: str) -> None:
    """Check that a user is the account itself, the only user that it may see.

    Raises:
        HerokuError: 404 for any other user.
    """
    if identity not in ("~", company.account["id"], company.account["email"]):
        raise HerokuError(404, "not_found", "Couldn't find that user.", resource="user")


def resolve_addons(company: Company, wanted: str, app: str | None, service: str | None) -> list[Record]:
    """Return the add-ons that a name may refer to.

    Parameters:
        wanted: an add-on's name or identifier or, within an app, the name of an attachment or a service;
            `my-app::DATABASE` includes the app.
        app: the app's name or identifier, or None for all apps.
        service: the name of the only service to consider, or None.

    Raises:
        HerokuError: 404 if there is none, or no such app.
    """
    if "::" in wanted:
        app, _, wanted = wanted.partition("::")
    if app is None:
        addons = [addon for addon in company.addons if wanted in (addon["id"], addon["name"])]
    else:
        place = {"app": app, "kind": "addons"}
        names: dict[str, set[str]] = {}
        for attachment in list_records(company, place | {"kind": "addon-attachments"}):
            names.setdefault(attachment["addon"]["id"], set()).add(attachment["name"])
        addons = [
            addon
            for addon in list_records(company, place)
            if wanted in (addon["id"], addon["name"], addon["addon_service"]["name"], *names.get(addon["id"], ()))
        ]
    addons = [addon for addon in addons if service in (None, addon["addon_service"]["name"])]
    if not addons:
        raise HerokuError(404, "not_found", "Couldn't find that add on.", resource="add_on")
    return addons


def company_app(company: Company, identity: str) -> Record:
    """Return the app with this name or identifier; raise a 404 if there is none."""
    app = company.find(identity)
    if app is None:
        raise _not_found("apps")
    return app


def find_record(records: Sequence[Record], identity: str, kind: str) -> Record:
    """Return the record with this identifier, name, host name, version or e-mail address; raise a 404 without one."""
    for record in records:
        values = [record.get(name, record.get("user", {}).get(name)) for name in KINDS[kind].names]
        if identity in map(str, values):
            return record
    raise _not_found(kind)


def _of_app(company: Company, app: Record, kind: str) -> Sequence[Record]:
    match kind:
        case "releases":
            return company.releases(app)
        case "formation":
            return company.formation(app)
        case "addon-attachments":
            return company.attachments_of(app)
    resources = company.resources_of(app)
    own: list[Record] = getattr(resources, kind)  # named like the kind
    return [*own, *resources.attached] if kind == "addons" else own


def _not_found(kind: str) -> HerokuError:
    return HerokuError(404, "not_found", f"Couldn't find that {KINDS[kind].noun}.", resource=KINDS[kind].resource)
