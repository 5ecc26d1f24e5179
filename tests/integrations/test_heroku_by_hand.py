"""What is said by hand about Heroku: the scopes of tokens, the names of dyno sizes, and the dates of stacks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from full_matrix import full_except
from recorded import query

from kosmo_kernel import Session, archive, heroku, snapshot
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.integration import beyond_scopes
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.docs.guides import guide
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku import HEROKU, functions
from kosmo_kernel.integrations.heroku.api import ENOUGH, GLOBAL, IDENTITY, READ, READ_PROTECTED, SCOPES, needed
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.integrations.heroku.functions import (
    AS_OF,
    MAX_AGE_DAYS,
    SIZE_FIELDS,
    SOURCE,
    size_spelling,
    stack_dates,
)
from kosmo_kernel.questions.discovery import checks_beyond
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.values.records import Records

# Scopes


READER = DemoApi(company(), scopes=("read",))


def test_the_functions_written_by_hand_have_the_scopes_of_the_table() -> None:
    owners = {link.path.replace("{app.identity}", "{app_id}"): link.owner for link in facts().links}
    links = [link for function in functions.FUNCTIONS for link in function.links]
    assert {link.path: link.scope for link in links} == {link.path: needed(owners[link.path]) for link in links}


def test_each_scope_that_is_needed_is_one_that_a_token_can_have() -> None:
    assert {needed(link.owner) for link in facts().links} - {""} == ENOUGH.keys()
    assert all(set(scopes) <= set(SCOPES) and scopes[0] == scope for scope, scopes in ENOUGH.items())


@pytest.mark.parametrize(
    ("function", "arguments", "needs"),
    [
        ("get_current_user", {}, "identity or global"),
        ("list_config_vars", {"app_id": "my-app"}, "read-protected or write-protected or global"),
        ("list_oauth_authorizations", {}, "global"),
        ("list_spaces", {"team": "larkmoor"}, "global"),
    ],
)
def test_an_error_for_want_of_a_scope_names_those_that_would_do(
    function: str, arguments: dict[str, str], needs: str
) -> None:
    account = Account("heroku", "default", DEMO_TOKEN, HEROKU.base_url, "the test")
    client = Client(HEROKU, account, transport=in_process(READER))
    with pytest.raises(RefusedError) as caught:
        client.fetch(HEROKU.function(function), arguments)
    assert (caught.value.status, caught.value.id) == (403, "forbidden")
    assert f"The token has the scope read, and this needs {needs}." in caught.value.message
    assert client.scopes == ("read",)
    client.fetch(HEROKU.function("list_spaces"), {})


SAMPLES = {"pipeline_id": "parcel-tracker", "stage": "production"}  # where a name that is nobody's is not found first


def refused_to(scopes: tuple[str, ...]) -> set[str]:
    """Return the functions that the demo refuses to a token with some scopes, with the arguments if only with some."""
    account = Account("heroku", "default", DEMO_TOKEN, HEROKU.base_url, "the test")
    client = Client(HEROKU, account, transport=in_process(DemoApi(company(), refill=UNLIMITED, scopes=scopes)))
    names = set()
    for function in (one for one in HEROKU.functions if one.links):
        refused = []
        for link in function.links:
            examples = {param.name: SAMPLES.get(param.name) or param.example or "x" for param in function.params}
            try:
                client.fetch(function, {place: examples[place] for place in link.placeholders})
            except RefusedError as error:
                refused += [link] if error.status == HTTPStatus.FORBIDDEN else []
        if len(refused) == len(function.links):
            names.add(function.name)
        else:
            names |= {f"{function.name}({{ {', '.join(link.placeholders)} }})" for link in refused}
    return names


@pytest.mark.parametrize(
    "scopes", full_except([(READ, IDENTITY), (READ_PROTECTED, IDENTITY), (GLOBAL,)], (READ, IDENTITY))
)
def test_the_functions_that_are_named_as_beyond_a_token_are_those_that_are_refused_to_it(
    scopes: tuple[str, ...],
) -> None:
    named = {name for names in beyond_scopes(HEROKU, scopes).values() for name in names}
    assert named == refused_to(scopes)
    assert bool(named) is (GLOBAL not in scopes)


def test_the_guide_to_accounts_names_what_a_token_for_reading_is_not_enough_for() -> None:
    page = guide("accounts")
    functions, checks = beyond_scopes(HEROKU, (READ, IDENTITY)), checks_beyond(HEROKU, (READ, IDENTITY))
    assert functions.keys() == checks.keys() == {GLOBAL, READ_PROTECTED}
    for scope, names in (*functions.items(), *checks.items()):
        rows = [row for row in page.splitlines() if row.startswith(f"| `{scope}`")]
        assert [name for name in names if not any(f"`{name}`" in row for row in rows)] == []


def test_a_page_says_which_scope_a_token_needs_unless_it_is_read() -> None:
    for name in ("get_current_user", "list_config_vars", "list_keys", "list_spaces"):
        assert "A token needs the scope" in HEROKU.function(name).description
    for name in ("list_apps", "list_releases", "get_rate_limit"):
        assert "scope" not in HEROKU.function(name).description


# Names of dyno sizes


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("standard-1X", "Standard-1X"),
        ("STANDARD-2X", "Standard-2X"),
        ("eco", "Eco"),
        ("performance-l-ram", "Performance-L-RAM"),
        ("Private-2XL", "Private-2XL"),
        ("Dyno-1C-0.5GB", "dyno-1c-0.5gb"),
        ("a-size-of-tomorrow", "A-SIZE-OF-TOMORROW"),
    ],
)
def test_a_size_has_one_spelling(sent: str, shown: str) -> None:
    assert size_spelling(sent) == shown
    assert size_spelling(sent.swapcase()) == shown


def test_all_sizes_of_heroku_are_spelled_as_its_list_of_sizes_has_them() -> None:
    with Session("demo") as session:
        sent = [size["name"] for size in session.call("heroku.list_dyno_sizes", {}).value]
    assert len(sent) > 30
    assert [size_spelling(name) for name in sent] == sent


@pytest.mark.parametrize(
    ("function", "column"), [("list_dynos", "size"), ("list_formation", "size"), ("list_formation", "dyno_size.name")]
)
def test_a_join_by_the_name_of_a_size_loses_no_row(function: str, column: str) -> None:
    used = getattr(heroku.demo, function)(app_id=heroku.demo.list_apps())
    joined = used.merge(heroku.demo.list_dyno_sizes(), left_on=column, right_on="name", suffixes=("", "_of_size"))
    assert len(joined) == len(used) > 20


def test_lua_and_json_have_the_text_that_heroku_sent() -> None:
    with Session("demo") as session:
        records = session.run('return heroku.list_dynos({ app_id = "wholesale-portal" })').value
    assert [dyno["size"] for dyno in records] == ["Standard-1X", "standard-1X"]
    assert isinstance(records, Records)
    assert "standard-1X" not in table_of(records, 10).text()


def test_a_snapshot_keeps_what_heroku_sent_and_its_frames_have_one_spelling(tmp_path: Path) -> None:
    file = tmp_path / "saved.kosmo"
    with Session("demo") as session:
        snapshot.take(session, file)
    with Session(from_archive=file) as saved:
        records = saved.run('return heroku.list_dynos({ app_id = "wholesale-portal" })').value
    assert [dyno["size"] for dyno in records] == ["Standard-1X", "standard-1X"]
    with closing(sqlite3.connect(file)) as connection:
        in_view = {size for [size] in connection.execute("SELECT size FROM dynos")}
    for sizes_shown in (set(archive.SavedSnapshot(file)["dynos"]["size"]), in_view):
        assert ("Standard-1X" in sizes_shown, "standard-1X" in sizes_shown) == (True, False)


def test_a_value_that_is_no_text_stays_as_it_is() -> None:
    function = HEROKU.table.named("list_dynos")
    rows: list[dict[str, Any]] = [{"size": None}, {"size": 2}, {"size": "eco"}]
    column = next(field for field in function.columns if field.name == "size")
    assert "Eco" in table_of(Records(rows, None, (column,)), 10).text()


def test_every_field_with_the_name_of_a_size_has_one_spelling() -> None:
    for resource, name in SIZE_FIELDS:
        assert name in {field.name for field in facts().fields(resource)}
    spelled = {
        (function.name, column.name) for function in HEROKU.functions for column in function.columns if column.spelling
    }
    named = {
        (function.name, column.name)
        for function in HEROKU.functions
        for column in function.columns
        if column.name.endswith(("dyno_size.name", "dyno.size"))
    }
    assert named < spelled
    assert {("list_dynos", "size"), ("get_dyno_size", "name"), ("list_formation", "size")} < spelled


# Dates of stacks


@pytest.mark.parametrize(("days", "notes"), [(-8, 0), (0, 0), (MAX_AGE_DAYS, 0), (MAX_AGE_DAYS + 1, 1)])
def test_a_table_older_than_180_days_says_so(days: int, notes: int) -> None:
    assert f"more than {MAX_AGE_DAYS} days ago" in HEROKU.function("list_stack_dates").description
    _, texts = stack_dates(AS_OF + timedelta(days), {})
    assert len(texts) == notes
    assert all(f"{AS_OF}, {days} days ago" in note and SOURCE in note for note in texts)


OWN = """
[integrations.heroku.stacks.heroku-22]
as_of = 2026-12-01
source = "https://heroku.example/mail"
supported_until = 2027-01-10
builds = [{ since = 2027-01-20, builds = "not possible" }]
[integrations.heroku.stacks.heroku-28]
as_of = "2026-12-02"
"""


@pytest.fixture
def own_days(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "config.toml").write_text(OWN, encoding="utf-8")


@pytest.mark.usefixtures("own_days")
def test_the_user_s_days_of_a_stack_take_the_place_of_ours_in_every_table() -> None:
    with Session("demo") as session:
        dates = {row["stack"]: row for row in session.run("return heroku.list_stack_dates()").value}
        stacks = {row["stack"]: row for row in session.run("return heroku.tables.stacks()").value}
        deadlines = session.run("return heroku.tables.deadlines()").value
    ends = {(row["kind"], row["day"]) for row in deadlines if row["what"] == "heroku-22"}

    assert (dates["heroku-22"]["as_of"], dates["heroku-22"]["source"]) == ("2026-12-01", "https://heroku.example/mail")
    assert (dates["heroku-24"]["as_of"], dates["heroku-24"]["source"]) == (AS_OF.isoformat(), SOURCE)
    assert (dates["heroku-28"]["supported_until"], dates["heroku-28"]["builds"]) == (None, [])
    assert (stacks["heroku-22"]["supported_until"], stacks["heroku-22"]["builds_fail_from"]) == (
        "2027-01-10",
        "2027-01-20",
    )
    assert ends == {("stack support ends", "2027-01-10"), ("stack builds end", "2027-01-20")}


@pytest.mark.parametrize(("days", "is_said"), [(61, False), (60, False), (59, True), (0, True), (-1, True)])
def test_a_table_whose_last_day_is_near_or_past_says_its_date(days: int, is_said: bool) -> None:
    last = date(2031, 4, 30)
    [note] = [*stack_dates(last - timedelta(days), {row["stack"]: row for row in current_rows()})[1], ""][:1]
    assert ("the last day in them is 2031-04-30" in note) is is_said
    assert note.startswith("The dates of stacks are of 2030-12-31, ") is is_said


def current_rows() -> list[dict[str, Any]]:
    """Return the table as if somebody had looked up each of its days shortly before they end."""
    return [row | {"as_of": "2030-12-31"} for row in stack_dates(AS_OF, {})[0]]


def test_in_a_replay_the_age_is_that_at_the_time_of_the_recording(tmp_path: Path) -> None:
    file = tmp_path / "run.kosmo"
    with Session(record=file) as session:
        session.run("return heroku.list_stack_dates()")
    notes = []
    for day in (AS_OF, AS_OF + timedelta(MAX_AGE_DAYS + 1)):
        query(file, "UPDATE kosmo_runs SET begun = ?", (f"{day}T09:00:00Z",))
        with Session(from_archive=file) as session:
            notes.append([note for note in session.run("return heroku.list_stack_dates()").notes if SOURCE in note])
    assert [len(one) for one in notes] == [0, 1]


def test_each_stack_that_there_is_has_dates_and_builds_end_after_its_support() -> None:
    rows = {row["stack"]: row for row in stack_dates(AS_OF, {})[0]}
    with Session("demo") as session:
        assert rows.keys() >= {stack["name"] for stack in session.run("return heroku.list_stacks()").value}
    for row in rows.values():
        days = [date.fromisoformat(step["since"]) for step in row["builds"]]
        assert days == sorted(days)
        if row["builds"]:
            assert row["builds"][-1]["builds"] == "not possible"
            assert days[-1] == date.fromisoformat(row["supported_until"]) + timedelta(1)


def test_the_dates_send_no_request_and_need_no_token() -> None:
    with Session() as session:
        done = session.run("return heroku.list_stack_dates()")
        planned = session.run("return #heroku.list_stack_dates()")
    assert [(call.status, call.requests, call.rows) for call in done.calls] == [("ok", 0, 8)]
    assert planned.value == 8
    last = {row["stack"]: row["supported_until"] for row in done.value}
    assert (last["heroku-22"], last["heroku-26"], last["cnb"]) == ("2027-04-30", "2031-04-30", None)
