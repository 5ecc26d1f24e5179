"""Limit the bytes and records of the responses that a list, and a whole run, may have.

A service that sends page after page, each with new records, would fill the memory of this process, since a list is
complete or an error. The bytes of one response are limited where it is read (`connections.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct, field

from kosmo_kernel.errors import LimitError
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import RESPONSE_LIMIT, RESPONSE_RECORDS, Setting


class ResponseBudget(Struct, eq=False):
    """The bytes and records that may still be received. Thread-safe."""

    scope: str  # what has the budget, as messages call it: `A run`
    max_bytes: int  # the bytes of all bodies
    bytes_setting: Setting  # the setting that changes them
    max_records: int  # the number of records
    records_limit: str  # the name of that limit
    _bytes: int = 0
    _records: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_run(cls) -> ResponseBudget:
        """Return the budget of a run, as the settings have it."""
        settings = config()
        size = RESPONSE_LIMIT.resolve(configured=settings.get(*RESPONSE_LIMIT.config))
        records = RESPONSE_RECORDS.resolve(configured=settings.get(*RESPONSE_RECORDS.config))
        return cls("The responses of one run", size, RESPONSE_LIMIT, records, RESPONSE_RECORDS.name)

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
