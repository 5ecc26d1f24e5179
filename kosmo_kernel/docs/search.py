"""Search the pages of the reference by words.

A page has a name, a title and a text, and a function's page has the keywords of the function beside its name. Pages are
ranked by how many of the search words they have, then by how well their name matches them, then their title, then their
text; equal pages keep the order of the catalogue. A search word matches the same word, the beginning of a longer one,
or a part of one. A word that no page has is treated as a typo and replaced by the most similar words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TypeAlias, TypeVar

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Integration
from kosmo_kernel.docs.guides import GUIDES, guide
from kosmo_kernel.docs.subject import Subject, of_function, parts_of

_T = TypeVar("_T")
_Score = tuple[int, ...]
_Zones = tuple[frozenset[str], ...]  # the words of a page: of its name, of its title, of its text

_WHOLE_WORD, _PREFIX, _SUBSTRING = 3, 2, 1  # how well a word matches
_MIN_LENGTHS = {_PREFIX: 3, _SUBSTRING: 4}  # letters that a word needs for such a match
_MAX_CORRECTIONS = 3  # words that can replace a misspelt one
_MIN_SIMILARITY = 0.75
_WORD = re.compile(r"\w\w+")
# Limits on a search text: a script can pass a long one, and each word may be compared with every word of the pages.
_MAX_TEXT_LENGTH = 10_000  # characters
_MAX_TERMS = 30
_MAX_TERM_LENGTH = 60  # characters
_MAX_CACHED_INTEGRATIONS = 32  # integrations
# Pages by the identity of their integration.
_page_cache: dict[int, tuple[Integration, list[SearchEntry]]] = {}
# Words of a question that say nothing about its subject.
_STOP_WORDS = {
    *("a", "an", "and", "are", "at", "can", "do", "does", "for", "from", "has", "have", "how", "i", "in", "is", "it"),
    *("me", "my", "of", "on", "or", "the", "to", "use", "what", "when", "where", "which", "who", "with"),
}


@dataclass(frozen=True, slots=True)
class SearchResult(Subject):
    """A page that matches search words.

    Parameters:
        title: what it is about.
        columns: the function's fields that match most of the words, best first.
    """

    title: str = ""
    columns: Sequence[Column] = field(default=())


SearchEntry: TypeAlias = tuple[SearchResult, _Zones]  # a page and its words


def search_pages(words: str, others: Iterable[SearchEntry] = ()) -> list[SearchResult]:
    """Return the pages that have the most of these words, best first; none if no page has any.

    Parameters:
        words: the words.
        others: pages that are searched besides those of the reference; see `search_entry`.
    """
    terms = terms_of(words)
    entries = [entry for integration in integrations.load_all() for entry in _entries(integration)]
    entries += (*_of_guides(), *others)
    wanted = tuple(tuple(_spellings(term, entries)) for term in terms)
    best = _best((_score(wanted, zones), page) for page, zones in entries)
    return [_with_columns(page, wanted) for page in best]


def search_entry(page: str, title: str, text: str) -> SearchEntry:
    """Return what is searched of a page with this name, title and text."""
    return SearchResult(page, title=title), _zones(page, title, text)


def terms_of(words: str) -> list[str]:
    """Return the words to search for, limited in number and length."""
    all_words = _WORD.findall(words[:_MAX_TEXT_LENGTH].lower())
    relevant = [word for word in all_words if word not in _STOP_WORDS] or all_words
    return [word[:_MAX_TERM_LENGTH] for word in relevant[:_MAX_TERMS]]


def _entries(integration: Integration) -> list[SearchEntry]:
    """Return the pages of an integration and their words, cached because they are the same at every search."""
    cached = _page_cache.get(id(integration))
    if cached is None or cached[0] is not integration:
        if len(_page_cache) >= _MAX_CACHED_INTEGRATIONS:
            _page_cache.clear()
        cached = _page_cache[id(integration)] = integration, list(_of_integration(integration))
    return cached[1]


def _of_integration(integration: Integration) -> Iterator[SearchEntry]:
    """Yield the page of an integration and those of its functions, with their words."""
    names = f"{integration.name} {integration.title}"
    page = SearchResult(integration.name, integration, title=integration.description)
    yield page, _zones(names, integration.description)
    for part, title in parts_of(integration).items():
        yield search_entry(f"{integration.name}.{part}", title, "")
    for function in integration.functions:
        subject = of_function(integration, function)
        own = " ".join(
            (names, function.name, *function.aliases, f"{integration.name}_{function.name}", function.keywords)
        )
        details = [function.description, *(f"{p.name} {p.doc}" for p in function.params)]
        details += [f"{column.name} {column.doc}" for column in function.columns]
        page = SearchResult(subject.page, integration, function, title=function.summary)
        yield page, _zones(own, function.summary, " ".join(details))


@cache
def _of_guides() -> tuple[SearchEntry, ...]:
    """Return the guides with their words."""
    return tuple(search_entry(name, title, guide(name).prose) for name, title in GUIDES.items())


def _zones(name: str, title: str, text: str = "") -> _Zones:
    return _words_of(name), _words_of(title), _words_of(text)


def _with_columns(page: SearchResult, wanted: tuple[tuple[str, ...], ...]) -> SearchResult:
    if page.function is None:
        return page
    scored = ((_score(wanted, (_words_of(c.name), _words_of(c.doc))), c) for c in page.function.columns)
    return replace(page, columns=_best(scored))


@lru_cache(maxsize=2048)  # the pages are the same at every search; limited, because a script may search repeatedly
def _words_of(text: str) -> frozenset[str]:
    """Return the words of a text; of a name also its parts."""
    whole = _WORD.findall(text.lower())
    return frozenset((*whole, *(part for word in whole if "_" in word for part in word.split("_"))))


def _spellings(term: str, entries: Iterable[SearchEntry]) -> Sequence[str]:
    """Return the word itself if a page matches it, or else the most similar words."""
    vocabulary = _vocabulary(tuple(zones for _, zones in entries))
    return [term] if _match_quality((term,), vocabulary) else _similar_words(term, vocabulary)


@lru_cache(maxsize=4)  # the words are the same at every search
def _vocabulary(pages: tuple[_Zones, ...]) -> frozenset[str]:
    """Return all words of all pages."""
    return frozenset(word for zones in pages for zone in zones for word in zone)


@lru_cache(maxsize=1024)  # a script may search for the same word repeatedly
def _similar_words(term: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Return the words that are spelt much like a term, best first."""
    from difflib import get_close_matches

    # Only letters that both words have can match; to count these is far quicker than to compute the similarity.
    wanted = [
        word
        for word in vocabulary
        if 2 * min(len(word), sum(map(word.__contains__, term))) >= _MIN_SIMILARITY * (len(term) + len(word))
    ]
    return tuple(get_close_matches(term, sorted(wanted), _MAX_CORRECTIONS, _MIN_SIMILARITY))


@lru_cache(maxsize=8192)  # a script may search for the same word repeatedly
def _match_quality(spellings: tuple[str, ...], words: frozenset[str]) -> int:
    """Return how well the best of the words matches one of the spellings; 0 if none matches."""
    best = 0
    for term in spellings:
        stem = term.removesuffix("s") if len(term) > _MIN_LENGTHS[_PREFIX] else term  # `dns` is not a plural
        if term in words or stem in words or f"{stem}s" in words:
            return _WHOLE_WORD
        if len(stem) >= _MIN_LENGTHS[_PREFIX] and any(word.startswith(stem) for word in words):
            best = max(best, _PREFIX)
        elif len(stem) >= _MIN_LENGTHS[_SUBSTRING] and any(stem in word for word in words):
            best = max(best, _SUBSTRING)
    return best


@lru_cache(maxsize=4096)  # a script may repeat the same search
def _score(wanted: tuple[tuple[str, ...], ...], zones: _Zones) -> _Score:
    """Return how many of the terms the zones have, then how well each zone matches them, in the order of the zones."""
    fits = [[_match_quality(spellings, zone) for zone in zones] for spellings in wanted]
    return sum(any(fit) for fit in fits), *(sum(fit) for fit in zip(*fits, strict=True))


def _best(scored: Iterable[tuple[_Score, _T]]) -> list[_T]:
    """Return the items that match the most words, best first, equal ones in their order; none if none matches any."""
    ranked = sorted(scored, key=lambda entry: entry[0], reverse=True)
    return [item for (words, *_), item in ranked if words and words == ranked[0][0][0]]
