"""`kosmo call`: where arguments come from, what comes back, how it fails."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import validate
from kosmo_command import COMMAND, FICTION, document, environment, imported, kosmo, on_terminal
from patience import PATIENCE

from kosmo_kernel.catalogue import RESERVED, Param
from kosmo_kernel.cli import command_named
from kosmo_kernel.cli.arguments import TAKEN, parameters, typed
from kosmo_kernel.cli.call import CallCommand
from kosmo_kernel.cli.options import FORMATS
from kosmo_kernel.cli.streams import CLOSED
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session

CALL = "call"
ENVELOPE = {
    "function": {"type": ["string", "null"]},
    "success": {"type": "boolean"},
    "data": {},
    "error": {"type": ["string", "null"]},
    "meta": {"type": "object", "required": ["dry_run", "permission_bypassed", "complete"]},
    "duration_ms": {"type": "number", "minimum": 0},
}


def answer_of(*args: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run with `--json`: the exit code and the document, which has the six keys in their order."""
    code, answer = document(*args, "--json", **more)
    assert list(answer) == list(ENVELOPE)
    validate(answer, {"properties": ENVELOPE})
    assert answer["success"] is (code == 0)
    assert (answer["error"] is None) is answer["success"]
    return code, answer


def lua(code: str) -> list[Any]:
    """Return what the same call from Lua returns, as JSON."""
    values: list[Any] = json.loads(kosmo("lua", "--demo", "--json", "-e", code).stdout)["result"]
    return values


def test_all_apps_are_asked_by_one_option() -> None:
    code, answer = answer_of(CALL, "heroku.list_dynos", "--all-apps", "--demo")
    assert (code, answer["data"]) == (0, lua("return heroku.list_dynos({ app_id = heroku.list_apps() })")[0])
    done = kosmo(CALL, "heroku.list_dynos", "--all-apps", "--app-id", "my-app", "--demo")
    assert (done.returncode, "`app_id` has a value" in done.stderr) == (2, True)
    assert "/apps\n" in kosmo(CALL, "heroku.list_dynos", "--all-apps", "--demo", "--dry-run").stdout


@pytest.mark.full
@pytest.mark.parametrize(
    "args",
    [
        (CALL, "heroku.get_app", '{"app_id": "my-app"}', "--demo"),
        (CALL, "heroku.get_app", "--app-id", "my-app", "--demo"),
        (CALL, "heroku.get_app", "--app_id=my-app", "--account", "demo"),
        (CALL, "heroku.get_app", "app_id=my-app", "--account", "demo"),
        (CALL, "heroku.demo.get_app", "--app-id", "my-app"),
        (CALL, "app.integrations.heroku.get_app", "--app-id", "my-app", "--demo"),
        (CALL, "heroku_get_app", "--app-id", "my-app", "--demo"),
        (CALL, "--demo", "heroku.heroku_get_app", "--app-id", "my-app"),
        (CALL, "--account", "demo", "heroku.get_app", "--app-id", "my-app"),
        (CALL, "heroku.demo.get_app", '{"app_id": "my-app"}'),
        (CALL, "--demo", "--app-id", "my-app", "heroku.get_app"),
    ],
)
def test_a_call_can_be_written_in_several_ways_and_gives_what_lua_gets(args: tuple[str, ...]) -> None:
    code, answer = answer_of(*args)
    assert (code, answer["function"]) == (0, "heroku.get_app")
    assert answer["data"] == lua("app.integrations.heroku.get_app('my-app')")[0]
    meta = answer["meta"]
    assert (meta["operation"], meta["account"], meta["requests"], meta["notes"]) == ("read", "demo", 1, [FICTION])
    assert (meta["dry_run"], meta["permission_bypassed"], meta["complete"]) == (False, False, True)


def test_an_alias_means_its_function() -> None:
    _, answer = answer_of(CALL, "heroku.list_add_ons", "--app-id", "my-app", "--demo")
    assert answer["function"] == "heroku.list_addons"
    assert answer["data"] == lua("app.integrations.heroku.list_addons('my-app')")[0]


def test_json_on_standard_input_is_read_only_when_asked_for() -> None:
    _, answer = answer_of(CALL, "heroku.get_app", "-", "--demo", stdin=b'\xef\xbb\xbf{"app_id": "my-app"}')
    assert answer["data"]["name"] == "my-app"
    with subprocess.Popen(  # whose standard input stays open
        [*COMMAND, CALL, "heroku.get_current_user", "--demo", "--format", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.read())["email"] == "juno.hale@larkmoor.example"


@pytest.mark.parametrize(
    "args",
    [
        ("--app-id", "my-app", "--app-id", "booking-api"),
        ("app_id=my-app", "app-id=booking-api"),
        ('{"app_id": ["my-app", "booking-api"]}',),
    ],
)
def test_a_list_argument_is_an_option_given_several_times(args: tuple[str, ...]) -> None:
    _, answer = answer_of(CALL, "heroku.list_dynos", *args, "--demo")
    assert answer["data"] == lua("app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api' } })")[0]
    assert answer["meta"]["rows"] == len(answer["data"])


def test_what_could_not_be_read_is_collected_when_asked_for() -> None:
    args = (CALL, "heroku.list_dynos", "--app-id", "my-app", "--app-id", "no-such-app", "--demo")
    code, answer = answer_of(*args, "--errors", "collect")
    (failure,) = answer["meta"]["failures"]
    assert (code, failure["app_id"], failure["status"]) == (0, "no-such-app", 404)
    assert answer["meta"]["complete"] is False
    assert {row["app_id"] for row in answer["data"]} == {"my-app"}
    done = kosmo(*args, "--errors=collect")
    assert (done.returncode, "no-such-app" in done.stdout, "no-such-app" in done.stderr) == (0, False, True)
    code, answer = answer_of(*args)
    assert (code, answer["data"], answer["meta"]["error"]["status"]) == (1, None, 404)


@pytest.mark.parametrize("word", ["007", "1e5", "true", "null", '{"a": 1}', ""])
def test_a_text_stays_a_text_whatever_it_looks_like(word: str) -> None:
    assert typed(Param("name", "A name."), word) == word


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "-12", -12),
        ("integer", "1.0", None),
        ("integer", "1_000", None),
        ("integer", "٣", None),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("number", "nan", None),
        ("number", "inf", None),
        ("boolean", "true", True),
        ("boolean", "False", None),
        ("boolean", "1", None),
    ],
)
def test_a_value_has_the_declared_type_or_is_refused(kind: Any, text: str, value: object) -> None:
    param = Param("x", "A value.", kind=kind)
    if value is None:
        with pytest.raises(ValueError, match="is not"):
            typed(param, text)
    else:
        found = typed(param, text)
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "`app_id` is missing: an app's name or UUID."),
        (["--app-id", "007"], "`app_id` must be an app's name or UUID, got '007'."),
        (["--app-id", "my-app/config-vars"], "`app_id` must be an app's name or UUID"),
        (["--app", "my-app"], "--app"),
        (["ap_id=my-app"], "there is no argument 'ap_id' (did you mean `app_id`?)"),
        (["--errors", "hide"], "'hide' is not one of 'raise', 'collect'."),
        (['{"app_id": "my-app"}', "--app-id", "my-app"], "`app_id` is given twice: in the JSON and in --app-id."),
        (["--app-id", "a-a", "app_id=b-b"], "`app_id` is given twice: in --app-id and in `app_id=`."),
        (['{"app_id": "a-a", "app_id": "b-b"}'], "`app_id` is given twice: in the JSON."),
        (['{app_id: "my-app"}'], "The JSON cannot be read, column 2: expecting property name"),
        (['{\n"app_id": my-app}'], "The JSON cannot be read, line 2, column 11: expecting value."),
        ([" "], "The JSON cannot be read, column 2: it is blank."),
        (['{"errors": NaN}'], "The JSON cannot be read: NaN is no JSON."),
        (["[" * 100_000], "The JSON cannot be read: it is nested too deeply."),
        (['["my-app"]'], 'such as {"app_id": "my-app"}; it is a list.'),
        (['"my-app"'], "it is a text."),
        (["my-app", "booking-api"], "Got unexpected extra argument (booking-api)"),
        (["My_App"], "`app_id` must be an app's name or UUID, got 'My_App'."),
        (["my-app", "--app-id", "a-a"], "`app_id` is given twice: in `my-app` and in --app-id."),
        (["-"], "Standard input cannot be read, column 1: it is blank."),
        (["--demo", "--account", "ops", "--app-id", "my-app"], "Two accounts are named: ops and demo."),
        (["--app-id", "my-app", "--format", "xml"], "'xml' is not one of 'table', 'csv', 'json', 'markdown'."),
    ],
)
def test_what_is_wrong_with_the_arguments_is_said_in_a_line_before_anything_is_sent(args: list[str], says: str) -> None:
    account = [] if "--account" in args else ["--demo"]
    done = kosmo(CALL, "heroku.get_app", *account, *args)
    assert (done.returncode, done.stdout) == (2, "")
    first, *advice = done.stderr.splitlines()
    assert first.startswith("Error: ")
    assert says in first
    assert advice == ["Try: kosmo call heroku.get_app --help"]
    code, answer = answer_of(CALL, "heroku.get_app", *account, *args)
    assert (code, answer["function"], answer["meta"]["error"]["type"]) == (2, "heroku.get_app", "usage")
    assert first == f"Error: {answer['error']}"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--newest", "many"], "'many' is not an integer."),
        (["newest=many"], "`newest`: 'many' is not an integer."),
        (["--newest", "1", "newest=2"], "`newest` is given twice: in --newest and in `newest=`."),
        (["limit=5"], "there is no argument 'limit': a list is always whole, and `newest = 5` asks for the last 5"),
    ],
)
def test_a_number_that_an_argument_needs_is_checked_before_anything_is_sent(args: list[str], says: str) -> None:
    done = kosmo(CALL, "heroku.list_releases", "my-app", "--demo", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_the_first_argument_may_be_given_without_its_name() -> None:
    named = kosmo(CALL, "heroku.list_releases", "--app-id", "my-app", "--newest", "2", "--demo")
    assert kosmo(CALL, "heroku.list_releases", "my-app", "--newest", "2", "--demo").stdout == named.stdout
    assert kosmo("call", "heroku.list_releases", "my-app", "newest=2", "--demo").stdout == named.stdout
    refused = kosmo(CALL, "heroku.list_apps", "my-app", "--demo")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "list_apps takes no arguments, got `my-app`." in refused.stderr


def test_what_is_no_utf_8_is_told_with_its_line() -> None:
    done = kosmo(CALL, "heroku.get_app", "-", "--demo", stdin=b'{"app_id":\n"\xff"}')
    assert done.stderr.startswith("Error: What came on standard input is not UTF-8 text, in line 2.\n")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((CALL, "heroku.list_dinos"), 1, "Did you mean: heroku.list_dynos"),
        ((CALL, "herku.list_apps"), 1, "Did you mean: heroku.list_apps"),
        ((CALL, "list_apps"), 1, "Did you mean: heroku.list_apps"),
        ((CALL, "heroku.a.b.list_apps"), 1, "There is no function `heroku.a.b.list_apps`."),
        ((CALL, "heroku.list_apps", "--account", "ops"), 1, "Heroku has no account 'ops'"),
        ((CALL, "heroku.ops.list_apps"), 1, "Heroku has no account 'ops'"),
        ((CALL, "heroku.list_apps"), 1, "No credentials for Heroku"),
        ((CALL, "heroku.list_apps", "--account", ""), 2, "Invalid value for '-a' / '--account': it is blank."),
        (("lua", "-e", "1", "--account", " "), 2, "Invalid value for '-a' / '--account': it is blank."),
        ((CALL,), 2, "Missing argument 'FUNCTION'."),
        ((CALL, "--nonsense"), 2, "--nonsense"),
        (("integrations:weather", "today"), 2, "There is no command `integrations:weather`."),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(args: tuple[str, ...], code: int, says: str) -> None:
    done = kosmo(*args)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    failed, answer = document(*args, "--json")
    assert (failed, answer["success"]) == (code, False)
    assert says in answer["error"]


def test_a_dry_run_says_what_would_be_asked() -> None:
    args = (CALL, "heroku.list_dynos", "--app-id", "my-app", "--app-id", "booking-api", "--dry-run")
    done = kosmo(*args)
    _, *rows = done.stdout.splitlines()
    urls = [f"https://api.heroku.com/apps/{app}/dynos" for app in ("my-app", "booking-api")]
    assert [row.split(",")[-1] for row in rows] == urls
    assert (done.returncode, done.stderr) == (0, "A dry run: nothing was asked.\n")
    code, answer = answer_of(*args)
    assert (code, answer["data"], answer["meta"]["dry_run"]) == (0, None, True)
    assert [one["url"] for one in answer["meta"]["planned"]] == urls
    assert answer["meta"]["planned"][0]["arguments"] == {"app_id": "my-app"}


def test_a_call_starts_no_lua() -> None:
    with Session("demo") as session:
        result = session.call("heroku.list_dynos", {"app_id": "my-app"})
        assert (session.pid, session.last) == (None, result)
    loaded = imported(CALL, "heroku.demo.list_apps", "--json")
    assert "kosmo_kernel.client.client" in loaded
    assert {"httpcore", "httpx", "lupa", "pandas", "rich", "ipywidgets"} & loaded == set()


def test_ctrl_c_ends_a_call_with_a_document(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        running = subprocess.Popen(
            [*COMMAND, CALL, "heroku.list_apps", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment({"HEROKU_API_URL": address, "HEROKU_API_KEY": "fictional"}),
        )
        with silent.accept()[0] as connection:
            connection.recv(1 << 16)  # it asks, and nobody answers
            running.send_signal(signal.SIGINT)
            output, errors = running.communicate(timeout=PATIENCE)
    answer = json.loads(output)
    assert (running.returncode, list(answer)) == (130, list(ENVELOPE))
    assert (answer["function"], answer["meta"]["error"]["type"]) == ("heroku.list_apps", "interrupted")
    assert b"Traceback" not in errors


def test_records_on_a_terminal_are_a_table() -> None:
    screen = on_terminal(CALL, "heroku.list_dynos", "--app-id", "my-app", "--demo", columns=60)
    assert screen.splitlines()[0].split()[0].endswith("name")
    assert "2 records" in screen


def test_the_options_of_a_function_are_those_of_the_catalogue() -> None:
    command = command_named(CALL)
    assert isinstance(command, CallCommand)
    for function in HEROKU.functions:
        name = f"heroku.{function.name}"
        with command.make_context(f"kosmo {CALL}", [name], resilient_parsing=True) as ctx:
            options = {param.name: param for param in command.get_params(ctx) if isinstance(param, click.Option)}
            assert [one.help for one in options.values() if not one.help] == []
            wanted = [param.name for param in parameters(function)]
            assert [name for name in options if name in wanted] == wanted
            assert not set(wanted) & set(TAKEN)
            assert set(RESERVED) <= set(wanted) or function.fan_out is None
            assert f"kosmo call {name} " in command.get_help(ctx)
            assert "Examples:" in command.get_help(ctx)
    assert kosmo(CALL, name, "--help").stdout.startswith(f"Usage: kosmo call {name} [OPTIONS] ")


@pytest.mark.full
def test_all_of_a_document_comes_where_nothing_is_buffered() -> None:
    many = "local t = {} for i = 1, 2e4 do t[i] = { number = i, text = ('x'):rep(20) } end return t"
    for args in (["--json"], ["--format", "json"]):
        sizes = {
            len(kosmo("lua", *args, "-e", many, env={"PYTHONUNBUFFERED": switch}).stdout) // 1000
            for switch in ("", "1")
        }
        assert (len(sizes), min(sizes) > 500) == (1, True)


FULL = Path("/dev/full")


@pytest.mark.full
@pytest.mark.skipif(not FULL.exists(), reason="this system has no full disk to try")
@pytest.mark.parametrize("form", [[], ["--json"], *(["--format", form] for form in FORMATS)])
@pytest.mark.parametrize("args", [[CALL, "heroku.demo.list_apps"], ["lua", "-e", "return {{ a = 1 }}"]])
def test_a_full_disk_is_one_line_on_standard_error(args: list[str], form: list[str]) -> None:
    with FULL.open("w") as disk:
        done = subprocess.run(
            [*COMMAND, *args, *form], stdout=disk, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert (done.returncode, done.stderr) == (1, "Error: Standard output cannot be written: No space left on device.\n")


@pytest.mark.full
@pytest.mark.parametrize("form", [[], ["--json"], *(["--format", form] for form in FORMATS)])
def test_a_reader_who_has_enough_ends_it_quietly(form: list[str]) -> None:
    many = "local t = {} for i = 1, 1e5 do t[i] = { number = i, text = ('x'):rep(20) } end return t"
    with subprocess.Popen(
        [*COMMAND, "lua", *form, "-e", many],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == CLOSED


def test_an_argument_that_is_a_field_of_the_records_gets_the_lua_that_filters_them() -> None:
    refused = kosmo("call", "heroku.list_apps", "region=eu", "--demo")
    assert refused.returncode == 2
    line = "Use: kosmo lua -e 'return list.filter(heroku.list_apps(), { region = \"eu\" })'"
    assert line in refused.stderr
    assert kosmo("lua", "--demo", "-e", line.partition("'")[2].rstrip("'")).returncode == 0
