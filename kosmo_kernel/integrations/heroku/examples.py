"""Write the example of a function that is made from the facts: a short script that runs as it is.

What Heroku or the demo account has a fixed name for stands in the call. Anything else is the first record of the list
that has it, so that the script runs on other accounts as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kosmo_kernel.catalogue import NEWEST, Column, Function
from kosmo_kernel.catalogue.documents.fields import NAMES
from kosmo_kernel.integrations.heroku.derived import (
    called_links,
    entry_of,
    example_app,
    example_in,
    example_value,
    param_name,
)
from kosmo_kernel.integrations.heroku.entries import FOUND_IN, FunctionEntry, thing
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts

_VARIABLES = {"oauth_authorization": "granted"}  # where what follows the name and `=` would be redacted
_LINE = 100  # characters of a line
_FIELDS = 3  # printed of each record


def with_example(function: Function, entry: FunctionEntry) -> Function:
    """Return a function with its example, from its hand-written part."""
    links = called_links(entry)
    script = _Script(example_app(links))
    call = script.call(entry, min(links, key=lambda link: len(link.places)))
    return replace(function, example="\n".join([*script.lines, *_loop_or_print(function, entry, call), ""]))


def _loop_or_print(function: Function, entry: FunctionEntry, call: str) -> Iterator[str]:
    """Yield the lines that show what a call returns: a record, or some fields of each record of a list."""
    if function.returns == "record":
        yield f"print({call})" if len(f"print({call})") <= _LINE else _in_lines(f"print({call})")
        return
    loop = f"for _, row in ipairs({call}) do"
    if len(loop) > _LINE:
        yield f"local rows = {call}"
        loop = "for _, row in ipairs(rows) do"
    fields = ", ".join(f"row.{column.name}" for column in _printed_columns(function, entry))
    yield f"{loop}\n  print({fields})\nend"


def _printed_columns(function: Function, entry: FunctionEntry) -> list[Column]:
    """Return the columns that an example prints: names, and what is explained or has known values."""
    visible = [column for column in function.columns if column.kind not in ("list", "object") and not column.secret]
    own = [column for column in visible if len(column.path) == 1]
    visible = [column for column in visible if column in own or not column.nullable]  # what is in nil cannot be read
    telling = [column for column in visible if column.main] or [
        column
        for column in visible
        if column.name in entry.docs or (column in own and (column.values or column.name in NAMES))
    ]
    telling = telling or own[:1] or visible[:1]
    times = [column for column in own if column.name == "created_at" and column not in telling]
    return [*telling[:_FIELDS], *(times if len(telling) == 1 else [])]


def _in_lines(call: str) -> str:
    """Return a call with its one argument on a line of its own."""
    return call.replace("({ ", "({\n  ").replace(" })", ",\n})")


class _Script:
    """The lines of an example that find what the call needs.

    Parameters:
        app: the app that calls are about.
    """

    def __init__(self, app: str) -> None:
        self.lines: list[str] = []
        self._app = app
        self._variables: set[str] = set()

    def call(self, entry: FunctionEntry, link: LinkFact) -> str:
        """Return the call of a link, after the lines that it needs."""
        return _call(entry.name, self._arguments(entry, link))

    def _arguments(self, entry: FunctionEntry, link: LinkFact) -> dict[str, str]:
        """Return the code of each argument that leads to a link, after the lines that it needs."""
        arguments = {}
        for placeholder in link.places:
            resource, _, attribute = placeholder.partition(".")
            name = param_name(placeholder, entry)
            above = link.path.partition(f"/{{{placeholder}}}")[0]
            if name == attribute and (thing(resource) in self._variables or _list_at(above)):  # the year of an archive
                arguments[name] = f"{self._record(resource, thing(resource), above)}.{attribute}"
            elif value := self._app if name == "app_id" else example_value(name, placeholder):
                arguments[name] = f'"{value}"'
            else:
                variable = name.removesuffix("_id")
                arguments[name] = self._record(resource, _VARIABLES.get(variable, variable), above)
        required = (name for name, need in link.query.items() if need == "required")
        return arguments | {name: f'"{example_in(entry.query.get(name, ""))}"' for name in required}

    def _record(self, resource: str, variable: str, above: str) -> str:
        """Return the variable that has a record, after the line that finds it.

        Parameters:
            resource: what the record is.
            variable: its name.
            above: the path before the placeholder where it stands.
        """
        if variable not in self._variables:
            self._variables.add(variable)
            path, inside = FOUND_IN.get(resource, (above, ""))
            link = _list_at(path) or next((link for link in _lists() if link.resource == resource), None)
            entry = entry_of(link) if link else None
            if not link or not entry:
                return '"…"'
            arguments = self._arguments(entry, link) | ({NEWEST: "1"} if entry.newest else {})
            self.lines.append(f"local {variable} = {_call(entry.name, arguments)}[1]{inside}")
        return variable


def _list_at(path: str) -> LinkFact | None:
    return next((link for link in _lists() if link.path == path), None)


def _lists() -> Iterator[LinkFact]:
    return (link for link in facts().links if link.returns == "list")


def _call(name: str, arguments: dict[str, str]) -> str:
    code = ", ".join(f"{name} = {value}" for name, value in arguments.items())
    return f"heroku.{name}({{ {code} }})" if code else f"heroku.{name}()"
