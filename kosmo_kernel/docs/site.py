"""Write the reference as a folder of HTML pages, which need no server: `kosmo docs --html DIR`.

Each page of the reference is one file with its name. A name of another page in code is a link to it. The search runs in
the browser on `search-index.js`, which has the words of all pages with their scores, as `search_index.py` computes
them; without scripts there is the list of all pages, `index.html`. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

from kosmo_kernel import __version__, integrations
from kosmo_kernel.docs import GUIDES, page_of, resolve, titles
from kosmo_kernel.docs.reference import integration_index, line_entry
from kosmo_kernel.docs.search_index import search_data
from kosmo_kernel.pages import joined
from kosmo_kernel.pages.design import style_sheets
from kosmo_kernel.questions import CHECKS, TABLES
from kosmo_kernel.questions.discovery import shipped_checks
from kosmo_kernel.safety.markup import (
    Html,
    Markdown,
    html_attribute,
    html_code,
    html_from_library,
    html_of_package,
    markdown_of_package,
)

INDEX, STYLE_FILE, SCRIPT, WORDS = "index", "style.css", "search.js", "search-index.js"
SUFFIX = ".html"
_MIN_SECTIONS = 4  # of a page that begins with a list of them
_CALL = re.compile(r"""docs\.read\("([^"]+)"\)|kosmo (?:integrations:)?docs ([\w.-]+)|%kosmo docs ([\w.-]+)""")
_CHECK = re.compile(r"(?:%?kosmo check )?([a-z0-9]+(?:-[a-z0-9]+)+)")
_NAME = re.compile(r"(?:app\.integrations\.)?([\w.]+)(?:\(.*\))?", re.DOTALL)
_NON_WORD = re.compile(r"[^a-z0-9_]+")

_DESCRIPTION = Html('<meta name="description" content="{}">')
_LIST = Html("<h2>{}</h2>\n<ul>\n{}</ul>\n")
_ITEM = Html('<li><a href="{}.html">{}</a></li>\n')
_CURRENT = Html('<li><a href="{}.html" aria-current="page">{}</a></li>\n')
_CODE_LINK = Html('<a href="{}.html"><code>{}</code></a>')
_ROW = Html('<tr><td><a href="{}.html"><code>{}</code></a></td><td>{}</td></tr>\n')
_TABLE = Html('<h2 id="{}">{}</h2>\n<div class="table"><table>\n<tbody>\n{}</tbody>\n</table></div>\n')
_CONTENTS = Html('<nav class="contents" aria-label="On this page">\n<ul>\n{}</ul>\n</nav>\n')
_SECTION = Html('<li><a href="#{}">{}</a></li>\n')


class SitePage(NamedTuple):
    """A page of the site: its name, which is that of its file, and what it is about."""

    name: str
    title: str


def site_files() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file of the site."""
    groups = _groups()
    pages = {page.name: page for group in groups.values() for page in group}
    yield STYLE_FILE, style_sheets("colours", "page", "site")
    yield SCRIPT, files(__package__).joinpath(SCRIPT).read_text(encoding="utf-8")
    yield WORDS, search_data([*pages])
    renderer = _Renderer(pages)
    for page in pages.values():
        content = renderer.html(page.name, _markdown(page.name))
        yield page.name + SUFFIX, _whole(page, content, groups)
    home = SitePage(INDEX, "kosmo: Heroku in complete tables")
    yield INDEX + SUFFIX, _whole(home, _home(groups), groups)


def _markdown(name: str) -> Markdown:
    """Return the Markdown of a page; on that of an integration each function is a line."""
    subject = resolve(name)
    if subject.integration is None or subject.part or subject.function is not None:
        return page_of(subject).markdown
    return joined(map(markdown_of_package, integration_index(subject.integration, line_entry))).markdown


def _groups() -> dict[str, list[SitePage]]:
    """Return all pages by group, in their order."""
    groups = {"Guides": [SitePage(name, title) for name, title in GUIDES.items()]}
    for service in integrations.load_all():
        if not service.is_from_document:
            pages = [SitePage(name, title) for name, title in titles(service).items()]
            below = f"{service.name}.{TABLES}."
            groups[service.title] = [page for page in pages if not page.name.startswith(below)]
            groups[f"Tables of {service.title}"] = [page for page in pages if page.name.startswith(below)]
    groups["Checks"] = [SitePage(f"{CHECKS}.{check.name}", check.title) for check in shipped_checks()]
    return {title: pages for title, pages in groups.items() if pages}


def _whole(page: SitePage, content: Html, groups: Mapping[str, Sequence[SitePage]]) -> Html:
    return html_of_package("docs/site.html").format(
        description=_DESCRIPTION.format(html_attribute(page.title)),
        title=page.title if page.name == INDEX else Html("{} · kosmo").format(page.title),
        navigation=_navigation(page, groups),
        content=content,
        version=__version__,
    )


def _navigation(current: SitePage, groups: Mapping[str, Sequence[SitePage]]) -> Html:
    """Return the links beside a page: the guides, and the pages that list the others."""
    sections = []
    for title, pages in groups.items():
        listed = pages if title == "Guides" else [page for page in pages if page.name.count(".") == 0]
        items = [
            (_CURRENT if page.name == current.name else _ITEM).format(html_attribute(page.name), page.title)
            for page in listed
        ]
        if items:
            sections.append(_LIST.format(title, Html("").join(items)))
    return Html("").join(sections)


def _home(groups: Mapping[str, Sequence[SitePage]]) -> Html:
    tables = []
    for title, pages in groups.items():
        rows = (_ROW.format(html_attribute(page.name), page.name, page.title) for page in pages)
        tables.append(_TABLE.format(html_attribute(_slug(title)), title, Html("").join(rows)))
    return html_of_package("docs/home.html") + Html("").join(tables)


class _Renderer:
    """Renders the Markdown of pages, with links between them.

    Parameters:
        pages: all pages, by name.
    """

    def __init__(self, pages: Mapping[str, SitePage]) -> None:
        from markdown_it import MarkdownIt

        self._pages = pages
        self._functions = {name.rpartition(".")[2]: name for name in pages if name.count(".") == 1}
        self._current = ""
        self._parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        renderer: Any = self._parser.renderer  # whose type does not say that it has rules
        renderer.rules |= {
            "code_inline": self._code,
            "fence": self._block,
            "table_open": lambda *_: '<div class="table"><table>\n',
            "table_close": lambda *_: "</table></div>\n",
        }

    def html(self, name: str, text: Markdown) -> Html:
        """Return a page as HTML, with a list of its sections if they are many."""
        self._current = name
        tokens = self._parser.parse(text)
        sections, slugs = list[Html](), Counter[str]()
        for token in tokens:
            token.attrs.pop("style", None)  # of cells of a table, all of which are aligned as they are
        for heading, inline in pairwise(tokens):
            if heading.type == "heading_open" and heading.tag != "h1":
                title = "".join(child.content for child in inline.children or ())
                slug = _slug(title)
                slugs[slug] += 1
                slug = f"{slug}-{slugs[slug]}" if slugs[slug] > 1 else slug
                heading.attrSet("id", slug)
                if heading.tag == "h2":
                    sections.append(_SECTION.format(html_attribute(slug), title))
        end = next((n + 1 for n, token in enumerate(tokens) if token.type == "heading_close"), 0)
        render, options = self._parser.renderer.render, self._parser.options
        head, rest = (html_from_library(str(render(part, options, {}))) for part in (tokens[:end], tokens[end:]))
        contents = _CONTENTS.format(Html("").join(sections)) if len(sections) >= _MIN_SECTIONS else Html("")
        return head + contents + rest

    def _code(self, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
        """Return code in a line, as a link if it names another page; an `Html` would escape the text before it."""
        text = tokens[index].content
        name = self._page_named(text)
        is_inside_link = any(token.type == "link_open" for token in tokens[:index]) and not any(
            token.type == "link_close" for token in tokens[:index]
        )
        if name and name != self._current and not is_inside_link:
            return str(_CODE_LINK.format(html_attribute(name), html_code(text)))
        return str(Html("<code>{}</code>").format(html_code(text)))

    def _page_named(self, text: str) -> str:
        """Return the page that code names; empty if it names none."""
        if call := _CALL.fullmatch(text):
            name = next(filter(None, call.groups()))
            return name if name in self._pages else ""
        if (check := _CHECK.fullmatch(text)) and f"{CHECKS}.{check[1]}" in self._pages:
            return f"{CHECKS}.{check[1]}"
        if (match := _NAME.fullmatch(text)) is None:
            return ""
        name = match[1]
        if "." in name:
            return name if name in self._pages else ""
        return self._functions.get(name, "") if "_" in name else ""

    def _block(self, tokens: Sequence[Any], index: int, options: Any, env: Any) -> str:
        """Return a block of code in colours."""
        token = tokens[index]
        return str(Html("<pre><code>{}</code></pre>\n").format(_coloured(token.content, token.info.strip())))


def _coloured(code: str, language: str) -> Html:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, ensurenl=False)
    except ClassNotFound:
        return html_code(code)
    return html_from_library(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def _slug(title: str) -> str:
    return _NON_WORD.sub("-", title.lower()).strip("-")
