"""Names of functions from their paths: `list_org_repos` for `/orgs/{org}/repos`.

A name has the literal words of the path, each once where it would follow itself. A word before a parameter is in the
singular, as it stands for one of many; the last word of a list stays in the plural, unless the word before it is the
plural that says what is listed. Words that say nothing of the subject, such as the version of an API, are left out.

Where the words of several paths coincide, the path with the fewest parameters has the bare name. The others have the
words that were left out, or name the version or the parameters that distinguish them: `list_user_repos_by_username`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count, takewhile
from typing import NamedTuple

from kosmo_kernel.text import lazy_pattern

MAX_NAME = 80  # characters
PLACE = lazy_pattern(r"\{([^{}/]+)\}")

_VERSION = lazy_pattern(r"v?\d+(?:\.\d+)*|\d{4}-\d{2}-\d{2}|api|rest")
_HUMP = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = lazy_pattern(r"[^a-z0-9]+")
# Endings of plurals, the first that fits; words that end so and are no plurals stay as they are.
_PLURALS = (
    *(("yses", "ysis"), ("tuses", "tus"), ("iases", "ias"), ("caches", "cache"), ("okies", "okie"), ("ovies", "ovie")),
    *(("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("s", "")),
)
_ANY_LENGTH = 4  # letters of an ending that is a plural also as a whole word; shorter ones need two letters before them
_NO_PLURALS = (
    *("ss", "us", "is", "series", "news", "alias", "bias", "canvas", "atlas", "lens", "analytics", "kubernetes"),
    *("aws", "dns", "tls", "https", "sms", "ios", "macos", "devops"),
)


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
    is_plural = len(word) > len(end) + 1 or len(end) > _ANY_LENGTH
    return f"{word.removesuffix(end)}{instead}" if is_plural else word


def names(paths: Iterable[Path], before: Mapping[str, str]) -> dict[str, str]:
    """Return the names of functions by their paths, each name once.

    Parameters:
        paths: of all functions.
        before: the names of an earlier version of the document by path, which stay.
    """
    groups: dict[str, list[Path]] = {}
    by_path: dict[str, str] = {}
    for path in sorted(set(paths)):
        if path.path in before:
            by_path[path.path] = before[path.path]
        else:
            groups.setdefault(_words(path), []).append(path)
    names_so_far = set(by_path.values())
    for words, group in sorted(groups.items()):
        group.sort(key=lambda path: (path.path.count("{"), _words(path, is_short=False) != words, path.path))
        for path in group:
            by_path[path.path] = next(name for name in _candidates(path, words, group) if name not in names_so_far)
            names_so_far.add(by_path[path.path])
    return by_path


def _candidates(path: Path, words: str, group: Sequence[Path]) -> Iterator[str]:
    """Yield the names that a path can have, the best first.

    Parameters:
        path: the path.
        words: the name that only its words make.
        group: all paths with these words.
    """
    yield words[:MAX_NAME].rstrip("_")
    yield _words(path, is_short=False)[:MAX_NAME].rstrip("_")
    version = "_".join(snake_case(word) for word in _version(path.path))
    others = {segment for other in group if other != path for segment in places(other.path)}
    own = [segment for segment in places(path.path) if segment not in others]
    if version and not own:
        yield f"{words}_{version}"[:MAX_NAME].rstrip("_")
    own = own or places(path.path)
    name = f"{words}_by_{'_and_'.join(map(snake_case, own))}" if own else words
    name = name[:MAX_NAME].rstrip("_")
    yield from (name if number == 1 else f"{name}_{number}" for number in count(1))


def places(path: str) -> list[str]:
    """Return the names of the parameters in a path."""
    return PLACE.findall(path)


def _version(path: str) -> list[str]:
    """Return the first segments of a path that say nothing of its subject."""
    segments = [segment for segment in path.split("/") if segment]
    return list(takewhile(lambda segment: _VERSION.fullmatch(segment.lower()), segments[:-1]))


def _words(path: Path, *, is_short: bool = True) -> str:
    """Return the name that the words of a path make.

    Parameters:
        path: the path.
        is_short: leave out a word that is the same as the one before it, and the singular of the last word of a list.
    """
    segments = [segment for segment in path.path.split("/") if segment][len(_version(path.path)) :]
    words: list[str] = []
    is_list = path.returns == "list"
    for index, segment in enumerate(segments):
        word = snake_case(PLACE.sub("", segment))
        following = segments[index + 1 :]
        if is_one := bool(following and PLACE.search(following[0]) and not PLACE.search(segment)):
            before = segments[index - 1] if index else ""
            is_last = is_short and is_list and all(map(PLACE.fullmatch, following))
            is_one = not is_last or (not PLACE.search(before) and singular(before.lower()) != before.lower())
        word = singular(word) if is_one else word
        if is_short and words and f"{word}_".startswith(f"{words[-1].rpartition('_')[2]}_"):
            word = word.partition("_")[2]
        words += [word] if word else []
    verb = "list" if is_list else "get"
    return "_".join([verb, *(words or ["all" if is_list else "it"])])


def free_name(name: str, others: Collection[str]) -> str:
    """Return a name that is none of some others: this one, or with a number."""
    return next(text for number in count(1) if (text := f"{name}_{number}" if number > 1 else name) not in others)
