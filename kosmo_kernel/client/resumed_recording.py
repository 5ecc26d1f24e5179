"""Go on with a recording: take its answers, each once, and append new ones to the same file.

Each answer is written to the file at once, as a whole line under a lock, so that the file is valid whenever a process
is killed: at most its last line is half, and the next writer or reader drops that. Only the positions of the answers
are in memory.

What a later try may change is taken out when a run goes on: refusals (status 401, 403, 404 and 429) and status 5xx,
answers that never came, and those whose fingerprints have another key. A line with `resumed` marks where a run
went on; the processes of that run take the answers before it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kosmo_kernel.client.cassette import SERVERS, RecordedServerRequest
from kosmo_kernel.client.recording_file import (
    Header,
    Key,
    Line,
    is_temporary,
    key_of,
    no_line,
    pattern_of,
    read_header,
    read_lines,
)
from kosmo_kernel.client.unfinished_recordings import adopt, advice_to_resume, check_replaceable, has_header, replace
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.file_writing import writing
from kosmo_kernel.settings.private_files import PRIVATE
from kosmo_kernel.settings.table import RESUME, RESUME_WITHIN
from kosmo_kernel.text.quantities import counted, duration
from kosmo_kernel.text.times import iso_time, parse_time

_BLOCK = 1 << 16  # bytes, in which the end of the last whole line is searched
MAX_NAMES = 8  # of functions in a note


@dataclass(slots=True)
class Contents:
    """The contents of a recording, as far as a run that goes on needs them.

    Parameters:
        header: its first line.
        places: the start and the size of the lines that answer each request.
        hidden: the requests to MCP servers that have redacted secrets.
        scripts: the digests of each script, by its name.
        temporary: the starts of the lines with outcomes that a later try may change.
        count: the number of answers in `places`.
        oldest: the time of the oldest of them; None without answers.
        joined: whether another process of the same run has begun or marked the file already.
        new: the number of requests after the mark, by function.
        changed: whether a script after the mark differs from the one of that name before it.
    """

    header: Header
    places: dict[Key, deque[tuple[int, int]]] = field(default_factory=dict)
    hidden: list[RecordedServerRequest] = field(default_factory=list)
    scripts: dict[str, set[str]] = field(default_factory=dict)
    temporary: set[int] = field(default_factory=set)
    count: int = 0
    oldest: datetime | None = None
    joined: bool = False
    new: Counter[str] = field(default_factory=Counter)
    changed: bool = False

    @classmethod
    def read(cls, file: Path, run: str) -> Contents:
        """Read a recording.

        Parameters:
            file: the recording.
            run: the id of the run that goes on; answers that it recorded itself are counted as new.

        Raises:
            SettingsError: the file cannot be read, or is no recording.
        """
        lines = read_lines(file, _advice(file))
        line = next(lines)  # there is one, or an error
        try:
            header = read_header(line.value)
            contents = cls(header, joined=header.run == run)
            for line in lines:
                contents._add(line, run)
        except (ValueError, LookupError, TypeError) as error:
            raise no_line(file, line.number, error, _advice(file)) from None
        return contents

    def age_text(self) -> str:
        """Return the age of the oldest answer with its time: `2 h 5 min old (2026-11-20T09:30:00Z)`."""
        oldest = self.oldest or self.header.recorded
        return f"{duration(int(self.age(oldest)))} old ({iso_time(oldest)})"

    def age(self, oldest: datetime) -> float:
        """Return the seconds since a time."""
        return max(0.0, (datetime.now(UTC) - oldest).total_seconds())

    def is_changed(self, script: tuple[str, str]) -> bool:
        """Return whether a script, given by its name and digest, was another one in the recorded run."""
        name, digest = script
        return name in self.scripts and digest not in self.scripts[name]

    def change_text(self) -> str:
        """Return a sentence on the requests that a changed script made anew; empty if it has not changed."""
        if not self.changed:
            return ""
        names = [name for name, _ in self.new.most_common()]
        listed = ", ".join(f"{name} {self.new[name]:,}" for name in names[:MAX_NAMES])
        more = f" and {len(names) - MAX_NAMES} more functions" if len(names) > MAX_NAMES else ""
        new = counted(self.new.total(), "request")
        return f" The script has changed since: {new} new{': ' if names else ''}{listed}{more}."

    def text(self, file: Path) -> str:
        """Return sentences for the user about a run that went on, by its lines in the file."""
        sent = counted(self.new.total(), "request")
        if not self.count:
            return f"{sent} recorded in {file}."
        kept = counted(self.count, "answer")
        return f"{file} had {kept}, the oldest {self.age_text()}; {sent} sent and recorded.{self.change_text()}"

    def add_new(self, line: Mapping[str, Any]) -> None:
        """Count a line that the run that goes on has written."""
        if line["method"] != SERVERS:  # which lists the configured servers: nothing was sent for it
            self.new[str(line.get("function", line["method"]))] += 1
        self.changed = self.changed or ("script" in line and self.is_changed(tuple(line["script"])))

    def _add(self, line: Line, run: str) -> None:
        key, value = key_of(line.value), line.value
        if key is None:
            self.joined = self.joined or value.get("run") == run
            return
        if self.joined:
            self.add_new(value)
            return
        if "script" in value:
            name, digest = value["script"]
            self.scripts.setdefault(name, set()).add(digest)
        if is_temporary(value):
            self.temporary.add(line.start)
            return
        if isinstance(key, RecordedServerRequest) and REDACTED in key.params and key not in self.places:
            self.hidden.append(key)
        self.places.setdefault(key, deque()).append((line.start, line.size))
        self.count += 1
        at = parse_time(value["at"]) if "at" in value else self.header.recorded
        self.oldest = at if self.oldest is None else min(self.oldest, at)


class ResumedRecording:
    """The file of a recording that goes on. Thread-safe.

    Parameters:
        file: the recording, which need not exist.
        header: the content of the first line of a new file, with the id of the run as `run`.

    Attributes:
        contents: what was recorded before this run.

    Raises:
        SettingsError: the file is no recording or cannot be written, or its answers are too old.
    """

    def __init__(self, file: Path, header: Mapping[str, Any]) -> None:
        self._file, run = file, str(header["run"])
        self._lock = threading.Lock()
        self._taken = 0
        self._sends = False
        adopt(file)
        self._writer = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            # Other programs that append or begin wait, and then open the new file.
            with self._end(file) as (descriptor, end):
                if not end:
                    os.write(descriptor, msgspec.json.encode(header) + b"\n")
                self.contents = _prepared(file, run)
                self._reader = file.open("rb")
        except BaseException:
            os.close(self._writer)
            raise
        self._now = self.contents.header.recorded
        if not self.contents.joined:
            self.append({"resumed": iso_time(datetime.now(UTC)), "run": run})

    def take(self, key: Key) -> dict[str, Any] | None:
        """Return the line with the next answer to a request, which is then taken; None if there is none."""
        with self._lock:
            known = key
            if isinstance(key, RecordedServerRequest) and key not in self.contents.places:
                matches = (one for one in self.contents.hidden if one[:2] == key[:2])
                known = next((one for one in matches if pattern_of(one).fullmatch(key.params)), key)
            places = self.contents.places.get(known)
            if not places:
                return None
            start, size = places.popleft()
            self._taken += 1
            self._reader.seek(start)
            line: dict[str, Any] = msgspec.json.decode(self._reader.read(size))
            self._now = max(self._now, parse_time(line["at"])) if "at" in line else self._now
            return line

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line at the end of the file, as a whole.

        Raises:
            FileWriteError: it cannot be written, for example because the disk is full; the file is as before.
        """
        data = msgspec.json.encode(line) + b"\n"
        with writing(self._file, advice_to_resume(self._file)), self._lock, self._end(self._file) as (descriptor, end):
            try:
                rest = data
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except OSError:
                os.ftruncate(descriptor, end)
                raise

    def keep(self, line: Mapping[str, Any]) -> None:
        """Write the answer to a request that was sent."""
        self.append(line)
        with self._lock:
            self._sends = True
            self.contents.add_new(line)

    def now(self) -> datetime:
        """Return the time of the data: that of the last answer taken, or the current one if a request was sent."""
        return datetime.now(UTC) if self._sends else self._now

    def summary(self, sent: int) -> str:
        """Return sentences for the user about a run that sent some requests."""
        taken = counted(self._taken, "answer")
        if not self.contents.count:
            return f"{counted(sent, 'request')} recorded in {self._file}."
        return (
            f"{taken} taken from {self._file}, the oldest {self.contents.age_text()}; "
            f"{counted(sent, 'request')} sent and recorded.{self.contents.change_text()}"
        )

    def close(self) -> None:
        """Wait until a loss of power cannot undo what was written, and close the file."""
        with self._lock:
            os.fsync(self._writer)
            os.close(self._writer)
            self._reader.close()

    @contextmanager
    def _end(self, file: Path) -> Iterator[tuple[int, int]]:
        """Hold the lock of the file, without half a line at its end; yield the descriptor and the size of the file."""
        while True:
            descriptor = self._writer
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_ino == file.stat().st_ino:
                break
            self._writer = os.open(file, os.O_RDWR | os.O_APPEND)  # another program has replaced the file
            os.close(descriptor)
        try:
            yield descriptor, _cut(descriptor)
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _prepared(file: Path, run: str) -> Contents:
    """Take out what a later try may change, unless the run has begun already, and return the contents.

    Called with the lock of the file, because two programs that took out lines at once would take out wrong ones.

    Raises:
        SettingsError: the file is no recording, or its answers are too old.
    """
    contents = Contents.read(file, run)
    check_age(file, contents)
    if contents.joined or not contents.temporary:
        return contents
    lines = read_lines(file, _advice(file))
    replace(file, (msgspec.json.encode(line.value) + b"\n" for line in lines if line.start not in contents.temporary))
    return Contents.read(file, run)


def mark(file: Path, run: str) -> None:
    """Mark in an existing recording where a run goes on, whose processes start later.

    Raises:
        SettingsError: the file is no recording or cannot be written, or its answers are too old.
    """
    check_replaceable(file)
    try:
        adopt(file)
        if has_header(file):
            ResumedRecording(file, {"run": run}).close()
    except OSError as error:
        raise SettingsError(f"The cassette {file} cannot be written: {error.strerror}.") from None


def text_of_run(file: Path, run: str) -> str:
    """Return sentences for the user about a run that has ended, by its lines in the file; empty if there are none."""
    return Contents.read(file, run).text(file) if has_header(file) else ""


def text_of_last_run(file: Path) -> str:
    """Return sentences for the user about the run that recorded last, by its lines in the file; empty without one."""
    if not has_header(file):
        return ""
    runs = [line.value.get("run") for line in read_lines(file, _advice(file)) if "mcp" not in line.value]
    return text_of_run(file, str(next((run for run in reversed(runs) if run is not None), "")))


def check_age(file: Path, contents: Contents) -> None:
    """Check that the answers of a recording are not too old to go on with.

    Parameters:
        file: the recording.
        contents: its contents.

    Raises:
        SettingsError: they are too old.
    """
    limit = RESUME_WITHIN.resolve(None, config().get(*RESUME_WITHIN.config))
    if contents.oldest is not None and contents.age(contents.oldest) > limit:
        raise SettingsError(
            f"The oldest answer in {file} is {contents.age_text()}, and `{RESUME.command}` takes answers up to an "
            f"age of {duration(int(limit))}. Take older ones with `{RESUME_WITHIN.command} SECONDS` (or "
            f"{RESUME_WITHIN.variable}), or record anew without `{RESUME.command}`. Nothing was sent."
        )


def _advice(file: Path) -> str:
    return f"To record it anew, leave out `{RESUME.command}`, or name another file than {file}."


def _cut(descriptor: int) -> int:
    """Cut off half a line at the end of a file, and return the new size."""
    size = end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _BLOCK)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            end = start + place + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
    return end
