"""Markdown that nobody vouches for: what it shows is text, tables, code and links to the web, and no more."""

from __future__ import annotations

import re
import time

import pytest
from hostile_texts import MANY, STEW, Reader, addresses
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from kosmo_kernel.safety.html import TAGS
from kosmo_kernel.safety.markdown import _parser, sanitize_markdown
from kosmo_kernel.safety.text import MAX_MARKUP_LENGTH, UnsafeContentError

LINK = ' target="_blank" rel="noopener noreferrer"'

SOURCE = """# Apps

Two **bold** and *other* words, `x < 1`, ~~no~~ and [a link](https://example.com/a_(b)?c=1 "title").

1. one
2. two
   - deep

> quoted

| app | dynos |
|:----|------:|
| web | 2 < 3 |

```lua
local x = "<b>" .. [[ ![no image](x) ]]
```

---

see [the page][ref]

[ref]: https://example.com/ref"""
PAGE = f"""<h1>Apps</h1>
<p>Two <strong>bold</strong> and <em>other</em> words, <code>x &lt; 1</code>, <s>no</s> and \
<a href="https://example.com/a_(b)?c=1" title="title"{LINK}>a link</a>.</p>
<ol>
<li>one</li>
<li>two
<ul>
<li>deep</li>
</ul>
</li>
</ol>
<blockquote>
<p>quoted</p>
</blockquote>
<table>
<thead>
<tr>
<th align="left">app</th>
<th align="right">dynos</th>
</tr>
</thead>
<tbody>
<tr>
<td align="left">web</td>
<td align="right">2 &lt; 3</td>
</tr>
</tbody>
</table>
<pre><code>local x = "&lt;b&gt;" .. [[ ![no image](x) ]]
</code></pre>
<hr>
<p>see <a href="https://example.com/ref"{LINK}>the page</a></p>
"""


def test_markdown_becomes_the_html_that_it_means() -> None:
    assert sanitize_markdown(SOURCE) == PAGE


@pytest.mark.claim("display-markdown")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("<div>\n<script>alert(1)</script>", "<p>&lt;div&gt;\n&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("![alt](https://e.example/i.png)", f'<p><a href="https://e.example/i.png"{LINK}>alt</a></p>'),
        ("![](https://e.example/i.png)", f'<p><a href="https://e.example/i.png"{LINK}>image</a></p>'),
        ('![a<b>"](data:image/png;base64,AA)', f'<p><a{LINK}>a&lt;b&gt;"</a></p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](&#106;avascript:alert(1))", "<p>[x](&#106;avascript:alert(1))</p>".replace("&#106;", "j")),
        ("[x](data:text/html,1) [y](file.ipynb)", f"<p>[x](data:text/html,1) <a{LINK}>y</a></p>"),
        ("<https://e.example/x>", f'<p><a href="https://e.example/x"{LINK}>https://e.example/x</a></p>'),
        ("<javascript:alert(1)>", "<p>&lt;javascript:alert(1)&gt;</p>"),
        (
            '[a](https://e.example/$"onclick="x"$)',
            f'<p><a href="https://e.example/%24%22onclick=%22x%22%24"{LINK}>a</a></p>',
        ),
        ("```mermaid\nA\n```", "<pre><code>A\n</code></pre>"),
        ("```{=html}\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        (":::{figure} https://e.example/i.png", "<p>:::{figure} https://e.example/i.png</p>"),
    ],
)
def test_markdown_loses_what_could_harm(source: str, expected: str) -> None:
    assert unmarked(sanitize_markdown(source)) == expected


def unmarked(markup: str) -> str:
    """Return HTML without the elements that keep formulas from being typeset."""
    inner = re.sub(r'^<div class="tex2jax_ignore mathjax_ignore">(.*)</div>$', r"\1", markup, flags=re.DOTALL)
    return re.sub(r"<span>([$\\])</span>", r"\1", inner).strip()


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("costs $5 and $6", "costs $5 and $6"),
        (r"\$x\$", "$x$"),
        ("`$x$` in code", "<code>$x$</code> in code"),
        (r"\(x\) \[y\]", "(x) [y]"),
        (r"C:\Users\name", r"C:\Users\name"),
        ("$ x $", "$ x $"),
        ("$x^2$", "$x^2$"),
        ("$$\n\\frac{a}{b}\n$$", "$$\n\\frac{a}{b}\n$$"),
    ],
)
def test_formulas_are_shown_as_they_are_written_and_are_not_typeset(source: str, shown: str) -> None:
    made = sanitize_markdown(source)
    assert unmarked(made) == f"<p>{shown}</p>"
    assert re.search(r"\$[^<$]*\$|\\[(\[]", made) is None


@pytest.mark.claim("display-markdown")
@MANY
@given(source=STEW)
def test_markdown_is_only_tags_of_the_list_no_images_and_links_to_the_web(source: str) -> None:
    made = sanitize_markdown(source)
    assert {tag for tag, _ in Reader(made).tags} <= TAGS - {"img"}
    assert [one for one in addresses(made) if not one.lower().startswith(("http://", "https://"))] == []


@MANY
@given(source=STEW)
def test_markdown_means_the_same_as_where_rules_are_tried_at_all_signs(source: str) -> None:
    plain = _parser.__wrapped__()
    plain.inline.terminator_re = MarkdownIt().inline.terminator_re
    assert _parser().render(source) == plain.render(source)


def test_no_rule_is_tried_at_the_signs_of_formulas() -> None:
    tried = []

    def last(state: StateInline, _silent: bool) -> bool:
        tried.append(state.src[state.pos])
        return False

    parser = _parser.__wrapped__()
    parser.inline.ruler.push("last", last)
    assert parser.render("$x$ {a} b=c ! d") == "<p>$x$ {a} b=c ! d</p>\n"
    assert tried == ["!"]


@pytest.mark.parametrize("opening", ["> ", "- ", "1. "])
def test_blocks_that_are_nested_too_deep_are_not_shown(opening: str) -> None:
    deep = "\n".join(opening * level + "x" for level in range(1, 120))
    try:
        made = sanitize_markdown(deep)
    except UnsafeContentError as error:
        assert "in each other" in str(error)  # noqa: PT017 - the parser itself ends some of them earlier
    else:
        assert made.count("<blockquote>") + made.count("<li>") < 120


@pytest.mark.full
@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "[",
        "](",
        "](http://(a",
        "!",
        "] ",
        "```\n",
        "$ \\ http:// ",
        "`a``b",
        "``` a`",
        "~~~",
        "&#36",
        ":::{",
        "$a",
    ],
)
def test_no_markdown_takes_long(unit: str) -> None:
    source = unit * (MAX_MARKUP_LENGTH // 16 // len(unit))
    started = time.process_time()
    sanitize_markdown(source)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("line", ["* a\n", "| 1 | 2 |\n", "\n"])
def test_markdown_of_too_many_lines_is_refused_before_it_is_parsed(line: str) -> None:
    with pytest.raises(UnsafeContentError, match="Markdown has more than 20,000 lines"):
        sanitize_markdown(line * 20_001)
