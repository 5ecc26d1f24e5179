"""The config vars of apps: those that add-ons set, and those that people set.

Every value is fictional and fixed. Staging and production have not quite the same names, and two apps share a secret.
What was set by when is what the releases tell.
"""

from __future__ import annotations

from kosmo_kernel.demo.models import Record
from kosmo_kernel.demo.offers import addon_value
from kosmo_kernel.demo.record_maker import Maker, fictional

_OWN = {
    "booking-api": ("PAYMENT_KEY", "SESSION_SECRET", "SMTP_PASSWORD"),
    "courier-app": ("SESSION_SECRET", "PUSH_TOKEN"),
    "customs-forms": ("SMTP_PASSWORD", "CUSTOMS_CERT_PASSWORD"),
    "fleet-radio": ("RADIO_KEY", "MAP_TOKEN", "DEBUG_CHANNEL"),
    "parcel-tracker": ("SESSION_SECRET", "PUSH_TOKEN", "CDN_HOST", "ERROR_DSN"),
    "parcel-tracker-staging": ("SESSION_SECRET", "PUSH_TOKEN", "FEATURE_NEW_MAP", "DEBUG_EVENTS"),
    "price-quotes": ("SMTP_PASSWORD", "QUOTES_API_KEY"),
    "route-planner": ("MAP_TOKEN", "SOLVER_LICENCE"),
}
_SHARED = {("customs-forms", "SMTP_PASSWORD"), ("price-quotes", "SMTP_PASSWORD")}  # one value in two apps


def config_vars(make: Maker, app: Record, release: Record | None = None) -> Record:
    """Return the config vars of an app, as they are or as they were at a release."""
    until = release["created_at"] if release else None
    names = {
        text.split()[1]
        for one in make.company.releases(app)
        if (text := one["description"]).startswith("Set ") and (release is None or one["version"] <= release["version"])
    }
    names |= set(_OWN.get(app["name"], ())) if release is None or release["version"] > 1 else set()
    own = {name: fictional(name if (app["name"], name) in _SHARED else f"{app['name']}/{name}") for name in names}
    return dict(sorted((own | _of_addons(make, app, until)).items()))


def pipeline_config_vars(_make: Maker, pipeline: Record, stage: str) -> Record:
    """Return the config vars that a pipeline gives its review apps and test runs; other stages have none."""
    names = ("REVIEW_TOKEN", "LOG_LEVEL") if stage in ("review", "test") else ()
    return {name: fictional(f"{pipeline['name']}/{stage}/{name}") for name in names}


def _of_addons(make: Maker, app: Record, until: str | None) -> Record:
    """Return the config vars that add-ons set: their own, or named like the attachment for an add-on of another app."""
    by_id = {addon["id"]: addon for addon in make.company.resources_of(app).all_addons}
    found: Record = {}
    for attachment in make.company.attachments_of(app):
        addon = by_id[attachment["addon"]["id"]]
        if until is None or addon["created_at"] <= until:
            own = addon["app"]["id"] == app["id"]
            for name in addon["config_vars"][: None if own else 1]:
                given = name if own else f"{attachment['name']}_{name.rpartition('_')[2]}"
                found[given] = addon_value(addon, name)
    return found
