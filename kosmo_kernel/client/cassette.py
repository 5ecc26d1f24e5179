"""The file format of cassettes: recorded responses, with which a script runs again without network or token.

A cassette is a file of JSON lines. The first line is its header; every other line is a request and its outcome:

    {"cassette": 1, "recorded": "2026-11-20T09:30:00Z", "account": "production", "kosmo_kernel": "0.1.0"}
    {"integration": "heroku", "account": "production", "method": "GET", "path": "/apps", "function": "heroku.list_apps",
     "asked": {"Range": "id ..; …"}, "status": 206, "headers": {"next-range": "…", …}, "body": [ … ],
     "at": "2026-11-20T09:30:01Z", "script": ["audit.lua", "5f1d7a84db00d2fc"]}

`text` replaces `body` if the body was no JSON, `broken` replaces it if the response ended early, and `no_answer`
replaces the response if there was none. Of a request that was retried, the last outcome is kept. `at` is the time of
the answer; `none` marks a status 404 that says that a list is empty; `script` has the name and the digest of the script
that made the request, if it is the first of a run; `key` has the id of the key of the fingerprints in the answer.

Requests to MCP servers are lines too, with the `result` of the protocol or the `error` that the request led to. A line
without a server lists the configured servers.

    {"mcp": "time", "method": "tools/call", "asked": {"name": "get_current_time", "arguments": {"timezone": "UTC"}},
     "result": {"content": [ … ], "isError": false}}
    {"mcp": "", "method": "servers", "result": {"servers": [{"name": "time", "type": "stdio", …}]}}

A cassette has no secrets: no request headers with tokens, no cookies, no values of secret fields, no command lines or
environments of servers, and everything that looks like a token is redacted. Each response is written at once to a file
beside the cassette, which replaces the cassette when the session is closed, even if its runs failed; if the process is
killed, that file remains. Lines of other processes of the same run, or that recorded at the same time, are kept. A run
that goes on with a cassette, or with the file that remained, takes its answers and writes new ones to the cassette
itself, after a line {"resumed": "2026-11-20T10:00:00Z", "run": "…"}.

A replay sends nothing. Requests are matched by account, method, path, query and page headers, those to MCP servers by
server, method and arguments, so their order does not matter. A repeated request gets the next recorded response, and
then the last one again. `recorder.py` writes cassettes, `player.py` replays
them, and `resumed_recording.py` goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.errors import (
    ApiError,
    BadAnswerError,
    NotRecordedError,
    RateLimitError,
    RefusedError,
    UnreachableError,
)
from kosmo_kernel.safety.redaction import one_line, redact
from kosmo_kernel.settings.aliases import normalize_alias

VERSION = 1
METHOD = "GET"  # the only HTTP method in use
SERVERS = "servers"  # the method of lines that list the configured servers
# The recorded methods of MCP servers, each with the key of the list in its result.
RESULTS = {
    SERVERS: "servers",
    "tools/list": "tools",
    "tools/call": "content",
    "resources/list": "resources",
    "resources/read": "contents",
    "prompts/list": "prompts",
    "prompts/get": "messages",
}
# The errors of services and MCP servers, by their type in a file.
API_ERRORS = {kind.type: kind for kind in (RefusedError, BadAnswerError, RateLimitError, UnreachableError)}
MAX_REQUEST_SHOWN = 200  # characters of a request's arguments in an error message


class Transport(Protocol):
    """The transport of an account's requests: its connections, or a cassette in their place."""

    @property
    def closed(self) -> bool:
        """Return whether the transport is closed."""
        ...

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str], function: Function) -> Any:
        """Return a new request for a function, which can be sent more than once."""
        ...

    def sends(self, request: Any) -> bool:
        """Return whether a request is sent over the network, and not answered from a recording."""
        ...

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        """Send a request and return the response, whatever its status; see `Connections.send`."""
        ...

    def close(self) -> None:
        """Close the transport for good."""
        ...


class Cassette(Protocol):
    """A cassette in use: a `Recorder` or a `Player`.

    Attributes:
        live: whether requests are sent.
    """

    live: bool

    def transport(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """Return the transport for an account, whose own connections are given."""
        ...

    def summary(self) -> str:
        """Return a line for the user about a run that used the cassette; empty for none."""
        ...

    def close(self) -> None:
        """Finish the cassette."""
        ...


class Playback(Cassette, Protocol):
    """Saved answers in place of the network: a `Player`, or a `SnapshotPlayer`.

    Attributes:
        file: the file or folder that has them.
        recorded: the time of the data.
        account: the account of calls that name none.
    """

    file: Path
    recorded: datetime
    account: str

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""
        ...

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""
        ...

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers by name, each with its recorded configuration, if any."""
        ...

    def result(self, asked: RecordedServerRequest) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
        """
        ...

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that there is not."""
        ...


class RecordedRequest(NamedTuple):
    """The key of a request in a cassette.

    Parameters:
        integration: the service's name.
        account: the account's alias.
        path: the path relative to the API's address, with the query.
        headers: the headers of this request only, such as those that select a page, sorted by name.
    """

    integration: str
    account: str
    path: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, integration: Integration, account: Account, url: str, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> RecordedRequest:
        """Return the key of a request for a URL."""
        path = url.removeprefix(account.url) + (f"?{urlencode(query)}" if query else "")
        return cls(integration.name, account.alias, redact(path), tuple(sorted(headers.items())))

    def lookup_key(self) -> RecordedRequest:
        """Return the key with the normalized account alias, under which it is looked up."""
        return self._replace(account=normalize_alias(self.account))

    def __str__(self) -> str:
        more = "".join(f"{name} {value}, " for name, value in self.headers)
        return f"{self.integration}: {METHOD} {self.path} ({more}account {self.account})"


class RecordedServerRequest(NamedTuple):
    """The key of a request to an MCP server in a cassette.

    Parameters:
        server: the server's name.
        method: one of `RESULTS`.
        params: the request's parameters as JSON with sorted keys; empty for none.
    """

    server: str
    method: str
    params: str

    @classmethod
    def of(cls, server: str, method: str, asked: Mapping[str, Any]) -> RecordedServerRequest:
        """Return the key of a request with these parameters."""
        params = msgspec.json.encode(dict(asked), order="deterministic").decode() if asked else ""
        return cls(server, method, params)

    def __str__(self) -> str:
        params = f" {one_line(self.params, most=MAX_REQUEST_SHOWN)}" if self.params else ""
        return f"mcp.{self.server}: {self.method}{params}"


def api_error(facts: Mapping[str, Any]) -> ApiError:
    """Return the error with some facts, as `ApiError.facts` returns them.

    Raises:
        LookupError: it has no type of `API_ERRORS`, or no message.
    """
    about = {name: facts[name] for name in ("status", "id", "request_id", "function", "account") if name in facts}
    return API_ERRORS[facts["type"]](str(facts["message"]), **about)
