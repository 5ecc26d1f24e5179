"""What a run may use: what was asked for, else the environment, else the settings, else the defaults.

And how many rows of a table are shown where neither a cell nor a project says so: the environment's, else the default.

The units are the contract's: bytes of Lua heap, seconds of Lua's own running time, seconds by the wall clock.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import NamedTuple

from kosmo_kernel.errors import SettingsError

MIN_MEMORY_BYTES = 1 << 20  # bytes; an empty Lua state with our own code needs half of it
MAX_MEMORY_BYTES = 1 << 62  # bytes, which C can count
MAX_SECONDS = 1e9  # seconds, which clocks and threads can count
ROWS, ROWS_VARIABLE = 200, "KOSMO_ROWS"
_DIGITS = 9  # of a number of rows, at most

# What one run may cost the process that started it, whatever the process that runs Lua says. A value in JSON takes up
# to 195 bytes in Python, most take half of that, so the values of one result take 0.4 to 0.8 GiB at the very most.
MAX_RECORDS = 1_000_000  # records that Lua may refer to, and that one list may have
MAX_COLUMNS = 10_000  # different fields of the records of one list
MAX_CELLS = 32_000_000  # of one table: records times different fields
MAX_ARGUMENTS = 1_000  # of one call
MAX_KEPT_BYTES = 256 << 20  # estimated, of all values behind `Out`; the newest is kept whatever its size
HOST_CPU_EXTRA = 3.0  # seconds on top of Lua's own: the libraries that draw the first table take one to import
MAX_HEADERS = 64 << 20  # bytes of a message beside its result


class Limits(NamedTuple):
    """What one run may use.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time; waiting for a call does not count.
        timeout: seconds by the clock on the wall, waiting included; None for no limit.
        calls: how many calls a script may make.
        result: bytes of JSON that one value may have on its way out.
        values: numbers, texts, lists and tables that one result may consist of.
    """

    memory: int = 256 << 20
    cpu: float = 30.0
    timeout: float | None = None
    calls: int = 100_000
    result: int = 64 << 20
    values: int = 4_000_000

    @property
    def host_cpu(self) -> float:
        """Seconds of processor time that a run may cost outside the process that runs Lua."""
        return self.cpu + HOST_CPU_EXTRA

    @property
    def message(self) -> int:
        """Bytes of the longest message that a script can cause."""
        return self.result + MAX_HEADERS

    def changed(self, memory: int | None, cpu: float | None, timeout: float | None) -> Limits:
        """These, with others where some are given, and the environment's `KOSMO_TIMEOUT` where there is none.

        Raises:
            SettingsError: as `limits`.
        """
        if memory is cpu is timeout is None and (self.timeout or not os.environ.get("KOSMO_TIMEOUT")):
            return self
        return limits(
            self.memory if memory is None else memory,
            self.cpu if cpu is None else cpu,
            self.timeout if timeout is None else timeout,
        )


def limits(
    memory: int | None = None,
    cpu: float | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    configured: Mapping[str, float] | None = None,
) -> Limits:
    """The limits of a run: those given, else the environment's, else the settings', else the defaults.

    The environment has them as `KOSMO_MEMORY_LIMIT`, `KOSMO_CPU_LIMIT` and `KOSMO_TIMEOUT`.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time.
        timeout: seconds by the clock on the wall.
        env: environment variables; the process's own when None.
        configured: `[limits]` of `config.toml`: `memory`, `cpu` and `timeout`, which make sense.

    Raises:
        SettingsError: a value that is no positive number or beyond counting, or too little memory for Lua to start in.
    """
    env = os.environ if env is None else env
    usual, settings = Limits(), configured or {}
    asked = _number("memory_limit", memory, env, "KOSMO_MEMORY_LIMIT")
    found = Limits(
        int(asked if asked is not None else settings.get("memory", usual.memory)),
        _number("cpu_limit", cpu, env, "KOSMO_CPU_LIMIT") or settings.get("cpu", usual.cpu),
        _number("timeout", timeout, env, "KOSMO_TIMEOUT") or settings.get("timeout", usual.timeout),
    )
    if found.memory < MIN_MEMORY_BYTES:
        name = "KOSMO_MEMORY_LIMIT" if memory is None else "memory_limit"
        raise SettingsError(f"{name} is {found.memory} bytes; Lua needs at least {MIN_MEMORY_BYTES}.")
    if found.memory > MAX_MEMORY_BYTES:
        raise SettingsError(f"memory_limit is more than {MAX_MEMORY_BYTES:,} bytes, the most that can be asked for.")
    for name, seconds in (("cpu_limit", found.cpu), ("timeout", found.timeout or 0)):
        if seconds > MAX_SECONDS:
            raise SettingsError(f"{name} is more than {MAX_SECONDS:,.0f} seconds, the most that can be asked for.")
    return found


def rows_shown(usual: int = ROWS) -> int:
    """How many rows of a table are shown, unless told otherwise.

    Parameters:
        usual: where the environment does not say.

    Raises:
        SettingsError: `KOSMO_ROWS` is no whole number above 0.
    """
    text = os.environ.get(ROWS_VARIABLE, "").strip()
    if not text:
        return usual
    if not text.isdecimal() or len(text) > _DIGITS or not int(text):
        raise SettingsError(f"{ROWS_VARIABLE} is {text[:20]!r}; it must be a whole number of rows, 1 or more.")
    return int(text)


def _number(name: str, given: float | None, env: Mapping[str, str], variable: str) -> float | None:
    if given is None:
        text = env.get(variable, "").strip()
        if not text:
            return None
        name = variable
        try:
            given = float(text)
        except ValueError:
            raise SettingsError(f"{name} must be a positive number, got {text!r}.") from None
    if not 0 < given < math.inf:  # nan is neither
        raise SettingsError(f"{name} must be a positive number, got {given:g}.")
    return given
