"""Names and descriptions of servers and tools in Lua, and the secrets that entries refer to."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.mcp import Server, secrets
from kosmo_kernel.mcp.pages import ARGUMENTS, tool_page
from kosmo_kernel.mcp.tools import lua_names, original_name, tools_of
from kosmo_kernel.results import Result
from kosmo_kernel.run.call_tracker import PermissionGate
from kosmo_kernel.run.mcp_tools import tool_call


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("list_issues", "list_issues"),
        ("listIssues", "listIssues"),
        ("take-seat", "take_seat"),
        ("  Find A Seat! ", "find_a_seat"),
        ("3d.view", "_3d_view"),
        ("end", "end_"),
        ("größe", "gr_e"),
        ("…", "tool"),
    ],
)
def test_a_name_is_called_what_lua_can_read(name: str, called: str) -> None:
    assert lua_names([name]) == {name: called}


def test_of_names_that_would_become_one_the_own_name_comes_first() -> None:
    assert lua_names(["a-b", "a.b", "a_b", "a b"]) == {"a-b": "a_b_2", "a.b": "a_b_3", "a_b": "a_b", "a b": "a_b_4"}


def test_a_key_means_an_own_name_before_a_lua_name_before_what_others_call_it() -> None:
    called = lua_names(["a-b", "a_b", "listIssues"])
    assert original_name("a-b", called) == "a-b"
    assert original_name("a_b", called) == "a_b"
    assert original_name("a_b_2", called) == "a-b"
    assert original_name("listissues", called) == "listIssues"
    assert original_name("list_issues", called) is None


def test_a_tool_that_does_not_say_that_it_reads_may_write() -> None:
    tools = tools_of(
        "s",
        [
            {"name": "a", "annotations": {"readOnlyHint": True}},
            {"name": "b", "annotations": {"readOnlyHint": "yes"}},
            {"name": "c"},
        ],
    )
    assert [tool.effect for tool in tools] == ["read", "write", "write"]


@pytest.mark.parametrize("hint", [{}, {"openWorldHint": True}, {"openWorldHint": 0}, {"openWorldHint": None}])
def test_a_tool_reaches_others_unless_it_says_that_it_does_not(hint: dict[str, Any]) -> None:
    (tool,) = tools_of("s", [{"name": "a", "annotations": {"readOnlyHint": True} | hint}])
    assert tool.open_world
    assert not tools_of("s", [{"name": "a", "annotations": {"openWorldHint": False}}])[0].open_world


@pytest.mark.claim("mcp-way-out")
def test_the_name_of_a_tool_cannot_change_the_question_about_it() -> None:
    (tool,) = tools_of("s", [{"name": "a\n\u202eb\x1b[1m", "annotations": {"readOnlyHint": True}}])
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return "y"

    server = Server("s", "user", Path("mcp.json"), Path("."))
    gate = PermissionGate(Result(account="demo"), ask)
    gate.check(tool_call(server, tool.name, {}, tool))
    assert asked[0].startswith("mcp.s.a b [1m reads from the MCP server s, and may")


def test_of_two_tools_with_one_name_the_first_counts() -> None:
    assert [tool.title for tool in tools_of("s", [{"name": "a", "title": "one"}, {"name": "a", "title": "two"}])] == [
        "one"
    ]


def test_a_signature_has_what_must_be_given_first() -> None:
    schema = {"properties": {"limit": {}, "query": {}, "sort": {}}, "required": ["query"]}
    (tool,) = tools_of("s", [{"name": "search-all", "inputSchema": schema}])
    assert tool.signature == "search_all(query, limit?, sort?)"
    assert tool.function == "mcp.s.search-all"


def test_the_page_of_a_tool_of_many_arguments_lists_the_first_ones_and_says_how_many_there_are() -> None:
    properties: dict[str, Any] = {f"a{number}": {} for number in range(ARGUMENTS + 1_234)}
    (tool,) = tools_of("s", [{"name": "t", "inputSchema": {"properties": properties}}])
    page = tool_page("s", tool)
    assert f"`a{ARGUMENTS - 1}`" in page
    assert f"`a{ARGUMENTS}`" not in page
    assert "… and 1,234 more." in page


def test_a_schema_that_makes_no_sense_is_none() -> None:
    (tool,) = tools_of("s", [{"name": "a", "inputSchema": {"properties": [], "required": 3}, "outputSchema": 1}])
    assert (tool.properties, tool.required, tool.output) == ({}, {}, None)


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


def test_without_a_keyring_a_secret_is_in_a_file_that_only_its_owner_can_read() -> None:
    assert secrets.read("mcp.github.token") is None
    secrets.keep("mcp.github.token", "open-sesame-42")
    assert secrets.read("mcp.github.token") == "open-sesame-42"
    assert stat.S_IMODE(secrets.secrets_file().stat().st_mode) == 0o600
    secrets.keep("mcp.github.token", "another-one")
    assert secrets.read("mcp.github.token") == "another-one"
    secrets.drop("mcp.github.token")
    secrets.drop("mcp.github.token")
    assert secrets.read("mcp.github.token") is None


def test_a_file_that_others_can_read_is_not_used() -> None:
    secrets.keep("one", "open-sesame-42")
    secrets.secrets_file().chmod(0o644)
    with pytest.raises(CredentialsError, match="others on this machine may read it") as caught:
        secrets.read("one")
    assert "sesame" not in caught.value.message


def test_a_damaged_file_is_named() -> None:
    secrets.keep("one", "open-sesame-42")
    secrets.secrets_file().write_text("[3]")
    with pytest.raises(CredentialsError, match=r"mcp-secrets\.json is damaged"):
        secrets.read("one")
