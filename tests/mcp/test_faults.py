"""Test that what a server does wrong is told with its name and its last words, in time, and the next call works."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp_config import FAULTY, answer, children, faulty, opened, text

from kosmo_kernel.errors import (
    BadAnswerError,
    CredentialsError,
    KosmoError,
    RefusedError,
    SettingsError,
    UnreachableError,
)

pytest.importorskip("mcp")

pytestmark = pytest.mark.full


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": {"command": "no-such-program-here"}}) as servers:
        with pytest.raises(SettingsError) as caught:
            servers.tools("ours")
        assert caught.value.message == (
            "The MCP server `ours` cannot be started: there is no program `no-such-program-here` on the path. It is "
            f"configured in {tmp_path / '.mcp.json'}."
        )


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty(cwd="nowhere")}) as servers, pytest.raises(SettingsError, match="nowhere"):
        servers.tools("ours")


def test_a_server_that_dies_at_its_start_is_told_with_its_last_words_and_no_secret(tmp_path: Path) -> None:
    entry = faulty("dies_at_start", env={"LEDGER_KEY": "open-sesame-42"})
    with opened(tmp_path, {"ours": entry}) as servers:
        for _ in range(2):
            with pytest.raises(BadAnswerError) as caught:
                servers.tools("ours")
            assert caught.value.message == (
                "The MCP server `ours` ended at its start with status 3.\nIt last wrote on standard error:\n"
                "  cannot open the ledger\n  [31mthe key was [redacted]\n"
                f"To see more, run {entry['command']} by itself, as its entry in {tmp_path / '.mcp.json'} has it."
            )


def started_by(entry: dict[str, Any], folder: Path) -> tuple[int, str]:
    """Return how often a server that does not start was started for one question, and what the error says."""
    book = folder / "starts"
    program = f"open({str(book)!r}, 'a').write('x')\n{entry.pop('program')}"
    with opened(
        folder, {"ours": {"command": sys.executable, "args": ["-c", program], "timeout": 20} | entry}
    ) as servers:
        with pytest.raises(KosmoError) as caught:
            servers.tools("ours")
        return len(book.read_text(encoding="utf-8")), caught.value.message


ENDS = {
    "import os; os._exit(3)": "ended at its start with status 3. It printed nothing.\nTo see more, run",
    "import os; os.abort()": "was ended by SIGABRT at its start. It printed nothing.\nTo see more, run",
    "print('no key')": "with status 0.\nOn standard output it printed what is no message:\n  no key\nTo see more, run",
    "import time; time.sleep(0.5); exit('no key')": "status 1.\nIt last wrote on standard error:\n  no key\nTo see",
}


@pytest.mark.parametrize("program", ENDS)
def test_a_server_that_ends_by_itself_at_its_start_is_started_once(tmp_path: Path, program: str) -> None:
    times, message = started_by({"program": program}, tmp_path)
    assert message.startswith("The MCP server `ours` ")
    assert ENDS[program] in message
    assert times == 1


@pytest.mark.parametrize("fault", ["noise_at_start", "old"])
def test_a_server_with_an_odd_start_works(tmp_path: Path, fault: str) -> None:
    with opened(tmp_path, {"ours": faulty(fault)}) as servers:
        assert text(servers, "ours.echo", {"text": "hello"}) == "hello"


def test_a_server_that_speaks_no_protocol_is_told_with_its_refusal(tmp_path: Path) -> None:
    before = children()
    with opened(tmp_path, {"ours": faulty("new")}) as servers:
        with pytest.raises(RefusedError, match="answered with an error at its start: Method not found"):
            servers.tools("ours")
        assert not [one for one in map(psutil.Process, children() - before) if str(FAULTY) in one.cmdline()]


def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty("mute", timeout=2)}) as servers:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"`ours` did not answer at its start within 2 s\. `timeout` in "):
            servers.tools("ours")
        assert time.monotonic() - began < 30  # and not the SDK's patience on top of each other


def test_a_server_that_says_nothing_is_told_before_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kosmo_kernel.mcp.child.SILENT_EXIT_SECONDS", 5.0
    )  # seconds that each way of ending it is given
    before = children()
    with opened(tmp_path, {"ours": faulty("mute_and_stubborn", timeout=1)}) as servers:
        with pytest.raises(UnreachableError, match="did not answer at its start within 1 s"):
            servers.tools("ours")
        server = next(one for one in map(psutil.Process, children() - before) if str(FAULTY) in one.cmdline())
        assert server.is_running()
    assert not server.is_running()


EXPECTED: dict[str, tuple[type[KosmoError], str]] = {
    "dies": (BadAnswerError, r"ended in `misbehave`\.\nIt last wrote on standard error:\n  cannot open the ledger"),
    "silent": (UnreachableError, "did not answer in `misbehave` within 4 s"),
    "stuck": (UnreachableError, r"within 4 s\..*\nIt last wrote on standard error:\n  waiting for a lock"),
    "malformed": (BadAnswerError, "answered wrongly in `misbehave`: its answer is no JSON-RPC message"),
    "rejected": (RefusedError, "answered with an error in `misbehave`: its answer is no JSON-RPC message"),
    "wrong_shape": (BadAnswerError, r"answered wrongly in `misbehave`: it is not as the protocol has it \(content"),
    "huge": (BadAnswerError, r"sent a message of more than 64 MiB or 1,000,000 values in `misbehave`, and was "),
    "many_values": (BadAnswerError, r"sent a message of more than 64 MiB or 1,000,000 values in `misbehave`, and was "),
}


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_in_a_call_is_told_and_the_next_call_works(tmp_path: Path, fault: str) -> None:
    kind, message = EXPECTED[fault]
    timeout = 60 if fault == "huge" else 4
    with opened(tmp_path, {"ours": faulty(fault, timeout=timeout)}) as servers:
        with pytest.raises(kind, match=message) as caught:
            answer(servers, "ours.misbehave")
        assert caught.value.message.startswith("The MCP server `ours` ")
        assert caught.value.facts()["function"] == "mcp.ours.misbehave"
        assert text(servers, "ours.echo", {"text": "next"}) == "next"


@pytest.mark.parametrize("fault", ["noise", "no_text"])
def test_noise_between_messages_is_passed_over(tmp_path: Path, fault: str) -> None:
    with opened(tmp_path, {"ours": faulty(fault)}) as servers:
        assert text(servers, "ours.misbehave") == "fine"


def test_a_list_whose_pages_go_round_is_an_error(tmp_path: Path) -> None:
    with (
        opened(tmp_path, {"ours": faulty("round")}) as servers,
        pytest.raises(BadAnswerError, match="its list of tools has no end"),
    ):
        servers.tools("ours")


def test_a_list_of_more_tools_than_anybody_calls_is_an_error(tmp_path: Path) -> None:
    with (
        opened(tmp_path, {"ours": faulty("many")}) as servers,
        pytest.raises(BadAnswerError, match="it has more than 10,000 tools"),
    ):
        servers.tools("ours")


def test_a_reference_to_nothing_is_told_and_nothing_is_started(tmp_path: Path) -> None:
    before = children()
    with (
        opened(tmp_path, {"ours": faulty(env={"KEY": "${NO_SUCH_VARIABLE}"})}) as servers,
        pytest.raises(CredentialsError, match="needs the environment variable NO_SUCH_VARIABLE, which is not set"),
    ):
        servers.tools("ours")
    assert children() <= before


@pytest.mark.parametrize(
    "entry", [{"command": "x\0y"}, {"args": ["x\0y"]}, {"env": {"A=B": "c"}}, {"env": {"A": "\0"}}]
)
def test_what_no_program_can_get_is_told(tmp_path: Path, entry: dict[str, Any]) -> None:
    with (
        opened(tmp_path, {"ours": {"command": sys.executable} | entry}) as servers,
        pytest.raises(SettingsError, match="`ours` cannot be started: "),
    ):
        servers.tools("ours")
