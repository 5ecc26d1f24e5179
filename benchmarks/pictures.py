"""The README's pictures, from a real browser: its first cells in a Python notebook, light and dark, and a Lua notebook.

    python benchmarks/pictures.py [FOLDER]

Writes `notebook-light.png`, `notebook-dark.png`, `lua-kernel-light.png` and `lua-kernel-dark.png` into the folder,
`.github` unless told. The notebooks run before they are pictured. It needs Chromium, and of this project the extra
`dev`. Look at each picture before it is committed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab_page import Lab, chromium, lab_server, missing

SHARPNESS = 1.5  # pixels of a picture for one of the page, so that text stays readable where the picture is shrunk
WIDTH, HEIGHT = 940, 860  # of the page
TOP = 12  # pixels above what a picture starts with

PYTHON, LUA = "notebook", "lua-kernel"  # the notebooks, and the beginnings of the names of their pictures
KERNELS = {PYTHON: "python3", LUA: "kosmo-lua"}
LUA_CELLS = (
    "%kosmo demo",
    'list.count_by(heroku.list_apps(), "stack.name")',
    'docs.read("heroku.list_dynos")',
)
SHOWN_FIRST = {PYTHON: 1, LUA: 1}  # the number of the cell at the top of the picture
_CELL = re.compile(r"^```(?:python|lua)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def readme_cells() -> list[str]:
    """Return the first cells of the README that make a notebook: the magic, its table, and pandas on it."""
    cells = _CELL.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return cells[:3]


def write_notebook(name: str, cells: Iterable[str], folder: Path) -> None:
    """Write a notebook of these cells, whose ids are their numbers."""
    written = [nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
    metadata = {"kernelspec": {"name": KERNELS[name], "display_name": name}}
    nbformat.write(nbformat.v4.new_notebook(cells=written, metadata=metadata), folder / f"{name}.ipynb")


def picture_notebook(lab: Lab, name: str, folder: Path) -> None:
    """Picture a notebook after all of its cells have run, light and dark; JupyterLab's sides are closed."""
    lab.open(f"{name}.ipynb")
    for side in ("left", "right"):
        lab.command("application:toggle-side-tabbar", side=side)
    if lab.page.locator("#jp-main-statusbar").is_visible():
        lab.command("statusbar:toggle")
    lab.run_all()
    for theme in ("Light", "Dark"):
        lab.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        lab.page.locator("#jupyterlab-splash").wait_for(state="detached")
        lab.show(f"cell-{SHOWN_FIRST[name]}", TOP)
        lab.page.screenshot(path=folder / f"{name}-{theme.lower()}.png")


def main() -> None:
    """Make the pictures."""
    if missing():
        sys.exit(f"No pictures: {missing()}.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".github"
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        files = Path(home, "notebooks")
        files.mkdir()
        write_notebook(PYTHON, readme_cells(), files)
        write_notebook(LUA, LUA_CELLS, files)
        with lab_server(files, Path(home, "lab")) as (address, token):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPNESS)
            lab = Lab(page, address, token)
            for name in KERNELS:
                picture_notebook(lab, name, folder)
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture.name:20} {picture.stat().st_size / 1000:6.0f} kB")


if __name__ == "__main__":
    main()
