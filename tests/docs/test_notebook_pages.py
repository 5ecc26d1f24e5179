"""A page as a notebook renders it: with contents, and without names that could collide with others."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from markdown_it import MarkdownIt

from kosmo_kernel import docs
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.safety.markup import Markdown

PAGES = ["", "heroku", *(f"heroku.{f.name}" for f in HEROKU.functions), *docs.GUIDES]
SOME_PAGES = ["", "heroku", *(f"heroku.{f.name}" for f in BY_HAND), "heroku.list_releases", *docs.GUIDES]
EVERY = pytest.mark.parametrize("name", SOME_PAGES)


def shown(name: str) -> str:
    return docs.read(name).for_notebook()


def html(name: str) -> str:
    rendered: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown(name))
    return rendered


@EVERY
def test_nothing_of_a_page_is_lost(name: str) -> None:
    def words(text: str) -> Counter[str]:
        text = re.sub(r"\(#.*?\)|<[^>\n]*>", " ", text)
        return Counter(re.findall(r"\w+", text))

    assert words(docs.read(name)) - words(shown(name)) == Counter()


@pytest.mark.parametrize("name", ["limits", "errors"])
def test_a_guide_of_many_sections_links_to_each(name: str) -> None:
    page = shown(name)
    links = re.findall(r"^- \[(.*?)\]\(#(.*?)\)$", page, re.MULTILINE)
    titles = re.findall(r"^## (.*)$", docs.read(name), re.MULTILINE)
    assert [title for title, _ in links] == titles
    assert re.findall(r'^<a id="(.*?)"></a>\n\n## (.*)$', page, re.MULTILINE) == [
        (mark, title) for title, mark in links
    ]


def test_no_two_pages_have_a_mark_or_a_heading_in_common() -> None:
    marks = Counter(mark for name in PAGES for mark in re.findall(r'id="(.*?)"', shown(name)))
    headings = Counter(
        re.sub("<.*?>", "", text) for name in PAGES for text in re.findall(r"<h\d>(.*?)</h\d>", html(name))
    )
    assert [mark for mark, times in (marks + headings).items() if times > 1] == []
    assert len(marks) > 10


@EVERY
def test_links_within_a_page_lead_to_marks_of_that_page_that_are_no_names_in_javascript(name: str) -> None:
    page = shown(name)
    marks = re.findall(r'id="(.*?)"', page)
    assert set(re.findall(r"\]\(#(.*?)\)", page)) <= set(marks)
    assert [mark for mark in marks if not re.fullmatch(r"kosmo-[a-z0-9_]+(-[a-z0-9_]+)+", mark)] == []


@EVERY
def test_a_notebook_gets_both_forms_and_lua_the_plain_one(name: str) -> None:
    page = docs.read(name)
    assert bundle_of(page) == {"text/plain": str(page), "text/markdown": shown(name)}


def test_a_heading_in_code_is_code() -> None:
    page = docs.Page(Markdown("# a\n\n" + "".join(f"## s{n}\n\n```sh\n## no heading {n}\n```\n\n" for n in range(5))))
    assert re.findall(r"\[(.*?)\]\(", page.for_notebook()) == [f"s{n}" for n in range(5)]
    assert "```sh\n## no heading 3\n```" in page.for_notebook()


def test_a_longer_fence_ends_where_it_does() -> None:
    page = docs.Page(Markdown("# a\n\n````lua\n-- ```\n## code\n````\n\n## prose\n"))
    assert page.for_notebook() == "# a\n\n````lua\n-- ```\n## code\n````\n\n**prose**\n"
    assert "code" not in page.prose


def test_a_title_that_is_lua_is_one_link() -> None:
    page = docs.Page(Markdown("# a\n\n" + "".join(f'## app\\["s {n}"\\](x) of [n]\n\n' for n in range(5))))
    tokens = MarkdownIt("commonmark").parse(page.for_notebook())
    links = [child for token in tokens for child in token.children or [] if child.type == "link_open"]
    assert [link.attrs["href"] for link in links] == [f"#kosmo-a-app-s-{n}-x-of-n" for n in range(5)]


def test_a_page_without_sections_is_as_it_is() -> None:
    assert docs.Page(Markdown("- `a`: b\n")).for_notebook() == "- `a`: b\n"
