"""Sanitize HTML: no scripts, styles, ids or requests.

Two parsers run in turn. The first, here, keeps only an allow-list of tags, closes each of them, and writes them only
where HTML allows them and not too deep. It protects the second one: HTML's rules for misnested tags copy open tags
repeatedly, so that a short text can expand to gigabytes. The second is nh3, which parses as a browser does and decides
about every tag, attribute and URL.
"""

from __future__ import annotations

import re
from html import unescape

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.tex import check_nesting, inert_tex, may_have_formulas
from kosmo_kernel.safety.text import check_length, sanitize_text

MAX_DEPTH = 50  # nested tags
_MAX_ATTRIBUTES = 12  # of one tag

_VOID = {"br", "col", "hr", "img", "wbr"}
_INLINE = {
    *("a", "abbr", "b", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "meter", "progress", "q", "s"),
    *("samp", "small", "span", "strong", "sub", "sup", "time", "u", "var"),
}
# Tags that are allowed only directly inside certain others.
_PARENTS = {
    **dict.fromkeys(("caption", "colgroup", "tbody", "tfoot", "thead"), ("table",)),
    **dict.fromkeys(("dd", "dt"), ("dl",)),
    **dict.fromkeys(("td", "th"), ("tr",)),
    "col": ("colgroup",),
    "figcaption": ("figure",),
    "li": ("ol", "ul"),
    "summary": ("details",),
    "tr": ("table", "tbody", "tfoot", "thead"),
}
_BLOCKS = {
    *("blockquote", "details", "div", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre"),
    *("table", "ul", *_PARENTS),
}
_STRUCTURAL = {"colgroup", "dl", "ol", "table", "tbody", "tfoot", "thead", "tr", "ul"}  # have only certain children
TAGS = _VOID | _INLINE | _BLOCKS
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_DROPPED_WHOLE = {
    *("iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style", "svg", "template", "textarea"),
    *("title", "xmp"),
}
ATTRIBUTES = {
    **{tag: {"title"} for tag in TAGS},
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"alt", "height", "src", "title", "width"},
    "li": {"value"},
    "meter": {"high", "low", "max", "min", "optimum", "title", "value"},
    "ol": {"reversed", "start", "type"},
    "progress": {"max", "title", "value"},
    "td": {"align", "colspan", "rowspan", "title"},
    "th": {"align", "colspan", "rowspan", "scope", "title"},
    "time": {"datetime", "title"},
}
_LINK_ATTRIBUTES = {"target": "_blank", "rel": "noopener noreferrer"}  # set on every link

# A tag must end before the next `<`, so that the match takes linear time.
_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9]*+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>""")
# nh3 takes quadratic time for characters that it writes as named entities, so noncharacters stand in for them.
_STAND_INS = {"&": "\ufdd0", "<": "\ufdd1", ">": "\ufdd2", '"': "\ufdd3"}
_STAND_IN = str.maketrans(_STAND_INS)
_NAMED = str.maketrans({"\ufdd0": "&amp;", "\ufdd1": "&lt;", "\ufdd2": "&gt;", "\ufdd3": "&quot;"})
_NO_STAND_INS = str.maketrans(dict.fromkeys(_STAND_INS.values(), ""))
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*"|'[^']*'|[^\s"'<>]++))?""")
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_SIZE = re.compile(r"\d{1,4}")

_LINE_END_TAGS = re.compile(
    r"<(?:br|hr|/p|/div|/tr|/li|/h[1-6]|/pre|/dt|/dd|/summary|/caption|/figcaption|/table)\b[^>]*>"
)
_CELL_END_TAGS = re.compile(r"</t[dh]>(?=\s*<t[dh]\b)")
_ANY_TAG = re.compile(r"<[^>]*>")


def sanitize_html(given: str) -> Html:
    """Return HTML that runs no scripts, makes no requests and does not affect the page around it.

    It keeps text, headings, lists, tables, `<details>`, embedded pictures (`data:`), and links to the web, which open
    in a new tab.

    Raises:
        UnsafeContentError: it is too long, or has formulas that are nested too deep.
    """
    import nh3

    check_length(given, "HTML")
    cleaned = nh3.clean(
        _well_formed(sanitize_text(given)),
        tags=TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES | {"a": ATTRIBUTES["a"] | set(_LINK_ATTRIBUTES)},
        attribute_filter=_allowed,
        url_schemes={"http", "https", "data"},
        link_rel=None,  # nh3 would put it at varying positions; `_attributes` sets it
    )
    result = cleaned.translate(_NAMED)
    if not may_have_formulas(result):  # then backslashes, as in a Windows path, stay as they are
        return Html(result)
    check_nesting(result)
    return Html(inert_tex(result))


def html_to_text(markup: Html) -> str:
    """Return the result of `sanitize_html` as text, with a tab between two cells."""
    broken = _LINE_END_TAGS.sub("\n", _CELL_END_TAGS.sub("\t", markup))
    lines = [line.rstrip() for line in sanitize_text(unescape(_ANY_TAG.sub("", broken))).strip().split("\n")]
    return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line or before)


def _allowed(tag: str, name: str, value: str) -> str | None:
    """Return the value to keep for an attribute, or None to drop it."""
    if name in _LINK_ATTRIBUTES:
        return _LINK_ATTRIBUTES[name]
    if name == "href":
        return value if _WEB.fullmatch(value) else None
    if name == "src":
        return value if tag == "img" and _PICTURE.fullmatch(value) else None
    if name in {"width", "height", "colspan", "rowspan"}:
        return value if _SIZE.fullmatch(value) else None
    return value


def _well_formed(html: str) -> str:
    """Return the HTML with only the allowed tags, each of them closed, and without comments and declarations."""
    html = html.translate(_NO_STAND_INS)
    pieces: list[str] = []
    tree: list[str] = []
    position = 0
    while (start := html.find("<", position)) >= 0:
        pieces.append(_text(html[position:start]))
        tag = _TAG.match(html, start)
        if tag is None:
            position, piece = _skip_non_tag(html, start)
            pieces.append(piece)
            continue
        position, name = tag.end(), tag[2].lower()
        if tag[1]:
            if name in tree:
                _close(tree, name, pieces)
        elif name in _DROPPED_WHOLE:
            position = _after_end_tag(html, f"</{name}", position)
        elif name in TAGS and _make_room(tree, name, pieces):
            pieces.append(f"<{name}{_attributes(name, tag[3])}>")
            if name not in _VOID:
                tree.append(name)
    pieces.append(_text(html[position:]))
    pieces += [f"</{name}>" for name in reversed(tree)]
    return "".join(pieces)


def _skip_non_tag(html: str, start: int) -> tuple[int, str]:
    """Return the position after a `<` that starts no tag, and the text to write for it."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 2)
        return (len(html) if end < 0 else end + 3), ""
    if html.startswith(("<!", "<?"), start):
        end = html.find(">", start)
        return (len(html) if end < 0 else end + 1), ""
    return start + 1, _text("<")


def _text(text: str) -> str:
    """Return the text between two tags, in the form that nh3 gets."""
    return _with_stand_ins(unescape(text))


def _with_stand_ins(text: str) -> str:
    return text.translate(_NO_STAND_INS).translate(_STAND_IN)


def _after_end_tag(html: str, ending: str, start: int) -> int:
    """Return the position after an end tag, or the end of the text if there is none."""
    match = re.compile(re.escape(ending) + r"\b[^<>]*+>", re.IGNORECASE).search(html, start)
    return match.end() if match else len(html)


def _close(tree: list[str], name: str, pieces: list[str]) -> None:
    """Close the open tags up to and including the innermost one of this name."""
    while tree:
        last = tree.pop()
        pieces.append(f"</{last}>")
        if last == name:
            return


def _make_room(tree: list[str], name: str, pieces: list[str]) -> bool:
    """Close tags that may not contain a tag of this name; return whether the tag is allowed here then."""
    parents = _PARENTS.get(name)
    if parents is not None and not any(open_tag in parents for open_tag in tree):
        return False
    if name in _BLOCKS and "p" in tree:
        _close(tree, "p", pieces)
    if name in {"a", "pre"} and name in tree:
        _close(tree, name, pieces)
    if name in _HEADINGS and (heading := next((open_tag for open_tag in tree if open_tag in _HEADINGS), None)):
        _close(tree, heading, pieces)
    if parents is not None:
        while tree[-1] not in parents:
            pieces.append(f"</{tree.pop()}>")
    elif tree and tree[-1] in _STRUCTURAL:
        return False
    return len(tree) < MAX_DEPTH


def _attributes(name: str, html: str) -> str:
    """Return the allowed attributes of a tag as HTML, the first few of them."""
    kept: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(html):
        key = match[1].lower()
        if key in ATTRIBUTES[name] and key not in kept:
            value = match[2] or ""
            unquoted = value[1:-1] if value[:1] in {'"', "'"} else value
            allowed = _allowed(name, key, unescape(unquoted))
            if allowed is not None:
                kept[key] = f' {key}="{_with_stand_ins(allowed)}"'
            if len(kept) == _MAX_ATTRIBUTES:
                break
    link_attributes = [f' {key}="{value}"' for key, value in _LINK_ATTRIBUTES.items()] if name == "a" else []
    return "".join([*kept.values(), *link_attributes])
