"""Options that several commands share, defined once so that their names and help agree, and what a shell completes.

A completer is passed to click as `shell_complete`, so it runs only while a shell completes a line. It sends nothing: a
command during which `list_apps` returned a list writes the names of its records, and completing `--app-id` reads them.
There is a file for each list, which only its owner can read, named by a digest of the service, the account's alias and
address, and the function; no token is used for it. The names are third-party text, so only plain words are read.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.cli.command import AS_JSON, Aside
from kosmo_kernel.cli.streams import INTERRUPTED
from kosmo_kernel.errors import FileWriteError, KosmoError
from kosmo_kernel.integrations import find, load_all
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.safety.text import is_plain_word
from kosmo_kernel.settings.private_files import GROUP_AND_OTHERS
from kosmo_kernel.settings.private_files import write as write_private
from kosmo_kernel.settings.table import LIMITS, RECORD, REPLAY, RESUME, RESUME_WITHIN, Number, Setting, Value
from kosmo_kernel.text import normalize_alias

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kosmo_kernel.run.recording import RecordingMode
    from kosmo_kernel.session import Session

    Choices = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS = ("table", "csv", "json", "markdown")  # values of `--format`, implemented in values.py
MAX_AGE_SECONDS = 300.0  # of a file of names that are completed
MAX_NAMES = 20_000
MAX_NAME_LENGTH = 200  # characters
MAX_FILE_BYTES = 8 << 20
SUFFIX = ".json"  # of a file of names


class Layout(Struct, frozen=True):
    """The layout of printed results; it is true if `--format` is given."""

    form: str = ""  # the value of `--format`; empty for text for people, whose tables are CSV in a pipe
    columns: tuple[str, ...] = ()  # the columns to print, in this order; all if empty
    header: bool = True  # whether tables begin with the names of their columns

    def __bool__(self) -> bool:
        return bool(self.form)


class LayoutOption(click.Option):
    """The option `--format`, whose value is the `Layout` that it describes together with `LAYOUT_OPTIONS`."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Return the value of the option.

        Raises:
            click.UsageError: an option does not go with the format.
        """
        value, rest = super().handle_parse_result(ctx, opts, args)
        form = value if isinstance(value, str) else ""  # click has a value of its own for an option that is not given
        header = not opts.get("no_header")
        columns = tuple(name.strip() for name in opts.get("columns", "").split(",")) if "columns" in opts else ()
        if not header and form not in ("", "csv", "table"):
            raise click.UsageError(f"--no-header is about tables. Give it without --format {form}.", ctx)
        if "" in columns:
            raise click.UsageError("--columns takes names, separated by commas: --columns name,app.name", ctx)
        layout = ctx.params[str(self.name)] = Layout(form, columns, header)
        return layout, rest


def all_of(*options: Decorator) -> Decorator:
    """Return the decorator that adds options to a command, in this order."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


def choice_option(*flags: str, words: Sequence[str], text: str, **attrs: Any) -> Decorator:
    """Return an option whose value is one of some words; its help is a text and the words."""
    help_ = f"{text} {', '.join(words[:-1])} or {words[-1]}."
    return click.option(*flags, type=click.Choice(words), help=help_, **attrs)


json_option = click.option("--json", "as_json", **AS_JSON)
on_demo = click.option("--demo", is_flag=True, help="Use the fictional demo account.")
format_options = all_of(  # the function gets them as a `Layout`, `layout`
    choice_option("--format", "layout", cls=LayoutOption, words=FORMATS, metavar="F", text="Print the result as"),
    click.option("--columns", metavar="A,B", expose_value=False, help="Print these columns of a table, in this order."),
    click.option(
        "--no-header", is_flag=True, expose_value=False, help="Print tables without the names of the columns."
    ),
)


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


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


def check_formats(*, as_json: bool, layout: Layout) -> None:
    """Raise an error if `--json` and an option about another output are given."""
    if as_json and layout:
        raise click.UsageError("--json is a document of its own. Give either --json or --format.")
    if as_json and layout != Layout():
        raise click.UsageError("--columns and --no-header are about tables, and --json prints a document.")


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
        return click.option(setting.command, is_flag=True, help=setting.doc, **attrs)
    attrs |= {"type": ValueType(setting.value), "metavar": setting.value.metavar, "help": setting.help}
    return click.option(setting.command, **attrs)


limit_options = all_of(*map(setting_option, LIMITS))  # `timeout`, `cpu_limit` and `memory_limit`
_recorded = all_of(setting_option(RECORD, shell_complete=files), *map(setting_option, (RESUME, RESUME_WITHIN)))


def resume_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that record responses, and go on with a recording. The function gets a `Recording`."""

    @wraps(command)
    def with_recording(
        *, record: str | None, resume: bool, resume_within: float | None, replay: str | None = None, **others: Any
    ) -> Any:
        return command(recording=Recording(record, resume, resume_within, replay), **others)

    return _recorded(with_recording)


def recording_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that record responses, go on with a recording or replay one; see `resume_options`."""
    return resume_options(setting_option(REPLAY, shell_complete=files)(command))


class Recording(Struct):
    """The values of `recording_options`, and the recording of a session that was opened with them."""

    record: str | None  # the file to record to, or None
    resume: bool  # whether to go on with it
    resume_within: float | None  # the age in seconds up to which its answers are taken; that of the settings when None
    replay: str | None = None  # the file to replay, or None
    _mode: RecordingMode | None = None

    @contextmanager
    def resumption(self) -> Iterator[None]:
        """Check the options, and set the age up to which answers are taken, within the block.

        Raises:
            click.UsageError: an option lacks the one that it goes with.
        """
        if self.resume and self.record is None and RECORD.from_env() is None:
            raise click.UsageError(f"{RESUME.command} goes on with a recording. Name it: {RECORD.command} FILE.")
        if self.resume_within is not None and not self.resume:
            raise click.UsageError(f"{RESUME_WITHIN.command} is about {RESUME.command}. Give both.")
        age = self.resume_within
        with nullcontext() if age is None else RESUME_WITHIN.exported(f"{age:g}"):
            yield

    def session(self, account: str | None, **options: Any) -> Session:
        """Return a session that records or replays.

        Parameters:
            account: its account.
            options: further arguments of the session.

        Raises:
            click.UsageError: an option lacks the one that it goes with.
        """
        from kosmo_kernel.session import Session

        with self.resumption():
            session = Session(account, record=self.record, replay=self.replay, resume=self.resume or None, **options)
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
                command = f"{RECORD.command} {self.record} {RESUME.command}"
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

    def notes(self) -> list[Aside]:
        """Return how many answers were taken, how old they were, and what was sent, if there is a recording."""
        return [Aside(self._mode.text())] if self.record is not None and self._mode else []

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


def account_option(text: str, integration: Integration | None = None, **attrs: Any) -> Decorator:
    """Return the option `--account`.

    Parameters:
        text: the help.
        integration: whose accounts a shell completes; those of all integrations when None.
        attrs: further arguments of `click.option`.
    """
    completer = accounts_of(integration)
    flags = ("-a", "--account")
    return click.option(*flags, metavar="A", callback=not_blank, help=text, shell_complete=completer, **attrs)


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


def _completer(choices: Callable[[click.Context, str], Iterable[tuple[str, str]]]) -> Choices:
    """Return a callback that completes with names: those that begin with what is typed, without duplicates.

    Parameters:
        choices: returns the names for what is typed, each with a description or an empty text.
    """
    return lambda ctx, _param, incomplete: completions(choices(ctx, incomplete), incomplete)


def completions(choices: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem[str]]:
    """Return the names that begin with what is typed, without duplicates, each with its description if it has one."""
    from click.shell_completion import CompletionItem

    matches = {name: description for name, description in choices if name.startswith(incomplete)}
    return [CompletionItem(name, help=description or None) for name, description in matches.items()]


def accounts_of(integration: Integration | None = None) -> Choices:
    """Return a completer for the accounts of an integration, or of all integrations."""

    def choices(ctx: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
        from kosmo_kernel.accounts import names

        for service in [integration] if integration else load_all():
            yield from ((alias, "") for alias in names(service, _default(ctx)))

    return _completer(choices)


def listed_by(integration: Integration, param: Param, alias: str | None = None) -> Choices | None:
    """Return a completer for the values of a parameter, from a list that a command got lately; None if there is none.

    Parameters:
        integration: the service.
        param: the parameter.
        alias: the account, if the function's name has one.
    """
    if integration.listing(param) is None:
        return None
    return _completer(lambda ctx, _incomplete: _listed_values(ctx, integration, param, alias))


def pairs_of(integration: Integration, params: Iterable[Param], alias: str | None = None) -> Choices:
    """Return a completer for the value in `NAME=VALUE`; the parameters are as for `listed_by`."""
    by_name = {param.name: param for param in params}

    def choices(ctx: click.Context, incomplete: str) -> Iterator[tuple[str, str]]:
        name, equals, _ = incomplete.partition("=")
        if equals and (param := by_name.get(name.replace("-", "_"))):
            for value, about in _listed_values(ctx, integration, param, alias):
                yield f"{name}={value}", about

    return _completer(choices)


def _listed_values(
    ctx: click.Context, integration: Integration, param: Param, alias: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the values of a parameter from a list that a command got lately; an id with the name of its record."""
    from kosmo_kernel.accounts import account_in_use

    if (listing := integration.listing(param)) is None:
        return
    account = alias or account_in_use(ctx.params.get("account"), _default(ctx), load_all())
    for record in listed_names(integration, listing, account):
        value, name = param.value_of_record(record), next(iter(record.values()), "")
        if isinstance(value, str) and param.fits(value):
            yield value, name if name != value else ""


def _default(ctx: click.Context) -> str:
    """Return the default account of the command line so far."""
    from kosmo_kernel.accounts import DEFAULT, DEMO, demo_chosen

    return DEMO if ctx.params.get("demo") or demo_chosen() else DEFAULT


def _mcp_servers(*_: object) -> Iterable[tuple[str, str]]:
    from kosmo_kernel.mcp import configuration

    return ((name, "") for name in configuration().servers)


def _pages(*_: object) -> Iterable[tuple[str, str]]:
    """Yield the name and the title of each page of the reference, which is read only to complete one."""
    from kosmo_kernel.docs import GUIDES, titles

    yield from (page for integration in load_all() for page in titles(integration).items())
    yield from GUIDES.items()


mcp_servers, pages = map(_completer, (_mcp_servers, _pages))
integration_names = _completer(lambda *_: ((i.name, i.description) for i in load_all()))
function_names = _completer(
    lambda *_: ((f"{i.name}.{f.name}", f.summary) for i in load_all() for f in i.table.summaries())
)


def keep_names(session: Session) -> None:
    """Write the names in the lists that a session got since this was last called."""
    lists = session.take_new_lists()
    if not lists:
        return
    for (name, function, alias), records in lists.items():
        integration = find(name)
        names = [_label_and_id(integration, record) for record in records[:MAX_NAMES]]
        # A home that cannot be written to, or settings that became invalid, leave no names to complete; the command
        # itself succeeded.
        with suppress(KosmoError, OSError, RuntimeError):
            _write_names(_names_file(integration, integration.function(function), alias), names)


def listed_names(integration: Integration, function: Function, alias: str) -> list[dict[str, str]]:
    """Return the records of a list that was written lately, with their names and ids.

    There are none if no list was written, or if others can access the file.
    """
    try:
        file = _names_file(integration, function, alias)
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as opened:
            status = os.fstat(descriptor)
            is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
            if not is_own or status.st_mode & GROUP_AND_OTHERS or not _is_fresh(status):
                return []
            names = json.loads(opened.read(MAX_FILE_BYTES))
    except (KosmoError, OSError, RuntimeError, ValueError):  # no file yet, a broken one, or a wrong setting: no names
        return []
    records = names if isinstance(names, list) else []
    return [_label_and_id(integration, record) for record in records if isinstance(record, dict)]


def _label_and_id(integration: Integration, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the name and the id of a record, as far as they are plain words."""
    fields = {field: record.get(field) for field in (*integration.labels, "id")}
    texts = {
        field: value for field, value in fields.items() if isinstance(value, str) and len(value) <= MAX_NAME_LENGTH
    }
    return {field: text for field, text in texts.items() if is_plain_word(text) and redact(text) == text}


def _names_file(integration: Integration, function: Function, alias: str) -> Path:
    import hashlib  # it loads OpenSSL, which not every start needs

    from kosmo_kernel import accounts
    from kosmo_kernel.settings.config_file import user_folder

    url = integration.base_url if accounts.is_demo(alias) else accounts.address(integration, alias)
    parts = [integration.name, normalize_alias(alias), url, function.name]
    return user_folder("cache") / "names" / (hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32] + SUFFIX)


def _write_names(file: Path, names: Sequence[Mapping[str, str]]) -> None:
    """Write names to a file, and delete the files of lists that are too old to be used."""
    write_private(file, json.dumps(names), durable=False)
    for other in file.parent.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # another command deletes it as well
            if not _is_fresh(other.lstat()):
                other.unlink()


def _is_fresh(status: os.stat_result) -> bool:
    return abs(time.time() - status.st_mtime) <= MAX_AGE_SECONDS
