"""A notebook to run: its parameters, and the two cells that a run adds.

One cell sets the parameters and follows the cell that declares them. The other reports the run and is placed below the
title. Both replace the cells of an earlier run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.runbook.parameters import INJECTED, LUA, PYTHON, TAG, assignments, parse_declarations
from kosmo_kernel.safety.intake import MAX_DOCUMENT_BYTES, check_json, decode_text, read_file
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.values.json_schema import import_jsonschema
from kosmo_kernel.values.parameters import Parameter

ACCOUNT = "account"  # the parameter that `--account` sets
REPORT_TAG = "kosmo-run"  # the tag of the cell that reports the run


@dataclass(slots=True)
class Runbook:
    """A notebook to run."""

    path: Path  # the file
    notebook: Any  # its content as an nbformat node

    @property
    def language(self) -> str:
        """The language of the notebook's kernel in lower case, `python` if its metadata name none."""
        metadata = self.notebook.metadata
        name = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name") or PYTHON
        return str(name).lower()

    def parameters(self) -> list[Parameter]:
        """Return the declared parameters in order."""
        cell = self._cell(TAG)
        return [] if cell is None else parse_declarations(cell.source, self.language)

    @property
    def is_copy(self) -> bool:
        """Return whether this is the copy of an earlier run."""
        return self._cell(REPORT_TAG) is not None

    def set(self, values: Mapping[str, Any]) -> None:
        """Add the cell that sets these parameters, or replace the one of an earlier run."""
        import nbformat

        existing = self._cell(INJECTED)
        if existing is not None:
            self.notebook.cells.remove(existing)
        if not values:
            return
        marker = "--" if self.language == LUA else "#"
        cell = nbformat.v4.new_code_cell(f"{marker} Parameters\n{assignments(values, self.language)}")
        cell.metadata["tags"] = [INJECTED]
        self.notebook.cells.insert(self.notebook.cells.index(self._cell(TAG)) + 1, cell)

    def add_report(self, text: Markdown) -> None:
        """Set the text of the report cell, which is added if there is none."""
        import nbformat

        cell = self._cell(REPORT_TAG)
        if cell is None:
            cell = nbformat.v4.new_markdown_cell()
            cell.metadata["tags"] = [REPORT_TAG]
            has_title = self.notebook.cells and self.notebook.cells[0].cell_type == "markdown"
            self.notebook.cells.insert(1 if has_title else 0, cell)
        cell.source = str(text)

    def _cell(self, tag: str) -> Any:
        return next((cell for cell in self.notebook.cells if tag in cell.metadata.get("tags", ())), None)


def read(path: Path) -> Runbook:
    """Read a notebook from a file.

    Raises:
        SettingsError: nbformat or nbclient is not installed.
        InvalidArgumentsError: the file cannot be read or is no notebook.
    """
    missing = [name for name in ("nbformat", "nbclient") if find_spec(name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} run notebooks and are not installed. {how_to_install('run')}")
    import_jsonschema()
    import nbformat

    content = read_file(path, InvalidArgumentsError, most=MAX_DOCUMENT_BYTES)
    text = decode_text(content, path, InvalidArgumentsError)
    check_json(content, str(path), InvalidArgumentsError)
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, nbformat.ValidationError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidArgumentsError(f"`{path}` is no notebook: {reason}") from None
    return Runbook(path, notebook)
