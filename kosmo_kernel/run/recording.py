"""Whether a session asks services, writes down what they answer, or is answered from what was written down.

A session that replays knows the accounts of its cassette and no others: it needs no credentials, and what this machine
has is none of its business. `client/cassette.py` tells what a cassette is.

`KOSMO_RECORD` and `KOSMO_REPLAY` name a cassette for all sessions of a process that have none of their own: those of a
notebook's kernel, which nobody closes before the process ends. Processes that have `KOSMO_RECORD_RUN` in common record
for one run, into one file; the first one sets it for those that it starts.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.settings.aliases import normalize_alias

if TYPE_CHECKING:
    from kosmo_kernel.client.player import Player
    from kosmo_kernel.client.recorder import Recorder

RECORD, REPLAY, RUN = "KOSMO_RECORD", "KOSMO_REPLAY", "KOSMO_RECORD_RUN"
_recorders: dict[str, Recorder] = {}  # those of the whole process, by file
_players: dict[str, Player] = {}


class RecordingMode:
    """What a session asks.

    Parameters:
        account: what a run means by the account that it does not name; when None that of the run that was recorded,
            else `demo` with KOSMO_DEMO=1, else `default`.
        record: where to write down all answers; the file that KOSMO_RECORD names when None.
        replay: where they come from; likewise KOSMO_REPLAY.

    Attributes:
        account: the same, which exists.
        tape: what is recorded on or replayed from; None for neither.

    Raises:
        SettingsError: both, or a cassette that cannot be written or read, or KOSMO_DEMO makes no sense.
        UnknownNameError: there is no account of that name.
    """

    def __init__(
        self,
        account: str | None = None,
        record: str | os.PathLike[str] | None = None,
        replay: str | os.PathLike[str] | None = None,
    ) -> None:
        own = record is not None or replay is not None
        told = {} if own else {name: text for name in (RECORD, REPLAY) if (text := os.environ.get(name, "").strip())}
        if (record is not None and replay is not None) or len(told) > 1:
            raise SettingsError(
                f"A run is recorded or replayed, not both. Give one of {RECORD if told else 'record'} "
                f"and {REPLAY if told else 'replay'}."
            )
        self._player = _player(replay, told.get(REPLAY))
        usual = accounts.DEMO if self._player is None and accounts.demo_chosen() else accounts.DEFAULT
        self.account = account or (self._player.account if self._player else usual)
        self.check(self.account)
        self._own = own
        self.tape: Recorder | Player | None = self._player or _recorder(record, told.get(RECORD), self.account)

    def names(self, integration: Integration) -> list[str]:
        """The accounts that there are, as `accounts.names` has them."""
        return self._player.accounts(integration.name) if self._player else accounts.names(integration)

    def functions(self) -> dict[str, Function]:
        """What can be called, by full name."""
        return {name: function for one in integrations.present() for name, function in one.by_full_name().items()}

    def surface(self) -> list[dict[str, Any]]:
        """What `app.integrations` holds at first."""
        there = integrations.present()
        return surface(there, {one.name: self.names(one) for one in there})

    def check(self, alias: str) -> None:
        """An account that is asked for by name must exist, whether or not the run makes a call.

        Raises:
            UnknownNameError: it does not.
        """
        name, there = normalize_alias(alias), integrations.present()
        if name == accounts.DEFAULT or any(name in map(normalize_alias, self.names(one)) for one in there):
            return
        if self._player is None:
            accounts.find(integrations.BUILT_IN[0], alias)
            return
        has = dict.fromkeys(known for one in there for known in self.names(one))
        raise UnknownNameError(
            f"{self._player.file} was recorded without the account `{alias}`; it has {', '.join(has)}."
        )

    def now(self) -> datetime:
        """The time that what a run learns is of: of a cassette the one at which it was recorded."""
        return self._player.recorded if self._player else datetime.now(UTC)

    def summary(self, calls: int) -> list[str]:
        """What people should know of a run with so many calls."""
        if self.tape is None or not calls or (self.tape.live and not self._own):
            return []
        return [self.tape.summary()]

    def close(self) -> None:
        """Put what was recorded in its place.

        Raises:
            OSError: it cannot be put there.
        """
        if self.tape and self._own:
            self.tape.close()


@contextmanager
def cassette(record: str | None, replay: str | None) -> Iterator[str]:
    """Have the processes that are started meanwhile, a notebook's kernel, record or replay.

    Gives what people should know of all that they show: that it is replayed, or nothing.

    Raises:
        SettingsError: what is to be replayed is no cassette.
    """
    from kosmo_kernel.client.player import Player

    replayed = Player(Path(replay)).summary() if replay else ""  # a mistake in it is better told now
    told = {name: os.path.abspath(file) for name, file in ((RECORD, record), (REPLAY, replay)) if file}
    told |= {RUN: _new_run()} if record else {}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield replayed
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _player(file: str | os.PathLike[str] | None, shared: str | None) -> Player | None:
    """What answers from a cassette: of one session, or of all that share one."""
    if file is None and shared is None:
        return None
    from kosmo_kernel.client.player import Player

    if file is not None:
        return Player(Path(file))
    name = os.path.abspath(shared or "")
    if name not in _players:
        _players[name] = Player(Path(name))
    return _players[name]


def _recorder(file: str | os.PathLike[str] | None, shared: str | None, account: str) -> Recorder | None:
    """What writes a cassette: of one session, or of all that share one."""
    if file is None and shared is None:
        return None
    from kosmo_kernel.client.recorder import Recorder

    if file is not None:
        return Recorder(Path(file), account)
    name = os.path.abspath(shared or "")
    if name not in _recorders:
        _recorders[name] = Recorder(Path(name), account, _run())
        atexit.register(_recorders[name].close)
    return _recorders[name]


def _run() -> str:
    """What the processes of this run have in common; made where nobody has told, for those that this one starts."""
    told = os.environ.get(RUN, "").strip() or _new_run()
    os.environ[RUN] = told
    return told


def _new_run() -> str:
    return os.urandom(8).hex()  # as `secrets` makes it, whose import every command would wait for
