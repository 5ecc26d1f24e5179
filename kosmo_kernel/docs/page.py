"""A page of the reference, and the elements of Markdown that pages consist of.

A page is Markdown that is also readable as plain text: `print` shows the text, a terminal and a notebook render it;
for a notebook, `notebook.py` arranges it. A page with third-party text has two forms, made by the same function: plain
text in which control characters are removed, and Markdown in which the third-party text is escaped.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

WIDTH = 100  # characters per line of a paragraph in plain text

_CODE = re.compile(r"`[^`\n]+`")
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*\S)[ \t]*$", re.MULTILINE)
# Where a formula that spans several paragraphs can begin or end; nbconvert finds these in code as well.
_WIDE_FORMULA = re.compile(r"(?<=\$)(?=\$)|(?<=\\)(?=(?:begin|end)\{)|(?<=\\)(?=\\\[)|(?<=\\)(?=\\\])")
_JOINER = "\N{WORD JOINER}"  # invisible
_LUA = re.compile(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(str):
    """A string of Markdown. It prints as it is, and a notebook renders it as the value of a cell.

    Parameters:
        text: what is printed.
        markdown: what is rendered; by default the text, which must then contain no third-party text.
    """

    __slots__ = ("markdown",)

    markdown: str

    def __new__(cls, text: str, markdown: str | None = None) -> Self:
        """Return the page."""
        page = super().__new__(cls, text)
        page.markdown = str(text) if markdown is None else markdown
        return page

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override] # a copy needs both forms
        """Return the arguments that recreate the page when it is copied."""
        return str(self), self.markdown

    @property
    def scripts(self) -> list[str]:
        """The code blocks with Lua."""
        return _LUA.findall(self)

    @property
    def prose(self) -> str:
        """The text outside of code blocks."""
        return _FENCED.sub("", self)

    def for_notebook(self) -> str:
        """Return the page as a notebook renders it: with a list of contents, folded functions, anchors of its own."""
        from kosmo_kernel.docs.notebook import arrange_for_notebook
        from kosmo_kernel.safety.no_math import markdown

        return markdown(arrange_for_notebook(self.markdown))

    def _repr_markdown_(self) -> str:
        return self.for_notebook()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Writer(NamedTuple):
    """Write third-party text in one form of a page.

    Parameters:
        text: formats a line of text.
        code: formats a name or a value as inline code.
        prose: formats third-party Markdown.
        table: formats a table, from its head and rows of cells that are formatted already.
    """

    text: Callable[[str], str]
    code: Callable[[str], str]
    prose: Callable[[str], str]
    table: Callable[[Sequence[str], Iterable[Sequence[str]]], str]


def in_both_forms(blocks: Callable[[Writer], Iterable[str]], end: str = "\n") -> Page:
    """Return the page whose blocks a function yields, called once for each form, with `end` after the last one."""
    from kosmo_kernel import safety
    from kosmo_kernel.safety.escape import code_span, markdown_text

    plain = Writer(safety.sanitize_text, lambda code: f"`{safety.sanitize_text(code)}`", safety.sanitize_text, _table)
    markdown = Writer(markdown_text, code_span, _prose, table)
    return Page(*(joined(blocks(form)).removesuffix("\n") + end for form in (plain, markdown)))


def _prose(source: str) -> str:
    """Return third-party Markdown that is harmless and cannot change how the page around it is rendered.

    It has no headings, because a page is arranged by its headings (`notebook.py`). nbconvert looks for formulas before
    blocks, so a formula that began here and ended in other third-party text would swallow our text in between.
    """
    from kosmo_kernel import safety

    markdown = safety.sanitize_markdown(source)
    parts, at = [], 0
    for fence in _FENCED.finditer(markdown):
        parts += [_HEADING.sub(r"**\1**", markdown[at : fence.start()]), fence[0]]
        at = fence.end()
    parts.append(_HEADING.sub(r"**\1**", markdown[at:]))
    return _WIDE_FORMULA.sub(_JOINER, "".join(parts))


def joined(blocks: Iterable[str]) -> Page:
    """Return a page of these blocks, separated by empty lines."""
    return Page("\n\n".join(block.strip("\n") for block in blocks) + "\n")


def paragraphs(text: str) -> str:
    """Return text with its paragraphs wrapped to `WIDTH`; inline code stays on one line."""
    whole = _CODE.sub(lambda code: code.group().replace(" ", "\0"), text.strip())
    fill = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False).fill
    return "\n\n".join(fill(part) for part in whole.split("\n\n")).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns are aligned in plain text as well."""
    return _table(head, ([cell.replace("|", "\\|") for cell in row] for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    lines = [" | ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in cells]
    lines.insert(1, " | ".join(":" + "-" * (width - 1) for width in [*widths, len(head[-1])]))
    return "\n".join(f"| {line} |" for line in lines)
