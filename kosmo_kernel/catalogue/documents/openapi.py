"""OpenAPI 3.0 and 3.1 and Swagger 2.0: the facts of all that can be read from a service.

Each GET whose answer is JSON becomes a function. Everything else is left out, with the reason: what changes something
is never offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kosmo_kernel.catalogue.documents import names, paging, secrets
from kosmo_kernel.catalogue.documents.authentication import Authentication
from kosmo_kernel.catalogue.documents.fields import SECRET
from kosmo_kernel.catalogue.documents.parameters import parameters
from kosmo_kernel.catalogue.documents.references import DocumentError, References
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.text.patterns import lazy_pattern

Table = dict[str, Any]

MAX_OPERATIONS = 5_000
MAX_SUMMARY = 120  # characters
_NO_PROSE = lazy_pattern(r"[^\w .,:;'()/+%&?!-]|://")
_JSON = lazy_pattern(r"application/(?:[\w.+-]+\+)?json|\*/\*|application/\*")
_SUCCESS = lazy_pattern(r"2\d\d|2XX|default")
_NO_CONTENT = "204"


class _LeftOutError(Exception):
    """An operation does not become a function, and why."""


def read(document: Any, before: Mapping[str, str], address: str = "", *, takes_token_everywhere: bool = False) -> Table:
    """Return the table of facts of a document.

    Parameters:
        document: the decoded document.
        before: the names of functions in an earlier version, by path, which stay.
        address: the address of the API, in place of what the document says.
        takes_token_everywhere: the service takes its token also where the document names another authentication.

    Raises:
        DocumentError: it is no document of these kinds, or nothing in it can be called.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("paths"), Mapping):
        raise DocumentError("This is no OpenAPI document: it has no `paths`.")
    version = str(document.get("openapi", document.get("swagger", "")))
    if not version.startswith(("3.0", "3.1", "2.0")):
        raise DocumentError(f"OpenAPI {version[:20] or 'of no version'} is not read; 3.0, 3.1 and Swagger 2.0 are.")
    return _DocumentReader(document, address, takes_token_everywhere).table(before)


class _DocumentReader:
    def __init__(self, document: Mapping[str, Any], address: str, takes_token_everywhere: bool) -> None:
        self._document = document
        self._references = References(document)
        self._shapes = Shapes(self._references)
        self._base = address or _server(document)
        self._authentication = Authentication(document, self._references)
        self._takes_token_everywhere = takes_token_everywhere
        self._records: dict[str, dict[str, str]] = {}  # the fields of each kind of record, by its number
        self._numbers: dict[tuple[tuple[str, str], ...], str] = {}

    def table(self, before: Mapping[str, str]) -> Table:
        operations: dict[str, Table] = {}
        left_out: list[list[str]] = []
        for path, reference in self._document["paths"].items():
            if not isinstance(path, str) or not path.startswith("/"):
                continue
            item = self._references.resolve(reference)
            for method, operation in item.items() if isinstance(item, Mapping) else ():
                reason = "it changes something, or may"
                if method == "get" and isinstance(operation, Mapping):
                    try:
                        operations[path] = self._operation(path, item, operation)
                        continue
                    except _LeftOutError as error:
                        reason = str(error)
                elif method != "post" or "search" not in path.lower():
                    continue
                left_out.append([f"{method.upper()} {path}", reason])
            if len(operations) > MAX_OPERATIONS:
                raise DocumentError(f"The document has more than {MAX_OPERATIONS:,} functions.")
        if not operations:
            raise DocumentError("Nothing in this document can be called: no GET in it answers with JSON.")
        return self._named(operations, before) | {"left_out": left_out}

    def _named(self, operations: Mapping[str, Table], before: Mapping[str, str]) -> Table:
        by_path = names.names((names.Path(path, one["returns"]) for path, one in operations.items()), before)
        functions: Table = {}
        taken = set(by_path.values())
        for path, name in sorted(by_path.items(), key=lambda item: item[1]):
            operation = {"document_path": path, **operations[path]}
            alias = operation.pop("alias")
            if alias and alias not in taken:
                operation["aliases"] = [alias]
                taken.add(alias)
            functions[name] = operation
        info = self._document.get("info")
        info = info if isinstance(info, Mapping) else {}
        service = {
            "title": prose(info.get("title"), MAX_SUMMARY),
            "version": prose(info.get("version"), MAX_SUMMARY),
            "url": self._base,
            "authentication": self._authentication.facts(),
        }
        return {"service": service, "functions": functions, "records": self._records}

    def _operation(self, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> Table:
        """Return the facts of a function.

        Raises:
            _LeftOutError: it cannot be one.
        """
        prefix = self._prefix(operation.get("servers") or item.get("servers"))
        if not self._takes_token_everywhere and not self._authentication.fits(operation.get("security")):
            raise _LeftOutError("it needs another kind of authentication")
        declared = [one for source in (item, operation) for one in _list(source.get("parameters"))]
        params = parameters(path, declared, self._references, self._shapes)
        if params.fault:
            raise _LeftOutError(f"it {params.fault}")
        response, schema = self._response(operation)
        shape = self._shapes.of(schema)
        items, body = (shape.items, None) if shape.is_list else (None, shape)
        is_paged = paging.has_pages(params.query)
        found = None if shape.is_list else paging.envelope(self._shapes, shape, is_paged=is_paged)
        keys: tuple[str, ...] = ()
        if found:
            keys, items = found[0], found[1].items
        is_list = shape.is_list or found is not None
        record = self._shapes.of(items, found[1].inside if found else shape.inside) if is_list else shape
        if not is_list and not shape.is_object:
            raise _LeftOutError("its answer is no record and no list")
        facts: Table = {
            "path": prefix + params.path,
            "returns": "list" if is_list else "record",
            "summary": prose(operation.get("summary"), MAX_SUMMARY) or prose(operation.get("description"), MAX_SUMMARY),
            "alias": names.snake_case(str(operation.get("operationId") or ""))[: names.MAX_NAME],
            "params": [
                param | ({"listed_at": prefix + param["listed_at"]} if "listed_at" in param else {})
                for param in params.params
            ],
            "headers": params.headers,
        }
        tag = next((tag for tag in _list(operation.get("tags")) if isinstance(tag, str)), "")
        facts["subject"] = prose(tag, 60)
        if is_list:
            headers = self._headers(response)
            facts["pages"], record = paging.pages(params.query, headers, body, self._shapes, keys=keys, record=record)
            # The client sets these; a call with one of them would get a part of the list.
            own = {facts["pages"].get("param"), facts["pages"].get("size_param")} - {None, ""}
            facts["params"] = [param for param in facts["params"] if param.get("sent") not in own]
        elif is_paged:  # a record with several lists, of which an answer may have parts
            facts["pages"] = {"kind": "whole"}
        facts["record"] = self._record(path, record)
        return {key: value for key, value in facts.items() if value or key == "alias"}

    def _record(self, path: str, shape: Shape) -> str:
        """Return the number of a kind of record, and keep its fields."""
        fields = self._shapes.fields_of(
            shape, lambda field, value: SECRET * (value.types != ["boolean"] and secrets.is_secret(path, field))
        )
        fields = fields or {"value": "any?"}
        if any(line.endswith(SECRET) for line in fields.values()):  # what is beside a secret may repeat it
            above = {field.rpartition(".")[0].removesuffix("[]") for field in fields}
            fields = {
                field: f"{line} | {SECRET}" if line.rstrip("?") == "object" and field not in above else line
                for field, line in fields.items()
            }
        number = self._numbers.setdefault(tuple(fields.items()), str(len(self._numbers)))
        self._records[number] = fields
        return number

    def _prefix(self, servers: Any) -> str:
        """Return what comes before the path of an operation in the address of the API.

        Raises:
            _LeftOutError: it has servers of its own elsewhere.
        """
        base = urlsplit(self._base)
        if isinstance(servers, list) and servers:
            own = urlsplit(_address(servers[0]))
            if own.netloc and own.netloc != base.netloc:
                raise _LeftOutError(f"it is served by another host, {own.netloc[:100]}")
            return own.path.rstrip("/")
        return base.path.rstrip("/")

    def _response(self, operation: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
        """Return the response of success, and the schema of its JSON.

        Raises:
            _LeftOutError: it has none.
        """
        responses = operation.get("responses")
        responses = responses if isinstance(responses, Mapping) else {}
        codes = sorted(code for code in responses if _SUCCESS.fullmatch(code))
        reason = "its answer has no content" if codes == [_NO_CONTENT] else "its answer is no JSON"
        for code in codes:
            response = self._references.resolve(responses[code])
            for schema in self._schemas(operation, response):
                return response, schema
        raise _LeftOutError(reason)

    def _schemas(self, operation: Mapping[str, Any], response: Any) -> Iterator[Any]:
        if not isinstance(response, Mapping):
            return
        content = response.get("content")
        if isinstance(content, Mapping):
            for kind, media in content.items():
                if _JSON.fullmatch(str(kind).partition(";")[0].strip().lower()) and isinstance(media, Mapping):
                    yield media.get("schema", {})
        elif "schema" in response:  # Swagger 2.0
            produces = _list(operation.get("produces", self._document.get("produces", ["application/json"])))
            if not produces or any(_JSON.fullmatch(str(kind).partition(";")[0]) for kind in produces):
                yield response["schema"]

    def _headers(self, response: Mapping[str, Any]) -> list[str]:
        headers = response.get("headers")
        return [str(name) for name in headers] if isinstance(headers, Mapping) else []


def prose(value: Any, most: int) -> str:
    """Return the beginning of a text of a document, in letters, digits and marks that mean nothing in any format."""
    words = " ".join(_NO_PROSE.sub(" ", value).split()) if isinstance(value, str) else ""
    return words if len(words) <= most else words[: most - 1].rpartition(" ")[0] + "…"


def _server(document: Mapping[str, Any]) -> str:
    """Return the address of the API, without a slash at its end; empty if the document does not say it."""
    if "swagger" in document:
        schemes = [scheme for scheme in _list(document.get("schemes")) if isinstance(scheme, str)]
        scheme = "https" if not schemes or "https" in schemes else schemes[0]
        host, base = document.get("host"), str(document.get("basePath", ""))
        return f"{scheme}://{host}{base}".rstrip("/") if isinstance(host, str) and host else ""
    addresses = [_address(server) for server in _list(document.get("servers"))]
    return next((address for address in addresses if "://" in address), "").rstrip("/")


def _address(server: Any) -> str:
    """Return the address of a server, its variables replaced by their defaults."""
    if not isinstance(server, Mapping) or not isinstance(server.get("url"), str):
        return ""
    variables = server.get("variables")
    defaults = {
        name: str(one.get("default", ""))
        for name, one in (variables.items() if isinstance(variables, Mapping) else ())
        if isinstance(one, Mapping)
    }
    return re.sub(r"\{([^{}]*)\}", lambda match: defaults.get(match[1], ""), server["url"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
