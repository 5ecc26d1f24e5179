"""Defects of apps: their stacks, dynos, releases, builds and stages. Each returns the findings that it causes."""

from __future__ import annotations

import copy
from typing import Any

from clean_company import BUILDS, COUPLINGS, FORMATION, PIPELINES, RELEASES, REVIEW_APPS, review_app
from defect_site import Finding, Site, finding, move

from kosmo_kernel.demo.models import Record, ident, reference
from kosmo_kernel.demo.times import ago

GONE = ("heroku-18", "heroku-20")  # stacks that Heroku lists no more
DEPRECATED = "heroku-22"
LATELY = 0.02  # days; what changed since then did so lately
Findings = list[Finding]


# --- stacks ----------------------------------------------------------------------------------------------------------


def app_on_an_old_stack(site: Site) -> Findings:
    """Leave one app of a pipeline on a stack that Heroku lists no more."""
    return _app_on(site, site.draw.choice(GONE), "stack-out-of-support")


def pipeline_on_an_old_stack(site: Site) -> Findings:
    """Leave all apps of a pipeline on such a stack."""
    return _pipeline_on(site, site.draw.choice(GONE), "stack-out-of-support")


def app_on_a_deprecated_stack(site: Site) -> Findings:
    """Leave one app of a pipeline on a stack that is supported for some more months."""
    return _app_on(site, DEPRECATED, "deprecated-stack")


def pipeline_on_a_deprecated_stack(site: Site) -> Findings:
    """Leave all apps of a pipeline on such a stack."""
    return _pipeline_on(site, DEPRECATED, "deprecated-stack")


def _app_on(site: Site, stack: str, check: str) -> Findings:
    app = site.app(where=_is_cedar)
    return [_move_to(site, app, stack, check), *_stages_differ(site, app)]


def _pipeline_on(site: Site, stack: str, check: str) -> Findings:
    pipeline = site.pipeline_of(site.app(where=_is_cedar))
    return [_move_to(site, app, stack, check) for app in site.apps_in(pipeline)]


def next_build_on_another_stack(site: Site) -> Findings:
    """Change the stack of an app, and build it no more."""
    app = site.app(where=lambda app: app["stack"]["name"] == "heroku-24")
    app["build_stack"] = reference("stack", "heroku-26")
    return [finding("stack-changes-at-next-build", {"app": app["name"], "next_build_on": "heroku-26"})]


def newer_stack_in_staging(site: Site) -> Findings:
    """Move staging to the newest stack before production."""
    app = site.app("staging", where=lambda app: app["stack"]["name"] == "heroku-24")
    app["stack"] = app["build_stack"] = reference("stack", "heroku-26")
    return _stages_differ(site, app)


def _is_cedar(app: Record) -> bool:
    return bool(app["generation"]["name"] == "cedar")


def _move_to(site: Site, app: Record, stack: str, check: str) -> Finding:
    app["stack"] = app["build_stack"] = reference("stack", stack)
    for build in site.company.at(BUILDS, app):
        build["stack"] = stack
    return finding(check, {"app": app["name"], "stack": stack})


def _stages_differ(site: Site, app: Record) -> Findings:
    """Return the findings of a pipeline in which the stack of one app was changed."""
    pipeline = site.pipeline_of(app)
    [production] = site.apps_in(pipeline, "production")
    stack = production["stack"]["name"]
    return [
        finding("stages-on-different-stacks", {"app": one["name"], "stack": one["stack"]["name"]})
        for one in site.apps_in(pipeline)
        if one["stack"]["name"] != stack
    ]


# --- releases and builds ---------------------------------------------------------------------------------------------


def no_release_for_long(site: Site) -> Findings:
    """Release an app no more for half a year."""
    app, days = site.app("development", "staging", "production"), site.draw.uniform(181, 900)
    move(site, app, days)
    return [finding("quiet-apps", {"app": app["name"]})]


def no_way_back(site: Site) -> Findings:
    """Change only config vars for so long that Heroku keeps no earlier build."""
    app = site.app()
    releases = site.company.at(RELEASES, app)
    for one in releases:
        if one["artifacts"]:
            one.update(slug=releases[-1]["slug"], artifacts=releases[-1]["artifacts"])
    return [finding("nothing-to-roll-back-to", {"app": app["name"]})]


def never_shipped(site: Site) -> Findings:
    """Create an app and never deploy it."""
    app = site.app("development")
    app.update(released_at=None, slug_size=None, repo_size=0, buildpack_provided_description=None)
    resources = site.company.resources_of(app)
    site.company.put([], RELEASES, app)
    site.company.put([], BUILDS, app)
    site.company.put([], FORMATION, app)
    resources.dynos.clear()
    return [finding("never-released", {"app": app["name"]}), *_paid(site, app)]


def last_build_failed(site: Site) -> Findings:
    """Fail the last build of an app."""
    app = site.app()
    return [finding("last-build-failed", {"app": app["name"], "build": fail_build(site, app)})]


def fail_build(site: Site, app: Record) -> str:
    """Add a build that failed to an app, and return its identifier."""
    builds = site.company.at(BUILDS, app)
    since = ago(site.draw.uniform(0.02, 0.045))  # after every other
    own = {"id": ident("build-run", f"failed/{app['name']}"), "created_at": since, "updated_at": since}
    builds.append(builds[-1] | own | {"release": None, "slug": None, "status": "failed"})
    return own["id"]


def release_phase_failed(site: Site) -> Findings:
    """Fail the release phase of the newest release; the one before is still live."""
    app = site.app()
    releases = site.company.at(RELEASES, app)
    last, since = releases[-1], max(app["released_at"], ago(site.draw.uniform(0, 2)))
    releases.append(
        copy.deepcopy(last)
        | {
            "id": ident("release", f"{app['name']}/failed"),
            "version": last["version"] + 1,
            "status": "failed",
            "current": False,
            "created_at": since,
            "updated_at": since,
            "eligible_for_rollback": False,
            "output_stream_url": "https://release-output.larkmoor.example/fictional",
        }
    )
    return [finding("failed-release-phase", {"app": app["name"], "version": last["version"] + 1})]


def rolled_back(site: Site) -> Findings:
    """Roll an app back, and leave it so."""
    app = site.app()
    releases = site.company.at(RELEASES, app)
    last = releases[-1]
    last.update(description=f"Rollback to v{last['version'] - 2}")
    return [finding("rollback-still-live", {"app": app["name"], "version": last["version"]})]


# --- dynos -----------------------------------------------------------------------------------------------------------


def crashed(site: Site) -> Findings:
    """Crash one dyno, or all of an app."""
    app = site.app()
    dynos = [one for one in site.company.resources_of(app).dynos if one["type"] != "run"]
    hit = dynos if site.draw.random() < 0.3 else [site.draw.choice(dynos)]
    for one in hit:
        one["state"] = "crashed"
    return [finding("crashed-dynos", {"app": app["name"], "dyno": one["name"]}) for one in hit]


def console_left_open(site: Site) -> Findings:
    """Leave a one-off dyno running."""
    app = site.app()
    name = add_one_off(site, app, ago(site.draw.uniform(1.05, 20)))
    return [finding("forgotten-one-off-dynos", {"app": app["name"], "dyno": name})]


def add_one_off(site: Site, app: Record, since: str) -> str:
    """Add a one-off dyno to an app, and return its name."""
    kind, dynos = site.draw.choice(("run", "scheduler")), site.company.resources_of(app).dynos
    separator = "." if _is_cedar(app) else "-"
    name = f"{kind}{separator}{site.draw.randint(1000, 9999)}"
    times = {"created_at": since, "updated_at": since}
    own = {"id": ident("dyno", f"{app['name']}/{name}"), "name": name, "type": kind, "command": "bash"}
    dynos.append(copy.deepcopy(dynos[0]) | own | times)
    return name


def small_dynos(site: Site) -> Findings:
    """Run a production app on dynos for trying things out."""
    app, size = site.app("production", where=lambda app: not app["space"]), site.draw.choice(("Eco", "Basic", "basic"))
    for dyno in site.company.resources_of(app).dynos:
        dyno["size"] = size
    types = {one["type"] for one in site.company.formation(app)}
    return [finding("small-dynos-in-production", {"app": app["name"], "type": one}) for one in types]


def dear_dynos(site: Site) -> Findings:
    """Scale the dynos of an app up, and never down again."""
    app = site.app("production", where=lambda app: not app["space"])
    dynos = site.company.resources_of(app).dynos
    for number in range(4, 12):
        own = {"id": ident("dyno", f"{app['name']}/web.{number}"), "name": f"web.{number}"}
        dynos.append(copy.deepcopy(dynos[0]) | own | {"size": "Performance-2XL"})
    return [finding("dyno-costs", {"app": app["name"]})]


def dynos_on_two_releases(site: Site) -> Findings:
    """Leave one of the dynos on the release before."""
    app = site.app(where=lambda app: len(_lasting(site, app)) > 1)
    dyno = _lasting(site, app)[0]
    before = site.company.releases(app)[-2]
    dyno["release"] = {"id": before["id"], "version": before["version"]}
    for one in _lasting(site, app):  # no deploy is under way any more
        one.update(created_at=min(one["created_at"], ago(0.2)), updated_at=min(one["updated_at"], ago(0.2)))
    return [finding("mixed-releases", {"app": app["name"]})]


def scaled_to_zero(site: Site) -> Findings:
    """Scale an app to zero and go on paying for its add-ons."""
    app = site.app("production")
    for process in site.company.at(FORMATION, app):
        process["quantity"] = 0
    site.company.resources_of(app).dynos.clear()
    return _paid(site, app)


def database_of_an_app_at_rest(site: Site) -> Findings:
    """Scale an app to zero whose add-ons another app uses."""
    app, other = site.app("production"), site.app("production")
    for process in site.company.at(FORMATION, app):
        process["quantity"] = 0
    site.company.resources_of(app).dynos.clear()
    addons = site.company.resources_of(app).addons
    site.company.resources_of(other).attached.extend(addons)
    return [finding("shared-add-ons", {"app": app["name"], "add_on": addon["name"]}) for addon in addons]


def _paid(site: Site, app: Record) -> Findings:
    """Return a finding for each add-on of an app that costs."""
    return [
        finding("paid-add-ons-without-dynos", {"app": app["name"], "add_on": addon["name"]})
        for addon in site.company.resources_of(app).addons
        if addon["billed_price"]["cents"]
    ]


def _lasting(site: Site, app: Record) -> list[Record]:
    return [one for one in site.company.resources_of(app).dynos if one["type"] not in ("run", "scheduler")]


def one_web_dyno(site: Site) -> Findings:
    """Scale the web dynos of a production app down to one."""
    app = site.app("production")
    dynos = site.company.resources_of(app).dynos
    first = dynos[0]
    dynos[:] = [one for one in dynos if one["type"] != "web" or one is first]
    return [finding("single-web-dyno-in-production", {"app": app["name"]})]


# --- apps ------------------------------------------------------------------------------------------------------------


def maintenance(site: Site) -> Findings:
    """Switch maintenance on, and never off."""
    app = site.app()
    app.update(maintenance=True, updated_at=ago(site.draw.uniform(2, 40)))
    return [finding("maintenance-left-on", {"app": app["name"]})]


def changed_just_now(site: Site) -> Findings:
    """Release an app, or create it, a few minutes ago."""
    app, since = site.app(), ago(site.draw.uniform(0, LATELY * 0.9))
    site.company.at(RELEASES, app)[-1].update(created_at=since, updated_at=since)
    app["released_at"] = since
    what = site.draw.choice(("made", "released"))
    if what == "made":
        app["created_at"] = since
    return [finding("changed-lately", {"app": app["name"], "what": what})]


def trouble_of_my_app(site: Site) -> Findings:
    """Give the app that one check is about a crashed dyno, or leave it in maintenance."""
    app = site.my_app()
    if site.draw.random() < 0.5:
        app.update(maintenance=True)
        item = finding("app-health", {"app": app["name"], "item": app["name"]})
        return [item, finding("maintenance-left-on", {"app": app["name"]})]
    dyno = site.company.resources_of(app).dynos[0]
    dyno["state"] = "crashed"
    item = finding("app-health", {"app": app["name"], "item": dyno["name"]})
    return [item, finding("crashed-dynos", {"app": app["name"], "dyno": dyno["name"]})]


def far_region(site: Site) -> Findings:
    """Put a space and its app into a region where the company has nothing else."""
    app = site.app(where=lambda app: app["space"])
    region = reference("region", site.draw.choice(("tokyo", "sydney")))
    [space] = (one for one in site.company.at("/spaces") if one["id"] == app["space"]["id"])
    space["region"] = region
    apps = [one for one in site.company.apps if one["space"] and one["space"]["id"] == space["id"]]
    for one in apps:
        one["region"] = region
    return [finding("regions-in-use", {"app": one["name"], "region": region["name"]}) for one in apps]


def no_pipeline(site: Site) -> Findings:
    """Take an app out of its pipeline."""
    app = site.app("development")
    couplings: list[Any] = site.company.at(COUPLINGS)
    couplings[:] = [one for one in couplings if one["app"]["id"] != app["id"]]
    return [finding("apps-without-pipeline", {"app": app["name"]})]


def review_app_without_app(site: Site) -> Findings:
    """Leave a review app of which only the record is left: its app could not be made."""
    app = site.app("production")
    [pipeline] = (one for one in site.company.at(PIPELINES) if one["name"] == site.pipeline_of(app))
    failed = review_app(app, {"id": pipeline["id"]})
    gone = {"id": ident("review-app", f"gone/{app['name']}"), "app": None, "status": "errored", "branch": "try-kafka"}
    since = ago(site.draw.uniform(15, 90))
    site.company.at(REVIEW_APPS).append(failed | gone | {"created_at": since, "updated_at": since})
    return [finding("review-apps-left-behind", {"pipeline": pipeline["name"], "branch": "try-kafka"})]


def old_review_app(site: Site) -> Findings:
    """Keep a review app beyond its pull request."""
    app = site.app("review")
    move(site, app, site.draw.uniform(15, 160))
    [review] = (one for one in site.company.at(REVIEW_APPS) if one["app"]["id"] == app["id"])
    return [finding("review-apps-left-behind", {"pipeline": site.pipeline_of(app), "branch": review["branch"]})]
