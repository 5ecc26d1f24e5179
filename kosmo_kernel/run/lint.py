"""Warnings about mistakes in a script that Lua does not report.

Lua reads a variable that nothing sets as nil, so that a comparison with it is silently false. The text is tokenized
only if it has something of the kind, and only up to `MAX_CHARACTERS_TOKENIZED` characters. Comparisons of fields with
literals are in `comparisons.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from kosmo_kernel.run.chunks import MAX_CHARACTERS_TOKENIZED, masked_text
from kosmo_kernel.run.comparisons import comparison_warnings


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
    source = source[:MAX_CHARACTERS_TOKENIZED]
    return [*comparison_warnings(source, called, unmatched or {}), *_mistakes(source, is_set, nearest_variable)]


_COMPARED = re.compile(
    r"(?:\.\s*\w+|\])\s*(?:==|~=)\s*([A-Za-z_]\w*)\b(?!\s*[.(\[:{\"'])"
    r"|(?<![\w.:\"'])([A-Za-z_]\w*)\s*(?:==|~=)\s*\w+\s*\.\s*\w"
)
# A variable as an index, `apps[wanted]`, or as a field or the first item of a table, `{ state = crashed }`.
_READ = re.compile(
    r"[\w\])]\s*\[\s*([A-Za-z_]\w*)\s*\]|[{,;]\s*\w+\s*=\s*([A-Za-z_]\w*)\s*(?=[,;}])|\{\s*([A-Za-z_]\w*)\s*(?=[,;}])"
)
# A variable as the value of the script.
_VALUE = re.compile(r"(?:\A|(?<=[\n;]))[ \t]*+(?:return\b[ \t]*+)?([A-Za-z_]\w*+)\s*+\Z")
_ZERO = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*)\s*\[\s*(0|-\s*\d+)\s*\](?!\s*=[^=])")
_WRITTEN = r"(?<![\w.])([A-Za-z_][\w.]*)(?=\s*\[[^\]\n]{0,200}\]\s*=[^=])"  # few texts need it
_NOT = re.compile(r"\bnot\s+([A-Za-z_][\w.]*)\s*(==|~=)\s*(?=[\"'\d])")
_DASH = re.compile(r":\s*(?:find|match|gmatch|gsub)\s*\(\s*([\"'])((?>[^\"'\n%\[]*?\w-\w)[^\"'\n]*+)\1\s*[,)]([^)\n]*)")
_CONSTANTS = frozenset(("nil", "true", "false", "not", "function", "end"))


def _mistakes(source: str, is_set: Callable[[str], bool], nearest_variable: Callable[[str], str]) -> Iterator[str]:
    """Yield warnings about what Lua reads otherwise than it was meant, or compares in vain."""
    unset = {name for name in {name for _, name in _reads(source)} - _CONSTANTS if not is_set(name)}
    if not unset and not any(pattern.search(source) for pattern in (_ZERO, _NOT, _DASH)):
        return  # most texts need not be tokenized
    masked = masked_text(source)
    for match, name in _reads(masked) if unset else ():
        if name in unset:
            hint = f"Did you mean `{near}`?" if (near := nearest_variable(name)) else f'A text has quotes: "{name}".'
            yield f"line {_line(source, match)}: `{name}` is a variable that nothing sets. {hint}"
    written = set(re.findall(_WRITTEN, masked))
    for match in () if "regex." in masked else _ZERO.finditer(masked):  # `found[0]` is the whole match
        if match[1] not in written:
            last = f"`{match[1]}[1]` is the first item, `{match[1]}[#{match[1]}]` the last."
            yield f"line {_line(source, match)}: `{match[1]}[{match[2]}]` is nil in a list: {last}"
    for match in _NOT.finditer(masked):
        other = "~=" if match[2] == "==" else "=="
        yield (
            f"line {_line(source, match)}: Lua reads `not {match[1]} {match[2]} …` as `(not {match[1]}) {match[2]} …`. "
            f"Write `{match[1]} {other} …`."
        )
    for match in _DASH.finditer(source):
        if masked[match.start(1) - 1] == "(" and "true" not in match[3]:
            escaped = re.sub(r"(?<=\w)-(?=\w)", "%-", match[2])
            yield f'line {_line(source, match)}: `-` is special in a pattern; `%-` is the character: "{escaped}".'


def _reads(source: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield the places where a variable that is not set would pass unnoticed, each with its name."""
    for pattern in (_COMPARED, _READ, _VALUE):
        yield from ((match, next(filter(None, match.groups()))) for match in pattern.finditer(source))


def _line(source: str, match: re.Match[str]) -> int:
    return source.count("\n", 0, match.start()) + 1
