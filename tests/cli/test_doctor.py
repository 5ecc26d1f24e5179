"""`kosmo integrations:doctor`: what there is on this machine and what is wrong with it, as a user starts it."""

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
from kosmo_command import kosmo, on_terminal

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli import doctor, kernelspec, outcome
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua import process
from kosmo_kernel.lua.walls import MEANINGS
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
    done = kosmo("integrations:doctor", env=settings)
    lines = done.stdout.splitlines()

    assert [line for line in lines if line and line[0] != " "][:-1] == [
        "Versions",
        "Command",
        "Walls around Lua",
        "Jupyter",
        "Settings",
        "Heroku",
    ]
    assert "  ✓ account.default   Its token is in HEROKU_API_KEY." in lines
    broken = next(place for place, line in enumerate(lines) if line.startswith("  ✗ request           heroku."))
    assert lines[broken + 1] == f"{' ' * 22}→ Put a token that is accepted into HEROKU_API_KEY."
    assert lines[-1].endswith("1 broken.")
    assert (done.returncode, done.stderr) == (1, "")


def test_the_text_fits_a_terminal_and_has_its_colours_there() -> None:
    seen = on_terminal("integrations:doctor", columns=72)
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
