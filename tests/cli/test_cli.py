"""The command line around a run: names and help, the reference, the kernel's entry, failures of all kinds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator
from jupyter_client.kernelspec import KernelSpecManager
from kosmo_command import COMMAND, document, environment, imported, kosmo, on_terminal

import kosmo_kernel
from kosmo_kernel import docs
from kosmo_kernel.cli import COMMANDS, FAMILIES, SHORT, command_named, main, outcome
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.questions.discovery import check_names, table_names

# Names and options that shell scripts rely on.
SURFACE = {
    "demo": "--lab --no-open --port",
    "demo:serve": "--host --port --apps --seed --latency --budget --scope --now --fault",
    "integrations:lua": "-e --eval --repl --json --format --columns --no-header "
    "-a --account --demo -n --dry-run --record --resume --resume-within "
    "--replay --force --timeout --cpu-limit --memory-limit",
    "integrations:call": "--json",
    "integrations:heroku": "--json",
    "integrations:docs": "--format --json",
    "integrations:list": "--json",
    "integrations:status": "--json",
    "integrations:search": "--json",
    "integrations:examples": "--json",
    "integrations:schema": "--json",
    "integrations:fields": "-a --account --json",
    "integrations:doctor": "--json",
    "run": "-p -a --account --demo -o --html --record --resume --resume-within --replay --parameters --json",
    "inventory": "-a --account --demo --snapshot -o --output --table --format --columns --no-header "
    "--record --resume --resume-within --json",
    "archive": "-o --output --format --json",
    "snapshot": "-a --account --demo -o --output --all --record --resume --resume-within --json",
    "check": "--all --start -a --account --demo -p --at --fail-on --format -o --output --accept --against "
    "--full --why --record --resume --resume-within --new --table --json",
    "integrations:configure": "-a --account --read --write --permissions --set --unset --stdin-json --enable "
    "--global --disable --project --show --json",
    "mcp:lua": "-e --eval --json --format --columns --no-header "
    "-n --dry-run --record --resume --resume-within --replay --force "
    "--timeout --cpu-limit --memory-limit",
    "mcp:list": "--all --json",
    "mcp:configure": "--read --write --unset --json",
    "mcp:status": "--json",
    "mcp:tools": "--json",
    "mcp:schema": "--json",
    "mcp:call": "--arg -n --dry-run --force --format --columns --no-header --json",
    "mcp:resources": "--force --json",
    "mcp:prompts": "--force --json",
    "mcp:add": "--url --env --header --secret --bearer --stdin --cwd --timeout --replace --project --json",
    "mcp:remove": "--project --json",
    "mcp:enable": "--project --json",
    "mcp:disable": "--project --json",
    "mcp:trust": "-y --yes --json",
    "mcp:untrust": "--json",
    "mcp:import": "--replace --project --json",
    "mcp:export": "--json",
    "mcp:doctor": "--json",
    "mcp:serve": "--http -a --account --demo --timeout --cpu-limit --memory-limit --max-tokens --answer-within "
    "--allow-mcp --print-config",
    "accounts:list": "--json",
    "accounts:add": "--stdin --replace --file --integration --json",
    "accounts:remove": "--integration --json",
    "accounts:test": "--integration --json",
    "install": "--user --sys-prefix --prefix",
    "uninstall": "--user --sys-prefix --prefix",
    "completion": "--json",
}

FUNCTIONS = [f"heroku.{function.name}" for function in HEROKU.functions]

# What `kosmo --help` must not wait for.
HEAVY = {"httpcore2", "ipywidgets", "jupyter_core", "lupa", "msgspec", "pandas", "pygments", "rich"}


def listed(text: str) -> dict[str, str]:
    """Return the names in a help, each with its line."""
    return dict(re.findall(r"^  ([a-z:]+) +(\S.*)$", text, re.MULTILINE))


def test_the_help_fits_on_one_screen_and_begins_with_the_short_names() -> None:
    done = kosmo("--help", env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr, len(done.stdout.splitlines()) <= 40) == (0, "", True)
    assert list(listed(done.stdout))[: len(SHORT)] == list(SHORT)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_help_and_that_of_each_family_list_every_command_with_its_line() -> None:
    lines = listed(kosmo("--help", env={"COLUMNS": "80"}).stdout)
    for family in FAMILIES:
        done = kosmo(family, "--help", env={"COLUMNS": "80"})
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"Usage: kosmo {family}:COMMAND [OPTIONS] …")
        lines |= listed(done.stdout)
    assert {name: lines[name] for name in COMMANDS} == {name: entry.summary for name, entry in COMMANDS.items()}
    assert {lines[name] for name in SHORT} == {COMMANDS[name].summary for name in SHORT.values()}


@pytest.mark.parametrize(("name", "of"), SHORT.items())
def test_a_short_name_is_the_same_command_with_examples_of_its_own_name(name: str, of: str) -> None:
    assert command_named(name) is command_named(of)
    help_ = kosmo(name, "--help").stdout
    assert help_.startswith(f"Usage: kosmo {name} ")
    assert f"kosmo {name} " in help_.partition("Example")[2] or f"kosmo {name}\n" in help_
    assert document(name, "--no-such-option", "--json") == document(of, "--no-such-option", "--json")


def test_no_command_at_all_is_a_wish_for_help() -> None:
    assert kosmo().stdout == kosmo("--help").stdout


def test_commands_and_options_are_those_that_scripts_rely_on() -> None:
    found = {}
    for name in COMMANDS:
        command = command_named(name)
        assert command is not None
        options = [param for param in command.params if isinstance(param, click.Option)]
        found[name] = " ".join(flag for option in options for flag in option.opts)
        assert [option.name for option in options if not option.help] == []
    assert found == SURFACE


def test_the_help_waits_for_no_library_but_click() -> None:
    loaded = imported("--help")
    assert "click" in loaded
    assert HEAVY & loaded == set()


def test_the_version_is_the_packages() -> None:
    assert kosmo("--version").stdout == f"kosmo {kosmo_kernel.__version__}\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["integratons:lua"], "There is no command `integratons:lua`. Did you mean: integrations:lua"),
        (["lau"], "There is no command `lau`. Did you mean: lua"),
        (["integrations"], "Did you mean: integrations:lua, integrations:docs, integrations:list"),
        (["mcp", "list", "--all"], "There is no command `mcp list`. Did you mean: mcp:list"),
        (["--colour"], "--colour"),
        (["demo", "--no-open"], "--no-open goes with --lab."),
        (["install", "--user", "--prefix", "x"], "--user, --sys-prefix and --prefix exclude one another."),
        (["integrations:search"], "Missing argument 'WORDS...'."),
        (["demo:serve", "--latency", "nan"], "it takes a number of milliseconds, got 'nan'."),
        (["demo:serve", "--latency", "soon"], "it takes a number of milliseconds, got 'soon'."),
        (["demo:serve", "--port", "x"], "it takes the number of a port, got 'x'."),
        (["demo:serve", "--port", "70000"], "it takes at most 65535, got '70000'."),
    ],
)
def test_a_command_called_wrongly_exits_with_2_and_says_what_is_wrong(args: list[str], says: str) -> None:
    done = kosmo(*args)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("args", [["nonsense"], ["demo"], ["integrations:docs", "--x"], ["integrations:search"]])
def test_with_json_a_wrong_call_is_a_document_too(args: list[str]) -> None:
    code, answer = document(*args, "--json")
    assert code == 2
    assert list(answer) == ["success", "error", "meta"]
    assert answer["meta"] == {"error": {"type": "usage", "message": answer["error"]}}


def test_a_defect_of_ours_is_a_document_as_well_as_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("kosmo_kernel.cli.reference.load_all", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(["integrations:list", "--json"])
    answer = json.loads(capfdbinary.readouterr().out)
    assert answer["meta"]["error"]["type"] == "internal"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_is_an_error_without_a_traceback(more: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "integrations:list", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: Standard output cannot be written: No space left on device.\n")


def test_the_reference_lists_its_pages() -> None:
    done = kosmo("integrations:docs")
    pages = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    tables = [f"heroku.tables.{name}" for name in table_names("heroku")]
    of_heroku = ["heroku", "heroku.reference", "heroku.tables", *tables, "heroku.left_out"]
    assert pages == [*of_heroku, *FUNCTIONS, *docs.GUIDES, *(f"checks.{name}" for name in check_names())]


@pytest.mark.parametrize("page", ["heroku", "heroku.list_dynos", "app.integrations.heroku.list_add_ons", "limits"])
def test_a_page_in_a_pipe_is_its_markdown(page: str) -> None:
    assert kosmo("integrations:docs", page).stdout == docs.read(page)


def test_a_page_on_a_terminal_is_rendered_and_not_too_wide() -> None:
    page = on_terminal("integrations:docs", "heroku.list_dynos", columns=80)
    assert "\x1b[1mParameters" in page or "\x1b[1;4mParameters" in page
    assert "```" not in page
    assert max(len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", page).splitlines()) <= 80


def test_a_page_that_is_not_there_names_the_nearest() -> None:
    done = kosmo("integrations:docs", "heroku.list_dyno")
    message = "Error: There is no page `heroku.list_dyno`; `kosmo integrations:docs` lists them all. Did you mean: "
    assert done.stderr.startswith(f"{message}heroku.list_dynos")
    assert done.returncode == 1


def test_a_page_as_json_is_the_function_or_the_list_of_functions() -> None:
    code, one = document("integrations:docs", "heroku.list_dynos", "--json")
    promised = {"provider", "function", "name", "description", "operation", "input_schema", "active", "accounts"}
    assert (code, promised - one.keys()) == (0, set())
    assert (one["provider"], one["function"], one["operation"]) == ("heroku", "heroku.list_dynos", "read")
    for page in (["heroku"], []):
        code, several = document("integrations:docs", *page, "--json")
        assert (code, [function["function"] for function in several]) == (0, FUNCTIONS)


def test_a_guide_as_json_is_its_text() -> None:
    code, guide = document("integrations:docs", "parallel.map", "--json")
    assert (code, guide) == (0, {"page": "parallel", "title": docs.GUIDES["parallel"], "text": docs.read("parallel")})


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, (False, False, ["demo"])),
        ({"KOSMO_DEMO": "1"}, (True, False, ["demo"])),
        ({"HEROKU_API_KEY": "x", "HEROKU_API_KEY_OPS": "y"}, (True, True, ["default", "ops", "demo"])),
    ],
)
def test_the_list_tells_what_can_be_called(settings: dict[str, str], state: tuple[bool, bool, list[str]]) -> None:
    code, answer = document("integrations:list", "--json", env=settings)
    heroku = answer["providers"]["heroku"]
    assert (code, answer["success"]) == (0, True)
    assert (heroku["active"], heroku["configured"], heroku["accounts"]) == state
    assert [function["function"] for function in heroku["functions"]] == FUNCTIONS


def test_a_search_finds_the_function_that_speaks_of_it() -> None:
    assert "heroku.list_domains" in kosmo("integrations:search", "certificate").stdout.split()
    code, answer = document("integrations:search", "expired", "certificate", "--json")
    assert (code, answer["success"], answer["query"]) == (0, True, "expired certificate")
    assert "heroku.list_domains" in [one["function"] for one in answer["functions"]]
    assert "Nothing speaks of this." in kosmo("integrations:search", "zebra").stdout


def test_a_schema_says_which_arguments_a_function_takes() -> None:
    for function in (f"heroku.{one.name}" for one in BY_HAND):
        code, schema = document("integrations:schema", function)
        Draft202012Validator.check_schema(schema)
        takes_app = "app_id" in schema["properties"]
        assert (code, Draft202012Validator(schema).is_valid({"app_id": "my-app"})) == (0, takes_app)


@pytest.mark.parametrize("name", ["heroku", "", "heroku.list_dinos"])
def test_a_schema_of_no_function_is_an_error(name: str) -> None:
    code, answer = document("integrations:schema", name, "--json")
    assert (code, answer["success"]) == (1, False)
    assert "heroku.list_dynos" in answer["error"]
    assert len(answer["error"]) < 500


def test_the_kernel_is_found_where_it_was_installed_and_starts_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")  # this environment has an entry of its own from `pip install`
    done = kosmo("install")
    spec = KernelSpecManager().get_kernel_spec("kosmo-lua")
    assert done.stdout == f"Lua (Kosmo) is installed: {spec.resource_dir}\n"
    assert (spec.argv[0], spec.display_name, spec.language) == (sys.executable, "Lua (Kosmo)", "lua")
    assert Path(spec.resource_dir, "logo-svg.svg").exists()


def test_the_kernel_is_taken_away_from_where_it_was_installed(tmp_path: Path) -> None:
    place = tmp_path / "share/jupyter/kernels/kosmo-lua"
    kosmo("install", "--prefix", str(tmp_path))
    assert (place / "kernel.json").exists()
    assert kosmo("uninstall", "--prefix", str(tmp_path)).stdout == f"Removed: {place}\n"
    again = kosmo("uninstall", "--prefix", str(tmp_path))
    assert (again.returncode, place.exists()) == (1, False)
    assert f"There is no kernel in {place}" in again.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("integrations:configure", "heroku", "--read", "allow", "--account", ""),
        ("snapshot", "-o", "never", "--account", ""),
        ("run", "never.ipynb", "--account", " "),
        ("mcp:serve", "--account", ""),
        ("install", "--prefix", ""),
    ],
)
def test_a_variable_that_was_never_set_does_not_mean_the_default(
    args: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    assert outcome(list(args)) == 2
    assert f"{args[-2]}': it is blank." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
