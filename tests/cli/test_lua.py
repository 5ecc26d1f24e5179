"""`kosmo lua`: what goes in, what comes out, and how it ends.

`kosmo mcp:lua` is the narrower command: it has MCP servers, and no integration, no account and no token.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from kosmo_command import FICTION, document, environment, kosmo, on_terminal, started, without_standard_input
from patience import PATIENCE

from kosmo_kernel import Session
from kosmo_kernel.accounts import store
from kosmo_kernel.calls.recording import NO_SERVICES
from kosmo_kernel.cli.streams import CLOSED
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku import HEROKU

LUA = "lua"
APPS = "app.integrations.heroku.list_apps()"

ENVELOPE = {
    "success": {"type": "boolean"},
    "output": {"type": "string"},
    "error": {"type": ["string", "null"]},
    "result": {"type": "array"},
    "execution_time_ms": {"type": "number", "minimum": 0},
    "memory_usage": {"type": "integer", "minimum": 0},
    "integration_calls": {"type": "array"},
    "meta": {"type": "object", "required": ["permission_bypassed", "complete"]},
}
CALL = ["path", "account", "durationMs", "status", "rows", "requests"]


def answer_of(*args: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run with `--json`: the exit code and the document, which has the eight keys in their order."""
    code, answer = document(LUA, "--json", *args, **more)
    return code, checked(code, answer)


def checked(code: int, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a run that ended with this code, once it is found to have its form."""
    assert list(answer) == list(ENVELOPE)
    validate(answer, {"properties": ENVELOPE})
    assert answer["success"] is (code == 0)
    assert (answer["error"] is None) is answer["success"]
    assert all(list(call) == CALL for call in answer["integration_calls"])
    return answer


def test_what_is_printed_comes_before_what_is_returned() -> None:
    done = kosmo(LUA, "-e", 'print("first", 2) io.write("half") return 1, nil, "text", { "a", 2 }')
    assert (done.returncode, done.stdout, done.stderr) == (0, 'first\t2\nhalf\n1\tnil\ttext\t["a", 2]\n', "")


def test_a_last_line_that_ends_in_a_semicolon_shows_no_value() -> None:
    assert kosmo(LUA, "-e", "1 + 1").stdout == "2\n"
    assert kosmo(LUA, "-e", "1 + 1;").stdout == ""
    assert answer_of("-e", "1 + 1;")[1]["result"] == [2]


def test_records_in_a_pipe_are_complete_csv() -> None:
    done = kosmo(LUA, "--demo", "-e", "app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api' } })")
    names, *rows = csv.reader(done.stdout.splitlines())
    assert names[:4] == ["app_id", "name", "state", "type"]
    assert [(row[0], row[1]) for row in rows][:3] == [
        ("my-app", "web.1"),
        ("my-app", "worker.1"),
        ("booking-api", "web.1"),
    ]
    assert {len(row) for row in rows} == {len(names)}
    assert names[-3:] == [name for name in names if name.rpartition(".")[2] == "id"]  # what few people read comes last
    assert done.stderr == f"{FICTION}\n"


def test_a_record_in_a_pipe_is_a_line_for_each_field() -> None:
    done = kosmo(LUA, "--demo", "-e", "app.integrations.heroku.get_app('my-app')")
    fields = dict(csv.reader(done.stdout.splitlines()))
    assert (fields["name"], fields["stack.name"], fields["team.name"]) == ("my-app", "heroku-24", "")


@pytest.mark.claim("csv-formulas")
def test_a_value_in_a_pipe_breaks_no_row_and_is_no_formula() -> None:
    done = kosmo(LUA, "-e", r'return {{ a = "x,y\nz", b = true }, { a = "=2", b = { 1, "c" } }}')
    assert list(csv.reader(io.StringIO(done.stdout))) == [["a", "b"], ["x,y\nz", "true"], ["'=2", '[1,"c"]']]
    assert kosmo(LUA, "-e", "return { a = '=2', b = 1 }").stdout == "a,'=2\nb,1\n"


def test_records_on_a_terminal_are_a_table_as_wide_as_it_is() -> None:
    screen = on_terminal(LUA, "--demo", "-e", APPS, columns=100)
    lines = re.sub(r"\x1b\[[\d;]*m", "", screen).splitlines()
    assert lines[0].split()[:2] == ["name", "team.name"]
    assert max(map(len, lines)) <= 100
    below = " ".join(lines[next(place for place, line in enumerate(lines) if line.startswith("19 records")) :])
    assert re.match(r"19 records \W 31 columns; \d+ columns did not fit: .* more \(a pipe or --json has all\)", below)
    assert "\x1b[1m" in screen


def test_a_script_cannot_change_the_terminal() -> None:
    print_escape = r'print("a\27[2Jb\7c") return "\27]0;title\7d"'
    written = "abc\n\\u001b]0;title\\u0007d\n"
    assert on_terminal(LUA, "-e", print_escape) == kosmo(LUA, "-e", print_escape).stdout == written


def test_json_has_values_output_calls_and_cost() -> None:
    script = f"print('hi') local apps = {APPS} return #apps, apps[1].stack, nil, {{}}, print"
    code, answer = answer_of("--demo", "-e", script)
    count, stack, nothing, empty, opaque = answer["result"]
    assert (code, answer["output"]) == (0, "hi\n")
    assert (count, stack["name"], nothing, len(empty), type(opaque)) == (19, "heroku-24", None, 0, str)
    (call,) = answer["integration_calls"]
    assert call.pop("durationMs") > 0
    assert list(call.values()) == ["integrations.heroku.list_apps", "demo", "ok", 19, 1]
    assert answer["memory_usage"] > 0
    assert answer["meta"] == {
        "permission_bypassed": False,
        "complete": True,
        "dry_run": False,
        "account": "demo",
        "notes": [FICTION],
    }


def test_json_is_utf_8_whatever_the_terminal_speaks() -> None:
    assert answer_of("-e", 'return "Grüße, 包裹"', env={"PYTHONIOENCODING": "ascii"})[1]["result"] == ["Grüße, 包裹"]
    assert kosmo(LUA, "-e", 'return "Grüße"', env={"PYTHONIOENCODING": "ascii"}).stdout == "Gr\\xfc\\xdfe\n"


@pytest.mark.parametrize(
    ("args", "code", "kind"),
    [
        (["missing.lua"], 2, "usage"),
        (["."], 2, "usage"),
        ([], 2, "usage"),
        (["-e", " \n"], 2, "usage"),
        (["-e", "return 1", "script.lua"], 2, "usage"),
        (["--demo", "--account", "ops", "-e", "return 1"], 2, "usage"),
        (["-e", "return 1", "--nonsense"], 2, "usage"),
        (["-e", "return 1", "--timeout", "nan"], 2, "usage"),
        (["-e", "return 1", "--cpu-limit", "0"], 2, "usage"),
        (["-e", "return 1", "--memory-limit", "many"], 2, "usage"),
        (["-e", b"return '\xff'"], 1, "lua_syntax"),
        (["-e", "return ("], 1, "lua_syntax"),
        (["-e", "error('no')"], 1, "lua_runtime"),
        (["-e", "while true do end", "--timeout", "0.2"], 1, "limit"),
        (["-e", "while true do end", "--cpu-limit", "0.2"], 1, "limit"),
        (["-e", APPS], 1, "credentials"),
        (["--account", "ops", "-e", APPS], 1, "unknown_name"),
        (["--demo", "-e", "app.integrations.heroku.list_dynos()"], 1, "invalid_arguments"),
        (["--demo", "-e", "app.integrations.heroku.list_dinos()"], 1, "unknown_name"),
    ],
)
def test_a_failure_is_one_document_with_json_and_one_message_without(
    args: list[str | bytes], code: int, kind: str
) -> None:
    words = [os.fsdecode(arg) for arg in args]
    failed = kosmo("lua", "--json", *words)
    answer = checked(failed.returncode, json.loads(failed.stdout))
    told = answer["meta"]["error"]
    assert (failed.returncode, told["type"], told["message"]) == (code, kind, answer["error"])
    assert "line" in told
    failed = kosmo("lua", *words)
    assert (failed.returncode, failed.stdout) == (code, "")
    assert failed.stderr.startswith(f"Error: {answer['error'].splitlines()[0]}\n")
    assert "Traceback" not in failed.stderr


def test_what_heroku_answered_is_told_to_programs() -> None:
    script = 'print("before")\nlocal id = "no-such-app"\napp.integrations.heroku.get_app(id)'
    code, answer = answer_of("--demo", "-e", script)
    told = answer["meta"]["error"]
    assert (code, answer["output"], answer["result"]) == (1, "before\n", [])
    assert (told["type"], told["status"], told["id"], told["line"]) == ("refused", 404, "not_found", 3)
    assert (told["retryable"], bool(told["request_id"])) == (False, True)
    assert [call["status"] for call in answer["integration_calls"]] == ["error"]


def test_the_line_that_failed_is_shown() -> None:
    done = kosmo(LUA, "-", stdin=b"local function check()\n  error('not today')\nend\ncheck()")
    assert done.stderr.splitlines()[0] == "Error: stdin:2: not today"
    assert re.search(r"^-+> 2   error\('not today'\)$", done.stderr, re.MULTILINE)


def test_ctrl_c_stops_a_run_whose_output_was_there_at_once() -> None:
    running = started(LUA, "-e", 'print("first") while true do end')
    assert running.stdout is not None
    assert running.stdout.readline() == "first\n"
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=PATIENCE)
    assert (running.returncode, output) == (130, "")
    assert errors.startswith("Error: Interrupted.")
    assert "Traceback" not in errors


def test_ctrl_c_with_json_leaves_a_document(tmp_path: Path) -> None:
    script = tmp_path / "script"
    os.mkfifo(script)
    with started(LUA, "--json", str(script)) as running:
        script.write_text("while true do end", encoding="utf-8")  # which waits until it is being read
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        answer = json.loads(running.stdout.read())
    assert (running.returncode, answer["success"], answer["meta"]["error"]["type"]) == (130, False, "interrupted")


def test_a_reader_who_has_enough_ends_the_run_quietly() -> None:
    running = started(LUA, "-e", "for i = 1, 1e9 do print(i) end")
    assert running.stdout is not None
    assert running.stdout.readline() == "1\n"
    running.stdout.close()
    assert running.stderr is not None
    with running:
        assert running.stderr.read() == ""
    assert running.returncode == CLOSED


def test_standard_input_is_not_touched_unless_asked_for() -> None:
    with started(LUA, "-e", "return 1") as running:  # its standard input stays open
        assert running.stdout is not None
        assert running.stdout.read() == "1\n"


@pytest.mark.skipif(os.name != "posix", reason="the shell is POSIX's")
def test_standard_input_that_is_closed_is_at_its_end() -> None:
    done = without_standard_input(LUA, "-e", "return io.read()", "-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nil\n", "")


def test_what_could_not_be_read_is_in_the_document() -> None:
    script = 'return app.integrations.heroku.list_dynos({ app_id = { "my-app", "no-such-app" }, errors = "collect" })'
    answer = json.loads(kosmo(LUA, "--demo", "--json", "-e", script).stdout)
    (failure,) = answer["meta"]["failures"]
    assert (failure["app_id"], failure["status"], failure["id"]) == ("no-such-app", 404, "not_found")
    assert list(failure) == ["app_id", "type", "status", "id", "message", "request_id"]
    assert answer["result"][1] == answer["meta"]["failures"]


def test_a_dash_is_standard_input() -> None:
    assert kosmo(LUA, "-", stdin=b"return 6 * 7, io.read()").stdout == "42\tnil\n"
    told = kosmo(LUA, "-e", 'return io.read(), io.read("L"), io.read("n"), io.read("a")', "-", stdin=b"a\nb\n3\nc\nd\n")
    assert told.stdout == "a\tb\n\t3\t\nc\nd\n\n"  # a number leaves the end of its line


def test_a_file_gets_arguments_and_keeps_its_line_numbers(tmp_path: Path) -> None:
    script = tmp_path / "audit.lua"
    script.write_text("#!/usr/bin/env -S kosmo lua\nreturn select('#', ...), ...\n", encoding="utf-8")
    done = kosmo(LUA, str(script), "--", "my-app", "--json", "-")
    assert done.stdout == "3\tmy-app\t--json\t-\n"
    script.write_bytes(b"\xef\xbb\xbfprint('x')\n\nerror('here')")
    assert answer_of(str(script))[1]["meta"]["error"]["line"] == 3
    script.write_bytes(b"-- fine\nreturn '\xe9'\n")
    assert answer_of(str(script))[1]["error"] == f"{script}:2: this is not UTF-8 text."


def test_the_demo_is_chosen_by_option_or_environment_and_says_so() -> None:
    ask = "app.integrations.heroku.get_current_user().email"
    for done in (kosmo(LUA, "--demo", "-e", ask), kosmo(LUA, "-e", ask, env={"KOSMO_DEMO": "1"})):
        assert (done.stdout, done.stderr) == ("juno.hale@larkmoor.example\n", f"{FICTION}\n")


CANARY = "HRKU-11111111-2222-4333-8444-555555555555"
REDACTION = "redaction.py"  # looks at variables that may be secrets, to remove their values from outputs
NETRC_CANARY = "HRKU-66666666-7777-4888-9999-aaaaaaaaaaaa"

# Runs a command, and prints which files it opened, and which of our files took the value of which variable.
WATCHED = """
import json, os, sys
opened, values = [], []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
value_of = type(os.environ).__getitem__
def watched(self, name):
    frame = sys._getframe(1)
    while frame.f_back and "kosmo_kernel" not in frame.f_code.co_filename:
        frame = frame.f_back
    values.append([name, frame.f_code.co_filename])
    return value_of(self, name)
type(os.environ).__getitem__ = watched
from kosmo_kernel.cli import outcome
code = outcome(sys.argv[1:])
print(json.dumps({"code": code, "opened": opened, "values": values}), file=sys.stderr)
"""


@pytest.fixture
def tokens(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Keep a token in each place that has one for the default account or a named one; return the files."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    monkeypatch.setenv("HEROKU_API_KEY", CANARY)
    store.add(HEROKU, "production", CANARY)
    netrc = home / ".netrc"
    netrc.write_text(f"machine api.heroku.com login ada@larkmoor.example password {NETRC_CANARY}\n", encoding="utf-8")
    netrc.chmod(0o600)
    return [store.secrets_file(), netrc]


def watched(*command: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command], capture_output=True, text=True, env=environment({}), check=False
    )
    facts: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    readers = {Path(file).name for name, file in facts["values"] if name == "HEROKU_API_KEY"}
    return facts | {"output": done.stdout + done.stderr, "readers": readers}


def test_no_token_is_taken_from_the_environment_or_a_file(tokens: list[Path]) -> None:
    seen = watched("mcp:lua", "-e", "print(heroku, #mcp.servers(), docs.list() ~= nil) return app.mcp", "--json")
    assert seen["code"] == 0
    assert seen["readers"] <= {REDACTION}
    assert not {str(file) for file in tokens} & set(seen["opened"])
    assert CANARY not in seen["output"]


def test_the_command_with_integrations_reads_them_which_shows_that_reading_is_seen(
    tokens: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("lua", "-e", "return pairs(app.integrations.heroku)", "--json")
    assert watched(*command)["readers"] - {REDACTION} == {"discovery.py"}
    monkeypatch.delenv("HEROKU_API_KEY")
    assert str(tokens[1]) in watched(*command)["opened"]


@pytest.mark.usefixtures("tokens")
def test_a_script_has_servers_and_the_reference_and_no_integration() -> None:
    names = "local names = {} for name in pairs(app) do names[#names + 1] = name end "
    code, told = document("mcp:lua", "--json", "-e", f'{names} return names, heroku == nil, docs.read("heroku")')
    assert (code, told["result"][:2]) == (0, [["mcp"], True])
    assert told["result"][2].startswith("# Heroku")
    code, told = document("mcp:lua", "--json", "-e", "return app.integrations.heroku.list_apps()")
    assert (code, told["error"]) == (1, "(command line):1: app has no `integrations`; it has `mcp`")


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("args", [("mcp:lua", "-e", "return mcp.servers()"), ("mcp:trust", "a"), ("mcp:list",)])
def test_the_demo_as_the_default_account_means_nothing_here(args: tuple[str, ...]) -> None:
    done, other = kosmo(*args, env={"KOSMO_DEMO": "1"}), kosmo(*args)
    assert (done.returncode, done.stdout, done.stderr) == (other.returncode, other.stdout, other.stderr)
    assert "Traceback" not in done.stderr


def test_a_script_that_calls_an_integration_says_which_command_has_both() -> None:
    code, told = document("mcp:lua", "--json", "-e", "return heroku.list_apps()")
    assert (code, told["meta"]["notes"]) == (1, [NO_SERVICES])
    assert told["error"] == "(command line):1: attempt to index a nil value (global 'heroku')"


def test_a_session_without_integrations_refuses_calls_that_do_not_come_from_lua(tokens: list[Path]) -> None:
    with Session(services=False) as session:
        with pytest.raises(SettingsError, match="uses no account"):
            session.call("heroku.list_apps", {}, account="production")
        assert (session.tokens(), session.account_names("heroku")) == ((), [])
    assert tokens


@pytest.mark.parametrize("option", ["--demo", "--account=production"])
def test_options_about_accounts_are_refused(option: str) -> None:
    refused = kosmo("mcp:lua", option, "-e", "return 1")
    name = option.partition("=")[0]  # which click quotes only lately
    assert (refused.returncode, bool(re.search(f"No such option:? '?{name}", refused.stderr))) == (2, True)
