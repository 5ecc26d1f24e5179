"""The reference, computed from the catalogue, and the guides, which are files in `guides/`.

A page is Markdown that also reads well as it is: `print` shows the text, a notebook renders it. An integration
has a page (`heroku`) with a section for each function, and each function has a page of its own
(`heroku.list_dynos`). Every way of writing a function in Lua is a name of its page. A guide (`parallel`) is about
what all of them have in common.
"""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

from kosmo_kernel.catalogue import Column, Function, Integration, Param, nearest
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations import BUILT_IN, everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_T = TypeVar("_T")

GUIDES = {
    "parallel": "Many calls at once",
    "limits": "What a script may use, the request budget, and what is tried again",
    "settings": "Environment variables: accounts, the network, limits, what is shown",
}
MOST_FOUND = 20  # functions that a search lists
_MOST_FIELDS = 3  # of one function, likewise

_WORD = re.compile(r"\w\w+")
_CODE = re.compile(r"`[^`\n]+`")
_BRACKETS = re.compile(r"""\[\s*(["'])(.*?)\1\s*\]""")
_WIDTH = 100  # of a paragraph, for those who read it as plain text


class Page(str):
    """Markdown. It prints as it is, and a notebook whose cell ends in it shows it rendered."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's protocol
        printer.text(str(self))


def read(page: str) -> Page:
    """A page by any of its names, such as `heroku`, `app.integrations.heroku.production.list_apps`, `parallel`.

    An empty name gives the list of pages.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    if written := guide(page):
        return written
    found = resolve(page)
    if found is None:
        return list_pages()
    integration, function = found
    return Page(_text(_integration(integration) if function is None else _function_page(integration, function)))


def guide(page: str) -> Page | None:
    """The guide of this name, which is also that of the Lua functions that it is about; None for other pages."""
    name = next(iter(_steps(page)), "")
    if name not in GUIDES:
        return None
    file = f"{os.path.dirname(__file__)}/guides/{name}.md"  # noqa: PTH120 - pathlib would bring half of urllib
    with open(file, encoding="utf-8") as text:  # noqa: PTH123 - likewise
        return Page(text.read())


def resolve(page: str) -> tuple[Integration, Function | None] | None:
    """What a page is about: an integration or one of its functions; None for the list of pages.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    steps = _steps(page)
    if not steps:
        return None
    first, *rest = steps
    for integration in _integrations():
        if first == integration.name:
            return integration, _function_at(integration, rest, page)
        if not rest and first in integration.names():
            return integration, integration.names()[first]
    names = [name for integration in _integrations() for name in _page_names(integration)]
    raise _unknown(page, nearest(".".join(steps), [*names, *GUIDES]))


def list_pages() -> Page:
    """The names of all pages, each with a line on what it is about."""
    blocks = [
        "# Reference",
        '`docs.read("heroku")` shows a page; `docs.search("certificate")` finds what speaks of something.',
    ]
    for integration in everything():
        rows = [(integration.name, "Everything on one page")]
        rows += [(f"{integration.name}.{f.name}", f.summary) for f in integration.functions]
        blocks += [f"## {integration.title}", integration.description]
        blocks.append(table(("Page", "What it is about"), ((f"`{name}`", about) for name, about in rows)))
    blocks += ["## Guides", table(("Page", "What it is about"), ((f"`{name}`", GUIDES[name]) for name in GUIDES))]
    return Page(_text(blocks))


def search(words: str) -> Page:
    """What speaks of these words, best first: functions, with the fields that do, and guides; all pages without any."""
    terms = _terms(words)
    if not terms:
        return list_pages()
    lines = []
    guides = [(_score(terms, name, about, str(guide(name))), name) for name, about in GUIDES.items()]
    scored: list[tuple[tuple[int, int], tuple[Integration, Function] | str]] = [*_scored(terms), *guides]
    for found in _best(scored)[:MOST_FOUND]:
        if isinstance(found, str):
            lines.append(f"- `{found}`: {GUIDES[found]}")
            continue
        integration, function = found
        lines.append(f"- `{integration.name}.{function.name}`: {function.summary}")
        fields = _best([(_score(terms, column.name, column.doc), column) for column in function.columns])
        lines += [f"  - `{column.name}`: {column.doc}" for column in fields[:_MOST_FIELDS]]
    answer = "\n".join(lines) or "Nothing speaks of this. `docs.list()` names all pages."
    return Page(_text([f"# Search: {' '.join(_WORD.findall(words))}", answer]))


def matches(words: str) -> list[tuple[Integration, Function]]:
    """The functions that have the most of these words; first those that have them in their name, then in the title."""
    return _best(_scored(_terms(words)))


def describe(integration: Integration, function: Function) -> dict[str, Any]:
    """A function as data: what a program needs to call it and to read the answer. JSON values only."""
    return {
        "provider": integration.name,
        "function": f"{integration.name}.{function.name}",
        "name": function.name,
        "slug": f"{integration.name}_{function.name}",
        "aliases": list(function.aliases),
        "title": function.summary,
        "description": function.description.strip(),
        "operation": function.effect,
        "lua": f"app.integrations.{integration.name}.{function.signature}",
        "example": function.example,
        "input_schema": input_schema(function),
        "returns": function.returns,
        "fields": [
            {"name": c.name, "type": c.kind, "nullable": c.nullable, "default": c.default, "description": c.doc}
            for c in function.columns
        ],
    }


def input_schema(function: Function) -> dict[str, Any]:
    """The named arguments as JSON Schema."""
    return {
        "type": "object",
        "properties": {param.name: _property(param) for param in function.params},
        "required": [param.name for param in function.params if param.required],
        "additionalProperties": False,
    }


def _property(param: Param) -> dict[str, Any]:
    one: dict[str, Any] = {"type": param.kind}
    if param.pattern:
        one["pattern"] = f"^(?:{param.pattern})$"
    schema = {"anyOf": [one, {"type": "array", "items": one}]} if param.each else one
    return schema | {"description": param.doc} | ({"examples": [param.example]} if param.example else {})


# Names


def _integrations() -> Iterator[Integration]:
    """The built-in ones; the others only for whoever has not found what it looked for."""
    yield from BUILT_IN
    yield from everything()[len(BUILT_IN) :]


def _steps(page: str) -> list[str]:
    """The parts of a name, without what stands before the integration and without a call's arguments."""
    text = _BRACKETS.sub(r".\2", page).partition("(")[0]
    steps = [step for part in text.split(".") if (step := part.strip().lower())]
    for prefix in ("app", "integrations"):
        if steps[:1] == [prefix]:
            del steps[0]
    return steps


def _function_at(integration: Integration, steps: Sequence[str], page: str) -> Function | None:
    """The function below an integration or one of its accounts; None for the integration or account itself."""
    if not steps:
        return None
    function = integration.names().get(steps[-1].replace("-", "_"))
    if function is None and len(steps) == 1:
        from kosmo_kernel.accounts import names  # noqa: PLC0415 - only where a name may be an account's

        if steps[0].replace("-", "_") in ("default", *names(integration)):
            return None
    if function is None:
        near = nearest(steps[-1], (f.name for f in integration.functions))
        raise _unknown(page, [f"{integration.name}.{name}" for name in near])
    return function


def _page_names(integration: Integration) -> list[str]:
    return [integration.name, *(f"{integration.name}.{f.name}" for f in integration.functions)]


def _unknown(page: str, near: Iterable[str]) -> UnknownNameError:
    shown = repr(page.strip()[:_WIDTH])[1:-1]
    return UnknownNameError(f"There is no page `{shown}`; `docs.list()` names them all.", tuple(near))


# Words


def _terms(words: str) -> list[str]:
    """The words of a question, without a plural's `s`."""
    found = _WORD.findall(words.lower())
    return [word.removesuffix("s") if len(word) > 3 else word for word in found]  # noqa: PLR2004 - `dns` is no plural


def _score(terms: Iterable[str], *texts: str) -> tuple[int, int]:
    """How many of the terms the texts have, and how far in front: earlier texts weigh more."""
    places = [next((i for i, text in enumerate(texts) if term in text.lower()), len(texts)) for term in terms]
    return sum(place < len(texts) for place in places), sum(len(texts) - place for place in places)


def _scored(terms: Sequence[str]) -> list[tuple[tuple[int, int], tuple[Integration, Function]]]:
    """Every function with its score."""
    found = []
    for integration in everything():
        for function in integration.functions:
            names = " ".join((integration.name, function.name, *function.aliases, *(p.name for p in function.params)))
            fields = " ".join(f"{column.name} {column.doc}" for column in function.columns)
            score = _score(terms, names, function.summary, f"{function.description} {fields}")
            found.append((score, (integration, function)))
    return found


def _best(scored: Iterable[tuple[tuple[int, int], _T]]) -> list[_T]:
    """What has the most words, best first, in the order given where equal; nothing when none has any."""
    ranked = sorted(scored, key=lambda entry: entry[0], reverse=True)
    return [thing for (words, _), thing in ranked if words and words == ranked[0][0][0]]


# Markdown


def _text(blocks: Iterable[str]) -> str:
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _paragraphs(text: str) -> str:
    """Text whose paragraphs are filled again, to the width that all of a page has; code stays on one line."""
    joined = _CODE.sub(lambda code: code.group().replace(" ", "\0"), text.strip())
    fill = textwrap.TextWrapper(_WIDTH, break_long_words=False, break_on_hyphens=False).fill
    return "\n\n".join(fill(part) for part in joined.split("\n\n")).replace("\0", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns stand below each other in plain text as well."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    lines = [" | ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in cells]
    lines.insert(1, " | ".join(":" + "-" * (width - 1) for width in [*widths, len(head[-1])]))
    return "\n".join(f"| {line} |" for line in lines)


def _integration(integration: Integration) -> Iterator[str]:
    yield f"# {integration.title}"
    reads = all(function.effect == "read" for function in integration.functions)
    yield _paragraphs(integration.description + (" All of it only reads; nothing is changed." if reads else ""))
    contents = [f"- [{f.name}](#{f.name}): {f.summary}" for f in integration.functions]
    yield "\n".join([*contents, "- [Using several accounts](#Using-several-accounts)"])
    yield _paragraphs(
        "Arguments go into a table by name, or stand alone in the order of the parameters. Lists are always complete. "
        "In a notebook, a cell that ends in a call shows a table with a column for each field; times are ISO 8601 text "
        "in Lua, and datetimes in UTC there."
    )
    shown: dict[tuple[Column, ...], str] = {}
    for function in integration.functions:
        yield f"## {function.name}"
        yield from _function(integration, function, 3, shown.get(function.columns))
        shown.setdefault(function.columns, function.name)
    yield from _accounts(integration)


def _function_page(integration: Integration, function: Function) -> Iterator[str]:
    yield f"# {integration.name}.{function.name}"
    yield from _function(integration, function, 2)
    yield f'All of {integration.title}, and how to use several accounts: `docs.read("{integration.name}")`.'


def _function(integration: Integration, function: Function, level: int, same_as: str | None = None) -> Iterator[str]:
    """What a function does, its parameters, an example, and what comes back.

    Parameters:
        level: of the headings.
        same_as: the function above on the page that gives the same fields.
    """
    heading = "#" * level
    yield f"{function.summary}."
    yield f"```lua\napp.integrations.{integration.name}.{_call(function)}\n```"
    yield _paragraphs(function.description)
    if function.aliases:
        yield f"Also called {', '.join(f'`{alias}`' for alias in function.aliases)}."
    if function.effect == "write":
        yield f"**This changes something at {integration.title}.**"
    yield f"{heading} Parameters"
    yield _parameters(function.params) if function.params else "None."
    yield f"{heading} Example"
    yield f"```lua\n{function.example.strip()}\n```"
    yield f"{heading} What comes back"
    what = "A list of records" if function.returns == "list" else "A record"
    if same_as:
        yield f"{what} with the fields of [{same_as}](#{same_as})."
        return
    yield f"{what}:"
    fields = [column for column in function.columns if not _identifies(column)]
    yield table(("Field", "Type", "What it tells"), ((f"`{c.name}`", _type(c), c.doc) for c in fields))
    identifiers = [f"`{column.name}`" for column in function.columns if _identifies(column)]
    if identifiers:
        yield _paragraphs(f"And identifiers, for programs: {', '.join(identifiers)}.")


def _parameters(params: Iterable[Param]) -> str:
    rows = (
        (f"`{p.name}`", f"{p.kind} or list" if p.each else p.kind, "yes" if p.required else "no", p.doc) for p in params
    )
    return table(("Name", "Type", "Required", "Description"), rows)


def _identifies(column: Column) -> bool:
    return column.path[-1] == "id"


def _type(column: Column) -> str:
    kind = "time" if column.kind == "timestamp" else column.kind
    return f"{kind}\u00a0or\u00a0nil" if column.nullable and column.default is None else kind


def _accounts(integration: Integration) -> Iterator[str]:
    simple = next((f for f in integration.functions if not any(p.required for p in f.params)), integration.functions[0])
    variable = integration.credentials.env
    named = (
        ("", "the default account"),
        (".default", "the same, said aloud"),
        (".production", "the account `production`"),
        ('["my-team"]', "the account `my-team`"),
        *([(".demo", "a fictional company, to try things on")] if integration.demo else []),
    )
    calls = [(f"{integration.name}{way}.{_call(simple)}", what) for way, what in named]
    width = max(len(call) for call, _ in calls)
    lines = [f"{call.ljust(width)}  -- {what}" for call, what in calls]
    yield "## Using several accounts"
    yield "\n".join(["```lua", f"local {integration.name} = app.integrations.{integration.name}", "", *lines, "```"])
    yield "An account is a token in an environment variable that is set before Jupyter or the command starts:"
    tokens = [("default", f"`{variable}`")]
    tokens += [(name, f"`{variable}_{name.upper().replace('-', '_')}`") for name in ("production", "my-team")]
    tokens += [("demo", "needs none")] if integration.demo else []
    yield table(("Account", "Its token"), [(f"`{name}`", token) for name, token in tokens])
    yield "Where to get a token:"
    yield "\n".join(f"- {way}" for way in integration.credentials.how)
    yield "Lua never sees a token: it stays with the process that sends the requests."


def _call(function: Function) -> str:
    given = ", ".join(f'{p.name} = "{p.example}"' for p in function.params if p.required)
    return f"{function.name}({{ {given} }})" if given else f"{function.name}()"
