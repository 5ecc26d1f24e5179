"""Snapshots: the lists of an account at one moment, and what has changed between two snapshots, or since one.

lists.py reads the lists of an account and takes snapshots; `archive/snapshots.py` writes and reads them.

A list, or the list of one app, is compared only if it was read both times: what was not read did not go. Such lists are
named in the notes. The things of an app that is new or gone are part of that one change.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.accounts import is_demo
from kosmo_kernel.archive.owner import Owner, check_owner, token_note
from kosmo_kernel.archive.snapshots import SavedSnapshot
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue import Column
from kosmo_kernel.errors import ApiError, KosmoError, NotRecordedError, SettingsError, StoppedError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import AccountLists
from kosmo_kernel.snapshot.lists import SnapshotReport as SnapshotReport
from kosmo_kernel.snapshot.lists import take as take
from kosmo_kernel.text import counted, value_at
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.render.frames import KosmoFrame

Row = Mapping[str, Any]
Fact = str | None

APPS = "apps"
CONFIG_VARS = "config_vars"
FINGERPRINT = "fingerprint"


class ComparedList(NamedTuple):
    """A list that is compared."""

    table: str  # its name in a snapshot
    noun: str  # what one record is
    key: str  # the path of the field that identifies a record, within its app if it has one
    name: str  # the path of the field by which a reader calls it
    # The facts that are compared, by what they are called: the paths of their fields, or what returns them.
    facts: Mapping[str, str | Callable[[Row], Fact]]

    def label(self, row: Row) -> str:
        """Return what a reader calls a record, with what it is."""
        return f"{self.noun} {_fact(row, self.name) or _fact(row, self.key)}"


def _fact(row: Row, source: str | Callable[[Row], Fact]) -> Fact:
    """Return a fact of a record as text; None for null and for absent fields."""
    return _text(value_at(row, source)) if isinstance(source, str) else source(row)


def _text(value: Any) -> Fact:
    match value:
        case None | "" | []:
            return None
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(sorted(_text(item) or "" for item in value))
        case Mapping():
            return _text(value.get("name"))
    return str(value)


def _stack_of_next_build(app: Row) -> Fact:
    """Return the stack of the next build if it is another one than the app runs on."""
    build = _fact(app, "build_stack.name")
    return build if build != _fact(app, "stack.name") else None


def _permissions(seat: Row) -> Fact:
    """Return what a seat may do. In an app without a team seats have no permissions, but a role."""
    return _fact(seat, "permissions") or _fact(seat, "role") or "collaborator"


_APP_FACTS: Mapping[str, str | Callable[[Row], Fact]] = {
    "name": "name",
    "owner": "owner.email",
    "team": "team.name",
    "region": "region.name",
    "space": "space.name",
    "stack": "stack.name",
    "stack of the next build": _stack_of_next_build,
    "maintenance": "maintenance",
    "automatic certificates": "acm",
}
_DOMAIN_FACTS = {
    "DNS": "status",
    "DNS target": "cname",
    "certificate": "acm_status",
    "certificate endpoint": "sni_endpoint.name",
}
LISTS: Sequence[ComparedList] = (
    ComparedList(APPS, "app", "id", "name", _APP_FACTS),
    ComparedList("stacks", "stack", "id", "name", {"state": "state"}),
    ComparedList("formation", "process", "type", "type", {name: name for name in ("quantity", "size", "command")}),
    ComparedList("dynos", "dyno", "name", "name", {"size": "size", "state": "state"}),
    ComparedList("domains", "domain", "hostname", "hostname", _DOMAIN_FACTS),
    ComparedList("addons", "add-on", "id", "name", {"name": "name", "plan": "plan", "state": "state"}),
    ComparedList("collaborators", "seat of", "user.email", "user.email", {"permissions": _permissions}),
    ComparedList(CONFIG_VARS, "config var", "name", "name", {"value": FINGERPRINT}),
    ComparedList("log_drains", "log drain to", "id", "host", {"host": "host", "add-on": "addon.name"}),
    ComparedList(
        *("telemetry_drains", "telemetry drain to", "id", "exporter.host"),
        {"host": "exporter.host", "signals": "signals"},
    ),
)


NEW, GONE = "new", "gone"
_COLUMNS = tuple(Column(name, name) for name in ("app", "thing", "change", "before", "now"))
_ADVICE = "Give the archive of a snapshot of that account: -p before FILE. `kosmo snapshot` writes one."
_REFUSED = ("refused",)  # the types of failures with which the other lists can still be compared


@dataclass(frozen=True)
class State:
    """The lists of an account at one time."""

    account: str  # the alias of the account
    time: datetime  # when they were read
    tables: Mapping[str, Sequence[Row]]  # the records of each list
    # What could not be read, each with its `table`, and with `app_id` if it is the list of one app.
    failures: Sequence[Mapping[str, Any]] = ()
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the arguments that each list was read with

    @cached_property
    def apps(self) -> dict[str, Row]:
        """The apps by id."""
        return {app["id"]: app for app in self.tables[APPS]}

    @cached_property
    def ids(self) -> dict[str, str]:
        """The id of each app by its name, and by its id."""
        return {app["name"]: ident for ident, app in self.apps.items()} | {ident: ident for ident in self.apps}

    def app_of(self, row: Row) -> str:
        """Return the id of the app that a record belongs to, or its name if the account cannot see the app."""
        app = row.get("app") or {}
        name = app.get("id") or app.get("name") or row.get("app_id") or ""
        return self.ids.get(name, app.get("name") or name)

    @cached_property
    def unread(self) -> dict[str, dict[str, str]]:
        """The reason for each list of an app that could not be read, by table and app."""
        reasons: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for failure in self.failures:
            if app := failure.get("app_id"):
                reasons[failure["table"]][self.ids.get(app, app)] = failure["message"]
        return reasons


@dataclass(frozen=True)
class Drift:
    """The changes between two states of an account."""

    # `before`, `now`: the two states.
    before: State
    now: State
    # The changes, each with `app`, `thing`, `change`, `before` and `now`.
    rows: list[dict[str, Fact]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was not compared, and why, one line each

    @property
    def changes(self) -> KosmoFrame:
        """The changes as a frame: those of the account first, then by app."""
        from kosmo_kernel.render.frames import frame_of

        return frame_of(Records(self.rows, columns=_COLUMNS))

    @property
    def complete(self) -> bool:
        """Return whether nothing of the compared lists was unreadable; else the number of changes is a lower bound."""
        lists = {compared.table for compared in LISTS}
        return not any(failure["table"] in lists for state in (self.before, self.now) for failure in state.failures)

    @property
    def figures(self) -> dict[str, int]:
        """The number of changes, and of the apps that are concerned, new and gone."""
        apps = [row for row in self.rows if row["thing"] == "app"]
        return {
            "changes": len(self.rows),
            "apps concerned": len({row["app"] for row in self.rows if row["app"]}),
            "new apps": sum(row["change"] == NEW for row in apps),
            "apps gone": sum(row["change"] == GONE for row in apps),
        }


def compare(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str] | None = None,
    *,
    account: str | None = None,
    frontend: Frontend = NO_FRONTEND,
) -> Drift:
    """Compare a snapshot with a later one, or with the account as it is now.

    Parameters:
        before: the archive of the snapshot, of which the newest one is compared.
        after: the archive of the later snapshot; None to read the account. If both are the same archive, its last two
            snapshots are compared.
        account: the alias of the account that is read; the default account when None.
        frontend: the callbacks of the user interface.

    Raises:
        SettingsError: a file has no snapshot, or one of the two is of the demo and the other is not.
        KosmoError: the account could not be read.
    """
    saved = SavedSnapshot(before)
    later = None if after is None else SavedSnapshot(after)
    if later and len(saved.times) > 1 and saved.file.samefile(later.file):
        saved = SavedSnapshot(before, saved.times[-2])
    was, note = _saved(saved), ""
    if later:
        check_owner(saved.file, Owner.of_snapshot(saved), Owner.of_snapshot(later), _ADVICE)
        now, note = _saved(later), token_note(saved.file, saved.manifest.token, later.manifest.token)
    else:
        with Session(account) as session:
            note = check_account(saved, session, _ADVICE)
            now = _read_account(session, was, frontend)
    drift = drift_of(was, now)
    drift.notes[:0] = filter(None, [note])
    return drift


def check_account(snapshot: SavedSnapshot | Path, session: Session, advice: str) -> str:
    """Check that a snapshot is of the user of a session's account, as far as both are known.

    Parameters:
        snapshot: the snapshot, or its archive.
        session: the session, which asks for its user.
        advice: what to do otherwise, as sentences.

    Returns:
        A sentence for the user if it was taken with another token of the user; else an empty text.

    Raises:
        SettingsError: it is not; with both named.
    """
    saved = snapshot if isinstance(snapshot, SavedSnapshot) else SavedSnapshot(snapshot)
    owner, service = Owner.of_snapshot(saved), integrations.BUILT_IN[0]
    current = Owner(session.account)
    if is_demo(current.account) == is_demo(owner.account):
        with suppress(ApiError, NotRecordedError):  # nobody knows whose account it is
            user = session.call(f"{service.name}.get_current_user", {}).value
            current = Owner(session.account, user["id"], session.address(service.name), user["email"])
    check_owner(saved.file, owner, current, advice)
    token = saved.manifest.token
    return token_note(saved.file, token, session.token_hash(service.name, token)) if token else ""


def is_of(file: str | os.PathLike[str], account: str) -> bool:
    """Return whether an archive has snapshots of an account, and not of the demo beside a real account.

    Raises:
        SettingsError: it has those of another user, or it is no archive.
    """
    saved = SavedSnapshot(file)
    if is_demo(saved.account) != is_demo(account):
        return False
    with Session(account) as session:
        if note := check_account(saved, session, "Name another file, or another account."):
            warnings.warn(note, stacklevel=2)
    return True


def drift_of(before: State, now: State) -> Drift:
    """Return what has changed between two states."""
    drift = Drift(before, now)
    lists = [compared for compared in LISTS if compared.table in before.tables and compared.table in now.tables]
    for compared in lists:
        drift.rows.extend(_changes(compared, before, now, lists))
    drift.rows.sort(key=lambda row: row["app"] or "")  # the order of the lists stays
    drift.notes.extend([*_not_compared(before, now), *_not_read(before, now)])
    if _has_other_key(before, now):
        drift.notes.append(
            "Of config vars only the names are compared: the fingerprints of the values have different keys."
        )
    return drift


def _saved(saved: SavedSnapshot) -> State:
    if APPS not in saved:
        raise SettingsError(f"{saved.file} has no list of apps, so it cannot be compared.")
    compared = {compared.table for compared in LISTS}
    tables = {name: saved.records(name).rows if name in compared else [] for name in saved}
    arguments = {name: about.by for name, about in saved.manifest.tables.items()}
    return State(saved.account, saved.time, tables, saved.manifest.failures, arguments)


def _read_account(session: Session, was: State, frontend: Frontend) -> State:
    """Read the lists that are compared as the snapshot has them, with the same arguments.

    Raises:
        KosmoError: a list failed for another reason than a lack of access, or nothing but the apps could be read.
    """
    arguments = {item.table: was.arguments.get(item.table, ()) for item in LISTS if item.table in was.tables}
    parents: dict[str, Sequence[str]] = {"spaces": ()} if any("space" in names for names in arguments.values()) else {}
    lists = AccountLists(session, integrations.BUILT_IN[0], frontend, only=arguments | parents)
    time = session.time_of_data()
    lists.read()
    if lists.interrupted:
        raise StoppedError("Interrupted.")
    for failure in lists.failures:
        if failure["type"] not in _REFUSED:
            raise KosmoError(f"The list {failure['table']} could not be read: {failure['message']}")
    if lists.failures and not lists.tables.keys() - {APPS, "stacks", *parents}:
        raise KosmoError(f"Nothing but the list of apps can be read: {lists.failures[0]['message']}")
    tables = {name: rows.rows for name, rows in lists.tables.items() if name in arguments}
    return State(session.account, time, tables, [item for item in lists.failures if item["table"] in arguments])


def _changes(
    compared: ComparedList, before: State, now: State, lists: Sequence[ComparedList]
) -> Iterator[dict[str, Fact]]:
    """Yield the changes of one list, as far as it was read both times."""
    states = (before, now)
    rows_of_both = (row for state in states for row in state.tables[compared.table])
    of_apps = compared.table != APPS and any("app" in row or "app_id" in row for row in rows_of_both)
    skipped = {app for state in states for app in state.unread.get(compared.table, ())}
    if of_apps:
        skipped |= before.apps.keys() ^ now.apps.keys()  # each is one change of the list of apps
    sides = [_by_key(compared, state, skipped) for state in states]
    for key in dict.fromkeys([*sides[0], *sides[1]]):
        rows = sides[0].get(key), sides[1].get(key)
        label = next(compared.label(row) for row in reversed(rows) if row)
        app = _app_name(compared, key, rows, before, now)
        thing = "app" if compared.table == APPS else label
        for change, *texts in _differences(compared, rows):
            if compared.table == APPS and change in (NEW, GONE):
                index = int(change == NEW)
                texts[index] = _parts(key[1], states[index], lists)
            yield {"app": app, "thing": thing, "change": change, "before": texts[0], "now": texts[1]}


def _by_key(compared: ComparedList, state: State, skipped: set[str]) -> dict[tuple[str, Any], Row]:
    """Return the records by app and key. An add-on that several apps use is one record."""
    keyed = {}
    for row in state.tables[compared.table]:
        app = "" if compared.table == APPS else state.app_of(row)
        if app not in skipped:
            keyed[app, _fact(row, compared.key)] = row
    return keyed


def _app_name(
    compared: ComparedList, key: tuple[str, Any], rows: tuple[Row | None, Row | None], before: State, now: State
) -> Fact:
    if compared.table == APPS:
        return next(str(row["name"]) for row in reversed(rows) if row)
    app = now.apps.get(key[0]) or before.apps.get(key[0])
    return str(app["name"]) if app else key[0] or None


def _differences(compared: ComparedList, rows: tuple[Row | None, Row | None]) -> Iterator[tuple[str, Fact, Fact]]:
    """Yield the changes of one record: the name of the fact, and its two values."""
    was, now = rows
    if was is None or now is None:
        change = NEW if was is None else GONE
        yield change, _summary(compared, was), _summary(compared, now)
        return
    for name, source in compared.facts.items():
        fact_then, fact_now = _fact(was, source), _fact(now, source)
        if compared.table == CONFIG_VARS:
            if _is_other_value(fact_then, fact_now):
                yield name, "(hidden)", "(hidden, another one)"
        elif fact_then != fact_now:
            yield name, fact_then and redact(fact_then), fact_now and redact(fact_now)


def _summary(compared: ComparedList, row: Row | None) -> Fact:
    """Return the facts about a record that is there on one day only; None on the other day."""
    if row is None:
        return None
    if compared.table == CONFIG_VARS:
        return "set"
    facts = [
        f"{name} {text}" for name, source in compared.facts.items() if name != "name" and (text := _fact(row, source))
    ]
    return redact(", ".join(facts)) or "there"


def _parts(app: str, state: State, lists: Sequence[ComparedList]) -> str:
    """Return what an app has, in numbers."""
    nouns = {"addons": "add-on", "dynos": "dyno", "domains": "domain", "collaborators": "seat"}
    counts = Counter(
        compared.table
        for compared in lists
        if compared.table in nouns
        for row in state.tables[compared.table]
        if state.app_of(row) == app
    )
    parts = [counted(counts[table], noun) for table, noun in nouns.items() if counts[table]]
    return ", ".join(parts) or f"no {_words([*nouns.values()], 'or')}"


def _is_other_value(was: Fact, now: Fact) -> bool:
    """Return whether config vars with two fingerprints have different values, as far as these have the same key."""
    return was != now and _key_id(was) == _key_id(now)


def _key_id(fingerprint: Any) -> str:
    return str(fingerprint or "").partition(":")[0]


def _has_other_key(before: State, now: State) -> bool:
    keys = [
        {_key_id(row.get(FINGERPRINT)) for row in state.tables.get(CONFIG_VARS, ())} - {""} for state in (before, now)
    ]
    return all(keys) and not keys[0] & keys[1]


def _not_compared(before: State, now: State) -> Iterator[str]:
    """Yield which lists are not compared, because one of the two does not have them."""
    lists = {entry.table for entry in LISTS}
    for state, expected in ((before, lists), (now, before.tables.keys() & lists)):
        absent = expected - state.tables.keys() - {entry["table"] for entry in state.failures}
        if absent:
            yield (
                f"Not compared: {_words(sorted(absent))}. The snapshot of {state.time:%Y-%m-%d} does not have them; "
                "`kosmo snapshot --all` takes every list."
            )
    rest = len(before.tables.keys() - lists - {"current_user"})
    if rest:
        yield f"{counted(rest, 'other list')} of the snapshot of {before.time:%Y-%m-%d} cannot be compared."


def _not_read(before: State, now: State) -> Iterator[str]:
    """Yield what could not be read on each day, with the reason that Heroku gave."""
    for state, when in ((before, f"on {before.time:%Y-%m-%d}"), (now, f"on {now.time:%Y-%m-%d}")):
        for compared in LISTS:
            whole = [
                failure for failure in state.failures if failure["table"] == compared.table and "app_id" not in failure
            ]
            for failure in whole[:1]:
                yield f"Not read {when}, and not compared: {_words([compared.table])} ({failure['message']})"
            apps = state.unread.get(compared.table, {})
            names = sorted(str(state.apps[app]["name"]) if app in state.apps else app for app in apps)
            if names:
                reason = next(iter(apps.values()))
                yield f"Not read {when}, and not compared: {_words([compared.table])} of {', '.join(names)} ({reason})"


def _words(tables: Sequence[str], conjunction: str = "and") -> str:
    names = [table.replace("addons", "add-ons").replace("_", " ") for table in tables]
    return f" {conjunction} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
