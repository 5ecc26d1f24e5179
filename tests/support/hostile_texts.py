"""Hostile texts in any mixture, and what of a page is to be looked at."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import settings
from hypothesis import strategies as st

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
MANY = settings(max_examples=400)


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
