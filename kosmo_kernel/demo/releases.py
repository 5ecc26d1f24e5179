"""An app's releases, all of them: from its creation to the one that runs, spread over the time between.

Nobody told them one by one; they are computed from what is known of the app. The last one has the app's `release`
as its version and was made at its `released_at`, the first one when the app was; a release was made by one
who could deploy at that time, and names the plans of the add-ons that there were. An app that was never
released has none.

The record is Heroku's `release` (schema of 19 February 2026). That a release which can be rolled back to may
be the current one is how Heroku's CLI reads it (`releases:rollback` takes the second such).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kosmo_kernel.demo.models import App, AppResources, Person, Record, ident

_OF_CREATION = ("Initial release", "Enable Logplex")  # what every app begins with
_DEPLOYS = 0.8  # of the other releases; the rest are changes of config vars
_VARIABLES = ("LOG_LEVEL", "WEB_CONCURRENCY", "FEATURE_FLAGS", "SMTP_HOST", "TIMEOUT_SECONDS")


def releases(app: App, things: AppResources) -> list[Record]:
    """The releases of an app, the oldest first."""
    if app.released is None:
        return []
    first, last = datetime.fromisoformat(app.created), datetime.fromisoformat(app.released)
    step = (last - first) / max(app.release - 1, 1)
    found: list[Record] = []
    slug: str | None = None
    for version in range(1, app.release + 1):
        chance = int(app.release_id(version)[-12:], 16)
        # A little late, but never as late as the next one.
        made = last if version == app.release else first + step * (version - 1 + (chance % 64 / 128) * (version > 1))
        since = f"{made:%Y-%m-%dT%H:%M:%SZ}"
        description = _description(app, version, chance)
        deployed = description.startswith("Deploy")
        failed = deployed and version < app.release and chance % 40 == 0
        built = ident("build", f"{app.name}/v{version}") if deployed else slug
        slug = slug if failed else built
        found.append(
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
    return found


def _description(app: App, version: int, chance: int) -> str:
    """What was done. The last one is a deploy, because there is something that runs."""
    if version < app.release and version <= len(_OF_CREATION):
        return _OF_CREATION[version - 1]
    if version == app.release or chance % 10 < _DEPLOYS * 10:
        return f"Deploy {app.release_id(version)[:8]}"
    return f"Set {_VARIABLES[chance % len(_VARIABLES)]} config vars"


def _user(app: App, things: AppResources, since: str, chance: int) -> Record:
    able: Sequence[Person] = [
        seat.person for seat in things.people if seat.since <= since and (not app.team or "deploy" in seat.permissions)
    ]
    person = able[chance // 64 % len(able)] if able else app.owning
    return {"id": person.id, "email": person.email}
