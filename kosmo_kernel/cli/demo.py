"""`kosmo demo` and `demo:serve`: show the demo account in the terminal, in JupyterLab, or on a port.

In the terminal, one question is answered twice: by a cell of Lua and by Python. Both texts are shown as they ran.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import click

from kosmo_kernel.cli.command import command, print_note, print_result
from kosmo_kernel.cli.kernelspec import OUTDATED_MESSAGE, entries, renewal, shipped
from kosmo_kernel.cli.options import PORT, TIME, ValueType
from kosmo_kernel.cli.streams import INTERRUPTED
from kosmo_kernel.demo.faults import FaultInjector, faulty, read
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo.api import FAULTS as PAGE_FAULTS
from kosmo_kernel.settings.table import DEMO_ACCOUNT, Number

FOLDER = "kosmo-demo"
_YEARS = range(2000, 2201)  # the company's oldest dates are years before its today, and it looks ahead
FIRST = "first-steps.ipynb"  # the notebook that is opened
READ_ONLY = "heroku authorizations:create -s read,identity --short"
_INDENT = "   "


CELL = """%%kosmo_lua -v crashed --show
local dynos = heroku.list_dynos({ app_id = heroku.list_apps() })
list.filter(dynos, { state = "crashed" })"""
PYTHON = """from kosmo_kernel import heroku

dynos = heroku.list_dynos(app_id=heroku.list_apps())
crashed = dynos[dynos["state"] == "crashed"]"""
COLUMNS = ("app.name", "name", "state", "size", "updated_at")  # few enough for a terminal of 80 columns


@command("demo", "kosmo demo", "kosmo demo --lab", json=False)
@click.option("--lab", is_flag=True, help=f"Open JupyterLab on a copy of the notebooks, in ./{FOLDER}.")
@click.option("--no-open", is_flag=True, help="With --lab: do not open a browser.")
@click.option("--port", type=PORT, metavar="PORT", help="With --lab: the port of JupyterLab.  [default: a free one]")
def demo(*, lab: bool, no_open: bool, port: int | None) -> None:
    """Ask a fictional account one question, in Lua and Python.

    The command needs no account and no network.
    """
    if lab:
        open_lab(browser=not no_open, port=port)
        return
    if no_open or port is not None:
        raise click.UsageError(f"{'--no-open' if no_open else '--port'} goes with --lab.")
    show()


class Faults(NamedTuple):
    """Describe what goes wrong with the answers of a server."""

    rates: dict[str, float]  # how often each kind of fault of a network happens
    page: str = ""  # the fault of the pages of all lists; empty for none


def _faults(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> Faults:
    pages = [text for text in texts if text in PAGE_FAULTS]
    if len(pages) > 1:
        raise click.BadParameter(f"pages have one fault at a time, got {' and '.join(pages)}.")
    rates = [text for text in texts if text not in pages]
    if not rates:
        return Faults({}, *pages)
    try:
        return Faults(read(rates), *pages)
    except SettingsError as error:
        raise click.BadParameter(str(error)) from None


def _budget(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Return the number of requests; 0 for any number, None for as many as at Heroku."""
    number = int(text) if text and text.isascii() and text.isdecimal() else 0
    if text not in (None, "off") and not number:
        raise click.BadParameter(f"it takes a whole number of requests from 1, or off; got {text!r}.")
    return number if text else None


def _scopes(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    """Return the scopes of the token."""
    from kosmo_kernel.integrations.heroku.api import SCOPES

    scopes = tuple(text.replace(",", " ").split())
    if not scopes or not set(scopes) <= set(SCOPES):
        raise click.BadParameter(f"it takes scopes of Heroku's, {', '.join(SCOPES)}; got {text!r}.")
    return scopes


def _moved(_context: click.Context, _option: click.Parameter, time: datetime | None) -> timedelta:
    """Return how far a time is from the company's today."""
    from kosmo_kernel.demo import NOW

    today = datetime.fromisoformat(NOW)
    if time and time.year not in _YEARS:
        raise click.BadParameter(f"it takes a time of the years {_YEARS[0]} to {_YEARS[-1]}, got {time:%Y-%m-%d}.")
    return timedelta(seconds=round(((time or today) - today).total_seconds()))


@command(
    "demo:serve",
    "kosmo demo:serve --port 8642",
    "kosmo demo:serve --apps 500 --fault 429=5% --latency 80",
    "kosmo demo:serve --apps 250 --fault next-range-lost",
    json=False,
)
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=0, metavar="PORT", help="The port; 0 chooses a free one.  [default: 0]")
@click.option(
    "--apps",
    type=ValueType(Number("a whole number of apps", is_whole=True)),
    metavar="N",
    help="Generate a company with N apps.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="The seed of the random company and faults."
)
@click.option(
    "--latency",
    type=ValueType(Number("a number of milliseconds")),
    default=0,
    metavar="MS",
    help="Milliseconds to wait before each response.",
)
@click.option(
    "--budget",
    callback=_budget,
    metavar="N",
    help="How many requests the account has; 75 more come each minute. `off` is any number.  [default: 4500]",
)
@click.option(
    "--scope",
    callback=_scopes,
    default="global",
    show_default=True,
    metavar="SCOPES",
    help="What the token may do: scopes of Heroku's, such as read,identity.",
)
@click.option(
    "--now",
    type=TIME,
    callback=_moved,
    metavar="TIME",
    help="The company's today, such as 2027-01-31T09:00:00Z; all times move with it.  [default: 2026-11-20T09:00:00Z]",
)
@click.option(
    "--fault",
    multiple=True,
    callback=_faults,
    metavar="KIND=RATE",
    help="Make a share of the requests fail. RATE is, for example, 0.05 or 5%. KIND is 429, 503, reset, truncated, "
    f"html or slow. Can be repeated. Or, without a rate, a fault of pages: {', '.join(PAGE_FAULTS)}.",
)
def serve(*, host: str, port: int, seed: int, latency: float, fault: Faults, **data: Any) -> int:
    """Serve the demo account on a port, as Heroku's API.

    The first lines of output are the address, the token and the host of the databases, as environment variables for
    another program. Ctrl-C ends the server with exit code 130.
    """
    from kosmo_kernel.demo.server import serve as serving
    from kosmo_kernel.integrations.heroku import HEROKU
    from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, error_response, with_page_fault
    from kosmo_kernel.integrations.heroku.demo.company import company
    from kosmo_kernel.integrations.heroku.demo.http import CAPACITY, REFILL, UNLIMITED

    requests = {"capacity": data["budget"] or CAPACITY, "refill": UNLIMITED if data["budget"] == 0 else REFILL}
    about = {"moved": data["now"], "scopes": data["scope"]} | requests
    demo_api = with_page_fault(company(data["apps"], seed), fault.page, **about)
    api, credentials = faulty(demo_api, FaultInjector(fault.rates, seed=seed), error_response), HEROKU.credentials
    with serving(api, host, port, latency=latency / 1000) as served:
        hosts = [f"{other.env}={urlsplit(served.url).hostname}" for other in HEROKU.hosts.values()]
        print_result("\n".join([f"{credentials.url_env[0]}={served.url}", f"{credentials.env}={DEMO_TOKEN}", *hosts]))
        print_note("Serving the demo account. Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
        return INTERRUPTED


def open_lab(*, browser: bool, port: int | None = None) -> None:
    """Replace this process with JupyterLab, on a copy of the notebooks and with the demo as the default account.

    Parameters:
        browser: whether JupyterLab opens a browser.
        port: the port of JupyterLab; JupyterLab's choice when None.

    JupyterLab's working directory is the prefix of this Python, not the folder of notebooks, so that neither modules
    nor settings are loaded from that folder.

    Raises:
        SettingsError: JupyterLab is not installed, the notebooks cannot be copied, or the kernelspec that Jupyter uses
            would let the kernel import modules from the folder of notebooks.
    """
    if find_spec("jupyterlab") is None:
        raise SettingsError(f"JupyterLab is not installed here. Install it: {sys.executable} -m pip install jupyterlab")
    if old := next((entry.file for entry in entries()[:1] if not entry.is_safe), None):
        raise SettingsError(f"{old} {OUTDATED_MESSAGE}. {renewal(old)}")
    folder = copy_of_notebooks(shipped("notebooks"), Path.cwd() / FOLDER)
    print_note(f"JupyterLab opens {folder}. Ctrl-C stops it.")
    command = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command.append("--LabApp.news_url=None")  # otherwise JupyterLab first asks about news
    if (folder / FIRST).exists():
        command.append(f"--LabApp.default_url=/lab/tree/{quote(FIRST)}")
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if getattr(os, "geteuid", lambda: 1)() == 0:  # containers often have no other user
        command.append("--allow-root")
    environment = os.environ | {DEMO_ACCOUNT.variable: "1"}
    if os.name == "nt":  # Windows cannot replace a process
        sys.exit(subprocess.call(command, cwd=sys.prefix, env=environment))
    os.chdir(sys.prefix)
    os.execve(sys.executable, command, environment)  # noqa: S606 - a fixed command without a shell


def _trust(notebook: Path) -> None:
    """Sign the copy of a notebook, so that JupyterLab shows its saved tables before any cell has run."""
    from kosmo_kernel.settings.installation import import_jsonschema

    import_jsonschema()
    import nbformat
    from jupyter_core.paths import jupyter_data_dir
    from nbformat.sign import NotebookNotary

    Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)  # some versions of nbformat do not make it
    notary = NotebookNotary()
    with closing(notary.store):
        notary.sign(nbformat.read(notebook, as_version=4))


def copy_of_notebooks(source: Path, folder: Path) -> Path:
    """Copy the notebooks and their data, without replacing existing files, which belong to the user.

    Returns:
        The folder.

    Raises:
        SettingsError: the folder or the copies cannot be created.
    """
    try:
        folder.mkdir(exist_ok=True)
        for path in sorted(source.iterdir()):
            copy = folder / path.name
            if copy.exists():
                print_note(f"{copy.name} is there already and stays as it is.")
            elif path.suffix in (".ipynb", ".kosmo"):  # a notebook, or a snapshot that one reads
                shutil.copyfile(path, copy)
                if path.suffix == ".ipynb":
                    _trust(copy)
    except OSError as error:
        raise SettingsError(f"The notebooks cannot be copied to {folder}: {error.strerror or error}.") from None
    return folder


def show() -> None:
    """Print a cell of Lua with its table, the Python that does the same, and the next steps."""
    from rich.syntax import Syntax
    from rich.text import Text

    from kosmo_kernel.cli.lua_run import stopped_by_ctrl_c
    from kosmo_kernel.cli.terminal import TERMINAL, console, lua_theme, styled_text
    from kosmo_kernel.render.tables import table_of
    from kosmo_kernel.session import Session
    from kosmo_kernel.settings.cell_options import Options
    from kosmo_kernel.text import counted

    screen, theme = console(), lua_theme()

    def show_code(heading: str, code: str, language: str) -> None:
        screen.print(f"\n{heading}\n", style="bold cyan")
        for line in Syntax("", language, theme=theme).highlight(code).split("\n"):
            screen.print("  ", line)

    _magic, _, lua = CELL.partition("\n")
    with Session("demo") as session, stopped_by_ctrl_c(session):
        result = session.execute(f"{lua}\n", Options("demo"))
    screen.print("\nThe demo account is a fictional company. Nothing leaves this machine.", style="bold")
    show_code("Which dynos have crashed? A cell of Lua, after `%load_ext kosmo_kernel`:", CELL, "lua")
    form = TERMINAL._replace(
        styles={"state": "alert"}, precision="minutes", paint=styled_text, has_count=False, full_value=""
    )
    table = table_of(result.value, len(result.value)).only(COLUMNS)
    screen.print()
    for line in table.text(screen.width - len(_INDENT), form=form).split("\n"):
        screen.print(Text.from_ansi(_INDENT + line), soft_wrap=True)
    requests = sum(call.requests for call in result.calls)
    screen.print(f"{_INDENT}{counted(len(result.value), 'record')} from {counted(requests, 'request')}", style="dim")
    show_code("The same in Python, without Lua:", PYTHON, "python")
    kosmo = typed_command()
    # Two lines that fit into 80 columns; a shell continues after `|`, so they can be copied together.
    add = [f"{READ_ONLY} |", f"  {kosmo} accounts:add default -"]
    next_steps = {
        "In JupyterLab, with notebooks to run:": [f"{kosmo} demo --lab"],
        "Your own account, with a token that can only look:": add,
    }
    for text, commands in next_steps.items():
        screen.print(f"\n{text}")
        for line in commands:
            screen.print(f"{_INDENT}{line}", style="bold green", soft_wrap=True)


def typed_command() -> str:
    """Return the command as the user typed it, such as `.venv/bin/kosmo` if it is not on the PATH."""
    typed, on_path = Path(sys.argv[0]), shutil.which("kosmo")
    if typed.stem != "kosmo":
        return "kosmo" if on_path else f"{Path(sys.executable).name} -P -m kosmo_kernel"
    return "kosmo" if on_path and Path(on_path).resolve() == typed.resolve() else sys.argv[0]
