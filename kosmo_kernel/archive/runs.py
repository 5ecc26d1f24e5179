"""The runs of an archive, the keys of their requests, and whose accounts they asked.

A run that goes on and the runs before it belong together until one of them has ended: then the next run begins anew.

The row of an account tells later runs whether they are of the same user. A token is not stored. A keyed hash of it is,
with a random key for each row. Services make tokens at random, with more than a hundred bits, so a hash shows nothing
about its token but whether another one is the same.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import msgspec

from kosmo_kernel import __version__
from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.archive.file import Archive, Name, open_archive
from kosmo_kernel.archive.store import address_of
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.text import counted, duration, iso_time, normalize_alias, parse_time

if TYPE_CHECKING:
    from kosmo_kernel.client.client import ClientCall


class RequestKey(NamedTuple):
    """The key of a call, under which its answers are looked up."""

    service: str  # the name of the service
    account: str  # the alias of the account
    text: str  # the path, and the part of the list

    @classmethod
    def of(cls, call: ClientCall) -> RequestKey:
        """Return the key of a call."""
        account = call.client.account
        path, part = address_of(call.function, call.arguments)
        return cls(account.integration, account.alias, f"GET {redact(path)}{f' ({part})' if part else ''}")

    @property
    def account_key(self) -> tuple[str, str]:
        """The service and the account, under which the account is looked up."""
        return _account_key(self.service, self.account)

    def __str__(self) -> str:
        path, _, part = self.text.removesuffix(")").partition(" (")
        return f"{self.service}: {path} ({f'{part}, ' if part else ''}account {self.account})"


def _account_key(service: str, name: str) -> tuple[str, str]:
    return service, normalize_alias(name)


RESUME_SECONDS = 24 * 3600.0  # of age up to which answers are taken
MAX_NAMES = 8  # of functions in a note
MAX_RUNS = 100_000
_MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)  # between the clocks of two machines
# The answers of runs that are not about to be replaced.
CURRENT = "run IN (SELECT id FROM kosmo_runs WHERE replaced_by IS NULL)"
_INSERT = "INSERT INTO kosmo_runs (run, account, begun, version, takes_to) VALUES (?, ?, ?, ?, ?)"
_TAKEN = f"id <= ? AND run != ? AND NOT temporary AND {CURRENT}"


_Rows = TypeVar("_Rows")


class Run(NamedTuple):
    """A run of an archive; see the table `kosmo_runs`."""

    number: int
    name: Name
    account: Name
    begun: Annotated[datetime, msgspec.Meta(tz=True)]
    ended: str | None
    takes_to: int
    replaced_by: int | None


class EarlierAnswers(NamedTuple):
    """The answers that earlier runs left to a run, or those that it took."""

    answers: int  # how many there are
    oldest: datetime  # the time of the oldest that was left; now without answers

    @property
    def age(self) -> float:
        """The age of the oldest answer in seconds."""
        return max(0.0, (datetime.now(UTC) - self.oldest).total_seconds())

    @property
    def age_text(self) -> str:
        """The age of the oldest answer with its time: `2 h 5 min old (2026-11-20T09:30:00Z)`."""
        return f"{duration(int(self.age))} old ({iso_time(self.oldest)})"

    def facts(self) -> dict[str, Any]:
        """Return the facts for a JSON document."""
        return {"answers": self.answers, "oldest": iso_time(self.oldest)}

    def __str__(self) -> str:
        return f"{self.answers:,} of which an earlier run had, the oldest of {iso_time(self.oldest)}"


def read_runs(archive: Archive) -> list[Run]:
    """Return the runs of an archive in the order in which they began.

    Raises:
        SettingsError: a row makes no sense, or there are too many.
    """
    return _rows(archive, "runs", "id, run, account, begun, ended, takes_to, replaced_by", list[Run], MAX_RUNS)


def _rows(archive: Archive, noun: str, columns: str, form: type[_Rows], most: int) -> _Rows:
    """Return the rows of a table in a form.

    Raises:
        SettingsError: a row makes no sense, or there are too many.
    """
    rows = archive.rows(f"SELECT {columns} FROM kosmo_{noun} ORDER BY id LIMIT ?", (most + 1,))
    if len(rows) > most:
        raise archive.damaged(f"it has more than {most:,} {noun}")
    try:
        return msgspec.convert(rows, form)
    except ValueError as error:
        raise archive.damaged(f"its {noun} make no sense: {error}") from None


def begin_run(archive: Archive, name: str, account: str, *, resume: bool) -> tuple[Run, list[Run]]:
    """Return the run of a name, which begins unless `kosmo run` has begun it already, and those it goes on with.

    Parameters:
        archive: the archive.
        name: identifies the run.
        account: the account of calls that name none; empty if the kernel of the run says it.
        resume: go on with the runs before, unless they have ended.

    Raises:
        SettingsError: the archive has snapshots, the answers of the runs before are too old, or it makes no sense.
    """
    with archive.transaction() as connection:
        if connection.execute("SELECT 1 FROM kosmo_snapshots").fetchone():
            raise SettingsError(f"{archive.file} has snapshots, and no recording is written there. Name another file.")
        if own := next((run for run in read_runs(archive) if run.name == name), None):
            if account and not own.account:
                connection.execute("UPDATE kosmo_runs SET account = ? WHERE id = ?", (account, own.number))
            before = [run for run in read_runs(archive) if run.number < own.number and run.replaced_by is None]
            return own, before if own.takes_to else []
        _delete_empty_runs(connection, archive.dead)
        before = [run for run in read_runs(archive) if run.replaced_by is None]
        takes_to = 0
        if resume and before and before[-1].ended is None:
            _delete_what_may_change(archive, connection)
            [[last]] = archive.rows(f"SELECT max(id) FROM kosmo_answers WHERE NOT temporary AND {CURRENT}")
            takes_to = int(last or 0)
            _check_age(archive, earlier_answers(archive, takes_to))
        values = (name, account, iso_time(datetime.now(UTC)), __version__, takes_to)
        added = connection.execute(_INSERT, values)
        if not takes_to:
            _replace(connection, archive.dead, added.lastrowid or 0)
        own = read_runs(archive)[-1]
        return own, before if takes_to else []


def delete_unused(connection: sqlite3.Connection) -> None:
    """Delete the bodies and accounts that nothing refers to any more, within a transaction."""
    bodies = "SELECT body FROM kosmo_answers UNION SELECT record FROM kosmo_rows UNION SELECT columns FROM kosmo_lists"
    connection.execute(f"DELETE FROM kosmo_bodies WHERE id NOT IN ({bodies})")
    connection.execute("DELETE FROM kosmo_accounts WHERE id NOT IN (SELECT account FROM kosmo_answers)")


def delete_replaced(connection: sqlite3.Connection, run: int) -> None:
    """Delete the runs that a run replaces, and what only they had, within a transaction."""
    replaced = "SELECT id FROM kosmo_runs WHERE replaced_by = ?"
    if not connection.execute(replaced, (run,)).fetchone():
        return
    connection.execute(f"DELETE FROM kosmo_answers WHERE run IN ({replaced})", (run,))
    connection.execute("DELETE FROM kosmo_runs WHERE replaced_by = ?", (run,))
    delete_unused(connection)


def give_up(connection: sqlite3.Connection, run: int) -> None:
    """Leave the runs that a run would have replaced as they are, because it got no answer, within a transaction."""
    others = "SELECT 1 FROM kosmo_runs WHERE replaced_by = ?"
    if connection.execute(others, (run,)).fetchone():
        connection.execute("UPDATE kosmo_runs SET replaced_by = NULL WHERE replaced_by = ?", (run,))
        connection.execute("DELETE FROM kosmo_answers WHERE run = ?", (run,))
        connection.execute("DELETE FROM kosmo_runs WHERE id = ?", (run,))
        delete_unused(connection)


def end_closed_run(file: Path, name: str) -> None:
    """Write that a run has come to its end, in a file that its processes have closed.

    Raises:
        SettingsError: the file cannot be used.
        FileWriteError: it cannot be written.
    """
    with closing(open_archive(file, writes=True)) as archive, archive.transaction() as connection:
        end_run(connection, name)


def end_run(connection: sqlite3.Connection, name: str) -> None:
    """Write that a run has come to its end, within a transaction."""
    connection.execute("UPDATE kosmo_runs SET ended = ? WHERE run = ?", (iso_time(datetime.now(UTC)), name))


def earlier_answers(archive: Archive, takes_to: int, run: int = 0) -> EarlierAnswers:
    """Return what earlier runs left to a run, by the last answer that it may take.

    Raises:
        SettingsError: the time of an answer makes no sense.
    """
    [[count, oldest, newest]] = archive.rows(
        f"SELECT count(*), min(at), max(at) FROM kosmo_answers WHERE {_TAKEN}", (takes_to, run)
    )
    if not count:
        return EarlierAnswers(0, datetime.now(UTC))
    try:
        first, last = parse_time(oldest), parse_time(newest)
    except (ValueError, TypeError):
        raise archive.damaged("the time of an answer makes no sense") from None
    if last > datetime.now(UTC) + _MAX_CLOCK_DIFFERENCE:
        raise SettingsError(
            f"{archive.file} has an answer of {iso_time(last)}, which is later than now: the clock of this machine is "
            f"wrong, or the answer is. Nothing was sent. Set the clock, or record anew without `--resume`."
        )
    return EarlierAnswers(count, first)


def change_text(archive: Archive, run: Run) -> str:
    """Return a sentence on the requests that a changed script made anew; empty if it has not changed."""
    mine = _scripts(archive, "run = ?", (run.number,))
    before = _scripts(archive, _TAKEN, (run.takes_to, run.number))
    if not any(name in before and not digests <= before[name] for name, digests in mine.items()):
        return ""
    new = _sent(archive, run)
    listed = ", ".join(f"{name} {count:,}" for name, count in new[:MAX_NAMES])
    more = f" and {len(new) - MAX_NAMES} more functions" if len(new) > MAX_NAMES else ""
    total = counted(sum(count for _, count in new), "request")
    return f" The script has changed since: {total} new{': ' if new else ''}{listed}{more}."


def text_of_run(file: Path, name: str) -> str:
    """Return sentences for the user about a run that has ended; empty if there is none of that name.

    Raises:
        SettingsError: the file is no archive.
    """
    if not file.exists():
        return ""
    with closing(open_archive(file)) as archive:
        run = next((candidate for candidate in read_runs(archive) if candidate.name == name), None)
        if run is None:
            return ""
        requests = counted(sum(count for _, count in _sent(archive, run)), "request")
        earlier = earlier_answers(archive, run.takes_to, run.number)
        if not earlier.answers:
            return f"{requests} recorded in {file}."
        has = f"{file} had {counted(earlier.answers, 'answer')}, the oldest {earlier.age_text}"
        return f"{has}; {requests} sent and recorded.{change_text(archive, run)}"


def _check_age(archive: Archive, earlier: EarlierAnswers) -> None:
    if earlier.age > RESUME_SECONDS:
        raise SettingsError(
            f"The oldest answer in {archive.file} is {earlier.age_text}, and `--resume` takes answers up to an age of "
            f"{duration(int(RESUME_SECONDS))}. Record anew without `--resume`. Nothing was sent."
        )


def _delete_empty_runs(connection: sqlite3.Connection, dead: Collection[int]) -> None:
    """Delete runs whose processes were killed before the first answer, so that what they would have replaced stays."""
    empty = "ended IS NULL AND NOT EXISTS (SELECT 1 FROM kosmo_answers WHERE run = kosmo_runs.id)"
    connection.executemany(f"DELETE FROM kosmo_runs WHERE id = ? AND {empty}", [(run,) for run in dead])
    connection.execute("UPDATE kosmo_runs SET replaced_by = NULL WHERE replaced_by NOT IN (SELECT id FROM kosmo_runs)")


def _delete_what_may_change(archive: Archive, connection: sqlite3.Connection) -> None:
    """Delete the answers that may be others by now, and those whose fingerprints could not be compared with new ones.

    Those of runs that may still go on stay, but are not taken.
    """
    other_keys = [
        (account, key)
        for account, name, key in archive.rows(
            "SELECT DISTINCT kosmo_accounts.id, name, key FROM kosmo_answers "
            "JOIN kosmo_accounts ON account = kosmo_accounts.id WHERE key IS NOT NULL"
        )
        if key != fingerprints(str(name)).key_id
    ]
    connection.executemany("DELETE FROM kosmo_answers WHERE account = ? AND key = ?", other_keys)
    connection.executemany("DELETE FROM kosmo_answers WHERE run = ? AND temporary", [(run,) for run in archive.dead])
    delete_unused(connection)


def _replace(connection: sqlite3.Connection, dead: Collection[int], run: int) -> None:
    values = [(run, other) for other in dead if other != run]
    connection.executemany("UPDATE kosmo_runs SET replaced_by = ? WHERE id = ? AND replaced_by IS NULL", values)


def _sent(archive: Archive, run: Run) -> list[tuple[str, int]]:
    """Return the functions whose requests a run has sent, with their numbers, the largest first."""
    rows = archive.rows(
        "SELECT function, sum(requests) FROM kosmo_answers WHERE run = ? GROUP BY function ORDER BY 2 DESC, min(id)",
        (run.number,),
    )
    return [(str(name), int(count)) for name, count in rows]


def _scripts(archive: Archive, condition: str, values: tuple[int, ...]) -> dict[str, set[str]]:
    """Return the digests of the scripts of some answers, by the names of the scripts."""
    scripts: dict[str, set[str]] = {}
    sql = f"SELECT DISTINCT script FROM kosmo_answers WHERE script IS NOT NULL AND {condition}"
    for [script] in archive.rows(sql, values):
        digest, _, name = str(script).partition(" ")
        scripts.setdefault(name, set()).add(digest)
    return scripts


SALT_BYTES = 16
MAX_ACCOUNTS = 10_000
_INSERT_ACCOUNT = "INSERT INTO kosmo_accounts (service, name, address, salt, owner) VALUES (?, ?, ?, ?, ?)"


class AskedAccount(NamedTuple):
    """The row of an account."""

    number: int
    service: Name
    name: Name
    address: Name
    salt: bytes
    owner: bytes

    @property
    def key(self) -> tuple[str, str]:
        """The service and the account, under which it is looked up."""
        return _account_key(self.service, self.name)

    def is_of(self, account: Account) -> bool:
        """Return whether the account has the same token and address."""
        return self.address == _address(account) and hmac.compare_digest(self.owner, token_digest(account, self.salt))


def read_accounts(archive: Archive) -> list[AskedAccount]:
    """Return the accounts of an archive.

    Raises:
        SettingsError: a row makes no sense, or there are too many.
    """
    columns = "id, service, name, address, salt, owner"
    return _rows(archive, "accounts", columns, list[AskedAccount], MAX_ACCOUNTS)


def account_row(archive: Archive, connection: sqlite3.Connection, service: str, name: str, account: Account) -> int:
    """Return the number of an account, which is added within a transaction."""
    for row in read_accounts(archive):
        if (row.service, row.name) == (service, name) and row.is_of(account):
            return row.number
    salt = os.urandom(SALT_BYTES)
    values = (service, name, _address(account), salt, token_digest(account, salt))
    added = connection.execute(_INSERT_ACCOUNT, values)
    return int(added.lastrowid or 0)


def check_owner(archive: Archive, accounts: Iterable[AskedAccount], account: Account) -> None:
    """Check that answers of an account are those of the same user.

    Parameters:
        archive: the archive.
        accounts: its accounts whose answers are taken.
        account: the account that is asked now.

    Raises:
        SettingsError: they are of another token, or of another address.
    """
    key = account.integration, normalize_alias(account.alias)
    for row in accounts:
        if row.key != key or row.is_of(account):
            continue
        if row.address != _address(account):
            other = f"at {row.address}, and this run asks {_address(account)}"
        else:
            other = "with another token, perhaps of another user"
        raise SettingsError(
            f"{archive.file} has answers of the account `{row.name}` {other}. They are not taken, and nothing was "
            f"sent. Name another file, or record anew without `--resume`."
        )


def _address(account: Account | None) -> str:
    return redact(account.url) if account else ""


def token_digest(account: Account, salt: bytes) -> bytes:
    """Return a keyed hash of an account's token, which tells whether another run had the same one."""
    return hmac.digest(salt, account.token.reveal().encode(errors="surrogatepass"), sha256)
