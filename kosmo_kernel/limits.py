"""What a run may use: what was asked for, else the environment, else the settings, else the defaults.

The units are the contract's: bytes of Lua heap, seconds of Lua's own running time, seconds by the wall clock.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, NamedTuple

from kosmo_kernel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_MEMORY = 1 << 20  # bytes; an empty Lua state with our own code needs half of it


class Limits(NamedTuple):
    """What one run may use.

    Parameters:
        memory: bytes of Lua heap.
        cpu: seconds of Lua's own running time; waiting for a call does not count.
        timeout: seconds by the clock on the wall, waiting included; None for no limit.
        calls: how many calls a script may make.
        result: bytes of JSON that one value may have on its way out.
    """

    memory: int = 256 << 20
    cpu: float = 30.0
    timeout: float | None = None
    calls: int = 100_000
    result: int = 64 << 20


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
        SettingsError: a value that is no positive number, or too little memory for Lua to start in.
    """
    env = os.environ if env is None else env
    usual, settings = Limits(), configured or {}
    asked = _number("memory_limit", memory, env, "KOSMO_MEMORY_LIMIT")
    found = Limits(
        int(asked if asked is not None else settings.get("memory", usual.memory)),
        _number("cpu_limit", cpu, env, "KOSMO_CPU_LIMIT") or settings.get("cpu", usual.cpu),
        _number("timeout", timeout, env, "KOSMO_TIMEOUT") or settings.get("timeout", usual.timeout),
    )
    if found.memory < LEAST_MEMORY:
        raise SettingsError(f"memory_limit is {found.memory} bytes; Lua needs at least {LEAST_MEMORY}.")
    return found


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
    if not math.isfinite(given) or given <= 0:
        raise SettingsError(f"{name} must be a positive number, got {given:g}.")
    return given
