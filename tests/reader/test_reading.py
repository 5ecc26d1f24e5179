"""The reader: what goes in comes out, whatever takes too long or too much is ended, and the next request works."""

from __future__ import annotations

import os
import signal
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from patience import PATIENCE

from kosmo_kernel.errors import LimitError, SettingsError, StoppedError
from kosmo_kernel.lua.request_handler import MATCH
from kosmo_kernel.reader import reading
from kosmo_kernel.reader.reading import read
from kosmo_kernel.reader.task import Allowance, Task, allowed
from kosmo_kernel.walls import wire

ECHO = Task("builtins:bytes", "this text")
UNPACK = Task("zlib:decompress", "this archive")
ENDLESS = MATCH._replace(seconds=60.0, memory=512 << 20)
YEARS = wire.pack({"verb": "match", "flags": ""}, [b"a" * 60 + b"b", b"(a|aa)+$"])


@pytest.fixture(autouse=True)
def no_reader() -> Iterator[None]:
    reading.close()
    yield
    reading.close()


def reader() -> psutil.Process:
    return psutil.Process(reading.pid())


def test_bytes_go_in_and_come_out_and_the_process_stays() -> None:
    assert reading.pid() is None
    assert read(ECHO, b"") == b""
    process = reader()
    for data in (b"text", bytes(range(256)), b"x" * 5_000_000):
        assert read(ECHO, data) == data
    assert reader() == process


def test_a_process_that_lacks_a_module_is_replaced_by_one_with_all_that_were_needed() -> None:
    read(ECHO, b"")
    first = reader()
    assert read(UNPACK, zlib.compress(b"text")) == b"text"
    second = reader()
    assert read(ECHO, b"x") == b"x"
    assert not first.is_running()
    assert reader() == second


@pytest.mark.claim("reader-process")
def test_it_can_open_nothing() -> None:
    with pytest.raises(SettingsError, match=r"This folder cannot be read \(PermissionError\)"):
        read(Task("posix:listdir", "this folder"), b"/")


def test_what_a_library_raises_is_the_refusal_of_the_task() -> None:
    with pytest.raises(ValueError, match=r"This archive cannot be read \(error\)"):
        read(UNPACK._replace(refusal=ValueError), b"no archive")
    assert read(UNPACK, zlib.compress(b"text")) == b"text"


@pytest.mark.claim("reader-process")
def test_what_needs_too_much_memory_is_an_error_and_the_next_works() -> None:
    bomb = zlib.compress(bytes(64 << 20))
    with pytest.raises(LimitError, match=r"This archive needs more than 16 MiB of memory to read \(reading_memory\)"):
        read(UNPACK._replace(memory=16 << 20), bomb)
    assert read(UNPACK, zlib.compress(b"text")) == b"text"


def test_a_result_that_is_too_long_ends_the_process() -> None:
    with pytest.raises(LimitError, match=r"The process that reads this archive ended \(reading_process\)"):
        read(UNPACK._replace(max_result=1 << 20), zlib.compress(bytes(2 << 20)))
    assert read(ECHO, b"x") == b"x"


@pytest.mark.claim("reader-process")
def test_what_takes_too_long_is_an_error_that_says_so_and_the_next_works() -> None:
    with pytest.raises(LimitError, match=r"The pattern took more than 0\.2 s to read \(reading_time\)"):
        read(ENDLESS._replace(seconds=0.2), YEARS)
    assert read(ECHO, b"x") == b"x"


def test_all_tasks_of_a_run_share_its_time() -> None:
    allowance = Allowance(0.3)
    with allowed(allowance):
        with pytest.raises(LimitError):
            read(ENDLESS, YEARS)
        assert allowance.is_used_up
        with pytest.raises(LimitError):
            read(ENDLESS, YEARS)
    assert read(ECHO, b"x") == b"x"


@pytest.mark.claim("reader-process")
def test_a_run_that_must_stop_waits_no_longer() -> None:
    reasons: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(read, ENDLESS, YEARS, Allowance(stop_reason=lambda: reasons[0] if reasons else None))
        time.sleep(0.05)
        reasons.append("interrupted")
        with pytest.raises(StoppedError):
            busy.result(PATIENCE)


@pytest.mark.claim("reader-process")
def test_a_signal_ends_the_wait_in_the_main_thread() -> None:
    waits = threading.Event()

    def stop() -> None:
        if waits.wait(PATIENCE):
            os.kill(os.getpid(), signal.SIGINT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(KeyboardInterrupt):
        read(ENDLESS, YEARS, Allowance(stop_reason=waits.set))  # which is called while it waits
    stopper.join()
    assert read(ECHO, b"x") == b"x"


def test_threads_do_not_wait_for_each_other() -> None:
    read(ECHO, b"")
    reasons: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(read, ENDLESS, YEARS, Allowance(stop_reason=lambda: reasons[0] if reasons else None))
        for number in range(5):
            assert read(ECHO, b"%d" % number) == b"%d" % number
        assert not busy.done()
        reasons.append("interrupted")
        with pytest.raises(StoppedError):
            busy.result(PATIENCE)


def test_a_killed_one_is_replaced() -> None:
    read(ECHO, b"")
    reader().kill()
    with pytest.raises(LimitError, match="reading_process"):
        read(ECHO, b"x")
    assert read(ECHO, b"x") == b"x"


def test_a_library_that_is_missing_is_an_error_for_its_own_tasks_only() -> None:
    with pytest.raises(SettingsError, match="Install it: python -m pip install no_such_library"):
        read(UNPACK._replace(libraries=("no_such_library",)), b"")
    assert read(ECHO, b"x") == b"x"


def test_a_fork_starts_a_process_of_its_own() -> None:
    read(ECHO, b"")
    mine = reader()
    fork = os.fork()
    if fork == 0:
        os._exit(0 if reading.pid() is None and read(ECHO, b"x") == b"x" else 1)
    assert os.waitpid(fork, 0)[1] == 0
    assert reader() == mine
    assert read(ECHO, b"x") == b"x"
