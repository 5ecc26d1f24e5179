"""A page of the reference, and the elements of Markdown that pages consist of.

A page is Markdown that is also readable as plain text: `print` shows the text, a terminal and a notebook render it;
for a notebook, it is arranged. A page with third-party text has two forms, made by the same function: plain text in
which control characters are removed, and Markdown in which the third-party text is escaped.

A notebook is one document for all its outputs, and JupyterLab resolves a link `#x` to the first element with that
name in the whole document; the name of a heading is its text (`createHeaderId` in its rendermime). So in a notebook a
page has no heading that another page or a notebook's author is likely to use, and links only to anchors that begin with
`kosmo-` and the page's own name. If a guide is shown twice, its links lead to the first copy, whose text is the same.
Where ids stay ids (nbconvert, VS Code), such an anchor is not a JavaScript name, and so hides no global variable.
GitHub removes ids, so the links within a guide do not work there.

`design.py` has the style sheets of HTML pages and of the outputs of notebooks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Self, TypeVar, overload

from msgspec import Struct

from kosmo_kernel.safety.markup import (
    Markdown,
    Markup,
    Plain,
    code_span,
    fenced,
    html_attribute,
    html_block,
    markdown_to_text,
)
from kosmo_kernel.text import display_width, lazy_pattern

M = TypeVar("M", bound=Markup)

WIDTH = 100  # characters per line of a paragraph in plain text

_CODE = lazy_pattern(r"`([^`\n]+)`")
# A block of third-party text, to its end or to that of the text.
_THIRD_PARTY_FENCE = lazy_pattern(r"^[^\S\n]*+(```|~~~).*+\n?((?:.*\n?)*?)(?:^[^\S\n]*+\1.*+$|\Z)", re.MULTILINE)
_FENCED = lazy_pattern(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
# Where a formula that spans several paragraphs can begin or end; nbconvert finds these in code as well.
_WIDE_FORMULA = lazy_pattern(r"(?<=\$)(?=\$)|(?<=\\)(?=(?:begin|end)\{)|(?<=\\)(?=\\\[)|(?<=\\)(?=\\\])")
_BAR = lazy_pattern(r"\|")
_JOINER = Markdown("\N{WORD JOINER}")  # invisible
_LUA = lazy_pattern(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAX_UNLISTED = 3  # sections of a page that needs no list of them

_LINK = Markdown("- [{}](#{})")
_SECTION = Markdown('<a id="{}"></a>\n\n## {}\n\n{}')
_HEADING = lazy_pattern(r"^(#+) (.+)$", re.MULTILINE)
_FENCE_OR_HEADING = lazy_pattern(rf"{_FENCED.pattern}|^(?P<level>#+) (?P<title>[^\n]+)$", re.MULTILINE | re.DOTALL)
_BRACKET = lazy_pattern(r"(?<!\\)[\[\]]")
_NON_WORD = lazy_pattern(r"[^a-z0-9_]+")
_ASIDE = lazy_pattern("[,:].*")  # the part of a title after its first comma or colon


class Page(str):
    """A string of Markdown. It prints as it is, and a notebook renders it as the value of a cell.

    Parameters:
        text: what is printed.
    """

    __slots__ = ("_markdown",)

    _markdown: Markdown | Callable[[], Markdown]

    @overload
    def __new__(cls, text: Markdown) -> Self: ...

    @overload
    def __new__(cls, text: Plain, markdown: Markdown | Callable[[], Markdown]) -> Self: ...

    def __new__(cls, text: Plain | Markdown, markdown: Markdown | Callable[[], Markdown] | None = None) -> Self:
        """Return the page; its Markdown may be a function that makes it when it is needed."""
        page = super().__new__(cls, text)
        if markdown is None:
            if not isinstance(text, Markdown):
                raise TypeError("a page of plain text needs its Markdown, too")
            markdown = text
        page._markdown = markdown
        return page

    @property
    def markdown(self) -> Markdown:
        """Return the page as Markdown; by default its text."""
        if not isinstance(self._markdown, Markdown):
            self._markdown = self._markdown()
        return self._markdown

    def __getnewargs__(self) -> tuple[Plain, Markdown]:  # type: ignore[override] # a copy needs both forms
        """Return the arguments that recreate the page when it is copied."""
        return Plain.escape(self), self.markdown

    @property
    def scripts(self) -> list[str]:
        """The code blocks with Lua."""
        return _LUA.findall(self)

    @property
    def prose(self) -> str:
        """The text outside of code blocks."""
        return _FENCED.sub("", self)

    def for_notebook(self) -> Markdown:
        """Return the page as a notebook renders it.

        A page with many sections, such as a guide, has a list of links to them. In other pages, headings that would
        occur many times in a notebook are bold text.
        """
        head, sections = _split(self.markdown)
        return _linked(head, sections) if len(sections) > _MAX_UNLISTED else _lowered(self.markdown)

    def _repr_markdown_(self) -> Markdown:
        return self.for_notebook()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Writer(Struct, frozen=True):
    """Write a page in one of its two forms."""

    kind: type[Plain | Markdown]  # the type of the form
    code: Callable[[str], Markup]  # formats a name or a value as inline code
    block: Callable[[str, str], Markup]  # formats code, given with its language, as a block
    prose: Callable[[str], Markup]  # formats third-party Markdown

    def text(self, text: str) -> Markup:
        """Format a line of third-party text."""
        return self.kind.escape(text)

    def write(self, template: str, *values: object) -> Markup:
        """Fill in a template, a literal; values that this writer did not format are third-party text."""
        return self.kind(template).format(*values)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[Markup]]) -> Markup:
        """Format a table from its head and rows of cells."""
        return _table(self.kind, head, rows)


def in_both_forms(blocks: Callable[[Writer], Iterable[Markup]], end: str = "\n") -> Page:
    """Return the page whose blocks a function yields, called once for each form, with `end` after the last one."""
    text = Writer(Plain, Plain("`{}`").format, lambda *code: markdown_to_text(fenced(*code)), Plain.escape)
    markdown = Writer(Markdown, code_span, fenced, _prose)
    return Page(_joined(Plain, blocks(text), end), _joined(Markdown, blocks(markdown), end))


def _prose(source: str) -> Markdown:
    """Return third-party text in paragraphs, as it is, with its `code` and its fenced blocks as code.

    It is not rendered as Markdown, because it must not change how the page around it is rendered, and a page is
    arranged by its headings. nbconvert looks for formulas before blocks, so a formula that began in a
    block and ended in another would swallow our text in between.
    """
    blocks: list[Markdown] = []
    lines = (f"{line}\n" for line in source.splitlines())
    texts = _THIRD_PARTY_FENCE.split("".join(lines))  # a text, the mark of a fence, its code, a text, …
    for text, code in zip(texts[::3], [*texts[2::3], ""], strict=True):
        for is_paragraph, paragraph in groupby(text.split("\n"), lambda line: bool(line.strip())):
            blocks += [with_code(Markdown, code_span, "\n".join(paragraph))] if is_paragraph else []
        blocks += [fenced(code.removesuffix("\n")).sub(_WIDE_FORMULA, lambda _: _JOINER)] if code else []
    return Markdown("\n\n").join(blocks)


def with_code(kind: type[M], code: Callable[[str], Markup], text: str) -> M:
    """Return third-party text, with what is in backticks as code."""
    parts = _CODE.split(text)
    return kind().join(code(part) if index % 2 else part for index, part in enumerate(parts))


def joined(blocks: Iterable[Markdown]) -> Page:
    """Return a page of these blocks, separated by empty lines."""
    return Page(_joined(Markdown, blocks, "\n"))


def _joined(kind: type[M], blocks: Iterable[str], end: str) -> M:
    """Return blocks separated by empty lines, with `end` after the last one."""
    joined = kind("\n\n").join(block.trimmed() if isinstance(block, kind) else block for block in blocks)
    return joined + kind(end)


def paragraphs(text: str) -> str:
    """Return text with its paragraphs wrapped to `WIDTH`; inline code stays on one line."""
    unbroken = _CODE.sub(lambda code: code.group().replace(" ", "\0"), text.strip())
    fill = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False).fill
    return "\n\n".join(fill(part) for part in unbroken.split("\n\n")).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[Markdown]]) -> Markdown:
    """Return a table whose columns are aligned in plain text as well."""
    return _table(Markdown, head, rows)


def _table(kind: type[M], head: Sequence[str], rows: Iterable[Sequence[Markup]]) -> M:
    cells = [[kind().join([cell]) for cell in row] for row in (head, *rows)]
    if kind is Markdown:
        cells = [[cell.sub(_BAR, lambda _: kind("\\|")) for cell in row] for row in cells]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(head) - 1)]
    space = kind(" ")
    lines = [
        kind(" | ").join(
            [*(cell + space * (w - display_width(cell)) for cell, w in zip(row, widths, strict=False)), row[-1]]
        )
        for row in cells
    ]
    lines.insert(1, kind(" | ").join(kind(":") + kind("-") * (width - 1) for width in [*widths, len(head[-1])]))
    return kind("\n").join(kind("| {} |").format(line) for line in lines)


def _split(text: Markdown) -> tuple[Markdown, list[tuple[Markdown, Markdown]]]:
    """Return the text before the first section, and each section's title and text."""
    hidden = _without_code(text)  # a `##` in code is not a heading
    starts = [heading for heading in _HEADING.finditer(hidden) if len(heading[1]) == 2]
    if not starts:
        return text, []
    ends = [*(heading.start() for heading in starts[1:]), len(text)]
    sections = [
        (text.part(*heading.span(2)), text.part(heading.end(), end).trimmed())
        for heading, end in zip(starts, ends, strict=True)
    ]
    return text.part(0, starts[0].start()), sections


def _without_code(text: str) -> str:
    """Return the text with its code blocks replaced by blanks, so that positions stay the same."""
    return _FENCED.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)


def _linked(head: Markdown, sections: list[tuple[Markdown, Markdown]]) -> Markdown:
    """Return the page with all sections open, below a list of links to them."""
    title = next(iter(_HEADING.findall(head)), ("", ""))[1]
    page = _slug(_ASIDE.sub("", title))
    anchors = [f"kosmo-{page}-{_slug(section)}" for section, _ in sections]
    # A title can be Lua code, `app["a b"](c)`.
    titles = (
        section.sub(_BRACKET, lambda bracket: Markdown("\\") + Markdown.whole(bracket)) for section, _ in sections
    )
    links = [_LINK.format(section, anchor) for section, anchor in zip(titles, anchors, strict=True)]
    head = head.trimmed()
    end_of_title = head.find("\n\n") if "\n\n" in head else len(head)
    pieces = [head.part(0, end_of_title), Markdown("\n").join(links), head.part(end_of_title + 2)]
    pieces += [
        _SECTION.format(html_block(html_attribute(anchor)), section, _lowered(body))
        for (section, body), anchor in zip(sections, anchors, strict=True)
    ]
    return Markdown("\n\n").join(filter(None, pieces)) + Markdown("\n")


def _lowered(text: Markdown) -> Markdown:
    """Return text whose headings below the first level are bold text, so that they cannot be targets of links."""
    return text.sub(_FENCE_OR_HEADING, _bold)


def _bold(match: re.Match[str]) -> Markdown:
    if match["level"] in (None, "#"):
        return Markdown.whole(match)
    return Markdown("**{}**").format(Markdown.whole(match, "title"))


def _slug(title: str) -> str:
    return _NON_WORD.sub("-", title.lower()).strip("-")
