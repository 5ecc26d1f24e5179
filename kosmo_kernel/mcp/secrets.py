"""The references and the secrets in the entries of servers.

    ${NAME}  ${env:NAME}  ${NAME:-default}      an environment variable
    ${secret:NAME}  @secret:NAME                a secret of the keyring; the second form is a whole value
    ${workspaceFolder}  ${userHome}             folders, as in VS Code and Cursor

References may be part of a longer text. Values of variables and secrets are collected, so that messages redact them.

Secrets are in the system's keyring, or in a file where there is none: `mcp-secrets.json` in the settings folder,
readable only by its owner. A name is looked up in the keyring first.

A plaintext secret, where a reference to one should be, is recognized by its format (see `redaction.py`), by its name,
as in `API_KEY: x`, `--api-key=x` and `?token=x`, or by the option before it, as in `--token x`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kosmo_kernel.accounts import store
from kosmo_kernel.errors import CredentialsError, SettingsError
from kosmo_kernel.mcp.config import Server, home
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.safety.redaction import REDACTED, one_line, redact
from kosmo_kernel.settings.config_file import folder
from kosmo_kernel.settings.private_files import locked, read_secret, write

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

FILE = "mcp-secrets.json"
PREFIX = "mcp-secret:"  # of names in the keyring, to keep them apart from accounts
_NAME = re.compile(r"key|token|secret|passw|credential|authorization|cookie", re.IGNORECASE)
# Only from the beginning of a word, so that a long one is searched once.
_WORD = re.compile(r"(?<![\w-])[\w-]*(?:key|token|secret|passw(?:or)?d)", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"({_WORD.pattern}[=:])([^\s&]+)", re.IGNORECASE)
_REFERENCES = re.compile(r"(\$\{[^{}]*+\})")  # `${secret:x}` matches the patterns above, but is not a secret
_PASSWORD = re.compile(r"""://[^\s/?#@:"'<>]*:([^\s/"'<>]+)@""")
# Ends of names that say what a value is, although another part of the name is that of a secret.
_NO_SECRET = re.compile(
    r"(?:^|[_-])(?:file|path|dir|folder|home|backend|provider|class|module|plugin|command|cmd|program|bin|helper|sock"
    r"|socket|address|host|port|url|uri|endpoint|name|profile|type|mode|method|region|format|timeout|ttl|enabled)$",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\s*+(?:(?:bearer|basic|token)\s*+)?", re.IGNORECASE)  # of a header, before its secret
# Characters with a special meaning to a shell or an interpreter.
_CODE = re.compile(r"""[\s;|&$`(){}<>"'\\*?!]""")


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


# Storage ---------------------------------------------------------------------------------------------------------


def secrets_file() -> Path:
    """Return the path of the file for secrets that are not in a keyring."""
    return folder() / FILE


def read(name: str) -> str | None:
    """Return a secret, or None if there is none of that name.

    Raises:
        CredentialsError: the keyring does not respond, or other users can read the file.
    """
    try:
        value = store.read_keyring(store.KEYRING_SERVICE, PREFIX + name)
    except store.NoKeyringError:
        value = None
    return value or _read_file().get(name)


def keep(name: str, value: str) -> None:
    """Store a secret, and replace an existing one of that name.

    Raises:
        CredentialsError, FileWriteError: it can be stored neither in the keyring nor in the file.
    """
    drop(name)
    try:
        store.keep_in_keyring(PREFIX + name, value)
    except store.NoKeyringError:
        _change_file(name, value)


@contextmanager
def keeping(values: Mapping[str, str]) -> Iterator[None]:
    """Store secrets, and restore the previous ones when the `with` block raises.

    Raises:
        CredentialsError: as for `read`, `keep` and `drop`.
    """
    before: dict[str, str | None] = {}
    try:
        for name, value in values.items():
            before[name] = read(name)
            keep(name, value)
        yield
    except BaseException:
        for name, old in before.items():
            if old is None:
                drop(name)
            else:
                keep(name, old)
        raise


def drop(name: str) -> None:
    """Delete a secret, if it exists.

    Raises:
        CredentialsError: the keyring does not respond, or the file cannot be changed.
    """
    with suppress(store.NoKeyringError):  # then it can only be in the file
        store.drop_from_keyring(PREFIX + name)
    if name in _read_file():
        _change_file(name, None)


def _read_file() -> dict[str, str]:
    text = read_secret(secrets_file())
    try:
        content = decode_json(text, str(secrets_file()), ValueError) if text.strip() else {}
        return {str(name): str(value) for name, value in content.items()}
    except (ValueError, AttributeError):
        raise CredentialsError(f"{secrets_file()} is damaged. Delete it, and give the secrets anew.") from None


def _change_file(name: str, value: str | None) -> None:
    path = secrets_file()
    with locked(path.parent):
        secrets = {key: secret for key, secret in (_read_file() | {name: value}).items() if secret is not None}
        write(path, json.dumps(secrets, indent=2, sort_keys=True) + "\n")


# Plaintext secrets ------------------------------------------------------------------------------------------------


def is_private(name: str, value: str) -> bool:
    """Return whether the value of a variable or header is a plaintext secret."""
    pair = f"{name}: {value}"
    return bool(value) and not referred(value) and (bool(_NAME.search(name)) or redact(pair) != pair)


def redact_text(text: str) -> str:
    """Return a text with each secret replaced by `[redacted]`."""
    if is_reference(text):
        return text
    parts = _REFERENCES.split(text)
    parts[::2] = [redact(_ASSIGNMENT.sub(rf"\1{REDACTED}", part)) for part in parts[::2]]
    return "".join(parts)


def redact_value(name: str, value: str) -> str:
    """Return the value of a variable or a header for the user who decides whether a server may run.

    It is redacted if its name is that of a secret, except for references and for what may be a path or an address.
    """
    if is_reference(value):
        return value
    if not PRIVATE.search(name) or _NO_SECRET.search(name) or "://" in value or value.startswith((".", "/", "~")):
        return next(redact_words([value], code=True))
    parts = _REFERENCES.split(value)
    parts[::2] = [part if _SCHEME.fullmatch(part) else REDACTED for part in parts[::2]]
    return "".join(parts)


def redact_words(words: Iterable[str], *, code: bool = False) -> Iterator[str]:
    """Yield the words of a command, with each secret replaced by `[redacted]`.

    Parameters:
        words: the command and its arguments.
        code: keep words that may be code as well as a secret. Set it when a user decides whether the command may run:
            otherwise they would approve `sh -c 'KEY=1;rm …'` without seeing it.
    """
    previous = ""
    for word in words:
        if code and _has_code(previous, word):
            yield word
        elif _is_option_value(previous, word):
            yield REDACTED
        else:
            yield redact_text(word)
        previous = word


def secret_names(words: Iterable[str]) -> Iterator[str]:
    """Yield the name of each secret in the words of a command: an option, an assignment or the redacted word."""
    previous = ""
    for word in words:
        if (redacted := redact_text(word)) != word:
            assignment = _ASSIGNMENT.search(redacted)
            yield assignment[1] if assignment else redacted
        elif _is_option_value(previous, word):
            yield previous
        previous = word


def _is_option_value(previous: str, word: str) -> bool:
    """Return whether a word is the value of an option with a secret's name, as in `--token x`."""
    is_option = previous.startswith("-") and _WORD.fullmatch(previous.lstrip("-"))
    return bool(is_option) and not word.startswith("-") and not is_reference(word)


def _has_code(previous: str, word: str) -> bool:
    """Return whether a part of a word that would be redacted may be code or a file's path."""
    rest = "" if is_reference(word) else _REFERENCES.sub("", word)
    secrets = [match[2] for match in _ASSIGNMENT.finditer(rest)] + [match[1] for match in _PASSWORD.finditer(rest)]
    if _is_option_value(previous, word):
        secrets.append(rest)
    return any(_CODE.search(secret) or secret.startswith((".", "/", "~")) for secret in secrets)
