"""Recording: every answer of a session goes to its cassette the moment it arrives, without what is secret in it.

Several processes can record for one run: a notebook's kernels, and the commands that its cells start. Each writes a
file of its own, and joins it to the cassette when it ends, one at a time. A cassette that was there before is another
run's, and makes place for the first of them.
"""

from __future__ import annotations

import itertools
import os
import re
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.cassette import (
    METHOD,
    TIMESTAMP_FORMAT,
    VERSION,
    RecordedRequest,
    RecordedServerRequest,
    Transport,
)
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import REDACTED, in_texts, redact
from kosmo_kernel.settings.private_files import LOCK_TIMEOUT_SECONDS, PRIVATE, write
from kosmo_kernel.values.records import decode

# What may be better a moment later.
_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
# What an answer's head says of the connection, of caches or of who asks, and not of the answer.
_LEFT_OUT = frozenset(
    """
    accept-ranges age alt-svc authorization cache-control connection content-encoding content-length cookie date etag
    expires expect-ct keep-alive last-modified nel pragma proxy-authenticate report-to reporting-endpoints server
    set-cookie set-cookie2 strict-transport-security trailer transfer-encoding upgrade vary via www-authenticate
    x-content-type-options x-frame-options x-runtime x-xss-protection
    """.split()  # noqa: SIM905 - names to be read
)


class Recorder:
    """Writes a cassette. Threads may share it.

    Parameters:
        file: where the cassette is to be; what is there is replaced when this one is complete.
        account: what a run means by the account that it does not name.
        run: what the processes of one run have in common; empty for one that records alone.

    Raises:
        SettingsError: there cannot be a file.
    """

    live = True

    def __init__(self, file: Path, account: str, run: str = "") -> None:
        from filelock import FileLock

        self._file, self._run = file, run
        self._alone = FileLock(file.with_name(f".{file.name}.lock"), timeout=LOCK_TIMEOUT_SECONDS, mode=PRIVATE)
        self._before = _state(file)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._pending: dict[int, dict[str, Any]] = {}  # what may be tried again, by the request's number
        self._count = 0
        try:
            if file.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            part, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)  # with mode 0600
        except OSError as error:
            raise SettingsError(f"The cassette {file} cannot be written: {error.strerror}.") from None
        self._part: int | None = part
        self._name = Path(name)
        head = {"cassette": VERSION, "recorded": datetime.now(UTC).strftime(TIMESTAMP_FORMAT), "account": account}
        self._write(head | {"kosmo_kernel": __version__} | ({"run": run} if run else {}))

    def wire(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """The account's own connections, with somebody who writes down what they carry."""
        return _Recorded(self, integration, account, connections)

    def number(self) -> int:
        """The number of the next request."""
        return next(self._numbers)

    def keep(self, number: int, line: dict[str, Any], *, passing: bool) -> None:
        """How a request ended. One that may pass by itself is written when nothing better has come in the end.

        Raises:
            OSError: the disk is full, or something like it.
        """
        with self._lock:
            if passing:
                self._pending[number] = line
                return
            self._pending.pop(number, None)
            self._count += 1
            self._write(line)

    def keep_server_reply(
        self, asked: RecordedServerRequest, ending: Mapping[str, Any], secrets: Iterable[str]
    ) -> None:
        """What an MCP server answered.

        Parameters:
            asked: what it was asked.
            ending: its `result`, or the `error` that came of it.
            secrets: what it was given, which is not to be kept.

        Raises:
            OSError: as for `keep`.
        """
        given = {"asked": decode(asked.given.encode())} if asked.given else {}
        line = {"mcp": asked.server, "method": asked.method, **given, **ending}
        self.keep(self.number(), without(line, tuple(secrets)), passing=False)

    def note(self, asked: RecordedServerRequest, result: Mapping[str, Any]) -> None:
        """What nobody was asked for, but who replays must know.

        Raises:
            OSError: as for `keep`.
        """
        with self._lock:
            self._write(without({"mcp": asked.server, "method": asked.method, "result": result}))

    def summary(self) -> str:
        """How much was recorded so far, and where it will be."""
        with self._lock:
            count = self._count + len(self._pending)
        return f"{count:,} request{'' if count == 1 else 's'} recorded in {self._file}."

    def close(self) -> None:
        """Put the cassette in its place. One that is there stays where nothing was asked this time.

        Raises:
            OSError: it cannot be put there; what was recorded is in a file beside it.
            SettingsError: likewise, since another program is at it.
        """
        with self._lock:
            if self._part is None:
                return
            part, pending, self._pending = self._part, self._pending, {}
            for line in pending.values():
                self._write(line)
            self._count += len(pending)
            self._part = None
            os.fsync(part)
            os.close(part)
        from filelock import Timeout

        try:
            with self._alone:
                try:
                    self._put()
                finally:
                    with suppress(OSError):  # Windows takes it away by itself
                        Path(self._alone.lock_file).unlink()
        except Timeout:
            raise SettingsError(
                f"Another program has been writing {self._file} for {LOCK_TIMEOUT_SECONDS:.0f} s. "
                f"What was recorded is in {self._name}."
            ) from None

    def _put(self) -> None:
        """Put what was recorded in its place, beside what others of this run have put there."""
        if self._file.exists() and not self._count:
            self._name.unlink()
        elif self._is_ours():
            _, _, lines = self._name.read_text(encoding="utf-8").partition("\n")
            write(self._file, self._file.read_text(encoding="utf-8").rstrip("\n") + "\n" + lines)
            self._name.unlink()
        else:
            self._name.replace(self._file)

    def _is_ours(self) -> bool:
        """Whether what is there was recorded by another process of this run, or at the same time."""
        try:
            with self._file.open("rb") as file:
                head = msgspec.json.decode(file.readline())
        except (OSError, ValueError):
            return False
        if not isinstance(head, dict) or head.get("cassette") != VERSION:
            return False
        return _state(self._file) != self._before or bool(self._run and head.get("run") == self._run)

    def _write(self, line: dict[str, Any]) -> None:
        if self._part is None:
            return  # an answer that came when nobody waited for it any more
        data = msgspec.json.encode(line) + b"\n"
        while data:
            data = data[os.write(self._part, data) :]


class _Taken(NamedTuple):
    """A request that is recorded: its number, what it is known by, and the one that is sent."""

    number: int
    asked: RecordedRequest
    inner: Any


class _Recorded:
    """An account's connections that are listened to."""

    def __init__(self, recorder: Recorder, integration: Integration, account: Account, connections: Transport) -> None:
        self._recorder, self._integration, self._account = recorder, integration, account
        self._connections = connections
        self._hidden = {column.path[-1] for one in integration.functions for column in one.columns if column.secret}
        names = "|".join(map(re.escape, sorted(self._hidden))) or "(?!)"
        self._fields = re.compile(rf'("(?:{names})"\s*:\s*)"(?:[^"\\]|\\.)*"?')  # in what is cut short, and so no JSON
        budget = integration.budget
        self._left_out = _LEFT_OUT | {budget.header.lower() if budget else ""}
        self._free = account.url + budget.path if budget and budget.path else None

    @property
    def closed(self) -> bool:
        return self._connections.closed

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Any:
        inner = self._connections.request(url, headers, query)
        return _Taken(
            self._recorder.number(), RecordedRequest.of(self._integration, self._account, url, headers, query), inner
        )

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        try:
            reply = self._connections.send(request.inner, check)
        except NoResponseError as lost:
            ending = {"no_answer": self._clean(lost.why), "advice": lost.advice}
            self._keep(request, ending, passing=lost.passing != "never")
            raise
        except TruncatedResponseError as error:
            self._keep(request, self._head(error.reply) | {"broken": self._clean(str(error))}, passing=True)
            raise
        body = self._body(reply)  # what is no JSON may have been cut short
        self._keep(request, self._head(reply) | body, passing=reply.status in _PASSING or "text" in body)
        return reply

    def close(self) -> None:
        self._connections.close()

    def _keep(self, request: _Taken, ending: dict[str, Any], *, passing: bool) -> None:
        asked = request.asked
        if self._free == self._account.url + asked.path:
            return  # how much may be asked is no matter of a cassette
        line: dict[str, Any] = {
            "integration": asked.integration,
            "account": asked.account,
            "method": METHOD,
            "path": asked.path,
        }
        line |= {"asked": dict(asked.headers)} if asked.headers else {}
        self._recorder.keep(request.number, line | ending, passing=passing)

    def _head(self, reply: Response) -> dict[str, Any]:
        headers = {name: self._clean(value) for name, value in reply.headers.items() if name not in self._left_out}
        return {"status": reply.status, "headers": headers}

    def _body(self, reply: Response) -> dict[str, Any]:
        try:
            return {"body": self._clean(decode(reply.body))}
        except (ValueError, RecursionError):
            return {"text": self._clean(self._fields.sub(rf'\1"{REDACTED}"', reply.body.decode(errors="replace")))}

    def _clean(self, value: Any) -> Any:
        return without(value, (self._account.token,), self._hidden)


def without(value: Any, secrets: tuple[str, ...] = (), hidden: Collection[str] = ()) -> Any:
    """A value without secrets.

    Parameters:
        value: as JSON has it.
        secrets: those that are known.
        hidden: keys whose values are secrets.
    """
    return in_texts(value, lambda text: redact(text, secrets).encode(errors="replace").decode(), hidden)


def _state(file: Path) -> object:
    """What tells a file from another one in its place; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
