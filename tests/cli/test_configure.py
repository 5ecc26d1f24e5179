"""`kosmo integrations:configure`: permissions and addresses are set, secrets only from standard input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import document, kosmo

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

CONFIGURE = ("integrations:configure", "heroku")
SECRET = "HRKU-11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def file(home: Path, demo_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    return home / "settings" / "config.toml"


def given(answer: dict[str, Any], **more: bytes) -> tuple[int, Any]:
    return document(*CONFIGURE, "--stdin-json", "--json", stdin=json.dumps(answer).encode(), **more)


def test_without_an_option_it_shows_what_holds_and_writes_nothing(file: Path) -> None:
    done = kosmo(*CONFIGURE)
    assert (done.returncode, done.stdout) == (0, "  read   allow\n  write  ask\n")
    code, answer = document(*CONFIGURE, "--show", "--json")
    assert (code, answer) == (
        0,
        {
            "success": True,
            "provider": "heroku",
            "account": None,
            "scope": "global",
            "file": str(file),
            "enabled": True,
            "configured": False,
            "cli_setup_supported": True,
            "cli_runtime_supported": True,
            "permissions": {"read": "allow", "write": "ask"},
            "said_by": {"read": None, "write": None},
            "settings": {"url": None, "allow_host": None},
            "credentials_set": [],
            "credentials_unset": [],
        },
    )
    assert not file.exists()


def test_permissions_are_set_and_taken_back(file: Path) -> None:
    done = kosmo(*CONFIGURE, "--read", "ask", "--write", "deny")
    assert done.stdout == f"Done. {file} says:\n  read   ask ({file}:2)\n  write  deny ({file}:3)\n"
    assert kosmo(*CONFIGURE, "--account", "My-Team", "--permissions", "read:allow,write:ask").returncode == 0
    assert file.read_text(encoding="utf-8") == (
        '[integrations.heroku.permissions]\nread = "ask"\nwrite = "deny"\n\n'
        '[integrations.heroku.accounts.my-team.permissions]\nread = "allow"\nwrite = "ask"\n'
    )
    code, answer = document(*CONFIGURE, "--account", "my_team", "--json")
    assert (code, answer["permissions"]) == (0, {"read": "allow", "write": "ask"})
    kosmo(*CONFIGURE, "--unset", "read", "--unset", "write")
    assert document(*CONFIGURE, "--json")[1]["permissions"] == {"read": "allow", "write": "ask"}
    assert "my-team" in file.read_text(encoding="utf-8")


def test_addresses_are_set(file: Path) -> None:
    code, answer = document(
        *CONFIGURE, "--set", "allow_host=a.example, b.example", "--set", "url=https://a.example", "--json"
    )
    assert (code, answer["settings"], answer["credentials_set"]) == (
        0,
        {"url": "https://a.example", "allow_host": ["a.example", "b.example"]},
        ["allow_host", "url"],
    )
    assert kosmo(*CONFIGURE, "--unset", "url", "--unset", "allow_host").returncode == 0
    assert file.read_text(encoding="utf-8").strip() == ""


@pytest.mark.parametrize("name", ["api_key", "token", "API_KEY", "password"])
def test_a_secret_is_not_taken_from_an_argument(name: str, file: Path) -> None:
    for more in ([], ["--json"]):
        done = kosmo(*CONFIGURE, "--set", f"{name}={SECRET}", *more)
        assert (done.returncode, SECRET in done.stdout + done.stderr) == (2, False)
        assert "is a secret, and is not taken from an argument" in done.stdout + done.stderr
    assert not file.exists()


def test_a_secret_of_standard_input_is_tried_and_kept(file: Path) -> None:
    code, answer = given(
        {
            "account": "Team",
            "credentials": {"api_key": DEMO_TOKEN},
            "permissions": {"write": "deny"},
            "set": {"url": "https://api.heroku.com"},
        }
    )
    assert (code, answer["account"], answer["configured"], answer["credentials_set"]) == (
        0,
        "team",
        True,
        ["api_key", "url"],
    )
    assert answer["permissions"] == {"read": "allow", "write": "deny"}
    assert DEMO_TOKEN not in json.dumps(answer) + file.read_text(encoding="utf-8")
    assert "accepted" in kosmo("status").stdout
    assert document(*CONFIGURE, "--account", "team", "--unset", "api_key", "--json")[1]["credentials_unset"] == [
        "api_key"
    ]
    assert document("status", "--json")[1]["accounts"][0]["account"] == "demo"


def test_a_secret_that_is_not_accepted_changes_nothing(file: Path) -> None:
    code, answer = given({"set": {"api_key": SECRET}, "permissions": {"read": "deny"}})
    assert (code, answer["success"], SECRET in json.dumps(answer), file.exists()) == (1, False, False, False)


@pytest.mark.parametrize(
    ("args", "stdin", "code", "why"),
    [
        (["--read", "perhaps"], b"", 2, "'perhaps' is not one of"),
        (["--permissions", "reed:ask"], b"", 1, "There is no `reed` to set. Did you mean: read"),
        (["--permissions", "read:perhaps"], b"", 1, "`read` takes allow, ask, deny, got 'perhaps'"),
        (["--set", "urll=x"], b"", 1, "There is no `urll` to set. Did you mean: url"),
        (["--set", "url"], b"", 2, "--set takes NAME=VALUE"),
        (["--set", "allow_host=https://x"], b"", 1, "takes the name of a host"),
        (["--unset", "zzz"], b"", 1, "There are url, allow_host, read, write, api_key."),
        (["--show", "--read", "ask"], b"", 2, "--show changes nothing"),
        (["--stdin-json"], b"", 2, "Standard input is no JSON"),
        (["--stdin-json"], b"[1]", 2, "is no JSON object"),
        (["--stdin-json"], b'{"st": {}}', 2, "It takes account, set, credentials, unset, permissions, enabled, scope."),
        (["--stdin-json"], b'{"set": []}', 2, "`set` in the JSON on standard input must be an object"),
        (["--stdin-json"], b'{"enabled": 1}', 2, "`enabled` in the JSON on standard input must be true or false"),
        (["--stdin-json"], b'{"enabled": false}', 2, "--read deny --write deny"),
        (["--stdin-json"], b'{"scope": "project"}', 2, "stands in its pyproject.toml"),
        (["--disable", "--read", "allow"], b"", 2, "--read deny --write deny"),
        (["--project", "--read", "ask"], b"", 2, "stands in its pyproject.toml"),
        (["--stdin-json"], b'{"set": {"api_key": 7}}', 1, "`api_key` takes a text"),
        (["--stdin-json"], b'{"set": {"api_key": ""}}', 1, "`api_key` takes a text"),
        (["--stdin-json"], b'{"account": " ", "permissions": {"read": "allow"}}', 1, "`account` takes a text"),
        (["--stdin-json"], b"[" * 100_000, 2, "Standard input is no JSON"),
        (["--permissions", ""], b"", 1, "There is no `` to set. There are read, write."),
        (["--account", "list_apps", "--read", "ask"], b"", 1, "is a function of Heroku"),
    ],
)
def test_a_mistake_says_what_is_right_and_changes_nothing(
    args: list[str], stdin: bytes, code: int, why: str, file: Path
) -> None:
    done = kosmo(*CONFIGURE, *args, stdin=stdin)
    assert (done.returncode, done.stdout, why in done.stderr) == (code, "", True)
    told = json.loads(kosmo(*CONFIGURE, *args, "--json", stdin=stdin).stdout)
    assert (told["success"], why in told["error"]) == (False, True)
    assert not file.exists()


def test_what_older_scripts_say_besides_is_accepted(file: Path) -> None:
    code, answer = document(*CONFIGURE, "--enable", "--global", "--read=allow", "--write=ask", "--json")
    assert (code, answer["enabled"], answer["scope"]) == (0, True, "global")
    code, answer = given({"set": {"api_key": DEMO_TOKEN}, "enabled": True, "scope": "global"})
    assert (code, answer["configured"], DEMO_TOKEN in file.read_text(encoding="utf-8")) == (0, True, False)


def test_an_unknown_integration_is_told_with_the_nearest() -> None:
    done = kosmo("integrations:configure", "herok")
    assert (done.returncode, "Did you mean: heroku\n" in done.stderr) == (1, True)


def test_a_token_and_what_is_said_with_it_are_kept_both_or_not_at_all(file: Path) -> None:
    assert kosmo(*CONFIGURE, "--read", "ask").returncode == 0
    before = file.read_text(encoding="utf-8")

    code, _ = given({"set": {"api_key": SECRET}, "permissions": {"read": "deny", "write": "deny"}})
    assert (code, file.read_text(encoding="utf-8")) == (1, before)
    assert not (file.parent / "accounts.json").exists()

    file.unlink()
    (file.parent / "no-folder").write_text("", encoding="utf-8")
    file.symlink_to(file.parent / "no-folder" / "config.toml")  # which is where it would be written
    code, _ = given({"set": {"api_key": DEMO_TOKEN}, "permissions": {"read": "deny"}})
    assert code == 1
    assert not (file.parent / "accounts.json").exists()
