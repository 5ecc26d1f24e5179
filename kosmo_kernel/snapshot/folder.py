"""Write the folder of a snapshot: a file for each table, and the manifest.

A snapshot is never incomplete on disk, and only the owner may read it (`settings/new_folder.py`).

Secrets are redacted in all strings. Most tables have none, so the JSON text of a whole table is checked first, and its
records are only processed one by one if redaction would change that text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from kosmo_kernel.client.saved_tables import KIND, MANIFEST
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import in_texts, would_change
from kosmo_kernel.settings.extras import how_to_install
from kosmo_kernel.settings.new_folder import check_new, is_unfinished, new_folder, write_private
from kosmo_kernel.settings.private_files import PRIVATE
from kosmo_kernel.values.records import Records, encode

Form = Literal["jsonl", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
_ENCODER = msgspec.json.Encoder()


def check(folder: Path, form: Form, *, resumes: bool) -> None:
    """Check that a snapshot can be written.

    Parameters:
        folder: the folder.
        form: the file format.
        resumes: a run goes on, and may replace what it could read before.

    Raises:
        SettingsError: pyarrow is not installed, or the folder is not empty or cannot be created.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        text = "Parquet needs pyarrow, which is not installed; `--format jsonl` writes JSON lines without it."
        raise SettingsError(text, advice=how_to_install("parquet"))
    check_new(folder, "snapshot", replaces=resumes and _is_unfinished(folder))


def _is_unfinished(folder: Path) -> bool:
    return is_unfinished(folder, MANIFEST, KIND, lambda manifest: [one["file"] for one in manifest["tables"].values()])


def write(
    folder: Path,
    form: Form,
    tables: Mapping[str, Records],
    manifest: dict[str, Any],
    change: Callable[[str], str],
    *,
    resumes: bool,
) -> None:
    """Write a snapshot.

    Parameters:
        folder, form, resumes: as for `check`.
        tables: the records of each table.
        manifest: the content of the manifest, which has the `file` of each table.
        change: redacts the secrets in a text.

    Raises:
        FileWriteError: the files cannot be written; there is no folder.
    """
    with new_folder(folder, replaces=resumes and _is_unfinished(folder)) as temporary:
        for name, records in tables.items():
            file = temporary / manifest["tables"][name]["file"]
            clean, lines = redacted(records, change)
            if form == "parquet":
                from kosmo_kernel.render.frames import frame_of, write_parquet

                write_parquet(frame_of(clean, as_sent=True), str(file))
                file.chmod(PRIVATE)
            else:
                write_private(file, lines)
        write_private(temporary / MANIFEST, encode(manifest, indent=2) + b"\n")


def redacted(records: Records, change: Callable[[str], str]) -> tuple[Records, bytes]:
    """Return the redacted records, and their JSON lines."""
    lines = _ENCODER.encode_lines(records.rows)
    text = lines.decode()
    if not would_change(text, change):
        return records, lines
    pairs = zip(records.rows, text.removesuffix("\n").split("\n"), strict=True)
    rows = [in_texts(row, change) if would_change(line, change) else row for row, line in pairs]
    return Records(rows, records.function, records.columns, records.account), _ENCODER.encode_lines(rows)
