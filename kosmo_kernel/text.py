"""Small texts that every room writes and reads.

Counts, durations and times; known names for an unknown one; a field of a record by its dotted name; texts within the
columns of a terminal; the columns of tables; and regular expressions that are compiled when they are first used. A
process imports many more patterns than it uses, and compiling one takes longer than importing a small module.

Letters of East Asia and emoji take two columns of a terminal, marks that join the letter before them none. Control
characters have no width of their own: escape them first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, AnyStr, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from datetime import datetime

ISO_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # as Heroku sends times
_MAX_COMPARED_LENGTH = 100  # characters of a name that are compared with others
MIN_PART_LENGTH = 3  # letters that a part of a name needs to identify it
TYPO_RATIO = 0.9  # two names as similar as this differ by a letter or two

Kind = Literal["text", "number", "time", "id", "boolean", "nested"]


class TableColumn(NamedTuple):
    """A column of a table of which the writers of all formats make their cells."""

    heading: str
    texts: Sequence[Any]  # its cells: a text of one line each, and None for a missing value
    kind: Kind = "text"  # of its values; numbers are aligned to the right
    main: bool = True  # whether it is chosen before those that are not, where not all columns fit; ids are chosen last
    minimum: int = 0  # the width below which its cells are not cut, because there are numbers or times
    style: str = ""  # of its cells in a terminal, for `Paint`
    hints: Iterable[str] | None = None  # what a pointer shows at each cell, or an empty text; None if no cell has it
    shares: Sequence[float] | None = None  # of each cell in the total, between 0 and 1, for a bar behind it
    total: str | None = None  # its cell in the row of totals; None if it has none
    is_unbroken: bool = False  # whether each of its cells is one line of a page

    @property
    def to_the_right(self) -> bool:
        """Return whether the cells are aligned to the right."""
        return self.kind == "number"

    @property
    def is_id(self) -> bool:
        """Return whether it is chosen last: it has ids, which no main column has."""
        return self.kind == "id" and not self.main


def duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`, `2 h 5 min`. Integers have no decimals."""
    if seconds < 60:
        return f"{seconds} s" if isinstance(seconds, int) else f"{min(seconds, 59.9):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return names in a sentence, the first ones and how many more there are: `api, shop and 3 more`."""
    more = len(names) - most
    return separator.join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def iso_time(moment: datetime) -> str:
    """Return a time as a text: `2026-11-20T09:00:00Z`."""
    return moment.strftime(ISO_FORMAT)


def parse_time(text: str) -> datetime:
    """Return the time of a text that `iso_time` made.

    Raises:
        ValueError: it is none.
    """
    from datetime import UTC, datetime  # a large module in Python 3.11, which few processes need for this

    return datetime.strptime(text, ISO_FORMAT).replace(tzinfo=UTC)


_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine is suspended


class Moment(NamedTuple):
    """A time by two clocks: one that nobody can set, and that of the user."""

    clock: float  # seconds
    seconds: float  # since 1970, by the user's clock

    @classmethod
    def now(cls) -> Moment:
        """Return the current time."""
        return cls(time.clock_gettime(_BOOT_CLOCK), time.time())

    @property
    def time(self) -> datetime:
        """The time by the user's clock, in UTC."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.seconds, UTC)

    def seconds_since(self, earlier: Moment) -> float:
        """Return the seconds since an earlier moment; if the clocks differ, what the one that says more says."""
        return max(self.clock - earlier.clock, self.seconds - earlier.seconds)


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Return the names most similar to `name`, best first, if any; for a likely typo only the name it misspells."""
    return list(_nearest(name[:_MAX_COMPARED_LENGTH], tuple(names), most))


@lru_cache(maxsize=1024)  # a script may look up the same wrong name repeatedly
def _nearest(name: str, names: tuple[str, ...], max_results: int) -> list[str]:
    from difflib import SequenceMatcher, get_close_matches

    by_lower, lower_name = {n.lower(): n for n in names}, name.lower()
    similar = get_close_matches(lower_name, by_lower, n=max_results, cutoff=0.6)
    if similar and SequenceMatcher(None, lower_name, similar[0]).ratio() > TYPO_RATIO:
        return [by_lower[similar[0]]]
    containing = [n for n in by_lower if len(lower_name) >= MIN_PART_LENGTH and lower_name in n and n not in similar]
    return [by_lower[n] for n in (*similar, *containing)[:max_results]]


def normalize_alias(alias: str) -> str:
    """Return the normalized spelling of an alias: `My-Team` becomes `my_team`."""
    return alias.lower().replace("-", "_")


def value_at(record: object, path: str | Iterable[str]) -> Any:
    """Return the value of a field, or None if something on the way is null, absent or no record.

    Parameters:
        record: a decoded JSON object, or anything else, which has no fields.
        path: the names from the outermost to the innermost: `app.name`, or `("app", "name")`.
    """
    value: Any = record
    for name in path.split(".") if isinstance(path, str) else path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


class _LazyPattern:
    """A pattern that is compiled at the first access to an attribute, which is then kept here."""

    def __init__(self, source: Any, flags: int) -> None:
        self.pattern, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern like `re.compile`. An invalid one raises its error at the first use."""
    return cast("re.Pattern[AnyStr]", _LazyPattern(source, flags))


CUT = "…"  # in place of the rest of a text

_JOINING = {"Mn", "Me", "Mc", "Cf"}  # categories of marks and of format characters
# Format characters that terminals show: the soft hyphen, and signs that stand before a number or a name.
_VISIBLE = frozenset("\xad\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Vowels and final consonants that join the syllable before them, fillers, and the colours of emoji.
_ALSO_JOINING = lazy_pattern("[\u1160-\u11ff\ud7b0-\ud7fb\u3164\uffa0\U0001f3fb-\U0001f3ff]")
FINGERPRINT = lazy_pattern(r"[0-9a-f]{8}:[0-9a-f]{32}")  # of a secret: the id of the key, and the keyed digest
# What stays on one line where there is room for it, with what separates it from the next: a word, or a part of one.
_WORD = lazy_pattern(r"\S*\s*")
_PIECE = lazy_pattern(r"[^\s@:/._-]*[\s@:/._-]*")


def display_width(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def cut_to(text: str, width: int) -> str:
    """Return a text cut to at most `width` columns, reading no more of it than needed."""
    if text.isascii():
        return text if len(text) <= width else text[: max(width - 1, 0)] + CUT
    end = 0
    for index, columns in enumerate(accumulate(map(_width_of, text)), start=1):
        if columns > width:
            return text[:end] + CUT
        if columns < width:
            end = index
    return text


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with blanks up to `width` columns, before it if it stands at the right; a wider one unchanged."""
    blank = " " * (width - display_width(text))
    return blank + text if right else text + blank


def folded(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` columns, broken between words, and in long ones after signs."""
    lines = [""]
    words = ([word] if display_width(word.rstrip()) <= width else _PIECE.findall(word) for word in _WORD.findall(text))
    for piece in chain.from_iterable(words):
        if display_width(lines[-1]) + display_width(piece.rstrip()) <= width:
            lines[-1] += piece
            continue
        lines = [*map(str.rstrip, lines), *_chunks(piece, width)]
        if not lines[0]:
            del lines[0]
    return lines


def _chunks(text: str, width: int) -> list[str]:
    """Return a text in parts of at most `width` columns, and of one character at least."""
    parts, columns = [""], 0
    for character in text:
        columns += _width_of(character)
        if columns > width and parts[-1]:
            parts.append("")
            columns = _width_of(character)
        parts[-1] += character
    return parts


@lru_cache(maxsize=4096)
def _width_of(character: str) -> int:
    from unicodedata import category, east_asian_width

    kind = category(character)
    if (kind in _JOINING and character not in _VISIBLE) or _ALSO_JOINING.match(character):
        return 0
    is_wide = east_asian_width(character) in "WF"
    return 2 if is_wide and kind != "Cn" else 1  # what has no character yet counts as narrow
