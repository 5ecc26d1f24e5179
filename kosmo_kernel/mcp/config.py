"""The configured MCP servers: those of the project's `.mcp.json`, and of the user's own file.

The project's entry replaces the user's one of the same name. A file that cannot be read is listed in
`Configuration.faults` and does not affect the other. Reading never starts a server.

References in an entry are not resolved here. A mistake is stored in the entry's `fault`, so that other entries still
work, and raised when the server is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.mcp.tools import lua_names
from kosmo_kernel.reader.documents import parse_jsonc
from kosmo_kernel.safety.intake import UntrustedFileError, decode_text, read_file_if_any, read_unnamed_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.text import nearest

KEY = "mcpServers"
PROJECT_FILE = ".mcp.json"
OTHER_FILES = (".vscode/mcp.json", ".cursor/mcp.json")  # files of other clients, which are not read
MAX_NAME_SHOWN = 80  # characters of an unknown name in an error message
MAX_NAMES_SHOWN = 1_000  # characters of the known names in it
MAX_SERVERS = 1_000  # in one file
MAX_TIMEOUT = 86_400  # seconds
HTTP_TYPES = ("http", "streamable-http")

_Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """A configured server."""

    name: str  # its key in the file
    path: Path  # the file
    root: Path  # the project's folder, which is the default working directory of a server
    of_project: bool  # whether the file is the project's and not the user's own
    command: str = ""  # the program of a server that is one
    args: tuple[str, ...] = ()  # its arguments
    env: Mapping[str, str] = field(default_factory=dict)  # its variables, in addition to `variables.INHERITED`
    cwd: str = ""  # its working directory; empty for `root`
    url: str = ""  # the address of an HTTP server; empty for a program
    headers: Mapping[str, str] = field(default_factory=dict)  # the headers of every request to it
    timeout: float = 30.0  # seconds for its start, and for each response
    fault: str = ""  # the reason why it cannot be used; empty if it can

    @property
    def source(self) -> Literal["user", "project"]:
        """Whose file it is."""
        return "project" if self.of_project else "user"

    @property
    def kind(self) -> Literal["stdio", "http"]:
        """Its transport."""
        return "http" if self.url else "stdio"

    @property
    def address(self) -> str:
        """Its program, or its address without what may be a secret: a user, a query."""
        if not self.url:
            return one_line(self.command)
        scheme, colon, rest = self.url.partition("://")
        return one_line(f"{scheme}{colon}{rest.partition('?')[0].rpartition('@')[2]}")

    def check_entry(self) -> None:
        """Check that the entry is valid.

        Raises:
            SettingsError: the entry has a mistake.
        """
        if self.fault:
            raise SettingsError(f"{self.path}: the MCP server `{escape_hidden(self.name)}`: {self.fault}.")


@dataclass(frozen=True, slots=True)
class Configuration:
    """All servers that are configured for a folder."""

    root: Path  # the project's folder
    servers: dict[str, Server] = field(default_factory=dict)  # the entries by name
    lua_names: dict[str, str] = field(default_factory=dict)  # the Lua name of each server, by its name
    faults: tuple[str, ...] = ()  # what is wrong with files, and which are not read; each with its path

    def find(self, name: str) -> Server:
        """Return the server of a name.

        Raises:
            UnknownNameError: there is none; the message has the nearest names and the files that cannot be read.
        """
        if name in self.servers:
            return self.servers[name]
        message, near = f"There is no MCP server `{one_line(name, most=MAX_NAME_SHOWN)}`", nearest(name, self.servers)
        if not self.servers:
            message += f": none is configured, in {self.root / PROJECT_FILE} or {user_file()}."
        elif near:
            message += "."
        else:
            message += f". There are {one_line(', '.join(self.servers), most=MAX_NAMES_SHOWN)}."
        raise UnknownNameError(" ".join([message, *self.faults]), tuple(near))


def project_root(folder: Path) -> Path:
    """Return the root of the Git repository around a folder, or the folder itself if there is none."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


def user_file() -> Path:
    """Return the path of the user's own file.

    Raises:
        SettingsError: the user's home folder cannot be determined.
    """
    try:
        return Path.home() / ".kosmo" / "mcp.json"
    except RuntimeError:  # pathlib raises it when it cannot determine the home folder
        raise SettingsError("You have no home, where ~/.kosmo/mcp.json would be. Name one in HOME.") from None


def files(root: Path) -> tuple[Path, Path]:
    """Return the files that may configure servers: the user's own, and the project's, which takes precedence."""
    return user_file(), root / PROJECT_FILE


def configuration(folder: Path | None = None) -> Configuration:
    """Return the servers that are configured for a folder, or for the working directory if None."""
    root = project_root(folder or Path.cwd())
    servers: dict[str, Server] = {}
    faults: list[str] = []
    for path in files(root):
        of_project = path != user_file()
        try:
            entries = _entries(path, root if of_project else None)
        except SettingsError as error:
            faults.append(error.message)
            continue
        servers |= {name: _server(name, value, path, root, of_project=of_project) for name, value in entries.items()}
    faults += [
        f"{root / name} is not read: copy its entries into {PROJECT_FILE}."
        for name in OTHER_FILES
        if (root / name).exists()
    ]
    return Configuration(root, servers, lua_names(servers, absent="server"), tuple(faults))


def _entries(path: Path, folder: Path | None) -> dict[str, Any]:
    """Return the entries of a file; none if it does not exist.

    Parameters:
        path: the file.
        folder: the folder of the project whose file it is; None for the user's own file.

    Raises:
        SettingsError: the file cannot be read or has an unexpected form; the message has line and column if known.
    """
    try:
        content = (
            read_unnamed_file(path, SettingsError, folder=folder) if folder else read_file_if_any(path, SettingsError)
        )
    except UntrustedFileError as error:
        raise SettingsError(str(error)) from None
    text = decode_text(content or b"", path, SettingsError)
    table = parse_jsonc(str(path), text) if text.strip() else {}
    listed = table.get(KEY) if isinstance(table, dict) else table
    if listed is None:
        return {}
    if not isinstance(listed, dict):
        raise SettingsError(
            f"{path}:1:1 must be an object with `{KEY}` in it, an object with an entry for each server."
        )
    if len(listed) > MAX_SERVERS:
        raise SettingsError(f"{path}: `{KEY}` has more than {MAX_SERVERS:,} servers.")
    return listed


class _Entry(msgspec.Struct):
    """The keys of an entry that are in use."""

    type: Literal["stdio", "http", "streamable-http"] | None = None
    command: str = ""
    args: list[_Scalar] = []
    env: dict[str, _Scalar] = {}
    cwd: str = ""
    url: str = ""
    headers: dict[str, _Scalar] = {}
    timeout: Annotated[float, msgspec.Meta(gt=0, le=MAX_TIMEOUT)] = 30.0
    enabled: bool = True
    disabled: bool = False


def _server(name: str, value: Any, path: Path, root: Path, *, of_project: bool) -> Server:
    """Return the server that an entry describes; an invalid entry sets its `fault`."""
    present = {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value
    try:
        entry = msgspec.convert(present, _Entry)
    except msgspec.ValidationError as error:
        return Server(name, path, root, of_project, fault=escape_hidden(f"its entry is wrong: {error}"))
    return Server(
        name,
        path,
        root,
        of_project,
        entry.command,
        tuple(map(_text, entry.args)),
        {key: _text(item) for key, item in entry.env.items()},
        entry.cwd,
        entry.url,
        {key: _text(item) for key, item in entry.headers.items()},
        entry.timeout,
        _fault(entry),
    )


def _fault(entry: _Entry) -> str:
    """Return why a server cannot be used; empty if it can."""
    if entry.disabled or not entry.enabled:
        return "it is switched off by `disabled` or `enabled` in its entry"
    if bool(entry.command.strip()) == bool(entry.url):
        return "its entry must have one of `command` and `url`"
    if entry.type and (entry.type in HTTP_TYPES) != bool(entry.url):
        return f"its `type` is {entry.type}, which goes with `{'url' if entry.type in HTTP_TYPES else 'command'}`"
    # The scheme may be unknown until references are resolved.
    if entry.url and "${" not in entry.url.partition("/")[0] and urlsplit(entry.url).scheme not in ("http", "https"):
        return "its `url` must start with https:// or http://"
    return ""


def _text(value: _Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
