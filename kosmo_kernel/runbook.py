"""Run a notebook from top to bottom, with parameters, into a copy that tells of the run.

The copy is the notebook with one cell more that sets the parameters, and one that says when it was run, for which
accounts and with how many requests. It is written after each cell, so that an end of any kind leaves what was there.
papermill runs it where it is installed and nbclient elsewhere; both hand every finished cell to the same copy.

Nothing secret is written: a parameter that is a token is refused before anything runs, and one in an output is
replaced and makes the run a failure.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kosmo_kernel.call_log import VARIABLE, logged, totals
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, SettingsError
from kosmo_kernel.parameters import INJECTED, LUA, PYTHON, TAG, Parameter, assignments, declared, values_of
from kosmo_kernel.redact import REDACTED, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traitlets.config import Config

TOLD = "kosmo-run"  # the tag of the cell that tells of the run
MEANT_TO_FAIL = "raises-exception"  # the tag of a cell whose error is the point
ACCOUNT = "account"  # the parameter that `--account` sets
SAID = "said"  # the file for what a kernel's process says beside its outputs
_SECRET_NAME = re.compile(r"token|secret|passw|api_?key|credential", re.IGNORECASE)
_SHORTEST = 12  # characters of a secret that is looked for by value; a shorter one would be found in ordinary words


class RunbookError(KosmoError):
    """A cell of the notebook failed; the copy has all that came before."""

    type = "runbook"


@dataclass(slots=True)
class Runbook:
    """A notebook that is about to be run.

    Parameters:
        path: the notebook.
        notebook: what is in it, in nbformat's form.
    """

    path: Path
    notebook: Any

    @property
    def language(self) -> str:
        """`lua`, `python` or another language, as its kernel is said to speak."""
        about = self.notebook.metadata
        told = about.get("kernelspec", {}).get("language") or about.get("language_info", {}).get("name") or PYTHON
        return str(told).lower()

    def parameters(self) -> list[Parameter]:
        """The parameters that it declares, in their order."""
        cell = self._cell(TAG)
        return [] if cell is None else declared(cell.source, self.language)

    def set(self, values: Mapping[str, Any]) -> None:
        """Add the cell that sets these parameters, or replace the one of an earlier run.

        Parameters:
            values: by name, in the kinds that `parameters.values_of` gives.
        """
        import nbformat  # noqa: PLC0415 - only a notebook needs it

        before = self._cell(INJECTED)
        if before is not None:
            self.notebook.cells.remove(before)
        if not values:
            return
        marker = "--" if self.language == LUA else "#"
        cell = nbformat.v4.new_code_cell(f"{marker} Parameters\n{assignments(values, self.language)}")
        cell.metadata["tags"] = [INJECTED]
        self.notebook.cells.insert(self.notebook.cells.index(self._cell(TAG)) + 1, cell)

    def tell(self, text: str) -> None:
        """Have the cell that tells of the run say this."""
        import nbformat  # noqa: PLC0415 - as above

        cell = self._cell(TOLD)
        if cell is None:
            cell = nbformat.v4.new_markdown_cell()
            cell.metadata["tags"] = [TOLD]
            headed = self.notebook.cells and self.notebook.cells[0].cell_type == "markdown"
            self.notebook.cells.insert(1 if headed else 0, cell)
        cell.source = text

    def _cell(self, tag: str) -> Any:
        return next((cell for cell in self.notebook.cells if tag in cell.metadata.get("tags", ())), None)


@dataclass(slots=True)
class Report:
    """What a run came to.

    Parameters:
        output: the copy.
        parameters: those that were given.
        started: in UTC.
        seconds: how long it took.
        cells: how many code cells ran.
        accounts: the aliases that were asked.
        calls: how many calls the cells made.
        requests: and requests.
        error: what the cell that failed said, or None.
    """

    output: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    cells: int = 0
    accounts: list[str] = field(default_factory=list)
    calls: int = 0
    requests: int = 0
    error: str | None = None

    def text(self) -> str:
        """One line: when, for which accounts, what it cost, how it ended."""
        asked = (
            f"for the account {', '.join(f'`{name}`' for name in self.accounts)}" if self.accounts else "without a call"
        )
        counts = ((self.cells, "cell"), (self.calls, "call"), (self.requests, "request"))
        cost = ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts)
        end = "" if self.error is None else " **It stopped at a failure.**"
        return f"Run on {self.started:%Y-%m-%d at %H:%M} UTC {asked}: {cost}, {self.seconds:.1f} s.{end}"


def read(path: Path) -> Runbook:
    """The notebook in a file.

    Raises:
        SettingsError: what runs notebooks is not installed.
        InvalidArgumentsError: there is no such file, or it is no notebook.
    """
    missing = [name for name in ("nbformat", "nbclient") if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} run notebooks and are not installed. Install: pip install 'kosmo_kernel[run]'"
        )
    import nbformat  # noqa: PLC0415 - only a notebook needs it

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentsError(f"`{path}` cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidArgumentsError(f"`{path}` is no notebook: it is not UTF-8 text.") from None
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidArgumentsError(f"`{path}` is no notebook: {reason}") from None
    return Runbook(path, notebook)


def run(
    runbook: Runbook,
    given: Mapping[str, str],
    output: Path,
    *,
    on_cell: Callable[[int, int], None] = lambda _done, _of: None,
) -> Report:
    """Run a notebook into a copy.

    Parameters:
        runbook: the notebook; it becomes the copy.
        given: parameters by name, as texts.
        output: where the copy goes; a file that is there is replaced.
        on_cell: called with how many cells are done, and of how many.

    Returns:
        What it came to. `error` is set where a cell failed or a secret was found in an output.

    Raises:
        UnknownNameError: a parameter that the notebook does not declare. Nothing has run; the same goes for the next.
        InvalidArgumentsError: a value of the wrong kind, or a secret.
        SettingsError: its kernel is not known, or the copy cannot be written.
    """
    values = values_of(runbook.parameters(), given)
    _refuse_secrets(values)
    if output.exists() and output.samefile(runbook.path):
        raise InvalidArgumentsError(f"`{output}` is the notebook itself. Give the copy another name.")
    runbook.set(values)
    report = Report(output, values)
    runbook.tell(f"Run on {report.started:%Y-%m-%d at %H:%M} UTC.")
    copy = _Copy(runbook, output.absolute(), on_cell)  # papermill changes the folder while it runs
    copy.save()
    started = time.perf_counter()
    with TemporaryDirectory() as folder, _variable(VARIABLE, str(Path(folder, "calls"))):
        try:
            report.error = _execute(copy, Path(folder))
        finally:
            report.seconds, report.cells = time.perf_counter() - started, copy.done
            log = Path(folder, "calls")
            report.accounts, report.calls, report.requests = totals(logged(log) if log.exists() else ())
            copy.secrets = _secrets(report.accounts)
            copy.clean()
            if copy.leaked and report.error is None:
                report.error = (
                    f"An output held a secret. It is {REDACTED} in the copy; take what shows it out of the notebook."
                )
            runbook.tell(report.text())
            copy.save()
    return report


@dataclass(slots=True)
class _Copy:
    """The executed notebook as it grows."""

    runbook: Runbook
    output: Path
    on_cell: Callable[[int, int], None]
    secrets: tuple[str, ...] = ()
    done: int = 0
    leaked: bool = False  # an output held a secret

    def __post_init__(self) -> None:
        self.secrets = _secrets(())
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


def _execute(copy: _Copy, sockets: Path) -> str | None:
    """Run all cells; what the one that failed said, or None."""
    from jupyter_client.kernelspec import NoSuchKernel  # noqa: PLC0415 - only a notebook needs it
    from nbclient.exceptions import CellExecutionError  # noqa: PLC0415 - as above

    run_cells = _by_papermill if find_spec("papermill") else _by_nbclient
    try:
        run_cells(copy, sockets)
    except CellExecutionError as error:
        return redact(f"{error.ename}: {error.evalue}", copy.secrets)
    except NoSuchKernel as error:
        hint = " `kosmo install` makes Lua's known." if copy.runbook.language == LUA else ""
        raise SettingsError(
            f"Jupyter knows no kernel `{error.name}`, which `{copy.runbook.path}` asks for.{hint}"
        ) from None
    except RuntimeError:  # nbclient's DeadKernelError, and jupyter_client's where a kernel ends while it starts
        said = (sockets / SAID).read_text(encoding="utf-8", errors="replace").split("\n")
        last = f" It said: {said[-2]}" if said[1:] else ""
        return redact(
            f"The notebook's kernel ended after {copy.done} cell{'' if copy.done == 1 else 's'}.{last}", copy.secrets
        )
    return None


def _by_nbclient(copy: _Copy, sockets: Path) -> None:
    from nbclient import NotebookClient  # noqa: PLC0415 - only a notebook needs it

    folder = {"metadata": {"path": str(copy.runbook.path.parent)}}
    client = NotebookClient(
        copy.runbook.notebook, timeout=None, resources=folder, on_cell_executed=copy.ran, config=_config(sockets)
    )
    with client.setup_kernel():
        for index, cell in enumerate(copy.runbook.notebook.cells):
            client.execute_cell(cell, index)


def _by_papermill(copy: _Copy, sockets: Path) -> None:
    import nbformat  # noqa: PLC0415 - only a notebook needs it
    import papermill  # type: ignore[import-untyped] # noqa: PLC0415 - slow, and an extra
    from nbclient.exceptions import CellExecutionError  # noqa: PLC0415 - as above
    from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    try:
        papermill.execute_notebook(
            nbformat.from_dict(copy.runbook.notebook),
            None,
            progress_bar=False,
            cwd=copy.runbook.path.parent,
            on_cell_executed=copy.ran,
            config=_config(sockets),
        )
    except PapermillExecutionError:  # of the first error that is shown, which may be one that was meant
        for cell in copy.runbook.notebook.cells:
            for output in () if MEANT_TO_FAIL in cell.metadata.get("tags", ()) else cell.get("outputs", ()):
                if output.output_type == "error":
                    raise CellExecutionError("", output.ename, output.evalue) from None


def _config(folder: Path) -> Config:
    """How a kernel is started.

    It is talked to over sockets of the file system, where there are any: no other user can listen. What its process
    itself says goes into a file: it is no output of a cell, and a cron job would mail it.
    """
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415 - only a notebook needs it
    from traitlets.config import Config  # noqa: PLC0415 - as above

    class Kernels(AsyncKernelManager):
        async def start_kernel(self, **more: Any) -> None:  # type: ignore[override] # it says nothing of types
            with (folder / SAID).open("wb") as said:
                await super().start_kernel(**more, stderr=said)

    config = Config(NotebookClient={"kernel_manager_class": Kernels})
    if os.name != "nt":
        config.KernelManager = Config(transport="ipc", ip=str(folder / "kernel"))
    return config


def _refuse_secrets(values: Mapping[str, Any]) -> None:
    """A parameter is written into the copy, where a secret has no place."""
    secrets = _secrets(())
    for name, value in values.items():
        text = str(value)
        if _SECRET_NAME.search(name) or redact(text, secrets) != text:
            raise InvalidArgumentsError(
                f"The parameter `{name}` is a secret, and parameters are written into the copy. Name an account "
                "instead (--account): its token comes from where it is kept. Nothing was run."
            )


def _secrets(aliases: list[str] | tuple[str, ...]) -> tuple[str, ...]:
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


class _variable:  # noqa: N801 - reads as what it does: `with _variable(…)`
    """An environment variable for a while; the processes that are started meanwhile inherit it."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value, self._before = name, value, os.environ.get(name)

    def __enter__(self) -> None:
        os.environ[self._name] = self._value

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ[self._name]
        else:
            os.environ[self._name] = self._before
