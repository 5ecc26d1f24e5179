"""Each link of Heroku's schema that has a function: called on the demo account through Lua and through Python.

What comes back, its table, the function's page, its completion and its JSON are compared with the facts of the schema.
The arguments are computed, from the places in the path and from what the demo's own records have for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from demo_links import answer, places, query
from editor_state import texts

from kosmo_kernel import docs
from kosmo_kernel.catalogue import RESERVED, Function, Link
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.derived import paths_by_hand
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts
from kosmo_kernel.integrations.heroku.fields import HOST, FieldFact
from kosmo_kernel.python_api import share_session, stop_sharing
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.render.tables import RecordView
from kosmo_kernel.results import run_document
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Record, encode

NAMES = [function.name for function in HEROKU.functions if function.links]
SOME = [
    "list_apps",
    "get_build",
    "list_builds",
    "list_test_runs",
    "list_review_apps",
    "list_config_vars",
    "list_domains",
]
EACH = [pytest.param(name, marks=[pytest.mark.full] if n % 16 else []) for n, name in enumerate(NAMES)]
DTYPES = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "timestamp": "datetime64[us, UTC]",
    "array": "object",
    "object": "object",
}
WORDS = {"timestamp": "time", "array": "list", "any": "string"}  # of types, on pages and in the description
FINGERPRINTED = [FieldFact("name", "string", False, (), "", ""), FieldFact("fingerprint", "string", True, (), "", "")]


@dataclass
class Notebook:
    """A notebook whose session calls from Python use."""

    session: Session


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Yield a session on the demo account, which calls from Python use as well."""
    with Session("demo") as made:
        notebook = Notebook(made)
        share_session(notebook)
        yield made
        stop_sharing(notebook)


@cache
def links_by_shape() -> dict[str, LinkFact]:
    """Return the first link of each path, whatever its places are called."""
    return {shape(link.path): link for link in reversed(facts().links)}


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}|~", "{}", path)


def calls(function: Function) -> Iterator[tuple[LinkFact, dict[str, Any], Any]]:
    """Yield each link of a function, arguments that lead there, and what the demo's API answers at that address."""
    for link in function.links:
        fact = links_by_shape()[shape(link.path)]
        path = next(path for path in places(fact.path) if answer(path))
        yield fact, arguments(function, link, path), answer(path)


def arguments(function: Function, link: Link, path: str) -> dict[str, Any]:
    match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", link.path), path)
    assert match, (link.path, path)
    kinds = {param.name: param.kind for param in function.params}
    given = {name: int(text) if kinds[name] == "integer" else text for name, text in match.groupdict().items()}
    return given | query(path)


def columns(fields: Iterable[FieldFact]) -> dict[str, FieldFact]:
    """Return the fields that have columns: those without fields of their own, and not those of items of lists."""
    outside = [field for field in fields if "[]" not in field.name]
    parents = {".".join(field.name.split(".")[:-1]) for field in outside}
    nullable = {field.name for field in outside if field.nullable or field.mark == HOST}
    found = {}
    for field in outside:
        if field.kind != "object" or field.name not in parents:
            parts = field.name.split(".")
            may_be_null = any(".".join(parts[: n + 1]) in nullable for n in range(len(parts)))
            found[field.name] = field._replace(nullable=may_be_null)
            if field.mark == HOST:
                host = ".".join([*parts[:-1], "host"])
                found[host] = FieldFact(host, "string", True, (), "", "")
    return found


def columns_of(function: Function, fact: LinkFact) -> dict[str, FieldFact]:
    fields = facts().fields(fact.resource)
    return columns(FINGERPRINTED if function.fingerprints else fields)


def without_marked(value: Any, fact: LinkFact, above: str = "") -> Any:
    """Return records without the fields that have a mark, and without the hosts of addresses."""
    fields = facts().fields(fact.resource)
    hidden = {field.name for field in fields if field.mark} | (
        columns(fields).keys() - {field.name for field in fields}
    )
    if isinstance(value, list):
        return [without_marked(one, fact, f"{above}[]" if above else "") for one in value]
    if not isinstance(value, dict):
        return value
    named = {name: f"{above}.{name}".removeprefix(".") for name in value}
    return {name: without_marked(value[name], fact, path) for name, path in named.items() if path not in hidden}


def in_lua(args: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in args.items()) + " }"


@pytest.mark.parametrize("name", EACH)
def test_a_function_gives_the_records_of_the_api_as_the_facts_have_them_in_lua_and_in_python(
    session: Session, name: str
) -> None:
    function = HEROKU.function(name)
    for fact, args, sent in calls(function):
        wanted = columns_of(function, fact)
        result = session.run(f"return app.integrations.heroku.{name}({in_lua(args)})")
        of_python = getattr(namespace_named("heroku"), name)(**args)
        [rows] = json.loads(encode(run_document(result)))["result"]
        assert rows
        if function.returns == "record":
            assert of_python == RecordView(Record(rows, function))  # with times as datetimes
        else:
            frame = result.frame()
            pd.testing.assert_frame_equal(frame, of_python)
            assert set(frame.columns) == wanted.keys()
            dtypes = {column: frame[column].dtype for column in map(str, frame)}
            kinds = {name: "string" if isinstance(one, pd.StringDtype) else str(one) for name, one in dtypes.items()}
            known = {column for column in kinds if not wanted[column].mark}  # an object may be `[redacted]`
            assert {name: kinds[name] for name in known} == {
                name: DTYPES.get(wanted[name].kind, kinds[name]) for name in known
            }
        if function.fingerprints:
            assert [row["name"] for row in rows] == list(sent)
        elif fact.resource != "rate-limit" and not fact.host:  # one has changed meanwhile, and others are arranged
            found = [sent] if isinstance(rows, list) and isinstance(sent, dict) else sent
            assert without_marked(rows, fact) == without_marked(found, fact)


@pytest.mark.parametrize("names", [SOME, pytest.param(NAMES, marks=pytest.mark.full)], ids=["some", "all"])
def test_a_recorded_run_and_its_replay_give_the_same_bytes_as_a_run_without_a_recording(
    names: list[str], tmp_path: Path
) -> None:
    cassette = tmp_path / "run.jsonl"
    recordable = [name for name in names if name != "get_rate_limit"]  # which is never recorded
    script = "\n".join(
        f"print('{name}', json.encode(app.integrations.heroku.{name}({in_lua(args)})))"
        for name in recordable
        for _, args, _ in calls(HEROKU.function(name))
    )

    def run(**options: Any) -> list[str]:
        with Session(**options) as own:
            return own.run(script).output.splitlines()

    plain, recorded, replayed = run(account="demo"), run(account="demo", record=cassette), run(from_archive=cassette)
    different = {one[0].split("\t")[0] for one in zip(plain, recorded, replayed, strict=True) if len(set(one)) > 1}
    assert (different, {line.split("\t")[0] for line in plain} >= set(recordable)) == (set(), True)


@pytest.mark.parametrize("name", EACH)
def test_the_page_the_description_and_the_completion_of_a_function_have_what_the_facts_have(name: str) -> None:
    function = HEROKU.function(name)
    wanted = columns_of(function, links_by_shape()[shape(function.links[0].path)])
    kinds = {column: WORDS.get(field.kind, field.kind) for column, field in wanted.items()}
    nullable = {column for column, field in wanted.items() if field.nullable}

    told = docs.describe(HEROKU, function)
    page = docs.read(f"heroku.{name}").partition("## What comes back")[2]
    shown = dict(re.findall(r"^\| `([\w.?-]+)` +\| (\w+(?:\sor\snil)?) +\|", page, re.MULTILINE))
    assert {field["name"] for field in told["fields"]} == wanted.keys()
    assert {column for column in wanted if column.rpartition(".")[2] != "id"} == shown.keys()
    assert {column: kind.partition("\u00a0")[0] for column, kind in shown.items()} == {c: kinds[c] for c in shown}
    if name not in paths_by_hand().values():  # those know more than the schema
        assert {column for column, kind in shown.items() if kind.endswith("nil")} == nullable & shown.keys()

    params = [param.name for param in function.params]
    offered = [text for text in texts(f"app.integrations.heroku.{name}({{ |", None) if text.endswith(" = ")]
    assert [text.removesuffix(" = ").strip('["]') for text in offered][: len(params)] == params
    item = "[1]" if function.returns == "list" else ""
    fields = texts(f"local found = app.integrations.heroku.{name}(){item}\nreturn found.|", None)
    assert set(fields) == {first for column in wanted if (first := column.partition(".")[0]).isidentifier()}
    assert set(told["input_schema"]["properties"]) == {*params, *(RESERVED if function.fan_out else ())}


@pytest.mark.parametrize("name", EACH)
def test_the_example_of_a_function_runs_on_the_demo_account(session: Session, name: str) -> None:
    for script in docs.read(f"heroku.{name}").scripts:
        session.run(script)
