"""Make one call, show it, and describe it as a JSON document, for `integrations:call` and `mcp:call`.

The document has the same six keys whether the call succeeds, fails or is never made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.options import Layout
from kosmo_kernel.cli.output import document
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.results.result import Result

if TYPE_CHECKING:
    from kosmo_kernel.session import Session


class CallCommand(Command):
    """A command that makes one call.

    Attributes:
        dry_run: whether the current call is a dry run.
    """

    function_name: str | None = None  # the full name of what is called, or the argument until it is resolved
    dry_run = False

    def meta(self, result: Result | None) -> dict[str, Any]:
        """Return the metadata of the current call; `result` is None if it never began."""
        raise NotImplementedError

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """Return the document of a failed call."""
        result = error.result if isinstance(error, KosmoError) else None
        return self._document(result, self.meta(result) | {"error": facts}, error=message)

    def make_call(self, session: Session, function: str, arguments: Mapping[str, Any], *, force: bool) -> Result:
        """Make the call with progress, notes and questions on standard error."""
        from kosmo_kernel.cli.lua_run import terminal_frontend
        from kosmo_kernel.run.options import RunOptions

        with terminal_frontend(session, aside=True) as frontend:
            return session.call(function, arguments, RunOptions(dry_run=self.dry_run, force=force), frontend)

    def show(self, result: Result, meta: dict[str, Any], layout: Layout, *, as_json: bool) -> None:
        """Print the result: as a document, or in a layout."""
        if as_json:
            document(self._document(result, meta, data=None if self.dry_run else result.value))
            return
        from kosmo_kernel.cli.values import show_call

        show_call(result, layout)

    def _document(
        self, result: Result | None, meta: dict[str, Any], *, data: Any = None, error: str | None = None
    ) -> dict[str, Any]:
        return {
            "function": self.function_name,
            "success": error is None,
            "data": data,
            "error": error,
            "meta": meta,
            "duration_ms": round(result.seconds * 1000, 1) if result else 0.0,
        }
