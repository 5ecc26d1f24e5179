"""The cell of the notebook that runs, and the one whose outputs carry the style of tables."""

from __future__ import annotations

from typing import Any


class _Notebook:
    """The notebook of this process."""

    cell = ""  # what identifies the cell that the Lua kernel runs; empty for none
    styled = ""  # what identifies the cell whose outputs carry the style; empty before the first one that needs it


def begin_cell(cell: str) -> None:
    """Begin a cell of the Lua kernel.

    Parameters:
        cell: what identifies the cell: the name that the front end gives it, or its code.
    """
    _Notebook.cell = cell


def carries_style() -> bool:
    """Return whether an output of the cell that runs carries the style; outside of notebooks every one does."""
    cell = _Notebook.cell or _cell_of_ipython()
    _Notebook.styled = _Notebook.styled or cell
    return cell in ("", _Notebook.styled)


def _cell_of_ipython() -> str:
    """Return what identifies the cell that IPython's kernel runs; empty outside of one."""
    from kosmo_kernel.render.own_frames import ipython_shell

    request: dict[str, Any] = getattr(ipython_shell(), "get_parent", dict)()
    return str(request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code", ""))
