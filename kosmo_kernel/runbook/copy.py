"""The executed copy of a notebook, written after each cell with secrets redacted, and the report of the run.

Because the file is written after each cell, an aborted run leaves the outputs so far. Every string of every output is
searched for the values of secrets once, and again only if a later cell updates it or uses another account. The copy may
replace an earlier copy, but no other file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kosmo_kernel import accounts, integrations
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.results import accounts_used, read_lines
from kosmo_kernel.runbook.notebook import ACCOUNT, LUA, Runbook, parse_text
from kosmo_kernel.safety.markup import Markdown, Markup, code_span
from kosmo_kernel.safety.redaction import REDACTED, SECRET_NAME, environment_secrets, in_texts, one_line, redact
from kosmo_kernel.settings import private_files
from kosmo_kernel.text import counted
from kosmo_kernel.values.lua_literals import literal
from kosmo_kernel.values.records import without_surrogates

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

_EMPTY = {"", '""', "''", "[]", "{}", "nil", "None"}  # values that set nothing, which the report leaves out
_MAX_VALUE_LENGTH = 80  # the longest parameter value in the report, in characters
M = TypeVar("M", bound=Markup)


@dataclass(slots=True)
class Report:
    """The outcome of a run."""

    output: Path  # the file of the executed copy
    parameters: dict[str, Any] = field(default_factory=dict)  # the values of the parameters that were given
    started: datetime = field(default_factory=lambda: datetime.now(UTC))  # the start time, in UTC
    seconds: float = 0.0  # the duration
    cells: int = 0  # the number of code cells that ran
    accounts: list[str] = field(default_factory=list)  # the aliases of the accounts that were used
    calls: int = 0  # the number of API calls that the cells made
    requests: int = 0  # the number of HTTP requests
    # The answers that were taken over from earlier runs, which are among the requests.
    taken_over: EarlierAnswers | None = None
    error: str | None = None  # the error message of the cell that failed, or None
    note: str = ""  # a line to add, such as that the responses were replayed
    # The aliases whose tokens could not be read, so that the outputs were not searched for them.
    unread: list[str] = field(default_factory=list)

    def text(self, form: type[M]) -> M:
        """Return a line with the start time, the accounts, the cost and the outcome, in Markdown or as plain text."""

        def listed(names: list[str]) -> M:
            return form(", ").join(map(code_span, names) if form is Markdown else names)

        scope = form("for the account {}").format(listed(self.accounts)) if self.accounts else "without a call"
        cost = f"{counted(self.cells, 'cell')}, {counted(self.calls, 'call')}, {counted(self.requests, 'request')}"
        cost += f", {self.taken_over}" if self.taken_over else ""
        line = form("Run on {} UTC {}: {}, {:.1f} s.")
        line = line.format(f"{self.started:%Y-%m-%d at %H:%M}", scope, cost, self.seconds)
        unread = form("The token of {} could not be looked for in the outputs.").format(listed(self.unread))
        failure = form("**It stopped at a failure.**") if self.error is not None else ""
        return form(" ").join(filter(None, (line, self.note, unread if self.unread else "", failure)))


@dataclass(slots=True)
class ExecutedCopy:
    """The executed copy of a notebook during its run."""

    runbook: Runbook  # the notebook, which is modified
    output: Path  # the file to write
    report: Report  # in which the finished cells and the tokens that cannot be read are noted
    calls: Path  # the log of the API calls that the cells make, which names the accounts
    on_cell: Callable[[int, int], None]  # called after each cell with the numbers of finished cells and of all cells
    secrets: tuple[str, ...] = field(default_factory=environment_secrets)  # the values to redact
    leaked: bool = False  # whether an output contained a secret
    _used_accounts: set[tuple[str, str]] = field(default_factory=set)
    _searched: dict[int, Any] = field(default_factory=dict)  # the parts of outputs without a secret, by their ids

    def __post_init__(self) -> None:
        for cell in self._code_cells():
            cell.outputs, cell.execution_count = [], None

    def on_cell_executed(self, **_cell_and_reply: Any) -> None:
        """Count a cell that has run, and write the copy."""
        self.report.cells += 1
        self.save()
        self.on_cell(self.report.cells, len(self._code_cells()))

    def add_report(self, text: Markdown) -> None:
        """Set the report cell to a text and a list of the parameters that are set, both given ones and defaults."""
        texts = (self._parameter(parameter.name, parameter.default) for parameter in self.runbook.parameters())
        parameters = Markdown(", ").join(filter(None, texts))
        self.runbook.add_report(text + Markdown("\n\nParameters: {}.").format(parameters) if parameters else text)

    def _parameter(self, name: str, default: str) -> Markdown | None:
        """Return a parameter in Markdown: a string without quotes, others as a literal; None if it is empty."""
        text = parse_text(default) or default
        if name in self.report.parameters:
            value = self.report.parameters[name]
            write = literal if self.runbook.language == LUA else repr
            text = value if isinstance(value, str) else write(value)
        is_secret = SECRET_NAME.search(name) and not text.isdecimal()  # a number (`max_tokens`) is no secret
        line = REDACTED if is_secret else one_line(text, self.secrets, _MAX_VALUE_LENGTH)
        return None if line in _EMPTY else Markdown("{} = {}").format(code_span(name), code_span(line))

    def _collect_tokens(self) -> None:
        """Add the tokens of newly used accounts to the secrets. Tokens of other accounts are not read."""
        for service, alias in set(accounts_used(read_lines(self.calls))) - self._used_accounts:
            self._used_accounts.add((service, alias))
            try:
                integration = integrations.known(service)
                sources = () if integration is None else accounts.token_sources(integration, alias)
                # None if responses are replayed.
                self.secrets += tuple(islice(filter(None, (source.read() for source in sources)), 1))
                self._searched.clear()
            except KosmoError:  # the call that needs the token reports the reason; the run must not fail here
                self.report.unread = list(dict.fromkeys((*self.report.unread, alias)))

    def save(self, *, is_last: bool = False) -> None:
        """Redact the secrets in all outputs, the tokens of accounts used so far among them, and write the copy.

        It is replaced at once. Only its owner may read a new one, because it has data of the account.

        Parameters:
            is_last: whether all cells have run. The file gets the layout of nbformat then, and a text that the kernel
                sent in pieces is one output; before, a cell could still update an output by its number.

        Raises:
            FileWriteError: the file cannot be written; it is as after the cell before.
        """
        self._collect_tokens()
        for cell in self._code_cells():
            if is_last:
                same_text = groupby(cell.outputs, lambda output: output.get("name") or id(output))  # one stream has one
                cell.outputs = [_joined(list(pieces)) for _, pieces in same_text]
            for output in cell.outputs:
                self._redact(output)
        with private_files.writing(self.output, "It has the cells that ended before." if self.output.exists() else ""):
            self.output.parent.mkdir(parents=True, exist_ok=True)
            private_files.write(self.output, _as_json(self.runbook.notebook, is_last=is_last), durable=False)

    def _redact(self, output: Any) -> None:
        """Redact the parts of an output that were not searched before. What a later cell updates is another object."""
        for key, part in output.items():
            if id(part) not in self._searched:
                output[key] = in_texts(part, lambda text: redact(text, self.secrets))
                self.leaked |= output[key] != part
                self._searched[id(output[key])] = output[key]

    def _code_cells(self) -> list[Any]:
        return [cell for cell in self.runbook.notebook.cells if cell.cell_type == "code"]


def _as_json(notebook: Any, *, is_last: bool) -> str:
    """Return a notebook as JSON; the last time as nbformat writes it, which takes ten times as long."""
    import nbformat

    text = f"{nbformat.writes(notebook)}\n" if is_last else json.dumps(notebook, ensure_ascii=False)
    return without_surrogates(text)


def _joined(pieces: list[Any]) -> Any:
    """Return the first of some outputs, with the texts of all of them if there are more."""
    if pieces[1:]:
        pieces[0].text = "".join(piece.text for piece in pieces)
    return pieces[0]


def refuse_to_replace(path: Path, what: str, is_ours: Callable[[Path], bool]) -> None:
    """Check that a file may be written: it does not exist, is empty, or an earlier run wrote it.

    Parameters:
        path: the file.
        what: what the run writes there, in a word for the message.
        is_ours: returns whether an earlier run wrote a file.

    Raises:
        InvalidArgumentsError: the path is another file or a folder.
    """
    try:
        is_free = not path.exists() or (path.is_file() and (path.stat().st_size == 0 or is_ours(path)))
    except (OSError, InvalidArgumentsError):  # unreadable, so not written by a run
        is_free = False
    if not is_free:
        raise InvalidArgumentsError(
            f"`{path}` is there, and is no {what} that `kosmo run` has written. Give the copy another name (-o), or "
            "move that file away. Nothing was run."
        )


def refuse_secrets(values: Mapping[str, Any]) -> None:
    """Check that no parameter is a secret, because parameters are written into the copy.

    Raises:
        InvalidArgumentsError: a parameter is a secret.
    """
    secrets = environment_secrets()
    for name, value in values.items():
        text = str(value)
        is_token = name == ACCOUNT and accounts.looks_like_token(text)
        has_secret_name = SECRET_NAME.search(name) and isinstance(value, str)  # `max_tokens = 5` is no secret
        if is_token or has_secret_name or redact(text, secrets) != text:
            raise InvalidArgumentsError(
                f"The parameter `{name}` is a secret, and parameters are written into the copy. Name an account "
                "instead (--account): its token comes from where it is kept. Nothing was run."
            )
