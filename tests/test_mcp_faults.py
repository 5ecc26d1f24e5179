"""What a server does wrong is told with its name and its last words, in time, and the next call works."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from mcp_config import faulty, opened

from kosmo_kernel.errors import BadAnswerError, CredentialsError, KosmoError, SettingsError, UnreachableError

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
                "The MCP server `ours` ended at its start.\nIt last wrote on standard error:\n"
                "  cannot open the ledger\n  [31mthe key was [redacted]"
            )


@pytest.mark.parametrize("fault", ["noise_at_start", "old", "deaf_to_new"])
def test_a_server_with_an_odd_start_works(tmp_path: Path, fault: str) -> None:
    with opened(tmp_path, {"ours": faulty(fault, timeout=12 if fault == "deaf_to_new" else 20)}) as servers:
        assert servers.call(servers.tool("ours", "echo"), {"text": "hello"})["content"][0]["text"] == "hello"


def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty("mute", timeout=2)}) as servers:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"`ours` did not answer at its start within 2 s\. `timeout` in "):
            servers.tools("ours")
        assert time.monotonic() - began < 30  # and not the SDK's patience on top of each other


EXPECTED: dict[str, tuple[type[KosmoError], str]] = {
    "dies": (BadAnswerError, r"ended in `misbehave`\.\nIt last wrote on standard error:\n  cannot open the ledger"),
    "other_id": (
        UnreachableError,
        r"did not answer in `misbehave` within 4 s; it answered something else, numbered 990",
    ),
    "silent": (UnreachableError, "did not answer in `misbehave` within 4 s"),
    "stuck": (UnreachableError, r"within 4 s\..*\nIt last wrote on standard error:\n  waiting for a lock"),
    "malformed": (BadAnswerError, "answered wrongly in `misbehave`: its answer is no JSON-RPC message"),
    "wrong_shape": (BadAnswerError, r"answered wrongly in `misbehave`: it is not as the protocol has it \(content"),
    "huge": (BadAnswerError, r"sent a message of more than 64 MiB in `misbehave`, and was ended\."),
}


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_in_a_call_is_told_and_the_next_call_works(tmp_path: Path, fault: str) -> None:
    kind, message = EXPECTED[fault]
    timeout = 60 if fault == "huge" else 4
    with opened(tmp_path, {"ours": faulty(fault, timeout=timeout)}) as servers:
        misbehave = servers.tool("ours", "misbehave")
        with pytest.raises(kind, match=message) as caught:
            servers.call(misbehave, {})
        assert caught.value.message.startswith("The MCP server `ours` ")
        assert caught.value.facts()["function"] == "mcp.ours.misbehave"
        assert servers.call(servers.tool("ours", "echo"), {"text": "next"})["content"][0]["text"] == "next"


@pytest.mark.parametrize("fault", ["noise", "no_text"])
def test_noise_between_messages_is_passed_over(tmp_path: Path, fault: str) -> None:
    with opened(tmp_path, {"ours": faulty(fault)}) as servers:
        assert servers.call(servers.tool("ours", "misbehave"), {})["content"][0]["text"] == "fine"


def test_a_list_whose_pages_go_round_is_an_error(tmp_path: Path) -> None:
    with (
        opened(tmp_path, {"ours": faulty("round")}) as servers,
        pytest.raises(BadAnswerError, match="its list of tools has no end"),
    ):
        servers.tools("ours")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${NO_SUCH_VARIABLE}", "needs the environment variable NO_SUCH_VARIABLE, which is not set"),
        ("@secret:mcp.ours.key", r"needs the secret `mcp\.ours\.key`"),
    ],
)
def test_a_reference_to_nothing_is_told_and_nothing_is_started(tmp_path: Path, value: str, message: str) -> None:
    with (
        opened(tmp_path, {"ours": faulty(env={"KEY": value})}) as servers,
        pytest.raises(CredentialsError, match=message),
    ):
        servers.tools("ours")
    assert psutil.Process().children() == []
