"""`kosmo run`: a notebook with parameters, run into a copy that tells of the run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import papermill  # type: ignore[import-untyped]
import pytest
from fake_integration import install
from kosmo_command import COMMAND, document, environment, kosmo
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from repository import ROOT

from kosmo_kernel import runbook
from kosmo_kernel.accounts import store
from kosmo_kernel.cli.run import run as run_command
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.safety import redaction

pytestmark = pytest.mark.usefixtures("kernel_list")

PARAMETERS = 'account = "demo"  -- whose apps\nlimit = 5\ncode = "007"'
TOKEN = "HRKU-fictional-fictional-fictional"


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


def written(path: Path, *cells: Any, language: str = "lua") -> Path:
    notebook = new_notebook(cells=[new_markdown_cell("# A title"), *cells])
    kernel = {"lua": "kosmo-lua", "python": "python3"}[language]
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": language}
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    return written(
        tmp_path / "audit.ipynb",
        code(PARAMETERS, "parameters"),
        code("local h = app.integrations.heroku[account]\nprint(#h.list_apps(), math.type(limit), code)"),
    )


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for cell in cells for o in cell.get("outputs", ()) if o.get("name") == "stdout")


def test_the_copy_has_the_parameters_the_outputs_and_what_the_run_cost(audit: Path, tmp_path: Path) -> None:
    before, steps = audit.read_bytes(), []
    report = runbook.run(
        runbook.read(audit),
        {"limit": "3", "code": "008"},
        tmp_path / "out" / "copy.ipynb",
        on_cell=lambda done, of: steps.append((done, of)),
    )
    assert (report.error, report.accounts, report.calls, report.requests, report.cells) == (None, ["demo"], 1, 1, 3)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert printed(report.output) == "19\tinteger\t008\n"
    cells = nbformat.read(report.output, as_version=4).cells
    assert [cell.metadata.get("tags", []) for cell in cells] == [
        [],
        ["kosmo-run"],
        ["parameters"],
        ["injected-parameters"],
        [],
    ]
    assert re.fullmatch(
        r"Run on \d{4}-\d\d-\d\d at \d\d:\d\d UTC for the account `demo`: 3 cells, 1 call, 1 request, \d+\.\d s\.\n\n"
        r"Parameters: `account` = `demo`, `limit` = `3`, `code` = `008`\.",
        cells[1].source,
    )
    assert audit.read_bytes() == before


@pytest.mark.full
def test_a_copy_is_a_runbook_again_and_gets_its_cells_once(audit: Path, tmp_path: Path) -> None:
    first = runbook.run(runbook.read(audit), {"limit": "3"}, tmp_path / "first.ipynb").output
    second = runbook.run(runbook.read(first), {"code": "x"}, tmp_path / "second.ipynb").output
    assert len(nbformat.read(second, as_version=4).cells) == len(nbformat.read(first, as_version=4).cells)
    assert printed(second) == "19\tinteger\tx\n"


def test_a_cell_that_fails_ends_the_run_and_the_copy_keeps_what_came_before(tmp_path: Path) -> None:
    cells = (
        code("error('meant')", "raises-exception"),
        code("print('before')"),
        code("error('real')"),
        code("print(2)"),
    )
    report = runbook.run(runbook.read(written(tmp_path / "n.ipynb", *cells)), {}, tmp_path / "copy.ipynb")
    assert report.error == "LuaRuntimeError: In[3]:1: real"
    assert printed(report.output) == "before\n"
    assert "**It stopped at a failure.**" in nbformat.read(report.output, as_version=4).cells[1].source


def test_a_call_that_could_not_be_noted_whole_does_not_take_the_report_with_it(tmp_path: Path) -> None:
    def note_half(*_: int) -> None:
        passed = json.loads(os.environ["_KOSMO_NOTEBOOK_RUN"])
        with Path(passed["calls"]).open("a", encoding="utf-8") as log:
            log.write("{")

    path = written(tmp_path / "n.ipynb", code("return 1"))
    report = runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb", note="Replayed.", on_cell=note_half)
    assert (report.error, report.calls) == (None, 0)
    told = nbformat.read(report.output, as_version=4).cells[1].source
    assert told.endswith(" s. Replayed. It cost more: not every call could be noted.")


def test_a_kernel_that_dies_is_a_failure_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # otherwise some versions of debugpy write a line
    path = written(tmp_path / "n.ipynb", code("1"), code("import os; os._exit(1)"), language="python")
    assert (
        runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb").error
        == "The notebook's kernel ended after 1 cell."
    )


@pytest.mark.full
def test_what_a_kernel_itself_says_is_told_when_it_dies_and_never_otherwise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    says = code("import os; _ = os.write(2, b'in the middle of it\\n')")
    path = written(tmp_path / "n.ipynb", says, code("os._exit(1)"), language="python")
    error = runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb").error
    assert error == "The notebook's kernel ended after 1 cell. It said: in the middle of it"
    path = written(tmp_path / "n.ipynb", says, language="python")
    assert runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb").error is None
    assert "in the middle" not in "".join(capfd.readouterr())


def test_a_text_that_a_kernel_sends_in_pieces_is_one_in_the_copy_and_a_secret_in_pieces_is_replaced(
    tmp_path: Path,
) -> None:
    piece = "import sys\ndef say(text, to=sys.stdout):\n    print(text, end='', file=to, flush=True)"
    says = "say('one '); say('two'); say('!', sys.stderr); say('three ')\ndisplay(4)\nsay('five ')\nsay('six')"
    secret = f"say({TOKEN[:9]!r}); say({TOKEN[9:]!r})"
    path = written(tmp_path / "n.ipynb", code(f"{piece}\n{says}"), code(secret), language="python")
    report = runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb")
    texts, secrets = (cell.outputs for cell in nbformat.read(report.output, as_version=4).cells[-2:])
    assert [output.get("text", "-") for output in texts] == ["one two", "!", "three ", "-", "five six"]
    assert [output.text for output in secrets] == ["[redacted]"]
    assert report.error is not None


def test_a_secret_that_a_later_cell_puts_into_an_earlier_output_is_replaced_in_each_copy(tmp_path: Path) -> None:
    first = "from IPython.display import display\nshown = display('nothing yet', display_id=True)"
    cells = (code(first), code(f"shown.update({TOKEN[:9]!r} + {TOKEN[9:]!r})"), code("print('end')"))
    path, copy, seen = written(tmp_path / "n.ipynb", *cells, language="python"), tmp_path / "copy.ipynb", list[str]()

    def on_cell(*_: int) -> None:
        [output] = nbformat.read(copy, as_version=4).cells[2].outputs
        seen.append(output.data["text/plain"])

    report = runbook.run(runbook.read(path), {}, copy, on_cell=on_cell)
    assert seen == ["'nothing yet'", "'[redacted]'", "'[redacted]'"]
    assert report.error is not None


def test_each_output_is_searched_for_secrets_once_however_many_cells_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: Counter[str] = Counter()

    def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
        searched[text] += 1
        return redaction.redact(text, secrets)

    monkeypatch.setattr("kosmo_kernel.runbook.copy.redact", redact)
    path = written(tmp_path / "n.ipynb", *(code(f"print('cell {number}')") for number in range(6)))
    report = runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb")
    assert {text: count for text, count in searched.items() if text.startswith("cell ")} == {
        f"cell {number}\n": 1 for number in range(6)
    }
    whole = nbformat.read(report.output, as_version=4)
    assert report.output.read_text(encoding="utf-8") == f"{nbformat.writes(whole)}\n"


def test_a_secret_in_an_output_is_replaced_and_makes_the_run_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_SERVICE_TOKEN", "not-marked-as-a-token")
    path = written(
        tmp_path / "n.ipynb",
        code(f"print('{TOKEN[:9]}' + '{TOKEN[9:]}')"),
        code("import os; os.environ['OTHER_SERVICE_TOKEN']"),
        language="python",
    )
    report = runbook.run(runbook.read(path), {}, tmp_path / "copy.ipynb")
    text = report.output.read_text(encoding="utf-8")
    assert report.error is not None
    assert report.error.startswith("An output held a secret.")
    assert (TOKEN in text, "not-marked-as-a-token'" in text, text.count("[redacted]")) == (False, False, 2)


UNMARKED = "nothing-tells-what-this-is"


def asking(path: str, account: str) -> str:
    """Python that asks an account something, as far as the log tells, and shows what could be its token."""
    calls = [{"path": path, "account": account, "calls": 1, "failed": 0, "rows": 1, "requests": 1}]
    line = json.dumps({"time": None, "name": "In[1]", "seconds": 0.1, "calls": calls})
    log = "from kosmo_kernel.settings.notebook_run import notebook_run\n"
    log += f"open(notebook_run().calls, 'a').write({line!r} + chr(10))"
    return f"{log}\nprint({UNMARKED[:9]!r} + {UNMARKED[9:]!r})"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the ferries as an integration of another package."""
    install(tmp_path, monkeypatch, "ferries = fake_integration:FERRIES\n")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("path", ["integrations.heroku.list_apps", "integrations.ferries.list_ships"])
def test_the_token_of_an_account_is_replaced_before_the_copy_of_its_first_call_is_written(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    added = SimpleNamespace(name=path.split(".")[1], names=dict)
    store.add(added, "harbour", UNMARKED, in_file=True)  # type: ignore[arg-type] # all that it looks at
    copy, seen = tmp_path / "copy.ipynb", list[bool]()
    notebook = written(tmp_path / "n.ipynb", code(asking(path, "harbour")), code("1"), language="python")

    report = runbook.run(
        runbook.read(notebook), {}, copy, on_cell=lambda *_: seen.append(UNMARKED in copy.read_text(encoding="utf-8"))
    )

    assert seen == [False, False]
    assert (printed(copy), report.accounts) == ("[redacted]\n", ["harbour"])
    assert report.error is not None


@pytest.mark.skipif(os.name != "posix", reason="there a file has no mode")
def test_a_run_ends_as_it_did_where_a_token_cannot_be_looked_up_and_the_copy_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    store.add(HEROKU, "harbour", "another-one", in_file=True)
    store.secrets_file().chmod(0o644)
    notebook = written(
        tmp_path / "n.ipynb", code(asking("integrations.heroku.list_apps", "harbour")), language="python"
    )

    report = runbook.run(runbook.read(notebook), {}, tmp_path / "copy.ipynb")

    assert (report.error, report.accounts) == (None, ["harbour"])
    assert "The token of `harbour` could not be looked for in the outputs." in report.output.read_text("utf-8")


def test_a_number_of_tokens_is_no_secret(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", code("max_tokens = 5", "parameters"))
    report = runbook.run(runbook.read(path), {"max_tokens": "6"}, tmp_path / "copy.ipynb")
    assert report.error is None
    assert "`max_tokens` = `6`" in report.output.read_text("utf-8")


@pytest.mark.parametrize(
    "given",
    [
        {"code": TOKEN},
        {"code": "Authorization: Bearer abc123abc123"},
        {"api_key": "x"},
        {"account": "01234567-89ab-cdef-0123-456789abcdef"},
    ],
)
def test_a_secret_as_a_parameter_is_refused_before_anything_runs(given: dict[str, str], tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", code(f'{PARAMETERS}\napi_key = ""', "parameters"))
    with pytest.raises(InvalidArgumentsError, match="is a secret") as caught:
        runbook.run(runbook.read(path), given, tmp_path / "copy.ipynb")
    assert TOKEN not in str(caught.value)
    assert not (tmp_path / "copy.ipynb").exists()


def test_the_notebook_itself_is_never_written(audit: Path) -> None:
    with pytest.raises(InvalidArgumentsError, match="is the notebook itself"):
        runbook.run(runbook.read(audit), {}, audit)


def test_an_unknown_kernel_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", code("1"))
    book = runbook.read(path)
    book.notebook.metadata.kernelspec.name = "kosmo-none"
    with pytest.raises(SettingsError, match="knows no kernel `kosmo-none`"):
        runbook.run(book, {}, tmp_path / "copy.ipynb")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none.ipynb", None),
        pytest.param("text.ipynb", "# no JSON", marks=pytest.mark.full),
        pytest.param("json.ipynb", '{"a": 1}', marks=pytest.mark.full),
    ],
)
def test_what_is_no_notebook_is_one_line(name: str, text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = kosmo("run", name, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(("Error: `" if text else "Error: ") + name)


@pytest.mark.full
def test_the_command_names_the_files_it_wrote(audit: Path, tmp_path: Path) -> None:
    done = kosmo("run", audit.name, "-p", "limit", "3", "-a", "demo", "-o", "copy.ipynb", "--html", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["copy.ipynb", "copy.html"])
    assert re.fullmatch(r"Run on .* for the account demo: 3 cells, 1 call, 1 request, .* s\.\n", done.stderr)
    page = (tmp_path / "copy.html").read_text(encoding="utf-8")
    assert "<h1" in page
    assert "list_apps" not in page
    assert re.findall(r"<script|<link|@import|src=\"http", page) == []  # it fetches nothing


def test_a_page_is_beside_the_copy_and_never_in_its_place(audit: Path, tmp_path: Path) -> None:
    done = kosmo("run", audit.name, "-o", "copy.html", "--html", cwd=tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.glob("copy*"))) == (1, "", [])
    assert done.stderr == (
        "Error: `copy.html` is the name of a page, and -o names the copy: -o copy.ipynb writes the page to copy.html "
        "as well.\n"
    )


@pytest.mark.full
def test_without_a_name_the_copy_is_named_after_the_notebook_and_the_time(audit: Path, tmp_path: Path) -> None:
    done = kosmo("run", audit.name, cwd=tmp_path)
    assert re.fullmatch(r"audit-\d{8}T\d{6}Z\.ipynb\n", done.stdout)
    assert (tmp_path / done.stdout.strip()).exists()


def test_a_copy_with_a_relative_name_goes_into_this_folder_and_not_beside_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    book = runbook.read(written(tmp_path / "books" / "n.ipynb", code("print(1)")))
    assert runbook.run(book, {}, Path("copy.ipynb")).output == Path("copy.ipynb")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.ipynb")) == [
        "books/n.ipynb",
        "here/copy.ipynb",
    ]


@pytest.mark.full
def test_with_json_a_run_is_one_document_also_when_it_fails(audit: Path, tmp_path: Path) -> None:
    exit_code, told = document("run", audit.name, "-o", "copy.ipynb", "-a", "nobody", "--json", cwd=tmp_path)
    assert (exit_code, told["success"], told["output"], told["parameters"]) == (
        1,
        False,
        "copy.ipynb",
        {"account": "nobody"},
    )
    assert told["error"].startswith("UnknownNameError: In[3]:1: ")
    exit_code, told = document("run", audit.name, "-p", "limt", "3", "--json", cwd=tmp_path)
    assert (exit_code, told["meta"]["error"]["type"]) == (1, "unknown_name")


@pytest.mark.full
def test_the_parameters_are_listed(audit: Path, tmp_path: Path) -> None:
    assert kosmo("run", audit.name, "--parameters", cwd=tmp_path).stdout == (
        'account = "demo"    whose apps\nlimit = 5\ncode = "007"\n'
    )
    _, told = document("run", audit.name, "--parameters", "--json", cwd=tmp_path)
    assert told["parameters"][1] == {"name": "limit", "kind": "number", "default": "5", "description": ""}


@pytest.mark.full
def test_ctrl_c_ends_the_kernel_too_and_keeps_the_copy(tmp_path: Path) -> None:
    path = written(tmp_path / "n.ipynb", code("print('ready')"), code("while true do end"))
    with subprocess.Popen(
        [*COMMAND, "run", path.name, "-o", "copy.ipynb", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        while "ready\\n" not in _text(tmp_path / "copy.ipynb"):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert json.loads(out)["success"] is False
    assert printed(tmp_path / "copy.ipynb") == "ready\n"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_the_examples_of_the_command_name_parameters_that_their_notebooks_have() -> None:
    notebooks = ROOT
    found = re.findall(r"kosmo run (\S+)(?: -p (\w+))?", run_command.epilog or "")
    for path, name in found:
        declared = {parameter.name for parameter in runbook.read(notebooks / path).parameters()}
        assert {name or "account", "account"} <= declared, path
    assert any(name for _, name in found)


@pytest.mark.claim("files-owner-only")
def test_only_their_owner_may_read_the_copy_and_the_page_of_a_run(tmp_path: Path) -> None:
    book = written(tmp_path / "book.ipynb", code("print('half of a pair: \\u{d83d}')"))
    done = kosmo("run", book.name, "--demo", "-o", "ran.ipynb", "--html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"ran.{kind}").stat().st_mode & 0o777 for kind in ("ipynb", "html")] == [0o600] * 2


def test_a_notebook_with_half_of_a_surrogate_pair_is_run(tmp_path: Path) -> None:
    book = tmp_path / "book.ipynb"
    written(book, new_markdown_cell("half of a pair: HALF"), code("print('ran')"))
    book.write_text(book.read_text(encoding="utf-8").replace("HALF", "\\ud83d"), encoding="utf-8")
    assert kosmo("run", book.name, "--demo", "-o", "ran.ipynb", cwd=tmp_path).returncode == 0
    assert printed(tmp_path / "ran.ipynb") == "ran\n"


def test_papermill_runs_a_python_notebook_with_parameters_as_any_other(tmp_path: Path) -> None:
    book = written(
        tmp_path / "book.ipynb",
        code('app = "my-app"', "parameters"),
        code("from kosmo_kernel import heroku\n%load_ext kosmo_kernel\ndynos = heroku.demo.list_dynos(app_id=app)"),
        code("%%kosmo_lua -a demo -i app -v names\nreturn list.map(heroku.list_domains(app), 'hostname')"),
        code("print(set(dynos['app.name']), len(names) > 0, app in names[0])"),
        language="python",
    )
    papermill.execute_notebook(str(book), str(tmp_path / "out.ipynb"), {"app": "courier-app"}, progress_bar=False)
    assert printed(tmp_path / "out.ipynb") == "{'courier-app'} True True\n"
