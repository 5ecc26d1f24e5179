"""The process that matches regular expressions for scripts. It holds no token and may be killed at any moment.

A pattern can keep its engine busy for hours, and no time limit of the engine's own holds while it compiles. So
nothing here looks at a clock: the parent (`patterns.py`) ends this process when an answer takes too long.

The engine is the `regex` module, in the way in which it is compatible with `re`. A text is read as UTF-8, and each
byte that is not UTF-8 as a character of its own, so that what was captured is byte for byte what was there.
"""

from __future__ import annotations

import json
import os
import signal
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import regex

from kosmo_kernel.lua import walls_lockdown, wire

RESULT_MOST = 8 << 20  # bytes of text in one answer
MAX_CAPTURES = 250_000  # captures in one answer
MAX_PATTERN_SHOWN = 100  # letters of a pattern in a message
UNMATCHED = -1  # the length of a capture that is none

FLAGS = {
    "i": regex.IGNORECASE,
    "m": regex.MULTILINE,
    "s": regex.DOTALL,
    "x": regex.VERBOSE,
    "u": regex.UNICODE,
    "U": 0,  # one of PCRE's, which gets an error of its own
}
_DELIMITED = regex.compile(r"([/#~!@%])((?:\\.|(?!\1)[^\\])*+)\1([imsxuU]*+)", regex.DOTALL)
_REFERENCE = regex.compile(r"\\(\d\d?|[\\$])|\$(?:(\d\d?)|\{(\w+)\}|([A-Za-z_]\w*))", regex.ASCII)


class PatternRefusedError(Exception):
    """What was asked cannot be done; `limit` names the limit in the way, if it is one."""

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.limit = limit


@lru_cache(maxsize=100)  # the engine's own memory of patterns imports a module when it is full, behind the walls
def compiled(pattern: str, flags: str) -> regex.Pattern[str]:
    """A pattern, bare or between delimiters with modifiers behind, with the flags of both.

    Raises:
        RefusedError: it is no pattern, or there is no such flag.
    """
    inside, before = pattern, 0
    if delimited := _DELIMITED.fullmatch(pattern):
        _, inside, modifiers = delimited.groups()
        flags, before = flags + modifiers, 1
    for letter in flags:
        if letter == "U":
            raise PatternRefusedError(
                "there is no modifier `U`; write `*?`, `+?` and `??` where little is to be matched"
            )
        if letter not in FLAGS:
            raise PatternRefusedError(f"there is no flag `{letter}`; the flags are {', '.join(FLAGS)[:-3]}")
    wanted = regex.VERSION0 | (0 if "u" in flags else regex.ASCII)
    for letter in flags:
        wanted |= FLAGS[letter]
    try:
        return regex.compile(inside, wanted, cache_pattern=False)
    except regex.error as error:
        place = "" if error.pos is None else f" at character {error.pos + before + 1}"
        raise PatternRefusedError(f"the pattern {_shown(pattern)} is wrong{place}: {error.msg}") from None
    except (ValueError, OverflowError) as error:  # flags in the pattern, or a repeat of too many
        raise PatternRefusedError(f"the pattern {_shown(pattern)} is wrong: {error}") from None
    except RecursionError:
        raise PatternRefusedError(f"the pattern {_shown(pattern)} is nested too deeply") from None


def _shown(pattern: str) -> str:
    return f"`{pattern if len(pattern) <= MAX_PATTERN_SHOWN else pattern[:MAX_PATTERN_SHOWN] + '…'}`"


def template(replacement: str, pattern: regex.Pattern[str]) -> list[str | int]:
    """A replacement as texts, and numbers of groups between them.

    Raises:
        RefusedError: it names a group that the pattern does not have.
    """
    pieces: list[str | int] = []
    end = 0
    for found in _REFERENCE.finditer(replacement):
        pieces.append(replacement[end : found.start()])
        end = found.end()
        after_backslash, after_dollar, braced, name = found.groups()
        if after_backslash in ("\\", "$"):
            pieces.append(after_backslash)
        elif name:
            pieces.append(pattern.groupindex.get(name, found.group()))  # else text with a dollar in it
        else:
            pieces.append(_group(after_backslash or after_dollar or braced, pattern))
    pieces.append(replacement[end:])
    return pieces


def _group(asked: str, pattern: regex.Pattern[str]) -> int:
    number = int(asked) if asked.isdecimal() else pattern.groupindex.get(asked)
    if number is None or number > pattern.groups:
        names = "".join(f", `{name}`" for name in pattern.groupindex)
        raise PatternRefusedError(
            f"the replacement names group `{asked}`; the pattern has {pattern.groups}{names}. Text: \\$ is a dollar"
        )
    return int(number)


def captures(matches: Iterable[regex.Match[str]], pattern: regex.Pattern[str]) -> tuple[dict[str, Any], list[bytes]]:
    """What was captured: how many matches, the lengths of all captures in bytes, and their texts in a row."""
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


def replaced(
    subject: str, pattern: regex.Pattern[str], replacement: str, limit: int
) -> tuple[dict[str, Any], list[bytes]]:
    """The subject with up to `limit` matches replaced (all, when negative), and their number."""
    pieces = template(replacement, pattern)
    if limit == 0:
        return {"count": 0}, [subject.encode(errors="surrogateescape")]
    size = len(subject)

    def filled(match: regex.Match[str]) -> str:
        nonlocal size
        text = "".join(piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces)
        size += len(text)
        _check_size(size)
        return text

    made, count = pattern.subn(filled, subject, max(limit, 0))
    result = made.encode(errors="surrogateescape")
    _check_size(len(result))
    return {"count": count}, [result]


def _check_size(size: int) -> None:
    if size > RESULT_MOST:
        raise PatternRefusedError(f"the result is larger than {RESULT_MOST:,} bytes", "pattern_result")


def answer(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The answer to one question.

    Parameters:
        header: `verb` (`match`, `match_all` or `gsub`), `flags`, and `limit` for `gsub`.
        blobs: the subject, the pattern, and the replacement for `gsub`.

    Returns:
        What `captures` or `replaced` returns, or an `error` and the `limit` that it is about.
    """
    subject, source, *rest = (blob.decode(errors="surrogateescape") for blob in blobs)
    try:
        pattern = compiled(source, header["flags"])
        if header["verb"] == "gsub":
            return replaced(subject, pattern, rest[0], header["limit"])
        if header["verb"] == "match_all":
            return captures(pattern.finditer(subject), pattern)
        found = pattern.search(subject)
        return captures([found] if found else [], pattern)
    except PatternRefusedError as error:
        return {"error": str(error), "limit": error.limit}, []
    except MemoryError:
        compiled.cache_clear()
        return {"error": "the pattern needs too much memory on this subject", "limit": "pattern_memory"}, []


def main() -> None:
    """Answer questions until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the parent's to handle
    # Keep the pipes away from the standard streams, so that nothing printed by accident becomes a frame.
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    # Once before the walls, for whatever is imported at first use.
    answer({"verb": "gsub", "flags": "iu", "limit": -1}, [b"a", b"(?<n>[[:alpha:]])\\p{L}*", b"$n"])
    json.dumps(json.loads("{}"))
    walls = walls_lockdown.report(walls_lockdown.lock_down(lifeline=2))
    wire.write_frame(replies, wire.pack({}, [walls]))
    while True:
        try:
            reply = wire.pack(*answer(*wire.unpack(wire.read_frame(requests))))
            wire.write_frame(replies, reply)
        except (EOFError, OSError):
            os._exit(0)
