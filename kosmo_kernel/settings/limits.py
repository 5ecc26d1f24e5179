"""The limits of a run: bytes of Lua heap, seconds of Lua's own running time, seconds of wall-clock time, and sizes."""

from __future__ import annotations

import os
from typing import NamedTuple

from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import CPU_LIMIT, MEMORY_LIMIT, TIMEOUT

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

    memory: int = MEMORY_LIMIT.default
    cpu: float = CPU_LIMIT.default
    timeout: float | None = TIMEOUT.default
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
        if (memory, cpu, timeout) == (None, None, None) and (self.timeout or not os.environ.get(TIMEOUT.variable)):
            return self
        return self._replace(
            memory=MEMORY_LIMIT.resolve(self.memory if memory is None else memory),
            cpu=CPU_LIMIT.resolve(self.cpu if cpu is None else cpu),
            timeout=TIMEOUT.resolve(self.timeout if timeout is None else timeout),
        )


def limits(memory: int | None = None, cpu: float | None = None, timeout: float | None = None) -> Limits:
    """Return the limits of a run: the arguments, else those of the environment, of `config.toml`, or the defaults.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time.
        timeout: seconds of wall-clock time.

    Raises:
        SettingsError, UnknownNameError: a value, or something else in `config.toml`, is invalid.
    """
    configured = config().get("limits") or {}
    return Limits(
        MEMORY_LIMIT.resolve(memory, configured.get("memory")),
        CPU_LIMIT.resolve(cpu, configured.get("cpu")),
        TIMEOUT.resolve(timeout, configured.get("timeout")),
    )
