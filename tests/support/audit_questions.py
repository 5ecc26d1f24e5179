"""The 25 questions of the audits, and the cell that answers each: `notebook/name of its value`."""

from __future__ import annotations

QUESTIONS = {
    "on a stack out of support, or changing it at the next build": "stack-and-lifecycle/old-stacks",
    "without a release for long, or ever": "stack-and-lifecycle/quiet",
    "in maintenance, and since when": "stack-and-lifecycle/maintenance",
    "no dynos, and add-ons that are paid for": "dyno-audit/idle",
    "crashed now, for how long, on which release": "dyno-audit/crashed",
    "one-off dynos that were forgotten": "dyno-audit/forgotten",
    "production on Eco and Basic": "dyno-audit/small",
    "dyno cost by app, team and size": "dyno-audit/cost",
    "add-on cost by app, team and service": "addon-and-domain-audit/cost",
    "add-ons that several apps share": "addon-and-domain-audit/shared",
    "add-ons stuck or gone": "addon-and-domain-audit/stuck",
    "databases on entry plans behind production": "addon-and-domain-audit/entry-plans",
    "certificates that fail, and why": "addon-and-domain-audit/failing",
    "domains without a certificate": "addon-and-domain-audit/no-certificate",
    "domains that wait, and where to point them": "addon-and-domain-audit/waiting",
    "people from outside": "access-audit/outside",
    "everything that one leaver can reach": "access-audit/leaver",
    "apps that belong to a person": "access-audit/persons",
    "who may deploy, operate, manage": "access-audit/may",
    "who is federated": "access-audit/federated",
    "apps by region, space and generation": "stack-and-lifecycle/regions",
    "verified, second factor, suspended, behind with payments": "access-audit/me",
    "two releases of one app at once": "dyno-audit/mixed",
    "what has changed": "drift/changes",
    "one app on one page": "incident-runbook/state",
}

ON_REQUEST = {"access-audit/leaver"}  # a cell that does nothing without a parameter; `test_leavers.py` runs it
