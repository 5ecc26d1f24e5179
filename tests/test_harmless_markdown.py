"""Markdown that nobody vouches for: no raw HTML is left, no images, and only links to the web, whoever reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hostile_texts import MANY, STEW, Reader, addresses
from hypothesis import given
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from kosmo_kernel.harmless import markdown
from kosmo_kernel.harmless.plain import MOST

JOINER = "\N{WORD JOINER}"

PROSE = """# Apps

Two **bold** and *other* words, `x < 1`, a formula $a_1 \\le b$ and [a link](https://example.com/a_(b)?c=1 "title").

1. one
2. two
   - deep

> quoted

| app | dynos |
|:----|------:|
| web | 2 < 3 |

[ref]: https://example.com/ref

```lua
local x = "<b>" .. [[ ![not an image](x) ]]
```

---

- [x] done, see [the page][ref]"""


def test_markdown_that_means_well_stays_as_it_is() -> None:
    assert markdown(PROSE).replace("\n\n\n", "\n\n") == PROSE


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ("<b>x</b>", "&lt;b>x&lt;/b>"),
        ("`<b>` and ``<i>`` ", f"`<{JOINER}b>` and ``<{JOINER}i>`` "),
        ("![alt](https://evil.example/i.png)", "[alt](https://evil.example/i.png)"),
        ("![](https://evil.example/i.png)", "[image](https://evil.example/i.png)"),
        ("![alt][ref] !!![ref]", "[alt][ref] [ref]"),
        ("[![a](https://e.example/i)](https://e.example)", "[[a](https://e.example/i)](https://e.example)"),
        ("[x](javascript:alert(1))", r"[x]\(javascript:alert(1))"),
        ("[x](&#106;avascript:alert(1))", r"[x]\(&#106;avascript:alert(1))"),
        ("[x](data:text/html,1) [y](file.ipynb)", r"[x]\(data:text/html,1) [y]\(file.ipynb)"),
        ("[x]: javascript:alert(1)\n\n[x]", "[x]\\: javascript:alert(1)\n\n[x]"),
        ("[x]: https://e.example\n'title'", "[x]: https://e.example\n\n'title'"),
        ("<https://e.example/x> <javascript:alert(1)>", "https://e.example/x &lt;javascript:alert(1)>"),
        ("me@e.example ftp://e.example", r"me\@e.example ftp\://e.example"),
        ('[a](https://e.example/$"onclick="x"$)', f'[a]{JOINER}(https:/{JOINER}/e.example/$"onclick="x"$)'),
        (r"$\href{javascript:x}{y}$", rf"$\{JOINER}href{{javascript:x}}{{y}}$"),
        ("```mermaid\nA\n```", "```\nA\n```"),
        ("```{=html}\n<b>\n```", "```\n<b>\n```"),
        ("~~~\n$<b>\n~~~", f"```\n$<{JOINER}b>\n```"),
        ("```\n<b>", "```\n<b>\n```"),
    ],
)
def test_markdown_loses_what_could_harm(given_: str, made: str) -> None:
    assert markdown(given_) == made


def by_commonmark(source: str) -> str:
    page: str = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source)
    return page


READERS: list[Callable[[str], str]] = [by_commonmark, lambda source: str(markdown2html_mistune(source))]


@pytest.mark.parametrize("read", READERS, ids=["as markdown-it reads it", "as nbconvert reads it"])
@MANY
@given(source=STEW)
def test_markdown_has_no_raw_html_no_images_and_only_links_to_the_web(read: Callable[[str], str], source: str) -> None:
    page = read(markdown(source))
    harmful = {"script", "img", "svg", "iframe", "style", "form", "object", "embed", "base", "meta", "link", "input"}
    assert {tag for tag, _ in Reader(page).tags} & harmful == set()
    links = [address for address in addresses(page) if not address.startswith("#")]  # a heading's own
    assert [one for one in links if not one.lower().startswith(("http://", "https://", "text-align:"))] == []


@pytest.mark.parametrize("unit", ["<", "[", "](", "](http://(a", "!", "] ", "```\n", "$ \\ http:// ", "`a``b"])
def test_no_markdown_takes_long(unit: str) -> None:
    source = unit * (MOST // 4 // len(unit))
    started = time.process_time()
    markdown(source)
    assert time.process_time() - started < 5
