"""The SNI endpoints of an app: the certificate of each of its domains.

Automatic certificates last 90 days and are renewed a month before their end; one that cannot be renewed ends soon.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kosmo_kernel.demo.models import Record, ident
from kosmo_kernel.demo.record_maker import Maker
from kosmo_kernel.demo.times import ago, timestamp

_DAYS = 90
_NOT_RENEWED = ("failing", "failed")
# Apps with a certificate that they signed themselves and that no domain uses, and for which domain it was meant. In a
# generated company, some apps without automatic certificates have one.
_SELF_SIGNED = {"price-quotes": "quotes.larkmoor.example"}
_ONE_IN = 3


def sni_endpoints(make: Maker, app: Record) -> list[Record]:
    """Return the endpoints of an app."""
    found = [
        _endpoint(app, domain)
        for domain in make.company.resources_of(app).domains
        if domain["sni_endpoint"] is not None
    ]
    by_chance = not app["acm"] and int(app["id"][-4:], 16) % _ONE_IN == 0 and not make.company.find("price-quotes")
    host = _SELF_SIGNED.get(app["name"]) or (f"{app['name']}.larkmoor.example" if by_chance else "")
    return [*found, _self_signed(app, host)] if host else found


def _self_signed(app: Record, host: str) -> Record:
    """Return an endpoint with a certificate of two years that its owner signed, and that no domain uses."""
    name = f"{app['name'][:20]}-test"
    own = {"id": ident("sni-endpoint", name), "name": name}
    domain = {"hostname": host, "sni_endpoint": own, "acm_status": None, "updated_at": ago(300)}
    found = _endpoint(app, domain | {"id": "", "created_at": ago(300)})
    signed = {"ca_signed?": False, "self_signed?": True, "issuer": f"/CN={host}", "expires_at": ago(-430)}
    return found | {"domains": [], "ssl_cert": found["ssl_cert"] | signed}


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
            "expires_at": timestamp(ends),
            "id": ident("ssl-cert", host),
            "issuer": "/CN=Example Certificate Authority",
            "self_signed?": False,
            "starts_at": starts,
            "subject": f"/CN={host}",
        },
        "updated_at": max(starts, domain["created_at"]),
    }
