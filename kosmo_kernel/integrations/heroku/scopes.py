"""The scope of a token that each resource of Heroku needs, with the sources.

Heroku's schema does not say it. What the scopes are and include is in Heroku's article "OAuth"
(devcenter.heroku.com/articles/oauth#scopes) and in its design (brandur.org/oauth-scope). Every answer of Heroku's has
the scopes of the token and those that would do, in its headers: an error is explained by these, and by this table
where they are missing. `integrations:doctor` compares this table with the token's scopes, without a request.
"""

from __future__ import annotations

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
        *("archive", "audit-trail-event", "enterprise-account-daily-usage", "enterprise-account-monthly-usage"),
    }
)


def needed(resource: str) -> str:
    """Return the narrowest scope that a link of a resource needs; empty if nobody states it."""
    return "" if resource in _NOT_STATED else _NEEDED.get(resource, READ)


def accepted(resource: str) -> tuple[str, ...]:
    """Return the scopes of a token of which one is enough for a link of a resource; all if nobody states it."""
    return ENOUGH.get(needed(resource), SCOPES)
