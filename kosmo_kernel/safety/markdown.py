r"""Markdown without raw HTML, without images, and with links to the web only.

No two programs that show Markdown agree on where code, formulas and links begin, and JupyterLab takes formulas out
before it reads the rest and puts them back into the finished HTML, even into an attribute. So nothing here depends on
reading a text as they do. Each mark that can start something harmful is taken apart wherever it stands. What seems to
be code is only treated more gently, with a character that is not seen, in place of an entity or a backslash.
Alone a fenced block at the margin is left as it is, between blank lines and with a fence that nothing in it can end.
A fence keeps its language only where that is one of those that are coloured, because others are drawn or run.
"""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

from kosmo_kernel.safety.tex import JOINER, inert_tex, may_have_formulas, shallow_enough
from kosmo_kernel.safety.text import sanitize_text, short_enough

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
    | (?P<person> (?<=[\w.+\-\[])@(?=\w) )
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
# A fence with something behind it, wherever it stands: in quotes, in lists, indented.
# A run of marks is looked at once, from its beginning, however long it is.
_ANY_FENCE = re.compile(
    r"(?P<fence>(?<!`)`{3,}+(?=[^`\n]*$)|(?<!~)~{3,}+)(?P<gap>[ \t]*+)(?P<info>[^\n]+)", re.MULTILINE
)
# What MyST, Pandoc and Quarto read as a directive, a role, or the attributes of code.
_DIRECTIVE = re.compile(r"(?<!:):{3,}+(?=[ \t]*+[{\w])|\{[^{}`\n]{1,80}\}(?=`)|`(?=\{)")
_ENTITY = re.compile(r"&(?=(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,40});?)")
_NO_MARKS = {*"&<>\"' "}  # characters of ASCII that may be written as entities
_CONTINUED = re.compile(r"[A-Za-z\\;@]")
_OPENS_FORMULA = re.compile(r"\$|\\(?:[(\[]|begin)")
_ENDS_FORMULA = re.compile(r"\$|\\(?:[)\]]|end)")
_CODE_PARTS = re.compile(r"<(?=[A-Za-z/!?<])|!(?=\[)|\](?=\s*+[(:])")
_LINKED = ("://", "www.", "](", "]:")  # what may make a word a link


def sanitize_markdown(given: str) -> str:
    """Markdown that shows text, tables, code, formulas and links, and nothing else.

    Raises:
        NotShownError: it is too long, or has formulas that are nested too deep.
    """
    short_enough(given, "Markdown")
    lines = sanitize_text(given).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parts: list[tuple[str | None, str]] = []  # the language of a block and its code, or None and prose
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
        parts += [(None, "\n".join(prose)), (fence[2], "\n".join(lines[at + 1 : end]))]
        prose = []
        at = end + 1
    parts.append((None, "\n".join(prose)))
    outside = "\n\n".join(part for info, part in parts if info is None)
    has_formulas = may_have_formulas(outside)
    if has_formulas:
        shallow_enough(outside)
    opens = _OPENS_FORMULA.search(outside) is not None
    pieces = (
        _prose(part, has_formulas=has_formulas) if info is None else _block(info, part, after_formulas=opens)
        for info, part in parts
    )
    return "\n\n".join(piece for piece in pieces if piece)


def _block(info: str, code: str, *, after_formulas: bool) -> str:
    """A fenced block that is one for everybody.

    A formula that began above could end in it, where its code has what ends formulas; then it is no block there, so
    such code is taken apart like everything else.

    Parameters:
        info: what stands behind the fence.
        code: what is in it.
        after_formulas: whether a formula could begin outside of blocks.
    """
    language = info.strip().split(" ")[0].lower()
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
    if "$" in code or "\\" in code:
        code = _gently(_broken_words(code), has_formulas=after_formulas and _ENDS_FORMULA.search(code) is not None)
    return f"{fence}{language if language in _COLOURED else ''}\n{code}\n{fence}"


def _prose(given: str, *, has_formulas: bool) -> str:
    """What stands outside of those blocks.

    Commands of TeX are taken apart in all of it, since Pandoc runs them outside of formulas as well; in code of one
    line only where there are formulas, which a front end could see in it.
    """
    if not given.strip():
        return ""
    given = _ANY_FENCE.sub(_fence, _broken_words(given.strip("\n")))
    given = _DIRECTIVE.sub(lambda found: found[0] + JOINER, given)
    marks = _code_marks(given)
    written = []
    for place, (start, end) in enumerate(pairwise([0, *marks, len(given)])):
        part = given[start:end]
        if place % 2:
            doubtful = "\n" in part or "|" in part or given[start - 1 : start] == "\\"
            written.append(_gently(part, has_formulas=has_formulas or doubtful))
        else:
            written.append(_PARTS.sub(_part, _ENTITY.sub(_entity, inert_tex(part))))
    return "".join(written)


def _fence(found: re.Match[str]) -> str:
    """A fence whose language nobody draws or runs."""
    if found["info"].strip().lower() in {"", *_COLOURED}:
        return found[0]
    return f"{found['fence']}{found['gap']}{JOINER}{found['info']}"


def _is_mark(entity: re.Match[str]) -> bool:
    """Return whether an entity stands for a character that could be part of a mark, as `&#36;` and `&bsol;` do.

    A letter is part of one where it continues what could be a command.
    """
    name = f"&{entity[1]};"
    character = unescape(name)
    before = entity.string[entity.start() - 1 : entity.start()]
    if character == name or (character.isalpha() and not _CONTINUED.match(before)):
        return False
    return any(one.isascii() and one not in _NO_MARKS for one in character)


def _entity(found: re.Match[str]) -> str:
    return "&amp;" if _is_mark(found) else "&"


def _broken_words(given: str) -> str:
    """Words that could be links and could have a formula in them, as no links."""
    if "$" not in given and "\\" not in given:
        return given
    words = re.split("([ \t\n]+)", given)
    for place, word in enumerate(words):
        if ("$" in word or "\\" in word) and any(mark in word for mark in _LINKED):
            for mark in _LINKED:
                word = word.replace(mark, mark[:-1] + JOINER + mark[-1])  # noqa: PLW2901 - one mark after the other
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


def _gently(code: str, *, has_formulas: bool) -> str:
    """What seems to be code: it looks the same, and is harmless where it is none."""
    if has_formulas:
        code = _ENTITY.sub(lambda found: "&" + JOINER if _is_mark(found) else "&", inert_tex(code))
    return _CODE_PARTS.sub(lambda found: found[0] + JOINER, code)


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
