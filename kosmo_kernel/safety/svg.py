"""An SVG as a picture.

Inside an `<img>` a browser runs no script of an SVG and fetches nothing for it. What is left is that a short SVG can
draw itself without end: by entities, and by elements that use elements that use elements. It is read once to see
that it does not.
"""

from __future__ import annotations

import base64
from typing import Any

from kosmo_kernel.safety.text import UnsafeContentError, short_enough

MAX_ELEMENTS_DRAWN = 100_000  # elements of an SVG, each counted as often as it is used
MAX_DEPTH = 100  # elements in each other, and uses of uses
MAX_ELEMENTS_COUNTED = 20 * MAX_ELEMENTS_DRAWN  # elements, each counted for every element around it that can be used

_NAMESPACE = "http://www.w3.org/2000/svg"
_TOO_MANY = f"this SVG draws more than {MAX_ELEMENTS_DRAWN:,} elements, or has too many in each other"
_LINKS = {"href", "http://www.w3.org/1999/xlink href"}


def sanitize_svg(given: str) -> str:
    """An SVG as an HTML element that shows it as a picture.

    Raises:
        NotShownError: it is no SVG, is too long, has a document type, or draws too much.
    """
    short_enough(given, "SVG")
    given = given.strip()
    if not _check_svg(given.encode(errors="replace")):
        given = given.replace("<svg", f'<svg xmlns="{_NAMESPACE}"', 1)
    data = given.encode(errors="replace")
    return f'<img alt="" src="data:image/svg+xml;base64,{base64.b64encode(data).decode()}">'


def _check_svg(data: bytes) -> bool:
    """Read an SVG once; whether it has its namespace, without which a browser takes it for something else.

    Raises:
        NotShownError: as `svg`.
    """
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
    """How many elements an SVG draws. What has an id can be used, with all that is in it."""

    def __init__(self) -> None:
        self._open: list[str] = []  # ids of the elements around, where they have one, and empty texts
        self._uses: dict[str, list[str]] = {"": []}  # id ("" for the whole) -> what is used in it
        self._sizes: dict[str, int] = {"": 0}  # likewise -> elements in it
        self._noted = 0
        self.is_named = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self.is_named = name == f"{_NAMESPACE} svg"
            if not self.is_named and name != "svg":
                raise UnsafeContentError(f"this is no SVG: it starts with <{name.rpartition(' ')[2]}>")
        named = attributes.get("id", "")
        self._open.append(named)
        used = next((value for key, value in attributes.items() if key in _LINKS), "")
        arounds = {"", *self._open}
        self._noted += len(arounds)
        if self._sizes[""] > MAX_ELEMENTS_DRAWN or self._noted > MAX_ELEMENTS_COUNTED:  # before it has taken seconds
            raise UnsafeContentError(_TOO_MANY)
        for around in arounds:
            self._sizes[around] = self._sizes.get(around, 0) + 1
            if used.startswith("#"):
                self._uses.setdefault(around, []).append(used[1:])
        if len(self._open) > MAX_DEPTH:
            raise UnsafeContentError(f"an SVG of more than {MAX_DEPTH} elements in each other is too deep")

    def end(self, _name: str) -> None:
        self._open.pop()

    def doctype(self, *_anything: Any) -> None:
        raise UnsafeContentError("an SVG with a document type is not shown; leave the <!DOCTYPE> out")

    def check(self) -> None:
        """Count what is drawn, uses included.

        Raises:
            NotShownError: that is too much, or without end.
        """
        drawn: dict[str, int] = {}

        def count(name: str, above: frozenset[str]) -> int:
            if name in above or len(above) > MAX_DEPTH:
                raise UnsafeContentError("this SVG uses itself")
            if name not in drawn:
                within = above | {name}
                drawn[name] = self._sizes.get(name, 0) + sum(count(one, within) for one in self._uses.get(name, ()))
                if drawn[name] > MAX_ELEMENTS_DRAWN:
                    raise UnsafeContentError(_TOO_MANY)
            return drawn[name]

        count("", frozenset())
