"""Strip escape sequences from plain text, make hidden characters visible, and limit the length of texts."""

from __future__ import annotations

import re
import unicodedata

MAX_MARKUP_LENGTH = 1 << 20  # characters of one text of markup

# The patterns are texts, which `re` compiles at their first use and keeps: most starts need none of them.

# Sequences that could move a terminal's cursor, change its state or reach its clipboard. Line ends, tabs and
# backspaces are kept.
_HARMFUL = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
# Characters that count as printable but show nothing: fillers, variation selectors, an empty Braille pattern.
_BLANK = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
_RIGHT_TO_LEFT = ("R", "AL", "AN")  # directions in which the characters after them may be shown before them
_UNQUOTED = r"""[^"'`\\\[\]]+"""
_WORD = r"[A-Za-z0-9][A-Za-z0-9._@-]*"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# A set for regular expressions of what is written as escapes: controls but line feeds and tabs, marks that change the
# direction of the text after them, halves of surrogate pairs, and tags, letters that programs read and nobody sees.
ESCAPED = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f"
_ESCAPED = f"[{ESCAPED}]"


class UnsafeContentError(ValueError):
    """Content that cannot be made safe to show."""


def sanitize_text(given: str) -> str:
    """Return a text without escape sequences and control characters."""
    return re.sub(_HARMFUL, "", given)


def escape_hidden(given: str) -> str:
    r"""Return a text on one line that shows each of its characters, in their order, so that somebody can agree to it.

    Control and format characters, blanks other than a space, and letters that are written from right to left become
    escapes such as `\u202e`.
    """
    if given.isascii() and given.isprintable():
        return given
    return "".join(map(_visible, given))


def _visible(character: str) -> str:
    is_hidden = not character.isprintable() or re.match(_BLANK, character)
    if not is_hidden and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT:
        return character
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def with_escapes(given: str) -> str:
    r"""Return a text of one or more lines with the characters that could change a terminal as escapes, as `\u001b`."""
    return given if given.isprintable() else re.sub(_ESCAPED, escape, given)


def skeleton(given: str) -> str:
    """Return what a reader can tell apart in a text: in one case and width, without blanks and what shows nothing."""
    folded = unicodedata.normalize("NFKC", given).casefold()
    return "".join(one for one in folded if one.isprintable() and not one.isspace() and not re.match(_BLANK, one))


def is_plain_in_quotes(text: str) -> bool:
    """Return whether a text means itself between quotes in code, and shows each of its characters in their order."""
    return re.fullmatch(_UNQUOTED, text) is not None and escape_hidden(text) == text


def is_plain_word(text: str) -> bool:
    """Return whether a text is one word of a shell's command line, and no option, as it is."""
    return re.fullmatch(_WORD, text) is not None


def shortened(text: str, max_length: int) -> str:
    """Return a text cut to a number of characters, with an ellipsis in place of what is left out."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def check_length(given: str, what: str, most: int = MAX_MARKUP_LENGTH) -> None:
    """Check that a text is not too long to read as markup.

    Raises:
        UnsafeContentError: it has more than `most` characters.
    """
    if len(given) > most:
        raise UnsafeContentError(f"{len(given):,} characters of {what} are too many; {most:,} can be shown")


def escape(match: re.Match[str]) -> str:
    r"""Return the escape of a character that was found, as JSON has it: `\u001b`, of two halves if it needs two."""
    code = ord(match[0])
    if code > 0xFFFF:
        return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return _SHORT_ESCAPES.get(match[0]) or f"\\u{code:04x}"
