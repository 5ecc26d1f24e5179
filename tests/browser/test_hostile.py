"""A notebook full of hostile output in a real JupyterLab: no script of it runs, and the page asks nobody else.

Each attack would set `window.__owned`, open a dialog, or fetch something from a host that is not the notebook's
server; the browser is told to answer those requests itself, so that nothing leaves this machine either way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import lab_page
import nbformat
import pytest
from lab_page import Lab, chromium, lab_server
from patience import PATIENCE

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

OWN = "window.__owned=(window.__owned||0)+1"
EVIL = "http://evil.example"

MARKUP = [
    f"<script>{OWN}</script>",
    f"<img src=x onerror='{OWN}'>",
    f'<img src="{EVIL}/html.png"><img srcset="{EVIL}/set.png 1x"><video src="{EVIL}/v" autoplay></video>',
    f"<svg onload='{OWN}'><script>{OWN}</script><image href='{EVIL}/svg.png'/></svg>",
    f"<iframe src='javascript:parent.{OWN}'></iframe><iframe srcdoc='<script>parent.{OWN}</script>'></iframe>",
    f"<style>@import url({EVIL}/a.css); body {{ background: url({EVIL}/b.png) }}</style>",
    f"<p style='background:url({EVIL}/c.png)'>styled</p><link rel=stylesheet href={EVIL}/d.css>",
    f"<details open ontoggle='{OWN}'><summary>s</summary></details><input autofocus onfocus='{OWN}'>",
    f"<object data='{EVIL}/o'></object><embed src='{EVIL}/e'><base href='{EVIL}/'>",
    f"<meta http-equiv=refresh content='0;url={EVIL}/refresh'><form action={EVIL}><input></form>",
    "<a class=hit href='javascript:" + OWN + "'>click</a>",
    "<button class=hit data-commandlinker-command='notebook:delete-cell'>click</button>",
    "<a class=hit data-commandlinker-command='notebook:delete-cell' data-commandlinker-args='{}'>click</a>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror={OWN}&gt;'>",
    f"<noscript><p title='</noscript><img src=x onerror={OWN}>'>",
    f"$\\href{{javascript:{OWN}}}{{x}}$ $\\unicode{{x}}$",
    f"\ufdd1img src=x onerror={OWN}\ufdd2",
]
FORMULA_IN_A_LINK = f'[a]({EVIL}/$"onmouseover="{OWN}"x="$)'
FORMULA_AT_A_FENCE = f"$a\n~~~\n$<img src=x onerror='{OWN}'>\n~~~"
PROSE = [
    *MARKUP,
    *(f"```html\n{one}\n```\n" for one in MARKUP[:2]),
    f"![p]({EVIL}/md.png) ![]({EVIL}/md2.png) ![r][r] [![n]({EVIL}/n.png)]({EVIL})\n\n[r]: {EVIL}/ref.png",
    f"[click](javascript:{OWN}) <javascript:{OWN}> [c][j]\n\n[j]: javascript:{OWN}",
    # JupyterLab puts formulas back into the finished HTML, attributes included.
    FORMULA_IN_A_LINK,
    f'{EVIL}/$"onpointerenter="{OWN}"$ {EVIL}/\\\\("onfocus="{OWN}"autofocus="\\\\)',
    f'[a]({EVIL} "$" onmouseover="{OWN}" x="$")',
    f'[b][b]\n\n[b]: {EVIL}\n"$" onmouseover="{OWN}" x="$"',
    FORMULA_AT_A_FENCE,
    f"$$\n\n```\n$$<img src=x onerror='{OWN}'>\n```",
    f"`$`<img src=x onerror='{OWN}'>`$`",
    f'```mermaid\nflowchart LR\n  A@{{ img: "{EVIL}/mermaid.png" }}\n  click A call alert(1)\n```',
    f"$\\href{{javascript:{OWN}}}{{x}}$",
]
SVG = '<svg xmlns="http://www.w3.org/2000/svg"'
DRAWINGS = [
    f'{SVG} onload="{OWN}"><script>{OWN}</script><rect width="9" height="9"/></svg>',
    f'{SVG}><image href="{EVIL}/in.png"/><style>@import url({EVIL}/in.css)</style></svg>',
    f"{SVG}><foreignObject><img xmlns='http://www.w3.org/1999/xhtml' src='x' onerror='{OWN}'/></foreignObject></svg>",
]
FORMULAS = [
    f"$\\href{{javascript:{OWN}}}{{x}}$",
    f"<img src=x onerror='{OWN}'>",
    f"$<img src=x onerror='{OWN}'>$",
    f"$\\class{{jp-Dialog}}{{x}}\\style{{background:url({EVIL}/tex.png)}}{{y}}\\require{{html}}$",
]


def lua(text: str) -> str:
    """Return a text as Lua writes it."""
    return '"' + "".join(f"\\{byte:03}" for byte in text.encode()) + '"'


def cells() -> dict[str, list[str]]:
    """For each kernel the cells whose output is hostile."""
    every = [*MARKUP, *PROSE]
    rows = ", ".join(f"{{ name = {lua(one)}, [{lua(one)}] = {lua(one)}, nested = {{ {lua(one)} }} }}" for one in every)
    shown = [f"display({{ {rows} }})", f"return {{ {rows} }}"]
    for form, texts in (("html", MARKUP), ("markdown", [*PROSE, *FORMULAS]), ("svg", DRAWINGS)):
        shown += [f"display.{form}({lua(text)})" for text in texts]
    shown += [
        f"display.json({{ {rows} }})",
        *(f"display.json({lua(json.dumps({'html': one, one: [one]}))})" for one in MARKUP[:3]),
        *(f"display({lua(one)}) return {lua(one)}" for one in every),
        *(f"print({lua(one)}) io.stderr:write({lua(one)})" for one in every),
        f'print("\\27]8;;javascript:{OWN}\\7link\\27]8;;\\7\\27[2J\\27]0;t\\7\\27[31m<b>red")',
        *(f"error({lua(one)})" for one in every),
        *(f"local t = {{}} t[{lua(one)}]()" for one in MARKUP[:3]),
        *(f"app.integrations.heroku[{lua(one)}]()" for one in MARKUP[:3]),
        *(f"docs.read({lua(one)})" for one in MARKUP[:3]),
        f"return docs.search({lua(' '.join(every))})",
        f"return load('error(1)', {lua(MARKUP[1])})()",
    ]
    return {
        "kosmo-lua": shown,
        "python3": ["%load_ext kosmo_kernel", *(f"%%kosmo_lua\n{cell}" for cell in shown)],
    }


@dataclass
class Seen:
    """Record what a page did."""

    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@dataclass
class Place:
    """A browser, and JupyterLab on a folder with the hostile notebooks."""

    browser: Any
    address: str
    token: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    for kernel, sources in cells().items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        for cell in notebook.cells:
            cell.metadata["tags"] = ["raises-exception"]
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
        nbformat.write(notebook, folder / f"{kernel}.ipynb")
    with lab_server(folder, tmp_path_factory.mktemp("lab")) as (address, token), chromium() as browser:
        yield Place(browser, address, token)


def watched(place: Place) -> tuple[Lab, Seen]:
    """Return a new page, and what it does from now on."""
    seen = Seen()
    page = place.browser.new_page(viewport={"width": 1200, "height": 900})
    own = urlsplit(place.address).netloc

    def answer(route: Any) -> None:
        if urlsplit(route.request.url).netloc == own:
            route.continue_()
        else:
            route.fulfill(status=200, body="")

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != own:
            seen.requests.append(request.url)

    page.route("**/*", answer)
    page.on("request", note)
    page.on("popup", lambda popup: seen.requests.append(popup.url))

    def dismissed(dialog: Any) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismissed)
    return Lab(page, place.address, place.token), seen


def touch_everything(lab: Lab) -> None:
    """Do with the outputs what somebody who reads them might: move over all of it, focus it, click what looks odd."""
    lab.page.evaluate(
        """() => {
            const outputs = document.querySelectorAll('.jp-OutputArea-output *');
            for (const element of outputs) {
                for (const kind of ['mouseover', 'mouseenter', 'pointerenter', 'focus', 'toggle', 'animationstart'])
                    element.dispatchEvent(new Event(kind, { bubbles: true }));
                const address = (element.getAttribute('href') || element.getAttribute('xlink:href') || '');
                if (element.matches('.hit, [data-commandlinker-command], button') || /^\\s*javascript:/i.test(address))
                    element.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
            }
        }"""
    )
    lab.page.wait_for_timeout(1000)


@pytest.mark.claim("display-browser")
@pytest.mark.parametrize("kernel", ["kosmo-lua", "python3"])
def test_hostile_output_runs_nothing_and_asks_nobody(place: Place, kernel: str) -> None:
    lab, seen = watched(place)
    lab.open(f"{kernel}.ipynb")
    lab.run_all()
    touch_everything(lab)
    notebook = lab.contents()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(notebook.cells) == len(cells()[kernel])  # no command of JupyterLab's deleted one
    assert len(shown) > 150
    assert lab.page.evaluate("window.__owned ?? 0") == 0
    assert seen == Seen()
    assert lab.page.locator(".jp-Dialog:not(.jp-OutputArea-output *)").count() == 0


@pytest.mark.parametrize(
    "attack",
    [
        f"HTML({MARKUP[1]!r})",
        f"HTML({MARKUP[2]!r})",
        f"Markdown({FORMULA_IN_A_LINK!r})",
    ],
    ids=["a script", "a picture", "a formula in a link"],
)
def test_the_same_from_python_is_noticed(place: Place, attack: str) -> None:
    lab, seen = watched(place)
    lab.open("python3.ipynb")
    lab.page.evaluate(
        "source => { jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.setSource(source); }",
        f"from IPython.display import HTML, Markdown\n{attack}",
    )
    lab.command("notebook:run-cell")
    lab.page.locator(".jp-OutputArea-output").first.wait_for()
    end = time.monotonic() + PATIENCE
    while not (seen.requests or lab.page.evaluate("window.__owned ?? 0")) and time.monotonic() < end:
        touch_everything(lab)
    assert seen.requests or lab.page.evaluate("window.__owned ?? 0") > 0
