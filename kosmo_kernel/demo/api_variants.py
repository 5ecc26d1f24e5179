"""Convert a record to the form that a request asks for: a variant of version 3, or expanded references.

`Accept: …; version=3.sdk` is what Heroku's own CLI sends. That variant differs in three kinds of records: an app has
its generation in one word and details of its image, an add-on has metered prices, an account has the acceptance of
terms and details of the second factor (Heroku's schema of that variant, heroku/typescript-api-schema, May 2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kosmo_kernel.demo.models import Record
from kosmo_kernel.demo.plans import expanded

_FIR_IMAGE = {
    "base_image_name": "heroku/heroku:24-cnb",
    "buildpacks": [
        {"id": "heroku/nodejs", "version": "3.4.2", "homepage": "https://github.com/heroku/buildpacks-nodejs"}
    ],
}
_NO_IMAGE = {"base_image_name": None, "buildpacks": None}


@dataclass(frozen=True, slots=True)
class Form:
    """The form of records that a request asks for."""

    sdk: bool = False  # whether it is the variant `3.sdk`
    parts: frozenset[str] = frozenset()  # the references to expand

    def __call__(self, kind: str, record: Record) -> Record:
        """Return a record of a kind in this form."""
        if kind == "add-on" and self.parts:
            record = expanded(record, self.parts)
        return _SDK[kind](record) if self.sdk and kind in _SDK else record


def _app(app: Record) -> Record:
    generation = app["generation"]["name"]
    image = _FIR_IMAGE if generation == "fir" else _NO_IMAGE
    return app | image | {"current_build_architecture": ["amd64"], "generation": generation}


def _addon(addon: Record) -> Record:
    price = addon["billed_price"]
    metered = price and {
        "cents": price["cents"],
        "contract": price["contract"],
        "metered": False,
        "unit": price["unit"],
    }
    return addon | {"billed_price": metered, "plan": addon["plan"] | {"meters": []}}


def _account(account: Record) -> Record:
    return account | {
        "eco_dynos_enabled": True,
        "eco_dynos_shutdown_at": None,
        "pipeline_cost_consent_at": None,
        "acknowledged_msa": True,
        "acknowledged_msa_at": account["created_at"],
        "italian_customer_terms": None,
        "italian_partner_terms": None,
        "mfa_enabled": account["two_factor_authentication"],
        "mfa_exemption": False,
        "mfa_exemption_reason": None,
        "mfa_experience": "vaas",
    }


_SDK: dict[str, Callable[[Record], Record]] = {
    "app": _app,
    "add-on": _addon,
    "account": _account,
}
