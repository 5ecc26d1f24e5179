"""Where logs, telemetry and events of apps go: drains and webhooks. Their addresses have passwords in them."""

from __future__ import annotations

from kosmo_kernel.demo.models import Record, ident
from kosmo_kernel.demo.people import PRIYA
from kosmo_kernel.demo.record_maker import Maker, fictional, user
from kosmo_kernel.demo.times import ago

# The hosts that get logs besides those of add-ons; one of them belongs to the agency.
_HOSTS = {
    "booking-api": ("logs.larkmoor.example",),
    "courier-app": ("collector.pixelbarn.example",),
    "parcel-tracker": ("logs.larkmoor.example", "siem.larkmoor.example"),
    "wholesale-portal": ("collector.pixelbarn.example",),
}
_ONE_IN = 6  # so many apps of a generated company have a drain
_TELEMETRY = ("depot-board",)
# The webhooks of apps, and what they tell about.
_WEBHOOKS = {
    "booking-api": (("hooks.larkmoor.example", ("api:release", "api:build"), "notify"),),
    "courier-app": (("deploys.pixelbarn.example", ("api:release",), "sync"),),
    "parcel-tracker": (("hooks.larkmoor.example", ("api:release", "dyno"), "notify"),),
}
_TOLD_BY = "heroku-postgresql"  # its add-ons have webhooks


def log_drains(make: Maker, app: Record) -> list[Record]:
    """Return the drains of an app: those of its add-ons, and those that people added."""
    found = []
    for addon in make.company.resources_of(app).addons:
        found += addon_log_drains(make, addon)
    by_chance = int(ident("drain", app["name"])[-4:], 16) % _ONE_IN == 0 and not make.company.find("parcel-tracker")
    for host in _HOSTS.get(app["name"], ("logs.larkmoor.example",) if by_chance else ()):
        url = f"https://larkmoor:{fictional('drain/' + app['name'] + host)}@{host}/logs?app={app['name']}"
        found.append(_drain(f"{app['name']}/{host}", url, app["created_at"], app=app, addon=None))
    return found


def addon_log_drains(_make: Maker, addon: Record) -> list[Record]:
    """Return the drain of an add-on that keeps logs."""
    if addon["addon_service"]["name"] != "logbarn":
        return []
    url = f"syslog+tls://{fictional(addon['name'])}@logs.logbarn.example:6514"
    return [_drain(addon["name"], url, addon["created_at"], app=addon["app"], addon=addon)]


def telemetry_drains(make: Maker, owner: Record | None = None) -> list[Record]:
    """Return the telemetry drains of an app or a space, or all of them."""
    owners = [(app, "app") for app in make.company.apps if app["name"] in _TELEMETRY]
    owners += [(space, "space") for space in make.records("/spaces") if space["generation"]["name"] == "fir"]
    return [
        make(
            "telemetry-drain",
            one["name"],
            owner={"id": one["id"], "type": kind},
            signals=["traces", "metrics", "logs"],
            exporter={
                "type": "otlphttp",
                "endpoint": f"https://larkmoor:{fictional(one['name'])}@otel.larkmoor.example/v1",
                "headers": {"x-otel-key": fictional(f"otel/{one['name']}")},
            },
            created_at=one["created_at"],
        )
        for one, kind in owners
        if owner is None or owner["id"] == one["id"]
    ]


def app_webhooks(make: Maker, app: Record) -> list[Record]:
    """Return the webhooks of an app."""
    return [
        make(
            "app-webhook",
            f"{app['name']}/{host}",
            app=app,
            include=list(include),
            level=level,
            url=f"https://{host}/heroku?token={fictional('webhook/' + app['name'])}",
            created_at=max(app["created_at"], "2024-03-04T09:00:00Z"),
        )
        for host, include, level in _WEBHOOKS.get(app["name"], ())
    ]


def addon_webhooks(make: Maker, addon: Record) -> list[Record]:
    """Return the webhooks of an add-on."""
    if addon["addon_service"]["name"] != _TOLD_BY:
        return []
    url = f"https://hooks.larkmoor.example/databases?token={fictional('webhook/' + addon['name'])}"
    given = {"include": ["api:addon"], "level": "notify", "url": url, "created_at": addon["created_at"]}
    return [make("add-on-webhook", addon["name"], addon=addon, **given)]


def events(make: Maker, hooks: list[Record]) -> list[Record]:
    """Return the events that webhooks told about."""
    return [_event(make, hook, n) for hook in hooks for n in range(2)]


def deliveries(make: Maker, hooks: list[Record]) -> list[Record]:
    """Return the deliveries to webhooks: the first of each succeeded, the second is tried again."""
    return [_delivery(make, hook, n) for hook in hooks for n in range(2)]


def _drain(key: str, url: str, since: str, *, app: Record, addon: Record | None) -> Record:
    return {
        "addon": addon and {"id": addon["id"], "name": addon["name"], "app": addon["app"]},
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": since,
        "id": ident("log-drain", key),
        "token": f"d.{ident('drain-token', key)}",
        "updated_at": since,
        "url": url,
    }


def _event(make: Maker, hook: Record, number: int) -> Record:
    key, include = f"{hook['id']}/{number}", hook["include"][0]
    payload = {"action": "update", "actor": user(PRIYA), "resource": include.partition(":")[2], "version": "1"}
    payload |= {"data": {"secret": fictional(key)}, "previous_data": {}}
    given = {"id": ident("webhook-event", key), "include": include, "payload": payload}
    return make("app-webhook-event", key, **given, created_at=max(ago(2 - number), hook["created_at"]))


def _delivery(make: Maker, hook: Record, number: int) -> Record:
    event = _event(make, hook, number)
    since, failed = event["created_at"], number > 0
    attempt = {"status": "failed", "code": 502} if failed else {"status": "succeeded", "code": 200}
    attempt |= {"created_at": since, "updated_at": since, "error_class": None}
    given = {"event": event, "webhook": hook, "num_attempts": 1, "last_attempt": attempt, "created_at": since}
    given |= {"status": "retrying", "next_attempt_at": ago(-0.1)} if failed else {"status": "succeeded"}
    return make("app-webhook-delivery", event["id"], **{"next_attempt_at": None} | given)
