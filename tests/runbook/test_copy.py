"""Test what `kosmo run` writes: over which files, what the copy says of parameters, how much of a table it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from full_matrix import full_except
from kosmo_command import kosmo
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kosmo_kernel import runbook
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.runbook import page
from kosmo_kernel.session import Session
from kosmo_kernel.settings import notebook_run

pytestmark = pytest.mark.usefixtures("kernel_list")

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOKEN = "HRKU-fictional-fictional-fictional"


def written(path: Path, *cells: str, language: str = "lua") -> Path:
    """Return a notebook; the first of its cells declares the parameters."""
    notebook = new_notebook(cells=[new_markdown_cell("# A title"), *map(new_code_cell, cells)])
    notebook.cells[1].metadata["tags"] = ["parameters"]
    kernel = {"lua": "kosmo-lua", "python": "python3"}[language]
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": language}
    nbformat.write(notebook, path)
    return path


def parameters(copy: Path) -> str:
    """Return what a copy says of them."""
    return str(nbformat.read(copy, as_version=4).cells[1].source).partition("\n\nParameters: ")[2]


# Other files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["audit.ipynb", "notes.txt", "odd.ipynb", "deep.ipynb", "folder"])
def test_a_file_that_is_no_copy_is_never_replaced_and_nothing_is_run(other: str, tmp_path: Path) -> None:
    book = written(tmp_path / "n.ipynb", "print(1)")
    written(tmp_path / "audit.ipynb", "print(2)")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "odd.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 5}')
    (tmp_path / "deep.ipynb").write_text("[" * 100_000)
    (tmp_path / "folder").mkdir()
    place = tmp_path / other
    before = place.read_bytes() if place.is_file() else b""
    with pytest.raises(InvalidArgumentsError) as caught:
        runbook.run(runbook.read(book), {}, place, on_cell=lambda *_: pytest.fail("a cell was run"))
    assert str(caught.value) == (
        f"`{place}` is there, and is no copy that `kosmo run` has written. Give the copy another name (-o), or "
        "move that file away. Nothing was run."
    )
    assert (place.read_bytes() if place.is_file() else b"") == before


@pytest.mark.full
def test_each_night_the_copy_and_its_page_take_the_place_of_the_last_ones(tmp_path: Path) -> None:
    written(tmp_path / "n.ipynb", "night = 0", "print('night ' .. night)")
    for night in ("1", "2"):
        done = kosmo("run", "n.ipynb", "-p", "night", night, "-o", "copy.ipynb", "--html", cwd=tmp_path)
        assert (done.returncode, done.stdout.split()) == (0, ["copy.ipynb", "copy.html"]), done.stderr
        assert f"night {night}" in (tmp_path / "copy.html").read_text(encoding="utf-8")


def test_a_page_of_somebody_else_is_never_replaced_and_nothing_is_run(tmp_path: Path) -> None:
    written(tmp_path / "n.ipynb", "print(1)")
    (tmp_path / "copy.html").write_text("<title>Mine</title>", encoding="utf-8")
    done = kosmo("run", "n.ipynb", "-o", "copy.ipynb", "--html", cwd=tmp_path)
    assert (done.returncode, done.stdout, (tmp_path / "copy.ipynb").exists()) == (1, "", False)
    assert done.stderr.startswith("Error: `copy.html` is there, and is no page that `kosmo run` has written. ")
    assert (tmp_path / "copy.html").read_text(encoding="utf-8") == "<title>Mine</title>"


# Parameters ----------------------------------------------------------------------------------------------

LUA = """account = "demo"  -- whose
hours = 24
names = { "a" }
loud = false
at = os.time()
note = ''"""
PYTHON = """account = "demo"  # whose
hours: int = 24
names = ["a"]
loud = False
at = len("now")
note = ''"""


@pytest.mark.full
@pytest.mark.parametrize(
    ("language", "code", "shown"),
    [
        ("lua", LUA, ('{ "a" }', '{ "b", "c" }', "false", "os.time()")),
        ("python", PYTHON, ('["a"]', "['b', 'c']", "False", 'len("now")')),
    ],
)
def test_the_copy_says_with_which_parameters_it_was_run(
    language: str, code: str, shown: tuple[str, ...], tmp_path: Path
) -> None:
    usual, given, loud, at = shown
    book, copy = written(tmp_path / "n.ipynb", code, language=language), tmp_path / "copy.ipynb"
    line = "`account` = `{}`, `hours` = `{}`, `names` = `{}`, `loud` = `{}`, `at` = `{}`."
    runbook.run(runbook.read(book), {}, copy)
    assert parameters(copy) == line.format("demo", 24, usual, loud, at)
    runbook.run(runbook.read(book), {"account": "ops", "hours": "48", "names": '["b", "c"]'}, copy)
    assert parameters(copy) == line.format("ops", 48, given, loud, at)


def test_parameters_are_read_as_they_are_whatever_stands_in_them(tmp_path: Path) -> None:
    hostile = ["`a` ``b``", "<img src=x onerror=alert(1)>", "$$x$$ **bold**", "two\nlines", "x" * 500]
    book = written(tmp_path / "n.ipynb", "\n".join(f"p{place} = ''" for place in range(len(hostile))))
    given = {f"p{place}": text for place, text in enumerate(hostile)}
    runbook.run(runbook.read(book), given, tmp_path / "copy.ipynb")
    told = re.search(
        r"Parameters: (.*?)</p>", page.write(tmp_path / "copy.ipynb", ["demo"]).read_text(encoding="utf-8")
    )
    assert told
    assert re.findall(r"<code>(.*?)</code>", told[1])[1::2] == [
        "`a` ``b``",
        "&lt;img src=x onerror=alert(1)&gt;",
        "$$x$$ **bold**",
        "two lines",
        "x" * 79 + "…",
    ]


def test_a_secret_that_the_notebook_itself_has_as_a_parameter_is_not_in_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_SERVICE_TOKEN", "not-marked-as-a-token")
    code = f"key = '{TOKEN}'\nother = 'is not-marked-as-a-token'\npassword = 'short'"
    runbook.run(runbook.read(written(tmp_path / "n.ipynb", code)), {}, tmp_path / "copy.ipynb")
    assert parameters(tmp_path / "copy.ipynb") == (
        "`key` = `[redacted]`, `other` = `is [redacted]`, `password` = `[redacted]`."
    )


# Tables --------------------------------------------------------------------------------------------------

ROWS = "rows = {}\nfor n = 1, 2500 do rows[n] = { n = n } end\nrows"


def shown(copy: Path) -> list[str]:
    """Return what is said below the tables of a copy."""
    outputs = [output for cell in nbformat.read(copy, as_version=4).cells for output in cell.get("outputs", ())]
    text = "".join(output.data.get("text/html", "") for output in outputs if "data" in output)
    return re.findall(r"the first ([\d,]+) shown", text)


@pytest.mark.parametrize("language", full_except(["lua", "python"], "lua"))
def test_a_table_has_1000_rows_unless_a_cell_or_the_environment_says_otherwise(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = [] if language == "lua" else ["%load_ext kosmo_kernel"]
    cells = (*load, f"%%kosmo_lua\n{ROWS}", f"%%kosmo_lua --limit 30\n{ROWS}")
    book, copy = written(tmp_path / "n.ipynb", *cells, language=language), tmp_path / "copy.ipynb"

    def again() -> list[str]:
        return shown(runbook.run(runbook.read(book), {}, copy).output)

    assert again() == ["1,000", "30"]
    monkeypatch.setenv("KOSMO_ROWS", "2000")
    assert again() == ["2,000", "30"]


def test_a_number_of_rows_that_makes_no_sense_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_ROWS", "3")
    assert repr(KosmoFrame({"n": range(5)})).partition(" shown;")[0].endswith("the first 3")
    for wrong in ("many", "0", "0.5", "-1", "9" * 10):
        monkeypatch.setenv("KOSMO_ROWS", wrong)
        with pytest.raises(
            SettingsError, match=r"KOSMO_ROWS must be (a whole number of rows, 1 or more|at most 999999999), got '.*'"
        ):
            Session()


# The page ------------------------------------------------------------------------------------------------


def picture(kind: str) -> Any:
    output = nbformat.v4.new_output("display_data", {f"image/{kind}": DOT, "text/plain": "a dot"})
    return new_code_cell("", outputs=[output])


def test_a_page_is_called_by_its_first_heading_and_a_picture_by_the_one_above(tmp_path: Path) -> None:
    about = new_markdown_cell("# Dynos of `demo` & others\n\ntext"), new_markdown_cell('## What "it" costs\ntext')
    nbformat.write(new_notebook(cells=[*about, picture("png"), picture("jpeg")]), tmp_path / "copy.ipynb")
    text = page.write(tmp_path / "copy.ipynb", ["demo"]).read_text(encoding="utf-8")
    assert "<title>Dynos of demo &amp; others</title>" in text
    assert len(re.findall(r"""<img alt=(?:'What "it" costs'|"What &quot;it&quot; costs")""", text)) == 2

    linked = new_markdown_cell("```sh\n# pip first\n```\n\n# [The audit](audit.ipynb) of `demo`")
    nbformat.write(new_notebook(cells=[linked]), tmp_path / "linked.ipynb")
    assert "<title>The audit of demo</title>" in page.write(tmp_path / "linked.ipynb", ["demo"]).read_text(
        encoding="utf-8"
    )

    nbformat.write(new_notebook(cells=[picture("png")]), tmp_path / "bare.ipynb")
    text = page.write(tmp_path / "bare.ipynb", ["demo"]).read_text(encoding="utf-8")
    assert "<title>bare</title>" in text
    assert '<img alt="A picture"' in text


def tagged(tag: str, cell: Any) -> Any:
    cell.metadata["tags"] = [tag]
    return cell


@pytest.mark.parametrize("accounts", [["demo"], ["production"], ["demo", "production"], []])
def test_a_page_begins_with_its_key_figures_and_leaves_out_what_is_not_for_its_readers(
    accounts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook_run, "received", [notebook_run.NotebookRun()])
    with Session() as session:
        figures = nbformat.v4.new_output("display_data", bundle_of(session.run("return { cost = 23584 }").value))
    cells = [
        new_markdown_cell("# The audit"),
        tagged("kosmo-run", new_markdown_cell("Run today.")),
        tagged("remove-cell", new_markdown_cell("Run all cells.")),
        tagged("demo", new_markdown_cell("The demo is fiction.")),
        new_markdown_cell(
            "See [the other](other.ipynb), [its folder](<a b/>) and [Heroku](https://status.heroku.com)."
        ),
        tagged("key-figures", new_code_cell("", outputs=[figures])),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "copy.ipynb")
    text = page.write(tmp_path / "copy.ipynb", accounts).read_text(encoding="utf-8")
    body = re.sub(r"<[^>]*>|\s+", " ", text[text.index("</head>") :])
    is_demo = accounts == ["demo"]
    order = [
        "The audit",
        "23,584",
        *(["The demo is fiction."] if is_demo else []),
        "See the other, its folder",
        "Run today.",
    ]
    assert [words for words in order if words not in body] == []
    assert sorted(order, key=body.index) == order
    assert "Run all cells." not in body
    assert is_demo or "fiction" not in body
    assert re.findall(r'href="([^#"][^"]*)"', text) == ["https://status.heroku.com"]
