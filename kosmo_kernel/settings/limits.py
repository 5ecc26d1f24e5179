"""The limits of a run: bytes of Lua heap, seconds of Lua's own running time, seconds of wall-clock time, and sizes.

The user's settings have ceilings for memory and running time. Cells and clients of the MCP server cannot exceed them;
an option of a command, and an argument in Python, can.

A `ResponseBudget` limits the responses of a list, and of a whole run. A service that sends page after page, each with
new records, would fill the memory of this process, since a list is complete or an error. The bytes of one response are
limited where it is read (`transport.py`).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from kosmo_kernel.errors import LimitError
from kosmo_kernel.settings import table
from kosmo_kernel.settings.config_file import above_ceiling, ceiling_of, config, resolve

if TYPE_CHECKING:
    from kosmo_kernel.settings.cell_options import Options


# What one run may cost the parent process, whatever the child process that runs Lua sends. A JSON value takes up to
# 195 bytes in Python and usually half of that, so the values of one result take at most 0.4 to 0.8 GiB.
MAX_RECORDS = 1_000_000  # records that Lua may refer to, and that one list may have
MAX_LARGE_VALUES = 5_000_000  # values of the large responses of one run
MAX_COLUMNS = 10_000  # different fields of the records of one list
MAX_CELLS = 32_000_000  # cells of one table: records times different fields
MAX_ARGUMENTS = 1_000  # arguments of one call
MAX_KEPT_BYTES = 256 << 20  # estimated bytes of all values in `Out`; the newest is kept whatever its size
HOST_CPU_EXTRA = 3.0  # seconds on top of Lua's own; importing the libraries for the first table takes one
MAX_HEADERS = 64 << 20  # bytes of a message besides its result


class Limits(NamedTuple):
    """The limits of one run."""

    memory: int = table.MEMORY_LIMIT.default  # bytes of Lua heap
    cpu: float = table.CPU_LIMIT.default  # seconds of Lua's own running time; waiting for a call does not count
    timeout: float | None = table.TIMEOUT.default  # seconds of wall-clock time, including waiting; None for no limit
    calls: int = 100_000  # how many calls a script may make
    result: int = 64 << 20  # bytes of JSON of one value that the script returns
    values: int = 4_000_000  # how many numbers, texts, lists and tables one result may contain
    max_memory: int = table.MAX_MEMORY.default  # the highest memory limit that a single run may ask for
    max_cpu: float = table.MAX_CPU.default  # the highest limit of running time that a single run may ask for

    @property
    def host_cpu(self) -> float:
        """Seconds of CPU time that a run may take in the parent process."""
        return self.cpu + HOST_CPU_EXTRA

    @property
    def message(self) -> int:
        """The maximum size in bytes of a message from a script."""
        return self.result + MAX_HEADERS

    def changed(self, options: Options) -> Limits:
        """Return these limits with those that are set in the options of a run, and with `KOSMO_TIMEOUT` if none is.

        Raises:
            SettingsError: as `limits`, or one is above its ceiling.
        """
        values = {setting: value for setting in table.LIMITS if (value := getattr(options, setting.name)) is not None}
        if not values and (self.timeout or not os.environ.get(table.TIMEOUT.variable)):
            return self
        changes = {_field(table.TIMEOUT): table.TIMEOUT.resolve(self.timeout)}
        for setting, value in values.items():
            limit = changes[_field(setting)] = setting.resolve(value)
            if setting in table.CEILINGS and limit > (ceiling := getattr(self, table.CEILINGS[setting].name)):
                raise above_ceiling(setting, f"`{setting.name}`", limit, ceiling)
        return self._replace(**changes)


def limits(options: Options | None = None) -> Limits:
    """Return the limits of a run: those of options, else of the environment, of `config.toml`, or the defaults.

    Parameters:
        options: the options of a command, or arguments in Python; they may be above the ceilings.

    Raises:
        SettingsError, UnknownNameError: a value, or something else in `config.toml`, is invalid.
    """
    values = {}
    for setting in table.LIMITS:
        value, configured = getattr(options, setting.name, None), config().get(*setting.config)
        ceiling = ceiling_of(setting) if setting in table.CEILINGS else None
        if ceiling is not None and value is None and configured is None and setting.from_env() is None:
            value = min(setting.default, ceiling)
        limit = values[_field(setting)] = setting.resolve(value, configured)
        if ceiling is not None:
            values[table.CEILINGS[setting].name] = max(limit, ceiling)
    return Limits(**values)


def _field(setting: table.Setting) -> str:
    """Return the name of a limit in `Limits`, which is that in `config.toml`."""
    return setting.config[-1]


def check_defaults(overridden: Container[str] = ()) -> None:
    """Check that the user's own defaults are not above the ceilings, before a session runs cells.

    Parameters:
        overridden: the names of the limits that an option of a command sets.

    Raises:
        SettingsError: a default is above its ceiling, or something in `config.toml` is invalid.
        UnknownNameError: `config.toml` has an unknown key.
    """
    for setting in table.CEILINGS:
        user, variable = config(), setting.from_env()
        value = user.get(*setting.config) if variable is None else variable
        if setting.name not in overridden and value is not None and value > (ceiling := ceiling_of(setting)):
            in_file = f"{user.place(*setting.config)}: `{'.'.join(setting.config)}`"
            raise above_ceiling(setting, in_file if variable is None else setting.variable, value, ceiling)


class ResponseBudget(Struct, eq=False):
    """The bytes of responses that may still be received, and the records where their number is limited. Thread-safe."""

    scope: str  # what has the budget, as messages call it: `A run`
    max_bytes: int  # the bytes of all bodies
    bytes_setting: table.Setting  # the setting that changes them
    max_records: float = math.inf  # the number of records
    records_limit: str = ""  # the name of that limit
    _bytes: int = 0
    _records: int = 0
    _large_values: int = 0  # the values of large responses
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_run(cls) -> ResponseBudget:
        """Return the budget of a run, as the settings have it."""
        return cls("The responses of one run", resolve(table.RESPONSE_LIMIT), table.RESPONSE_LIMIT)

    def take(self, size: int, records: int, where: Callable[[], str]) -> None:
        """Count a response.

        Parameters:
            size: the bytes of its body.
            records: the records in it.
            where: returns the call, for the message.

        Raises:
            LimitError: it is more than may still be received.
        """
        with self._lock:
            self._bytes += size
            self._records += records
            excess = self._bytes > self.max_bytes, self._records > self.max_records
        if excess[0]:
            setting = self.bytes_setting
            raise LimitError(
                f"{where()}: {self.scope} have more than {self.max_bytes:,} bytes ({setting.name}). If that much is "
                f"right, set {setting.variable} or `{'.'.join(setting.config)}` in config.toml.",
                limit=setting.name,
            )
        if excess[1]:
            raise LimitError(
                f"{where()}: {self.scope} have more than {self.max_records:,} records ({self.records_limit}).",
                limit=self.records_limit,
            )

    def take_large(self, values: int, where: Callable[[], str]) -> None:
        """Count the values of a large response, before it is decoded.

        Raises:
            LimitError: all of them have too many.
        """
        with self._lock:
            self._large_values += values
            is_excess = self._large_values > MAX_LARGE_VALUES
        if is_excess:
            raise LimitError(
                f"{where()}: {self.scope} that are large have more than {MAX_LARGE_VALUES:,} values (values_limit). "
                "Ask for them in several runs.",
                limit="values_limit",
            )
