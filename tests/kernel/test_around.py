"""The programs around a Lua notebook: nbconvert, jupytext, Quarto's options, and a console in a terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext  # type: ignore[import-untyped]
import nbformat
import pytest
from kernel_client import NAME, known_to_jupyter, running
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter, ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from patience import PATIENCE

CELLS = [
    new_markdown_cell("# Squares", id="title"),
    new_code_cell("-- parameters\nn = 3 -- how many", id="parameters", metadata={"tags": ["parameters"]}),
    new_code_cell(
        "--| label: squares\n--| echo: false\nlocal t = {}\nfor i = 1, n do t[i] = i * i end\nt", id="squares"
    ),
    new_code_cell("t[1] .. ' to ' .. t[n]", id="ends"),
]


@pytest.fixture(autouse=True)
def settings(home: Path) -> Iterator[dict[str, str]]:
    with known_to_jupyter(home / "known") as values:
        yield values


def notebook() -> nbformat.NotebookNode:
    spec = {"name": NAME, "display_name": "Lua (Kosmo)", "language": "lua"}
    made: nbformat.NotebookNode = new_notebook(cells=CELLS, metadata={"kernelspec": spec})
    return nbformat.from_dict(made)  # type: ignore[no-any-return] # a copy, all the way down


def shown(of: nbformat.NotebookNode) -> dict[str, str]:
    """Return the texts that cells showed, by the cell's id."""
    return {
        cell.id: "".join(output.get("data", {}).get("text/plain", output.get("text", "")) for output in cell.outputs)
        for cell in of.cells
        if cell.cell_type == "code"
    }


@pytest.fixture
def executed() -> nbformat.NotebookNode:
    one = notebook()
    NotebookClient(one, timeout=PATIENCE).execute()
    return one


def test_a_notebook_runs_and_says_in_what_language(executed: nbformat.NotebookNode) -> None:
    assert shown(executed) == {"parameters": "", "squares": "[1, 4, 9]", "ends": "1 to 9"}
    assert executed.metadata.language_info["file_extension"] == ".lua"


def test_it_becomes_a_page_with_its_lua_in_colour(executed: nbformat.NotebookNode) -> None:
    page = HTMLExporter().from_notebook_node(executed)[0]  # type: ignore[no-untyped-call] # nbconvert has no types
    assert re.search(r'<span class="k\w*">local</span>', page)
    assert "[1, 4, 9]" in page


def test_it_becomes_markdown(executed: nbformat.NotebookNode) -> None:
    text = MarkdownExporter().from_notebook_node(executed)[0]  # type: ignore[no-untyped-call] # it has no types
    assert "```lua\n--| label: squares" in text


def test_it_becomes_a_script_of_lua(executed: nbformat.NotebookNode) -> None:
    script, resources = ScriptExporter().from_notebook_node(executed)  # type: ignore[no-untyped-call] # it has no types
    assert resources["output_extension"] == ".lua"
    assert "for i = 1, n do t[i] = i * i end" in script


def test_jupytext_keeps_it_as_lua() -> None:
    text = jupytext.writes(notebook(), fmt="lua:percent")
    assert "\n-- %% [markdown]\n-- # Squares\n" in text
    back = jupytext.reads(text, fmt="lua:percent")
    assert [cell.source for cell in back.cells] == [cell.source for cell in CELLS]
    assert back.metadata.kernelspec["name"] == NAME


# A console in a terminal -------------------------------------------------------------------------------


class Console:
    """`jupyter console` in a terminal of its own."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.screen = ""

    def type(self, keys: str, until: str) -> str:
        """Press keys and wait until a pattern is seen; what was seen since."""
        os.write(self.terminal, keys.encode())
        return self.see(until)

    def see(self, until: str) -> str:
        self.screen = ""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.05)[0]:
                raw = os.read(self.terminal, 65536).decode(errors="replace")
                self.screen += re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>]|\([A-Z])", "", raw).replace("\r", "")
            if re.search(until, self.screen):
                return self.screen
        raise AssertionError(f"{until!r} is not in what was seen: {self.screen!r}")


@contextmanager
def console_of(settings: dict[str, str], *options: str) -> Iterator[tuple[Console, subprocess.Popen[bytes]]]:
    """Yield a console, and its process."""
    import pty

    ours, theirs = pty.openpty()
    environment: dict[str, Any] = os.environ | settings | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    command = [sys.executable, "-m", "jupyter_console", *options]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True) as one:
        os.close(theirs)
        try:
            yield Console(ours), one
        finally:
            one.kill()
            os.close(ours)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_console_has_many_lines_and_completion_and_ctrl_c(settings: dict[str, str]) -> None:
    with console_of(settings, "--kernel", NAME) as (console, one):
        assert "Lua 5.4" in console.see(r"In \[1\]: ")
        assert "Out[1]: 2" in console.type("1 + 1\r", r"In \[2\]: ")
        assert "1\n2\n" in console.type("for i = 1, 2 do\rprint(i)\rend\r", r"In \[3\]: ")
        assert "string.format" in console.type("string.fo\t", r"string\.format")
        assert "Out[3]: 007" in console.type("('%03d', 7)\r", r"In \[4\]: ")
        console.type("print('on') while true do end\r", r"\non\n")
        one.send_signal(signal.SIGINT)  # which a terminal does when Ctrl-C is pressed
        assert "StoppedError" in console.see(r"In \[5\]: ")
        console.type("\x04", r"exit")
        os.write(console.terminal, b"y\r")
        one.wait(PATIENCE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_console_has_the_inputs_of_its_kernel(settings: dict[str, str]) -> None:
    up = "\x1b[A"
    with running() as kernel:
        assert kernel.value("6 * 7") == "42"
        with console_of(settings, "--existing", kernel.manager.connection_file) as (console, _):
            console.see(r"In \[1\]: ")
            console.type(up, r"6 \* 7")
            console.type("\r", r"Out\[\d+\]: 42")
            console.type("1 + 1\r", r"Out\[\d+\]: 2")
            console.type(f"{up}{up}\r", r"Out\[\d+\]: 42")
