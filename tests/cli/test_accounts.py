"""`kosmo accounts:…` and `status` through the real command.

What is stored, what is printed, every account in its row whatever becomes of it, and that no token is ever shown.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pexpect
import pytest
from fake_keyrings import FILE
from kosmo_command import COMMAND, document, environment, kosmo, on_terminal, standing
from patience import PATIENCE

from kosmo_kernel.catalogue.integration import beyond_scopes
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import checks_beyond

WHO = "Juno Hale (juno.hale@larkmoor.example)"
SECRET = "HRKU-11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def place(home: Path, demo_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the settings; the API is the served demo, and there is no keyring."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    return home / "settings"


@pytest.fixture
def ring(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a keyring, in a file that the test can read."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "fake_keyrings.OnDisk")
    monkeypatch.setenv(FILE, str(home / "ring.json"))
    return home / "ring.json"


def run(*args: str, token: str = "") -> tuple[int, str, str]:
    done = kosmo(*args, stdin=token.encode())
    return done.returncode, done.stdout, done.stderr


def test_a_token_of_standard_input_is_tried_and_kept(place: Path) -> None:
    code, out, err = run("accounts:add", "Production", "-", token=f"{DEMO_TOKEN}\n")
    secrets = place / "secrets.json"

    assert (code, out) == (0, f"heroku.production is {WHO}. Its token is kept in {secrets}; its scope is global.\n")
    assert err == "There is no system keyring here. The file can be read by you alone, and is not encrypted.\n"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (place, secrets)] == [0o700, 0o600]
    assert run("lua", "-e", "return app.integrations.heroku.production.get_current_user().email")[1] == (
        "juno.hale@larkmoor.example\n"
    )


def test_what_a_token_is_not_enough_for_is_counted_when_it_is_added(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = ("read", "identity")
    functions, checks = beyond_scopes(HEROKU, scopes), checks_beyond(HEROKU, scopes)
    with serve(DemoApi(company(), scopes=scopes)) as server:
        monkeypatch.setenv("HEROKU_API_URL", server.url)
        code, out, err = run("accounts:add", "reader", "-", token=f"{DEMO_TOKEN}\n")
    assert (code, "its scope is read, identity." in out) == (0, True)
    assert (
        f"It is not enough for {sum(map(len, functions.values()))} functions and {sum(map(len, checks.values()))} "
        f"checks, which need {' or '.join(functions)}: `kosmo docs accounts` has them by scope.\n"
    ) in err


def test_a_token_goes_into_the_keyring_where_there_is_one(place: Path, ring: Path) -> None:
    code, answer = document(
        "accounts:add",
        "my-team",
        "-",
        "--json",
        stdin=DEMO_TOKEN.encode(),
    )
    assert (code, answer) == (
        0,
        {
            "success": True,
            "integration": "heroku",
            "account": "my-team",
            "who": WHO,
            "scopes": ["global"],
            "kept": "keyring",
            "where": "the system keyring",
            "hidden_by": None,
        },
    )
    assert list(json.loads(ring.read_text(encoding="utf-8")).values()) == [DEMO_TOKEN]
    assert not (place / "secrets.json").exists()
    lua = 'return app.integrations.heroku["my-team"].get_current_user().email'
    assert run("lua", "-e", lua)[:2] == (0, "juno.hale@larkmoor.example\n")
    assert run("accounts:remove", "my_team")[0] == 0
    assert json.loads(ring.read_text(encoding="utf-8")) == {}


@pytest.mark.claim("token-hidden-input")
def test_at_a_terminal_the_token_is_asked_for_and_not_shown() -> None:
    command = [*COMMAND[1:], "accounts:add", "production"]
    with pexpect.spawn(COMMAND[0], command, env=environment(), encoding="utf-8", timeout=PATIENCE) as terminal:
        terminal.expect_exact("Token of heroku.production:")
        terminal.waitnoecho()
        terminal.sendline(DEMO_TOKEN)
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 0
        assert f"heroku.production is {WHO}." in str(terminal.before)
        assert DEMO_TOKEN not in str(terminal.before)


@pytest.mark.claim("token-hidden-input")
def test_a_token_that_is_not_accepted_is_not_kept(place: Path) -> None:
    for args in (["accounts:add", "production", "-"], ["accounts:add", "production", "-", "--json"]):
        code, out, err = run(*args, token=SECRET)
        assert code == 1
        assert "The token from standard input is wrong, revoked or expired" in out + err
        assert "Nothing was kept." in out + err
        assert SECRET not in out + err
    assert not (place / "accounts.json").exists()


@pytest.mark.parametrize("token", ["", "\n", "two words", "HRKU-\x1b[1m", "several\nlines", "seven77"])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    code, _, err = run("accounts:add", "production", "-", token=token)
    assert code == 1
    assert "standard input" in err
    assert "Nothing was kept" in err


def test_a_service_that_cannot_be_reached_keeps_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_URL", "http://127.0.0.1:9")
    code, _, err = run("accounts:add", "production", "-", token=SECRET)
    assert (code, "Nothing was kept." in err, SECRET in err, place.exists()) == (1, True, False, False)


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        (["production"], 2, "standard input is no terminal. Add - to read it."),
        (["production", SECRET], 2, "A token is not given as an argument"),
        (["production", "-", SECRET], 2, "A token is not given as an argument"),
        ([SECRET, "-"], 1, "That is a token, and not the name of an account."),
        (["production", f"--token={SECRET}"], 2, "No such option"),
        (["demo", "-"], 1, "`demo` is the name of the fictional account."),
        (["list_apps", "-"], 1, "`list_apps` is a function of Heroku"),
        (["a b", "-"], 1, "cannot be the name of an account"),
        ([], 2, "Missing argument 'ALIAS'"),
        (["x", "-", "--integration", "herok"], 1, "Did you mean: heroku"),
    ],
)
def test_a_wrong_call_says_why_and_shows_no_secret(args: list[str], code: int, why: str) -> None:
    told = run("accounts:add", *args, token=DEMO_TOKEN)
    assert (told[0], told[1], why in told[2], SECRET in told[2]) == (code, "", True, False)
    answer = json.loads(run("accounts:add", *args, "--json", token=DEMO_TOKEN)[1])
    assert (answer["success"], SECRET in json.dumps(answer)) == (False, False)


def test_an_account_is_not_written_over_unless_that_is_asked(place: Path) -> None:
    run("accounts:add", "production", "-", token=DEMO_TOKEN)
    before = (place / "accounts.json").read_text(encoding="utf-8")
    code, _, err = run("accounts:add", "Production", "-", token=DEMO_TOKEN)
    assert (code, err) == (
        1,
        f"Error: There is an account `production` of {WHO} already. To give it another token, add --replace.\n",
    )
    assert (place / "accounts.json").read_text(encoding="utf-8") == before
    assert run("accounts:add", "production", "-", "--replace", token=DEMO_TOKEN)[0] == 0
    assert (place / "accounts.json").read_text(encoding="utf-8") != before


def test_a_variable_that_comes_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", SECRET)
    code, _, err = run("accounts:add", "default", "-", "--file", token=DEMO_TOKEN)
    assert (code, err) == (0, "HEROKU_API_KEY is set here and comes first. Unset it to use this token.\n")


def test_what_was_not_added_here_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", SECRET)
    run("accounts:add", "production", "-", token=DEMO_TOKEN)
    told = {alias: run("accounts:remove", alias) for alias in ("default", "demo", "prodution", "production")}

    assert told["default"][2] == (
        "Error: The token of heroku.default is in HEROKU_API_KEY, and was not added here. To be rid of it, unset "
        "HEROKU_API_KEY.\n"
    )
    assert told["demo"][2] == "Error: The demo account is fiction, and always there.\n"
    assert told["prodution"][2] == "Error: No account `prodution` of Heroku was added. Did you mean: production\n"
    assert told["production"][:2] == (
        0,
        "heroku.production is forgotten. Its token is still good: revoke it where it was made.\n",
    )
    assert run("accounts:remove", "production")[0] == 1


@pytest.mark.claim("lua-no-token", "token-hidden-input")
def test_a_token_is_in_no_argument_of_any_process_and_in_no_message_of_a_run(place: Path) -> None:
    run("accounts:add", "default", "-", token=DEMO_TOKEN)
    told = run("lua", "-e", "print(app.integrations.heroku) error(tostring(app))")
    (place / "secrets.json").chmod(0o644)
    refused = run("lua", "-e", "return app.integrations.heroku.list_apps()")
    assert DEMO_TOKEN not in str(told) + str(refused)
    assert f"Run: chmod 600 {place / 'secrets.json'}" in refused[2]


STATUS = "status"


@pytest.fixture
def settings(demo_url: str) -> dict[str, str]:
    """Three accounts of the served demo: one whose token is good, one refused, one that is no token."""
    return {
        "HEROKU_API_URL": demo_url,
        "HEROKU_API_KEY": DEMO_TOKEN,
        "HEROKU_API_KEY_STALE": "not-a-token-of-anybody",
        "HEROKU_API_KEY_TORN": "with a space",
    }


def test_each_account_says_what_it_has_left_and_a_refused_token_is_told_in_its_own(settings: dict[str, str]) -> None:
    code, answer = document(STATUS, "--json", env=settings)
    assert (code, list(answer), list(answer["providers"])) == (
        0,
        ["success", "providers", "accounts"],
        ["heroku"],
    )
    heroku = answer["providers"]["heroku"]
    budgets = heroku.pop("budgets")
    assert heroku == {
        "active": True,
        "configured": True,
        "accounts": ["default", "stale", "torn", "demo"],
        "functions": len(HEROKU.functions),
        "auth_strategy": "api_key",
        "cli_setup_supported": True,
        "cli_runtime_supported": True,
        "compatibility_summary": "CLI setup and runtime supported.",
    }
    assert budgets.pop("default") == {"left": 4500, "capacity": 4500, "error": None}
    assert budgets.pop("demo") == {"left": None, "capacity": None, "error": None}
    assert {name: (one["left"], one["capacity"]) for name, one in budgets.items()} == {
        "stale": (None, 4500),
        "torn": (None, 4500),
    }
    assert "401" in budgets["stale"]["error"]
    assert "HEROKU_API_KEY_TORN" in budgets["torn"]["error"]


def test_each_account_says_where_its_token_is_and_shows_none(
    place: Path, home: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("accounts:add", "my-team", "-", token=DEMO_TOKEN)
    host = os.environ["HEROKU_API_URL"].removeprefix("http://")
    (home / ".netrc").write_text(f"machine {host} login joe password {SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("HEROKU_API_KEY_STALE", SECRET)
    code, out, err = run(STATUS)
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())

    assert (code, err) == (0, "")
    assert rows["heroku.default"] == f"Heroku refuses the token in {home / '.netrc'} (401)"
    assert rows["heroku.my-team"].startswith(f"in {place / 'secrets.json'}, of {WHO}; accepted; scope global; 4,")
    _, answer = document(STATUS, "--json", env=settings)
    assert [one["account"] for one in answer["accounts"]] == ["default", "my-team", "stale", "torn", "demo"]
    assert answer["accounts"][1] == {
        "integration": "heroku",
        "account": "my-team",
        "token": f"in {place / 'secrets.json'}",
        "who": WHO,
        "scopes": ["global"],
        "url": os.environ["HEROKU_API_URL"],
        "error": None,
    }
    assert [secret for secret in (SECRET, DEMO_TOKEN) if secret in out + json.dumps(answer)] == []


def test_a_file_that_makes_no_sense_stands_in_the_list(place: Path) -> None:
    place.mkdir()
    (place / "accounts.json").write_text("[", encoding="utf-8")
    code, out, _ = run(STATUS)
    assert (code, "accounts.json:1:2 is no JSON" in out) == (0, True)


def test_to_ask_for_the_budget_costs_nothing(settings: dict[str, str]) -> None:
    for _ in range(2):
        assert document(STATUS, "--json", env=settings)[1]["providers"]["heroku"]["budgets"]["default"]["left"] == 4500


def test_for_people_it_is_a_small_table(settings: dict[str, str]) -> None:
    done = kosmo(STATUS, env=settings)
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    torn = rows.pop("heroku.torn")
    assert rows == {
        "heroku.default": "in HEROKU_API_KEY; accepted; scope global; 4,500 of 4,500 requests left",
        "heroku.stale": "Heroku refuses the token in HEROKU_API_KEY_STALE (401)",
        "heroku.demo": "needs none: everything in it is fiction",
    }
    assert "HEROKU_API_KEY_TORN" in torn
    screen = standing(on_terminal(STATUS, columns=60, env=settings))
    assert screen[:2] == [
        "  heroku.default  in HEROKU_API_KEY; accepted; scope global;",
        "                  4,500 of 4,500 requests left",
    ]
    assert max(map(len, screen)) <= 60


def test_without_an_account_there_is_the_demo() -> None:
    code, answer = document(STATUS, "--json")
    heroku = answer["providers"]["heroku"]
    assert (code, heroku["active"], heroku["accounts"]) == (0, False, ["demo"])
    assert kosmo(STATUS).stdout == "  heroku.demo  needs none: everything in it is fiction\n"


def test_a_service_that_cannot_be_reached_is_told_in_the_row_of_its_account() -> None:
    nobody = {"HEROKU_API_KEY": DEMO_TOKEN, "HEROKU_API_URL": "http://127.0.0.1:9"}
    code, answer = document(STATUS, "--json", env=nobody)
    assert (code, answer["success"]) == (0, True)
    assert answer["providers"]["heroku"]["budgets"]["default"]["error"] == (
        "no answer from http://127.0.0.1:9: the connection was refused. Nothing listens there: check the address."
    )
