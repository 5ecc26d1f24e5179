"""Tokens of a service that other programs keep: those of its own command line, and of `~/.netrc`. They are only read.

The command line keeps its token in the system keyring, under the name of whoever signed in, and that name in a file;
so whether somebody is signed in is known without asking the keyring. Before it had that, it used `~/.netrc`, as it
still does where there is no keyring.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kosmo_kernel.accounts import system_keyring
from kosmo_kernel.catalogue.http import CliLogin
from kosmo_kernel.errors import CredentialsError

NETRC = "NETRC"
_MACHINE = re.compile(r"\s*machine\s+(\S+)(.*)")
_PASSWORD = re.compile(r"(?:^|\s)password\s+(\S+)")
_ENDS = re.compile(r"\s*(?:machine|default|macdef)\b")


class CliUser(NamedTuple):
    """Somebody who is signed in with a service's own command line.

    Parameters:
        name: as the command line knows them, an e-mail address.
        version: changes when they sign in anew.
    """

    name: str
    version: str


def signed_in(place: CliLogin, env: Mapping[str, str]) -> CliUser | None:
    """Who is signed in; None for nobody, or where the command line does not use the keyring.

    Parameters:
        place: where it keeps that.
        env: environment variables.
    """
    if os.name == "nt" or env.get(place.off_env, "").lower() == "true":
        return None  # on Windows its entries are of a kind that the keyring library does not read
    own = env.get(place.folder_env, "").strip()
    data = env.get("XDG_DATA_HOME", "").strip() or _in_home("~/.local/share")
    file = Path(own, Path(place.state).name) if own else Path(data, place.state)
    try:
        changed = file.stat().st_mtime_ns  # before it is read: a name is never kept with a later time than its own
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # as the command line has it: nobody
        return None

    try:
        name = json.loads(text)[place.who]
    except (ValueError, LookupError, TypeError):  # likewise
        return None
    return CliUser(name, str(changed)) if isinstance(name, str) and name else None


def token_of(place: CliLogin, person: CliUser) -> str | None:
    """The token of somebody who is signed in; None where the keyring has none, or there is no keyring.

    Raises:
        CredentialsError: the keyring is locked, fails or does not answer.
    """
    try:
        return system_keyring.read(place.service, person.name, person.version, place.attributes) or None
    except system_keyring.NoKeyringError:
        return None
    except CredentialsError as error:
        raise CredentialsError(f"{person.name} is signed in with {place.title}. {error.message}") from None


def netrc_file(env: Mapping[str, str]) -> Path:
    """The file with the passwords of hosts; it need not be there."""
    told = env.get(NETRC, "").strip()
    return Path(_in_home(told or ("~/_netrc" if os.name == "nt" else "~/.netrc")))


def _in_home(path: str) -> str:
    """A path with the home folder in place of `~`, or as it is where nobody knows that folder."""
    return os.path.expanduser(path)


def netrc_password(file: Path, host: str) -> str | None:
    """The password of a host in a netrc file; None where there is none.

    What Python's reader refuses, Heroku's command line may have written, so then the lines of the host are looked at
    as that does: whatever else they say, a password is a password.

    Parameters:
        file: the file.
        host: as it stands there, with its port where it has one.

    Raises:
        CredentialsError: the file cannot be read, or makes no sense. No part of it is in the message.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"{file} is no UTF-8 text.") from None
    if host not in text:
        return None
    import netrc

    try:
        found = netrc.netrc(str(file)).hosts.get(host)
    except netrc.NetrcParseError as fault:
        tolerant = _password_in(text, host)
        if tolerant is None:
            raise CredentialsError(
                f"{file}:{fault.lineno}: this makes no sense in a netrc file, so no token was taken from it. An entry "
                f"is `machine {host}`, then `login` and `password` with a word each."
            ) from None
        return tolerant
    return (found[2] or None) if found else None


def _password_in(text: str, host: str) -> str | None:
    """The password in the first entry of a host, by its lines."""
    lines = iter(text.splitlines())
    for line in lines:
        found = _MACHINE.match(line)
        if found is None or found[1] != host:
            continue
        entry = [found[2]]
        for below in lines:
            if _ENDS.match(below) or not below.strip():
                break
            entry.append(below)
        passwords = (_PASSWORD.search(part) for part in entry if not part.lstrip().startswith("#"))
        return next((one[1] for one in passwords if one), None)
    return None
