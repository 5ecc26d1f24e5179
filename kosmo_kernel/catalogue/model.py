"""What can be called, as data.

An `Integration` is a service; its `Function`s say what can be asked, with which `Param`s, and which
`Column`s come back. Everything a person sees is computed from these: the Lua namespace, argument
errors, documentation, completion, the columns of a table, the options of a command. What is peculiar
to one service's HTTP (headers, how a page leads to the next, what an error body means, its request
budget, where its tokens live) is data of its `Integration`, in the words of `catalogue.http`, so that the client
knows no service by name.
A catalogue checks itself when it is made and reports all its mistakes at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from kosmo_kernel.catalogue.nearest import nearest
from kosmo_kernel.errors import InvalidArgumentsError

ParamKind = Literal["string", "integer", "number", "boolean"]
ColumnKind = Literal["string", "integer", "number", "boolean", "timestamp", "list"]

# Requests under way for one list, unless said otherwise and at most. `parallel.lua` has the same numbers.
DEFAULT_CONCURRENCY = 16
MAX_CONCURRENCY = 64
ERROR_MODES = ("raise", "collect")  # what can become of items that fail, first what does unless said otherwise
# Where a value goes in a path, `{app_id}`.
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

_KINDS: dict[ParamKind, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "integer": ("an integer", (int,)),
    "number": ("a number", (int, float)),
    "boolean": ("true or false", (bool,)),
}
MAX_FAULTS_NAMED = 5  # items of one list, or unknown names, that a message names
MAX_TEXT_SHOWN = 60  # characters of a text that a message shows


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
        told = [f"item {i + 1}: {self.fault(items[i])}" for i in bad[:MAX_FAULTS_NAMED]]
        if len(bad) > MAX_FAULTS_NAMED:
            told.append(f"and {len(bad) - MAX_FAULTS_NAMED} more items like these")
        return tuple(dict.fromkeys(items)) if not bad else (), told


# Arguments with a meaning of their own, the same for every function that takes a list, by their names.
RESERVED = {
    "errors": Param(
        "errors", "`collect` lists what fails beside what works, `raise` ends the call at the first failure"
    ),
    "limit": Param(
        "limit", f"How many requests there are at a time, {DEFAULT_CONCURRENCY} unless said", kind="integer"
    ),
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
class BulkSource:
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
    whole: BulkSource | None = None

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
        for name in unknown[:MAX_FAULTS_NAMED]:
            near = nearest(str(name), (*names, *RESERVED))
            hint = f" (did you mean `{near[0]}`?)" if near else ""
            faults.append(f"there is no argument {_lua_type(name)}{hint}")
        if len(unknown) > MAX_FAULTS_NAMED:
            faults.append(f"and there are {len(unknown) - MAX_FAULTS_NAMED:,} more that it does not have")
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
        from urllib.parse import quote

        return PLACE.sub(lambda m: quote(str(args[m.group(1)]), safe=""), self.path)


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
            words = repr(value if len(value) <= MAX_TEXT_SHOWN else value[: MAX_TEXT_SHOWN - 1] + "…")
        case bytes():
            words = "text that is not UTF-8"
        case _:
            words = "a list" if _is_list(value) else "a table" if isinstance(value, Mapping) else type(value).__name__
    return words
