"""Warnings about mistakes in a script that Lua does not report.

Lua reads a variable that nothing sets as nil, so that a comparison with it is silently false. The text is parsed only
if it has something of the kind, and only up to `MAX_CHARACTERS_PARSED` characters. Comparisons of fields with literals
are in `comparisons.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from kosmo_kernel.run.chunks import MAX_CHARACTERS_PARSED
from kosmo_kernel.run.comparisons import comparison_warnings

# What most texts have nothing of: a variable that is compared with a field, or is an index, a value in a table or the
# value of the script; an index that is no positive number; `not` before a comparison; and `-` in a pattern.
_VARIABLE = r"(?!(?:nil|true|false|not|function|end)\b)[A-Za-z_]\w*+"
_MAY_BE_WRONG = re.compile(
    rf"(?:\.\s*\w+|\])\s*[=~]=\s*{_VARIABLE}(?!\s*[.(\[:{{\"'])|(?<![\w.:\"']){_VARIABLE}\s*[=~]=\s*\w+\s*\.\s*\w"
    rf"|[\w\])]\s*\[\s*(?:{_VARIABLE}|0|-\s*\d+)\s*\]|[{{,;]\s*(?:\w+\s*=\s*)?{_VARIABLE}\s*[,;}}]"
    rf"|(?:\A|(?<=[\n;]))[ \t]*+(?:return\b[ \t]*+)?{_VARIABLE}\s*+\Z"
    r"|\bnot\s+[A-Za-z_][\w.]*\s*[=~]=|:\s*(?:find|match|gmatch|gsub)\b"
)


def lint(
    source: str,
    is_set: Callable[[str], bool],
    called: Collection[str] = (),
    unmatched: Mapping[tuple[str, str], str] | None = None,
    nearest_variable: Callable[[str], str] = lambda _: "",
) -> list[str]:
    """Return warnings about a script, one line each.

    Parameters:
        source: the script.
        is_set: returns whether a script of the session, this one included, or an input sets a variable of this name.
        called: the paths of the session's calls so far, `integrations.heroku.list_apps`.
        unmatched: tests that matched nothing; see `comparison_warnings`.
        nearest_variable: returns the variable with the nearest name, or an empty text.
    """
    source = source[:MAX_CHARACTERS_PARSED]
    warnings = [*comparison_warnings(source, called, unmatched or {})]
    if _MAY_BE_WRONG.search(source):
        from kosmo_kernel.lua_syntax.mistakes import mistakes

        warnings += mistakes(source, is_set, nearest_variable)
    return warnings
