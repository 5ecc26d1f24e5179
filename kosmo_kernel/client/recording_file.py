"""Read a cassette line by line, and check what is in it.

A process that was killed can leave half a line at the end, which is dropped: the file is valid up to there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.cassette import (
    METHOD,
    RESULTS,
    SERVERS,
    VERSION,
    RecordedRequest,
    RecordedServerRequest,
    api_error,
)
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError
from kosmo_kernel.errors import RateLimitError, SettingsError, UnreachableError
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.text.times import parse_time

_ANY = r'(?:[^"\\]|\\.)*'  # any content of a JSON string
_NAMED = ("servers", "tools", "prompts")  # lists whose items must have a name
# Outcomes that a later run may not have, besides those of a fault of the service: it had too many requests, the token
# was no longer valid or has got more scopes since, or what was not there may be there by now.
_TEMPORARY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS)
_TEMPORARY_ERRORS = (RateLimitError.type, UnreachableError.type)

Key = RecordedRequest | RecordedServerRequest


class Line(NamedTuple):
    """A line of a cassette.

    Parameters:
        number: its number, from 1 for the header.
        start: the position of its first byte.
        size: the number of its bytes, with the line break.
        value: its content.
    """

    number: int
    start: int
    size: int
    value: dict[str, Any]


class Header(NamedTuple):
    """The first line of a cassette: the time, the account of calls that name none, and the id of the run."""

    recorded: datetime
    account: str
    run: str


def read_lines(file: Path, advice: str) -> Iterator[Line]:
    """Yield the lines of a cassette in order; half a line at its end is left out.

    Parameters:
        file: the cassette.
        advice: what to do if it is none, as a sentence for the error message.

    Raises:
        SettingsError: the file cannot be read, or a line is no JSON object; the message names the line.
    """
    start = 0
    try:
        with file.open("rb") as opened:
            for number, data in enumerate(opened, 1):
                try:
                    value = msgspec.json.decode(data)
                    if not isinstance(value, dict):
                        raise ValueError("it must be an object")  # noqa: TRY004, TRY301 - reported as all mistakes are
                except ValueError as error:
                    if number > 1 and not data.endswith(b"\n"):
                        return
                    raise no_line(file, number, error, advice) from None
                yield Line(number, start, len(data), value)
                start += len(data)
    except OSError as error:
        raise SettingsError(f"The cassette {file} cannot be read: {error.strerror}.") from None
    if not start:
        raise SettingsError(f"{file} is empty, and so no cassette. {advice}")


def no_line(file: Path, number: int, error: Exception, advice: str) -> SettingsError:
    """Return the error for a line that is none of a cassette."""
    why = str(error) if isinstance(error, ValueError) else f"{error} is missing or makes no sense"
    return SettingsError(f"{file}:{number}: this is no line of a cassette: {why}. {advice}")


def read_header(line: Mapping[str, Any]) -> Header:
    """Return the content of the first line.

    Raises:
        ValueError, LookupError, TypeError: it is no header.
    """
    if line["cassette"] != VERSION:
        raise ValueError(f"its version is {line['cassette']!r}, and this is kosmo_kernel {__version__}")
    return Header(parse_time(line["recorded"]), str(line["account"]), str(line.get("run", "")))


def key_of(line: Mapping[str, Any]) -> Key | None:
    """Return the request that a line answers, under which it is looked up; None for a line that is no answer.

    Raises:
        ValueError, LookupError, TypeError: the line is invalid.
    """
    if "resumed" in line:
        return None
    if "mcp" in line:
        return _server_key(line)
    if line["method"] != METHOD:
        raise ValueError(f"{line['method']!r} is no method that this package uses")
    headers = tuple(sorted(dict(line.get("asked", {})).items()))
    with suppress(NoResponseError, TruncatedResponseError):  # valid outcomes too
        response_of(line)
    return RecordedRequest(str(line["integration"]), str(line["account"]), str(line["path"]), headers).lookup_key()


def _server_key(line: Mapping[str, Any]) -> RecordedServerRequest:
    server, method, asked = line["mcp"], line["method"], line.get("asked", {})
    if not isinstance(server, str) or not isinstance(asked, dict) or method not in RESULTS:
        raise ValueError(f"{method!r} is nothing that this package asks MCP servers")
    if "error" in line:
        api_error(line["error"])
    else:
        _check_result(method, line["result"])
    return RecordedServerRequest.of(server, method, asked)


def pattern_of(asked: RecordedServerRequest) -> re.Pattern[str]:
    """Return the pattern of the parameters of a recorded request that has redacted secrets."""
    return re.compile(re.escape(asked.params).replace(re.escape(REDACTED), _ANY))


def is_temporary(line: Mapping[str, Any]) -> bool:
    """Return whether a line that answers a request has an outcome that another try may change."""
    if "mcp" in line:
        return line["method"] == SERVERS or line.get("error", {}).get("type") in _TEMPORARY_ERRORS
    if any(key in line for key in ("no_answer", "broken", "text")):
        return True
    if "key" in line and line["key"] != fingerprints(line["account"]).key_id:
        return True  # new fingerprints could not be compared with these
    if "none" in line:
        return False
    return line["status"] in _TEMPORARY or line["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR


def response_of(line: Mapping[str, Any]) -> Response:
    """Return the response in a line.

    Raises:
        NoResponseError: there was none.
        TruncatedResponseError: it ended early.
        ValueError, LookupError: the line is invalid.
    """
    if "no_answer" in line:
        raise NoResponseError(str(line["no_answer"]), str(line.get("advice", "")), "never")
    status, headers = line["status"], dict(line["headers"])
    if type(status) is not int or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("an answer has a status, which is a number, and headers, which are texts")
    if "broken" in line:
        raise TruncatedResponseError(str(line["broken"]), Response(status, headers, b""))
    body = str(line["text"]).encode() if "text" in line else msgspec.json.encode(line["body"])
    return Response(status, headers, body)


def result_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an MCP server in a line.

    Raises:
        ApiError: the request led to an error.
    """
    if "error" in line:
        raise api_error(line["error"])
    return dict(line["result"])


def _check_result(method: str, result: Any) -> None:
    """Check that a recorded result of an MCP server has the expected form.

    Raises:
        ValueError: it has not.
    """
    key = RESULTS[method]
    items = result.get(key, [] if "structuredContent" in result else None) if isinstance(result, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ValueError(f"`result` must have a list `{key}` of objects")
    if key in _NAMED and not all(isinstance(one.get("name"), str) for one in items):
        raise ValueError(f"each of `{key}` must have a `name`")
