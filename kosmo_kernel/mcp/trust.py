"""Trust in the servers that a project brings: given once by the user, and only for what was shown then.

A file that comes with a repository can name any program. So such a server is neither started nor asked before the user
has agreed to it, and the agreement is to a fingerprint: command, arguments, folder, address, variables, the names of
headers and what those refer to. When any of these changes the user is asked again: a variable such as `LD_PRELOAD` is
as good as a command. Only of a variable whose name says that it is a secret, the value is not part of it. Servers of
the user's own file need no trust.

Agreements are one file of our settings folder, which only its owner can read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp.entries import Server
from kosmo_kernel.mcp.references import PRIVATE, referred
from kosmo_kernel.mcp.secret_scan import hidden_words
from kosmo_kernel.settings import config_file

FILE = "mcp-trust.json"

TrustStatus = Literal["trusted", "untrusted", "changed"]


def facts(server: Server) -> dict[str, Any]:
    """What an agreement is to, as JSON values: of a secret and of a header only what its value refers to."""
    return {
        "kind": server.kind,
        "command": server.command,
        "args": list(server.args),
        "cwd": server.cwd,
        "env": {name: referred(value) if _is_secret(name) else value for name, value in sorted(server.env.items())},
        "url": server.url,
        "headers": {name: referred(value) for name, value in sorted(server.headers.items())},
    }


def fingerprint(server: Server) -> str:
    """What stands for a server's facts, in 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts(server), sort_keys=True).encode()).hexdigest()


def consent_lines(server: Server) -> list[str]:
    """What somebody agrees to, in lines for people. No value of a variable or header is shown: any may be a secret.

    Of an argument that is one, its name is shown, unless it may be code as well; the agreement is to the value.
    """
    lines = [called(server, code=True)]
    lines += [f"in {server.cwd}"] if server.cwd else []
    for what, given in (("variable", server.env), ("header", server.headers)):
        for name, value in given.items():
            refers = ", ".join(referred(value))
            lines.append(f"{what} {name}" + (f" from {refers}" if refers else ""))
    return lines


def called(server: Server, *, code: bool = False) -> str:
    """How a server is reached, without secrets: its command line or its address. `code` is that of `hidden_words`."""
    words = [server.command, *server.args] if server.kind == "stdio" else [server.url]
    return " ".join(json.dumps(word) if " " in word or not word else word for word in hidden_words(words, code=code))


class Trust:
    """Which servers of projects the user agreed to.

    Parameters:
        folder: where the agreements are kept; our settings folder when None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._read: tuple[object, dict[str, str]] | None = None  # and of which state of the file

    @property
    def path(self) -> Path:
        """The file of the agreements."""
        return (self._folder or config_file.folder()) / FILE

    def status(self, server: Server) -> TrustStatus:
        """Whether the user agreed to a server as it is now.

        Raises:
            SettingsError: the file of the agreements cannot be read.
        """
        if not server.of_project:
            return "trusted"
        agreed = self._agreements().get(_key(server))
        if agreed is None:
            return "untrusted"
        return "trusted" if agreed == fingerprint(server) else "changed"

    def require(self, server: Server) -> None:
        """Nothing, when the user agreed to a server.

        Raises:
            UntrustedError: not, or not to what it has become. It was not started.
            SettingsError: the file of the agreements cannot be read.
        """
        standing = self.status(server)
        if standing == "trusted":
            return
        why = "is not trusted yet" if standing == "untrusted" else "has changed since you trusted it"
        raise UntrustedError(
            f"The MCP server `{server.name}` comes with the project ({server.path}) and {why}, so it was not started. "
            f"`kosmo mcp:trust {server.name}` shows what it would run and asks you."
        )

    def trust(self, server: Server) -> None:
        """The user agreed to a server as it is now.

        Raises:
            SettingsError: that cannot be kept.
        """
        self._change({_key(server): fingerprint(server)})

    def untrust(self, server: Server) -> bool:
        """The user agrees no more. Returns whether they did.

        Raises:
            SettingsError: that cannot be kept.
        """
        return self._change({_key(server): None})

    def _change(self, changes: Mapping[str, str | None]) -> bool:
        """Change the agreements; of a server that is to be None there is to be none. Returns whether they changed."""
        from kosmo_kernel.settings.private_files import locked, write

        try:
            with locked(self.path.parent):
                before = self._agreements()
                after = {key: value for key, value in {**before, **changes}.items() if value is not None}
                if after != before:
                    write(self.path, json.dumps({"trusted": after}, indent=2, sort_keys=True) + "\n")
                return after != before
        except OSError as fault:
            raise SettingsError(f"{self.path} cannot be written: {fault.strerror}.") from None

    def _agreements(self) -> dict[str, str]:
        try:
            status = self.path.stat()
            state = (str(self.path), status.st_mtime_ns, status.st_size, status.st_ino)
            if self._read and self._read[0] == state:
                return self._read[1]
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as fault:
            raise SettingsError(f"{self.path} cannot be read: {fault}.") from None
        try:
            agreed = json.loads(text)["trusted"]
            self._read = (state, {str(key): str(value) for key, value in agreed.items()})
            return self._read[1]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SettingsError(f"{self.path} is damaged. Delete it, and trust your projects' servers anew.") from None


def _is_secret(variable: str) -> bool:
    return PRIVATE.search(variable) is not None


def _key(server: Server) -> str:
    """A server of one project: another project's server of the same name is another one."""
    return f"{server.root.resolve()}#{server.name}"
