"""Files that are no archive, or that others may have made: an error that names the file, soon and in little memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from recorded import answers, query, runs
from scripted_api import OK, TOKEN, Asking, Script, said

from kosmo_kernel.archive import file as archive_file
from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.player import Player
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.session import Session

MANY = 2_000_000  # bytes, more than a value of an archive may have in these tests
LIMIT = 1 << 20
MEMORY = 200 << 20  # bytes that a refusal may take at most


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a recording with two answers, whose run has not ended."""
    file = tmp_path / "audit.kosmo"
    recorder = Recorder(file, "default")
    asking = Asking(Script(OK, said(200, '[{"id": "7"}]')), saved=recorder)
    asking.fetch()
    asking.fetch("list_dynos", app_id="my-app")
    recorder.close()
    return file


def replay(file: Path) -> None:
    """Replay all that a recording has."""
    player = Player(file)
    asking = Asking(Script(), saved=player)
    try:
        asking.fetch()
        asking.fetch("list_dynos", app_id="my-app")
    finally:
        player.close()


def resume(file: Path) -> None:
    """Go on with a recording."""
    recorder = Recorder(file, "default", resume=True)
    asking = Asking(Script(OK, OK), saved=recorder)
    try:
        asking.fetch()
        asking.fetch("list_dynos", app_id="my-app")
    finally:
        recorder.close()


Door = Callable[[Path], None]
both = pytest.mark.parametrize("door", [replay, resume])


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail what takes more memory than a refusal may."""
    used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def a_link(file: Path) -> None:
    file.symlink_to(file.rename(file.with_name("other.kosmo")))


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_text(file: Path) -> None:
    file.write_text("hello\n" * 1_000, encoding="utf-8")


def huge(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(MANY * 1_000)


def cut_short(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def overwritten(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(200)
        opened.write(os.urandom(file.stat().st_size - 200))


def another_database(file: Path) -> None:
    file.unlink()
    query(file, "CREATE TABLE mine (x)")


def a_newer_format(file: Path) -> None:
    query(file, "PRAGMA user_version = 3")


def a_trigger(file: Path) -> None:
    query(file, "CREATE TRIGGER t AFTER INSERT ON kosmo_runs BEGIN DELETE FROM kosmo_answers; END")


def an_index(file: Path) -> None:
    query(file, "CREATE INDEX more ON kosmo_answers (hex(request))")


def a_table(file: Path) -> None:
    query(file, "CREATE TABLE more (x)")


def another_column(file: Path) -> None:
    query(file, "ALTER TABLE kosmo_answers ADD COLUMN more TEXT")


def a_changed_letter(file: Path) -> None:
    query(file, "UPDATE kosmo_bodies SET body = replace(body, '7', '8')")


def a_missing_body(file: Path) -> None:
    query(file, "DELETE FROM kosmo_bodies")


def a_huge_body(file: Path) -> None:
    query(file, "UPDATE kosmo_bodies SET body = zeroblob(?)", (MANY,))


def huge_notes(file: Path) -> None:
    query(file, "UPDATE kosmo_answers SET notes = CAST(zeroblob(?) AS TEXT)", (MANY,))


def deep_notes(file: Path) -> None:
    query(file, "UPDATE kosmo_answers SET notes = ?", ("[" * 100_000,))


def no_notes(file: Path) -> None:
    query(file, "UPDATE kosmo_answers SET notes = '{\"a\": 1}'")


def no_time(file: Path) -> None:
    query(file, "UPDATE kosmo_runs SET begun = 'yesterday'")


def no_outcome(file: Path) -> None:
    query(file, "UPDATE kosmo_answers SET outcome = 'fine'")


def no_status(file: Path) -> None:
    query(file, "UPDATE kosmo_answers SET status = '200'")
    query(file, "UPDATE kosmo_answers SET status = 'x'")


def no_account(file: Path) -> None:
    query(file, "UPDATE kosmo_accounts SET salt = 3")


FAULTS: dict[Callable[[Path], None], str] = {
    a_link: "it is a link",
    a_pipe: "it is no regular file",
    a_folder: "it is a folder",
    a_text: "is damaged, or no archive",
    huge: "no archive",
    cut_short: "is damaged",
    overwritten: "is damaged",
    another_database: "no archive of kosmo_kernel, but another SQLite database",
    a_newer_format: "was written by a newer kosmo_kernel: its format is 3",
    a_trigger: "its tables, indexes or triggers are not those of an archive",
    an_index: "its tables, indexes or triggers are not those of an archive",
    a_table: "its tables, indexes or triggers are not those of an archive",
    another_column: "its tables, indexes or triggers are not those of an archive",
    a_changed_letter: "a response in it was changed after it was written",
    a_missing_body: "a response in it was changed after it was written",
    a_huge_body: "it has a value of more than 1 MiB",
    huge_notes: "it has a value of more than 1 MiB",
    deep_notes: "makes no sense",
    no_notes: "makes no sense",
    no_time: "its runs make no sense",
    no_outcome: "Invalid enum value 'fine'",
    no_status: "Expected `int | null`, got `str`",
    no_account: "its accounts make no sense",
}


@both
@pytest.mark.parametrize("make", FAULTS, ids=lambda one: one.__name__)
def test_a_file_with_a_fault_is_an_error_that_names_it(
    door: Door, make: Callable[[Path], None], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_file, "MAX_VALUE_BYTES", LIMIT)
    make(file)
    with little_memory(), pytest.raises(SettingsError) as caught:
        door(file)
    assert caught.value.message.startswith(f"{file} ")
    assert FAULTS[make] in caught.value.message


def test_a_file_of_another_form_is_refused_with_how_to_make_an_archive(file: Path) -> None:
    for make in (a_text, another_database, another_column):
        file.unlink(missing_ok=True)
        open_archive(file, writes=True).close()
        make(file)
        with pytest.raises(SettingsError, match=r"`kosmo snapshot -o FILE` makes one .* `--record FILE` one of a run"):
            Session(from_archive=file)


@pytest.mark.full
@both
def test_a_value_of_more_than_its_limit_is_not_read(door: Door, file: Path) -> None:
    query(file, "UPDATE kosmo_bodies SET body = zeroblob(?)", (MANY * 100,))
    with little_memory(), pytest.raises(SettingsError, match="it has a value of more than 96 MiB"):
        door(file)


@both
def test_a_device_is_no_archive(door: Door) -> None:
    with pytest.raises(SettingsError, match="/dev/zero is not used: it is no regular file"):
        door(Path("/dev/zero"))


@both
def test_a_name_that_no_file_can_have_is_an_error(door: Door, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has a character that none can have"):
        door(tmp_path / "a\0b")


def test_what_does_not_exist_or_is_empty_is_not_replayed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no file .*`kosmo snapshot -o FILE` makes an archive"):
        replay(tmp_path / "missing.kosmo")
    (tmp_path / "empty.kosmo").touch()
    with pytest.raises(SettingsError, match="is empty, and so no archive"):
        replay(tmp_path / "empty.kosmo")
    recorder = Recorder(tmp_path / "empty.kosmo", "default")
    recorder.close()
    assert [one["account"] for one in runs(tmp_path / "empty.kosmo")] == ["default"]


@pytest.mark.claim("recording-own")
@both
def test_views_of_others_are_never_queried(door: Door, file: Path) -> None:
    endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    query(file, f"CREATE VIEW apps AS {endless}")
    door(file)


def test_a_query_that_takes_too_long_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "READ_SECONDS", 0.05)
    with closing(open_archive(file)) as archive, pytest.raises(SettingsError, match="to read"):
        archive.rows("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")


# Who may have written it -------------------------------------------------------------------------------


@pytest.mark.claim("recording-own")
def test_a_file_of_another_user_is_not_believed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(SettingsError, match="it belongs to another user, so its answers could be anything"):
        resume(file)
    assert len(answers(file)) == 2


@both
@pytest.mark.parametrize("mode", [0o602, 0o622, 0o666])
def test_a_file_that_others_can_write_is_not_believed(door: Door, file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(SettingsError, match=r"can write it"):
        door(file)


def test_a_file_that_others_can_read_becomes_private_when_it_is_written(file: Path) -> None:
    file.chmod(0o644)
    replay(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    resume(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_with_a_second_name_is_not_written(file: Path) -> None:
    os.link(file, file.with_name("second"))
    with pytest.raises(SettingsError, match="it has several names"):
        resume(file)


@both
def test_a_folder_in_which_everybody_can_replace_files_is_refused(door: Door, file: Path) -> None:
    file.parent.chmod(0o777)
    with pytest.raises(SettingsError, match="every user of this machine can replace files in its folder"):
        door(file)
    file.parent.chmod(0o1777)
    door(file)


@pytest.mark.claim("recording-own")
@both
@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_what_somebody_else_put_beside_a_file_is_not_taken_in(door: Door, file: Path, suffix: str) -> None:
    beside, target = file.with_name(f"{file.name}{suffix}"), file.with_name("elsewhere")
    target.write_bytes(b"x" * 4096)

    def writable_by_all() -> None:
        beside.touch()
        beside.chmod(0o666)

    plants: list[Callable[[], Any]] = [
        lambda: beside.symlink_to(target),
        lambda: os.link(target, beside),
        lambda: os.mkfifo(beside),
        writable_by_all,
    ]
    content = file.read_bytes()
    for plant in plants:
        plant()
        with pytest.raises(SettingsError, match=f"somebody else may have made audit.kosmo{suffix} beside it"):
            door(file)
        beside.unlink()
    assert (file.read_bytes(), target.read_bytes()) == (content, b"x" * 4096)


# Where it lies -----------------------------------------------------------------------------------------


def test_a_recording_in_a_folder_where_nothing_can_be_written_is_replayed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root can write everywhere
    replay(file)
    assert [path.name for path in file.parent.iterdir()] == ["audit.kosmo"]


def test_a_recording_that_was_not_closed_is_replayed_where_its_folder_can_be_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").mkdir()
    recorder = Recorder(file, "default", resume=True)
    Asking(Script(said(200, "[]")), saved=recorder).fetch("list_domains", app_id="my-app")
    for path in tmp_path.glob("audit.kosmo*"):
        shutil.copy(path, tmp_path / "copy")
    recorder.close()
    with monkeypatch.context() as own:
        own.setattr(os, "access", lambda *_: False)
        with pytest.raises(SettingsError, match="Copy both files to another folder"):
            replay(tmp_path / "copy" / file.name)
    player = Player(tmp_path / "copy" / file.name)
    assert Asking(Script(), saved=player).fetch("list_domains", app_id="my-app").data == []
    player.close()


def test_where_processes_share_no_memory_one_of_them_records(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def without_memory(place: str, **how: Any) -> Any:
        return connect(f"{place}&vfs=unix-dotfile", **how)

    with monkeypatch.context() as own:
        own.setattr(sqlite3, "connect", without_memory)
        own.setattr(archive_file, "LOCK_TIMEOUT_SECONDS", 0.0)
        recorder = Recorder(file, "default", resume=True)
        Asking(Script(said(200, "[]")), saved=recorder).fetch("list_domains", app_id="my-app")
        with pytest.raises(SettingsError, match=r"Another program has been writing .*audit\.kosmo"):
            Recorder(file, "default", resume=True)
        recorder.close()
    assert len(answers(file)) == 3
    player = Player(file)
    assert Asking(Script(), saved=player).fetch("list_domains", app_id="my-app").data == []
    player.close()


# What is in it -----------------------------------------------------------------------------------------


def test_no_byte_of_an_archive_under_way_or_of_what_was_deleted_has_a_secret(tmp_path: Path) -> None:
    """Look at the bytes of all files while they are written, and after an earlier run was replaced."""
    file = tmp_path / "audit.kosmo"
    record = {"id": "1", "attach_url": f"rendezvous://r.example/{TOKEN[5:]}", "note": f"Bearer {TOKEN}", "name": "x"}
    seen = b""
    for name in ("first-run", "second-run"):
        recorder = Recorder(file, "default")
        reply = said(200, json.dumps([{**record, "name": name}] * 50), X_Echo=TOKEN, Set_Cookie="s3cret-cookie")
        Asking(Script(reply), saved=recorder).fetch("list_dynos", app_id="my-app")
        seen += b"".join(path.read_bytes() for path in tmp_path.iterdir())
        recorder.close()
        seen += file.read_bytes()
    assert b"second-run" in file.read_bytes()
    assert b"first-run" not in file.read_bytes()
    assert [secret for secret in (TOKEN, TOKEN[5:], "s3cret-cookie", "rendezvous") if secret.encode() in seen] == []


def test_equal_bodies_are_stored_once(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "audit.kosmo", "default")
    asking = Asking(Script(*[said(200, "[]")] * 3), saved=recorder)
    for app in ("a", "b", "c"):
        asking.fetch("list_dynos", app_id=f"my-{app}")
    recorder.close()
    assert len(answers(tmp_path / "audit.kosmo")) == 3
    assert query(tmp_path / "audit.kosmo", "SELECT body FROM kosmo_bodies") == [{"body": "[]"}]


def test_a_database_that_a_full_disk_left_without_tables_becomes_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "r.kosmo"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
    file.chmod(0o600)
    assert file.stat().st_size > 0
    with Session("demo", record=file) as session:
        assert session.run("return #heroku.list_apps()").value == 19
    with Session(from_archive=file) as session:
        assert session.run("return #heroku.list_apps()").value == 19
