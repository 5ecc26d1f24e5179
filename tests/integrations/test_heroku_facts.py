"""The table of facts about Heroku's API: how it is made from a schema, compared, and read."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.integrations.heroku import __main__ as command
from kosmo_kernel.integrations.heroku import facts as facts_module
from kosmo_kernel.integrations.heroku import schema, secrets
from kosmo_kernel.integrations.heroku.facts import FILE, FieldFact, LinkFact, facts

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
    assert schema.read(SCHEMA) == {
        "parameters": {"boat.identity": ["id string uuid", "name ^[a-z]+$"]},
        "resources": {
            "boat": {
                "stability": "production",
                "links": [
                    {"path": "/boats/{boat.identity}", "returns": "record"},
                    {"path": "/boats", "returns": "list", "order": ["id", "name"]},
                ],
                "fields": {
                    "built_at": "timestamp",
                    "crew": "array",
                    "crew[].name": "string",
                    "flags": "array of string",
                    "id": "string uuid",
                    "radio": "object?",
                    "radio.call_url": "string | secret",
                    "state": "string? {afloat ashore}",
                },
            }
        },
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
        "3 links of 1 resources, 4 changes, nothing written",
    ]
    assert command.main([str(tmp_path / "new.json")]) == 0
    assert command.main([str(tmp_path / "new.json"), "--check"]) == 0


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"definitions": {"boat": {}}}'])
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
    assert (len(table.links), FILE.stat().st_size < 300_000) == (166, True)
    assert all(table.fields(link.resource) for link in table.links if not link.resource.endswith("config-var"))
    assert FieldFact("status", "string", False, ("failed", "pending", "succeeded", "expired"), "", "") in table.fields(
        "release"
    )
    assert LinkFact("release", "/apps/{app.identity}/releases", "list", "release", (), {}) in table.links


@pytest.mark.skipif("HEROKU_SCHEMA" not in os.environ, reason="needs Heroku's schema")
def test_the_table_of_the_package_is_that_of_herokus_schema() -> None:
    text = Path(os.environ["HEROKU_SCHEMA"]).read_text(encoding="utf-8")
    assert list(schema.differences(json.loads(FILE.read_text(encoding="utf-8")), schema.read(json.loads(text)))) == []


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
    assert known.get(field, secrets.mark(resource, field)) == secrets.SECRET


@pytest.mark.parametrize(
    ("resource", "field", "mark"),
    [
        ("app", "web_url", ""),
        ("key", "public_key", ""),
        ("domain", "sni_endpoint", ""),
        ("log-drain", "url", secrets.HOST),
        ("build", "buildpacks[].url", secrets.BARE),
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
        for key in secrets.EXCEPTIONS
        if key not in fields and not (key[0] == "*" and any(name.endswith(key[1]) for name in names))
    }
    assert missing == set()
    assert all(reason for _, reason in secrets.EXCEPTIONS.values())
    assert resources >= secrets.GUARDED
