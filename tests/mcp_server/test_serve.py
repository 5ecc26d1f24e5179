"""Test what our own MCP server offers and answers, asked by the SDK's client over standard streams."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import kosmo
from mcp_config import faulty, written

from kosmo_kernel import Session, snapshot
from kosmo_kernel.cli import outcome
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.mcp import Trust, configuration
from kosmo_kernel.mcp_server.tokens import CHARACTERS_PER_TOKEN, estimated_tokens
from kosmo_kernel.mcp_server.tools import INSTRUCTIONS
from kosmo_kernel.settings.installation import how_to_install

pytest.importorskip("mcp")

from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp_client import Ask, asked, data, failure, one_client, text_of


@pytest.fixture(scope="module")
def shared() -> Iterator[Ask]:
    """Yield how tests ask that may find variables and values of others in the session."""
    with one_client() as ask:
        yield ask


# What it offers ---------------------------------------------------------------------------------------------------


async def listed(one: Client) -> Any:
    return await one.list_tools(), one.instructions


def test_three_tools_that_only_read_are_listed_in_at_most_900_tokens_with_the_instructions(shared: Ask) -> None:
    listing, instructions = shared(listed)
    assert (listing.ttl_ms, listing.cache_scope) == (3_600_000, "private")
    assert instructions == INSTRUCTIONS.format(services="Heroku")
    tools = {tool.name: tool for tool in listing.tools}
    assert list(tools) == ["lua_run", "lua_search_docs", "lua_read_doc"]
    assert [name for name, tool in tools.items() if not tool.annotations or not tool.annotations.read_only_hint] == []
    texts = [tool.model_dump_json(by_alias=True, exclude_none=True) for tool in tools.values()]
    assert len("".join(texts)) + len(INSTRUCTIONS) <= 900 * CHARACTERS_PER_TOKEN
    assert estimated_tokens("".join(texts)) + estimated_tokens(INSTRUCTIONS) <= 1_100
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.input_schema)
        assert tool.output_schema is None


@pytest.mark.claim("archive-read")
def test_two_archives_are_compared_without_a_token_and_clients_are_told_their_names(tmp_path: Path) -> None:
    with Session("demo") as session:
        snapshot.take(session, tmp_path / "now.kosmo")

    async def ask(one: Client) -> Any:
        code = """
            local before = list.index_by(heroku.list_apps(), "name")
            return list.reject(heroku.from_archive("now.kosmo").list_apps(), function(app)
              return before[app.name] and before[app.name].released_at == app.released_at
            end)"""
        compared = await one.call_tool("lua_run", {"code": code})
        return data(compared), one.instructions

    shipped = str(Path(__file__).parents[2] / "notebooks" / "larkmoor-2026-10-20.kosmo")
    told, instructions = asked(ask, "--from", shipped, "--archive", str(tmp_path / "now.kosmo"), env={})
    assert told.startswith("12 records")
    assert instructions.endswith('`heroku.from_archive("now.kosmo")` answers from an archive.')


@pytest.mark.full
def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(shared: Ask) -> None:
    async def ask(one: Client) -> None:
        names = "`lua_run`, `lua_search_docs`, `lua_read_doc`"
        with pytest.raises(MCPError, match=rf"no tool `heroku_list_app`\. There are {names}\."):
            await one.call_tool("heroku_list_app", {})

    shared(ask)


def test_the_reference_is_read_and_searched_and_who_lists_what_the_session_has(shared: Ask) -> None:
    async def ask(one: Client) -> Any:
        await one.call_tool("lua_run", {"code": "seen = {1, 2} return heroku.list_apps()"})
        calls = [
            ("lua_read_doc", {"page": "heroku.list_dynos"}),
            ("lua_read_doc", {}),
            ("lua_search_docs", {"words": "dyno crashed"}),
            ("lua_search_docs", {"words": "who"}),
        ]
        return [text_of(await one.call_tool(name, arguments)) for name, arguments in calls]

    page, pages, results, who = shared(ask)
    assert (page.splitlines()[0], pages.splitlines()[0]) == ("# heroku.list_dynos", "# Pages")
    assert "- `heroku.list_dynos({ app_id })`: " in results
    assert "  a list of state, updated_at, created_at, name, " in results
    assert "seen: table 2 items" in who.splitlines()
    assert re.search(r"^Out\[\d+\]: 19 records \W 31 columns$", who, re.MULTILINE)


# Accounts and permissions -----------------------------------------------------------------------------------------


@pytest.mark.full
def test_checks_are_searched_read_and_run_by_name_and_their_findings_are_kept() -> None:
    async def ask(one: Client) -> Any:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("lua_search_docs", {"words": "crashed dynos"}),
            ("lua_read_doc", {"page": "checks.crashed-dynos"}),
            ("lua_run", {"check": "crashed-dynos"}),
            ("lua_run", {"code": "return #Out[1], Out[1][1].check"}),
            ("lua_run", {"check": "leavers, never-released", "params": {"leavers": ["a@larkmoor.example"]}}),
            ("lua_run", {"check": "crahsed-dynos"}),
            ("lua_run", {"check": "leavers"}),
            ("lua_run", {"check": "all", "max_tokens": 2000}),
            ("lua_run", {"check": "all", "code": "return 1", "dry_run": True}),
            ("lua_run", {}),
        ]
        return [await one.call_tool(*call) for call in calls]

    found, page, findings, kept, several, unknown, unset, every, both, neither = asked(ask)
    assert "- check `checks.crashed-dynos`: " in text_of(found)
    assert 'check = "crashed-dynos"' in text_of(page)
    assert data(findings).splitlines()[0].startswith("4 records")
    assert "What to do: `heroku logs" in text_of(findings)
    assert data(kept) == "[1] 4\n[2] crashed-dynos"
    assert "van-telemetry" in data(several)
    assert "1 check found nothing." in text_of(several)
    assert "Did you mean: crashed-dynos" in failure(unknown)
    assert '`params` with "leavers.leavers": the addresses of the people who have left' in failure(unset)
    assert "Not set up, so not run: add-on-costs, app-health" in text_of(every)
    assert "`code`, `dry_run` cannot be given with `check`" in failure(both)
    assert "needs `code`, or `check`" in failure(neither)


def test_the_argument_account_picks_the_account(demo_url: str) -> None:
    env = {"HEROKU_API_URL": demo_url, "HEROKU_API_KEY_OPS": DEMO_TOKEN}

    async def ask(one: Client) -> Any:
        code = {"code": "return heroku.get_current_user().email"}
        named = await one.call_tool("lua_run", code | {"account": "ops"})
        wrong = await one.call_tool("lua_run", code | {"account": "opps"})
        none = await one.call_tool("lua_run", code)
        odd = await one.call_tool("lua_run", code | {"account": 7})
        return data(named), failure(wrong), failure(none), failure(odd)

    email, wrong, none, odd = asked(ask, env=env)
    assert "@" in email
    assert "opps" in wrong
    assert "HEROKU_API_KEY" in none
    assert "`account` must be a text" in odd


# Lua --------------------------------------------------------------------------------------------------------------


def test_variables_and_values_stay_for_the_next_call() -> None:
    async def ask(one: Client) -> list[str]:
        codes = ("x = (x or 0) + 1 return {x, x}", "local t = Out[1] x = x + t[1] return x, #Out[1]", "return x")
        return [data(await one.call_tool("lua_run", {"code": code})) for code in codes]

    assert asked(ask) == ["[1,1]", "[1] 2\n[2] 2", "2"]


def test_a_list_that_is_not_whole_says_so_in_each_later_answer(shared: Ask) -> None:
    calls: list[dict[str, Any]] = [
        {"code": "r = heroku.list_dynos({ app_id = { 'my-app', 'nope' }, errors = 'collect' }) return r"},
        {"code": "return #r"},
        {"code": "up = list.filter(r, { state = 'up' })"},
        {"code": "return list.map(up, 'name')"},
        {"code": "local all = {} for i = 1, 900 do all[i] = { n = i, r = #r } end return all", "max_tokens": 300},
        {"code": "more", "max_tokens": 300},
        {"check": "databases-without-backups"},
    ]

    async def ask(one: Client) -> list[str]:
        return [text_of(await one.call_tool("lua_run", call)) for call in calls]

    first, *later, check = shared(ask)
    unread = "1 of 2 apps could not be read: nope (404 not_found)"
    assert first.count(f"\nNote: {unread}\n") == 1
    assert [text.count(f"\nNote: Made from a list that is not whole: {unread}\n") for text in later] == [1] * len(later)
    kept = check.partition(":")[0]
    told = "Note: Made from a list that is not whole: 1 of 1 check could not be made, or not for everything."
    assert told in text_of(shared(lambda one: one.call_tool("lua_run", {"code": f"return #{kept}"})))


@pytest.mark.parametrize("bound", [-1, 1, 150])
def test_a_bound_that_no_answer_keeps_counts_as_the_smallest_one(shared: Ask, bound: int) -> None:
    call = {"code": "return ('line\\n'):rep(999)", "max_tokens": bound}
    text = text_of(shared(lambda one: one.call_tool("lua_run", call)))
    assert 100 < len(text) <= 200 * CHARACTERS_PER_TOKEN
    assert 100 < estimated_tokens(text) <= 200


def test_the_word_more_has_the_next_rows_of_the_list_that_was_cut_last() -> None:
    async def ask(one: Client) -> list[str]:
        made = "local all = {} for i = 1, 900 do all[i] = { number = i } end return all"
        codes = [made, "more", "return Out[1][900].number", "more", "more"]
        bounds = [300, 400, 300, 2_000, 300]
        calls = [{"code": code, "max_tokens": most} for code, most in zip(codes, bounds, strict=True)]
        return [text_of(await one.call_tool("lua_run", call)) for call in calls]

    first, second, last, third, over = asked(ask)
    rows = [re.findall(r"^\d+$", text, re.MULTILINE) for text in (first, second, third)]
    assert [int(row) for part in rows for row in part] == list(range(1, 901))
    assert "The code `more` has the next rows." in first
    assert second.startswith(f"Out[1], from row {len(rows[0]) + 1}:\n")
    assert "more" not in third
    assert "\n900\n" in last
    assert over.startswith(
        "InvalidArgumentsError\n<data>\n`more` has the next rows of the list that was cut last, and none"
    )


def test_a_dry_run_lists_the_calls_and_makes_none(shared: Ask) -> None:
    code = "return heroku.list_dynos({ app_id = 'my-app' })"
    answer = text_of(shared(lambda one: one.call_tool("lua_run", {"code": code, "dry_run": True})))
    assert "heroku.list_dynos\t" in answer
    assert "https://api.heroku.com/apps/my-app/dynos" in answer
    assert "A dry run: 1 call, none made." in answer


@pytest.mark.full
def test_a_script_that_fails_says_where_and_keeps_what_it_printed(shared: Ask) -> None:
    answer = shared(lambda one: one.call_tool("lua_run", {"code": "print('before')\nlocal x = nil + 1"}))
    assert failure(answer) == (
        "LuaRuntimeError\n<data>\nlua_run:2: attempt to perform arithmetic on a nil value\n"
        "      1 print('before')\n----> 2 local x = nil + 1\nPrinted before:\nbefore\n</data>"
    )


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
            {"code": "return 1", "max_tokens": 3_001},
        ]
        return [failure(await one.call_tool("lua_run", call)) for call in calls]

    options = ("--demo", "--cpu-limit", "0.5", "--max-tokens", "3000")
    cpu, timeout, memory, most, misspelt, tokens = asked(ask, *options, env={})
    assert "`max_tokens` must be at most 3000" in tokens
    assert cpu.startswith("LimitError\n")
    assert "0.5 s" in cpu
    assert "0.1 s" in timeout
    assert "memory" in memory
    assert most.startswith("InvalidArgumentsError\n<data>\nlua_run: `cpu_limit` must be at most 0.5. ")
    assert misspelt.startswith("InvalidArgumentsError\n<data>\nlua_run: `cod` is no argument of it (`code` is). ")


@pytest.mark.claim("agents-no-mcp", "agents-permissions", "mcp-writes")
@pytest.mark.full
def test_scripts_reach_the_users_other_servers_only_where_the_user_said_so(tmp_path: Path) -> None:
    written(tmp_path / ".mcp.json", {"ours": faulty(), "out": faulty()})
    settings = tmp_path / "settings"
    for one in configuration(tmp_path).servers.values():
        Trust(settings).trust(one)
    env = {"KOSMO_DEMO": "1", "KOSMO_CONFIG_DIR": str(settings)}
    call = {"code": "return app.mcp.ours.echo({ text = 'heard' })"}

    async def ask(one: Client) -> Any:
        tools = {tool.name: tool.annotations for tool in (await one.list_tools()).tools}
        lua = tools["lua_run"]
        out = {"code": "return app.mcp.out.fail()"}
        return lua and lua.read_only_hint, await one.call_tool("lua_run", call), await one.call_tool("lua_run", out)

    reads, refused, _ = asked(ask, env=env, cwd=tmp_path)
    assert (reads, "This session asks no MCP servers" in failure(refused)) == (True, True)
    assert "`--allow-mcp`" in failure(refused)
    reads, allowed, out = asked(ask, "--allow-mcp", env=env, cwd=tmp_path)
    assert (reads, data(allowed)) == (False, "heard")
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
    assert (
        printed.err == f"Error: MCP servers need the package `mcp`, which is not installed. {how_to_install('mcp')}\n"
    )


@pytest.mark.full
def test_an_account_that_is_not_there_is_told_at_once() -> None:
    done = kosmo("mcp:serve", "--account", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nobody" in done.stderr
