"""Search the pages of the reference by words.

A page has a name, a title, a text, and what kind of page it is; a function's page has the keywords of the function
beside its name, and its fields. Pages are ranked as BM25F does: by how rare the words are that a page has, how often it
has them, and where; a word of a name or a title counts most. Functions, tables and checks come before guides. A word
that no page has stands for those that begin with it, that have it inside, or that are spelt like it.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import field
from msgspec.structs import replace

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Integration
from kosmo_kernel.docs.checks import SPACE
from kosmo_kernel.docs.guides import GUIDES, guide
from kosmo_kernel.docs.subject import Subject, of_function, parts_of
from kosmo_kernel.docs.words import stem, synonyms, terms_of, word_rules, words_of
from kosmo_kernel.questions import TABLES, shipped_files
from kosmo_kernel.questions.discovery import find_table, own_questions, shipped_checks

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question

# How much a word counts in the name, in keywords, in the title, in the names of fields, and in the text.
_NAME, _OTHERS, _TITLE, _FIELDS, _TEXT = 10.0, 4.0, 3.0, 1.2, 1.0
_SATURATION = 1.5  # BM25's k1: how soon more of the same word counts little
_LENGTH, _USUAL_LENGTH = 0.75, 100  # BM25's b for texts: how much one of more words than that dilutes them
_MIN_DILUTION = 0.5  # so that a word of the shortest text counts less than one of a title
_SYNONYM = 0.5  # how much another word for the same thing counts
_INEXACT = 0.7  # how much a word counts that is nearly that of the question
_FACTORS = {"check": 0.9, "guide": 0.6, "index": 0.5, "record": 0.85}  # of the score of a kind of page; 1 for others
_MIN_SHARE = 0.35  # of the best score, that a page needs to be a result
_MIN_PREFIX, _MIN_PART = 3, 4  # letters that a word needs to stand for longer ones
_MAX_KNOWN = 2_000  # words of searches that are remembered
_MAX_SIMILAR = 3  # words that can replace a misspelt one
_MIN_SIMILARITY = 0.82


class SearchResult(Subject, frozen=True):
    """A page that matches search words."""

    title: str = ""  # what it is about
    columns: Sequence[Column] = field(default=())  # the function's fields that match the words, best first


class SearchEntry(NamedTuple):
    """A page and its words."""

    page: SearchResult  # the page
    weights: Mapping[str, float]  # how much each word of it counts
    factor: float  # of its score


def search_pages(words: str) -> list[SearchResult]:
    """Return the pages that speak of these words, best first; none if no page has any.

    The checks and tables of the user's folder are searched as well. What is wrong with a file of them is no result:
    `questions.discovery.own_questions` returns it.
    """
    own = [entry for question in own_questions()[0] for entry in _of_question(question)]
    index = _index_of(integrations.load_all(), own)
    terms = index.expanded(terms_of(words))
    scored = [
        (score, entry.page) for entry in index.entries if (score := index.score(entry.weights, terms) * entry.factor)
    ]
    scored.sort(key=lambda one: one[0], reverse=True)  # equal pages keep their order
    return [_with_columns(page, index, terms) for score, page in scored if score >= scored[0][0] * _MIN_SHARE]


def search_entry(
    page: SearchResult, text: str, *, name: str, others: str = "", fields: str = "", kind: str = ""
) -> SearchEntry:
    """Return what is searched of a page.

    Parameters:
        page: the page.
        text: its text.
        name: its own name; each word of a short one counts more.
        others: other names and keywords.
        fields: the names of the fields of its records.
        kind: one of `_FACTORS`, or empty.
    """
    weights: Counter[str] = Counter()
    own = set(words_of(name))
    zones = ((_NAME / math.sqrt(len(own) or 1), name), (_OTHERS, others), (_TITLE, page.title), (_FIELDS, fields))
    for weight, words in zones:
        for word in set(words_of(words)):
            weights[word] += weight  # type: ignore[assignment] # typeshed counts with integers only
    of_text = Counter(words_of(text))
    dilution = max(_MIN_DILUTION, 1 - _LENGTH + _LENGTH * of_text.total() / _USUAL_LENGTH)
    for word, number in of_text.items():
        weights[word] += number * _TEXT / dilution  # type: ignore[assignment]
    return SearchEntry(page, weights, _FACTORS.get(kind, 1.0))


def _of_question(question: Question) -> Iterator[SearchEntry]:
    """Yield what is searched of a check or a table; nothing of a table whose service is not installed."""
    if question.severity:
        page = SearchResult(f"{SPACE}.{question.name}", title=question.title)
        about = (f"{one.declaration} | {one.doc}" for one in question.parameters)
        text = " ".join([question.why, question.remedy, *about])
        yield search_entry(page, text, name=question.name, kind="check")
    elif integration := integrations.known(question.service):
        part = f"{TABLES}.{question.name}"
        page = SearchResult(f"{integration.name}.{part}", integration, part=part, title=question.title)
        yield search_entry(page, question.about, name=question.name, fields=" ".join(question.columns))


def search_data(pages: Sequence[str]) -> str:
    """Return the pages of these names and the scores of their words as a script, which sets `kosmoIndex`."""
    import msgspec

    index = _index_of(integrations.load_all())
    entries = {entry.page.page: entry for entry in index.entries}
    words: dict[str, list[float]] = {}
    for number, name in enumerate(pages):
        for word, score in index.scores(entries[name]):
            words.setdefault(word, []).extend((number, round(score, 2)))
    return "kosmoIndex = {};\n".format(
        msgspec.json.encode(
            {
                "pages": [(name, entries[name].page.title) for name in pages],
                "words": words,
                "synonyms": {word: sorted(others) for word, others in synonyms().items()},
                **word_rules(),
            },
            order="sorted",
        ).decode()
    )


class _Index:
    """All pages of the reference, and how rare each of their words is."""

    def __init__(self, entries: Sequence[SearchEntry]) -> None:
        self.entries = entries
        pages = Counter(word for entry in entries for word in entry.weights)
        self._rarity = {word: math.log1p((len(entries) - n + 0.5) / (n + 0.5)) for word, n in pages.items()}
        self._known: dict[str, dict[str, float]] = {}  # the alternatives of words, as a script may search repeatedly

    def expanded(self, terms: Iterable[str]) -> list[dict[str, float]]:
        """Return for each term the words that can stand for it, with how much each of them counts."""
        if len(self._known) > _MAX_KNOWN:
            self._known = {}  # another thread may still read the earlier one
        known, words = self._known, dict.fromkeys(map(stem, terms))
        known.update((word, self._alternatives(word)) for word in words if word not in known)
        return [known[word] for word in words]

    def score(self, weights: Mapping[str, float], terms: Iterable[Mapping[str, float]]) -> float:
        """Return the sum of the best match of each term among some words."""
        return sum(max((self._match(weights, word) * much for word, much in term.items()), default=0) for term in terms)

    def scores(self, entry: SearchEntry) -> Iterator[tuple[str, float]]:
        """Yield the words of a page, and how much a search for one of them scores."""
        for word in entry.weights:
            yield word, self._match(entry.weights, word) * entry.factor

    def _match(self, weights: Mapping[str, float], word: str) -> float:
        weight = weights.get(word, 0.0)
        return self._rarity.get(word, 0.0) * weight / (_SATURATION + weight)

    def _alternatives(self, word: str) -> dict[str, float]:
        known = [other for other in synonyms().get(word, ()) if other in self._rarity]
        if (rarity := self._rarity.get(word)) is None:
            return dict.fromkeys(known, _SYNONYM) or dict.fromkeys(self._inexact(word), _INEXACT)
        # A rare synonym of a common word says no more than the word itself.
        return {other: _SYNONYM * min(1.0, rarity / self._rarity[other]) for other in known} | {word: 1.0}

    def _inexact(self, word: str) -> Sequence[str]:
        """Return the words that begin with a word, or that have it inside, or that are spelt most like it."""
        if len(word) >= _MIN_PREFIX and (longer := [known for known in self._rarity if known.startswith(word)]):
            return longer
        if len(word) >= _MIN_PART and (longer := [known for known in self._rarity if word in known]):
            return longer
        from difflib import get_close_matches

        # Only letters that both words have can match; to count these is far quicker than to compute the similarity.
        least = _MIN_SIMILARITY
        close = [
            known
            for known in self._rarity
            if 2 * min(len(known), sum(map(known.__contains__, word))) >= least * (len(word) + len(known))
        ]
        return get_close_matches(word, sorted(close), _MAX_SIMILAR, least)


_latest: list[tuple[Sequence[Integration], Sequence[SearchEntry], _Index]] = []  # the same at nearly every search


def _index_of(services: Sequence[Integration], own: Sequence[SearchEntry] = ()) -> _Index:
    """Return the index of all pages.

    Parameters:
        services: the integrations.
        own: the checks and tables of the user's folder, in place of pages with their names.
    """
    for known, known_own, index in _latest:
        if len(known) == len(services) and all(map(operator.is_, known, services)) and known_own == own:
            return index
    shipped = (*(entry for service in services for entry in _of_integration(service)), *_of_checks(), *_of_guides())
    entries = {entry.page.page: entry for entry in (*shipped, *own)}
    _latest[:] = [(services, own, _Index([*entries.values()]))]
    return _latest[0][2]


def _of_integration(integration: Integration) -> Iterator[SearchEntry]:
    """Yield the page of an integration, and those of its functions and tables."""
    page = SearchResult(integration.name, integration, title=integration.description)
    yield search_entry(page, "", name=integration.name, others=integration.title, kind="index")
    for part, title in parts_of(integration).items():
        page = SearchResult(f"{integration.name}.{part}", integration, part=part, title=title)
        name = part.removeprefix(f"{TABLES}.")
        if name == part:
            yield search_entry(page, "", name=f"{integration.name}.{part}", kind="index")
        elif name in shipped_files(integration.name, TABLES):
            yield from _of_question(find_table(integration.name, name))
    for function in integration.functions:
        subject = of_function(integration, function)
        others = (integration.name, integration.title, function.name, *function.aliases, function.keywords)
        details = [function.description, *(f"{p.name} {p.doc}" for p in function.params)]
        details += [column.doc for column in function.columns]
        yield search_entry(
            SearchResult(subject.page, integration, function, title=function.summary),
            " ".join(details),
            name=function.name.partition("_")[2] or function.name,
            others=" ".join((*others, f"{integration.name}_{function.name}")),
            fields=" ".join(column.name for column in function.columns),
            kind="record" if function.returns == "record" else "",
        )


def _of_checks() -> Iterator[SearchEntry]:
    """Yield the pages of the checks that come with this package."""
    for check in shipped_checks():
        yield from _of_question(check)


@cache
def _of_guides() -> tuple[SearchEntry, ...]:
    """Return the guides with their words."""
    return tuple(
        search_entry(SearchResult(name, title=title), guide(name).prose, name=name, kind="guide")
        for name, title in GUIDES.items()
    )


def _with_columns(page: SearchResult, index: _Index, terms: Sequence[Mapping[str, float]]) -> SearchResult:
    """Return a function's page with the fields that match the words, best first."""
    if page.function is None:
        return page
    scored = []
    for column in page.function.columns:
        weights = {**dict.fromkeys(words_of(column.doc), _TEXT), **dict.fromkeys(words_of(column.name), _NAME)}
        if score := index.score(weights, terms):
            scored.append((score, column))
    scored.sort(key=lambda one: one[0], reverse=True)
    return replace(page, columns=[column for _, column in scored])
