"""Test that a warning is amber and says that it is one, wherever notes about a run are shown."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import nbformat
import pytest
from kernel_client import known_to_jupyter
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from patience import PATIENCE

from kosmo_kernel.pages.design import style_rules
from kosmo_kernel.render.display import Note, bundle_of_notes, write_notes

NOTES = [Note("line 1: `a.b` is <b>no</b> text", is_warning=True), Note("Fictional data ` here", is_warning=False)]
WARNED = "app.integrations.heroku.demo.get_app('my-app').stack == 'heroku-24'"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_in_a_notebook_only_a_warning_is_amber_and_code_is_code() -> None:
    bundle = bundle_of_notes(NOTES)

    assert bundle["text/plain"] == "Warning: line 1: `a.b` is <b>no</b> text\nFictional data ` here"
    assert bundle["text/html"].endswith(
        "<div class='kosmo-notes'><p class='kosmo-warning'><b>Warning:</b> line 1: <code>a.b</code> is "
        "&lt;b&gt;no&lt;/b&gt; text</p><p>Fictional data ` here</p></div>"
    )
    assert re.search(r"p\.kosmo-warning\{[^}]*rgb\(224,150,0\)", style_rules())
    assert re.search(r"div\.kosmo-notes\.kosmo-notes\{margin:0 0 8px\}", style_rules())


@pytest.mark.usefixtures("colours")
def test_on_a_terminal_the_word_is_yellow() -> None:
    stream = Terminal()
    write_notes(NOTES, stream)

    assert stream.getvalue() == ("\x1b[1;33mWarning:\x1b[0m line 1: `a.b` is <b>no</b> text\nFictional data ` here\n")


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb"), None])
def test_without_colours_the_word_is_there(monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str] | None) -> None:
    if variable:
        monkeypatch.setenv(*variable)
    stream = Terminal() if variable else io.StringIO()
    write_notes(NOTES, stream)

    assert stream.getvalue() == "Warning: line 1: `a.b` is <b>no</b> text\nFictional data ` here\n"


@pytest.mark.parametrize(
    ("kernel", "cells"),
    [
        ("kosmo-lua", [WARNED]),
        ("python3", ["%load_ext kosmo_kernel", f"%%kosmo_lua\n{WARNED}", f"%kosmo_lua {WARNED}"]),
    ],
)
def test_no_warning_of_a_notebook_or_of_its_page_looks_like_an_error(
    tmp_path: Path, kernel: str, cells: list[str]
) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with known_to_jupyter(tmp_path):
        NotebookClient(notebook, kernel_name=kernel, timeout=PATIENCE).execute()
    for outputs in (cell.outputs for cell in notebook.cells if WARNED in cell.source):
        note, value = outputs
        assert (note.output_type, "class='kosmo-warning'" in note.data["text/html"]) == ("display_data", True)
        assert value.data["text/plain"].lower() == "false"
        assert "stderr" not in json.dumps(outputs)
    page, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call] # no types
    assert page.count("<b>Warning:</b>") == sum(WARNED in cell for cell in cells)
