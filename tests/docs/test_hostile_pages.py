"""Pages with words of services, scripts and accounts: none of them is markup, at any door."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import nbformat
import pytest
from hostile_texts import HOSTILE, READERS, Shown, tight
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
from kosmo_kernel.notebook.cells import small_note
from kosmo_kernel.notebook.commands import NotebookContext, report_page, run_command
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import outline
from kosmo_kernel.results import Result
from kosmo_kernel.runbook.copy import Report
from kosmo_kernel.safety.markup import Markdown, Plain
from kosmo_kernel.safety.text import sanitize_text
from kosmo_kernel.session import Session

WORD = "Beseda"
Read = Callable[[str], Shown]
by_each_reader = pytest.mark.parametrize("read", READERS, ids=["markdown-it", "nbconvert"])


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
        shown = read(report.text(Markdown))
        assert (shown.structure, shown.odd, shown.formulas) == (["p", "code", "code"], [], []), words
        assert shown.text.count(tight(words)) >= 3
        assert report.text(Plain).count(sanitize_text(words)) >= 3


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
                "description": f"{IMAGE} {REFRESH}",
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
    cells = ['return mcp.tools("h")', "%kosmo status"]
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
    exporter = HTMLExporter(exclude_input=True)  # type: ignore[no-untyped-call] # nbconvert has no types
    page, _ = exporter.from_notebook_node(notebook)
    body = Shown(page[page.index("<body") :])
    assert not {"img", "meta", "iframe"} & set(body.tags)
    assert not [name for _, name, _ in body.attributes if name.startswith("on")]
    assert not [value for _, name, value in body.attributes if name == "href" and not re.match("https?://|#", value)]
    assert body.text.count(tight(IMAGE)) >= 2
    status = notebook.cells[1].outputs[0].data
    assert f"{IMAGE} {REFRESH}" in status["text/plain"]
    assert IMAGE not in status["text/markdown"]
