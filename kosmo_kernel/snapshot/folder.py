"""Write the folder of a snapshot: a file for each table, and the manifest.

The files are written to a temporary folder next to the requested one, which is then renamed, so that a snapshot is
never incomplete on disk. Only the owner may read it, since it contains names of people.

Secrets are redacted in all strings. Most tables have none, so the JSON text of a whole table is checked first, and its
records are only processed one by one if redaction would change that text.
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
from kosmo_kernel.values.records import Records, encode

Form = Literal["jsonl", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
MANIFEST = "manifest.json"
VERSION = 1
TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # of the timestamps in the manifest
_ENCODER = msgspec.json.Encoder()


def check(folder: Path, form: Form) -> None:
    """Check that a snapshot can be written.

    Raises:
        SettingsError: pyarrow is not installed, or the folder is not empty or cannot be created.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        raise SettingsError(
            "Parquet needs a library that is not installed: python -m pip install 'kosmo_kernel[parquet]'. Or write "
            "JSON lines: --format jsonl"
        )
    target = Path(os.path.realpath(folder))
    try:
        has_content = target.exists() and any(target.iterdir())
    except OSError as error:
        raise SettingsError(f"A snapshot cannot be written to {folder}: {error.strerror}.") from None
    if has_content:
        raise SettingsError(f"{folder} has something in it, and a snapshot replaces nothing. Name a new folder.")
    above = next(parent for parent in target.parents if parent.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        raise SettingsError(f"A snapshot cannot be written to {folder}: nothing can be made in {above}.")


def write(
    folder: Path, form: Form, tables: Mapping[str, Records], manifest: dict[str, Any], change: Callable[[str], str]
) -> None:
    """Write a snapshot.

    Parameters:
        tables: the records of each table.
        manifest: the content of the manifest, which has the `file` of each table.
        change: redacts the secrets in a text.

    Raises:
        OSError: the files cannot be written.
    """
    folder = Path(os.path.realpath(folder))  # a folder can be renamed onto a folder, but not onto a symbolic link
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # mode 0700
    try:
        for name, records in tables.items():
            file = temporary / manifest["tables"][name]["file"]
            clean, lines = _redacted(records, change)
            if form == "parquet":
                from kosmo_kernel.render.frames import frame_of, write_parquet

                write_parquet(frame_of(clean), str(file))
                file.chmod(PRIVATE)
            else:
                _write_private(file, lines)
        _write_private(temporary / MANIFEST, encode(manifest, indent=2) + b"\n")
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty folder; on Windows the target of a rename must not exist
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_private(file: Path, data: bytes) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def _redacted(records: Records, change: Callable[[str], str]) -> tuple[Records, bytes]:
    """Return the redacted records, and their JSON lines."""
    lines = _ENCODER.encode_lines(records.rows)
    text = lines.decode()
    if not would_change(text, change):
        return records, lines
    pairs = zip(records.rows, text.removesuffix("\n").split("\n"), strict=True)
    rows = [in_texts(row, change) if would_change(line, change) else row for row, line in pairs]
    return Records(rows, records.function, records.columns, records.account), _ENCODER.encode_lines(rows)
