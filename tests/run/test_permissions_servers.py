"""Test what scripts may do with MCP servers: by a person's own file, and by a project, which can only be stricter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kosmo_command import document
from mcp_config import HALL, faulty, halls, written
from run_with import run_with

from kosmo_kernel.errors import KosmoError, NotAllowedError, SettingsError, UnknownNameError
from kosmo_kernel.mcp import Trust, configuration
from kosmo_kernel.session import Session
from kosmo_kernel.settings.permissions import Target, permission

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


def project(*lines: str) -> Path:
    path = Path("pyproject.toml").absolute()
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


# Files -------------------------------------------------------------------------------------------------


@pytest.mark.claim("permission-project")
@pytest.mark.parametrize("mine", ORDER)
@pytest.mark.parametrize("theirs", ORDER)
@pytest.mark.parametrize("whose", ["mcp", "mcp.servers.hall"])
def test_a_project_can_only_make_it_stricter(own: Path, mine: str, theirs: str, whose: str) -> None:
    own.write_text(f'[{whose}.permissions]\nwrite = "{mine}"\n', encoding="utf-8")
    place = project("[tool.kosmo_kernel]", "limit = 3", f'{whose}.permissions.write = "{theirs}"')
    found = permission(Target("hall"), "write")

    assert found.policy == max(mine, theirs, key=ORDER.index)
    assert found.location == (f"{place}:3" if ORDER.index(theirs) > ORDER.index(mine) else f"{own}:2")


def test_what_a_project_says_of_a_server_counts_before_what_it_says_of_all(own: Path) -> None:
    own.write_text('[mcp.permissions]\nwrite = "allow"\n', encoding="utf-8")
    place = project(
        "[tool.kosmo_kernel.mcp.permissions]",
        'read = "ask"',
        'write = "deny"',
        "[tool.kosmo_kernel.mcp.servers.my-hall.permissions]",
        'write = "ask"',
    )
    found = {name: permission(Target(name), "write") for name in ("hall", "my-hall", "My_Hall")}
    assert {name: (one.policy, one.location) for name, one in found.items()} == {
        "hall": ("deny", f"{place}:3"),
        "my-hall": ("ask", f"{place}:5"),
        "My_Hall": ("ask", f"{place}:5"),
    }
    assert permission(Target("my-hall"), "read").policy == "ask"
    assert permission(Target("default", "heroku"), "read").policy == "allow"


def test_a_project_above_the_working_directory_counts(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = project('tool.kosmo_kernel.mcp.permissions.read = "deny"')
    below = own.parent / "work" / "notebooks"
    below.mkdir()
    monkeypatch.chdir(below)
    assert permission(Target("hall"), "read") == ("deny", f"{place}:1", ("mcp", "permissions", "read"))


@pytest.mark.full
@pytest.mark.parametrize(
    ("lines", "kind", "message"),
    [
        (
            ["[tool.kosmo_kernel.mcp.permissions]", 'reed = "deny"'],
            UnknownNameError,
            "{path}:2: [mcp.permissions] has no key `reed`. Did you mean: read",
        ),
        (
            ["[tool.kosmo_kernel.mcp.servers.hall]", 'permission.read = "deny"'],
            UnknownNameError,
            "{path}:2: [mcp.servers.hall] has no key `permission`. Did you mean: permissions",
        ),
        (
            ["[tool.kosmo_kernel.mcp.server.hall.permissions]", 'read = "deny"'],
            UnknownNameError,
            "{path}:1: [mcp] has no key `server`. Did you mean: servers",
        ),
        (
            ["[tool.kosmo_kernel.mpc.permissions]", 'read = "deny"'],
            UnknownNameError,
            "{path}:1: [tool.kosmo_kernel] has no key `mpc`. Did you mean: mcp",
        ),
        (
            ["[tool.kosmo_kernel.mcp.permissions]", 'read = "no"'],
            SettingsError,
            '{path}:2: `mcp.permissions.read` takes "allow", "ask" or "deny", got \'no\'.',
        ),
        (
            ["[tool.kosmo_kernel]", "mcp = 3"],
            SettingsError,
            "{path}:2: `mcp` must be a table: `[mcp]`.",
        ),
    ],
)
def test_a_mistake_of_a_project_names_its_place_and_nothing_is_called(
    lua: Session, lines: list[str], kind: type[KosmoError], message: str
) -> None:
    path = project(*lines)
    with pytest.raises(kind) as caught:
        lua.run(LOOK)
    assert str(caught.value).endswith(message.format(path=path))
    with pytest.raises(kind, match="pyproject"):  # whoever means to deny something has a mistake everywhere
        lua.run("return app.integrations.heroku.list_apps()")


# Calls -------------------------------------------------------------------------------------------------


def test_a_call_that_a_project_denies_names_its_file_and_what_to_do(lua: Session, own: Path) -> None:
    own.write_text('[mcp.servers.hall.permissions]\nwrite = "allow"\n', encoding="utf-8")
    assert lua.run(SIT).value == "Ada sits in row 1, plain"
    place = project("[tool.kosmo_kernel.mcp.servers.hall.permissions]", 'write = "deny"')
    with pytest.raises(NotAllowedError) as caught:
        run_with(lua, SIT, on_ask=lambda _question: "y")

    assert caught.value.message == (
        f'Lua:1: mcp.hall.take-seat: writes of this server are denied (write = "deny" in {place}:2). Nothing was sent. '
        "To allow it, change that file, which is the project's, if you trust the script with hall; for one run of a "
        "command, `--force`."
    )
    assert lua.run(LOOK).value == 1
    assert run_with(lua, SIT, force=True).permission_bypassed


def test_a_call_that_a_persons_own_file_denies_says_what_to_write_there(lua: Session, own: Path) -> None:
    own.write_text('[mcp.permissions]\nread = "deny"\n', encoding="utf-8")
    project("[tool.kosmo_kernel.mcp.permissions]", 'read = "allow"')
    with pytest.raises(NotAllowedError) as caught:
        lua.run(LOOK)
    assert (
        f'(read = "deny" in {own}:2). Nothing was sent. To allow it, run `kosmo mcp:configure hall --read allow`;'
        in caught.value.message
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


@pytest.mark.claim("mcp-way-out")
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


def test_what_a_project_wants_asked_is_asked(lua: Session) -> None:
    project("[tool.kosmo_kernel.mcp.permissions]", 'read = "ask"')
    asked: list[str] = []

    def agree(question: str) -> str:
        asked.append(question)
        return "y"

    assert run_with(lua, LOOK, on_ask=agree).value == 1
    assert [question.partition(" Go on")[0] for question in asked] == [
        "mcp.hall.find_seat (row = 1) reads from the MCP server hall."
    ]


@pytest.mark.full
def test_the_command_lists_and_obeys_what_the_project_says(own: Path) -> None:
    place = project("[tool.kosmo_kernel.mcp.permissions]", 'read = "deny"')
    work = own.parent / "work"
    before = halls()
    _, listed = document("mcp:list", "--json", cwd=work)
    assert listed["servers"]["hall"]["permissions"] == {"read": "deny", "write": "ask"}
    code, answer = document("mcp:call", "hall.find_seat", '{"row": 1}', "--json", cwd=work)
    assert (code, answer["meta"]["error"]["type"], f"in {place}:2" in answer["error"]) == (1, "permission", True)
    assert set(halls()) <= set(before)


def test_the_doctor_finds_permissions_for_a_server_that_is_probably_misspelt(own: Path) -> None:
    own.write_text("[mcp.servers.elsewhere.permissions]\nread = 'deny'\n", encoding="utf-8")
    place = project("[tool.kosmo_kernel.mcp.servers.halll.permissions]", 'write = "deny"')
    code, told = document("mcp:doctor", "hall", "--json", cwd=own.parent / "work")
    (found,) = [one for one in told["findings"] if one["name"].startswith("permissions.")]
    assert (code, found["name"], found["state"]) == (0, "permissions.halll", "warning")
    assert f"what {place}:1 says of it holds for none" in found["message"]
    assert "`hall`" in found["what_to_do"]

    project("[tool.kosmo_kernel.mcp.servers.HALL.permissions]", 'writes = "deny"')
    code, told = document("mcp:doctor", "hall", "--json", cwd=own.parent / "work")
    (found,) = [one for one in told["findings"] if one["name"].startswith("permissions.")]
    assert (code, found["state"], "Did you mean: write" in found["message"]) == (1, "broken", True)
