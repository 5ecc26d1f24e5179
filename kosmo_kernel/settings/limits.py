"""Determine the limits of a run: from arguments, else the environment, else the settings, else the defaults.

Limits are bytes of Lua heap, seconds of Lua's own running time, and seconds of wall-clock time. `rows_shown` gives the
number of table rows to show if neither the cell nor the project sets it: from the environment, else the default.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import NamedTuple

from kosmo_kernel.errors import SettingsError

MIN_MEMORY_BYTES = 1 << 20  # bytes; an empty Lua state with our own code takes half of them
MAX_MEMORY_BYTES = 1 << 62  # bytes that a C integer can count
MAX_SECONDS = 1e9  # seconds that clocks and threads can count
ROWS, ROWS_VARIABLE = 200, "KOSMO_ROWS"
_MAX_DIGITS = 9  # of a number of rows

# What one run may cost the parent process, whatever the child process that runs Lua sends. A JSON value takes up to
# 195 bytes in Python and usually half of that, so the values of one result take at most 0.4 to 0.8 GiB.
MAX_RECORDS = 1_000_000  # records that Lua may refer to, and that one list may have
MAX_COLUMNS = 10_000  # different fields of the records of one list
MAX_CELLS = 32_000_000  # cells of one table: records times different fields
MAX_ARGUMENTS = 1_000  # arguments of one call
MAX_KEPT_BYTES = 256 << 20  # estimated bytes of all values in `Out`; the newest is kept whatever its size
HOST_CPU_EXTRA = 3.0  # seconds on top of Lua's own; importing the libraries for the first table takes one
MAX_HEADERS = 64 << 20  # bytes of a message besides its result


class Limits(NamedTuple):
    """The limits of one run.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time; waiting for a call does not count.
        timeout: seconds of wall-clock time, including waiting; None for no limit.
        calls: how many calls a script may make.
        result: bytes of JSON of one value that the script returns.
        values: how many numbers, texts, lists and tables one result may contain.
    """

    memory: int = 256 << 20
    cpu: float = 30.0
    timeout: float | None = None
    calls: int = 100_000
    result: int = 64 << 20
    values: int = 4_000_000

    @property
    def host_cpu(self) -> float:
        """Seconds of CPU time that a run may take in the parent process."""
        return self.cpu + HOST_CPU_EXTRA

    @property
    def message(self) -> int:
        """The maximum size in bytes of a message from a script."""
        return self.result + MAX_HEADERS

    def changed(self, memory: int | None, cpu: float | None, timeout: float | None) -> Limits:
        """Return these limits with the arguments that are not None, and with `KOSMO_TIMEOUT` if there is no timeout.

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
    """Return the limits of a run: the arguments, else the environment's, else the settings', else the defaults.

    The environment variables are `KOSMO_MEMORY_LIMIT`, `KOSMO_CPU_LIMIT` and `KOSMO_TIMEOUT`.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time.
        timeout: seconds of wall-clock time.
        env: environment variables; those of the process when None.
        configured: the valid `[limits]` of `config.toml`: `memory`, `cpu` and `timeout`.

    Raises:
        SettingsError: a value is no positive number or too large, or the memory is too little for Lua to start.
    """
    env = os.environ if env is None else env
    defaults, settings = Limits(), configured or {}
    memory_bytes = _number("memory_limit", memory, env, "KOSMO_MEMORY_LIMIT")
    result = Limits(
        int(memory_bytes if memory_bytes is not None else settings.get("memory", defaults.memory)),
        _number("cpu_limit", cpu, env, "KOSMO_CPU_LIMIT") or settings.get("cpu", defaults.cpu),
        _number("timeout", timeout, env, "KOSMO_TIMEOUT") or settings.get("timeout", defaults.timeout),
    )
    if result.memory < MIN_MEMORY_BYTES:
        name = "KOSMO_MEMORY_LIMIT" if memory is None else "memory_limit"
        raise SettingsError(f"{name} is {result.memory} bytes; Lua needs at least {MIN_MEMORY_BYTES}.")
    if result.memory > MAX_MEMORY_BYTES:
        raise SettingsError(f"memory_limit is more than {MAX_MEMORY_BYTES:,} bytes, the most that can be asked for.")
    for name, seconds in (("cpu_limit", result.cpu), ("timeout", result.timeout or 0)):
        if seconds > MAX_SECONDS:
            raise SettingsError(f"{name} is more than {MAX_SECONDS:,.0f} seconds, the most that can be asked for.")
    return result


def rows_shown(usual: int = ROWS) -> int:
    """Return how many rows of a table to show by default.

    Parameters:
        usual: the number if `KOSMO_ROWS` is not set.

    Raises:
        SettingsError: `KOSMO_ROWS` is no whole number above 0.
    """
    text = os.environ.get(ROWS_VARIABLE, "").strip()
    if not text:
        return usual
    if not text.isdecimal() or len(text) > _MAX_DIGITS or not int(text):
        raise SettingsError(f"{ROWS_VARIABLE} is {text[:20]!r}; it must be a whole number of rows, 1 or more.")
    return int(text)


def _number(name: str, value: float | None, env: Mapping[str, str], variable: str) -> float | None:
    if value is None:
        text = env.get(variable, "").strip()
        if not text:
            return None
        name = variable
        try:
            value = float(text)
        except ValueError:
            raise SettingsError(f"{name} must be a positive number, got {text!r}.") from None
    if not 0 < value < math.inf:  # also false for nan
        raise SettingsError(f"{name} must be a positive number, got {value:g}.")
    return value
