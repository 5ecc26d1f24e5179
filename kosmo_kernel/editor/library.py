"""Signatures and one-line descriptions of Lua's standard library, as far as scripts can use it, and our additions.

Each line of `library.txt` is one entry: its signature, what it returns if an editor can tell, two or more spaces, its
description. The facts are from https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library."""

    name: str  # its full name, `string.format`
    signature: str  # how it is called, `string.format(template, ...)`; of a constant, its name
    returns: str  # `text`, the `first` argument, the `items` of the first argument, or empty
    doc: str  # what it does, one line of Markdown

    def takes(self, position: int, *parameters: str) -> bool:
        """Return whether the argument at a position, counted from 0, is one of these parameters."""
        names = re.findall(r"\w+", self.signature.partition("(")[2])
        return position < len(names) and names[position] in parameters


@cache
def library() -> dict[str, LibraryEntry]:
    """Return the entries of the library by full name."""
    entries = {}
    for line in Path(__file__).with_name("library.txt").read_text(encoding="utf-8").splitlines():
        head, _, doc = line.partition("  ")
        signature, _, returns = head.partition(" -> ")
        name = signature.partition("(")[0].replace(":", ".")
        entries[name] = LibraryEntry(name, signature, returns, doc.strip())
    return entries


def takes(name: str, position: int, *parameters: str) -> bool:
    """Return whether an argument of a library function is one of these parameters; False if there is no such entry."""
    return name in library() and library()[name].takes(position, *parameters)
