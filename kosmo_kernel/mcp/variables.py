"""The environment variables that the entries of servers refer to.

`${NAME}` is the variable `NAME`, and `${NAME:-default}` has a default. References may be part of a longer text. The
values are collected, so that messages redact them.

The variables of this program and of Heroku's are never filled into an entry of a project: its server may be anybody's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, SettingsError
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.safety.redaction import one_line

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRET = "secret:"  # noqa: S105 - the beginning of a reference to the keyring, which is no longer read
_WITHHELD = ("HEROKU_", "KOSMO_")  # what the names of variables begin with that no server of a project gets
# Names whose values are redacted in messages even if the file contains them in plaintext.
_PRIVATE = re.compile(r"key|token|secret|passw|credential|auth|cookie|session|dsn|private", re.IGNORECASE)
_MIN_SECRET_LENGTH = 4  # characters; redacting `1` or `on` wherever they occur would hide more than a secret

# Environment variables that a server inherits. It gets all others from its entry only.
INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
)


@dataclass(frozen=True, slots=True, repr=False)
class ResolvedServer:
    """A server's entry with all references resolved."""

    command: str  # the program
    args: tuple[str, ...]  # its arguments
    env: Mapping[str, str]  # its whole environment
    cwd: Path  # its working directory
    url: str  # its address
    headers: Mapping[str, str]  # the headers of every request
    secrets: tuple[str, ...]  # values to redact in messages


def fill_in(server: Server, env: Mapping[str, str] | None = None) -> ResolvedServer:
    """Return an entry with all references resolved.

    Parameters:
        server: the entry.
        env: environment variables; those of this process if None.

    Raises:
        CredentialsError: a variable is not set. The message names it.
        SettingsError: a reference has an unknown form, or the entry may not have the variable.
    """
    env = os.environ if env is None else env
    secrets: list[str] = []

    def text(template: str) -> str:
        return _REFERENCE.sub(lambda match: _value(server, match[1].strip(), env, secrets), template)

    variables = {name: text(value) for name, value in server.env.items()}
    headers = {name: text(value) for name, value in server.headers.items()}
    private = [value for name, value in variables.items() if _PRIVATE.search(name)]
    private += [part for value in headers.values() for part in (value, value.rpartition(" ")[2])]
    try:
        cwd = server.root / Path(text(server.cwd)).expanduser()
    except RuntimeError:  # pathlib raises it for an unknown user's home
        raise SettingsError(f"{_label(server)} starts in {one_line(server.cwd)}: there is no such home.") from None
    return ResolvedServer(
        command=os.path.expanduser(text(server.command)),
        args=tuple(map(text, server.args)),
        env={name: env[name] for name in INHERITED if name in env} | variables,
        cwd=cwd,
        url=text(server.url),
        headers=headers,
        secrets=tuple(dict.fromkeys(value for value in (*secrets, *private) if len(value) >= _MIN_SECRET_LENGTH)),
    )


def _value(server: Server, reference: str, env: Mapping[str, str], secrets: list[str]) -> str:
    """Return what a reference stands for, and add the value of a variable to `secrets`."""
    variable = _VARIABLE.fullmatch(reference)
    if variable is None:
        advice = ""
        if reference.startswith(_SECRET):
            advice = " The keyring's secrets of MCP servers are kept, but no longer read: set a variable."
        raise SettingsError(
            f"{_label(server)} refers to `${{{one_line(reference, most=60)}}}`, which is neither ${{NAME}} nor "
            f"${{NAME:-default}}.{advice}"
        )
    name, default = variable.groups()
    if server.of_project and name.upper().startswith(_WITHHELD):
        raise SettingsError(
            f"{_label(server)} refers to {name[:60]}. A server of a project gets no variable named HEROKU_* or "
            "KOSMO_*: if it may have yours, put its entry into ~/.kosmo/mcp.json."
        )
    value = env.get(name, "")
    if value:
        secrets.append(value)
    elif default is None and name not in env:
        raise CredentialsError(
            f"{_label(server)} needs the environment variable {name}, which is not set. Set it, or write "
            f"${{{name}:-default}}."
        )
    return value or default or ""


def _label(server: Server) -> str:
    return f"{server.path}: the MCP server `{one_line(server.name)}`"
