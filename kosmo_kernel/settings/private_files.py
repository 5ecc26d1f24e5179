"""Read and write files that only their owner may read, atomically and by one program at a time.

A file is written to a temporary file beside it and then renamed, so that readers see the old text or the new one, and a
full disk leaves the old. To change a file, read, modify and write it inside `locked`.
"""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, SettingsError
from kosmo_kernel.safety.intake import decode_text, read_with_status
from kosmo_kernel.settings.file_writing import writing

PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
GROUP_AND_OTHERS = 0o077  # permission bits of everyone but the owner
LOCK_TIMEOUT_SECONDS = 10.0  # to wait for another program that writes
LOCK = ".lock"


def write(path: Path, content: str | Sequence[bytes], *, durable: bool = True) -> None:
    """Write a file atomically. A new file is private, an existing one keeps its mode, and a link is followed.

    Parameters:
        path: the file.
        content: its new content: a text, which is written as UTF-8, or the parts of it.
        durable: wait until a loss of power cannot undo it.

    Raises:
        FileWriteError: it cannot be written; it is unchanged.
    """
    with writing(path, "It is unchanged."):
        _replace(
            Path(os.path.realpath(path)), [content.encode()] if isinstance(content, str) else content, durable=durable
        )


def _replace(target: Path, content: Sequence[bytes], *, durable: bool) -> None:
    target.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            Path(name).chmod(stat.S_IMODE(target.stat().st_mode))
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    if durable:
        _sync_folder(target.parent)


def is_private(path: Path) -> bool:
    """Return whether only its owner may access a file, or it does not exist; always true on systems without modes."""
    return not path.exists() or not _is_accessible(stat.S_IMODE(path.stat().st_mode))


def _is_accessible(mode: int) -> bool:
    return os.name == "posix" and bool(mode & GROUP_AND_OTHERS)


def read_secret(path: Path) -> str:
    """Return the text of a file with secrets, or an empty text if it does not exist.

    Raises:
        CredentialsError: others may read it, or it cannot be read.
    """

    def error(reason: str) -> CredentialsError:
        return CredentialsError(f"{reason} It has tokens in it.")

    found = read_with_status(path, error)
    if found is None:
        return ""
    content, status = found
    mode = stat.S_IMODE(status.st_mode)
    if _is_accessible(mode):
        raise CredentialsError(
            f"{path} has tokens in it, and others on this machine may read it (mode {mode:04o}), so it is not used. "
            f"Run: chmod 600 {shlex.quote(str(path))}"
        )
    return decode_text(content, path, error)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that no other program writes there; create the folder if it is missing.

    Raises:
        SettingsError: another program holds the lock for too long, or the folder is not writable.
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
        reason = "there is a file in its place" if folder.is_file() else error.strerror
        raise SettingsError(f"Nothing can be written in {folder}: {reason}. Nothing was changed.") from None
    try:
        yield
    finally:
        lock.release()


def _sync_folder(folder: Path) -> None:
    """Sync a folder, if the system can, so that a renamed file survives a loss of power."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
