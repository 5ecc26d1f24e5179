"""What a run gave: its values, its output, and the calls it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import DEFAULT

if TYPE_CHECKING:
    from kosmo_kernel.display import Display
    from kosmo_kernel.frames import KosmoFrame


@dataclass(slots=True)
class Call:
    """One `app.*` call that a run made.

    Parameters:
        path: `integrations.heroku.list_apps`.
        account: its alias.
        duration_ms: how long it took.
        status: `ok` or `error`.
        rows: how many records came, or None for none.
        requests: how many HTTP requests it took.
        error: the message, when it failed.
    """

    path: str
    account: str
    duration_ms: float
    status: str
    rows: int | None = None
    requests: int = 0
    error: str | None = None


@dataclass(slots=True)
class Result:
    """What a run gave.

    Parameters:
        values: everything the chunk returned (its last expression counts as returned), each one of None, bool,
            int, float, str, list, dict, `records.Record`, `records.Records`, `docs.Page` (a text shown as Markdown)
            or `lua.values.Opaque` (a function, coroutine or namespace, of which only the text is known).
        hidden: the chunk ended in `;` or has no value, so that a notebook shows none.
        output: what it printed, standard output and standard error in order.
        calls: what it asked for, in order.
        seconds: how long it ran, waiting included.
        memory: bytes of Lua heap at the end.
        account: what `heroku.<function>` meant.
        notes: warnings for people, one line each.
        displays: what it showed beside its values, in order.
    """

    values: list[Any] = field(default_factory=list)
    hidden: bool = False
    output: str = ""
    calls: list[Call] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    account: str = DEFAULT
    notes: list[str] = field(default_factory=list)
    displays: list[Display] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """The first value, or None."""
        return self.values[0] if self.values else None

    def frame(self) -> KosmoFrame:
        """The value as a pandas DataFrame.

        Raises:
            TypeError: the value is no list of records.
        """
        from kosmo_kernel.frames import frame_of  # noqa: PLC0415 - pandas, not before the first table
        from kosmo_kernel.records import Records  # noqa: PLC0415 - as above

        if not isinstance(self.value, Records):
            raise TypeError(f"a frame is made of a list of records, and the value is a {type(self.value).__name__}")
        return frame_of(self.value)
