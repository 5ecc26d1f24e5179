"""The README's picture, from a real browser: its questions as a notebook in JupyterLab, light and dark.

    python benchmarks/pictures.py [FOLDER]

Writes `notebook-light.png` and `notebook-dark.png` into the folder, `.github` unless told. The notebook runs before
it is pictured. It needs Chromium, and of this project the extra `dev`. Look at each picture before it is committed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab_page import Lab, chromium, lab_server, missing

SHARPNESS = 1.5  # pixels of a picture for one of the page, so that text stays readable where the picture is shrunk
WIDTH, HEIGHT = 940, 480  # of the page
TOP = 12  # pixels above what a picture starts with

NOTEBOOK, FIRST_CELL = "questions.ipynb", "question-0"
_PYTHON = re.compile(r"^```python\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def write_questions(file: Path) -> None:
    """Write a notebook with the Python of the README."""
    blocks = _PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    cells = [nbformat.v4.new_code_cell(block, id=f"question-{number}") for number, block in enumerate(blocks)]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)


def picture_notebook(lab: Lab, folder: Path) -> None:
    """Show the README's first questions with their answers; JupyterLab's sides are closed."""
    lab.open(NOTEBOOK)
    for side in ("left", "right"):
        lab.command("application:toggle-side-tabbar", side=side)
    lab.command("statusbar:toggle")
    lab.run_all()
    for theme in ("Light", "Dark"):
        lab.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        lab.page.locator("#jupyterlab-splash").wait_for(state="detached")
        lab.show(FIRST_CELL, TOP)
        lab.page.screenshot(path=folder / f"notebook-{theme.lower()}.png")


def main() -> None:
    """Make the pictures."""
    if missing():
        sys.exit(f"No pictures: {missing()}.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".github"
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        files = Path(home, "notebooks")
        files.mkdir()
        write_questions(files / NOTEBOOK)
        with lab_server(files, Path(home, "lab")) as (address, token):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPNESS)
            lab = Lab(page, address, token)
            picture_notebook(lab, folder)
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture.name:20} {picture.stat().st_size / 1000:6.0f} kB")


if __name__ == "__main__":
    main()
