"""Parse JSON with comments and trailing commas, as VS Code allows in settings files.

Both are replaced by spaces before the text is parsed, so that the line and column of a syntax error stay correct.
"""

from __future__ import annotations

import re
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.text.patterns import lazy_pattern

# A string or a comment without an end is kept, and is then the syntax error. Each is matched once, in linear time.
_STRING = r'"(?:\\.|[^"\\\n])*+"?'
_INSIDE = r"(?:[^*]|\*(?!/))*+"
_COMMENT = lazy_pattern(rf"({_STRING}|/\*{_INSIDE}\Z)|//[^\n]*+|/\*{_INSIDE}\*/", re.DOTALL)
_COMMA = lazy_pattern(rf"({_STRING})|,(?=\s*[}}\]])")


def parse(name: str, text: str) -> Any:
    """Return the value of a JSON text.

    Parameters:
        name: the name of the text in error messages: a file's path.
        text: JSON; comments, trailing commas and a byte order mark are ignored.

    Raises:
        SettingsError: the text is not valid JSON. The message has the line and column, and no part of the text.
    """
    pure = _COMMA.sub(_blank, _COMMENT.sub(_blank, text.removeprefix("\ufeff")))
    return decode_json(pure, name, SettingsError)


def _blank(match: re.Match[str]) -> str:
    return match[1] or re.sub(r"[^\n]", " ", match[0])
