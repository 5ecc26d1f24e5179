"""OpenAPI 3.0 and 3.1 and Swagger 2.0: the facts of all that can be read from a service.

Each GET whose answer is JSON becomes a function. Everything else is left out, with the reason: what changes something
is never offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kosmo_kernel.catalogue.documents import names
from kosmo_kernel.catalogue.documents.derivation import Derivation, LeftOutError, ReadOperation, Table
from kosmo_kernel.catalogue.documents.shapes import DocumentError, References, Shapes
from kosmo_kernel.text import lazy_pattern

MAX_OPERATIONS = 5_000
MAX_SUMMARY, MAX_SUBJECT = 120, 60  # characters
_NO_PROSE = lazy_pattern(r"[^\w .,:;'()/+%&?!-]|://")
_JSON = lazy_pattern(r"application/(?:[\w.+-]+\+)?json|\*/\*|application/\*")
_SUCCESS = lazy_pattern(r"2\d\d|2XX|default")
_NO_CONTENT = "204"
_BEARER = {"in": "header", "name": "Authorization", "prefix": "Bearer "}


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


class _DocumentReader(Derivation):
    def __init__(self, document: Mapping[str, Any], address: str, takes_token_everywhere: bool) -> None:
        self._references = References(document)
        super().__init__(Shapes(self._references))
        self._document = document
        self._base = address or _server(document)
        self._authentication = _Authentication(document, self._references)
        self._takes_token_everywhere = takes_token_everywhere

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
                        operations[path] = self.facts(self._operation(path, item, operation))
                        continue
                    except LeftOutError as error:
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
        by_path = names.names((names.Path(path, facts["returns"]) for path, facts in operations.items()), before)
        functions: Table = {}
        all_names = set(by_path.values())
        for path, name in sorted(by_path.items(), key=lambda item: item[1]):
            function = {"document_path": path, **operations[path]}
            alias = function.pop("alias", "")
            if alias and alias not in all_names:
                function["aliases"] = [alias]
                all_names.add(alias)
            functions[name] = function
        info = self._document.get("info")
        info = info if isinstance(info, Mapping) else {}
        service = {
            "title": prose(info.get("title"), MAX_SUMMARY),
            "version": prose(info.get("version"), MAX_SUMMARY),
            "url": self._base,
            "authentication": self._authentication.facts(),
        }
        return {"service": service, "functions": functions, "records": self.records}

    def _operation(self, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> ReadOperation:
        """Return an operation.

        Raises:
            LeftOutError: it cannot be called.
        """
        prefix = self._prefix(operation.get("servers") or item.get("servers"))
        if not self._takes_token_everywhere and not self._authentication.fits(operation.get("security")):
            raise LeftOutError("it needs another kind of authentication")
        response, schema = self._response(operation)
        headers = response.get("headers")
        tag = next((tag for tag in _list(operation.get("tags")) if isinstance(tag, str)), "")
        return ReadOperation(
            path,
            [param for source in (item, operation) for param in _list(source.get("parameters"))],
            schema,
            [str(name) for name in headers] if isinstance(headers, Mapping) else [],
            prefix,
            {
                "summary": prose(operation.get("summary"), MAX_SUMMARY)
                or prose(operation.get("description"), MAX_SUMMARY),
                "alias": names.snake_case(str(operation.get("operationId") or ""))[: names.MAX_NAME],
                "subject": prose(tag, MAX_SUBJECT),
            },
        )

    def _prefix(self, servers: Any) -> str:
        """Return what comes before the path of an operation in the address of the API.

        Raises:
            LeftOutError: it has servers of its own elsewhere.
        """
        base = urlsplit(self._base)
        if isinstance(servers, list) and servers:
            own = urlsplit(_address(servers[0]))
            if own.netloc and own.netloc != base.netloc:
                raise LeftOutError(f"it is served by another host, {own.netloc[:100]}")
            return own.path.rstrip("/")
        return base.path.rstrip("/")

    def _response(self, operation: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
        """Return the response of success, and the schema of its JSON.

        Raises:
            LeftOutError: it has none.
        """
        responses = operation.get("responses")
        responses = responses if isinstance(responses, Mapping) else {}
        codes = sorted(code for code in responses if _SUCCESS.fullmatch(code))
        reason = "its answer has no content" if codes == [_NO_CONTENT] else "its answer is no JSON"
        for code in codes:
            response = self._references.resolve(responses[code])
            for schema in self._schemas(operation, response):
                return response, schema
        raise LeftOutError(reason)

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
        name: str(variable.get("default", ""))
        for name, variable in (variables.items() if isinstance(variables, Mapping) else ())
        if isinstance(variable, Mapping)
    }
    return re.sub(r"\{([^{}]*)\}", lambda match: defaults.get(match[1], ""), server["url"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class _Authentication:
    """The way a service takes its token, as a document says: the one kind that most of its operations accept.

    Parameters:
        document: the decoded document.
        references: of the document.
    """

    def __init__(self, document: Mapping[str, Any], references: References) -> None:
        components = document.get("components")
        schemes = document.get("securityDefinitions") or (
            components.get("securitySchemes") if isinstance(components, Mapping) else None
        )
        self._ways: dict[str, dict[str, str]] = {}
        for name, scheme in schemes.items() if isinstance(schemes, Mapping) else ():
            way = _way(references.resolve(scheme))
            if way:
                self._ways[name] = way
        self._default = document.get("security")
        offered = [way for way in self._offered(self._default) if way]
        self._chosen = next(iter([*offered, *self._ways.values()]), _BEARER)

    def facts(self) -> dict[str, str]:
        """Return where the token is sent: `in` a `header` or the `query`, its `name`, and the `prefix` of the token."""
        return dict(self._chosen)

    def fits(self, security: Any) -> bool:
        """Return whether an operation with such requirements can be called with the token.

        Parameters:
            security: of the operation; None for that of the document.
        """
        requirements = self._default if security is None else security
        if not isinstance(requirements, list) or not requirements:
            return True
        return any(way is None or way == self._chosen for way in self._offered(requirements)) or not self._ways

    def _offered(self, requirements: Any) -> list[dict[str, str] | None]:
        """Return the ways of alternatives that need at most one token; None for the alternative that needs no token."""
        ways: list[dict[str, str] | None] = []
        for alternative in requirements if isinstance(requirements, list) else ():
            if isinstance(alternative, Mapping) and len(alternative) <= 1:
                name = next(iter(alternative), None)
                if name is None:
                    ways.append(None)
                elif name in self._ways:
                    ways.append(self._ways[name])
        return ways


def _way(scheme: Any) -> dict[str, str] | None:
    """Return how a scheme sends a token; None for one that needs more than a token."""
    if not isinstance(scheme, Mapping):
        return None
    kind, name = scheme.get("type"), scheme.get("name")
    if kind == "apiKey" and isinstance(name, str) and name.isascii() and scheme.get("in") in ("header", "query"):
        return {"in": str(scheme["in"]), "name": name, "prefix": ""}
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and str(scheme.get("scheme")).lower() == "bearer"):
        return _BEARER
    if kind == "basic" or (kind == "http" and str(scheme.get("scheme")).lower() == "basic"):
        return {"in": "header", "name": "Authorization", "prefix": "Basic "}
    return None
