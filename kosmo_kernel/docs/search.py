"""Finding pages by words.

A page has a name, a title and a text. It ranks by how many of the words asked for it has, then by how well its name
fits them, then its title, then its text; pages that are alike in all this keep the order of the catalogue. A word
fits as itself, as the beginning of a longer one, or within one; a word that no page has is taken for a slip of the
keyboard, and the words nearest to it count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TypeVar

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Integration
from kosmo_kernel.docs.guides import GUIDES, guide
from kosmo_kernel.docs.subject import Subject, of_function

_T = TypeVar("_T")
_Score = tuple[int, ...]
_Zones = tuple[frozenset[str], ...]  # the words of a page: of its name, of its title, of its text

_ITSELF, _BEGINNING, _WITHIN = 3, 2, 1  # how well a word fits
_SHORTEST = {_BEGINNING: 3, _WITHIN: 4}  # letters that a word needs for this
_MOST_SLIPS = 3  # words that a misspelt one may stand for
_ALIKE = 0.75
_WORD = re.compile(r"\w\w+")
# Of what is asked: a script may ask with a book, and each word may be compared with all that the pages have.
_MOST_READ = 10_000  # letters
_MOST_TERMS = 30
_LONGEST_TERM = 60  # letters
# Words of a question that tell nothing of what is asked.
_MOST_KEPT = 32  # integrations
_kept: dict[
    int, tuple[Integration, list[tuple[SearchResult, _Zones]]]
] = {}  # pages by the identity of their integration
_EMPTY = {
    *("a", "an", "and", "are", "at", "can", "do", "does", "for", "from", "has", "have", "how", "i", "in", "is", "it"),
    *("me", "my", "of", "on", "or", "the", "to", "use", "what", "which", "who"),
}


@dataclass(frozen=True, slots=True)
class SearchResult(Subject):
    """A page that speaks of some words.

    Parameters:
        title: what it is about.
        columns: of the function's fields those that speak of most of the words, best first.
    """

    title: str = ""
    columns: Sequence[Column] = field(default=())


def search_pages(words: str) -> list[SearchResult]:
    """The pages that have the most of these words, best first; none where no page has any."""
    terms = terms_of(words)
    entries = [entry for integration in integrations.everything() for entry in _entries(integration)]
    entries += _of_guides()
    wanted = tuple(tuple(_spelt(term, entries)) for term in terms)
    best = _best((_score(wanted, zones), page) for page, zones in entries)
    return [_with_columns(page, wanted) for page in best]


def terms_of(words: str) -> list[str]:
    """The words that are looked for: the first of many, and the beginning of one without an end."""
    every = _WORD.findall(words[:_MOST_READ].lower())
    telling = [word for word in every if word not in _EMPTY] or every
    return [word[:_LONGEST_TERM] for word in telling[:_MOST_TERMS]]


def _entries(integration: Integration) -> list[tuple[SearchResult, _Zones]]:
    """The pages of an integration, and their words, which are the same at every search."""
    kept = _kept.get(id(integration))
    if kept is None or kept[0] is not integration:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[id(integration)] = integration, list(_of_integration(integration))
    return kept[1]


def _of_integration(integration: Integration) -> Iterator[tuple[SearchResult, _Zones]]:
    """Its own page, and those of its functions."""
    names = f"{integration.name} {integration.title}"
    page = SearchResult(integration.name, integration, title=integration.description)
    yield page, _zones(names, integration.description)
    for function in integration.functions:
        subject = of_function(integration, function)
        own = " ".join((names, *(name for name, one in integration.names().items() if one is function)))
        details = [function.description, *(f"{p.name} {p.doc}" for p in function.params)]
        details += [f"{column.name} {column.doc}" for column in function.columns]
        page = SearchResult(subject.page, integration, function, function.summary)
        yield page, _zones(own, function.summary, " ".join(details))


@cache
def _of_guides() -> tuple[tuple[SearchResult, _Zones], ...]:
    """The guides."""
    return tuple(
        (SearchResult(name, title=title), _zones(name, title, guide(name).prose)) for name, title in GUIDES.items()
    )


def _zones(name: str, title: str, text: str = "") -> _Zones:
    return _set(name), _set(title), _set(text)


def _with_columns(page: SearchResult, wanted: tuple[tuple[str, ...], ...]) -> SearchResult:
    if page.function is None:
        return page
    scored = ((_score(wanted, (_set(c.name), _set(c.doc))), c) for c in page.function.columns)
    return SearchResult(page.page, page.integration, page.function, page.title, _best(scored))


@lru_cache(maxsize=2048)  # the pages are the same at every search, and a script may search for ever
def _set(text: str) -> frozenset[str]:
    """The words of a text; of a name also its parts."""
    whole = _WORD.findall(text.lower())
    return frozenset((*whole, *(part for word in whole if "_" in word for part in word.split("_"))))


def _spelt(term: str, entries: Iterable[tuple[SearchResult, _Zones]]) -> Sequence[str]:
    """The word itself where a page has it; otherwise the words that were meant, as far as one can tell."""
    vocabulary = _vocabulary(tuple(zones for _, zones in entries))
    return [term] if _fit((term,), vocabulary) else _alike(term, vocabulary)


@lru_cache(maxsize=4)  # the words are the same at every search
def _vocabulary(pages: tuple[_Zones, ...]) -> frozenset[str]:
    """All words of all pages."""
    return frozenset(word for zones in pages for zone in zones for word in zone)


@lru_cache(maxsize=1024)  # a script may ask for the same word for ever
def _alike(term: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """The words that are spelt much like a term, best first."""
    from difflib import get_close_matches

    # Only letters of the term that a word has as well can match; this is far quicker to see than how alike they are.
    wanted = [
        word
        for word in vocabulary
        if 2 * min(len(word), sum(map(word.__contains__, term))) >= _ALIKE * (len(term) + len(word))
    ]
    return tuple(get_close_matches(term, sorted(wanted), _MOST_SLIPS, _ALIKE))


@lru_cache(maxsize=8192)  # likewise
def _fit(spellings: tuple[str, ...], words: frozenset[str]) -> int:
    """How well the best of the words fits."""
    best = 0
    for term in spellings:
        stem = term.removesuffix("s") if len(term) > _SHORTEST[_BEGINNING] else term  # `dns` is no plural
        if term in words or stem in words:
            return _ITSELF
        if len(stem) >= _SHORTEST[_BEGINNING] and any(word.startswith(stem) for word in words):
            best = max(best, _BEGINNING)
        elif len(stem) >= _SHORTEST[_WITHIN] and any(stem in word for word in words):
            best = max(best, _WITHIN)
    return best


@lru_cache(maxsize=4096)  # likewise
def _score(wanted: tuple[tuple[str, ...], ...], zones: _Zones) -> _Score:
    """How many of the terms the zones have, and how well each zone fits them, the zones that matter most first."""
    fits = [[_fit(spellings, zone) for zone in zones] for spellings in wanted]
    return sum(any(fit) for fit in fits), *(sum(fit) for fit in zip(*fits, strict=True))


def _best(scored: Iterable[tuple[_Score, _T]]) -> list[_T]:
    """What has the most words, best first, in the order given where equal; nothing when none has any."""
    ranked = sorted(scored, key=lambda entry: entry[0], reverse=True)
    return [thing for (words, *_), thing in ranked if words and words == ranked[0][0][0]]
