"""The `%kosmo` lines in a Lua notebook."""

from __future__ import annotations

from collections.abc import Iterator
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


def test_commands_tell_of_the_variables_the_account_and_the_last_failure(lua: Session) -> None:
    desk = Desk(lua)
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
