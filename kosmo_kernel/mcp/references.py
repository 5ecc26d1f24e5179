"""Filling in what an entry refers to: variables of the environment, secrets of the keyring, the project's folder.

    ${NAME}  ${env:NAME}  ${NAME:-default}      a variable of the environment
    ${secret:NAME}  @secret:NAME                a secret of the keyring; the second form is a whole value
    ${workspaceFolder}  ${userHome}             folders, as VS Code and Cursor have them

References may stand within a text. What is filled in is remembered as a secret, so that no message shows it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, SettingsError
from kosmo_kernel.mcp.config import home
from kosmo_kernel.mcp.entries import Server
from kosmo_kernel.safety.redaction import one_line

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_VARIABLE = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRET = re.compile(r"(?:secret|KOSMO_SECRET):(.+)")
_WHOLE = "@secret:"
# Names whose values are nobody's to see even where they stand in the file as they are.
PRIVATE = re.compile(r"key|token|secret|passw|credential|auth|cookie|session|dsn|private", re.IGNORECASE)
_SHORTEST = 4  # characters; hiding `1` or `on` wherever they occur would hide more than a secret

# What a server inherits. Everything else it is given by its entry only.
INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("APPDATA", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "SYSTEMDRIVE", "SYSTEMROOT", "USERNAME", "USERPROFILE"),
)


@dataclass(frozen=True, slots=True)
class ResolvedServer:
    """A server's entry with everything filled in. Its text never shows a value.

    Parameters:
        command: the program.
        args: its arguments.
        env: its whole environment.
        cwd: where it is started.
        url: its address.
        headers: of every request.
        secrets: values that no message may show.
    """

    command: str = field(repr=False)
    args: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def fill_in(
    server: Server, secret: Callable[[str], str | None], env: Mapping[str, str] | None = None
) -> ResolvedServer:
    """An entry with everything that it refers to.

    Parameters:
        server: the entry.
        secret: gives a secret of the keyring by its name, or None where there is none of that name.
        env: environment variables; the process's own when None.

    Raises:
        CredentialsError: a variable is not set, or there is no such secret. The message names it.
        SettingsError: a reference that is none.
    """
    env = os.environ if env is None else env
    filling = _Filling(server, secret, env)
    given = {name: filling.text(value) for name, value in server.env.items()}
    headers = {name: filling.text(value) for name, value in server.headers.items()}
    private = [value for name, value in given.items() if PRIVATE.search(name)]
    private += [part for value in headers.values() for part in (value, value.rpartition(" ")[2])]
    return ResolvedServer(
        command=os.path.expanduser(filling.text(server.command)),
        args=tuple(map(filling.text, server.args)),
        env={name: env[name] for name in INHERITED if name in env} | given,
        cwd=server.root / filling.folder(server.cwd),
        url=filling.text(server.url),
        headers=headers,
        secrets=tuple(dict.fromkeys(value for value in (*filling.secrets, *private) if len(value) >= _SHORTEST)),
    )


class _Filling:
    """Fills in one entry, and notes the secrets that it meets."""

    def __init__(self, server: Server, secret: Callable[[str], str | None], env: Mapping[str, str]) -> None:
        self._server, self._secret, self._env = server, secret, env
        self._folders = {"workspaceFolder": str(server.root), "userHome": str(home())}
        self.secrets: list[str] = []

    def text(self, given: str) -> str:
        """A text with everything that it refers to."""
        if given.startswith(_WHOLE):
            return self._of_keyring(given.removeprefix(_WHOLE).strip())
        return _REFERENCE.sub(self._one, given)

    def folder(self, given: str) -> Path:
        """A folder with everything that it refers to."""
        try:
            return Path(self.text(given)).expanduser()
        except RuntimeError:  # pathlib's word for no such home
            raise SettingsError(f"{self._who} starts in {one_line(given)}, and there is no such home.") from None

    def _one(self, found: re.Match[str]) -> str:
        inner = found[1].strip()
        if inner in self._folders:
            return self._folders[inner]
        if wanted := _SECRET.fullmatch(inner):
            return self._of_keyring(wanted[1].strip())
        variable = _VARIABLE.fullmatch(inner)
        if variable is None:
            raise SettingsError(
                f"{self._who} refers to `${{{inner[:60]}}}`, which is none of "
                "${NAME}, ${env:NAME}, ${NAME:-default} and ${secret:NAME}."
            )
        name, default = variable.groups()
        value = self._env.get(name, "")
        if value:
            self.secrets.append(value)
        elif default is None and name not in self._env:
            raise CredentialsError(
                f"{self._who} needs the environment variable {name}, which is not set. Set it, or write "
                f"${{{name}:-default}}."
            )
        return value or default or ""

    def _of_keyring(self, name: str) -> str:
        value = self._secret(name)
        if value is None:
            raise CredentialsError(f"{self._who} needs the secret `{name}`, which the keyring does not have.")
        self.secrets.append(value)
        return value

    @property
    def _who(self) -> str:
        return f"{self._server.path}: the MCP server `{self._server.name}`"


def is_reference(text: str) -> bool:
    """Whether a text is a reference and nothing more."""
    return text.startswith(_WHOLE) or _REFERENCE.fullmatch(text) is not None


def referred(text: str) -> list[str]:
    """The references in a text, as they are written."""
    return [text] if text.startswith(_WHOLE) else [found[0] for found in _REFERENCE.finditer(text)]
