"""The notebooks where not all is well: a service that fails now and then, and accounts unlike the demo.

Each is run by `kosmo run` as a user would, with the account and the moment as parameters, on a demo that is served on a
port.
"""

from __future__ import annotations

from repository import ROOT
import json
import re
import shutil
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import nbformat
import pytest
from edited_snapshot import Tables, edited
from kosmo_command import kosmo
from notebook_history import write_history

from kosmo_kernel import runbook
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.demo.faults import KINDS, FaultInjector
from kosmo_kernel.integrations.heroku.demo.api import faulty
from kosmo_kernel.integrations.heroku.demo.company_data import JUNO, MEI, account_record
from kosmo_kernel.demo import NOW
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.models import AddOn, App, Domain, Dyno, Collaborator

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("kernel_list")]

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = ("first-steps-lua", "first-steps")  # whose cells name apps of the demo
FINGERPRINT_KEY = "of-these-tests-alone"
SEED = 7  # deals one of the faults to the first request of every notebook

NAMES = re.compile(r"\b(demo|default)\b( \(fiction\))?(, 20\d\d-\d\d-\d\d)?(, answers of \d\d:\d\d UTC)?")
CELLS = re.compile(r"In\[\d+\]")  # the copy has a cell more, which sets the parameters
RULES = re.compile(r"[─\s]+")  # below the heads of tables, as wide as these


def on(
    api: WSGIApplication, path: Path, folder: Path, parameters: Mapping[str, str] | None = None, *options: str
) -> tuple[Any, nbformat.NotebookNode]:
    """Run a notebook for the account that `api` serves: the finished command, and the copy."""
    declared = {parameter.name for parameter in runbook.read(path).parameters()}
    before = own_snapshot(folder / "before") if "before" in declared else folder
    history = write_history(folder / "history", "default") if "history" in declared else folder
    given = {"account": "default", "at": NOW, "before": str(before), "history": str(history), **(parameters or {})}
    words = [word for name, text in given.items() if name in declared for word in ("-p", name, text)]
    with serve(api) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "", "KOSMO_PROGRESS": "0"}
        env["KOSMO_FINGERPRINT_KEY"] = FINGERPRINT_KEY
        done = kosmo("run", str(path), "-o", "copy.ipynb", *words, *options, cwd=folder, env=env)
    return done, nbformat.read(folder / "copy.ipynb", as_version=4)


def own_snapshot(file: Path) -> Path:
    """Return the snapshot of the drift notebook as one of the default account, whose fingerprints have another key."""
    values: dict[tuple[str, str], str] = {}
    with serve(DemoApi(company())) as served:
        for app in company().apps:
            headers = {"Authorization": f"Bearer {DEMO_TOKEN}", "Accept": "application/vnd.heroku+json; version=3"}
            request = urllib.request.Request(f"{served.url}/apps/{app['name']}/config-vars", headers=headers)
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this machine
                values |= {(app["name"], name): value for name, value in json.load(answer).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSMO_FINGERPRINT_KEY", FINGERPRINT_KEY)
        key = fingerprints("default")

    def change(tables: Tables) -> None:
        for row in tables["config_vars"]:
            value = values.get((row["app_id"], row["name"]), "")
            same = fingerprints("demo").of(value) == row["fingerprint"]
            row["fingerprint"] = key.of(value if same else "an earlier value")

    return edited(ROOT / "notebooks" / "larkmoor-2026-10-20.kosmo", file, change, account="default")


def answers(notebook: nbformat.NotebookNode) -> dict[str, list[str]]:
    """Return what the cells show, without the name of the account and without what is as wide as that.

    Pictures are left out, and so is a dry run: it asks nobody.
    """
    texts: dict[str, list[str]] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id != "dry-run":
            found = [shown for output in cell.outputs if (shown := text_of(output))]
            texts |= (
                {cell.id: [RULES.sub(" ", CELLS.sub("a cell", NAMES.sub("ACCOUNT", text))) for text in found]}
                if found
                else {}
            )
    return texts


def text_of(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text) if output.name == "stdout" else ""
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    text = str(output.data["text/plain"])
    return "" if "image/png" in output.data or text.startswith("Fictional data") else text


def all_text_of(output: Any) -> str:
    """Return the text of an output, also of one on standard error or in Markdown."""
    if output.output_type == "stream":
        return str(output.text)
    return text_of(output) if output.output_type == "error" else output.data.get("text/markdown") or text_of(output)


def errors(notebook: nbformat.NotebookNode) -> int:
    return sum(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", ()))


# --- a service that fails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_gives_the_same_answers_and_a_clean_page_where_a_quarter_of_all_requests_fail(
    path: Path, tmp_path: Path
) -> None:
    faults = FaultInjector(dict.fromkeys(set(KINDS) - {"html"}, 0.05), seed=SEED, slow=0.1, retry_after=0)
    done, copy = on(faulty(DemoApi(company()), faults), path, tmp_path, None, "--html")
    assert (done.returncode, done.stdout.split()) == (0, ["copy.ipynb", "copy.html"]), done.stderr
    assert answers(copy) == answers(nbformat.read(path, as_version=4)) != {}
    assert faults.dealt.total() > 0
    # Nothing but the report: no warning of the export, nothing that a kernel says of itself.
    assert re.fullmatch(r"Run on .* UTC for the account default(, archive [^:]*)?: .* s\.\n", done.stderr)
    page = (tmp_path / "copy.html").read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    assert [word for word in ("widget-state", "widget-view", "application/vnd.jupyter.widget") if word in body] == []
    assert errors(copy) == 0
    assert body.count("UnknownNameError") == int(path.stem in LESSONS)  # the one that is meant
    assert "Traceback" not in body
    text = re.sub(r"<[^>]*>", "", body)
    assert "demo account" not in text
    if path.stem not in LESSONS:
        assert re.findall(r"\b(?:[Dd]emo|fiction\w*|Run All)\b", text) == []
    assert re.findall(r'href="(?!https://|#)[^"]*"', body) == []
    assert path.stem in LESSONS or 0 < body.index("celltag_key-figures") < body.index("<h2")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_notebook_gives_half_an_answer_where_a_proxy_puts_its_own_pages_in_between(
    path: Path, tmp_path: Path
) -> None:
    faults = FaultInjector(dict.fromkeys(KINDS, 0.05), seed=SEED, slow=0.1, retry_after=0)
    done, copy = on(faulty(DemoApi(company()), faults), path, tmp_path)
    right, found = answers(nbformat.read(path, as_version=4)), answers(copy)
    if done.returncode == 1:  # a page with the status of success is no passing trouble
        assert "A web page may come from something between you and Heroku" in done.stderr
    elif found != right:  # a check that was not made says so, and so does the page for an incident
        assert re.search("not checked|cannot be read: ", "".join(map("".join, found.values())), re.IGNORECASE)


# --- accounts unlike the demo ----------------------------------------------------------------------------------------


def account_of(*apps: App) -> WSGIApplication:
    return DemoApi(Company(account_record(), apps))


def nothing() -> WSGIApplication:
    """An account that has no apps yet."""
    return account_of()


def bare() -> WSGIApplication:
    """One app that never shipped: no dynos, no add-ons, no domain of its own, nobody with a seat."""
    return account_of(App("my-app", JUNO, None, "heroku-24", "eu", NOW, None, web=False))


def personal() -> WSGIApplication:
    """An account without teams: no permissions, and people beside the owner have no role."""
    since = "2025-11-01T08:00:00Z"
    shop = App(
        *("my-app", JUNO, "Ruby", "heroku-24", "eu", "2024-11-01T08:00:00Z", "2026-11-19T08:00:00Z"),
        dynos=[Dyno("web.1", "Basic", "puma", since)],
        addons=[AddOn("redis-flat-18254", "mini", since)],
        domains=[Domain("shop.larkmoor.example", since)],
        people=[Collaborator(JUNO, since), Collaborator(MEI, since)],
    )
    blog = App(
        *("my-blog", JUNO, "Ruby", "container", "us", "2024-11-01T08:00:00Z", "2026-01-19T08:00:00Z"),
        dynos=[Dyno("web.1", "Eco", "puma", since, state="idle")],
        people=[Collaborator(JUNO, since)],
    )
    return account_of(shop, blog)


def guarded() -> WSGIApplication:
    """The demo, where nobody may look into one app, and nobody sees who is in another."""
    return refusing("/apps/(route-planner/.*|my-app/collaborators)")


def refusing(path: str) -> WSGIApplication:
    """The demo, where nobody may look at what such a path has."""
    api = DemoApi(company())
    body = b'{"id": "forbidden", "message": "You may not see that."}'

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not re.fullmatch(path, environ["PATH_INFO"]):
            return api(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


ACCOUNTS = (nothing, bare, personal, guarded)
AUDITS = [path for path in PATHS if path.stem not in LESSONS]


@pytest.mark.parametrize("path", AUDITS, ids=lambda path: path.stem)
@pytest.mark.parametrize("api", ACCOUNTS, ids=lambda api: api.__name__)
def test_an_audit_runs_to_its_end_whatever_the_account_has(api: Any, path: Path, tmp_path: Path) -> None:
    done, copy = on(api(), path, tmp_path, {"name": "my-app"})
    if (api, path.stem) == (nothing, "incident"):  # there is no such app, and that is the answer
        assert (done.returncode, errors(copy)) == (1, 1)
        assert "Couldn't find that app." in done.stderr
        return
    assert (done.returncode, errors(copy)) == (0, 0), done.stderr
    if api is guarded and path.stem not in ("incident",):
        outputs = [output for cell in copy.cells for output in cell.get("outputs", ())]
        assert any(re.search("(not checked|read).*route-planner", all_text_of(output), re.I | re.S) for output in outputs)


def test_the_incident_page_says_what_it_could_not_read_and_tells_the_rest(tmp_path: Path) -> None:
    [path] = [path for path in AUDITS if path.stem == "incident"]
    _, copy = on(guarded(), path, tmp_path, {"name": "my-app"})
    [printed] = answers(copy)["read"]
    assert "The collaborators cannot be read: " in printed
    assert "You may not see that." in printed
    assert "web" in answers(copy)["dynos"][0]


@pytest.mark.parametrize("path", AUDITS, ids=lambda path: path.stem)
def test_an_audit_of_which_nothing_can_be_read_is_no_audit(path: Path, tmp_path: Path) -> None:
    done, copy = on(refusing("/(apps/[^/]+/|addons).*"), path, tmp_path, {"name": "my-app"})
    if path.stem in ("incident",):  # of one app, and of nothing that is refused
        assert (done.returncode, errors(copy)) == (0, 0), done.stderr
    else:
        assert (done.returncode, errors(copy)) == (1, 1)
        assert "(forbidden)" in done.stderr or "can be read" in done.stderr


def test_an_app_whose_processes_cannot_be_read_is_not_told_to_run_none(tmp_path: Path) -> None:
    [path] = [path for path in AUDITS if path.stem == "dyno-audit"]
    _, copy = on(refusing("/apps/parcel-tracker/formation"), path, tmp_path, {})
    head, findings = answers(copy)["idle"]
    assert "parcel-tracker" in head  # it is named as not checked
    assert "parcel-tracker" not in findings
    assert "holiday-labels" in findings
