"""A page as a notebook shows it, made from its text alone.

A page that starts with a list of its sections, as an integration's does, folds them: each line of the list becomes a
`<details>` with its section inside, so that the list of contents is what one opens. A guide of many sections stays
open and gets a list of links instead. Other pages only lose headings that would stand in a notebook many times.

A notebook is one document for all its outputs, and JupyterLab finds the target of a link, `#x`, by the first element
of the whole document that is called so; what a heading is called is its text (`createHeaderId` in its rendermime).
So a page has no heading that another page or a notebook's author is likely to have, links only to marks that begin
with `kosmo-` and the page's own name, and a folded page has no links within it at all. A guide that a notebook shows
twice leads to the first of the two, whose text is the same. Where ids stay ids (nbconvert,
VS Code) such a mark is no JavaScript name, and so hides none.

What is used is what JupyterLab's sanitiser, VS Code (`allowedHtmlTags` of its notebook renderer) and GitHub all keep:
`details`, `summary`, `div`, `code`, `strong`. GitHub leaves out `style`, which it does not need, and `id`: there alone
the links of a guide lead nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kosmo_kernel.safety.escape import html_text

_MANY = 3  # sections that need no list of contents

_FENCE = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^- \[(.+?)\]\(#.+?\)(?:: (.+))?$", re.MULTILINE)
_INNER_LINK = re.compile(r"\[([^\]\n]+)\]\(#[^)\n]+\)")
_CODE = re.compile(r"`([^`]+)`")
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_NO_WORD = re.compile(r"[^a-z0-9_]+")
_ASIDE = re.compile("[,:].*")  # what a title goes on to say


def arranged(text: str) -> str:
    """The page in the form that notebooks render.

    Parameters:
        text: Markdown, as pages have it.
    """
    head, sections = _split(text)
    entries = dict(_ENTRY.findall(_without_code(head)))
    titles = [title for title, _ in sections]
    if titles and titles == list(entries):
        return _folded(head, sections, entries)
    if len(sections) > _MANY:
        return _linked(head, sections)
    return _lowered(text)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first section, and each section's title and text."""
    hidden = _without_code(text)  # a `##` in code is no heading
    starts = [found for found in _HEADING.finditer(hidden) if len(found[1]) == 2]
    if not starts:
        return text, []
    ends = [*(found.start() for found in starts[1:]), len(text)]
    sections = [(found[2], text[found.end() : end].strip("\n")) for found, end in zip(starts, ends, strict=True)]
    return text[: starts[0].start()], sections


def _without_code(text: str) -> str:
    """The text with blanks in place of its blocks of code, every place in it left as it is."""
    return _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)


def _folded(head: str, sections: list[tuple[str, str]], entries: dict[str, str]) -> str:
    """Each section folded, below a line with its title and what it is about."""
    contents = list(_ENTRY.finditer(_without_code(head)))
    before, after = head[: contents[0].start()].strip("\n"), head[contents[-1].end() :].strip("\n")
    pieces = [before, after, "**Contents**: each line opens."]
    for title, body in sections:
        about = entries[title]
        name = f"<code>{html_text(title)}</code>" if " " not in title else f"<strong>{_html(title)}</strong>"
        summary = f"{name}: {_html(about)}" if about else name
        inside = _INNER_LINK.sub(r"`\1`", _lowered(body.removeprefix(f"{about}.").strip("\n")))
        inside = _FENCE.sub(_set_off, inside)
        pieces.append(f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>")
    return "\n\n".join(filter(None, pieces)) + "\n"


def _linked(head: str, sections: list[tuple[str, str]]) -> str:
    """All sections open, below a list of links to them."""
    title = next(iter(_HEADING.findall(head)), ("", ""))[1]
    page = _slug(_ASIDE.sub("", title))
    marks = [f"kosmo-{page}-{_slug(section)}" for section, _ in sections]
    named = (_BRACKET.sub(r"\\\g<0>", section) for section, _ in sections)  # a title may be Lua, `app["a b"](c)`
    links = [f"- [{section}](#{mark})" for section, mark in zip(named, marks, strict=True)]
    top, _, introduction = head.strip("\n").partition("\n\n")
    pieces = [top, "\n".join(links), introduction]
    pieces += [
        f'<a id="{mark}"></a>\n\n## {section}\n\n{_lowered(body)}'
        for (section, body), mark in zip(sections, marks, strict=True)
    ]
    return "\n\n".join(filter(None, pieces)) + "\n"


def _lowered(text: str) -> str:
    """Text whose headings, but for the first level's, are bold words: they do not name its place in a notebook."""
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


def _set_off(fence: re.Match[str]) -> str:
    """Code with room around it: JupyterLab gives it to code at the margin only."""
    return f'<div style="margin: 1em 2em">\n\n{fence[0]}\n\n</div>'


def _html(text: str) -> str:
    """A line of Markdown as HTML, in which Markdown is not read."""
    return _CODE.sub(r"<code>\1</code>", html_text(text))


def _slug(title: str) -> str:
    return _NO_WORD.sub("-", title.lower()).strip("-")
