"""The executed notebook as it grows: written after each cell, and without secrets.

An end of any kind leaves what was there. What is secret is looked for by value, in every text of every output.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kosmo_kernel.runbook.notebook import Runbook

_SECRET_NAME = re.compile(r"token|secret|passw|api_?key|credential", re.IGNORECASE)
_SHORTEST = 12  # characters of a secret that is looked for by value; a shorter one would be found in ordinary words


@dataclass(slots=True)
class Copy:
    """The executed notebook as it grows."""

    runbook: Runbook
    output: Path
    on_cell: Callable[[int, int], None]
    secrets: tuple[str, ...] = ()
    done: int = 0
    leaked: bool = False  # an output held a secret

    def __post_init__(self) -> None:
        self.secrets = secrets_of(())
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

    def clean(self) -> None:
        """Replace the secrets in all outputs."""
        for cell in self._code():
            cleaned = [_cleaned(output, self.secrets) for output in cell.outputs]
            self.leaked = self.leaked or cleaned != cell.outputs
            cell.outputs = cleaned

    def save(self) -> None:
        """Write the copy, whole or not at all."""
        import nbformat  # noqa: PLC0415 - only a notebook needs it

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


def refuse_secrets(values: Mapping[str, Any]) -> None:
    """A parameter is written into the copy, where a secret has no place."""
    secrets = secrets_of(())
    for name, value in values.items():
        text = str(value)
        if _SECRET_NAME.search(name) or redact(text, secrets) != text:
            raise InvalidArgumentsError(
                f"The parameter `{name}` is a secret, and parameters are written into the copy. Name an account "
                "instead (--account): its token comes from where it is kept. Nothing was run."
            )


def secrets_of(aliases: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """What must not stand in an output, by value: the tokens of these accounts, and of the environment."""
    from kosmo_kernel import accounts, integrations  # noqa: PLC0415 - the help does not need them

    kept = [value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST]
    for integration in integrations.present():
        there = accounts.names(integration)
        kept += [accounts.find(integration, a).token for a in aliases if a in there and a != accounts.DEMO]
    return tuple(kept)


def _cleaned(output: Any, secrets: tuple[str, ...]) -> Any:
    """An output without secrets, in all its texts."""
    if isinstance(output, str):
        return redact(output, secrets)
    if isinstance(output, list):
        return [_cleaned(item, secrets) for item in output]
    if isinstance(output, dict):
        return type(output)({key: _cleaned(value, secrets) for key, value in output.items()})
    return output
