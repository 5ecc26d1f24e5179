"""What can be called, as data.

An `Integration` is a service; its `Function`s say what can be asked, with which `Param`s, and which
`Column`s come back. Everything a person sees is computed from these: the Lua namespace, argument
errors, documentation, completion, the columns of a table, the options of a command. What is peculiar
to one service's HTTP (headers, how a page leads to the next, what an error body means, its request
budget, where its tokens live) is data of its `Integration`, in the words of `exchange`, so that the client
knows no service by name.
A catalogue checks itself when it is made and reports all its mistakes at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError

if TYPE_CHECKING:
    from kosmo_kernel.exchange import Budget, Credentials, Fault, PageRequest, Reply

ParamKind = Literal["string", "integer", "number", "boolean"]
ColumnKind = Literal["string", "integer", "number", "boolean", "timestamp", "list"]

AT_ONCE, AT_ONCE_MOST = 16, 64  # requests under way for one list: by default, and at most (`parallel.lua` has them too)
ERRORS = ("raise", "collect")  # what can become of items that fail, first what does unless said otherwise
# Where a value goes in a path, `{app_id}`.
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

_KINDS: dict[ParamKind, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("an integer", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
}
_MOST_FAULTS = 5  # items of one list, or unknown names, that a message names
_MOST_COMPARED = 100  # characters of a name that is compared with others
_MOST_SHOWN = 60  # characters of a text that a message shows
_TELLING = 3  # letters that a part of a name must have to tell it from others
_SLIP = 0.9  # two names as alike as this differ by a letter or two


@dataclass(frozen=True, slots=True)
class Param:
    """One named argument of a function.

    Parameters:
        name: as written in Lua, `app_id`.
        doc: one sentence.
        kind: the type a value must have.
        required: whether a call without it is an error.
        pattern: a regular expression that the whole text must match, or empty.
        pattern_doc: what the pattern means in words, `an app name or UUID`.
        example: a value that works on the demo account.
        each: when not empty, a list is taken as well and asks once for every item; a record may stand
            for a value, and then the first of these fields that it has is the value.
    """

    name: str
    doc: str
    kind: ParamKind = "string"
    required: bool = False
    pattern: str = ""
    pattern_doc: str = ""
    example: str = ""
    each: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """What a value must be, in words."""
        return self.pattern_doc or _KINDS[self.kind][0]

    def fault(self, value: object) -> str | None:
        """Why `value` cannot be this argument, in words; None when it can."""
        return None if self.fits(value) else f"`{self.name}` must be {self.says}, got {_lua_type(value)}"

    def fits(self, value: object) -> bool:
        """Return whether `value` can be this argument."""
        fits = isinstance(value, _KINDS[self.kind][1]) and (self.kind == "boolean") == isinstance(value, bool)
        if fits and isinstance(value, float):
            fits = math.isfinite(value)
        if fits and isinstance(value, str):
            fits = bool(re.fullmatch(self.pattern, value)) if self.pattern else _fits_an_address(value)
        return fits

    def plain(self, value: object) -> object:
        """What a record stands for where the parameter takes records; any other value as it is."""
        if isinstance(value, Mapping):
            return next((value[key] for key in self.each if value.get(key) is not None), value)
        return value

    def bound(self, value: object) -> tuple[Any, list[str]]:
        """What to ask for, and why some of it cannot be asked for.

        Returns:
            The value, or for a list the tuple of its distinct items in order, and the faults.
        """
        if not self.each or not _is_list(value):
            value = self.plain(value)
            fault = self.fault(value)
            return value, [fault] if fault else []
        items = [self.plain(item) for item in value]
        bad = [i for i, item in enumerate(items) if not self.fits(item)]
        told = [f"item {i + 1}: {self.fault(items[i])}" for i in bad[:_MOST_FAULTS]]
        if len(bad) > _MOST_FAULTS:
            told.append(f"and {len(bad) - _MOST_FAULTS} more items like these")
        return tuple(dict.fromkeys(items)) if not bad else (), told


# Arguments with a meaning of their own, the same for every function that takes a list, by their names.
RESERVED = {
    "errors": Param(
        "errors", "`collect` lists what fails beside what works, `raise` ends the call at the first failure"
    ),
    "limit": Param("limit", f"How many requests there are at a time, {AT_ONCE} unless said", kind="integer"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of what a function returns.

    Parameters:
        name: the dotted path in the record and the column's name in a table, `app.name`.
        doc: one line.
        kind: the type of its values; `timestamp` is ISO 8601 text that becomes a UTC datetime.
        nullable: whether the service may send null, or leave the key out.
        default: how a missing or null value reads.
        secret: a value that must not go further than the client that received it.
    """

    name: str
    doc: str
    kind: ColumnKind = "string"
    nullable: bool = False
    default: str | None = None
    secret: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the value."""
        return tuple(self.name.split("."))


@dataclass(frozen=True, slots=True)
class Whole:
    """How lists of the whole account answer a function that looks at one item, where many items are asked for.

    Parameters:
        path: of the list of the records of all items, `/addons`.
        item: where such a record says which item it belongs to, `app.id`.
        items: the function that lists all items.
        links: a list of who else uses a record, or None. It is no function of the integration's.
        link_item: where a link says which item it is of, `app.id`.
        link_record: where a link says which record it leads to, `addon.id`.
    """

    path: str
    item: str
    items: Function
    links: Function | None = None
    link_item: str = ""
    link_record: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """One thing that can be asked of a service.

    Parameters:
        name: as written in Lua, `list_dynos`.
        summary: what it does, one short line.
        description: what it does and what to know about the answer, a paragraph or two of Markdown.
        path: of the request, with a place for each parameter: `/apps/{app_id}/dynos`.
        returns: `list` or `record`.
        columns: what comes back, in the order in which a table shows it.
        params: the named arguments, in the order in which positional values are taken.
        example: Lua that runs as it stands on the demo account.
        aliases: other names for the same function.
        effect: `read` or `write`.
        whole: lists that say the same of all items at once, or None.
    """

    name: str
    summary: str
    description: str
    path: str
    returns: Literal["list", "record"]
    columns: tuple[Column, ...]
    params: tuple[Param, ...] = ()
    example: str = ""
    aliases: tuple[str, ...] = ()
    effect: Literal["read", "write"] = "read"
    whole: Whole | None = None

    @property
    def signature(self) -> str:
        """How it is written: `list_dynos({ app_id })`; what may be left out has a question mark."""
        if not self.params:
            return f"{self.name}()"
        names = ", ".join(p.name if p.required else f"{p.name}?" for p in self.params)
        return f"{self.name}({{ {names} }})"

    @property
    def fan_out(self) -> Param | None:
        """The parameter that takes a list, or None."""
        return next((p for p in self.params if p.each), None)

    def named(self, values: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by name, from named ones or from positional ones. Nothing else is checked.

        Raises:
            InvalidArgumentsError: more positional values than parameters.
        """
        if isinstance(values, Mapping):
            return dict(values)
        if len(values) > len(self.params):
            most = len(self.params) or "none"
            raise InvalidArgumentsError(f"{self.name}: {len(values)} arguments, at most {most}. Write {self.signature}")
        return {p.name: v for p, v in zip(self.params, values, strict=False) if v is not None}

    def bind(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Check named arguments, before anything is sent.

        Parameters:
            args: by name; a value of None counts as missing. `errors` and `limit` are not among them.

        Returns:
            The arguments that were given, in the order of `params`; a list as a tuple of its distinct values.

        Raises:
            InvalidArgumentsError: missing, unknown or ill-typed arguments, or values that do not
                belong in an address; every mistake is in the message.
        """
        faults: list[str] = []
        bound: dict[str, Any] = {}
        for param in self.params:
            value = args.get(param.name)
            if value is not None:
                bound[param.name], why = param.bound(value)
                faults += why
            elif param.required:
                faults.append(f"`{param.name}` is missing: {param.says}")
        names = [param.name for param in self.params]
        unknown = [name for name in args if name not in names]
        for name in unknown[:_MOST_FAULTS]:
            near = nearest(str(name), (*names, *RESERVED))
            hint = f" (did you mean `{near[0]}`?)" if near else ""
            faults.append(f"there is no argument {_lua_type(name)}{hint}")
        if len(unknown) > _MOST_FAULTS:
            faults.append(f"and there are {len(unknown) - _MOST_FAULTS:,} more that it does not have")
        if faults:
            raise InvalidArgumentsError(f"{self.name}: {'; '.join(faults)}. Write {self.signature}")
        return bound

    def calls(self, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The arguments of every request that bound arguments stand for: one, or one for each item of a list."""
        many = self.fan_out
        if many is None or not isinstance(values := bound.get(many.name), tuple):
            return [dict(bound)]
        return [{**bound, many.name: value} for value in values]

    def url(self, args: Mapping[str, Any]) -> str:
        """The path of one request, every value quoted. `args` come from `calls`."""
        from urllib.parse import quote  # noqa: PLC0415 - whoever only reads the catalogue does without it

        return PLACE.sub(lambda m: quote(str(args[m.group(1)]), safe=""), self.path)


@dataclass(frozen=True, slots=True)
class Integration:
    """One service: what can be called, and how its HTTP works.

    Parameters:
        name: the Lua name, `heroku`.
        title: for people, `Heroku`.
        description: one sentence.
        base_url: where its API lives.
        functions: what can be called, in the order of the reference.
        credentials: where its tokens live.
        headers: sent with every request.
        labels: fields by which a nested record reads as text, first found wins.
        first_page: what to add to a list's first request.
        next_page: from an answer and the request that led to it, what to add for the next page; None after the last.
        read_error: what an error body says; None when it is not an error of this service.
        page_size: the most records that a page has. A full page that was the last one may be followed by another
            by now, which "unchanged" does not say; where the size is not known, each last page is taken for full.
        request_id: the response header that support asks for.
        budget: how many requests an account may send, or None.
        demo: where its fictional account is, `package.module:name`: a function that gives an API as a WSGI application
            and the token that opens it. Empty for none; looked up at the first call of that account.
    """

    name: str
    title: str
    description: str
    base_url: str
    functions: tuple[Function, ...]
    credentials: Credentials
    headers: Mapping[str, str]
    labels: tuple[str, ...]
    first_page: PageRequest
    next_page: Callable[[Reply, PageRequest], PageRequest | None]
    read_error: Callable[[Reply], Fault | None]
    page_size: int | None = None
    request_id: str = "request-id"
    budget: Budget | None = None
    demo: str = ""

    def __post_init__(self) -> None:
        from kosmo_kernel.catalogue_check import mistakes  # noqa: PLC0415 - which reads what this module defines

        found = list(mistakes(self))
        if found:
            raise ValueError(f"integration {self.name}: " + "; ".join(found))

    def names(self) -> dict[str, Function]:
        """Every name a function answers to: its own, its aliases, and the full name `<integration>_<name>`."""
        found: dict[str, Function] = {f.name: f for f in self.functions}
        for function in self.functions:
            for alias in (*function.aliases, f"{self.name}_{function.name}"):
                found[alias] = function
        return found

    def by_full_name(self) -> dict[str, Function]:
        """The functions by `<integration>.<name>`."""
        return {f"{self.name}.{f.name}": f for f in self.functions}

    def function(self, name: str) -> Function:
        """The function that answers to `name`.

        Raises:
            UnknownNameError: with the nearest names.
        """
        found = self.names().get(name)
        if found is None:
            near = nearest(name, [f.name for f in self.functions]) or [f.name for f in self.functions]
            raise UnknownNameError(
                f"{self.title} has no function `{name}`.",
                tuple(f"app.integrations.{self.name}.{n}" for n in near),
            )
        return found


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first; empty when none is like it. Of a slip of the keyboard, that one alone."""
    return list(_nearest(name[:_MOST_COMPARED], tuple(names), most))


@lru_cache(maxsize=1024)  # a script may ask for the same name for ever
def _nearest(name: str, names: tuple[str, ...], most: int) -> list[str]:
    from difflib import SequenceMatcher, get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    by_lower, asked = {n.lower(): n for n in names}, name.lower()
    alike = get_close_matches(asked, by_lower, n=most, cutoff=0.6)
    if alike and SequenceMatcher(None, asked, alike[0]).ratio() > _SLIP:
        return [by_lower[alike[0]]]
    holding = [n for n in by_lower if len(asked) >= _TELLING and asked in n and n not in alike]
    return [by_lower[n] for n in (*alike, *holding)[:most]]


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value is a list of Lua's; an empty table is one, for want of a name in it."""
    if isinstance(value, Mapping):
        return not value
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _fits_an_address(text: str) -> bool:
    """Whether a text can be one step of a path: something that can be seen, and no step to elsewhere."""
    return text.isprintable() and bool(text.strip(" .")) and "/" not in text and "\\" not in text


def _lua_type(value: object) -> str:
    """The words that a Lua user has for a value that does not fit; control characters escaped, long texts cut."""
    match value:
        case None:
            words = "nil"
        case bool():
            words = f"the boolean {str(value).lower()}"
        case int() | float():
            words = f"the number {value}"
        case str():
            words = repr(value if len(value) <= _MOST_SHOWN else value[: _MOST_SHOWN - 1] + "…")
        case bytes():
            words = "text that is not UTF-8"
        case _:
            words = "a list" if _is_list(value) else "a table" if isinstance(value, Mapping) else type(value).__name__
    return words
