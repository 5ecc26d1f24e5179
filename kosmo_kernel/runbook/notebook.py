"""A notebook that is about to be run: its parameters, and the two cells that a run adds.

One sets the parameters, behind the cell that declares them; one tells of the run, below the title. Those of an earlier
run are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.runbook.parameters import INJECTED, LUA, PYTHON, TAG, Parameter, assignments, declared

ACCOUNT = "account"  # the parameter that `--account` sets
REPORT_TAG = "kosmo-run"  # the tag of the cell that tells of the run


@dataclass(slots=True)
class Runbook:
    """A notebook that is about to be run.

    Parameters:
        path: the notebook.
        notebook: what is in it, in nbformat's form.
    """

    path: Path
    notebook: Any

    @property
    def language(self) -> str:
        """`lua`, `python` or another language, as its kernel is said to speak."""
        about = self.notebook.metadata
        told = about.get("kernelspec", {}).get("language") or about.get("language_info", {}).get("name") or PYTHON
        return str(told).lower()

    def parameters(self) -> list[Parameter]:
        """The parameters that it declares, in their order."""
        cell = self._cell(TAG)
        return [] if cell is None else declared(cell.source, self.language)

    @property
    def is_copy(self) -> bool:
        """Whether a run has written it."""
        return self._cell(REPORT_TAG) is not None

    def set(self, values: Mapping[str, Any]) -> None:
        """Add the cell that sets these parameters, or replace the one of an earlier run.

        Parameters:
            values: by name, in the kinds that `parameters.values_of` gives.
        """
        import nbformat

        before = self._cell(INJECTED)
        if before is not None:
            self.notebook.cells.remove(before)
        if not values:
            return
        marker = "--" if self.language == LUA else "#"
        cell = nbformat.v4.new_code_cell(f"{marker} Parameters\n{assignments(values, self.language)}")
        cell.metadata["tags"] = [INJECTED]
        self.notebook.cells.insert(self.notebook.cells.index(self._cell(TAG)) + 1, cell)

    def add_report(self, text: str) -> None:
        """Have the cell that tells of the run say this."""
        import nbformat

        cell = self._cell(REPORT_TAG)
        if cell is None:
            cell = nbformat.v4.new_markdown_cell()
            cell.metadata["tags"] = [REPORT_TAG]
            headed = self.notebook.cells and self.notebook.cells[0].cell_type == "markdown"
            self.notebook.cells.insert(1 if headed else 0, cell)
        cell.source = text

    def _cell(self, tag: str) -> Any:
        return next((cell for cell in self.notebook.cells if tag in cell.metadata.get("tags", ())), None)


def read(path: Path) -> Runbook:
    """The notebook in a file.

    Raises:
        SettingsError: what runs notebooks is not installed.
        InvalidArgumentsError: there is no such file, or it is no notebook.
    """
    missing = [name for name in ("nbformat", "nbclient") if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} run notebooks and are not installed. Install: pip install 'kosmo_kernel[run]'"
        )
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentsError(f"`{path}` cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidArgumentsError(f"`{path}` is no notebook: it is not UTF-8 text.") from None
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, nbformat.ValidationError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidArgumentsError(f"`{path}` is no notebook: {reason}") from None
    return Runbook(path, notebook)
