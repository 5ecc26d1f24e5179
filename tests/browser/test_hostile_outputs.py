"""Hostile outputs in real pages: no script runs, nothing is asked, nothing moves, and nothing stands over the page.

Every case of `hostile_outputs.py` is shown by both kernels in JupyterLab and in Notebook 7, in the pages that nbconvert
makes of these notebooks, in Voila, and in the page of `kosmo run --html`; what a service says also in the form of
`%kosmo explore`. The same texts shown as they are do harm in each of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lab_page
import nbformat
import pytest
from explorer_page import ExplorerPage
from harmless_outputs import JUPYTERLAB, KOSMO_RUN, NBCONVERT, reason
from hostile_outputs import DOORS, SERVER, Case, cases, forms, notebook, raw_notebook
from hostile_pages import Harms, Watched, documents, written
from hostile_service import Heard, listening, service
from kernel_client import known_to_jupyter
from kosmo_command import COMMAND, environment
from lab_page import Lab, Notebook7, chromium, expose_notebook_7, lab_server
from started_server import free_port, started_server

from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.runbook import page
from kosmo_kernel.session import Session
from kosmo_kernel.settings import notebook_run

pytestmark = pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing())
needs_mathjax = pytest.mark.skipif(
    find_spec("jupyter_server_mathjax") is None, reason="jupyter-server-mathjax is not installed"
)

needs_voila = pytest.mark.skipif(find_spec("voila") is None, reason="voila is not installed")

RUN = 300  # seconds for a command to run a notebook
KERNELS = ["kosmo-lua", "python3"]
HERE = Path(__file__).parent
# nbconvert's pages load MathJax from there. Here it comes from a package, with another output than they ask for.
FONTS = "https://cdn.jsdelivr.net/npm/@fortawesome/"  # which Voila's pages load
CDN = "https://cdnjs.cloudflare.com/ajax/libs/"
MATHJAX = CDN + "mathjax/2.7.7/"
LOADER = f"document.write('<script src=\"{MATHJAX}MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe\"><\\/script>')"
RAW = {"raw.ipynb": False, "raw-moving.ipynb": True}  # whether they move the page
SOME_DOORS = {"display.html", "display.svg", "a cell", "a column", "a nested cell", "display of a table"}
KINDS = {"script", "request", "navigation", "overlay", "diagram", "name"}


@dataclass
class Place:
    """A browser, JupyterLab on a folder, all cases, and what was found so far.

    Parameters:
        browser: of playwright.
        folder: has the notebooks.
        cases: all.
        canary: hears what no page should ask.
        address: of JupyterLab.
        token: lets its pages in.
        environment: in which a command knows the same accounts and servers.
    """

    browser: Any
    folder: Path
    cases: list[Case]
    canary: Heard
    address: str
    token: str
    environment: dict[str, str]
    shown: dict[tuple[str, type[Lab]], tuple[nbformat.NotebookNode, Harms, list[str]]] = field(default_factory=dict)

    @property
    def names(self) -> dict[int, str]:
        """The cases by their numbers, in words."""
        return {case.number: str(case) for case in self.cases}

    def watched(self, **how: Any) -> Watched:
        return Watched(self.browser, self.canary.url, **how)

    def lab(
        self, name: str, application: type[Lab] = Lab, then: Callable[[Lab], None] = lambda _lab: None
    ) -> tuple[nbformat.NotebookNode, Harms, list[str]]:
        """Run a notebook in the browser, once: as it is then, the harm that it did, and what else it asked.

        Parameters:
            name: of its file.
            application: JupyterLab or Notebook 7.
            then: called when all cells have run, before the page is looked at.
        """
        if (name, application) not in self.shown:
            own = (self.address, self.address.replace("http", "ws", 1), f"blob:{self.address}")
            with closing(self.watched(own=own)) as watched:
                lab = application(watched.page, self.address, self.token)
                lab.open(name)
                lab.run_all()
                watched.page.locator(".jp-Cell").last.locator("mjx-container").wait_for(state="attached")
                then(lab)
                harms = watched.harms()
                self.shown[name, application] = lab.contents(), harms, watched.strange
        return self.shown[name, application]

    def page(self, path: Path, *, typeset: bool = False) -> tuple[Harms, list[str]]:
        """Open a page of nbconvert's or of ours: the harm that it did, and what else it asked.

        Parameters:
            path: of the page.
            typeset: wait until its formulas are.
        """
        with closing(self.watched(own=(path.as_uri(),), served=_mathjax)) as watched:
            watched.page.goto(path.as_uri(), wait_until="commit")
            if typeset:
                watched.page.wait_for_function("window.MathJax?.isReady")
                watched.page.evaluate("new Promise(done => MathJax.Hub.Queue(() => done()))")
                watched.page.locator(".jp-Cell").last.locator(".MathJax").first.wait_for(state="attached")
            harms = watched.harms()
        return harms, [url for url in watched.strange if not url.startswith(CDN)]

    def voila(self, name: str) -> tuple[Harms, list[str]]:
        """Open the page that Voila makes of a notebook, which it runs: the harm that it did, and what else it asked."""
        command = [sys.executable, "-m", "voila", name, "--no-browser", f"--port={free_port()}"]
        with started_server(command, os.environ, self.folder, r"http://localhost:\d+/") as address:
            own = (address, address.replace("http", "ws", 1), "blob:")
            with closing(self.watched(own=own)) as watched:
                watched.page.goto(address, wait_until="commit")
                formula = watched.page.locator("[id^='cell-id=']").last.locator("mjx-container")
                formula.wait_for(state="attached", timeout=1000 * RUN)
                harms = watched.harms()
        return harms, [url for url in watched.strange if not url.startswith(FONTS)]


def _mathjax(url: str) -> dict[str, Any] | None:
    """Return what stands for an address of MathJax."""
    spec = find_spec("jupyter_server_mathjax")
    if spec is None or spec.origin is None or not url.startswith(MATHJAX):
        return None
    if "latest.js" in url:
        return {"body": LOADER, "content_type": "text/javascript"}
    file = Path(spec.origin).parent / "static" / url.removeprefix(MATHJAX).partition("?")[0]
    return {"path": file} if file.is_file() else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def place(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        canary = stack.enter_context(listening())
        every = cases(canary.url)
        tokens = {f"token-{case.number}": case for case in every if case.door in SERVICE}
        served = stack.enter_context(service(tokens))
        environment = {"HEROKU_API_URL": served.url, "HOME": str(tmp_path_factory.mktemp("home"))}
        environment |= {f"HEROKU_API_KEY_S{case.number}": token for token, case in tokens.items()}
        _configure(Path(environment["HOME"]), every)
        for name, value in environment.items():
            patch.setenv(name, value)
        environment |= stack.enter_context(known_to_jupyter(tmp_path_factory.mktemp("jupyter")))
        for kernel in KERNELS:
            nbformat.write(notebook(every, kernel), folder / f"{kernel}.ipynb")
            nbformat.write(
                forms([case for case in every if case.door in FORMS], kernel), folder / f"form-{kernel}.ipynb"
            )
        for name, moves in RAW.items():
            nbformat.write(raw_notebook([case for case in every if (case.spreads == "moves") is moves]), folder / name)
        home = tmp_path_factory.mktemp("lab")
        expose_notebook_7(home)
        address, token = stack.enter_context(lab_server(folder, home))
        yield Place(browser, folder, every, canary, address, token, environment)


FORMS = {"a cell of the service", "an error of the service"}  # doors of which the form shows the answers
SERVICE = [name for name in DOORS if name.endswith("of the service") or name == "%kosmo status"]


def _configure(home: Path, every: list[Case]) -> None:
    """Write the user's own settings of MCP servers: all hostile ones."""
    told = home / "cases.json"
    told.write_text(documents(every), encoding="utf-8")
    program = {"command": sys.executable, "args": [str(HERE / "mcp_hostile_cases.py"), str(told)]}
    servers = {SERVER: program} | {
        f"s{case.number}": program | {"args": [*program["args"], str(case.number)]}
        for case in every
        if case.door.endswith("of a server")
    }
    (home / ".kosmo").mkdir()
    (home / ".kosmo" / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")


def exported(made: nbformat.NotebookNode, path: Path) -> Path:
    """Return the page that nbconvert makes of a notebook."""
    from nbconvert import HTMLExporter

    path.write_text(HTMLExporter().from_notebook_node(made)[0], encoding="utf-8")  # type: ignore[no-untyped-call] # no types
    return path


def silent(every: list[Case], made: nbformat.NotebookNode) -> list[str]:
    """Return the cases of which nothing is shown in a notebook, or not as many outputs as there are texts."""
    shown: dict[int, int] = defaultdict(int)
    for cell in made.cells:
        first, count = map(int, cell.id.partition("-")[0].split("x"))
        if count > 1 and len(cell.outputs) != count:
            continue
        for number in range(first, first + count):
            shown[number] += len(cell.get("outputs", ()))
    return [str(case) for case in every if case.cells and not shown[case.number]]


@pytest.mark.claim("display-browser")
@pytest.mark.full
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_output_does_harm_in_jupyterlab(place: Place, kernel: str) -> None:
    made, harms, strange = place.lab(f"{kernel}.ipynb")
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])
    assert silent(place.cases, made) == []


@pytest.mark.full
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_output_does_harm_in_notebook_7(place: Place, kernel: str) -> None:
    made, harms, strange = place.lab(f"{kernel}.ipynb", Notebook7)
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])
    assert silent(place.cases, made) == []


@pytest.mark.full
@pytest.mark.parametrize("application", [Lab, Notebook7])
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_answer_does_harm_in_the_form(place: Place, kernel: str, application: type[Lab]) -> None:
    asked = [case for case in place.cases if case.door in FORMS]

    def run_each(lab: Lab) -> None:
        for case in asked:
            form = ExplorerPage(lab.cell(f"{case.number}x1-0"))
            form.choose_account(f"s{case.number}", "list_apps")
            form.press("Run")
            answer = ".kosmo-table" if case.door == "a cell of the service" else "pre[style*='rendermime-error']"
            form.area.locator(answer).first.wait_for()

    _, harms, strange = place.lab(f"form-{kernel}.ipynb", application, run_each)
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])


@needs_mathjax
@pytest.mark.full
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_output_does_harm_in_a_page_of_nbconvert(place: Place, kernel: str, tmp_path: Path) -> None:
    harms, strange = place.page(exported(place.lab(f"{kernel}.ipynb")[0], tmp_path / "page.html"), typeset=True)
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])


@pytest.mark.full
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_output_does_harm_in_a_page_of_kosmo_run(place: Place, kernel: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ipynb"
    command = [*COMMAND, "run", str(place.folder / f"{kernel}.ipynb"), "-o", str(copy), "--html"]
    subprocess.run(command, env=environment(place.environment), check=True, capture_output=True, timeout=RUN)
    harms, strange = place.page(copy.with_suffix(".html"))
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])


@needs_voila
@pytest.mark.full
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_hostile_output_does_harm_in_voila(place: Place, kernel: str) -> None:
    harms, strange = place.voila(f"{kernel}.ipynb")
    assert not harms, written(harms, place.names)
    assert (strange, place.canary.asked) == ([], [])


# The same as it is ------------------------------------------------------------------------------------------------


def enough(every: list[Case], harms: Harms, place: str) -> None:
    """See that each kind of harm is done, and by all cases but those of which it is known why not."""
    assert set().union(*harms.values()) >= KINDS
    assert [str(case) for case in every if not harms.get(case.number) and not reason(case, place)] == []
    assert [str(case) for case in every if harms.get(case.number) and reason(case, place)] == []


def merged(found: Iterable[Harms]) -> Harms:
    """Return the harms of several pages."""
    together: Harms = defaultdict(set)
    for harms in found:
        for number, kinds in harms.items():
            together[number] |= kinds
    return together


def raw_groups(every: list[Case]) -> list[list[Case]]:
    """Return the cases of each page where they are shown as they are: one for all that let what follows them be."""
    return [[case for case in every if not case.spreads], *([case] for case in every if case.spreads)]


@pytest.mark.full
def test_the_same_as_they_are_do_harm_in_jupyterlab(place: Place) -> None:
    enough(place.cases, merged(place.lab(name)[1] for name in RAW), JUPYTERLAB)


@needs_voila
@pytest.mark.full
def test_the_same_as_they_are_do_harm_in_voila(place: Place) -> None:
    harms = place.voila("raw.ipynb")[0]
    assert set().union(*harms.values()) >= KINDS
    assert len(harms) > len(place.cases) / 2


@needs_mathjax
@pytest.mark.full
def test_the_same_as_they_are_do_harm_in_a_page_of_nbconvert(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    pages = ((exported(raw_notebook(group), path), not group[0].spreads) for group in raw_groups(place.cases))
    enough(place.cases, merged(place.page(path, typeset=typeset)[0] for path, typeset in pages), NBCONVERT)


@pytest.mark.full
def test_the_same_as_they_are_do_harm_in_a_page_of_kosmo_run(place: Place, tmp_path: Path) -> None:
    pages = (_page(raw_notebook(group), tmp_path) for group in raw_groups(place.cases))
    enough(place.cases, merged(place.page(path)[0] for path in pages), KOSMO_RUN)


# Some of them, without JupyterLab ---------------------------------------------------------------------------------


def _page(made: nbformat.NotebookNode, folder: Path) -> Path:
    """Return the page that `kosmo run --html` makes of an executed notebook."""
    nbformat.write(made, folder / "copy.ipynb")
    return page.write(folder / "copy.ipynb", ["demo"])


def _executed(every: list[Case]) -> nbformat.NotebookNode:
    """Return a notebook with what a session shows of each case."""
    made = notebook(every, KERNELS[0])
    with Session("demo") as session:
        for cell in made.cells[1:-1]:
            result = session.run(cell.source)
            shown = [display.bundle for display in result.displays]
            shown += [bundle_of(value) for value in result.values if not result.hidden]
            cell.outputs = [nbformat.v4.new_output("display_data", bundle) for bundle in shown]
    return made


@pytest.mark.full
@pytest.mark.parametrize("as_it_is", [False, True], ids=["made harmless", "as they are"])
def test_some_do_harm_in_a_page_only_as_they_are(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_it_is: bool
) -> None:
    monkeypatch.setattr(notebook_run, "received", [notebook_run.NotebookRun()])
    with listening() as canary:
        some = [case for case in cases(canary.url) if case.door in SOME_DOORS]
        path = _page(raw_notebook(some) if as_it_is else _executed(some), tmp_path)
        with closing(Watched(browser, canary.url, own=(path.as_uri(),))) as watched:
            watched.page.goto(path.as_uri(), wait_until="commit")
            harms = watched.harms()
        if as_it_is:
            assert set().union(*harms.values()) >= KINDS - {"navigation", "diagram"}
            assert len(harms) > len(some) / 2
        else:
            assert not harms, written(harms, {case.number: str(case) for case in some})
            assert (watched.strange, canary.asked) == ([], [])
