"""Resolution of the references in a server's entry: environment variables, secrets and folders.

    ${NAME}  ${env:NAME}  ${NAME:-default}      an environment variable
    ${secret:NAME}  @secret:NAME                a secret of the keyring; the second form is a whole value
    ${workspaceFolder}  ${userHome}             folders, as in VS Code and Cursor

References may be part of a longer text. Values of variables and secrets are collected, so that messages redact them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, SettingsError
from kosmo_kernel.mcp.config import Server, home
from kosmo_kernel.safety.redaction import one_line

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_VARIABLE = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRET = re.compile(r"(?:secret|KOSMO_SECRET):(.+)")
_WHOLE = "@secret:"
# Names whose values are redacted in messages even if the file contains them in plaintext.
PRIVATE = re.compile(r"key|token|secret|passw|credential|auth|cookie|session|dsn|private", re.IGNORECASE)
_MIN_SECRET_LENGTH = 4  # characters; redacting `1` or `on` wherever they occur would hide more than a secret

# Environment variables that a server inherits. It gets all others from its entry only.
INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("APPDATA", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "SYSTEMDRIVE", "SYSTEMROOT", "USERNAME", "USERPROFILE"),
)


@dataclass(frozen=True, slots=True)
class ResolvedServer:
    """A server's entry with all references resolved. Its `repr` shows no values."""

    command: str = field(repr=False)  # the program
    args: tuple[str, ...] = field(repr=False)  # its arguments
    env: Mapping[str, str] = field(repr=False)  # its whole environment
    cwd: Path  # its working directory
    url: str = field(repr=False)  # its address
    headers: Mapping[str, str] = field(repr=False)  # the headers of every request
    secrets: tuple[str, ...] = field(repr=False)  # values to redact in messages


def fill_in(
    server: Server, secret: Callable[[str], str | None], env: Mapping[str, str] | None = None
) -> ResolvedServer:
    """Return an entry with all references resolved.

    Parameters:
        server: the entry.
        secret: returns a secret of the keyring by its name, or None if there is none of that name.
        env: environment variables; those of this process if None.

    Raises:
        CredentialsError: a variable is not set, or a secret does not exist. The message names it.
        SettingsError: a reference has an unknown form.
    """
    env = os.environ if env is None else env
    resolver = _Resolver(server, secret, env)
    variables = {name: resolver.text(value) for name, value in server.env.items()}
    headers = {name: resolver.text(value) for name, value in server.headers.items()}
    private = [value for name, value in variables.items() if PRIVATE.search(name)]
    private += [part for value in headers.values() for part in (value, value.rpartition(" ")[2])]
    return ResolvedServer(
        command=os.path.expanduser(resolver.text(server.command)),
        args=tuple(map(resolver.text, server.args)),
        env={name: env[name] for name in INHERITED if name in env} | variables,
        cwd=server.root / resolver.folder(server.cwd),
        url=resolver.text(server.url),
        headers=headers,
        secrets=tuple(
            dict.fromkeys(value for value in (*resolver.secrets, *private) if len(value) >= _MIN_SECRET_LENGTH)
        ),
    )


class _Resolver:
    """Resolves the references of one entry, and collects their values in `secrets`."""

    def __init__(self, server: Server, secret: Callable[[str], str | None], env: Mapping[str, str]) -> None:
        self._server, self._secret, self._env = server, secret, env
        self._folders = {"workspaceFolder": str(server.root), "userHome": str(home())}
        self.secrets: list[str] = []

    def text(self, template: str) -> str:
        """Return a text with its references resolved."""
        if template.startswith(_WHOLE):
            return self._read_secret(template.removeprefix(_WHOLE).strip())
        return _REFERENCE.sub(self._reference, template)

    def folder(self, template: str) -> Path:
        """Return a folder's path with its references and `~` resolved."""
        try:
            return Path(self.text(template)).expanduser()
        except RuntimeError:  # pathlib raises it for an unknown user's home
            raise SettingsError(f"{self._label} starts in {one_line(template)}, and there is no such home.") from None

    def _reference(self, match: re.Match[str]) -> str:
        inner = match[1].strip()
        if inner in self._folders:
            return self._folders[inner]
        if secret := _SECRET.fullmatch(inner):
            return self._read_secret(secret[1].strip())
        variable = _VARIABLE.fullmatch(inner)
        if variable is None:
            raise SettingsError(
                f"{self._label} refers to `${{{inner[:60]}}}`, which is none of "
                "${NAME}, ${env:NAME}, ${NAME:-default} and ${secret:NAME}."
            )
        name, default = variable.groups()
        value = self._env.get(name, "")
        if value:
            self.secrets.append(value)
        elif default is None and name not in self._env:
            raise CredentialsError(
                f"{self._label} needs the environment variable {name}, which is not set. Set it, or write "
                f"${{{name}:-default}}."
            )
        return value or default or ""

    def _read_secret(self, name: str) -> str:
        value = self._secret(name)
        if value is None:
            raise CredentialsError(f"{self._label} needs the secret `{name}`, which the keyring does not have.")
        self.secrets.append(value)
        return value

    @property
    def _label(self) -> str:
        return f"{self._server.path}: the MCP server `{self._server.name}`"


def is_reference(text: str) -> bool:
    """Return whether a text is a single reference without any other text."""
    return text.startswith(_WHOLE) or _REFERENCE.fullmatch(text) is not None


def referred(text: str) -> list[str]:
    """Return the references in a text, unresolved."""
    return [text] if text.startswith(_WHOLE) else [match[0] for match in _REFERENCE.finditer(text)]
