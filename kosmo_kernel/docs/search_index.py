"""Search the pages of the reference by words.

A page has a name, a title, a text, and what kind of page it is; a function's page has the keywords of the function
beside its name, and its fields. Pages are ranked as BM25F does: by how rare the words are that a page has, how often it
has them, and where; a word of a name or a title counts most. Functions, tables and checks come before guides. A word
that no page has stands for those that begin with it, that have it inside, or that are spelt like it. Words are compared
without endings, and with other words for the same thing.
"""

from __future__ import annotations

import math
import operator
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.catalogue.integration import refused_change
from kosmo_kernel.docs.guides import GUIDES, guide
from kosmo_kernel.docs.reference import parts_of
from kosmo_kernel.questions import CHECKS, TABLES, shipped_files
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


MAX_TEXT_LENGTH = 10_000  # characters of a search text: a script can pass a long one
MAX_TERMS = 30
MAX_TERM_LENGTH = 60  # characters

_WORD = re.compile(r"\w\w+")
_SPELLINGS = (  # of one word, whichever way it is written
    (re.compile(r"\badd[-_ ]on"), "addon"),
    (re.compile(r"\bheroku-\d\d\b"), "stack"),
    (re.compile(r"\bwho am i\b"), "whoami"),
    (re.compile(r"\broll back\b"), "rollback"),
)
_VOWEL = re.compile("[aeiouy]")
_MIN_STEM = 3  # letters that stay when an ending is removed
# Endings, the first that fits; what replaces them.
_ENDINGS = (
    *(("ications", "icat"), ("ication", "icat"), ("ations", ""), ("ation", ""), ("ments", ""), ("ment", "")),
    *(("ions", ""), ("ion", ""), ("ings", ""), ("ing", ""), ("ures", ""), ("ure", ""), ("ies", "y"), ("ied", "y")),
    *(("sses", "ss"), ("xes", "x"), ("ed", ""), ("es", ""), ("s", ""), ("e", "")),
)
# Words of a question that say nothing about its subject.
_SAY_NOTHING = (
    "a after all am an and any are as at be been by can could did do does each every for from given had has have how i "
    "if in instead into is it its last may me more most much must my no nobody not of on only or our out over same "
    "show since so some somebody something than that the their them then there these they this those to until us use "
    "want was we were what when where which whose why will with without would yet you your "
    "alle aller das dem den der die eine einen einer für gibt haben hat im ist mir mit pro sind und unsere von welche "
    "welcher wer wie zeig zeige"
)
_STOP_WORDS = frozenset(_SAY_NOTHING.split())


class SearchResult(NamedTuple):
    """A page that matches search words."""

    page: str  # its name
    title: str  # what it is about
    integration: Integration | None = None  # of the page
    part: str = ""  # the rest of the name of a page that is about no function
    name: str = ""  # of the function that it is about

    @property
    def function(self) -> Function | None:
        """The function that the page is about, or None."""
        return self.integration.table.named(self.name) if self.integration and self.name else None


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
    index, terms = _searched(words)
    scored = [
        (score, entry.page) for entry in index.entries if (score := index.score(entry.weights, terms) * entry.factor)
    ]
    scored.sort(key=operator.itemgetter(0), reverse=True)  # equal pages keep their order
    return [page for score, page in scored if score >= scored[0][0] * _MIN_SHARE]


def not_available(words: str) -> Iterator[str]:
    """Yield what these words ask for and no function does: what an API does not tell, and a change.

    Each has the command with which a person gets or does it.
    """
    terms = terms_of(words)
    stems = set(map(stem, terms))
    for service in integrations.load_all():
        for what, not_told in service.not_told.items():
            for search in not_told.searches.split(", "):
                needed = {stem(word) for word in search.split() if not word.startswith("-")}
                refused = {stem(word[1:]) for word in search.split() if word.startswith("-")}
                if needed <= stems and stems.isdisjoint(refused):
                    yield f"Not available here: {what}. {not_told.where}"
                    break
        change = refused_change(service, "_".join(terms)) if len(terms) > 1 and terms[0] != "run" else ""
        if change and not change.endswith(" help"):
            yield f"Not available here. {change}"


def matching_columns(page: SearchResult, words: str) -> list[Column]:
    """Return the fields of a function's page that match words, best first; none of another page."""
    index, terms = _searched(words)
    scored = []
    for column in page.function.columns if page.function else ():
        weights = {**dict.fromkeys(words_of(column.doc), _TEXT), **dict.fromkeys(words_of(column.name), _NAME)}
        if score := index.score(weights, terms):
            scored.append((score, column))
    scored.sort(key=operator.itemgetter(0), reverse=True)
    return [column for _, column in scored]


def _searched(words: str) -> tuple[_Index, list[dict[str, float]]]:
    """Return the index of all pages, and what is searched for words."""
    own = [entry for question in own_questions()[0] for entry in _of_question(question)]
    index = _index_of(integrations.load_all(), own)
    return index, index.expanded(terms_of(words))


def search_entry(
    page: SearchResult, text: str, *, name: str, others: str = "", fields: str = "", docs: str = "", kind: str = ""
) -> SearchEntry:
    """Return what is searched of a page.

    Parameters:
        page: the page.
        text: its text.
        name: its own name; each word of a short one counts more.
        others: other names and keywords.
        fields: the names of the fields of its records.
        docs: what is said of these fields, a part of the text.
        kind: one of `_FACTORS`, or empty.
    """
    weights: dict[str, float] = {}
    own = set(words_of(name))
    zones = ((_NAME / math.sqrt(len(own) or 1), own), (_OTHERS, words_of(others)), (_TITLE, words_of(page.title)))
    for weight, words in (*zones, (_FIELDS, _counted(fields))):
        for word in set(words):
            weights[word] = weights.get(word, 0.0) + weight
    of_text = Counter(words_of(text)) + _counted(docs)
    dilution = max(_MIN_DILUTION, 1 - _LENGTH + _LENGTH * of_text.total() / _USUAL_LENGTH)
    for word, number in of_text.items():
        weights[word] = weights.get(word, 0.0) + number * _TEXT / dilution
    return SearchEntry(page, weights, _FACTORS.get(kind, 1.0))


@lru_cache(maxsize=2048)
def _counted(text: str) -> Counter[str]:
    """Return how often each word is in the names or the descriptions of fields, which many functions may share."""
    return Counter(words_of(text))


def _of_question(question: Question) -> Iterator[SearchEntry]:
    """Yield what is searched of a check or a table; nothing of a table whose service is not installed."""
    if question.severity:
        page = SearchResult(f"{CHECKS}.{question.name}", question.title)
        about = (f"{param.declaration} | {param.doc}" for param in question.parameters)
        text = " ".join([question.why, question.remedy, *about])
        yield search_entry(page, text, name=question.name, others=_keywords().get(page.page, ""), kind="check")
    elif integration := integrations.known(question.service):
        part = f"{TABLES}.{question.name}"
        page = SearchResult(f"{integration.name}.{part}", question.title, integration, part)
        others = _keywords().get(page.page, "")
        yield search_entry(page, question.about, name=question.name, others=others, fields=" ".join(question.columns))


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
        alternatives, words = self._known, dict.fromkeys(map(stem, terms))
        alternatives.update((word, self._alternatives(word)) for word in words if word not in alternatives)
        return [alternatives[word] for word in words]

    def score(self, weights: Mapping[str, float], terms: Iterable[Mapping[str, float]]) -> float:
        """Return the sum of the best match of each term among some words."""
        return sum(max((self._match(weights, word) * much for word, much in term.items()), default=0) for term in terms)

    def _match(self, weights: Mapping[str, float], word: str) -> float:
        weight = weights.get(word, 0.0)
        return self._rarity.get(word, 0.0) * weight / (_SATURATION + weight)

    def _alternatives(self, word: str) -> dict[str, float]:
        others = [other for other in synonyms().get(word, ()) if other in self._rarity]
        if (rarity := self._rarity.get(word)) is None:
            return dict.fromkeys(others, _SYNONYM) or dict.fromkeys(self._inexact(word), _INEXACT)
        # A rare synonym of a common word says no more than the word itself.
        return {other: _SYNONYM * min(1.0, rarity / self._rarity[other]) for other in others} | {word: 1.0}

    def _inexact(self, word: str) -> Sequence[str]:
        """Return the words that begin with a word, or that have it inside, or that are spelt most like it."""
        if len(word) >= _MIN_PREFIX and (longer := [other for other in self._rarity if other.startswith(word)]):
            return longer
        if len(word) >= _MIN_PART and (longer := [other for other in self._rarity if word in other]):
            return longer
        from difflib import get_close_matches

        # Only letters that both words have can match; to count these is far quicker than to compute the similarity.
        least = _MIN_SIMILARITY
        close = [
            other
            for other in self._rarity
            if 2 * min(len(other), sum(map(other.__contains__, word))) >= least * (len(word) + len(other))
        ]
        return get_close_matches(word, sorted(close), _MAX_SIMILAR, least)


_latest: list[tuple[Sequence[Integration], Sequence[SearchEntry], _Index]] = []  # the same at nearly every search


def _index_of(services: Sequence[Integration], own: Sequence[SearchEntry] = ()) -> _Index:
    """Return the index of all pages.

    Parameters:
        services: the integrations.
        own: the checks and tables of the user's folder, in place of pages with their names.
    """
    for indexed, known_own, index in _latest:
        if len(indexed) == len(services) and all(map(operator.is_, indexed, services)) and known_own == own:
            return index
    functions = (entry for service in services for entry in _of_integration(service))
    checks = (entry for check in shipped_checks() for entry in _of_question(check))
    shipped = (*functions, *checks, *_of_guides())
    entries = {entry.page.page: entry for entry in (*shipped, *own)}
    _latest[:] = [(services, own, _Index([*entries.values()]))]
    return _latest[0][2]


def _of_integration(integration: Integration) -> Iterator[SearchEntry]:
    """Yield the page of an integration, and those of its functions and tables."""
    page = SearchResult(integration.name, integration.description, integration)
    yield search_entry(page, "", name=integration.name, others=integration.title, kind="index")
    for part, title in parts_of(integration).items():
        page = SearchResult(f"{integration.name}.{part}", title, integration, part)
        name = part.removeprefix(f"{TABLES}.")
        if name == part:
            yield search_entry(page, "", name=f"{integration.name}.{part}", kind="index")
        elif name in shipped_files(integration.name, TABLES):
            yield from _of_question(find_table(integration.name, name))
    for function in integration.functions:
        others = (integration.name, integration.title, function.name, *function.aliases, function.keywords)
        yield search_entry(
            SearchResult(f"{integration.name}.{function.name}", function.summary, integration, name=function.name),
            " ".join([function.description, *(f"{param.name} {param.doc}" for param in function.params)]),
            name=function.name.partition("_")[2] or function.name,
            others=" ".join((*others, f"{integration.name}_{function.name}")),
            fields=" ".join(column.name for column in function.columns),
            docs=" ".join(column.doc for column in function.columns),
            kind="record" if function.returns == "record" else "",
        )


@cache
def _of_guides() -> tuple[SearchEntry, ...]:
    """Return the guides with their words."""
    return tuple(
        search_entry(
            SearchResult(name, title), guide(name).prose, name=name, others=_keywords().get(name, ""), kind="guide"
        )
        for name, title in GUIDES.items()
    )


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text without their endings; of a name also its parts."""
    for word in _spelled(text):
        yield stem(word)
        if "_" in word:
            yield from map(stem, filter(None, word.split("_")))


def terms_of(words: str) -> list[str]:
    """Return the words to search for, limited in number and length."""
    all_words = _spelled(words[:MAX_TEXT_LENGTH])
    relevant = [word for word in all_words if word not in _STOP_WORDS] or all_words
    relevant = [word for word in relevant if not word.isdecimal()] or relevant  # `for 180 days`, but `429` alone
    return [word[:MAX_TERM_LENGTH] for word in relevant[:MAX_TERMS]]


def _spelled(text: str) -> list[str]:
    text = text.lower()
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return _WORD.findall(text)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a word without the ending that its other forms do not have."""
    for ending, replacement in _ENDINGS:
        short = word.removesuffix(ending)
        if short != word and len(short) + len(replacement) >= _MIN_STEM and _VOWEL.search(short):
            if ending in {"s", "es"} and short.endswith(("s", "u")):  # `access`, `status`
                return word
            if ending in {"ed", "ing"} and short[-1] == short[-2] and short[-1] not in "ls":  # `running`
                return short[:-1]
            return short + replacement
    return word


@lru_cache(maxsize=1)
def synonyms() -> dict[str, frozenset[str]]:
    """Return the other words for each word, all without their endings: those of the same line of `synonyms.txt`."""
    others: dict[str, set[str]] = {}
    for line in _lines_of("synonyms.txt"):
        stems = {stem(word) for word in line.split()}
        for word in stems:
            others.setdefault(word, set()).update(stems - {word})
    return {word: frozenset(words) for word, words in others.items()}


@cache
def _keywords() -> dict[str, str]:
    """Return for pages of guides, checks and tables the words of questions that they answer and do not have."""
    return dict(line.rstrip().split(": ", 1) for line in _lines_of("keywords.txt"))


def _lines_of(name: str) -> list[str]:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.readlines()
