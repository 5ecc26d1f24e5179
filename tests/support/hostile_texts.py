"""Hostile texts in any mixture, words that would be markup somewhere, and what of a page is to be looked at."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

PIECES = [
    *(
        "<script>",
        "</script>",
        "<script",
        "alert(1)",
        "<img src=",
        "<img ",
        "onerror=alert(1)",
        "<svg onload=",
        "<svg>",
    ),
    *(
        "<a href=",
        '<a href="',
        "javascript:alert(1)",
        "JaVaScRiPt:",
        "&#106;avascript:",
        "data:text/html,",
        "//evil.example",
    ),
    *(
        "http://evil.example/x",
        "https://evil.example/$",
        "<style>",
        "@import",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x ",
    ),
    *("&lt;script&gt;", "&#60;script&#62;", "&amp;", "<table>", "<tr>", "<td>", "<p>", "<b>", "</b>", "</p>", "<math>"),
    *("<mtext>", "<noscript>", "<textarea>", "<title>", "<template>", "<iframe src=", "<form action=", "<base href="),
    *("<meta http-equiv=refresh ", "<link rel=stylesheet href=", "<object data=", "<embed src=", "<input onfocus="),
    *(
        "style=",
        "class=jp-Dialog",
        "id=x",
        "data-commandlinker-command=x",
        ">",
        "<",
        '"',
        "'",
        "=",
        " ",
        "\n",
        "\t",
        "/",
    ),
    *(
        "$",
        "$$",
        "`",
        "```",
        "\n```\n",
        "~~~\n",
        "```html\n",
        "![",
        "!",
        "[",
        "]",
        "](",
        ")",
        "(",
        "[x]: ",
        "[x]:",
        "\n\n",
    ),
    *(
        "\\",
        "\\(",
        "\\[",
        "\\]",
        "\\begin{a}",
        "\\end{a}",
        "<https://",
        "www.",
        "ftp://",
        "a@b.example",
        "@@0@@",
        "    ",
    ),
    *(
        "- ",
        "> ",
        "1. ",
        "|",
        "---",
        "#",
        "*",
        "_",
        "~",
        ":::",
        "{",
        "}",
        "\x00",
        "\x1b[31m",
        "\ufdd1script\ufdd2",
        "é",
    ),
]
STEW = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=30).map("".join)
MANY = settings(max_examples=150)


class Reader(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def addresses(page: str) -> list[str]:
    """Every address that a page names, and the word for each attribute that none of ours is."""
    found = []
    for _, attributes in Reader(page).tags:
        for name, value in attributes.items():
            if name in {"href", "src", "srcset", "data", "action", "poster", "background", "style"}:
                found.append(str(value))
            elif name.startswith("on"):
                found.append(name)
    return found


HOSTILE = (
    *("<img src=x onerror=alert(1)>", "<script>alert(1)</script>"),
    *("<meta http-equiv=refresh content=0;url=//e.example>", "</td></tr></table><b>x</b>"),
    *("</code></pre><svg onload=alert(1)>", "</summary></details><i>x</i>", "<!-- x", "--><b>x</b>"),
    *("<![CDATA[<b>]]>", "<?x <b> ?>", "<!DOCTYPE html>", "<a\nhref=x>", "<b/x", "&lt;b&gt;"),
    *("&#60;b&#62;", "&amp;lt;", "&copy", "&#36;x&#36;", "[x](javascript:alert(1))"),
    *("[x](https://e.example)", "![x](https://e.example/i.png)", "![][x]", "[x]", "[x]: https://e.example"),
    *("[^1] and [^1]: note", "](https://e.example)", "[[x]](y)", "- [ ] task", "https://e.example/x"),
    *("www.e.example", "WWW.E.example", "me@e.example", "<https://e.example>", "mailto:me@e.example", "`"),
    *("``x`", "`a` ``b``", "a`<b>`c", "```", "```mermaid", "~~~", "~~x~~", "`$x$`", "|", "a|b|c", "\\|"),
    *("a\\", "\\\\", "\\[x](y)", "\\<b>", "\\`", "$x$", "$$x$$"),
    *("$\\style{cursor:url(//e.example/c),auto}{x}$", "\\(x\\)", "\\\\(x\\\\)", "\\[x\\]", "\\\\[x\\\\]"),
    *("\\begin{equation}x\\end{equation}", "\\begin{x}", "\\end{x}", "$", "\\$x\\$", "@@0@@", "$<b>$"),
    *("\\ref{x}", "# x", "x #", "x\n===", "x\n---", "---", "***", "* x", "+ x", "- x", "1. x", "12) x"),
    *("> x", ": x", "    x", "\tx", "*x*", "__x__", "_x_ a_b _", "x  \ny", "x\n\ny", "\r\n# x"),
    *("x\u2028# y", ":smile:", "==x==", "{{x}}", "%%x", '" onclick="alert(1)', "' onclick='alert(1)"),
    *("\" x='<b>'>", "{%x%}", "#{x}", "\ufeff# x", "\u202e<b>\u202c", "\x1b[31mx"),
)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\u202a-\u202e\ufeff]")
JUPYTERLAB_FORMULA = re.compile(r"\$|\\(?:begin|end)\{|\\\\[()\[\]]")  # what it takes out of the source
# What may begin or end a formula, or is one that needs no delimiters.
MATHJAX_FORMULA = re.compile(r"\$[^$]*\$|\$.|.\$|\\[()\[\]]|\\(?:begin|(?:eq)?ref)\{", re.DOTALL)


class Shown(HTMLParser):
    """Parse a page as a browser would: its tags, its attributes, and its text as the nodes that it comes in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.nodes: list[tuple[str, str]] = []  # of each piece of text the tag around it
        self.odd: list[str] = []  # comments, declarations and the like
        self._open: list[str] = []
        self._new = True
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("class", "anchor-link") not in attrs:  # which nbconvert puts behind a heading
            self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("br", "hr", "img", "meta", "input", "link"):
            self._open.append(tag)
        self._new = self._new or tag not in ("br", "wbr")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        self._new = True

    def handle_data(self, data: str) -> None:
        around = self._open[-1] if self._open else ""
        if self._new or not self.nodes:
            self.nodes.append((around, data))
        else:
            self.nodes[-1] = around, self.nodes[-1][1] + data
        self._new = False

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_decl(self, decl: str) -> None:
        self.odd.append(decl)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)

    @property
    def text(self) -> str:
        """All of the text, without blanks and the marks that nbconvert puts behind headings."""
        return tight("".join(text for _, text in self.nodes).replace("¶", ""))

    @property
    def structure(self) -> list[str]:
        """The tags that mean something."""
        return [tag for tag in self.tags if tag not in ("br", "span")]

    @property
    def formulas(self) -> list[str]:
        """The text in which MathJax, which reads each node for itself, would find something."""
        found = [text for tag, text in self.nodes if tag not in ("code", "pre")]
        return [
            one for one in found if re.search(r"\$[^$]*\$|\$.|.\$|\\[()\[\]]|\\(?:begin|(?:eq)?ref)\{", one, re.DOTALL)
        ]


def tight(text: str) -> str:
    """Return a text without blanks, ends of lines and what is not seen."""
    return "".join(CONTROL.sub("", text.replace("\x1b[31m", "")).split())


def by_markdown_it(source: str) -> Shown:
    return Shown(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source))


def by_nbconvert(source: str) -> Shown:
    return Shown(markdown2html_mistune(source))


READERS = (by_markdown_it, by_nbconvert)
