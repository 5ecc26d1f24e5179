"""Releases and builds: what runs, since when, and what failed."""

from __future__ import annotations

import copy

from clean_company import BUILDS, FORMATION, RELEASES

from check_cases.addons import paid
from check_cases.dynos import lasting
from check_cases.site import Findings, Site, defect, finding, move, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import Record, ident

LATELY = 0.02  # days; what changed since then did so lately
STAGES = ("development", "staging", "production")

takes("changed-lately", days=LATELY)


@defect("changed-lately")
def changed_just_now(site: Site) -> Findings:
    """Release an app, or create it, a few minutes ago."""
    app, since = site.app(), ago(site.draw.uniform(0, LATELY * 0.9))
    site.company.at(RELEASES, app)[-1].update(created_at=since, updated_at=since)
    app["released_at"] = since
    what = site.draw.choice(("made", "released"))
    if what == "made":
        app["created_at"] = since
    return [finding("changed-lately", {"app": app["name"], "what": what})]


@near_miss("changed-lately")
def changed_before_that(site: Site) -> None:
    """Release an app shortly before the time that one check is about."""
    app, since = site.app(), ago(LATELY * site.draw.uniform(1.2, 1.8))
    site.company.at(RELEASES, app)[-1].update(created_at=since, updated_at=since)
    app["released_at"] = since


@defect("failed-release-phase")
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


@near_miss("failed-release-phase", "rollback-still-live")
def mended(site: Site) -> None:
    """Repair what failed before the newest release: a release phase, a rollback."""
    releases = site.company.at(RELEASES, site.app(*STAGES))
    releases[-3].update(status="failed", eligible_for_rollback=False)
    releases[-4].update(description=f"Rollback to v{releases[-4]['version'] - 1}")


@defect("last-build-failed")
def last_build_failed(site: Site) -> Findings:
    """Fail the last build of an app."""
    app = site.app()
    return [finding("last-build-failed", {"app": app["name"], "build": fail_build(site, app)})]


@near_miss("last-build-failed")
def built_again(site: Site) -> None:
    """Build an app again after a build that failed."""
    app = site.app(*STAGES)
    fail_build(site, app)
    builds = site.company.at(BUILDS, app)
    last = copy.deepcopy(builds[-2])
    last.update(id=ident("build-run", f"again/{app['name']}"), created_at=ago(0.01), updated_at=ago(0.01))
    builds.append(last)


@defect("mixed-releases")
def dynos_on_two_releases(site: Site) -> Findings:
    """Leave one of the dynos on the release before."""
    app = site.app(where=lambda app: len(lasting(site, app)) > 1)
    dyno = lasting(site, app)[0]
    before = site.company.releases(app)[-2]
    dyno["release"] = {"id": before["id"], "version": before["version"]}
    for one in lasting(site, app):  # no deploy is under way any more
        one.update(created_at=min(one["created_at"], ago(0.2)), updated_at=min(one["updated_at"], ago(0.2)))
    return [finding("mixed-releases", {"app": app["name"]})]


@near_miss("mixed-releases")
def deploy_under_way(site: Site) -> None:
    """Restart one dyno after the other after a release of this minute."""
    app = site.app("production")
    before = site.company.releases(app)[-2]
    dynos = [one for one in site.company.resources_of(app).dynos if one["type"] == "web"]
    dynos[0]["release"] = {"id": before["id"], "version": before["version"]}
    dynos[1].update(created_at=ago(0.001), updated_at=ago(0.001))


@near_miss("mixed-releases")
def release_phase_under_way(site: Site) -> None:
    """Run the release phase of the next release for half an hour, while the dynos serve with the one before."""
    app = site.app("staging", "production")
    dynos, since = site.company.resources_of(app).dynos, ago(0.02)
    own = {"id": ident("dyno", f"{app['name']}/release"), "name": "release.1234", "type": "release"}
    version = {"id": ident("release", f"{app['name']}/next"), "version": dynos[0]["release"]["version"] + 1}
    dynos.append(copy.deepcopy(dynos[0]) | own | {"release": version, "created_at": since, "updated_at": since})


@defect("never-released", "paid-add-ons-without-dynos")
def never_shipped(site: Site) -> Findings:
    """Create an app and never deploy it."""
    app = site.app("development")
    app.update(released_at=None, slug_size=None, repo_size=0, buildpack_provided_description=None)
    resources = site.company.resources_of(app)
    site.company.put([], RELEASES, app)
    site.company.put([], BUILDS, app)
    site.company.put([], FORMATION, app)
    resources.dynos.clear()
    return [finding("never-released", {"app": app["name"]}), *paid(site, app)]


@near_miss("never-released")
def created_today(site: Site) -> None:
    """Create an app some hours ago; nothing is deployed yet."""
    app = site.app("development")
    app.update(released_at=None, slug_size=None, repo_size=0, created_at=ago(site.draw.uniform(0.1, 0.9)))
    for path in (RELEASES, BUILDS, FORMATION):
        site.company.put([], path, app)
    site.company.resources_of(app).dynos.clear()
    site.company.resources_of(app).addons.clear()


@defect("nothing-to-roll-back-to")
def no_way_back(site: Site) -> Findings:
    """Change only config vars for so long that Heroku keeps no earlier build."""
    app = site.app()
    releases = site.company.at(RELEASES, app)
    for one in releases:
        if one["artifacts"]:
            one.update(slug=releases[-1]["slug"], artifacts=releases[-1]["artifacts"])
    return [finding("nothing-to-roll-back-to", {"app": app["name"]})]


@near_miss("nothing-to-roll-back-to")
def one_earlier_build(site: Site) -> None:
    """Deploy one build, then another one, and since then only change config vars."""
    recent = [one for one in site.company.at(RELEASES, site.app())[-20:] if one["artifacts"]]
    for one in recent[1:]:
        one.update(slug=recent[-1]["slug"], artifacts=recent[-1]["artifacts"])
    recent[0].update(status="succeeded", eligible_for_rollback=True)


@defect("quiet-apps")
def no_release_for_long(site: Site) -> Findings:
    """Release an app no more for half a year."""
    app, days = site.app("development", "staging", "production"), site.draw.uniform(181, 900)
    move(site, app, days)
    return [finding("quiet-apps", {"app": app["name"]})]


@near_miss("quiet-apps")
def rather_quiet(site: Site) -> None:
    """Release an app no more for five months."""
    move(site, site.app(*STAGES), site.draw.uniform(100, 160))


@defect("rollback-still-live")
def rolled_back(site: Site) -> Findings:
    """Roll an app back, and leave it so."""
    app = site.app()
    releases = site.company.at(RELEASES, app)
    last = releases[-1]
    last.update(description=f"Rollback to v{last['version'] - 2}")
    return [finding("rollback-still-live", {"app": app["name"], "version": last["version"]})]


def fail_build(site: Site, app: Record) -> str:
    """Add a build that failed to an app, and return its identifier."""
    builds = site.company.at(BUILDS, app)
    since = ago(site.draw.uniform(0.02, 0.045))  # after every other
    own = {"id": ident("build-run", f"failed/{app['name']}"), "created_at": since, "updated_at": since}
    builds.append(builds[-1] | own | {"release": None, "slug": None, "status": "failed"})
    return own["id"]
