"""`heroku.from_archive`: an archive answers as an account does, in Lua, in Python and for an agent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kosmo_kernel import Session, heroku, snapshot
from kosmo_kernel import archive as archives
from kosmo_kernel.errors import KosmoError, NotRecordedError, SettingsError
from kosmo_kernel.text import iso_time

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "notebooks" / "larkmoor-2026-10-20.kosmo"


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
def test_an_archive_answers_functions_and_tables_in_lua(folder: Path, file: str) -> None:
    code = f"""
        local saved = heroku.from_archive('{file}')
        local apps = saved.list_apps()
        return #apps, #saved.list_dynos({{ app_id = apps }}), #saved.tables.stacks()
    """
    with Session("demo") as session, Session() as other:
        lists = session.run(
            "local apps = heroku.list_apps() return #apps, #heroku.list_dynos({ app_id = apps })"
        ).values
        table = session.run("return #heroku.tables.stacks()").value
        result = other.run(code)
    assert result.values == [*lists, table]
    assert {call.account for call in result.calls} == {f"archive {Path(file)}"}


def test_an_archive_answers_functions_and_tables_in_python(folder: Path) -> None:
    saved = heroku.from_archive("saved.kosmo")
    apps = saved.list_apps()

    assert list(apps["name"]) == list(heroku.demo.list_apps()["name"])
    assert len(saved.list_dynos(app_id=apps)) == len(heroku.demo.list_dynos(app_id=heroku.demo.list_apps()))
    assert list(saved.tables.stacks()["stack"]) == list(heroku.demo.tables.stacks()["stack"])
    assert "from_archive" in dir(heroku)
    assert "from_archive" not in dir(saved)


def test_the_clock_is_that_of_the_archive(folder: Path) -> None:
    shutil.copyfile(SHIPPED, "october.kosmo")
    time = archives.SavedSnapshot("october.kosmo").time
    with Session() as session:
        assert session.run("return heroku.from_archive('october.kosmo').list_apps()").value
        account = session.recording.open_archive(Path("october.kosmo"))
        assert session.call("heroku.list_apps", {}, account=account).started == time
    assert heroku.from_archive("october.kosmo").list_apps().attrs["time"] == iso_time(time)


def test_the_snapshot_of_a_time_answers(folder: Path, session: Session) -> None:
    day = archives.SavedSnapshot("saved.kosmo").times[0][:10]
    assert session.run(f"return #heroku.from_archive('saved.kosmo', '{day}').list_apps()").value == 19
    with pytest.raises(KosmoError, match=r"saved\.kosmo has no snapshot of 1999"):
        session.run("heroku.from_archive('saved.kosmo', '1999')")
    with pytest.raises(SettingsError, match=r"saved\.kosmo has no snapshot of 1999"):
        heroku.from_archive("saved.kosmo", "1999")


def test_an_archive_that_was_written_again_is_read_again(folder: Path, session: Session) -> None:
    code = "return #heroku.from_archive('saved.kosmo').list_apps()"
    assert session.run(code).value == 19
    Path("saved.kosmo").unlink()
    with Session("demo", record="saved.kosmo") as recorded:
        recorded.run("heroku.list_stacks()")
    with pytest.raises(NotRecordedError, match="GET /apps"):
        session.run(code)


def test_what_an_archive_does_not_have_is_an_error(folder: Path, session: Session) -> None:
    with pytest.raises(NotRecordedError, match=r"saved\.kosmo has no list"):
        session.run("return heroku.from_archive('saved.kosmo').list_regions()")
    with pytest.raises(NotRecordedError, match=r"saved\.kosmo has no list"):
        heroku.from_archive("saved.kosmo").list_regions()


def test_no_tool_of_an_mcp_server_is_asked_where_an_archive_answers(folder: Path) -> None:
    with (
        Session(from_archive=folder / "saved.kosmo") as session,
        pytest.raises(KosmoError, match="An archive has no answers of MCP servers, and with `--from` none is asked"),
    ):
        session.run("mcp.call('notes', 'search', {})")


@pytest.mark.claim("archive-read")
@pytest.mark.parametrize(
    "file",
    [
        "../saved.kosmo",
        "{folder}/../saved.kosmo",
        "link/saved.kosmo",
        "linked.kosmo",
        "/etc/passwd",
        "/proc/self/mem",
        "../x",
        "x/../../x",
    ],
)
def test_a_script_opens_no_file_elsewhere(folder: Path, session: Session, file: str) -> None:
    (folder / "link").symlink_to(folder.parent, target_is_directory=True)
    (folder / "linked.kosmo").symlink_to(folder.parent / "saved.kosmo")
    with pytest.raises(SettingsError, match="takes a file in the folder that the script runs in, or below"):
        session.run(f"heroku.from_archive('{file.format(folder=folder)}')")


def test_python_opens_any_file(folder: Path) -> None:
    assert len(heroku.from_archive(folder.parent / "saved.kosmo").list_apps()) == 19


@pytest.mark.parametrize("arguments", ["()", "(5)", "({})", "('x', 5)"])
def test_an_argument_that_is_no_text_is_an_error(session: Session, arguments: str) -> None:
    with pytest.raises(KosmoError, match=r"bad argument #[12] to 'from_archive' \(string expected, got"):
        session.run(f"heroku.from_archive{arguments}")


def test_a_file_that_is_no_archive_is_an_error_without_its_content(folder: Path, session: Session) -> None:
    (folder / "notes.txt").write_text("a secret of mine", encoding="utf-8")
    os.mkfifo(folder / "pipe")
    for name in ("notes.txt", "pipe", "nothing", ".", ""):
        with pytest.raises(SettingsError) as caught:
            session.run(f"heroku.from_archive('{name}')")
        assert "secret of mine" not in caught.value.message


@pytest.mark.claim("archive-read")
def test_an_agent_opens_the_archives_that_its_user_named_and_no_other(folder: Path) -> None:
    code = "return #heroku.from_archive('{}').list_apps()"
    with Session("demo", agent=True) as narrow, pytest.raises(SettingsError, match="that the server was started with"):
        narrow.run(code.format("saved.kosmo"))
    with Session("demo", agent=True, archives=["below/saved.kosmo"]) as named:
        assert named.run(code.format("saved.kosmo")).value == 19  # the name of the file is enough
        with pytest.raises(SettingsError, match=r"`--archive FILE`: saved\.kosmo"):
            named.run(code.format("../saved.kosmo"))
    with Session(agent=True, from_archive="saved.kosmo") as answered:
        assert answered.run(code.format("saved.kosmo")).value == 19


def test_the_former_name_says_what_to_write_instead(session: Session) -> None:
    with pytest.raises(KosmoError, match=r"heroku\.from_archive\(FILE\)"):
        session.run("return archive.read('x.kosmo').apps")
    with pytest.raises(AttributeError, match=r"heroku\.from_archive\(FILE\)"):
        _ = archives.read
