"""A second service is one file: Lua, tables, documents, the command and the doctor know it without a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ferries
import pytest
from ferries import FERRIES, KEY, SHIPS, Harbour
from kosmo_command import document, kosmo

from kosmo_kernel import accounts, cli, docs, integrations
from kosmo_kernel.client import Client
from kosmo_kernel.demo.server import serve
from kosmo_kernel.editor import complete, inspect
from kosmo_kernel.errors import InvalidArgumentsError, RefusedError
from kosmo_kernel.session import Session

TABLE = ["number", "title", "port.code", "port.title", "launched_at", "knots", "radio.secret", "funnels"]


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbour]:
    """The ferries' API on a port of this machine, known to the process like a built-in integration."""
    everything = (*integrations.BUILT_IN, FERRIES)
    for module in ("integrations", "docs", "hints"):
        monkeypatch.setattr(f"kosmo_kernel.{module}.BUILT_IN", everything)
    api = Harbour()
    with serve(api) as served:
        monkeypatch.setenv("TIDEWATER_KEY", KEY)
        monkeypatch.setenv("TIDEWATER_URL", served.url)
        yield api


@pytest.fixture
def lua(harbour: Harbour) -> Iterator[Session]:  # noqa: ARG001 - it has to be there first
    with Session() as opened:
        yield opened


def test_a_call_in_lua_gives_all_pages_and_a_table(lua: Session, harbour: Harbour) -> None:
    frame = lua.run("return app.integrations.ferries.list_ships()").frame()

    assert list(frame.columns) == TABLE
    assert list(frame["title"]) == ["Grey Gull", "Patience", "Long Night"]
    assert [str(kind) for kind in frame.dtypes[["number", "launched_at", "knots"]]] == [
        "Int64",
        "datetime64[us, UTC]",
        "Float64",
    ]
    assert set(frame["radio.secret"]) == {"[redacted]"}
    assert harbour.asked == [("/ships", KEY), ("/ships", KEY)]


def test_records_read_as_their_label_and_missing_values_as_nothing(lua: Session) -> None:
    result = lua.run(
        "for _, ship in ipairs(app.integrations.ferries.fleet()) do"
        " print(ship.title .. ' of ' .. ship.port, ship.knots) end"
    )

    assert result.output == "Grey Gull of Larkhaven\t17.5\nPatience of Oyster Bay\tnil\nLong Night of Larkhaven\t21.0\n"


def test_a_list_of_records_is_asked_one_by_one(lua: Session, harbour: Harbour) -> None:
    frame = lua.run(
        "local f = app.integrations.ferries return f.list_sailings({ ship_number = f.list_ships(), limit = 1 })"
    ).frame()

    assert frame[["ship_number", "to"]].to_numpy().tolist() == [
        [2, "Holm"],
        [2, "Sund"],
        [5, "Holm"],
        [5, "Sund"],
        [5, "Larkhaven"],
    ]
    assert [path for path, _ in harbour.asked].count("/ships/5/sailings") == 2


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


def test_arguments_are_checked_before_anything_is_sent(lua: Session, harbour: Harbour) -> None:
    with pytest.raises(InvalidArgumentsError, match="`ship_number` must be an integer, got 'Grey Gull'"):
        lua.run("app.integrations.ferries.get_ship({ ship_number = 'Grey Gull' })")
    assert harbour.asked == []


def test_a_refusal_for_want_of_budget_is_waited_out(lua: Session, harbour: Harbour) -> None:
    harbour.refusals = 1
    result = lua.run("return #app.integrations.ferries.list_ships()")

    assert (result.value, result.calls[0].requests) == (3, 3)


def test_the_budget_is_told_and_asked_in_the_service_s_own_way(harbour: Harbour) -> None:  # noqa: ARG001 - it serves
    client = Client(FERRIES, accounts.find(FERRIES))
    before = client.remaining
    client.fetch(FERRIES.function("list_ships"), {})

    assert (before, client.remaining, client.budget_left()) == (None, 598, 597)
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
    assert "| `ship_number` | integer or list | yes" in page
    assert "`TIDEWATER_KEY`" in page
    assert "ferries.list_sailings" in lua.run("return docs.search('departure')").value


def test_the_editor_completes_and_explains_it(harbour: Harbour) -> None:  # noqa: ARG001 - it serves
    source = "app.integrations.ferries.list_s"
    names = [match.text for match in complete(source, len(source), None).matches]
    told = inspect("app.integrations.ferries.get_ship", 33, None)

    assert {"list_ships", "list_sailings"} <= set(names)
    assert told is not None
    assert "One ship, by number" in str(told)


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    code = cli.run([*argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_command_runs_lua_on_it(harbour: Harbour, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    code, told = run(capsys, "integrations:lua", "-e", "return app.integrations.ferries.get_ship(2)")

    expected = {**SHIPS[0], "radio": {"secret": "[redacted]"}}
    assert (code, told["success"], told["result"]) == (0, True, [expected])
    assert told["integration_calls"][0]["path"] == "integrations.ferries.get_ship"


def test_the_doctor_examines_it(harbour: Harbour, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    _, told = run(capsys, "integrations:doctor", "ferries")

    assert "ferries.address" in json.dumps(told)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the file is a package with an entry point."""
    info = tmp_path / "tidewater-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tidewater\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[kosmo_kernel.integrations]\nferries = ferries:FERRIES\n")
    (tmp_path / "ferries.py").write_text(Path(ferries.__file__).read_text())
    root = str(Path(integrations.__file__).parent.parent.parent)
    return {"PYTHONPATH": f"{tmp_path}:{root}"}


def test_a_package_brings_it_by_an_entry_point(installed: dict[str, str]) -> None:
    _, listed = document("integrations:list", "--json", env=installed)
    _, schema = document("integrations:schema", "ferries.get_ship", "--json", env=installed)
    page = kosmo("integrations:docs", "ferries", env=installed)

    assert list(listed["providers"]) == ["heroku", "ferries"]
    assert [f["name"] for f in listed["providers"]["ferries"]["functions"]] == [f.name for f in FERRIES.functions]
    assert schema["required"] == ["ship_number"]
    assert "Every ship of the line" in page.stdout
