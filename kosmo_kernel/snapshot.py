"""Snapshots: what an account has at one moment, as files that can be compared later.

A folder has a file for each list of the account and `manifest.json`, which tells when, of which account, how many
records, what could not be read, and whether that is all. The lists are those of the catalogue: first the ones that
need no argument, then for each of their records the others. A list is read to its end or named as missing; what was
read is kept either way.

The files are written into a folder beside the one that was asked for, which then takes that name in one step: who finds
a snapshot finds all of it. Only its owner may read it, since it names people.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from kosmo_kernel import __version__, integrations
from kosmo_kernel.errors import KosmoError, SettingsError, StoppedError
from kosmo_kernel.records import Records, asked_columns, decode, encode
from kosmo_kernel.run.single import single_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kosmo_kernel.catalogue import Function, Integration
    from kosmo_kernel.frames import KosmoFrame
    from kosmo_kernel.progress import Snapshot as Progress
    from kosmo_kernel.result import Result
    from kosmo_kernel.session import Session

Form = Literal["jsonl", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
MANIFEST = "manifest.json"
VERSION = 1
PRIVATE = 0o600
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(slots=True)
class Taken:
    """A snapshot that was taken.

    Parameters:
        folder: where it is.
        manifest: what `manifest.json` has.
        interrupted: Ctrl-C ended it.
        notes: what people should know, one line each.
    """

    folder: Path
    manifest: dict[str, Any]
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def take(
    session: Session,
    folder: Path,
    form: Form = "jsonl",
    *,
    integration: str = "heroku",
    tell: Callable[[str, str], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Taken:
    """Read all lists of the session's account and write them into a new folder.

    Parameters:
        session: whose account is asked; its Lua process is not started.
        folder: the new folder; one that is there must be empty.
        form: of the files.
        integration: whose lists.
        tell: called with `stderr` and a text for people while something is read.
        on_progress: as `Session.run` has it, for each list.

    Returns:
        What was taken, which may be incomplete.

    Raises:
        SettingsError: the folder has something in it or cannot be made, or Parquet cannot be written here; nothing was
            asked.
        KosmoError: nothing at all could be read.
        OSError: nothing can be written there.
    """
    check(folder, form)
    service = integrations.find(integration)
    reading = _Reading(session, service, tell, on_progress)
    begun = datetime.now(UTC)
    reading.all()
    manifest = {
        "kosmo_snapshot": VERSION,
        "integration": service.name,
        "account": session.account,
        "begun": begun.strftime(_CLOCK),
        "ended": datetime.now(UTC).strftime(_CLOCK),
        "complete": not reading.failures,
        "requests": reading.requests,
        "format": form,
        "tables": {
            name: {
                "file": f"{name}.{form}",
                "function": f"{service.name}.{records.function.name}",
                "rows": len(records),
            }
            for name, records in reading.tables.items()
            if records.function
        },
        "failures": reading.failures,
        "kosmo_kernel": __version__,
    }
    _write(folder, form, reading.tables, manifest)
    return Taken(folder, manifest, reading.interrupted, list(dict.fromkeys(reading.notes)))


def check(folder: Path, form: Form) -> None:
    """See whether a snapshot can be written.

    Raises:
        SettingsError: it cannot.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        raise SettingsError(
            "Parquet needs a library that is not installed: python -m pip install 'kosmo_kernel[parquet]'. Or write "
            "JSON lines: --format jsonl"
        )
    place = Path(os.path.realpath(folder))
    try:
        taken = place.exists() and any(place.iterdir())
    except OSError as error:
        raise SettingsError(f"A snapshot cannot be written to {folder}: {error.strerror}.") from None
    if taken:
        raise SettingsError(f"{folder} has something in it, and a snapshot replaces nothing. Name a new folder.")
    above = next(one for one in place.parents if one.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise SettingsError(f"A snapshot cannot be written to {folder}: nothing can be made in {above}.")


class _Reading:
    """The lists of one account, one after the other."""

    def __init__(
        self,
        session: Session,
        integration: Integration,
        tell: Callable[[str, str], None] | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._session, self._integration = session, integration
        self._tell, self._on_progress = tell, on_progress
        self.tables: dict[str, Records] = {}
        self.failures: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.requests = 0
        self.interrupted = False

    def all(self) -> None:
        """Read them. What was not read is in `failures`.

        Raises:
            KosmoError: the first of them failed.
        """
        lists = [one for one in self._integration.functions if one.returns == "list"]
        for function in sorted(lists, key=lambda one: bool(one.params)):
            try:
                for arguments in self._arguments(function):
                    self._read(function, arguments)
            except KosmoError as error:
                if not self.tables:
                    raise
                self._note(error.result)
                self.failures.append({"table": table_of(function)} | error.facts())
                self.interrupted = isinstance(error, StoppedError)
                if self.interrupted:
                    self._not_begun(lists)
                    return

    def _arguments(self, function: Function) -> Iterator[dict[str, Any]]:
        """What a list has to be asked with: nothing, or the names of all records that it is one of."""
        if not function.params:
            yield {}
            return
        many = function.fan_out
        if many is not None:
            asked = next(
                records for records in self.tables.values() if records.function and not records.function.params
            )
            names = [next(row[name] for name in many.each if row.get(name)) for row in asked]
            yield {many.name: names, "errors": "collect"}

    def _read(self, function: Function, arguments: dict[str, Any]) -> None:
        name, many = table_of(function), function.fan_out
        if many is not None and arguments.get(many.name) == []:
            self.tables[name] = Records([], function, asked_columns(function))
            return
        result = single_call(
            self._session,
            f"{self._integration.name}.{function.name}",
            arguments,
            on_output=self._tell,
            on_progress=self._on_progress,
        )
        self._note(result)
        self.failures += [{"table": name} | failure for failure in result.failures]
        self.tables[name] = result.values[0]

    def _note(self, result: Result | None) -> None:
        if result is not None:
            self.notes += result.notes
            self.requests += sum(call.requests for call in result.calls)

    def _not_begun(self, lists: list[Function]) -> None:
        named = {failure["table"] for failure in self.failures} | self.tables.keys()
        for function in lists:
            if table_of(function) not in named:
                facts = {"type": StoppedError.type, "message": "It was not begun."}
                self.failures.append({"table": table_of(function)} | facts)


def table_of(function: Function) -> str:
    """The name of a function's list in a snapshot: `list_apps` is `apps`."""
    return function.name.removeprefix("list_")


# Files --------------------------------------------------------------------------------------------------


def _write(folder: Path, form: Form, tables: Mapping[str, Records], manifest: dict[str, Any]) -> None:
    folder = Path(os.path.realpath(folder))  # a folder takes the place of a folder, and never that of a link
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # with mode 0700
    try:
        for name, records in tables.items():
            file = made / manifest["tables"][name]["file"]
            if form == "parquet":
                from kosmo_kernel.frames import frame_of, write_parquet  # noqa: PLC0415 - JSON lines need no pandas

                write_parquet(frame_of(records), str(file))
                file.chmod(PRIVATE)
            else:
                _private(file, b"".join(encode(row) + b"\n" for row in records))
        _private(made / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty one; Windows renames nothing to what is there
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _private(file: Path, data: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


class Saved(Mapping[str, "KosmoFrame"]):
    """A snapshot that was read: its tables by name, each a frame that is made when it is asked for.

    Parameters:
        folder: where it is.

    Attributes:
        folder: the same.
        manifest: what `manifest.json` has.

    Raises:
        SettingsError: there is no snapshot, or one that makes no sense.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / MANIFEST
        try:
            self.manifest: dict[str, Any] = decode(file.read_bytes())
            version = self.manifest["kosmo_snapshot"]
            self._tables = {name: (folder / one["file"], one["function"]) for name, one in self._listed()}
        except OSError as error:
            where = file.absolute()  # a notebook may run in another folder than the one somebody thinks of
            raise SettingsError(f"{folder} is no snapshot: {where} cannot be read: {error.strerror}.") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SettingsError(f"{file} makes no sense: {error}. Take the snapshot anew.") from None
        if version != VERSION:
            raise SettingsError(f"{file} has version {version!r}, and this is kosmo_kernel {__version__}.")

    def _listed(self) -> Iterator[tuple[str, dict[str, str]]]:
        yield from self.manifest["tables"].items()

    @property
    def account(self) -> str:
        """Whose it is."""
        return str(self.manifest["account"])

    @property
    def complete(self) -> bool:
        """Whether all could be read."""
        return self.manifest["complete"] is True

    @property
    def time(self) -> datetime:
        """When it was begun."""
        return datetime.strptime(self.manifest["begun"], _CLOCK).replace(tzinfo=UTC)

    def __getitem__(self, name: str) -> KosmoFrame:
        file, full_name = self._tables[name]
        attrs = {"account": self.account, "time": self.manifest["begun"]}
        from kosmo_kernel.frames import frame_of, read_parquet  # noqa: PLC0415 - pandas, not before the first table

        try:
            if file.suffix == ".parquet":
                return read_parquet(str(file), attrs)
            rows = [decode(line) for line in file.read_bytes().splitlines()]
        except (OSError, ValueError) as error:
            raise SettingsError(f"{file} cannot be read: {error}") from None
        function = _function(full_name)
        columns = asked_columns(function) if function and function.fan_out else None
        return frame_of(Records(rows, function, columns), attrs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "incomplete"
        return f"<snapshot of {self.account}, {self.manifest['begun']}, {state}: {', '.join(self)}>"


def read(folder: str | os.PathLike[str]) -> Saved:
    """A snapshot as frames, by the names of its tables: `read("before")["apps"]`.

    Raises:
        SettingsError: there is none, or one that makes no sense.
    """
    return Saved(Path(folder))


def _function(full_name: str) -> Function | None:
    """A function of the catalogue; None where it is no longer there."""
    name, _, function = full_name.partition(".")
    integration = integrations.known(name)
    return integration.names().get(function) if integration else None
