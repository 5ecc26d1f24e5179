"""A page of the reference, and the pieces of Markdown that pages are made of.

A page is Markdown that also reads well as it is: `print` shows the text, a terminal and a notebook render it. What a
notebook gets is the same page arranged for it (`notebook.py`). A page with words that somebody else wrote has two
forms, a text in which they stand as they are and Markdown in which they are escaped, made by the same function.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

WIDTH = 100  # of a paragraph, for those who read it as plain text

_CODE = re.compile(r"`[^`\n]+`")
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*\S)[ \t]*$", re.MULTILINE)
# Where a formula can begin or end that is longer than a paragraph, for nbconvert in code as well.
_WIDE_FORMULA = re.compile(r"(?<=\$)(?=\$)|(?<=\\)(?=(?:begin|end)\{)|(?<=\\)(?=\\\[)|(?<=\\)(?=\\\])")
_JOINER = "\N{WORD JOINER}"  # not seen
_LUA = re.compile(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(str):
    """A text that is Markdown. It prints as it is, and a notebook whose cell ends in it shows it rendered.

    Parameters:
        text: what is printed.
        markdown: what is rendered; the text where it is left out, which must be free of words that others wrote.
    """

    __slots__ = ("markdown",)

    markdown: str

    def __new__(cls, text: str, markdown: str | None = None) -> Self:
        """Return the page."""
        page = super().__new__(cls, text)
        page.markdown = str(text) if markdown is None else markdown
        return page

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override] # a copy needs both forms
        """Return what a copy is made of."""
        return str(self), self.markdown

    @property
    def scripts(self) -> list[str]:
        """Its blocks of Lua."""
        return _LUA.findall(self)

    @property
    def prose(self) -> str:
        """What is outside of its blocks of code."""
        return _FENCED.sub("", self)

    def for_notebook(self) -> str:
        """The page as a notebook renders it: with a list of contents, functions folded, marks that are its own."""
        from kosmo_kernel.docs.notebook import arranged
        from kosmo_kernel.safety.no_math import markdown

        return markdown(arranged(self.markdown))

    def _repr_markdown_(self) -> str:
        return self.for_notebook()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Writer(NamedTuple):
    """How one form of a page writes what somebody else wrote.

    Parameters:
        text: writes a line of words.
        code: writes a name or a value as code inside a line.
        prose: writes Markdown of theirs.
        table: writes a table, given its head and rows of cells that are written already.
    """

    text: Callable[[str], str]
    code: Callable[[str], str]
    prose: Callable[[str], str]
    table: Callable[[Sequence[str], Iterable[Sequence[str]]], str]


def in_both_forms(blocks: Callable[[Writer], Iterable[str]], end: str = "\n") -> Page:
    """Return the page whose blocks a function gives, called once for each form, with `end` below the last one."""
    from kosmo_kernel import safety
    from kosmo_kernel.safety.escape import code_span, markdown_text

    plain = Writer(safety.sanitize_text, lambda code: f"`{safety.sanitize_text(code)}`", safety.sanitize_text, _table)
    markdown = Writer(markdown_text, code_span, _prose, table)
    return Page(*(joined(blocks(form)).removesuffix("\n") + end for form in (plain, markdown)))


def _prose(given: str) -> str:
    """Return Markdown of somebody else's that does nothing, and cannot change how the page around it is read.

    It has no headings, by which a page is arranged (`notebook.py`). nbconvert looks for formulas before it looks for
    blocks, so one that began here and ended in other words of theirs would swallow all of ours between.
    """
    from kosmo_kernel import safety

    written = safety.sanitize_markdown(given)
    parts, at = [], 0
    for fence in _FENCED.finditer(written):
        parts += [_HEADING.sub(r"**\1**", written[at : fence.start()]), fence[0]]
        at = fence.end()
    parts.append(_HEADING.sub(r"**\1**", written[at:]))
    return _WIDE_FORMULA.sub(_JOINER, "".join(parts))


def joined(blocks: Iterable[str]) -> Page:
    """A page of these blocks, with an empty line between."""
    return Page("\n\n".join(block.strip("\n") for block in blocks) + "\n")


def paragraphs(text: str) -> str:
    """Text whose paragraphs are filled again, to the width that all of a page has; code stays on one line."""
    whole = _CODE.sub(lambda code: code.group().replace(" ", "\0"), text.strip())
    fill = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False).fill
    return "\n\n".join(fill(part) for part in whole.split("\n\n")).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns stand below each other in plain text as well."""
    return _table(head, ([cell.replace("|", "\\|") for cell in row] for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    lines = [" | ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in cells]
    lines.insert(1, " | ".join(":" + "-" * (width - 1) for width in [*widths, len(head[-1])]))
    return "\n".join(f"| {line} |" for line in lines)
