"""The decorator and the class of all commands, and how their results and errors are printed.

A command returns a `CommandResult`, or prints what it has itself and returns an exit code. An error becomes a message
on standard error or, with `--json`, a document on standard output. Commands whose document has other keys (`lua.py`,
`call.py`) override `failure`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from kosmo_kernel.cli.output import document, print_note, print_notes, print_result, print_rows, write_label
from kosmo_kernel.cli.streams import FAILED, SUCCESS
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.safety.markup import Terminal
from kosmo_kernel.safety.redaction import in_texts, redact_error


class Aside(str):
    """A line of an answer that is printed on standard error, apart from the result."""

    __slots__ = ()


class CommandResult:
    """Hold what a command prints when it is done.

    Parameters:
        facts: the keys of the JSON document after `success`.
        parts: what is printed without `--json`: lines, and names with a text beside each.
        code: the exit code.
    """

    def __init__(self, facts: Mapping[str, Any], *parts: str | list[tuple[str, str]], code: int = SUCCESS) -> None:
        self._facts, self._parts, self._code = facts, parts, code

    def print(self, *, as_json: bool) -> int:
        """Print the document or the parts, and return the exit code."""
        if as_json:
            document({"success": self._code == SUCCESS, **self._facts})
            return self._code
        for part in self._parts:
            if isinstance(part, str):
                (print_note if isinstance(part, Aside) else print_result)(part)
            elif part:
                print_rows(part)
        return self._code


class Command(click.Command):
    """A command that can report a failure as JSON."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, with the name by which the command was called."""
        if self.epilog:
            formatter.write_paragraph()
            with formatter.indentation():
                text = self.epilog.replace(f"kosmo {self.name}", f"kosmo {ctx.info_name}")
                formatter.write_text(text.rstrip())

    def exit_code(self, error: Exception) -> int:
        """Return the exit code for an error that says nothing of how the command was called."""
        return FAILED

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """Return the JSON document that describes a failure.

        Parameters:
            message: the message of the error.
            facts: `type` and other details of the error.
            error: the error itself.
        """
        return {"success": False, "error": message, "meta": {"error": facts}}

    def fail(self, error: Exception) -> None:
        """Print the JSON document that describes a failure."""
        if isinstance(error, KosmoError):
            facts = error.facts()
        else:  # not of this package: called wrongly, or a bug
            kind = "usage" if isinstance(error, click.UsageError) else "internal"
            facts = {"type": kind, "message": message_of(error)}
        document(in_texts(self.failure(message_of(error), facts, error), redact_error))


def command(
    name: str, *examples: str, json: bool = True, cls: type[Command] = Command
) -> Callable[[Callable[..., Any]], Command]:
    """Return the decorator that makes a function a command; its docstring becomes the help.

    Parameters:
        name: the name of the command, as in `COMMANDS`.
        examples: command lines that the help ends with.
        json: whether it has the option `--json`, after all others. The function gets it as `as_json` if it has such a
            parameter, and otherwise returns a `CommandResult`.
        cls: the class, for a document with other keys.
    """
    from kosmo_kernel.cli.options import AS_JSON  # with it comes the reference, which an error has no use for

    def decorate(function: Callable[..., Any]) -> Command:
        @wraps(function)
        def print_result_of(*args: Any, as_json: bool, **options: Any) -> int:
            result: CommandResult = function(*args, **options)
            return result.print(as_json=as_json)

        callback = function if not json or "as_json" in function.__annotations__ else print_result_of
        decorated = click.command(name, cls=cls, epilog=epilog_of(*examples))(callback)
        if json:
            decorated.params.append(click.Option(["--json", "as_json"], **AS_JSON))
        return decorated

    return decorate


def epilog_of(*examples: str) -> str:
    """Return the end of a command's help: its examples, which click must not rewrap."""
    return "\n  ".join([f"\b\nExample{'s' if len(examples) > 1 else ''}:", *examples])


def print_error(error: Exception, *, brief: bool = False) -> None:
    """Print a failure for people, on standard error.

    Parameters:
        error: the error that was raised.
        brief: omit Lua's stack, and an excerpt of the script that is a single line.
    """
    write_label(sys.stderr, "Error:", "red")
    print_note(Terminal(" {}").format(message_of(error)))
    if isinstance(error, KosmoError):
        excerpt = "" if brief and "\n" not in error.excerpt else error.excerpt
        for part in (excerpt, *(() if brief else error.stack)):
            if part:
                print_note(Terminal.escape(redact_error(part)))
        print_notes(error.result.labelled_notes() if error.result else ())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        print_note(Terminal("Try: {} --help").format(redact_error(error.ctx.command_path)))


def message_of(error: Exception) -> str:
    """Return the message of an error, with undecodable bytes escaped, and without tokens that the user typed."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return redact_error(text.encode(errors="backslashreplace").decode())  # file names may hold undecodable bytes
