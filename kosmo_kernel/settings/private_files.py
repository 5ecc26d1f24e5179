"""Read and write files that only their owner may read, each whole or not at all, and by one program at a time.

A file is written to a temporary file beside it and then renamed, so that readers see the old text or the new one, and a
full disk leaves the old. To change a file, read, modify and write it inside `locked`. A new folder, too, is complete or
not there: what is written about an account contains names of people, so only the owner may read it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.errors import CredentialsError, FileWriteError, SettingsError
from kosmo_kernel.safety.intake import decode_text, read_with_status

PRIVATE_FOLDER, PRIVATE, PUBLIC = 0o700, 0o600, 0o666  # modes; the umask of the process restricts them
GROUP_AND_OTHERS = 0o077  # permission bits of everyone but the owner
LOCK_TIMEOUT_SECONDS = 10.0  # to wait for another program that writes
LOCK = ".lock"


def write(path: Path, content: str | bytes, *, durable: bool = True, mode: int = PRIVATE) -> None:
    """Write a file whole or not at all. A link is followed, and an existing file keeps its mode.

    What is no regular file, such as a pipe, gets the content directly.

    Parameters:
        path: the file.
        content: its new content; a text is written as UTF-8.
        durable: wait until a loss of power cannot undo it.
        mode: the mode of a new file.

    Raises:
        FileWriteError: it cannot be written; it is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    is_file = os.path.isfile(path)  # unlike the method of paths, no error in a folder that cannot be searched
    with writing(path, "It is unchanged." if is_file else ""):
        if path.exists() and not is_file:
            path.write_bytes(data)
            return
        target.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        try:
            _write_new(temporary, data, mode, durable=durable)
            with suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        if durable:
            _sync_folder(target.parent)


def write_private(file: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, and wait until a loss of power cannot undo it."""
    _write_new(file, data, PRIVATE, durable=True)


def _write_new(file: Path, data: bytes, mode: int, *, durable: bool) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())


def read_secret(path: Path) -> str:
    """Return the text of a file with secrets, or an empty text if it does not exist.

    Raises:
        CredentialsError: others may read it, or it cannot be read.
    """

    def error(reason: str) -> CredentialsError:
        return CredentialsError(f"{reason} It has tokens in it.")

    if (content_and_status := read_with_status(path, error)) is None:
        return ""
    content, status = content_and_status
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & GROUP_AND_OTHERS:
        import shlex

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


@contextmanager
def writing(target: object, advice: str = "") -> Iterator[None]:
    """Write a file within the block.

    Parameters:
        target: the path of the file, or a name for it.
        advice: what is left of it after a failure, and what to do, as sentences.

    Raises:
        FileWriteError: it cannot be written.
    """
    try:
        yield
    except FileWriteError:
        raise
    except OSError as error:
        raise FileWriteError(target, error, advice) from error


def check_new(folder: Path, what: str, *, replaces: bool = False) -> None:
    """Check that a folder can be written: it is new or empty, and there is a place for it.

    Parameters:
        folder: the folder.
        what: what is written there, for the message: `snapshot`.
        replaces: the folder may have content, which is replaced.

    Raises:
        SettingsError: it is not empty, or cannot be created.
    """
    article = "An" if what[0] in "aeiou" else "A"
    target = Path(os.path.realpath(folder))
    try:
        has_content = target.exists() and any(target.iterdir())
    except OSError as error:
        raise SettingsError(f"{article} {what} cannot be written to {folder}: {error.strerror}.") from None
    if has_content and not replaces:
        raise SettingsError(
            f"{folder} has something in it, and {article.lower()} {what} replaces nothing. Name a new folder."
        )
    parent = next(parent for parent in target.parents if parent.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SettingsError(f"{article} {what} cannot be written to {folder}: nothing can be made in {parent}.")


@contextmanager
def new_folder(folder: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which gets the name of `folder` at the end of the block, unless the block fails.

    Parameters:
        folder: the folder.
        replaces: an existing folder is deleted with its content.

    Raises:
        FileWriteError: the folder cannot be written; it is as before.
    """
    import shutil
    import tempfile

    with writing(folder, "It is as before." if replaces else "Nothing of it is there."):
        target = Path(os.path.realpath(folder))  # a folder can be renamed onto a folder, but not onto a symbolic link
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))  # mode 0700
        replaced = temporary.with_name(f"{temporary.name}.replaced")
        try:
            yield temporary
            with suppress(FileNotFoundError):
                if replaces:
                    target.rename(replaced)  # it is deleted only when the new one has its name
                else:
                    target.rmdir()  # on Windows the target of a rename must not exist
            temporary.rename(target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if replaced.exists() and not target.exists():
                replaced.rename(target)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
