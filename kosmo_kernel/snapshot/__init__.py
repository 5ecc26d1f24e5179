"""Snapshots: the resources of an account at one moment, as files that can be compared later.

The folder of a snapshot has a file for each list of the account, and `manifest.json` with the time, the account, the
number of records of each list, the failures, what was left out, and whether the snapshot is complete.

lists.py     read the lists of an account
folder.py    write the folder atomically, with secrets redacted
saved.py     read a snapshot as frames
compared.py  what a comparison of two snapshots looks at
drift.py     what has changed between two snapshots, or since one
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__, integrations
from kosmo_kernel.client.saved_tables import KIND, VERSION
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.drift import Drift as Drift
from kosmo_kernel.snapshot.drift import compare as compare
from kosmo_kernel.snapshot.folder import FORMS as FORMS
from kosmo_kernel.snapshot.folder import Form as Form
from kosmo_kernel.snapshot.folder import check, write
from kosmo_kernel.snapshot.lists import AccountLists
from kosmo_kernel.snapshot.saved import SavedSnapshot as SavedSnapshot
from kosmo_kernel.snapshot.saved import UnknownTableError as UnknownTableError
from kosmo_kernel.snapshot.saved import read as read
from kosmo_kernel.text.times import iso_time


@dataclass(slots=True)
class SnapshotReport:
    """The outcome of taking a snapshot.

    Parameters:
        manifest: the content of `manifest.json`.
        interrupted: whether Ctrl-C ended it.
        notes: notes for the user, one line each.
    """

    manifest: dict[str, Any]
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def take(
    session: Session,
    folder: Path,
    form: Form = "jsonl",
    *,
    every: bool = False,
    integration: str = "heroku",
    frontend: Frontend = NO_FRONTEND,
) -> SnapshotReport:
    """Read lists of the session's account and write them into a new folder.

    Parameters:
        session: the session whose account is read; its Lua process is not started.
        folder: the new folder, or an empty one, or while a recording goes on one with an incomplete snapshot.
        form: the file format.
        every: read all lists that the token can read, and not only those that audits and comparisons read.
        integration: the service whose lists are read.
        frontend: gets messages for the user on `stderr`, such as the estimate of `every`, and the progress of each
            list.

    Returns:
        The report, which may be of an incomplete snapshot.

    Raises:
        SettingsError: the folder is not empty or cannot be created, pyarrow is not installed. No request was
            sent.
        KosmoError: no list could be read.
        OSError: the files cannot be written.
    """
    check(folder, form, resumes=session.recording.resumes)
    service = integrations.find(integration)
    started = session.recording.now()
    redact_tokens = _redaction(session)
    lists = AccountLists(session, service, frontend, every=every)
    lists.read()
    content = {
        KIND: VERSION,
        "integration": service.name,
        "account": session.account,
        "begun": iso_time(started),
        "ended": iso_time(datetime.now(UTC)),
        "complete": not lists.failures,
        "requests": lists.requests,
        "format": form,
        "tables": {
            name: {"file": f"{name}.{form}", **_about_table(lists, name, service.name)} for name in lists.tables
        },
        **_about_gaps(lists),
        "kosmo_kernel": __version__,
    }
    manifest = in_texts(content, redact_tokens)
    write(folder, form, lists.tables, manifest, redact_tokens, resumes=session.recording.resumes)
    return SnapshotReport(manifest, lists.interrupted, list(dict.fromkeys(lists.notes)))


def _about_gaps(lists: AccountLists) -> dict[str, Any]:
    """Return what the manifest says about what is in no table."""
    deleted = {"deleted": lists.deleted} if lists.deleted else {}
    return {"failures": lists.failures, **deleted, "left_out": lists.left_out}


def _redaction(session: Session) -> Callable[[str], str]:
    """Return the function that redacts secrets in texts; a session knows its tokens only once it has used them."""
    return lambda text: redact(text, tokens=session.tokens())


def _about_table(lists: AccountLists, table: str, integration: str) -> dict[str, Any]:
    """Return what the manifest says about a table: its function, its records, and its arguments."""
    records = lists.tables[table]
    function = records.function.name if records.function else ""
    return {"function": f"{integration}.{function}", "rows": len(records), "by": lists.items[table]}
