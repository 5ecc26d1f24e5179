"""Match regular expressions, in the reader (`kosmo_kernel/reader/`).

A pattern can keep the engine busy for hours, and the engine's own timeout does not cover compiling. The reader is ended
when that happens.

The engine is the `regex` module in its mode that is compatible with `re`. Texts are decoded as UTF-8, with each invalid
byte as a character of its own (`surrogateescape`), so that captures are byte for byte what the subject contains.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import regex

from kosmo_kernel.walls import wire

MAX_RESULT_BYTES = 8 << 20  # bytes of text in one reply
MAX_CAPTURES = 250_000  # captures in one reply
MAX_PATTERN_SHOWN = 100  # characters of a pattern in an error message
UNMATCHED = -1  # stands for the length of a group that took no part in the match

FLAGS = {
    "i": regex.IGNORECASE,
    "m": regex.MULTILINE,
    "s": regex.DOTALL,
    "x": regex.VERBOSE,
    "u": regex.UNICODE,
    "U": 0,  # a flag of PCRE that is not supported and has its own error message
}
_DELIMITED = regex.compile(r"([/#~!@%])((?:\\.|(?!\1)[^\\])*+)\1([imsxuU]*+)", regex.DOTALL)
_REFERENCE = regex.compile(r"\\(\d\d?|[\\$])|\$(?:(\d\d?)|\{(\w+)\}|([A-Za-z_]\w*))", regex.ASCII)


class PatternRefusedError(Exception):
    """A request is invalid or exceeds a limit; `limit` names the limit, or is empty."""

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


@lru_cache(maxsize=100)  # the engine's own cache imports a module when it is full, which the walls forbid
def compile_pattern(pattern: str, flags: str) -> regex.Pattern[str]:
    """Return a compiled pattern.

    Parameters:
        pattern: bare, or between delimiters and followed by modifiers, as in `/a+/i`.
        flags: letters of `FLAGS`, in addition to the modifiers.

    Raises:
        PatternRefusedError: the pattern is invalid, or there is no such flag.
    """
    source, offset = pattern, 0
    if delimited := _DELIMITED.fullmatch(pattern):
        _, source, modifiers = delimited.groups()
        flags, offset = flags + modifiers, 1
    for letter in flags:
        if letter == "U":
            raise PatternRefusedError(
                "there is no modifier `U`; write `*?`, `+?` and `??` where little is to be matched"
            )
        if letter not in FLAGS:
            raise PatternRefusedError(f"there is no flag `{letter}`; the flags are {', '.join(FLAGS)[:-3]}")
    options = regex.VERSION0 | (0 if "u" in flags else regex.ASCII)
    for letter in flags:
        options |= FLAGS[letter]
    try:
        return regex.compile(source, options, cache_pattern=False)
    except regex.error as error:
        position = "" if error.pos is None else f" at character {error.pos + offset + 1}"
        raise PatternRefusedError(f"the pattern {_quote(pattern)} is wrong{position}: {error.msg}") from None
    except (ValueError, OverflowError) as error:  # invalid flags inside the pattern, or a repeat count too large
        raise PatternRefusedError(f"the pattern {_quote(pattern)} is wrong: {error}") from None
    except RecursionError:
        raise PatternRefusedError(f"the pattern {_quote(pattern)} is nested too deeply") from None


def _quote(pattern: str) -> str:
    return f"`{pattern if len(pattern) <= MAX_PATTERN_SHOWN else pattern[:MAX_PATTERN_SHOWN] + '…'}`"


def template(replacement: str, pattern: regex.Pattern[str]) -> list[str | int]:
    """Return a replacement as a list of texts and group numbers.

    Raises:
        PatternRefusedError: it names a group that the pattern does not have.
    """
    pieces: list[str | int] = []
    end = 0
    for match in _REFERENCE.finditer(replacement):
        pieces.append(replacement[end : match.start()])
        end = match.end()
        after_backslash, after_dollar, braced, name = match.groups()
        if after_backslash in ("\\", "$"):
            pieces.append(after_backslash)
        elif name:
            pieces.append(pattern.groupindex.get(name, match.group()))  # an unknown name is literal text
        else:
            pieces.append(_group(after_backslash or after_dollar or braced, pattern))
    pieces.append(replacement[end:])
    return pieces


def _group(reference: str, pattern: regex.Pattern[str]) -> int:
    number = int(reference) if reference.isdecimal() else pattern.groupindex.get(reference)
    if number is None or number > pattern.groups:
        names = "".join(f", `{name}`" for name in pattern.groupindex)
        raise PatternRefusedError(
            f"the replacement names group `{reference}`; the pattern has {pattern.groups}{names}. Text: \\$ is a dollar"
        )
    return int(number)


def encode_matches(
    matches: Iterable[regex.Match[str]], pattern: regex.Pattern[str]
) -> tuple[dict[str, Any], list[bytes]]:
    """Return the captures of all matches.

    Returns:
        A header with `count`, `groups` and `names`, and two texts: the lengths of all captures in bytes, as 32-bit
        integers, and the captures one after the other.
    """
    lengths: list[int] = []
    texts: list[bytes] = []
    count = size = 0
    for match in matches:
        count += 1
        for text in (match.group(), *match.groups()):
            if text is None:
                lengths.append(UNMATCHED)
                continue
            texts.append(text.encode(errors="surrogateescape"))
            lengths.append(len(texts[-1]))
            size += lengths[-1]
        if len(lengths) > MAX_CAPTURES:
            raise PatternRefusedError(f"the matches have more than {MAX_CAPTURES:,} captures", "pattern_captures")
        _check_size(size)
    header = {"count": count, "groups": pattern.groups, "names": list(pattern.groupindex.items())}
    return header, [struct.pack(f"<{len(lengths)}i", *lengths), b"".join(texts)]


def replace_matches(
    subject: str, pattern: regex.Pattern[str], replacement: str, limit: int
) -> tuple[dict[str, Any], list[bytes]]:
    """Return the number of replacements, and the subject with up to `limit` matches replaced (negative: all)."""
    pieces = template(replacement, pattern)
    if limit == 0:
        return {"count": 0}, [subject.encode(errors="surrogateescape")]
    size = len(subject)

    def fill(match: regex.Match[str]) -> str:
        nonlocal size
        text = "".join(piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces)
        size += len(text)
        _check_size(size)
        return text

    result, count = pattern.subn(fill, subject, max(limit, 0))
    encoded = result.encode(errors="surrogateescape")
    _check_size(len(encoded))
    return {"count": count}, [encoded]


def _check_size(size: int) -> None:
    if size > MAX_RESULT_BYTES:
        raise PatternRefusedError(f"the result is larger than {MAX_RESULT_BYTES:,} bytes", "pattern_result")


def prepare() -> None:
    """Run everything once, because some modules are imported at first use."""
    answer({"verb": "gsub", "flags": "iu", "limit": -1}, [b"a", b"(?<n>[[:alpha:]])\\p{L}*", b"$n"])


def match(payload: bytes) -> bytes:
    """Return the payload of the reply to a request; see `answer`."""
    return wire.pack(*answer(*wire.unpack(payload)))


def answer(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the reply to a request.

    Parameters:
        header: `verb` (`match`, `match_all` or `gsub`), `flags`, and `limit` for `gsub`.
        blobs: the subject, the pattern, and the replacement for `gsub`.

    Returns:
        The result of `captures` or `replaced`, or an `error` message and the `limit` that was exceeded, if any.
    """
    subject, source, *rest = (blob.decode(errors="surrogateescape") for blob in blobs)
    try:
        pattern = compile_pattern(source, header["flags"])
        if header["verb"] == "gsub":
            return replace_matches(subject, pattern, rest[0], header["limit"])
        if header["verb"] == "match_all":
            return encode_matches(pattern.finditer(subject), pattern)
        match = pattern.search(subject)
        return encode_matches([match] if match else [], pattern)
    except PatternRefusedError as error:
        return {"error": str(error), "limit": error.limit}, []
    except MemoryError:
        compile_pattern.cache_clear()
        return {"error": "the pattern needs too much memory on this subject", "limit": "pattern_memory"}, []
