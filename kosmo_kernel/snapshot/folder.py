"""The folder of a snapshot: a file for each table, and the manifest.

The files are written into a folder beside the one that was asked for, which then takes that name in one step: who finds
a snapshot finds all of it. Only its owner may read it, since it names people.

Secrets are taken out of every text. Most tables have none, so one is looked at as a whole and as it is written, and
only where something would be taken out of it its records are walked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import in_texts, would_change
from kosmo_kernel.settings.private_files import PRIVATE
from kosmo_kernel.values.records import Records

Form = Literal["jsonl", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
MANIFEST = "manifest.json"
VERSION = 1
TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # of the times in the manifest
_ENCODER = msgspec.json.Encoder()


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


def write(
    folder: Path, form: Form, tables: Mapping[str, Records], manifest: dict[str, Any], change: Callable[[str], str]
) -> None:
    """Write a snapshot.

    Parameters:
        folder: the new folder.
        form: of the files.
        tables: the records of each.
        manifest: what tells of them; each has its `file` there.
        change: takes the secrets out of a text.

    Raises:
        OSError: nothing can be written there.
    """
    folder = Path(os.path.realpath(folder))  # a folder takes the place of a folder, and never that of a link
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # with mode 0700
    try:
        for name, records in tables.items():
            file = made / manifest["tables"][name]["file"]
            clean, lines = _without_secrets(records, change)
            if form == "parquet":
                from kosmo_kernel.render.frames import frame_of, write_parquet

                write_parquet(frame_of(clean), str(file))
                file.chmod(PRIVATE)
            else:
                _private(file, lines)
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


def _without_secrets(records: Records, change: Callable[[str], str]) -> tuple[Records, bytes]:
    """Records as they may be kept, and as JSON lines."""
    lines = _ENCODER.encode_lines(records.rows)
    text = lines.decode()
    if not would_change(text, change):
        return records, lines
    each = zip(records.rows, text.removesuffix("\n").split("\n"), strict=True)
    rows = [in_texts(row, change) if would_change(line, change) else row for row, line in each]
    return Records(rows, records.function, records.columns, records.account), _ENCODER.encode_lines(rows)
