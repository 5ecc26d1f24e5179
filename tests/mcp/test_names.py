"""Names and descriptions of servers and tools in Lua."""

from __future__ import annotations

from pathlib import Path

import pytest

from kosmo_kernel.mcp import Server
from kosmo_kernel.mcp.consent import ToolCall, ToolConsent
from kosmo_kernel.mcp.tools import lua_names, original_name, tools_of


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


@pytest.mark.claim("mcp-writes")
def test_the_name_of_a_tool_cannot_change_the_question_about_it() -> None:
    (tool,) = tools_of("s", [{"name": "a\n\u202eb\x1b[1m"}])
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return "y"

    server = Server("s", Path("mcp.json"), Path("."), of_project=False)
    ToolConsent(ask).check(ToolCall(server, tool.function, {}, tool))
    assert asked[0].startswith("mcp.s.a b [1m may change something with the MCP server s. Go on, for all of this run?")


def test_of_two_tools_with_one_name_the_first_counts() -> None:
    described = [{"name": "a", "description": "one"}, {"name": "a", "description": "two"}]
    assert [tool.description for tool in tools_of("s", described)] == ["one"]


def test_a_signature_has_what_must_be_given_first() -> None:
    schema = {"properties": {"limit": {}, "query": {}, "sort": {}}, "required": ["query"]}
    (tool,) = tools_of("s", [{"name": "search-all", "inputSchema": schema}])
    assert tool.signature == "search_all(query, limit?, sort?)"
    assert tool.function == "mcp.s.search-all"


def test_a_schema_that_makes_no_sense_is_none() -> None:
    (tool,) = tools_of("s", [{"name": "a", "inputSchema": {"properties": [], "required": 3}, "outputSchema": 1}])
    assert (tool.properties, tool.required, tool.is_wrapped) == ({}, {}, False)
