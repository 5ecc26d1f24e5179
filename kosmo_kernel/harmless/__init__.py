"""What nobody vouches for, made fit to be shown: by Lua, by a service, by a server somebody configured.

A script in the output of a notebook owns the notebook's user, a remote image tells its server who looks and when, and
an escape sequence can type into a terminal. So HTML goes through an allow-list (`markup.py`), an SVG becomes a
picture that cannot run (`pictures.py`), any other picture is one that can be drawn (`raster.py`), Markdown loses raw
HTML and images (`prose.py`), formulas keep the commands that only draw (`tex.py`), and plain text loses what is no
text (`plain.py`). What cannot be made harmless raises `NotShownError`. The libraries behind it are imported when first
needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kosmo_kernel.harmless.plain import NotShownError, text

if TYPE_CHECKING:
    from kosmo_kernel.harmless.markup import html, words
    from kosmo_kernel.harmless.pictures import svg
    from kosmo_kernel.harmless.prose import markdown
    from kosmo_kernel.harmless.raster import picture, png
    from kosmo_kernel.harmless.tex import latex

__all__ = ["NotShownError", "html", "latex", "markdown", "picture", "png", "svg", "text", "words"]

_LATER = {
    "html": "markup",
    "latex": "tex",
    "markdown": "prose",
    "picture": "raster",
    "png": "raster",
    "svg": "pictures",
    "words": "markup",
}


def __getattr__(name: str) -> Any:
    """What most runs never show, imported when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
