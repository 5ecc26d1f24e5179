"""The executed copy of a notebook, written after each cell with secrets redacted, and the report of the run.

Because the file is written after each cell, an aborted run leaves the outputs so far. Every string of every output is
searched for the values of secrets. A cell is searched and written as JSON once, and again only if a later cell updates
one of its outputs or uses another account. The copy may replace an earlier copy, but no other file.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kosmo_kernel import accounts, integrations
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.results import accounts_used, read_lines
from kosmo_kernel.runbook.notebook import ACCOUNT, LUA, Runbook, parse_text, read
from kosmo_kernel.safety.markup import Markdown, Markup, Plain, code_span
from kosmo_kernel.safety.redaction import REDACTED, SECRET_NAME, environment_secrets, in_texts, one_line, redact
from kosmo_kernel.settings import private_files
from kosmo_kernel.settings.private_files import writing
from kosmo_kernel.text import counted
from kosmo_kernel.values.lua_literals import literal
from kosmo_kernel.values.records import without_surrogates

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

# Legacy Heroku tokens are UUIDs, like ids.
_LEGACY_TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EMPTY = {"", "[]", "{}", "nil", "None"}  # values that set nothing, which the report leaves out
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

    def text(self) -> Plain:
        """Return a line with the start time, the accounts, the cost and the outcome."""
        return self._format(Plain, Plain.escape)

    def markdown(self) -> Markdown:
        """Return the same line in Markdown."""
        return self._format(Markdown, code_span)

    def _format(self, form: type[M], code: Callable[[str], M]) -> M:
        scope = form("for the account {}").format(form(", ").join(map(code, self.accounts)))
        cost = f"{counted(self.cells, 'cell')}, {counted(self.calls, 'call')}, {counted(self.requests, 'request')}"
        cost += f", {self.taken_over}" if self.taken_over else ""
        started = f"{self.started:%Y-%m-%d at %H:%M}"
        line = form("Run on {} UTC {}: {}, {:.1f} s.")
        line = line.format(started, scope if self.accounts else "without a call", cost, self.seconds)
        if self.note:
            line += form(" {}").format(self.note)
        if self.unread:
            unread = form(", ").join(map(code, self.unread))
            line += form(" The token of {} could not be looked for in the outputs.").format(unread)
        if self.error is not None:
            line += form(" **It stopped at a failure.**")
        return line


@dataclass(slots=True)
class ExecutedCopy:
    """The executed copy of a notebook during its run."""

    runbook: Runbook  # the notebook, which is modified
    output: Path  # the file to write
    report: Report  # in which the finished cells and the tokens that cannot be read are noted
    on_cell: Callable[[int, int], None]  # called after each cell with the numbers of finished cells and of all cells
    calls: Path | None = None  # the log of the API calls that the cells make, which names the accounts
    secrets: tuple[str, ...] = ()  # the values to redact
    leaked: bool = False  # whether an output contained a secret
    _used_accounts: set[tuple[str, str]] = field(default_factory=set)
    _clean: dict[int, list[Any]] = field(default_factory=dict)  # the parts of each cell that was searched for secrets
    _written: dict[int, tuple[list[Any], bytes]] = field(default_factory=dict)  # the parts and the JSON of each cell

    def __post_init__(self) -> None:
        self.secrets = environment_secrets()
        for _, cell in self._code_cells():
            cell.outputs, cell.execution_count = [], None

    def on_cell_executed(self, cell: Any, cell_index: int, **_reply: Any) -> None:
        """Store a cell that has run, and write the copy."""
        if cell.cell_type == "code":
            self.runbook.notebook.cells[cell_index] = cell
            self.report.cells += 1
            self.clean()
            self.save()
            self.on_cell(self.report.cells, sum(1 for _ in self._code_cells()))

    def add_report(self, text: Markdown) -> None:
        """Set the report cell to a text and a list of the parameters that are set, both given ones and defaults."""
        texts = (self._parameter(parameter.name, parameter.default) for parameter in self.runbook.parameters())
        parameters = Markdown(", ").join(filter(None, texts))
        self.runbook.add_report(text + Markdown("\n\nParameters: {}.").format(parameters) if parameters else text)

    def _parameter(self, name: str, default: str) -> Markdown | None:
        """Return a parameter in Markdown: a string without quotes, others as a literal; None if it is empty."""
        value, text = self.report.parameters.get(name), default
        if isinstance(value, str):
            text = value
        elif name in self.report.parameters:
            text = literal(value) if self.runbook.language == LUA else repr(value)
        elif (default_text := parse_text(default)) is not None:
            text = default_text
        is_secret = SECRET_NAME.search(name) and not text.isdecimal()  # a number (`max_tokens`) is no secret
        line = REDACTED if is_secret else one_line(text, self.secrets, _MAX_VALUE_LENGTH)
        return None if line in _EMPTY else Markdown("{} = {}").format(code_span(name), code_span(line))

    def clean(self) -> None:
        """Redact the secrets in all outputs, including the tokens of the accounts that were used so far."""
        before = self.secrets
        self._collect_tokens()
        if self.secrets != before:
            self._clean.clear()
        for index, cell in self._code_cells():
            if _are_same(_parts(cell), self._clean.get(index)):
                continue
            cleaned = [in_texts(output, lambda text: redact(text, self.secrets)) for output in cell.outputs]
            if cleaned != cell.outputs:
                cell.outputs, self.leaked = cleaned, True
            self._clean[index] = _parts(cell)

    def _collect_tokens(self) -> None:
        """Add the tokens of newly used accounts to the secrets. Tokens of other accounts are not read."""
        if self.calls is None or not self.calls.exists():
            return
        for service, alias in accounts_used(read_lines(self.calls)):
            if (service, alias) in self._used_accounts:
                continue
            self._used_accounts.add((service, alias))
            try:
                integration = integrations.known(service)
                sources = () if integration is None else accounts.token_sources(integration, alias)
                # None if responses are replayed.
                self.secrets += tuple(islice(filter(None, (source.read() for source in sources)), 1))
            except KosmoError:  # the call that needs the token reports the reason; the run must not fail here
                self.report.unread = list(dict.fromkeys((*self.report.unread, alias)))

    def join(self) -> None:
        """Merge adjacent stream outputs, because the kernel splits streams at arbitrary points.

        Call it after all cells have run, since a later cell may update an output by its index.
        """
        self._written.clear()  # what runs the cells has noted in their metadata when they ended
        for _, cell in self._code_cells():
            merged: list[Any] = []
            for output in cell.outputs:
                if merged and output.output_type == "stream" and output.get("name") == merged[-1].get("name"):
                    merged[-1].text += output.text
                else:
                    merged.append(output)
            cell.outputs = merged

    def save(self) -> None:
        """Write the copy atomically. Only its owner may read a new one, because it has data of the account.

        Raises:
            FileWriteError: the file cannot be written; it is as after the cell before.
        """
        notebook = self.runbook.notebook
        head, cells, rest = _as_json(notebook, []).partition(b'"cells": []')
        written = [part for index, cell in enumerate(notebook.cells) for part in (b",", self._cell_json(index, cell))]
        whole = [head, b'"cells": [', *written[1:], b"\n ]", rest] if written else [head, cells, rest]
        with writing(self.output, "It has the cells that ended before." if self.output.exists() else ""):
            self.output.parent.mkdir(parents=True, exist_ok=True)
            private_files.write(self.output, [*whole, b"\n"], durable=False)

    def _cell_json(self, index: int, cell: Any) -> bytes:
        """Return a cell as it stands in the file."""
        parts, (before, text) = _parts(cell), self._written.get(index, (None, b""))
        if not _are_same(parts, before):
            notebook = self.runbook.notebook
            alone = _as_json(type(notebook)({**notebook, "metadata": type(notebook)()}), [cell])
            text = alone[len(b'{\n "cells": [') : alone.rindex(b'\n ],\n "metadata": {}')]
            self._written[index] = parts, text
        return text

    def _code_cells(self) -> Iterator[tuple[int, Any]]:
        return ((index, cell) for index, cell in enumerate(self.runbook.notebook.cells) if cell.cell_type == "code")


def _as_json(notebook: Any, cells: list[Any]) -> bytes:
    """Return a notebook as JSON, with these cells in place of its own."""
    import nbformat

    return without_surrogates(nbformat.writes(type(notebook)({**notebook, "cells": cells}))).encode()


def _parts(cell: Any) -> list[Any]:
    """Return the objects that a cell consists of. What is updated in a cell is another object."""
    outputs = cell.get("outputs", ())
    return [cell, cell.source, cell.metadata, *(part for output in outputs for part in (output, *output.values()))]


def _are_same(ours: list[Any], theirs: list[Any] | None) -> bool:
    """Return whether two lists have the same objects."""
    return theirs is not None and len(ours) == len(theirs) and all(map(operator.is_, ours, theirs))


def refuse_to_replace(path: Path, what: str, is_ours: Callable[[Path], bool]) -> None:
    """Check that a file may be written: it does not exist, is empty, or an earlier run wrote it.

    Parameters:
        path: the file.
        what: what the run writes there, in a word for the message.
        is_ours: returns whether an earlier run wrote a file.

    Raises:
        InvalidArgumentsError: the path is another file or a folder.
    """
    is_free = not path.exists() or (path.is_file() and (path.stat().st_size == 0 or is_ours(path)))
    if not is_free:
        raise InvalidArgumentsError(
            f"`{path}` is there, and is no {what} that `kosmo run` has written. Give the copy another name (-o), or "
            "move that file away. Nothing was run."
        )


def is_copy(path: Path) -> bool:
    """Return whether a file is the executed copy of an earlier run."""
    try:
        return read(path).is_copy
    except InvalidArgumentsError:
        return False


def refuse_secrets(values: Mapping[str, Any]) -> None:
    """Check that no parameter is a secret, because parameters are written into the copy.

    Raises:
        InvalidArgumentsError: a parameter is a secret.
    """
    secrets = environment_secrets()
    for name, value in values.items():
        text = str(value)
        is_token = name == ACCOUNT and _LEGACY_TOKEN.fullmatch(text.strip())  # no alias looks like this
        has_secret_name = SECRET_NAME.search(name) and isinstance(value, str)  # `max_tokens = 5` is no secret
        if is_token or has_secret_name or redact(text, secrets) != text:
            raise InvalidArgumentsError(
                f"The parameter `{name}` is a secret, and parameters are written into the copy. Name an account "
                "instead (--account): its token comes from where it is kept. Nothing was run."
            )
