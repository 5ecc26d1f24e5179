"""Lua that means harm, through every door: see `attack_spec.py` for what must hold.

`pytest` alone runs a sample of the programs in `attacks/`, each in a session of its own, and a few of them from
the command line and in the kernel. `pytest -m full` runs the others, more of them through the other doors, and the
random ones of `hostile_programs.py`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attack_spec import (
    CHUNK,
    CPU,
    MEMORY,
    PATIENCE,
    PROGRAMS,
    SECRETS,
    Machinery,
    Outcome,
    Program,
    general_faults,
    machinery,
    opened,
    programs,
    run,
)
from hostile_programs import check
from jupyter_client.blocking.client import BlockingKernelClient
from kernel_client import known_to_jupyter, start
from kosmo_command import kosmo, on_terminal
from run_with import run_with

GROUPS = sorted(path.stem for path in PROGRAMS.iterdir())
NOBODY = "http://127.0.0.1:9"  # where no token can go

# One program of so many is in the sample of each door.
IN_A_SESSION, FROM_THE_SHELL, IN_THE_KERNEL = 75, 150, 60


def plant(patch: pytest.MonkeyPatch) -> None:
    """Have secrets in the environment, and no way for them to go anywhere."""
    for name, value in SECRETS.items():
        patch.setenv(name, value)
    patch.setenv("HEROKU_API_URL", NOBODY)


@pytest.fixture(autouse=True)
def secrets(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)


@pytest.fixture(scope="module")
def untouched() -> Machinery:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with opened() as session:
            return machinery(session, frames=True)


def sampled(among: list[Program], every: int) -> list[Any]:
    """Programs as parameters, one in so many without the mark `full`."""
    return [
        pytest.param(program, id=program.name, marks=() if place % every == 0 else (pytest.mark.full,))
        for place, program in enumerate(among)
    ]


def some_of_each(every: int) -> list[Program]:
    """Return a few programs of each group that have one cell."""
    return [
        program
        for group in GROUPS
        for program in [program for program in programs(group) if len(program.cells) == 1][::every]
    ]


def test_there_are_programs_enough() -> None:
    assert len(programs()) >= 200
    assert len(programs("benign")) >= 40


# In a session ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", sampled(programs(), IN_A_SESSION))
def test_a_program_ends_as_its_first_line_says_and_leaves_the_product_whole(
    program: Program, untouched: Machinery
) -> None:
    with opened() as session:
        found = run(session, program.cells)
        faults = list(program.faults(found))
        after = machinery(session, frames=program.name.startswith("tampering/"))

    assert faults == []
    if not after.frame:
        after.frame = untouched.frame
    assert after == untouched
    assert os.environ["HEROKU_API_KEY"] == SECRETS["HEROKU_API_KEY"]


@pytest.mark.claim("lua-no-tampering")
@pytest.mark.full
def test_many_programs_in_one_session_leave_the_product_whole(untouched: Machinery) -> None:
    faults: dict[str, Any] = {}
    with opened() as session:
        for program in [*programs("tampering"), *programs("escape"), *programs("requests")]:
            found = list(general_faults(run(session, program.cells)))
            if found:
                faults[program.name] = found
        after = machinery(session, frames=True)

    assert faults == {}
    assert after == untouched


@pytest.mark.full
def test_what_is_printed_while_output_is_sent_on_arrives_whole_and_in_order() -> None:
    wanted = "".join(f"{i}\n" for i in range(1, 8001))
    slowly = "local long = ('x'):rep(100000) for i = 1, 8000 do io.write(i, '\\n') long:upper() end"
    with opened() as session:
        printed = [run_with(session, slowly, cpu_limit=30).output for _ in range(12)]

    assert [text == wanted for text in printed] == [True] * 12


# From the shell ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", sampled(some_of_each(12), FROM_THE_SHELL // 12))
def test_a_program_ends_in_one_document_from_the_shell(program: Program, tmp_path: Path) -> None:
    (tmp_path / CHUNK).write_text(program.cells[0])
    limits = ("--cpu-limit", str(CPU), "--memory-limit", str(MEMORY))
    started = time.perf_counter()
    done = kosmo("lua", CHUNK, "--json", "--demo", *limits, cwd=tmp_path)
    told = json.loads(done.stdout)
    found = Outcome(
        values=told["result"] if told["success"] else None,
        output=told["output"],
        error=told["error"] or "",
        limit=told["meta"].get("error", {}).get("limit", ""),
        seen=json.dumps(told, ensure_ascii=False) + done.stderr,
        seconds=time.perf_counter() - started - 2.0,  # the interpreter's own start is none of the program's
    )

    assert list(program.faults(found)) == []
    assert done.returncode == (0 if told["success"] else 1)


MOVING = [program for program in programs("output") if "\\27" in program.cells[-1] or "\x1b" in program.cells[-1]]


@pytest.mark.claim("parent-text", "display-terminal")
@pytest.mark.parametrize("program", sampled(MOVING, 6))
def test_a_program_shows_a_terminal_nothing_that_moves_it(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")  # so that what moves the terminal is the program's doing
    (tmp_path / CHUNK).write_text(program.cells[-1])
    shown = on_terminal("lua", str(tmp_path / CHUNK), "--demo", "--cpu-limit", str(CPU))
    shown = shown.replace("\x1b[1m", "").replace("\x1b[0m", "")  # a table's head is bold

    assert [letter for letter in "\x1b\x07\x00\x9b\x7f" if letter in shown] == []
    assert list(general_faults(Outcome(seen=shown))) == []


# In the kernel -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    """Yield a Lua kernel of the demo account, with the limits of an attack and the secrets in its environment."""
    limits = {"KOSMO_CPU_LIMIT": str(CPU), "KOSMO_MEMORY_LIMIT": str(MEMORY)}
    with pytest.MonkeyPatch.context() as patch, known_to_jupyter(tmp_path_factory.mktemp("jupyter")):
        plant(patch)
        for name, value in limits.items():
            patch.setenv(name, value)
        started = start()
    yield started.client
    started.stop()


def executed(client: BlockingKernelClient, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run a cell: the content of its reply, and the contents of what it broadcast."""
    request = client.execute(code, allow_stdin=False)
    while (reply := client.get_shell_msg(timeout=3 * PATIENCE))["parent_header"].get("msg_id") != request:
        pass
    shown: list[dict[str, Any]] = []
    while True:
        message = client.get_iopub_msg(timeout=3 * PATIENCE)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["content"].get("execution_state") == "idle":
            return reply["content"], shown
        if message["msg_type"] != "execute_input":
            shown.append(message["content"])


@pytest.mark.full
@pytest.mark.parametrize("program", sampled(some_of_each(5), IN_THE_KERNEL // 5))
def test_a_program_cannot_harm_the_kernel(program: Program, kernel: BlockingKernelClient) -> None:
    started = time.perf_counter()
    reply, shown = executed(kernel, program.cells[0])
    seconds = time.perf_counter() - started
    text = json.dumps([reply, shown], ensure_ascii=False)
    ends = {word for word, _ in program.clauses}
    expected = {"ok", "error"}
    if "harmless" not in ends:
        expected = {"error"} if ends & {"error ~", "limit"} else {"ok"}

    assert list(general_faults(Outcome(seen=text, seconds=seconds))) == []
    assert reply["status"] in expected
    executed(kernel, "%kosmo reset")
    assert executed(kernel, "return 1")[1][-1]["data"]["text/plain"] == "1"


# Random ones -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "first"), [pytest.param(6, 0, id="a few"), pytest.param(494, 6, id="many", marks=pytest.mark.full)]
)
def test_random_programs_end_in_time_show_no_secret_and_leave_the_product_whole(count: int, first: int) -> None:
    assert check(count, seed=20, first=first).faults == {}
