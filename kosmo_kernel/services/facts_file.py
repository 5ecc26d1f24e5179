"""The file with the facts of a service: JSON lines, of which only those are decoded that a call needs.

The first line has what belongs to the service, and for each function and each kind of record the number of its line:

    {"format": 1, "service": {"title": …, "url": …}, "functions": {"list_repos": [5, ["repos_list"]]}, "records": {…}}

Every other line is a function or the fields of a kind of record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.intake import decode_json, read_file
from kosmo_kernel.settings.private_files import write

FORMAT = 1
MAX_BYTES = 32 << 20


class FactsFile:
    """The facts of a service, read from a file.

    Parameters:
        path: the file.

    Raises:
        SettingsError: it cannot be read, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = read_file(path, SettingsError, most=MAX_BYTES).split(b"\n")
        head = self._line(0)
        if head.get("format") != FORMAT:
            raise SettingsError(f"{path} is no file of a service of this version. Add the service again.")
        self.service: dict[str, Any] = head["service"]
        self.left_out: list[list[str]] = self._line(head["left_out"])["left_out"]
        self._functions: dict[str, list[Any]] = head["functions"]
        self._records: dict[str, int] = head["records"]

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the name of each function with its other names."""
        return {name: tuple(others) for name, (_, others) in self._functions.items()}

    def summary(self) -> dict[str, str]:
        """Return what identifies each function; see `summary`."""
        return summary({name: self.function(name) for name in self._functions})

    def function(self, name: str) -> dict[str, Any]:
        """Return the facts of a function.

        Raises:
            KeyError: there is none.
        """
        return self._line(self._functions[name][0])

    def fields(self, record: str) -> dict[str, str]:
        """Return the facts of the fields of a kind of record, by dotted name."""
        return self._line(self._records[record])

    def _line(self, number: int) -> dict[str, Any]:
        line = self._lines[number] if number < len(self._lines) else b""
        value = decode_json(line, f"{self._path}:{number + 1}", SettingsError)
        if not isinstance(value, dict):
            raise SettingsError(f"{self._path}:{number + 1} has no facts.")
        return value


def summary(functions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the facts about functions by which a newer document differs: the path, the parameters and the pages."""
    return {
        name: f"{facts['path']} ({', '.join(param['name'] for param in facts.get('params', ()))})"
        f" {facts.get('pages', {}).get('kind', '')}".rstrip()
        for name, facts in functions.items()
    }


def write_facts(path: Path, table: Mapping[str, Any]) -> None:
    """Write the facts of a service, as `catalogue.documents.openapi.read` returns them.

    Raises:
        FileWriteError: the file cannot be written; it is unchanged.
    """
    lines: list[Any] = [{"left_out": table["left_out"]}]
    functions, records = dict[str, list[Any]](), dict[str, int]()
    for name, facts in table["functions"].items():
        lines.append(facts)
        functions[name] = [len(lines), facts.get("aliases", [])]
    for number, fields in table["records"].items():
        lines.append(fields)
        records[number] = len(lines)
    head = {"format": FORMAT, "service": table["service"], "functions": functions, "records": records, "left_out": 1}
    write(path, "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in [head, *lines]))
