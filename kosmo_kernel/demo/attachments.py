"""How apps and add-ons hang together: under which names each app uses which add-on.

An add-on is attached to the app that owns it, and to each app that borrows it. The name of an attachment
is what its config vars begin with (`DATABASE` for `DATABASE_URL`); an add-on that sets vars of two names is attached
to its owner twice. Where an app has an attachment of that name already, Heroku makes one up of the service
and a colour.

The record is Heroku's `add-on-attachment` (schema of 19 February 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kosmo_kernel.demo.models import Record, ident

# What a service appends to the name of an attachment to name its config vars.
_ENDING = re.compile(r"_(TRUSTED_CERT|URL|TOKEN|KEY)$")
_COLOURS = ("AMBER", "AQUA", "BRONZE", "COBALT", "CRIMSON", "IVORY", "JADE", "MAUVE", "OLIVE", "ROSE", "TEAL", "WHITE")


def attachments(app: Record, addons: Iterable[Record]) -> list[Record]:
    """The attachments of one app.

    Parameters:
        app: its record.
        addons: the records of all add-ons that it uses, its own ones first.
    """
    found: dict[str, Record] = {}
    for addon in addons:
        own = addon["app"]["id"] == app["id"]
        for name in _names(addon)[: None if own else 1]:
            free = name if name not in found else f"{_service(addon)}_{_colour(addon)}"
            found[free] = _record(app, addon, free)
    return list(found.values())


def _names(addon: Record) -> list[str]:
    return list(dict.fromkeys(_ENDING.sub("", var) for var in addon["config_vars"])) or [_service(addon)]


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
