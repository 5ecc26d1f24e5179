"""Snapshots: what an account has at one moment, as files that can be compared later.

A folder has a file for each list of the account and `manifest.json`, which tells when, of which account, how many
records, what could not be read, and whether that is all.

lists.py     the lists of an account, read one after the other
folder.py    where they are written: whole or not at all, and without secrets
saved.py     what was written, read again as frames
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__, integrations
from kosmo_kernel.client.progress import ProgressSnapshot as Progress
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.folder import FORMS as FORMS
from kosmo_kernel.snapshot.folder import TIMESTAMP_FORMAT, VERSION, check, write
from kosmo_kernel.snapshot.folder import Form as Form
from kosmo_kernel.snapshot.lists import AccountLists
from kosmo_kernel.snapshot.saved import SavedSnapshot as SavedSnapshot
from kosmo_kernel.snapshot.saved import UnknownTableError as UnknownTableError
from kosmo_kernel.snapshot.saved import read as read


@dataclass(slots=True)
class SnapshotReport:
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
) -> SnapshotReport:
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
    lists = AccountLists(session, service, tell, on_progress)
    begun = datetime.now(UTC)
    lists.read()
    change = partial(redact, tokens=session.caller().tokens())
    told = {
        "kosmo_snapshot": VERSION,
        "integration": service.name,
        "account": session.account,
        "begun": begun.strftime(TIMESTAMP_FORMAT),
        "ended": datetime.now(UTC).strftime(TIMESTAMP_FORMAT),
        "complete": not lists.failures,
        "requests": lists.requests,
        "format": form,
        "tables": {
            name: {
                "file": f"{name}.{form}",
                "function": f"{service.name}.{records.function.name}",
                "rows": len(records),
            }
            for name, records in lists.tables.items()
            if records.function
        },
        "failures": lists.failures,
        "kosmo_kernel": __version__,
    }
    manifest = in_texts(told, change)
    write(folder, form, lists.tables, manifest, change)
    return SnapshotReport(folder, manifest, lists.interrupted, list(dict.fromkeys(lists.notes)))
