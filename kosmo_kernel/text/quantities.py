"""Format counts and durations."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`, `2 h 5 min`. Integers have no decimals."""
    if seconds < 60:
        return f"{seconds} s" if isinstance(seconds, int) else f"{min(seconds, 59.9):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
