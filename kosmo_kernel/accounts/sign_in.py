"""Read the tokens of other programs: those of the service's own command line, and those in `~/.netrc`.

The command line keeps its token in the system keyring under the user's name, and that name in a file, so whether a user
is signed in is known without access to the keyring. Older versions use `~/.netrc`, as do current ones without a
keyring.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from kosmo_kernel.catalogue.http import CliLogin
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.intake import decode_json, decode_text, read_file, read_file_if_any
from kosmo_kernel.text.patterns import lazy_pattern

NETRC = "NETRC"
_MACHINE = lazy_pattern(r"\s*machine\s+(\S+)(.*)")
_PASSWORD = lazy_pattern(r"(?:^|\s)password\s+(\S+)")
_ENDS = lazy_pattern(r"\s*(?:machine|default|macdef)\b")


class CliUser(NamedTuple):
    """A user who is signed in with a service's own command line."""

    name: str  # the user's name, an e-mail address
    version: str  # a text that changes with each sign-in


def signed_in(place: CliLogin) -> CliUser | None:
    """Return the user who is signed in; None if there is none, or if the command line does not use the keyring."""
    if os.name == "nt" or os.environ.get(place.off_env, "").lower() == "true":
        return None  # the keyring library cannot read the command line's entries on Windows
    own = os.environ.get(place.folder_env, "").strip()
    data = os.environ.get("XDG_DATA_HOME", "").strip() or os.path.expanduser("~/.local/share")
    file = Path(own, Path(place.state).name) if own else Path(data, place.state)
    try:
        changed = file.stat().st_mtime_ns  # before reading, so that the version is never newer than the name
        name = decode_json(read_file(file, ValueError), str(file), ValueError)[place.user_key]
    except OSError:  # of `stat`; the command line treats this as not signed in
        return None
    except (ValueError, LookupError, TypeError):  # treated as not signed in, too
        return None
    return CliUser(name, str(changed)) if isinstance(name, str) and name else None


def token_of(place: CliLogin, person: CliUser) -> str | None:
    """Return the token of a signed-in user; None if the keyring has none, or there is no keyring.

    Raises:
        CredentialsError: the keyring is locked, fails or does not answer.
    """
    from kosmo_kernel.accounts import system_keyring

    try:
        return system_keyring.read(place.service, person.name, person.version, place.attributes) or None
    except system_keyring.NoKeyringError:
        return None
    except CredentialsError as error:
        raise CredentialsError(f"{person.name} is signed in with {place.title}. {error.message}") from None


def netrc_file() -> Path:
    """Return the path of the netrc file, which may not exist."""
    path = os.environ.get(NETRC, "").strip()
    return Path(os.path.expanduser(path or ("~/_netrc" if os.name == "nt" else "~/.netrc")))


def netrc_password(file: Path, host: str) -> str | None:
    """Return the password of a host in a netrc file, or None if there is none.

    Heroku's command line writes files that Python's `netrc` module rejects. In that case the host's lines are searched
    for a password, as the command line does.

    Raises:
        CredentialsError: the file cannot be read or is invalid. No part of it is in the message.
    """
    content = read_file_if_any(file, CredentialsError)
    if content is None or host not in (text := decode_text(content, file, CredentialsError)):
        return None
    import netrc

    try:
        entry = netrc.netrc(str(file)).hosts.get(host)
    except netrc.NetrcParseError as fault:
        tolerant = _password_in(text, host)
        if tolerant is None:
            raise CredentialsError(
                f"{file}:{fault.lineno}: this makes no sense in a netrc file, so no token was taken from it. An entry "
                f"is `machine {host}`, then `login` and `password` with a word each."
            ) from None
        return tolerant
    return (entry[2] or None) if entry else None


def _password_in(text: str, host: str) -> str | None:
    """Return the password in the first entry of a host, by a search of its lines."""
    lines = iter(text.splitlines())
    for line in lines:
        machine = _MACHINE.match(line)
        if machine is None or machine[1] != host:
            continue
        entry = [machine[2]]
        for next_line in lines:
            if _ENDS.match(next_line) or not next_line.strip():
                break
            entry.append(next_line)
        passwords = (_PASSWORD.search(part) for part in entry if not part.lstrip().startswith("#"))
        return next((one[1] for one in passwords if one), None)
    return None
