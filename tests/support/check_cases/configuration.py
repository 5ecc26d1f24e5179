"""What apps are set up with: domains, certificates, log drains and config vars."""

from __future__ import annotations

from clean_company import CONFIG_VARS, DRAINS, ENDPOINTS

from check_cases.site import Findings, Site, defect, finding, is_cedar, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.models import Record, ident
from kosmo_kernel.integrations.heroku.demo.record_maker import fictional

takes("drains-to-other-hosts", hosts=["Logs.larkmoor.example"])


@defect("certificates-ending", "failing-certificates")
def failing_certificate_that_ends(site: Site) -> Findings:
    """Renew the automatic certificate of a domain no more, for so long that it ends."""
    domain = _domain(site)
    domain.update(acm_status="failing", acm_status_reason="CDN not returning HTTP challenge")
    _end_certificate(site, domain)
    return [finding("failing-certificates", _key(domain)), finding("certificates-ending", _endpoint_key(domain))]


@defect("certificates-ending")
def certificate_that_ends(site: Site) -> Findings:
    """Let a certificate end within a month."""
    domain = _domain(site)
    _end_certificate(site, domain)
    return [finding("certificates-ending", _endpoint_key(domain))]


@near_miss("certificates-ending")
def certificate_of_next_month(site: Site) -> None:
    """Let a certificate end in five weeks, by when Heroku has renewed it."""
    app = site.app("production")
    for endpoint in site.company.at(ENDPOINTS, app):
        endpoint["ssl_cert"]["expires_at"] = ago(-site.draw.uniform(31, 40))


@defect("failing-certificates")
def failing_certificate(site: Site) -> Findings:
    """Renew the automatic certificate of a domain no more."""
    domain = _domain(site)
    site.company.at(ENDPOINTS, domain["app"])  # its certificate is still good
    state = site.draw.choice((("failing", "CDN not returning HTTP challenge"), ("failed", "Failing CCA check")))
    domain.update(acm_status=state[0], acm_status_reason=state[1])
    return [finding("failing-certificates", _key(domain))]


@defect("failing-certificates")
@near_miss("domains-waiting-for-dns")
def failing_certificate_for_its_dns(site: Site) -> Findings:
    """Renew the automatic certificate of a domain no more, because its DNS points elsewhere."""
    domain = _domain(site)
    site.company.at(ENDPOINTS, domain["app"])  # its certificate is still good
    domain.update(acm_status="failing", acm_status_reason="Invalid DNS")
    return [finding("failing-certificates", _key(domain))]


@defect("domains-waiting-for-dns")
def waiting_for_dns(site: Site) -> Findings:
    """Point the DNS of a domain elsewhere."""
    domain = _domain(site)
    domain.update(status="pending")
    return [finding("domains-waiting-for-dns", _key(domain))]


@defect("domains-without-certificate")
def no_certificate(site: Site) -> Findings:
    """Switch automatic certificates off, and upload none."""
    app = site.app("production")
    app["acm"] = False
    domains = _custom(site, app)
    for domain in domains:
        domain.update(acm_status=None, sni_endpoint=None)
    site.company.put([], ENDPOINTS, app)
    return [finding("domains-without-certificate", _key(domain)) for domain in domains]


@near_miss("domains-without-certificate", "failing-certificates")
def certificate_on_its_way(site: Site) -> None:
    """Add a domain whose automatic certificate is being made."""
    app = site.app("production")
    site.company.at(ENDPOINTS, app).clear()
    for domain in site.company.resources_of(app).domains:
        if domain["kind"] == "custom":
            domain.update(acm_status="in-progress", sni_endpoint=None)


@defect("self-signed-certificates")
def self_signed(site: Site) -> Findings:
    """Upload a certificate that nobody else has signed."""
    domain = _domain(site)
    _endpoint(site, domain)["ssl_cert"].update({"self_signed?": True, "ca_signed?": False})
    return [finding("self-signed-certificates", _endpoint_key(domain))]


@near_miss("self-signed-certificates")
def uploaded_certificate(site: Site) -> None:
    """Upload a certificate that an authority has signed."""
    domain = _domain(site)
    _endpoint(site, domain)["ssl_cert"].update({"self_signed?": False, "ca_signed?": True, "acm": False})
    domain.update(acm_status=None)


@defect("drains-to-other-hosts")
def drain_to_a_stranger(site: Site) -> Findings:
    """Send the logs of an app to a host that belongs to somebody else."""
    app = site.app()
    host = site.draw.choice(("collector.pixelbarn.example", "logs.larkmoor.example.org"))
    site.company.at(DRAINS, app).append(_drain(app, host))
    return [finding("drains-to-other-hosts", {"app": app["name"], "host": host})]


@near_miss("drains-to-other-hosts", "production-without-log-drain")
def drain_to_our_own_host(site: Site) -> None:
    """Send the logs of a production app to a host below the one that may get them, and nowhere else."""
    app = site.app("production")
    site.company.put([_drain(app, "eu.logs.larkmoor.example")], DRAINS, app)


@defect("production-without-log-drain")
def no_drain(site: Site) -> Findings:
    """Keep the logs of a production app nowhere."""
    app = site.app("production", where=is_cedar)
    site.company.put([], DRAINS, app)
    return [finding("production-without-log-drain", {"app": app["name"]})]


@defect("config-vars-missing-in-a-stage")
def config_var_that_staging_lacks(site: Site) -> Findings:
    """Set a config var in one stage and not in the other."""
    app, name = site.app("production", "staging"), site.draw.choice(("NEW_PRICES", "MAP_TILES"))
    site.company.at(CONFIG_VARS, app)[name] = "on"
    other_stage = "staging" if app in site.company.in_stage("production") else "production"
    [other] = site.apps_in(site.pipeline_of(app), other_stage)
    return [finding("config-vars-missing-in-a-stage", {"app": other["name"], "name": name, "other": app["name"]})]


@near_miss("config-vars-missing-in-a-stage")
def config_var_to_try(site: Site) -> None:
    """Set a config var where somebody develops, and nowhere else."""
    site.company.at(CONFIG_VARS, site.app("development"))["TRY_NEW_MAP"] = "on"


@defect("secrets-shared-between-stages")
def one_secret_in_two_stages(site: Site) -> Findings:
    """Give staging the secret of production."""
    app, name = site.app("production"), site.draw.choice(("PAYMENT_KEY", "SESSION_SECRET"))
    [staging] = site.apps_in(site.pipeline_of(app), "staging")
    site.company.at(CONFIG_VARS, staging)[name] = site.company.at(CONFIG_VARS, app)[name]
    return [finding("secrets-shared-between-stages", {"app": one["name"], "name": name}) for one in (app, staging)]


@near_miss("secrets-shared-between-stages")
def one_mailbox(site: Site) -> None:
    """Use one secret in two apps of production."""
    for app in (site.app("production"), site.app("production")):
        vars_of = [app, *site.apps_in(site.pipeline_of(app), "staging")]
        for one in vars_of:
            value = "shared-by-production" if one is app else f"own-of-{one['name']}"
            site.company.at(CONFIG_VARS, one)["SMTP_PASSWORD"] = value


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


def _drain(app: Record, host: str) -> Record:
    return {
        "addon": None,
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": app["created_at"],
        "id": ident("log-drain", f"{app['name']}/{host}"),
        "token": f"d.{ident('drain-token', app['name'])}",
        "updated_at": app["created_at"],
        "url": f"https://larkmoor:{fictional(app['name'])}@{host}/logs",
    }
