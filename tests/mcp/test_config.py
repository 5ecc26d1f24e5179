"""Which servers are configured: which files count, what an entry may say, and what is told of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_config import written

from kosmo_kernel.errors import CredentialsError, SettingsError, UnknownNameError
from kosmo_kernel.mcp import Server, configuration
from kosmo_kernel.mcp.secrets import INHERITED, fill_in
from kosmo_kernel.reader.documents import MAX_SMALL_TEXT, jsonc_value


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


def one(project: Path, given: Any) -> Server:
    path = project / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": {"one": given}}), encoding="utf-8")
    return configuration(project).servers["one"]


def none(_name: str) -> str | None:
    return None


def test_later_files_win_by_the_name_of_the_server(project: Path) -> None:
    written(Path.home() / ".kosmo" / "mcp.json", {"a": {"command": "user"}, "b": {"command": "user"}})
    written(project / ".vscode" / "mcp.json", {"b": {"command": "vscode"}, "c": {"command": "vscode"}}, "servers")
    written(project / ".cursor" / "mcp.json", {"c": {"command": "cursor"}, "d": {"command": "cursor"}})
    written(project / ".mcp.json", {"d": {"command": "project"}})
    found = configuration(project)
    assert {name: server.command for name, server in found.servers.items()} == {
        "a": "user",
        "b": "vscode",
        "c": "cursor",
        "d": "project",
    }
    assert [(source.source, source.key, source.servers) for source in found.sources] == [
        ("user", "mcpServers", ("a", "b")),
        ("vscode", "servers", ("b", "c")),
        ("cursor", "mcpServers", ("c", "d")),
        ("project", "mcpServers", ("d",)),
    ]
    assert found.servers["d"].replaces == project / ".cursor" / "mcp.json"
    assert [server.of_project for server in found.servers.values()] == [False, True, True, True]


def test_a_project_is_where_its_repository_begins(project: Path) -> None:
    written(project / ".mcp.json", {"one": {"command": "x"}})
    deep = project / "notebooks" / "weekly"
    deep.mkdir(parents=True)
    assert configuration(deep).root == project
    assert configuration(deep).servers["one"].root == project


def test_without_a_repository_the_folder_itself_counts(tmp_path: Path) -> None:
    written(tmp_path / ".mcp.json", {"one": {"command": "x"}})
    assert list(configuration(tmp_path).servers) == ["one"]
    (tmp_path / "below").mkdir()
    assert list(configuration(tmp_path / "below").servers) == []


def test_a_file_that_does_not_parse_is_named_with_line_and_column_and_the_others_work(project: Path) -> None:
    written(project / ".mcp.json", {"one": {"command": "x"}})
    broken = project / ".cursor" / "mcp.json"
    broken.parent.mkdir()
    broken.write_text('{\n  "mcpServers": {\n    "two": {"env": {"KEY": "open-sesame-42"}} "three": {}\n  }\n}')
    found = configuration(project)
    assert found.faults == (f"{broken}:3:47 is no JSON: Expecting ',' delimiter.",)
    assert list(found.servers) == ["one"]
    with pytest.raises(UnknownNameError) as caught:
        found.find("two")
    assert f"{broken}:3:47" in caught.value.message
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", ":1:1 must be an object with `mcpServers` in it"),
        ('{"servers": []}', ": `servers` must be an object, one entry for each server"),
        ("{" * 100_000, "more than 100 lists and objects inside each other"),
        ('{"mcpServers": ' * 50_000, "more than 100 lists and objects inside each other"),
        ('{"a": 1', ":1:8 is no JSON"),
    ],
)
def test_a_file_of_another_form_is_told(project: Path, text: str, fault: str) -> None:
    (project / ".mcp.json").write_text(text)
    (told,) = configuration(project).faults
    assert fault in told
    assert str(project / ".mcp.json") in told


def test_a_file_that_is_no_text_is_told_with_its_place(project: Path) -> None:
    (project / ".mcp.json").write_bytes(b'{\n "a": "\xff"}')
    assert configuration(project).faults == (f"{project / '.mcp.json'}:2:8 is no UTF-8 text.",)


def test_an_empty_file_and_one_for_something_else_have_no_servers(project: Path) -> None:
    (project / ".mcp.json").write_text("\n")
    written(project / ".vscode" / "mcp.json", {}, "inputs")
    assert configuration(project).servers == {}
    assert configuration(project).faults == ()


def test_comments_and_commas_too_many_are_passed_over() -> None:
    text = """\ufeff{
      // what VS Code writes
      "servers": { /* two
        lines */ "a": {"url": "https://example.com/mcp//x", "headers": {"X": "/* kept */, }"},},
      },
    }"""
    assert jsonc_value("f", text) == {
        "servers": {"a": {"url": "https://example.com/mcp//x", "headers": {"X": "/* kept */, }"}}}
    }


def test_a_mistake_after_a_comment_is_found_where_it_stands() -> None:
    with pytest.raises(SettingsError, match=r"^f:3:8 is no JSON"):
        jsonc_value("f", '{ // one\n/* two */ "a": 1,\n  "b": nothing}')


@pytest.mark.parametrize("text", ['{ "a": /* 1, }', '{ "a": /* "*" }', '{ "a": /*/ }'])
def test_a_comment_without_end_is_a_mistake_where_it_begins(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^f:1:8 is no JSON"):
        jsonc_value("f", text)


def test_a_text_without_end_is_a_mistake_where_it_begins() -> None:
    with pytest.raises(SettingsError, match=r"^f:1:8 is no JSON: Unterminated string"):
        jsonc_value("f", '{ "a": "x // \\"}')


def test_every_spelling_of_an_entry_is_understood(project: Path) -> None:
    server = one(
        project,
        {
            "type": "local",
            "command": "run",
            "args": ["-v", 3],
            "environment": {"DEBUG": True, "LEVEL": 2, "UNSET": None},
            "timeoutSeconds": "45",
            "cwd": "tools",
        },
    )
    assert (server.kind, server.command, server.args) == ("stdio", "run", ("-v", "3"))
    assert (server.env, server.timeout, server.cwd) == ({"DEBUG": "true", "LEVEL": "2"}, 45.0, "tools")
    for kind in ("http", "streamable-http", "streamableHttp", None):
        there = one(project, {"type": kind, "serverUrl": "https://example.com/mcp", "headers": {"A": "b"}})
        assert (there.kind, there.url, there.headers, there.fault) == (
            "http",
            "https://example.com/mcp",
            {"A": "b"},
            "",
        )


@pytest.mark.parametrize(
    ("given", "enabled"),
    [
        ({}, True),
        ({"enabled": True}, True),
        ({"enabled": "on"}, True),
        ({"enabled": False}, False),
        ({"enabled": "no"}, False),
        ({"disabled": True}, False),
        ({"disabled": False}, True),
    ],
)
def test_an_entry_may_be_switched_off(project: Path, given: dict[str, Any], *, enabled: bool) -> None:
    assert one(project, {"command": "x", **given}).enabled is enabled


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 30), ({"timeout": 0}, 30), ({"timeout": -1}, 30), ({"timeout": 2.5}, 2.5)]
)
def test_an_entry_has_thirty_seconds_unless_it_says_so(project: Path, given: dict[str, Any], seconds: float) -> None:
    assert one(project, {"command": "x", **given}).timeout == seconds


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (3, "its entry must be an object, got a number"),
        ({}, "it has neither `command` nor `url`"),
        ({"command": ["npx"]}, "`command` must be a text, got a list"),
        ({"command": "x", "args": "-v"}, "`args` must be a list of texts, got a text"),
        ({"command": "x", "args": [{}]}, "`args[0]` must be a text, got an object"),
        ({"command": "x", "env": []}, "`env` must be an object of texts, got a list"),
        ({"command": "x", "env": {"A=B": "c"}}, "`env` has a name that no variable can have"),
        ({"command": "x\0y"}, "`command` has a NUL character in it"),
        ({"command": "x", "timeout": "soon"}, "`timeout` must be a number of seconds"),
        ({"command": "x", "timeout": 10**4_000}, "`timeout` must be a number of seconds"),
        ({"type": "sse", "url": "https://example.com"}, '`"type": "sse"` is the transport of old'),
        ({"type": "carrier-pigeon", "command": "x"}, '`type` must be "stdio" or "http"'),
        ({"type": "http"}, "`url` is missing"),
        ({"url": "file:///etc/passwd"}, "`url` must start with https:// or http://"),
    ],
)
def test_a_mistake_in_an_entry_is_told_when_it_is_used(project: Path, given: Any, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        one(project, given).usable()
    assert caught.value.message.startswith(f"{project / '.mcp.json'}: the MCP server `one`: ")
    assert fault in caught.value.message


def test_references_are_filled_in_wherever_they_stand(project: Path) -> None:
    given = {
        "command": "${workspaceFolder}/run",
        "args": ["--at=${env:PLACE}:${PORT:-80}", "$PLACE", "${EMPTY}"],
        "env": {"KEY": "@secret:mcp.one.key", "BOTH": "${secret:mcp.one.key}/${KOSMO_SECRET:mcp.one.key}"},
    }
    env = {"PLACE": "harbour", "EMPTY": "", "PATH": "/bin", "HEROKU_API_KEY": "HRKU-0000-1111"}
    filled = fill_in(one(project, given), {"mcp.one.key": "open-sesame-42"}.get, env)
    assert filled.command == f"{project}/run"
    assert filled.args == ("--at=harbour:80", "$PLACE", "")
    assert filled.env == {"PATH": "/bin", "KEY": "open-sesame-42", "BOTH": "open-sesame-42/open-sesame-42"}
    assert filled.cwd == project
    assert "open-sesame-42" in filled.secrets
    assert "sesame" not in repr(filled)


@pytest.mark.claim("mcp-environment")
def test_a_server_inherits_little_of_the_environment() -> None:
    assert "PATH" in INHERITED
    assert not [name for name in INHERITED if name.startswith(("HEROKU", "KOSMO", "AWS", "GITHUB", "SSH"))]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("${ABSENT}", CredentialsError, r"needs the environment variable ABSENT.*\$\{ABSENT:-default\}"),
        ("${input:token}", SettingsError, r"refers to `\$\{input:token\}`, which is none of"),
        ("${secret:none}", CredentialsError, "needs the secret `none`"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(project: Path, text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fill_in(one(project, {"command": "x", "env": {"A": text}}), none, {})


def test_an_unknown_server_is_answered_with_the_nearest_or_with_where_to_write_one(project: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"none is configured\. `kosmo mcp:add` .*\.kosmo/mcp\.json"):
        configuration(project).find("github")
    written(project / ".mcp.json", {"github": {"command": "x"}})
    with pytest.raises(UnknownNameError, match=r"There is no MCP server `githb`\. Did you mean: github"):
        configuration(project).find("githb")


def test_who_has_no_home_is_told_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="`one` starts in ~no-such-user/x, and there is no such home"):
        fill_in(one(project, {"command": "x", "cwd": "~no-such-user/x"}), none, {})

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(SettingsError, match=r"You have no home.*Name one in HOME"):
        configuration(project)


def test_a_file_of_many_servers_is_an_error(project: Path) -> None:
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {f"{n}": {} for n in range(1_001)}}), encoding="utf-8")
    assert configuration(project).faults == (f"{project / '.mcp.json'}: `mcpServers` has more than 1,000 servers.",)


@pytest.mark.claim("parent-settings")
def test_a_long_file_has_the_servers_of_a_short_one_and_its_mistakes(project: Path) -> None:
    path, blanks = project / ".mcp.json", " " * MAX_SMALL_TEXT
    path.write_text(f'{{ /* {blanks} */ "mcpServers": {{"one": {{"command": "x"}},}} }}', encoding="utf-8")
    assert configuration(project).servers["one"].command == "x"
    path.write_text(f'{{ /* {blanks} */ "mcpServers": no }}', encoding="utf-8")
    assert configuration(project).faults == (f"{path}:1:{len(blanks) + 24} is no JSON: Expecting value.",)
