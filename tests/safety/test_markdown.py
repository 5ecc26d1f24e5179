"""Markdown that nobody vouches for: no raw HTML is left, no images, and only links to the web, whoever reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hostile_texts import MANY, STEW, Reader, addresses
from hypothesis import given
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from kosmo_kernel.safety import sanitize_markdown
from kosmo_kernel.safety.text import MAX_MARKUP_LENGTH

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
    assert sanitize_markdown(PROSE).replace("\n\n\n", "\n\n") == PROSE


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
        (r"&#36;\&#115;tyle{x}&bsol;", r"&amp;#36;\&amp;#115;tyle{x}&amp;bsol;"),
        ("https://e.example/&#36;x&dollar;", "https://e.example/&amp;#36;x&amp;dollar;"),
        ("&nbsp;&lt;&eacute;&amp;", "&nbsp;&lt;&eacute;&amp;"),
        (r"\input{/etc/passwd}", rf"\{JOINER}input{{/etc/passwd}}"),
        (r"`\n` and `\input`", r"`\n` and `\input`"),
        ("\\`\n\n\\input{x}\n\n`", f"\\`\n\n\\{JOINER}input{{x}}\n\n`"),
        (r"`\input` and $x$", rf"`\{JOINER}input` and $x$"),
        ("```sh\necho $A \\\\name\n```", "```sh\necho $A \\\\name\n```"),
        (":::{figure} https://e.example/i.png", f":::{JOINER}{{figure}} https://e.example/i.png"),
        ("{download}`x` and `x`{=latex}", f"{{download}}{JOINER}`x` and `x`{JOINER}{{=latex}}"),
    ],
)
def test_markdown_loses_what_could_harm(given_: str, made: str) -> None:
    assert sanitize_markdown(given_) == made


DRAWN = (
    "mermaid",
    "{image} https://e.example",
    "geojson",
    "vega-lite",
    "{=html}",
    "m&#101;rmaid",
    "plantuml x",
    "math",
)
AROUND = {
    "in a quotation": ("> ", "> "),
    "in a list": ("- ", "  "),
    "in a numbered list": ("1. ", "   "),
    "in a list in a quotation": ("> - ", ">   "),
    "in a quotation in a list": ("- > ", "  > "),
    "indented": ("  ", "  "),
    "behind a tab": (">\t", ">\t"),
    "in a footnote": ("[^1]: ", "    "),
    "at the margin": ("", ""),
}


@pytest.mark.parametrize("language", DRAWN)
@pytest.mark.parametrize("fence", ["```", "~~~", "`````", "``` ", "~~~\t"])
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_no_fence_keeps_a_language_that_is_drawn(around: tuple[str, str], fence: str, language: str) -> None:
    first, other = around
    source = f"{first}{fence}{language}\n{other}A\n{other}{fence.strip()}"
    name = language.split(maxsplit=1)[0].replace("&#101;", "e")
    for token in MarkdownIt("commonmark").parse(sanitize_markdown(source)):
        assert not token.info.strip().startswith(name)
    assert f'"language-{name}"' not in markdown2html_mistune(sanitize_markdown(source))
    assert "mermaid" not in re.findall('class="(.*?)"', markdown2html_mistune(sanitize_markdown(source)))


def test_a_fence_in_a_list_keeps_a_language_that_is_coloured() -> None:
    assert sanitize_markdown("- ```lua\n  x = 1\n  ```") == "- ```lua\n  x = 1\n  ```"


def test_a_fence_whose_language_has_backticks_behind_it_loses_it() -> None:
    assert sanitize_markdown("~~~mermaid `x`\nA\n~~~").startswith(f"~~~{JOINER}mermaid")


def by_commonmark(source: str) -> str:
    page: str = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source)
    return page


READERS: list[Callable[[str], str]] = [by_commonmark, lambda source: str(markdown2html_mistune(source))]


@pytest.mark.claim("display-markdown")
@pytest.mark.parametrize("read", READERS, ids=["as markdown-it reads it", "as nbconvert reads it"])
@MANY
@given(source=STEW)
def test_markdown_has_no_raw_html_no_images_and_only_links_to_the_web(read: Callable[[str], str], source: str) -> None:
    page = read(sanitize_markdown(source))
    harmful = {"script", "img", "svg", "iframe", "style", "form", "object", "embed", "base", "meta", "link", "input"}
    assert {tag for tag, _ in Reader(page).tags} & harmful == set()
    links = [address for address in addresses(page) if not address.startswith("#")]  # a heading's own
    assert [one for one in links if not one.lower().startswith(("http://", "https://", "text-align:"))] == []


@pytest.mark.full
@pytest.mark.parametrize(
    "unit",
    ["<", "[", "](", "](http://(a", "!", "] ", "```\n", "$ \\ http:// ", "`a``b", "``` a`", "~~~", "&#36", ":::{"],
)
def test_no_markdown_takes_long(unit: str) -> None:
    source = unit * (MAX_MARKUP_LENGTH // 4 // len(unit))
    started = time.process_time()
    sanitize_markdown(source)
    assert time.process_time() - started < 5


@pytest.mark.full
@pytest.mark.parametrize("mark", ["`", "~", ":", "``` ", "~~~ ", ":::  ", "`{"])
def test_long_runs_of_marks_are_looked_at_once(mark: str) -> None:
    text = "x " + mark * ((MAX_MARKUP_LENGTH - 2) // len(mark))
    assert len(sanitize_markdown(text)) >= len(text) // 2
