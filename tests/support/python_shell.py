"""IPython shells in this process, on the demo account; they keep no history on disk and leave the process as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

from kosmo_kernel import python_api

Shell = Any  # an InteractiveShell, whose types allow for one without a history, formatters or extensions
MakeShell = Callable[[], Shell]


@contextmanager
def shells() -> Iterator[MakeShell]:
    """Yield a function that makes shells without the extension; unload them at the end."""
    made: list[Shell] = []

    def make() -> Shell:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.xmode = "Context"
        shell = InteractiveShell(config=config)
        shell.find_line_magic("load_ext")  # which IPython itself loads when it is first used
        made.append(shell)
        return shell

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSMO_DEMO", "1")
        yield make
        for shell in reversed(made):
            shell.extension_manager.unload_extension("kosmo_kernel")
            shell.restore_sys_module_state()


@contextmanager
def no_notebooks() -> Iterator[None]:
    """Give Python a session of its own inside, whatever shells of other tests there still are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(python_api, "_notebooks", [])
        python_api.close_own_session()
        yield
        python_api.close_own_session()


def run(shell: Shell, cell: str) -> ExecutionResult:
    result: ExecutionResult = shell.run_cell(cell, store_history=True)
    return result


def value(shell: Shell, cell: str) -> Any:
    """Return what a cell gives; its error is raised."""
    result = run(shell, cell)
    result.raise_error()
    return result.result
