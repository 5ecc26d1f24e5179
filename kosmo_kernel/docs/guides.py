"""The guides: every Markdown file in `guides/` is one. Its name is the file's, its title the file's first line."""

from __future__ import annotations

import os

from kosmo_kernel.docs.page import Page

# pathlib would bring half of urllib, and a start of the command has no use for either.
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "guides")
FIRST = "overview"  # where a reader starts; the others follow by name


def guide(name: str) -> Page:
    """The text of a guide, one of `GUIDES`."""
    with open(os.path.join(_FOLDER, f"{name}.md"), encoding="utf-8") as text:
        return Page(text.read())


def _titles() -> dict[str, str]:
    names = sorted(file.removesuffix(".md") for file in os.listdir(_FOLDER) if file.endswith(".md"))
    names.sort(key=lambda name: name != FIRST)
    return {name: guide(name).partition("\n")[0].removeprefix("# ") for name in names}


GUIDES = _titles()
