"""Test what our own MCP server offers and answers, asked by the SDK's client over standard streams."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import FICTION, kosmo
from mcp_config import faulty, written

from kosmo_kernel.catalogue import Function
from kosmo_kernel.cli import outcome
from kosmo_kernel.demo.api import DEMO_TOKEN
from kosmo_kernel.docs import GUIDES
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.mcp import Trust, configuration
from kosmo_kernel.mcp_server.schemas import answer_schema

pytest.importorskip("mcp")

from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextResourceContents
from mcp_client import asked, failure, text_of

# What it offers ---------------------------------------------------------------------------------------------------


def test_each_function_of_the_catalogue_is_a_tool_that_says_it_only_reads() -> None:
    async def ask(one: Client) -> Any:
        return (await one.list_tools()).tools

    tools = {tool.name: tool for tool in asked(ask)}
    functions = [f"heroku_{function.name}" for function in HEROKU.functions]
    assert list(tools) == [*functions, "lua_run", "docs_read", "docs_search"]
    assert [name for name, tool in tools.items() if not tool.annotations or not tool.annotations.read_only_hint] == []
    dynos = tools["heroku_list_dynos"]
    assert dynos.input_schema["required"] == ["app_id"]
    assert list(dynos.input_schema["properties"]) == ["app_id", "errors", "limit", "account"]
    assert list(dynos.output_schema["properties"]["result"]["items"]["properties"])[:3] == ["name", "state", "type"]
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema or {})


def test_the_answers_of_all_functions_fit_their_schemas_and_the_demo_says_that_it_is_fiction() -> None:
    async def ask(one: Client) -> Any:
        return [
            await one.call_tool(f"heroku_{f.name}", {p.name: p.example for p in f.params if p.required})
            for f in BY_HAND
        ]

    answers: list[CallToolResult] = asked(ask)
    for function, answer in zip(BY_HAND, answers, strict=True):
        Draft202012Validator(answer_schema(function)).validate(answer.structured_content)
        assert json.loads(text_of(answer)) == answer.structured_content
        assert (answer.structured_content["account"], answer.structured_content["notes"]) == ("demo", [FICTION])
        assert isinstance(answer.structured_content["result"], list) is (function.returns == "list")


@pytest.mark.parametrize("function", HEROKU.functions, ids=lambda one: one.name)
def test_a_schema_says_where_null_can_be(function: Function) -> None:
    schema = answer_schema(function)["properties"]["result"]
    record = schema.get("items") or schema.get("anyOf", [schema])[0]
    for column in function.columns:
        at = record
        for name in column.path:
            at = at["properties"][name]
        assert ("null" in at["type"]) is column.nullable


def test_a_list_of_apps_is_asked_at_once_and_what_cannot_be_read_is_listed() -> None:
    arguments = {"app_id": ["my-app", "no-such-app"], "errors": "collect"}
    answer = asked(lambda one: one.call_tool("heroku_list_dynos", arguments)).structured_content
    assert {row["app_id"] for row in answer["result"]} == {"my-app"}
    assert [(row["app_id"], row["status"]) for row in answer["failures"]] == [("no-such-app", 404)]
    assert answer["notes"] == [FICTION, "1 of 2 apps could not be read: no-such-app (404 not_found)"]


@pytest.mark.full
def test_the_pages_of_the_reference_are_resources() -> None:
    async def ask(one: Client) -> Any:
        found = (await one.list_resources()).resources
        read = await one.read_resource("kosmo://docs/heroku.list_apps")
        with pytest.raises(MCPError, match=r"no page `heroku\.list_ap`"):
            await one.read_resource("kosmo://docs/heroku.list_ap")
        with pytest.raises(MCPError, match="kosmo://docs/"):
            await one.read_resource("file:///etc/passwd")
        return [one.uri for one in found], read.contents

    uris, contents = asked(ask)
    functions = [f"heroku.{function.name}" for function in HEROKU.functions]
    assert uris == [f"kosmo://docs/{name}" for name in ["heroku", *functions, *GUIDES]]
    assert isinstance(contents[0], TextResourceContents)
    assert (contents[0].mime_type, contents[0].text.splitlines()[0]) == ("text/markdown", "# heroku.list_apps")


@pytest.mark.full
def test_a_tool_that_is_not_there_is_an_error_of_the_protocol() -> None:
    async def ask(one: Client) -> None:
        with pytest.raises(MCPError, match="no tool `heroku_list_app`"):
            await one.call_tool("heroku_list_app", {})

    asked(ask)


@pytest.mark.full
def test_the_reference_is_read_and_searched() -> None:
    async def ask(one: Client) -> Any:
        read = await one.call_tool("docs_read", {"page": "heroku.list_dynos"})
        pages = await one.call_tool("docs_read", {})
        found = await one.call_tool("docs_search", {"words": "certificate"})
        return [text_of(answer).splitlines()[0] for answer in (read, pages, found)]

    assert asked(ask) == ["# heroku.list_dynos", "# Reference", "# Search: certificate"]


# Accounts and permissions -----------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_argument_account_picks_the_account(demo_url: str) -> None:
    env = {"HEROKU_API_URL": demo_url, "HEROKU_API_KEY_OPS": DEMO_TOKEN}

    async def ask(one: Client) -> Any:
        ops = await one.call_tool("heroku_get_current_user", {"account": "ops"})
        lua = "return app.integrations.heroku.get_current_user().email"
        in_lua = await one.call_tool("lua_run", {"code": lua, "account": "ops"})
        wrong = await one.call_tool("heroku_get_current_user", {"account": "opps"})
        none = await one.call_tool("heroku_get_current_user", {})
        odd = await one.call_tool("heroku_get_current_user", {"account": 7})
        return ops.structured_content, in_lua.structured_content, failure(wrong), failure(none), failure(odd)

    ops, in_lua, wrong, none, odd = asked(ask, env=env)
    assert (ops["account"], ops["notes"]) == ("ops", [])
    assert in_lua["result"] == [ops["result"]["email"]]
    assert "opps" in wrong
    assert "HEROKU_API_KEY" in none
    assert "must be a text" in odd


@pytest.mark.claim("agents-permissions")
@pytest.mark.full
def test_what_the_permissions_ask_about_is_an_error_that_says_how_to_allow_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[integrations.heroku.permissions]\nread = "ask"\n')
    env = {"KOSMO_DEMO": "1", "KOSMO_CONFIG_DIR": str(tmp_path)}

    async def ask(one: Client) -> list[str]:
        direct = await one.call_tool("heroku_list_apps", {})
        in_lua = await one.call_tool("lua_run", {"code": "app.integrations.heroku.list_apps()"})
        return [failure(direct), failure(in_lua)]

    for message in asked(ask, env=env):
        assert "there is nobody to ask here" in message
        assert "kosmo integrations:configure heroku --read allow" in message


# Lua --------------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_run_of_lua_gives_the_document_of_integrations_lua() -> None:
    code = "print('here') return #app.integrations.heroku.list_apps()"
    answer = asked(lambda one: one.call_tool("lua_run", {"code": code})).structured_content
    printed = json.loads(kosmo("integrations:lua", "--demo", "--json", "-e", code).stdout)
    measured = ("execution_time_ms", "memory_usage", "integration_calls")
    assert list(answer) == list(printed)
    assert [answer[key] for key in printed if key not in measured] == [
        printed[key] for key in printed if key not in measured
    ]
    assert [call["path"] for call in answer["integration_calls"]] == ["integrations.heroku.list_apps"]


@pytest.mark.full
def test_a_script_that_fails_says_where_and_keeps_what_it_printed() -> None:
    answer = asked(lambda one: one.call_tool("lua_run", {"code": "print('before')\nlocal x = nil + 1"}))
    assert failure(answer) == (
        "LuaRuntimeError: lua_run:2: attempt to perform arithmetic on a nil value\n"
        "      1 print('before')\n----> 2 local x = nil + 1\nPrinted before:\nbefore\n"
    )
    found = answer.structured_content
    assert (found["success"], found["output"], found["meta"]["error"]["line"]) == (False, "before\n", 2)


@pytest.mark.full
def test_a_run_finds_lua_fresh_unless_it_names_a_session() -> None:
    async def ask(one: Client) -> list[Any]:
        found = []
        for session in (None, None, "a", "a", "b"):
            more = {"session": session} if session else {}
            answer = await one.call_tool("lua_run", {"code": "x = (x or 0) + 1 return x", **more})
            found += answer.structured_content["result"]
        return found

    assert asked(ask) == [1, 1, 1, 2, 1]


@pytest.mark.full
def test_arguments_and_the_user_limit_a_run() -> None:
    async def ask(one: Client) -> list[str]:
        loop = "while true do end"
        calls: list[dict[str, Any]] = [
            {"code": loop},
            {"code": loop, "timeout": 0.1},
            {"code": "return ('x'):rep(1 << 24)", "memory_limit": 2 << 20},
            {"code": "return 1", "cpu_limit": 90},
            {"cod": "return 1"},
        ]
        failures = [failure(await one.call_tool("lua_run", call)) for call in calls]
        assert (await one.call_tool("lua_run", {"code": "return ...", "args": ["fine"]})).structured_content[
            "result"
        ] == ["fine"]
        return failures

    cpu, timeout, memory, most, misspelt = asked(ask, "--demo", "--cpu-limit", "0.5", env={})
    assert cpu.startswith("LimitError: ")
    assert "0.5 s" in cpu
    assert "0.1 s" in timeout
    assert "memory" in memory
    assert most.startswith("lua_run: `cpu_limit` must be at most 0.5. ")
    assert misspelt.startswith("lua_run: `code` is missing; `cod` is no argument of it (`code` is). ")


@pytest.mark.claim("agents-no-mcp", "mcp-way-out")
@pytest.mark.full
def test_scripts_reach_the_users_other_servers_only_where_the_user_said_so(tmp_path: Path) -> None:
    written(tmp_path / ".mcp.json", {"ours": faulty(), "out": faulty("open_world")})
    settings = tmp_path / "settings"
    for one in configuration(tmp_path).servers.values():
        Trust(settings).trust(one)
    env = {"KOSMO_DEMO": "1", "KOSMO_CONFIG_DIR": str(settings)}
    call = {"code": "return app.mcp.ours.echo({ text = 'heard' })"}

    async def ask(one: Client) -> Any:
        tools = {tool.name: tool.annotations for tool in (await one.list_tools()).tools}
        lua = tools["lua_run"]
        out = {"code": call["code"].replace("ours", "out")}
        return lua and lua.read_only_hint, await one.call_tool("lua_run", call), await one.call_tool("lua_run", out)

    reads, refused, _ = asked(ask, env=env, cwd=tmp_path)
    assert (reads, "This session asks no MCP servers" in failure(refused)) == (True, True)
    assert "`--allow-mcp`" in failure(refused)
    reads, allowed, out = asked(ask, "--allow-mcp", env=env, cwd=tmp_path)
    assert (reads, allowed.structured_content["result"]) == (False, ["heard"])
    assert "there is nobody to ask here" in failure(out)


# What goes wrong before -------------------------------------------------------------------------------------------


def test_without_the_sdk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "mcp")
    monkeypatch.setattr("kosmo_kernel.mcp.servers.find_spec", lambda _name: None)
    assert outcome(["mcp:serve"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Error: MCP servers need the package `mcp`: python -m pip install 'kosmo_kernel[mcp]'\n"


@pytest.mark.full
def test_an_account_that_is_not_there_is_told_at_once() -> None:
    done = kosmo("mcp:serve", "--account", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nobody" in done.stderr
