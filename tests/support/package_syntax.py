"""The syntax trees of the package's files, for tests of what only some of them may do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from repository import ROOT

PACKAGE = ROOT / "kosmo_kernel"


def files_with(found: Callable[[ast.Module], Iterable[str]]) -> dict[str, list[str]]:
    """Return what was found in the syntax tree of each file, for files with anything."""
    return {
        path.relative_to(PACKAGE).as_posix(): names
        for path in sorted(PACKAGE.rglob("*.py"))
        if (names := sorted(set(found(ast.parse(path.read_text(encoding="utf-8"))))))
    }
