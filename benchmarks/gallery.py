"""Pictures of all that a notebook shows, to be looked at: alignment, clipped text, contrast, wording.

    python benchmarks/gallery.py FOLDER [NAME …]

Every notebook of `notebooks/` from top to bottom, and one picture for each scene below (a frame, a record, an error, a
page, the line of progress, what completion offers, a tooltip …), each in JupyterLab's light theme and in its dark one,
as a real browser shows them. NAME takes some of them only. The scenes ask a served demo account that is slow enough
for its progress to be seen. It needs Chromium, and of this project the extra `dev`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from lab_page import Lab, chromium, lab_server, missing

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

THEMES = ("Light", "Dark")
WIDTH, HEIGHT = 1000, 760  # of the page
OVERLAP = 60  # pixels of a notebook's page that the next one has as well
SHARPNESS = 1.5  # pixels of a picture for one of the page
APPS, LATENCY = 40, 0.04  # of the account that the scenes ask; seconds for each answer

AUDIT = """local heroku = app.integrations.heroku
local apps = heroku.list_apps()
heroku.list_domains({ app_id = apps })"""
TABLES = """return {
  { id = 1, name = "été", note = ("a long note "):rep(30), created_at = "2026-01-02T03:04:05Z" },
  { id = 2, name = "<b>bold</b>", web_url = "https://my-app.example.com/", tags = { "a", { 1 } }, share = 0.125 },
}"""
ACCOUNTS = """local heroku = app.integrations.heroku
local all = {}
for _, account in ipairs({ heroku.demo, heroku }) do
  for _, one in ipairs(account.list_apps()) do all[#all + 1] = one end
end
table.sort(all, function(a, b) return a.created_at < b.created_at end)
return all"""

# What stands in a picture: the notebook's kernel, and its cells; the last one is the scene.
SCENES = {
    "frame": ("kosmo-lua", ["app.integrations.heroku.demo.list_apps()"]),
    "frame-of-lua": ("kosmo-lua", [TABLES]),
    "frame-accounts": ("kosmo-lua", [ACCOUNTS]),
    "frame-cut": ("kosmo-lua", ["local t = {} for i = 1, 500 do t[i] = { n = i, square = i * i } end\nreturn t"]),
    "frame-empty": ("kosmo-lua", ['app.integrations.heroku.demo.list_dynos("holiday-labels")']),
    "record": ("kosmo-lua", ['app.integrations.heroku.demo.get_app("my-app")']),
    "values": ("kosmo-lua", ["1, 'two', nil, { 3, four = { 4 } }, app.integrations.heroku.demo.list_dynos('my-app')"]),
    "table": ("kosmo-lua", ["local t = { 1, { 2, 3 } } t.self = t\nprint(t)\nreturn t"]),
    "text": ("kosmo-lua", ["print('out') io.stderr:write('err\\n')\nreturn ('many words '):rep(30)"]),
    "docs": ("kosmo-lua", ['docs.read("heroku.list_dynos")']),
    "docs-heroku": ("kosmo-lua", ['docs.read("heroku")']),
    "docs-list": ("kosmo-lua", ["%kosmo docs"]),
    "error": ("kosmo-lua", ['local a = 1\nlocal b = nil\nprint("before")\nreturn b.name']),
    "error-stack": ("kosmo-lua", ["local function f(n) if n == 0 then error('deep') end f(n - 1) end\nf(3)\nreturn 1"]),
    "error-api": ("kosmo-lua", ['app.integrations.heroku.get_app("no-such-app")']),
    "error-told": ("kosmo-lua", ['app.integrations.heroku.get_app("no-such-app")', "%kosmo error"]),
    "notes": (
        "kosmo-lua",
        [
            "local heroku = app.integrations.heroku\nheroku.demo.get_app('my-app').stack == 'heroku-24'",
            "local heroku = app.integrations.heroku.demo\nlist.filter(heroku.list_apps(), { stack = 'heroku20' })",
            "local one = heroku.demo.get_app('my-app')\nreturn one.stack == 'heroku-24', list.flatten(1)",
            "%kosmo demo",
            "list.find(heroku.list_apps(), { stack = 'Heroku-24' }), heroku.list_apps()",
        ],
    ),
    "display": (
        "kosmo-lua",
        ["display.markdown('# Title\\n\\n- one\\n- two')\ndisplay.html('<b>bold</b> or <i>not</i>')"],
    ),
    "progress": ("kosmo-lua", [AUDIT]),
    "status": ("kosmo-lua", [AUDIT, "%kosmo status"]),
    "who": ("kosmo-lua", [AUDIT + "\nwords = { 'a' }\nfunction twice(x) return 2 * x end", "%kosmo who"]),
    "accounts": ("kosmo-lua", ["%kosmo accounts"]),
    "commands": ("kosmo-lua", ["%kosmo"]),
    "explore": ("kosmo-lua", ["%kosmo explore heroku.list_dynos"]),
    "magic-explore": ("python3", ["%load_ext kosmo_kernel", "%kosmo explore"]),
    "dry-run": ("kosmo-lua", [f"%%kosmo_lua -n\n{AUDIT}"]),
    "counts": (
        "kosmo-lua",
        ["local heroku = app.integrations.heroku.demo\nlist.count_by(heroku.list_apps(), 'stack.name')"],
    ),
    "python-frame": (
        "python3",
        ["from kosmo_kernel import heroku", "apps = heroku.list_apps()\napps[apps['maintenance']].sort_values('name')"],
    ),
    "python-record": ("python3", ["from kosmo_kernel import heroku", "heroku.demo.get_app('my-app')"]),
    "python-help": ("python3", ["from kosmo_kernel import heroku", "heroku.list_dynos?"]),
    "python-error": ("python3", ["from kosmo_kernel import heroku", "heroku.list_dynos(app='my-app')"]),
    "magic-frame": ("python3", ["%load_ext kosmo_kernel", f"%%kosmo_lua\n{AUDIT}"]),
    "magic-record": (
        "python3",
        ["%load_ext kosmo_kernel", "%kosmo_lua app.integrations.heroku.demo.get_app('my-app')"],
    ),
    "magic-error": ("python3", ["%load_ext kosmo_kernel", "%%kosmo_lua\nlocal b = nil\nreturn b.name"]),
    "magic-option": ("python3", ["%load_ext kosmo_kernel", "%%kosmo_lua --timout 3\nreturn 1"]),
    "magic-input": ("python3", ["%load_ext kosmo_kernel", "x = [1, 2j]", "%%kosmo_lua -i x\nreturn x"]),
    "magic-docs": ("python3", ["%load_ext kosmo_kernel", "%kosmo docs heroku.list_apps"]),
    "magic-help": ("python3", ["%load_ext kosmo_kernel", "%kosmo_lua --help"]),
}

# What is typed into a new cell below those, and the key that asks the editor.
ASKED = {
    "completion": ("kosmo-lua", ["local heroku = app.integrations.heroku"], "heroku.list_", "Tab"),
    "completion-arguments": ("kosmo-lua", ["local heroku = app.integrations.heroku"], "heroku.list_dynos({ ", "Tab"),
    "tooltip": ("kosmo-lua", ["local heroku = app.integrations.heroku"], "heroku.list_dynos", "Shift+Tab"),
    "tooltip-library": ("kosmo-lua", ["return 1"], "string.format(", "Shift+Tab"),
    "python-completion": ("python3", ["from kosmo_kernel import heroku"], "heroku.list_", "Tab"),
    "magic-completion": ("python3", ["%load_ext kosmo_kernel"], "%%kosmo_lua\napp.integrations.heroku.list_", "Tab"),
    "magic-completion-options": ("python3", ["%load_ext kosmo_kernel"], "%%kosmo_lua --", "Tab"),
    "magic-tooltip": (
        "python3",
        ["%load_ext kosmo_kernel"],
        "%%kosmo_lua\napp.integrations.heroku.get_app(",
        "Shift+Tab",
    ),
}


def write_scenes(folder: Path) -> None:
    """One notebook for each scene."""
    given = {name: (kernel, cells) for name, (kernel, cells, _, _) in ASKED.items()}
    for name, (kernel, cells) in (SCENES | given).items():
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
        goes_on = {"tags": ["raises-exception"]}  # after a failure
        notebook.cells = [nbformat.v4.new_code_cell(cell, metadata=goes_on) for cell in cells]
        nbformat.write(notebook, folder / f"{name}.ipynb")


def picture_notebook(lab: Lab, name: str, save: Callable[[str], object]) -> None:
    """Take pictures of a notebook from top to bottom, page by page."""
    lab.open(f"{name}.ipynb")
    lab.run_all()
    lab.command("notebook:enter-command-mode")
    box = lab.page.locator(".jp-WindowedPanel-outer").first
    for theme in themes(lab):
        seen, height = box.evaluate(
            "box => { const last = [...box.querySelectorAll('.jp-Cell')].at(-1).getBoundingClientRect().bottom;"
            " return [box.clientHeight, box.scrollTop + last - box.getBoundingClientRect().top]; }"
        )
        for number, top in enumerate(range(0, int(height), seen - OVERLAP), start=1):
            box.evaluate("(box, top) => { box.scrollTop = top; }", top)
            save(f"{name}-{theme}-{number}")


def picture_scene(lab: Lab, name: str, save: Callable[[str], object]) -> None:
    """Take a picture of the page after a scene's cells have run, and also while they run if that is visible."""
    lab.open(f"{name}.ipynb")
    if name == "progress":
        lab.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        lab.page.locator(".jp-OutputArea-output", has_text=f"/{APPS + 1} ").wait_for()
        save(f"{name}-running")
    lab.run_all()
    lab.page.wait_for_load_state("networkidle")  # what is alive in an output comes after its cell
    for theme in themes(lab):
        save(f"{name}-{theme}")


def picture_answer(lab: Lab, name: str, save: Callable[[str], object]) -> None:
    """Return what the editor answers to a key."""
    _, _, typed, key = ASKED[name]
    lab.open(f"{name}.ipynb")
    lab.run_all()
    for theme in themes(lab):
        lab.new_cell()
        lab.page.keyboard.insert_text(typed)
        lab.page.keyboard.press(key)
        lab.page.locator(".jp-Completer-item, .jp-Tooltip").first.wait_for()
        lab.page.wait_for_load_state("networkidle")
        save(f"{name}-{theme}")
        lab.page.keyboard.press("Escape")
        lab.command("notebook:delete-cell")


def themes(lab: Lab) -> Iterator[str]:
    """Yield the name of each theme, while the page has it."""
    for theme in THEMES:
        lab.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        lab.page.locator("#jupyterlab-splash").wait_for(state="detached")
        yield theme.lower()


def main() -> None:
    """Make the pictures."""
    if missing() or len(sys.argv) == 1:
        sys.exit(f"No pictures: {missing() or 'say which folder'}.")
    folder, wanted = Path(sys.argv[1]), set(sys.argv[2:])
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {path.stem: picture_notebook for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    pictures |= dict.fromkeys(SCENES, picture_scene) | dict.fromkeys(ASKED, picture_answer)
    if unknown := wanted - set(pictures):
        sys.exit(f"No pictures called {', '.join(sorted(unknown))}. There are {', '.join(pictures)}.")
    with tempfile.TemporaryDirectory() as home, serve(DemoApi(company(APPS)), latency=LATENCY) as served:
        files = Path(home, "notebooks")
        shutil.copytree(ROOT / "notebooks", files)
        write_scenes(files)
        os.environ |= {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        with lab_server(files, Path(home, "lab")) as (address, token), chromium() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARPNESS)
            lab = Lab(page, address, token)
            for name, picture in pictures.items():
                if not wanted or name in wanted:
                    picture(lab, name, lambda shown: page.screenshot(path=folder / f"{shown}.png"))
                    print(name, flush=True)
            for error in lab.errors:
                print(f"The page threw: {error}")


if __name__ == "__main__":
    main()
