"""An integration made from the facts of a service: its functions, and the HTTP that most services have in common."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kosmo_kernel.catalogue import Function, FunctionTable, Integration
from kosmo_kernel.catalogue.documents.facts import function, summary_of
from kosmo_kernel.catalogue.documents.paging import settled
from kosmo_kernel.catalogue.http import Credentials, ErrorBody, Pages, Response
from kosmo_kernel.catalogue.integration import FunctionOutline, FunctionSummary
from kosmo_kernel.catalogue.validation import function_mistakes
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.services.facts_file import FactsFile
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import OPEN_FIELDS, PAGES
from kosmo_kernel.text.paths import value_at

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
    made = function(
        service,
        name,
        of_function,
        facts.fields(of_function["record"]),
        frozenset([opened] if isinstance(opened, str) else opened),
    )
    mistakes = list(function_mistakes(made))
    if mistakes:
        raise SettingsError(f"The function {service}.{name} cannot be made: it {'; '.join(mistakes)}.")
    return made


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
        found = _value(body, path)
        if isinstance(found, (str, int)) and not isinstance(found, bool) and str(found).strip():
            return str(found).strip()[:MAX_MESSAGE]
    return ""


def _value(body: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if key.isdecimal():
            body = body[int(key)] if isinstance(body, list) and len(body) > int(key) else None
        else:
            body = value_at(body, (key,))
    return body
