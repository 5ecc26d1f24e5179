"""JupyterLab in a real browser: a server of its own on a free port of this machine, seen by headless Chromium.

Nothing of whoever runs it is read or written: settings, workspaces and running servers have their own folder, and
the server ends with the `with` block, whatever happens inside. Used by the browser tests and by the pictures.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from patience import PATIENCE
from repository import ROOT
from started_server import started_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",  # it does not start as root otherwise
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
LAB_FLAGS = (
    "--allow-root",
    "--no-browser",
    "--ip=127.0.0.1",
    "--port=0",
    "--LabApp.expose_app_in_browser=True",  # as `jupyterapp`, whose commands are what the menus call
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--ServerApp.terminals_enabled=False",
)
LAB_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page, seen or not
}
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
}


def missing() -> str:
    """Return what is not there and needed, or nothing."""
    if CHROMIUM is None:
        return "there is no Chromium"
    return next((f"{name} is not installed" for name in ("jupyterlab", "playwright") if find_spec(name) is None), "")


class Lab:
    """One page of the browser, and the JupyterLab that it shows.

    Parameters:
        page: the page.
        address: of the server.
        token: lets the page in.

    Attributes:
        errors: what the page's scripts threw.
    """

    def __init__(self, page: Page, address: str, token: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self._address, self._token = address, token
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open_launcher(self) -> None:
        """Show JupyterLab as it starts."""
        self.page.goto(f"{self._address}/lab?reset&token={self._token}")

    def open(self, name: str) -> None:
        """Show a notebook, by its file's name, and nothing else; its kernel is ready."""
        self.page.goto(f"{self._address}/doc/tree/{name}?reset&token={self._token}")
        # The toolbar says that the kernel is idle before there is one.
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def command(self, name: str, **args: object) -> None:
        """Call one of JupyterLab's commands and wait for its end."""
        self._wait_for("jupyterapp.commands.execute(...given)", name, args)

    def run_all(self) -> None:
        """Run all cells of the notebook, with no output left from before, until all that they show has come."""
        self.command("notebook:clear-all-cell-outputs")
        self.command("notebook:run-all-cells")
        # The command is over as soon as a cell fails. A kernel answers in order, so its answer to this is the last.
        kernel = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        self._wait_for(f"{kernel}.requestExecute({{ code: '', silent: true, store_history: false }}).done")

    def contents(self) -> nbformat.NotebookNode:
        """Return the notebook as it would be saved now."""
        text = self.page.evaluate("JSON.stringify(jupyterapp.shell.currentWidget.content.model.toJSON())")
        notebook: nbformat.NotebookNode = nbformat.reads(text, as_version=4)
        return notebook

    def cell(self, name: str) -> Locator:
        """Return the cell whose id this is."""
        place = self.page.evaluate(
            "id => jupyterapp.shell.currentWidget.content.widgets.findIndex(cell => cell.model.id === id)", name
        )
        return self.page.locator(".jp-Notebook .jp-Cell").nth(place)

    def show(self, name: str, above: int) -> None:
        """Scroll the cell whose id this is to the top, so many pixels below the edge."""
        self.command("notebook:enter-command-mode")
        self.cell(name).evaluate(
            "(cell, above) => { const box = cell.closest('.jp-WindowedPanel-outer');"
            " box.scrollTop += cell.getBoundingClientRect().top - box.getBoundingClientRect().top - above; }",
            above,
        )

    def new_cell(self) -> Locator:
        """Return a new cell at the end, the cursor in it."""
        self.command("notebook:insert-cell-below")
        self.command("notebook:enter-edit-mode")
        return self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")

    def _wait_for(self, promise: str, *given: object) -> None:
        """Wait for a promise; not with `evaluate`, which waits for ever where a dialog opens instead."""
        over = "window.over = true"
        self.page.evaluate(f"given => {{ window.over = false; {promise}.finally(() => {{ {over}; }}); }}", given)
        self.page.wait_for_function("window.over")


@contextmanager
def lab_server(folder: Path, home: Path) -> Iterator[tuple[str, str]]:
    """JupyterLab on the files of a folder, on a free port; gives its address and the token that it asks for.

    Parameters:
        folder: what it shows.
        home: an empty folder for its settings.

    Raises:
        RuntimeError: it did not start; with what it said.
    """
    for name, settings in LAB_SETTINGS.items():
        file = home / FOLDERS["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    token = secrets.token_hex()
    command = [sys.executable, "-m", "jupyterlab", *LAB_FLAGS, f"--ServerApp.root_dir={folder}"]
    env = os.environ | {name: str(home / sub) for name, sub in FOLDERS.items()} | {"JUPYTER_TOKEN": token}
    with started_server(command, env, folder, r"http://127\.0\.0\.1:[1-9]\d*") as address:
        yield address, token


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the browser, without a window."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_FLAGS])
        try:
            yield browser
        finally:
            browser.close()


LABEXTENSION = ROOT / "kosmo_kernel" / "jupyter" / "labextension"


def expose_notebook_7(home: Path) -> None:
    """Write the setting by which Notebook 7 has `jupyterapp` in its pages, too; `home` is that of `lab_server`."""
    file = home / FOLDERS["JUPYTER_CONFIG_DIR"] / "jupyter_notebook_config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"JupyterNotebookApp": {"expose_app_in_browser": True}}), encoding="utf-8")


class Notebook7(Lab):
    """One page of the browser, and a notebook that Notebook 7 shows in it."""

    def open(self, name: str) -> None:
        self.page.goto(f"{self._address}/notebooks/{name}?token={self._token}")
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
