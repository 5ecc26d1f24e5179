"""Snapshots: the lists of an account at one moment, as an archive that can be compared later.

lists.py  read the lists of an account
drift.py  what has changed between two snapshots, or since one

`archive/snapshots.py` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from kosmo_kernel import __version__, integrations
from kosmo_kernel.archive.snapshots import Manifest, SavedList, add, check_target
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.drift import Drift as Drift
from kosmo_kernel.snapshot.drift import compare as compare
from kosmo_kernel.snapshot.lists import AccountLists, redacted
from kosmo_kernel.text import iso_time
from kosmo_kernel.values.records import Records


@dataclass(slots=True)
class SnapshotReport:
    """The outcome of taking a snapshot."""

    manifest: Manifest  # what was read, and what could not be
    snapshots: int  # how many the archive has now
    interrupted: bool = False  # Ctrl-C ended it
    notes: list[str] = field(default_factory=list)  # for the user, one line each


def take(
    session: Session,
    file: Path,
    *,
    every: bool = False,
    integration: str = integrations.BUILT_IN[0].name,
    frontend: Frontend = NO_FRONTEND,
) -> SnapshotReport:
    """Read lists of the session's account and add them to an archive as a snapshot.

    Parameters:
        session: the session whose account is read; its Lua process is not started.
        file: the archive, which is created if it is missing. Its snapshots are kept, only while a recording goes on an
            incomplete last one is replaced.
        every: read all lists that the token can read, and not only those that audits and comparisons read.
        integration: the service whose lists are read.
        frontend: gets messages for the user on `stderr`, such as the estimate of `every`, and the progress of each
            list.

    Returns:
        The report, which may be of an incomplete snapshot.

    Raises:
        SettingsError: the file is no archive, has snapshots of another account, or cannot be created. No request was
            sent, unless the account has another user now. Nothing was added.
        KosmoError: no list could be read.
        FileWriteError: the archive cannot be written; it is as before.
    """
    check_target(file, session.account)
    service = integrations.find(integration)
    started = session.recording.now()
    lists = AccountLists(session, service, frontend, every=every)
    lists.read()
    change = partial(redact, tokens=session.tokens())  # a session knows its tokens only once it has used them
    content = {
        "integration": service.name,
        "account": session.account,
        "begun": iso_time(started),
        "ended": iso_time(datetime.now(UTC)),
        "complete": not lists.failures,
        "requests": lists.requests,
        "failures": lists.failures,
        "left_out": lists.left_out,
        "deleted": lists.deleted,
        "figures": _figures(lists, service.team_address),
        "user": _user(lists.tables),
        "kosmo_kernel": __version__,
    }
    about = {
        name: SavedList(f"{service.name}.{records.function.name if records.function else name}", len(records), by)
        for name, records in lists.tables.items()
        for by in [lists.items[name]]
    }
    manifest = Manifest(tables=about, **in_texts(content, change))
    read = {name: redacted(records, change) for name, records in lists.tables.items()}
    count = add(file, manifest, read, replaces=session.recording.resumes)
    return SnapshotReport(manifest, count, lists.interrupted, list(dict.fromkeys(lists.notes)))


def _figures(lists: AccountLists, team_address: str) -> dict[str, int]:
    """Return the numbers of apps, dynos, and people who own an app or have a seat, where their lists are whole."""
    parts = {failure["table"] for failure in lists.failures}
    whole = {name: records for name, records in lists.tables.items() if name not in parts}
    figures: dict[str, int] = {name: len(whole[name]) for name in ("apps", "dynos") if name in whole}
    if {"apps", "collaborators"} <= whole.keys():
        emails = {*whole["apps"].column(("owner", "email")), *whole["collaborators"].column(("user", "email"))}
        people = [email for email in emails if isinstance(email, str)]
        figures["people"] = sum(not team_address or not email.endswith(team_address) for email in people)
    return figures


def _user(tables: Mapping[str, Records]) -> str:
    """Return the id of the account's user, who is the one record of a list; empty if it could not be read."""
    users = (rows[0].get("id") for rows in tables.values() if rows.function and rows.function.returns == "record")
    return str(next(users, None) or "")
