"""Data of a script that an MCP server may pass on is asked about once in a session, at every door."""

from __future__ import annotations

import pytest
from doors import Door, through
from mcp_config import HALL, faulty, written

pytest.importorskip("mcp")

SETTINGS: dict[str, str] = {}
TOOL = "print(app.mcp.ours.echo('owls'))"
RESOURCE = "print(#mcp.read_resource('hall', 'hall://plan').contents)"
CASES = {
    TOOL: ("mcp.ours.echo (text = owls) reads from the MCP server ours", "owls\n"),
    RESOURCE: ("mcp.read_resource (uri = hall://plan) reads from the MCP server hall", "1\n"),
}
REST = ", and may pass on what it is given to others. Go on, for all of this session? [y/N] "


@pytest.fixture(scope="module", autouse=True)
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give whoever is at the door servers of their own, which need no trust."""
    home = tmp_path_factory.mktemp("home")
    written(home / ".kosmo" / "mcp.json", {"ours": faulty("open_world"), "hall": HALL})
    SETTINGS["HOME"] = str(home)


@pytest.mark.claim("mcp-way-out")
@through("magic", "kernel")
@pytest.mark.parametrize("code", CASES)
def test_one_answer_holds_for_all_of_a_session(door: Door, code: str) -> None:
    what, shown = CASES[code]
    done = door.run(code, dialogue=[(what + REST, "y")])
    assert (done.questions, done.error, done.shown) == ([what + REST], "", shown)
    again = door.run(code.replace("owls", "mice"))
    assert (again.questions, again.error, again.shown) == ([], "", shown.replace("owls", "mice"))


@pytest.mark.claim("mcp-way-out")
@pytest.mark.full  # three commands, each with a server of its own
@through("command")
@pytest.mark.parametrize("code", CASES)
def test_a_command_asks_and_where_nobody_can_be_asked_only_reads_with_tools_of_own_servers(
    door: Door, code: str
) -> None:
    what, shown = CASES[code]
    done = door.run(code, dialogue=[(what + REST, "y")])
    assert (done.questions, done.error, done.shown) == ([what + REST], "", shown)
    unasked = door.run(code)
    if code == TOOL:
        assert (unasked.error, unasked.shown) == ("", shown)
    else:
        assert (unasked.error, unasked.shown) == ("NotAllowedError", "")
        assert "there is nobody to ask here. Nothing was sent." in unasked.message
    assert door.run(code, "--force").shown == shown
