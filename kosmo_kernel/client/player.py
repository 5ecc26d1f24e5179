"""Replaying: a cassette answers in place of the network, and what is not in it is an error that says so."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts import spelled
from kosmo_kernel.client.cassette import CLOCK, METHOD, VERSION, Asked
from kosmo_kernel.client.connections import BrokenOffError, LostError
from kosmo_kernel.errors import NotRecordedError, SettingsError
from kosmo_kernel.exchange import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kosmo_kernel.accounts import Account
    from kosmo_kernel.catalogue import Integration
    from kosmo_kernel.client.cassette import Wire


class Player:
    """Answers from a cassette. Threads may share it.

    Parameters:
        file: the cassette.

    Attributes:
        file: the same.
        recorded: when it was.
        account: what the run that was recorded meant by the account that it did not name.

    Raises:
        SettingsError: it cannot be read, or is no cassette; with the line.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._answers: dict[Asked, list[dict[str, Any]]] = {}
        self._next: dict[Asked, int] = {}
        self._accounts: dict[str, dict[str, str]] = {}
        self.recorded, self.account = datetime.now(UTC), ""
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise SettingsError(f"The cassette {file} cannot be read: {error.strerror}.") from None
        if not lines:
            raise SettingsError(f"{file} is empty, and so no cassette. {self._again}")
        for number, line in enumerate(lines, 1):
            try:
                self._read(msgspec.json.decode(line), first=number == 1)
            except (ValueError, LookupError, TypeError) as error:
                why = str(error) if isinstance(error, ValueError) else f"{error} is missing or makes no sense"
                raise SettingsError(f"{file}:{number}: this is no line of a cassette: {why}. {self._again}") from None

    def wire(self, integration: Integration, account: Account, _connections: Wire) -> Wire:
        """The cassette in place of connections."""
        return _Replayed(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """The accounts that were asked, in order of name, and the one that was meant."""
        asked = self._accounts.get(integration, {})
        return sorted({spelled(self.account): self.account, **asked}.values())

    def answer(self, asked: Asked) -> Reply:
        """What was recorded for a request.

        Raises:
            NotRecordedError: nothing.
            LostError: there was no answer.
            BrokenOffError: it did not end.
        """
        with self._lock:
            answers = self._answers.get(asked.known(), [])
            place = self._next.get(asked.known(), 0)
            self._next[asked.known()] = min(place + 1, len(answers) - 1)
        if not answers:
            count = sum(map(len, self._answers.values()))
            requests = f"{count:,} request{'' if count == 1 else 's'}"
            raise NotRecordedError(
                f"{asked} is not in {self.file}, which has {requests} of {self.recorded.strftime(CLOCK)}. "
                f"Nothing was sent. {self._again}"
            )
        return _reply(answers[place])

    def told(self) -> str:
        """That nothing is as it is now."""
        return f"Replayed from {self.file}, recorded {self.recorded.strftime(CLOCK)}. Nothing was sent."

    def close(self) -> None:
        """There is nothing to be done."""

    @property
    def _again(self) -> str:
        return f"To record it anew: kosmo integrations:lua --record {self.file} …"

    def _read(self, line: Any, *, first: bool) -> None:
        if not isinstance(line, dict):
            raise ValueError("it must be an object")  # noqa: TRY004 - told like every other mistake in the file
        if first:
            if line["cassette"] != VERSION:
                raise ValueError(f"its version is {line['cassette']!r}, and this is kosmo_kernel {__version__}")
            self.recorded = datetime.strptime(line["recorded"], CLOCK).replace(tzinfo=UTC)
            self.account = str(line["account"])
            return
        if line["method"] != METHOD:
            raise ValueError(f"{line['method']!r} is no method that this package uses")
        headers = tuple(sorted(dict(line.get("asked", {})).items()))
        integration, account = str(line["integration"]), str(line["account"])
        asked = Asked(integration, account, str(line["path"]), headers)
        with suppress(LostError, BrokenOffError):  # which are answers too
            _reply(line)
        self._answers.setdefault(asked.known(), []).append(line)
        self._accounts.setdefault(integration, {}).setdefault(spelled(account), account)


class _Replayed:
    """A cassette in place of an account's connections."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Any:
        return Asked.of(self._integration, self._account, url, headers, query)

    def send(self, request: Any, check: Callable[[], None]) -> Reply:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True


def _reply(line: Mapping[str, Any]) -> Reply:
    """How a request of a cassette ended."""
    if "no_answer" in line:
        raise LostError(str(line["no_answer"]), str(line.get("advice", "")), "never")
    status, headers = line["status"], dict(line["headers"])
    if type(status) is not int or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("an answer has a status, which is a number, and headers, which are texts")
    if "broken" in line:
        raise BrokenOffError(str(line["broken"]), Reply(status, headers, b""))
    body = str(line["text"]).encode() if "text" in line else msgspec.json.encode(line["body"])
    return Reply(status, headers, body)
