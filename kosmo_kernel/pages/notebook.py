"""Arrange the Markdown of a page for display in a notebook.

A guide with many sections gets a list of links to them. In other pages, headings that would occur many times in a
notebook become bold text.

A notebook is one document for all its outputs, and JupyterLab resolves a link `#x` to the first element with that
name in the whole document; the name of a heading is its text (`createHeaderId` in its rendermime). So a page has no
heading that another page or a notebook's author is likely to use, and links only to anchors that begin with `kosmo-`
and the page's own name. If a guide is shown twice, its links lead to the first copy, whose text is the same. Where ids
stay ids (nbconvert, VS Code), such an anchor is not a JavaScript name, and so hides no global variable. GitHub removes
ids, so the links within a guide do not work there.
"""

from __future__ import annotations

import re

from kosmo_kernel.safety.escape import html_attribute, html_block
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.text.patterns import lazy_pattern

_MAX_SECTIONS_WITHOUT_CONTENTS = 3  # the most sections that need no list of contents

_LINK = Markdown("- [{}](#{})")
_SECTION = Markdown('<a id="{}"></a>\n\n## {}\n\n{}')
_FENCE = lazy_pattern(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_HEADING = lazy_pattern(r"^(#+) (.+)$", re.MULTILINE)
_FENCE_OR_HEADING = lazy_pattern(rf"{_FENCE.pattern}|^(?P<level>#+) (?P<title>[^\n]+)$", re.MULTILINE | re.DOTALL)
_BRACKET = lazy_pattern(r"(?<!\\)[\[\]]")
_NON_WORD = lazy_pattern(r"[^a-z0-9_]+")
_ASIDE = lazy_pattern("[,:].*")  # the part of a title after its first comma or colon


def arrange_for_notebook(text: Markdown) -> Markdown:
    """Return the Markdown of a page in the form that notebooks render."""
    head, sections = _split(text)
    if len(sections) > _MAX_SECTIONS_WITHOUT_CONTENTS:
        return _linked(head, sections)
    return _lowered(text)


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
    return _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)


def _linked(head: Markdown, sections: list[tuple[Markdown, Markdown]]) -> Markdown:
    """Return the page with all sections open, below a list of links to them."""
    title = next(iter(_HEADING.findall(head)), ("", ""))[1]
    page = _slug(_ASIDE.sub("", title))
    anchors = [f"kosmo-{page}-{_slug(section)}" for section, _ in sections]
    # A title can be Lua code, `app["a b"](c)`.
    named = (section.sub(_BRACKET, lambda bracket: Markdown("\\") + Markdown.whole(bracket)) for section, _ in sections)
    links = [_LINK.format(section, anchor) for section, anchor in zip(named, anchors, strict=True)]
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


def _bold(found: re.Match[str]) -> Markdown:
    is_kept = found["level"] in (None, "#")
    return Markdown.whole(found) if is_kept else Markdown("**{}**").format(Markdown.whole(found, "title"))


def _slug(title: str) -> str:
    return _NON_WORD.sub("-", title.lower()).strip("-")
