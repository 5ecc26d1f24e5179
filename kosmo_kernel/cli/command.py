"""A command, and how it fails.

An error becomes a message on standard error or, with `--json`, a document on standard output. A family with an
envelope of its own (`lua.py`) gives it by overriding `failure`.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from kosmo_kernel.cli.output import coloured, document, note
from kosmo_kernel.errors import KosmoError


class Command(click.Command):
    """A command that can say in JSON why it failed."""

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """The document of a failure.

        Parameters:
            message: what happened.
            facts: `type` and what else is known of it.
            error: the error itself.
        """
        return {"success": False, "error": message, "meta": {"error": facts}}

    def fail(self, error: Exception) -> None:
        """Print the document of a failure."""
        facts = (
            error.facts() if isinstance(error, KosmoError) else {"type": type_of(error), "message": message_of(error)}
        )
        document(self.failure(message_of(error), facts, error))


def print_error(error: Exception, *, brief: bool = False) -> None:
    """Print a failure for people, on standard error.

    Parameters:
        error: what failed.
        brief: without Lua's stack, and without the script's line where it is the only one.
    """
    label = click.style("Error:", fg="red", bold=True) if coloured(sys.stderr) else "Error:"
    sys.stderr.write(f"{label} ")
    note(message_of(error))
    if isinstance(error, KosmoError):
        excerpt = "" if brief and "\n" not in error.excerpt else error.excerpt
        for part in (excerpt, *(() if brief else error.stack), *(error.result.notes if error.result else ())):
            if part:
                note(part)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        note(f"Try: {error.ctx.command_path} --help")


def message_of(error: Exception) -> str:
    """The message of an error."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return text.encode(errors="backslashreplace").decode()  # file names need not be text


def type_of(error: Exception) -> str:
    """The stable word for an error that is none of this package's own: `usage`, or `internal` for a fault of ours."""
    return "usage" if isinstance(error, click.UsageError) else "internal"
