"""Words that somebody else wrote, escaped: whoever reads the page sees the same words and nothing that they mean."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable

import pytest
from hostile_texts import HOSTILE, JUPYTERLAB_FORMULA, MANY, READERS, STEW, Shown, by_markdown_it, by_nbconvert, tight
from hypothesis import given
from markdown_it import MarkdownIt

from kosmo_kernel.docs import Page
from kosmo_kernel.pages import Writer, in_both_forms
from kosmo_kernel.safety.markup import Html, Markdown, Markup, code_span, fenced, html_attribute, html_code
from kosmo_kernel.safety.tables import markdown_rows

Read = Callable[[str], Shown]

PLACES = {
    "a paragraph": "{}",
    "a paragraph with words around it": "before {} behind",
    "bold words": "**{}**",
    "a heading": "# {}",
    "a list": "- {}\n- other",
    "a table": "| a | b |\n|---|---|\n| {} | {} |\n| c | d |",
}
by_each_reader = pytest.mark.parametrize("read", READERS, ids=["markdown-it", "nbconvert"])


def test_there_are_enough_hostile_words() -> None:
    assert len(set(HOSTILE)) > 90


@by_each_reader
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("escaped", [Markdown.escape, code_span])
def test_words_in_markdown_are_seen_as_they_are_and_mean_nothing(
    escaped: Callable[[str], str], place: str, read: Read
) -> None:
    usual = read(place.replace("{}", escaped("word")))
    for words in HOSTILE:
        written = place.replace("{}", escaped(words))
        shown = read(written)
        assert shown.structure == usual.structure, written
        assert shown.text == usual.text.replace("word", tight(words)), written
        assert (shown.odd, shown.formulas) == ([], []), written
        assert {name for _, name, _ in shown.attributes} <= {"id", "class", "href"}, written
        assert not JUPYTERLAB_FORMULA.search(written), written


@by_each_reader
def test_the_same_words_do_mean_something_when_they_are_not_escaped(read: Read) -> None:
    assert sum(read(words).structure != ["p"] for words in HOSTILE) > 30
    assert sum(bool(read(f"before {words} behind").formulas) for words in HOSTILE) > 5


@by_each_reader
def test_a_fenced_block_holds_whatever_its_words_are(read: Read) -> None:
    for words in (*HOSTILE, "a\n```\n<b>x</b>", "````\n```", "a\r```\r<b>x</b>", "\n".join(HOSTILE)):
        shown = read(f"before\n\n{fenced(words, 'text')}\n\nbehind")
        assert [tag for tag in shown.structure if tag not in ("code", "div")] == ["p", "pre", "p"], words
        assert shown.text == f"before{tight(words)}behind"
        assert (shown.odd, shown.formulas) == ([], [])


def test_a_fenced_block_has_no_language_that_somebody_else_chose() -> None:
    with pytest.raises(ValueError, match="is no language"):
        fenced("x", "mermaid\n```\n<b>")


@pytest.mark.claim("parent-text")
def test_words_in_html_are_seen_as_they_are_and_are_no_formulas() -> None:
    for words in HOSTILE:
        assert Shown(f"<pre>{html_code(words)}</pre>").tags == ["pre"]
        assert tight(Shown(f"<pre>{html_code(words)}</pre>").text) == tight(words)
        shown = Shown(f"<p>{Html.escape(words)}</p>")
        assert (shown.structure, shown.odd, shown.formulas) == (["p"], [], []), words
        assert shown.text == tight(words)


@pytest.mark.parametrize("quote", ['"', "'"])
def test_words_in_an_attribute_stay_in_it(quote: str) -> None:
    for words in HOSTILE:
        tag = f"<p title={quote}{html_attribute(words)}{quote}>x</p>"
        for shown in (Shown(tag), *(read(f"before {tag} behind") for read in READERS)):
            ((_, name, value),) = [one for one in shown.attributes if one[0] == "p"]
            assert (name, tight(value)) == ("title", tight(words))
            assert "x" in shown.text
        assert not JUPYTERLAB_FORMULA.search(tag)


def test_an_attribute_keeps_its_line_ends() -> None:
    ((_, _, value),) = Shown(f'<p title="{html_attribute(chr(9) + "a" + chr(10) + "  b")}">').attributes
    assert value == "\ta\n  b"


@pytest.mark.full
@MANY
@given(STEW)
def test_no_mixture_of_marks_means_anything(words: str) -> None:
    for read in (by_markdown_it, by_nbconvert):
        for written in (Markdown.escape(words), code_span(words)):
            shown = read(f"before {written} behind")
            assert set(shown.structure) <= {"p", "code"}, written
            assert (shown.odd, shown.formulas) == ([], []), written
    assert Shown(f"<p>{Html.escape(words)}</p>").structure == ["p"]


def test_usual_words_are_left_as_they_are() -> None:
    for words in (
        "take_seat(row, name, tags?)",
        "2026-11-27T10:00:00Z",
        "The Hall 2.5",
        "3,060 of 4,500",
        "a-b + c = d!",
    ):
        assert (Markdown.escape(words), code_span(words)) == (words, f"`{words}`")


@pytest.mark.full
def test_escaping_takes_time_in_proportion_to_the_words() -> None:
    def seconds(words: str) -> float:
        started = time.process_time()
        for escaped in (Markdown.escape, code_span, Html.escape, html_attribute, fenced):
            escaped(words)
        return time.process_time() - started

    for piece in ("#", "# ", "`", ":a", ":", "_", "\\", "$", "[", "] ", "www.", "a ", "1", "\n", "&"):
        short, long = (min(seconds(piece * count) for _ in range(3)) for count in (5_000, 80_000))
        assert long < 100 * short + 0.05, piece


def test_a_page_has_the_words_as_they_are_in_its_text_and_escaped_in_its_markdown() -> None:
    def blocks(form: Writer) -> list[Markup]:
        return [form.text("<b>"), form.table(("aa", "bb"), [(form.code("x|y"), form.text("x|y"))]), form.prose("# <i>")]

    page = in_both_forms(blocks)
    assert str(page) == "<b>\n\n| aa    | bb |\n| :---- | :- |\n| `x|y` | x|y |\n\n# <i>\n"
    assert [
        cell.content for cell in MarkdownIt("commonmark").enable("table").parse(page.markdown) if cell.children
    ] == [*("&lt;b&gt;", "aa", "bb", "<code>x&#124;y</code>", "x&#124;y", "\\# &lt;i&gt;")]
    copy = pickle.loads(pickle.dumps(page))  # noqa: S301 - written here
    assert (copy, copy.markdown, type(copy)) == (page, page.markdown, Page)


def test_a_row_of_a_markdown_table_escapes_texts_and_keeps_cells_that_are_markdown() -> None:
    _, _, row = markdown_rows(["Check", "Reason"], [[code_span("a|b"), "x|y <b>"]])
    assert row == f"| {code_span('a|b')} | {Markdown.escape('x|y <b>')} |\n"
    assert row.replace("\\|", "").count("|") == 3
