"""A page of the reference, and the pieces of Markdown that pages are made of.

A page is Markdown that also reads well as it is: `print` shows the text, a terminal and a notebook render it. What a
notebook gets is the same page arranged for it (`notebook.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 100  # of a paragraph, for those who read it as plain text

_CODE = re.compile(r"`[^`\n]+`")
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_LUA = re.compile(r"^```lua\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(str):
    """Markdown. It prints as it is, and a notebook whose cell ends in it shows it rendered."""

    __slots__ = ()

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
        from kosmo_kernel.docs.notebook import arranged  # noqa: PLC0415 - a shell does without
        from kosmo_kernel.no_math import markdown  # noqa: PLC0415 - likewise

        return markdown(arranged(str(self)))

    def _repr_markdown_(self) -> str:
        return self.for_notebook()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's protocol
        printer.text(str(self))


def joined(blocks: Iterable[str]) -> Page:
    """A page of these blocks, with an empty line between."""
    return Page("\n\n".join(block.strip("\n") for block in blocks) + "\n")


def paragraphs(text: str) -> str:
    """Text whose paragraphs are filled again, to the width that all of a page has; code stays on one line."""
    import textwrap  # noqa: PLC0415 - most who know a page fill none

    whole = _CODE.sub(lambda code: code.group().replace(" ", "\0"), text.strip())
    fill = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False).fill
    return "\n\n".join(fill(part) for part in whole.split("\n\n")).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns stand below each other in plain text as well."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    lines = [" | ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in cells]
    lines.insert(1, " | ".join(":" + "-" * (width - 1) for width in [*widths, len(head[-1])]))
    return "\n".join(f"| {line} |" for line in lines)
