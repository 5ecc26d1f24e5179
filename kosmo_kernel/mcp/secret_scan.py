"""What in an entry is a secret that stands there in the clear, and not as a reference to one.

Three things give one away: what it looks like (see `redaction.py`), the name that it is given to, as in `API_KEY: x`,
`--api-key=x` and `?token=x`, and the option in front of it, as in `--token x`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kosmo_kernel.mcp.references import is_reference, referred
from kosmo_kernel.safety.redaction import REDACTED, redact

_NAME = re.compile(r"key|token|secret|passw|credential|authorization|cookie", re.IGNORECASE)
_WORD = re.compile(r"[\w-]*(?:key|token|secret|passw(?:or)?d)", re.IGNORECASE)
_GIVEN = re.compile(rf"({_WORD.pattern}[=:])([^\s&]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"(\$\{[^}]*\})")  # which is no secret, and looks like one: `${secret:x}`
_PASSWORD = re.compile(r"""://[^\s/?#@:"'<>]*:([^\s/"'<>]+)@""")
# What a shell or an interpreter takes for more than a word.
_CODE = re.compile(r"""[\s;|&$`(){}<>"'\\*?!]""")


def is_private(name: str, value: str) -> bool:
    """Whether the value of a variable or a header is such a secret."""
    pair = f"{name}: {value}"
    return bool(value) and not referred(value) and (bool(_NAME.search(name)) or redact(pair) != pair)


def hidden(text: str) -> str:
    """A text with `[redacted]` in place of each secret in it."""
    if is_reference(text):
        return text
    parts = _REFERENCE.split(text)
    parts[::2] = [redact(_GIVEN.sub(rf"\1{REDACTED}", part)) for part in parts[::2]]
    return "".join(parts)


def hidden_words(words: Iterable[str], *, code: bool = False) -> Iterator[str]:
    """The words of a command, with `[redacted]` in place of each secret.

    Parameters:
        words: the command and its arguments.
        code: they are for somebody who decides whether that may be run, so what may be more than a secret is left:
            `sh -c 'KEY=1;rm …'` would else be agreed to unseen.
    """
    before = ""
    for word in words:
        if code and _has_code(before, word):
            yield word
        elif _is_given(before, word):
            yield REDACTED
        else:
            yield hidden(word)
        before = word


def found_in(words: Iterable[str]) -> Iterator[str]:
    """What in the words of a command is a secret, by what names it and without itself."""
    before = ""
    for word in words:
        if (seen := hidden(word)) != word:
            given = _GIVEN.search(seen)
            yield given[1] if given else seen
        elif _is_given(before, word):
            yield before
        before = word


def _is_given(before: str, word: str) -> bool:
    """Whether a word is what an option in front of it is given, and that is called like a secret: `--token x`."""
    called = before.startswith("-") and _WORD.fullmatch(before.lstrip("-"))
    return bool(called) and not word.startswith("-") and not is_reference(word)


def _has_code(before: str, word: str) -> bool:
    """Whether what would be hidden of a word may be code, or a file."""
    rest = "" if is_reference(word) else _REFERENCE.sub("", word)
    hides = [given[2] for given in _GIVEN.finditer(rest)] + [given[1] for given in _PASSWORD.finditer(rest)]
    if _is_given(before, word):
        hides.append(rest)
    return any(_CODE.search(one) or one.startswith((".", "/", "~")) for one in hides)
