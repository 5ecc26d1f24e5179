"""Retry at once in a process that a test starts with this folder first in `PYTHONPATH`."""

from kosmo_kernel.client.retry import RetryableError, RetryPolicy

_pause = RetryPolicy.pause


def pause_none(self: RetryPolicy, setback: RetryableError) -> float | None:
    """Return no pause where there would be one."""
    return None if _pause(self, setback) is None else 0.0


RetryPolicy.pause = pause_none  # type: ignore[method-assign]
