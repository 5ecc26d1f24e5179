"""`[tool.kosmo_kernel]` of a project, and what is said of a mistake in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel import docs
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.reader.documents import MAX_SMALL_TEXT
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options, parse
from kosmo_kernel.settings.config_file import (
    CELL_DEFAULTS,
    MAX_BYTES,
    PROJECT_KEYS,
    ignored_files,
    project_permissions,
    settings_of,
)

ALL = """
[project]
name = "audit"

[tool.kosmo_kernel]
account = "staging"
limit = 20
timeout = 2.5
memory_limit = 9000000
raw = true
errors = "full"
"""


TABLES = ", ".join(dict.fromkeys(keys[0] for keys in PROJECT_KEYS))


def written(folder: Path, text: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_settings_are_those_of_the_nearest_project_that_has_some(tmp_path: Path) -> None:
    written(tmp_path, ALL)
    below = tmp_path / "notebooks" / "2026"
    below.mkdir(parents=True)
    written(below, '[project]\nname = "another"\n')
    found = settings_of(below)
    assert found == {
        "account": "staging", "limit": 20, "timeout": 2.5, "memory_limit": 9_000_000, "raw": True, "errors": "full",
    }  # fmt: skip
    assert set(found) == set(CELL_DEFAULTS)


def test_the_guide_to_settings_has_each_of_them() -> None:
    assert re.findall(r"^\| `([a-z_]+)` +\|", docs.read("settings"), re.MULTILINE) == list(CELL_DEFAULTS)


def test_where_a_setting_stands_is_looked_for_only_once_it_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def place(path: Path, *_: object) -> str:
        looked.append(path)
        return "here"

    monkeypatch.setattr("kosmo_kernel.settings.config_file.locate_key", place)
    written(tmp_path, f'{ALL}\n[tool.kosmo_kernel.integrations.heroku.permissions]\nread = "ask"\n')
    settings_of(tmp_path)
    assert project_permissions(tmp_path)
    assert looked == []
    written(tmp_path, "[tool.kosmo_kernel]\nlimit = 'x'\n")
    with pytest.raises(SettingsError, match=r"^here: `limit` takes a whole number"):
        settings_of(tmp_path)


def test_a_file_that_is_the_same_is_not_read_as_toml_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, ALL)
    first = settings_of(tmp_path)
    monkeypatch.setattr("kosmo_kernel.settings.config_file.parse_toml", lambda *_: pytest.fail("it was read again"))
    assert settings_of(tmp_path) == first


def test_the_mark_that_editors_of_windows_put_in_front_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kosmo_kernel]\nlimit = 3\n", encoding="utf-8-sig")
    assert settings_of(tmp_path) == {"limit": 3}


def test_a_nearer_table_hides_the_one_above(tmp_path: Path) -> None:
    written(tmp_path, ALL)
    below = tmp_path / "below"
    below.mkdir()
    written(below, "[tool.kosmo_kernel]\n")
    assert settings_of(below) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[project]\nname = "x"\n',
        "this is no TOML",
        '[project]\ndependencies = [\n  "kosmo_kernel",\n]\nand no TOML',
        "[tool.other]\nlimt = 3\n",
    ],
)
def test_a_project_that_says_nothing_of_us_sets_nothing(tmp_path: Path, text: str) -> None:
    written(tmp_path, text)
    assert settings_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("lines", "kind", "message"),
    [
        (
            ["[tool.kosmo_kernel]", "limt = 3"],
            UnknownNameError,
            "{path}:2: [tool.kosmo_kernel] has no key `limt`. Did you mean: limit",
        ),
        (
            ["[tool.kosmo_kernel]", "raw = true", 'memory-limit = "1"'],
            UnknownNameError,
            "{path}:3: [tool.kosmo_kernel] has no key `memory-limit`. Did you mean: memory_limit",
        ),
        (
            ["[tool.kosmo_kernel]", "xyz = 1"],
            UnknownNameError,
            f"{{path}}:2: [tool.kosmo_kernel] has no key `xyz`. It takes {TABLES}.",
        ),
        (
            ["limit = 1", "[other]", "limit = 2", '["tool" . kosmo_kernel]', "", "limit = '3'"],
            SettingsError,
            "{path}:6: `limit` takes a whole number of rows, got '3'.",
        ),
        (
            ["[tool]", "kosmo_kernel = 3"],
            SettingsError,
            "{path}: `tool.kosmo_kernel` must be a table: `[tool.kosmo_kernel]`.",
        ),
        (
            ["[tool]", "kosmo_kernel.limit = -1"],
            SettingsError,
            "{path}:2: `limit` takes a whole number of rows, got -1.",
        ),
    ],
)
def test_a_mistake_names_the_file_the_line_and_what_is_right(
    tmp_path: Path, lines: list[str], kind: type[Exception], message: str
) -> None:
    path = written(tmp_path, "\n".join(lines))
    with pytest.raises(kind) as caught:
        settings_of(tmp_path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("limit = true", "`limit` takes a whole number of rows, got True."),
        ("timeout = inf", "`timeout` takes a number of seconds above zero, got inf."),
        ("memory_limit = 0", "`memory_limit` takes a whole number of bytes, 1048576 or more, got 0."),
        ("account = ' '", "`account` takes the name of an account, got ' '."),
        ("raw = 1", "`raw` takes true or false, got 1."),
        ("errors = 'long'", '`errors` takes "short" or "full", got \'long\'.'),
        ("errors = ['full']", '`errors` takes "short" or "full", got [\'full\'].'),
    ],
)
def test_a_value_that_makes_no_sense_is_told_with_what_would(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, f"[tool.kosmo_kernel]\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path)
    assert str(caught.value) == f"{path}:2: {message}"


def test_what_is_no_toml_is_told_where_it_is_ours(tmp_path: Path) -> None:
    path = written(tmp_path, "[tool.kosmo_kernel]\nlimit 3\n")
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path)
    assert str(caught.value).startswith(f"{path} is no TOML: ")
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "settings", "options"),
    [
        ("", {"limit": 20, "errors": "full"}, Options(limit=20)),
        ("--limit 0", {"limit": 20, "raw": True}, Options(limit=0, raw=True)),
        ("-a demo", {"account": "staging"}, Options(account="demo")),
    ],
)
def test_a_cell_that_says_something_is_right(line: str, settings: dict[str, Any], options: Options) -> None:
    assert parse(line).with_defaults(settings) == options


@pytest.mark.parametrize("text", ["\n" * 200_000 + "kosmo_kernel", " \n" * 100_000 + "kosmo_kernel"])
def test_a_file_of_blank_lines_is_searched_once(tmp_path: Path, text: str) -> None:
    written(tmp_path, text)
    assert settings_of(tmp_path) == {}


@pytest.mark.parametrize("text", ["a" + ".a" * 100_000 + "=1", "x=" + "[" * 100_000, "x=" + "1" * 5_000])
def test_toml_that_takes_too_long_is_an_error_with_the_file(tmp_path: Path, text: str) -> None:
    written(tmp_path, f"[tool.kosmo_kernel]\n{text}\n")
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        settings_of(tmp_path)


@pytest.mark.claim("folder-owner")
def test_a_pipe_in_a_folder_above_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    below = tmp_path / "below"
    below.mkdir()
    assert settings_of(below) == {}
    assert ignored_files(below) == [
        f"{tmp_path / 'pyproject.toml'} cannot be read: it is a pipe. Settings in it are not used."
    ]


def test_a_file_that_is_too_long_is_named_and_not_read(tmp_path: Path) -> None:
    written(tmp_path, ALL + "#" * MAX_BYTES)
    assert settings_of(tmp_path) == {}
    assert f"more than {MAX_BYTES:,} bytes" in ignored_files(tmp_path)[0]


@pytest.mark.claim("folder-owner")
def test_a_file_that_everybody_can_write_chooses_nothing_and_is_named(tmp_path: Path) -> None:
    written(tmp_path, "[tool.kosmo_kernel]\naccount = 'production'\n")
    (tmp_path / "pyproject.toml").chmod(0o666)
    assert settings_of(tmp_path) == {}
    assert "every user of this machine can write it" in ignored_files(tmp_path)[0]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_in_a_folder_above_chooses_nothing(tmp_path: Path) -> None:
    written(tmp_path, "[tool.kosmo_kernel]\naccount = 'production'\n")
    os.chown(tmp_path / "pyproject.toml", 4321, 4321)
    own = tmp_path / "own"
    own.mkdir()
    assert settings_of(own) == {}
    assert "belongs to another user" in ignored_files(own)[0]
    written(tmp_path, "[tool.other]\n")
    assert ignored_files(own) == []


def test_the_first_run_of_a_session_names_a_project_file_that_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    monkeypatch.chdir(tmp_path)
    with Session("demo") as session:
        assert any("it is a pipe" in note for note in session.run("return 1").notes)
        assert session.run("return 1").notes == []


@pytest.mark.claim("parent-settings")
def test_a_long_file_has_the_settings_and_the_lines_of_mistakes_of_a_short_one(tmp_path: Path) -> None:
    path = written(tmp_path, "#" * MAX_SMALL_TEXT + ALL)
    assert settings_of(tmp_path)["limit"] == 20
    written(tmp_path, "#" * MAX_SMALL_TEXT + ALL + "limt = 1")
    with pytest.raises(UnknownNameError) as caught:
        settings_of(tmp_path)
    assert str(caught.value).startswith(f"{path}:{ALL.count(chr(10)) + 1}: ")


@pytest.mark.claim("parent-settings")
def test_a_mistake_beside_values_of_many_lines_is_found_at_once(tmp_path: Path) -> None:
    value = "[\n" + "1,\n" * 20_000 + "]"
    path = written(tmp_path, f"[tool.other]\na = {value}\n[tool.kosmo_kernel]\nlimt = 1\n[other]\nb = {value}\n")
    with pytest.raises(UnknownNameError) as caught:
        settings_of(tmp_path)
    assert str(caught.value).startswith(f"{path}:20005: ")
