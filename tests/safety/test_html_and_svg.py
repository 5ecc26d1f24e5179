"""Test what nobody vouches for: whatever goes in, nothing that runs, reaches out or moves a terminal comes out."""

from __future__ import annotations

import base64
import re
import struct
import time
from html import unescape
from typing import Any

import pytest
from hostile_texts import MANY, STEW, Reader, addresses
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.safety.html import ATTRIBUTES, MAX_DEPTH, TAGS, html_to_text, sanitize_html
from kosmo_kernel.safety.images import sanitize_picture, sanitize_svg
from kosmo_kernel.safety.markup import CLASSES
from kosmo_kernel.safety.text import MAX_MARKUP_LENGTH, UnsafeContentError, sanitize_text

LINK = ' target="_blank" rel="noopener noreferrer"'
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 3, 2) + bytes(9)

# HTML ----------------------------------------------------------------------------------------------------

MEANT_WELL = [
    "plain words, and 3 &lt; 4 &amp; 5 &gt; 2",
    "<h2>Apps</h2><p>Two <b>bold</b> and <em>other</em> words, <code>x = 1</code><br>a line</p>",
    "<ul><li>one</li><li>two<ol><li>deep</li></ol></li></ul><dl><dt>a</dt><dd>b</dd></dl>",
    '<table><thead><tr><th align="right" colspan="2">h</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>',
    '<details open=""><summary>more</summary><pre>a\n  b</pre></details><progress max="10" value="3"></progress>',
    '<img alt="dot" src="data:image/png;base64,iVBORw0KGgo=" width="20">',
    f'<a href="https://example.com/?a=1&amp;b=2" title="a &quot;b&quot;"{LINK}>there</a>',
]


@pytest.mark.parametrize("markup", MEANT_WELL)
def test_html_that_means_well_stays_as_it_is(markup: str) -> None:
    assert sanitize_html(markup) == markup


@pytest.mark.claim("display-html")
@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("a<script>alert(1)", "a"),
        ("<img src=x onerror=alert(1)>", "<img>"),
        ('<img src="https://evil.example/i.png" alt="i">', '<img alt="i">'),
        ('<img src="data:image/svg+xml;base64,AAAA">', "<img>"),
        ('<a href="javascript:alert(1)">x</a>', '<a target="_blank" rel="noopener noreferrer">x</a>'),
        (
            '<a href="/lab/tree/x" data-commandlinker-command="a:b" data-commandlinker-args="{}">x</a>',
            f"<a{LINK}>x</a>",
        ),
        ('<p class="jp-Dialog" id="main" style="position:fixed">x</p>', "<p>x</p>"),
        ("<style>*{display:none}</style><svg><script>1</script></svg>x", "x"),
        ('<form action="https://evil.example"><button>x</button></form>', "x"),
        ("<p>one<p>two", "<p>one</p><p>two</p>"),
        ("<table>lost<tr><td>kept", "lost<table><tbody><tr><td>kept</td></tr></tbody></table>"),
        ("a < b <!-- not seen --> c", "a &lt; b  c"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ('<a href="https://e.example/$x$">x</a>', f'<a href="https://e.example/%24x%24"{LINK}>x</a>'),
        ('<b title="$x$">x</b><b title="<i>">y</b>', "<b>x</b><b>y</b>"),
    ],
)
def test_html_loses_what_could_harm(given_: str, made: str) -> None:
    assert sanitize_html(given_) == made


@pytest.mark.claim("display-html")
@MANY
@given(STEW)
def test_html_is_only_tags_and_attributes_of_the_lists(markup: str) -> None:
    made = sanitize_html(markup)
    for tag, attributes in Reader(made).tags:
        assert tag in TAGS
        more = {"a": {"target", "rel"}, "div": {"class"}}.get(tag, set())
        assert set(attributes) <= ATTRIBUTES[tag] | more
        assert attributes.get("class", CLASSES) == CLASSES
    assert all(one.lower().startswith(("http://", "https://", "data:image/")) for one in addresses(made))
    if "$" not in made and "\\" not in made:
        assert sanitize_html(made) == made


@pytest.mark.parametrize("text", [r"$\frac12$", "$$x$$", r"\(x\) \[y\] \begin{align}z\end{align}", "&dollar;x&#36;"])
def test_what_looks_like_a_formula_is_not_typeset(text: str) -> None:
    made = sanitize_html(f"<p>{text}</p>")
    assert made.startswith('<div class="tex2jax_ignore mathjax_ignore">')
    assert re.search(r"\$[^<$]*\$|\\[(\[b]", made) is None
    assert html_to_text(made) == unescape(text)


def test_html_without_formulas_keeps_its_backslashes() -> None:
    assert html_to_text(sanitize_html(r"C:\Users\name\style")) == r"C:\Users\name\style"


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td"])
def test_elements_that_are_nested_too_deep_are_not_shown(tag: str) -> None:
    assert sanitize_html(f"<{tag}>" * (MAX_DEPTH // 4))
    with pytest.raises(UnsafeContentError, match="in each other"):
        sanitize_html(f"<{tag}>" * (MAX_DEPTH + 1))


@MANY
@given(STEW)
def test_the_words_of_html_are_text(markup: str) -> None:
    made = html_to_text(sanitize_html(markup))
    assert sanitize_text(made) == made


def test_html_reads_as_lines_and_cells() -> None:
    markup = "<h1>T</h1><p>a &amp; b</p><table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"
    assert html_to_text(sanitize_html(markup)) == "T\na & b\n1\t2\n3\t4"


@pytest.mark.full
@pytest.mark.parametrize(
    "unit",
    [
        "<b a=1>",
        "<p>",
        "<p><b><i><u>",
        "<table><b><td><p><i><a>",
        "&",
        "<",
        '<a "',
        "<!--",
        "<script>",
        "a=1 ",
        "<td>x",
    ],
)
@pytest.mark.parametrize("start", ["", "<table>", "<b ", "<p><b>", "<script>"])
def test_no_html_takes_long_or_grows_without_end(start: str, unit: str) -> None:
    markup = (start + unit * (MAX_MARKUP_LENGTH // 8 // len(unit)))[: MAX_MARKUP_LENGTH // 8]
    started = time.process_time()
    try:
        made = sanitize_html(markup)
    except UnsafeContentError as error:
        assert "in each other" in str(error)  # noqa: PT017 - it is one way to be quick
    else:
        assert len(made) < 10 * len(markup) + 100
    assert time.process_time() - started < 5


# Pictures ------------------------------------------------------------------------------------------------

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


@pytest.mark.claim("display-images")
def test_an_svg_becomes_a_picture() -> None:
    drawing = SVG.format("<circle r='3'/><script>alert(1)</script>")
    start, data = sanitize_svg(drawing).removesuffix('">').split("base64,")
    assert start == '<img alt="" src="data:image/svg+xml;'
    assert base64.b64decode(data).decode() == drawing


def test_an_svg_without_its_namespace_gets_it() -> None:
    data = sanitize_svg("<svg width='3'/>").removesuffix('">').split("base64,")[1]
    assert base64.b64decode(data).decode() == "<svg xmlns=\"http://www.w3.org/2000/svg\" width='3'/>"


BOMB = "".join(f'<g id="a{i}">{f"<use href=$#a{i + 1}$/>" * 10}</g>' for i in range(9)).replace("$", '"')


@pytest.mark.parametrize(
    ("drawing", "why"),
    [
        ("<html/>", "it starts with <html>"),
        ("<svg>", "no element found"),
        ("no markup", "syntax error"),
        ("<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>", "<!DOCTYPE"),
        (SVG.format(BOMB), "draws more than 100,000 elements"),
        (SVG.format('<g id="a"><use href="#a"/></g>'), "uses itself"),
        (SVG.format("<g>" * 200 + "</g>" * 200), "too deep"),
        (SVG.format(" " * MAX_MARKUP_LENGTH), "too many"),
        (SVG.format("<g/>" * 100_001), "draws more than 100,000 elements"),
        (SVG.format("".join(f'<g id="{i}">' for i in range(90)) + "<g/>" * 90_000 + "</g>" * 90), "too many in each"),
    ],
)
def test_an_svg_that_is_none_or_has_no_end_is_not_shown(drawing: str, why: str) -> None:
    with pytest.raises(UnsafeContentError, match=why):
        sanitize_svg(drawing)


@pytest.mark.parametrize("data", [PNG, base64.b64encode(PNG), b"\n" + base64.encodebytes(PNG)])
def test_a_png_is_taken_as_bytes_and_as_base64(data: bytes) -> None:
    assert sanitize_picture("png", data)[0] == PNG


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a", base64.b64encode(b"<script>"), PNG[:20], b"\xff" * 40])
def test_what_is_no_png_is_not_shown(data: bytes) -> None:
    with pytest.raises(UnsafeContentError, match="no PNG"):
        sanitize_picture("png", data)


def test_a_png_that_would_fill_the_memory_is_not_shown() -> None:
    with pytest.raises(UnsafeContentError, match="too large"):
        sanitize_picture("png", PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:])


# Text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("a\tb\r\nc\bd é", "a\tb\r\nc\bd é"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://e.example\x1b\\link\x1b]8;;\x1b\\", "red link"),
        ("\x1bP1;2q\x1b\\\x1bc\x9b2J\x1b", "2J"),
    ],
)
def test_text_has_no_escape_sequences(given_: str, made: str) -> None:
    assert sanitize_text(given_) == made


@pytest.mark.claim("display-terminal")
@MANY
@given(st.text(alphabet=st.sampled_from("\x1b[]0;m\x07\x9b\x9c\\PX^_#a \n")))
def test_no_text_ever_has_an_escape(source: str) -> None:
    made: Any = sanitize_text(source)
    assert set(made) & {"\x1b", "\x07", "\x9b", "\x9c"} == set()
