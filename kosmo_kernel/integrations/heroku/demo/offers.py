"""Heroku's offers to everybody: stacks, regions, generations, sizes of dynos, services, plans and features.

Names, prices and states are Heroku's own (its CLI's table of prices; Dev Center, "Stacks"), as of the company's today.
Heroku's CLI requests plans in full to show what they cost (`addons --all`, with `Accept-Expansion`).
"""

from __future__ import annotations

from functools import cache

from kosmo_kernel.integrations.heroku.demo.models import PLANS, Record, ident, price, reference
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker, fictional

# Services and plans -------------------------------------------------------------------------------------

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


# Offers -------------------------------------------------------------------------------------------------

_OPENED = "2016-01-12T10:00:00Z"
# A stack that has lost its support is listed no more, although apps still run on it.
_STACKS = {
    "cnb": ("public", "2024-11-19T16:00:00Z"),
    "container": ("public", "2018-01-29T16:00:00Z"),
    "heroku-22": ("deprecated", "2022-06-15T16:00:00Z"),
    "heroku-24": ("public", "2024-05-14T16:00:00Z"),
    "heroku-26": ("public", "2026-05-20T16:00:00Z"),
}
_DEFAULT_STACK = "heroku-24"
# Of each region: the country, the place, and the region of Amazon's.
_REGIONS = {
    "us": ("United States", "Virginia", "us-east-1"),
    "eu": ("Ireland", "Dublin", "eu-west-1"),
    "dublin": ("Ireland", "Dublin", "eu-west-1"),
    "frankfurt": ("Germany", "Frankfurt", "eu-central-1"),
    "london": ("United Kingdom", "London", "eu-west-2"),
    "montreal": ("Canada", "Montreal", "ca-central-1"),
    "mumbai": ("India", "Mumbai", "ap-south-1"),
    "oregon": ("United States", "Oregon", "us-west-2"),
    "singapore": ("Singapore", "Singapore", "ap-southeast-1"),
    "sydney": ("Australia", "Sydney", "ap-southeast-2"),
    "tokyo": ("Japan", "Tokyo", "ap-northeast-1"),
    "virginia": ("United States", "Virginia", "us-east-1"),
}
_COMMON_REGIONS = ("us", "eu")
# Of each size: gigabytes, shares of a processor, and US dollars a month; Eco dynos share one price an account.
_SIZES = {
    "Eco": (0.5, 1, 5), "Basic": (0.5, 1, 7), "Standard-1X": (0.5, 1, 25), "Standard-2X": (1, 2, 50),
    "Performance-M": (2.5, 11, 250), "Performance-L": (14, 46, 500), "Performance-L-RAM": (30, 24, 500),
    "Performance-XL": (62, 48, 750), "Performance-2XL": (126, 96, 1500),
    "Private-S": (1, 12, 225), "Private-M": (2.5, 20, 450), "Private-L": (14, 50, 900),
    "Private-L-RAM": (30, 24, 500), "Private-XL": (62, 48, 750), "Private-2XL": (126, 96, 1500),
    "Shield-S": (1, 12, 270), "Shield-M": (2.5, 20, 540), "Shield-L": (14, 50, 1080),
    "Shield-L-RAM": (30, 24, 600), "Shield-XL": (62, 48, 900), "Shield-2XL": (126, 96, 1800),
    "dyno-1c-0.5gb": (0.5, 1, 25), "dyno-1c-4gb": (4, 1, 80), "dyno-1c-8gb": (8, 1, 100),
    "dyno-2c-1gb": (1, 2, 50), "dyno-2c-4gb": (4, 2, 150), "dyno-2c-8gb": (8, 2, 160),
    "dyno-2c-16gb": (16, 2, 250), "dyno-4c-8gb": (8, 4, 300), "dyno-4c-16gb": (16, 4, 320),
    "dyno-4c-32gb": (32, 4, 500), "dyno-8c-16gb": (16, 8, 600), "dyno-8c-32gb": (32, 8, 640),
    "dyno-8c-64gb": (64, 8, 750), "dyno-16c-32gb": (32, 16, 1200), "dyno-16c-64gb": (64, 16, 1000),
    "dyno-16c-128gb": (128, 16, 1500), "dyno-32c-64gb": (64, 32, 2400),
}  # fmt: skip
# Features by owner; one that is `general` is listed by `heroku features`, the others by `heroku labs`.
_FEATURES = {
    "account": {"pipelines-github": "general", "cli-plugin-updates": "beta"},
    "app": {"http-session-affinity": "general", "preboot": "general", "log-runtime-metrics": "beta"},
    "team": {"team-access-controls": "general", "spaces-trusted-ip": "beta"},
}


def stacks(_make: Maker) -> list[Record]:
    """Return the stacks that there are today."""
    return [
        {
            "created_at": created,
            "default": name == _DEFAULT_STACK,
            **reference("stack", name),
            "state": state,
            "updated_at": created if state == "public" else "2026-05-20T16:00:00Z",
        }
        for name, (state, created) in _STACKS.items()
    ]


def available_stacks(make: Maker, app: Record) -> list[Record]:
    """Return the stacks that an app can move to: on Fir one, on Cedar the others that are not deprecated."""
    fir = app["generation"]["name"] == "fir"
    return [stack for stack in stacks(make) if (stack["name"] == "cnb") == fir and stack["state"] == "public"]


def generations(_make: Maker, _team: Record | None = None) -> list[Record]:
    """Return the generations of Heroku's platform."""
    return [
        {"created_at": since, **reference("generation", name), "updated_at": since}
        for name, since in {"cedar": _OPENED, "fir": "2024-11-19T16:00:00Z"}.items()
    ]


def regions(make: Maker) -> list[Record]:
    """Return the regions: two for everybody, the others for private spaces."""
    return [
        make(
            "region",
            name,
            **reference("region", name),
            country=country,
            locale=locale,
            description=country if name in _COMMON_REGIONS else f"{locale}, {country}",
            private_capable=name not in _COMMON_REGIONS,
            provider={"name": "amazon-web-services", "region": provider},
            created_at=_OPENED,
        )
        for name, (country, locale, provider) in _REGIONS.items()
    ]


def dyno_sizes(_make: Maker) -> list[Record]:
    """Return the sizes of dynos, with their prices."""
    return [
        {
            "architecture": "amd64",
            "compute": compute,
            "cost": {"cents": dollars * 100, "unit": "month"},
            "dedicated": name.startswith(("Performance", "Private", "Shield")),
            "generation": reference("generation", "fir" if name.startswith("dyno") else "cedar"),
            **reference("dyno-size", name),
            "memory": memory,
            "precise_dyno_units": dollars / 25,
            "private_space_only": name.startswith(("Private", "Shield", "dyno")),
        }
        for name, (memory, compute, dollars) in _SIZES.items()
    ]


def available_dyno_sizes(make: Maker, app: Record) -> list[Record]:
    """Return the sizes that an app can have where it runs."""
    space = app["space"]
    prefix = ("Shield" if space["shield"] else "Private") if space else ""
    prefix = "dyno" if app["generation"]["name"] == "fir" else prefix
    sizes = dyno_sizes(make)
    return [size for size in sizes if (size["name"].startswith(prefix) if prefix else not size["private_space_only"])]


def services(_make: Maker) -> list[Record]:
    """Return the services of add-ons."""
    return [service(name) for name in dict.fromkeys(plan.partition(":")[0] for plan in PLANS)]


def all_plans(_make: Maker, service: Record | None = None) -> list[Record]:
    """Return the plans of a service, or of all."""
    return [plan(name) for name in PLANS if service is None or name.startswith(f"{service['name']}:")]


def capabilities(make: Maker, parent: Record | None = None) -> list[Record]:
    """Return which service is offered in which region, of all of them or of one service or region."""
    identity = None if parent is None else parent["id"]
    return [
        make(
            "add-on-region-capability",
            f"{service['name']}/{region['name']}",
            id=ident("capability", f"{service['name']}/{region['name']}"),
            addon_service=service,
            region=region,
            supports_private_networking=region["private_capable"] and service["name"].startswith("heroku-"),
        )
        for service in make.records("/addon-services")
        for region in make.records("/regions")
        if identity in (None, service["id"], region["id"])
    ]


def features(make: Maker, kind: str, owner: Record) -> list[Record]:
    """Return the features of the account, an app or a team."""
    return [
        make(
            f"{kind}-feature",
            f"{owner['id']}/{name}",
            id=ident(f"{kind}-feature", name),
            name=name,
            state=state,
            display_name=name.replace("-", " ").capitalize(),
            description=f"What {name} does, for {kind}s",
            doc_url=f"https://devcenter.heroku.com/articles/{name}",
            feedback_email="feedback@larkmoor.example",
            enabled=int(ident("feature", f"{owner['id']}/{name}")[-1], 16) % 2 == 0,
            created_at=_OPENED,
        )
        for name, state in _FEATURES[kind].items()
    ]


def addon_config(_make: Maker, addon: Record) -> list[Record]:
    """Return the config of an add-on: what becomes config vars of the apps that it is attached to."""
    return [{"name": name, "value": addon_value(addon, name)} for name in addon["config_vars"]]


def addon_value(addon: Record, variable: str) -> str:
    """Return the value of a config var that an add-on sets; two addresses of one database are the same."""
    suffix = variable.rpartition("_")[2]
    secret = fictional(f"{addon['name']}/{suffix}")
    return f"https://larkmoor:{secret}@{addon['name']}.larkmoor.example/main" if suffix == "URL" else secret
