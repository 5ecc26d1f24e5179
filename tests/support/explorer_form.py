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


class Field:
    """The row of one parameter: what its value is typed or chosen in, and what is beside it, if anything is."""

    def __init__(self, row: Any) -> None:
        beside: tuple[Any, Any] = row.children[1:] or (None, None)
        self.field = row.children[0]
        self.load, self.every = beside


class Form:
    """The widgets of a form, in the order in which its user sees them."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        (self.words, self.function, self.about, self.account, self.arguments, self.code, running, *rest) = (
            explorer.box.children
        )
        self.filtering, self.answer = rest
        self.run, self.status = running.children
        self.filter, self.count = self.filtering.children

    @property
    def fields(self) -> dict[str, Field]:
        """The rows of the parameters; below each is a line that explains it."""
        return {row.children[0].description: Field(row) for row in self.arguments.children[::2]}


def opened(name: str, lua: Session, **door: Any) -> Form:
    return Form(explore(name, NotebookContext(lua, **door)))


def type_in(form: Form, name: str, text: str) -> None:
    form.fields[name].field.value = text


def choose(form: Form, function: str) -> None:
    form.function.value = function


def press_load(form: Form) -> None:
    next(iter(form.fields.values())).load.click()


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


def written(form: Form) -> str:
    """Return the cell that would be inserted, which is also there as text to copy."""
    seen = Seen(form.code.value)
    assert seen.text == f"{seen.inserts}Insert as cell"
    return seen.inserts


def status(form: Form) -> str:
    return Seen(form.status.value).text
