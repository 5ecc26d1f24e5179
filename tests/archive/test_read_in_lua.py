"""`archive.read` in Lua: the lists of a snapshot as plain tables, of a file where the script runs, and of no other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel import archive, snapshot
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.session import Session


@pytest.fixture
def folder(tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run within a folder that has an archive, and whose parent has one as well."""
    (tmp_path / "here" / "below").mkdir(parents=True)
    snapshot.take(session, tmp_path / "here" / "saved.kosmo")
    for place in (tmp_path, tmp_path / "here" / "below"):
        (place / "saved.kosmo").write_bytes((tmp_path / "here" / "saved.kosmo").read_bytes())
        (place / "saved.kosmo").chmod(0o600)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("file", ["saved.kosmo", "below/saved.kosmo", "./below/../saved.kosmo"])
def test_the_lists_of_a_snapshot_are_plain_tables(folder: Path, session: Session, file: str) -> None:
    code = (
        f"local saved = archive.read('{file}') local dyno = saved.dynos[1] return #saved.apps, dyno.app.name, dyno.nam"
    )
    value = session.run(code).values
    dynos = archive.read("saved.kosmo").records("dynos")

    assert value == [19, dynos[0]["app"]["name"], None]
    frame = session.run(f"return archive.read('{file}').dynos").frame()
    assert isinstance(frame, KosmoFrame)
    assert list(frame) == list(archive.read("saved.kosmo")["dynos"])


def test_the_snapshot_of_a_time_is_read(folder: Path, session: Session) -> None:
    day = archive.read("saved.kosmo").times[0][:10]
    assert session.run(f"return #archive.read('saved.kosmo', '{day}').apps").value == 19
    with pytest.raises(KosmoError, match=r"saved\.kosmo has no snapshot of 1999"):
        session.run("archive.read('saved.kosmo', '1999')")


@pytest.mark.claim("archive-read")
@pytest.mark.parametrize(
    "file",
    [
        "../saved.kosmo",
        "{folder}/../saved.kosmo",
        "link/saved.kosmo",
        "/etc/passwd",
        "/proc/self/mem",
        "../x",
        "x/../../x",
    ],
)
def test_no_file_elsewhere_is_looked_at(folder: Path, session: Session, file: str) -> None:
    (folder / "link").symlink_to(folder.parent, target_is_directory=True)
    with pytest.raises(SettingsError, match="takes a file in the folder that the script runs in, or below"):
        session.run(f"archive.read('{file.format(folder=folder)}')")


@pytest.mark.parametrize("code", ["archive.read()", "archive.read(5)", "archive.read({})", "archive.read('x', 5)"])
def test_an_argument_that_is_no_text_is_an_error(session: Session, code: str) -> None:
    with pytest.raises(KosmoError, match=r"bad argument #[12] to 'archive.read' \(string expected, got"):
        session.run(code)


def test_a_file_that_is_no_archive_is_an_error_without_its_content(folder: Path, session: Session) -> None:
    (folder / "notes.txt").write_text("a secret of mine", encoding="utf-8")
    os.mkfifo(folder / "pipe")
    for name in ("notes.txt", "pipe", "nothing", ".", ""):
        with pytest.raises(SettingsError) as caught:
            session.run(f"archive.read('{name}')")
        assert "secret of mine" not in caught.value.message


@pytest.mark.claim("archive-read")
@pytest.mark.parametrize("options", [{"agent": True}, {"services": False}])
def test_agents_and_scripts_without_accounts_read_no_archive(folder: Path, options: dict[str, Any]) -> None:
    with Session(**options) as narrow, pytest.raises(SettingsError, match="this script may not"):
        narrow.run("archive.read('saved.kosmo')")
