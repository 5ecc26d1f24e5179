"""Test that a token that was typed where something else belongs is not repeated in errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from kosmo_command import kosmo

TOKEN = "HRKU-AAdeadbeef-1234-5678-9abc-def012345678"
OLD_TOKEN = "01234567-89ab-cdef-0123-456789abcdef"
LUA, CALL = "lua", "call"


@pytest.fixture(autouse=True)
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "settings"
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(folder))
    return folder


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize(
    "args",
    [
        [TOKEN],
        [f"integrations:{TOKEN}"],
        [LUA, f"{TOKEN}.lua"],
        [LUA, f"--{TOKEN}"],
        [LUA, "--json", f"--{TOKEN}"],
        [LUA, "--timeout", TOKEN, "-e", "1"],
        [LUA, "--format", TOKEN, "-e", "1"],
        [LUA, "--from", TOKEN, "-e", "1"],
        [LUA, "--record", f"/nonexistent/{TOKEN}", "-e", "1"],
        [CALL, f"heroku.{TOKEN}"],
        [CALL, f"heroku.{TOKEN}", "--json"],
        [CALL, f"heroku.{TOKEN}.list_apps", "--json"],
        [CALL, "heroku.list_dynos", f"{TOKEN}=1"],
        [CALL, "heroku.list_dynos", "--demo", f"app_id={TOKEN}"],
        [CALL, "heroku.list_dynos", f'{{"{TOKEN}": 1}}'],
        ["docs", TOKEN],
        ["run", f"{TOKEN}.ipynb"],
        ["mcp:trust", TOKEN],
        ["demo:serve", "--fault", f"{TOKEN}=1"],
        ["snapshot", "--demo", "-o", f"/dev/null/{TOKEN}"],
        ["accounts:remove", OLD_TOKEN],
    ],
    ids=str,
)
def test_a_token_is_not_repeated_in_an_error(args: list[str]) -> None:
    done = kosmo(*args)
    assert done.returncode in (1, 2)
    written = (done.stdout + done.stderr).lower().replace("_", "-")
    assert [token for token in (TOKEN, OLD_TOKEN) if token.lower()[6:] in written] == []


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize("variable", ["HEROKU_API_KEY", "HEROKU_API_KEY_STAGING"])
@pytest.mark.parametrize(
    "args",
    [
        [LUA, f"--{OLD_TOKEN}"],
        [LUA, "--json", f"--{OLD_TOKEN}"],
        [LUA, f"{OLD_TOKEN}.lua"],
        [LUA, "--from", OLD_TOKEN, "-e", "1"],
        [LUA, "--demo", "-e", f"error('{OLD_TOKEN}')"],
        [LUA, "--demo", "--json", "-e", f"error('{OLD_TOKEN}')"],
        [LUA, "--demo", "-e", f"heroku.get_app('{OLD_TOKEN}')"],
        [LUA, "--demo", "-e", f"x = = '{OLD_TOKEN}'"],
        [OLD_TOKEN],
        [CALL, f"heroku.{OLD_TOKEN}"],
        [CALL, "heroku.get_app", "--demo", "--app-id", OLD_TOKEN],
        [CALL, "heroku.get_app", "--demo", "--app-id", OLD_TOKEN, "--json"],
        [CALL, "heroku.list_dynos", "--demo", f"a={OLD_TOKEN}"],
        [CALL, "heroku.list_dynos", f'{{"{OLD_TOKEN}": 1}}'],
        ["run", f"{OLD_TOKEN}.ipynb"],
        ["check", OLD_TOKEN, "--demo"],
        ["snapshot", "--demo", "-o", f"/dev/null/{OLD_TOKEN}"],
    ],
    ids=str,
)
def test_a_token_in_use_is_not_repeated_although_it_looks_like_an_id(args: list[str], variable: str) -> None:
    done = kosmo(*args, env={variable: OLD_TOKEN})
    assert done.returncode in (1, 2)
    assert OLD_TOKEN not in done.stdout + done.stderr


def test_an_id_that_is_no_token_in_use_is_repeated() -> None:
    done = kosmo(CALL, "heroku.get_app", "--demo", "--app-id", OLD_TOKEN, env={"HEROKU_API_KEY": OLD_TOKEN[::-1]})
    assert OLD_TOKEN in done.stderr


def test_the_path_of_a_file_that_a_variable_names_is_repeated(tmp_path: Path) -> None:
    file = tmp_path / "secrets-of-mine"
    file.touch()
    done = kosmo(LUA, "--from", str(file), "-e", "1", env={"MY_TOKEN_FILE": str(file)})
    assert str(file) in done.stderr


@pytest.mark.claim("token-addresses")
@pytest.mark.parametrize("variable", ["HEROKU_API_URL", "HEROKU_HOST"])
def test_an_address_with_a_token_in_the_environment_is_refused(variable: str) -> None:
    settings = {"HEROKU_API_KEY": "x" * 36, variable: "https://u:opensesame@h.example"}
    done = kosmo(CALL, "heroku.list_apps", env=settings)
    assert done.returncode == 1
    assert variable in done.stderr
    assert "opensesame" not in done.stdout + done.stderr
