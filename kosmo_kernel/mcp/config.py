"""The configured MCP servers, read from the user's file and from the files that a project has for other clients.

Other programs that use MCP servers (`CLIENTS`) keep their entries in files of their own, in nearly the same form.

When several files configure a server of one name, the whole entry of the last file wins. A file that cannot be read is
listed in `Configuration.faults` and does not affect the others. Reading never starts a server.

All spellings of an entry's keys that other MCP clients accept are supported; references in it are not resolved here. A
mistake is stored in the entry's `fault`, so that other entries still work, and raised when the server is used.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.mcp.tools import lua_names
from kosmo_kernel.reader.documents import parse_jsonc, parse_toml
from kosmo_kernel.safety.intake import UntrustedFileError, decode_text, read_file_if_any, read_unnamed_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.text import nearest

T = TypeVar("T")

TOML = ".toml"  # the ending of the files that are not JSON


class McpClient(NamedTuple):
    """The files of a program that uses MCP servers."""

    title: str  # its name
    file: str = ""  # the user's file; empty if its path is not fixed
    project: str = ""  # the file of a project; empty if there is none
    key: str = "mcpServers"  # the key above the servers
    fields: Mapping[str, Any] = {}  # what an entry of a program on this machine has besides `command` and `args`
    how: str = ""  # how its users open the file, for a client without a fixed path

    @property
    def place(self) -> str:
        """Return where an entry belongs, as the end of a sentence."""
        places = [self.file or self.how, f"{self.project} of a project" if self.project else ""]
        return " or ".join(filter(None, places))

    def config(self, name: str, entry: Mapping[str, Any]) -> str:
        """Return what to put into its file to configure a server.

        Parameters:
            name: the server's name.
            entry: its `command` and `args`.
        """
        whole = {**self.fields, **entry}
        if not self.file.endswith(TOML):
            return json.dumps({self.key: {name: whole}}, indent=2, ensure_ascii=False)
        # Texts of TOML, and lists of them, are those of JSON, except for one character.
        lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in whole.items())
        return "\n".join([f"[{self.key}.{name}]", *lines]).replace("\x7f", "\\u007f")


def _support(path: str) -> str:
    """Return a path in the folder where programs keep their settings on this system."""
    return f"~/Library/Application Support/{path}" if sys.platform == "darwin" else f"~/.config/{path}"


CLIENTS = {
    "claude-code": McpClient("Claude Code", "~/.claude.json", ".mcp.json", fields={"type": "stdio"}),
    "claude-desktop": McpClient("Claude Desktop", _support("Claude/claude_desktop_config.json")),
    "cline": McpClient("Cline", how="cline_mcp_settings.json (MCP Servers, Configure, Configure MCP Servers)"),
    "codex": McpClient("Codex", "~/.codex/config.toml", ".codex/config.toml", "mcp_servers"),
    "continue": McpClient("Continue", project=".continue/mcpServers/kosmo.json"),
    "copilot": McpClient("Copilot CLI", "~/.copilot/mcp-config.json", fields={"type": "local", "tools": ["*"]}),
    "cursor": McpClient("Cursor", "~/.cursor/mcp.json", ".cursor/mcp.json"),
    "gemini": McpClient("Gemini CLI", "~/.gemini/settings.json", ".gemini/settings.json"),
    "junie": McpClient("Junie", "~/.junie/mcp/mcp.json", ".junie/mcp/mcp.json"),
    "vscode": McpClient("VS Code", _support("Code/User/mcp.json"), ".vscode/mcp.json", "servers", {"type": "stdio"}),
    "windsurf": McpClient("Windsurf", "~/.codeium/windsurf/mcp_config.json"),
    "zed": McpClient("Zed", "~/.config/zed/settings.json", ".zed/settings.json", "context_servers"),
}

USER = "user"
# The files of a project by kind; later ones win.
PROJECT = {
    kind: CLIENTS[client].project
    for kind, client in {"vscode": "vscode", "cursor": "cursor", "project": "claude-code"}.items()
}
KEYS = tuple(dict.fromkeys(client.key for client in CLIENTS.values()))
MAX_NAME_SHOWN = 80  # characters of an unknown name in an error message
MAX_NAMES_SHOWN = 1_000  # characters of the known names in it
MAX_SERVERS = 1_000  # in one file
DEFAULT_TIMEOUT = 30.0  # default seconds for a response
KINDS: dict[str, Literal["stdio", "http"]] = {"stdio": "stdio", "http": "http", "streamablehttp": "http"}
# Other spellings of the keys of an entry.
SPELLINGS = {
    "environment": "env",
    "http_headers": "headers",
    "timeoutSeconds": "timeout",
    "httpUrl": "url",
    "serverUrl": "url",
}
SSE_TRANSPORT = "sse"  # the transport that streamable HTTP replaced in March 2025
# What a value of a JSON file is called, and what one of an entry must be.
JSON_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
FIELD_KINDS: dict[type, str] = {dict: "an object of texts", list: "a list of texts", str: "a text"}


@dataclass(frozen=True, slots=True)
class Server:
    """A configured server."""

    name: str  # its key in the settings file
    source: str  # the kind of file it comes from, `USER` or a key of `PROJECT`
    path: Path  # that file
    root: Path  # the project's folder, which is the default working directory of a server
    kind: Literal["stdio", "http"] = "stdio"  # its transport
    command: str = ""  # the program of a `stdio` server
    args: tuple[str, ...] = ()  # its arguments
    # Its environment variables, in addition to `secrets.INHERITED`.
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""  # its working directory; empty for `root`
    url: str = field(default="", repr=False)  # the address of an `http` server
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # the headers of every request to it
    enabled: bool = True  # whether it may be used
    timeout: float = DEFAULT_TIMEOUT  # seconds for its start, and for each response
    replaces: Path | None = None  # the file of an entry with the same name that this one overrides
    fault: str = ""  # the reason why it cannot be used; empty if it can

    @property
    def of_project(self) -> bool:
        """Return whether it comes from a project's file and not from the user's own."""
        return self.source != "user"

    def check_entry(self) -> None:
        """Check that the entry is valid.

        Raises:
            SettingsError: the entry has a mistake.
        """
        if self.fault:
            raise SettingsError(f"{self.path}: the MCP server `{self.name}`: {self.fault}.")

    def usable(self) -> None:
        """Check that the entry is valid and enabled.

        Raises:
            SettingsError: the entry has a mistake or is switched off.
        """
        self.check_entry()
        if not self.enabled:
            raise SettingsError(
                f"The MCP server `{self.name}` is switched off in {self.path}. `kosmo mcp:enable {self.name}` switches "
                "it on."
            )


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may configure servers."""

    source: str  # the kind of file: `USER` or a key of `PROJECT`
    path: Path  # its path; the file may not exist
    key: str = ""  # the key under which it lists servers, one of `KEYS`; empty if the file does not exist or has none
    servers: tuple[str, ...] = ()  # the names of its servers
    fault: str = ""  # the reason why it cannot be read; empty if it can


@dataclass(frozen=True, slots=True)
class Configuration:
    """All servers that are configured for a folder."""

    root: Path  # the project's folder
    servers: dict[str, Server] = field(default_factory=dict)  # the entries by name, in order of first occurrence
    lua_names: dict[str, str] = field(default_factory=dict)  # the Lua name of each server, by its name
    sources: tuple[Source, ...] = ()  # the files, in order of increasing precedence

    @property
    def faults(self) -> tuple[str, ...]:
        """The error messages of the files that cannot be read, each with its path."""
        return tuple(source.fault for source in self.sources if source.fault)

    def find(self, name: str) -> Server:
        """Return the server of a name.

        Raises:
            UnknownNameError: there is none; the message has the nearest names and the files that cannot be read.
        """
        if name in self.servers:
            return self.servers[name]
        message, near = f"There is no MCP server `{one_line(name, most=MAX_NAME_SHOWN)}`", nearest(name, self.servers)
        if not self.servers:
            message += f": none is configured. `kosmo mcp:add` configures one, in {self.sources[0].path}."
        elif near:
            message += "."
        else:
            message += f". There are {one_line(', '.join(self.servers), most=MAX_NAMES_SHOWN)}."
        raise UnknownNameError(" ".join([message, *self.faults]), tuple(near))


def project_root(folder: Path) -> Path:
    """Return the root of the Git repository around a folder, or the folder itself if there is none."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


def home() -> Path:
    """Return the user's home folder.

    Raises:
        SettingsError: it cannot be determined.
    """
    try:
        return Path.home()
    except RuntimeError:  # pathlib raises it when it cannot determine the home folder
        raise SettingsError("You have no home, where ~/.kosmo/mcp.json would be. Name one in HOME.") from None


def user_file() -> Path:
    """Return the path of the user's own file; raises like `home`."""
    return home() / ".kosmo" / "mcp.json"


def files(root: Path) -> dict[str, Path]:
    """Return the files that may configure servers for a project, by kind, in order of increasing precedence."""
    return {USER: user_file(), **{source: root / name for source, name in PROJECT.items()}}


def file_state(path: str | Path) -> object:
    """Return what changes with a file; None if it cannot be looked at."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def configuration(folder: Path | None = None) -> Configuration:
    """Return the servers that are configured for a folder, or for the working directory if None."""
    root = project_root(folder or Path.cwd())
    servers: dict[str, Server] = {}
    sources = []
    for source, path in files(root).items():
        try:
            key, listed = entries_of(path, None if source == USER else root)
        except SettingsError as fault:
            sources.append(Source(source, path, fault=fault.message))
            continue
        for name, value in listed.items():
            server = entry(name, value, source, path, root)
            replaced = servers.get(name)
            servers[name] = replace(server, replaces=replaced.path) if replaced else server
        sources.append(Source(source, path, key, tuple(listed)))
    return Configuration(root, servers, lua_names(servers, absent="server"), tuple(sources))


def entries_of(path: Path, folder: Path | None = None) -> tuple[str, dict[str, Any]]:
    """Return the key under which a file lists servers, and its entries; both are empty if the file does not exist.

    Parameters:
        path: the file.
        folder: the folder of the project whose file it is; None if it is the user's own file, or one that the user
            named.

    Raises:
        SettingsError: the file cannot be read or has an unexpected format; the message has line and column if known.
    """
    try:
        content = (
            read_unnamed_file(path, SettingsError, folder=folder) if folder else read_file_if_any(path, SettingsError)
        )
    except UntrustedFileError as error:
        raise SettingsError(str(error)) from None
    text = decode_text(content or b"", path, SettingsError)
    table: Any = {}
    if text.strip():
        table = parse_toml(path, text) if path.suffix == TOML else parse_jsonc(str(path), text)
    return listed_entries(str(path), table)


def listed_entries(file: str, table: Any) -> tuple[str, dict[str, Any]]:
    """Return the key under which the content of a file lists servers, and its entries; both are empty without a key.

    Raises:
        SettingsError: the content has an unexpected form.
    """
    if not isinstance(table, dict):
        raise SettingsError(f"{file}:1:1 must be an object with `mcpServers` in it.")
    key = next((key for key in KEYS if table.get(key) is not None), "")
    listed = table[key] if key else {}
    if not isinstance(listed, dict):
        raise SettingsError(f"{file}: `{key}` must be an object, one entry for each server.")
    if len(listed) > MAX_SERVERS:
        raise SettingsError(f"{file}: `{key}` has more than {MAX_SERVERS:,} servers.")
    return key, listed


# Entries ----------------------------------------------------------------------------------------------------------


class _EntryError(Exception):
    """A mistake in an entry; its text becomes `Server.fault`."""


def entry(name: str, value: Any, source: str, path: Path, root: Path) -> Server:
    """Return the server that an entry describes; an invalid entry sets its `fault`.

    Parameters:
        name: the key of the entry.
        value: its value.
        source: the kind of file.
        path: the file.
        root: the project's folder.
    """
    try:
        return _parse(name, value, source, path, root)
    except _EntryError as fault:
        return Server(name, source, path, root, fault=escape_hidden(str(fault)))


def _parse(name: str, value: Any, source: str, path: Path, root: Path) -> Server:
    if not isinstance(value, dict):
        raise _EntryError(f"its entry must be an object, got {_kind_of(value)}")
    present = {key: item for key, item in value.items() if item is not None}
    fields = {SPELLINGS[key]: item for key, item in present.items() if key in SPELLINGS} | present
    command, url = _text(fields, "command"), _text(fields, "url")
    transport = _text(fields, "type").lower()
    if transport == SSE_TRANSPORT:
        raise _EntryError('`"type": "sse"` is the transport of old; its server may also speak `"type": "http"`')
    kind = KINDS.get(re.sub("[-_]", "", transport))
    if transport in ("", "local"):
        kind = "http" if url and not command else "stdio"
    if kind is None:
        raise _EntryError(f'`type` must be "stdio" or "http", got {transport[:40]!r}')
    if kind == "stdio" and not command.strip():
        raise _EntryError("it has neither `command` nor `url`" if not url else "`command` is missing")
    if kind == "http" and not url:
        raise _EntryError("`url` is missing")
    # The scheme may be unknown until references are resolved.
    if kind == "http" and "${" not in url.partition("/")[0] and urlsplit(url).scheme not in ("http", "https"):
        raise _EntryError("`url` must start with https:// or http://")
    words: list[Any] = _typed(fields, "args", [])
    return Server(
        name=name,
        source=source,
        path=path,
        root=root,
        kind=kind,
        command=command,
        args=tuple(_scalar(f"args[{index}]", item) for index, item in enumerate(words)),
        env=_named(fields, "env"),
        cwd=_text(fields, "cwd"),
        url=url,
        headers=_named(fields, "headers"),
        enabled=_flag(fields, "enabled", absent=True) and not _flag(fields, "disabled", absent=False),
        timeout=_seconds(fields, "timeout"),
    )


def _typed(fields: Mapping[str, Any], key: str, absent: T) -> T:
    """Return the value of a key, which must have the type of `absent`."""
    value = fields.get(key, absent)
    if not isinstance(value, type(absent)):
        raise _EntryError(f"`{key}` must be {FIELD_KINDS[type(absent)]}, got {_kind_of(value)}")
    return value


def _text(fields: Mapping[str, Any], key: str) -> str:
    return _scalar(key, _typed(fields, key, ""))


def _named(fields: Mapping[str, Any], key: str) -> dict[str, str]:
    values: dict[str, Any] = _typed(fields, key, {})
    if any(not name or "=" in name or "\0" in name for name in values):
        raise _EntryError(f"`{key}` has a name that no variable can have")
    return {name: _scalar(f"{key}.{name}", item) for name, item in values.items() if item is not None}


def _scalar(key: str, value: Any) -> str:
    """Return a string, number or boolean as the text of an argument or variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise _EntryError(f"`{key}` must be a text, got {_kind_of(value)}")
    if "\0" in str(value):
        raise _EntryError(f"`{key}` has a NUL character in it")
    return str(value)


def _flag(fields: Mapping[str, Any], key: str, *, absent: bool) -> bool:
    return str(fields.get(key, absent)).lower() in ("true", "on", "1")


def _seconds(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key, DEFAULT_TIMEOUT)
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _EntryError(f"`{key}` must be a number of seconds")
    return seconds if seconds > 0 else DEFAULT_TIMEOUT


def _kind_of(value: Any) -> str:
    return JSON_KINDS.get(type(value), "a number")
