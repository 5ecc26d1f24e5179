"""Names of functions from their paths: `list_org_repos` for `/orgs/{org}/repos`.

A name has the literal words of the path. A word before a parameter is in the singular, as it stands for one of many.
Where the words of several paths coincide, the path with the fewest parameters has the bare name, and the others name
the parameters that distinguish them: `list_user_repos_by_username`. Words that say nothing of the subject, such as the
version of an API, are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from kosmo_kernel.text.patterns import lazy_pattern

MAX_NAME = 80  # characters
PLACE = lazy_pattern(r"\{([^{}/]+)\}")

_VERSION = lazy_pattern(r"v?\d+(?:\.\d+)*|\d{4}-\d{2}-\d{2}|api|rest")
_HUMP = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = lazy_pattern(r"[^a-z0-9]+")
# Endings of plurals, the first that fits; words that end so and are no plurals stay as they are.
_PLURALS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", ""))
_NO_PLURALS = ("ss", "us", "is", "news", "aws", "dns", "tls", "https", "sms")


class Path(NamedTuple):
    """A path with what it returns."""

    path: str
    returns: str  # `list` or `record`


def snake_case(text: str) -> str:
    """Return a name in lower case with underscores: `pageSize` becomes `page_size`; empty if no letter is left."""
    words = _NO_WORD.sub("_", _HUMP.sub("_", text).lower()).strip("_")
    return words if words[:1].isalpha() else f"n{words}" if words else ""


def singular(word: str) -> str:
    """Return the singular of an English word in snake case, as far as its ending tells."""
    if word.endswith(_NO_PLURALS):
        return word
    end, instead = next(((end, instead) for end, instead in _PLURALS if word.endswith(end)), ("", ""))
    return f"{word.removesuffix(end)}{instead}" if len(word) > len(end) + 1 else word


def names(paths: Iterable[Path], before: Mapping[str, str]) -> dict[str, str]:
    """Return the names of functions by their paths, each name once.

    Parameters:
        paths: of all functions.
        before: the names of an earlier version of the document by path, which stay.
    """
    groups: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    for path, returns in sorted(set(paths)):
        if path in before:
            found[path] = before[path]
        else:
            groups.setdefault(_base(path, returns), []).append(path)
    taken = set(found.values())
    for base, group in sorted(groups.items()):
        group.sort(key=lambda path: (path.count("{"), path))
        for index, path in enumerate(group):
            name = base
            if index or base in taken:
                others = set[str]().union(*(places(other) for other in group if other != path))
                own = [place for place in places(path) if place not in others] or places(path)
                name = f"{base}_by_{'_and_'.join(map(snake_case, own))}" if own else base
            found[path] = free_name(name[:MAX_NAME].rstrip("_"), taken)
            taken.add(found[path])
    return found


def places(path: str) -> list[str]:
    """Return the names of the parameters in a path."""
    return PLACE.findall(path)


def _base(path: str, returns: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    while len(segments) > 1 and _VERSION.fullmatch(segments[0].lower()):
        segments.pop(0)
    words = []
    for segment, following in zip(segments, [*segments[1:], ""], strict=False):
        word = snake_case(PLACE.sub("", segment))
        if word:
            words.append(singular(word) if PLACE.search(following) and not PLACE.search(segment) else word)
    verb = "list" if returns == "list" else "get"
    return "_".join([verb, *(words or ["all" if returns == "list" else "it"])])


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: this one, or with a number."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
