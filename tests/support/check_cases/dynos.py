"""Dynos: their states, sizes and number."""

from __future__ import annotations

import copy

from clean_company import FORMATION

from check_cases.site import Findings, Site, defect, finding, is_cedar, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import Record, ident

takes("dyno-costs", usd_a_month=10_000)


@defect("crashed-dynos")
def crashed(site: Site) -> Findings:
    """Crash one dyno, or all of an app."""
    app = site.app()
    dynos = [one for one in site.company.resources_of(app).dynos if one["type"] != "run"]
    hit = dynos if site.draw.random() < 0.3 else [site.draw.choice(dynos)]
    for one in hit:
        one["state"] = "crashed"
    return [finding("crashed-dynos", {"app": app["name"], "dyno": one["name"]}) for one in hit]


@near_miss("crashed-dynos")
def starting(site: Site) -> None:
    """Start a dyno that is not up yet."""
    site.draw.choice(lasting(site, site.app()))["state"] = "starting"


@defect("dyno-costs")
def dear_dynos(site: Site) -> Findings:
    """Scale the dynos of an app up, and never down again."""
    return [finding("dyno-costs", {"app": _add_large_dynos(site, 8)})]


@near_miss("dyno-costs")
def dynos_below_the_limit(site: Site) -> None:
    """Scale the dynos of an app up to what they may cost."""
    _add_large_dynos(site, 3)


@defect("forgotten-one-off-dynos")
def console_left_open(site: Site) -> Findings:
    """Leave a one-off dyno running."""
    app = site.app()
    name = add_one_off(site, app, ago(site.draw.uniform(1.05, 20)))
    return [finding("forgotten-one-off-dynos", {"app": app["name"], "dyno": name})]


@near_miss("forgotten-one-off-dynos")
def console_of_today(site: Site) -> None:
    """Leave a one-off dyno running, not yet for a day."""
    add_one_off(site, site.app(), ago(site.draw.uniform(0.1, 0.95)))


@defect("single-web-dyno-in-production")
def one_web_dyno(site: Site) -> Findings:
    """Scale the web dynos of a production app down to one."""
    app = site.app("production")
    dynos = site.company.resources_of(app).dynos
    first = dynos[0]
    dynos[:] = [one for one in dynos if one["type"] != "web" or one is first]
    return [finding("single-web-dyno-in-production", {"app": app["name"]})]


@near_miss("single-web-dyno-in-production")
def single_clock_dyno(site: Site) -> None:
    """Run one dyno of another process type beside several web dynos."""
    app = site.app("production")
    dynos = site.company.resources_of(app).dynos
    own = {"id": ident("dyno", f"{app['name']}/clock.1"), "name": "clock.1", "type": "clock"}
    dynos.append(copy.deepcopy(dynos[0]) | own)


@defect("small-dynos-in-production")
def small_dynos(site: Site) -> Findings:
    """Run a production app on dynos for trying things out."""
    app, size = site.app("production", where=lambda app: not app["space"]), site.draw.choice(("Eco", "Basic", "basic"))
    for dyno in site.company.resources_of(app).dynos:
        dyno["size"] = size
    types = {one["type"] for one in site.company.formation(app)}
    return [finding("small-dynos-in-production", {"app": app["name"], "type": one}) for one in types]


@near_miss("small-dynos-in-production")
def small_process_at_rest(site: Site) -> None:
    """Scale a process type to zero whose dynos were for trying things out."""
    app = site.app("production", where=lambda app: not app["space"])
    formation = site.company.at(FORMATION, app)
    own = {"id": ident("formation", f"{app['name']}/trial"), "type": "trial", "size": "Eco", "quantity": 0}
    formation.append(copy.deepcopy(formation[0]) | own)


def add_one_off(site: Site, app: Record, since: str) -> str:
    """Add a one-off dyno to an app, and return its name."""
    kind, dynos = site.draw.choice(("run", "scheduler")), site.company.resources_of(app).dynos
    separator = "." if is_cedar(app) else "-"
    name = f"{kind}{separator}{site.draw.randint(1000, 9999)}"
    times = {"created_at": since, "updated_at": since}
    own = {"id": ident("dyno", f"{app['name']}/{name}"), "name": name, "type": kind, "command": "bash"}
    dynos.append(copy.deepcopy(dynos[0]) | own | times)
    return name


def _add_large_dynos(site: Site, count: int) -> str:
    """Add so many of the dearest dynos to an app, and return its name."""
    app = site.app("production", where=lambda app: not app["space"])
    dynos = site.company.resources_of(app).dynos
    for number in range(4, 4 + count):
        own = {"id": ident("dyno", f"{app['name']}/web.{number}"), "name": f"web.{number}"}
        dynos.append(copy.deepcopy(dynos[0]) | own | {"size": "Performance-2XL"})
    return str(app["name"])


def lasting(site: Site, app: Record) -> list[Record]:
    """Return the dynos of an app but its one-off dynos."""
    return [one for one in site.company.resources_of(app).dynos if one["type"] not in ("run", "scheduler")]
