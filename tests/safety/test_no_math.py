"""Test that what is no mathematics is not typeset: tables, records, notes, outlines, pages and plain frames."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from kosmo_kernel import docs
from kosmo_kernel.docs import Page
from kosmo_kernel.docs.guides import GUIDES
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.notebook.cells import small_note
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import outline
from kosmo_kernel.render.frames import frame_of, show_derived_frames
from kosmo_kernel.render.tables import RecordView, table_of
from kosmo_kernel.safety.markup import CLASSES, Html, Markdown, without_delimiters
from kosmo_kernel.values.records import Records

STYLE = r"\style{cursor:url(http://h/x),auto}{x}"
FORMULAS = [f"${STYLE}$", f"$${STYLE}$$", rf"\({STYLE}\)", rf"\[{STYLE}\]", rf"\begin{{align}}{STYLE}\end{{align}}"]
FORMULA = re.compile(r"\$[^$]+\$|\\\(.*\\\)|\\\[.*\\\]|\\begin\{.*\\end\{", re.DOTALL)


class Typesetter(HTMLParser):
    """The texts in which MathJax looks for formulas: those between two tags, without code.

    Parameters:
        with_classes: whether elements of the classes for what is no mathematics are left out.
    """

    def __init__(self, page: str, *, with_classes: bool) -> None:
        super().__init__()
        self.texts = [""]
        self._with_classes = with_classes
        self._ignored = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts.append("")
        classes = str(dict(attrs).get("class")).split()
        if self._ignored:
            self._ignored += tag in {"div", "pre", "code", "script", "style"}
        elif tag in {"pre", "code", "script", "style"} or (self._with_classes and set(CLASSES.split()) <= {*classes}):
            self._ignored = 1

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")
        if self._ignored:
            self._ignored -= tag in {"div", "pre", "code", "script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._ignored:
            self.texts[-1] += data


def formulas(page: str, *, with_classes: bool) -> list[str]:
    return [text for text in Typesetter(page, with_classes=with_classes).texts if FORMULA.search(text)]


def table(text: str) -> str:
    return table_of(Records([{text: text, "nested": {text: text}, "list": [text]}]), note=text).html()


def record(text: str) -> str:
    return RecordView({text: text, "nested": {text: text}, "list": [text]})._repr_html_()


def note(text: str) -> str:
    return str(small_note(text).bundle["text/html"])


def fold(text: str) -> str:
    return outline({text: [text] * 40, "a" * 90: text})


def progress(text: str) -> str:
    return ProgressSnapshot(1, 1, 1, 1, text, 1.0).at_end().html()


def page(text: str) -> str:
    html: str = MarkdownIt("commonmark").render(
        Page(Markdown("# {0}\n\n{0} and {0}\n\n- {0}\n").format(text)).for_notebook()
    )
    return html


def head_of_a_frame(text: str) -> str:
    show_derived_frames(None)  # as it is before an extension is unloaded
    return str(pd.DataFrame(frame_of(Records([{text: text}])))._repr_html_())  # type: ignore[operator] # not in the stubs


@pytest.mark.parametrize("text", FORMULAS)
def test_this_test_finds_what_would_be_typeset(text: str) -> None:
    assert formulas(f"<div><p>{text}</p></div>", with_classes=True)


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("shown", [table, record, note, fold, progress, page])
def test_no_output_but_mathematics_is_typeset(shown: Callable[[str], str], text: str) -> None:
    assert formulas(shown(text), with_classes=True) == []


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("shown", [table, record, note, fold, page])
def test_no_delimiters_are_left_where_a_site_removes_classes(shown: Callable[[str], str], text: str) -> None:
    assert formulas(shown(text), with_classes=False) == []


@pytest.mark.parametrize("classes", CLASSES.split())
def test_a_plain_frame_made_from_ours_says_that_it_is_no_mathematics(classes: str) -> None:
    tag = re.search(r"<table[^>]*>", head_of_a_frame(FORMULAS[0]))
    assert tag is not None
    assert classes in tag[0]


@pytest.mark.parametrize("text", [*FORMULAS, "$5 and $6", r"C:\begin\(x", "$$$$"])
def test_text_without_delimiters_reads_and_is_copied_as_before(text: str) -> None:
    markup = without_delimiters(Html(f"<td>{text}</td>"))
    assert unescape(re.sub("<[^>]*>", "", markup)) == text


@pytest.mark.parametrize("text", ["$3.50", r"a\nb", r'{"a": "\"x\""}', "no marks"])
def test_a_price_and_an_escape_stay_as_they_are(text: str) -> None:
    assert without_delimiters(Html(f"<td>{text}</td>")) == f"<td>{text}</td>"


def test_our_own_pages_have_delimiters_of_formulas_in_their_code_only() -> None:
    names = [*GUIDES, "heroku", *HEROKU.by_full_name()]
    prose = {name: re.sub("`[^`\n]*`", "", docs.read(name).prose) for name in names}
    assert [name for name, text in prose.items() if FORMULA.search(text)] == []
