"""Generate pages as blocks of Markdown: an index per integration, and a page per function, shared table and check.

A `Subject` is what a page is about. `describe` has a function as data: what a program needs to call it and to read its
result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kosmo_kernel import pages
from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Column, Function, Integration, Param
from kosmo_kernel.catalogue.integration import FunctionSummary
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.pages import paragraphs
from kosmo_kernel.questions import TABLES
from kosmo_kernel.questions.discovery import find_table, table_names
from kosmo_kernel.safety.markup import Html, Markdown, html_block, markdown_of_package

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question

LEFT_OUT = "left_out"  # a page of an integration
_RETURNS = {"list": "A list of records", "record": "A record"}
_ACCOUNTS = ("production", "staging")  # of the examples; where the demo is the default account, it has these two
# The arguments that apply if a list is passed in place of one value.
WITH_A_LIST = {name: {"enum": list(ERROR_MODES), "description": param.doc} for name, param in RESERVED.items()}


class Subject(Struct, frozen=True):
    """The subject of a page: a guide, an integration, one of its functions, or the list of all pages."""

    page: str  # the page's own name; empty for the list
    integration: Integration | None = None  # None for a guide, for a check and for the list
    function: Function | None = None  # None unless the page is about a function
    # What follows the name of the integration in the name of a page that is about several functions, or about what has
    # none, see `part_names`; of the page of a check the name of the check. Empty for any other page.
    part: str = ""

    @property
    def functions(self) -> Sequence[Function]:
        """The functions that the page is about; none for a guide, a check or a table."""
        if self.integration is None or self.part.partition(".")[0] in (TABLES, LEFT_OUT):
            return ()
        return [self.function] if self.function else self.integration.functions


def part_names(integration: Integration) -> list[str]:
    """Return the names of the pages of an integration that are about neither all of its functions nor one."""
    tables = table_names(integration.name)
    names = [TABLES, *(f"{TABLES}.{name}" for name in tables)] if tables else []
    return [*names, LEFT_OUT] if integration.left_out else names


def parts_of(integration: Integration) -> dict[str, str]:
    """Return the titles of these pages by name. The file of each table is read for that."""
    return {name: _title_of_part(integration, name) for name in part_names(integration)}


def _title_of_part(integration: Integration, name: str) -> str:
    if name == LEFT_OUT:
        return f"What of {integration.title} has no function"
    if name == TABLES:
        return "The tables that reports share, on one page"
    try:
        return find_table(integration.name, name.removeprefix(f"{TABLES}.")).title
    except SettingsError as error:  # one of the user's own
        return error.message


def of_function(integration: Integration, function: Function) -> Subject:
    """Return the subject of a function's page."""
    return Subject(f"{integration.name}.{function.name}", integration, function)


def integration_page(integration: Integration, *, opens: bool = False) -> Iterator[str]:
    """Yield the page of an integration: the functions that most questions need, accounts, and all others by subject.

    Parameters:
        integration: the integration.
        opens: whether the others are lines that open, for a notebook.
    """
    yield f"# {integration.title}"
    yield paragraphs(f"{integration.description} All of it only reads; nothing is changed.")
    for name in integration.most_used:
        yield f"## {name}"
        yield from _in_short(integration.table.named(name))
    yield "## Using several accounts"
    yield from _accounts(integration)
    yield "## All other functions" if integration.most_used else "## Functions"
    yield from _how_to_call(integration)
    for subject, listed in integration.by_subject().items():
        functions = [function for function in listed if function.name not in integration.most_used]
        if opens:
            yield f"### {subject}"
            yield "\n".join(_folded_entry(integration, function) for function in functions)
        elif functions and functions[0].subject:
            yield paragraphs(f"**{subject}**: {' · '.join(f'`{function.name}`' for function in functions)}")
        else:
            yield "\n".join(f"- `{function.name}`: {function.summary}" for function in functions)


def _in_short(function: Function) -> Iterator[str]:
    """Yield what a function does, its parameters and an example."""
    yield f"{function.summary}."
    yield "### Parameters"
    yield _parameter_table(function)
    yield "### Example"
    yield _example(function)


def _folded_entry(integration: Integration, entry: FunctionSummary) -> str:
    """Return a line about a function that opens to its parameters and the main fields of its result."""
    function, name = integration.table.named(entry.name), f"{integration.name}.{entry.name}"
    needed = [param for param in function.params if param.required]
    parameters = [
        f"- `{p.name}`, {p.kind}{' or list' if p.each else ''}{'' if p in needed else ', if you like'}: {p.doc}"
        for p in function.params
    ]
    fields = ", ".join(f"`{column.name}`" for column in function.columns if not _identifies(column))
    body = [
        f"`{integration.name}.{function.call_with(_example_value)}`",  # a front end takes long to colour 140 blocks
        *(["\n".join(parameters)] if parameters else []),
        f"{_RETURNS[function.returns]} with {fields}.",
        f'`docs.read("{name}")` says what each of them tells.',
    ]
    summary = Html("<details><summary><code>{}</code> {}</summary>").format(function.name, function.summary)
    return "\n\n".join([html_block(summary), *body, html_block(Html("</details>\n"))])


def _how_to_call(integration: Integration) -> Iterator[str]:
    parts = {TABLES: f"tables such as `{integration.name}.tables.costs()`", LEFT_OUT: "what there is no function for"}
    others = [
        f'`docs.read("{integration.name}.{part}")` {about}'
        for part, about in parts.items()
        if part in part_names(integration)
    ]
    first = integration.functions[0].name
    yield paragraphs(
        f'`docs.read("{integration.name}.{first}")` has the arguments, the fields and an example of a function'
        f'{"".join(f", {other}" for other in others)}; `docs.search("who deployed")` finds a function by what you want '
        "to know. Arguments go into a table by name, or stand alone in the order of the parameters. A list as `app_id` "
        'asks for each item: `docs.read("parallel")`. Lists are always complete.'
    )


def function_page(integration: Integration, function: Function, *, in_python: bool = False) -> Iterator[str]:
    """Yield the page of one function, with all its fields.

    Parameters:
        integration: the service.
        function: the function.
        in_python: whether the call is shown in Python, too.
    """
    yield f"# {integration.name}.{function.name}"
    path = f"{integration.name}.{function.name}"
    yield f"Read · app.integrations.{path} · {path.replace('.', '_')}"
    yield from _function(integration, function, in_python=in_python)
    yield f'All of {integration.title}, and how to use several accounts: `docs.read("{integration.name}")`.'


def part_page(integration: Integration, part: str) -> Iterator[str]:
    """Yield one of the pages that `part_names` names."""
    yield f"# {parts_of(integration)[part]}"
    if part.startswith(f"{TABLES}."):
        yield from table_page(integration.name, part.removeprefix(f"{TABLES}."))
    else:
        yield from {TABLES: _tables, LEFT_OUT: _left_out}[part](integration)


def _tables(integration: Integration) -> Iterator[str]:
    """Yield what the shared tables are, and what each of them has."""
    yield paragraphs(
        "Each is defined once for all checks and reports. It is called like a function, in Lua and "
        "in Python, and returns a list of records that always have the same columns; a column without a value is null."
    )
    yield from table_descriptions(integration.name)


def _left_out(integration: Integration) -> Iterator[str]:
    """Yield what a service has and no function, each with the reason, and what its API does not tell."""
    rows = [(f"`{what}`", reason) for what, reason in (integration.left_out() if integration.left_out else ())]
    yield table_of_package(("Left out", "Why"), rows) if rows else "Nothing is left out."
    if integration.not_told:
        yield f"What no function reads, because {integration.title}'s API does not tell it or it is a secret:"
        rows = [(what, not_told.where) for what, not_told in integration.not_told.items()]
        yield table_of_package(("What", "Where to find it"), rows)


def _function(integration: Integration, function: Function, *, in_python: bool) -> Iterator[str]:
    """Yield what a function does, its parameters, an example, and its result."""
    yield f"{function.summary}."
    if all(param.example for param in function.simplest_call):  # the example finds the other arguments first
        yield f"```lua\n{integration.name}.{function.call_with(_example_value)}\n```"
    if in_python:
        name = integration.name
        yield f"```python\nfrom kosmo_kernel import {name}\n\n{name}.{function.python_call()}\n```"
    if function.description.strip() != f"{function.summary}.":
        yield paragraphs(function.description)
    if function.aliases:
        yield f"Also called {', '.join(f'`{alias}`' for alias in function.aliases)}."
    yield "## Parameters"
    yield from _parameters(function)
    yield "## Example"
    yield _example(function)
    yield "## What comes back"
    yield f"{_RETURNS[function.returns]}:"
    fields = [column for column in function.columns if not _identifies(column)]
    yield table_of_package(("Field", "Type", "What it tells"), ((f"`{c.name}`", _type(c), c.doc) for c in fields))
    identifiers = [f"`{column.name}`" for column in function.columns if _identifies(column)]
    if identifiers:
        yield paragraphs(f"And identifiers, for programs: {', '.join(identifiers)}.")


def _parameters(function: Function) -> Iterator[str]:
    yield _parameter_table(function)
    if len({link.placeholders for link in function.links}) > 1:
        yield paragraphs(f"A call has one of these sets of arguments: {function.choices}.")
    if function.fan_out:
        yield f'With a list also {" and ".join(f"`{name}`" for name in RESERVED)}: `docs.read("parallel")`.'


def _parameter_table(function: Function) -> str:
    rows = [
        (f"`{p.name}`", f"{p.kind} or list" if p.each else p.kind, "yes" if p.required else "no", p.doc)
        for p in function.params
    ]
    return table_of_package(("Name", "Type", "Required", "Description"), rows) if rows else "None."


def _example(function: Function) -> str:
    return f"```lua\n{function.example.strip()}\n```"


def _identifies(column: Column) -> bool:
    return column.path[-1] == "id"


def _type(column: Column) -> str:
    kind = "time" if column.kind == "timestamp" else column.kind
    return f"{kind}\u00a0or\u00a0nil" if column.nullable and column.default is None else kind


def _account_calls(integration: Integration) -> str:
    """Return code that calls a function with several accounts."""
    simple = next((f for f in integration.functions if not any(p.required for p in f.params)), integration.functions[0])
    ways = (
        ("", "the default account"),
        (".default", "the same, written out"),
        *((f".{account}", f"the account `{account}`") for account in _ACCOUNTS),
        *([(".demo", "a fictional company, to try things on")] if integration.demo else []),
    )
    calls = [(f"{integration.name}{way}.{simple.call_with(_example_value)}", what) for way, what in ways]
    width = max(len(call) for call, _ in calls)
    return "\n".join(["```lua", *(f"{call.ljust(width)}  -- {what}" for call, what in calls), "```"])


def _accounts(integration: Integration) -> Iterator[str]:
    yield _account_calls(integration)
    own = integration.credentials
    variables = [f"`{own.variable(name)}` for `{name}`" for name in (_ACCOUNTS[0], "my-team")]
    fictional = " and ".join(f"`{name}`" for name in integration.demo_accounts)
    yield paragraphs(
        f"An account is a token with a name. `kosmo accounts:add {_ACCOUNTS[0]}` keeps one; or an environment variable "
        f"has it, set before Jupyter or the command starts: `{own.env}` for the default account, "
        f"{', '.join(variables)}. "
        + (f"Where the demo is the default account, {fictional} are fictional, too. " if fictional else "")
        + f"{own.token_help[0]}. Lua never sees a token. All places "
        'that a token is looked for in: `docs.read("accounts")`.'
    )


def table_of_package(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """Return a table of texts of this package."""
    heads, *cells = ([*map(markdown_of_package, row)] for row in (head, *rows))
    return pages.table(heads, cells)


def _example_value(param: Param) -> str:
    """Return the example value of a parameter as code, or the parameter's name if it has no example."""
    if not param.example:
        return param.name
    return f'"{param.example}"' if param.kind == "string" else param.example


def table_descriptions(service: str) -> Iterator[str]:
    """Yield a paragraph for each table of a service."""
    for name in table_names(service):
        table = find_table(service, name)
        parts = [
            f"**`{service}.tables.{name}()`: {table.title}.**",
            table.about,
            _columns_of(table),
            _parameters_of(table),
        ]
        yield paragraphs(" ".join(filter(None, parts)))


def table_page(service: str, name: str) -> Iterator[str]:
    """Yield what the rows and columns of one table are, and how to get it."""
    table = find_table(service, name)
    yield f"```lua\n{service}.tables.{name}()\n```"
    yield from map(paragraphs, filter(None, [table.about, _columns_of(table), _parameters_of(table)]))
    yield f"What identifies a row: {', '.join(f'`{column}`' for column in table.key)}."


def _columns_of(table: Question) -> str:
    return f"Columns: {', '.join(f'`{column}`' for column in table.columns)}."


def _parameters_of(table: Question) -> str:
    listed = "".join(f" `{param.name} = {param.default}`: {param.doc}." for param in table.parameters)
    return f"Parameters:{listed}" if listed else ""


def check_page(check: Question) -> Iterator[str]:
    """Yield the page of a check: what it finds, how to run it, why, what to do, its parameters and its Lua."""
    yield f"# {check.title}"
    yield paragraphs(
        f"Severity {check.severity}, scope `{check.scope}`. `kosmo check {check.name}` runs it; an "
        f'agent calls `lua_run` with `check = "{check.name}"`.'
    )
    yield paragraphs(check.why)
    yield paragraphs(f"What to do: {check.remedy}")
    if check.parameters:
        yield "\n".join(f"- `{param.declaration}`: {param.doc}" for param in check.parameters)
    yield f"```lua\n{check.lua}```"


def describe(integration: Integration, function: Function) -> dict[str, Any]:
    """Return a function as data with JSON values only: what a program needs to call it and to read its result."""
    return {
        "provider": integration.name,
        "function": f"{integration.name}.{function.name}",
        "name": function.name,
        "slug": f"{integration.name}_{function.name}",
        "aliases": list(function.aliases),
        "title": function.summary,
        "description": function.description.strip(),
        "operation": "read",
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
    """Return the named arguments as JSON Schema; where a call has one of several sets of them, with `oneOf`.

    Services for language models refuse a tool whose schema has `oneOf` at its top; `choices` says the same in words.
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {p.name: _property(p) for p in function.params} | (WITH_A_LIST if function.fan_out else {}),
        "required": [param.name for param in function.params if param.required],
        "additionalProperties": False,
    }
    return schema | ({"oneOf": list(_alternatives(function))} if len(function.links) > 1 else {})


def _alternatives(function: Function) -> Iterator[dict[str, Any]]:
    """Yield a schema for each set of arguments of which a call has exactly one."""
    path_names = dict.fromkeys(name for link in function.links for name in link.placeholders)
    for link in function.links:
        others = dict.fromkeys((name for name in path_names if name not in link.placeholders), False)
        yield {"required": list(link.placeholders)} | ({"properties": others} if others else {})


def _property(param: Param) -> dict[str, Any]:
    value_schema: dict[str, Any] = {"type": param.kind}
    if param.pattern:
        value_schema["pattern"] = f"^(?:{param.pattern})$"
    schema = {"anyOf": [value_schema, {"type": "array", "items": value_schema}]} if param.each else value_schema
    example: Any = int(param.example) if param.example and param.kind == "integer" else param.example
    return schema | {"description": param.doc} | ({"examples": [example]} if param.example else {})
