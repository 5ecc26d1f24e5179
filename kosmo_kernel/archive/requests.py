"""Make the key of a request, to a service or to an MCP server, by which an archive stores and finds its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.safety.redaction import REDACTED, one_line, redact
from kosmo_kernel.text.nearest import normalize_alias

METHOD = "GET"  # the only HTTP method in use
MCP = "mcp"  # the service of requests to MCP servers
SERVERS = "servers"  # the method of the list of configured servers
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
MAX_REQUEST_SHOWN = 200  # characters of a request in an error message
_ESCAPES = ("\\\\", '\\"')  # of JSON strings


class RequestKey(NamedTuple):
    """A request, under which its answers are looked up."""

    service: str  # the name of the service, or `MCP`
    account: str  # the alias of the account, or the name of the MCP server
    # What was asked: the method with the path, the query and the headers that select a page, or the method of an MCP
    # server with its parameters.
    text: str

    @classmethod
    def of_call(cls, integration: Integration, account: Account, url: str, headers: Mapping[str, str]) -> RequestKey:
        """Return the key of a request for a URL."""
        path = url.removeprefix(account.url)
        more = ", ".join(f"{name} {value}" for name, value in sorted(headers.items()))
        return cls(integration.name, account.alias, f"{METHOD} {redact(path)}{f' ({more})' if more else ''}")

    @classmethod
    def of_server(cls, server: str, method: str, params: Mapping[str, Any]) -> RequestKey:
        """Return the key of a request to an MCP server with some parameters."""
        written = msgspec.json.encode(dict(params), order="deterministic").decode() if params else ""
        return cls(MCP, server, f"{method} {written}" if params else method)

    @property
    def account_key(self) -> tuple[str, str]:
        """The service and the account, under which the account is looked up."""
        return self.service, self.account if self.service == MCP else normalize_alias(self.account)

    def __str__(self) -> str:
        if self.service == MCP:
            method, _, params = self.text.partition(" ")
            shown = f" {one_line(params, most=MAX_REQUEST_SHOWN)}" if params else ""
            return f"mcp.{self.account}: {method}{shown}"
        path, _, more = self.text.removesuffix(")").partition(" (")
        return f"{self.service}: {path} ({f'{more}, ' if more else ''}account {self.account})"


def matches(recorded: str, text: str) -> bool:
    """Return whether a recorded request, with `[redacted]` in place of secrets in its JSON strings, can be this one.

    Each `[redacted]` stands for any content of a string. The parts between are looked for one after the other, which
    takes linear time.
    """
    first, *parts = recorded.split(REDACTED)
    if not parts or not text.startswith(first):
        return recorded == text
    *parts, last = parts
    place = len(first)
    for part in parts:
        begin = text.find(part, place)
        if begin < 0 or _ends_string(text[place:begin]):
            return False
        place = begin + len(part)
    end = len(text) - len(last)
    return text.endswith(last) and place <= end and not _ends_string(text[place:end])


def _ends_string(text: str) -> bool:
    for escape in _ESCAPES:
        text = text.replace(escape, "")
    return '"' in text
