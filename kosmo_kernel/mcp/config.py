"""The configured MCP servers, read from the user's file and from the files that a project has for other clients.

When several files configure a server of one name, the whole entry of the last file wins. A file that cannot be read is
listed in `Configuration.faults` and does not affect the others. Reading never starts a server.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.mcp.clients import CLIENTS, TOML
from kosmo_kernel.mcp.entries import Server, entry
from kosmo_kernel.reader.documents import parse_jsonc, parse_toml
from kosmo_kernel.safety.intake import UntrustedFileError, decode_text, read_file_if_any, read_unnamed_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text.nearest import nearest

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
        shown = one_line(name, most=MAX_NAME_SHOWN)
        message = f"There is no MCP server `{shown}`."
        if not self.servers:
            place = self.sources[0].path
            message = (
                f"There is no MCP server `{shown}`: none is configured. `kosmo mcp:add` configures one, in {place}."
            )
        near = nearest(name, list(self.servers))
        if self.servers and not near:
            message += f" There are {one_line(', '.join(self.servers), most=MAX_NAMES_SHOWN)}."
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
    return Configuration(root, servers, tuple(sources))


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
    if content is None:
        return "", {}
    text = decode_text(content, path, SettingsError)
    if path.suffix == TOML:
        table: Any = parse_toml(path, text)
    else:
        table = parse_jsonc(str(path), text) if text.strip() else {}
    if not isinstance(table, dict):
        raise SettingsError(f"{path}:1:1 must be an object with `mcpServers` in it.")
    key = next((key for key in KEYS if table.get(key) is not None), "")
    listed = table[key] if key else {}
    if not isinstance(listed, dict):
        raise SettingsError(f"{path}: `{key}` must be an object, one entry for each server.")
    if len(listed) > MAX_SERVERS:
        raise SettingsError(f"{path}: `{key}` has more than {MAX_SERVERS:,} servers.")
    return key, listed
