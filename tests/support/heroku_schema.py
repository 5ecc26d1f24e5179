"""Schemas in the form of Heroku's: its own, where `HEROKU_SCHEMA` names it, and those made from the facts of a table.

`kosmo_kernel.integrations.heroku.__main__.read` makes the same table of the latter again, so that a test can change it.
"""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import jsonschema
import pytest

from kosmo_kernel.integrations.heroku.facts import FILE, Facts
from kosmo_kernel.integrations.heroku.fields import FieldFact

COMPANIES = {"Larkmoor Parcels": None, "an invented company": 150}


def official_schema() -> dict[str, Any]:
    """Heroku's own file, with what is known to be wrong in it put right."""
    path = os.environ.get("HEROKU_SCHEMA")
    if not path:
        pytest.skip("HEROKU_SCHEMA names no copy of Heroku's schema")
    definitions: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))["definitions"]
    # It calls a host name a `uri`, and its own example of one is `subdomain.example.com`.
    assert definitions["domain"]["definitions"]["hostname"].pop("format") == "uri"
    # It describes the list of actions as if it were one action.
    actions = definitions["add-on"]["definitions"]["actions"]
    actions["items"]["properties"] = actions.pop("properties")
    return definitions


def formats() -> jsonschema.FormatChecker:
    """Return the formats that the six resources use, checked without further packages."""
    checker = jsonschema.FormatChecker(())
    checker.checks("date-time", ValueError)(lambda text: text is None or bool(datetime.fromisoformat(text)))
    checker.checks("uuid", ValueError)(lambda text: text is None or bool(UUID(text)))
    checker.checks("email")(lambda text: text is None or text.count("@") == 1)
    checker.checks("uri")(lambda text: text is None or bool(urlsplit(text).scheme and urlsplit(text).netloc))
    return checker


Schema = dict[str, Any]


def schema_from_facts() -> Schema:
    """Return the schema that has the facts of the package."""
    return {"definitions": _definitions(json.loads(FILE.read_text(encoding="utf-8")))}


def _definitions(table: dict[str, Any]) -> Schema:
    facts = Facts(table)
    links = table["functions"]
    stability = {link["subject"]: link.get("stability", "production") for link in links}
    definitions: Schema = {
        name: {
            "stability": stability.get(name, "production"),
            "type": ["object"],
            "definitions": {},
            "links": [_link(name, link) for link in links if link["subject"] == name],
            "properties": _properties(facts.fields(name)),
        }
        for name in sorted({*stability, *table["records"]})
    }
    for parameter, ways in facts.parameters.items():
        resource, _, name = parameter.partition(".")
        own = definitions.setdefault(resource, {"stability": "production", "definitions": {}, "links": []})
        own = own["definitions"]
        for way in ways:
            field, _, fact = way.partition(" ")
            own[field] = _way(fact)
        if name not in own:
            references = [{"$ref": f"#/definitions/{resource}/definitions/{way.partition(' ')[0]}"} for way in ways]
            own[name] = {"anyOf": references} if ways else {"type": ["string"]}
    return definitions


def _way(fact: str) -> Schema:
    if fact.startswith("^"):
        return {"type": ["string"], "pattern": fact}
    kind, _, rest = fact.partition(" ")
    if rest.startswith("{"):
        return {"type": [kind], "enum": rest.strip("{}").split()}
    return {"type": [kind]} | ({"format": rest} if rest else {})


def _link(owner: str, link: dict[str, Any]) -> Schema:
    def place(match: re.Match[str]) -> str:
        resource, name = match[1].split(".")
        return "{(" + quote(f"#/definitions/{resource}/definitions/{name}", safe="") + ")}"

    reference = {"$ref": f"#/definitions/{link['record']}"}
    is_list = link["returns"] == "list"
    query = [param for param in link.get("params", ()) if "sent" in param]
    return {
        "href": re.sub(r"\{(.+?)\}", place, link["path"]),
        "method": "GET",
        "rel": "instances" if is_list else "self",
        "targetSchema": {"type": ["array"], "items": reference} if is_list else reference,
        **({"ranges": link["order"]} if "order" in link else {}),
        "schema": {
            "properties": {param["name"]: {"type": ["string"]} for param in query},
            "required": [param["name"] for param in query if param.get("required")],
        },
    }


def _properties(fields: list[FieldFact]) -> Schema:
    root: Schema = {}
    for field in fields:
        *above, name = field.name.split(".")
        place = root
        for part in above:
            place = place[part.removesuffix("[]")]
            place = (place["items"] if part.endswith("[]") else place)["properties"]
        place[name] = _value(field, fields)
    return root


def _value(field: FieldFact, fields: list[FieldFact]) -> Schema:
    kinds = {"timestamp": ["string"], "any": ["string", "number"]}.get(field.kind, [field.kind])
    value: Schema = {"type": [*kinds, *(["null"] if field.nullable else [])]}
    if field.kind == "timestamp":
        value["format"] = "date-time"
    elif field.format:
        value["format"] = field.format
    values = {"enum": list(field.values)} if field.values else {}
    if any(one.name.startswith(f"{field.name}[].") for one in fields):
        value["items"] = {"type": ["object"], "properties": {}}
    elif field.items:
        value["items"] = _way(field.items) | values
    else:
        value |= values
    if any(one.name.startswith(f"{field.name}.") for one in fields):
        value["properties"] = {}
    return value
