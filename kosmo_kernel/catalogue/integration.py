"""A service: its functions, each made when it is first needed, and the details of its HTTP.

A service with many functions need not describe all of them at every start: names and aliases are enough for a
namespace and for completion. Functions of this module tell why there is no function of a name, and which functions need
which scope of a token; no request is sent. An integration is checked, and all its mistakes are reported at once, so
that its author can fix them in one go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kosmo_kernel.catalogue.http import Budget, Credentials, ErrorBody, OtherHost, Ranges, Response
from kosmo_kernel.catalogue.model import NEWEST, PLACE, RESERVED, SINCE, BulkSource, Column, Function, Param
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.text import lazy_pattern, nearest

_READS = ("list", "get", "read", "show", "fetch", "find", "describe", "all")
# First words of names of operations that change something.
_CHANGES = lazy_pattern(
    "add|attach|cancel|change|clear|create|delete|deploy|destroy|detach|disable|downgrade|enable|invite|kill|leave|"
    "lock|patch|post|promote|provision|put|remove|rename|reset|resize|restart|retry|revoke|rollback|rotate|run|scale|"
    "send|set|start|stop|transfer|trigger|uninstall|unlock|unset|update|upgrade|write"
)

_SIMPLE = lazy_pattern(r"[A-Za-z][\w@.-]{0,59}")


def _is_simple(value: object) -> bool:
    """Return whether a value is a short name, which may be repeated in advice as it is."""
    return isinstance(value, str) and bool(_SIMPLE.fullmatch(value))


class FunctionSummary(Struct, frozen=True):
    """The summary of a function in a list of functions."""

    name: str
    subject: str  # empty if the service has no subjects
    summary: str
    aliases: tuple[str, ...] = ()

    @classmethod
    def of(cls, function: Function) -> FunctionSummary:
        """Return the summary of a function."""
        return cls(function.name, function.subject, function.summary, function.aliases)


class FunctionTable(Sequence[Function]):
    """The functions of a service, in the order of the reference.

    Parameters:
        summaries: returns the summary of each function, without making it.
        make: returns the function with a name; called once for each.
    """

    def __init__(self, summaries: Callable[[], Iterable[FunctionSummary]], make: Callable[[str], Function]) -> None:
        self.summaries, self._make = summaries, make
        self._made: dict[str, Function] = {}

    @classmethod
    def of(cls, functions: Iterable[Function]) -> FunctionTable:
        """Return a table of functions that exist already."""
        by_name = {function.name: function for function in functions}
        table = cls(lambda: map(FunctionSummary.of, by_name.values()), by_name.__getitem__)
        table._made.update(by_name)
        return table

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The name of each function with its aliases."""
        return {function.name: function.aliases for function in self.summaries()}

    def named(self, name: str) -> Function:
        """Return the function with this name; an alias is none.

        Raises:
            KeyError: there is none.
        """
        function = self._made.get(name)
        if function is None:
            function = self._made.setdefault(name, self._make(name))  # one of two threads that make it wins
        return function

    def existing(self) -> list[Function]:
        """Return the functions that were needed so far."""
        return list(self._made.values())

    def __getitem__(self, index: Any) -> Any:
        """Return the function at a position, or those of a slice."""
        names = list(self.names)[index]
        return self.named(names) if isinstance(names, str) else tuple(map(self.named, names))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Function]:
        return map(self.named, self.names)

    def __contains__(self, function: object) -> bool:
        return isinstance(function, Function) and self._made.get(function.name) == function


class FunctionNames(Mapping[str, Function]):
    """The functions of a table by other names.

    Parameters:
        table: the functions.
        names: the function's own name for each name.
    """

    def __init__(self, table: FunctionTable, names: Mapping[str, str]) -> None:
        self._table, self._names = table, names

    def __getitem__(self, name: str) -> Function:
        return self._table.named(self._names[name])

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class NotTold(NamedTuple):
    """What the API of a service does not tell."""

    where: str  # where a person finds it
    # The searches that ask for it, with commas between: each has all of the words, and none of those behind a `-`.
    searches: str


class Integration(Struct, frozen=True, dict=True):
    """A service: the functions that can be called, and how its HTTP works."""

    name: str  # the Lua name, `heroku`
    title: str  # for people, `Heroku`
    description: str  # one sentence
    base_url: str  # the address of its API
    # In the order of the reference: all of them, which are checked at once, or a `FunctionTable`, whose functions are
    # checked by `check`.
    functions: Sequence[Function]
    credentials: Credentials  # where its tokens are stored
    headers: Mapping[str, str]  # sent with every request
    labels: tuple[str, ...]  # fields whose value represents a nested record as text; the first one that exists wins
    # Returns the content of an error response; None if it is not an error of this service.
    read_error: Callable[[Response], ErrorBody | None]
    ranges: Ranges | None = None  # the ranges of its lists; None if one response has a whole list
    hosts: Mapping[str, OtherHost] = field(default_factory=dict)  # its other hosts, by the names that links have
    request_id: str = "request-id"  # the response header that the service's support asks for
    read_headers: tuple[str, ...] = ()  # the other response headers that `read_error` reads
    budget: Budget | None = None  # the rate limit of an account, or None
    # What may be deleted while a run goes on: by parameter, the list of all that the account has, and the function of
    # one of them. An item of that list that is gone later is no error in a list argument.
    deletable: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    # The end of an address that stands for a team where the service wants a person, and is no person; empty if there
    # are none.
    team_address: str = ""
    # Returns the command with which a person makes a change that no function makes, from the first word of the name of
    # an operation and the others; None if there is no such program.
    change_command: Callable[[str, str], str] | None = None
    # Returns what the service has and no function, each with the reason; None for nothing.
    left_out: Callable[[], Iterable[tuple[str, str]]] | None = None
    not_told: Mapping[str, NotTold] = field(default_factory=dict)  # what its API tells nobody
    # The names of the functions that most questions need, in the order of the page about them.
    most_used: tuple[str, ...] = ()
    inventory: str = ""  # where the facts about an inventory of an account are, `package.module:name`; empty for none
    # Where its fictional account is, `package.module:name`: a function that returns an API as a WSGI application and
    # the token that it accepts. Empty for none; imported at the first call of that account.
    demo: str = ""
    # Where the point in time of the fictional account is, as a text of ISO 8601; empty if that is now.
    demo_now: str = ""
    # Where further fictional accounts are, in the same form by their names. They exist where the fictional account is
    # the default account, in place of accounts of the user with these names.
    demo_accounts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        is_table = isinstance(self.functions, FunctionTable)
        self._check(() if is_table else self.functions)
        if not is_table:
            force_setattr(self, "functions", FunctionTable.of(self.functions))

    def check(self) -> None:
        """Check the integration with all its functions, each of which is made.

        Raises:
            ValueError: it has mistakes; the message has all of them.
        """
        self._check(self.functions)

    def _check(self, functions: Sequence[Function]) -> None:
        demos = (self.demo, *self.demo_accounts.values())
        problems = list(mistakes(self.name, functions, self.budget, filter(None, demos)))
        if problems:
            raise ValueError(f"integration {self.name}: " + "; ".join(problems))

    @property
    def table(self) -> FunctionTable:
        """The functions, each made when it is first needed."""
        return self.functions if isinstance(self.functions, FunctionTable) else FunctionTable.of(self.functions)

    def names(self) -> Mapping[str, Function]:
        """Return the functions by each of their names: their own, their aliases, and `<integration>_<name>`."""
        return self._by_any_name

    @cached_property
    def _by_any_name(self) -> FunctionNames:  # each call of a function looks its name up
        names = {name: name for name in self.table.names}
        for name, aliases in self.table.names.items():
            names |= dict.fromkeys((*aliases, f"{self.name}_{name}"), name)
        return FunctionNames(self.table, names)

    def by_full_name(self) -> Mapping[str, Function]:
        """Return the functions by `<integration>.<name>`."""
        return FunctionNames(self.table, {f"{self.name}.{name}": name for name in self.table.names})

    def by_subject(self) -> dict[str, list[FunctionSummary]]:
        """Return what the functions are about by subject; those without one have the title as their subject."""
        groups: dict[str, list[FunctionSummary]] = {}
        for function in self.table.summaries():
            groups.setdefault(function.subject or self.title, []).append(function)
        return groups

    def advice(
        self,
        function: Function,
        error: InvalidArgumentsError,
        corrected: str | None = None,
        *,
        arguments: Mapping[str, Any],
        in_python: bool = False,
    ) -> str:
        """Return what to write in place of a call with invalid arguments.

        Parameters:
            function: the function.
            error: the error.
            corrected: the call with the arguments that were right, or empty if it cannot be written; the shortest call
                when None.
            arguments: the arguments of the call by name.
            in_python: the call is one of Python.
        """

        def written(other: Function) -> str:
            return other.python_call(arguments) if in_python else other.example_call

        for param in function.params:
            if (records := param.records_of_another_kind(arguments.get(param.name))) and (
                way := self._way_to(param, records, in_python=in_python)
            ):
                variable = records.things.replace(" ", "_")
                return f"Use {way}, where `{variable}` are these records."
        call = f"{self.name}.{written(function)}" if corrected is None else corrected
        rows = error.wanted_rows
        if rows is not None and call:
            return f"The first {rows}: " + (f"{call}.head({rows})" if in_python else f"list.take({call}, {rows})")
        if "account" in error.unknown:
            alias = arguments["account"] if _is_simple(arguments["account"]) else "production"
            key = f".{alias}" if alias.isidentifier() else f'["{alias}"]'
            return f"The name of an account stands before the function: {self.name}{key}.{written(function)}"
        if len(arguments) == 1 and (other := self.list_below(function, error.unknown)):
            name, list_function = other
            sample = next((param.sample for param in list_function.params if param.name == name), "")
            value = f'"{arguments[name]}"' if _is_simple(arguments[name]) else sample
            return f"Write {self.name}.{written(list_function).replace(sample, value, 1)}"
        return f"Write {call}" if call else ""

    def list_below(self, function: Function, arguments: Iterable[str]) -> tuple[str, Function] | None:
        """Return the first of some arguments that another list takes, `list_team_apps` for `team`, and that list."""
        for name in arguments:
            if other := self.names().get(f"list_{name.removesuffix('_id')}_{function.things}"):
                return name, other
        return None

    def _way_to(self, param: Param, other: Function, *, in_python: bool) -> str:
        """Return code for the values of a parameter that belong to the records of another list; empty if none is known.

        Parameters:
            param: the parameter, such as `app_id`.
            other: the list, such as `list_pipelines`.
            in_python: the code is Python.
        """
        variable = other.things.replace(" ", "_")
        thing, kind = param.name.removesuffix("_id"), variable.removesuffix("s")
        column = f"{thing}.id"
        names = [other.name, *(name for name in self.table.names if name.startswith(f"list_{kind}_"))]
        for function in map(self.table.named, names):
            has_column = any(field.name == column for field in function.columns)
            taking = [each.name for each in function.params if each.name.removesuffix("_id") == kind]
            if function is other and has_column:
                rows = variable
            elif taking and (has_column or f"{thing}s" in function.kinds):
                items = f"{taking[0]}={variable}" if in_python else f"{{ {taking[0]} = {variable} }}"
                rows = f"{self.name}.{function.name}({items})"
            else:
                continue
            as_column = f'{rows}["{column}"]' if in_python else f'list.map({rows}, "{column}")'
            return as_column if has_column else rows
        return ""

    def listing(self, param: Param) -> Function | None:
        """Return the function that lists all values of a parameter, `list_apps` for `app_id`; None if there is none.

        Its name is that of the parameter, and it needs no arguments.
        """
        fields = [name for name in ("id", *param.each) if param.name.endswith(f"_{name}")]
        thing = param.name.removesuffix(f"_{fields[0]}") if fields else param.name
        function = self.names().get(f"list_{thing}s") if param.each else None
        return function if function and function.returns == "list" and not function.simplest_call else None

    def lister(self, param: Param) -> Function | None:
        """Return the list of what a parameter identifies, also one that needs arguments itself; None if there is none.

        It is found by its path, which makes functions until it is found: `listing` is quicker.
        """
        if not param.listed_at:
            return None
        lists = (function for function in self.functions if function.returns == "list")
        return next((function for function in lists if param.listed_at in function.list_paths), None)

    def function(self, name: str) -> Function:
        """Return the function with this name or alias.

        Raises:
            UnknownNameError: there is none; with the nearest names.
        """
        match = self.names().get(name)
        if match is None:
            reason, near = missing_function(self, name)
            raise UnknownNameError(
                f"{self.title} has no function `{name}`. {reason}".rstrip(),
                tuple(f"app.integrations.{self.name}.{n}" for n in near),
            )
        return match


def missing_function(
    integration: Integration, name: str, others: Iterable[str] = (), *, listed: str = ""
) -> tuple[str, list[str]]:
    """Return why there is no function of this name, as a sentence or an empty text, and the nearest names.

    Parameters:
        integration: the service.
        name: what no function is called.
        others: names beside those of the functions that could have been meant.
        listed: where the functions are listed, as a sentence; a page of the reference, as Lua reads it, when empty.
    """
    if refused := refused_change(integration, name):
        return refused, []
    verb, subject = _split(name)
    names = integration.table.names
    if verb not in _READS:
        near = nearest(name, [*names, *others])
    else:
        # `list_` alone makes no two names similar, and a plural is no other thing.
        by_thing: dict[str, list[str]] = {}
        for other in names:
            by_thing.setdefault(_thing(_split(other)[1]), []).append(other)
        alike = [other for thing in nearest(_thing(subject), by_thing) for other in by_thing[thing]]
        near = ([other for other in alike if _split(other)[0] == verb] or alike)[:3] or nearest(name, others)
    return "" if near else _where_to_look(integration, subject, listed), near


def refused_change(integration: Integration, name: str) -> str:
    """Return why there is no function of this name if it would change something; otherwise an empty text."""
    verb, subject = _split(name)
    if not _CHANGES.fullmatch(verb):
        return ""
    how = f" A person can run: {integration.change_command(verb, subject)}" if integration.change_command else ""
    return f"It would change something at {integration.title}, and the functions here only read.{how}"


def _where_to_look(integration: Integration, subject: str, listed: str) -> str:
    """Return what the service has of this kind and no function for, or where the functions are listed."""
    left_out = dict(integration.left_out()) if integration.left_out else {}
    for what, reason in left_out.items():
        if _thing(subject) and _thing(subject) in what.replace("-", "_"):
            return f"{integration.title} has `{what}`, which is left out. {reason}"
    if listed:
        return listed
    left_out_hint = f', and `docs.read("{integration.name}.left_out")` what is left out' if left_out else ""
    return f'`docs.read("{integration.name}")` has all functions{left_out_hint}.'


def _thing(subject: str) -> str:
    return re.sub("e?s?$", "", subject)


def _split(name: str) -> tuple[str, str]:
    """Return the first word of a name, and the others."""
    verb, _, subject = name.lower().replace("-", "_").partition("_")
    return verb, subject


def functions_by_scope(integration: Integration) -> dict[str, list[str]]:
    """Return the functions by the scope that a token needs for them, as far as it is known.

    A function with several ways to be called, which need different scopes, is named with the arguments of each:
    `list_spaces({ team })`.
    """
    return _by_scope(integration, bool)


def usual_scope(integration: Integration) -> str:
    """Return the scope that most functions need."""
    by_scope = functions_by_scope(integration)
    return max(by_scope, key=lambda scope: len(by_scope[scope]), default="")


def beyond_scopes(integration: Integration, granted: Collection[str]) -> dict[str, list[str]]:
    """Return the functions that a token with some scopes cannot use, by the scope that it lacks.

    A function that it can use with some arguments only is named with the others: `list_spaces({ team })`.
    """
    return _by_scope(integration, lambda scope: integration.credentials.lacks(scope, granted))


def unknown_scopes(integration: Integration) -> list[Function]:
    """Return the functions of which it is not known which scope they need."""
    return [
        function
        for function in integration.functions
        if function.links and not any(link.scope for link in function.links)
    ]


def _by_scope(integration: Integration, applies: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the functions that have a link whose scope is one of those that a predicate accepts."""
    names: dict[str, list[str]] = {}
    for function in integration.functions:
        links = [link for link in function.links if applies(link.scope)]
        is_whole = len(links) == len(function.links) and len({link.scope for link in links}) == 1
        for link in links[:1] if is_whole else links:
            arguments = "" if is_whole else f"({{ {', '.join(link.placeholders)} }})" if link.placeholders else "()"
            names.setdefault(link.scope, []).append(function.name + arguments)
    return names


# Mistakes of an integration ------------------------------------------------------------


def mistakes(name: str, functions: Iterable[Function], budget: Budget | None, demos: Iterable[str]) -> Iterator[str]:
    """Yield the mistakes of an integration, each with the name of the function, parameter or column that has it.

    Parameters:
        name: of the integration; the other parameters are the attributes of an `Integration` with these names.
    """
    if not _is_name(name):
        yield f"`{name}` is no Lua name in lower case"
    if budget and not (budget.capacity > 0 and budget.refill_per_minute > 0):
        yield "it has a budget that is empty or never comes back"
    for demo in demos:
        module, _, attribute = demo.partition(":")
        if not all(map(str.isidentifier, [*module.split("."), attribute])):
            yield f"has its demo at `{demo}`, which is no `package.module:name`"
    owners: dict[str, str] = {}
    for function in functions:
        for alias in (function.name, *function.aliases, f"{name}_{function.name}"):
            if not _is_name(alias):
                yield f"`{alias}` is no Lua name in lower case"
            if alias in owners:
                yield f"`{alias}` is used by {owners[alias]} and {function.name}"
            owners[alias] = function.name
        yield from (f"{function.name} {mistake}" for mistake in function_mistakes(function))


def function_mistakes(function: Function) -> Iterator[str]:
    """Yield the mistakes of one function."""
    texts = {"summary": function.summary, "description": function.description, "example": function.example}
    yield from (f"has no {what}" for what, text in texts.items() if not text.strip())
    yield from _of_links(function)
    placeholders = [placeholder for link in function.links for placeholder in link.placeholders]
    yield from (f"has the parameter `{n}` twice" for n in _duplicates(p.name for p in function.params))
    for param in function.params:
        yield from (f"has the parameter `{param.name}`, which {mistake}" for mistake in _of_param(param, placeholders))
    if not function.columns:
        yield "has no columns"
    yield from (f"has the column `{n}` twice" for n in _duplicates(c.name for c in function.columns))
    parents = {c.path[:-1] for c in function.columns}
    for column in function.columns:
        yield from (f"has the column `{column.name}`, which {mistake}" for mistake in _of_column(column, parents))


def _of_links(function: Function) -> Iterator[str]:
    if not function.links and not function.local:
        yield "has no links"
    if function.local and (function.links or function.params or function.returns != "list"):
        yield "is local, but no list without links and parameters"
    names = {p.name: p.required for p in function.params}
    everywhere = set.intersection(*(set(link.placeholders) for link in function.links)) if function.links else set()
    for link in function.links:
        if not link.path.startswith("/") or "{" in PLACE.sub("", link.path):
            yield f"has the path `{link.path}`, which is none"
        for placeholder in link.placeholders:
            if names.get(placeholder) is not (placeholder in everywhere):
                required = "a required" if placeholder in everywhere else "an optional"
                yield f"has `{placeholder}` in its path but not as {required} parameter"
        if link.bulk:
            yield from (f"has lists for `bulk`, but {mistake}" for mistake in _of_bulk(function, link.bulk))
    for arguments in _duplicates(" ".join(sorted(link.placeholders)) for link in function.links if not link.choice):
        yield f"has more than one link for the arguments `{arguments}`"


def _of_bulk(function: Function, bulk: BulkSource) -> Iterator[str]:
    if function.fan_out is None or function.returns != "list":
        yield "is no list function with a parameter that takes a list"
    if not bulk.path.startswith("/") or "{" in bulk.path:
        yield f"`{bulk.path}` is no path without placeholders"
    for what in (bulk.list_items, *([bulk.shared_links] if bulk.shared_links else [])):
        if what.returns != "list" or any(param.required for param in what.params):
            yield f"{what.name} is no list function without parameters"
    if bulk.shared_links and not (bulk.link_item and bulk.link_record):
        yield "does not say what a link leads from and to"


def _of_param(param: Param, placeholders: list[str]) -> Iterator[str]:
    if not _is_name(param.name):
        yield "is no Lua name in lower case"
    if param.name in RESERVED:
        yield "is a reserved name"
    if not param.doc.strip():
        yield "has no doc"
    if param.name not in (*placeholders, NEWEST, SINCE) and not param.query:
        yield "goes nowhere: the path has no place for it"
    if param.pattern and not param.pattern_doc:
        yield "has a pattern but no words for it"
    try:
        re.compile(param.pattern)
    except re.error as error:
        yield f"has a pattern that does not compile: {error}"
        return
    if param.kind == "string" and param.example and param.fault(param.example):
        yield "refuses its own example"


def _of_column(column: Column, parents: set[tuple[str, ...]]) -> Iterator[str]:
    if not all(column.path):
        yield "is no path"
    if column.path in parents:
        yield "has other columns below it"
    if column.default is not None and not column.nullable:
        yield "has a default but is never null"


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier() and text == text.lower() and not text.startswith("_")


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
