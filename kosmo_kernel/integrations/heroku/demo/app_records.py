"""Records of an app that are computed from its other data: builds, certificates, config vars, drains, webhooks.

A build belongs to each release that is a deploy; some failed and led to no release. An automatic certificate lasts 90
days and is renewed a month before its end; one that cannot be renewed ends soon. Staging and production have not quite
the same config vars, and two apps share a secret. Every secret is fictional and fixed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kosmo_kernel.demo import ago, later
from kosmo_kernel.integrations.heroku.demo.company_data import PRIYA
from kosmo_kernel.integrations.heroku.demo.models import Record, ident
from kosmo_kernel.integrations.heroku.demo.offers import addon_value
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker, fictional, user
from kosmo_kernel.text import iso_time

# Builds -------------------------------------------------------------------------------------------------

_LANGUAGES = {"Node.js": "nodejs", "Ruby": "ruby", "Python": "python", "Go": "go", "Java": "java", "PHP": "php"}
# Builds that failed: how many days ago, and of which commit.
_FAILED = {
    "price-quotes": ((15.1, "Bump Laravel"), (15.0, "Bump Laravel")),  # in a brownout of its deprecated stack
    "courier-app": ((44.6, "Use Node 24"),),
    "my-app": ((5.2, "Try the new queue"),),
}
_FAILS_BY_CHANCE = 12  # one of so many other apps has a failed build
# A review app whose setup failed, and its pull request.
REVIEW = {"van-telemetry": (41, "gps-batches")}


def builds(make: Maker, app: Record) -> list[Record]:
    """Return the builds of an app, the oldest first."""
    deploys = [release for release in make.company.releases(app) if release["description"].startswith("Deploy")]
    if not deploys:
        return []
    buildpacks = [installation["buildpack"] for installation in buildpack_installations(make, app)]
    succeeded = [_build(app, release, buildpacks) for release in deploys]
    chance = int(ident("failed-build", app["name"])[-6:], 16)
    by_chance = ((chance % 20 + 1, "Update dependencies"),) if chance % _FAILS_BY_CHANCE == 0 else ()
    failed = _FAILED.get(app["name"], by_chance)
    return [*succeeded, *(_failed_build(f"{app['name']}/{days}", succeeded[-1], days, what) for days, what in failed)]


def buildpack_installations(_make: Maker, app: Record) -> list[Record]:
    """Return the buildpacks of an app; one has a token in its address."""
    language = _LANGUAGES.get(app["buildpack_provided_description"])
    buildpacks = [{"url": f"urn:buildpack:heroku/{language}", "name": f"heroku/{language}"}] if language else []
    if app["name"] == "route-planner":
        url = f"https://larkmoor:{fictional('buildpack')}@git.larkmoor.example/solver-buildpack"
        buildpacks.insert(0, {"url": url, "name": url})
    return [{"ordinal": n, "buildpack": buildpack} for n, buildpack in enumerate(buildpacks)]


def slugs(make: Maker, app: Record) -> list[Record]:
    """Return the slugs of an app, which Heroku tells one by one; the newest has the size that the app tells."""
    processes = _processes(make, app)
    return [
        {
            "blob": {"method": "get", "url": f"https://slugs.larkmoor.example/{fictional(build['slug']['id'])}"},
            "buildpack_provided_description": app["buildpack_provided_description"],
            "checksum": build["source_blob"]["checksum"],
            "commit": build["source_blob"]["version"],
            "commit_description": build["source_blob"]["version_description"],
            "created_at": build["created_at"],
            "deleted_at": None,
            "id": build["slug"]["id"],
            "process_types": processes,
            "size": app["slug_size"],
            "stack": app["stack"],
            "updated_at": build["updated_at"],
        }
        for build in builds(make, app)
        if build["slug"]
    ]


def oci_images(make: Maker, app: Record) -> list[Record]:
    """Return the images of an app of the Fir generation."""
    return [
        make(
            "oci-image",
            artifact["id"],
            id=artifact["id"],
            digest=f"sha256:{ident('digest', artifact['id']).replace('-', '') * 2}",
            base_image_name="heroku/heroku:24-cnb",
            architecture="amd64",
            process_types={name: {"command": line} for name, line in _processes(make, app).items()},
            stack=app["stack"],
            created_at=release["created_at"],
        )
        for release in make.company.releases(app)
        for artifact in release["artifacts"]
        if artifact["type"] == "oci-image" and release["description"].startswith("Deploy")
    ]


def app_setups(make: Maker) -> list[Record]:
    """Return the setups of apps, which Heroku tells one by one: those of the review apps."""
    return [
        make(
            "app-setup",
            app["name"],
            id=ident("app-setup", app["name"]),
            app=app,
            build=None,
            postdeploy=None,
            status="failed",
            failure_message="The manifest has errors",
            manifest_errors=["The add-on `kafka` has no plan of this name"],
            resolved_success_url=None,
            created_at=app["created_at"],
        )
        for app in make.company.apps
        if app["name"] in REVIEW
    ]


def _processes(make: Maker, app: Record) -> Record:
    return {process["type"]: process["command"] for process in make.company.formation(app)}


def _build(app: Record, release: Record, buildpacks: list[Record]) -> Record:
    commit = (release["id"].replace("-", "") * 2)[:40]
    since = release["created_at"]
    return {
        "app": {"id": app["id"]},
        "buildpacks": buildpacks,
        "created_at": since,
        "generation": app["generation"]["name"],
        "id": ident("build-run", release["id"]),
        "output_stream_url": f"https://build-output.larkmoor.example/{fictional(release['id'])}",
        "release": {"id": release["id"]},
        "slug": release["slug"],
        "source_blob": {
            "checksum": f"SHA256:{ident('checksum', release['id']).replace('-', '') * 2}",
            "url": f"https://sources.larkmoor.example/{fictional('source' + release['id'])}",
            "version": commit,
            "version_description": f"* {commit[:8]}: {release['user']['email'].partition('.')[0]} deploys",
        },
        "stack": app["stack"]["name"],
        "status": "succeeded",
        "updated_at": since,
        "user": release["user"],
    }


def _failed_build(key: str, latest: Record, days: float, commit: str) -> Record:
    """Return a build after the latest one that succeeded; `commit` describes what could not be built."""
    since = max(ago(days), latest["created_at"])
    source = {"version": ident("commit", key).replace("-", ""), "version_description": commit}
    return latest | {
        "created_at": since,
        "id": ident("build-run", key),
        "release": None,
        "slug": None,
        "source_blob": latest["source_blob"] | source,
        "status": "failed",
        "updated_at": later(since, 1e-3),
    }


# Certificates -------------------------------------------------------------------------------------------

_DAYS = 90
_NOT_RENEWED = ("failing", "failed")
# Apps with a certificate that they signed themselves and that no domain uses, and for which domain it was meant. In a
# generated company, some apps without automatic certificates have one.
_SELF_SIGNED = {"price-quotes": "quotes.larkmoor.example"}
_SELF_SIGNED_ONE_IN = 3


def sni_endpoints(make: Maker, app: Record) -> list[Record]:
    """Return the endpoints of an app."""
    endpoints = [
        _endpoint(app, domain)
        for domain in make.company.resources_of(app).domains
        if domain["sni_endpoint"] is not None
    ]
    by_chance = (
        not app["acm"] and int(app["id"][-4:], 16) % _SELF_SIGNED_ONE_IN == 0 and not make.company.find("price-quotes")
    )
    host = _SELF_SIGNED.get(app["name"]) or (f"{app['name']}.larkmoor.example" if by_chance else "")
    return [*endpoints, _self_signed(app, host)] if host else endpoints


def _self_signed(app: Record, host: str) -> Record:
    """Return an endpoint with a certificate of two years that its owner signed, and that no domain uses."""
    name = f"{app['name'][:20]}-test"
    own = {"id": ident("sni-endpoint", name), "name": name}
    domain = {"hostname": host, "sni_endpoint": own, "acm_status": None, "updated_at": ago(300)}
    endpoint = _endpoint(app, domain | {"id": "", "created_at": ago(300)})
    signed = {"ca_signed?": False, "self_signed?": True, "issuer": f"/CN={host}", "expires_at": ago(-430)}
    return endpoint | {"domains": [], "ssl_cert": endpoint["ssl_cert"] | signed}


def _endpoint(app: Record, domain: Record) -> Record:
    host, own = domain["hostname"], domain["sni_endpoint"]
    chance = int(ident("certificate", host)[-6:], 16)
    if domain["acm_status"] in _NOT_RENEWED:
        starts = ago(_DAYS - 9 - chance % 14)
    else:
        starts = max(domain["updated_at"], ago(chance % 50 + 1))
    ends = datetime.fromisoformat(starts) + timedelta(days=_DAYS)
    body = ident("chain", host).replace("-", "")
    return {
        "app": {"id": app["id"], "name": app["name"]},
        "certificate_chain": f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n",
        "created_at": domain["created_at"],
        "display_name": None,
        "domains": [domain["id"]],
        "id": own["id"],
        "name": own["name"],
        "ssl_cert": {
            "ca_signed?": True,
            "cert_domains": [host],
            "expires_at": iso_time(ends),
            "id": ident("ssl-cert", host),
            "issuer": "/CN=Example Certificate Authority",
            "self_signed?": False,
            "starts_at": starts,
            "subject": f"/CN={host}",
        },
        "updated_at": max(starts, domain["created_at"]),
    }


# Config vars --------------------------------------------------------------------------------------------

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
        for released in make.company.releases(app)
        if (text := released["description"]).startswith("Set ")
        and (release is None or released["version"] <= release["version"])
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
    values: Record = {}
    for attachment in make.company.attachments_of(app):
        addon = by_id[attachment["addon"]["id"]]
        if until is None or addon["created_at"] <= until:
            own = addon["app"]["id"] == app["id"]
            for name in addon["config_vars"][: None if own else 1]:
                variable = name if own else f"{attachment['name']}_{name.rpartition('_')[2]}"
                values[variable] = addon_value(addon, name)
    return values


# Drains and webhooks ------------------------------------------------------------------------------------

# The hosts that get logs besides those of add-ons; one of them belongs to the agency.
_HOSTS = {
    "booking-api": ("logs.larkmoor.example",),
    "courier-app": ("collector.pixelbarn.example",),
    "parcel-tracker": ("logs.larkmoor.example", "siem.larkmoor.example"),
    "wholesale-portal": ("collector.pixelbarn.example",),
}
_DRAINED_ONE_IN = 6  # so many apps of a generated company have a drain
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
    records = []
    for addon in make.company.resources_of(app).addons:
        records += addon_log_drains(make, addon)
    by_chance = int(ident("drain", app["name"])[-4:], 16) % _DRAINED_ONE_IN == 0 and not make.company.find(
        "parcel-tracker"
    )
    for host in _HOSTS.get(app["name"], ("logs.larkmoor.example",) if by_chance else ()):
        url = f"https://larkmoor:{fictional('drain/' + app['name'] + host)}@{host}/logs?app={app['name']}"
        records.append(_drain(f"{app['name']}/{host}", url, app["created_at"], app=app, addon=None))
    return records


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
            item["name"],
            owner={"id": item["id"], "type": kind},
            signals=["traces", "metrics", "logs"],
            exporter={
                "type": "otlphttp",
                "endpoint": f"https://larkmoor:{fictional(item['name'])}@otel.larkmoor.example/v1",
                "headers": {"x-otel-key": fictional(f"otel/{item['name']}")},
            },
            created_at=item["created_at"],
        )
        for item, kind in owners
        if owner is None or owner["id"] == item["id"]
    ]


def webhooks(make: Maker, owner: Record) -> list[Record]:
    """Return the webhooks of an app or an add-on."""
    if "addon_service" not in owner:
        return [
            make(
                "app-webhook",
                f"{owner['name']}/{host}",
                app=owner,
                include=list(include),
                level=level,
                url=f"https://{host}/heroku?token={fictional('webhook/' + owner['name'])}",
                created_at=max(owner["created_at"], "2024-03-04T09:00:00Z"),
            )
            for host, include, level in _WEBHOOKS.get(owner["name"], ())
        ]
    if owner["addon_service"]["name"] != _TOLD_BY:
        return []
    url = f"https://hooks.larkmoor.example/databases?token={fictional('webhook/' + owner['name'])}"
    values = {"include": ["api:addon"], "level": "notify", "url": url, "created_at": owner["created_at"]}
    return [make("add-on-webhook", owner["name"], addon=owner, **values)]


def events(make: Maker, owner: Record) -> list[Record]:
    """Return the events that the webhooks of an app or an add-on told about."""
    return [_event(make, hook, n) for hook in webhooks(make, owner) for n in range(2)]


def deliveries(make: Maker, owner: Record) -> list[Record]:
    """Return the deliveries to webhooks: the first of each succeeded, the second is tried again."""
    return [_delivery(make, hook, n) for hook in webhooks(make, owner) for n in range(2)]


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
    values = {"id": ident("webhook-event", key), "include": include, "payload": payload}
    return make("app-webhook-event", key, **values, created_at=max(ago(2 - number), hook["created_at"]))


def _delivery(make: Maker, hook: Record, number: int) -> Record:
    event = _event(make, hook, number)
    since, failed = event["created_at"], number > 0
    attempt = {"status": "failed", "code": 502} if failed else {"status": "succeeded", "code": 200}
    attempt |= {"created_at": since, "updated_at": since, "error_class": None}
    values = {"event": event, "webhook": hook, "num_attempts": 1, "last_attempt": attempt, "created_at": since}
    values |= {"status": "retrying", "next_attempt_at": ago(-0.1)} if failed else {"status": "succeeded"}
    return make("app-webhook-delivery", event["id"], **{"next_attempt_at": None} | values)
