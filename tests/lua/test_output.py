"""Test what a script prints, on its way to whoever watches: in time, whole, and in order."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from lua_host import Answers, failure, machine, run

from kosmo_kernel import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine
    from kosmo_kernel.render.display import DisplayRequest


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


STUCK = "('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))"  # one step in C that takes days


def test_what_was_printed_just_before_a_long_step_in_c_is_seen_while_it_runs() -> None:
    with machine() as lua:

        class Watching(Answers):
            def write(self, stream: str, text: str) -> None:
                super().write(stream, text)
                lua.interrupt()

        host = Watching()
        error = failure(lua, f"print('before'); {STUCK}", host, cpu=20).error

        assert isinstance(error, errors.StoppedError)  # and it had not come to its limit before
        assert host.printed == [("stdout", "before\n")]


def test_a_letter_may_be_written_byte_by_byte_and_what_is_none_is_replaced(lua: Machine) -> None:
    host = Answers()
    run(lua, "io.write('\\xc3') io.write('\\xa9') io.stderr:write('\\xc3') print('\\xa9') io.write('\\xc3')", host)

    streams = {name: "".join(text for stream, text in host.printed if stream == name) for name in ("stdout", "stderr")}
    assert streams == {"stdout": "é\ufffd\n\ufffd", "stderr": "\ufffd"}


def test_prints_calls_and_what_is_shown_keep_their_order(lua: Machine) -> None:
    order: list[str] = []

    class Noting(Answers):
        def write(self, stream: str, text: str) -> None:
            order.extend(f"{stream} {line}" for line in text.splitlines())

        def display(self, request: DisplayRequest) -> None:
            order.append(f"display {request.form}")

        def read(self, form: str) -> str | None:
            order.append("input")
            return super().read(form)

    shown = "print(1) print(2) display.html('x') print(3) io.read()"
    run(lua, f"{shown} for i = 4, 20 do print(i) end io.stderr:write('x') print(21)", Noting())

    numbers = [f"stdout {i}" for i in range(4, 21)]
    assert order == ["stdout 1", "stdout 2", "display html", "stdout 3", "input", *numbers, "stderr x", "stdout 21"]


WAYS = {  # ways to print, and what each prints
    "print(7)": "7\n",
    "print(2^53, -0.0)": "9.007199254741e+15\t-0.0\n",
    "print(1e15)": "1e+15\n",
    "print(0/0)": "nan\n",
    "print('')": "\n",
    "print('two', nil)": "two\tnil\n",
    "print()": "\n",
    "print({1})": "[1]\n",
    "io.write('no end')": "no end",
    "io.write(1, '\\n')": "1\n",
    "dump(true)": "true\n",
    "for i = 1, 9000 do print(i) end": "".join(f"{i}\n" for i in range(1, 9001)),
    "for i = 1, 300 do print(('y'):rep(900)) end": f"{'y' * 900}\n" * 300,
    "print(('x'):rep(70000))": "x" * 70_000 + "\n",
    "for i = 1, 300000 do end": "",
}


def test_all_ways_to_print_keep_their_order_however_much_is_buffered(lua: Machine) -> None:
    random = Random(7)
    for script in (random.choices(list(WAYS), k=40) for _ in range(2)):
        host = Answers()
        run(lua, " ".join(script), host)
        assert "".join(text for _, text in host.printed) == "".join(WAYS[way] for way in script)
