"""Recordings whose processes were killed, and what may be replaced by a recording.

A recording without `--resume` is written to a file beside its own, and moved there at the end. The process holds a lock
on that file as long as it lives, so a file without a lock was left behind, and a run that goes on moves it into place.
"""

from __future__ import annotations

import fcntl
import glob
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from kosmo_kernel.client.cassette import VERSION
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.private_files import LOCK_TIMEOUT_SECONDS, PRIVATE
from kosmo_kernel.settings.table import RECORD, RESUME

_HEAD = b'{"cassette":'  # the first bytes of every recording


def create_part(file: Path) -> tuple[int, Path]:
    """Create a file beside a recording, locked by this process; return its descriptor and path."""
    # For `moving`: some versions cannot be imported any more when Python ends, which is when a recording may be moved.
    import filelock  # noqa: F401

    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)  # with mode 0600
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor, Path(name)


def advice_to_resume(file: Path) -> str:
    """Return what to do where a recording could not be written any more."""
    command = f"{RECORD.command} {file} {RESUME.command}"
    return f"The answers before are in it: once it can be written again, `{command}` goes on with them."


@contextmanager
def moving(file: Path) -> Iterator[None]:
    """Hold the lock for moving recordings to a file.

    Raises:
        SettingsError: another program holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=LOCK_TIMEOUT_SECONDS, mode=PRIVATE)
    try:
        lock.acquire()
    except Timeout:
        raise SettingsError(
            f"Another program has been writing {file} for {LOCK_TIMEOUT_SECONDS:.0f} s. Wait until it is done."
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes it by itself
            Path(lock.lock_file).unlink()
        lock.release()


def check_replaceable(file: Path) -> None:
    """Check that a recording may be written to a file: there is none, or an empty one, or a recording.

    Raises:
        SettingsError: it is another file, a folder, or cannot be read.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(len(_HEAD))
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise SettingsError(f"The cassette {file} cannot be written: it is a folder.") from None
    except OSError as error:
        raise SettingsError(f"The cassette {file} cannot be written: {error.strerror}.") from None
    if not _HEAD.startswith(start):
        raise SettingsError(
            f"{file} is no recording, and only a recording is replaced. Nothing was sent. Name another file."
        )


def has_header(file: Path) -> bool:
    """Return whether a file begins with the whole first line of a recording."""
    return read_head(file) is not None


def read_head(file: Path) -> dict[str, object] | None:
    """Return the first line of a recording; None if there is no such file or line."""
    try:
        with file.open("rb") as opened:
            line = opened.readline()
            head = msgspec.json.decode(line)
    except (OSError, ValueError):
        return None
    is_head = isinstance(head, dict) and head.get("cassette") == VERSION and line.endswith(b"\n")
    return head if is_head else None


def replace(file: Path, lines: Iterable[bytes]) -> None:
    """Write a file atomically, line by line.

    Raises:
        OSError: it cannot be written; it is as before.
    """
    target = Path(os.path.realpath(file))
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.writelines(lines)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def adopt(file: Path) -> None:
    """Move the newest recording that a killed process left beside a file into its place.

    Those of the same run are joined. An older one, one without answers, or one of another user, stays where it is.

    Raises:
        OSError: the file cannot be written.
        SettingsError: another program writes it.
    """
    if not _left_beside(file):
        return
    with moving(file):
        left = _left_beside(file)  # again, since another program may have moved them meanwhile
        if not left:
            return
        newest = max(left, key=lambda part: part.stat().st_mtime_ns)
        run, current = left[newest].get("run"), read_head(file)
        is_same_run = current is not None and run is not None and current.get("run") == run
        if current is not None and not is_same_run and newest.stat().st_mtime_ns < file.stat().st_mtime_ns:
            return
        joined = [part for part in left if part == newest or (run is not None and left[part].get("run") == run)]
        join([file, *joined] if is_same_run else joined, file)


def _left_beside(file: Path) -> dict[Path, dict[str, object]]:
    """Return the headers of the recordings that killed processes left beside a file."""
    parts = file.parent.glob(f".{glob.escape(file.name)}.*.part")
    return {part: head for part in parts if (head := _left_behind(part))}


def _left_behind(part: Path) -> dict[str, object] | None:
    """Return the header of a recording whose process has ended and that has an answer; None for any other file.

    In a folder that others may write to, theirs are other files: their answers could be anything.
    """
    try:
        status = part.lstat()
        if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
            return None
        with part.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            opened.readline()
            is_answered = opened.readline().endswith(b"\n")
    except OSError:  # its process is alive
        return None
    return read_head(part) if is_answered else None


def join(parts: Sequence[Path], file: Path) -> None:
    """Write recordings to one file, with the header of the first and without half lines, and delete the others.

    Raises:
        OSError: the file cannot be written; all are as before.
    """
    replace(file, _lines_of(parts))
    for part in parts:
        if part != file:
            part.unlink()


def _lines_of(parts: Sequence[Path]) -> Iterator[bytes]:
    for place, part in enumerate(parts):
        with part.open("rb") as opened:
            for number, line in enumerate(opened):
                if line.endswith(b"\n") and (number or not place):
                    yield line
