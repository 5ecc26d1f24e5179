"""Options that several commands share, defined once so that their names and help agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from kosmo_kernel.cli import dropped
from kosmo_kernel.cli.command import AS_JSON, NoteLine
from kosmo_kernel.cli.streams import INTERRUPTED
from kosmo_kernel.errors import FileWriteError
from kosmo_kernel.settings.table import LIMITS, Number, Setting, Value

if TYPE_CHECKING:
    from kosmo_kernel.calls.recording import RecordingMode
    from kosmo_kernel.session import Session

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS = ("table", "csv", "json", "markdown")  # values of `--format`, implemented in values.py
FILE = click.Path(readable=False)  # the command itself says what is wrong with a file


class Layout(Struct, frozen=True):
    """The layout of printed results; it is true if `--format` is given."""

    form: str = ""  # the value of `--format`; empty for text for people, with tables as CSV in a pipe
    columns: tuple[str, ...] = ()  # the columns to print, in this order; all if empty
    header: bool = True  # whether tables begin with the names of their columns

    def __bool__(self) -> bool:
        return bool(self.form)


def all_of(*options: Decorator) -> Decorator:
    """Return the decorator that adds options to a command, in this order."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


class _Words(click.Choice):  # type: ignore[type-arg] # older versions of click have no type of the value
    """One of some words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word. The error for a dropped format names what takes its place."""
        if value not in self.choices and value in dropped.FORMATS:
            self.fail(f"{value} was dropped. {dropped.FORMATS[value]}", param, ctx)
        return super().convert(value, param, ctx)


def choice_option(*flags: str, words: Sequence[str], text: str, **attrs: Any) -> Decorator:
    """Return an option whose value is one of some words; its help is a text and the words."""
    help_ = f"{text} {', '.join(words[:-1])} or {words[-1]}."
    return click.option(*flags, type=_Words(words), help=help_, **attrs)


json_option = click.option("--json", "as_json", **AS_JSON)
on_demo = click.option("--demo", is_flag=True, help="Use the fictional demo account.")
_layout_options = all_of(
    choice_option("--format", "form", words=FORMATS, metavar="F", text="Print the result as"),
    click.option("--columns", metavar="A,B", help="Print these columns of a table, in this order."),
    click.option("--no-header", is_flag=True, help="Print tables without the names of the columns."),
)


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the layout of results. The function gets a `Layout`, and has `--json` as well.

    Raises:
        click.UsageError: an option does not go with another one.
    """

    @wraps(command)
    def with_layout(*, form: str | None, columns: str | None, no_header: bool, as_json: bool, **others: Any) -> Any:
        names = () if columns is None else tuple(name.strip() for name in columns.split(","))
        if as_json and form:
            raise click.UsageError("--json is a document of its own. Give either --json or --format.")
        if as_json and (names or no_header):
            raise click.UsageError("--columns and --no-header are about tables, and --json prints a document.")
        if no_header and form not in (None, "csv", "table"):
            raise click.UsageError(f"--no-header is about tables. Give it without --format {form}.")
        if "" in names:
            raise click.UsageError("--columns takes names, separated by commas: --columns name,app.name")
        return command(layout=Layout(form or "", names, not no_header), as_json=as_json, **others)

    return _layout_options(with_layout)


def not_blank(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return the value unchanged; a callback for click options.

    A blank value is an error, because it usually comes from a shell variable that is not set and must not select the
    default.

    Raises:
        click.UsageError: the value is blank.
    """
    if value is not None and not value.strip():
        raise click.BadParameter("it is blank.")
    return value


class ValueType(click.ParamType):  # type: ignore[type-arg] # older versions of click have no type of the value
    """The type of an option that has the values of a setting."""

    name = "value"

    def __init__(self, value: Value) -> None:
        self._value = value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a text to a value; a default value is only checked.

        Raises:
            click.UsageError: it is invalid.
        """
        try:
            return self._value.parse(value) if isinstance(value, str) else self._value.check(value)
        except ValueError as error:
            self.fail(f"it takes {error}, got {value!r}.", param, ctx)


def _read_time(text: str) -> datetime | None:
    """Return a time, or None if the text is none. A time without a zone is UTC, and a day begins at midnight."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


TIME = ValueType(Value("a time, such as 2026-11-20 or 2026-11-20T09:00:00Z", is_valid=bool, read=_read_time))
PORT = ValueType(Number("the number of a port", maximum=65535, is_whole=True))


def setting_option(setting: Setting, **attrs: Any) -> Decorator:
    """Return the option of a setting, as `click.option` does."""
    if not setting.value.metavar:
        return click.option(setting.command, is_flag=True, help=setting.doc)
    value = ValueType(setting.value)
    return click.option(setting.command, type=value, metavar=setting.value.metavar, help=setting.help, **attrs)


limit_options = all_of(*map(setting_option, LIMITS))  # `timeout`, `cpu_limit` and `memory_limit`
_FILE: dict[str, Any] = {"metavar": "FILE", "type": ValueType(Value("the name of a file", "FILE"))}
_recorded = all_of(
    click.option("--record", **_FILE, help="Save all responses in this file, without secrets."),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with the run that the recording is of, unless it has ended: take its answers, and add the others.",
    ),
)
from_option = click.option("--from", "archive", **_FILE, help="Take all answers from this archive, and ask nothing.")


def resume_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that record responses, and go on with a recording. The function gets a `Recording`."""

    @wraps(command)
    def with_recording(*, record: str | None, resume: bool, archive: str | None = None, **others: Any) -> Any:
        return command(recording=Recording(record, resume, archive), **others)

    return _recorded(with_recording)


def recording_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that record responses, go on with a recording, or take answers from an archive."""
    return resume_options(from_option(command))


class Recording(Struct):
    """The values of `recording_options`, and the recording of a session that was opened with them."""

    record: str | None = None  # the file to record to, or None
    resume: bool = False  # whether to go on with it
    archive: str | None = None  # the archive that answers, or None
    _mode: RecordingMode | None = None

    def check(self) -> None:
        """Check that the options go with each other.

        Raises:
            click.UsageError: `--resume` is given without a recording, or `--record` with `--from`.
        """
        if self.resume and self.record is None:
            raise click.UsageError("--resume goes on with a recording. Name it: --record FILE.")
        if self.record is not None and self.archive is not None:
            raise click.UsageError(
                "--record and --from exclude one another: what an archive answers is recorded there."
            )

    def session(self, account: str | None, **options: Any) -> Session:
        """Return a session that records, or that an archive answers.

        Parameters:
            account: its account.
            options: further arguments of the session.

        Raises:
            click.UsageError: as for `check`.
        """
        from kosmo_kernel.session import Session

        self.check()
        session = Session(account, record=self.record, from_archive=self.archive, resume=self.resume, **options)
        self._mode = session.recording
        self._mode.finishes = False  # `finished` is called when all that the command makes of the answers is written
        return session

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say where the answers are, if the block cannot write what it makes of them.

        Raises:
            FileWriteError: that of the block, with what to do.
        """
        try:
            yield
        except FileWriteError as error:
            if self.record is not None and error.target != Path(self.record):
                command = f"--record {self.record} --resume"
                answers = f"The answers are in {self.record}, and `{command}` takes them from there."
                error.advice = f"{error.advice} {answers}" if error.advice else answers
            raise

    @property
    def taken_over(self) -> str:
        """A sentence on the answers that were taken over from earlier runs; empty if there are none."""
        return self._mode.text() if self._mode and self._mode.facts() else ""

    def facts(self) -> dict[str, Any]:
        """Return the number of answers that were taken over and the time of the oldest, for a JSON document."""
        return self._mode.facts() if self._mode else {}

    def notes(self) -> list[NoteLine]:
        """Return how many answers were taken, how old they were, and what was sent, if there is a recording."""
        return [NoteLine(self._mode.text())] if self.record is not None and self._mode else []

    def finished(self, code: int) -> int:
        """Return the exit code of a command that has written all that it makes of the answers.

        Unless it was interrupted, the run has come to its end, and the next one does not go on with it.

        Raises:
            FileWriteError: the recording cannot be written.
        """
        if self._mode and code != INTERRUPTED:
            self._mode.finishes = True
            self._mode.finish()
        return code


def account_option(text: str) -> Decorator:
    """Return the option `--account`, with this help."""
    return click.option("-a", "--account", metavar="A", callback=not_blank, help=text)


def account_options(text: str) -> Decorator:
    """Return the options `--account`, with this help, and `--demo`. The function gets the account, or None for none."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_account(*, account: str | None, demo: bool, **others: Any) -> Any:
            return command(account=one_account(account, demo=demo), **others)

        return account_option(text)(on_demo(with_account))

    return decorate


def one_account(*aliases: str | None, demo: bool) -> str | None:
    """Return the account that is named in one of several ways, or None.

    With `--demo`, an alias may name one of the accounts that there are where the demo is the default account.

    Raises:
        click.UsageError: two different accounts are named.
    """
    from kosmo_kernel.accounts import DEFAULT, DEMO, account_in_use, is_demo
    from kosmo_kernel.integrations import loaded

    default = DEMO if demo else DEFAULT
    accounts = dict.fromkeys(account_in_use(alias, default, loaded()) for alias in aliases if alias)
    if demo and not (accounts and all(map(is_demo, accounts))):
        accounts[DEMO] = None
    if len(accounts) > 1:
        raise click.UsageError(f"Two accounts are named: {' and '.join(accounts)}. Give one of them.")
    return next(iter(accounts), None)
