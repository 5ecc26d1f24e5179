"""Test what scripts may do with MCP servers, by a person's own file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kosmo_command import document
from mcp_config import HALL, faulty, written
from run_with import run_with

from kosmo_kernel.errors import NotAllowedError
from kosmo_kernel.mcp import Trust, configuration
from kosmo_kernel.session import Session

pytest.importorskip("mcp")

ORDER = ("allow", "ask", "deny")
SIT = 'return app.mcp.hall["take-seat"]{ row = 1, name = "Ada" }'
LOOK = "return app.mcp.hall.find_seat(1).row"


@pytest.fixture
def own(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of `config.toml`, a server of the person's own, and a working directory without a project."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    written(home / ".kosmo" / "mcp.json", {"hall": HALL})
    (home / "work").mkdir()
    monkeypatch.chdir(home / "work")
    return home / "config.toml"


@pytest.fixture
def lua(own: Path) -> Iterator[Session]:
    with Session("demo") as opened:
        yield opened


# Calls -------------------------------------------------------------------------------------------------


def test_a_call_that_a_persons_own_file_denies_says_what_to_write_there(lua: Session, own: Path) -> None:
    own.write_text('[mcp.permissions]\nread = "deny"\n', encoding="utf-8")
    with pytest.raises(NotAllowedError) as caught:
        lua.run(LOOK)
    assert (
        f'(read = "deny" in {own}:2). Nothing was sent. To allow it, set `read = "allow"` below '
        f"[mcp.servers.hall.permissions] in {own};" in caught.value.message
    )


ECHO = "return app.mcp.out.echo('owls')"
NOBODY = "there is nobody to ask here"


@pytest.fixture
def out(own: Path, home: Path) -> Path:
    """Add a server of the person's own with a read-only tool that may pass data on; return `config.toml`."""
    written(home / ".kosmo" / "mcp.json", {"hall": HALL, "out": faulty("open_world")})
    return own


@pytest.mark.claim("mcp-way-out")
def test_where_nobody_can_be_asked_the_read_only_tools_of_a_persons_own_server_are_allowed(out: Path) -> None:
    with Session("demo") as lua:
        assert lua.run(ECHO).value == "owls"
        with pytest.raises(NotAllowedError, match=NOBODY):
            lua.run(SIT)
        with pytest.raises(NotAllowedError, match=NOBODY):
            lua.run("return mcp.read_resource('hall', 'hall://plan')")
        with pytest.raises(NotAllowedError, match="the answer was no"):  # whoever can be asked is asked
            run_with(lua, ECHO, on_ask=lambda _question: "n")
    assert not out.exists()


@pytest.mark.claim("mcp-way-out")
@pytest.mark.parametrize("policy", ["ask", "deny"])
def test_a_permission_that_is_set_also_holds_where_nobody_can_be_asked(out: Path, policy: str) -> None:
    out.write_text(f'[mcp.servers.out.permissions]\nread = "{policy}"\n', encoding="utf-8")
    with Session("demo") as lua, pytest.raises(NotAllowedError, match="reads of this server are"):
        lua.run(ECHO)


@pytest.mark.claim("mcp-way-out", "agents-permissions")
def test_an_agent_is_refused_what_a_person_would_be_asked_about(out: Path) -> None:
    with Session("demo", agent=True) as lua:
        with pytest.raises(NotAllowedError, match=NOBODY):
            lua.run(ECHO)
        out.write_text('[mcp.servers.out.permissions]\nread = "allow"\n', encoding="utf-8")
        assert lua.run(ECHO).value == "owls"


@pytest.mark.claim("mcp-way-out")
def test_a_project_cannot_replace_a_persons_own_server_to_be_allowed_its_tools(out: Path) -> None:
    file = written(Path(".mcp.json"), {"out": faulty("open_world")})
    for server in configuration().servers.values():
        Trust().trust(server)
    with Session("demo") as lua:
        with pytest.raises(NotAllowedError, match=NOBODY):
            lua.run(ECHO)
        file.unlink()
        assert lua.run(ECHO).value == "owls"
    assert not out.exists()


def test_the_doctor_finds_permissions_for_a_server_that_is_probably_misspelt(own: Path) -> None:
    own.write_text(
        "[mcp.servers.elsewhere.permissions]\nread = 'deny'\n[mcp.servers.halll.permissions]\nwrite = 'deny'\n",
        encoding="utf-8",
    )
    code, told = document("mcp:doctor", "hall", "--json", cwd=own.parent / "work")
    (found,) = [one for one in told["findings"] if one["name"].startswith("permissions.")]
    assert (code, found["name"], found["state"]) == (0, "permissions.halll", "warning")
    assert f"what {own}:3 says of it holds for none" in found["message"]
    assert "`hall`" in found["what_to_do"]

    own.write_text("[mcp.servers.HALL.permissions]\nwrites = 'deny'\n", encoding="utf-8")
    code, told = document("mcp:doctor", "hall", "--json", cwd=own.parent / "work")
    (found,) = [one for one in told["findings"] if one["name"].startswith("permissions.")]
    assert (code, found["state"], "Did you mean: write" in found["message"]) == (1, "broken", True)
