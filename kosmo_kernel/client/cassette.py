"""Cassettes: what services answered, kept in a file, so that a script can be run again without a network or a token.

A cassette is JSON lines. The first says what it is, every other one is a request and how it ended:

    {"cassette": 1, "recorded": "2026-11-20T09:30:00Z", "account": "production", "kosmo_kernel": "0.1.0"}
    {"integration": "heroku", "account": "production", "method": "GET", "path": "/apps", "asked": {"Range": "id ..; …"},
     "status": 206, "headers": {"next-range": "…", …}, "body": [ … ]}

`text` stands in place of `body` where it was no JSON, `broken` beside the head of an answer that broke off, and
`no_answer` where there was none. Of a request that was tried again the last answer is kept.

What an MCP server was asked is a line as well, with what it answered in the words of its protocol, or the `error` that
this came to in place of the `result`. A line without a server says which ones were configured.

    {"mcp": "time", "method": "tools/call", "asked": {"name": "get_current_time", "arguments": {"timezone": "UTC"}},
     "result": {"content": [ … ], "isError": false}}
    {"mcp": "", "method": "servers", "result": {"servers": [{"name": "time", "type": "stdio", …}]}}

A cassette holds no secret: no request header that shows a token, no cookie, no value of a field that is one, nothing
that a server was started with, and what looks like a token is taken out of every text. Each answer is written at once
to a file beside the cassette, which takes its place when the session is closed, whether its runs failed or not; where
the process was killed, it is still there. What another process of the same run put there, or one that recorded at the
same time, stays in it.

Who replays sends nothing. Requests are known by account, method, path, query and what else asks for a page, and what a
server is asked by its name, method and arguments, so they may come in any order; the same one again gets the next
answer that was recorded for it, and the last one from then on. `recorder.py` writes cassettes and `player.py` reads
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.safety.redaction import one_line, redact
from kosmo_kernel.settings.aliases import normalize_alias

VERSION = 1
METHOD = "GET"  # nothing else is ever sent
TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
SERVERS = "servers"  # the method of the lines that no server was asked for
# What servers are asked, and under which name the answer has its list.
RESULTS = {
    SERVERS: "servers",
    "tools/list": "tools",
    "tools/call": "content",
    "resources/list": "resources",
    "resources/read": "contents",
    "prompts/list": "prompts",
    "prompts/get": "messages",
}
MAX_REQUEST_SHOWN = 200  # characters of what was asked that a message shows


class Transport(Protocol):
    """What carries an account's requests: its connections, or a cassette in their place."""

    @property
    def closed(self) -> bool:
        """Whether it carries nothing any more."""
        ...

    def request(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Any:
        """A request, which can be sent more than once."""
        ...

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        """The answer to a request, whatever its status; see `Connections.send`."""
        ...

    def close(self) -> None:
        """Carry nothing any more."""
        ...


class Cassette(Protocol):
    """A cassette in use: a `Recorder` or a `Player`.

    Attributes:
        live: whether requests are sent.
    """

    live: bool

    def wire(self, integration: Integration, account: Account, connections: Transport) -> Transport:
        """What carries the requests of an account, `connections` being its own."""
        ...

    def summary(self) -> str:
        """What people should know of a run that used it, in a line; empty for nothing."""
        ...

    def close(self) -> None:
        """Be done with it."""
        ...


class RecordedRequest(NamedTuple):
    """What a request is known by.

    Parameters:
        integration: the service's name.
        account: whose token was sent.
        path: below the address of the API, with the query.
        headers: those that belong to this request alone, in order of name; a page is asked for like that.
    """

    integration: str
    account: str
    path: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, integration: Integration, account: Account, url: str, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> RecordedRequest:
        """What the request for `url` is known by."""
        path = url.removeprefix(account.url) + (f"?{urlencode(query)}" if query else "")
        return cls(integration.name, account.alias, redact(path), tuple(sorted(headers.items())))

    def known(self) -> RecordedRequest:
        """The same for every spelling of the account."""
        return self._replace(account=normalize_alias(self.account))

    def __str__(self) -> str:
        more = "".join(f"{name} {value}, " for name, value in self.headers)
        return f"{self.integration}: {METHOD} {self.path} ({more}account {self.account})"


class RecordedServerRequest(NamedTuple):
    """What a question to an MCP server is known by.

    Parameters:
        server: its own name.
        method: one of `RESULTS`.
        given: what was asked, as JSON with its keys in order; empty for nothing.
    """

    server: str
    method: str
    given: str

    @classmethod
    def of(cls, server: str, method: str, asked: Mapping[str, Any]) -> RecordedServerRequest:
        """What it is known by when these parameters go with it."""
        given = msgspec.json.encode(dict(asked), order="deterministic").decode() if asked else ""
        return cls(server, method, given)

    def __str__(self) -> str:
        given = f" {one_line(self.given, most=MAX_REQUEST_SHOWN)}" if self.given else ""
        return f"mcp.{self.server}: {self.method}{given}"
