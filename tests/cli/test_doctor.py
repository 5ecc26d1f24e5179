"""`kosmo doctor`: what is set up here, where tokens are and what is wrong, as a user sees it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from diagnosis import PIPS_ENTRY, diagnosis, here, kernel, python
from jupyter_core.paths import jupyter_data_dir
from kosmo_command import kosmo, on_terminal

from kosmo_kernel.accounts import store
from kosmo_kernel.cli import doctor, kernelspec
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.lua import process
from kosmo_kernel.lua.machine import MEANINGS

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
    library = SimpleNamespace(version=installed, requires=[f"pandas{specifier}"])
    monkeypatch.setattr(doctor, "distributions", lambda **_: iter([library]))
    states = {finding.name: finding.state for finding in doctor.versions()}
    assert states["versions.pandas"] == ("ok" if fits else "broken")


def test_a_library_that_is_missing_or_too_old_is_broken_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["lupa==2.8.*", "pandas>=3", "ipykernel>=7; extra == 'lab'"]
    library = SimpleNamespace(version="2.9", requires=needs)
    monkeypatch.setattr(doctor, "distributions", lambda name: iter([library] if name != "lupa" else []))
    found = {finding.name: (finding.state, finding.what_to_do) for finding in doctor.versions()}
    pip = f"{sys.executable} -m pip install"

    assert found["versions.lupa"] == ("broken", f"{pip} 'lupa==2.8.*'")
    assert found["versions.pandas"] == ("broken", f"{pip} 'pandas>=3'")
    assert found["versions.ipykernel"] == ("ok", "")


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
        "which does not run",
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

    headings = [line for line in lines if line and line[0] != " "][:-1]
    assert headings == ["Versions", "Walls around Lua", "Jupyter", "Accounts"]
    assert "  ✓ heroku.demo     needs none: everything in it is fiction" in lines
    broken = next(
        place for place, line in enumerate(lines) if line.startswith("  ✗ heroku.default  Heroku refuses the")
    )
    assert lines[broken + 1].startswith(f"{' ' * 20}→ Mend that, and run this again.")
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
    doctor.print_group("Walls", [*two, *fine])

    assert (
        capfd.readouterr().out == "Walls\n  ! one    gone\n  ! two    gone\n           → Use Linux.\n  ✓ three  here\n"
    )


# The accounts ----------------------------------------------------------------------------------------


def test_each_token_is_tried_and_where_it_is_and_what_is_left_is_told(
    demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    store.add(HEROKU, "my-team", DEMO_TOKEN, who="team@larkmoor.example", in_file=True)
    entry = kernel(tmp_path, PIPS_ENTRY)
    code, answer, found = diagnosis(HEROKU_API_URL=demo_url, HEROKU_API_KEY=DEMO_TOKEN, **entry)
    messages = {name: one["message"] for name, one in found.items() if name.startswith("accounts.")}

    left = r"; accepted; scope global; 4,\d+ of 4,500 requests left"
    assert code == 0
    assert re.fullmatch(f"in HEROKU_API_KEY{left}", messages["accounts.heroku.default"])
    place = re.escape(str(tmp_path / "secrets.json"))
    assert re.fullmatch(rf"in {place}, of team@larkmoor\.example{left}", messages["accounts.heroku.my-team"])
    assert DEMO_TOKEN not in json.dumps(answer)


def test_a_wrong_token_is_broken_and_never_shown(demo_url: str) -> None:
    code, answer, found = diagnosis(HEROKU_API_URL=demo_url, HEROKU_API_KEY="HRKU-0123-wrong")
    account = found["accounts.heroku.default"]

    assert (code, account["state"]) == (1, "broken")
    assert account["message"] == "Heroku refuses the token in HEROKU_API_KEY (401)"
    assert account["what_to_do"].startswith("Mend that, and run this again.")
    assert "HRKU-0123-wrong" not in json.dumps(answer)


def test_no_token_is_a_warning_that_lists_the_ways() -> None:
    _, _, found = diagnosis()
    account = found["accounts.heroku.default"]

    assert account["state"] == "warning"
    assert all(
        way in account["what_to_do"] for way in ("HEROKU_API_KEY", *HEROKU.credentials.token_help, "KOSMO_DEMO=1")
    )


def test_the_demo_as_default_account_is_nothing_to_warn_of() -> None:
    _, _, found = diagnosis(KOSMO_DEMO="1")

    assert "accounts.heroku.default" not in found
    assert found["accounts.heroku.demo"]["state"] == "ok"


def test_a_named_account_with_half_a_token_is_broken_and_the_others_are_not(demo_url: str) -> None:
    tokens = {"HEROKU_API_KEY_OPS": "two halves", "HEROKU_API_KEY_CI": DEMO_TOKEN}
    code, answer, found = diagnosis(HEROKU_API_URL=demo_url, HEROKU_API_URL_CI=demo_url, **tokens)

    assert (code, found["accounts.heroku.ops"]["state"], found["accounts.heroku.ci"]["state"]) == (1, "broken", "ok")
    assert "two halves" not in json.dumps(answer)


@pytest.mark.parametrize("address", ["https://heroku.example", "http://127.0.0.1:1"])
def test_an_address_that_must_not_get_a_token_or_where_nothing_listens_is_broken(address: str) -> None:
    code, _, found = diagnosis(HEROKU_API_URL=address, HEROKU_API_KEY="a-token-for-this")
    account = found["accounts.heroku.default"]

    assert (code, account["state"]) == (1, "broken")
    assert address.partition("//")[2] in account["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")
def test_a_file_of_tokens_that_others_may_read_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    store.add(HEROKU, "ops", "ops-token", in_file=True)
    (tmp_path / "secrets.json").chmod(0o644)
    code, _, found = diagnosis()
    account = found["accounts.heroku.ops"]

    assert (code, account["state"], f"chmod 600 {tmp_path}" in account["message"]) == (1, "broken", True)


@pytest.mark.parametrize(
    ("env", "name"),
    [({"KOSMO_DEMO": "perhaps"}, "accounts.settings"), ({"KOSMO_CPU_LIMIT": "soon"}, "walls.lua")],
)
def test_a_setting_that_makes_no_sense_is_one_broken_finding_of_many(env: dict[str, str], name: str) -> None:
    code, _, found = diagnosis(**env)

    assert (code, found[name]["state"]) == (1, "broken")
    (variable,) = env
    assert variable in found[name]["message"]
    assert found["versions.python"]["state"] == "ok"
