"""The words of a text as a search compares them: without endings, and with other words for the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

MAX_TEXT_LENGTH = 10_000  # characters of a search text: a script can pass a long one
MAX_TERMS = 30
MAX_TERM_LENGTH = 60  # characters

_WORD = re.compile(r"\w\w+")
_SPELLINGS = (  # of one word, whichever way it is written
    (re.compile(r"\badd[-_ ]on"), "addon"),
    (re.compile(r"\bheroku-\d\d\b"), "stack"),
    (re.compile(r"\bwho am i\b"), "whoami"),
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
    "want was we were what when where which whose why will with without would yet you your"
)
_STOP_WORDS = frozenset(_SAY_NOTHING.split())
# Other words for the same thing: who searches for one of a line may mean the others.
_SYNONYMS = (
    "cost price bill spend expensive money invoice usd dollar",
    "access permission seat collaborator reach",
    "deploy release ship",
    "leaver leave offboarding former departed",
    "certificate ssl tls https",
    "expire expiry end renew",
    "environment env config",
    "variable var",
    "stage staging production",
    "second two mfa 2fa",
    "factor mfa 2fa authentication",
    "sso saml",
    "database postgres postgresql",
    "addon redis postgres postgresql kafka memcached",
    "scale formation quantity worker",
    "eol support deprecated",
    "outside external company foreign",
    "log logging",
    "secret password credential",
    "idle quiet unused inactive",
    "paid unpaid pay delinquency overdue",
    "person people user who",
    "token key credential",
    "fail error broken",
    "address ip",
    "export csv excel xlsx",
    "entry free mini hobby basic eco",
    "missing lack",
    "orphaned without unused left",
    "whoami current",
    "different other another mixed",
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
    """Return the other words for each word, all without their endings."""
    others: dict[str, set[str]] = {}
    for line in _SYNONYMS:
        stems = {stem(word) for word in line.split()}
        for one in stems:
            others.setdefault(one, set()).update(stems - {one})
    return {word: frozenset(words) for word, words in others.items()}


def word_rules() -> dict[str, object]:
    """Return what makes terms of a text, for a search that runs elsewhere: `search.js` does the same with it."""
    return {
        "endings": _ENDINGS,
        "spellings": [(pattern.pattern, word) for pattern, word in _SPELLINGS],
        "silent": sorted(_STOP_WORDS),
    }
