"""Add-on services and plans in full, as Heroku includes them in an add-on if `Accept-Expansion` requests them.

Heroku's CLI requests them to show what a plan costs (`addons --all`). The records are Heroku's `plan` and
`add-on-service` (schema of 19 February 2026); the data of Heroku's own services is as fictional as the rest, except
for names and prices.
"""

from __future__ import annotations

from functools import cache

from kosmo_kernel.demo.models import PLANS, Record, price, reference

_CREATED = "2016-01-12T10:00:00Z"
_DEPRECATED = ("mailfinch:flock",)  # its provider wants to end it
_NAMES = {"heroku-postgresql": "Heroku Postgres", "heroku-redis": "Heroku Key-Value Store", "heroku-kafka": "Kafka"}


def expanded(addon: Record, parts: frozenset[str]) -> Record:
    """Return an add-on with some of its references in full: those of `addon_service` and `plan` that `parts` has."""
    full = dict[str, Record]()
    if "addon_service" in parts:
        full["addon_service"] = service(addon["addon_service"]["name"])
    if "plan" in parts:
        full["plan"] = plan(addon["plan"]["name"])
    return addon | full


@cache
def service(name: str) -> Record:
    """Return a service by its name."""
    return {
        "cli_plugin_name": None,
        "created_at": _CREATED,
        "human_name": _human(name),
        **reference("add-on-service", name),
        "state": "ga",
        "supports_multiple_installations": True,
        "supports_sharing": True,
        "updated_at": _CREATED,
        "supported_generations": [reference("generation", "cedar"), reference("generation", "fir")],
    }


@cache
def plan(name: str) -> Record:
    """Return a plan by its full name, `heroku-redis:mini`."""
    service_name, _, short = name.partition(":")
    return {
        "addon_service": reference("add-on-service", service_name),
        "created_at": _CREATED,
        "compliance": None,
        "default": short == next(other for other in PLANS if other.startswith(f"{service_name}:")).partition(":")[2],
        "description": f"{_human(service_name)} {_human(short)}",
        "human_name": _human(short),
        **reference("plan", name),
        "installable_inside_private_network": service_name in _NAMES,
        "installable_outside_private_network": True,
        "price": price(name),
        "space_default": False,
        "state": "deprecated" if name in _DEPRECATED else "ga",
        "updated_at": _CREATED,
        "visible": True,
    }


def _human(name: str) -> str:
    return _NAMES.get(name) or name.replace("-", " ").title()
