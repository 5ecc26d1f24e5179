r"""Sanitize Markdown: no raw HTML, no images, and links to the web only.

Renderers disagree on where code, formulas and links begin, and JupyterLab extracts formulas before it parses the rest
and puts them back into the rendered HTML, even into an attribute. So nothing here depends on parsing text as a renderer
does: each mark that can start something harmful is broken up wherever it occurs, with an entity or a backslash. In what
seems to be code an invisible character is used instead, so that the code looks the same. Only a fenced block that is
not indented is left as it is, between blank lines and with a fence that nothing in it can close. A fence keeps its
language only if that is merely highlighted, because others are rendered or run.
"""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.safety.tex import JOINER, check_nesting, inert_tex, may_have_formulas
from kosmo_kernel.safety.text import check_length, sanitize_text

_FENCE = re.compile(r"(`{3,}+|~{3,}+)[ \t]*+([^`\n]*+)")
_BACKTICKS = re.compile("`+")
# Languages that are only highlighted, not rendered or run as `mermaid` is.
_HIGHLIGHTED = {
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
    | (?P<person> (?<=[\w.+\-\[])@(?=\w) )
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
# A fence with an info string, anywhere: in quotes, in lists, indented.
# A run of marks matches only from its beginning, so that a long one takes linear time.
_ANY_FENCE = re.compile(
    r"(?P<fence>(?<!`)`{3,}+(?=[^`\n]*$)|(?<!~)~{3,}+)(?P<gap>[ \t]*+)(?P<info>[^\n]+)", re.MULTILINE
)
# Directives, roles and attributes of code in MyST, Pandoc and Quarto.
_DIRECTIVE = re.compile(r"(?<!:):{3,}+(?=[ \t]*+[{\w])|\{[^{}`\n]{1,80}\}(?=`)|`(?=\{)")
_ENTITY = re.compile(r"&(?=(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,40});?)")
_HARMLESS = {*"&<>\"' "}  # ASCII characters that may be written as entities
_CONTINUES_COMMAND = re.compile(r"[A-Za-z\\;@]")
_OPENS_FORMULA = re.compile(r"\$|\\(?:[(\[]|begin)")
_ENDS_FORMULA = re.compile(r"\$|\\(?:[)\]]|end)")
_CODE_PARTS = re.compile(r"<(?=[A-Za-z/!?<])|!(?=\[)|\](?=\s*+[(:])")
_LINK_MARKS = ("://", "www.", "](", "]:")  # parts that can make a word a link


def sanitize_markdown(given: str) -> Markdown:
    """Return Markdown that shows only text, tables, code, formulas and links.

    Raises:
        UnsafeContentError: it is too long, or has formulas that are nested too deep.
    """
    check_length(given, "Markdown")
    lines = sanitize_text(given).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parts: list[tuple[str | None, str]] = []  # the language of a block and its code, or None and prose
    prose: list[str] = []
    line = 0
    while line < len(lines):
        fence = _FENCE.fullmatch(lines[line])
        if fence is None:
            prose.append(lines[line])
            line += 1
            continue
        ending = re.compile(rf" {{0,3}}{fence[1][0]}{{{len(fence[1])},}}[ \t]*")
        end = next((i for i in range(line + 1, len(lines)) if ending.fullmatch(lines[i])), len(lines))
        parts += [(None, "\n".join(prose)), (fence[2], "\n".join(lines[line + 1 : end]))]
        prose = []
        line = end + 1
    parts.append((None, "\n".join(prose)))
    outside = "\n\n".join(part for info, part in parts if info is None)
    has_formulas = may_have_formulas(outside)
    if has_formulas:
        check_nesting(outside)
    opens = _OPENS_FORMULA.search(outside) is not None
    pieces = (
        _prose(part, has_formulas=has_formulas) if info is None else _block(info, part, after_formulas=opens)
        for info, part in parts
    )
    return Markdown("\n\n".join(piece for piece in pieces if piece))


def _block(info: str, code: str, *, after_formulas: bool) -> str:
    """Return a fenced block that every renderer reads as one.

    A formula that begins outside could end in code with a closing delimiter, and would swallow the fence. Such code is
    broken up like other text.

    Parameters:
        info: the info string after the fence.
        code: the content.
        after_formulas: whether a formula could begin outside of the fenced blocks.
    """
    language = info.strip().split(" ")[0].lower()
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(code)), default=0))
    if "$" in code or "\\" in code:
        code = _code(_without_links(code), has_formulas=after_formulas and _ENDS_FORMULA.search(code) is not None)
    return f"{fence}{language if language in _HIGHLIGHTED else ''}\n{code}\n{fence}"


def _prose(text: str, *, has_formulas: bool) -> str:
    """Return sanitized text from outside of the fenced blocks.

    TeX commands are broken up everywhere, because Pandoc runs them outside of formulas as well; in code spans only if
    the text has formulas, which a front end could see there.
    """
    if not text.strip():
        return ""
    text = _ANY_FENCE.sub(_fence, _without_links(text.strip("\n")))
    text = _DIRECTIVE.sub(lambda match: match[0] + JOINER, text)
    marks = _code_spans(text)
    pieces = []
    for place, (start, end) in enumerate(pairwise([0, *marks, len(text)])):
        part = text[start:end]
        if place % 2:
            doubtful = "\n" in part or "|" in part or text[start - 1 : start] == "\\"
            pieces.append(_code(part, has_formulas=has_formulas or doubtful))
        else:
            pieces.append(_PARTS.sub(_part, _ENTITY.sub(_entity, inert_tex(part))))
    return "".join(pieces)


def _fence(match: re.Match[str]) -> str:
    """Return a fence whose language is not rendered or run."""
    if match["info"].strip().lower() in {"", *_HIGHLIGHTED}:
        return match[0]
    return f"{match['fence']}{match['gap']}{JOINER}{match['info']}"


def _is_mark(entity: re.Match[str]) -> bool:
    """Return whether an entity stands for a character that could be part of markup, as `&#36;` and `&bsol;` do.

    A letter counts if it continues what could be a command.
    """
    name = f"&{entity[1]};"
    character = unescape(name)
    before = entity.string[entity.start() - 1 : entity.start()]
    if character == name or (character.isalpha() and not _CONTINUES_COMMAND.match(before)):
        return False
    return any(char.isascii() and char not in _HARMLESS for char in character)


def _entity(match: re.Match[str]) -> str:
    return "&amp;" if _is_mark(match) else "&"


def _without_links(text: str) -> str:
    """Break up words that could be links and could contain a formula."""
    if "$" not in text and "\\" not in text:
        return text
    words = re.split("([ \t\n]+)", text)
    for place, word in enumerate(words):
        if ("$" in word or "\\" in word) and any(mark in word for mark in _LINK_MARKS):
            for mark in _LINK_MARKS:
                word = word.replace(mark, mark[:-1] + JOINER + mark[-1])  # noqa: PLW2901 - each mark changes the word
            words[place] = word
    return "".join(words)


def _code_spans(text: str) -> list[int]:
    """Return the alternating start and end positions of code spans, from a run of backticks to the next equal run."""
    runs = [(match.start(), match.end()) for match in _BACKTICKS.finditer(text)]
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


def _code(code: str, *, has_formulas: bool) -> str:
    """Return text that seems to be code, safe even if it is not, and with the same look."""
    if has_formulas:
        code = _ENTITY.sub(lambda match: "&" + JOINER if _is_mark(match) else "&", inert_tex(code))
    return _CODE_PARTS.sub(lambda match: match[0] + JOINER, code)


def _part(part: re.Match[str]) -> str:
    """Return the replacement for a mark in the text."""
    replacement = part[0]
    match part.lastgroup:
        case "link":
            replacement = f"]({part['to']}{part['title'] or ''})"
        case "definition":
            replacement = f"]: {part['for']}\n"  # the next line must not become its title
        case "harm":
            replacement = f"]{part['gap']}\\{part['mark']}"
        case "address":
            replacement = part["plain"]
        case "other_scheme":
            replacement = r"\://"
        case "image":
            if part["what"] is not None:
                replacement = "[image]" if part["what"] else ""
        case "tag":
            replacement = "&lt;"
        case "person":
            replacement = r"\@"
    return replacement
