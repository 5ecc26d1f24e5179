"""The inputs of a kernel's session, as Jupyter's history requests ask for them. They are kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmo_kernel.safety.redaction import redact

SESSION = 1  # the number of the session in the entries
MAX_CELLS, MAX_CHARACTERS = 1_000, 1 << 20  # of all cells; the oldest make room
MAX_OUTPUTS = 100  # cells that have their output kept

Entry = tuple[int, int, Any]


class History:
    """The cells of a session, with their numbers."""

    def __init__(self) -> None:
        self._cells: dict[int, str] = {}
        self._outputs: dict[int, str] = {}

    def add(self, number: int, code: str) -> None:
        """Add a cell."""
        self._cells[number] = code
        while len(self._cells) > MAX_CELLS or sum(map(len, self._cells.values())) > MAX_CHARACTERS:
            del self._cells[next(iter(self._cells))]

    def show(self, number: int, output: str) -> None:
        """Keep the output of the cell with this number."""
        self._outputs[number] = output
        if len(self._outputs) > MAX_OUTPUTS:
            del self._outputs[next(iter(self._outputs))]

    def find(self, request: Mapping[str, Any]) -> list[Entry]:
        """Return the entries that match a history request, oldest first, without secrets.

        Parameters:
            request: the content of the request. `hist_access_type` is `tail` for the last `n` entries; `range` for the
                entries of `session` from `start` up to but not including `stop`, 0 being the current session; or
                `search` for the entries whose text matches the glob `pattern`, at most the last `n`, and with `unique`
                only the latest of equal texts.

        Returns:
            `(session, number, text)`, or `(session, number, (text, output))` with `output`.
        """
        kind = request["hist_access_type"]
        cells = {
            # What is no character, a lone half of one, cannot be sent.
            number: redact(code).encode(errors="replace").decode()
            for number, code in self._cells.items()
        }
        if kind == "range":
            if int(request.get("session") or 0) not in (0, SESSION):
                return []
            start, stop = request.get("start") or 0, request.get("stop")
            cells = {n: text for n, text in cells.items() if start <= n and (stop is None or n < stop)}
        elif kind == "search":
            from fnmatch import fnmatchcase

            pattern = request.get("pattern") or "*"
            cells = {number: text for number, text in cells.items() if fnmatchcase(text, pattern)}
            if request.get("unique"):
                latest = {text: number for number, text in cells.items()}
                cells = {number: text for number, text in cells.items() if latest[text] == number}
        entries = list(cells.items())
        if kind != "range" and (limit := request.get("n")):
            entries = entries[-limit:]
        if request.get("output"):
            return [(SESSION, number, (text, self._outputs.get(number))) for number, text in entries]
        return [(SESSION, number, text) for number, text in entries]
