"""Show an SVG as an image.

In an `<img>` a browser runs no scripts of an SVG and loads nothing for it. The remaining risk is that a short SVG
expands without limit: by entities, or by `use` elements that refer to other `use` elements. So it is parsed once, and
the elements it draws are counted.
"""

from __future__ import annotations

import base64
from typing import Any

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.text import UnsafeContentError, check_length

MAX_ELEMENTS_DRAWN = 100_000  # elements of an SVG, each counted as often as it is drawn
MAX_DEPTH = 100  # nested elements, and nested uses
MAX_ELEMENTS_COUNTED = 20 * MAX_ELEMENTS_DRAWN  # elements, each counted once per enclosing element with an id

_NAMESPACE = "http://www.w3.org/2000/svg"
_TOO_MANY = f"this SVG draws more than {MAX_ELEMENTS_DRAWN:,} elements, or has too many in each other"
_LINKS = {"href", "http://www.w3.org/1999/xlink href"}


def sanitize_svg(given: str) -> Html:
    """Return an HTML element that shows an SVG as an image.

    Raises:
        UnsafeContentError: it is no SVG, is too long, has a document type, or draws too much.
    """
    check_length(given, "SVG")
    given = given.strip()
    if not _check_svg(given.encode(errors="replace")):
        given = given.replace("<svg", f'<svg xmlns="{_NAMESPACE}"', 1)
    data = given.encode(errors="replace")
    return Html(f'<img alt="" src="data:image/svg+xml;base64,{base64.b64encode(data).decode()}">')


def _check_svg(data: bytes) -> bool:
    """Check an SVG; return whether it declares its namespace, without which browsers do not render it."""
    from xml.parsers import expat

    reader = _Drawing()
    parser = expat.ParserCreate("UTF-8", " ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnsafeContentError(f"this is no SVG: {expat.ErrorString(error.code)} in line {error.lineno}") from None
    reader.check()
    return reader.is_named


class _Drawing:
    """Counts the elements that an SVG draws. An element with an id can be used again, with all its children."""

    def __init__(self) -> None:
        self._open: list[str] = []  # ids of the enclosing elements, empty for those without one
        self._uses: dict[str, list[str]] = {"": []}  # id ("" for the whole SVG) -> the ids used inside
        self._sizes: dict[str, int] = {"": 0}  # id ("" for the whole SVG) -> the number of elements inside
        self._counted = 0
        self.is_named = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self.is_named = name == f"{_NAMESPACE} svg"
            if not self.is_named and name != "svg":
                raise UnsafeContentError(f"this is no SVG: it starts with <{name.rpartition(' ')[2]}>")
        element_id = attributes.get("id", "")
        self._open.append(element_id)
        target = next((value for key, value in attributes.items() if key in _LINKS), "")
        scopes = {"", *self._open}
        self._counted += len(scopes)
        if self._sizes[""] > MAX_ELEMENTS_DRAWN or self._counted > MAX_ELEMENTS_COUNTED:  # more take seconds to count
            raise UnsafeContentError(_TOO_MANY)
        for scope in scopes:
            self._sizes[scope] = self._sizes.get(scope, 0) + 1
            if target.startswith("#"):
                self._uses.setdefault(scope, []).append(target[1:])
        if len(self._open) > MAX_DEPTH:
            raise UnsafeContentError(f"an SVG of more than {MAX_DEPTH} elements in each other is too deep")

    def end(self, _name: str) -> None:
        self._open.pop()

    def doctype(self, *_anything: Any) -> None:
        raise UnsafeContentError("an SVG with a document type is not shown; leave the <!DOCTYPE> out")

    def check(self) -> None:
        """Count the elements drawn, including uses.

        Raises:
            UnsafeContentError: there are too many, or an element uses itself.
        """
        drawn: dict[str, int] = {}

        def count(name: str, above: frozenset[str]) -> int:
            if name in above or len(above) > MAX_DEPTH:
                raise UnsafeContentError("this SVG uses itself")
            if name not in drawn:
                within = above | {name}
                drawn[name] = self._sizes.get(name, 0) + sum(count(used, within) for used in self._uses.get(name, ()))
                if drawn[name] > MAX_ELEMENTS_DRAWN:
                    raise UnsafeContentError(_TOO_MANY)
            return drawn[name]

        count("", frozenset())
