"""The command line around a run: names and help, the reference, the kernel's entry, failures of all kinds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from kosmo_command import COMMAND, document, environment, imported, kosmo, on_terminal

import kosmo_kernel
from kosmo_kernel import docs
from kosmo_kernel.cli import COMMANDS, OTHER_NAMES, SECTIONS, command_named, dropped, main, outcome
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.questions.discovery import check_names, table_names

# Names and options that shell scripts rely on.
SURFACE = {
    "demo": "--lab --no-open --port",
    "demo:serve": "--host --port --apps --seed --latency --budget --scope --now --fault",
    "lua": "-e --eval --json --format --columns --no-header "
    "-a --account --demo -n --dry-run --record --resume "
    "--from --force --timeout --cpu-limit --memory-limit",
    "call": "-a --account --demo -n --dry-run --from --format --columns --no-header --json",
    "docs": "--json",
    "status": "--json",
    "search": "--json",
    "doctor": "--json",
    "run": "-p -a --account --demo -o --html --record --resume --from --parameters --json",
    "inventory": "-a --account --demo -o --output --table --format --columns --no-header "
    "--record --resume --from --json",
    "archive": "-o --output --json",
    "snapshot": "-a --account --demo -o --output --all --record --resume --json",
    "check": "--all --start -a --account --demo -p --at --fail-on --format -o --output --accept --against "
    "--full --why --record --resume --from --new --table --json",
    "mcp:lua": "-e --eval --json --format --columns --no-header "
    "-n --dry-run --force --timeout --cpu-limit --memory-limit",
    "mcp:list": "--json",
    "mcp:trust": "-y --yes --remove --json",
    "mcp:serve": "--http -a --account --demo --from --archive --timeout --cpu-limit --memory-limit --max-tokens "
    "--answer-within --allow-mcp --print-config",
    "accounts:add": "--replace --file --integration --json",
    "accounts:remove": "--integration --json",
    "install": "--user --sys-prefix --prefix",
    "uninstall": "--user --sys-prefix --prefix",
}

FUNCTIONS = [f"heroku.{function.name}" for function in HEROKU.functions]

# What `kosmo --help` must not wait for.
HEAVY = {"httpcore", "httpx", "ipywidgets", "jupyter_core", "lupa", "msgspec", "pandas", "pygments", "rich"}


DROPPED_OPTIONS = [typed for typed in dropped.OPTIONS if typed.split()[1] not in SURFACE[typed.split()[0]].split()]


def listed(text: str) -> dict[str, str]:
    """Return the names in a help, each with its line."""
    return dict(re.findall(r"^  ([a-z:]+) +(\S.*)$", text, re.MULTILINE))


def test_the_help_fits_on_one_screen_with_every_command_and_its_line() -> None:
    done = kosmo("--help", env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr, len(done.stdout.splitlines()) <= 40) == (0, "", True)
    assert max(map(len, done.stdout.splitlines())) <= 80
    names = [name for names in SECTIONS.values() for name in names]
    assert listed(done.stdout) == {name: COMMANDS[name].summary for name in names}


@pytest.mark.parametrize(("other", "name"), OTHER_NAMES.items())
def test_another_name_is_the_same_command(other: str, name: str) -> None:
    assert command_named(other) is command_named(name)
    assert kosmo(other, "--help").stdout.startswith(f"Usage: kosmo {name} ")
    assert document(other, "--no-such-option", "--json") == document(name, "--no-such-option", "--json")


@pytest.mark.parametrize("typed", dropped.COMMANDS)
def test_a_dropped_command_answers_with_the_line_that_takes_its_place(typed: str) -> None:
    message = f"`kosmo {typed}` was dropped. {dropped.COMMANDS[typed]}"
    done = kosmo(*typed.split(), "FILE")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {message}\nTry: kosmo --help\n"
    code, answer = document(*typed.split(), "--json")
    assert (code, answer["error"], answer["meta"]["error"]["type"]) == (2, message, "usage")


@pytest.mark.parametrize("typed", [*dropped.COMMANDS, *dropped.OPTIONS])
def test_a_line_that_takes_the_place_of_a_dropped_one_names_commands_and_pages_that_there_are(typed: str) -> None:
    line = (dropped.COMMANDS | dropped.OPTIONS)[typed]
    assert {*re.findall(r"kosmo ([a-z]+(?::[a-z]+)?)", line)} <= COMMANDS.keys()
    assert {*re.findall(r"kosmo docs ([a-z]+)`", line)} <= docs.GUIDES.keys()


@pytest.mark.parametrize(("typed", "line"), [(typed, dropped.OPTIONS[typed]) for typed in DROPPED_OPTIONS])
def test_a_dropped_option_answers_with_what_takes_its_place(typed: str, line: str) -> None:
    command, option = typed.split()
    function = ["heroku.list_apps"] if command == "call" else []
    done = kosmo(command, *function, option, "csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {option} was dropped. {line}\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("kosmo s", ["search", "snapshot", "status"]),
        ("kosmo mcp:l", ["mcp:lua", "mcp:list"]),
        ("kosmo lua --de", ["--demo"]),
        ("kosmo call heroku.list_dynos --a", ["--app-id", "--all-apps", "--account"]),
    ],
)
def test_a_shell_completes_commands_and_options_by_the_line_of_the_guide(words: str, offered: list[str]) -> None:
    assert 'eval "$(_KOSMO_COMPLETE=bash_source kosmo)"' in docs.read("shell")
    place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = kosmo(env={"_KOSMO_COMPLETE": "bash_complete", **place})
    assert done.stdout.splitlines() == [f"plain,{word}" for word in offered]
    assert "_KOSMO_COMPLETE=bash_complete" in kosmo(env={"_KOSMO_COMPLETE": "bash_source"}).stdout


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
        (["integratons:lua"], "There is no command `integratons:lua`. Did you mean: lua"),
        (["lau"], "There is no command `lau`. Did you mean: lua"),
        (["mcp"], "There is no command `mcp`. Did you mean: mcp:lua, mcp:list, mcp:trust, mcp:serve"),
        (["mcp", "--help"], "Did you mean: mcp:lua, mcp:list, mcp:trust, mcp:serve"),
        (["mcp", "list", "--all"], "There is no command `mcp list`. Use: kosmo mcp:list"),
        (["integrations", "lua"], "There is no command `integrations lua`. Use: kosmo lua"),
        (["demo", "serve"], "There is no command `demo serve`. Use: kosmo demo:serve"),
        (["list_apps"], "There is no command `list_apps`. Use: kosmo call heroku.list_apps"),
        (["heroku.list_apps"], "Use: kosmo call heroku.list_apps"),
        (["lua", "return 1+1"], "No such file or directory. If it is Lua, use: kosmo lua -e 'return 1+1'"),
        (["check", "-p", "days=10", "--demo"], "-p takes a name and a value: -p days 10"),
        (["check", "quiet-apps", "-p", "days"], "-p takes a name and a value: -p days VALUE"),
        (["check", "-p", "days", "--demo"], "-p takes a name and a value: -p days VALUE"),
        (["apps"], "There is no command `apps`. Use: kosmo call heroku.list_apps"),
        (["addons"], "There is no command `addons`. Use: kosmo call heroku.list_addons"),
        (["costs"], "There is no command `costs`. Use: kosmo inventory --table costs"),
        (["table", "costs"], "There is no command `table`. Use: kosmo inventory --table costs"),
        (["tables"], "There is no command `tables`. Use: kosmo inventory --table NAME"),
        (["call", "heroku.list_apps", "team=a b"], "Use: kosmo call heroku.list_team_apps team='a b'"),
        (["call", "heroku.list_apps", "account=demo"], "Use: kosmo call heroku.list_apps -a demo"),
        (["run", "x.ipynb", "-p", "name=a b"], "-p takes a name and a value: -p name 'a b'"),
        (["--colour"], "--colour"),
        (["demo", "--no-open"], "--no-open goes with --lab."),
        (["install", "--user", "--prefix", "x"], "--user, --sys-prefix and --prefix exclude one another."),
        (["search"], "Missing argument 'WORDS...'."),
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


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["call", "list_apps"], "There is no function `list_apps`. Did you mean: heroku.list_apps\n"),
        (["call", "apps"], "There is no function `apps`. Did you mean: heroku.list_apps\n"),
        (["call", "costs"], "`costs` is a table and no function. Use: kosmo inventory --table costs"),
        (["call", "heroku.tables.costs"], "is a table and no function. Use: kosmo inventory --table costs"),
        (["inventory", "--demo", "--table", "cost"], "There is no table `cost`. Did you mean: costs\n"),
        (["docs", "heroku.tables.cost"], "Did you mean: heroku.tables.costs\n"),
    ],
)
def test_an_unknown_name_exits_with_1_and_names_the_nearest(args: list[str], says: str) -> None:
    done = kosmo(*args)
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("args", [["nonsense"], ["demo"], ["docs", "--x"], ["search"]])
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
        main(["docs", "--json"])
    answer = json.loads(capfdbinary.readouterr().out)
    assert answer["meta"]["error"]["type"] == "internal"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_is_an_error_without_a_traceback(more: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "docs", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: Standard output cannot be written: No space left on device.\n")


def test_the_reference_lists_its_pages() -> None:
    done = kosmo("docs")
    pages = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    tables = [f"heroku.tables.{name}" for name in table_names("heroku")]
    of_heroku = ["heroku", "heroku.tables", *tables, "heroku.left_out"]
    assert pages == [*of_heroku, *FUNCTIONS, *docs.GUIDES, *(f"checks.{name}" for name in check_names())]


@pytest.mark.parametrize("page", ["heroku", "heroku.list_dynos", "app.integrations.heroku.list_add_ons", "limits"])
def test_a_page_in_a_pipe_is_its_markdown(page: str) -> None:
    assert kosmo("docs", page).stdout == docs.read(page)


def test_a_page_on_a_terminal_is_rendered_and_not_too_wide() -> None:
    page = on_terminal("docs", "heroku.list_dynos", columns=80)
    assert "\x1b[1mParameters" in page or "\x1b[1;4mParameters" in page
    assert "```" not in page
    assert max(len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", page).splitlines()) <= 80


def test_a_page_that_is_not_there_names_the_nearest() -> None:
    done = kosmo("docs", "heroku.list_dyno")
    message = "Error: There is no page `heroku.list_dyno`. Did you mean: "
    assert done.stderr.startswith(f"{message}heroku.list_dynos")
    assert done.returncode == 1


def test_a_page_as_json_is_the_function_or_the_list_of_functions() -> None:
    code, one = document("docs", "heroku.list_dynos", "--json")
    promised = {"provider", "function", "name", "description", "operation", "input_schema", "active", "accounts"}
    assert (code, promised - one.keys()) == (0, set())
    assert (one["provider"], one["function"], one["operation"]) == ("heroku", "heroku.list_dynos", "read")
    for page in (["heroku"], []):
        code, several = document("docs", *page, "--json")
        assert (code, [function["function"] for function in several]) == (0, FUNCTIONS)


def test_a_guide_as_json_is_its_text() -> None:
    code, guide = document("docs", "parallel.map", "--json")
    assert (code, guide) == (0, {"page": "parallel", "title": docs.GUIDES["parallel"], "text": docs.read("parallel")})


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, (False, False, ["demo"])),
        ({"KOSMO_DEMO": "1"}, (True, False, ["demo"])),
        ({"HEROKU_API_KEY": "x", "HEROKU_API_KEY_OPS": "y"}, (True, True, ["default", "ops", "demo"])),
    ],
)
def test_a_function_as_json_tells_whether_it_can_be_called(
    settings: dict[str, str], state: tuple[bool, bool, list[str]]
) -> None:
    code, function = document("docs", "heroku.list_apps", "--json", env=settings)
    assert (code, function["active"], function["configured"], function["accounts"]) == (0, *state)


def test_a_search_finds_the_function_that_speaks_of_it() -> None:
    assert "heroku.list_domains" in kosmo("search", "certificate").stdout.split()
    code, answer = document("search", "expired", "certificate", "--json")
    assert (code, answer["success"], answer["query"]) == (0, True, "expired certificate")
    assert "heroku.list_domains" in [one["function"] for one in answer["functions"]]
    assert "Nothing speaks of this." in kosmo("search", "zebra").stdout


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
