"""`kosmo mcp:lua` is the narrower command: it has MCP servers, and no integration, no account and no token."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import document, environment, kosmo

from kosmo_kernel import Session
from kosmo_kernel.accounts import store
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.run.recording import NO_SERVICES

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
    command = ("integrations:lua", "-e", "return pairs(app.integrations.heroku)", "--json")
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
@pytest.mark.parametrize("args", [("mcp:lua", "-e", "return mcp.servers()"), ("mcp:call", "a.b"), ("mcp:list",)])
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


@pytest.mark.parametrize("option", ["--demo", "--account=production", "--repl"])
def test_options_about_accounts_are_refused(option: str) -> None:
    refused = kosmo("mcp:lua", option, "-e", "return 1")
    assert (refused.returncode, f"No such option '{option.partition('=')[0]}'" in refused.stderr) == (2, True)
