"""Defects of add-ons, domains, certificates, drains and config vars."""

from __future__ import annotations

import copy

from clean_company import CONFIG_VARS, DRAINS, ENDPOINTS, PLANS_OF
from defect_site import Finding, Site, finding

from kosmo_kernel.demo.models import PLANS, Record, ident, reference
from kosmo_kernel.demo.record_maker import fictional
from kosmo_kernel.demo.times import ago

Findings = list[Finding]
DATA = ("heroku-postgresql", "heroku-redis")


# --- add-ons ---------------------------------------------------------------------------------------------------------


def dear_add_on(site: Site) -> Findings:
    """Make an add-on dearer than all others."""
    app = site.app("production")
    addon = site.draw.choice(site.company.resources_of(app).addons)
    addon["billed_price"] = addon["billed_price"] | {"cents": site.draw.randint(1_050_000, 9_000_000)}
    return [finding("add-on-costs", {"app": app["name"]})]


def ruinous_add_on(site: Site) -> Findings:
    """Order an add-on that costs more than all else together."""
    site.once("bill")
    app = site.app("production")
    addon = site.company.resources_of(app).addons[0]
    addon["billed_price"] = addon["billed_price"] | {"cents": 120_000_000}
    return [finding("total-bill", {"bill": "dynos and add-ons"}), finding("add-on-costs", {"app": app["name"]})]


def add_on_of_two_apps(site: Site) -> Findings:
    """Share one database between two apps."""
    app, other = site.app("production"), site.app("production")
    addon = site.company.resources_of(app).addons[0]
    site.company.resources_of(other).attached.append(addon)
    return [finding("shared-add-ons", {"app": app["name"], "add_on": addon["name"]})]


def stuck_add_on(site: Site) -> Findings:
    """Leave an add-on provisioning for hours, or gone and still attached."""
    app = site.app()
    addon = site.draw.choice(site.company.resources_of(app).addons)
    if site.draw.random() < 0.5:
        addon.update(state="provisioning", created_at=ago(site.draw.uniform(0.1, 3)), provider_id="")
    else:
        addon.update(state="deprovisioned", provider_id="")
    return [finding("stuck-add-ons", {"app": app["name"], "add_on": addon["name"]})]


def entry_plan_in_production(site: Site) -> Findings:
    """Put the database or the cache of a production app on an entry plan."""
    app = site.app("production")
    data = [one for one in site.company.resources_of(app).addons if one["addon_service"]["name"] in DATA]
    addon = site.draw.choice(data)
    postgres = ("heroku-postgresql:essential-2", "heroku-postgresql:basic", "heroku-postgresql:mini")
    plan = "heroku-redis:mini" if "redis" in addon["plan"]["name"] else site.draw.choice(postgres)
    addon.update(plan=reference("plan", plan), billed_price=addon["billed_price"] | {"cents": PLANS.get(plan, 900)})
    return [finding("entry-databases-in-production", {"app": app["name"], "add_on": addon["name"]})]


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


# --- domains ---------------------------------------------------------------------------------------------------------


def failing_certificate(site: Site) -> Findings:
    """Renew the automatic certificate of a domain no more."""
    domain = _domain(site)
    site.company.at(ENDPOINTS, domain["app"])  # its certificate is still good
    state = site.draw.choice((("failing", "CDN not returning HTTP challenge"), ("failed", "Failing CCA check")))
    domain.update(acm_status=state[0], acm_status_reason=state[1])
    return [finding("failing-certificates", _key(domain))]


def failing_certificate_that_ends(site: Site) -> Findings:
    """Renew the automatic certificate of a domain no more, for so long that it ends."""
    domain = _domain(site)
    domain.update(acm_status="failing", acm_status_reason="CDN not returning HTTP challenge")
    _end_certificate(site, domain)
    return [finding("failing-certificates", _key(domain)), finding("certificates-ending", _endpoint_key(domain))]


def certificate_that_ends(site: Site) -> Findings:
    """Let a certificate end within a month."""
    domain = _domain(site)
    _end_certificate(site, domain)
    return [finding("certificates-ending", _endpoint_key(domain))]


def no_certificate(site: Site) -> Findings:
    """Switch automatic certificates off, and upload none."""
    app = site.app("production")
    app["acm"] = False
    domains = _custom(site, app)
    for domain in domains:
        domain.update(acm_status=None, sni_endpoint=None)
    site.company.put([], ENDPOINTS, app)
    return [finding("domains-without-certificate", _key(domain)) for domain in domains]


def self_signed(site: Site) -> Findings:
    """Upload a certificate that nobody else has signed."""
    domain = _domain(site)
    _endpoint(site, domain)["ssl_cert"].update({"self_signed?": True, "ca_signed?": False})
    return [finding("self-signed-certificates", _endpoint_key(domain))]


def waiting_for_dns(site: Site) -> Findings:
    """Point the DNS of a domain elsewhere."""
    domain = _domain(site)
    domain.update(status="pending")
    return [finding("domains-waiting-for-dns", _key(domain))]


def _domain(site: Site) -> Record:
    domain: Record = site.draw.choice(_custom(site, site.app("production")))
    return domain


def _custom(site: Site, app: Record) -> list[Record]:
    return [one for one in site.company.resources_of(app).domains if one["kind"] == "custom"]


def _key(domain: Record) -> dict[str, str]:
    return {"app": domain["app"]["name"], "domain": domain["hostname"]}


def _endpoint_key(domain: Record) -> dict[str, str]:
    return {"app": domain["app"]["name"], "endpoint": domain["sni_endpoint"]["name"]}


def _endpoint(site: Site, domain: Record) -> Record:
    endpoints = site.company.at(ENDPOINTS, domain["app"])
    [endpoint] = (one for one in endpoints if one["id"] == domain["sni_endpoint"]["id"])
    found: Record = endpoint
    return found


def _end_certificate(site: Site, domain: Record) -> None:
    _endpoint(site, domain)["ssl_cert"]["expires_at"] = ago(-site.draw.uniform(-5, 29))


# --- drains and config vars ------------------------------------------------------------------------------------------


def drain_to_a_stranger(site: Site) -> Findings:
    """Send the logs of an app to a host that belongs to somebody else."""
    app = site.app()
    host = site.draw.choice(("collector.pixelbarn.example", "logs.larkmoor.example.org"))
    drain = {
        "addon": None,
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": app["created_at"],
        "id": ident("log-drain", f"{app['name']}/{host}"),
        "token": f"d.{ident('drain-token', app['name'])}",
        "updated_at": app["created_at"],
        "url": f"https://larkmoor:{fictional(app['name'])}@{host}/logs",
    }
    site.company.at(DRAINS, app).append(drain)
    return [finding("drains-to-other-hosts", {"app": app["name"], "host": host})]


def no_drain(site: Site) -> Findings:
    """Keep the logs of a production app nowhere."""
    app = site.app("production")
    site.company.put([], DRAINS, app)
    return [finding("production-without-log-drain", {"app": app["name"]})]


def config_var_that_staging_lacks(site: Site) -> Findings:
    """Set a config var in one stage and not in the other."""
    app, name = site.app("production", "staging"), site.draw.choice(("NEW_PRICES", "MAP_TILES"))
    site.company.at(CONFIG_VARS, app)[name] = "on"
    other_stage = "staging" if app in site.company.in_stage("production") else "production"
    [other] = site.apps_in(site.pipeline_of(app), other_stage)
    return [finding("config-vars-missing-in-a-stage", {"app": other["name"], "name": name, "other": app["name"]})]


def one_secret_in_two_stages(site: Site) -> Findings:
    """Give staging the secret of production."""
    app, name = site.app("production"), site.draw.choice(("PAYMENT_KEY", "SESSION_SECRET"))
    [staging] = site.apps_in(site.pipeline_of(app), "staging")
    site.company.at(CONFIG_VARS, staging)[name] = site.company.at(CONFIG_VARS, app)[name]
    return [finding("secrets-shared-between-stages", {"app": one["name"], "name": name}) for one in (app, staging)]
