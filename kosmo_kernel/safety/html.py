"""HTML without scripts, styles, names and requests.

Two readers, one after the other. The first is ours and knows only a list of tags: it writes each of them with its
own end, in the places where HTML allows it and not too deep. That is for the second reader's sake: HTML's rules for
tags in disorder copy open tags again and again, so that a short text can make gigabytes. The second is nh3, which
reads as a browser does, and has the last word about every tag, attribute and address.
"""

from __future__ import annotations

import re
from html import unescape

from kosmo_kernel.safety.tex import inert_tex, may_have_formulas, shallow_enough
from kosmo_kernel.safety.text import sanitize_text, short_enough

MAX_DEPTH = 50  # tags in tags
_ATTRIBUTES_MOST = 12  # of one tag

_VOID = {"br", "col", "hr", "img", "wbr"}
_INLINE = {
    *("a", "abbr", "b", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "meter", "progress", "q", "s"),
    *("samp", "small", "span", "strong", "sub", "sup", "time", "u", "var"),
}
# Tags that stand directly in certain others and nowhere else.
_HOMES = {
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
    *("table", "ul", *_HOMES),
}
_SKELETON = {"colgroup", "dl", "ol", "table", "tbody", "tfoot", "thead", "tr", "ul"}  # hold nothing but their own
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
_OPENS_APART = {"target": "_blank", "rel": "noopener noreferrer"}  # what every link has

# A tag ends in front of the next `<` or not at all, so that each letter is looked at once.
_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>""")
# nh3 takes the square of the time for characters that are named, so it is given others, which no text has, for them.
_STAND_INS = {"&": "\ufdd0", "<": "\ufdd1", ">": "\ufdd2", '"': "\ufdd3"}
_STAND_IN = str.maketrans(_STAND_INS)
_NAMED = str.maketrans({"\ufdd0": "&amp;", "\ufdd1": "&lt;", "\ufdd2": "&gt;", "\ufdd3": "&quot;"})
_NO_STAND_INS = str.maketrans(dict.fromkeys(_STAND_INS.values(), ""))
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*"|'[^']*'|[^\s"'<>]++))?""")
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_SIZE = re.compile(r"\d{1,4}")

_LINE_ENDS = re.compile(r"<(?:br|hr|/p|/div|/tr|/li|/h[1-6]|/pre|/dt|/dd|/summary|/caption|/figcaption|/table)\b[^>]*>")
_CELL_ENDS = re.compile(r"</t[dh]>(?=\s*<t[dh]\b)")
_ANY = re.compile(r"<[^>]*>")


def sanitize_html(given: str) -> str:
    """HTML in which nothing runs, nothing is fetched, and nothing of the page around it is named or styled.

    Left are text, headings, lists, tables, `<details>`, pictures that are in the text themselves (`data:`), and
    links to the web, which open a page of their own.

    Raises:
        NotShownError: it is too long, or has formulas that are nested too deep.
    """
    import nh3

    short_enough(given, "HTML")
    cleaned = nh3.clean(
        _in_order(sanitize_text(given)),
        tags=TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES | {"a": ATTRIBUTES["a"] | set(_OPENS_APART)},
        attribute_filter=_allowed,
        url_schemes={"http", "https", "data"},
        link_rel=None,  # nh3 would put it now in front of other attributes and now behind
    )
    made = cleaned.translate(_NAMED)
    if not may_have_formulas(made):  # and so a path of Windows stays what it is
        return made
    shallow_enough(made)
    return inert_tex(made)


def html_to_text(markup: str) -> str:
    """What `html` gave, as text: a line for a line, a tab between two cells."""
    broken = _LINE_ENDS.sub("\n", _CELL_ENDS.sub("\t", markup))
    lines = [line.rstrip() for line in sanitize_text(unescape(_ANY.sub("", broken))).strip().split("\n")]
    return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line or before)


def _allowed(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute, or None for none."""
    if name in _OPENS_APART:
        return _OPENS_APART[name]
    if name == "href":
        return value if _WEB.fullmatch(value) else None
    if name == "src":
        return value if tag == "img" and _PICTURE.fullmatch(value) else None
    if name in {"width", "height", "colspan", "rowspan"}:
        return value if _SIZE.fullmatch(value) else None
    return value


def _in_order(given: str) -> str:
    """The same with only the tags of the list, each of them with its end, and nothing that is no tag."""
    given = given.translate(_NO_STAND_INS)
    written: list[str] = []
    tree: list[str] = []
    at = 0
    while (start := given.find("<", at)) >= 0:
        written.append(_written(given[at:start]))
        tag = _TAG.match(given, start)
        if tag is None:
            at, piece = _no_tag(given, start)
            written.append(piece)
            continue
        at, name = tag.end(), tag[2].lower()
        if tag[1]:
            if name in tree:
                _close(tree, name, written)
        elif name in _DROPPED_WHOLE:
            at = _behind(given, f"</{name}", at)
        elif name in TAGS and _make_room(tree, name, written):
            written.append(f"<{name}{_attributes(name, tag[3])}>")
            if name not in _VOID:
                tree.append(name)
    written.append(_written(given[at:]))
    written += [f"</{name}>" for name in reversed(tree)]
    return "".join(written)


def _no_tag(given: str, start: int) -> tuple[int, str]:
    """Where to go on behind a `<` that starts no tag, and what to write for it."""
    if given.startswith("<!--", start):
        end = given.find("-->", start + 2)
        return (len(given) if end < 0 else end + 3), ""
    if given.startswith(("<!", "<?"), start):
        end = given.find(">", start)
        return (len(given) if end < 0 else end + 1), ""
    return start + 1, _written("<")


def _written(given: str) -> str:
    """A text between tags, or in an attribute, as nh3 is to read it."""
    return _stood_in(unescape(given))


def _stood_in(given: str) -> str:
    return given.translate(_NO_STAND_INS).translate(_STAND_IN)


def _behind(given: str, ending: str, start: int) -> int:
    """The place behind an end tag; the end of the text where there is none."""
    found = re.compile(re.escape(ending) + r"\b[^<>]*+>", re.IGNORECASE).search(given, start)
    return found.end() if found else len(given)


def _close(tree: list[str], name: str, written: list[str]) -> None:
    """Write the ends of all that is open, up to the innermost tag of this name and with it."""
    while tree:
        last = tree.pop()
        written.append(f"</{last}>")
        if last == name:
            return


def _make_room(tree: list[str], name: str, written: list[str]) -> bool:
    """Close what cannot hold a tag of this name; whether the tag may stand here then."""
    homes = _HOMES.get(name)
    if homes is not None and not any(each in homes for each in tree):
        return False
    if name in _BLOCKS and "p" in tree:
        _close(tree, "p", written)
    if name in {"a", "pre"} and name in tree:
        _close(tree, name, written)
    if name in _HEADINGS and (open_one := next((each for each in tree if each in _HEADINGS), None)):
        _close(tree, open_one, written)
    if homes is not None:
        while tree[-1] not in homes:
            written.append(f"</{tree.pop()}>")
    elif tree and tree[-1] in _SKELETON:
        return False
    return len(tree) < MAX_DEPTH


def _attributes(name: str, given: str) -> str:
    """The attributes of the list as they are to be written; the first few, however many there are."""
    kept: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(given):
        key = found[1].lower()
        if key in ATTRIBUTES[name] and key not in kept:
            value = found[2] or ""
            unquoted = value[1:-1] if value[:1] in {'"', "'"} else value
            allowed = _allowed(name, key, unescape(unquoted))
            if allowed is not None:
                kept[key] = f' {key}="{_stood_in(allowed)}"'
            if len(kept) == _ATTRIBUTES_MOST:
                break
    own = [f' {key}="{value}"' for key, value in _OPENS_APART.items()] if name == "a" else []
    return "".join([*kept.values(), *own])
