"""The origins of the releases of an app: builds, their slugs or images, buildpacks, and setups.

A build belongs to each release that is a deploy. Some failed and led to no release.
"""

from __future__ import annotations

from kosmo_kernel.demo.models import Record, ident
from kosmo_kernel.demo.record_maker import Maker, fictional
from kosmo_kernel.demo.times import ago, later

_LANGUAGES = {"Node.js": "nodejs", "Ruby": "ruby", "Python": "python", "Go": "go", "Java": "java", "PHP": "php"}
# Builds that failed: how many days ago, and of which commit.
_FAILED = {
    "price-quotes": ((15.1, "Bump Laravel"), (15.0, "Bump Laravel")),  # in a brownout of its deprecated stack
    "courier-app": ((44.6, "Use Node 24"),),
    "my-app": ((5.2, "Try the new queue"),),
}
_FAILS_BY_CHANCE = 12  # one of so many other apps has a failed build
# A review app whose setup failed, and its pull request.
REVIEW = {"van-telemetry": (41, "gps-batches")}


def builds(make: Maker, app: Record) -> list[Record]:
    """Return the builds of an app, the oldest first."""
    deploys = [release for release in make.company.releases(app) if release["description"].startswith("Deploy")]
    if not deploys:
        return []
    buildpacks = [one["buildpack"] for one in buildpack_installations(make, app)]
    found = [_build(app, release, buildpacks) for release in deploys]
    chance = int(ident("failed-build", app["name"])[-6:], 16)
    by_chance = ((chance % 20 + 1, "Update dependencies"),) if chance % _FAILS_BY_CHANCE == 0 else ()
    failed = _FAILED.get(app["name"], by_chance)
    return [*found, *(_failed_build(f"{app['name']}/{days}", found[-1], days, what) for days, what in failed)]


def buildpack_installations(_make: Maker, app: Record) -> list[Record]:
    """Return the buildpacks of an app; one has a token in its address."""
    language = _LANGUAGES.get(app["buildpack_provided_description"])
    found = [{"url": f"urn:buildpack:heroku/{language}", "name": f"heroku/{language}"}] if language else []
    if app["name"] == "route-planner":
        url = f"https://larkmoor:{fictional('buildpack')}@git.larkmoor.example/solver-buildpack"
        found.insert(0, {"url": url, "name": url})
    return [{"ordinal": n, "buildpack": buildpack} for n, buildpack in enumerate(found)]


def slugs(make: Maker, app: Record) -> list[Record]:
    """Return the slugs of an app, which Heroku tells one by one; the newest has the size that the app tells."""
    processes = _processes(make, app)
    return [
        {
            "blob": {"method": "get", "url": f"https://slugs.larkmoor.example/{fictional(build['slug']['id'])}"},
            "buildpack_provided_description": app["buildpack_provided_description"],
            "checksum": build["source_blob"]["checksum"],
            "commit": build["source_blob"]["version"],
            "commit_description": build["source_blob"]["version_description"],
            "created_at": build["created_at"],
            "deleted_at": None,
            "id": build["slug"]["id"],
            "process_types": processes,
            "size": app["slug_size"],
            "stack": app["stack"],
            "updated_at": build["updated_at"],
        }
        for build in builds(make, app)
        if build["slug"]
    ]


def oci_images(make: Maker, app: Record) -> list[Record]:
    """Return the images of an app of the Fir generation."""
    return [
        make(
            "oci-image",
            artifact["id"],
            id=artifact["id"],
            digest=f"sha256:{ident('digest', artifact['id']).replace('-', '') * 2}",
            base_image_name="heroku/heroku:24-cnb",
            architecture="amd64",
            process_types={name: {"command": line} for name, line in _processes(make, app).items()},
            stack=app["stack"],
            created_at=release["created_at"],
        )
        for release in make.company.releases(app)
        for artifact in release["artifacts"]
        if artifact["type"] == "oci-image" and release["description"].startswith("Deploy")
    ]


def app_setups(make: Maker) -> list[Record]:
    """Return the setups of apps, which Heroku tells one by one: those of the review apps."""
    return [
        make(
            "app-setup",
            app["name"],
            id=ident("app-setup", app["name"]),
            app=app,
            build=None,
            postdeploy=None,
            status="failed",
            failure_message="The manifest has errors",
            manifest_errors=["The add-on `kafka` has no plan of this name"],
            resolved_success_url=None,
            created_at=app["created_at"],
        )
        for app in make.company.apps
        if app["name"] in REVIEW
    ]


def _processes(make: Maker, app: Record) -> Record:
    return {one["type"]: one["command"] for one in make.company.formation(app)}


def _build(app: Record, release: Record, buildpacks: list[Record]) -> Record:
    commit = (release["id"].replace("-", "") * 2)[:40]
    since = release["created_at"]
    return {
        "app": {"id": app["id"]},
        "buildpacks": buildpacks,
        "created_at": since,
        "generation": app["generation"]["name"],
        "id": ident("build-run", release["id"]),
        "output_stream_url": f"https://build-output.larkmoor.example/{fictional(release['id'])}",
        "release": {"id": release["id"]},
        "slug": release["slug"],
        "source_blob": {
            "checksum": f"SHA256:{ident('checksum', release['id']).replace('-', '') * 2}",
            "url": f"https://sources.larkmoor.example/{fictional('source' + release['id'])}",
            "version": commit,
            "version_description": f"* {commit[:8]}: {release['user']['email'].partition('.')[0]} deploys",
        },
        "stack": app["stack"]["name"],
        "status": "succeeded",
        "updated_at": since,
        "user": release["user"],
    }


def _failed_build(key: str, latest: Record, days: float, commit: str) -> Record:
    """Return a build after the latest one that succeeded; `commit` describes what could not be built."""
    since = max(ago(days), latest["created_at"])
    source = {"version": ident("commit", key).replace("-", ""), "version_description": commit}
    return latest | {
        "created_at": since,
        "id": ident("build-run", key),
        "release": None,
        "slug": None,
        "source_blob": latest["source_blob"] | source,
        "status": "failed",
        "updated_at": later(since, 1e-3),
    }
