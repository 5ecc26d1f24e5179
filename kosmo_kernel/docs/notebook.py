"""Arrange the Markdown of a page for display in a notebook.

A page that starts with a list of its sections, as an integration's does, is folded: each line of the list becomes a
`<details>` with its section inside. A guide with many sections stays open and gets a list of links instead. In other
pages, headings that would occur many times in a notebook become bold text.

A notebook is one document for all its outputs, and JupyterLab resolves a link `#x` to the first element with that
name in the whole document; the name of a heading is its text (`createHeaderId` in its rendermime). So a page has no
heading that another page or a notebook's author is likely to use, links only to anchors that begin with `kosmo-` and
the page's own name, and a folded page has no internal links at all. If a guide is shown twice, its links lead to the
first copy, whose text is the same. Where ids stay ids (nbconvert, VS Code), such an anchor is not a JavaScript name,
and so hides no global variable.

Only elements that JupyterLab's sanitizer, VS Code (`allowedHtmlTags` of its notebook renderer) and GitHub all keep
are used: `details`, `summary`, `div`, `code`, `strong`. GitHub removes `style`, which is not needed there, and `id`,
so the links within a guide do not work on GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kosmo_kernel.safety.escape import html_text

_MAX_SECTIONS_WITHOUT_CONTENTS = 3  # the most sections that need no list of contents

_FENCE = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^- \[(.+?)\]\(#.+?\)(?:: (.+))?$", re.MULTILINE)
_INNER_LINK = re.compile(r"\[([^\]\n]+)\]\(#[^)\n]+\)")
_CODE = re.compile(r"`([^`]+)`")
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_NON_WORD = re.compile(r"[^a-z0-9_]+")
_ASIDE = re.compile("[,:].*")  # the part of a title after its first comma or colon


def arrange_for_notebook(text: str) -> str:
    """Return the Markdown of a page in the form that notebooks render."""
    head, sections = _split(text)
    entries = dict(_ENTRY.findall(_without_code(head)))
    titles = [title for title, _ in sections]
    if titles and titles == list(entries):
        return _folded(head, sections, entries)
    if len(sections) > _MAX_SECTIONS_WITHOUT_CONTENTS:
        return _linked(head, sections)
    return _lowered(text)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text before the first section, and each section's title and text."""
    hidden = _without_code(text)  # a `##` in code is not a heading
    starts = [heading for heading in _HEADING.finditer(hidden) if len(heading[1]) == 2]
    if not starts:
        return text, []
    ends = [*(heading.start() for heading in starts[1:]), len(text)]
    sections = [(heading[2], text[heading.end() : end].strip("\n")) for heading, end in zip(starts, ends, strict=True)]
    return text[: starts[0].start()], sections


def _without_code(text: str) -> str:
    """Return the text with its code blocks replaced by blanks, so that positions stay the same."""
    return _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)


def _folded(head: str, sections: list[tuple[str, str]], entries: dict[str, str]) -> str:
    """Return the page with each section folded below a line with its title and description."""
    contents = list(_ENTRY.finditer(_without_code(head)))
    before, after = head[: contents[0].start()].strip("\n"), head[contents[-1].end() :].strip("\n")
    pieces = [before, after, "**Contents**: each line opens."]
    for title, body in sections:
        about = entries[title]
        name = f"<code>{html_text(title)}</code>" if " " not in title else f"<strong>{_html(title)}</strong>"
        summary = f"{name}: {_html(about)}" if about else name
        inside = _INNER_LINK.sub(r"`\1`", _lowered(body.removeprefix(f"{about}.").strip("\n")))
        inside = _FENCE.sub(_with_margin, inside)
        pieces.append(f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>")
    return "\n\n".join(filter(None, pieces)) + "\n"


def _linked(head: str, sections: list[tuple[str, str]]) -> str:
    """Return the page with all sections open, below a list of links to them."""
    title = next(iter(_HEADING.findall(head)), ("", ""))[1]
    page = _slug(_ASIDE.sub("", title))
    anchors = [f"kosmo-{page}-{_slug(section)}" for section, _ in sections]
    named = (_BRACKET.sub(r"\\\g<0>", section) for section, _ in sections)  # a title can be Lua code, `app["a b"](c)`
    links = [f"- [{section}](#{anchor})" for section, anchor in zip(named, anchors, strict=True)]
    top, _, introduction = head.strip("\n").partition("\n\n")
    pieces = [top, "\n".join(links), introduction]
    pieces += [
        f'<a id="{anchor}"></a>\n\n## {section}\n\n{_lowered(body)}'
        for (section, body), anchor in zip(sections, anchors, strict=True)
    ]
    return "\n\n".join(filter(None, pieces)) + "\n"


def _lowered(text: str) -> str:
    """Return text whose headings below the first level are bold text, so that they cannot be targets of links."""
    return "".join(_lowered_parts(text))


def _lowered_parts(text: str) -> Iterator[str]:
    at = 0
    for fence in _FENCE.finditer(text):
        yield _HEADING.sub(_bold, text[at : fence.start()])
        yield fence[0]
        at = fence.end()
    yield _HEADING.sub(_bold, text[at:])


def _bold(heading: re.Match[str]) -> str:
    return heading[0] if heading[1] == "#" else f"**{heading[2]}**"


def _with_margin(fence: re.Match[str]) -> str:
    """Return a code block with a margin, which JupyterLab adds only to code that is not indented."""
    return f'<div style="margin: 1em 2em">\n\n{fence[0]}\n\n</div>'


def _html(text: str) -> str:
    """Convert a line of Markdown to HTML, for use where Markdown is not rendered."""
    return _CODE.sub(r"<code>\1</code>", html_text(text))


def _slug(title: str) -> str:
    return _NON_WORD.sub("-", title.lower()).strip("-")
