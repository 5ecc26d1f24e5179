"""Generate all releases of an app: from its creation to the current one, spread over the time between.

They are computed from the other data of the app. The last one has the app's `release` as its version and dates from
its `released_at`, the first one from the app's creation. A release was made by a collaborator who could deploy at that
time, and lists the plans of the add-ons that existed then. An app that was never released has none.

A release that failed is a deploy whose release phase failed. A few are rollbacks. What was built for a release is gone
when it is older than 30 days and not among the last 20: the release has expired (Dev Center, changelog item 3395).

The record is Heroku's `release` (schema of 19 February 2026). The current release counts as eligible for a rollback
too, because Heroku's CLI assumes so (`releases:rollback` takes the second eligible one).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kosmo_kernel.demo.models import App, AppResources, Person, Record, ident
from kosmo_kernel.demo.times import ago, later, timestamp

_FIRST_DESCRIPTIONS = ("Initial release", "Enable Logplex")  # the first releases of every app
_DEPLOY_SHARE = 0.8  # the share of deploys among the other releases; the rest are changes of config vars
# By hand: a rollback to the deploy before the last one, and a deploy whose release phase failed.
_ROLLED_BACK = {("parcel-tracker", 1199), ("my-app", 41), ("route-planner", 376)}
_FAILED = {("parcel-tracker", 1201), ("booking-api", 684), ("my-app", 40)}
# How the history of an app ends, where not with a deploy: with a rollback, with a deploy whose release phase failed, or
# with changes of config vars only. In a generated company, each is that of one app in so many.
_ROLLBACK, _FAILURE, _CONFIG = "rollback", "failure", "config"
_ENDS = {"courier-app": _ROLLBACK, "address-checker": _FAILURE, "holiday-labels": _CONFIG}
_ONE_IN = 40
_KEPT_DAYS, _KEPT = 30, 20  # Heroku keeps what was built for so long, and for so many releases
_VARIABLES = ("LOG_LEVEL", "WEB_CONCURRENCY", "FEATURE_FLAGS", "SMTP_HOST", "TIMEOUT_SECONDS")


def releases(app: App, things: AppResources) -> list[Record]:
    """Return the releases of an app, the oldest first."""
    if app.released is None:
        return []
    first, last = datetime.fromisoformat(app.created), datetime.fromisoformat(app.released)
    step, end = (last - first) / max(app.release - 1, 1), _end(app)
    records: list[Record] = []
    slug: str | None = None
    deploys: list[tuple[int, str | None]] = [(1, None)] * 2  # the last ones that succeeded, with their slugs
    for version in range(1, app.release + 1 + (end == _FAILURE)):
        chance = int(app.release_id(version)[-12:], 16)
        # Up to half a step late, and so always before the next one.
        created = last if version == app.release else first + step * (version - 1 + (chance % 64 / 128) * (version > 1))
        since = later(app.released, 0.3) if version > app.release else timestamp(created)
        rolled_back, must_fail = ((app.name, version) in known for known in (_ROLLED_BACK, _FAILED))
        rolled_back = rolled_back or (version == app.release and end == _ROLLBACK and bool(deploys[-2][1]))
        description = f"Rollback to v{deploys[-2][0]}" if rolled_back else _description(app, version, chance)
        deployed = description.startswith("Deploy")
        failed = deployed and (version > app.release or (version < app.release and (must_fail or chance % 40 == 0)))
        built = ident("build", f"{app.name}/v{version}") if deployed else deploys[-2][1] if rolled_back else slug
        if deployed and not failed:
            deploys.append((version, built))
        slug = slug if failed else built
        expired = version <= app.release - _KEPT and since < ago(_KEPT_DAYS)
        records.append(
            {
                "addon_plan_names": sorted(addon.plan for addon in things.addons if addon.created <= since),
                "artifacts": [{"type": "oci-image" if app.generation == "fir" else "slug", "id": built}]
                if built
                else [],
                "app": {"name": app.name, "id": app.id},
                "created_at": since,
                "description": description,
                "id": app.release_id(version),
                "updated_at": since,
                "slug": {"id": built} if built and app.generation != "fir" else None,
                "status": "failed" if failed else "expired" if expired else "succeeded",
                "user": _user(app, things, since, chance),
                "version": version,
                "current": version == app.release,
                "output_stream_url": _output(app, version) if failed else None,
                "eligible_for_rollback": built is not None and not failed and not expired,
            }
        )
    return records


def _end(app: App) -> str:
    """Return how the history of an app ends; empty for a deploy."""
    if app.place or app.release <= _KEPT:
        return _ENDS.get(app.name, "")
    return dict(enumerate((_ROLLBACK, _FAILURE, _CONFIG))).get(int(app.id[-6:], 16) % _ONE_IN, "")


def _output(app: App, version: int) -> str:
    """Return the address of what a release phase wrote, which is signed."""
    return f"https://release-output.larkmoor.example/fictional-{ident('output', f'{app.name}/v{version}')}"


def _description(app: App, version: int, chance: int) -> str:
    """Return the description of a release. The last one is a deploy, unless its history ends otherwise."""
    if version < app.release and version <= len(_FIRST_DESCRIPTIONS):
        return _FIRST_DESCRIPTIONS[version - 1]
    if version > app.release - _KEPT and _end(app) == _CONFIG:
        return f"Set {_VARIABLES[chance % len(_VARIABLES)]} config vars"
    if version >= app.release or (app.name, version) in _FAILED or chance % 10 < _DEPLOY_SHARE * 10:
        return f"Deploy {app.release_id(version)[:8]}"
    return f"Set {_VARIABLES[chance % len(_VARIABLES)]} config vars"


def _user(app: App, things: AppResources, since: str, chance: int) -> Record:
    deployers: Sequence[Person] = [
        collaborator.person
        for collaborator in things.people
        if collaborator.since <= since and (not app.team or "deploy" in collaborator.permissions)
    ]
    person = deployers[chance // 64 % len(deployers)] if deployers else app.owning
    return {"id": person.id, "email": person.email}
