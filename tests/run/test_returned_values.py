"""A `return` anywhere in a chunk shows its value, in the kernel, in the magic and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from full_matrix import full_rows_except
from kernel_client import Kernel
from kosmo_command import kosmo
from python_shell import Shell, shells, value

pytestmark = pytest.mark.usefixtures("kernel_list")

# What each chunk shows; None is nothing.
CHUNKS = {
    "do return 42 end": 42,
    "if true then return 5 end": 5,
    "if false then return 5 end": None,
    "if false then return 5 else return 6 end": 6,
    "for i = 1, 9 do if i == 4 then return i end end": 4,
    "for _, name in ipairs({ 'a', 'b' }) do return name end": "a",
    "while true do do if true then return 7 end end end": 7,
    "repeat return 8 until true": 8,
    "repeat local n = 9 if n then return n end until false": 9,
    "goto there\n::there::\ndo return 10 end": 10,
    "local n = 0\n::again::\nn = n + 1\nif n < 11 then goto again end\ndo return n end": 11,
    "local function f() return 12 end\ndo return f() end": 12,
    "if true then return 13 end\nlocal x = 1": 13,
    "if true then return 14 end\nx = 1 -- the end;": 14,
    "if true then return 15; end": 15,
    "if true then return 16 end\n1 + 1": 16,
    "if false then return 17 end\n1 + 17": 18,
    "if true then return 19 end;": None,
    "if true then return 20 end; -- quiet": None,
    "if true then return 21 end;\n-- quiet": None,
    "do return end": None,
    "x = 22": None,
    "function f() return 23 end": None,
}
EVERY = pytest.mark.parametrize(("chunk", "shown"), CHUNKS.items())


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with shells() as make:
        made = make()
        made.run_line_magic("load_ext", "kosmo_kernel")
        yield made


@EVERY
def test_the_kernel_shows_what_a_cell_returns(kernel: Kernel, chunk: str, shown: object) -> None:
    results = [content["data"]["text/plain"] for kind, content in kernel.shown(chunk) if kind == "execute_result"]
    assert results == [] if shown is None else results == [str(shown)]


@EVERY
def test_the_magic_gives_what_a_cell_returns(shell: Shell, chunk: str, shown: object) -> None:
    assert value(shell, f"%%kosmo_lua\n{chunk}") == shown


@pytest.mark.parametrize(("chunk", "shown"), full_rows_except(CHUNKS.items(), 0, 5, 14, 17))
def test_the_command_line_prints_what_a_chunk_returns(chunk: str, shown: object) -> None:
    done = kosmo("integrations:lua", "-e", chunk)
    assert (done.stdout, done.stderr) == ("" if shown is None else f"{shown}\n", "")


def test_a_block_may_return_several_values_and_nil(kernel: Kernel) -> None:
    bundles = [content["data"]["text/plain"] for _, content in kernel.shown("do return nil, 'x' end")]
    assert bundles == [kernel.shown("return nil, 'x'")[0][1]["data"]["text/plain"]]
    assert kernel.value("do return nil end") == "nil"
