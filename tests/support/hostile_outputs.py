"""Hostile outputs: which harmful text goes through which door, the cells that show it, and the same shown as it is.

A door is how a text reaches the screen: a function of `display`, a cell of a table, an error, a page about a server.
Each case is one text at one door and has a number of its own, by which its harm is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import nbformat
from hostile_payloads import (
    DELIMITERS,
    DRAWINGS,
    HTML,
    MARKDOWN,
    MARKDOWN_WORDS,
    NAVIGATION,
    PARSERS,
    SCRIPTS,
    TEX,
    WORDS,
)

Bundle = dict[str, str]

ENDS = "display.html of half a tag"
MOVES = "display.html of an address"
HIDES = "page hidden"  # a style sheet that hides what other cases would show
SERVER = "hostile"  # what the MCP server is called that has a tool for each case
TOGETHER = 12  # cases in a cell, where each has an output of its own; the id of the cell tells them
FORMULA = "$x^2$"  # the last cell, of Markdown: when it is typeset, so is all above it


@dataclass(frozen=True)
class Case:
    """One harmful text at one door.

    Parameters:
        number: names it.
        name: what the text is.
        door: a key of `DOORS`.
        text: the text, its addresses and scripts filled in.
    """

    number: int
    name: str
    door: str
    text: str

    def __str__(self) -> str:
        return f"{self.number}: {self.name} in {self.door}"

    @property
    def cells(self) -> list[str]:
        """The source of the cells that show it."""
        door = DOORS[self.door]
        if door.once and self.name != next(iter(door.texts)):
            return []
        filled = door.source.replace("TEXT", lua(self.text)).replace("#N", str(self.number))
        return filled.split("\n---\n")

    @property
    def raw(self) -> Bundle:
        """Return what a door would show that lets every text pass."""
        return DOORS[self.door].raw(self.text)

    @property
    def spreads(self) -> str:
        """Return what becomes of the page around where it is shown as it is: it `moves`, or `ends` early; or empty."""
        return "ends" if self.name == HIDES else {MOVES: "moves", ENDS: "ends"}.get(self.door, "")


@dataclass(frozen=True)
class Door:
    """A way for a text to reach the screen.

    Parameters:
        source: what shows it. `TEXT` stands for the text, `#N` for the number of its case, and a line of dashes parts
            cells.
        raw: the same as a bundle that nobody looked at.
        texts: those that go through, by name.
        packed: the source is a call that shows one output, so that a cell can have many.
        once: the first cell shows the texts of all.
    """

    source: str
    raw: Callable[[str], Bundle]
    texts: dict[str, str]
    packed: bool = False
    once: bool = False


def lua(text: str) -> str:
    """Return a text as Lua writes it."""
    return '"' + "".join(f"\\{byte:03}" for byte in text.encode()) + '"'


def cases(url: str) -> list[Case]:
    """All cases; what they ask for is below this address."""
    found: list[Case] = []
    for door, about in DOORS.items():
        for name, template in about.texts.items():
            number = len(found) + 1
            filled = template.replace("@URL", f"{url}/{number}").replace("@RUN", f"harm({number})")
            found.append(Case(number, name, door, filled.replace("@ID", str(number))))
    return found


def notebook(given: list[Case], kernel: str) -> nbformat.NotebookNode:
    """Return a notebook whose cells show the cases; see `number_of` for the ids of the cells."""
    cells = [_cell("0x1-0", f'mcp.tools("{SERVER}")', kernel)]
    for door, several in groupby(given, lambda case: case.door):
        packed = DOORS[door].packed
        for together in _batched(list(several), TOGETHER if packed else 1):
            sources = [_together(together)] if packed else together[0].cells
            name = f"{together[0].number}x{len(together)}"
            cells += [_cell(f"{name}-{at}", source, kernel) for at, source in enumerate(sources)]
    return _runnable(cells, kernel)


def forms(given: list[Case], kernel: str) -> nbformat.NotebookNode:
    """Return a notebook with a form of `%kosmo explore` for each case."""
    return _runnable([_cell(f"{case.number}x1-0", "%kosmo explore list_apps", kernel) for case in given], kernel)


def _consecutive(given: list[Case]) -> Iterator[list[Case]]:
    """Yield the cases in groups whose numbers have no gap, as the id of a cell tells them."""
    for _, several in groupby(enumerate(given), lambda pair: pair[1].number - pair[0]):
        yield [case for _, case in several]


def _batched(given: list[Case], size: int) -> Iterator[list[Case]]:
    """Up to so many at a time."""
    return (given[at : at + size] for at in range(0, len(given), size))


def _together(given: list[Case]) -> str:
    """Lua that shows one output for each case, be it why it is not shown."""
    shown = [source for case in given for source in case.cells]
    calls = [f"do local ok, why = pcall(function() {one} end) if not ok then display(why) end end" for one in shown]
    return "\n".join(calls)


def raw_notebook(given: list[Case]) -> nbformat.NotebookNode:
    """Return a notebook of Python whose cells show the cases as they are, and whose outputs are there already."""
    cells = []
    groups = (group for several in _consecutive(given) for group in _batched(several, TOGETHER))
    bundles = [(f"{group[0].number}x{len(group)}", [case.raw for case in group]) for group in groups]
    for name, shown in [*bundles, ("0x1", [{"text/latex": "$x^2$"}])]:
        source = "\n".join(f"display({bundle!r}, raw=True)" for bundle in shown)
        cell = nbformat.v4.new_code_cell(source, id=f"{name}-0")
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "as it is"} | one) for one in shown]
        cells.append(cell)
    return _notebook(cells, "python3")


def _runnable(cells: list[Any], kernel: str) -> nbformat.NotebookNode:
    """Return a notebook of cells that run, with a formula below them."""
    cells.append(nbformat.v4.new_markdown_cell(FORMULA, id="0x1-1"))
    if kernel == "python3":
        cells.insert(0, nbformat.v4.new_code_cell("%load_ext kosmo_kernel", id="0x1-2"))
    return _notebook(cells, kernel)


def _notebook(cells: list[Any], kernel: str) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
    return made


def _cell(name: str, source: str, kernel: str) -> nbformat.NotebookNode:
    if kernel == "python3" and not source.startswith("%"):
        source = f"%%kosmo_lua\n{source}"
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(source, id=name)
    cell.metadata["tags"] = ["raises-exception"]
    return cell


# Doors ------------------------------------------------------------------------------------------------------------


def _html(before: str, behind: str = "") -> Callable[[str], Bundle]:
    return lambda text: {"text/html": f"{before}{text}{behind}"}


def _markdown(before: str, behind: str = "") -> Callable[[str], Bundle]:
    return lambda text: {"text/markdown": f"{before}{text}{behind}"}


def _json(text: str) -> Bundle:
    return {"text/html": f"<pre>{json.dumps([text]).replace(chr(92) + chr(34), chr(34))}</pre>"}


def _formulas() -> Iterator[tuple[str, str]]:
    """Each formula between dollars, and two of them between all that begins and ends formulas."""
    for name, formula in TEX.items():
        yield f"formula: {name}", f"${formula}$"
    for mark, (start, end) in DELIMITERS.items():
        for name in ("style", "token"):
            yield f"formula in {mark}: {name}", f"{start}{TEX[name]}{end}"


FORMULAS = dict(_formulas())
SOME = {name: FORMULAS[name] for name in (f"formula: {one}" for one in ("token", "style", "box", "declared pair"))} | {
    name: FORMULAS[name] for name in ("formula: other name", *(f"formula in {mark}: token" for mark in DELIMITERS))
}
_FEW = {name: WORDS[name] for name in ("handler", "image", "token")}
_MIXED = _FEW | {name: MARKDOWN_WORDS[name] for name in ("end of code", "end of a cell")}
_BOTH = WORDS | MARKDOWN_WORDS
_TABLE = _html("<table><tbody><tr><td>", "</td></tr></tbody></table>")
_WRITTEN = _html("<pre>", "</pre>")
_CELL = _markdown("| a | b |\n| - | - |\n| `a` | ", " |")
_CALLED = f"return app.mcp.{SERVER}.t#N({{}})"
_ASKED = "app.integrations.heroku.s#N"

DOORS: dict[str, Door] = {
    "display.html": Door("display.html(TEXT)", _html(""), HTML | SOME, packed=True),
    "display.markdown": Door("display.markdown(TEXT)", _markdown(""), MARKDOWN | FORMULAS, packed=True),
    "display.svg": Door("display.svg(TEXT)", _html(""), DRAWINGS, packed=True),
    "display.json": Door("display.json({ a = TEXT, [TEXT] = { TEXT } })", _json, _FEW, packed=True),
    "display of a text": Door("display(TEXT)", _WRITTEN, _FEW, packed=True),
    "display of a table": Door("display({ { a = TEXT, [TEXT] = 1 } })", _TABLE, _FEW, packed=True),
    "a text": Door("return TEXT", _WRITTEN, WORDS),
    "a dict": Door("return { [TEXT] = TEXT, list = { TEXT } }", _WRITTEN, WORDS),
    "several values": Door("return { { a = TEXT } }, TEXT, { [TEXT] = 1 }", _WRITTEN, _FEW),
    "a value of before": Door("return { { a = TEXT } }\n---\nreturn _", _TABLE, _FEW),
    "a cell": Door("return { { a = TEXT, b = 1 } }", _TABLE, WORDS),
    "a nested cell": Door("return { { a = { TEXT, { [TEXT] = TEXT } } } }", _TABLE, WORDS),
    "a column": Door("return { { [TEXT] = 1, b = TEXT } }", _TABLE, WORDS),
    "print": Door('print("\\27[31m" .. TEXT .. "\\27]8;;" .. TEXT .. "\\7x")', _WRITTEN, WORDS),
    "standard error": Door("io.stderr:write(TEXT)", _WRITTEN, _FEW),
    "an error": Door("error(TEXT)", _WRITTEN, WORDS),
    "an error of a table": Door("error({ message = TEXT })", _WRITTEN, _FEW),
    "an unknown name": Door("app.integrations.heroku[TEXT]()", _WRITTEN, _FEW),
    "the name of a chunk": Door("load('error(1)', TEXT)()", _WRITTEN, _FEW),
    "the last error": Door("error(TEXT)\n---\n%kosmo error", _markdown(""), _BOTH),
    "an unknown page": Door("docs.read(TEXT)", _WRITTEN, _FEW),
    "a search": Door("return docs.search(TEXT)", _TABLE, _FEW),
    "%kosmo who": Door("_G[TEXT] = { TEXT }\n---\n%kosmo who", _TABLE, WORDS),
    "%kosmo status": Door("%kosmo status", _CELL, _BOTH, once=True),
    "an error of the service": Door(f'{_ASKED}.get_app("x")', _WRITTEN, WORDS),
    "the last error of the service": Door(f'{_ASKED}.get_app("x")\n---\n%kosmo error', _markdown(""), _MIXED),
    "a cell of the service": Door(f"{_ASKED}.list_apps()", _TABLE, WORDS),
    "a record of the service": Door(f'{_ASKED}.get_app("mine")', _TABLE, WORDS),
    "a list of tools": Door(f'return mcp.tools("{SERVER}")', _TABLE, {"handler": WORDS["handler"]}),
    "what a tool gives": Door(_CALLED, _TABLE, WORDS),
    "what a tool refuses": Door(_CALLED, _WRITTEN, WORDS),
    "HTML of a tool": Door(_CALLED, _html(""), _FEW | SCRIPTS),
    "Markdown of a tool": Door(_CALLED, _markdown(""), _BOTH),
    ENDS: Door("display.html(TEXT)", _html(""), PARSERS, packed=True),
    MOVES: Door("display.html(TEXT)", _html(""), NAVIGATION, packed=True),
}
