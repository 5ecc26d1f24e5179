"""Warnings about mistakes in a script that Lua does not report.

A reference such as `app.stack` converts to its name by metamethods, but Lua calls none when it compares values of two
types: `app.stack == "heroku-24"` is silently false. So is a comparison with a variable that nothing sets. The text is
tokenized only if it has something of the kind, and only up to `MAX_CHARACTERS_TOKENIZED` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.lua.surface import record_type
from kosmo_kernel.run.chunks import MAX_CHARACTERS_TOKENIZED, keys
from kosmo_kernel.run.habits import masked_text

_EQUALS = ("==", "~=")
_QUOTES = ('"', "'", "[[", "[=")


def lint(source: str, is_set: Callable[[str], bool]) -> list[str]:
    """Return warnings about a script, one line each, for all integrations loaded so far.

    Parameters:
        source: the script.
        is_set: returns whether a script of the session, this one included, or an input sets a variable of this name.
    """
    source = source[:MAX_CHARACTERS_TOKENIZED]
    return [*_references(source), *_mistakes(source, is_set)]


def _references(source: str) -> list[str]:
    if not any(map(source.__contains__, _EQUALS)) or not any(map(source.__contains__, _QUOTES)):
        return []
    labels = _labels(tuple(function for one in integrations.loaded() for function in _functions_meant(one, source)))
    if not any(f".{name}" in source for name in labels):
        return []
    return [_warning(line, name, labels[name]) for line, name in _comparisons(source) if name in labels]


_COMPARED = re.compile(
    r"(?:\.\s*\w+|\])\s*(?:==|~=)\s*([A-Za-z_]\w*)\b(?!\s*[.(\[:{\"'])"
    r"|(?<![\w.:\"'])([A-Za-z_]\w*)\s*(?:==|~=)\s*\w+\s*\.\s*\w"
)
_ZERO = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*)\s*\[\s*(0|-\s*\d+)\s*\](?!\s*=[^=])")
_NOT = re.compile(r"\bnot\s+([A-Za-z_][\w.]*)\s*(==|~=)\s*(?=[\"'\d])")
_DASH = re.compile(r":\s*(?:find|match|gmatch|gsub)\s*\(\s*([\"'])([^\"'\n%\[]*?\w-\w[^\"'\n]*)\1\s*[,)]([^)\n]*)")
_CONSTANTS = frozenset(("nil", "true", "false", "not", "function"))


def _mistakes(source: str, is_set: Callable[[str], bool]) -> Iterator[str]:
    """Yield warnings about what Lua reads otherwise than it was meant, or compares in vain."""
    if not any(pattern.search(source) for pattern in (_COMPARED, _ZERO, _NOT, _DASH)):
        return  # most texts need not be tokenized
    masked = masked_text(source)
    for match in _COMPARED.finditer(masked):
        name = match[1] or match[2]
        if name not in _CONSTANTS and not is_set(name):
            yield f'line {_line(source, match)}: `{name}` is a variable that nothing sets. A text has quotes: "{name}".'
    for match in () if "regex." in masked else _ZERO.finditer(masked):  # `found[0]` is the whole match
        if not re.search(rf"(?<![\w.]){re.escape(match[1])}\s*\[[^\]\n]*\]\s*=[^=]", masked):
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


def _line(source: str, match: re.Match[str]) -> int:
    return source.count("\n", 0, match.start()) + 1


def _functions_meant(integration: Integration, source: str) -> list[tuple[str, str]]:
    """Return the functions that a script names or, if it names none, those that were called so far, by full name."""
    names = [name for name in integration.table.names if name in source]
    return [(integration.name, name) for name in names or [one.name for one in integration.table.existing()]]


@lru_cache(maxsize=64)
def _labels(functions: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the fields that hold a reference, each with the field that is its text form."""
    labels: dict[str, str] = {}
    for name, function in functions:
        integration = integrations.find(name)
        nested = record_type(integration.function(function).columns, integration.labels)["fields"]
        labels |= {name: kind["label"] for name, kind in nested.items() if "label" in kind}
    return labels


def _warning(line: int, name: str, label: str) -> str:
    return (
        f"line {line}: `.{name}` is a record, and Lua never finds a record equal to a text. "
        f'Compare its {label}: `.{name}.{label} == "…"`.'
    )


@lru_cache(maxsize=64)
def _comparisons(source: str) -> tuple[tuple[int, str], ...]:
    """Return where fields are compared with strings: the line, counted from 1, and the field's name.

    Fields that the script defines itself are left out.
    """
    from kosmo_kernel.editor.tokens import tokens_of

    tokens = [token for token in tokens_of(source) if token.kind != "comment"]
    matches = []
    for place, token in enumerate(tokens):
        if token.text not in ("==", "~=") or token.kind != "mark" or not 0 < place < len(tokens) - 1:
            continue
        before, after, end = tokens[place - 1], tokens[place + 1], place + 1
        if after.kind == "string" and before.kind == "name" and tokens[place - 2].text == ".":
            matches.append((source.count("\n", 0, token.start) + 1, before.text))
        while end + 2 < len(tokens) and tokens[end + 1].text == "." and tokens[end + 2].kind == "name":
            end += 2
        if before.kind == "string" and end > place + 1:
            matches.append((source.count("\n", 0, token.start) + 1, tokens[end].text))
    own = frozenset(chain.from_iterable(keys(source)))
    return tuple((line, name) for line, name in matches if name not in own)
