"""The user's trust in the MCP servers that a project configures.

A file in a repository can name any program, so such a server is neither started nor contacted before the user has
approved it. The approval is for a fingerprint of the command, arguments, folder, address, variables and headers, as
they are written. When any of these changes, the user must approve again. What the references in them stand for is not
part of the fingerprint. Servers of the user's own file need no approval.

Approvals are stored in one file in the settings folder, which only its owner can read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from kosmo_kernel.errors import SettingsError, UntrustedError
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.safety.decoder import decode_json
from kosmo_kernel.safety.intake import read_file_if_any
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.settings.config_file import folder
from kosmo_kernel.settings.private_files import locked, write

FILE = "mcp-trust.json"

TrustStatus = Literal["trusted", "untrusted", "changed"]
UNTRUSTED = {"untrusted": "is not trusted yet", "changed": "has changed since you trusted it"}


def fingerprint(server: Server) -> str:
    """Return the SHA-256 digest of what the user approves, in 64 hexadecimal digits."""
    parts = ("kind", "command", "args", "cwd", "env", "url", "headers")
    facts = {part: getattr(server, part) for part in parts}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def consent_lines(server: Server) -> list[str]:
    """Return the lines that show the user what they approve, as it is written, with each character of it visible."""
    lines = [_joined([server.url] if server.url else [server.command, *server.args])]
    lines += [f"in {_joined([server.cwd])}"] if server.cwd else []
    for kind, values in (("variable", server.env), ("header", server.headers)):
        lines += [f"{kind} {_joined([name])} = {_joined([value])}" for name, value in values.items()]
    return list(map(escape_hidden, lines))


def _joined(words: Iterable[str]) -> str:
    return " ".join(json.dumps(word, ensure_ascii=False) if re.search(r'[\s"]|^$', word) else word for word in words)


class Trust:
    """The user's approvals of projects' servers.

    Parameters:
        folder: the folder of the file with the approvals; the settings folder if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def path(self) -> Path:
        """The file of the approvals."""
        return (self._folder or folder()) / FILE

    def status(self, server: Server) -> TrustStatus:
        """Return whether the user has approved a server as it is now.

        Raises:
            SettingsError: the file of the approvals cannot be read.
        """
        if not server.of_project:
            return "trusted"
        approved = self._approvals().get(_key(server))
        if approved is None:
            return "untrusted"
        return "trusted" if approved == fingerprint(server) else "changed"

    def require(self, server: Server) -> None:
        """Check that the user has approved a server.

        Raises:
            UntrustedError: the user has not approved it, or it has changed since. It was not started.
            SettingsError: the file of the approvals cannot be read.
        """
        status = self.status(server)
        if status == "trusted":
            return
        name, path = escape_hidden(server.name), escape_hidden(str(server.path))
        raise UntrustedError(
            f"The MCP server `{name}` comes with the project ({path}) and {UNTRUSTED[status]}, so it was not started. "
            f"`kosmo mcp:trust {name}` shows what it would run and asks you."
        )

    def trust(self, server: Server) -> None:
        """Store the user's approval of a server as it is now; raises like `untrust`."""
        self._change(server, fingerprint(server))

    def untrust(self, server: Server) -> bool:
        """Delete the user's approval of a server, and return whether there was one.

        Raises:
            SettingsError, FileWriteError: the file of the approvals cannot be read, or not be written.
        """
        return self._change(server, None)

    def _change(self, server: Server, approved: str | None) -> bool:
        """Replace the approval of a server, delete it if None, and return whether anything changed."""
        with locked(self.path.parent):
            before = self._approvals()
            changed = {**before, _key(server): approved}
            after = {key: value for key, value in changed.items() if value is not None}
            if after != before:
                write(self.path, json.dumps({"trusted": after}, indent=2, sort_keys=True) + "\n")
            return after != before

    def _approvals(self) -> dict[str, str]:
        content = read_file_if_any(self.path, SettingsError)
        if content is None:
            return {}
        try:
            approvals = decode_json(content, str(self.path), ValueError)["trusted"]
            return {str(key): str(value) for key, value in approvals.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SettingsError(f"{self.path} is damaged. Delete it, and trust your projects' servers anew.") from None


def _key(server: Server) -> str:
    """Return the key of an approval: it includes the project, so that an approval is for one project only."""
    return f"{server.root.resolve()}#{server.name}"
