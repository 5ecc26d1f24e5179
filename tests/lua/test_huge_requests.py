"""Requests of a script that are short in Lua and could be long outside: huge names, huge lists, huge texts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial

import pytest

from kosmo_kernel import docs, errors
from kosmo_kernel.calls import output as output_module
from kosmo_kernel.calls.output import RunOutput
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua import run as run_module
from kosmo_kernel.lua.run import LuaRun
from kosmo_kernel.safety import redaction
from kosmo_kernel.session import Session
from kosmo_kernel.text import nearest
from kosmo_kernel.values import extended_json
from kosmo_kernel.values.records import Records


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as opened:
        yield opened


@pytest.mark.claim("parent-names")
@pytest.mark.full
def test_unknown_argument_names_are_named_up_to_a_few_and_counted(lua: Session) -> None:
    with pytest.raises(errors.InvalidArgumentsError) as caught:
        HEROKU.function("list_dynos").bind({f"x{i}": 1 for i in range(200_000)} | {"app_id": "a"})
    assert len(caught.value.message) < 1000
    assert "199,995 more" in caught.value.message

    many = "local t = {} for i = 1, %d do t['x' .. i] = 1 end return pcall(app.integrations.heroku.list_dynos, t)"
    assert "more than 1000 arguments" in lua.run(many % 200_000).values[1]
    assert "there is no argument" in lua.run(many % 100).values[1]


def test_a_list_of_bad_items_is_told_in_a_few_words() -> None:
    with pytest.raises(errors.InvalidArgumentsError) as caught:
        HEROKU.function("list_dynos").bind({"app_id": ["/bad"] * 100_000})

    assert len(caught.value.message) < 1000
    assert "99995 more" in caught.value.message


@pytest.mark.parametrize(
    "page", ["zq" * 500_000, "zq." * 300_000, '["' * 500_000, "[' " * 300_000, "x" * 10**6 + "(", " " * 10**6]
)
def test_a_huge_name_of_a_page_is_looked_up_in_no_time(page: str) -> None:
    started = time.thread_time()
    with pytest.raises(errors.UnknownNameError) as caught:
        docs.read(page + "zzz")
    nearest(page, ["list_apps", "list_dynos"])
    docs.search(page)

    assert len(caught.value.message) < 1000
    assert time.thread_time() - started < 10


@pytest.mark.claim("parent-names")
@pytest.mark.parametrize(
    "ask",
    [
        "docs.read(name)",
        "docs.search(name)",
        "return app.integrations.heroku[name]",
        "return app.integrations[name]",
        "mcp.tools(name)",
        "mcp.schema(('a.'):rep(1 << 20))",
        "return app.mcp[name].x",
        "app.mcp.call(name)",
    ],
)
def test_a_name_of_megabytes_is_an_error_and_costs_little(lua: Session, ask: str) -> None:
    before = time.thread_time()
    found = lua.run(f"local name = ('zz'):rep(4 << 20) return (pcall(function() {ask} end))")

    assert len(found.values) == 1
    assert time.thread_time() - before < 10


def test_output_of_megabytes_is_cut_before_it_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[int] = []
    clean = RunOutput.redact

    def redacted(run: RunOutput, text: str) -> str:
        cleaned.append(len(text))
        return clean(run, text)

    monkeypatch.setattr(RunOutput, "redact", redacted)
    with Session("demo") as session:
        found = session.run("print(('x'):rep(50 << 20))")

    assert max(cleaned) < 2 << 20
    assert 1 << 20 <= len(found.output) < (1 << 20) + 200
    assert "is cut here" in found.output


def test_a_secret_where_output_is_cut_is_not_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "HRKU-" + "a" * 100
    monkeypatch.setattr(output_module, "MAX_OUTPUT_BYTES", 1000)
    monkeypatch.setattr(output_module, "MAX_SECRET_LENGTH", 200)
    with Session("demo") as session:
        for before in (0, 895, 899, 950, 999, 1350, 1399):
            found = session.run(f"print(('x '):rep({before // 2}) .. ('{secret} '):rep(40))").output
            assert "HRKU" not in found


def test_escapes_in_json_are_read_as_they_are_meant() -> None:
    texts = ['\n\t\r\b\f"/\\', "\\n", "\\\\n", "a\\u0041", "\x02\x1f\x7f", "é😀\u2028", '\\"', "plain"]
    for text in texts:
        for written in (json.dumps(text), json.dumps(text, ensure_ascii=False), text and json.dumps([text, {text: 1}])):
            seen: list[str] = []
            redaction.would_change(written, partial(_note, seen))
            assert text in seen[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _note(seen: list[str], text: str) -> str:
    seen.append(text)
    return text


def test_wide_values_are_read_where_they_are() -> None:
    value = {"a": [1, {"b": float("inf")}], "c": {1: "x", "\0d": [[]]}}
    text, is_wide = extended_json.encode(value)

    assert is_wide
    assert extended_json.decode(text) == value


def test_a_column_that_no_record_has_is_not_kept() -> None:
    records = Records([{"a": i} for i in range(10)])
    for number in range(1000):
        records.column((f"k{number}",))
    records.column(("a",))

    assert list(records._columns) == [("a",)]


def test_errors_and_pages_of_a_run_are_kept_up_to_a_number(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "MAX_ERRORS", 10)
    monkeypatch.setattr(output_module, "MAX_PAGES", 10)
    runs: list[LuaRun] = []
    keep = LuaRun.failed

    def noted(run: LuaRun, error: errors.KosmoError) -> None:
        runs.append(run)
        keep(run, error)

    monkeypatch.setattr(LuaRun, "failed", noted)
    lua.run("for i = 1, 100 do pcall(docs.read, 'zz' .. i) docs.search('dyno' .. i) end")

    assert len(runs[0].errors) <= 20
    assert len(runs[0].output._pages) <= 10
