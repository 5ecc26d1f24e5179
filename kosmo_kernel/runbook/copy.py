"""The executed notebook as it grows: written after each cell, and without secrets.

An end of any kind leaves what was there. What is secret is looked for by value, in every text of every output. The copy
takes the place of an earlier one and of no other file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError
from kosmo_kernel.results.call_log import accounts_used, logged
from kosmo_kernel.runbook.notebook import ACCOUNT, Runbook, read
from kosmo_kernel.runbook.parameters import LUA
from kosmo_kernel.safety.escape import code_span
from kosmo_kernel.safety.redaction import REDACTED, in_texts, one_line, redact
from kosmo_kernel.values.lua_syntax import literal

_SECRET_NAME = re.compile(r"token|secret|passw|api_?key|credential", re.IGNORECASE)
_OLD_TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # Heroku's, and the form of any id
_EMPTY = '""'  # a text of nothing, which Markdown would not show
_LONGEST = 80  # characters of a parameter's value in the line about them
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")  # a text without anything that means something else
_SHORTEST = 12  # characters of a secret that is looked for by value; a shorter one would be found in ordinary words


@dataclass(slots=True)
class ExecutedCopy:
    """The executed notebook as it grows."""

    runbook: Runbook
    output: Path
    on_cell: Callable[[int, int], None]
    calls: Path | None = None  # the log of what the cells ask for, and of whom
    values: Mapping[str, Any] = field(default_factory=dict)  # of the parameters that were given
    secrets: tuple[str, ...] = ()
    unread: dict[str, None] = field(default_factory=dict)  # accounts whose tokens cannot be looked for by value
    done: int = 0
    leaked: bool = False  # an output held a secret
    _asked: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.secrets = _of_environment()
        for cell in self._code():
            cell.outputs, cell.execution_count = [], None

    def ran(self, cell: Any, cell_index: int, **_reply: Any) -> None:
        """Take over a cell that has run."""
        if cell.cell_type == "code":
            self.runbook.notebook.cells[cell_index] = cell
            self.done += 1
            self.clean()
            self.save()
            self.on_cell(self.done, len(self._code()))

    def add_report(self, text: str) -> None:
        """Have it say this of the run, and below with which parameters it was: those given, and the usual ones."""
        used = ", ".join(self._parameter(one.name, one.usual) for one in self.runbook.parameters())
        self.runbook.add_report(f"{text}\n\nParameters: {used}." if used else text)

    def _parameter(self, name: str, usual: str) -> str:
        """A parameter in Markdown: a text as it is, everything else as the notebook's language writes it."""
        value, shown = self.values.get(name), usual
        if isinstance(value, str):
            shown = value
        elif name in self.values:
            shown = literal(value) if self.runbook.language == LUA else repr(value)
        elif quoted := _QUOTED.fullmatch(usual):
            shown = quoted[2]
        is_secret = _SECRET_NAME.search(name) and not shown.isdecimal()  # a number of tokens is none
        line = REDACTED if is_secret else one_line(shown, self.secrets, _LONGEST)
        return f"{code_span(name)} = {code_span(line or _EMPTY)}"

    def clean(self) -> None:
        """Replace the secrets in all outputs, those of the accounts among them that were asked until now."""
        self._learn()
        for cell in self._code():
            cleaned = [in_texts(output, lambda text: redact(text, self.secrets)) for output in cell.outputs]
            self.leaked = self.leaked or cleaned != cell.outputs
            cell.outputs = cleaned

    def _learn(self) -> None:
        """Know the tokens of accounts that were asked for the first time. The others are no concern of this run."""
        if self.calls is None or not self.calls.exists():
            return
        for service, alias in accounts_used(logged(self.calls)):
            if (service, alias) in self._asked:
                continue
            self._asked.add((service, alias))
            try:
                self.secrets += _token_of(service, alias)
            except KosmoError:  # a call that needs the token tells why; the end of a run is no place to fail
                self.unread[alias] = None

    def join(self) -> None:
        """Make one of texts that came in pieces, once all cells have run: where a kernel cuts them is chance.

        Not earlier, since a later cell may change an output by its number.
        """
        for cell in self._code():
            whole: list[Any] = []
            for output in cell.outputs:
                if whole and output.output_type == "stream" and output.get("name") == whole[-1].get("name"):
                    whole[-1].text += output.text
                else:
                    whole.append(output)
            cell.outputs = whole

    def save(self) -> None:
        """Write the copy, whole or not at all."""
        import nbformat

        text = nbformat.writes(self.runbook.notebook)
        beside = self.output.with_name(f".{self.output.name}.{os.getpid()}")
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(f"{text}\n", encoding="utf-8")
            beside.replace(self.output)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise SettingsError(f"`{self.output}` cannot be written: {error.strerror}.") from None

    def _code(self) -> list[Any]:
        return [cell for cell in self.runbook.notebook.cells if cell.cell_type == "code"]


def refuse_to_replace(path: Path, what: str, is_ours: Callable[[Path], bool]) -> None:
    """See whether something may be written to a file: there is none, an empty one, or what an earlier run wrote.

    Parameters:
        path: the file.
        what: a run writes there, in a word.
        is_ours: whether a file is that.

    Raises:
        InvalidArgumentsError: another file is there.
    """
    is_free = not path.exists() or (path.is_file() and (path.stat().st_size == 0 or is_ours(path)))
    if not is_free:
        raise InvalidArgumentsError(
            f"`{path}` is there, and is no {what} that `kosmo run` has written. Give the copy another name (-o), or "
            "move that file away. Nothing was run."
        )


def is_copy(path: Path) -> bool:
    """Whether a file is a notebook that a run has written."""
    try:
        return read(path).is_copy
    except InvalidArgumentsError:
        return False


def refuse_secrets(values: Mapping[str, Any]) -> None:
    """A parameter is written into the copy, where a secret has no place."""
    secrets = _of_environment()
    for name, value in values.items():
        text = str(value)
        token = name == ACCOUNT and _OLD_TOKEN.fullmatch(text.strip())  # no account is named so
        named = _SECRET_NAME.search(name) and isinstance(value, str)  # `max_tokens = 5` is none
        if token or named or redact(text, secrets) != text:
            raise InvalidArgumentsError(
                f"The parameter `{name}` is a secret, and parameters are written into the copy. Name an account "
                "instead (--account): its token comes from where it is kept. Nothing was run."
            )


def _of_environment() -> tuple[str, ...]:
    """What must not stand in an output, by value, whoever is asked."""
    return tuple(value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST)


def _token_of(service: str, alias: str) -> tuple[str, ...]:
    """The token of an account, if it has one: none does where answers are replayed.

    Raises:
        KosmoError: the place that it is in cannot be read.
    """
    from kosmo_kernel import accounts, integrations

    integration = integrations.known(service)
    there = () if integration is None else accounts.steps(integration, alias)
    return tuple(islice(filter(None, (step.read() for step in there)), 1))
