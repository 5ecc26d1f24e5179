"""Parse TOML, and find the line of a key in it, for error messages.

Python's parser returns values without line numbers. So the line of a key is searched in the tokens of the text, which
the parser has accepted before.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.text.patterns import lazy_pattern

MAX_KEY_PARTS = 32  # of a dotted key; Python's parser takes quadratic time for it
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = lazy_pattern(rf"(?<![\w.-]){_PART}(?:\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")
# A string without an end takes the rest of the text, so that each character is read once.
_TOKEN = lazy_pattern(
    r"""
    (?: [ \t\r]++ | \#[^\n]*+ )++
    | (?P<key>
        \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )*+ "{0,5}
        | '{3} (?: [^'] | '{1,2}(?!') )*+ '{0,5}
        | " (?: [^"\\\n] | \\. )*+ "?
        | ' [^'\n]*+ '?
        | [^\s"'\[\]{}=,.#]++
    )
    | (?P<mark> [\[\]{}=,.\n] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ARRAY_OF_TABLES = 2  # brackets around the key


def parse(name: str, text: str) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters:
        name: the file, for messages.
        text: its text.

    Raises:
        SettingsError: it is no TOML (with the line and the column), or it cannot be read in reasonable time or space.
    """
    if _LONG_KEY.search(text):
        raise SettingsError(f"{name} has a key of more than {MAX_KEY_PARTS} parts with dots between them.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is no TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{name} cannot be read: its lists or tables are too deep in one another.") from None
    except ValueError:
        raise SettingsError(f"{name} cannot be read: it has a number or a time that is too large.") from None


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """Return the line, from 1, with which a key first appears, or None if it is not there or in a list.

    Parameters:
        text: valid TOML.
        keys: the path of names to the key: `("limits", "memory")`.
    """
    above: list[int | None] = [0]  # keys that lead to the table of the line, and to each inline table around the token
    below: int | None = None  # keys that lead to the value that is read
    parts: list[str] = []
    brackets = 0  # of the header that is read
    depth = 0  # of lists in the value that is read
    is_key = True
    for match in _TOKEN.finditer(text):
        mark = match["mark"]
        if depth:
            depth += (mark == "[") - (mark == "]")
        elif is_key and match["key"]:
            parts.append(match["key"])
        elif mark == "[":
            brackets, depth = brackets + is_key, int(not is_key)
        elif is_key and mark in ("=", "]"):
            below = _matched(0 if mark == "]" else above[-1], parts, keys)
            if below == len(keys):
                return text.count("\n", 0, match.start()) + 1
            if mark == "]":
                if below and brackets == _ARRAY_OF_TABLES and below == len(parts):
                    return None
                above[0] = below
            is_key = False
        elif mark == "{":
            above.append(below)
            parts, is_key = [], True
        elif mark == "}":
            above.pop()
            is_key = False
        elif mark == "," or (mark == "\n" and len(above) == 1):
            parts, is_key, brackets = [], True, 0
    return None


def _matched(count: int | None, parts: Iterable[str], keys: Sequence[str]) -> int | None:
    """Return how many of `keys` the parts of a key match after the first `count`, or None if one does not."""
    for part in parts:
        if count is None or count == len(keys):
            break
        count = count + 1 if _name(part) == keys[count] else None
    return count


def _name(part: str) -> str:
    """Return the name that a part of a key stands for."""
    if part[0] not in "\"'":
        return part
    (name,) = tomllib.loads(f"{part} = 0")
    return name
