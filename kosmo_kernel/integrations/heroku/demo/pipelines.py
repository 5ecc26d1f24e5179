"""The company's pipelines, what is in their stages, promotions, and review apps.

The stages of each drifted apart: other stacks, other config vars, other plans, and releases of another day.
"""

from __future__ import annotations

from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo import app_records
from kosmo_kernel.integrations.heroku.demo.company_data import LABS, STAFF, TEAM
from kosmo_kernel.integrations.heroku.demo.models import Record, ident, reference
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker, user

# Of each pipeline: the team that owns it, since when, and its apps by stage.
_PIPELINES = {
    "addresses": (TEAM, "2023-02-20T10:00:00Z", {"address-checker": "production"}),
    "bookings": (TEAM, "2021-05-10T09:00:00Z", {"price-quotes": "staging", "booking-api": "production"}),
    "last-mile": (
        LABS,
        "2026-02-16T13:20:00Z",
        {"van-telemetry": "review", "fleet-radio": "staging", "route-planner": "production"},
    ),
    "parcel-tracker": (
        TEAM,
        "2018-06-01T08:00:00Z",
        {"parcel-tracker-staging": "staging", "parcel-tracker": "production"},
    ),
}
# Review apps that Heroku could not create: their pipelines, pull requests and branches; and how many days ago.
_WITHOUT_APP = (("parcel-tracker", 812, "new-map"),)
_DAYS_WITHOUT_APP = 33.4
_GENERATED = 4  # of so many apps in a row, a generated company has the first two in a pipeline
_WITH_REVIEW = 8  # and of so many pipelines, one has the third app as a review app


def apps_in(stage: str) -> set[str]:
    """Return the names of the apps of Larkmoor Parcels in a stage of a pipeline."""
    return {app for _, _, stages in _PIPELINES.values() for app, its_stage in stages.items() if its_stage == stage}


def pipelines(make: Maker) -> list[Record]:
    """Return the pipelines of the company that have an app that the account can reach."""
    return [
        {
            "created_at": since,
            "generation": reference("generation", "cedar"),
            **reference("pipeline", name),
            "owner": {"id": ident("team", team), "type": "team"},
            "updated_at": since,
        }
        for name, (team, since, stages) in _facts(make).items()
        if any(make.company.find(app) for app in stages)
    ]


def couplings(make: Maker, parent: Record | None = None) -> list[Record]:
    """Return which app is in which stage, of all pipelines, one pipeline, or the apps of one team."""
    records = []
    for name, (_, since, stages) in _facts(make).items():
        for app_name, stage in stages.items():
            app = make.company.find(app_name)
            if app and (parent is None or parent["id"] in (ident("pipeline", name), (app["team"] or {}).get("id"))):
                created = max(since, app["created_at"])
                records.append(
                    {
                        "app": {"id": app["id"]},
                        "created_at": created,
                        "id": ident("coupling", app_name),
                        "pipeline": {"id": ident("pipeline", name)},
                        "stage": stage,
                        "updated_at": created,
                    }
                )
    return records


def own_couplings(make: Maker) -> list[Record]:
    """Return the couplings of the apps that the account itself is a collaborator of."""
    joined = {app["id"] for app in make.company.apps if make.company.joined(app)}
    return [coupling for coupling in make.records("/pipeline-couplings") if coupling["app"]["id"] in joined]


def coupling_of(make: Maker, app: Record) -> Record | None:
    """Return the coupling of an app, if it is in a pipeline."""
    all_couplings = make.records("/pipeline-couplings")
    return next((coupling for coupling in all_couplings if coupling["app"]["id"] == app["id"]), None)


def latest_builds(make: Maker, pipeline: Record) -> list[Record]:
    """Return the last build of each app in a pipeline."""
    latest = [app_records.builds(make, app)[-1:] for app in apps_of(make, pipeline)]
    return [{name: value for name, value in build.items() if name != "generation"} for [build] in filter(None, latest)]


def latest_releases(make: Maker, pipeline: Record) -> list[Record]:
    """Return the last release of each app in a pipeline."""
    latest = [make.company.releases(app)[-1:] for app in apps_of(make, pipeline)]
    return [release for [release] in filter(None, latest)]


def apps_of(make: Maker, pipeline: Record) -> list[Record]:
    """Return the apps in a pipeline."""
    apps = [make.company.find(coupling["app"]["id"]) for coupling in couplings(make, pipeline)]
    return [app for app in apps if app]


def promotions(make: Maker) -> list[Record]:
    """Return the last promotion in each pipeline, which Heroku tells one by one."""
    records = []
    for pipeline in pipelines(make):
        released = latest_releases(make, pipeline)
        if len(released) > 1:
            source = {"app": released[0]["app"], "release": released[0]}
            values = {"id": ident("promotion", pipeline["name"]), "pipeline": pipeline, "status": "completed"}
            since = released[-1]["created_at"]
            records.append(make("pipeline-promotion", pipeline["name"], **values, source=source, created_at=since))
    return records


def promotion_targets(make: Maker, promotion: Record) -> list[Record]:
    """Return where a promotion led: the production app of its pipeline."""
    released = latest_releases(make, promotion["pipeline"])[-1]
    values = {"app": released["app"], "release": released, "error_message": None, "status": "succeeded"}
    return [make("pipeline-promotion-target", promotion["id"], pipeline_promotion=promotion, **values)]


def pipeline_stack(make: Maker, pipeline: Record) -> Record:
    """Return the stack that new apps of a pipeline get: that of its last stage."""
    return {"stack": next((app["stack"] for app in reversed(apps_of(make, pipeline))), None)}


def review_apps(make: Maker, pipeline: Record | None = None) -> list[Record]:
    """Return the review apps of a pipeline, or of all."""
    records = []
    for coupling in make.records("/pipeline-couplings"):
        app = make.company.find(coupling["app"]["id"])
        if app and coupling["stage"] == "review":
            number, branch = app_records.REVIEW.get(app["name"], (int(app["id"][-2:], 16) + 1, f"try-{app['name']}"))
            records.append(_review_app(make, coupling["pipeline"], app, number, branch))
    for name, number, branch in _WITHOUT_APP:
        if name in _facts(make):
            records.append(_review_app(make, {"id": ident("pipeline", name)}, None, number, branch))
    return [record for record in records if pipeline is None or record["pipeline"]["id"] == pipeline["id"]]


def _review_app(make: Maker, pipeline: Record, app: Record | None, number: int, branch: str) -> Record:
    """Return a review app; one whose setup failed, or that has no app, is in error."""
    failed = app is None or app["name"] in app_records.REVIEW
    values = {"branch": branch, "pr_number": number, "pipeline": pipeline, "status": "errored" if failed else "created"}
    setup = {"id": ident("app-setup", app["name"])} if app and failed else None
    values |= {"app": app, "app_setup": setup, "creator": user(STAFF[2]), "message": None}
    values |= {"error_status": "app-setup-failed" if failed else None, "fork_repo": None, "wait_for_ci": False}
    since = app["created_at"] if app else ago(_DAYS_WITHOUT_APP)
    return make("review-app", app["name"] if app else f"{pipeline['id']}/{number}", created_at=since, **values)


def review_app_of(make: Maker, app: Record) -> Record | None:
    """Return the review app that an app is, if it is one."""
    return next((record for record in review_apps(make) if record["app"] and record["app"]["id"] == app["id"]), None)


def review_app_config(make: Maker, pipeline: Record) -> Record:
    """Return how a pipeline makes review apps."""
    target = {"id": ident("region", "eu"), "type": "region"}
    values = {"pipeline_id": pipeline["id"], "deploy_target": target, "base_name": pipeline["name"]}
    return make("review-app-config", pipeline["name"], stale_days=5, destroy_stale_apps=False, **values)


def _facts(make: Maker) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return the pipelines of the company by name; a generated one has pairs of neighbours."""
    if make.company.find_any("parcel-tracker"):
        return _PIPELINES
    apps, pipelines = make.company.every_app, {}
    for first in range(1, len(apps) - 1, _GENERATED):
        staging, production, *others = apps[first : first + 3]
        stages = {staging["name"]: "staging", production["name"]: "production"}
        if first % (_GENERATED * _WITH_REVIEW) == 1:
            stages |= {app["name"]: "review" for app in others}
        since = max(staging["created_at"], production["created_at"])
        pipelines[f"{staging['name'][:24]}-flow"] = (TEAM, since, stages)
    return pipelines
