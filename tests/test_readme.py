"""The README's blocks are true.

How a block is read, by the word behind its fence, in the order of the page:

- `sh` holds the set-up commands and is compared, word by word, never run.
- `console` is a terminal: each line that starts with `$ kosmo` and has output below it is run, and must print that.
  `$ export NAME=value` holds for the rest of the block.
- `python` and `lua` are the cells of one notebook.
- `text` right below a `lua` or `python` block is what that block shows: what it prints, then its value as text. The
  message of an error can be shown like this too; a block that shows none must not fail.

In what is shown, `…` stands for any text, and a line that is only `…` for any number of lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient
from repository import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))]

SET_UP = [
    "python3 -m venv .venv && .venv/bin/pip install '.[lab]' && .venv/bin/kosmo demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest -n logical",
]
WIDTH = "100"  # columns of the README's terminal
CELL = "%%kosmo_lua"


class Block(NamedTuple):
    """A fenced block and where it stands; `shown` is the text block right below it, or None."""

    line: int
    word: str
    text: str
    shown: str | None = None


def blocks(page: str) -> Iterator[Block]:
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$\s*(?:^```text\n(.*?)^```$)?", page, re.MULTILINE | re.DOTALL):
        yield Block(page.count("\n", 0, found.start()) + 1, found[1], found[2], found[3])


def commands(block: Block) -> Iterator[Block]:
    """Yield the commands of a terminal, each with what it prints, as one shell line that brings its `export`s along."""
    exports = ""
    start = block.line + 1
    for part in re.split(r"^(?=\$ )", block.text, flags=re.MULTILINE):
        command, _, shown = part.removeprefix("$ ").partition("\n")
        if command.startswith("export "):
            exports += f"{command}; "
        elif command.startswith("kosmo ") and shown.strip():
            yield Block(start, block.word, exports + command, shown)
        start += part.count("\n")


def shows(shown: str, happened: str) -> bool:
    """Return whether a block shows what happened; blank ends of lines and of the text do not count."""
    lines = ("(.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in _lines(shown))
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(happened))) is not None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").rstrip().split("\n")]


TEXT = PAGES[0].read_text(encoding="utf-8") if PAGES[0].exists() else ""
README = list(blocks(TEXT))
CELLS = [block for block in README if block.word in ("python", "lua")]
COMMANDS = [command for block in README if block.word == "console" for command in commands(block)]


def test_the_readme_shows_what_there_is() -> None:
    assert sum(cell.shown is not None for cell in CELLS) >= 3
    assert CELLS[1].text.startswith(CELL)  # the first that is shown is of the magic
    assert COMMANDS


def test_set_up_is_one_command_for_users_and_one_for_developers() -> None:
    lines = [line for block in README if block.word == "sh" for line in block.text.splitlines()]
    assert [line for line in lines if "venv" in line] == SET_UP


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"line {command.line}")
def test_a_command_of_the_readme_prints_what_it_shows(command: Block, tmp_path: Path) -> None:
    kosmo = tmp_path / "kosmo"
    kosmo.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kosmo_kernel "$@"\n', encoding="utf-8")
    kosmo.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", command.text],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "COLUMNS": WIDTH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert shows(command.shown or "", done.stdout), done.stdout


def test_the_readme_is_short_enough_for_a_front_page() -> None:
    assert len(TEXT.splitlines()) <= 180
    assert len(TEXT.encode()) <= 9 * 1024


def test_no_line_of_the_readme_is_longer_than_120_characters() -> None:
    assert [line for line in TEXT.splitlines() if len(line) > 120] == []


def test_the_notebook_cells_of_the_readme_show_what_they_say(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.text.rstrip("\n")) for cell in CELLS])
    for cell, block in zip(notebook.cells, CELLS, strict=True):
        cell.metadata["tags"] = ["raises-exception"] if block.shown else []
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    happened = [(block, _shown_by(cell)) for cell, block in zip(notebook.cells, CELLS, strict=True)]
    assert [(block.line, text) for block, text in happened if block.shown and not shows(block.shown, text)] == []


def _shown_by(cell: nbformat.NotebookNode) -> str:
    texts = []
    for output in cell.outputs:
        match output.output_type:
            case "stream":
                texts.append(output.text)
            case "error":
                texts.append(re.sub("\x1b\\[[0-9;]*m", "", "\n".join(output.traceback)))
            case _:
                texts.append(output.data.get("text/plain", "") + "\n")
    return "".join(texts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)|<img [^>]*src=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    local = [link or image for link, image in targets if "://" not in (link or image)]
    assert [target for target in local if not (page.parent / target).exists()] == []
