"""`kosmo integrations:doctor`: where tokens are, whether they are good, what is allowed and what is set."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from diagnosis import PIPS_ENTRY, diagnosis, kernel
from kosmo_command import document

from kosmo_kernel.accounts import store
from kosmo_kernel.cli import doctor
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

# The account -----------------------------------------------------------------------------------------


def test_a_good_token_is_tried_and_what_the_service_says_of_it_is_told(demo_url: str, tmp_path: Path) -> None:
    entry = kernel(tmp_path, PIPS_ENTRY)
    code, answer, found = diagnosis("heroku", HEROKU_API_URL=demo_url, HEROKU_API_KEY=DEMO_TOKEN, **entry)
    asked = found["heroku.request"]

    assert code == 0
    assert re.fullmatch(
        r"GET /account was answered in [\d,]+ ms for Juno Hale \(juno\.hale@larkmoor\.example\)\.", asked["message"]
    )
    assert found["heroku.scopes"]["message"] == "The token's scope is global."
    assert found["heroku.budget"]["message"] == "4,499 of 4,500 requests are left; 75 come back a minute."
    assert found["heroku.account.default"]["message"] == "Its token is in HEROKU_API_KEY."
    assert found["heroku.address"]["message"] == demo_url
    assert DEMO_TOKEN not in json.dumps(answer)


def test_a_token_with_few_scopes_is_good_and_the_functions_beyond_them_are_named() -> None:
    with serve(DemoApi(company(), scopes=("read",))) as server:
        code, _, found = diagnosis("heroku", HEROKU_API_URL=server.url, HEROKU_API_KEY=DEMO_TOKEN)
    beyond = {scope: found[f"heroku.scopes.{scope}"]["message"] for scope in ("identity", "read-protected", "global")}

    assert (code, found["heroku.request"]["state"]) == (0, "warning")
    assert "The token has the scope read, and this needs identity or global." in found["heroku.request"]["message"]
    assert beyond["identity"] == (
        "2 functions need the scope identity: get_current_user, get_user. 1 check needs the scope identity: "
        "account-health."
    )
    assert beyond["read-protected"].startswith(
        "1 function needs the scope read-protected: list_config_vars. 2 checks need the scope read-protected: config-"
    )
    assert "list_spaces({ team }), " in beyond["global"]
    assert "list_keys, " in beyond["global"]
    assert "get_rate_limit" in found["heroku.scopes.unknown"]["message"]
    assert "4,500 of 4,500" in found["heroku.budget"]["message"]


def test_the_facts_of_a_provider_are_told_by_name_and_for_a_named_one_at_the_top() -> None:
    _, whole, _ = diagnosis(HEROKU_API_KEY_OPS="ops-token")
    _, named, _ = diagnosis("heroku", HEROKU_API_KEY_OPS="ops-token")
    heroku = whole["providers"]["heroku"]

    assert list(whole) == ["success", "findings", "providers"]
    assert (heroku["provider"], heroku["configured"], heroku["accounts"]) == ("heroku", False, ["ops", "demo"])
    assert (heroku["missing_credentials"], heroku["function_count"]) == (["HEROKU_API_KEY"], len(HEROKU.functions))
    assert named | heroku == named


def test_a_wrong_token_is_broken_and_never_shown(demo_url: str) -> None:
    code, answer, found = diagnosis("heroku", HEROKU_API_URL=demo_url, HEROKU_API_KEY="HRKU-0123-wrong")
    asked = found["heroku.request"]

    assert (code, asked["state"]) == (1, "broken")
    assert "401 (unauthorized)" in asked["message"]
    assert asked["what_to_do"] == "Put a token that is accepted into HEROKU_API_KEY."
    assert "HRKU-0123-wrong" not in json.dumps(answer)


def test_no_token_is_a_warning_that_lists_the_ways() -> None:
    _, _, found = diagnosis()
    account = found["heroku.account.default"]

    assert account["state"] == "warning"
    assert all(
        way in account["what_to_do"] for way in ("HEROKU_API_KEY", *HEROKU.credentials.token_help, "KOSMO_DEMO=1")
    )
    assert "heroku.request" not in found


def test_the_demo_as_default_account_is_nothing_to_warn_of() -> None:
    _, _, found = diagnosis(KOSMO_DEMO="1")

    assert "heroku.account.default" not in found
    assert "KOSMO_DEMO=1" in found["heroku.account.demo"]["message"]


def test_a_named_account_with_half_a_token_is_broken_and_the_others_are_not() -> None:
    code, answer, found = diagnosis(HEROKU_API_KEY_OPS="two halves", HEROKU_API_KEY_CI="ci-token")

    assert (code, found["heroku.account.ops"]["state"], found["heroku.account.ci"]["state"]) == (1, "broken", "ok")
    assert "two halves" not in json.dumps(answer)


def test_an_address_that_must_not_get_a_token_is_broken_and_not_asked() -> None:
    code, _, found = diagnosis(HEROKU_API_URL="https://heroku.example", HEROKU_API_KEY="x")

    assert (code, found["heroku.address"]["state"]) == (1, "broken")
    assert [name for name in found if name.startswith("heroku.")] == ["heroku.address"]


def test_a_service_that_is_not_there_is_broken() -> None:
    code, _, found = diagnosis(HEROKU_API_URL="http://127.0.0.1:1", HEROKU_API_KEY="x")

    assert (code, found["heroku.request"]["state"]) == (1, "broken")
    assert found["heroku.request"]["what_to_do"] == "See that this machine reaches http://127.0.0.1:1."


def test_a_provider_that_does_not_exist_is_an_error_with_the_nearest() -> None:
    code, answer = document("integrations:doctor", "herko", "--json")

    assert (code, answer["success"]) == (1, False)
    assert answer["error"].endswith("Did you mean: heroku")


def test_a_budget_that_is_nearly_used_up_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(), token="a-token")) as server:
        monkeypatch.setenv("HEROKU_API_URL", server.url)
        monkeypatch.setenv("HEROKU_API_KEY", "a-token")
        monkeypatch.setattr(doctor, "LOW", 1.0)
        found = {finding.name: finding for finding in doctor.service(HEROKU)}

    assert (found["heroku.request"].state, found["heroku.budget"].state) == ("ok", "warning")


# Where tokens are, and what is allowed ---------------------------------------------------------------


def test_an_account_that_was_added_is_told_with_its_place(
    demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    store.add(HEROKU, "my-team", "team-token", who="team@larkmoor.example", in_file=True)
    store.add(HEROKU, "default", "kept-token", in_file=True)
    _, answer, found = diagnosis("heroku", HEROKU_API_KEY=DEMO_TOKEN, HEROKU_API_URL=demo_url)
    team, default = found["heroku.account.my-team"], found["heroku.account.default"]
    place = tmp_path / "secrets.json"

    assert (team["state"], team["message"]) == ("ok", f"Its token is in {place}, of team@larkmoor.example.")
    assert default["message"] == f"Its token is in HEROKU_API_KEY. It comes before what is in {place}."
    assert [secret for secret in ("team-token", "kept-token", DEMO_TOKEN) if secret in json.dumps(answer)] == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")
def test_a_file_of_tokens_that_others_may_read_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    store.add(HEROKU, "ops", "ops-token", in_file=True)
    (tmp_path / "secrets.json").chmod(0o644)
    code, _, found = diagnosis("heroku")
    account = found["heroku.account.ops"]

    assert (code, account["state"], f"chmod 600 {tmp_path}" in account["message"]) == (1, "broken", True)
    assert account["what_to_do"] == (
        "Do that. Where somebody else may have read it, revoke the token. Add it anew: kosmo accounts:add ops --replace"
    )


def test_the_permissions_are_told_and_a_denied_read_with_how_to_allow_it(demo_url: str, tmp_path: Path) -> None:
    policy = '[integrations.heroku.permissions]\nwrite = "deny"\n'
    own = '[integrations.heroku.accounts.ops.permissions]\nread = "ask"\n'
    (tmp_path / "config.toml").write_text(policy + own, encoding="utf-8")
    settings = {"KOSMO_CONFIG_DIR": str(tmp_path), "HEROKU_API_URL": demo_url, **kernel(tmp_path, PIPS_ENTRY)}
    tokens = {"HEROKU_API_KEY": DEMO_TOKEN, "HEROKU_API_KEY_OPS": "ops-token"}
    code, answer, found = diagnosis("heroku", **settings, **tokens)
    messages = {name: one["message"] for name, one in found.items() if ".permission." in name}

    assert (code, [one["name"] for one in answer["findings"]].count("heroku.permission.write")) == (0, 1)
    assert found["heroku.permission.read"]["state"] == "warning"
    assert messages["heroku.permission.write"] == f"Writes are denied: {tmp_path}/config.toml:2."
    assert messages["heroku.permission.read"].startswith("Reads with the account ops are asked about first: ")
    assert "--account ops --read allow" in found["heroku.permission.read"]["what_to_do"]


def test_settings_that_make_sense_are_told_and_mistakes_are_broken_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[limits]\ncpu = 60\n", encoding="utf-8")
    code, _, good = diagnosis("heroku", KOSMO_CONFIG_DIR=str(tmp_path), **kernel(tmp_path, PIPS_ENTRY))
    file.write_text("[limits]\ncpu = 60\nmemry = 1\n", encoding="utf-8")
    bad_code, _, bad = diagnosis("heroku", KOSMO_CONFIG_DIR=str(tmp_path))

    assert (code, good["settings.file"]["message"]) == (0, str(file))
    assert good["settings.limits"]["message"] == "256 MiB, 60 s of Lua's own, no limit by the clock."
    assert (bad_code, bad["settings.file"]["state"]) == (1, "broken")
    assert bad["settings.file"]["message"].startswith(f"{file}:3: [limits] has no key `memry`.")


def test_a_project_and_a_variable_that_make_no_sense_are_broken(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kosmo_kernel]\nlimit = -1\n", encoding="utf-8")
    code, answer = document("integrations:doctor", "heroku", "--json", cwd=tmp_path, env={"KOSMO_CPU_LIMIT": "soon"})
    found = {one["name"]: one for one in answer["findings"]}

    assert (code, found["settings.project"]["state"], found["settings.limits"]["state"]) == (1, "broken", "broken")
    assert "pyproject.toml:2" in found["settings.project"]["message"]
    assert "KOSMO_CPU_LIMIT must be a number of seconds above zero" in found["settings.limits"]["message"]


def test_a_demo_setting_that_makes_no_sense_is_one_broken_finding_of_many() -> None:
    code, _, found = diagnosis(KOSMO_DEMO="perhaps")

    assert (code, found["heroku.setting"]["state"]) == (1, "broken")
