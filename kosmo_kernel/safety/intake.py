"""Read files and decode JSON that somebody else may have written, within limits.

Whoever can write a file decides how long this process reads it: a pipe never ends, a device has no size, and deep or
long JSON takes a hundred times its size. So a file is opened without waiting, must be a regular file, and has a largest
size; JSON has a largest depth and number of values, which are counted before it is decoded. What was opened is what is
looked at, so that no file can be exchanged in between.

Three kinds of files need three kinds of trust:

- A file that the user names may have any owner: `read_file`.
- A file that acts without being named, the `.mcp.json` of a folder, must belong to somebody whom the
  user trusts already: `read_unnamed_file`.
- Files of this package are written by `settings/private_files.py`.

Errors have the class that the caller passes, so that they say who has to act.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kosmo_kernel.text import lazy_pattern

MAX_SETTINGS_BYTES = 1 << 20  # of a file of settings
MAX_DOCUMENT_BYTES = 64 << 20  # of a notebook, a script or another file that the user names
MAX_DEPTH = 100  # lists and objects inside each other
MAX_VALUES = 1_000_000  # numbers, texts, lists and objects in one JSON text

Error = Callable[[str], Exception]
Hook = Callable[[dict[str, Any]], Any]

_MARKS = b'",[{'
_NO_MARKS = bytes(set(range(256)) - set(_MARKS))
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b'"[]{}'))
_TEXT = lazy_pattern(rb'"[^"]*"')
_OPENED = ord("[")


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


def decode_json(
    content: bytes | str, name: str, error: Error, *, most: int = MAX_VALUES, hook: Hook | None = None
) -> Any:
    """Return the value of a JSON text.

    Parameters:
        content: the text.
        name: what messages call it, such as the path of its file.
        error: makes the exception for a message.
        most: the largest number of values in it.
        hook: returns the value of an object; may raise ValueError or TypeError.

    Raises:
        Exception: `error`, with the name: it is no JSON (with line and column), or too deep or too long. No part of the
            text is in the message.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    check_json(data, name, error, most=most)
    try:
        return json.loads(content, object_hook=hook)
    except json.JSONDecodeError as fault:
        raise error(f"{name}:{fault.lineno}:{fault.colno} is no JSON: {fault.msg}.") from None
    except (ValueError, TypeError, RecursionError):  # no UTF-8, a number of thousands of digits, or of `hook`
        raise error(f"{name} is no JSON that can be read.") from None


def check_json(content: bytes, name: str, error: Error, *, most: int = MAX_VALUES) -> None:
    """Check that a JSON text is neither too deep nor too long to decode; parameters and errors as of `decode_json`."""
    if count_values(content, most) > most:
        raise error(f"{name} has more than {most:,} values.")
    if is_deeper_than(content, MAX_DEPTH):
        raise error(f"{name} has more than {MAX_DEPTH} lists and objects inside each other.")


def count_values(text: bytes, most: int) -> int:
    """Return an upper bound on the number of values in a JSON text, without decoding it.

    Each value comes first in the text, after a comma, or first in a list or an object. These characters may also occur
    inside strings; excluding strings takes longer, so that is done only when the first count exceeds `most`.
    """
    bound = _count_marks(text)
    if bound <= most:
        return bound
    text = _without_escapes(text)
    quotes = text.count(b'"')
    if quotes > 4 * most:  # two quotes make a string, and every other string may be a key
        return max(most + 1, quotes // 4)
    # Delete all other characters, so that a string is two quotes with its marks between them. Deleting two quotes in
    # a row does not change which marks are inside a string.
    marks = text.translate(None, _NO_MARKS).replace(b'""', b"")
    return _count_marks(_TEXT.sub(b"", marks))


def is_deeper_than(text: bytes, most: int) -> bool:
    """Return whether a JSON text has more than `most` lists and objects inside each other, without decoding it."""
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    brackets = _TEXT.sub(b"", _without_escapes(text).translate(_AS_LISTS, _NO_BRACKETS).replace(b'""', b""))
    for _ in range(most):  # each round takes the innermost lists away
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    else:
        return bool(brackets)
    depth = 0
    for bracket in brackets:  # there are some left only if the text is no JSON
        depth += 1 if bracket == _OPENED else -1
        if depth > most:
            return True
    return False


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


def _without_escapes(text: bytes) -> bytes:
    return text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text


def _count_marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{") + 1
