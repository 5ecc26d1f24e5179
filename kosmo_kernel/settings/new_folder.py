"""Write a new folder that is complete or not there.

Its files are written to a temporary folder beside it, which is then renamed. Only the owner may read the folder, since
what is written about an account contains names of people. A folder that an earlier run wrote although it had not read
everything can be replaced, when a run goes on.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.file_writing import writing
from kosmo_kernel.settings.private_files import PRIVATE


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
    above = next(parent for parent in target.parents if parent.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise SettingsError(f"{article} {what} cannot be written to {folder}: nothing can be made in {above}.")


@contextmanager
def new_folder(folder: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which gets the name of `folder` at the end of the block, unless the block fails.

    Parameters:
        folder: the folder.
        replaces: an existing folder is deleted with its content.

    Raises:
        FileWriteError: the folder cannot be written; it is as before.
    """
    left = "It is as before." if replaces else "Nothing of it is there."
    with writing(folder, left), _renamed(folder, replaces=replaces) as temporary:
        yield temporary


@contextmanager
def _renamed(folder: Path, *, replaces: bool) -> Iterator[Path]:
    folder = Path(os.path.realpath(folder))  # a folder can be renamed onto a folder, but not onto a symbolic link
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # mode 0700
    replaced = temporary.with_name(f"{temporary.name}.replaced")
    try:
        yield temporary
        with suppress(FileNotFoundError):
            if replaces:
                folder.rename(replaced)  # it is deleted only when the new one has its name
            else:
                folder.rmdir()  # on Windows the target of a rename must not exist
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if replaced.exists() and not folder.exists():
            replaced.rename(folder)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def is_unfinished(folder: Path, summary: str, kind: str, files: Callable[[dict[str, Any]], Iterable[str]]) -> bool:
    """Return whether a folder has what an earlier run wrote that had not read everything, and nothing else.

    Parameters:
        folder: the folder.
        summary: the name of the file that says what is in the folder, and whether that is `complete`.
        kind: the key that only a summary of this kind has.
        files: returns the paths of the other files in the folder, by the content of the summary.
    """
    try:
        content = msgspec.json.decode((folder / summary).read_bytes())
        if kind not in content or content["complete"] is not False:
            return False
        known = {summary, *files(content)}
        return all(path.is_dir() or path.relative_to(folder).as_posix() in known for path in folder.rglob("*"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # it is something else
        return False


def write_private(file: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, and wait until a loss of power cannot undo it."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
