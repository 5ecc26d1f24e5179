"""Add-ons: what they cost, who shares them, and in which state they are."""

from __future__ import annotations

import copy

from clean_company import FORMATION, PLANS_OF

from check_cases.site import PARAMETERS, Findings, Site, defect, finding, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import PLANS, Record, reference

DATA = ("heroku-postgresql", "heroku-redis")

takes("add-on-costs", usd_a_month=10_000)
takes("total-bill", usd_a_month=1_000_000)


@defect("add-on-costs")
@near_miss("total-bill")
def dear_add_on(site: Site) -> Findings:
    """Make an add-on dearer than all others."""
    app = site.app("production")
    addon = site.draw.choice(site.company.resources_of(app).addons)
    addon["billed_price"] = addon["billed_price"] | {"cents": site.draw.randint(1_050_000, 9_000_000)}
    return [finding("add-on-costs", {"app": app["name"]})]


@near_miss("add-on-costs")
def add_ons_at_the_limit(site: Site) -> None:
    """Pay for the add-ons of an app exactly what they may cost."""
    first, *others = site.company.resources_of(site.app("production")).addons
    limit = PARAMETERS["add-on-costs.usd_a_month"] * 100
    cents = limit - sum(addon["billed_price"]["cents"] for addon in others)
    first["billed_price"] = first["billed_price"] | {"cents": cents}


@defect("total-bill")
def ruinous_add_on(site: Site) -> Findings:
    """Order an add-on that costs more than all else together."""
    site.once("bill")
    app = site.app("production")
    addon = site.company.resources_of(app).addons[0]
    addon["billed_price"] = addon["billed_price"] | {"cents": 120_000_000}
    return [finding("total-bill", {"bill": "dynos and add-ons"}), finding("add-on-costs", {"app": app["name"]})]


@defect("add-ons-on-ending-plans")
def plan_that_ends(site: Site) -> Findings:
    """Keep an add-on on a plan that its maker ends."""
    app = site.app()
    addon = site.company.resources_of(app).addons[-1]
    service = addon["addon_service"]
    name = f"{service['name']}:old-{app['name']}"
    plans = site.company.at(PLANS_OF, service)
    [old, *_] = (one for one in plans if one["name"] == addon["plan"]["name"])
    state = site.draw.choice(("deprecated", "shutdown"))
    plans.append(copy.deepcopy(old) | reference("plan", name) | {"state": state, "default": False})
    addon["plan"] = reference("plan", name)
    return [finding("add-ons-on-ending-plans", {"app": app["name"], "add_on": addon["name"], "plan": name})]


@near_miss("add-ons-on-ending-plans")
def ending_plan_without_users(site: Site) -> None:
    """Let the provider of an add-on end a plan that no app uses."""
    service = site.draw.choice(site.company.resources_of(site.app()).addons)["addon_service"]
    plans = site.company.at(PLANS_OF, service)
    name = f"{service['name']}:retired"
    plans.append(copy.deepcopy(plans[0]) | reference("plan", name) | {"state": "deprecated", "default": False})


@defect("add-ons-shared-between-stages", "shared-add-ons")
def add_on_of_two_stages(site: Site) -> Findings:
    """Let staging use what production uses."""
    app = site.app("production")
    [staging] = site.apps_in(site.pipeline_of(app), "staging")
    addon = site.company.resources_of(app).addons[-1]
    site.company.resources_of(staging).attached.append(addon)
    attachment = site.company.attachments_of(staging)[-1]["name"]
    key = {"app": staging["name"], "attachment": attachment, "add_on": addon["name"]}
    return [
        finding("add-ons-shared-between-stages", key),
        finding("shared-add-ons", {"app": app["name"], "add_on": addon["name"]}),
    ]


@defect("shared-add-ons")
@near_miss("add-ons-shared-between-stages")
def add_on_of_two_apps(site: Site) -> Findings:
    """Share one database between two apps."""
    app, other = site.app("production"), site.app("production")
    addon = site.company.resources_of(app).addons[0]
    site.company.resources_of(other).attached.append(addon)
    return [finding("shared-add-ons", {"app": app["name"], "add_on": addon["name"]})]


@defect("shared-add-ons")
@near_miss("paid-add-ons-without-dynos")
def database_of_an_app_at_rest(site: Site) -> Findings:
    """Scale an app to zero whose add-ons another app uses."""
    app, other = site.app("production"), site.app("production")
    rest(site, app)
    addons = site.company.resources_of(app).addons
    site.company.resources_of(other).attached.extend(addons)
    return [finding("shared-add-ons", {"app": app["name"], "add_on": addon["name"]}) for addon in addons]


@near_miss("shared-add-ons")
def add_on_of_two_names(site: Site) -> None:
    """Attach an add-on twice to the app that owns it."""
    addon = site.draw.choice(site.company.resources_of(site.app()).addons)
    addon["config_vars"] = [*addon["config_vars"], "ANALYTICS_URL"]


@defect("entry-databases-in-production")
def entry_plan_in_production(site: Site) -> Findings:
    """Put the database or the cache of a production app on an entry plan."""
    app = site.app("production")
    data = [one for one in site.company.resources_of(app).addons if one["addon_service"]["name"] in DATA]
    addon = site.draw.choice(data)
    postgres = ("heroku-postgresql:essential-2", "heroku-postgresql:basic", "heroku-postgresql:mini")
    plan = "heroku-redis:mini" if "redis" in addon["plan"]["name"] else site.draw.choice(postgres)
    addon.update(plan=reference("plan", plan), billed_price=addon["billed_price"] | {"cents": PLANS.get(plan, 900)})
    return [finding("entry-databases-in-production", {"app": app["name"], "add_on": addon["name"]})]


@near_miss("entry-databases-in-production")
def entry_plan_of_a_log_service(site: Site) -> None:
    """Put an add-on of a production app that is no database on the cheapest plan."""
    addons = site.company.resources_of(site.app("production")).addons
    [logs] = (addon for addon in addons if addon["addon_service"]["name"] == "logbarn")
    logs.update(plan=reference("plan", "logbarn:sapling"))


@defect("paid-add-ons-without-dynos")
def scaled_to_zero(site: Site) -> Findings:
    """Scale an app to zero and go on paying for its add-ons."""
    app = site.app("production")
    rest(site, app)
    return paid(site, app)


@near_miss("paid-add-ons-without-dynos")
def asleep_for_nothing(site: Site) -> None:
    """Scale an app to zero whose add-ons cost nothing."""
    app = site.app("development")
    rest(site, app)
    for addon in site.company.resources_of(app).addons:
        addon["billed_price"] = addon["billed_price"] | {"cents": 0}


@defect("stuck-add-ons")
def stuck_add_on(site: Site) -> Findings:
    """Leave an add-on provisioning for hours, or gone and still attached."""
    app = site.app()
    addon = site.draw.choice(site.company.resources_of(app).addons)
    if site.draw.random() < 0.5:
        addon.update(state="provisioning", created_at=ago(site.draw.uniform(0.1, 3)), provider_id="")
    else:
        addon.update(state="deprovisioned", provider_id="")
    return [finding("stuck-add-ons", {"app": app["name"], "add_on": addon["name"]})]


@near_miss("stuck-add-ons")
def add_on_in_the_making(site: Site) -> None:
    """Create an add-on half an hour ago."""
    addon = site.draw.choice(site.company.resources_of(site.app()).addons)
    addon.update(state="provisioning", created_at=ago(0.02), provider_id="")


def rest(site: Site, app: Record) -> None:
    """Scale an app to zero."""
    for process in site.company.at(FORMATION, app):
        process["quantity"] = 0
    site.company.resources_of(app).dynos.clear()


def paid(site: Site, app: Record) -> Findings:
    """Return a finding for each add-on of an app that costs."""
    return [
        finding("paid-add-ons-without-dynos", {"app": app["name"], "add_on": addon["name"]})
        for addon in site.company.resources_of(app).addons
        if addon["billed_price"]["cents"]
    ]
