"""Parsing and checking of a server's entry in a settings file. References in it are not resolved here.

All spellings of keys that other MCP clients accept are supported. A mistake is stored in the entry's `fault`, so that
other entries still work, and raised when the server is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.text import escape_hidden

TIMEOUT = 30.0  # default seconds for a response
KINDS: dict[str, Literal["stdio", "http"]] = {
    "stdio": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamable_http": "http",
    "streamablehttp": "http",
}
VARIABLES = ("env", "environment")  # the spellings of a key
HEADERS = ("headers", "http_headers")
SSE_TRANSPORT = "sse"  # the transport that streamable HTTP replaced in March 2025


@dataclass(frozen=True, slots=True)
class Server:
    """A configured server."""

    name: str  # its key in the settings file
    source: str  # the kind of file it comes from, `config.USER` or a key of `config.PROJECT`
    path: Path  # that file
    root: Path  # the project's folder, which is the default working directory of a server
    kind: Literal["stdio", "http"] = "stdio"  # its transport
    command: str = ""  # the program of a `stdio` server
    args: tuple[str, ...] = ()  # its arguments
    # Its environment variables, in addition to `references.INHERITED`.
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""  # its working directory; empty for `root`
    url: str = field(default="", repr=False)  # the address of an `http` server
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # the headers of every request to it
    enabled: bool = True  # whether it may be used
    timeout: float = TIMEOUT  # seconds for its start, and for each response
    replaces: Path | None = None  # the file of an entry with the same name that this one overrides
    fault: str = ""  # the reason why it cannot be used; empty if it can

    @property
    def of_project(self) -> bool:
        """Return whether it comes from a project's file and not from the user's own."""
        return self.source != "user"

    def usable(self) -> None:
        """Check that the entry is valid and enabled.

        Raises:
            SettingsError: the entry has a mistake or is switched off.
        """
        if self.fault:
            raise SettingsError(f"{self.path}: the MCP server `{self.name}`: {self.fault}.")
        if not self.enabled:
            raise SettingsError(
                f"The MCP server `{self.name}` is switched off in {self.path}. `kosmo mcp:enable {self.name}` switches "
                "it on."
            )


class _EntryError(Exception):
    """A mistake in an entry; its text becomes `Server.fault`."""


def entry(name: str, given: Any, source: str, path: Path, root: Path) -> Server:
    """Return the server that an entry describes; an invalid entry sets its `fault`.

    Parameters:
        name: the key of the entry.
        given: its value.
        source: the kind of file.
        path: the file.
        root: the project's folder.
    """
    try:
        return _parse(name, given, source, path, root)
    except _EntryError as fault:
        return Server(name, source, path, root, fault=escape_hidden(str(fault)))


def _parse(name: str, given: Any, source: str, path: Path, root: Path) -> Server:
    if not isinstance(given, dict):
        raise _EntryError(f"its entry must be an object, got {_kind_of(given)}")
    command, url = _text(given, "command"), _text(given, "url", "serverUrl", "httpUrl")
    transport = _text(given, "type").lower()
    if transport == SSE_TRANSPORT:
        raise _EntryError('`"type": "sse"` is the transport of old; its server may also speak `"type": "http"`')
    kind = KINDS.get(transport) if transport not in ("", "local") else "http" if url and not command else "stdio"
    if kind is None:
        raise _EntryError(f'`type` must be "stdio" or "http", got {transport[:40]!r}')
    if kind == "stdio" and not command.strip():
        raise _EntryError("it has neither `command` nor `url`" if not url else "`command` is missing")
    if kind == "http":
        _check_address(url)
    return Server(
        name=name,
        source=source,
        path=path,
        root=root,
        kind=kind,
        command=command,
        args=_texts(given, "args"),
        env=_named(given, *VARIABLES),
        cwd=_text(given, "cwd"),
        url=url,
        headers=_named(given, *HEADERS),
        enabled=_flag(given, "enabled", absent=True) and not _flag(given, "disabled", absent=False),
        timeout=_seconds(given, "timeout", "timeoutSeconds"),
    )


def _check_address(url: str) -> None:
    if not url:
        raise _EntryError("`url` is missing")
    if "${" in url.partition("/")[0]:
        return  # the scheme is unknown until references are resolved
    if urlsplit(url).scheme not in ("http", "https"):
        raise _EntryError("`url` must start with https:// or http://")


def _first(given: Mapping[str, Any], *keys: str) -> tuple[str, Any]:
    return next(((key, given[key]) for key in keys if given.get(key) is not None), (keys[0], None))


def _text(given: Mapping[str, Any], *keys: str) -> str:
    key, value = _first(given, *keys)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _EntryError(f"`{key}` must be a text, got {_kind_of(value)}")
    if "\0" in value:
        raise _EntryError(f"`{key}` has a NUL character in it")
    return value


def _texts(given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _EntryError(f"`{key}` must be a list of texts, got {_kind_of(value)}")
    return tuple(_scalar(f"{key}[{index}]", item) for index, item in enumerate(value))


def _named(given: Mapping[str, Any], *keys: str) -> dict[str, str]:
    key, value = _first(given, *keys)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _EntryError(f"`{key}` must be an object of texts, got {_kind_of(value)}")
    if any(not name or "=" in name or "\0" in name for name in value):
        raise _EntryError(f"`{key}` has a name that no variable can have")
    return {name: _scalar(f"{key}.{name}", item) for name, item in value.items() if item is not None}


def _scalar(key: str, value: Any) -> str:
    """Return a string, number or boolean as the text of an argument or variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise _EntryError(f"`{key}` must be a text, got {_kind_of(value)}")
    if "\0" in str(value):
        raise _EntryError(f"`{key}` has a NUL character in it")
    return str(value)


def _flag(given: Mapping[str, Any], key: str, *, absent: bool) -> bool:
    value = given.get(key)
    return absent if value is None else value is True or str(value).lower() in ("true", "on", "1")


def _seconds(given: Mapping[str, Any], *keys: str) -> float:
    key, value = _first(given, *keys)
    if value is None:
        return TIMEOUT
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds):
        raise _EntryError(f"`{key}` must be a number of seconds")
    return seconds if seconds > 0 else TIMEOUT


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
