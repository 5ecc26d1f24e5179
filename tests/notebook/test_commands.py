from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from kosmo_kernel import docs
from kosmo_kernel.errors import (
    InvalidArgumentsError,
    KosmoError,
    LimitError,
    LuaRuntimeError,
    RateLimitError,
    RefusedError,
    UnknownNameError,
    UserError,
)
from kosmo_kernel.notebook.commands import (
    COMMANDS,
    MAX_CALLS_SHOWN,
    NotebookContext,
    report_page,
    run_command,
)
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.results import CallRecord, Result
from kosmo_kernel.session import Session


class Lua(Session):
    """A Lua state that only counts, and accounts whose service refuses every token but one."""

    resets = 0
    known: tuple[dict[str, str], ...] = ()

    def reset(self) -> None:
        self.resets += 1

    def variables(self) -> list[dict[str, str]]:
        return list(self.known)

    def budget_left(self, integration: str, account: str) -> int | None:
        if account == "ops":
            return 3060
        raise RefusedError(f"{integration} refused the token of {account}:\n401", status=401)


def test_docs_gives_a_page_and_without_a_name_the_list_of_pages() -> None:
    assert run_command("docs heroku.list_apps", NotebookContext(Lua())) == docs.read("heroku.list_apps")
    assert run_command(" docs ", NotebookContext(Lua())) == docs.list_pages()


def test_docs_gives_the_guide_to_mcp_servers_and_the_pages_of_its_functions() -> None:
    assert run_command("docs mcp", NotebookContext(Lua())) == docs.read("mcp")
    assert run_command("docs mcp.tools", NotebookContext(Lua())) == docs.read("mcp.tools")


def test_status_tells_what_the_last_run_cost() -> None:
    lua = Lua()
    assert run_command("status", NotebookContext(lua)).startswith("Nothing has run yet.\n\n")
    lua.last = Result()
    assert run_command("status", NotebookContext(lua)).startswith("The last run made no calls.\n\n")
    lua.last = Result(cost=ProgressSnapshot(2, 3, 4, 4496, "ops", 1.2))
    cost = "2 of 3 calls · 4 requests · 1.2 s · account ops · 4,496 requests left"
    assert run_command("status", NotebookContext(lua)).startswith(f"The last run: {cost}\n\n")


def test_status_tells_where_each_token_is_what_is_left_and_what_fails_in_its_own_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "secret-1")
    monkeypatch.setenv("HEROKU_API_KEY_OPS", "secret-2")
    monkeypatch.setenv("HEROKU_API_KEY_TORN", "secret 3")
    page = run_command("status", NotebookContext(Lua()))
    cells = re.findall(r"^\| `heroku\.(\w+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|$", page, re.MULTILINE)
    rows = {name: tuple(texts) for name, *texts in cells}
    torn = rows.pop("torn")
    heroku = "https://api.heroku.com"
    assert rows == {
        "default": ("in HEROKU_API_KEY", heroku, "Heroku refuses the token in HEROKU_API_KEY (401)"),
        "ops": ("in HEROKU_API_KEY_OPS", heroku, "3,060 of 4,500"),
        "demo": ("needs none: everything in it is fiction", "·", "without limit"),
    }
    assert "HEROKU_API_KEY_TORN" in torn[0]
    assert "secret" not in page


def test_reset_forgets_the_lua_variables() -> None:
    lua = Lua()
    run_command("reset", NotebookContext(lua))
    assert lua.resets == 1


def test_who_tells_what_the_variables_are() -> None:
    lua = Lua()
    assert run_command("who", NotebookContext(lua)) == "There are no Lua variables yet.\n"
    lua.known = ({"name": "apps", "scope": "global", "type": "list", "size": "19 rows"},)
    assert list(run_command("who", NotebookContext(lua))) == list(lua.known)


def test_demo_makes_the_fictional_account_the_one_that_is_asked() -> None:
    lua = Lua()
    assert "a fictional company" in run_command("demo", NotebookContext(lua))
    assert lua.account == "demo"
    assert "the default account again" in run_command("demo off", NotebookContext(lua))
    assert lua.account == "default"
    with pytest.raises(InvalidArgumentsError, match=r"takes nothing or `off`, got `on`\."):
        run_command("demo on", NotebookContext(lua))


def test_error_tells_of_the_last_failure() -> None:
    lua = Lua()
    assert run_command("error", NotebookContext(lua)) == "No cell has failed.\n"
    lua.last_error = RefusedError("no such app", status=404, request_id="r-1")
    page = run_command("error", NotebookContext(lua))
    assert "RefusedError: no such app" in page
    assert re.search(r"^request id +r-1$", page, re.MULTILINE)


def test_nothing_lists_the_commands() -> None:
    page = run_command("", NotebookContext(Lua()))
    assert page.splitlines() == [f"- `%kosmo {command.usage}`: {command.doc}" for command in COMMANDS]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rest", "There is no command `%kosmo rest`. Did you mean: %kosmo reset"),
        (
            "x",
            "There is no command `%kosmo x`. Did you mean: "
            + ", ".join(f"%kosmo {command.name}" for command in COMMANDS),
        ),
        ("docs heroku.list_app", "There is no page `heroku.list_app`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_ones(line: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        run_command(line, NotebookContext(Lua()))
    assert caught.value.message.startswith(message)


def test_a_command_that_takes_nothing_says_so() -> None:
    lua = Lua()
    with pytest.raises(InvalidArgumentsError, match=r"`%kosmo reset` takes nothing, got `all`\."):
        run_command("reset all", NotebookContext(lua))
    assert lua.resets == 0


def test_the_form_is_the_one_of_the_notebook_that_the_command_stands_in() -> None:
    opened: list[tuple[str, NotebookContext, str | None]] = []
    door = NotebookContext(Lua(), explore=lambda *given: opened.append(given))
    for line in ("list_apps", "-a demo", "list_apps --demo", "--account my-team list_apps", ""):
        run_command(f"explore {line}", door)
    assert opened == [
        ("list_apps", door, None),
        ("", door, "demo"),
        ("list_apps", door, "demo"),
        ("list_apps", door, "my-team"),
        ("", door, None),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("explore list_apps -v x", "`%kosmo explore` has no option `-v`"),
        ("explore list_apps get_app", "`%kosmo explore list_apps` takes options only, got `get_app`"),
        ("explore list_apps --demo -a production", "`--demo` and `--account` both name an account"),
        ("explore list_apps -a", "needs a value: `-a ALIAS`"),
    ],
)
def test_a_line_that_is_refused_is_the_last_error(line: str, said: str) -> None:
    lua = Lua()
    with pytest.raises(UserError) as caught:
        run_command(line, NotebookContext(lua, explore=lambda *_: None))
    assert said in caught.value.message
    assert lua.last_error is caught.value


def test_a_dropped_command_says_what_takes_its_place() -> None:
    with pytest.raises(UnknownNameError) as caught:
        run_command("browse apps", NotebookContext(Lua()))
    instead = "itables shows a frame with pages, sorting and search: `itables.show(frame)`."
    assert caught.value.message == f"There is no command `%kosmo browse`. {instead}"


def test_a_misspelt_command_and_the_command_error_leave_the_last_error() -> None:
    lua = Lua()
    for line in ("eror", "error all"):
        with pytest.raises(UserError):
            run_command(line, NotebookContext(lua))
    assert lua.last_error is None


def test_a_form_is_refused_where_there_is_none() -> None:
    with pytest.raises(InvalidArgumentsError, match="for notebooks"):
        run_command("explore", NotebookContext(Lua()))


def failed(message: str = "In[2]:1: no") -> LuaRuntimeError:
    error = LuaRuntimeError(message)
    error.stack = ("In[2]:1: in function 'g'", "In[2]:3: in the cell")
    error.excerpt = "----> 1 g()"
    error.result = Result(
        calls=[
            CallRecord("integrations.heroku.list_apps", "ops", 1204.4, "ok", 1200, 2),
            CallRecord("integrations.heroku.get_app", "default", 8.0, "error"),
        ]
    )
    return error


def test_facts_calls_of_lua_and_calls_of_the_run_follow_the_failure() -> None:
    assert block(failed(), "Facts") == ["who must act  you", "type          lua_runtime"]
    assert block(failed(), "Lua's calls, innermost first") == ["In[2]:1: in function 'g'", "In[2]:3: in the cell"]
    assert block(failed(), "Calls of the run") == [
        "heroku.list_apps  ops      ok     1,200 rows  2 requests  1,204 ms",
        "heroku.get_app    default  error                          8 ms",
    ]


def block(error: KosmoError, title: str) -> list[str]:
    """Return the lines below a title in the report of an error."""
    return report_page(error).partition(f"**{title}**\n\n```text\n")[2].partition("\n```")[0].splitlines()


def test_a_page_has_the_failure_first_and_everything_in_blocks_of_text() -> None:
    page = report_page(failed())
    assert page.startswith(
        "```text\nLuaRuntimeError: In[2]:1: no\n----> 1 g()\n```\n\n**Facts**\n\n```text\nwho must act"
    )


def test_what_the_service_said_is_among_the_facts() -> None:
    error = RateLimitError("slow down", status=429, id="rate_limit", request_id="r-1", account="ops")
    assert block(error, "Facts") == [
        "who must act  nobody: the same may work in a while",
        "type          rate_limit",
        "status        429",
        "id            rate_limit",
        "request id    r-1",
        "retryable     yes",
        "account       ops",
    ]
    assert "limit         timeout" in block(LimitError("too long", limit="timeout"), "Facts")


def test_of_many_calls_the_last_ones_are_told() -> None:
    error = KosmoError("no")
    error.result = Result(
        calls=[CallRecord(f"integrations.heroku.{n}", "demo", 1.0, "ok") for n in range(MAX_CALLS_SHOWN + 3)]
    )
    lines = block(error, "Calls of the run")
    assert [lines[0].strip(), lines[1].split()[0], lines[-1].split()[0]] == [
        "… 3 before", "heroku.3", f"heroku.{MAX_CALLS_SHOWN + 2}",
    ]  # fmt: skip


def test_a_failure_of_python_is_told_with_its_traceback() -> None:
    error = InvalidArgumentsError("-i 1/0: ZeroDivisionError: division by zero")
    try:
        try:
            _ = 1 / 0
        except ZeroDivisionError as fault:
            raise error from fault
    except InvalidArgumentsError:
        page = report_page(error)
    assert "**Python**" in page
    assert page.rstrip().endswith("ZeroDivisionError: division by zero\n```")


def test_a_traceback_of_python_holds_no_secret() -> None:
    token = "HRKU-01234567-89ab-cdef-0123-456789abcdef"
    error = KosmoError("no")
    error.__cause__ = ValueError(f"Illegal header value b'Bearer {token}'")
    page = report_page(error)
    assert "Illegal header value" in page
    assert token not in page


def test_what_a_script_wrote_is_no_markup_and_moves_no_cursor() -> None:
    error = failed("a\n```\n# <b>big</b>\n````\n\x1b[2J![x](https://example.com/x.png)")
    error.stack = ("```\n# more\x1b[2J",)
    error.__cause__ = ValueError("\x1b[2J```")
    page = report_page(error)
    kinds = [token.type for token in MarkdownIt().parse(page) if token.type.endswith("_open") or token.type == "fence"]
    assert set(kinds) == {"fence", "paragraph_open"}
    assert "\x1b" not in page
