"""Fingerprints of config vars: equal exactly when the values are, for all who have the key, and for nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import scrypt, sha256
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from repository import ROOT

from kosmo_kernel.accounts import Account, fingerprints
from kosmo_kernel.accounts.fingerprints import NOT_KEPT, Fingerprints
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.integrations.heroku import HEROKU

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
ALIKE = ("", " ", "\n", "\0", "null", "true", "1", "é", "ﬁ", "Å", "a\u200b", "a", "A", "\ufffd", "?", "[redacted]")


def values(text: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    """Return what a config var may be: nothing, short, alike, long, or in another normalisation form."""
    forms = st.builds(unicodedata.normalize, st.sampled_from(FORMS), text)
    return st.one_of(st.none(), st.sampled_from(ALIKE), text, text.map(lambda one: one * 5_000), forms)


class Api:
    """Heroku with the config vars of one app."""

    def __init__(self, config_vars: Any) -> None:
        self._body = json.dumps(config_vars).encode()

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [self._body]


def asked(config_vars: dict[str, Any], account: str = "default") -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Return the fingerprint of each config var, and what is said beside."""
    of = Account("heroku", account, "HRKU-nobody", HEROKU.base_url, "the test")
    client = Client(HEROKU, of, transport=in_process(Api(config_vars)), retries=0)
    answer: Any = client.fetch(HEROKU.function("list_config_vars"), {"app_id": "my-app"})
    return {row["name"]: row["fingerprint"] for row in answer.data}, answer.notes


@pytest.fixture
def machine() -> Iterator[None]:
    """Forget the key of the test before, and afterwards that of this one."""
    forget_key()
    yield
    forget_key()


def forget_key() -> None:
    """Let this process know no more of the key than a new one."""
    fingerprints.of_this_machine.cache_clear()


@pytest.mark.claim("config-fingerprints")
@settings(max_examples=15)
@given(values(st.text(max_size=20)), values(st.text(max_size=20)))
@example("é", "e\u0301")
@example("", None)
@example("x", "x\0")
def test_fingerprints_are_equal_exactly_when_the_values_are(one: str | None, other: str | None) -> None:
    found, _ = asked({"ONE": one, "OTHER": other, "AGAIN": one}, "demo")
    assert (found["ONE"] == found["OTHER"]) == (one == other)
    assert (found["ONE"], found["ONE"] is None) == (found["AGAIN"], one is None)
    assert one is None or len((found["ONE"] or "").partition(":")[2]) == 32


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates as well, which are no JSON


@pytest.mark.claim("config-fingerprints")
@given(values(ANYTHING), values(ANYTHING), st.binary(min_size=1), st.binary(min_size=1))
@example("\ud800", "\ufffd", b"key", b"other")
@example("\ud83d\ude00", "😀", b"key", b"other")
@example("1", None, b"key", b"other")
def test_a_fingerprint_depends_on_the_value_and_the_key_only(
    one: str | None, other: str | None, key: bytes, another: bytes
) -> None:
    assert (Fingerprints(key).of(one) == Fingerprints(key).of(other)) == (one == other)
    assert (Fingerprints(key).of(one) == Fingerprints(another).of(one)) == (key == another)
    assert Fingerprints(key).of(1) != Fingerprints(key).of("1")


@pytest.mark.usefixtures("machine")
def test_the_key_is_the_machines_own_and_lasts_longer_than_a_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []
    for folder in ("one", "other"):
        monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / folder))
        forget_key()
        found.append(asked({"NAME": "value"}))
    code = "from kosmo_kernel.accounts.fingerprints import fingerprints as of; print(of('default').of('value'), end='')"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    later = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    (one, no_note), (other, _) = found
    assert (one["NAME"] != other["NAME"], other["NAME"], no_note) == (True, later, ())
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.usefixtures("machine")
def test_a_key_that_is_set_makes_the_same_fingerprints_everywhere_and_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = []
    for folder, key in (("one", "a-key-of-the-team"), ("other", "a-key-of-the-team"), ("one", "a-key-of-another-team")):
        monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / folder))
        monkeypatch.setenv("KOSMO_FINGERPRINT_KEY", key)
        found.append(asked({"NAME": "value"})[0]["NAME"] or "")
    assert found[0] == found[1] != found[2]
    assert found[0].partition(":")[0] != found[2].partition(":")[0]  # the id of the key
    assert list(tmp_path.iterdir()) == []


@pytest.mark.claim("config-fingerprints")
def test_a_key_that_somebody_chose_takes_time_and_memory_to_try_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def counted(password: bytes, **parameters: Any) -> bytes:
        made.append(parameters)
        return scrypt(password, **parameters)

    monkeypatch.setattr(fingerprints, "scrypt", counted)
    monkeypatch.setenv("KOSMO_FINGERPRINT_KEY", "a-key-that-only-this-test-has")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: fingerprints.fingerprints("default").of("value"), range(8)))
    [parameters] = made
    memory = 128 * parameters["n"] * parameters["r"]
    assert (len(found), memory >= 32 << 20, parameters["n"] * parameters["p"] >= 1 << 16) == (1, True, True)
    assert found != {Fingerprints(sha256(b"a-key-that-only-this-test-has").digest()).of("value")}


@pytest.mark.usefixtures("machine")
def test_where_nothing_can_be_kept_the_key_lasts_for_the_process_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "a file"))
    (one, note), (again, _) = asked({"NAME": "value"}), asked({"NAME": "value"})
    assert (one, note) == (again, (NOT_KEPT,))


def test_the_demos_key_is_fixed_so_that_its_pages_show_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = asked({"NAME": "value"}, "demo")
    monkeypatch.setenv("KOSMO_FINGERPRINT_KEY", "a-key-of-the-team")
    assert asked({"NAME": "value"}, "demo") == fixed


@pytest.mark.claim("config-fingerprints")
@pytest.mark.parametrize("answer", [{"fingerprint": "the value"}, {"name": "A", "fingerprint": 1}, {"name": ["x"]}])
def test_what_is_no_fingerprint_does_not_pass_for_one(answer: dict[str, Any]) -> None:
    of = Account("heroku", "demo", "HRKU-nobody", HEROKU.base_url, "the test")
    client = Client(HEROKU, of, transport=in_process(Api([answer])), retries=0)
    (row,) = client.fetch(HEROKU.function("list_config_vars"), {"app_id": "my-app"}).data
    assert row == {"name": answer.get("name") if isinstance(answer.get("name"), str) else None, "fingerprint": None}
