"""The README's pictures, from a real browser: a notebook in JupyterLab, light and dark, and the audit in a terminal.

    python benchmarks/pictures.py [FOLDER]

Writes `notebook-light.png`, `notebook-dark.png` and `terminal.png` into the folder, `.github` unless told. The
notebook runs before it is pictured, and what stands in the terminal is what `kosmo demo` prints now. It needs
Chromium, and of this project the extra `dev`. Look at each picture before it is committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab_page import Lab, chromium, lab_server, missing

SHARPNESS = 1.5  # pixels of a picture for one of the page, so that text stays readable where the picture is shrunk
WIDTH, HEIGHT = 940, 741  # of the page
TOP = 12  # pixels above what a picture starts with

NOTEBOOK, FIRST_CELL = "first-steps.ipynb", "many"

COLUMNS = 88  # of the terminal
LAST_LINE = "7 records from 2 requests"
PROMPT = "\x1b[1;32m$\x1b[0m kosmo demo\n"
COLOURS = TerminalTheme(
    background=(24, 26, 33),
    foreground=(214, 217, 224),
    normal=[  # black, red, green, yellow, blue, magenta, cyan, white
        (60, 64, 76),
        (240, 113, 120),
        (152, 195, 121),
        (229, 192, 123),
        (108, 164, 255),
        (198, 146, 233),
        (86, 190, 205),
        (214, 217, 224),
    ],
)
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: {background}; }}
#terminal {{ display: inline-block; padding: 14px 22px 20px; background: {background}; color: {foreground}; }}
pre {{ margin: 0; font: 14px/1.38 "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
</style><div id="terminal"><pre>{code}</pre></div>"""


def picture_notebook(lab: Lab, folder: Path) -> None:
    """Part of the Lua notebook: a loop and its table, a mistake and its error; JupyterLab's sides are closed."""
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


def picture_terminal(lab: Lab, folder: Path) -> None:
    """Draw the first question of `kosmo demo` in a terminal's colours."""
    kosmo = shutil.which("kosmo", path=str(Path(sys.executable).parent))
    command = [kosmo, "demo"] if kosmo else [sys.executable, "-m", "kosmo_kernel", "demo"]
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(command, env=os.environ | terminal, capture_output=True, text=True, check=True)
    kept, end, _ = done.stdout.partition(LAST_LINE)
    assert end, f"`kosmo demo` does not say any more: {LAST_LINE}"
    screen = Console(record=True, width=COLUMNS, file=StringIO())
    screen.print(Text.from_ansi(PROMPT + kept + end))
    lab.page.set_content(screen.export_html(theme=COLOURS, code_format=PAGE, inline_styles=True))
    lab.page.locator("#terminal").screenshot(path=folder / "terminal.png")


def main() -> None:
    """Make the pictures."""
    if missing():
        sys.exit(f"No pictures: {missing()}.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".github"
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        files = Path(home, "notebooks")
        shutil.copytree(ROOT / "notebooks", files)
        with lab_server(files, Path(home, "lab")) as (address, token):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPNESS)
            lab = Lab(page, address, token)
            picture_notebook(lab, folder)
            picture_terminal(lab, folder)
    for picture in sorted(folder.glob("*.png")):
        print(f"{picture.name:20} {picture.stat().st_size / 1000:6.0f} kB")


if __name__ == "__main__":
    main()
