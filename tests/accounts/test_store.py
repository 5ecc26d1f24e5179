"""The accounts that are kept: in a keyring or in a file that only its owner reads, whole or not at all."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_keyrings import Locked, Plain, Remembering, Silent, use
from repository import ROOT

from kosmo_kernel import accounts
from kosmo_kernel.accounts import store
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
OTHER = "HRKU-66666666-7777-4888-9999-aaaaaaaaaaaa"


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    return home / "settings"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    made = Remembering()
    use(monkeypatch, made)
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def add(alias: str = "production", token: str = TOKEN, **more: Any) -> store.StoredAccount:
    return store.add(HEROKU, alias, token, **more)


def texts(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


def test_a_token_goes_into_the_keyring_and_no_file_has_it(folder: Path, ring: Remembering) -> None:
    made = add(who="Joe")

    assert (made.location, list(ring.secrets.values())) == ("keyring", [TOKEN])
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "accounts.json"]
    assert TOKEN not in texts(folder)
    assert (mode(folder), mode(folder / "accounts.json")) == (0o700, 0o600)
    assert accounts.find(HEROKU, "production").source == "the system keyring"


@pytest.mark.parametrize("kind", ["none", "plain", "asked for"])
def test_without_a_keyring_a_file_that_only_its_owner_reads_has_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ring = Plain() if kind == "plain" else Remembering()
    if kind != "none":  # where the environment says that there is none
        use(monkeypatch, ring)
    else:
        monkeypatch.setattr("keyring.core._keyring_backend", None)
    made = add(in_file=kind == "asked for")

    secrets = folder / "secrets.json"
    assert (made.location, mode(secrets), mode(folder), ring.secrets) == ("file", 0o600, 0o700, {})
    found = accounts.find(HEROKU, "production")
    assert (found.token.reveal(), found.source) == (TOKEN, str(secrets))


@pytest.mark.claim("token-sources")
def test_a_file_that_others_may_read_is_refused_with_what_to_run(folder: Path) -> None:
    add(in_file=True)
    secrets = folder / "secrets.json"
    for others in (0o640, 0o604, 0o660, 0o601):
        secrets.chmod(others)
        with pytest.raises(CredentialsError) as caught:
            accounts.find(HEROKU, "production")
        assert f"(mode {others:04o})" in caught.value.message
        assert caught.value.message.endswith(f"Run: chmod 600 {secrets}")
        assert TOKEN not in caught.value.message
    secrets.chmod(0o600)
    assert accounts.find(HEROKU, "production").token.reveal() == TOKEN


def test_what_to_run_can_be_run_where_the_folder_has_a_blank_in_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "Application Support"))
    add(in_file=True)
    secrets = home / "Application Support" / "secrets.json"
    secrets.chmod(0o644)
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU, "production")
    subprocess.run(shlex.split(caught.value.message.partition("Run: ")[2]), check=True)
    assert mode(secrets) == 0o600


def test_a_locked_keyring_keeps_nothing_and_says_nothing_of_the_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Locked())
    with pytest.raises(CredentialsError) as caught:
        add()
    assert caught.value.message.startswith("The system keyring is locked: ")
    assert "--file" in caught.value.message
    assert TOKEN not in caught.value.message
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_keyring_that_never_answers_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Silent()
    use(monkeypatch, ring)
    monkeypatch.setattr(store, "TIMEOUT_SECONDS", 0.05)
    try:
        with pytest.raises(CredentialsError, match="has not answered"):
            add()
        assert [path.name for path in folder.iterdir()] == [".lock"]
    finally:
        ring.released.set()


def test_another_token_replaces_the_first_only_where_that_is_asked(folder: Path, ring: Remembering) -> None:
    add(who="Joe")
    with pytest.raises(InvalidArgumentsError) as caught:
        add("Production".lower(), OTHER)
    assert caught.value.message == (
        "There is an account `production` of Joe already. To give it another token, add --replace."
    )
    add(token=OTHER, replace=True)

    assert (list(ring.secrets.values()), accounts.find(HEROKU, "production").token.reveal()) == ([OTHER], OTHER)
    add(token=TOKEN, replace=True, in_file=True)
    assert (ring.secrets, accounts.find(HEROKU, "production").token.reveal()) == ({}, TOKEN)
    assert mode(folder / "secrets.json") == 0o600


def test_accounts_of_an_integration_that_is_gone_stay_where_they_are(folder: Path, ring: Remembering) -> None:
    entry = {"default": {"entry": "github default 1", "kept": "keyring", "who": "Joe"}}
    folder.mkdir(exist_ok=True)
    (folder / "accounts.json").write_text(json.dumps({"github": entry}), encoding="utf-8")
    add()
    store.remove("heroku", "production")
    assert json.loads((folder / "accounts.json").read_text(encoding="utf-8"))["github"] == entry


def test_two_spellings_are_one_account(folder: Path, ring: Remembering) -> None:
    add("my-team")
    with pytest.raises(InvalidArgumentsError, match="`my-team` already"):
        add("my_team", OTHER)
    add("my_team", OTHER, replace=True)

    assert accounts.names(HEROKU) == ["my_team", "demo"]
    assert len(ring.secrets) == 1
    assert (folder / "accounts.json").read_text(encoding="utf-8").count("entry") == 1


@pytest.mark.parametrize("in_file", [False, True])
def test_what_is_removed_is_gone_with_its_token(folder: Path, ring: Remembering, in_file: bool) -> None:
    add(in_file=in_file)
    add("other", OTHER, in_file=in_file)
    store.remove("heroku", "PRODUCTION")

    assert accounts.names(HEROKU) == ["other", "demo"]
    assert TOKEN not in texts(folder)
    assert TOKEN not in ring.secrets.values()
    assert accounts.find(HEROKU, "other").token.reveal() == OTHER
    with pytest.raises(UnknownNameError, match="No account `production` of Heroku was added"):
        store.remove("heroku", "production", title="Heroku")


def test_a_token_that_cannot_be_removed_keeps_its_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Remembering())
    add()
    use(monkeypatch, Locked())
    with pytest.raises(CredentialsError, match="is locked"):
        store.remove("heroku", "production")
    assert (accounts.names(HEROKU), folder.exists()) == (["production", "demo"], True)


def test_a_token_that_somebody_else_took_away_is_told_with_the_way_out(
    folder: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    ring.secrets.clear()
    use(monkeypatch, ring)  # as in another process
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU, "production")
    assert caught.value.message == (
        "The token of the account `production` is not in the system keyring any more. Add it anew: "
        "kosmo accounts:add production --replace"
    )
    add("filed", in_file=True)
    (folder / "secrets.json").unlink()
    with pytest.raises(CredentialsError, match=r"is not in .*secrets\.json any more"):
        accounts.find(HEROKU, "filed")


def test_an_account_of_a_keyring_that_is_not_here_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Remembering())
    add()
    use(monkeypatch, Plain())
    with pytest.raises(CredentialsError, match="is in a system keyring, and there is none here"):
        accounts.find(HEROKU, "production")
    assert folder.exists()


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("demo", "is the name of the fictional account"),
        ("DEMO", "is the name of the fictional account"),
        ("list_apps", "is a function of Heroku"),
        ("list-apps", "is a function of Heroku"),
        ("heroku_list_apps", "is a function of Heroku"),
        ("Tables", "holds the shared tables of Heroku"),
        ("", "cannot be the name"),
        ("-a", "cannot be the name"),
        ("a b", "cannot be the name"),
        ("a/../b", "cannot be the name"),
        ("ä", "cannot be the name"),
        ("a" * 65, "cannot be the name"),
        (TOKEN, "That is a token"),
        (TOKEN.removeprefix("HRKU-"), "That is a token"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(alias: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        store.check_alias(HEROKU, alias)
    assert reason in caught.value.message
    assert TOKEN.removeprefix("HRKU-") not in caught.value.message


def test_default_and_any_other_name_can_be_kept() -> None:
    found = [store.check_alias(HEROKU, alias) for alias in ("default", "My-Team", "2nd", "a_b")]
    assert found == ["default", "my-team", "2nd", "a_b"]


def test_a_full_disk_leaves_what_was_there(folder: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch) -> None:
    add()
    before = texts(folder)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kosmo_kernel.settings.private_files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        add("other", OTHER)
    with pytest.raises(OSError, match="No space left"):
        add("third", OTHER, in_file=True)
    assert (texts(folder), list(ring.secrets.values())) == (before, [TOKEN])
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "accounts.json"]


def test_many_who_write_at_once_lose_nothing(folder: Path) -> None:
    faults: list[KosmoError] = []

    def write(alias: str) -> None:
        try:
            add(alias, in_file=True)
        except KosmoError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(f"a{number}",)) for number in range(8)]
    code = (
        "import os, sys\nfrom kosmo_kernel.accounts import store\nfrom kosmo_kernel.integrations.heroku import HEROKU\n"
    )
    code += f"[store.add(HEROKU, f'b{{n}}', {OTHER!r}, in_file=True) for n in range(8)]"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)})
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (process.wait(60), faults) == (0, [])
    assert accounts.names(HEROKU) == [*(f"a{n}" for n in range(8)), *(f"b{n}" for n in range(8)), "demo"]
    assert {accounts.find(HEROKU, f"b{n}").token.reveal() for n in range(8)} == {OTHER}
    assert {accounts.find(HEROKU, f"a{n}").token.reveal() for n in range(8)} == {TOKEN}
    assert mode(folder / "secrets.json") == 0o600


def test_whoever_writes_for_ever_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kosmo_kernel.settings import private_files

    monkeypatch.setattr(private_files, "LOCK_TIMEOUT_SECONDS", 0.05)
    code = "import sys\nfrom pathlib import Path\nfrom kosmo_kernel.settings.private_files import locked\n"
    code += f"with locked(Path({str(folder)!r})):\n    print('in', flush=True)\n    sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        with pytest.raises(SettingsError, match="Another program has been writing"):
            add(in_file=True)
        process.communicate()
