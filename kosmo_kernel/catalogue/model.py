"""The data model of the catalogue: functions, parameters and columns.

An `Integration` is a service; its `Function`s say what can be requested, with which `Param`s, and which `Column`s
come back. Everything a person sees is computed from these: the Lua namespace, argument errors, documentation,
completion, the columns of a table, the options of a command. The details of one service's HTTP (headers, pagination,
error responses, rate limit, token storage) are data of its `Integration` too, in the types of `catalogue.http`, so
that the client does not depend on any service. An `Integration` validates itself when it is created and reports all
its mistakes at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Literal, Self, TypeGuard

from msgspec import Struct, field
from msgspec.structs import replace

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.text import lazy_pattern, nearest, value_at

ParamKind = Literal["string", "integer", "number", "boolean"]
ColumnKind = Literal["string", "integer", "number", "boolean", "timestamp", "list", "object", "any"]

CONCURRENCY = 16  # concurrent requests for one list. It is also the default of `parallel.lua`.
ERROR_MODES = ("raise", "collect")  # how items that fail are handled; the first is the default
# A placeholder for a value in a path, `{app_id}`.
PLACE = lazy_pattern(r"\{([a-z][a-z0-9_]*)\}")
# The parameter that asks for the last records of a list only.
# The parameters of a list that the service orders by age: how many of the last records, or all since a time.
NEWEST, SINCE = "newest", "since"
# Before the name of a parameter in the column of the items of a list, if the records have a field of that name.
ITEM_PREFIX = "asked_"
# The argument of a request that chooses between links with the same places; no parameter has this name.
CHOICE = "of a plan"

_KINDS: dict[ParamKind, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("an integer", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
}
_SAMPLES = {"integer": "1", "number": "1.5", "boolean": "true"}
_UNUSUAL = ("43", "01234567-89ab-cdef-0123-456789abcdef", "me@example.com")  # samples for parameters that take no name
MAX_TEXT_SHOWN = 60  # characters of a string that a message shows
MAX_FAULTS_NAMED = 5  # items of one list, or unknown names, that a message lists


@lru_cache(maxsize=10_000)
def path_pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of the paths that have something in the places of a path, with a group for each place."""
    parts = PLACE.split(path)  # text and names by turns
    return re.compile("".join(f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def lua_words(value: object) -> str:
    """Return a value in Lua's terms for an error message; control characters escaped, long strings shortened."""
    match value:
        case None:
            words = "nil"
        case bool():
            words = f"the boolean {str(value).lower()}"
        case int() | float():
            words = f"the number {value}"
        case str():
            words = repr(value if len(value) <= MAX_TEXT_SHOWN else value[: MAX_TEXT_SHOWN - 1] + "…")
        case bytes():
            words = "text that is not UTF-8"
        case _:
            words = "a list" if is_list(value) else "a table" if isinstance(value, Mapping) else type(value).__name__
    return words


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is a Lua list; an empty table counts as one, because it has no keys."""
    if isinstance(value, Mapping):
        return not value
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


class Lookup(Struct, frozen=True):
    """A record that is asked for first, because the path of a function takes only one of its names."""

    path: str  # of the record, with a placeholder for the parameter: `/pipelines/{pipeline_id}`
    field: str  # of the record: what the function's path takes, `id`
    pattern: str  # of the values that the function's path takes as they are


class Identifier(str):
    """Identify a record, with the value of the record that chooses the link.

    It is only between a check of arguments and the arguments of the requests, which have the choice beside it.
    """

    __slots__ = ("choice",)
    choice: str

    def __new__(cls, text: str, choice: str) -> Self:
        """Return an identifier."""
        identifier = super().__new__(cls, text)
        identifier.choice = choice
        return identifier


class Param(Struct, frozen=True):
    """One named argument of a function."""

    name: str  # as written in Lua, `app_id`
    doc: str  # one sentence
    kind: ParamKind = "string"  # the type a value must have
    required: bool = False  # whether a call without it is an error
    pattern: str = ""  # a regular expression that the whole text must match, or empty
    pattern_doc: str = ""  # what the pattern means in words, `an app name or UUID`
    example: str = ""  # a value that works on the demo account
    # If not empty, the parameter also takes a list and one request is sent per item; a record may replace a value, and
    # the first of these fields that it has (dotted names lead inside) is then the value.
    each: tuple[str, ...] = ()
    query: bool = False  # it is sent in the query of the URL
    maximum: int = 0  # of an integer, which is then at least 1; 0 for any integer
    numeric: bool = False  # a string parameter takes an integer as well
    values: tuple[str, ...] = ()  # the values that there are; empty for any
    prefix: str = ""  # of a numeric parameter, what may stand before the number: the `v` of `v43`
    # The path of the list of what it identifies, with `{}` for each placeholder; empty if there is none.
    listed_at: str = ""
    lookup: Lookup | None = None  # how a value is found that the path takes, or None if it takes all of them
    choice: str = ""  # the dotted field of a record that chooses between links of the function; empty for none
    choices: str = ""  # the pattern of the values of that field for which there is a link
    choice_doc: str = ""  # what these records are, in words

    @property
    def expectation(self) -> str:
        """The required kind of value, in words."""
        if self.values:
            return "one of " + ", ".join(f"`{value}`" for value in self.values)
        return self.pattern_doc or _KINDS[self.kind][0] + (f" from 1 to {self.maximum:,}" if self.maximum else "")

    def fault(self, value: object, described: Callable[[object], str] = lua_words) -> str | None:
        """Return why `value` cannot be this argument, or None if it can."""
        if self.fits(value):
            return None
        if isinstance(value, Identifier) and not self.has_link(value.choice):
            return f"`{self.name}` must be {self.choice_doc}, got {described(value.choice)}"
        lower = value.lower() if isinstance(value, str) else ""
        hint = f" (names are in lower case: did you mean {lower!r}?)" if self.pattern and self.fits(lower) else ""
        return f"`{self.name}` must be {self.expectation}, got {described(value)}{hint}"

    def fits(self, value: object) -> bool:
        """Return whether `value` can be this argument."""
        if self.numeric and type(value) is int:
            value = str(value)
        if isinstance(value, Identifier) and not self.has_link(value.choice):
            return False
        fits = isinstance(value, _KINDS[self.kind][1]) and (self.kind == "boolean") == isinstance(value, bool)
        if fits and self.maximum:
            fits = isinstance(value, int) and 1 <= value <= self.maximum
        if self.values:
            return fits and value in self.values
        if fits and isinstance(value, float):
            fits = math.isfinite(value)
        if fits and isinstance(value, str):
            fits = bool(re.fullmatch(self.pattern, value)) if self.pattern else value.isprintable()
            fits &= bool(self.pattern or self.query) or _is_path_segment(value)
        return fits

    def has_link(self, choice: str) -> bool:
        """Return whether a link of the function takes a record with this value of the field that chooses."""
        return bool(re.fullmatch(self.choices, choice))

    @property
    def sample(self) -> str:
        """A value as code: the example, or one of the parameter's kind."""
        if self.kind != "string":
            return self.example or _SAMPLES[self.kind]
        if not self.example:
            made_up = "my-" + self.name.removesuffix("_id").replace("_", "-")
            return f'"{next((text for text in (*self.values, made_up, *_UNUSUAL) if self.fits(text)), made_up)}"'
        return f'"{self.example}"'

    def value_of_record(self, value: object) -> object:
        """Return the value that a record represents if the parameter takes records; any other value unchanged."""
        if not isinstance(value, Mapping):
            has_prefix = self.prefix and isinstance(value, str) and value[len(self.prefix) :].isdecimal()
            return value.removeprefix(self.prefix) if isinstance(value, str) and has_prefix else value
        text = next((item for name in self.each if (item := value_at(value, name)) is not None), value)
        choice = value_at(value, self.choice) if self.choice else None
        return Identifier(text, choice) if isinstance(text, str) and isinstance(choice, str) else text

    def check(self, value: object, described: Callable[[object], str] = lua_words) -> tuple[Any, list[str]]:
        """Check a value and return it as it is used in requests, together with the errors in it.

        Parameters:
            value: the value.
            described: returns a wrong value in words.

        Returns:
            The value, or for a list the tuple of its distinct items in order, and the error messages.
        """
        if self.fits(value):
            return value, []
        if other := self.records_of_another_kind(value):
            return value, [f"`{self.name}` must be {self.expectation}, got records of {other.name}"]
        if not self.each or not is_list(value):
            value = self.value_of_record(value)
            fault = self.fault(value, described)
            return value, [fault] if fault else []
        items = [self.value_of_record(item) for item in value]
        bad = [i for i, item in enumerate(items) if not self.fits(item)]
        messages = [f"item {i + 1}: {self.fault(items[i], described)}" for i in bad[:MAX_FAULTS_NAMED]]
        if len(bad) > MAX_FAULTS_NAMED:
            messages.append(f"and {len(bad) - MAX_FAULTS_NAMED} more items like these")
        return tuple(dict.fromkeys(items)) if not bad else (), messages

    def records_of_another_kind(self, value: object) -> Function | None:
        """Return the function of records that have names and ids as well, but of something else than the parameter.

        So a list of pipelines does not stand for the apps that are called as they are.
        """
        kind = f"{self.name.removesuffix('_id')}s"
        if not self.each or self.listed_at != f"/{kind}":
            return None
        values = [value, *value] if is_list(value) else [value]
        functions = [getattr(value, "function", None) for value in values]
        return next((other for other in functions if isinstance(other, Function) and kind not in other.kinds), None)


# Additional arguments of every function that takes a list, by name.
RESERVED = {
    "errors": Param(
        "errors", "`collect` lists what fails beside what works, `raise` ends the call at the first failure"
    ),
}


class Column(Struct, frozen=True, dict=True):
    """A field of what a function returns."""

    name: str  # the dotted path in the record and the column's name in a table, `app.name`
    doc: str  # one line, or empty if the name says it all
    # The type of its values: `timestamp` is ISO 8601 text that becomes a UTC datetime; of `any` the values decide.
    kind: ColumnKind = "string"
    nullable: bool = False  # whether the service may send null, or leave the key out
    default: str | None = None  # the value that replaces a missing or null one
    secret: bool = False  # whether the value must not leave the client that received it
    host: str = ""  # of a secret address, the name of the field beside it that gets its host; empty for none
    bare: bool = False  # whether the value is an address whose user, password and query must not leave the client
    main: bool = False  # whether a table that has no room for all columns shows it before those that are not main
    values: tuple[str, ...] = ()  # the values that are known; empty if it can have any. The service may add others.
    # The fields of the records in a list, as far as they are known; their names begin in such a record.
    items: tuple[Column, ...] = ()
    # Returns the one spelling of a text in tables and frames, where the service spells a name in several ways; None if
    # it does not. JSON and Lua have the text that the service sent.
    spelling: Callable[[str], str] | None = None

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the value."""
        return tuple(self.name.split("."))


class BulkSource(Struct, frozen=True):
    """Lists of the whole account that replace one request per item if a function is called for many items."""

    path: str  # of the list of the records of all items, `/addons`
    item: str  # the field of such a record with the identifier of its item, `app.id`
    list_items: Function  # the function that lists all items
    # A list that links records to further items, or None. It is not one of the integration's functions.
    shared_links: Function | None = None
    link_item: str = ""  # the field of a link with the identifier of the item, `app.id`
    link_record: str = ""  # the field of a link with the identifier of the record, `addon.id`


class Link(Struct, frozen=True, dict=True):
    """An address at which a function finds its records."""

    path: str  # with a placeholder for each parameter that leads there: `/apps/{app_id}/dynos`
    single: bool = False  # a list function gets one record here, or status 404 if there is none, and makes a list of it
    bulk: BulkSource | None = None  # lists that give the same result for all items at once, or None
    scope: str = ""  # the narrowest scope of a token that it needs; empty if that is not known
    host: str = ""  # the name of another host of the service; empty for that of its API
    query: str = ""  # what is sent in the query of the URL in any case
    choice: str = ""  # the pattern of the values of `Param.choice` that it is for; empty for any
    is_optional: bool = False  # status 404 says that there is nothing, which is no error of a list function

    @cached_property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the placeholders."""
        return tuple(PLACE.findall(self.path))


class FieldRule(Struct):
    """The rule for a value: hide it, or look at the fields of an object or of the items of a list."""

    fields: dict[str, FieldRule] = field(default_factory=dict)
    is_list: bool = False
    is_guarded: bool = False  # fields without a column are removed, and values that are no simple ones hidden
    secret: Column | None = None  # the column of a value that is hidden


class Function(Struct, frozen=True, dict=True):
    """An operation of a service."""

    name: str  # as written in Lua, `list_dynos`
    summary: str  # what it does, one short line
    description: str  # what it does and what to know about the result, a paragraph or two of Markdown
    # Where the records are; the link is used whose placeholders are the arguments of the call. Empty for `local`.
    links: tuple[Link, ...]
    returns: Literal["list", "record"]  # `list` or `record`
    columns: tuple[Column, ...]  # what comes back, in the order in which a table shows it
    params: tuple[Param, ...] = ()  # the named arguments, in the order in which positional values are taken
    example: str = ""  # Lua code that runs unchanged on the demo account
    aliases: tuple[str, ...] = ()  # other names for the same function
    newest: str = ""  # the field by which the service orders the last records first, for `newest` and `since`; or empty
    # The records hold secrets: only fields with a column leave the client, and errors and warnings do not quote the
    # service.
    guarded: bool = False
    # Objects in the records that hold secrets, by dotted name: of these, too, only fields with a column leave the
    # client.
    guarded_parts: tuple[str, ...] = ()
    own_errors: bool = False  # errors do not quote the service
    # The service answers with names and secret values, and the records are each name with a fingerprint of its value.
    fingerprints: bool = False
    subject: str = ""  # the group of functions that it belongs to in lists, or empty
    keywords: str = ""  # words of questions that it answers, by which a search finds it as by its name
    in_snapshot: bool = True  # a snapshot of an account has this list
    in_whole_snapshot: bool = False  # a snapshot of everything has this record, of each item if it is of items
    # Of a list that comes with this package, returns its records on a day, and notes about them; no request is sent.
    local: Callable[[date, Mapping[str, Any]], tuple[list[dict[str, Any]], Sequence[str]]] | None = None
    setting: str = ""  # the key of the integration in `config.toml` that has what users put in place of a `local` table
    # Returns the records in the body of a response, or the one record, in the one form that the columns have, where the
    # service has several. It gets the function that makes a fingerprint of a secret, and changes nothing twice.
    arranged: Callable[[Any, Callable[[object], str]], Any] | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.links, self.columns))

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds of its records as its addresses have them: the last part that is no placeholder, `apps`."""
        parts = ([part for part in link.path.split("/") if not PLACE.search(part)] for link in self.links)
        return frozenset(names[-1] for names in parts if names)

    @property
    def things(self) -> str:
        """Return the records of a list function in words, such as `app features`."""
        return self.name.removeprefix("list_").replace("_", " ")

    @cached_property
    def signature(self) -> str:
        """The form of a call: `list_dynos({ app_id })`; optional parameters have a question mark."""
        if not self.params:
            return f"{self.name}()"
        names = ", ".join(p.name if p.required else f"{p.name}?" for p in self.params)
        return f"{self.name}({{ {names} }})"

    @property
    def example_call(self) -> str:
        """The shortest complete call, with values: `list_dynos({ app_id = "my-app" })`."""
        return self.call_with(lambda param: param.sample)

    def python_call(self, optional: Container[str] = ()) -> str:
        """Return the same call in Python, `list_dynos(app_id="my-app")`, and `optional` parameters as well."""
        params = (param for param in self.params if param in self.simplest_call or param.name in optional)
        return f"{self.name}({', '.join(f'{param.name}={param.sample}' for param in params)})"

    def call_with(self, value: Callable[[Param], str]) -> str:
        """Return the shortest complete call, with the code that `value` returns for each parameter."""
        arguments = ", ".join(f"{param.name} = {value(param)}" for param in self.simplest_call)
        return f"{self.name}({{ {arguments} }})" if arguments else f"{self.name}()"

    @cached_property
    def fan_out(self) -> Param | None:
        """The first parameter that takes a list, or None."""
        return next((p for p in self.params if p.each), None)

    @cached_property
    def secrets(self) -> tuple[Column, ...]:
        """The columns whose values must not leave the client as they are; those in lists with their full names."""
        return tuple(_secrets(self.columns))

    @cached_property
    def rules(self) -> FieldRule:
        """The rules for a record: all that is secret, and all fields of the objects that hold secrets."""
        root = FieldRule()
        for column in self.columns:
            _add_rule(root, column)
        for part in [()] if self.guarded else [part.split(".") for part in self.guarded_parts]:
            rule: FieldRule | None = root
            for key in part:
                rule = rule.fields.get(key) if rule else None
            if rule:
                _guard(rule)
        _without_open_fields(root)
        return root

    @cached_property
    def is_quotable(self) -> bool:
        """Return whether errors may quote the service."""
        return not (self.guarded or self.own_errors)

    @property
    def simplest_call(self) -> tuple[Param, ...]:
        """The parameters of the shortest complete call."""
        placeholders = min((link.placeholders for link in self.links), key=len, default=())
        return tuple(p for p in self.params if p.required or p.name in placeholders)

    @property
    def list_paths(self) -> set[str]:
        """The paths of the links, with `{}` for each placeholder."""
        return {PLACE.sub("{}", link.path) for link in self.links}

    def fanned_out(self, bound: Mapping[str, Any]) -> Param | None:
        """Return the parameter that bound arguments have a list for, or None."""
        return next((p for p in self.params if isinstance(bound.get(p.name), tuple)), None)

    def item_column(self, name: str = "") -> Column | None:
        """Return the first column of a call with a list argument, which has the item of the list.

        Parameters:
            name: of the parameter that has a list; empty for the first one that takes a list.
        """
        param = next((p for p in self.params if p.each and name in ("", p.name)), None)
        if param is None:
            return None
        is_field = any(column.path[0] == param.name for column in self.columns)
        return Column(f"{ITEM_PREFIX}{param.name}" if is_field else param.name, param.doc, main=True)

    def lists_shared(self, path: str) -> bool:
        """Return whether the list has, by item, what is shared with the account besides what the list at a path has."""
        return any(link.bulk and link.bulk.shared_links and link.bulk.path == path for link in self.links)

    def link(self, args: Mapping[str, Any]) -> Link | None:
        """Return the link that some arguments lead to, or None."""
        if len(self.links) == 1:
            return self.links[0] if all(map(args.__contains__, self.links[0].placeholders)) else None
        placeholders, choice = {name for link in self.links for name in link.placeholders}, args.get(CHOICE)
        links = (link for link in self.links if set(link.placeholders) == placeholders & args.keys())
        return next((link for link in links if choice is None or re.fullmatch(link.choice or ".*", choice)), None)

    @cached_property
    def chooser(self) -> Param | None:
        """The parameter whose record chooses between links with the same places, or None if there is one link each."""
        has_choice = len({link.placeholders for link in self.links}) < len(self.links)
        return next((param for param in self.params if param.choice), None) if has_choice else None

    def named(self, values: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments by name, from named or positional ones. Nothing else is checked.

        Raises:
            InvalidArgumentsError: more positional values than parameters.
        """
        if isinstance(values, Mapping):
            return dict(values)
        if len(values) > len(self.params):
            count = "1 argument is" if len(values) == 1 else f"{len(values)} arguments are"
            mistake = f"{count} given, and it takes {f'at most {len(self.params)}' if self.params else 'none'}"
            raise InvalidArgumentsError.of_call(self.name, [mistake], self.example_call)
        return {p.name: v for p, v in zip(self.params, values, strict=False) if v is not None}

    def bind(self, args: Mapping[str, Any], described: Callable[[object], str] = lua_words) -> dict[str, Any]:
        """Check named arguments before any request is sent, and return them.

        Parameters:
            args: by name, without `errors`; a value of None counts as missing.
            described: returns a wrong value in words.

        Returns:
            The arguments that have a value, in the order of `params`; a list as a tuple of its distinct values.

        Raises:
            InvalidArgumentsError: missing, unknown or ill-typed arguments, or values that cannot be part of a
                URL; the message has every mistake.
        """
        names = [param.name for param in self.params]
        args = {self._alias_of(name, names, args): value for name, value in args.items()}
        faults: list[str] = []
        bound: dict[str, Any] = {}
        for param in self.params:
            value = args.get(param.name)
            if value is not None:
                bound[param.name], reason = param.check(value, described)
                faults += reason
            elif param.required:
                what = described(None) if param.name in args else "missing"
                faults.append(f"`{param.name}` is {what}: {param.expectation}")
        unknown = [name for name in args if name not in names]
        for name in unknown[:MAX_FAULTS_NAMED]:
            near = nearest(str(name), (*names, *RESERVED))
            hint = f" (did you mean `{near[0]}`?)" if near else ""
            hint_of_limit = self._whole(args[name]) if name == "limit" else ""
            faults.append(f"there is no argument {described(name)}{hint_of_limit or hint}")
        if len(unknown) > MAX_FAULTS_NAMED:
            faults.append(f"and there are {len(unknown) - MAX_FAULTS_NAMED:,} more that it does not have")
        lists = [name for name, value in bound.items() if isinstance(value, tuple)]
        if len(lists) > 1:
            faults.append(f"only one argument can be a list, and {' and '.join(f'`{name}`' for name in lists)} are")
        if not faults and self.links and self.link(bound) is None:
            faults.append(f"the arguments have to be {self.choices}")
        if faults:
            error = InvalidArgumentsError.of_call(self.name, faults, self.example_call)
            missing = [param.name for param in self.params if param.required and param.name not in bound]
            error.missing = missing[0] if len(faults) == len(missing) == 1 else ""
            error.unknown = tuple(map(str, unknown))
            if self.returns == "list" and unknown == ["limit"] and len(faults) == 1 and type(args["limit"]) is int:
                error.wanted_rows = args["limit"]
            raise error
        return bound

    @staticmethod
    def _alias_of(name: str, names: Collection[str], args: Mapping[str, Any]) -> str:
        """Return the name of a parameter for `team_id` or `space_id`, and any other name as it is."""
        short = name.removesuffix("_id")
        return short if name not in names and short in names and short not in args else name

    @property
    def choices(self) -> str:
        """The sets of arguments of which each call has one: `app_id`, or `pipeline_id` and `stage`, or none."""
        sets = list(dict.fromkeys(" and ".join(f"`{name}`" for name in link.placeholders) for link in self.links))
        return ", or ".join([names for names in sets if names] + ["none"] * ("" in sets))

    def _whole(self, limit: object) -> str:
        """Return why a list has no `limit`, and which argument asks for its newest records."""
        if self.returns != "list":
            return ""
        newest = (
            f", and `{NEWEST} = {limit}` asks for the last {limit}"
            if any(p.name == NEWEST for p in self.params)
            else ""
        )
        return f": a list is always whole{newest}"

    def calls(self, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the arguments of every request that bound arguments stand for: one, or one per item of a list."""
        many = self.fanned_out(bound)
        calls = [{**bound, many.name: value} for value in bound[many.name]] if many else [dict(bound)]
        return [_with_choice(call) for call in calls] if any(param.choice for param in self.params) else calls

    def url(self, args: Mapping[str, Any]) -> str:
        """Return the path of one request, with every value quoted. `args` come from `calls`."""
        from urllib.parse import quote, urlencode

        link = self.link(args)
        if link is None:
            raise ValueError(f"{self.name} has no address for {list(args)}")
        path = link.path
        for name in link.placeholders:
            path = path.replace(f"{{{name}}}", quote(str(args[name]), safe=""))
        params = [param for param in self.params if param.query and param.name in args]
        texts = {param.name: str(args[param.name]) for param in params}
        fields = {name: text.lower() if isinstance(args[name], bool) else text for name, text in texts.items()}
        query = "&".join(filter(None, (link.query, urlencode(fields))))
        return f"{path}?{query}" if query else path


def _with_choice(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request, with what chooses the link beside the identifier that had it."""
    arguments: dict[str, Any] = {}
    for name, value in call.items():
        arguments[name] = str(value) if isinstance(value, Identifier) else value
        arguments |= {CHOICE: value.choice} if isinstance(value, Identifier) else {}
    return arguments


def _secrets(columns: Iterable[Column], prefix: str = "") -> Iterator[Column]:
    for column in columns:
        if column.secret or column.bare:
            yield replace(column, name=prefix + column.name)
        yield from _secrets(column.items, f"{prefix}{column.name}.")


def _add_rule(rule: FieldRule, column: Column) -> None:
    for key in column.path:
        rule = rule.fields.setdefault(key, FieldRule())
    rule.is_list = column.kind == "list"
    rule.secret = column if column.secret or column.bare else None
    for item in column.items:
        _add_rule(rule, item)


def _guard(rule: FieldRule) -> None:
    rule.is_guarded = True
    for inner in rule.fields.values():
        _guard(inner)


def _without_open_fields(rule: FieldRule) -> bool:
    """Remove the fields with which nothing is done, and return whether something is done with this one."""
    if not rule.is_guarded:
        rule.fields = {key: inner for key, inner in rule.fields.items() if _without_open_fields(inner)}
    return rule.is_guarded or rule.secret is not None or bool(rule.fields)


def _is_path_segment(text: str) -> bool:
    """Return whether a text can be one segment of a path: printable, not only dots and blanks, without slashes."""
    return text.isprintable() and bool(text.strip(" .")) and "/" not in text and "\\" not in text
