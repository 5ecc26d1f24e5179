"""The decorator and the class of all commands, and how their results, notes and errors are printed.

A command returns a `CommandResult`, or prints what it has itself and returns an exit code. An error becomes a message
on standard error or, with `--json`, a document on standard output. Commands whose document has other keys (`lua.py`,
`call.py`) override `failure`.

Results go to standard output; notes, progress and errors go to standard error. JSON documents and the other forms of
`--format` are always UTF-8, whatever the terminal's encoding. `streams.py` escapes control characters in all of it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TextIO

import click

from kosmo_kernel.cli import dropped
from kosmo_kernel.cli.streams import FAILED, SUCCESS, escape_controls, output_stream, styled
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.safety.markup import Terminal
from kosmo_kernel.safety.redaction import in_texts, redact, redact_error
from kosmo_kernel.settings.config_file import take_notices

if TYPE_CHECKING:
    from kosmo_kernel.pages import Page
    from kosmo_kernel.render.display import Note


AS_JSON: dict[str, Any] = {"is_flag": True, "help": "Print one JSON document, also for an error."}  # of `--json`


Rows = list[tuple[str, str]]  # names with a text beside each


class NoteLine(str):
    """A note of an answer, which is printed on standard error, apart from the result."""

    __slots__ = ()


class CommandResult:
    """Hold what a command prints when it is done.

    Parameters:
        facts: the keys of the JSON document after `success`.
        parts: what is printed without `--json`: lines, and rows.
        code: the exit code.
    """

    def __init__(self, facts: Mapping[str, Any], *parts: str | Rows, code: int = SUCCESS) -> None:
        self._facts, self._parts, self._code = facts, parts, code

    def print(self, *, as_json: bool) -> int:
        """Print the document or the parts, and return the exit code."""
        if as_json:
            document({"success": self._code == SUCCESS, **self._facts})
            return self._code
        for part in self._parts:
            if isinstance(part, str):
                (print_note if isinstance(part, NoteLine) else print_result)(part)
            elif part:
                print_rows(part)
        return self._code


class Command(click.Command):
    """A command that can report a failure as JSON."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. The error of a frequent mistake, or of a dropped option, has the line that works.

        Raises:
            click.UsageError: the command is called wrongly.
        """
        if any(param.opts == ["-p"] for param in self.params):
            for option, name, value in zip(args, [*args[1:], "NAME"], [*args[2:], "", ""], strict=False):
                if option != "-p" or not ("=" in name or not value or value.startswith("--")):
                    continue  # click would take the next argument for the value
                first, _, second = name.partition("=")
                raise click.UsageError(f"-p takes a name and a value: -p {first} {shlex.quote(second or 'VALUE')}", ctx)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if line := dropped.OPTIONS.get(f"{self.name} {error.option_name}"):
                raise click.UsageError(f"{error.option_name} was dropped. {line}", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, after a note on each setting that was removed."""
        for notice in take_notices():
            print_note(notice)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, whose lines stay as they are."""
        if self.epilog:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(self.epilog.rstrip())

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
    name: str, *examples: str, json: bool = True, cls: type[Command] = Command, **attrs: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Return the decorator that makes a function a command; its docstring becomes the help.

    Parameters:
        name: the name of the command, as in `COMMANDS`.
        examples: command lines that the help ends with.
        json: whether it has the option `--json`, after all others. The function gets it as `as_json` if it has such a
            parameter, and otherwise returns a `CommandResult`.
        cls: the class, for a document with other keys.
        attrs: further arguments of the class.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        @wraps(function)
        def print_result_of(*args: Any, as_json: bool, **options: Any) -> int:
            result: CommandResult = function(*args, **options)
            return result.print(as_json=as_json)

        callback = function if not json or "as_json" in function.__annotations__ else print_result_of
        decorated = click.command(name, cls=cls, epilog=epilog_of(*examples), **attrs)(callback)
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


def document(value: Any) -> None:
    """Print one JSON document.

    Parameters:
        value: a JSON value, which may contain `Records`, pages of the docs and other subclasses of `str`.
    """
    from kosmo_kernel.values.records import encode

    print_json(encode(value, indent=2) + b"\n")


def print_json(text: bytes) -> None:
    """Print JSON text to standard output, as UTF-8."""
    from kosmo_kernel.safety.text import with_json_escapes

    output_stream(sys.stdout).write_bytes(with_json_escapes(text))


def print_utf8(text: str) -> None:
    """Print a text to standard output as UTF-8, regardless of the stream's encoding."""
    output_stream(sys.stdout).write_bytes(escape_controls(text).encode(errors="backslashreplace"))


def print_result(text: str, *, end: str = "\n") -> None:
    """Print a text to standard output and flush."""
    write(sys.stdout, text + end)


def show_page(page: Page) -> None:
    """Print a page of Markdown: rendered on a terminal, unchanged in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_page

        print_page(page.markdown)
    else:
        print_result(page, end="" if page.endswith("\n") else "\n")


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Print names with a text beside each: as a wrapped table on a terminal, one line for each name in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_pairs

        print_pairs(list(rows))
        return
    formatter = click.HelpFormatter(width=sys.maxsize)
    with formatter.indentation():
        formatter.write_dl(list(rows), col_max=sys.maxsize)
    print_result(formatter.getvalue(), end="")


def print_note(text: str) -> None:
    """Print a text to standard error, apart from the result and after what was printed of it."""
    sys.stdout.flush()
    write(sys.stderr, text + "\n")


def print_notes(notes: Iterable[Note]) -> None:
    """Print notes about a run to standard error; warnings begin with a label."""
    from kosmo_kernel.render.display import WARNING

    for note in notes:
        if note.is_warning:
            sys.stdout.flush()
            write_label(sys.stderr, f"{WARNING} ", "yellow")
        print_note(redact(note.text))


def write(stream: TextIO, text: str) -> None:
    """Write a text to `stream` and flush."""
    stream.write(text)
    stream.flush()


def write_label(stream: TextIO, text: str, colour: str) -> None:
    """Write a text to `stream`, bold and in a colour if it is a terminal and colours are not disabled."""
    from kosmo_kernel.render.display import has_colours

    if has_colours(stream):
        styled(stream).write(click.style(escape_controls(text), fg=colour, bold=True))
    else:
        stream.write(text)
