"""Archives that were damaged, changed or made by somebody else: an error that names the file, and soon."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from full_matrix import full_except

from kosmo_kernel import archive, snapshot
from kosmo_kernel.archive import contents
from kosmo_kernel.archive.file import digest_of
from kosmo_kernel.checks.inventory import from_account
from kosmo_kernel.errors import LimitError, SettingsError, StoppedError
from kosmo_kernel.session import Session


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "saved.kosmo"
    with Session("demo") as session:
        snapshot.take(session, file)
    return file


@pytest.fixture
def file(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "saved.kosmo"))


def changed(file: Path, *statements: str) -> None:
    """Change an archive with SQL, in which `:app` is the number of an app's record, and `:deep` is deep JSON."""
    query = "SELECT record FROM kosmo_rows JOIN kosmo_lists AS l ON l.id = list WHERE name = 'apps' AND position = 3"
    with closing(sqlite3.connect(file)) as connection:
        values = {"app": connection.execute(query).fetchone()[0], "deep": "[" * 100_000 + "]" * 100_000}
        connection.create_function("digest", 1, lambda body: digest_of(body.encode()))
        for statement in statements:
            connection.execute(statement, values)
        connection.commit()


def read_all(file: Path) -> None:
    saved = archive.SavedSnapshot(file)
    for name in saved:
        saved.records(name)


def answer(file: Path) -> None:
    with Session(from_archive=file) as session:
        session.run("return #heroku.list_apps()")


def add_another(file: Path) -> None:
    with Session("demo") as session:
        snapshot.take(session, file)


def make_an_inventory(file: Path) -> None:
    with Session(from_archive=file) as session:
        from_account(session)


READERS: tuple[Callable[[Path], object], ...] = (read_all, answer, make_an_inventory, snapshot.compare)

CHANGES = {
    "another record": ("UPDATE kosmo_bodies SET body = replace(body, 'a', 'b') WHERE id = :app",),
    "a record that is a number": ("UPDATE kosmo_bodies SET body = 5 WHERE id = :app",),
    "a record without a text": ("DELETE FROM kosmo_bodies WHERE id = :app",),
    "a record of megabytes": ("UPDATE kosmo_bodies SET body = hex(zeroblob(5000000)) WHERE id = :app",),
    "a deep record": ("UPDATE kosmo_bodies SET body = :deep, hash = digest(:deep) WHERE id = :app",),
    "a list as a record": ("UPDATE kosmo_bodies SET body = '[]', hash = digest('[]') WHERE id = :app",),
    "two records in one": ("UPDATE kosmo_bodies SET body = '{},{}', hash = digest('{},{}') WHERE id = :app",),
    "a lost record": ("DELETE FROM kosmo_rows WHERE position = 3",),
    "a record twice": ("INSERT INTO kosmo_rows SELECT list, 999, record FROM kosmo_rows WHERE position = 3",),
    "a lost list": ("DELETE FROM kosmo_lists",),
    "a document that is none": ("UPDATE kosmo_snapshots SET document = 'x'",),
    "a document of another type": ("UPDATE kosmo_snapshots SET document = x'00ff'",),
    "a document of other keys": ("UPDATE kosmo_snapshots SET document = '{\"account\": 5}'",),
    "a deep document": ("UPDATE kosmo_snapshots SET document = :deep",),
    "a document without its time": ("UPDATE kosmo_snapshots SET document = replace(document, '\"begun\":\"', '&x')",),
    "a failure without its list": (
        "UPDATE kosmo_snapshots SET document = replace(document, '\"failures\":[]', '\"failures\":[{}]')",
    ),
    "no snapshot": ("DELETE FROM kosmo_snapshots",),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON kosmo_rows BEGIN DELETE FROM kosmo_rows; END",),
    "another table": ("CREATE TABLE mine (id)",),
}


@pytest.mark.parametrize("change", full_except(CHANGES.values(), *[*CHANGES.values()][::2]), ids=CHANGES)
def test_a_changed_snapshot_is_an_error_that_names_the_file(file: Path, change: tuple[str, ...]) -> None:
    changed(file, *change)
    for read in READERS:
        with pytest.raises(SettingsError, match=r"saved\.kosmo"):
            read(file)


def many_rows(file: Path, body: str, rows: int) -> None:
    """Let many rows of the list of apps name one record."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO kosmo_bodies (hash, body) VALUES (?, ?)", (digest_of(body.encode()), body))
        connection.execute("DELETE FROM kosmo_rows WHERE list = (SELECT id FROM kosmo_lists WHERE name = 'apps')")
        connection.executemany(
            "INSERT INTO kosmo_rows SELECT l.id, ?, max(b.id) FROM kosmo_lists l, kosmo_bodies b WHERE name = 'apps'",
            ((position,) for position in range(rows)),
        )
        connection.execute("UPDATE kosmo_snapshots SET document = json_set(document, '$.tables.apps.rows', ?)", (rows,))


AMPLIFIED = {
    "bytes": ('{"id": "x", "name": "%s"}' % ("a" * 1_000_000), 500),
    "values": ('{"id": "x", "name": [%s 0]}' % ("0," * 20_000), 500),
}


@pytest.mark.parametrize("body", AMPLIFIED.values(), ids=AMPLIFIED)
def test_many_rows_of_one_large_record_are_refused_before_they_fill_the_memory(
    file: Path, body: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", str(32 << 20))
    many_rows(file, *body)
    tracemalloc.start()
    for read in READERS:
        with pytest.raises(LimitError, match=r"saved\.kosmo has records of more than 3[\d,]+ bytes or 4[\d,]+ values"):
            read(file)
    assert tracemalloc.get_traced_memory()[1] < 400 << 20
    tracemalloc.stop()


def test_reading_a_list_ends_at_the_next_record_when_the_run_has_ended(file: Path) -> None:
    many_rows(file, '{"id": "x", "name": "y"}', 5_000)
    saved, seen = archive.SavedSnapshot(file), []

    def check() -> None:
        seen.append(1)
        if len(seen) == 10:
            raise StoppedError("Interrupted.")

    saved.budget.check = check
    with pytest.raises(StoppedError):
        saved.records("apps")
    assert len(seen) == 10


FACTS = {
    "a failure without a message": ("$.failures", '[{"table": "apps", "type": "refused"}]'),
    "a failure whose type is a number": ("$.failures", '[{"table": "apps", "type": 5, "message": ""}]'),
    "a list left out without a reason": ("$.left_out", '[{"table": "apps"}]'),
    "a name without end": ("$.account", json.dumps("a" * 1_000_000)),
    "a user without end": ("$.user", json.dumps("a" * 1_000_000)),
}


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_facts_that_make_no_sense_are_one_short_error(file: Path, fact: tuple[str, str]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE kosmo_snapshots SET document = json_set(document, ?, json(?))", fact)
    for read in READERS:
        with pytest.raises(SettingsError, match=r"saved\.kosmo cannot be read") as caught:
            read(file)
        assert len(caught.value.message) < 400


def test_a_name_that_is_no_utf_8_is_one_short_error(file: Path) -> None:
    changed(file, "UPDATE kosmo_lists SET name = CAST(x'61ff' AS TEXT)")
    with pytest.raises(SettingsError, match=r"saved\.kosmo") as caught:
        read_all(file)
    assert len(caught.value.message) < 400


def test_a_time_without_end_is_one_short_error(file: Path) -> None:
    changed(file, "UPDATE kosmo_snapshots SET taken_at = replace(hex(zeroblob(1000000)), '0', '2')")
    with pytest.raises(SettingsError, match=r"saved\.kosmo has no snapshot of 1999") as caught:
        archive.SavedSnapshot(file, "1999" * 100_000)
    assert len(caught.value.message) < 400


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:8192] + b"\xff" * 16384 + content[24576:])


def replace_by_link(file: Path) -> None:
    file.rename(file.with_name("other"))
    file.symlink_to(file.with_name("other"))


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE apps (name)")


def replace_by_text(file: Path) -> None:
    file.write_text('{"kosmo_snapshot": 1}\n' * 1000, encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [truncate, overwrite, replace_by_link, replace_by_pipe, replace_by_folder, replace_by_database, replace_by_text],
)
def test_what_is_no_archive_is_an_error_that_names_the_file(file: Path, damage: Callable[[Path], None]) -> None:
    damage(file)
    readers: tuple[Callable[[Path], object], ...] = (*READERS, add_another)
    for read in readers:
        with pytest.raises(SettingsError, match=r"saved\.kosmo"):
            read(file)


def test_views_of_others_are_never_queried(file: Path) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS name FROM n"
    changed(
        file, "DROP VIEW apps", f"CREATE VIEW apps AS {endless}", "DROP VIEW dynos", "CREATE VIEW dynos AS SELECT 1"
    )

    assert len(archive.SavedSnapshot(file).records("apps")) == 19
    assert len(archive.SavedSnapshot(file).records("dynos")) == 43
    with Session("demo") as session:
        assert snapshot.take(session, file).snapshots == 2


@pytest.mark.parametrize("name", ["/home/me/planted", "../planted", "a b", "Äpps", "-x", ""])
def test_a_list_whose_name_is_no_word_makes_the_file_unusable_before_anything_is_written(
    name: str, file: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        [(document,)] = connection.execute("SELECT document FROM kosmo_snapshots")
        content = json.loads(document)
        content["tables"][name] = content["tables"].pop("apps")
        connection.execute("UPDATE kosmo_snapshots SET document = ?", (json.dumps(content),))
        connection.execute("UPDATE kosmo_lists SET name = ? WHERE name = 'apps'", (name,))
    with pytest.raises(SettingsError, match="the name of a list must be a word"):
        contents.export(file, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved.kosmo"]
