"""Apps: their stacks, stages, regions, spaces and maintenance."""

from __future__ import annotations

import copy

from clean_company import BUILDS, COUPLINGS, MY_APP, PIPELINES, REVIEW_APPS, SPACES, review_app

from check_cases.addons import rest
from check_cases.site import Finding, Findings, Site, defect, finding, is_cedar, move, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import Record, ident, reference

GONE = ("heroku-18", "heroku-20")  # stacks that Heroku lists no more
DEPRECATED = "heroku-22"

takes("app-health", app_name=MY_APP)
takes("regions-in-use", regions=["us", "eu", "virginia", "oregon", "dublin", "frankfurt"])


@defect("app-health")
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


@near_miss("app-health")
def my_app_asleep(site: Site) -> None:
    """Let a dyno sleep until the next request."""
    site.company.resources_of(site.my_app()).dynos[0].update(state="idle")


@defect("apps-without-pipeline")
def no_pipeline(site: Site) -> Findings:
    """Take an app out of its pipeline."""
    app = site.app("development")
    couplings: list[Record] = site.company.at(COUPLINGS)
    couplings[:] = [one for one in couplings if one["app"]["id"] != app["id"]]
    return [finding("apps-without-pipeline", {"app": app["name"]})]


@near_miss("apps-without-pipeline")
def pipeline_of_one_app(site: Site) -> None:
    """Put an app into a pipeline of its own."""
    app = site.app("development")
    pipelines: list[Record] = site.company.at(PIPELINES)
    own = copy.deepcopy(pipelines[0]) | reference("pipeline", f"{app['name']}-alone")
    pipelines.append(own)
    [coupling] = (one for one in site.company.at(COUPLINGS) if one["app"] and one["app"]["id"] == app["id"])
    coupling["pipeline"] = {"id": own["id"]}


@defect("deprecated-stack")
@near_miss("stack-out-of-support")
def app_on_a_deprecated_stack(site: Site) -> Findings:
    """Leave one app of a pipeline on a stack that is supported for some more months."""
    return _app_on(site, DEPRECATED, "deprecated-stack")


@defect("deprecated-stack")
@near_miss("stages-on-different-stacks")
def pipeline_on_a_deprecated_stack(site: Site) -> Findings:
    """Leave all apps of a pipeline on such a stack."""
    return _pipeline_on(site, DEPRECATED, "deprecated-stack")


@defect("stack-out-of-support")
@near_miss("deprecated-stack")
def app_on_an_old_stack(site: Site) -> Findings:
    """Leave one app of a pipeline on a stack that Heroku lists no more."""
    return _app_on(site, site.draw.choice(GONE), "stack-out-of-support")


@defect("stack-out-of-support")
@near_miss("stages-on-different-stacks")
def pipeline_on_an_old_stack(site: Site) -> Findings:
    """Leave all apps of a pipeline on such a stack."""
    return _pipeline_on(site, site.draw.choice(GONE), "stack-out-of-support")


@defect("stack-changes-at-next-build")
def next_build_on_another_stack(site: Site) -> Findings:
    """Change the stack of an app, and build it no more."""
    app = site.app(where=lambda app: app["stack"]["name"] == "heroku-24")
    app["build_stack"] = reference("stack", "heroku-26")
    return [finding("stack-changes-at-next-build", {"app": app["name"], "next_build_on": "heroku-26"})]


@defect("stages-on-different-stacks")
@near_miss("stack-changes-at-next-build")
def newer_stack_in_staging(site: Site) -> Findings:
    """Move staging to the newest stack before production."""
    app = site.app("staging", where=lambda app: app["stack"]["name"] == "heroku-24")
    app["stack"] = app["build_stack"] = reference("stack", "heroku-26")
    return _stages_differ(site, app)


@defect("maintenance-left-on")
def maintenance(site: Site) -> Findings:
    """Switch maintenance on, and never off."""
    app = site.app()
    app.update(maintenance=True, updated_at=ago(site.draw.uniform(2, 40)))
    return [finding("maintenance-left-on", {"app": app["name"]})]


@near_miss("maintenance-left-on")
def maintenance_of_today(site: Site) -> None:
    """Switch maintenance on and off again."""
    site.app().update(maintenance=False, updated_at=ago(site.draw.uniform(0, 1)))


@defect("regions-in-use")
def far_region(site: Site) -> Findings:
    """Put a space and its app into a region where the company has nothing else."""
    region = site.draw.choice(("tokyo", "sydney"))
    return [finding("regions-in-use", {"app": name, "region": region}) for name in _settle(site, region)]


@near_miss("regions-in-use")
def another_region_of_ours(site: Site) -> None:
    """Put a space and its app into another region where the company has apps."""
    _settle(site, "frankfurt")


@defect("spaces-without-apps")
def empty_space(site: Site) -> Findings:
    """Pay for a space without apps."""
    site.once("empty space")
    spaces = site.company.at(SPACES)
    spaces.append(copy.deepcopy(spaces[0]) | reference("space", "larkmoor-empty"))
    return [finding("spaces-without-apps", {"space": "larkmoor-empty"})]


@near_miss("spaces-without-apps")
def space_with_apps_at_rest(site: Site) -> None:
    """Scale an app in a space to zero."""
    app = site.app(where=lambda app: app["space"])
    rest(site, app)
    for addon in site.company.resources_of(app).addons:
        addon["billed_price"] = addon["billed_price"] | {"cents": 0}


@defect("review-apps-left-behind")
def review_app_without_app(site: Site) -> Findings:
    """Leave a review app of which only the record is left: its app could not be made."""
    app = site.app("production")
    [pipeline] = (one for one in site.company.at(PIPELINES) if one["name"] == site.pipeline_of(app))
    failed = review_app(app, {"id": pipeline["id"]})
    gone = {"id": ident("review-app", f"gone/{app['name']}"), "app": None, "status": "errored", "branch": "try-kafka"}
    since = ago(site.draw.uniform(15, 90))
    site.company.at(REVIEW_APPS).append(failed | gone | {"created_at": since, "updated_at": since})
    return [finding("review-apps-left-behind", {"pipeline": pipeline["name"], "branch": "try-kafka"})]


@defect("review-apps-left-behind")
def old_review_app(site: Site) -> Findings:
    """Keep a review app beyond its pull request."""
    app = site.app("review")
    move(site, app, site.draw.uniform(15, 160))
    [review] = (one for one in site.company.at(REVIEW_APPS) if one["app"] and one["app"]["id"] == app["id"])
    return [finding("review-apps-left-behind", {"pipeline": site.pipeline_of(app), "branch": review["branch"]})]


@near_miss("review-apps-left-behind")
def fresh_review_app(site: Site) -> None:
    """Work on a pull request for nearly two weeks."""
    app = site.app("review")
    move(site, app, 4)


def _app_on(site: Site, stack: str, check: str) -> Findings:
    app = site.app(where=is_cedar)
    return [_move_to(site, app, stack, check), *_stages_differ(site, app)]


def _pipeline_on(site: Site, stack: str, check: str) -> Findings:
    pipeline = site.pipeline_of(site.app(where=is_cedar))
    return [_move_to(site, app, stack, check) for app in site.apps_in(pipeline)]


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


def _settle(site: Site, name: str) -> list[str]:
    """Move a space with its apps into a region, and return the names of the apps."""
    app, region = site.app(where=lambda app: app["space"]), reference("region", name)
    [space] = (one for one in site.company.at(SPACES) if one["id"] == app["space"]["id"])
    space["region"] = region
    apps = [one for one in site.company.apps if one["space"] and one["space"]["id"] == space["id"]]
    for one in apps:
        one["region"] = region
    return [one["name"] for one in apps]
