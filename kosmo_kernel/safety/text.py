"""Strip escape sequences from plain text, make hidden characters visible, and limit the length of texts."""

from __future__ import annotations

import re

MAX_MARKUP_LENGTH = 1 << 20  # characters of one text of markup

# The patterns are texts, which `re` compiles at their first use and keeps: most starts need none of them.

# Sequences that could move a terminal's cursor, change its state or reach its clipboard. Line ends, tabs and
# backspaces are kept.
_HARMFUL = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_HARMLESS = bytes((*b"\b\t\n\r", *range(0x20, 0x7F)))  # the ASCII that these do not match
# Characters that count as printable but show nothing: fillers, variation selectors, an empty Braille pattern.
_BLANK = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
_RIGHT_TO_LEFT = ("R", "AL", "AN")  # directions in which the characters after them may be shown before them
_UNQUOTED = r"""[^"'`\\\[\]]+"""
_WORD = r"[A-Za-z0-9][A-Za-z0-9._@-]*"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# The table of hidden characters, as a set for regular expressions. Each output for people writes them as escapes: the
# terminal, tables, JSON, TOML, Terraform's language, SARIF. Joiners (U+200C, U+200D) and the variation selectors up to
# U+FE0F are not among them, because emoji and some scripts need them.
HIDDEN = (
    "\x7f-\x9f"  # controls
    "\u200b\u2060-\u2064\ufeff"  # blanks without a width
    "\u2028\u2029"  # ends of lines and paragraphs, where programs differ about lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # the direction of the text after them
    "\ufff9-\ufffb"  # marks of annotations
    "\ud800-\udfff"  # halves of surrogate pairs, which UTF-8 cannot have
    "\U000e0000-\U000e007f\U000e0100-\U000e01ef"  # tags and variation selectors: programs read them, nobody sees them
)
ESCAPED = f"\x00-\x08\x0b-\x1f{HIDDEN}"  # and the controls but line feeds and tabs
_ESCAPED = f"[{ESCAPED}]"


class UnsafeContentError(ValueError):
    """Content that cannot be made safe to show."""


def sanitize_text(text: str) -> str:
    """Return a text without escape sequences and control characters."""
    if text.isascii() and (text.isprintable() or not text.encode().translate(None, _HARMLESS)):
        return text  # true of most texts, and much faster
    return re.sub(_HARMFUL, "", text)


def escape_hidden(text: str) -> str:
    r"""Return a text on one line that shows each of its characters, in their order, so that somebody can agree to it.

    Control and format characters, blanks other than a space, and letters that are written from right to left become
    escapes such as `\u202e`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    import unicodedata  # most texts need none of its tables

    is_hidden = not character.isprintable() or re.match(_BLANK, character)
    if not is_hidden and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT:
        return character
    return _SHORT_ESCAPES.get(character) or code_point_escape(character)


def with_escapes(text: str) -> str:
    r"""Return a text of one or more lines with the characters that could change a terminal as escapes, as `\u001b`."""
    return text if text.isascii() and text.isprintable() else re.sub(_ESCAPED, escape, text)


def with_json_escapes(text: bytes) -> bytes:
    """Return a JSON text with its hidden characters as escapes, which stand for the same text."""
    has_hidden = b"\x7f" in text or not text.isascii()
    return with_escapes(text.decode()).encode() if has_hidden else text


def code_point_escape(character: str) -> str:
    r"""Return the escape of a character by its code point, as Python, TOML and Terraform's language have it."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def skeleton(text: str) -> str:
    """Return what a reader can tell apart in a text: in one case and width, without blanks and what shows nothing."""
    import unicodedata

    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isprintable() and not char.isspace() and not re.match(_BLANK, char))


def is_plain_in_quotes(text: str) -> bool:
    """Return whether a text means itself between quotes in code, and shows each of its characters in their order."""
    return re.fullmatch(_UNQUOTED, text) is not None and escape_hidden(text) == text


def is_plain_word(text: str) -> bool:
    """Return whether a text is one word of a shell's command line, and no option, as it is."""
    return re.fullmatch(_WORD, text) is not None


def shortened(text: str, max_length: int) -> str:
    """Return a text cut to a number of characters, with an ellipsis in place of what is left out."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def check_length(text: str, what: str, most: int = MAX_MARKUP_LENGTH) -> None:
    """Check that a text is not too long to read as markup.

    Raises:
        UnsafeContentError: it has more than `most` characters.
    """
    if len(text) > most:
        raise UnsafeContentError(f"{len(text):,} characters of {what} are too many; {most:,} can be shown")


def escape(match: re.Match[str]) -> str:
    r"""Return the escape of a character that was found, as JSON has it: `\u001b`, of two halves if it needs two."""
    code = ord(match[0])
    if code > 0xFFFF:
        return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return _SHORT_ESCAPES.get(match[0]) or f"\\u{code:04x}"
