"""Missing walls: a session says so once, or refuses to run where they are required."""

from __future__ import annotations

import pytest
from lua_host import machine
from run_with import run_with

from kosmo_kernel.errors import KosmoError, LuaRuntimeError, SettingsError
from kosmo_kernel.lua import process
from kosmo_kernel.lua.machine import MEANINGS, missing
from kosmo_kernel.lua.state import requirement
from kosmo_kernel.session import Session
from kosmo_kernel.walls.process import WalledProcess

NO_FILTER = "from kosmo_kernel.walls import lockdown; lockdown.program = lambda machine: None"


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this machine has no filter of system calls."""
    monkeypatch.setattr(process, "START", f"{NO_FILTER}; {process.START}")


@pytest.fixture
def all_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this machine has every wall, so that no run reports a missing one."""
    said = "".join(f"{name}\\t\\n" for name in MEANINGS)
    every = f"from kosmo_kernel.walls import lockdown; lockdown.report = lambda walls: b'{said}'"
    monkeypatch.setattr(process, "START", f"{every}; {process.START}")
    monkeypatch.setattr(WalledProcess, "set_limits", lambda *_: {})


def notes_of_walls(notes: list[str]) -> list[str]:
    return [note for note in notes if "alls around Lua" in note]


@pytest.mark.usefixtures("no_filter")
def test_a_session_tells_its_walls_before_and_after_it_ran() -> None:
    with Session("demo") as session:
        before = session.walls()
        pid = session.pid
        session.run("return 1")

        assert [wall.name for wall in before] == list(MEANINGS)
        assert "system_calls" in missing(before)
        assert (session.walls(), session.pid) == (before, pid)


def test_a_fresh_process_tells_its_own_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    with machine() as lua:
        first = lua.walls()
        monkeypatch.setattr(process, "START", f"{NO_FILTER}; {process.START}")
        lua.reset()
        second = lua.walls()

    assert "there is no filter" in second[0].why_not
    assert "there is no filter" not in first[0].why_not


@pytest.mark.claim("wall-missing")
@pytest.mark.usefixtures("no_filter")
def test_the_first_run_says_once_which_walls_are_missing() -> None:
    with Session("demo") as session:
        first, second = session.run("return 1"), session.run("return 2")

        (note,) = notes_of_walls(first.notes)
        assert f": {missing(session.walls())}. " in note
        assert all(word in note for word in ("system_calls", "SECURITY", "doctor"))
        assert notes_of_walls(second.notes) == []


@pytest.mark.usefixtures("no_filter")
def test_a_first_run_that_fails_says_it_too() -> None:
    with Session("demo") as session:
        with pytest.raises(LuaRuntimeError) as caught:
            session.run("error('stop')")

        assert len(notes_of_walls(caught.value.result.notes)) == 1
        assert notes_of_walls(session.run("return 1").notes) == []


@pytest.mark.usefixtures("all_walls")
def test_where_every_wall_stands_nothing_is_said() -> None:
    with Session("demo") as session:
        assert session.run("return 1").notes == []
        assert missing(session.walls()) == ""


@pytest.mark.claim("wall-required")
@pytest.mark.usefixtures("no_filter")
def test_required_walls_that_are_missing_keep_everything_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", "1")
    printed: list[str] = []
    with Session("demo") as session:
        for _ in range(2):
            with pytest.raises(SettingsError) as caught:
                run_with(session, "print('ran')", on_output=lambda _, text: printed.append(text))

            assert f": {missing(session.walls())}. Nothing was run." in caught.value.message
            assert "system_calls" in caught.value.message
    assert printed == []


@pytest.mark.usefixtures("all_walls")
def test_required_walls_are_looked_for_around_every_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", "1")
    with Session("demo") as session:
        assert session.run("return 1").values == [1]
        monkeypatch.setattr(process, "START", process.START.replace(rb"files\t\n".decode(), rb"files\tgone\n".decode()))
        session.reset()
        with pytest.raises(SettingsError, match=r": files\. "):
            session.run("return 1")


@pytest.mark.parametrize(("told", "meant"), [("", False), ("0", False), ("1", True), (" 1 ", True)])
def test_walls_are_required_by_a_one(told: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", told)
    assert bool(requirement()) is meant


@pytest.mark.parametrize("told", ["true", "yes", "2", "no"])
def test_a_wish_for_walls_that_is_no_number_is_refused(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", told)
    with pytest.raises(SettingsError, match=f"KOSMO_REQUIRE_WALLS must be 1 .* got '{told}'"):
        Session("demo")


def test_a_process_that_does_not_start_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session("demo") as session:
        monkeypatch.setattr(process, "START", "raise SystemExit(3)")
        with pytest.raises(KosmoError, match="ended with status 3"):
            session.walls()
        monkeypatch.undo()
        session.reset()
        assert [wall.name for wall in session.walls()] == list(MEANINGS)
