"""Generate all releases of an app: from its creation to the current one, spread over the time between.

They are computed from the other data of the app. The last one has the app's `release` as its version and dates from
its `released_at`, the first one from the app's creation. A release was made by a collaborator who could deploy at that
time, and lists the plans of the add-ons that existed then. An app that was never released has none.

The record is Heroku's `release` (schema of 19 February 2026). The current release counts as eligible for a rollback
too, because Heroku's CLI assumes so (`releases:rollback` takes the second eligible one).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kosmo_kernel.demo.models import App, AppResources, Person, Record, ident

_FIRST_DESCRIPTIONS = ("Initial release", "Enable Logplex")  # the first releases of every app
_DEPLOY_SHARE = 0.8  # the share of deploys among the other releases; the rest are changes of config vars
_VARIABLES = ("LOG_LEVEL", "WEB_CONCURRENCY", "FEATURE_FLAGS", "SMTP_HOST", "TIMEOUT_SECONDS")


def releases(app: App, things: AppResources) -> list[Record]:
    """Return the releases of an app, the oldest first."""
    if app.released is None:
        return []
    first, last = datetime.fromisoformat(app.created), datetime.fromisoformat(app.released)
    step = (last - first) / max(app.release - 1, 1)
    records: list[Record] = []
    slug: str | None = None
    for version in range(1, app.release + 1):
        chance = int(app.release_id(version)[-12:], 16)
        # Up to half a step late, and so always before the next one.
        created = last if version == app.release else first + step * (version - 1 + (chance % 64 / 128) * (version > 1))
        since = f"{created:%Y-%m-%dT%H:%M:%SZ}"
        description = _description(app, version, chance)
        deployed = description.startswith("Deploy")
        failed = deployed and version < app.release and chance % 40 == 0
        built = ident("build", f"{app.name}/v{version}") if deployed else slug
        slug = slug if failed else built
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
                "status": "failed" if failed else "succeeded",
                "user": _user(app, things, since, chance),
                "version": version,
                "current": version == app.release,
                "output_stream_url": None,
                "eligible_for_rollback": built is not None and not failed,
            }
        )
    return records


def _description(app: App, version: int, chance: int) -> str:
    """Return the description of a release. The last one is a deploy, because something runs."""
    if version < app.release and version <= len(_FIRST_DESCRIPTIONS):
        return _FIRST_DESCRIPTIONS[version - 1]
    if version == app.release or chance % 10 < _DEPLOY_SHARE * 10:
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
