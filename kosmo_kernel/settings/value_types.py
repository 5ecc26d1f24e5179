"""The kinds of values that settings have: which values are valid, and how the text of one is parsed.

`check` and `parse` raise ValueError with a description of valid values. Each place where a setting can be set puts it
into its own message: the variable, the line of the file, or the option.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from msgspec import Struct


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


class Value(Struct, frozen=True):
    """The values of a setting; by default any text that is not blank."""

    expected: str  # a description of valid values
    metavar: str = ""  # the placeholder for a value in help; empty for an option without a value
    is_valid: Callable[[Any], bool] = _is_text  # returns whether a value is valid
    # Converts a text to a value, which is then checked; may raise ValueError with another description.
    read: Callable[[str], Any] = str
    words: tuple[str, ...] = ()  # all valid values, if they are words
    repeats: bool = False  # whether an option may be repeated; its value is then a list that each use extends
    is_code: bool = False  # whether the text of an option is a Python expression, with its own quotes and brackets
    is_secret: bool = False  # whether messages must not quote a value

    def check(self, value: Any) -> Any:
        """Return a valid value.

        Raises:
            ValueError: it is invalid; the message describes valid values.
        """
        if not self.is_valid(value):
            raise ValueError(self.expected)
        return value

    def parse(self, text: str) -> Any:
        """Return the value of a text from an environment variable or an option.

        Raises:
            ValueError: as for `check`.
        """
        return self.check(self.read(text))

    def format(self, value: Any) -> str:
        """Return a default value as help shows it; empty for none."""
        return value if isinstance(value, str) else ""


def choice(*words: str) -> Value:
    """Return the values of a setting that is one of some words."""
    *first, last = (f'"{word}"' for word in words)
    return Value(f"{', '.join(first)} or {last}", is_valid=lambda value: value in words, words=words)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _read_flag(text: str) -> bool:
    """Return True for 1 and False for 0. Any other text is an error, because the user meant 1 or 0."""
    if text not in ("0", "1"):
        raise ValueError("1 or 0")
    return text == "1"


FLAG = Value("true or false", is_valid=_is_flag, read=_read_flag)
FLAG_OR_OFF = Value("true or false", is_valid=_is_flag, read=lambda text: text == "1")  # any other text means off


def _read_number(text: str) -> float:
    try:
        return int(text) if text.isascii() and text.isdecimal() else float(text)
    except ValueError:
        return math.nan


class Number(Value, frozen=True):
    """Numbers in a range, of some unit."""

    minimum: int = 0  # the lowest valid value
    maximum: float = math.inf  # the highest valid value
    is_whole: bool = False  # whether it has no fraction
    is_above: bool = False  # whether the minimum itself is invalid
    read: Callable[[str], Any] = _read_number

    def check(self, value: Any) -> Any:
        """Return a valid value, as an integer or a float.

        Raises:
            ValueError: it is invalid; the message describes valid values.
        """
        is_number = not isinstance(value, bool) and isinstance(value, Real)
        if not is_number or not self.minimum <= value < math.inf or (self.is_above and value == self.minimum):
            raise ValueError(self.expected)
        if self.is_whole and value % 1:
            raise ValueError(self.expected)
        if value > self.maximum:
            raise ValueError(f"at most {self.maximum:.0f}")
        return int(value) if self.is_whole else float(value)

    def format(self, value: Any) -> str:
        """Return a default value as help shows it."""
        return "no limit" if value is None else str(value) if self.is_whole else f"{value:g}"

    def json_schema(self, maximum: float | None) -> dict[str, Any]:
        """Return the JSON schema of the values up to a maximum, or of all when it is None."""
        bound = "exclusiveMinimum" if self.is_above else "minimum"
        schema = {"type": "integer" if self.is_whole else "number", bound: self.minimum}
        return schema if maximum is None else schema | {"maximum": maximum}
