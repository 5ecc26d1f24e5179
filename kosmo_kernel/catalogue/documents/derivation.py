"""Derive the facts of what can be called from operations, which are the same for each form of document.

A reader of one form (`openapi.py`, `hyper_schema.py`) makes a `ReadOperation` of whatever reads. What it takes, whether
it returns a list or a record, how its pages follow, and the fields of its records are derived here.

Pages follow by parameters, headers and fields of an envelope, as far as a document says. Where a list names no
parameter for pages, the document says that there is one page. Where it names one, and not where the answer has what
belongs into it, the end of the list is `unstated`. The client doubts both: an answer with a sign of more is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.documents.fields import SECRET, is_secret
from kosmo_kernel.catalogue.documents.names import PLACE, free_name, places, singular, snake_case
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.catalogue.http import CURSOR_KEYS, HREF, MAX_ENVELOPE_DEPTH, MORE_KEYS, TOTAL_KEYS
from kosmo_kernel.catalogue.model import NEWEST, RESERVED
from kosmo_kernel.text import lazy_pattern

Table = dict[str, Any]

MAX_VALUES = 100  # of one parameter
_KINDS = {"string", "integer", "number", "boolean"}
# The fields of a record that can stand in its place, by the ending of the parameter's name.
_BY_ENDING = {"id": ("id",), "number": ("number",), "slug": ("slug",), "uuid": ("uuid", "id"), "key": ("key",)}
_NAMES = ("name", "login", "username", "slug", "key", "id")
# Headers that the client sends itself, or that a parameter of the header must not replace.
_OWN_HEADERS = {"accept", "content-type", "authorization", "user-agent", "host", "range", "if-none-match", "cookie"}
_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}

# Parameters by what they take, in snake case; the first that an operation has counts.
_CURSORS = (
    *("cursor", "next_cursor", "page_cursor", "page_token", "next_token", "next_page_token", "continuation_token"),
    *("continuation", "starting_after", "start_cursor", "after", "after_id", "page_after", "next", "marker"),
)
_NUMBERS = ("page", "page_number", "page_num", "page_no", "page_index", "p")
_OFFSETS = ("offset", "skip", "start", "start_at", "start_index", "page_offset", "from")
_SIZES = ("per_page", "page_size", "page_limit", "limit", "size", "count", "max_results", "max_items", "max", "first")
_EMBEDDED = "_embedded"  # what a HAL answer has its list in
_CURSOR_HEADER = lazy_pattern(r"(?:^|_)next_(?:cursor|token|page_token|page)$")
# Fields beside a list that describe the answer.
_BESIDE = {
    *("links", "meta", "metadata", "paging", "pagination", "object", "url", "self", "first", "last"),
    *("success", "ok", "result_info", "response_metadata"),
}
_POSITION = {*CURSOR_KEYS, *MORE_KEYS, *TOTAL_KEYS}  # fields that say what follows, or how many records there are
_ABOUT_ANSWER = {"errors", "messages", "warnings"}  # lists that describe the answer, if there is another one
DEFAULT_SIZE = 100  # records of a page to ask for, where a document does not say how many there can be
MAX_SIZE = 1_000


class LeftOutError(Exception):
    """An operation does not become a function, and why."""


class ReadOperation(NamedTuple):
    """An operation that reads with a GET request, as a document describes it."""

    path: str  # as the document has it
    parameters: Sequence[Mapping[str, Any]]  # in the form of OpenAPI, those that take precedence last
    schema: Any  # of the answer
    headers: Sequence[str] = ()  # the names of the headers of the answer, as far as they are declared
    prefix: str = ""  # what comes before the path in the address of the API
    facts: Table = {}  # about the function, which need no derivation


class _Parameters(NamedTuple):
    """The parameters of an operation, as facts."""

    path: str  # with a place for each parameter of the path, by its name in Lua
    params: list[dict[str, Any]]  # of the path, then of the query, in the notation of `services/service.py`
    headers: dict[str, str]  # that each request needs, such as the version of the API
    query: dict[str, Mapping[str, Any]]  # the schemas of the parameters of the query, by the names that are sent
    fault: str  # why the operation cannot be called; empty if it can


class Derivation:
    """The derivation of one document.

    Parameters:
        shapes: of the document.
    """

    states_pages = True  # the answers say how the pages of a list follow; all lists of the service are not alike

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.records: dict[str, dict[str, str]] = {}  # the fields of each kind of record, by its name
        self._numbers: dict[tuple[tuple[str, str], ...], str] = {}

    def facts(self, operation: ReadOperation) -> Table:
        """Return the facts of a function.

        Raises:
            LeftOutError: it cannot be one.
            DocumentError: the document cannot be read.
        """
        params = self._parameters(operation)
        if params.fault:
            raise LeftOutError(f"it {params.fault}")
        shape = self.shapes.of(operation.schema)
        is_paged = has_pages(params.query)
        wrapped = None
        if self.states_pages and not shape.is_list:
            wrapped = envelope(self.shapes, shape, is_paged=is_paged)
        keys, listing = wrapped or ((), shape)
        is_list = listing.is_list
        if not is_list and not shape.is_object:
            raise LeftOutError("its answer is no record and no list")
        facts: Table = {
            "path": operation.prefix + params.path,
            "returns": "list" if is_list else "record",
        } | operation.facts
        facts |= {"params": params.params, "headers": params.headers}
        schema = listing.items if is_list else operation.schema
        record = self.shapes.of(schema, listing.inside) if is_list else shape
        if is_list and self.states_pages:
            body = None if shape.is_list else shape
            facts["pages"], record = pages(params.query, operation.headers, body, self.shapes, keys=keys, record=record)
            # The client sets these; a call with one of them would get a part of the list.
            own = {facts["pages"].get("param"), facts["pages"].get("size_param")} - {None, ""}
            facts["params"] = [param for param in facts["params"] if param.get("sent") not in own]
        elif is_paged and self.states_pages:  # a record with several lists, of which an answer may have parts
            facts["pages"] = {"kind": "whole"}
        facts["record"] = self.record(operation.path, schema, record)
        return {key: value for key, value in facts.items() if value}

    def record(self, path: str, schema: Any, shape: Shape) -> str:
        """Return the name of a kind of record, and add its fields to `records`.

        Parameters:
            path: of the operation.
            schema: of the record.
            shape: of the record; another one if the elements of a list are no records themselves.
        """
        fields = self.shapes.fields(
            shape, lambda field, value: SECRET * (value.types != ["boolean"] and is_secret(path, field))
        )
        fields = fields or {"value": "any?"}
        if any(line.endswith(SECRET) for line in fields.values()):  # what is beside a secret may repeat it
            above = {field.rpartition(".")[0].removesuffix("[]") for field in fields}
            fields = {
                field: f"{line} | {SECRET}" if line.rstrip("?") == "object" and field not in above else line
                for field, line in fields.items()
            }
        number = self._numbers.setdefault(tuple(fields.items()), str(len(self._numbers)))
        self.records[number] = fields
        return number

    def param(self, name: str, path: str, segment: str, schema: Mapping[str, Any]) -> Table:
        """Return the facts of a parameter of a path.

        Parameters:
            name: its name in Lua.
            path: as the document has it.
            segment: its name in the path.
            schema: of its values.
        """
        fact: Table = {"name": name, "required": True} | _kind(self.shapes.of(schema))
        before = path.partition(f"/{{{segment}}}")[0]
        if before != path:
            fact["listed_at"] = PLACE.sub("{}", before)
        # The last one is what the call is about: the repository, not its owner.
        if segment == places(path)[-1] and not fact.get("values"):
            fact["each"] = _fields_of(name, before.rpartition("/")[2])
        return fact

    def _parameters(self, operation: ReadOperation) -> _Parameters:
        by_place: dict[tuple[str, str], Mapping[str, Any]] = {}
        for reference in operation.parameters:
            value = self.shapes.references.resolve(reference)
            if isinstance(value, Mapping) and isinstance(value.get("name"), str) and isinstance(value.get("in"), str):
                by_place[value["in"], value["name"]] = value
        path, prefix = operation.path, operation.prefix
        params = _Parameters(path, [], {}, {}, "")
        names: dict[str, str] = {}
        for segment in places(path):
            schema = _schema(by_place.get(("path", segment), {}))
            fact = self.param(free_name(snake_case(segment) or "value", names.values()), path, segment, schema)
            names[segment] = fact["name"]
            params.params.append(fact | ({"listed_at": prefix + fact["listed_at"]} if "listed_at" in fact else {}))
        faults = []
        for (where, name), value in by_place.items():
            if where == "query":
                faults.append(_add_query(params, name, value, self.shapes))
            elif where == "header" and value.get("required") and name.lower() not in _OWN_HEADERS:
                faults.append(_add_header(params, name, value, self.shapes))
            elif where not in ("path", "header", "cookie") and value.get("required"):
                faults.append(f"needs a parameter in the {where}")
        renamed = PLACE.sub(lambda match: f"{{{names[match[1]]}}}", path)
        return params._replace(path=renamed, fault=next(filter(None, faults), ""))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names.

    Parameters:
        before, after: the facts of both tables as text, by name.
    """
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"


def _fields_of(name: str, collection: str) -> list[str]:
    """Return the fields of a record that can stand in place of a parameter, the most likely first."""
    ending = name.rpartition("_")[2]
    if ending in _BY_ENDING:
        return list(dict.fromkeys((*_BY_ENDING[ending], name)))
    own = () if name == singular(snake_case(collection)) else (name,)
    return list(dict.fromkeys((*own, *_NAMES)))


def _add_header(params: _Parameters, name: str, value: Mapping[str, Any], shapes: Shapes) -> str:
    """Add a header that each request needs; return why the operation cannot be called, or an empty text."""
    schema = _schema(value)
    text = schema.get("default", next(iter(shapes.of(schema).values), None))
    if not isinstance(text, (str, int)) or not str(text).isprintable():
        return f"needs the header {name}"
    params.headers[name] = str(text)
    return ""


def _add_query(params: _Parameters, sent_as: str, value: Mapping[str, Any], shapes: Shapes) -> str:
    """Add a parameter of the query; return why the operation cannot be called without it, or an empty text."""
    schema = _schema(value)
    shape = shapes.of(schema)
    params.query[sent_as] = schema
    name = snake_case(sent_as.replace("[", "_").replace("]", ""))
    fact: dict[str, Any] = {"name": name, "sent": sent_as}
    if shape.is_list:
        items = shapes.of(shape.items, shape.inside)
        if set(items.types) - _KINDS:
            return f"needs the parameter {sent_as}, which is a list of objects" if value.get("required") else ""
        fact |= {"kind": "string", "separator": _separator(value)}
    elif shape.is_object:
        return f"needs the parameter {sent_as}, which is an object" if value.get("required") else ""
    else:
        fact |= _kind(shape)
    fact["name"] = free_name(name or "value", {*(param["name"] for param in params.params), *RESERVED, NEWEST})
    if value.get("required"):
        fact["required"] = True
    params.params.append(fact)
    return ""


def _kind(shape: Shape) -> dict[str, Any]:
    """Return the kind of a parameter, and its values if it has only some."""
    kind = shape.types[0] if len(shape.types) == 1 and shape.types[0] in _KINDS else "string"
    values = [str(value) for value in shape.values if isinstance(value, str) and value.isprintable()]
    fact: dict[str, Any] = {"kind": kind} if kind != "string" else {}
    if kind == "string" and values and len(values) == len(shape.values) <= MAX_VALUES:
        fact["values"] = values
    elif kind == "string":  # in an address, a number is a text
        fact["numeric"] = True
    return fact


def _separator(value: Mapping[str, Any]) -> str:
    """Return what stands between the items of a list in the query; empty if each is a parameter of its own."""
    if "schema" not in value and "content" not in value:  # Swagger 2.0
        form = value.get("collectionFormat", "csv")
        return "" if form == "multi" else _SEPARATORS.get(form, ",")
    style = value.get("style", "form")
    return "" if value.get("explode", style == "form") else _SEPARATORS.get(style, ",")


def _schema(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a parameter; in Swagger 2.0 that is the parameter itself."""
    schema = value.get("schema")
    if isinstance(schema, Mapping):
        return schema
    content = value.get("content")
    if isinstance(content, Mapping):
        return {"type": "object"}  # a text in another format
    return {key: value[key] for key in ("type", "enum", "items", "format", "default", "maximum") if key in value}


# Pages ------------------------------------------------------------


def has_pages(query: Iterable[str]) -> bool:
    """Return whether one of the parameters of a query selects a page."""
    names = {snake_case(name.replace("[", "_").replace("]", "")) for name in query}
    return bool(names & {*_CURSORS, *_NUMBERS, *_OFFSETS} - {"start", "from", "after", "next", "p"})


def envelope(shapes: Shapes, shape: Shape, *, is_paged: bool) -> tuple[tuple[str, ...], Shape] | None:
    """Return the keys that lead to the list in an object, and the shape of the list; None if it is no envelope.

    An object is an envelope if it has one list, and besides it only what describes the list: totals, positions, links,
    flags. If a parameter selects a page, it may also have any objects, and if it says what follows or how many there
    are, one more value and lists of plain values.
    """
    lists: list[tuple[tuple[str, ...], Shape]] = []
    others: list[str] = []
    for name, schema in shape.properties.items():
        inner = shapes.of(schema, shape.inside)
        if name == _EMBEDDED and (embedded := envelope(shapes, inner, is_paged=is_paged)):
            lists.append(((name, *embedded[0]), embedded[1]))
        elif inner.is_list:
            lists.append(((name,), inner))
        elif not _describes_list(name, inner) and not (is_paged and inner.is_object):
            others.append(name)
    if len(lists) > 1:
        lists = [entry for entry in lists if entry[0][0] not in _ABOUT_ANSWER]
    has_position = is_paged and bool(_POSITION & set(map(snake_case, shape.properties)))
    if has_position and len(lists) > 1:
        lists = [entry for entry in lists if shapes.of(entry[1].items, entry[1].inside).is_object]
    return lists[0] if len(lists) == 1 and len(others) <= has_position else None


def _describes_list(name: str, shape: Shape) -> bool:
    snake = snake_case(name)
    words = set(snake.split("_"))
    return (
        snake in {*CURSOR_KEYS, *MORE_KEYS, *TOTAL_KEYS, *_NUMBERS, *_OFFSETS, *_SIZES}
        or bool(words & {"total", "count", "page", "pages", "cursor", "next", "previous", "prev", "more", "has"})
        or snake in _BESIDE
        or (shape.types == ["boolean"] and "incomplete" in words)
    )


def element(shapes: Shapes, shape: Shape) -> str:
    """Return the key of the record in an element of a list that has its cursor beside it; empty for no such element."""
    names = list(shape.properties)
    if len(names) != 2 or "cursor" not in names:
        return ""
    other = next(name for name in names if name != "cursor")
    return other if shapes.of(shape.properties[other], shape.inside).is_object else ""


def pages(
    query: Mapping[str, Mapping[str, Any]],
    headers: Iterable[str],
    body: Shape | None,
    shapes: Shapes,
    *,
    keys: Sequence[str],
    record: Shape,
) -> tuple[dict[str, Any], Shape]:
    """Return how the pages of a list follow, in the notation of `catalogue.pages.Pages`, and the shape of its records.

    Parameters:
        query: the schemas of the parameters of the query, by name.
        headers: the names of the headers of the answer, as far as the document declares them.
        body: the envelope; None if the answer is the list.
        shapes: of the document.
        keys: the keys that lead to the list in the envelope; none if the answer is the list.
        record: the shape of the elements of the list.
    """
    by_name = {snake_case(name.replace("[", "_").replace("]", "")): name for name in query}
    wrapped = element(shapes, record) if record.is_object else ""
    own_total = [f"total_{snake_case(key)}" for key in keys[-1:]]  # `total_apps` of `apps`
    facts: dict[str, Any] = {"items": list(keys), "element": wrapped}
    facts["total"] = list(_first_path(shapes, body, (*TOTAL_KEYS[:-1], *own_total, *TOTAL_KEYS[-1:])))
    facts["more"] = list(_first_path(shapes, body, MORE_KEYS))
    size = next((by_name[name] for name in _SIZES if name in by_name), "")
    if size:
        facts |= {"size_param": size, "size": _size(shapes.of(query[size]), query[size])}
    path = list(_first_path(shapes, body, CURSOR_KEYS))
    facts |= _following(by_name, query, {name.lower() for name in headers}, path, is_wrapped=bool(wrapped))
    if wrapped:
        record = shapes.of(record.properties[wrapped], record.inside)
    if not record.is_object and record.types:
        facts["scalar"] = True
        record = Shape(properties={"value": {"type": record.types[0]}})
    return {key: value for key, value in facts.items() if value not in ("", [], None)}, record


def _following(
    by_name: Mapping[str, str],
    query: Mapping[str, Mapping[str, Any]],
    headers: Collection[str],
    path: list[str],
    *,
    is_wrapped: bool,
) -> dict[str, Any]:
    """Return the kind of pages with what belongs to it.

    Parameters:
        by_name: the parameters of the query, by their names in snake case.
        query: their schemas.
        headers: the names of the headers of the answer, in lower case.
        path: the keys that lead to a cursor or an address in the envelope; none if there is none.
        is_wrapped: whether each element has its cursor.
    """
    number, cursor, offset = (
        next((by_name[name] for name in kind if name in by_name), "") for kind in (_NUMBERS, _CURSORS, _OFFSETS)
    )
    header = next((name for name in sorted(headers) if _CURSOR_HEADER.search(snake_case(name))), "")
    in_header = {"kind": "cursor", "param": cursor or number, "cursor": [header], "cursor_in": "header"}
    in_element = {"kind": "cursor", "param": cursor, "cursor_in": "element"}
    ways: tuple[tuple[Any, dict[str, Any]], ...] = (
        ("link" in headers, {"kind": "link-header", "param": number}),
        ("next-range" in headers, {"kind": "range"}),
        (header and (cursor or number), in_header),
        (is_wrapped and cursor, in_element | {"cursor": ["cursor"]}),
        # A link in the answer needs no parameter.
        (path and (cursor or not (number or offset)), {"kind": "cursor", "param": cursor, "cursor": path}),
        (number, {"kind": "page-number", "param": number, "start": _start(query.get(number, {}))}),
        (offset and by_name.keys() & set(_SIZES), {"kind": "offset", "param": offset}),
        (cursor == "starting_after", in_element | {"cursor": ["id"]}),  # takes the id of the last record
        (cursor, {"kind": "unstated"}),
    )
    return next((facts for is_so, facts in ways if is_so), {"kind": "whole"})


def settled(facts: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the facts of a list whose pages follow in a way that the user names.

    Parameters:
        facts: of the list, as its document gives them.
        kind: of the pages, of those that need no place in the answer.
    """
    names = {"page-number": _NUMBERS, "offset": _OFFSETS}.get(kind, ())
    by_name = {snake_case(param["sent"]): param["sent"] for param in facts.get("params", ()) if "sent" in param}
    selects = next((by_name[name] for name in names if name in by_name), next(iter(names), ""))
    pages = {key: value for key, value in facts["pages"].items() if key not in ("param", "cursor", "cursor_in")}
    pages |= {"kind": kind} | ({"param": selects} if selects else {})
    params = [param for param in facts.get("params", ()) if param.get("sent") != selects or not selects]
    return {**facts, "pages": pages, "params": params}


def _first_path(shapes: Shapes, body: Shape | None, keys: Sequence[str], depth: int = 0) -> tuple[str, ...]:
    """Return the keys that lead to the first of some fields in an envelope; none if there is none."""
    if body is None or depth > MAX_ENVELOPE_DEPTH:
        return ()
    for key in keys:
        for name in body.properties:
            if snake_case(name) == key:
                inner = shapes.of(body.properties[name], body.inside)
                if not inner.is_object:
                    return (name,)
                if HREF in inner.properties:
                    return (name, HREF)
    for name in body.properties:
        inner = shapes.of(body.properties[name], body.inside)
        if inner.is_object and not inner.is_list and (path := _first_path(shapes, inner, keys, depth + 1)):
            return (name, *path)
    return ()


def _size(shape: Shape, schema: Mapping[str, Any]) -> int:
    """Return how many records of a page to ask for: the maximum, if the document says it."""
    maximum = schema.get("maximum")
    if isinstance(maximum, int) and not isinstance(maximum, bool) and maximum > 0:
        return min(maximum, MAX_SIZE)
    numbers = [value for value in shape.values if isinstance(value, int)]
    return max(numbers) if numbers else DEFAULT_SIZE


def _start(schema: Mapping[str, Any]) -> int:
    """Return the number of the first page."""
    default = schema.get("default", schema.get("minimum", 1))
    return 0 if default == 0 and not isinstance(default, bool) else 1
