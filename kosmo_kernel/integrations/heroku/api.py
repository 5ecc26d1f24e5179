"""The HTTP of Heroku's Platform API: pages, errors, the request budget, and which scope of a token each resource needs.

Heroku's schema does not say the scopes. What they are and include is in Heroku's article "OAuth"
(devcenter.heroku.com/articles/oauth#scopes) and in its design (brandur.org/oauth-scope). Every answer of Heroku's has
the scopes of the token and those that would do, in its headers: an error is explained by these, and by this table
where they are missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kosmo_kernel.catalogue.http import ErrorBody, Response
from kosmo_kernel.safety.decoder import DecodeError, decode

PAGE_SIZE = 1000  # records; the maximum of one page
_FORBIDDEN = 403
_MAX_ERROR_BYTES, _MAX_ERROR_VALUES = 64 << 10, 1000  # of the body of an error

IDENTITY, READ, READ_PROTECTED, GLOBAL = "identity", "read", "read-protected", "global"

# All scopes that a token can have; those that can do less come first.
SCOPES = (IDENTITY, READ, READ_PROTECTED, "write", "write-protected", GLOBAL)
# For each scope that is needed, the scopes of a token that are enough: the narrowest first.
ENOUGH = {
    IDENTITY: (IDENTITY, GLOBAL),
    READ: SCOPES[1:],
    READ_PROTECTED: (READ_PROTECTED, "write-protected", GLOBAL),
    GLOBAL: (GLOBAL,),
}

# Heroku's article: `identity` is for the account, `read` for apps and what belongs to them without config vars, and
# `read-protected` for these as well. (The design of 2013 counts releases among the protected things; others read them
# with `read`, see below.)
_DOCUMENTED = {"account": IDENTITY, "config-var": READ_PROTECTED, "pipeline-config-var": READ_PROTECTED}

# What Heroku refused to a token with `read` and `identity`, as the authors of CloudQuery's plugin for Heroku observed
# (cloudquery/cloudquery, plugins/source/heroku/docs/index.md); for invoices also heroku/roadmap#280.
_OBSERVED = dict.fromkeys(
    (
        *("app-webhook", "app-webhook-delivery", "app-webhook-event", "credit", "invoice", "key"),
        *("oauth-authorization", "oauth-client", "permission-entity", "team-feature", "team-invitation"),
        *("team-invoice", "team-member", "team-space"),
    ),
    GLOBAL,
)

_NEEDED = _DOCUMENTED | _OBSERVED

# Nobody states it for these, which are neither apps nor belong to one: Heroku's answer tells.
_NOT_STATED = frozenset(
    {
        *("account-delinquency", "invoice-address", "rate-limit", "sms-number", "user-preferences"),
        *("team-daily-usage", "team-delinquency", "team-monthly-usage", "team-preferences", "identity-provider"),
        *("backup", "backup-schedule", "database", "database-setting", "maintenance"),
        *("archive", "audit-trail-event", "enterprise-account-daily-usage", "enterprise-account-monthly-usage"),
    }
)


def needed(resource: str) -> str:
    """Return the narrowest scope that a link of a resource needs; empty if nobody states it."""
    return "" if resource in _NOT_STATED else _NEEDED.get(resource, READ)


def accepted(resource: str) -> tuple[str, ...]:
    """Return the scopes of a token of which one is enough for a link of a resource; all if nobody states it."""
    return ENOUGH.get(needed(resource), SCOPES)


def read_error(reply: Response) -> ErrorBody | None:
    """Return the content of an error, `{"id", "message", "url"}`; None if the body is something else."""
    try:
        body = decode(reply.body, max_bytes=_MAX_ERROR_BYTES, max_values=_MAX_ERROR_VALUES)
    except DecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return None
    texts = {key: value for key in ("id", "url") if isinstance(value := body.get(key), str)}
    id_ = texts.get("id")
    return ErrorBody(
        id_,
        body["message"].strip(),
        texts.get("url"),
        second_factor=id_ is not None and "two_factor" in id_,
        resource=resource if isinstance(resource := body.get("resource"), str) else None,
        scopes=_scopes(reply),
    )


def read_budget(reply: Response) -> int | None:
    """Return the number in `{"remaining": 2399}`; this request costs nothing (Heroku's schema, "Rate Limit")."""
    try:
        remaining = decode(reply.body)["remaining"]
    except (DecodeError, LookupError, TypeError):
        return None
    return remaining if isinstance(remaining, int) else None


def _scopes(reply: Response) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the scopes of the token and those that it would need, if they are why it was refused.

    Heroku's message does not name them, its headers do. Only names of scopes are taken from there.
    """
    granted, accepted = (_words(reply.headers, name) for name in ("oauth-scope", "oauth-scope-accepted"))
    if reply.status != _FORBIDDEN or not granted or not accepted or granted & accepted:
        return None
    return tuple(sorted(granted, key=SCOPES.index)), tuple(sorted(accepted, key=SCOPES.index))


def _words(headers: Mapping[str, str], name: str) -> set[str]:
    return set(SCOPES) & set(re.findall(r"[^\s,]+", headers.get(name, "")))
