"""What was typed in this kernel, for a front end's history requests.

Entries live as long as the kernel does. They are numbered as the cells are, and belong to session 1;
a request for session 0 means the current one, as in IPython.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SESSION = 1


@dataclass(slots=True)
class Entry:
    """One cell: its number, its text, and its value as text, or None where it showed none."""

    number: int
    code: str
    output: str | None = None


class History:
    """The cells of this kernel, oldest first."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, number: int, code: str) -> None:
        """Note a cell."""
        self.entries.append(Entry(number, code))

    def show(self, number: int, output: str) -> None:
        """Note what the cell with this number showed, if it is the latest."""
        if self.entries and self.entries[-1].number == number:
            self.entries[-1].output = output

    def find(  # noqa: PLR0917 - the request's own fields, which the base hands on by name
        self,
        kind: str,
        session: int = 0,
        start: int | None = None,
        stop: int | None = None,
        n: int | None = None,
        pattern: str | None = None,
        *,
        unique: bool = False,
        output: bool = False,
    ) -> list[tuple[int, int, Any]]:
        """The entries that a history request asks for, oldest first.

        Args:
            kind: `tail` for the last `n`; `range` for those numbered from `start` up to but not including `stop`;
                `search` for those whose text matches the glob `pattern`, the last `n` if it is given.
            session: which one `range` means; one that is not known is empty.
            start: see `kind`.
            stop: see `kind`.
            n: see `kind`.
            pattern: see `kind`.
            unique: of equal texts only the latest is found (`search`).
            output: whether an entry carries its output beside its text.

        Returns:
            `(session, number, text)`, or `(session, number, (text, output))` with `output`.
        """
        found: Iterable[Entry] = self.entries
        if kind == "range":
            in_reach = session in (0, SESSION)
            found = [e for e in found if in_reach and (start or 0) <= e.number < (stop or e.number + 1)]
        else:
            if kind == "search":
                found = [e for e in found if fnmatchcase(e.code, pattern or "*")]
                if unique:
                    found = sorted({e.code: e for e in found}.values(), key=lambda e: e.number)
            found = list(found)[-n:] if n else list(found)
        return [(SESSION, e.number, (e.code, e.output) if output else e.code) for e in found]
