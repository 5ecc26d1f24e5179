"""Companies of any size in which all is well, and whose records a test can change.

Each has pipelines with all their stages, teams, a Private Space, add-ons with prices, domains with certificates,
drains, webhooks, config vars, invitations, authorizations that end, and review apps of this week. What there is and
what it is called follows from a seed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo import company_data
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.company_data import INES, JUNO, LABS, MEI, OSKAR, PRIYA, TEAM
from kosmo_kernel.integrations.heroku.demo.http import HerokuError
from kosmo_kernel.integrations.heroku.demo.models import (
    AddOn,
    App,
    Collaborator,
    Domain,
    Dyno,
    Person,
    Record,
    ident,
    reference,
)
from kosmo_kernel.integrations.heroku.demo.record_maker import fictional, user
from kosmo_kernel.integrations.heroku.demo.records import CompanyRecords, FoundLink
from kosmo_kernel.integrations.heroku.facts import facts

BUILDS = "/apps/{app.identity}/builds"
CONFIG_VARS = "/apps/{app.identity}/config-vars"
COUPLINGS = "/pipeline-couplings"
DELINQUENCY = "/teams/{team.identity}/delinquency"
DRAINS = "/apps/{app.identity}/log-drains"
ENDPOINTS = "/apps/{app.identity}/sni-endpoints"
FORMATION = "/apps/{app.identity}/formation"
RELEASES = "/apps/{app.identity}/releases"
WEBHOOKS = "/apps/{app.identity}/webhooks"
DELIVERIES = "/apps/{app.identity}/webhook-deliveries"
AUTHORIZATIONS = "/oauth/authorizations"
KEYS = "/account/keys"
PLANS_OF = "/addon-services/{add-on-service.identity}/plans"
PIPELINES = "/pipelines"
SERVICES = "/addon-services"
SPACES = "/spaces"
STACKS = "/stacks"
TRANSFERS = "/account/app-transfers"
INVITATIONS = "/teams/{team.name}/invitations"

DATA = ("/client/", "/data/", "/postgres/", "/redis/")  # the paths of the API of databases
DATABASE = "/client/v11/databases/{add-on.id}"
MAINTENANCES = "/data/maintenances/v1/apps/{app.id}"
SCHEDULES = "/client/v11/databases/{add-on.id}/transfer-schedules"

ALL = ("view", "deploy", "operate", "manage")
MY_APP = "my-app"  # every company has it
ALL_STAGES = ("review", "development", "staging", "production")
# Lists of one pipeline or team are parts of the list of the account: which one, and the field that names the parent.
REVIEW_APPS = "/review-apps"
_PARTS = {
    "/pipelines/{pipeline.id}/pipeline-couplings": (COUPLINGS, "pipeline"),
    "/pipelines/{pipeline.id}/review-apps": (REVIEW_APPS, "pipeline"),
    "/teams/{team.identity}/spaces": (SPACES, "team"),
}
_PRODUCTS = ("labels", "routes", "depots", "couriers", "customs", "returns", "pricing", "tracking", "billing", "claims")
_PLACES = ("north", "south", "east", "west", "city", "coast", "harbour", "valley", "border", "island")
_NAMES = ("ada.brook", "ben.ortega", "cleo.hart", "dan.ivers", "eve.moreau", "finn.aalto", "gus.berg", "hana.sato")
_STACKS = ("heroku-24", "heroku-24", "heroku-26", "container")


class Placed(Struct, frozen=True):
    """An app, and its place in a pipeline."""

    app: App
    pipeline: str
    stage: str


class EditableCompany(Company):
    """A company whose records a test can change, at any of Heroku's paths, until it is served.

    Parameters:
        placed: its apps.
        members: the members of each team, by its name.
    """

    def __init__(self, placed: Sequence[Placed], members: Mapping[str, list[Record]]) -> None:
        super().__init__(company_data.account_record(), [one.app for one in placed])
        self.placed = {one.app.name: one for one in placed}
        self.members_by_team = members
        self.hidden: set[str] = set()
        self._changed: dict[tuple[str, ...], Any] = {}
        self._made = CompanyRecords(self)
        self._links = {link.path: link for link in facts().links}

    def members(self, team: Record) -> list[Record]:
        """Return the members of a team, to be changed in place."""
        return self.members_by_team[team["name"]]

    def releases(self, app: Record) -> list[Record]:
        """Return the releases of an app, as they were changed."""
        changed: list[Record] | None = self._changed.get(_key(RELEASES, [app]))
        return super().releases(app) if changed is None else changed

    def own_records(self, path: str, *parents: Any) -> Any:
        """Return what was changed at a path.

        Raises:
            HerokuError: it belongs to one of the apps in `hidden`, of which the token may only see that they exist.
        """
        is_of_app = "/apps/" in path or path.startswith(DATA)
        if self.hidden and is_of_app and parents[-1].get("app", parents[-1]).get("name") in self.hidden:
            raise HerokuError(403, "forbidden", "You do not have access to this app.")
        if path in _PARTS:
            whole, field = _PARTS[path]
            return [one for one in self._changed[whole,] if one[field]["id"] == parents[0]["id"]]
        return self._changed.get(_key(path, parents))

    def at(self, path: str, *parents: Record) -> Any:
        """Return what Heroku has at a path, to be changed in place; dynos, add-ons … are in `resources_of`."""
        key = _key(path, parents)
        if key not in self._changed:
            link = FoundLink(self._links[path], key[1:])
            self._changed[key] = copy.deepcopy(self._made.answer(link, {}))
        return self._changed[key]

    def put(self, records: Any, path: str, *parents: Record) -> None:
        """Replace what Heroku has at a path."""
        self._changed[_key(path, parents)] = records

    def in_stage(self, *stages: str) -> list[Record]:
        """Return the apps in these stages of a pipeline."""
        return [app for app in self.apps if self.placed[app["name"]].stage in stages]


def clean_company(seed: int, pipelines: int = 0) -> EditableCompany:
    """Return a company in which all is well.

    Parameters:
        seed: decides what there is.
        pipelines: how many it has; 0 leaves that to the seed.
    """
    draw = Random(f"clean company {seed}")
    pipelines = pipelines or draw.randint(2, 6)
    staff = [PRIYA, OSKAR, MEI, INES, *(Person(f"{name}@larkmoor.example", federated=True) for name in _NAMES)]
    draw.shuffle(staff)
    placed: list[Placed] = []
    names = draw.sample([f"{place}-{product}" for place in _PLACES for product in _PRODUCTS], pipelines - 1)
    for number, name in enumerate((MY_APP, *names)):
        in_space = number == 1 or (number > 1 and draw.random() < 0.2)
        generation = ("fir" if draw.random() < 0.4 else "cedar") if in_space else ""
        placed += _apps(draw, name, TEAM if number % 2 == 0 else LABS, generation)
    kinds = {one.pipeline: _kinds(draw) for one in placed}
    placed = [replace(one, app=_with_resources(draw, one, kinds[one.pipeline], staff)) for one in placed]
    seats = {name: [seat for one in placed if one.app.team == name for seat in one.app.people] for name in (TEAM, LABS)}
    ours = {user.email for user in (JUNO, *staff)}
    members = {
        team["name"]: [one for one in company_data.member_records(team, seats[team["name"]]) if one["email"] in ours]
        for team in company_data.team_records()
    }
    company = EditableCompany(placed, members)
    _add_pipelines(company)
    for app in company.apps:
        _tidy(company, draw, app)
    _add_access(company, draw, staff)
    return company


def _key(path: str, parents: Sequence[Any]) -> tuple[str, ...]:
    return (path, *(str(one["id"]) if isinstance(one, dict) else str(one) for one in parents))


def _apps(draw: Random, name: str, team: str, space: str) -> list[Placed]:
    """Return the apps of a pipeline; `space` is the generation of its space, or empty."""
    stages = {"production": name, "staging": f"{name}-staging"}
    if draw.random() < 0.4:
        stages["development"] = f"{name}-dev"
    if draw.random() < 0.5:
        stages["review"] = f"{name}-pr-{draw.randint(2, 900)}"
    is_fir = space == "fir"
    stack, region = "cnb" if is_fir else draw.choice(_STACKS), draw.choice(("us", "eu"))
    language = None if stack == "container" else draw.choice(("Ruby", "Node.js", "Python", "Go"))
    found = []
    for stage, app_name in stages.items():
        age = draw.uniform(1, 9) if stage == "review" else draw.uniform(60, 600)
        is_private = is_fir or (space and stage == "production")
        app = App(
            app_name,
            team,
            language,
            stack,
            "dublin" if is_private else region,
            ago(age),
            ago(draw.uniform(0.05, min(age - 0.5, 12))),
            slug=None if is_fir else draw.randrange(10_000_000, 200_000_000),
            repo=draw.randrange(100_000, 20_000_000),
            space=f"{name}-space" if is_private else "",
            internal_routing=False if is_private else None,
            generation="fir" if is_fir else "cedar",
            release=draw.randint(5, 9) if stage == "review" else round(age / draw.uniform(4, 8)) + 8,
        )
        found.append(Placed(app, name, stage))
    return found


def _kinds(draw: Random) -> list[tuple[str, str, str]]:
    """Return what the apps of a pipeline use: services, and their plans outside of and in production."""
    database = draw.choice(("standard-0", "standard-2", "premium-2"))
    found = [("postgresql", "essential-0", database), ("logbarn", "sapling", "orchard")]
    if draw.random() < 0.6:
        found.append(("redis", "mini", "premium-0"))
    if draw.random() < 0.5:
        found.append(("mailfinch", "nest", "flock"))
    return found


def _with_resources(
    draw: Random, placed: Placed, kinds: Sequence[tuple[str, str, str]], staff: Sequence[Person]
) -> App:
    app, in_production = placed.app, placed.stage == "production"
    size = draw.choice(("Standard-1X", "Standard-2X")) if in_production else "Basic"
    size = {"cedar": "Private-S", "fir": "dyno-1c-0.5gb"}[app.generation] if app.space else size
    names = [f"web.{n + 1}" for n in range(draw.randint(2, 3) if in_production else 1)]
    names += ["worker.1"] * draw.randint(0, 1)
    if app.generation == "fir":
        names = [f"{name.partition('.')[0]}-5d8f6c7b9c-{draw.randint(10_000, 99_999)}" for name in names]
    since = [max(ago(draw.uniform(0, 1)), app.released or "") for _ in names]
    dynos = [Dyno(name, size, f"bin/{name[:3]}", up) for name, up in zip(names, since, strict=True)]
    if draw.random() < 0.2:
        separator = "-" if app.generation == "fir" else "."
        dynos.append(Dyno(f"run{separator}{draw.randint(1000, 9999)}", size, "bash", ago(draw.uniform(0, 0.03))))
    addons = [
        AddOn(f"{service}-{app.name}-{draw.randint(10_000, 99_999)}", dear if in_production else cheap, app.created)
        for service, cheap, dear in kinds
    ]
    hosts = [f"{app.name}.larkmoor.example", f"www.{app.name}.larkmoor.example"]
    hosts = hosts[: draw.randint(1, 2)] if in_production else hosts[: draw.randint(0, 1)]
    admin = staff[0] if app.team == TEAM else staff[1]
    others = draw.sample([one for one in staff if one not in staff[:2]], draw.randint(1, 3))
    return replace(
        app,
        dynos=dynos,
        addons=addons,
        domains=[Domain(host, app.created, updated=max(app.created, ago(draw.uniform(1, 40)))) for host in hosts],
        people=[
            Collaborator(app.owning, app.created, "owner", ()),
            Collaborator(admin, app.created, "admin", ALL),
            *(Collaborator(one, app.created, "member") for one in others),
        ],
    )


def _add_pipelines(company: EditableCompany) -> None:
    found, couplings, reviews = {}, [], []
    for app in company.apps:
        placed = company.placed[app["name"]]
        own = {"id": app["team"]["id"], "type": "team"}
        since = "2024-03-04T09:00:00Z"
        found[placed.pipeline] = {
            "created_at": since,
            "generation": app["generation"],
            **reference("pipeline", placed.pipeline),
            "owner": own,
            "updated_at": since,
        }
        pipeline = {"id": found[placed.pipeline]["id"]}
        couplings.append(
            {
                "app": {"id": app["id"]},
                "created_at": app["created_at"],
                "id": ident("coupling", app["name"]),
                "pipeline": pipeline,
                "stage": placed.stage,
                "updated_at": app["created_at"],
            }
        )
        if placed.stage == "review":
            reviews.append(review_app(app, pipeline))
    company.put(list(found.values()), PIPELINES)
    company.put(couplings, COUPLINGS)
    company.put(reviews, REVIEW_APPS)
    used = {app["space"]["id"] for app in company.apps if app["space"]}
    company.put([one for one in company.at(SPACES) if one["id"] in used], SPACES)
    for service in company.at(SERVICES):
        for plan in company.at(PLANS_OF, service):
            plan["state"] = "ga"


def review_app(app: Record, pipeline: Record) -> Record:
    """Return the review app that an app is."""
    return {
        "app": {"id": app["id"]},
        "app_setup": {"id": ident("app-setup", app["name"])},
        "branch": f"fix-{app['id'][:6]}",
        "created_at": app["created_at"],
        "creator": {"id": PRIYA.id},
        "error_status": None,
        "fork_repo": None,
        "id": ident("review-app", app["name"]),
        "message": None,
        "pipeline": pipeline,
        "pr_number": 41,
        "status": "created",
        "updated_at": app["created_at"],
        "wait_for_ci": False,
    }


def _tidy(company: EditableCompany, draw: Random, app: Record) -> None:
    """Give an app what the demo would leave to chance."""
    placed = company.placed[app["name"]]
    releases = [one for one in company.at(RELEASES, app) if one["version"] <= placed.app.release]
    for release in releases[-2:]:  # the app runs what was deployed last, and there is something to roll back to
        built, is_fir = ident("build", release["id"]), placed.app.generation == "fir"
        release.update(description=f"Deploy {built[:8]}", status="succeeded", eligible_for_rollback=True)
        release.update(artifacts=[{"type": "oci-image" if is_fir else "slug", "id": built}], output_stream_url=None)
        release.update(slug=None if is_fir else {"id": built})
    company.put(releases, RELEASES, app)
    company.put([one for one in company.at(BUILDS, app) if one["status"] != "failed"], BUILDS, app)
    company.put([one for one in company.at(DRAINS, app) if one["addon"]], DRAINS, app)
    given = {
        name: value
        for name, value in company.at(CONFIG_VARS, app).items()
        if any(name in addon["config_vars"] for addon in company.resources_of(app).addons)
    }
    secrets = {name: fictional(f"{app['name']}/{name}") for name in ("SESSION_SECRET", "PAYMENT_KEY")}
    company.put(given | secrets | {"LOG_LEVEL": "info", "FEATURE_FLAGS": placed.pipeline}, CONFIG_VARS, app)
    hook = {
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": app["created_at"],
        "id": ident("webhook", app["name"]),
        "include": ["api:release"],
        "level": "notify",
        "updated_at": app["created_at"],
        "url": "https://hooks.larkmoor.example/releases",
    }
    hooks = [hook] if placed.stage == "production" and draw.random() < 0.5 else []
    company.put(hooks, WEBHOOKS, app)
    company.put([delivery(one, "succeeded") for one in hooks], DELIVERIES, app)


def delivery(hook: Record, status: str) -> Record:
    """Return the last delivery to a webhook."""
    since = ago(0.4)
    times = {"created_at": since, "updated_at": since}
    attempt = {"code": 200 if status == "succeeded" else 502, "error_class": None, "id": ident("attempt", hook["id"])}
    return {
        **times,
        "event": {"id": ident("event", hook["id"]), "include": hook["include"][0]},
        "id": ident("delivery", hook["id"]),
        "last_attempt": attempt | times | {"status": "succeeded" if status == "succeeded" else "failed"},
        "next_attempt_at": None,
        "num_attempts": 1,
        "status": status,
        "webhook": {"id": hook["id"], "level": hook["level"]},
    }


def _add_access(company: EditableCompany, draw: Random, staff: Sequence[Person]) -> None:
    company.put([], TRANSFERS)
    for team in company.teams:
        company.put(dict.fromkeys(company.at(DELINQUENCY, team)), DELINQUENCY, team)
        invited = [invitation(team, draw.choice(staff), ago(draw.uniform(0, 20))) for _ in range(draw.randint(0, 1))]
        company.put(invited, INVITATIONS, team)
    purposes = draw.sample(("Deploys", "Nightly inventory", "Backups"), draw.randint(1, 3))
    keys = company.at(KEYS)
    for key in keys:
        key.update(created_at=ago(draw.uniform(10, 300)))
    company.put([authorization(one, ago(draw.uniform(1, 20)), 60 * 86400) for one in purposes], AUTHORIZATIONS)


def invitation(team: Record, person: Person, since: str) -> Record:
    """Return an invitation to a team that nobody took."""
    return {
        "created_at": since,
        "id": ident("invitation", f"{team['name']}/{person.email}"),
        "invited_by": {"email": JUNO.email, "id": JUNO.id, "name": JUNO.name},
        "role": "member",
        "team": {"id": team["id"], "name": team["name"]},
        "updated_at": since,
        "user": {"email": person.email, "id": person.id, "name": person.name},
    }


def authorization(description: str, since: str, seconds: int | None) -> Record:
    """Return an authorization of the account."""
    return {
        "access_token": {"expires_in": seconds, "id": ident("token", description), "token": fictional(description)},
        "client": None,
        "created_at": since,
        "description": description,
        "grant": None,
        "id": ident("authorization", description),
        "refresh_token": None,
        "scope": ["read", "identity"],
        "session": None,
        "updated_at": since,
        "user": {name: value for name, value in user(JUNO).items() if name != "name"},
    }
