"""Pages with words of MCP servers, services, scripts and accounts: none of them is markup, at any door."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import nbformat
import pytest
from full_matrix import full_except
from hostile_texts import HOSTILE, READERS, Shown, by_markdown_it, tight
from kernel_client import known_to_jupyter, running
from mcp_config import written
from nbconvert import HTMLExporter
from repository import SUPPORT
from run_with import run_with

from kosmo_kernel import editor
from kosmo_kernel.accounts.discovery import AccountStatus
from kosmo_kernel.demo.server import serve
from kosmo_kernel.docs import Page
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.mcp import Servers, Trust
from kosmo_kernel.mcp.pages import VALUES, server_page, tool_page, unknown_page
from kosmo_kernel.mcp.tools import tools_of
from kosmo_kernel.notebook.cells import small_note
from kosmo_kernel.notebook.commands import NotebookContext, report_page, run_command
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import outline
from kosmo_kernel.results import Result
from kosmo_kernel.runbook.copy import Report
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.safety.text import sanitize_text
from kosmo_kernel.session import Session

WORD = "Beseda"
Read = Callable[[str], Shown]
by_each_reader = pytest.mark.parametrize("read", READERS, ids=["markdown-it", "nbconvert"])


def page_with(field: str, words: str) -> tuple[Page, Page]:
    """Return the pages of a server and of its tool, with some words in one field."""

    def said(name: str, usual: Any = WORD) -> Any:
        return words if name == field else usual

    name = said("property")
    row: dict[str, Any] = {"description": said("property description"), "type": said("type", "string")}
    row |= {"$ref": f"#/$defs/{words}"} if field == "$ref" else {}
    row |= {"type": ["null", words]} if field == "one of the types" else {}
    row |= {"type": "array", "items": {"type": words}} if field == "type of items" else {}
    row["enum"] = [said("enum"), 1]
    row["default"] = said("default")
    tool = {
        "name": said("name", "seat.take"),
        "title": said("title"),
        "description": said("description", "Take *it*."),
        "inputSchema": {"properties": {name: row, "other": {"anyOf": [{"type": "integer"}]}}, "required": ["other"]},
        "outputSchema": {"properties": {said("output"): {"type": said("type of output")}, "more": {}}},
    }
    second = {"name": "leave", "description": "Leave `$$` and \\begin{x} it. $$ \\end{x}", "inputSchema": {}}
    tools = tools_of("s", [tool, second])
    about = {
        "title": said("server title"),
        "version": said("version", "1"),
        "instructions": said("instructions", "Ask."),
    }
    return server_page("s", tools, about), tool_page("s", tools[0])


@cache
def usual_pages(read: Read, field: str, words: str) -> list[Shown]:
    """Return how the pages of a server and of its tool are seen with usual words in one field."""
    return [read(page.for_notebook()) for page in page_with(field, words)]


def as_json(words: str) -> str:
    return one_line(json.dumps(words, ensure_ascii=False), most=VALUES)


# Each field, and how its words are seen.
LINES: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("server title", "version", "title", "property", "property description"), one_line),
    **dict.fromkeys(("type", "one of the types", "type of items", "output", "type of output"), one_line),
    "$ref": lambda words: one_line(words.rpartition("/")[2]),
    "default": as_json,
    "name": one_line,
}
PROSE = ("instructions", "description")


@by_each_reader
@pytest.mark.parametrize("field", full_except(LINES, "title", "name"))
def test_a_line_of_a_servers_is_seen_as_it_is_on_its_pages_and_means_nothing(field: str, read: Read) -> None:
    for words in HOSTILE:
        seen = LINES[field](words)
        usual_words = "Beseda-1" if field == "name" and not words.isidentifier() else WORD  # called otherwise in Lua
        if not tight(seen):
            continue
        for expected, page in zip(usual_pages(read, field, usual_words), page_with(field, words), strict=True):
            shown = read(page.for_notebook())
            is_marked = field == "property description"  # what is between backticks in it is code
            same, own_same = (
                [tag for tag in one.structure if not (is_marked and tag == "code")] for one in (shown, expected)
            )
            assert same == own_same, page.markdown
            assert (shown.odd, shown.formulas) == (expected.odd, expected.formulas), page.markdown
            harmful = {name for _, name, _ in shown.attributes} - {name for _, name, _ in expected.attributes}
            assert harmful <= {"id", "class", "href"}
            own = field not in ("server title", "version") or "an MCP server" in str(page)
            if own and field not in ("property description", "name"):  # whose code is code, which is called otherwise
                assert shown.text.count(tight(seen)) >= 1, page.markdown
            assert "&#" not in str(page).replace(words, "").replace(seen, "")


@by_each_reader
def test_the_values_of_a_schema_are_seen_as_they_are(read: Read) -> None:
    for words in HOSTILE:
        _, page = page_with("enum", words)
        seen = one_line(json.dumps([words, 1], ensure_ascii=False), most=VALUES)
        shown = read(page.for_notebook())
        assert shown.structure == usual_pages(read, "enum", WORD)[1].structure
        assert f"Oneof{tight(seen)}." in shown.text, page.markdown


@pytest.mark.full
@by_each_reader
@pytest.mark.parametrize("field", PROSE)
def test_the_prose_of_a_server_changes_nothing_of_the_page_around_it(field: str, read: Read) -> None:
    own = ("h1", "h2", "table")
    for words in (*HOSTILE, "## app.mcp.s.seat_take(x)\n\n| a | b |\n|---|---|", "```\n- [x](#x): y\n", "# x\n## y"):
        for expected, page in zip(usual_pages(read, field, "word"), page_with(field, words), strict=True):
            shown = read(page.for_notebook())
            assert [tag for tag in shown.structure if tag in own[:2]].count("h1") in (1, 2)  # `x` over `===` is one
            for text in ("Thetoolmaychangesomething,asfarasitsays.", "argument", "required", "meaning"):
                assert shown.text.count(text) == expected.text.count(text), page.markdown
            assert not {"script", "img", "meta", "svg", "details", "b", "i", "math"} & set(shown.tags), page.markdown
            links = [value for _, name, value in shown.attributes if name in ("href", "src")]
            assert all(re.match("https?://|#", link) for link in links), page.markdown
            assert not [name for _, name, _ in shown.attributes if name.startswith("on")]
            styles = [value for _, name, value in shown.attributes if name == "style"]
            assert all(style.startswith("text-align") for style in styles)


def test_the_text_of_a_page_has_a_servers_words_as_they_are() -> None:
    _, page = page_with("title", "<img src=x> & [a](b) $x$ | `c`")
    assert "\n**<img src=x> & [a](b) $x$ | `c`**\n" in page
    _, page = page_with("property", "a|`b`")
    assert "| `a|`b``  | string" in page
    _, page = page_with("description", "a <b> [x](y) a@b.example")
    assert "\na <b> [x](y) a@b.example\n" in page


def test_a_server_cannot_fold_its_page_by_a_list_of_contents_in_its_code() -> None:
    instructions = "```\n- [app.mcp.s.seat_take(other, Beseda?)](#x): <i>\n- [app.mcp.s.leave()](#y)\n```"
    assert "<details>" not in page_with("instructions", instructions)[0].for_notebook()


def test_the_name_of_a_server_that_was_not_started_stays_in_its_block_of_code() -> None:
    for words in HOSTILE:
        shown = by_markdown_it(unknown_page("s", words).for_notebook())
        assert [tag for tag in shown.structure if tag != "div"] == ["h1", "p", "pre", "code"]


# Commands and failures


@by_each_reader
def test_status_shows_what_a_service_and_the_name_of_an_account_say_as_words(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(words: str) -> Page:
        rows = [AccountStatus(HEROKU, words, "in X", problem=words), AccountStatus(HEROKU, "b", "in Y", problem=WORD)]
        monkeypatch.setattr("kosmo_kernel.accounts.discovery.with_remaining", lambda _left: rows)
        with Session("demo") as lua:
            lua.last = Result(cost=ProgressSnapshot(1, 1, 1, 1, words, 1.0))
            page = run_command("status", NotebookContext(lua))
        assert isinstance(page, Page)
        return page

    expected = read(status(WORD).for_notebook())
    for words in HOSTILE:
        page = status(words)
        shown = read(page.for_notebook())
        inside = [tag for tag in shown.structure if tag != "div"]  # the element that keeps a page from being typeset
        assert (inside, shown.odd, shown.formulas) == (expected.structure, [], []), page.markdown
        assert {name for _, name, _ in shown.attributes} <= {"class", "style"}
        if words.isprintable() and "  " not in words:
            assert shown.text.count(tight(words)) >= 2  # the line about the last run cuts long names
            assert words.strip() in page


@by_each_reader
def test_the_report_of_a_failure_shows_what_a_service_said_as_code(read: Read) -> None:
    for words in HOSTILE:
        error = RefusedError(words, status=403, function=words, request_id=words)
        error.stack = (words,)
        shown = read(report_page(error).for_notebook())
        assert not set(shown.structure) - {"p", "pre", "code", "strong", "div"}, words
        assert (shown.odd, shown.formulas) == ([], [])


@by_each_reader
def test_the_line_about_a_run_shows_names_of_accounts_as_code(read: Read) -> None:
    for words in HOSTILE:
        report = Report(Path("copy.ipynb"), accounts=[words], note=words, unread=[words])
        shown = read(report.markdown())
        assert (shown.structure, shown.odd, shown.formulas) == (["p", "code", "code"], [], []), words
        assert shown.text.count(tight(words)) >= 3
        assert report.text().count(sanitize_text(words)) >= 3


# The editor


@pytest.fixture(scope="module")
def lua() -> Any:
    with Session("demo") as session:
        yield session


@by_each_reader
def test_what_an_editor_shows_of_a_scripts_names_and_chunks_means_nothing(lua: Session, read: Read) -> None:
    # An editor follows no key with an escape in it.
    plain = [words for words in HOSTILE if words.isascii() and words.isprintable() and not {"\\", '"'} & set(words)]
    quoted = [json.dumps(words) for words in plain]
    assert len(quoted) > 60
    lua.run("t = {} " + " ".join(f"t[{word}] = {{ field = 'x' }}" for word in quoted))
    for word in quoted:
        run_with(lua, "function called()\nend", name=json.loads(word))
        for code, structure in (
            (f"t[{word}].field", ["p", "strong", "pre", "code"]),
            ("called", ["pre", "code", "p"]),
        ):
            page = editor.inspect(code, len(code), lua)
            assert page is not None
            shown = read(page.for_notebook())
            assert not set(shown.structure) - {*structure, "div"}, page.markdown
            assert (shown.odd, shown.formulas) == ([], []), page.markdown


# HTML


def test_outlines_and_lines_below_a_cell_show_words_that_are_no_formulas() -> None:
    for words in HOSTILE:
        folded = outline({words: [words, {"inner": words * 20}], "more": list(range(100))})
        for markup in (folded, small_note(words).bundle["text/html"]):
            shown = Shown(markup)
            assert not {"img", "script", "svg", "meta", "i", "table"} & (set(shown.tags) - {"i"})
            assert (shown.odd, shown.formulas) == ([], []), markup
        assert tight(words) in Shown(small_note(words).bundle["text/html"]).text


def test_the_line_of_progress_shows_the_name_of_an_account_as_words() -> None:
    for words in HOSTILE:
        state = ProgressSnapshot(1, 1, 1, 1, words, 1.0, over=True)
        shown = Shown(state.html())
        formulas = [one for one in shown.formulas if one.count("$") != 1]  # a price begins no formula
        assert (shown.structure, shown.odd, formulas) == (["div"], [], []), words
        assert shown.text == tight(state.text())


# A real kernel, and the page that nbconvert makes

IMAGE = "<img src=x onerror=alert(1)>"
REFRESH = "<meta http-equiv=refresh content='0;url=//e.example'> [x](javascript:alert(1)) $x$"


def refuses(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = json.dumps({"id": "forbidden", "message": f"{IMAGE} {REFRESH}"}).encode()
    start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.mark.full
def test_pages_of_a_real_kernel_are_harmless_in_nbconverts_page(tmp_path: Path) -> None:
    about = {
        "serverInfo": {"name": "h", "title": IMAGE, "version": REFRESH},
        "instructions": IMAGE,
        "tools": [
            {
                "name": "take",
                "title": IMAGE,
                "description": REFRESH,
                "inputSchema": {"type": "object", "properties": {IMAGE: {"type": "string", "default": IMAGE}}},
            }
        ],
    }
    (tmp_path / "about.json").write_text(json.dumps(about), encoding="utf-8")
    program = SUPPORT / "mcp_hostile.py"
    entry = {"command": sys.executable, "args": [str(program), str(tmp_path / "about.json")]}
    written(tmp_path / ".mcp.json", {"h": entry})
    for one in Servers(tmp_path, trust=Trust()).configuration().servers.values():
        Trust().trust(one)
    cells = ['return mcp.tools("h")', 'return docs.read("mcp.h")', "%kosmo docs mcp.h.take", "%kosmo status"]
    notebook = nbformat.v4.new_notebook()
    with serve(refuses) as served, known_to_jupyter(tmp_path / "jupyter"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSMO_DEMO", "0")
        patch.setenv("HEROKU_API_URL", served.url)
        patch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with running(cwd=str(tmp_path)) as kernel:
            for code in cells:
                outputs = [
                    nbformat.v4.new_output("display_data", content["data"])
                    for kind, content in kernel.run(code)[1]
                    if kind in ("display_data", "execute_result")
                ]
                notebook.cells.append(nbformat.v4.new_code_cell(code, outputs=outputs))
            asked = kernel.asked("inspect_request", {"code": "app.mcp.h.take", "cursor_pos": 14, "detail_level": 0})
            outputs = [nbformat.v4.new_output("display_data", asked["data"])]
            notebook.cells.append(nbformat.v4.new_code_cell("app.mcp.h.take?", outputs=outputs))
    exporter = HTMLExporter(exclude_input=True)  # type: ignore[no-untyped-call] # nbconvert has no types
    page, _ = exporter.from_notebook_node(notebook)
    body = Shown(page[page.index("<body") :])
    assert not {"img", "meta", "iframe"} & set(body.tags)
    assert not [name for _, name, _ in body.attributes if name.startswith("on")]
    assert not [value for _, name, value in body.attributes if name == "href" and not re.match("https?://|#", value)]
    assert body.text.count(tight(IMAGE)) >= 8
    status = notebook.cells[3].outputs[0].data
    assert f"{IMAGE} {REFRESH}" in status["text/plain"]
    assert IMAGE not in status["text/markdown"]
