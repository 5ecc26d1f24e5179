"""The notebooks in `notebooks/`, run from top to bottom on an account, and what each of their cells gives."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import nbformat
import pandas as pd
import pytest
from audit_cells import answers
from python_shell import shells
from repository import NOTEBOOKS

from kosmo_kernel.runbook.notebook import PYTHON


def executed(notebook: str, /, **parameters: str) -> dict[str, Any]:
    """Return what each cell of a notebook gives, by its name: a list of records, a mapping, or another value.

    Parameters:
        notebook: the notebook.
        parameters: values of its parameters, in place of the usual ones.
    """
    document = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    if document.metadata.kernelspec.language != PYTHON:
        return answers.__wrapped__(notebook, **parameters)
    values: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()), shells() as make, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        patch.delenv("KOSMO_DEMO")
        shell = make()
        for cell in document.cells:
            if cell.cell_type != "code":
                continue
            result = shell.run_cell(cell.source, store_history=True)
            result.raise_error()
            if "parameters" in cell.metadata.get("tags", ()):
                shell.user_ns.update({key: value for key, value in parameters.items() if key in shell.user_ns})
            values[cell.id] = records_of(result.result)
        values["variables"] = {name: records_of(value) for name, value in shell.user_ns.items()}
    return values


def records_of(value: Any) -> Any:
    """Return a frame as a list of records, with None for what is missing, and other values as they are."""
    if not isinstance(value, pd.DataFrame):
        return value
    return value.astype(object).where(value.notna(), None).to_dict("records")
