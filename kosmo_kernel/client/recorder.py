"""Record a session: every response is written to its cassette as soon as it arrives, with secrets redacted.

Several processes can record for one run: a notebook's kernels, and the commands that its cells start. Each writes its
own file and appends it to the cassette when it ends, under a file lock. The first of them replaces a cassette of an
earlier run. With `resume`, they take the answers of that cassette instead, and append new ones to it at once; see
`resumed_recording.py`.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.cassette import (
    METHOD,
    VERSION,
    RecordedRequest,
    RecordedServerRequest,
    Transport,
)
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError
from kosmo_kernel.client.recording_file import response_of
from kosmo_kernel.client.secrets import ERROR_WORD, clean, quotable_headers, without_secrets
from kosmo_kernel.client.unfinished_recordings import advice_to_resume, check_replaceable, create_part, join, moving
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import REDACTED, in_texts, redact
from kosmo_kernel.settings.file_writing import writing
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.text.times import iso_time
from kosmo_kernel.values.records import decode

if TYPE_CHECKING:
    from kosmo_kernel.client.resumed_recording import ResumedRecording

# Statuses after which a retry may succeed.
_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
# Headers about the connection, caches or the client, which are not recorded.
_LEFT_OUT = frozenset(
    """
    accept-ranges age alt-svc authorization cache-control connection content-encoding content-length cookie date etag
    expires expect-ct keep-alive last-modified nel pragma proxy-authenticate report-to reporting-endpoints server
    set-cookie set-cookie2 strict-transport-security trailer transfer-encoding upgrade vary via www-authenticate
    x-content-type-options x-frame-options x-runtime x-xss-protection
    """.split()  # noqa: SIM905 - easier to read than a list of strings
)


class Recorder:
    """Write a cassette. Thread-safe.

    Parameters:
        file: the path of the cassette; an existing file is replaced when this one is complete.
        account: the account of calls that name none.
        run: the id that the processes of one run share; empty for a process that records alone.
        resume: take the answers that an existing file has, and append to it.

    Raises:
        SettingsError: the file is no recording or cannot be written, or its answers are too old.
    """

    live = True

    def __init__(self, file: Path, account: str, run: str = "", *, resume: bool = False) -> None:
        self._file, self._run = file, run
        check_replaceable(file)
        self._before = _state(file)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._pending: dict[int, dict[str, Any]] = {}  # failures that may be retried, by the request's number
        self._count = 0
        self._closed = False
        self._script: tuple[str, str] | None = None  # the name and digest of a script, written with its first answer
        self._part: int | None = None
        self._resumed: ResumedRecording | None = None
        head = {"cassette": VERSION, "recorded": iso_time(datetime.now(UTC)), "account": account}
        head |= {"kosmo_kernel": __version__} | ({"run": run} if run else {})
        try:
            if resume:
                from kosmo_kernel.client.resumed_recording import ResumedRecording

                self._resumed = ResumedRecording(file, {**head, "run": run or os.urandom(8).hex()})
                return
            self._part, self._name = create_part(file)
            self._write(head)
        except OSError as error:
            if self._part is not None:
                self._name.unlink()
                os.close(self._part)
            raise SettingsError(f"The cassette {file} cannot be written: {error.strerror}.") from None

    @property
    def recorded_account(self) -> str | None:
        """The account of the recording that goes on, or None for a new one."""
        return self._resumed.contents.header.account if self._resumed else None

    def now(self) -> datetime:
        """Return the time of the data: of a run that goes on, that of the last answer that it took, else the time."""
        return self._resumed.now() if self._resumed else datetime.now(UTC)

    def take(self, asked: RecordedRequest | RecordedServerRequest) -> dict[str, Any] | None:
        """Return the line of an earlier run that answers a request, each once; None if the request must be sent."""
        return self._resumed.take(asked) if self._resumed else None

    def begin_script(self, name: str, source: str) -> None:
        """Note which script makes the next requests, so that a run that goes on can tell whether it has changed."""
        from hashlib import sha256

        self._script = (name, sha256(source.encode(errors="replace")).hexdigest()[:16])

    def transport(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """Return a transport that uses the account's connections and records the responses."""
        return _RecordingTransport(self, integration, account, connections)

    def number(self) -> int:
        """Return the number of the next request."""
        return next(self._numbers)

    def keep(self, number: int, line: dict[str, Any], *, passing: bool) -> None:
        """Record how a request ended.

        Parameters:
            number: the request's number.
            line: the line of the cassette.
            passing: a retry may succeed: write the line only if no later one of the same number replaces it.

        Raises:
            FileWriteError: the file cannot be written, for example because the disk is full.
        """
        with self._lock:
            if passing:
                self._pending[number] = line
                return
            self._pending.pop(number, None)
            self._keep(line)

    def keep_server_reply(
        self, asked: RecordedServerRequest, ending: Mapping[str, Any], secrets: Iterable[str]
    ) -> None:
        """Record the response of an MCP server.

        Parameters:
            asked: the request.
            ending: its `result`, or the `error` that it led to.
            secrets: values that are redacted.

        Raises:
            FileWriteError: as for `keep`.
        """
        params = {"asked": decode(asked.params.encode())} if asked.params else {}
        line = {"mcp": asked.server, "method": asked.method, **params, **ending}
        self.keep(self.number(), redact_json(line, tuple(secrets)), passing=False)

    def note(self, asked: RecordedServerRequest, result: Mapping[str, Any]) -> None:
        """Record a line that is no response to a request, but is needed for the replay.

        Raises:
            FileWriteError: as for `keep`.
        """
        line = redact_json({"mcp": asked.server, "method": asked.method, "result": result})
        with self._lock:
            if self._closed:  # the number of the file's descriptor may be that of another file by now
                return
            if self._resumed:
                self._resumed.append(line)
            else:
                self._write(line)

    def summary(self) -> str:
        """Return a sentence with the number of recorded requests and the file."""
        with self._lock:
            count = self._count + len(self._pending)
        if self._resumed:
            return self._resumed.summary(count)
        return f"{counted(count, 'request')} recorded in {self._file}."

    def close(self) -> None:
        """Move the cassette into place. An existing one is kept if no request was recorded.

        Raises:
            FileWriteError: it cannot be moved there; the recording stays in a file beside it.
            SettingsError: another program holds the lock; the recording stays in a file beside it.
        """
        with self._lock:
            if self._closed:
                return
            pending, self._pending = self._pending, {}
            for line in pending.values():
                self._keep(line)
            self._closed = True
            part, self._part = self._part, None
            if self._resumed:
                self._resumed.close()
            if part is None:
                return
            with writing(self._file, advice_to_resume(self._file)):
                os.fsync(part)
        try:
            with moving(self._file), writing(self._file, f"What was recorded is in {self._name}."):
                self._put()
        except SettingsError as error:
            raise SettingsError(f"{error.message} What was recorded is in {self._name}.") from None
        finally:
            os.close(part)  # and with it the lock

    def _put(self) -> None:
        """Move the recording into place, or append it to that of another process of the same run."""
        if self._file.exists() and not self._count:
            self._name.unlink()
        elif self._is_ours():
            join([self._file, self._name], self._file)
        else:
            self._name.replace(self._file)

    def _is_ours(self) -> bool:
        """Return whether the existing cassette is of another process of this run, or was recorded at the same time."""
        try:
            with self._file.open("rb") as file:
                head = msgspec.json.decode(file.readline())
        except (OSError, ValueError):
            return False
        if not isinstance(head, dict) or head.get("cassette") != VERSION:
            return False
        return _state(self._file) != self._before or bool(self._run and head.get("run") == self._run)

    def _keep(self, line: dict[str, Any]) -> None:
        """Write the answer to a request that was sent, with its time."""
        if self._closed:
            return  # a response that arrived after `close`
        self._count += 1
        line = {**line, "at": iso_time(datetime.now(UTC))}
        if self._script is not None:
            line["script"], self._script = self._script, None
        if self._resumed:
            self._resumed.keep(line)
        else:
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        if self._part is None:
            return  # a response that arrived after `close`
        data = msgspec.json.encode(line) + b"\n"
        with writing(self._file, advice_to_resume(self._file)):
            while data:
                data = data[os.write(self._part, data) :]


class _NumberedRequest(NamedTuple):
    """A request to record.

    Parameters:
        number: its number.
        asked: its key in the cassette.
        inner: the request of the inner transport.
        function: its function.
        taken: the line of an earlier run that answers it, or None.
    """

    number: int
    asked: RecordedRequest
    inner: Any
    function: Function
    taken: dict[str, Any] | None


class _RecordingTransport:
    """A transport that records the responses of an account's connections."""

    def __init__(self, recorder: Recorder, integration: Integration, account: Account, connections: Transport) -> None:
        self._recorder, self._integration, self._account = recorder, integration, account
        self._connections = connections
        budget = integration.budget
        self._left_out = _LEFT_OUT | {budget.header.lower() if budget else ""}
        self._free = account.url + budget.path if budget and budget.path else None

    @property
    def closed(self) -> bool:
        return self._connections.closed

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str], function: Function) -> Any:
        inner = self._connections.request(url, headers, query, function)
        asked = RecordedRequest.of(self._integration, self._account, url, headers, query)
        taken = self._recorder.take(asked.lookup_key())
        return _NumberedRequest(self._recorder.number(), asked, inner, function, taken)

    def sends(self, request: Any) -> bool:
        return request.taken is None

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        if request.taken is not None:
            return response_of(request.taken)
        try:
            reply = self._connections.send(request.inner, check)
        except NoResponseError as error:
            ending = {"no_answer": self._redact(error.why), "advice": error.advice}
            self._keep(request, ending, passing=error.retryable != "never")
            raise
        except TruncatedResponseError as error:
            head = self._head(error.reply, request.function)
            self._keep(request, head | {"broken": self._redact(str(error))}, passing=True)
            raise
        head = self._head(reply, request.function)
        body = self._body(reply, request.function)  # one that is no JSON may be truncated, and so retried
        none = {"none": True} if _says_none(reply, request.function, body.get("body")) else {}
        self._keep(request, head | body | none, passing=reply.status in _PASSING or "text" in body)
        if "text" in body or request.function.fingerprints:
            return reply
        # The run gets what its replay will get, so that both have the same result.
        return reply._replace(body=msgspec.json.encode(body["body"]))

    def close(self) -> None:
        self._connections.close()

    def _keep(self, request: _NumberedRequest, ending: dict[str, Any], *, passing: bool) -> None:
        asked = request.asked
        if self._free == self._account.url + asked.path:
            return  # queries of the request budget are not recorded
        line: dict[str, Any] = {
            "integration": asked.integration,
            "account": asked.account,
            "method": METHOD,
            "path": asked.path,
            "function": f"{asked.integration}.{request.function.name}",
        }
        line |= {"asked": dict(asked.headers)} if asked.headers else {}
        line |= {"key": fingerprints(asked.account).key_id} if request.function.fingerprints else {}
        self._recorder.keep(request.number, line | ending, passing=passing)

    def _head(self, reply: Response, function: Function) -> dict[str, Any]:
        headers = quotable_headers(function, reply.headers)
        headers = {name: self._redact(value) for name, value in headers.items() if name not in self._left_out}
        return {"status": reply.status, "headers": headers}

    def _body(self, reply: Response, function: Function) -> dict[str, Any]:
        try:
            value = decode(reply.body)
        except (ValueError, RecursionError):
            text = without_secrets(reply.body.decode(errors="replace"), function)
            return {"text": self._redact(text if function.is_quotable else REDACTED)}
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return {"body": self._redact(clean(function, value, self._fingerprint))}
        return {"body": self._redact(value if function.is_quotable else _error_word(value))}

    def _fingerprint(self, secret: object) -> str:
        return fingerprints(self._account.alias).of(secret)

    def _redact(self, value: Any) -> Any:
        return redact_json(value, (self._account.token,))


def _says_none(reply: Response, function: Function, body: Any) -> bool:
    """Return whether a response says that there is no record where a function has at most one, which is no error."""
    missing = body.get("resource") if isinstance(body, dict) else None
    if reply.status != HTTPStatus.NOT_FOUND or not missing or not any(link.single for link in function.links):
        return False
    return missing not in {place.removesuffix("_id") for link in function.links for place in link.places}


def _error_word(value: Any) -> dict[str, str]:
    """Return what a recording keeps of an error about things that hold secrets."""
    kept = {
        key: value[key] for key in ("id", "resource") if isinstance(value, dict) and isinstance(value.get(key), str)
    }
    return {key: word for key, word in kept.items() if ERROR_WORD.fullmatch(word)} | {"message": REDACTED}


def redact_json(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Return a JSON value with its secrets redacted.

    Parameters:
        value: the value.
        secrets: known secrets.
    """
    return in_texts(value, lambda text: redact(text, secrets).encode(errors="replace").decode())


def _state(file: Path) -> object:
    """Return what identifies the content of a file: inode, modification time and size; None if there is no file."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
