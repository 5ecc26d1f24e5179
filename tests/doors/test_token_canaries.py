"""No token of an account is in any output of any door, though the service fails and repeats the token it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from faulty_service import FAULTS, faulty_service
from full_matrix import full_except
from token_doors import DOORS

from kosmo_kernel.client.retry import RetryPolicy
from kosmo_kernel.safety.redaction import Secret

CANARY = re.compile(r"kanarek-\d{6}")
FEW = 2  # accounts
# Accounts by the time that each takes at a door: 10,080 tokens with the 7 faults.
MANY = {"session": 240, "python": 600, "magic": 30, "kernel": 240, "command": 90, "agent": 240}
AT_ONCE = 40  # of one session, process or notebook, whose later errors refer to the earlier
NUMBERS = count()


Canaries = Callable[[str, str, int], list[str]]


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Canaries]:
    """Yield a function that lets as many accounts make calls that fail, and returns what shows a token of theirs."""
    pause = RetryPolicy.pause
    monkeypatch.setattr(RetryPolicy, "pause", lambda *args: None if pause(*args) is None else 0.0)
    monkeypatch.setenv("KOSMO_DEMO", "0")
    monkeypatch.delenv("HEROKU_API_KEY", raising=False)
    with faulty_service() as service:

        def found(door: str, fault: str, number: int) -> list[str]:
            service.fault = fault
            monkeypatch.setenv("HEROKU_API_URL", service.url)
            tokens = {f"c{n}": f"HRKU-AA{'b3R5' * 8}-kanarek-{next(NUMBERS):06d}-{'c2Vj' * 4}" for n in range(number)}
            for account, token in tokens.items():
                monkeypatch.setenv(f"HEROKU_API_KEY_{account.upper()}", token)
            size, leaks = 0, []
            for begin in range(0, number, AT_ONCE):
                folder = tmp_path / str(begin)
                folder.mkdir()
                for text in DOORS[door](list(tokens)[begin : begin + AT_ONCE], folder):
                    size += len(text)
                    leaks += CANARY.findall(text)
            assert size > 100 * number
            assert set(service.tokens) == (set() if fault in ("connect", "write") else set(tokens.values()))
            return leaks

        yield found


@pytest.mark.claim("token-at-socket")
@pytest.mark.parametrize("fault", full_except(FAULTS, "read", "decode", "refused"))
@pytest.mark.parametrize("door", full_except(DOORS, "session", "magic"))
def test_no_token_gets_through_a_door_in_an_error(door: str, fault: str, canaries: Canaries) -> None:
    assert canaries(door, fault, FEW) == []


@pytest.mark.claim("token-at-socket")
@pytest.mark.full
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", DOORS)
def test_no_token_of_many_accounts_gets_through_a_door_in_an_error(door: str, fault: str, canaries: Canaries) -> None:
    assert canaries(door, fault, MANY[door]) == []


@pytest.mark.parametrize("door", ["session", "magic"])
def test_a_token_that_shows_itself_gets_through(door: str, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Secret, "__repr__", lambda secret: secret.reveal())
    assert canaries(door, "refused", FEW)
