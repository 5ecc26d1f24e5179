"""An integration made from the facts of a service: its functions, and the HTTP that most services have in common.

The facts are a file of JSON lines, of which only those are decoded that a call needs. The first line has what belongs
to the service, and for each function and each kind of record the number of its line:

    {"format": 1, "service": {"title": …, "url": …}, "functions": {"list_repos": [5, ["repos_list"]]}, "records": {…}}

Every other line is a function or the fields of a kind of record.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from kosmo_kernel.catalogue import Function, FunctionTable, Integration, Link, Param
from kosmo_kernel.catalogue.documents.derivation import settled
from kosmo_kernel.catalogue.documents.fields import columns, field_doc, read_field
from kosmo_kernel.catalogue.http import Credentials, ErrorBody, Pages, Response
from kosmo_kernel.catalogue.integration import FunctionOutline, FunctionSummary, function_mistakes
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.intake import decode_json, read_file
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.private_files import write
from kosmo_kernel.settings.table import OPEN_FIELDS, PAGES
from kosmo_kernel.text import value_at

FORMAT = 1
MAX_BYTES = 32 << 20
UNSTATED = "Neither the document nor the answers say how this list ends, so nobody knows whether it is complete."
_WHOLE = "The document names no pages for this list. An answer with a sign of more is an error."
MAX_ERROR_VALUES = 10_000  # in the body of an error
MAX_MESSAGE = 1_000  # characters of an error that are kept
LABELS = ("name", "full_name", "login", "title", "email", "summary", "slug")  # the fields that stand for a record
# Where error bodies have their message and their code; the first that is a text counts.
_MESSAGES = (
    *(("message",), ("error", "message"), ("errors", "0", "message"), ("errors", "0", "detail"), ("detail",)),
    *(("error_description",), ("error",), ("title",), ("errors", "0")),
)
_CODES = (("code",), ("error", "code"), ("error", "type"), ("errors", "0", "code"), ("type",), ("id",))
_ADDRESSES = (("documentation_url",), ("url",), ("doc_url",))


class FactsFile:
    """The facts of a service, read from a file.

    Parameters:
        path: the file.

    Raises:
        SettingsError: it cannot be read, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = read_file(path, SettingsError, most=MAX_BYTES).split(b"\n")
        head = self._line(0)
        if head.get("format") != FORMAT:
            raise SettingsError(f"{path} is no file of a service of this version. Add the service again.")
        self.service: dict[str, Any] = head["service"]
        self.left_out: list[list[str]] = self._line(head["left_out"])["left_out"]
        self._functions: dict[str, list[Any]] = head["functions"]
        self._records: dict[str, int] = head["records"]

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the name of each function with its other names."""
        return {name: tuple(others) for name, (_, others) in self._functions.items()}

    def summary(self) -> dict[str, str]:
        """Return what identifies each function; see `summary`."""
        return summary({name: self.function(name) for name in self._functions})

    def function(self, name: str) -> dict[str, Any]:
        """Return the facts of a function.

        Raises:
            KeyError: there is none.
        """
        return self._line(self._functions[name][0])

    def fields(self, record: str) -> dict[str, str]:
        """Return the facts of the fields of a kind of record, by dotted name."""
        return self._line(self._records[record])

    def _line(self, number: int) -> dict[str, Any]:
        line = self._lines[number] if number < len(self._lines) else b""
        value = decode_json(line, f"{self._path}:{number + 1}", SettingsError)
        if not isinstance(value, dict):
            raise SettingsError(f"{self._path}:{number + 1} has no facts.")
        return value


def summary(functions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the facts about functions by which a newer document differs: the path, the parameters and the pages."""
    return {
        name: f"{facts['path']} ({', '.join(param['name'] for param in facts.get('params', ()))})"
        f" {facts.get('pages', {}).get('kind', '')}".rstrip()
        for name, facts in functions.items()
    }


def write_facts(path: Path, table: Mapping[str, Any]) -> None:
    """Write the facts of a service, as `openapi.read` returns them.

    Raises:
        FileWriteError: the file cannot be written; it is unchanged.
    """
    lines: list[Any] = [{"left_out": table["left_out"]}]
    functions, records = dict[str, list[Any]](), dict[str, int]()
    for name, facts in table["functions"].items():
        lines.append(facts)
        functions[name] = [len(lines), facts.get("aliases", [])]
    for number, fields in table["records"].items():
        lines.append(fields)
        records[number] = len(lines)
    head = {"format": FORMAT, "service": table["service"], "functions": functions, "records": records, "left_out": 1}
    write(path, "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in [head, *lines]))


def integration(name: str, path: Path) -> Integration:
    """Return the integration of a service.

    Parameters:
        name: of the service.
        path: the file with its facts.

    Raises:
        SettingsError: the file cannot be read, or is no such file.
    """
    facts = FactsFile(path)
    try:
        return _integration(name, facts)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"{path} has no valid facts ({type(error).__name__}). Add the service again.") from error


def _integration(name: str, facts: FactsFile) -> Integration:
    service = facts.service
    url = urlsplit(service["url"])
    authentication = service["authentication"]
    variable = service["variable"]
    return Integration(
        name=name,
        title=service["title"],
        description=f"{len(facts.names()):,} functions, made from the API document of the service.",
        base_url=f"{url.scheme}://{url.netloc}",
        functions=FunctionTable(
            facts.names,
            partial(_make, name, facts),
            partial(_outlines, facts),
            partial(_summaries, facts),
            only_reads=True,
        ),
        credentials=Credentials(
            env=variable,
            url_env=(f"{name.upper()}_API_URL",),
            hosts=(url.hostname or "",),
            token_help=(service.get("token_help") or f"The documentation of {service['title']} says how.",),
            headers=partial(_token_headers, authentication),
            query=authentication["name"] if authentication["in"] == "query" else "",
        ),
        headers={"Accept": "application/json", **service.get("headers", {})},
        labels=LABELS,
        pages=Pages(),
        read_error=read_error,
        request_id=service.get("request_id", "x-request-id"),
        left_out=partial(_left_out, facts),
        demo="kosmo_kernel.demo.service_api:in_process",
        is_from_document=True,
    )


def _make(service: str, facts: FactsFile, name: str) -> Function:
    """Return a function of a service.

    Raises:
        KeyError: there is none.
        SettingsError: the facts are no function; the message has the mistakes.
    """
    of_function = facts.function(name)
    own = config().get("integrations", service) or {}
    opened = own.get(OPEN_FIELDS.name, ())
    if (kind := own.get(PAGES.name, {}).get(name)) and of_function["returns"] == "list":
        of_function = settled(of_function, kind)
    result = function(
        service,
        name,
        of_function,
        facts.fields(of_function["record"]),
        frozenset([opened] if isinstance(opened, str) else opened),
    )
    mistakes = list(function_mistakes(result))
    if mistakes:
        raise SettingsError(f"The function {service}.{name} cannot be made: it {'; '.join(mistakes)}.")
    return result


def _outlines(facts: FactsFile) -> Iterator[FunctionOutline]:
    fields: dict[str, str] = {}  # by the kind of record, which many functions may return
    for name in facts.names():
        function = facts.function(name)
        record, params = function["record"], function.get("params", ())
        if record not in fields:
            fields[record] = " ".join(facts.fields(record))
        yield FunctionOutline(
            name,
            function["path"],
            function["returns"],
            summary_of(name, function),
            names=" ".join(function.get("aliases", ())),
            text=" ".join((function["path"], *(param["name"] for param in params))),
            fields=fields[record],
        )


def _summaries(facts: FactsFile) -> list[FunctionSummary]:
    functions = ((name, facts.function(name)) for name in facts.names())
    return [
        FunctionSummary(name, function.get("subject", ""), summary_of(name, function)) for name, function in functions
    ]


def _left_out(facts: FactsFile) -> Iterator[tuple[str, str]]:
    return ((path, f"{reason[:1].upper()}{reason[1:]}.") for path, reason in facts.left_out)


def _token_headers(authentication: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the headers that send a token."""
    if authentication["in"] != "header":
        return {}
    prefix = authentication["prefix"]
    # A token of a service with a user and a password is both, separated by a colon.
    text = b64encode(token.encode()).decode() if prefix.startswith("Basic") else token
    return {authentication["name"]: f"{prefix}{text}"}


def read_error(reply: Response) -> ErrorBody | None:
    """Return the content of an error in one of the usual forms; None if the body is something else."""
    try:
        body = decode_json(reply.body, "An error", ValueError, most=MAX_ERROR_VALUES)
    except ValueError:
        return None
    message = _first_text(body, _MESSAGES)
    if not message:
        return None
    return ErrorBody(_first_text(body, _CODES) or None, message, _first_text(body, _ADDRESSES) or None)


def _first_text(body: Any, paths: tuple[tuple[str, ...], ...]) -> str:
    for path in paths:
        text = _value(body, path)
        if isinstance(text, (str, int)) and not isinstance(text, bool) and str(text).strip():
            return str(text).strip()[:MAX_MESSAGE]
    return ""


def _value(body: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if key.isdecimal():
            body = body[int(key)] if isinstance(body, list) and len(body) > int(key) else None
        else:
            body = value_at(body, (key,))
    return body


def function(
    service: str,
    name: str,
    facts: Mapping[str, Any],
    fields: Mapping[str, str],
    opened: frozenset[str] = frozenset(),
) -> Function:
    """Return a function.

    Parameters:
        service: the name of its service in Lua.
        name: of the function.
        facts: about the function.
        fields: the facts of the fields of its records, by dotted name.
        opened: names of fields that are not hidden, although their names are those of secrets.

    Raises:
        ValueError: the facts are none of this package.
    """
    of_record = [read_field(field, line) for field, line in fields.items()]
    of_record = [field._replace(mark="") if field.name.rpartition(".")[2] in opened else field for field in of_record]
    params = tuple(_param(param) for param in facts.get("params", ()))
    pages = Pages.of(facts["pages"]) if "pages" in facts else None
    unfinished = Function(
        name=name,
        summary=summary_of(name, facts),
        description="\n\n".join(_sentences(facts, pages)),
        links=(Link(facts["path"]),),
        returns=facts["returns"],
        columns=tuple(columns(of_record, field_doc)),
        params=tuple(sorted(params, key=lambda param: not param.required)),
        aliases=tuple(facts.get("aliases", ())),
        subject=facts.get("subject", ""),
        pages=pages,
        headers=facts.get("headers", {}),
        is_closed=True,
        opened=opened,
        in_snapshot=facts["returns"] == "list" and not any(param.required for param in params),
    )
    return replace(
        unfinished,
        example=f"return app.integrations.{service}.{unfinished.example_call}\n",
        own_errors=bool(unfinished.secrets),
    )


def summary_of(name: str, facts: Mapping[str, Any]) -> str:
    """Return what a function is about, one short line; the words of its name if the document does not say it."""
    return facts.get("summary") or _words(name.partition("_")[2]).capitalize()


def _sentences(facts: Mapping[str, Any], pages: Pages | None) -> Iterator[str]:
    yield f"`GET {facts['path']}`"
    if pages and pages.kind == "unstated":
        yield UNSTATED
    elif pages and pages.kind == "whole" and facts["returns"] == "list":
        yield _WHOLE


def _param(fact: Mapping[str, Any]) -> Param:
    name, values = fact["name"], tuple(fact.get("values", ()))
    each = tuple(fact.get("each", ()))
    words = _words(name)
    return Param(
        name=name,
        doc=f"The {words}; a list gives one request for each" if each else f"The {words}",
        kind=fact.get("kind", "string"),
        required=bool(fact.get("required")),
        each=each,
        query="sent" in fact,
        sent_as=fact.get("sent", ""),
        separator=fact.get("separator"),
        numeric=bool(fact.get("numeric")),
        values=values,
        listed_at=fact.get("listed_at", ""),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
