"""A project's settings and the `%kosmo` lines in a Lua notebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.kernel.notebook import KernelNotebook
from kosmo_kernel.session import Session

Content = dict[str, Any]


class Desk:
    """A notebook with a list of what it broadcasts."""

    def __init__(self, session: Session) -> None:
        self.sent: list[tuple[str, Content]] = []
        self.number = 0
        self.notebook = KernelNotebook(session, lambda kind, content: self.sent.append((kind, content)), lambda _: None)

    def run(self, code: str) -> Content:
        self.sent.clear()
        self.number += 1
        return self.notebook.execute({"code": code}, self.number, stored=True)

    def text(self, code: str) -> str:
        """Return the text of what a cell shows as its value."""
        assert self.run(code)["status"] == "ok"
        return next((str(content["data"]["text/plain"]) for kind, content in self.sent if kind == "execute_result"), "")


@pytest.fixture
def lua() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the settings of the project in whose folder this is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pyproject.toml"


def test_a_project_says_what_holds_for_every_cell(lua: Session, project: Path) -> None:
    project.write_text("[tool.kosmo_kernel]\naccount = 'demo'\nlimit = 2\nerrors = 'full'\n", encoding="utf-8")
    desk = Desk(lua)
    apps = "app.integrations.heroku.list_apps()"
    assert "the first 2 shown" in desk.text(apps)
    assert "the first 3 shown" in desk.text(f"%%kosmo_lua --limit 3\n{apps}")
    assert "  type          lua_runtime" in desk.run("error('no')")["traceback"]


def test_the_demo_comes_before_the_account_of_a_project(
    lua: Session, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text("[tool.kosmo_kernel]\naccount = 'ops'\n", encoding="utf-8")
    monkeypatch.setenv("KOSMO_DEMO", "1")
    lua.account = "demo"
    assert Desk(lua).text("app.integrations.heroku.get_app('my-app').name") == "my-app"


def test_a_mistake_of_a_project_is_told_until_it_is_mended(lua: Session, project: Path) -> None:
    project.write_text("[tool.kosmo_kernel]\nlimt = 2\n", encoding="utf-8")
    desk = Desk(lua)
    for _ in range(2):
        assert desk.run("1")["evalue"] == (f"{project}:2: [tool.kosmo_kernel] has no key `limt`. Did you mean: limit")
    project.write_text("[tool.kosmo_kernel]\nlimit = 2\n", encoding="utf-8")
    assert desk.text("1") == "1"


@pytest.mark.claim("limit-ceilings")
def test_a_project_cannot_exceed_the_users_ceiling_of_memory(lua: Session, project: Path) -> None:
    project.write_text("[tool.kosmo_kernel]\nmemory_limit = 4000000000\n", encoding="utf-8")
    for cell in ("1", "%%kosmo_lua --memory-limit 2000000\n1"):
        told = Desk(lua).run(cell)["evalue"]
        assert told.startswith(f"{project}:2: `memory_limit` is 4,000,000,000 bytes, more than the 1,073,741,824 bytes")


def test_commands_tell_of_the_variables_the_account_and_the_last_failure(lua: Session, project: Path) -> None:
    desk = Desk(lua)
    assert not project.exists()
    assert desk.text("%kosmo who") == "There are no Lua variables yet.\n"
    assert "a fictional company" in desk.text("%kosmo demo\nlocal one = app.integrations.heroku.get_app('my-app')")
    assert "one   local  record" in desk.text("%kosmo who")
    assert desk.text("%kosmo error") == "No cell has failed.\n"
    desk.run("app.integrations.heroku.get_app('no-such-app')")
    desk.run("%kosmo eror")
    assert "\nstatus        404\n" in desk.text("%kosmo error")
    desk.run("%%kosmo_lua --no-raise-error\nerror('another')")
    assert "another" in desk.text("%kosmo error")
    desk.run("%kosmo demo\nerror('below a command')")
    assert "below a command" in desk.text("%kosmo error")
    assert desk.text("%kosmo reset\n%kosmo who") == "There are no Lua variables yet.\n"
