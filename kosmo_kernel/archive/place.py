"""Which files may be archives: those that nobody but the user can have written.

A file belongs to the user, is private, and is no link. SQLite reads what stands beside a database, too: a `-journal` or
a `-wal` that somebody else put there would be taken for its newest content. So these must belong to the user as well,
and a folder in which everybody may replace files is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.private_files import GROUP_AND_OTHERS, PRIVATE

_BESIDE = ("-wal", "-shm", "-journal")
_BAD_NAME = "The name of a file has a character that none can have."


class Place(NamedTuple):
    """The place of an archive."""

    file: Path  # the path that messages name
    path: Path  # the path without links in its folders

    @classmethod
    def of(cls, file: Path) -> Self:
        """Return the place of a file.

        Raises:
            SettingsError: its name cannot be that of a file.
        """
        try:
            return cls(file, Path(os.path.realpath(file.parent)) / file.name)
        except ValueError:  # a NUL
            raise SettingsError(_BAD_NAME) from None

    def create(self) -> None:
        """Create an empty file that only its owner can access, unless there is a file.

        Raises:
            SettingsError: it cannot be created.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            os.close(os.open(self.path, flags, PRIVATE))
        except (FileExistsError, IsADirectoryError):
            return
        except OSError as error:
            raise SettingsError(f"{self.file} cannot be written: {error.strerror}.") from None
        except ValueError:
            raise SettingsError(_BAD_NAME) from None

    def check(self, *, writes: bool) -> bool:
        """Check that the file can be trusted as far as it is used, and return whether it is empty.

        A file that is written and that others can read is made private.

        Raises:
            SettingsError: it cannot.
        """
        try:
            status = self.path.lstat()
        except OSError as error:
            raise SettingsError(f"{self.file} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise SettingsError(_BAD_NAME) from None
        why = next(self._kind_faults(status), "")
        if not why and os.name == "posix":
            faults = self._faults_of_written(status) if writes else self._faults_of_read(status)
            why = next(faults, "") or next(self._faults_around(status), "")
        if why:
            raise SettingsError(f"{self.file} is not used: {why}. Nothing was sent.")
        if writes and os.name == "posix" and status.st_mode & GROUP_AND_OTHERS:
            self.path.chmod(PRIVATE)
        return not status.st_size

    def can_write_beside(self) -> bool:
        """Return whether files can be written in the folder.

        Raises:
            SettingsError: they cannot, and there is one that SQLite would have to take in.
        """
        if os.access(self.path.parent, os.W_OK):
            return True
        for suffix in ("-wal", "-journal"):
            beside = self.path.with_name(f"{self.path.name}{suffix}")
            if beside.exists() and beside.stat().st_size:
                raise SettingsError(
                    f"{self.file} was not closed by the process that wrote it, and what it wrote last, in "
                    f"{beside.name}, cannot be taken in because nothing can be written in this folder. Copy both files "
                    "to another folder."
                )
        return False

    def _kind_faults(self, status: os.stat_result) -> Iterator[str]:
        if stat.S_ISLNK(status.st_mode):
            yield "it is a link. Name the file itself"
        elif not stat.S_ISREG(status.st_mode):
            yield "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no regular file"

    def _faults_of_written(self, status: os.stat_result) -> Iterator[str]:
        if status.st_uid != os.geteuid():
            yield "it belongs to another user, so its answers could be anything. Name a file of your own"
        if status.st_nlink > 1:
            yield "it has several names (hard links). Name a file of its own"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield "other users can write it, so its answers could be anything. Name another file"

    def _faults_of_read(self, status: os.stat_result) -> Iterator[str]:
        if status.st_uid not in {os.geteuid(), 0} and not _is_in_checkout_of(status.st_uid):
            yield "it belongs to another user, so its answers could be anything. Copy it, if you trust it"
        if status.st_mode & stat.S_IWOTH:
            yield "every user of this machine can write it. If you trust it: chmod o-w"

    def _faults_around(self, status: os.stat_result) -> Iterator[str]:
        """Yield why what is beside the file, or its folder, cannot be trusted."""
        mode = self.path.parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield "every user of this machine can replace files in its folder. Name a file in another folder"
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                beside = self.path.with_name(f"{self.path.name}{suffix}").lstat()
                is_ours = stat.S_ISREG(beside.st_mode) and beside.st_uid in {os.geteuid(), status.st_uid}
                if not is_ours or beside.st_nlink > 1 or beside.st_mode & stat.S_IWOTH:
                    yield (
                        f"somebody else may have made {self.path.name}{suffix} beside it, which SQLite would read. "
                        "Delete that file"
                    )


def _is_in_checkout_of(user: int) -> bool:
    """Return whether the folder that is worked in belongs to a user, whose files are trusted then."""
    with suppress(FileNotFoundError):
        return Path.cwd().stat().st_uid == user
    return False
