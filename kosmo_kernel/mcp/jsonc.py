"""JSON as people write it into settings: with comments and commas too many, as VS Code allows both.

What JSON does not have is replaced by spaces, so that a mistake is still found at the line and column where it stands.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kosmo_kernel.errors import SettingsError

_STRING = r'"(?:\\.|[^"\\\n])*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")


def read(text: str, where: str) -> Any:
    """The value that a text stands for.

    Parameters:
        text: JSON; comments, commas before a closing bracket and a byte order mark are passed over.
        where: how a message calls the text: a file's path.

    Raises:
        SettingsError: it is none; with the line and the column. The message shows nothing of the text.
    """
    plain = _COMMA.sub(_blank, _COMMENT.sub(_blank, text.removeprefix("\ufeff")))
    try:
        return json.loads(plain)
    except json.JSONDecodeError as fault:
        raise SettingsError(f"{where}:{fault.lineno}:{fault.colno} is no JSON: {fault.msg}.") from None
    except RecursionError:
        raise SettingsError(f"{where}:1:1 is no JSON for settings: it is nested too deep.") from None


def _blank(found: re.Match[str]) -> str:
    return found[1] or re.sub(r"[^\n]", " ", found[0])
