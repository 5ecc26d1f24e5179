"""Find the names that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_MOST_COMPARED = 100  # characters of a name that is compared with others
MIN_PART_LENGTH = 3  # letters that a part of a name must have to tell it from others
TYPO_RATIO = 0.9  # two names as alike as this differ by a letter or two


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first; empty when none is like it. Of a slip of the keyboard, that one alone."""
    return list(_nearest(name[:_MOST_COMPARED], tuple(names), most))


@lru_cache(maxsize=1024)  # a script may ask for the same name for ever
def _nearest(name: str, names: tuple[str, ...], most: int) -> list[str]:
    from difflib import SequenceMatcher, get_close_matches

    by_lower, asked = {n.lower(): n for n in names}, name.lower()
    alike = get_close_matches(asked, by_lower, n=most, cutoff=0.6)
    if alike and SequenceMatcher(None, asked, alike[0]).ratio() > TYPO_RATIO:
        return [by_lower[alike[0]]]
    holding = [n for n in by_lower if len(asked) >= MIN_PART_LENGTH and asked in n and n not in alike]
    return [by_lower[n] for n in (*alike, *holding)[:most]]
