"""All that is known of a failure."""

from __future__ import annotations

from markdown_it import MarkdownIt

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LimitError, LuaRuntimeError, RateLimitError
from kosmo_kernel.notebook.error_report import MAX_CALLS_SHOWN, report_lines, report_page
from kosmo_kernel.results.result import CallRecord, Result


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
    assert report_lines(failed()) == [
        "",
        "Facts:",
        "  who must act  you",
        "  type          lua_runtime",
        "",
        "Lua's calls, innermost first:",
        "  In[2]:1: in function 'g'",
        "  In[2]:3: in the cell",
        "",
        "Calls of the run:",
        "  heroku.list_apps  ops      ok     1,200 rows  2 requests  1,204 ms",
        "  heroku.get_app    default  error                          8 ms",
    ]


def test_a_page_has_the_failure_first_and_everything_in_blocks_of_text() -> None:
    page = report_page(failed())
    assert page.startswith(
        "```text\nLuaRuntimeError: In[2]:1: no\n----> 1 g()\n```\n\n**Facts**\n\n```text\nwho must act"
    )


def test_what_the_service_said_is_among_the_facts() -> None:
    lines = report_lines(RateLimitError("slow down", status=429, id="rate_limit", request_id="r-1", account="ops"))
    assert lines[2:] == [
        "  who must act  nobody: the same may work in a while",
        "  type          rate_limit",
        "  status        429",
        "  id            rate_limit",
        "  request id    r-1",
        "  retryable     yes",
        "  account       ops",
    ]
    assert "  limit         timeout" in report_lines(LimitError("too long", limit="timeout"))


def test_of_many_calls_the_last_ones_are_told() -> None:
    error = KosmoError("no")
    error.result = Result(
        calls=[CallRecord(f"integrations.heroku.{n}", "demo", 1.0, "ok") for n in range(MAX_CALLS_SHOWN + 3)]
    )
    lines = report_lines(error)
    assert [lines[6].strip(), lines[7].split()[0], lines[-1].split()[0]] == [
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
    assert "\x1b" not in page + "".join(report_lines(error))
