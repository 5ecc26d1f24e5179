"""The guides, one per Markdown file in `guides/`: the file's name is the guide's name, its first line the title."""

from __future__ import annotations

import os

from kosmo_kernel.docs.page import Page

# pathlib would import half of urllib, which slows the start of the command.
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "guides")
FIRST = "overview"  # listed first; the others follow by name


def guide(name: str) -> Page:
    """Return the text of a guide, one of `GUIDES`."""
    with open(os.path.join(_FOLDER, f"{name}.md"), encoding="utf-8") as text:
        return Page(text.read())


def _titles() -> dict[str, str]:
    names = sorted(file.removesuffix(".md") for file in os.listdir(_FOLDER) if file.endswith(".md"))
    names.sort(key=lambda name: name != FIRST)
    return {name: guide(name).partition("\n")[0].removeprefix("# ") for name in names}


GUIDES = _titles()
