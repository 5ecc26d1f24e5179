"""Signatures and one-line descriptions of Lua's standard library, as far as scripts can use it, and our additions.

Each line of `library.txt` is one entry: its signature, two or more spaces, its description. The facts are from
https://www.lua.org/manual/5.4/manual.html#6, in our own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An entry of the library."""

    name: str  # its full name, `string.format`
    signature: str  # how it is called, `string.format(template, ...)`; of a constant, its name
    doc: str  # what it does, one line of Markdown


@cache
def library() -> dict[str, LibraryEntry]:
    """Return the entries of the library by full name."""
    entries = {}
    for line in Path(__file__).with_name("library.txt").read_text(encoding="utf-8").splitlines():
        signature, _, doc = line.partition("  ")
        name = signature.partition("(")[0].replace(":", ".")
        entries[name] = LibraryEntry(name, signature, doc.strip())
    return entries
