"""Read files that somebody else may have written, within limits; `decoder.py` decodes what is JSON.

Whoever can write a file decides how long this process reads it: a pipe never ends, and a device has no size. So a file
is opened without waiting, must be a regular file, and has a largest size. What was opened is what is looked at, so that
no file can be exchanged in between.

Three kinds of files need three kinds of trust:

- A file that the user names may have any owner: `read_file`.
- A file that acts without being named, the `.mcp.json` of a folder, must belong to somebody whom the
  user trusts already: `read_unnamed_file`.
- Files of this package are written by `settings/private_files.py`.

Errors have the class that the caller passes, so that they say who has to act.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

MAX_SETTINGS_BYTES = 1 << 20  # of a file of settings
MAX_DOCUMENT_BYTES = 64 << 20  # of a notebook, a script or another file that the user names

Error = Callable[[str], Exception]


class UntrustedFileError(Exception):
    """A file acts without being named, and somebody else may have written it."""


def read_file(path: Path, error: Error, *, most: int = MAX_SETTINGS_BYTES) -> bytes:
    """Return the content of a file that the user named, whoever owns it.

    Parameters:
        path: the file; a link is followed.
        error: makes the exception for a message.
        most: the largest size in bytes.

    Raises:
        Exception: `error`, with the name of the file: it does not exist, cannot be read, is no regular file, or is too
            large.
    """
    try:
        return _read(path, error, most)[0]
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise error(f"{path} cannot be read: {fault.strerror}.") from None


def read_file_if_any(path: Path, error: Error, *, most: int = MAX_SETTINGS_BYTES) -> bytes | None:
    """Return the content of a file as `read_file`, or None if it does not exist."""
    status_and_content = read_with_status(path, error, most=most)
    return status_and_content[0] if status_and_content else None


def read_with_status(
    path: Path, error: Error, *, most: int = MAX_SETTINGS_BYTES
) -> tuple[bytes, os.stat_result] | None:
    """Return the content of a file and the status of what was read; otherwise like `read_file_if_any`."""
    try:
        return _read(path, error, most)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_unnamed_file(path: Path, error: Error, *, folder: Path) -> bytes | None:
    """Return the content of a file that acts although the user did not name it, or None if it does not exist.

    The owner must be the user, root, or the owner of `folder`: whoever works in a checkout of somebody else, as
    containers do, has chosen it. Not everybody may be allowed to write the file; its group may.

    Parameters:
        path, error: as for `read_file`.
        folder: the folder that the user works in.

    Raises:
        Exception: as for `read_file`.
        UntrustedFileError: somebody else may have written it.
    """
    content_and_status = read_with_status(path, error)
    if content_and_status is None:
        return None
    content, status = content_and_status
    if os.name == "posix":
        if status.st_uid not in {os.getuid(), 0, folder.stat().st_uid}:
            raise UntrustedFileError(f"{path} is not used: it belongs to another user.")
        if status.st_mode & stat.S_IWOTH:
            raise UntrustedFileError(
                f"{path} is not used: every user of this machine can write it (chmod o-w changes that)."
            )
    return content


def decode_text(content: bytes, path: Path, error: Error) -> str:
    """Return the text of a file in UTF-8, without the byte order mark that editors of Windows write.

    Raises:
        Exception: `error`, with the line and the column of the first byte that is no UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        column = fault.start - content.rfind(b"\n", 0, fault.start)
        raise error(f"{path}:{line}:{column} is no UTF-8 text.") from None


def _read(path: Path, error: Error, most: int) -> tuple[bytes, os.stat_result]:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise error(f"{path} cannot be read: it is {_kind(status.st_mode)}.")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror}.") from None
    except ValueError:  # a NUL in the path
        raise error("The name of a file has a character that none can have.") from None
    if len(content) > most:
        raise error(f"{path} has more than {most:,} bytes.")
    return content, status


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "no regular file"
