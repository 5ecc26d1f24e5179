"""The attachments of add-ons to apps: which app uses which add-on, and under which names.

An add-on is attached to the app that owns it, and to each app that it is shared with. The config vars of an
attachment begin with its name (`DATABASE` for `DATABASE_URL`); an add-on that sets vars of two names is attached to
its owner twice. If an app already has an attachment with that name, Heroku composes a name of the service and a
colour.

The record is Heroku's `add-on-attachment` (schema of 19 February 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kosmo_kernel.demo.models import Record, ident

# What a service appends to the name of an attachment to form the names of its config vars.
_VARIABLE_SUFFIX = re.compile(r"_(TRUSTED_CERT|URL|TOKEN|KEY)$")
_COLOURS = ("AMBER", "AQUA", "BRONZE", "COBALT", "CRIMSON", "IVORY", "JADE", "MAUVE", "OLIVE", "ROSE", "TEAL", "WHITE")


def attachments(app: Record, addons: Iterable[Record]) -> list[Record]:
    """Return the attachments of an app; `addons` are all that it uses, its own first."""
    by_name: dict[str, Record] = {}
    for addon in addons:
        own = addon["app"]["id"] == app["id"]
        for name in _names(addon)[: None if own else 1]:
            attachment_name = name if name not in by_name else f"{_service(addon)}_{_colour(addon)}"
            by_name[attachment_name] = _record(app, addon, attachment_name)
    return list(by_name.values())


def _names(addon: Record) -> list[str]:
    return list(dict.fromkeys(_VARIABLE_SUFFIX.sub("", var) for var in addon["config_vars"])) or [_service(addon)]


def _service(addon: Record) -> str:
    return str(addon["addon_service"]["name"]).upper().replace("-", "_")


def _colour(addon: Record) -> str:
    return _COLOURS[int(addon["id"][-4:], 16) % len(_COLOURS)]


def _record(app: Record, addon: Record, name: str) -> Record:
    since = max(app["created_at"], addon["created_at"])
    web = f"https://addons-sso.heroku.com/apps/{app['id']}/addons/{addon['id']}"
    return {
        "addon": {"id": addon["id"], "name": addon["name"], "app": addon["app"]},
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": since,
        "id": ident("attachment", f"{app['name']}/{name}"),
        "name": name,
        "namespace": None,
        "updated_at": since,
        "web_url": web if addon["web_url"] else None,
        "log_input_url": None,
    }
