"""Which servers are configured: which files count, what an entry may say, and what is told of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_config import written

from kosmo_kernel.errors import CredentialsError, SettingsError, UnknownNameError
from kosmo_kernel.mcp import Server, configuration
from kosmo_kernel.mcp.variables import INHERITED, fill_in
from kosmo_kernel.reader.documents import MAX_SMALL_TEXT, jsonc_value


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


def one(project: Path, given: Any) -> Server:
    path = project / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": {"one": given}}), encoding="utf-8")
    return configuration(project).servers["one"]


def test_the_projects_entry_wins_by_the_name_of_the_server(project: Path) -> None:
    written(Path.home() / ".kosmo" / "mcp.json", {"a": {"command": "user"}, "b": {"command": "user"}})
    written(project / ".mcp.json", {"b": {"command": "project"}, "c": {"command": "project"}})
    found = configuration(project)
    assert {name: (server.command, server.of_project) for name, server in found.servers.items()} == {
        "a": ("user", False),
        "b": ("project", True),
        "c": ("project", True),
    }


@pytest.mark.parametrize("other", [".vscode/mcp.json", ".cursor/mcp.json"])
def test_a_file_of_another_client_is_not_read_and_that_is_told_once(project: Path, other: str) -> None:
    path = written(project / other, {"theirs": {"command": "x"}})
    found = configuration(project)
    assert (found.servers, found.faults) == ({}, (f"{path} is not read: copy its entries into .mcp.json.",))
    with pytest.raises(UnknownNameError, match="is not read: copy its entries"):
        found.find("theirs")


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
    written(Path.home() / ".kosmo" / "mcp.json", {"one": {"command": "x"}})
    broken = project / ".mcp.json"
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
        (
            '{"mcpServers": []}',
            ":1:1 must be an object with `mcpServers` in it, an object with an entry for each server",
        ),
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
    own = written(Path.home() / ".kosmo" / "mcp.json", {})
    own.write_text('{"inputs": {}, "mcpServers": null}')
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


def test_an_entry_is_a_program_or_an_address(project: Path) -> None:
    given = {"command": "run", "args": ["-v", 3], "env": {"DEBUG": True, "LEVEL": 2}, "timeout": 45, "cwd": "tools"}
    server = one(project, {"type": "stdio", "url": None, "gallery": "ours"} | given)
    assert (server.kind, server.command, server.args, server.fault) == ("stdio", "run", ("-v", "3"), "")
    assert (server.env, server.timeout, server.cwd) == ({"DEBUG": "true", "LEVEL": "2"}, 45.0, "tools")
    for kind in ("http", "streamable-http", None):
        there = one(project, {"type": kind, "url": "https://example.com/mcp", "headers": {"A": "b"}})
        assert (there.kind, there.url, there.headers, there.fault) == (
            "http",
            "https://example.com/mcp",
            {"A": "b"},
            "",
        )
    assert one(project, {"command": "x"}).timeout == 30


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (3, "its entry is wrong: Expected `object`, got `int`"),
        ({}, "its entry must have one of `command` and `url`"),
        ({"command": "x", "url": "https://example.com"}, "its entry must have one of `command` and `url`"),
        ({"command": ["npx"]}, "its entry is wrong: Expected `str`, got `array` - at `$.command`"),
        ({"command": "x", "args": "-v"}, "its entry is wrong: Expected `array`, got `str` - at `$.args`"),
        ({"command": "x", "args": [{}]}, "got `object` - at `$.args[0]`"),
        ({"command": "x", "env": []}, "its entry is wrong: Expected `object`, got `array` - at `$.env`"),
        ({"command": "x", "timeout": "soon"}, "got `str` - at `$.timeout`"),
        ({"command": "x", "timeout": 0}, "at `$.timeout`"),
        ({"command": "x", "timeout": 10**18}, "at `$.timeout`"),
        ({"command": "x", "disabled": True}, "it is switched off by `disabled` or `enabled` in its entry"),
        ({"command": "x", "enabled": False}, "it is switched off by `disabled` or `enabled` in its entry"),
        ({"type": "sse", "url": "https://example.com"}, "Invalid enum value 'sse' - at `$.type`"),
        ({"type": "http", "command": "x"}, "its `type` is http, which goes with `url`"),
        ({"type": "stdio", "url": "https://example.com"}, "its `type` is stdio, which goes with `command`"),
        ({"url": "file:///etc/passwd"}, "its `url` must start with https:// or http://"),
    ],
)
def test_a_mistake_in_an_entry_is_told_when_it_is_used(project: Path, given: Any, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        one(project, given).check_entry()
    assert caught.value.message.startswith(f"{project / '.mcp.json'}: the MCP server `one`: ")
    assert fault in caught.value.message


def test_references_are_filled_in_wherever_they_stand(project: Path) -> None:
    given = {
        "command": "${TOOLS}/run",
        "args": ["--at=${PLACE}:${PORT:-80}", "$PLACE", "${EMPTY}", "${NEST:-${PLACE}}"],
        "env": {"KEY": "open-${WORD}-42"},
        "cwd": "${PLACE}",
    }
    env = {"TOOLS": "/t", "PLACE": "harbour", "EMPTY": "", "PATH": "/bin", "WORD": "sesame", "HEROKU_API_KEY": "k"}
    filled = fill_in(one(project, given), env)
    assert filled.command == "/t/run"
    assert filled.args == ("--at=harbour:80", "$PLACE", "", "${NEST:-harbour}")
    assert filled.env == {"PATH": "/bin", "KEY": "open-sesame-42"}
    assert filled.cwd == project / "harbour"
    assert {"sesame", "open-sesame-42"} <= set(filled.secrets)
    assert "sesame" not in repr(filled)
    there = one(project, {"url": "https://${PLACE}/x", "headers": {"A": "Bearer ${WORD}"}})
    assert (fill_in(there, env).url, fill_in(there, env).headers) == ("https://harbour/x", {"A": "Bearer sesame"})


@pytest.mark.claim("mcp-environment")
@pytest.mark.parametrize("name", ["HEROKU_API_KEY", "KOSMO_CONFIG_DIR", "heroku_api_key", "HEROKU_API_KEY:-x"])
@pytest.mark.parametrize(
    "given",
    [
        {"command": "run-%s"},
        {"command": "x", "args": ["--key=%s"]},
        {"command": "x", "env": {"A": "%s"}},
        {"command": "x", "cwd": "%s"},
        {"url": "https://example.com/%s"},
        {"url": "https://%s.example.com"},
        {"url": "https://example.com", "headers": {"A": "Bearer %s"}},
    ],
)
def test_a_projects_server_never_gets_the_users_own_variables(project: Path, given: dict[str, Any], name: str) -> None:
    text = json.dumps(given).replace("%s", f"${{{name}}}")
    env = {"HEROKU_API_KEY": "HRKU-0000", "KOSMO_CONFIG_DIR": "/config", "heroku_api_key": "HRKU-1111"}
    with pytest.raises(SettingsError, match="A server of a project gets no variable named HEROKU_") as caught:
        fill_in(one(project, json.loads(text)), env)
    assert "HRKU-" not in caught.value.message
    own = written(Path.home() / ".kosmo" / "mcp.json", {"mine": json.loads(text)})
    mine = configuration(project).servers["mine"]
    assert (mine.path, fill_in(mine, env).secrets != ()) == (own, True)


@pytest.mark.claim("mcp-environment")
def test_a_server_inherits_little_of_the_environment() -> None:
    assert "PATH" in INHERITED
    assert not [name for name in INHERITED if name.startswith(("HEROKU", "KOSMO", "AWS", "GITHUB", "SSH"))]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("${ABSENT}", CredentialsError, r"needs the environment variable ABSENT.*\$\{ABSENT:-default\}"),
        ("${input:token}", SettingsError, r"refers to `\$\{input:token\}`, which is neither"),
        ("${secret:t}", SettingsError, "The keyring's secrets of MCP servers are kept, but no longer read: set a "),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(project: Path, text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fill_in(one(project, {"command": "x", "env": {"A": text}}), {})


def test_an_unknown_server_is_answered_with_the_nearest_or_with_where_to_write_one(project: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"none is configured, in .*/\.mcp\.json or .*\.kosmo/mcp\.json\."):
        configuration(project).find("github")
    written(project / ".mcp.json", {"github": {"command": "x"}})
    with pytest.raises(UnknownNameError, match=r"There is no MCP server `githb`\. Did you mean: github"):
        configuration(project).find("githb")


def test_who_has_no_home_is_told_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="`one` starts in ~no-such-user/x: there is no such home"):
        fill_in(one(project, {"command": "x", "cwd": "~no-such-user/x"}), {})

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(SettingsError, match=r"You have no home.*Name one in HOME"):
        configuration(project)


@pytest.mark.parametrize("count", [1_001, 10_000])
def test_a_file_of_many_servers_is_an_error(project: Path, count: int) -> None:
    written(project / ".mcp.json", {f"{number}": {"command": "x"} for number in range(count)})
    assert configuration(project).faults == (f"{project / '.mcp.json'}: `mcpServers` has more than 1,000 servers.",)


@pytest.mark.claim("parent-settings")
def test_a_long_file_has_the_servers_of_a_short_one_and_its_mistakes(project: Path) -> None:
    path, blanks = project / ".mcp.json", " " * MAX_SMALL_TEXT
    path.write_text(f'{{ /* {blanks} */ "mcpServers": {{"one": {{"command": "x"}},}} }}', encoding="utf-8")
    assert configuration(project).servers["one"].command == "x"
    path.write_text(f'{{ /* {blanks} */ "mcpServers": no }}', encoding="utf-8")
    assert configuration(project).faults == (f"{path}:1:{len(blanks) + 24} is no JSON: Expecting value.",)
