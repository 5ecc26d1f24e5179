"""The explorer as its user handles it, in this process, and what a browser would make of its markup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from python_shell import Shell, run, shells

from kosmo_kernel.explorer import explore
from kosmo_kernel.explorer.form import Explorer
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.session import Session

HOSTILE = "a\"]]--<script>alert(1)</script>\\'&\u202e<b hidden"


@contextmanager
def loaded_shell() -> Iterator[Shell]:
    """Yield a shell with the extension, whose account is the demo."""
    with shells() as make:
        made = make()
        made.run_line_magic("load_ext", "kosmo_kernel")
        run(made, "%kosmo demo")
        yield made


def opened(name: str, lua: Session, **door: Any) -> Explorer:
    return explore(name, NotebookContext(lua, **door))


def type_in(explorer: Explorer, name: str, text: str) -> None:
    explorer._fields[name].field.value = text


def choose(explorer: Explorer, function: str) -> None:
    explorer._function.value = function


def press_load(explorer: Explorer) -> None:
    explorer._arguments.children[0].children[1].click()


class Seen(HTMLParser):
    """Parse markup as a browser would: the tags, the text, and what the button inserts."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.inserts = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.inserts = dict(attrs).get("data-kosmo-insert") or self.inserts

    def handle_data(self, data: str) -> None:
        self.text += data


def written(explorer: Explorer) -> str:
    """Return the cell that would be inserted, which is also there as text to copy."""
    seen = Seen(explorer._lua.value)
    assert seen.text == f"{seen.inserts}Insert as cell"
    return seen.inserts


def status(explorer: Explorer) -> str:
    return Seen(explorer._status.value).text
