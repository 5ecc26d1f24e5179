r"""Markdown without raw HTML, without images, and with links to the web only.

No two programs that show Markdown agree on where code, formulas and links begin, and JupyterLab takes formulas out
before it reads the rest and puts them back into the finished HTML, even into an attribute. So nothing here depends on
reading a text as they do. Each mark that can start something harmful is taken apart wherever it stands. What seems to
be code is only treated more gently, with a character that is not seen, in place of an entity or a backslash.
Alone a fenced block at the margin is left as it is, between blank lines and with a fence that nothing in it can end.
"""

from __future__ import annotations

import re
from itertools import pairwise

from kosmo_kernel.harmless.plain import inert_tex, short_enough, text

_JOINER = "\N{WORD JOINER}"  # not seen, and between two characters of a mark it is none

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^`\n]*)")
_TICKS = re.compile("`+")
# Languages that are coloured and not run or drawn, as `mermaid` is.
_COLOURED = {
    *("bash", "c", "c++", "console", "cpp", "css", "diff", "dockerfile", "go", "html", "http", "ini", "java"),
    *("javascript", "js", "json", "julia", "lua", "makefile", "markdown", "md", "perl", "php", "powershell", "py"),
    *("python", "r", "ruby", "rust", "sh", "shell", "sql", "swift", "text", "toml", "ts", "txt", "typescript"),
    *("xml", "yaml", "yml"),
}

_ADDRESS = r"https?://(?:[\w.~:/?#@&+,;=%!*-]++|\([\w.~:/?#@&+,;=%!*-]*\))*+"
_TITLE = r"[ \t]++\"[^\"$\\`@<>\[\]()\n]*+\""
_PARTS = re.compile(
    rf"""
      (?P<link> \]\( (?P<to>{_ADDRESS}) (?P<title>{_TITLE})? [ \t]*+ \) )
    | (?P<definition> \]:[ \t]*+<?(?P<for>{_ADDRESS})>?[ \t]*+$ )
    | (?P<harm> \] (?P<gap>\s*+) (?P<mark>[(:]) )
    | (?P<address> <(?P<plain>{_ADDRESS})> )
    | (?P<bare> https?://[^\s<>()\[\]]*+ )
    | (?P<other_scheme> (?<=[a-z]):// )
    | (?P<image> (?:\\?!)++ (?P<what> \[\](?=[(\[]) | (?=\[) )? )
    | (?P<tag> <(?=[A-Za-z/!?<]) )
    | (?P<person> (?<=[\w.+-])@(?=\w) )
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_CODE_PARTS = re.compile(r"<(?=[A-Za-z/!?<])|!(?=\[)|\](?=\s*+[(:])")
_LINKED = ("://", "www.", "](", "]:")  # what may make a word a link


def markdown(given: str) -> str:
    """Markdown that shows text, tables, code, formulas and links, and nothing else.

    Raises:
        NotShownError: it is too long.
    """
    short_enough(given, "Markdown")
    lines = text(given).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    pieces: list[str] = []
    prose: list[str] = []
    at = 0
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at])
        if fence is None:
            prose.append(lines[at])
            at += 1
            continue
        ending = re.compile(rf" {{0,3}}{fence[1][0]}{{{len(fence[1])},}}[ \t]*")
        end = next((i for i in range(at + 1, len(lines)) if ending.fullmatch(lines[i])), len(lines))
        pieces += [_prose("\n".join(prose)), _block(fence[2], "\n".join(lines[at + 1 : end]))]
        prose = []
        at = end + 1
    pieces.append(_prose("\n".join(prose)))
    return "\n\n".join(piece for piece in pieces if piece)


def _block(info: str, code: str) -> str:
    """A fenced block that is one for everybody.

    A formula that began above could end in it, where its code has what ends formulas; then it is no block there, so
    such code is taken apart like everything else.
    """
    language = info.strip().split(" ")[0].lower()
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
    if "$" in code or "\\" in code:
        code = _gently(_broken_words(code))
    return f"{fence}{language if language in _COLOURED else ''}\n{code}\n{fence}"


def _prose(given: str) -> str:
    """What stands outside of those blocks."""
    if not given.strip():
        return ""
    given = inert_tex(_broken_words(given.strip("\n")))
    marks = _code_marks(given)
    written = []
    for place, (start, end) in enumerate(pairwise([0, *marks, len(given)])):
        part = given[start:end]
        written.append(_gently(part) if place % 2 else _PARTS.sub(_part, part))
    return "".join(written)


def _broken_words(given: str) -> str:
    """Words that could be links and could have a formula in them, as no links."""
    if "$" not in given and "\\" not in given:
        return given
    words = re.split("([ \t\n]+)", given)
    for place, word in enumerate(words):
        if ("$" in word or "\\" in word) and any(mark in word for mark in _LINKED):
            for mark in _LINKED:
                word = word.replace(mark, mark[:-1] + _JOINER + mark[-1])  # noqa: PLW2901 - one mark after the other
            words[place] = word
    return "".join(words)


def _code_marks(given: str) -> list[int]:
    """Where code between backticks starts and ends, in turn: behind a run of them, up to the next run of its length."""
    runs = [(found.start(), found.end()) for found in _TICKS.finditer(given)]
    following: dict[int, int] = {}
    partner: list[int | None] = [None] * len(runs)
    for place in range(len(runs) - 1, -1, -1):
        length = runs[place][1] - runs[place][0]
        partner[place] = following.get(length)
        following[length] = place
    marks: list[int] = []
    place = 0
    while place < len(runs):
        end = partner[place]
        if end is not None:
            marks += [runs[place][0], runs[end][1]]
            place = end
        place += 1
    return marks


def _gently(code: str) -> str:
    """What seems to be code: it looks the same, and is harmless where it is none."""
    return _CODE_PARTS.sub(lambda found: found[0] + _JOINER, inert_tex(code))


def _part(found: re.Match[str]) -> str:
    """What to write for a mark in a text."""
    written = found[0]
    match found.lastgroup:
        case "link":
            written = f"]({found['to']}{found['title'] or ''})"
        case "definition":
            written = f"]: {found['for']}\n"  # the next line must not become its title
        case "harm":
            written = f"]{found['gap']}\\{found['mark']}"
        case "address":
            written = found["plain"]
        case "other_scheme":
            written = r"\://"
        case "image":
            if found["what"] is not None:
                written = "[image]" if found["what"] else ""
        case "tag":
            written = "&lt;"
        case "person":
            written = r"\@"
    return written
