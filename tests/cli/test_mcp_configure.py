"""`kosmo mcp:configure`: permissions of the tools of an MCP server are set, shown and removed without starting it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kosmo_command import document, kosmo
from mcp_config import HALL, halls, written

from kosmo_kernel.settings.permissions import Target, permission

CONFIGURE = "mcp:configure"


@pytest.fixture(autouse=True)
def file(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure two servers of the user's own, and return the place of `config.toml`."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    written(home / ".kosmo" / "mcp.json", {"hall": HALL, "My hall": HALL})
    monkeypatch.chdir(home)
    return home / "settings" / "config.toml"


def test_without_an_option_it_shows_what_holds_and_writes_nothing(file: Path) -> None:
    before = halls()
    done = kosmo(CONFIGURE, "hall")
    assert (done.returncode, done.stdout) == (0, "  read   allow\n  write  ask\n")
    code, answer = document(CONFIGURE, "hall", "--json")
    assert (code, answer) == (
        0,
        {
            "success": True,
            "server": "hall",
            "file": str(file),
            "permissions": {"read": "allow", "write": "ask"},
            "said_by": {"read": None, "write": None},
        },
    )
    assert (file.exists(), halls()) == (False, before)


def test_permissions_are_set_and_removed_and_hold_at_once(file: Path) -> None:
    done = kosmo(CONFIGURE, "hall", "--read", "allow", "--write", "deny")
    assert done.stdout == f"Done. {file} says:\n  read   allow ({file}:2)\n  write  deny ({file}:3)\n"
    assert file.read_text(encoding="utf-8") == '[mcp.servers.hall.permissions]\nread = "allow"\nwrite = "deny"\n'
    assert permission(Target("hall"), "write") == (
        "deny",
        f"{file}:3",
        ("mcp", "servers", "hall", "permissions", "write"),
    )
    assert permission(Target("My hall"), "write").policy == "ask"
    _, answer = document(CONFIGURE, "hall", "--unset", "read", "--write", "allow", "--json")
    assert answer["permissions"] == {"read": "allow", "write": "allow"}
    assert answer["said_by"] == {"read": None, "write": f"{file}:2"}
    assert kosmo(CONFIGURE, "hall", "--unset", "write").stdout == "Done.\n  read   allow\n  write  ask\n"


def test_a_server_is_found_in_the_spelling_that_the_file_has(file: Path) -> None:
    assert kosmo(CONFIGURE, "My hall", "--read", "deny").returncode == 0
    assert '[mcp.servers."My hall".permissions]' in file.read_text(encoding="utf-8")
    file.write_text('[mcp.servers.HALL.permissions]\nwrite = "deny"\n', encoding="utf-8")
    _, answer = document(CONFIGURE, "hall", "--unset", "write", "--json")
    assert (answer["said_by"], file.read_text(encoding="utf-8").strip()) == ({"read": None, "write": None}, "")


def test_what_a_project_makes_stricter_is_shown_with_its_file(file: Path, home: Path) -> None:
    project = home / "pyproject.toml"
    project.write_text('[tool.kosmo_kernel.mcp.permissions]\nread = "deny"\n', encoding="utf-8")
    done = kosmo(CONFIGURE, "hall", "--read", "allow")
    assert done.stdout.splitlines()[1] == f"  read   deny ({project}:2)"
    assert file.exists()


def test_what_an_error_for_a_call_advises_is_this_command(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text('[mcp.servers."My hall".permissions]\nread = "deny"\n', encoding="utf-8")
    refused = kosmo("mcp:call", "My hall.find_seat", '{"row": 1}')
    assert "run `kosmo mcp:configure 'My hall' --read allow`" in refused.stderr
    assert kosmo(CONFIGURE, "My hall", "--read", "allow").returncode == 0
    assert kosmo("mcp:call", "My hall.find_seat", '{"row": 1}').returncode == 0


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("halll", "--read", "allow"), 1, "Did you mean: hall"),
        (("hall", "--read", "perhaps"), 2, "'allow', 'ask', 'deny'"),
        (("hall", "--read", "allow", "--unset", "read"), 2, "--read sets it and --unset read removes it."),
    ],
)
def test_a_mistake_changes_nothing(file: Path, options: tuple[str, ...], code: int, says: str) -> None:
    done = kosmo(CONFIGURE, *options)
    assert (done.returncode, says in done.stderr, file.exists()) == (code, True, False), done.stderr
