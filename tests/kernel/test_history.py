"""Test what was typed in Lua notebooks, over several kernels, in one file."""

from __future__ import annotations

import pwd
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.paths import jupyter_data_dir

from kosmo_kernel.errors import TryLaterError
from kosmo_kernel.kernel import history as module
from kosmo_kernel.kernel.history import History


@contextmanager
def session(place: Path | str, *cells: str) -> Iterator[History]:
    """Yield a kernel's history in which these cells were typed."""
    opened = History(place)
    for number, code in enumerate(cells, start=1):
        opened.add(number, code)
    with closing(opened):
        yield opened


def find(
    history: History, kind: str, session: object = 0, start: int = 0, stop: int | None = None, **fields: Any
) -> Any:
    """Return what a history has for a request."""
    return history.find({"hist_access_type": kind, "session": session, "start": start, "stop": stop, **fields})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "kosmo-lua" / "history.sqlite"


def test_the_last_cells_are_found_oldest_first(place: Path) -> None:
    with session(place, "a = 1", "a", "b") as one:
        assert find(one, "tail", n=2) == [(1, 2, "a"), (1, 3, "b")]


def test_a_range_is_of_one_session(place: Path) -> None:
    with session(place, "a", "b", "c", "d"):
        pass
    with session(place, "x", "y") as two:
        assert find(two, "range", 0) == [(2, 1, "x"), (2, 2, "y")]
        assert find(two, "range", 0, 2, 3) == [(2, 2, "y")]
        assert find(two, "range", -1, 2, 4) == [(1, 2, "b"), (1, 3, "c")]
        assert find(two, "range", 1, 3) == [(1, 3, "c"), (1, 4, "d")]
        assert find(two, "range", 7, 1, 9) == []


def test_a_request_that_makes_no_sense_leaves_the_history_as_it_was(place: Path) -> None:
    with session(place, "a") as one:
        with pytest.raises(ValueError, match="'the last one'"):
            find(one, "range", "the last one")  # a front end can send anything
        assert find(one, "range", 10**30) == find(one, "range", 0, 10**30) == []
        assert find(one, "range", 0) == [(1, 1, "a")]


def test_before_its_first_cell_a_session_knows_the_one_before(place: Path) -> None:
    with session(place, "a"):
        pass
    with session(place) as two:
        assert (find(two, "range", 0), find(two, "range", -1)) == ([], [(1, 1, "a")])


def test_a_search_matches_whole_texts_as_a_glob(place: Path) -> None:
    with session(place, "a = 1", "b", "ab", "a = 1", "A") as one:
        assert find(one, "search", pattern="a*") == [(1, 1, "a = 1"), (1, 3, "ab"), (1, 4, "a = 1")]
        assert find(one, "search", pattern="?") == [(1, 2, "b"), (1, 5, "A")]
        assert find(one, "search", pattern="a*", n=1) == [(1, 4, "a = 1")]
        assert find(one, "search") == find(one, "tail")


def test_of_equal_texts_a_unique_search_finds_the_latest(place: Path) -> None:
    with session(place, "a", "b", "a"):
        pass
    with session(place, "b", "c") as two:
        assert find(two, "search", pattern="[ab]", unique=True) == [(1, 3, "a"), (2, 1, "b")]
        assert find(two, "search", pattern="*", unique=True, n=2) == [(2, 1, "b"), (2, 2, "c")]


def test_outputs_are_those_of_this_session_and_never_written(place: Path) -> None:
    with session(place, "first") as one:
        one.show(1, "a secret of the account")
    with session(place, "a", "b") as two:
        two.show(2, "5")
        assert find(two, "tail", output=True) == [(1, 1, ("first", None)), (2, 1, ("a", None)), (2, 2, ("b", "5"))]
    assert b"a secret" not in place.read_bytes()


def test_old_outputs_make_room(place: Path) -> None:
    with session(place, *map(str, range(150))) as one:
        for number in range(1, 151):
            one.show(number, "x")
        assert [text for _, _, (_, text) in find(one, "range", output=True)] == [None] * 50 + ["x"] * 100


@pytest.mark.claim("history-no-token")
def test_secrets_are_not_written(place: Path) -> None:
    with session(place, "key = 'HRKU-12345678-abcd'", "half \ud800") as one:
        assert [text for *_, text in find(one, "tail")] == ["key = '[redacted]'", "half ?"]
    assert b"12345678" not in place.read_bytes()


@pytest.mark.claim("files-owner-only")
def test_the_file_is_the_users_alone(place: Path) -> None:
    with session(place, "a"):
        pass
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place.parent, place)] == [0o700, 0o600]


def test_two_kernels_write_at_the_same_time(place: Path) -> None:
    with session(place, "a") as one:
        find(one, "tail")
        with session(place, "b") as two:
            find(two, "tail")
            one.add(2, "c")
            find(one, "tail")
            assert find(two, "tail") == [(1, 1, "a"), (1, 2, "c"), (2, 1, "b")]


def test_where_there_can_be_no_file_cells_are_remembered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    for unusable in (tmp_path / "a file" / "history.sqlite", ":memory:"):
        with session(unusable, "a", "b") as one:
            assert find(one, "tail") == [(1, 1, "a"), (1, 2, "b")]


def test_a_file_that_is_no_database_any_more_is_put_aside(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(b"no database at all, " * 100)
    with session(place, "a"):
        pass
    with session(place, "b") as two:
        assert find(two, "tail") == [(1, 1, "a"), (2, 1, "b")]
    assert place.with_name("history.sqlite.broken").read_bytes().startswith(b"no database")


def test_a_file_that_another_holds_for_too_long_is_an_error_and_no_hang(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(place, "a") as one:
        find(one, "tail")
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with monkeypatch.context() as patch:
                patch.setattr(module, "TIMEOUT_SECONDS", 0.05)
                with pytest.raises(TryLaterError, match="in use by another kernel"):
                    find(one, "tail")
            other.execute("ROLLBACK")
        assert find(one, "tail") == [(1, 1, "a")]


@pytest.mark.claim("history-no-token")
def test_the_file_is_among_jupyters_data_unless_it_is_switched_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.file() == home / "jupyter" / "data" / "kosmo-lua" / "history.sqlite"
    monkeypatch.setenv("KOSMO_HISTORY", "0")
    assert module.file() == ":memory:"
    monkeypatch.setenv("KOSMO_HISTORY", "off")
    assert module.file() == ":memory:"
    monkeypatch.setenv("KOSMO_HISTORY", "1")
    assert module.file() == home / "jupyter" / "data" / "kosmo-lua" / "history.sqlite"


@pytest.mark.parametrize(
    "names", [(), ("JUPYTER_DATA_DIR",), ("XDG_DATA_HOME",), ("JUPYTER_DATA_DIR", "XDG_DATA_HOME")]
)
@pytest.mark.parametrize("value", ["", "folder"])
@pytest.mark.parametrize("platform_folders", ["0", "1"])
def test_the_file_is_in_the_folder_that_jupyter_itself_names(
    names: tuple[str, ...], value: str, platform_folders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, value and str(tmp_path / value / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", platform_folders)
    assert module.file() == Path(jupyter_data_dir(), "kosmo-lua", "history.sqlite")


def test_a_user_without_a_home_directory_has_the_history_of_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_DATA_DIR", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])  # a container with a user that its system does not list
    assert module.file() == ":memory:"
