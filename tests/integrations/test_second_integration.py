"""A second service is one file: Lua, tables, documents, the command and the doctor know it without a change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fake_integration
import pytest
from fake_integration import FERRIES, KEY, SHIPS, Harbour
from kosmo_command import document, kosmo
from msgspec.structs import replace
from run_with import run_with

from kosmo_kernel import accounts, cli, docs, integrations
from kosmo_kernel.client.client import Client
from kosmo_kernel.demo.server import serve
from kosmo_kernel.editor import complete, inspect
from kosmo_kernel.errors import (
    CredentialsError,
    InvalidArgumentsError,
    RefusedError,
    SettingsError,
    UnknownNameError,
)
from kosmo_kernel.session import Session

TABLE = ["number", "title", "port.code", "port.title", "launched_at", "knots", "radio.secret", "funnels"]


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbour]:
    """Yield the ferries' API on a port of this machine, known to the process like a built-in integration."""
    everything = (*integrations.BUILT_IN, FERRIES)
    monkeypatch.setattr(integrations, "BUILT_IN", everything)
    api = Harbour()
    with serve(api) as served:
        monkeypatch.setenv("TIDEWATER_KEY", KEY)
        monkeypatch.setenv("TIDEWATER_URL", served.url)
        yield api


@pytest.fixture
def lua(harbour: Harbour) -> Iterator[Session]:
    with Session() as opened:
        yield opened


def test_a_call_in_lua_gives_a_table(lua: Session, harbour: Harbour) -> None:
    frame = lua.run("return app.integrations.ferries.list_ships()").frame()

    assert list(frame.columns) == TABLE
    assert list(frame["title"]) == ["Grey Gull", "Patience", "Long Night"]
    assert [str(kind) for kind in frame.dtypes[["number", "launched_at", "knots"]]] == [
        "Int64",
        "datetime64[us, UTC]",
        "Float64",
    ]
    assert set(frame["radio.secret"]) == {"[redacted]"}
    assert harbour.asked == [("/ships", KEY)]


def test_a_reference_of_it_compared_with_a_text_is_warned_about(lua: Session) -> None:
    notes = lua.run("return app.integrations.ferries.list_ships()[1].port == 'x'").notes

    assert any("`.port` is a record" in note for note in notes)


def test_records_read_as_their_label_and_missing_values_as_nothing(lua: Session) -> None:
    result = lua.run(
        "for _, ship in ipairs(app.integrations.ferries.fleet()) do"
        " print(ship.title .. ' of ' .. ship.port, ship.knots) end"
    )

    assert result.output == "Grey Gull of Larkhaven\t17.5\nPatience of Oyster Bay\tnil\nLong Night of Larkhaven\t21.0\n"


def test_a_list_of_records_is_asked_one_by_one(lua: Session, harbour: Harbour) -> None:
    frame = lua.run(
        "local f = app.integrations.ferries return f.list_sailings({ ship_number = f.list_ships() })"
    ).frame()

    assert frame[["ship_number", "to"]].to_numpy().tolist() == [
        [2, "Holm"],
        [2, "Sund"],
        [5, "Holm"],
        [5, "Sund"],
        [5, "Larkhaven"],
    ]
    assert [path for path, _ in harbour.asked].count("/ships/5/sailings") == 1


def test_a_failure_speaks_the_service_s_words(lua: Session) -> None:
    script = "return select(3, pcall(app.integrations.ferries.get_ship, { ship_number = 4 }))"
    facts = lua.run(script).value

    assert facts == {
        "type": "refused",
        "message": 'ferries.get_ship (ship_number "4", account default): Tidewater Ferries answered 404 (S1): '
        "No such ship. "
        "Check the name; what the account may not see is answered in the same way.",
        "status": 404,
        "id": "S1",
        "request_id": "v-1",
        "retryable": False,
        "function": "ferries.get_ship",
        "account": "default",
    }


@pytest.mark.parametrize(
    "source",
    [
        "pcall(get, 4)\nget(4)",
        "for i = 1, 2 do if i == 1 then pcall(get, 4) else get(4) end end",
        "parallel.map({ 1, 2 }, function(i) if i == 1 then pcall(get, 4) else get(4) end end, { limit = 1 })",
        "parallel.map({ 4, 4 }, function(n) pcall(get, n) end, { limit = 1 })\nerror(select(2, pcall(get, 4)), 0)",
    ],
)
def test_of_calls_that_fail_with_one_message_the_error_is_that_of_the_one_that_ended_the_run(
    lua: Session, harbour: Harbour, source: str
) -> None:
    with pytest.raises(RefusedError, match="No such ship") as caught:
        lua.run(f"local function get(n) return app.integrations.ferries.get_ship(n) end\n{source}")

    assert caught.value.request_id == f"v-{len(harbour.asked)}"


def test_arguments_are_checked_before_anything_is_sent(lua: Session, harbour: Harbour) -> None:
    with pytest.raises(InvalidArgumentsError, match="`ship_number` must be an integer, got 'Grey Gull'"):
        lua.run("app.integrations.ferries.get_ship({ ship_number = 'Grey Gull' })")
    assert harbour.asked == []


def test_a_refusal_for_want_of_budget_is_waited_out(lua: Session, harbour: Harbour) -> None:
    harbour.refusals = 1
    result = lua.run("return #app.integrations.ferries.list_ships()")

    assert (result.value, result.calls[0].requests) == (3, 2)


def test_the_budget_is_told_and_asked_in_the_service_s_own_way(harbour: Harbour) -> None:
    client = Client(FERRIES, accounts.find(FERRIES))
    before = client.remaining
    client.fetch(FERRIES.function("list_ships"), {})

    assert (before, client.remaining, client.budget_left()) == (None, 599, 598)
    client.close()


def test_a_wrong_key_says_where_it_came_from(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWATER_KEY", "another-key")

    with Session() as session, pytest.raises(RefusedError) as caught:
        session.run("app.integrations.ferries.list_ships()")

    assert "Tidewater Ferries answered 401 (K1): That key opens nothing. The token from TIDEWATER_KEY" in str(
        caught.value
    )
    assert "ask the harbour master for a key" in str(caught.value)
    assert harbour.asked == [("/ships", "another-key")]


def test_its_reference_is_written_from_its_catalogue(lua: Session) -> None:
    page = lua.run("return docs.read('ferries')").value

    assert isinstance(page, docs.Page)
    assert page.startswith("# Tidewater Ferries\n\nShips and where they sail.")
    assert "- `list_ships`: Every ship of the line" in page
    assert "| `ship_number` | integer or list | yes" in lua.run("return docs.read('ferries.get_ship')").value
    assert "`TIDEWATER_KEY`" in page
    assert "ferries.list_sailings" in lua.run("return docs.search('departure')").value


def test_the_editor_completes_and_explains_it(harbour: Harbour) -> None:
    source = "app.integrations.ferries.list_s"
    names = [match.text for match in complete(source, len(source), None).matches]
    told = inspect("app.integrations.ferries.get_ship", 33, None)

    assert {"list_ships", "list_sailings"} <= set(names)
    assert told is not None
    assert "One ship, by number" in str(told)


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code = cli.outcome([*argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_command_runs_lua_on_it(harbour: Harbour, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "lua", "-e", "return app.integrations.ferries.get_ship(2)")

    expected = {**SHIPS[0], "radio": {"secret": "[redacted]"}}
    assert (code, told["success"], told["result"]) == (0, True, [expected])
    assert told["integration_calls"][0]["path"] == "integrations.ferries.get_ship"


def test_the_command_takes_what_its_functions_declare(
    harbour: Harbour,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = {**SHIPS[0], "radio": {"secret": "[redacted]"}}
    for words in (
        ["call", "ferries.get_ship", "--ship-number", "2"],
        ["call", "ferries.get_ship", "ship_number=2"],
        ["call", "ferries_get_ship", '{"ship_number": 2}'],
    ):
        code, told = run(capsys, *words)
        assert (code, told["function"], told["data"]) == (0, "ferries.get_ship", expected)
    code, told = run(capsys, "call", "ferries.get_ship", "--ship-number", "two")
    assert (code, told["error"]) == (2, "Invalid value for '--ship-number': 'two' is not an integer.")
    code, told = run(capsys, "call", "ferries.get_ship", '{"ship_number": "2"}')
    assert (code, "must be an integer" in told["error"]) == (2, True)


def test_its_help_offers_no_demo_where_it_has_none(
    harbour: Harbour,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.outcome(["call", "ferries.get_ship", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--demo" not in told
    assert "  kosmo call ferries.get_ship --ship-number N --format csv\n" in told


def test_the_doctor_examines_it(harbour: Harbour, capsys: pytest.CaptureFixture[str]) -> None:
    _, told = run(capsys, "doctor")

    assert "accounts.ferries.default" in json.dumps(told)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the file is a package with an entry point."""
    info = tmp_path / "tidewater-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tidewater\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[kosmo_kernel.integrations]\nferries = fake_integration:FERRIES\n")
    (tmp_path / "fake_integration.py").write_text(Path(fake_integration.__file__).read_text())
    root = str(Path(integrations.__file__).parent.parent.parent)
    return {"PYTHONPATH": f"{tmp_path}:{root}"}


def lua_with_the_package(api: Harbour, installed: dict[str, str], script: str, *options: str) -> tuple[int, Any]:
    """Return what the command says of a script, where the service is known by its entry point alone."""
    with serve(api) as served:
        own = installed | {"TIDEWATER_KEY": KEY, "TIDEWATER_URL": served.url}
        return document("lua", "--json", *options, "-e", script, env=own)


def test_lua_finds_the_package_in_the_run_that_first_names_it(installed: dict[str, str]) -> None:
    script = """
        local before = {}
        for name in pairs(app.integrations) do table.insert(before, name) end
        local ships = app.integrations.ferries.list_ships()
        local after = {}
        for name in pairs(app.integrations) do table.insert(after, name) end
        assert(ferries.list_ships == app.integrations.ferries.list_ships and feries == nil)
        return table.concat(before, " "), table.concat(after, " "), ships[2].title .. " of " .. ships[2].port
    """
    _, told = lua_with_the_package(Harbour(), installed, script)

    assert told["result"] == ["heroku", "ferries heroku", "Patience of Oyster Bay"]


def test_a_failure_of_the_package_speaks_its_own_words_in_lua(installed: dict[str, str]) -> None:
    _, refused = lua_with_the_package(Harbour(), installed, "return app.integrations.ferries.get_ship(4)")
    _, misspelt = lua_with_the_package(Harbour(), installed, "return app.integrations.ferries.list_ship()")
    _, unknown = lua_with_the_package(Harbour(), installed, "return app.integrations.feries.list_ships()")

    assert "Tidewater Ferries answered 404 (S1): No such ship." in refused["error"]
    assert misspelt["error"].endswith("Did you mean: app.integrations.ferries.list_ships")
    assert unknown["error"].endswith("There is no integration `feries`. Did you mean: app.integrations.ferries")


IN_A_SESSION = """
from kosmo_kernel.editor import complete
from kosmo_kernel.session import Session

def offered(source, session):
    return [match.text for match in complete(source, len(source), session).matches]

with Session() as session, Session() as other:
    other.run("return 1")
    session.run("ships = app.integrations.ferries.list_ships()")
    frame = session.run("return ships").frame()
    print(list(frame["title"]), frame.dtypes["launched_at"])
    print(offered("app.integrations.", session), offered("ships[1].po", session))
    session.reset()
    print([name for name, _ in session.names(("app", "integrations"))])
    print(len(other.run("return app.integrations.ferries.list_ships()").frame()))
"""


def test_a_session_has_the_package_s_frames_and_names_and_keeps_them_over_a_reset(installed: dict[str, str]) -> None:
    with serve(Harbour()) as served:
        own = os.environ | installed | {"TIDEWATER_KEY": KEY, "TIDEWATER_URL": served.url}
        done = subprocess.run([sys.executable, "-c", IN_A_SESSION], env=own, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        "['Grey Gull', 'Patience', 'Long Night'] datetime64[us, UTC]",
        "['ferries', 'heroku'] ['port']",
        "['ferries', 'heroku']",
        "3",
    ]


# A demo is the service's own, or there is none


def test_a_service_without_a_demo_has_no_account_of_that_name(lua: Session) -> None:
    ways: list[Callable[[], object]] = [
        lambda: lua.run("app.integrations.ferries.demo.list_ships()"),
        lambda: run_with(lua, "app.integrations.ferries.list_ships()", account="demo"),
        lambda: run_with(lua, "app.integrations.ferries.list_ships()", account="demo", dry_run=True),
    ]
    messages = []
    for way in ways:
        with pytest.raises(UnknownNameError) as caught:
            way()
        messages.append(caught.value.message)

    assert messages[0] == (
        'Lua:1: Tidewater Ferries has no function and no account `demo`. `docs.read("ferries")` has all functions. '
        "`kosmo accounts:add NAME --integration ferries` adds an account. Did you mean: "
        "app.integrations.ferries.default"
    )
    told = "Lua:1: Tidewater Ferries has no account 'demo'; there is default. It has no demo: name one of its own "
    assert set(messages[1:]) == {f"{told}accounts, or run without the demo."}
    assert accounts.names(FERRIES) == ["default"]


def test_the_demo_is_found_in_any_case() -> None:
    with Session("DEMO") as session:
        script = "return #app.integrations.heroku.Demo.list_apps(), #app.integrations.heroku.list_apps()"
        result = session.run(script)

    assert (result.values, {call.account for call in result.calls}) == ([19, 19], {"demo"})
    assert result.notes == ["Fictional data of the demo, whose day is 20 November 2026."]


def test_a_service_without_a_demo_offers_none(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEWATER_KEY")
    page = docs.read("ferries")
    with Session() as session, pytest.raises(CredentialsError) as caught:
        session.run("app.integrations.ferries.list_ships()")

    assert "demo" not in page
    assert "demo" not in caught.value.message
    assert ".demo" in docs.read("heroku")


def harbour_of_fiction() -> tuple[Harbour, str]:
    return Harbour(), KEY


def test_a_service_brings_a_demo_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with_demo = replace(FERRIES, base_url="https://api.tidewater.example", demo=f"{__name__}:harbour_of_fiction")
    monkeypatch.setattr(integrations, "BUILT_IN", (*integrations.BUILT_IN, with_demo))
    with Session() as session:
        result = session.run("return #app.integrations.ferries.demo.list_ships()")

    assert (result.value, result.calls[0].account, accounts.names(with_demo)) == (3, "demo", ["demo"])


def test_a_demo_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(FERRIES, demo="tidewater.nowhere:api")
    monkeypatch.setattr(integrations, "BUILT_IN", (*integrations.BUILT_IN, broken))
    with Session() as session, pytest.raises(SettingsError, match="The demo account of Tidewater Ferries"):
        session.run("app.integrations.ferries.demo.list_ships()")

    with pytest.raises(ValueError, match="has its demo at `nowhere`, which is no"):
        replace(FERRIES, demo="nowhere")


def test_a_package_brings_it_by_an_entry_point(installed: dict[str, str]) -> None:
    _, told = document("status", "--json", env=installed)
    _, functions = document("docs", "ferries", "--json", env=installed)
    _, function = document("docs", "ferries.get_ship", "--json", env=installed)

    assert list(told["providers"]) == ["heroku", "ferries"]
    assert [one["name"] for one in functions] == [f.name for f in FERRIES.functions]
    assert function["input_schema"]["required"] == ["ship_number"]
    assert "Every ship of the line" in kosmo("docs", "ferries", env=installed).stdout


def test_a_service_without_any_account_has_its_place_in_the_status(installed: dict[str, str]) -> None:
    code, told = document("status", "--json", env=installed)

    assert (code, told["providers"]["ferries"]["accounts"], told["providers"]["ferries"]["budgets"]) == (0, [], {})


def test_a_package_that_is_broken_is_named_by_a_call(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "fake_integration.py").write_text("1 / 0")
    done = kosmo("call", "ferries.get_ship", env=installed)
    code, told = document("call", "ferries.get_ship", "--json", env=installed)

    assert (done.returncode, code, told["meta"]["error"]["type"]) == (1, 1, "settings")
    assert done.stderr == f"Error: {told['error']}\n"
    assert "cannot be loaded: ZeroDivisionError" in told["error"]
