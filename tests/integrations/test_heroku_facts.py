"""The table of facts about Heroku's API: how it is made from a schema, compared, and read."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from heroku_schema import schema_from_facts
from repository import ROOT

from kosmo_kernel.integrations.heroku import __main__ as command
from kosmo_kernel.integrations.heroku import facts as facts_module
from kosmo_kernel.integrations.heroku.facts import EXCEPTIONS, FILE, GUARD_EXCEPTIONS, facts, is_guarded, mark
from kosmo_kernel.integrations.heroku.fields import BARE, HOST, SECRET, FieldFact

BOAT = {
    "stability": "production",
    "definitions": {
        "id": {"type": ["string"], "format": "uuid"},
        "name": {"type": ["string"], "pattern": "^[a-z]+$"},
        "identity": {
            "anyOf": [{"$ref": "#/definitions/boat/definitions/id"}, {"$ref": "#/definitions/boat/definitions/name"}]
        },
    },
    "links": [
        {
            "href": "/boats/{(%23%2Fdefinitions%2Fboat%2Fdefinitions%2Fidentity)}",
            "method": "GET",
            "rel": "self",
            "targetSchema": {"$ref": "#/definitions/boat"},
        },
        {
            "href": "/boats",
            "method": "GET",
            "rel": "instances",
            "ranges": ["name", "id"],
            "targetSchema": {"type": ["array"], "items": {"$ref": "#/definitions/boat"}},
        },
        {"href": "/boats", "method": "POST", "rel": "create"},
    ],
    "properties": {
        "id": {"$ref": "#/definitions/boat/definitions/id"},
        "state": {"type": ["string", "null"], "enum": ["afloat", "ashore", None]},
        "built_at": {"type": ["string"], "format": "date-time"},
        "crew": {"type": ["array"], "items": {"type": ["object"], "properties": {"name": {"type": ["string"]}}}},
        "flags": {"type": ["array"], "items": {"type": ["string"]}},
        "radio": {"type": ["null", "object"], "properties": {"call_url": {"type": ["string"]}}},
    },
}
SCHEMA: dict[str, Any] = {"definitions": {"boat": BOAT}}


def test_a_table_has_the_links_parameters_and_fields_of_a_schema() -> None:
    assert command.read(SCHEMA) == {
        "functions": [
            {
                "subject": "boat",
                "path": "/boats/{boat.identity}",
                "returns": "record",
                "params": [{"name": "boat.identity", "ways": ["id string uuid", "name ^[a-z]+$"]}],
                "record": "boat",
            },
            {"subject": "boat", "path": "/boats", "returns": "list", "order": ["id", "name"], "record": "boat"},
        ],
        "records": {
            "boat": {
                "built_at": "timestamp",
                "crew": "array",
                "crew[].name": "string",
                "flags": "array of string",
                "id": "string uuid",
                "radio": "object?",
                "radio.call_url": "string | secret",
                "state": "string? {afloat ashore}",
            }
        },
        "guarded": ["boat"],
    }


def test_fields_follow_references_and_alternatives_and_end_where_a_schema_contains_itself() -> None:
    text = {"type": ["string"]}
    boat = BOAT | {
        "properties": {
            "tender": {"$ref": "#/definitions/boat"},
            "dock": {"oneOf": [{"type": ["null"]}, {"properties": {"place": text}}]},
            "depth": {"anyOf": [{"type": ["integer"]}, {"type": ["null"]}]},
            "cargo": {"type": ["object"], "definitions": {"weight": text}},
            "stops": {"type": ["array"], "items": {"type": ["object"]}, "properties": {"port": text}},
        }
    }
    assert command.read({"definitions": {"boat": boat}})["records"]["boat"] == {
        "cargo": "object",
        "cargo.weight": "string",
        "depth": "integer?",
        "dock": "object?",
        "dock.place": "string",
        "stops": "array",
        "stops[].port": "string",
        "tender": "object | secret",
    }


def test_what_a_newer_schema_adds_drops_and_changes_is_told_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = copy.deepcopy(SCHEMA)
    boat = newer["definitions"]["boat"]
    del boat["properties"]["flags"]
    boat["properties"]["mast_count"] = {"type": ["integer"]}
    boat["properties"]["built_at"]["type"].append("null")
    boat["links"].append({"href": "/afloat", "method": "GET", "rel": "instances"})
    monkeypatch.setattr(facts_module, "FILE", tmp_path / "facts.json")
    for name, content in (("old", SCHEMA), ("new", newer)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    assert command.main([str(tmp_path / "old.json")]) == 0
    capsys.readouterr()
    assert command.main([str(tmp_path / "new.json"), "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "~ boat field built_at: timestamp -> timestamp?",
        "- boat field flags: array of string",
        "+ boat field mast_count: integer",
        "+ boat link /afloat: returns list",
        "! /afloat has no function",
        "3 links of 1 resources, 4 changes, nothing written",
    ]
    assert command.main([str(tmp_path / "new.json")]) == 0
    assert command.main([str(tmp_path / "new.json"), "--check"]) == 0


@pytest.mark.parametrize(
    "text",
    [
        *("no JSON", "[]", '{"definitions": {"boat": {}}}'),
        '{"definitions": {"boat": {"stability": "production", "links": [{"href": "/boats", "method": "GET"}]}}}',
    ],
)
def test_a_file_that_is_no_schema_changes_nothing(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.json").write_text(text, encoding="utf-8")
    before = FILE.read_bytes()

    assert command.main([str(tmp_path / "schema.json")]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'schema.json'}: ")
    assert FILE.read_bytes() == before


def test_the_table_of_the_package_can_be_read_in_full_and_is_small() -> None:
    table = facts()
    assert (len(table.links), FILE.stat().st_size < 300_000) == (177, True)
    assert all(table.fields(link.resource) for link in table.links if not link.resource.endswith("config-var"))
    assert FieldFact("status", "string", False, ("failed", "pending", "succeeded", "expired"), "", "") in table.fields(
        "release"
    )
    assert ("release", "/apps/{app.identity}/releases", "list", "release", ()) in [
        (link.owner, link.path, link.returns, link.resource, link.order) for link in table.links
    ]


@pytest.mark.skipif("HEROKU_SCHEMA" not in os.environ, reason="needs Heroku's schema")
def test_the_table_of_the_package_is_that_of_herokus_schema() -> None:
    text = Path(os.environ["HEROKU_SCHEMA"]).read_text(encoding="utf-8")
    assert list(command.differences(json.loads(FILE.read_text(encoding="utf-8")), command.read(json.loads(text)))) == []


# What is secret


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        ("dyno", "attach_url"),
        ("add-on-config", "value"),
        ("oauth-authorization", "access_token.token"),
        ("oauth-authorization", "grant.code"),
        ("log-drain", "token"),
        ("vpn-connection", "tunnels[].pre_shared_key"),
        ("telemetry-drain", "exporter.headers"),
        ("slug", "blob.url"),
        ("app-webhook-event", "payload.data"),
        ("anything-new", "signed_url"),
    ],
)
def test_a_field_whose_name_says_so_is_secret(resource: str, field: str) -> None:
    known = {one.name: one.mark for one in facts().fields(resource)} if resource != "anything-new" else {}
    assert known.get(field, mark(resource, field)) == SECRET


@pytest.mark.parametrize(
    ("resource", "field", "mark"),
    [
        ("app", "web_url", ""),
        ("key", "public_key", ""),
        ("domain", "sni_endpoint", ""),
        ("log-drain", "url", HOST),
        ("build", "buildpacks[].url", BARE),
    ],
)
def test_the_exceptions_are_those_of_the_list(resource: str, field: str, mark: str) -> None:
    assert {one.name: one.mark for one in facts().fields(resource)}[field] == mark


def test_each_exception_is_about_a_field_that_heroku_has_and_has_a_reason() -> None:
    resources = {link.resource for link in facts().links}
    fields = {(resource, one.name) for resource in resources for one in facts().fields(resource)}
    names = {name for _, name in fields}
    missing = {
        key
        for key in EXCEPTIONS
        if key not in fields and not (key[0] == "*" and any(name.endswith(key[1]) for name in names))
    }
    assert missing == set()
    assert all(reason for _, reason in EXCEPTIONS.values())


@pytest.mark.parametrize(
    "resource",
    [
        *("sni-endpoint", "key", "oauth-authorization", "oauth-client", "identity-provider", "vpn-connection"),
        *("config-var", "pipeline-config-var", "add-on-config", "log-drain", "telemetry-drain", "app-webhook"),
        *("app-webhook-event", "add-on-attachment", "audit-trail-event", "team-invitation", "peering", "slug"),
        *("release", "build"),
    ],
)
def test_what_holds_certificates_keys_tokens_or_addresses_is_guarded(resource: str) -> None:
    assert resource in facts().guarded


@pytest.mark.parametrize(
    "resource", ["app", "dyno", "add-on", "domain", "collaborator", "account", "formation", "team"]
)
def test_what_audits_read_most_has_all_that_heroku_sends(resource: str) -> None:
    assert resource not in facts().guarded


@pytest.mark.parametrize(
    ("resource", "marks", "guarded"),
    [
        ("new-certificate", {"id": ""}, True),
        ("new-thing", {"id": "", "callback.url": SECRET}, True),
        ("new-thing", {"id": "", "ssl_cert.issuer": ""}, True),
        ("new-thing", {"id": "", "public_key": ""}, True),
        ("new-thing", {"id": "", "keyboard": "", "certified": ""}, False),
        ("monkey", {"id": ""}, False),
    ],
)
def test_a_resource_is_guarded_by_its_name_or_by_its_fields(
    resource: str, marks: dict[str, str], guarded: bool
) -> None:
    assert is_guarded(resource, marks) == guarded


def test_each_exception_from_the_guard_is_about_a_resource_that_the_rule_gets_wrong_and_has_a_reason() -> None:
    for resource, (guarded, reason) in GUARD_EXCEPTIONS.items():
        marks = {field.name: field.mark for field in facts().fields(resource)}
        assert (is_guarded(f"{resource}-2", marks), bool(reason)) == (not guarded, True)
        assert (resource in facts().guarded) == guarded


# A newer schema

WITH_OTHER_FACTS = """
import sys
from pathlib import Path
from kosmo_kernel.integrations.heroku import facts
facts.FILE = Path(sys.argv.pop(1))
"""
TAKE_OVER = f"""{WITH_OTHER_FACTS}
from kosmo_kernel.integrations.heroku.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
USE = f"""{WITH_OTHER_FACTS}
import json
from kosmo_kernel import Session, docs, editor
with Session("demo") as session:
    regions = session.run("return heroku.list_regions()").frame()
    stacks = session.run("return heroku.list_stacks({{ region = 'eu' }})").frame()
code = "heroku.get_region({{ region = 'eu' }})."
print(json.dumps({{
    "page": docs.read("heroku.list_regions"),
    "choices": docs.read("heroku.list_stacks"),
    "table": [str(name) for name in regions.columns],
    "values": sorted(regions["colour"].dropna().unique()),
    "stacks": len(stacks),
    "completion": [match.text for match in editor.complete(code, len(code), None).matches],
}}))
"""


def python(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_newer_schema_is_followed_by_functions_tables_and_pages_after_one_command(tmp_path: Path) -> None:
    newer = schema_from_facts()
    assert command.read(newer) == json.loads(FILE.read_text(encoding="utf-8"))
    definitions = newer["definitions"]
    del definitions["region"]["properties"]["locale"]
    definitions["region"]["properties"]["colour"] = {"type": ["string", "null"], "enum": ["green", "blue", None]}
    place = quote("#/definitions/region/definitions/identity", safe="")
    new_link = {"href": f"/regions/{{({place})}}/stacks", "method": "GET", "rel": "instances"}
    definitions["stack"]["links"].append(new_link)
    (tmp_path / "schema.json").write_text(json.dumps(newer), encoding="utf-8")
    copy = tmp_path / "facts.json"
    copy.write_bytes(FILE.read_bytes())

    *changes, last = python(TAKE_OVER, copy, tmp_path / "schema.json").splitlines()
    assert changes == [
        "+ region field colour: string? {green blue}",
        "- region field locale: string",
        "+ stack link /regions/{region.identity}/stacks: returns list",
    ]
    assert (last.startswith("167 links of "), last.endswith(f" 3 changes, written to {copy}")) == (True, True)
    used = json.loads(python(USE, copy))
    words = [word in used["page"] for word in ("`colour`", "`green`, `blue`", "`locale`")]
    assert words == [True, True, False]
    assert "`region`, or none" in used["choices"]
    assert ("colour" in used["table"], "locale" in used["table"]) == (True, False)
    assert ("colour" in used["completion"], "locale" in used["completion"]) == (True, False)
    assert (set(used["values"]) <= {"green", "blue"}, used["stacks"] > 0) == (True, True)
