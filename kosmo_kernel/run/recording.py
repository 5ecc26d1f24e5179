"""The recording mode of a session: it records, replays a recording, answers from a snapshot, or does none of these.

A session that replays or answers from a snapshot has only the accounts of these; it needs no credentials and reads none
of this machine. `archive/` has the files.

`KOSMO_RECORD` and `KOSMO_REPLAY` name a file for all sessions of a process that have none of their own, such as those
of a notebook kernel, which are closed only when the process exits. Processes with the same `KOSMO_RECORD_RUN` record
one run into one file; the first process sets it for its child processes. The user's settings can name a file for
notebooks. With `resume`, a run goes on with the recording, unless that run has ended; see `archive/recorder.py`.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import CredentialsError, KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import (
    NOTEBOOK_RECORD,
    NOTEBOOK_RESUME,
    RECORD,
    RECORD_RUN,
    REPLAY,
    RESUME,
)
from kosmo_kernel.text import normalize_alias

if TYPE_CHECKING:
    from kosmo_kernel.archive.player import Playback, Player
    from kosmo_kernel.archive.recorder import Recorder
    from kosmo_kernel.archive.runs import EarlierAnswers

_recorders: dict[str, Recorder] = {}  # shared by the sessions of this process, by file
_players: dict[str, Player] = {}
_own_runs: list[str] = []  # the id of the run that this process began, if it did

NO_SERVICES = (
    "There are no integrations here: this command has MCP servers only, and uses no account. `kosmo lua` has both."
)


class RecordingMode:
    """The mode of a session: it records, replays, answers from a snapshot, or does none of these. Keeps its accounts.

    Parameters:
        account: the account of calls that name none. When None, that of the replayed run or the snapshot, else `demo`
            with KOSMO_DEMO=1, else `default`.
        record: the file to record to; the file in KOSMO_RECORD when None.
        replay: the file to replay; the file in KOSMO_REPLAY when None.
        snapshot: the archive whose newest snapshot is to answer.
        resume: go on with the recording, unless its run has ended; as KOSMO_RESUME says when None.
        notebook: the session is one of a notebook, so the user's settings may name a file to record to.
        services: scripts may call integrations; without, no account is looked for.

    Attributes:
        account: the account, which was checked to exist.
        cassette: the recorder, or what plays saved answers; None for neither.
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
        replay: str | os.PathLike[str] | None = None,
        snapshot: str | os.PathLike[str] | None = None,
        *,
        resume: bool | None = None,
        notebook: bool = False,
        services: bool = True,
    ) -> None:
        self.services, self.finishes = services, not notebook
        own = any(file is not None for file in (record, replay, snapshot))
        shared_record, shared_replay = (None, None) if own else (RECORD.from_env(), REPLAY.from_env())
        if snapshot is not None and (record is not None or replay is not None):
            raise SettingsError("A run that answers from a snapshot is neither recorded nor replayed.")
        resumes = RESUME.resolve(resume)
        if notebook and not (own or shared_record or shared_replay):
            shared_record, resumes = _notebook_recording(resumes=resumes)
        if (record is not None and replay is not None) or (shared_record and shared_replay):
            names = (RECORD.name, REPLAY.name) if own else (RECORD.variable, REPLAY.variable)
            raise SettingsError(f"A run is recorded or replayed, not both. Give one of {' and '.join(names)}.")
        self._player: Playback | None
        if snapshot is None:
            self._player = _player(replay, shared_replay)
        else:
            from kosmo_kernel.archive.player import SnapshotPlayer

            self._player = SnapshotPlayer(Path(snapshot))
        self._own = own
        self.cassette: Recorder | Playback | None = self._player
        # Of a run of several processes, the one that began it tells the user about the recording.
        self._tells = resumes and shared_record is not None and RECORD_RUN.from_env() in (None, *_own_runs)
        usual = accounts.DEMO if self._player is None and accounts.demo_chosen() else accounts.DEFAULT
        try:
            self.account = self.account_in_use(account, self._player.account if self._player else usual)
            self.check(self.account)
            self._recorder = _recorder(record, shared_record, self.account, resumes=resumes)
            self.cassette = self._player or self._recorder
            if self._recorder is not None and self._recorder.recorded_account is not None:
                self._check_recorded_account(self._recorder, self._recorder.recorded_account)
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
        return self._recorder is not None

    @property
    def resumes(self) -> bool:
        """Return whether a run goes on with a recording."""
        return self._recorder is not None and self._recorder.resumes

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

    def surface(self) -> list[dict[str, Any]]:
        """Return the initial content of `app.integrations`."""
        there = self._integrations()
        return surface(there, {integration.name: self.names(integration, self.account) for integration in there})

    def _integrations(self) -> Sequence[Integration]:
        return integrations.loaded() if self.services else ()

    def check(self, alias: str) -> None:
        """Check that an account exists, even if the run makes no call.

        Raises:
            UnknownNameError: there is no such account.
        """
        name, there = normalize_alias(alias), self._integrations()
        if not self.services or name == accounts.DEFAULT or self._is_named(name, there):
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

        In a replay it is the time of the recording, or of the snapshot. In a run that goes on with a recording it is
        the time of the last answer that was taken from it, and the current time once a request is sent.
        """
        if self._player:
            return self._player.recorded
        return self._recorder.now() if self._recorder else datetime.now(UTC)

    def begin_script(self, name: str, source: str) -> None:
        """Note which script makes the next calls, in a recording."""
        if self._recorder and source.strip():
            self._recorder.begin_script(name, source)

    def time_of_data(self, account: str) -> datetime:
        """Return the time of an account's data: the day of the demo, also in a replay, or else `now`."""
        if accounts.is_demo(account):
            from pkgutil import resolve_name

            demo_times = (
                resolve_name(integration.demo_now) for integration in integrations.loaded() if integration.demo_now
            )
            return next(map(datetime.fromisoformat, demo_times), self.now())
        return self.now()

    def summary(self, calls: int) -> list[str]:
        """Return notes for the user about a run with some calls."""
        if self.cassette is None or not calls or (self.cassette.live and not self._own and not self._tells):
            return []
        self._tells = False
        return [self.cassette.summary()]

    def text(self) -> str:
        """Return sentences on the recording of a command, how many answers it took over and how old they were."""
        return self._recorder.summary() if self._recorder else ""

    @property
    def taken_over(self) -> EarlierAnswers | None:
        """The answers that were taken over from earlier runs, or None for nothing."""
        return self._recorder.taken_over if self._recorder else None

    def facts(self) -> dict[str, Any]:
        """Return the number of answers taken over from earlier runs, and the time of the oldest; empty for none."""
        return {"taken_over": self.taken_over.facts()} if self.taken_over else {}

    def finish(self) -> None:
        """Note that the run has come to its end, unless other processes record it, too.

        Raises:
            FileWriteError: the recording cannot be written.
        """
        is_ours = self._own or RECORD_RUN.from_env() in (None, *_own_runs)
        if self._recorder and self.finishes and is_ours:
            self._recorder.finish()

    def close(self) -> None:
        """Write the recording to its file.

        Raises:
            FileWriteError: the file cannot be written.
        """
        if self.cassette and self._own:
            self.cassette.close()


@contextmanager
def cassette(record: str | None, replay: str | None, *, resume: bool = False) -> Iterator[CassetteOfChildren]:
    """Make child processes that start meanwhile, such as a notebook kernel, record or replay.

    Parameters:
        record, replay: the file, if any.
        resume: go on with the recording.

    Raises:
        SettingsError: the file to replay is no recording, or that to record to cannot be used.
    """
    run = _new_run()
    of_children = CassetteOfChildren(
        run, Path(replay) if replay else None, Path(record) if record else None, resume=resume
    )
    with ExitStack() as stack:
        for setting, file in ((RECORD, record), (REPLAY, replay)):
            if file:
                stack.enter_context(setting.exported(os.path.abspath(file)))
        if record:
            stack.enter_context(RECORD_RUN.exported(run))
            stack.enter_context(RESUME.exported("1" if resume else "0"))
        yield of_children


class CassetteOfChildren:
    """The recording of child processes, or the one that they replay.

    Parameters:
        run: the id of their run.
        replayed: the file that they replay, if any.
        recorded: the file that they record to, if any.
        resume: whether they go on with it.

    Attributes:
        note: a line for the user that says that the run is replayed; empty if it is not.
    """

    def __init__(self, run: str, replayed: Path | None, recorded: Path | None, *, resume: bool) -> None:
        from kosmo_kernel.archive.player import Player

        self.note = Player(replayed).summary() if replayed else ""  # raises errors before the child process starts
        self._run, self._recorded, self._resumes = run, recorded, resume
        if recorded:
            from kosmo_kernel.archive.recorder import Recorder

            # Begin the run, so that errors are raised before a child process starts.
            recorder = Recorder(recorded, "", run, resume=resume)
            recorder.close()

    def text(self) -> str:
        """Return a line for the user about the answers that were there, and the new ones; empty for other runs."""
        if self._recorded is None or not self._resumes:
            return ""
        from kosmo_kernel.archive.runs import text_of_run

        return text_of_run(self._recorded, self._run)

    def finish(self) -> None:
        """Note that the run has come to its end.

        Raises:
            FileWriteError: the recording cannot be written.
        """
        if self._recorded is not None:
            from kosmo_kernel.archive.runs import end_closed_run

            end_closed_run(self._recorded, self._run)


def _player(file: str | os.PathLike[str] | None, shared: str | None) -> Player | None:
    """Return the player of one session, or the one that sessions of this process share; None for neither."""
    if file is None and shared is None:
        return None
    from kosmo_kernel.archive.player import Player

    if file is not None:
        return Player(Path(file))
    name = os.path.abspath(shared or "")
    if name not in _players:
        _players[name] = Player(Path(name))
    return _players[name]


def _notebook_recording(*, resumes: bool) -> tuple[str | None, bool]:
    """Return the file that the user's settings name for recordings of notebooks, and whether they go on with it."""
    settings = config()
    name = settings.get(*NOTEBOOK_RECORD.config)
    if name is None:
        return None, resumes
    return str(Path(name).expanduser()), resumes or bool(settings.get(*NOTEBOOK_RESUME.config))


def _recorder(
    file: str | os.PathLike[str] | None, shared: str | None, account: str, *, resumes: bool
) -> Recorder | None:
    """Return the recorder of one session, or the one that sessions of this process share; None for neither."""
    if file is None and shared is None:
        return None
    from kosmo_kernel.archive.recorder import Recorder

    if file is not None:
        return Recorder(Path(file), account, resume=resumes)
    name = os.path.abspath(shared or "")
    if name not in _recorders:
        _recorders[name] = Recorder(Path(name), account, _run(), resume=resumes)
        atexit.register(_recorders[name].close)
    _recorders[name].begin_use()
    return _recorders[name]


def _run() -> str:
    """Return the id that the processes of this run share; a new one is set for child processes."""
    run: str | None = RECORD_RUN.from_env()
    if run is None:
        _own_runs.append(run := _new_run())
        os.environ[RECORD_RUN.variable] = run
    return run


def _new_run() -> str:
    return os.urandom(8).hex()  # like `secrets.token_hex`, whose import would delay every command
