"""One server as a settings file describes it, checked but not yet filled in: references in it are still references.

The keys are those that other clients know, in all their spellings. A mistake in one entry is kept with that entry, so
that the others still work, and is told when somebody wants to use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from kosmo_kernel.errors import SettingsError

TIMEOUT = 30.0  # seconds for an answer, where the entry does not say
KINDS: dict[str, Literal["stdio", "http"]] = {
    "stdio": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamable_http": "http",
    "streamablehttp": "http",
}
OLD = "sse"  # the transport that streamable HTTP replaced in March 2025


@dataclass(frozen=True, slots=True)
class Server:
    """A configured server.

    Parameters:
        name: what the user calls it.
        source: the kind of file it comes from, `config.USER` or one of `config.PROJECT`.
        path: that file.
        root: the project's folder, where a server is started that does not say where.
        kind: how it is spoken to.
        command: the program of a `stdio` server.
        args: its arguments.
        env: what its environment has besides the poor one that every server gets.
        cwd: where it is started; empty for `root`.
        url: the address of an `http` server.
        headers: sent with every request to it.
        enabled: whether it may be used.
        timeout: seconds for its start, and for each answer.
        replaces: the file of an entry with the same name that this one takes the place of.
        fault: why it cannot be used; empty when it can.
    """

    name: str
    source: str
    path: Path
    root: Path
    kind: Literal["stdio", "http"] = "stdio"
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    enabled: bool = True
    timeout: float = TIMEOUT
    replaces: Path | None = None
    fault: str = ""

    @property
    def of_project(self) -> bool:
        """Whether a project brought it, and not the user."""
        return self.source != "user"

    def usable(self) -> None:
        """Nothing, when the entry describes a server that may be used.

        Raises:
            SettingsError: a mistake in the entry, or it is switched off.
        """
        if self.fault:
            raise SettingsError(f"{self.path}: the MCP server `{self.name}`: {self.fault}.")
        if not self.enabled:
            raise SettingsError(
                f"The MCP server `{self.name}` is switched off in {self.path}. `kosmo mcp:enable {self.name}` switches "
                "it on."
            )


class _Fault(Exception):  # noqa: N818 - it never leaves this file
    """What is wrong with an entry."""


def entry(name: str, given: Any, source: str, path: Path, root: Path) -> Server:
    """The server that an entry describes; with its `fault` where it describes none.

    Parameters:
        name: of the entry.
        given: what stands there.
        source: the kind of file.
        path: the file.
        root: the project's folder.
    """
    try:
        return _checked(name, given, source, path, root)
    except _Fault as fault:
        return Server(name, source, path, root, fault=str(fault))


def _checked(name: str, given: Any, source: str, path: Path, root: Path) -> Server:
    if not isinstance(given, dict):
        raise _Fault(f"its entry must be an object, got {_kind_of(given)}")
    command, url = _text(given, "command"), _text(given, "url", "serverUrl")
    told = _text(given, "type").lower()
    if told == OLD:
        raise _Fault('`"type": "sse"` is the transport of old; its server may also speak `"type": "http"`')
    kind = KINDS.get(told) if told not in ("", "local") else "http" if url and not command else "stdio"
    if kind is None:
        raise _Fault(f'`type` must be "stdio" or "http", got {told[:40]!r}')
    if kind == "stdio" and not command.strip():
        raise _Fault("it has neither `command` nor `url`" if not url else "`command` is missing")
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
        env=_named(given, "env", "environment"),
        cwd=_text(given, "cwd"),
        url=url,
        headers=_named(given, "headers"),
        enabled=_switch(given, "enabled", absent=True) and not _switch(given, "disabled", absent=False),
        timeout=_seconds(given, "timeout", "timeoutSeconds"),
    )


def _check_address(url: str) -> None:
    if not url:
        raise _Fault("`url` is missing")
    if "${" in url.partition("/")[0]:
        return  # known when it is filled in
    if urlsplit(url).scheme not in ("http", "https"):
        raise _Fault("`url` must start with https:// or http://")


def _first(given: Mapping[str, Any], *keys: str) -> tuple[str, Any]:
    return next(((key, given[key]) for key in keys if given.get(key) is not None), (keys[0], None))


def _text(given: Mapping[str, Any], *keys: str) -> str:
    key, value = _first(given, *keys)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Fault(f"`{key}` must be a text, got {_kind_of(value)}")
    if "\0" in value:
        raise _Fault(f"`{key}` has a NUL character in it")
    return value


def _texts(given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _Fault(f"`{key}` must be a list of texts, got {_kind_of(value)}")
    return tuple(_written(f"{key}[{place}]", one) for place, one in enumerate(value))


def _named(given: Mapping[str, Any], *keys: str) -> dict[str, str]:
    key, value = _first(given, *keys)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Fault(f"`{key}` must be an object of texts, got {_kind_of(value)}")
    if any(not name or "=" in name or "\0" in name for name in value):
        raise _Fault(f"`{key}` has a name that no variable can have")
    return {name: _written(f"{key}.{name}", one) for name, one in value.items() if one is not None}


def _written(key: str, value: Any) -> str:
    """A text, a number or a truth value, as a program is given it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise _Fault(f"`{key}` must be a text, got {_kind_of(value)}")
    if "\0" in str(value):
        raise _Fault(f"`{key}` has a NUL character in it")
    return str(value)


def _switch(given: Mapping[str, Any], key: str, *, absent: bool) -> bool:
    value = given.get(key)
    return absent if value is None else value is True or str(value).lower() in ("true", "on", "1")


def _seconds(given: Mapping[str, Any], *keys: str) -> float:
    key, value = _first(given, *keys)
    if value is None:
        return TIMEOUT
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds):
        raise _Fault(f"`{key}` must be a number of seconds")
    return seconds if seconds > 0 else TIMEOUT


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
