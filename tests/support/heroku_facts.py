"""Describe what Heroku says about its records: every property of six resources, in our own form.

Read from Heroku's schema of its Platform API, version 3 (heroku/platform-api, 19 February 2026), whose
order is kept; `test_demo_company.py` compares the two wherever the official file is at hand. What Heroku is known
to leave out, which its schema does not say, is from its recorded answers (heroku/webhooks-docs).

A fact is one line, `"string? -"`:

    string …     the type: string, timestamp (ISO 8601, UTC), integer, boolean, object, array
    ?            may be null
    -            may be missing
    {a b}        the values that there are

A dotted name leads into an object, `[]` into each item of an array. What is inside an object that is null
or missing is not there either.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kosmo_kernel.integrations.heroku.demo.company import Company


class Fact(NamedTuple):
    """The facts about one property."""

    type: str
    nullable: bool
    optional: bool
    values: tuple[str, ...]


class Resource(NamedTuple):
    """A kind of record: where Heroku lists it (the account: where it is), and its properties by dotted name."""

    path: str
    facts: dict[str, Fact]

    def may_be_nil(self, name: str) -> bool:
        """Return whether a record may have no value there, because of the property itself or of what it is in."""
        parts = name.split(".")
        ways = [".".join(parts[: n + 1]) for n in range(len(parts))]
        return any(self.facts[way].nullable or self.facts[way].optional for way in ways)


def _resource(path: str, lines: dict[str, str]) -> Resource:
    facts = {}
    for name, line in lines.items():
        match = re.fullmatch(r"(\w+)(\?)?( -)?(?: \{(.+)\})?", line)
        assert match, line
        kind, nullable, optional, values = match.groups("")
        facts[name] = Fact(kind, bool(nullable), bool(optional), tuple(values.split()))
    return Resource(path, facts)


APP = _resource(
    "/apps",
    {
        "acm": "boolean",
        "archived_at": "timestamp?",
        "buildpack_provided_description": "string?",
        "build_stack": "object",
        "build_stack.id": "string",
        "build_stack.name": "string",
        "created_at": "timestamp",
        "generation": "object",
        "generation.id": "string",
        "generation.name": "string",
        "git_url": "string",
        "id": "string",
        "internal_routing": "boolean?",
        "maintenance": "boolean",
        "name": "string",
        "owner": "object",
        "owner.email": "string",
        "owner.id": "string",
        "organization": "object?",
        "organization.id": "string",
        "organization.name": "string",
        "team": "object?",
        "team.id": "string",
        "team.name": "string",
        "region": "object",
        "region.id": "string",
        "region.name": "string",
        "released_at": "timestamp?",
        "repo_size": "integer?",
        "slug_size": "integer?",
        "space": "object?",
        "space.id": "string",
        "space.name": "string",
        "space.shield": "boolean",
        "stack": "object",
        "stack.id": "string",
        "stack.name": "string",
        "updated_at": "timestamp",
        "web_url": "string?",
    },
)

DYNO = _resource(
    "/apps/{app}/dynos",
    {
        "attach_url": "string?",
        "command": "string",
        "created_at": "timestamp",
        "id": "string",
        "name": "string",
        "release": "object",
        "release.id": "string",
        "release.version": "integer",
        "app": "object",
        "app.name": "string",
        "app.id": "string",
        "size": "string",
        "state": "string",
        "type": "string",
        "updated_at": "timestamp",
    },
)

ADD_ON = _resource(
    "/apps/{app}/addons",
    {
        "actions": "array",
        "actions[].id": "string",
        "actions[].label": "string",
        "actions[].action": "string",
        "actions[].url": "string",
        "actions[].requires_owner": "boolean",
        "addon_service": "object",
        "addon_service.id": "string",
        "addon_service.name": "string",
        "billing_entity": "object",
        "billing_entity.id": "string",
        "billing_entity.name": "string",
        "billing_entity.type": "string {app team}",
        "app": "object",
        "app.id": "string",
        "app.name": "string",
        "billed_price": "object?",
        "billed_price.cents": "integer",
        "billed_price.contract": "boolean",
        "billed_price.unit": "string",
        "config_vars": "array",
        "created_at": "timestamp",
        "id": "string",
        "name": "string",
        "plan": "object",
        "plan.id": "string",
        "plan.name": "string",
        "provider_id": "string",
        "provision_message": "string -",
        "state": "string {provisioning provisioned deprovisioned}",
        "updated_at": "timestamp",
        "web_url": "string?",
    },
)

DOMAIN = _resource(
    "/apps/{app}/domains",
    {
        "acm_status": "string?",
        "acm_status_reason": "string?",
        "app": "object",
        "app.name": "string",
        "app.id": "string",
        "cname": "string?",
        "created_at": "timestamp",
        "hostname": "string",
        "id": "string",
        "kind": "string {heroku custom}",
        "updated_at": "timestamp",
        "status": "string",
        "sni_endpoint": "object?",
        "sni_endpoint.name": "string",
        "sni_endpoint.id": "string",
    },
)

COLLABORATOR = _resource(
    "/apps/{app}/collaborators",
    {
        "app": "object",
        "app.name": "string",
        "app.id": "string",
        "created_at": "timestamp",
        "id": "string",
        "permissions": "array -",
        "permissions[].name": "string",
        "permissions[].description": "string",
        "role": "string? - {admin collaborator member owner}",
        "updated_at": "timestamp",
        "user": "object",
        "user.email": "string",
        "user.federated": "boolean",
        "user.id": "string",
    },
)

ACCOUNT = _resource(
    "/account",
    {
        "allow_tracking": "boolean",
        "beta": "boolean",
        "created_at": "timestamp",
        "email": "string",
        "federated": "boolean",
        "id": "string",
        "identity_provider": "object?",
        "identity_provider.id": "string",
        "identity_provider.name": "string",
        "identity_provider.team": "object",
        "identity_provider.team.name": "string",
        "identity_provider.organization": "object",
        "identity_provider.organization.name": "string",
        "identity_provider.owner": "object",
        "identity_provider.owner.id": "string",
        "identity_provider.owner.name": "string",
        "identity_provider.owner.type": "string {team enterprise-account}",
        "last_login": "timestamp?",
        "name": "string?",
        "sms_number": "string?",
        "suspended_at": "timestamp?",
        "delinquent_at": "timestamp?",
        "two_factor_authentication": "boolean",
        "updated_at": "timestamp",
        "verified": "boolean",
        "country_of_residence": "string?",
        "default_organization": "object?",
        "default_organization.id": "string",
        "default_organization.name": "string",
        "default_team": "object?",
        "default_team.id": "string",
        "default_team.name": "string",
    },
)

# By the names of Heroku's schema.
RESOURCES = {
    "app": APP,
    "dyno": DYNO,
    "add-on": ADD_ON,
    "domain": DOMAIN,
    "collaborator": COLLABORATOR,
    "account": ACCOUNT,
}


def records(shown: Company) -> dict[str, list[dict[str, Any]]]:
    """Return all records of a company of the demo, by the names of Heroku's schema."""
    things = [shown.resources_of(app) for app in shown.apps]
    return {
        "app": shown.apps,
        "dyno": [record for thing in things for record in thing.dynos],
        "add-on": [record for thing in things for record in (*thing.addons, *thing.attached)],
        "domain": [record for thing in things for record in thing.domains],
        "collaborator": [record for thing in things for record in thing.collaborators],
        "account": [shown.account],
    }


_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def faults(record: dict[str, Any], resource: Resource, inside: str = "") -> list[str]:
    """Return what is wrong with a record: properties missing, unknown, out of order, of another type, or not allowed.

    Parameters:
        record: one JSON object.
        resource: what it should be.
        inside: the dotted name of the object within the record, with the dot at its end.
    """
    declared = [n[len(inside) :] for n in resource.facts if n.startswith(inside)]
    declared = [n for n in declared if "." not in n]
    found = [f"{inside}{n} is unknown" for n in record if n not in declared]
    found += [
        f"{inside}{n} is missing" for n in declared if n not in record and not resource.facts[inside + n].optional
    ]
    if not found and list(record) != [n for n in declared if n in record]:
        found.append(f"{inside or 'record'}: another order, {list(record)}")
    for name in [n for n in declared if n in record]:
        found += _value_faults(record[name], resource, inside + name)
    return found


def _value_faults(value: Any, resource: Resource, name: str) -> list[str]:
    fact = resource.facts[name]
    good = {
        "timestamp": isinstance(value, str) and bool(_TIMESTAMP.fullmatch(value)),
        "string": isinstance(value, str) and value in (fact.values or (value,)),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
    }
    if value is None or not good[fact.type]:
        return [] if value is None and fact.nullable else [f"{name} is {value!r}, but should be {fact}"]
    if fact.type == "object":
        return faults(value, resource, f"{name}.")
    if fact.type == "array" and any(n.startswith(f"{name}[].") for n in resource.facts):
        return [fault for item in value for fault in faults(item, resource, f"{name}[].")]
    return []
