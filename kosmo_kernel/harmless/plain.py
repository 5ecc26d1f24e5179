"""Plain text without what moves a terminal, and LaTeX without what reaches outside a formula."""

from __future__ import annotations

import re

MOST = 1 << 20  # characters of one text that is to be read as markup

# What could move a terminal's cursor, change its state or reach its clipboard; line ends, tabs and going back stay.
_HARMFUL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
# TeX that links, names styles and elements of the page, loads extensions, or defines words that multiply.
_REACHES_OUT = (
    "href|url|html[A-Za-z]*|class|cssId|style|data|require|includegraphics|input|include|unicode"
    "|[egx]?def|let|futurelet|(?:re)?newcommand|providecommand|(?:re)?newenvironment|DeclareMathOperator|csname"
)
_COMMAND = re.compile(rf"(?<=\\)(?=(?:{_REACHES_OUT})(?![A-Za-z]))")
_JOINER = "\N{WORD JOINER}"  # not seen, and no letter: behind a backslash it makes no command


class NotShownError(ValueError):
    """Why something is not shown."""


def text(given: str) -> str:
    """A text without escape sequences and control characters."""
    return _HARMFUL.sub("", given)


def latex(given: str) -> str:
    r"""LaTeX that draws formulas and does nothing else; `<` is `\lt`, so that it is nobody's HTML.

    Raises:
        NotShownError: it is too long.
    """
    short_enough(given, "LaTeX")
    return inert_tex(text(given)).replace("<", r"\lt ").replace(">", r"\gt ")


def inert_tex(given: str) -> str:
    """A text whose commands, where it is read as TeX, stay in their formula; it looks the same."""
    return _COMMAND.sub(_JOINER, given) if "\\" in given else given


def short_enough(given: str, what: str) -> None:
    """Refuse to read what is too long.

    Raises:
        NotShownError: it is.
    """
    if len(given) > MOST:
        raise NotShownError(f"{len(given):,} characters of {what} are too many; {MOST:,} can be shown")
