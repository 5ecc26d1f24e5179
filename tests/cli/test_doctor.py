"""`kosmo doctor`: what is set up here, where tokens are and what is wrong, as a user sees it."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from diagnosis import PIPS_ENTRY, diagnosis, here, kernel, python
from jupyter_core.paths import jupyter_data_dir
from kosmo_command import document, kosmo, on_terminal

from kosmo_kernel.accounts import store
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli import doctor, kernelspec, outcome
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.lua import process
from kosmo_kernel.lua.machine import MEANINGS
from kosmo_kernel.mcp.config import user_file

# This machine ----------------------------------------------------------------------------------------


def test_versions_are_those_that_are_installed() -> None:
    _, _, found = diagnosis()

    assert {name: found[f"versions.{name}"]["message"] for name in doctor.PACKAGES} == {
        name: version(name) for name in doctor.PACKAGES
    }
    assert sys.executable in found["versions.python"]["message"]


@pytest.mark.parametrize(
    ("installed", "specifier", "fits"),
    [
        ("2.8", "==2.8.*", True),
        ("2.8.1", "==2.8.*", True),
        ("2.10", "==2.8.*", False),
        ("3.1.1", ">=3", True),
        ("2.3.3", ">=3", False),
        ("1.0", ">=0.28,<1", False),
        ("0.28.1", ">=0.28,<1", True),
        ("5", "", True),
    ],
)
def test_a_version_out_of_range_is_known(
    installed: str, specifier: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "version", lambda _: installed)
    monkeypatch.setattr(doctor, "requires", lambda _: [f"pandas{specifier}"])
    states = {finding.name: finding.state for finding in doctor.versions()}
    assert states["versions.pandas"] == ("ok" if fits else "broken")


def test_a_library_that_is_missing_or_too_old_is_broken_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "lupa":
            raise PackageNotFoundError(name)
        return "2.9"

    monkeypatch.setattr(doctor, "version", installed)
    monkeypatch.setattr(doctor, "requires", lambda _: ["lupa==2.8.*", "pandas>=3", "ipykernel>=7; extra == 'lab'"])
    found = {finding.name: (finding.state, finding.what_to_do) for finding in doctor.versions()}
    pip = f"{sys.executable} -m pip install"

    assert found["versions.lupa"] == ("broken", f"{pip} 'lupa==2.8.*'")
    assert found["versions.pandas"] == ("broken", f"{pip} 'pandas>=3'")
    assert found["versions.ipykernel"] == ("ok", "")


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("#!/usr/bin/env php\n<?php", "warning", "another program"),
        ("#!/usr/bin/python3\nfrom kosmo_kernel.cli import main", "warning", "another installation"),
        (None, "ok", "this works too"),
    ],
)
def test_another_command_of_the_same_name_is_told(
    script: str | None, state: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    if script:
        (tmp_path / "kosmo").write_text(script, encoding="utf-8")
        (tmp_path / "kosmo").chmod(0o755)

    (finding,) = doctor.command_name()

    assert finding.state == state
    assert words in finding.message
    assert "-m kosmo_kernel" in finding.message + finding.what_to_do


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "{folder} has no MCP servers."),
        ([".lock"], "{folder} has no MCP servers."),
        (["kosmo.yaml"], "{folder} belongs to another program, such as KosmoKrator. It is not used here."),
        ([".lock", "mcp.json"], "{folder}/mcp.json has your MCP servers."),
        (
            ["mcp.json", "kosmo.yaml"],
            "{folder}/mcp.json has your MCP servers. What else is in {folder} belongs to another program",
        ),
    ],
)
def test_the_folder_of_another_program_is_recognized_by_what_is_in_it(
    names: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".kosmo"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    finding = [*doctor.command_name()][-1]
    assert finding.state == "ok"
    assert finding.message.startswith(says.format(folder=folder))


def test_the_folder_of_a_server_that_was_added_is_that_of_this_package() -> None:
    assert outcome(["mcp:add", "time", "--", "mcp-server-time"]) == 0
    assert [*doctor.command_name()][-1].message == f"{user_file()} has your MCP servers."


def test_every_wall_is_told_with_what_it_keeps_away() -> None:
    _, _, found = diagnosis()
    standing = {name: one for name, one in found.items() if name.startswith("walls.")}

    assert list(standing) == [f"walls.{name}" for name in MEANINGS]
    assert standing["walls.environment"]["message"] == MEANINGS["environment"]


@pytest.mark.parametrize(("asked", "state", "code"), [("0", "warning", 0), ("1", "broken", 1)])
def test_a_missing_wall_is_a_warning_unless_walls_are_required(
    asked: str, state: str, code: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = "from kosmo_kernel.walls import lockdown; lockdown.program = lambda machine: None"
    monkeypatch.setattr(process, "START", f"{before}; {process.START}")
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", asked)
    monkeypatch.setattr(doctor, "kernelspec", lambda: iter(()))  # whatever this environment has
    ended, found = here(capfdbinary)
    wall = found["walls.system_calls"]

    assert (ended, wall["state"]) == (code, state)
    assert wall["message"].startswith("It is missing here: ")
    assert "KOSMO_REQUIRE_WALLS=1" in wall["what_to_do"]


def test_a_lua_that_does_not_start_is_broken(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(process, "START", "raise SystemExit(3)")
    code, found = here(capfdbinary)

    assert (code, found["walls.lua"]["state"]) == (1, "broken")
    assert "ended with status 3" in found["walls.lua"]["message"]


# The kernel ------------------------------------------------------------------------------------------


def test_a_kernel_that_jupyter_does_not_know_is_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [str(tmp_path)])  # not what pip brought
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [])
    code, found = here(capfdbinary)

    assert (code, found["jupyter.kernelspec"]["state"]) == (1, "broken")
    assert found["jupyter.kernelspec"]["what_to_do"] == "Run: kosmo install"


def test_what_install_wrote_is_found_and_starts_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")  # this environment has an entry of its own from `pip install`
    kosmo("install")
    _, _, found = diagnosis()

    assert found["jupyter.kernelspec"]["state"] == "ok"
    assert found["jupyter.kernelspec"]["message"].endswith(f" starts {sys.executable}.")


def test_pips_own_entry_starts_the_python_of_jupyter(tmp_path: Path) -> None:
    _, _, found = diagnosis(**kernel(tmp_path, PIPS_ENTRY))

    assert found["jupyter.kernelspec"]["state"] == "ok"
    assert found["jupyter.kernelspec"]["message"].endswith(" starts the Python that Jupyter runs on.")


OLD_ENTRY = json.dumps({"argv": [sys.executable, "-m", "kosmo_kernel.kernel", "-f", "{connection_file}"]})


def test_an_old_entry_is_told_wherever_it_is_and_how_each_is_renewed(tmp_path: Path) -> None:
    """Also one that Jupyter does not use at the moment: another Jupyter may."""
    user = Path(jupyter_data_dir()) / "kernels" / "kosmo-lua"
    first = kernel(tmp_path, OLD_ENTRY)
    user.mkdir(parents=True)
    (user / "kernel.json").write_text(OLD_ENTRY, encoding="utf-8")
    code, answer, found = diagnosis(**first)
    told = [one for one in answer["findings"] if one["name"] == "jupyter.old_kernelspec"]

    assert found["jupyter.kernelspec"]["state"] == "ok"
    assert [one["message"].split(" is ")[0] for one in told[:2]] == [
        str(tmp_path / "kernels" / "kosmo-lua" / "kernel.json"),
        str(user / "kernel.json"),
    ]
    assert [one["what_to_do"] for one in told[:2]] == [
        f"Remove {tmp_path / 'kernels' / 'kosmo-lua'}, and run: kosmo install",
        "Run: kosmo install",
    ]
    assert ({one["state"] for one in told}, code) == ({"warning"}, 0)


def test_what_renews_an_old_entry_renews_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    file = Path(jupyter_data_dir()) / "kernels" / "kosmo-lua" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(OLD_ENTRY, encoding="utf-8")
    kosmo("install")

    assert kernelspec.Entry(file, json.loads(file.read_text(encoding="utf-8"))["argv"]).is_safe
    assert str(file) not in [one["message"].split(" is ")[0] for one in diagnosis()[1]["findings"]]


def test_an_entry_of_this_environment_is_renewed_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    file = tmp_path / "share" / "jupyter" / "kernels" / "kosmo-lua" / "kernel.json"
    assert kernelspec.renewal(file) == "Run: kosmo install --sys-prefix"


@pytest.mark.parametrize("text", ["{", "[1]", '{"argv": "python"}', '{"argv": []}', "{}"])
def test_an_entry_that_makes_no_sense_is_not_called_old(tmp_path: Path, text: str) -> None:
    _, answer, _ = diagnosis(**kernel(tmp_path, text))
    assert str(tmp_path) not in [
        one["message"][: len(str(tmp_path))] for one in answer["findings"] if "old" in one["name"]
    ]


BAD_ENTRIES: dict[str, tuple[Callable[[Path], str], str, str]] = {
    "a Python that is gone": (
        lambda folder: json.dumps({"argv": [str(folder / "gone" / "python")]}),
        "broken",
        "which is not there",
    ),
    "a Python without this package": (
        lambda folder: python(folder, "echo No module named kosmo_kernel >&2; exit 1"),
        "broken",
        "does not have this package: No module named kosmo_kernel",
    ),
    "a Python that says nothing": (lambda folder: python(folder, "exit 5"), "broken", "it ended with status 5"),
    "another version": (lambda folder: python(folder, "echo 0.0.1"), "warning", "which has kosmo_kernel 0.0.1"),
    "no JSON": (lambda _: "{", "broken", "makes no sense"),
    "no command": (lambda _: '{"argv": []}', "broken", "makes no sense"),
    "no object": (lambda _: "[1]", "broken", "makes no sense"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_an_entry_that_starts_no_kernel_of_ours_is_told_with_its_reason(name: str, tmp_path: Path) -> None:
    make, state, says = BAD_ENTRIES[name]
    code, _, found = diagnosis(**kernel(tmp_path, make(tmp_path)))
    entry = found["jupyter.kernelspec"]

    assert (entry["state"], entry["what_to_do"], says in entry["message"]) == (state, "Run: kosmo install", True)
    assert code == (1 if state == "broken" else 0)


# For people ------------------------------------------------------------------------------------------


def test_the_text_has_a_line_for_each_finding_with_its_mark_and_what_to_do_below(demo_url: str, tmp_path: Path) -> None:
    settings = {"HEROKU_API_URL": demo_url, "HEROKU_API_KEY": "wrong", **kernel(tmp_path, PIPS_ENTRY)}
    done = kosmo("doctor", env=settings)
    lines = done.stdout.splitlines()

    assert [line for line in lines if line and line[0] != " "][:-1] == [
        "Versions",
        "Command",
        "Walls around Lua",
        "Jupyter",
        "Settings",
        "Heroku",
    ]
    assert "  ✓ account.default  Its token is in HEROKU_API_KEY." in lines
    broken = next(place for place, line in enumerate(lines) if line.startswith("  ✗ request          heroku."))
    assert lines[broken + 1] == f"{' ' * 21}→ Put a token that is accepted into HEROKU_API_KEY."
    assert lines[-1].endswith("1 broken.")
    assert (done.returncode, done.stderr) == (1, "")


def test_the_text_fits_a_terminal_and_has_its_colours_there() -> None:
    seen = on_terminal("doctor", columns=72)
    plain = re.sub(r"\x1b\[[\d;]*m", "", seen)

    assert "\x1b[33m\x1b[1m!\x1b[0m" in seen
    assert max(len(line) for line in plain.splitlines() if "/" not in line) <= 72


def test_the_same_advice_for_several_findings_is_given_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    two = [doctor.DoctorFinding(f"walls.{name}", "warning", "gone", "Use Linux.") for name in ("one", "two")]
    fine = [doctor.DoctorFinding("walls.three", "ok", "here")]
    shown = list(doctor.print_findings([("Walls", [*two, *fine])]))

    assert (
        capfd.readouterr().out == "Walls\n  ! one    gone\n  ! two    gone\n           → Use Linux.\n  ✓ three  here\n"
    )
    assert shown == [*two, *fine]


def test_an_integration_that_cannot_be_loaded_is_broken(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def everything() -> tuple[Integration, ...]:
        warnings.warn("The integration `x` cannot be loaded.", RuntimeWarning, stacklevel=2)
        return (HEROKU,)

    monkeypatch.setattr(doctor, "load_all", everything)
    code, found = here(capfdbinary)

    assert (code, found["integrations.installed"]["message"]) == (1, "The integration `x` cannot be loaded.")


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
    code, answer = document("doctor", "herko", "--json")

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


def test_a_variable_that_makes_no_sense_is_broken() -> None:
    code, _, found = diagnosis("heroku", KOSMO_CPU_LIMIT="soon")

    assert (code, found["settings.limits"]["state"]) == (1, "broken")
    assert "KOSMO_CPU_LIMIT must be a number of seconds above zero" in found["settings.limits"]["message"]


def test_a_demo_setting_that_makes_no_sense_is_one_broken_finding_of_many() -> None:
    code, _, found = diagnosis(KOSMO_DEMO="perhaps")

    assert (code, found["heroku.setting"]["state"]) == (1, "broken")
