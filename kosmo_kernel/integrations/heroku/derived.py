"""Make functions from the facts: which links belong to which, and their parameters, columns and examples.

The links of a function are those that its entry in `functions.md` names, or its own if it is written by hand. An
example is a short script that runs as it is: what Heroku or the demo account has a fixed name for stands in the call,
and anything else is the first record of the list that has it, so that the script runs on other accounts as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from kosmo_kernel.catalogue import NEWEST, SINCE, BulkSource, Column, Function, Link, Lookup, Param
from kosmo_kernel.integrations.heroku import api
from kosmo_kernel.integrations.heroku.data import arranged
from kosmo_kernel.integrations.heroku.entries import (
    EXAMPLE_APPS,
    EXAMPLES,
    FOUND_IN,
    LEFT_OUT,
    PLACES,
    FunctionEntry,
    entries,
    thing,
)
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts, guarded_parts
from kosmo_kernel.integrations.heroku.fields import NAMES, FieldFact, columns, field_doc
from kosmo_kernel.integrations.heroku.functions import BY_HAND, SIZE_DOC, SIZE_FIELDS, UUID, size_spelling

# Lists of the whole account that replace one request for each item: by function and parameter, the path, the field of
# a record with the identifier of its item, and the function that lists the items.
_BULK = {
    ("list_addon_attachments", "app_id"): ("/addon-attachments", "app.id", "list_apps"),
    ("list_addon_attachments", "addon_id"): ("/addon-attachments", "addon.id", "list_account_addons"),
    ("list_pipeline_couplings", "app_id"): ("/pipeline-couplings", "app.id", "list_apps"),
    ("list_pipeline_couplings", "pipeline_id"): ("/pipeline-couplings", "pipeline.id", "list_pipelines"),
}
# What a field says whose name alone does not.
_WORDS = {
    "created_at": "When it was made",
    "updated_at": "When it last changed",
    "url": "Its address",
    "acm": "Whether Heroku looks after its certificates",
    "default": "Whether it is the one that is chosen when none is named",
}
_STABILITY = {
    "development": "Heroku calls this part of its API in development: it may change with a notice.",
    "prototype": "Heroku calls this part of its API a prototype: it may change without notice.",
    "unpublished": "Heroku does not publish this part of its API, which its CLI uses: any field may be missing.",
}
_VARIABLES = {"oauth_authorization": "granted"}  # where what follows the name and `=` would be redacted
_LINE = 100  # characters of a line
_FIELDS = 3  # printed of each record


def links_of(entry: FunctionEntry) -> list[LinkFact]:
    """Return the links of an entry."""
    links = [link for spec in entry.link_specs for link in _links_by_spec().get(spec, ())]
    return [link for index, link in enumerate(links) if link.path not in {other.path for other in links[:index]}]


def entry_of(link: LinkFact) -> FunctionEntry | None:
    """Return the entry that a link belongs to, or None."""
    if link.path in paths_by_hand():
        return entries()[paths_by_hand()[link.path]]
    return _entries_by_spec().get(_spec(link))


def left_out() -> Iterator[tuple[str, str]]:
    """Yield the path of each link without a function, and the reason."""
    for path, link in {link.path: link for link in facts().links}.items():
        if entry_of(link) is None:
            yield path, LEFT_OUT.get(path, "No function was written for it yet.")


@cache
def paths_by_hand() -> dict[str, str]:
    """Return the name of the function by the path of each link whose function is written by hand."""
    return {
        link.path.replace("{app_id}", "{app.identity}"): function.name
        for function in BY_HAND.values()
        for link in function.links
    }


def _spec(link: LinkFact) -> str:
    """Return what an entry writes for a link: its path if an entry has it alone, or its owner and what it returns."""
    is_alone = link.path in _entries_by_spec() or link.path in LEFT_OUT or link.path in paths_by_hand()
    return link.path if is_alone else f"{link.owner} {link.returns}"


@cache
def _links_by_spec() -> dict[str, list[LinkFact]]:
    by_spec: dict[str, list[LinkFact]] = {}
    for link in facts().links:
        by_spec.setdefault(_spec(link), []).append(link)
    return by_spec


@cache
def _entries_by_spec() -> dict[str, FunctionEntry]:
    """Return the first entry that has each spec."""
    derived = [entry for name, entry in entries().items() if name not in BY_HAND]
    return {spec: entry for entry in reversed(derived) for spec in entry.link_specs}


def called_links(entry: FunctionEntry) -> list[LinkFact]:
    """Return the links of an entry as a function calls them: those about apps first, `~` for what can be no other."""
    links = (replace(link, path=_of_yourself(link)) for link in links_of(entry))
    return sorted(links, key=lambda link: "{app.identity}" not in link.path)


def function_of(entry: FunctionEntry, find: Callable[[str], Function]) -> Function:
    """Return the function of an entry, without an example.

    Parameters:
        entry: its name, and what is said by hand.
        find: returns the other functions that it needs, by name.
    """
    links = called_links(entry)
    bulk = {
        param: BulkSource(path, item, find(items))
        for (owner, param), (path, item, items) in _BULK.items()
        if owner == entry.name
    }
    resource = links[0].resource
    returns: Any = "list" if any(link.returns == "list" for link in links) or entry.fingerprints else "record"
    placeholders = {link.path: [param_name(placeholder, entry) for placeholder in link.placeholders] for link in links}
    params = tuple(sorted(_params(entry, links, placeholders), key=lambda param: not param.required))
    if plans := [link.plans for link in links if link.plans]:
        choice = {"choice": "plan.name", "choices": "|".join(plans), "choice_doc": entry.addons}
        params = tuple(replace(param, **choice) if param.name == "addon_id" else param for param in params)
    columns = _FINGERPRINTED if entry.fingerprints else _columns_of(entry, resource)
    notes = [entry.notes.strip(), _scopes(links), _STABILITY.get(links[0].stability, "")]
    guarded = any(name in facts().guarded for link in links for name in (link.owner, link.resource))
    function = Function(
        name=entry.name,
        summary=entry.summary,
        description="\n\n".join(note for note in notes if note) or f"{entry.summary}.",
        links=tuple(
            Link(
                _with_names(link, placeholders[link.path]),
                single=returns == "list" and link.returns == "record",
                bulk=bulk.get(placeholders[link.path][0]) if len(placeholders[link.path]) == 1 else None,
                scope=api.needed(link.owner),
                host=link.host,
                query=link.sends,
                choice=link.plans,
                is_optional=link.optional,
            )
            for link in links
        ),
        returns=returns,
        columns=columns,
        params=params,
        newest=entry.newest,
        guarded=guarded,
        guarded_parts=() if guarded else guarded_parts(column.name for column in columns),
        fingerprints=entry.fingerprints,
        subject=entry.subject,
        keywords=entry.keywords,
        in_snapshot=entry.in_snapshot,
        in_whole_snapshot=entry.in_whole_snapshot,
        arranged=arranged(entry.name),
    )
    return replace(function, own_errors=bool(function.secrets))


def _scopes(links: Iterable[LinkFact]) -> str:
    """Return which scopes a token needs, if another one than `read`."""
    needed = dict.fromkeys(f"`{scope}`" for link in links if (scope := api.needed(link.owner)))
    return "" if list(needed) in ([], [f"`{api.READ}`"]) else f"A token needs the scope {' or '.join(needed)}."


_FINGERPRINTED = (
    Column("name", "The name of the config var"),
    Column(
        "fingerprint",
        "Equal to that of another one if both values are equal; nothing else can be learnt from it. "
        "The part before the colon identifies the key: compare fingerprints of one key only",
        nullable=True,
    ),
)


_TIME = r"[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T\d\d:\d\d:\d\d(\.\d+)?Z)?"
_TIME_DOC = "a day or a time in UTC, such as 2026-11-20 or 2026-11-20T09:00:00Z"


def _params(entry: FunctionEntry, links: list[LinkFact], placeholders: Mapping[str, list[str]]) -> Iterator[Param]:
    by_name: dict[str, list[str]] = {}
    for link in links:
        for placeholder, name in zip(link.placeholders, placeholders[link.path], strict=True):
            by_name.setdefault(name, []).append(placeholder)
    for name, alternatives in sorted(by_name.items(), key=lambda entry: entry[0] != "app_id"):
        required = all(name in names for names in placeholders.values())
        yield _place_param(name, list(dict.fromkeys(alternatives)), required=required, app=example_app(links))
    needs = {name: need for link in links for name, need in link.query.items()}
    for name in {**needs, **entry.query}:
        required = needs.get(name, False)
        doc = entry.query.get(name) or f"The {_word(name)}"
        yield Param(name, doc, required=required, query=True, example=example_in(doc) if required else "")
    if entry.newest:
        doc = "How many of the last ones to return, newest first, in one request; all without it"
        yield Param(NEWEST, doc, kind="integer", maximum=api.PAGE_SIZE)
        doc = "A day or a time in UTC: the records since then, the newest first, in as many requests as these need"
        yield Param(SINCE, doc, pattern=_TIME, pattern_doc=_TIME_DOC, example="2026-11-20")


def _place_param(name: str, placeholders: list[str], *, required: bool, app: str) -> Param:
    record = _record_link(placeholders)
    all_placeholders = record.placeholders if record else placeholders
    ways = [way.partition(" ")[::2] for placeholder in all_placeholders for way in facts().parameters[placeholder]]
    ways = list(dict.fromkeys(ways))
    fields = [field for field, _ in ways if field != "self"]
    of = _word(placeholders[0].partition(".")[0])
    example = app if name == "app_id" else example_value(name, placeholders[0])
    if len(ways) == 1 and (values := _values(ways[0][1])):
        return Param(name, f"The {fields[0]}", required=required, values=values, example=example)
    if all(fact == "integer" for _, fact in ways):
        doc = f"The {fields[0]} of the {of}"
        return Param(name, doc, kind="integer", required=required, each=tuple(fields), example=example)
    lookup = _lookup(name, placeholders[0], record) if record else None
    patterns = [_pattern(fact) for _, fact in ways]
    is_numeric = any(fact == "integer" for _, fact in ways)
    has_version = is_numeric and "version" in fields  # which Heroku's own command writes as v43
    names = [{"id": "UUID", "version": "version (43 or v43)"}.get(field, field.replace("_", " ")) for field in fields]
    words = " or ".join(sorted(dict.fromkeys(names), key="UUID".__eq__))
    is_known = all(patterns)
    return Param(
        name,
        f"The {of} by its {words}, a record of it, or a list of these" + (", or `~` for yourself" * (name == "user")),
        required=required,
        pattern="|".join(dict.fromkeys(patterns)) if is_known else "",
        pattern_doc=f"{'an' if of[0] in 'aeio' else 'a'} {of}'s {words}" if is_known else "",
        example=example,
        each=tuple(_in_a_record(placeholders, dict.fromkeys(fields))),
        numeric=is_numeric,
        prefix="v" if has_version else "",
        listed_at=facts().list_paths.get(placeholders[0].partition(".")[0], ""),
        lookup=lookup,
    )


def _in_a_record(placeholders: list[str], fields: Iterable[str]) -> list[str]:
    """Return the fields of a record that can stand in its place: those that all paths take first, `id` after names."""
    own = {field.name for field in facts().fields(placeholders[0].partition(".")[0])}
    accepted = [{way.partition(" ")[0] for way in facts().parameters[placeholder]} for placeholder in placeholders]
    ordered = sorted(fields, key=lambda field: (not all(field in names for names in accepted), field == "id"))
    return [f"user.{field}" if field not in own and f"user.{field}" in own else field for field in ordered]


def _record_link(placeholders: list[str]) -> LinkFact | None:
    """Return the link of a record by all its names, for a placeholder that takes only some of them."""
    resource = placeholders[0].partition(".")[0]
    own, every = set(facts().parameters[placeholders[0]]), set(facts().parameters.get(f"{resource}.identity", ()))
    if len(placeholders) > 1 or not own < every:
        return None
    placeholders = [f"{resource}.identity"]
    links = (link for link in facts().links if link.path.endswith("}") and list(link.placeholders) == placeholders)
    return next((link for link in links if (link.returns, link.resource) == ("record", resource)), None)


def _lookup(name: str, placeholder: str, record: LinkFact) -> Lookup:
    """Return how a value is found that a placeholder takes.

    Parameters:
        name: of the parameter.
        placeholder: where it stands in the path.
        record: the link of the record by all its names.
    """
    [own], every = facts().parameters[placeholder], facts().parameters[record.placeholders[0]]
    field, _, fact = own.partition(" ")
    others = "|".join(_pattern(way.partition(" ")[2]) for way in every if way != own)
    return Lookup(_with_names(record, [name]), field, _pattern(fact) or f"(?!(?:{others})$).+")


def example_in(doc: str) -> str:
    """Return the value that a sentence about a parameter of the query has as its example, or an empty text."""
    example = re.search("`([^`]+)`", doc)
    return example[1] if example else ""


def example_app(links: Iterable[LinkFact]) -> str:
    """Return the app of the demo account in the example of a function with these links."""
    return next((EXAMPLE_APPS[link.owner] for link in links if link.owner in EXAMPLE_APPS), "my-app")


def example_value(name: str, placeholder: str) -> str:
    """Return a value of a parameter that works on the demo account, or an empty text if there is none with a name.

    Parameters:
        name: of the parameter.
        placeholder: where it stands in a path.
    """
    if name in EXAMPLES:
        return EXAMPLES[name]
    only = [_values(way.partition(" ")[2]) for way in facts().parameters[placeholder]]
    return only[0][-1] if len(only) == 1 and only[0] else ""


def _pattern(fact: str) -> str:
    """Return the pattern of a way to identify a record; empty for any text."""
    if fact.startswith("^"):
        return fact.removeprefix("^").removesuffix("$")
    return "|".join(_values(fact)) or {"string uuid": UUID, "integer": "[0-9]{1,9}"}.get(fact, "")


def _values(fact: str) -> tuple[str, ...]:
    """Return the only values of a way to identify a record; none if it can have others."""
    return tuple(fact.removeprefix("string {").removesuffix("}").split()) if fact.startswith("string {") else ()


def param_name(placeholder: str, entry: FunctionEntry) -> str:
    """Return the name of the parameter for a placeholder in a path."""
    resource, _, attribute = placeholder.partition(".")
    if attribute not in ("id", "name") and "dentity" not in attribute and attribute != "pcx_id":
        return attribute
    name = entry.names.get(resource) or PLACES.get(resource)
    if name:
        return name
    ways = facts().parameters[placeholder]
    return thing(resource) + ("_id" if all(way.startswith("id ") for way in ways) else "")


def _of_yourself(link: LinkFact) -> str:
    """Return the path with `~` for the places that can be nothing else."""
    path = link.path
    for placeholder in link.placeholders:
        if all(way.startswith("self ") for way in facts().parameters[placeholder]):
            path = path.replace(f"{{{placeholder}}}", "~")
    return path


def _with_names(link: LinkFact, names: Iterable[str]) -> str:
    path = link.path
    for placeholder, name in zip(link.placeholders, names, strict=True):
        path = path.replace(f"{{{placeholder}}}", f"{{{name}}}", 1)
    return path


# Columns ----------------------------------------------------------------------------------------------------------


def _columns_of(entry: FunctionEntry, resource: str) -> tuple[Column, ...]:
    """Return the columns of an entry: the main ones first, in the order in which the entry names them."""
    every = columns(
        facts().fields(resource),
        lambda field: _doc(resource, field),
        lambda field: size_spelling if (resource, field.name) in SIZE_FIELDS else None,
        entry.docs,
    )
    by_name = {column.name: column for column in every}
    main = [replace(by_name.pop(name), main=True) for name in entry.main.split() if name in by_name]
    return (*main, *by_name.values())


def _doc(resource: str, field: FieldFact) -> str:
    """Return what the name of a field does not say: its values, whether it is a secret, and common words of Heroku."""
    *parents, leaf = field.name.split(".")
    if leaf == "id":
        return f"Identifier of the {_word(parents[-1] if parents else resource)}"
    if (resource, field.name) in SIZE_FIELDS:
        return SIZE_DOC
    return field_doc(field, "" if parents else _WORDS.get(leaf, ""))


def _word(name: str) -> str:
    """Return the word of texts for a resource, or for a record in another one."""
    words = name.replace("_", " ").replace("-", " ")
    return words.replace("addon", "add-on").replace("add on", "add-on")


# Examples ----------------------------------------------------------------------------------------------------------


def with_example(function: Function, entry: FunctionEntry) -> Function:
    """Return a function with its example, from its hand-written part."""
    links = called_links(entry)
    script = _Script(example_app(links))
    call = script.call(entry, min(links, key=lambda link: len(link.placeholders)))
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
        for placeholder in link.placeholders:
            resource, _, attribute = placeholder.partition(".")
            name = param_name(placeholder, entry)
            parent_path = link.path.partition(f"/{{{placeholder}}}")[0]
            if name == attribute and (
                thing(resource) in self._variables or _list_at(parent_path)
            ):  # the year of an archive
                arguments[name] = f"{self._record(resource, thing(resource), parent_path)}.{attribute}"
            elif value := self._app if name == "app_id" else example_value(name, placeholder):
                arguments[name] = f'"{value}"'
            else:
                variable = name.removesuffix("_id")
                arguments[name] = self._record(resource, _VARIABLES.get(variable, variable), parent_path)
        required = (name for name, is_required in link.query.items() if is_required)
        return arguments | {name: f'"{example_in(entry.query.get(name, ""))}"' for name in required}

    def _record(self, resource: str, variable: str, parent_path: str) -> str:
        """Return the variable that has a record, after the line that finds it.

        Parameters:
            resource: what the record is.
            variable: its name.
            parent_path: the path before the placeholder where it stands.
        """
        if variable not in self._variables:
            self._variables.add(variable)
            path, inside = FOUND_IN.get(resource, (parent_path, ""))
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
