"""Which servers are configured: the user's file, then those that a project brings for other clients.

Later files win, by the name of the server and as whole entries. A file that cannot be read is told of in `faults`, and
the others still count. Nothing here starts a server.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.mcp import jsonc
from kosmo_kernel.mcp.entries import Server, entry
from kosmo_kernel.safety.redaction import one_line

USER = "user"
PROJECT = {"vscode": ".vscode/mcp.json", "cursor": ".cursor/mcp.json", "project": ".mcp.json"}  # later ones win
KEYS = ("mcpServers", "servers")
MAX_NAME_SHOWN = 80  # characters of a name that there is not


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may configure servers.

    Parameters:
        source: its kind, `USER` or one of `PROJECT`.
        path: where it is, or would be.
        key: under which it lists servers, one of `KEYS`; empty where there is no file, or none that says.
        servers: the names of those that it lists.
        fault: why it cannot be read; empty when it can.
    """

    source: str
    path: Path
    key: str = ""
    servers: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All servers that are configured for a folder.

    Parameters:
        root: the project's folder.
        servers: by name, in order of first mention.
        sources: the files, in the order in which they count.
    """

    root: Path
    servers: dict[str, Server] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Why files could not be read, each with its place."""
        return tuple(source.fault for source in self.sources if source.fault)

    def find(self, name: str) -> Server:
        """The server of that name.

        Raises:
            UnknownNameError: there is none; with the nearest names, and the files that could not be read.
        """
        if name in self.servers:
            return self.servers[name]
        shown = one_line(name, most=MAX_NAME_SHOWN)
        told = f"There is no MCP server `{shown}`."
        if not self.servers:
            told = f"There is no MCP server `{shown}`: none is configured. Write one into {self.sources[0].path}."
        near = nearest(name, list(self.servers))
        if self.servers and not near:
            told += f" There are {', '.join(self.servers)}."
        raise UnknownNameError(" ".join([told, *self.faults]), tuple(near))


def project_root(folder: Path) -> Path:
    """The project of a folder: where its Git repository begins, else the folder itself."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def home() -> Path:
    """The user's home.

    Raises:
        SettingsError: there is none that is known.
    """
    try:
        return Path.home()
    except RuntimeError:  # pathlib's word for it
        raise SettingsError("You have no home, where ~/.kosmo/mcp.json would be. Name one in HOME.") from None


def user_file() -> Path:
    """The user's own file; errors as `home` has them."""
    return home() / ".kosmo" / "mcp.json"


def files(root: Path) -> dict[str, Path]:
    """The files that count for a project's folder, by their kind, later ones winning."""
    return {USER: user_file(), **{source: root / name for source, name in PROJECT.items()}}


def configuration(folder: Path | None = None) -> Configuration:
    """What is configured for a folder: the working directory when None."""
    root = project_root(folder or Path.cwd())
    servers: dict[str, Server] = {}
    sources = []
    for source, path in files(root).items():
        try:
            key, listed = entries_of(path)
        except SettingsError as fault:
            sources.append(Source(source, path, fault=fault.message))
            continue
        for name, given in listed.items():
            found = entry(name, given, source, path, root)
            before = servers.get(name)
            servers[name] = replace(found, replaces=before.path) if before else found
        sources.append(Source(source, path, key, tuple(listed)))
    return Configuration(root, servers, tuple(sources))


def entries_of(path: Path) -> tuple[str, dict[str, Any]]:
    """The key under which a file lists servers, and what stands there; both empty where there is no file.

    Raises:
        SettingsError: the file cannot be read, or is no such file; with its line and column where that helps.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return "", {}
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        column = fault.start - (fault.object.rfind(b"\n", 0, fault.start) + 1) + 1
        raise SettingsError(f"{path}:{line}:{column} is no UTF-8.") from None
    except OSError as fault:
        raise SettingsError(f"{path} cannot be read: {fault.strerror}.") from None
    given = jsonc.read(text, str(path)) if text.strip() else {}
    if not isinstance(given, dict):
        raise SettingsError(f"{path}:1:1 must be an object with `mcpServers` in it.")
    key = next((key for key in KEYS if given.get(key) is not None), "")
    listed = given[key] if key else {}
    if not isinstance(listed, dict):
        raise SettingsError(f"{path}: `{key}` must be an object, one entry for each server.")
    return key, listed
