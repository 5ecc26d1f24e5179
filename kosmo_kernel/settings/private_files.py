"""Files that only their owner may read, written whole or not at all, by one program at a time.

A file is written beside its place and then put there in one step, so that a reader finds the old text or the new one
and a full disk leaves the old. Whoever changes something reads, changes and writes inside of `locked`.
"""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, SettingsError

PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
GROUP_AND_OTHERS = 0o077  # what anybody but the owner may do
LOCK_TIMEOUT_SECONDS = 10.0  # seconds to wait for another program that writes
LOCK = ".lock"


def write(path: Path, text: str) -> None:
    """Write a file in one step. A new one is private, another keeps its mode, and a link is followed.

    Raises:
        OSError: it cannot be written, and is as it was.
    """
    place = Path(os.path.realpath(path))
    place.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)  # with mode 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            Path(name).chmod(stat.S_IMODE(place.stat().st_mode))
        Path(name).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _settle(place.parent)


def is_private(path: Path) -> bool:
    """Whether a file is for its owner alone, as far as the system knows of such a thing; or is not there."""
    return not path.exists() or not _is_open(stat.S_IMODE(path.stat().st_mode))


def _is_open(mode: int) -> bool:
    return os.name == "posix" and bool(mode & GROUP_AND_OTHERS)


def read_secret(path: Path) -> str:
    """The text of a file with secrets in it; empty where there is none.

    Raises:
        CredentialsError: others may read it, or it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if _is_open(mode):
                raise CredentialsError(
                    f"{path} has tokens in it, and others on this machine may read it (mode {mode:04o}), so it is not "
                    f"used. Run: chmod 600 {shlex.quote(str(path))}"
                )
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CredentialsError(f"{path}, which has tokens in it, cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"{path}, which has tokens in it, is no text.") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only program that writes in a folder, which is made where it is missing.

    Raises:
        SettingsError: another one does, and does not end; or nobody can write there.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=LOCK_TIMEOUT_SECONDS, mode=PRIVATE)
    try:
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise SettingsError(
            f"Another program has been writing in {folder} for {LOCK_TIMEOUT_SECONDS:.0f} s. "
            "Nothing was changed; try again."
        ) from None
    except OSError as error:
        why = "there is a file in its place" if folder.is_file() else error.strerror
        raise SettingsError(f"Nothing can be written in {folder}: {why}. Nothing was changed.") from None
    try:
        yield
    finally:
        lock.release()


def _settle(folder: Path) -> None:
    """Have the new name of a file survive a loss of power, where the system can do that."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
