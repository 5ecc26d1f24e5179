"""A folder with a file for every name that Python, Jupyter and others might look for there. Each notes that it ran."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

MODULES = (
    "kosmo_kernel/__init__",
    "kosmo_kernel/__main__",
    "kosmo_kernel/kernel/__init__",
    "kosmo_kernel/kernel/__main__",
    "trap",
    # What Python imports as it starts, and what is imported later; each in place of its own.
    "sitecustomize",
    "usercustomize",
    "warnings",
    "contextlib",
    "json",
    "decimal",
    "sqlite3",
    "zmq",
    "click",
    "lupa",
    "regex",
    "httpx",
    "pandas",
    "nbformat",
    "jupyterlab",
    # The files with settings of Jupyter's programs.
    "ipython_config",
    "ipython_kernel_config",
    "jupyter_config",
    "jupyter_server_config",
    "jupyter_lab_config",
    "jupyter_notebook_config",
    "jupyter_nbconvert_config",
)
GROUPS = (
    "kosmo_kernel.integrations",
    "nbconvert.exporters",
    "jupyter_client.kernel_provisioners",
    "keyring.backends",
)
TEMPLATES = ("index.html", "base.html", "mathjax.html", "celltags", "display_priority")  # which nbconvert's refer to
SERVER = {"ServerApp": {"jpserver_extensions": {"trap": True}}}


@dataclass(frozen=True)
class Trapped:
    """Such a folder.

    Parameters:
        folder: the folder.
        marks: where what ran is noted.
    """

    folder: Path
    marks: Path

    @property
    def ran(self) -> set[str]:
        """The names of the files that ran."""
        return {path.name for path in self.marks.iterdir()}


def note(marks: Path, name: str) -> str:
    """Return a line of Python that notes that it ran; it imports only what every Python has loaded."""
    return f"import os; os.close(os.open({str(marks / name.replace('/', '.'))!r}, os.O_CREAT))\n"


def write(folder: Path, marks: Path, names: tuple[str, ...] = MODULES) -> Trapped:
    """Lay the traps in a folder, which may have other files; these stay."""
    marks.mkdir(exist_ok=True)
    for name in names:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(note(marks, name), encoding="utf-8")
    if names == MODULES:
        _write_other_files(folder, marks)
    return Trapped(folder, marks)


def _write_other_files(folder: Path, marks: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (folder, folder / "lib" / version / "site-packages"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "x.pth").write_text(note(marks, "x.pth"), encoding="utf-8")
    information = folder / "trap-1.dist-info"
    information.mkdir(exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: trap\nVersion: 1\n", encoding="utf-8")
    entries = "".join(f"[{group}]\ntrap = trap:Trap\n" for group in GROUPS)
    (information / "entry_points.txt").write_text(entries, encoding="utf-8")
    for name in ("jupyter_config", "jupyter_server_config"):
        (folder / f"{name}.json").write_text(json.dumps(SERVER), encoding="utf-8")
    for template in ("lab", "base"):
        (folder / template).mkdir(exist_ok=True)
        touch = f"{{{{ g.os.close(g.os.open('{marks}/template', g.os.O_CREAT)) }}}}"
        text = f"{{% set g = cycler.__init__.__globals__ %}}{touch}"
        for name in TEMPLATES:
            (folder / template / f"{name}.j2").write_text(text, encoding="utf-8")
    (folder / ".env").write_text(f"PYTHONPATH={folder}\nPYTHONSTARTUP=trap.py\n", encoding="utf-8")
    server = {"command": sys.executable, "args": ["-m", "trap"], "env": {"PYTHONPATH": "."}}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"trap": server}}), encoding="utf-8")
