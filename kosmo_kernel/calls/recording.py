"""The recording mode of a session: it records, is answered by an archive, or neither.

A session that is answered by an archive has only the accounts of that; it needs no credentials and reads none of this
machine. `archive/` has the files.

In the kernel of `kosmo run`, all sessions that have no file of their own share that of the run. With `resume`, a run
goes on with the recording, unless that run has ended; see `archive/recorder.py`.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import CredentialsError, KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.settings.notebook_run import NotebookRun, notebook_run
from kosmo_kernel.text import normalize_alias

if TYPE_CHECKING:
    from kosmo_kernel.archive.player import Playback
    from kosmo_kernel.archive.recorder import Recorder
    from kosmo_kernel.archive.runs import EarlierAnswers

_recorders: dict[str, Recorder] = {}  # of the kernel of `kosmo run`, by file
_players: dict[str, Playback] = {}

NO_SERVICES = (
    "There are no integrations here: this command has MCP servers only, and uses no account. `kosmo lua` has both."
)


class RecordingMode:
    """The mode of a session: it records, is answered by an archive, or neither. Keeps its accounts.

    Parameters:
        account: the account of calls that name none. When None, that of the archive that answers, else `demo` with
            KOSMO_DEMO=1, else `default`.
        record: the file to record to, if any.
        from_archive: the archive that answers, if any.
        resume: go on with the recording, unless its run has ended.
        notebook: the session is one of a notebook, whose end is not the end of a run.
        services: scripts may call integrations; without, no account is looked for.
        archives: the archives that scripts may open. When None, those in the folder of the run or below.

    Attributes:
        account: the account, which was checked to exist.
        saved: what records, or answers in place of the services; None for neither.
        recorder: what records; None if nothing does.
        services: whether scripts may call integrations.
        finishes: the end of the session is the end of its run, as it is not in a notebook.

    Raises:
        SettingsError: several modes are requested, a file cannot be written or read, or KOSMO_DEMO is invalid.
        UnknownNameError: there is no such account.
    """

    def __init__(
        self,
        account: str | None = None,
        record: str | os.PathLike[str] | None = None,
        from_archive: str | os.PathLike[str] | None = None,
        *,
        resume: bool = False,
        notebook: bool = False,
        services: bool = True,
        archives: Sequence[str | os.PathLike[str]] | None = None,
    ) -> None:
        self.services, self.finishes = services, not notebook
        self._opened: dict[str, OpenedArchive] = {}
        self._for_scripts = (
            None if archives is None else [*map(Path, archives), *([Path(from_archive)] if from_archive else [])]
        )
        if record is not None and from_archive is not None:
            raise SettingsError("A run that an archive answers asks nothing, so there is nothing to record.")
        self._own = record is not None or from_archive is not None
        run = None if self._own else notebook_run()
        self._player = _player(from_archive, run)
        self.saved: Recorder | Playback | None = self._player
        usual = accounts.DEMO if self._player is None and accounts.demo_chosen() else accounts.DEFAULT
        try:
            self.account = self.account_in_use(account, self._player.account if self._player else usual)
            self.check(self.account)
            self.recorder = _recorder(record, run, self.account, resume=resume)
            self.saved = self._player or self.recorder
            if self.recorder is not None and self.recorder.recorded_account is not None:
                self._check_recorded_account(self.recorder, self.recorder.recorded_account)
        except KosmoError:
            self.close()
            raise

    def _check_recorded_account(self, recorder: Recorder, recorded: str) -> None:
        """Check that a recording to go on with is of the account of this session, with the same token and address."""
        if self._own and normalize_alias(recorded) != normalize_alias(self.account):
            raise SettingsError(
                f"{recorder.file} is a recording of the account `{recorded}`, and this run uses `{self.account}`. "
                "Nothing was sent. Name another file, or the account of the recording."
            )
        for integration in self._integrations():
            if self.account not in accounts.demo_places(integration):
                with suppress(CredentialsError, UnknownNameError):  # the first call raises it
                    recorder.check_owner(accounts.find(integration, self.account))

    @property
    def is_recording(self) -> bool:
        """Return whether responses are recorded in a file."""
        return self.recorder is not None

    @property
    def snapshot(self) -> Path | None:
        """The archive whose newest snapshot answers; None if none does."""
        from kosmo_kernel.archive.player import SnapshotPlayer

        return self._player.file if isinstance(self._player, SnapshotPlayer) else None

    @property
    def resumes(self) -> bool:
        """Return whether a run goes on with a recording."""
        return self.recorder is not None and self.recorder.resumes

    def names(self, integration: Integration, default: str = accounts.DEFAULT) -> list[str]:
        """Return the names of the accounts, like `accounts.names`."""
        if not self.services:
            return []
        if self._player is None:
            return accounts.names(integration, default)
        recorded = self._player.accounts(integration.name)
        fictional = integration.demo_accounts if accounts.is_demo(default) else ()
        return [*recorded, *(name for name in fictional if self.account_in_use(name, default) in recorded)]

    def account_in_use(self, alias: str | None, default: str) -> str:
        """Return the full name of the account that an alias means, see `accounts.account_in_use`.

        The alias `default`, where somebody names it, means the user's own account.
        """
        if alias is not None and accounts.canonical_reserved(alias) == accounts.DEFAULT:
            return accounts.DEFAULT
        return accounts.account_in_use(alias, default, self._integrations())

    def functions(self) -> list[Mapping[str, Function]]:
        """Return the functions of each integration by full name."""
        return [integration.by_full_name() for integration in self._integrations()]

    def _integrations(self) -> Sequence[Integration]:
        return integrations.loaded() if self.services else ()

    def check(self, alias: str) -> None:
        """Check that an account exists, even if the run makes no call.

        Raises:
            UnknownNameError: there is no such account.
        """
        name, there = normalize_alias(alias), self._integrations()
        if not self.services or name == accounts.DEFAULT or alias in self._opened or self._is_named(name, there):
            return
        if self._player is None and any(name in accounts.demo_places(integration) for integration in there):
            return
        if self._player is None:
            if not self._is_named(name, integrations.load_all()):  # those that the user added as well
                accounts.find(integrations.BUILT_IN[0], alias)
            return
        if accounts.looks_like_token(alias):
            raise UnknownNameError(accounts.NOT_AN_ALIAS)
        raise UnknownNameError(self._player.no_account(alias))

    def _is_named(self, name: str, services: Iterable[Integration]) -> bool:
        """Return whether one of some services has an account of a name."""
        return any(name in map(normalize_alias, self.names(service)) for service in services)

    def now(self) -> datetime:
        """Return the time of the data.

        Where an archive answers it is the time of its data. In a run that goes on with a recording it is the time of
        the last answer that was taken from it, and the current time once a request is sent.
        """
        if self._player:
            return self._player.recorded
        return self.recorder.now() if self.recorder else datetime.now(UTC)

    def begin_script(self, name: str, source: str) -> None:
        """Note which script makes the next calls, in a recording."""
        if self.recorder and source.strip():
            self.recorder.begin_script(name, source)

    def time_of_data(self, account: str) -> datetime:
        """Return the time of an account's data: the day of the demo, also from an archive, or else `now`."""
        if archive := self.archive_of(account):
            return archive.recorded if not accounts.is_demo(archive.account) else self.time_of_data(archive.account)
        if accounts.is_demo(account):
            from pkgutil import resolve_name

            demo_times = (
                resolve_name(integration.demo_now) for integration in integrations.loaded() if integration.demo_now
            )
            return next(map(datetime.fromisoformat, demo_times), self.now())
        return self.now()

    def archive_of(self, account: str) -> Playback | None:
        """Return the archive that answers as an account, see `open_archive`; None for another account."""
        opened = self._opened.get(account)
        return opened.playback if opened else None

    def open_archive(self, file: Path, taken_at: str = "") -> str:
        """Open an archive, and return the name of the account as which it answers. It is read again if it has changed.

        Parameters:
            file: its path.
            taken_at: the beginning of the time of a snapshot; the newest one when empty.

        Raises:
            SettingsError: the file cannot be read, is no archive, or has no such snapshot.
        """
        from kosmo_kernel.archive.player import playback_of

        alias = f"archive {file}{f' {taken_at}' if taken_at else ''}"
        opened, version = self._opened.get(alias), _version(file)
        if opened is None or opened.version != version:
            self._opened[alias] = OpenedArchive(playback_of(file, taken_at), version)
            if opened:
                opened.playback.close()
        return alias

    def open_for_script(self, file: str, taken_at: str) -> tuple[str, datetime]:
        """Open an archive for a script, which may come from anybody, and return the account and the time of its data.

        Raises:
            SettingsError: a script may not read the file, or it cannot be opened, see `open_archive`.
        """
        if self._for_scripts is None:
            if not Path(os.path.realpath(file)).is_relative_to(Path.cwd().resolve()):
                raise SettingsError(
                    "from_archive takes a file in the folder that the script runs in, or below. In Python, "
                    "`heroku.from_archive(FILE)` reads any."
                )
            path = Path(file)
        else:
            names = {name: path for path in self._for_scripts for name in (path.name, str(path))}
            if file not in names:
                allowed = ", ".join(sorted(path.name for path in self._for_scripts)) or "none"
                raise SettingsError(
                    f"from_archive reads the archives that the server was started with, by `--archive FILE`: {allowed}."
                )
            path = names[file]
        alias = self.open_archive(path, taken_at)
        return alias, self.time_of_data(alias)

    def summary(self, calls: int) -> list[str]:
        """Return notes for the user about a run with some calls."""
        if self.saved is None or not calls or (self.saved.live and not self._own):
            return []
        return [self.saved.summary()]

    def text(self) -> str:
        """Return sentences on the recording of a command, how many answers it took over and how old they were."""
        return self.recorder.summary() if self.recorder else ""

    @property
    def taken_over(self) -> EarlierAnswers | None:
        """The answers that were taken over from earlier runs, or None for nothing."""
        return self.recorder.taken_over if self.recorder else None

    def facts(self) -> dict[str, Any]:
        """Return the number of answers taken over from earlier runs, and the time of the oldest; empty for none."""
        return {"taken_over": self.taken_over.facts()} if self.taken_over else {}

    def finish(self) -> None:
        """Note that the run has come to its end, unless `kosmo run` does so.

        Raises:
            FileWriteError: the recording cannot be written.
        """
        if self.recorder and self.finishes and self._own:
            self.recorder.finish()

    def close(self) -> None:
        """Write the recording to its file.

        Raises:
            FileWriteError: the file cannot be written.
        """
        for opened in self._opened.values():
            opened.playback.close()
        if self.saved and self._own:
            self.saved.close()


class OpenedArchive(NamedTuple):
    """An archive that answers as an account of its own."""

    playback: Playback
    version: tuple[int, ...]  # of the file, which changes when the file is written


def _version(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except (OSError, ValueError):  # opening it raises the error that says so
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


class KernelRecording:
    """The recording of the kernel of `kosmo run`, or the archive that answers it.

    Parameters:
        record, from_archive: the file, if any.
        resume: go on with the recording.

    Attributes:
        note: a line for the user that says that an archive answers; empty if none does.
        account: the account of the archive that answers; None if none does.
        passed: what the kernel must know of it.

    Raises:
        SettingsError: a file cannot be used.
    """

    def __init__(self, record: str | None, from_archive: str | None, *, resume: bool = False) -> None:
        from kosmo_kernel.archive.player import playback_of
        from kosmo_kernel.archive.recorder import Recorder

        # Open the files, so that errors are raised before the kernel starts.
        self.note: str = ""
        self.account: str | None = None
        if from_archive:
            with closing(playback_of(Path(from_archive))) as playback:
                self.note, self.account = playback.summary(), playback.account or accounts.DEFAULT
        self.passed = NotebookRun(
            record=os.path.abspath(record) if record else "",
            from_archive=os.path.abspath(from_archive) if from_archive else "",
            name=os.urandom(8).hex(),  # like `secrets.token_hex`, whose import would delay every command
            resume=resume,
        )
        self._recorded = Path(record) if record else None
        if self._recorded:
            Recorder(self._recorded, "", self.passed.name, resume=resume).close()

    def text(self) -> str:
        """Return a line for the user about the answers that were there, and the new ones; empty for other runs."""
        if self._recorded is None or not self.passed.resume:
            return ""
        from kosmo_kernel.archive.runs import text_of_run

        return text_of_run(self._recorded, self.passed.name)

    def finish(self) -> None:
        """Note that the run has come to its end.

        Raises:
            FileWriteError: the recording cannot be written.
        """
        if self._recorded is not None:
            from kosmo_kernel.archive.runs import end_closed_run

            end_closed_run(self._recorded, self.passed.name)


def _player(file: str | os.PathLike[str] | None, run: NotebookRun | None) -> Playback | None:
    """Return what answers a session from a file; sessions of the kernel of `kosmo run` share it. None for a service."""
    from_run = run.from_archive if run else ""
    if file is None and not from_run:
        return None
    from kosmo_kernel.archive.player import playback_of

    if file is not None:
        return playback_of(Path(file))
    if from_run not in _players:
        _players[from_run] = playback_of(Path(from_run))
    return _players[from_run]


def _recorder(
    record: str | os.PathLike[str] | None,
    run: NotebookRun | None,
    account: str,
    *,
    resume: bool,
) -> Recorder | None:
    """Return what records a session; sessions of the kernel of `kosmo run` share it. None for nothing."""
    from_run = run.record if run else ""
    if record is None and not from_run:
        return None
    from kosmo_kernel.archive.recorder import Recorder

    if record is not None:
        return Recorder(Path(record), account, resume=resume)
    if run and from_run not in _recorders:
        _recorders[from_run] = Recorder(Path(from_run), account, run.name, resume=run.resume)
        atexit.register(_recorders[from_run].close)
    return _recorders[from_run]
