"""Suggest known names for an unknown one, and compare names that are spelled differently."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_MAX_COMPARED_LENGTH = 100  # characters of a name that are compared with others
MIN_PART_LENGTH = 3  # letters that a part of a name needs to identify it
TYPO_RATIO = 0.9  # two names as similar as this differ by a letter or two


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
