"""Heroku's look-alike with canaries in place of the secrets of its answers, and what tells that answers were seen.

A canary is a text that stands nowhere else and is different each time. It is planted in each field that the facts call
secret, in the parts of an address that must not leave the client, in unknown fields of things that hold secrets, and in
all that an error about them says. A marker is such a text in a field that anybody may see: a test that finds no canary
where it finds the markers has looked at the right place.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID
from wsgiref.types import StartResponse, WSGIEnvironment

from kosmo_kernel.catalogue import Function
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker
from kosmo_kernel.integrations.heroku.demo.records import Routes
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts, guarded_parts
from kosmo_kernel.integrations.heroku.fields import HOST, SECRET, FieldFact

CANARY = re.compile(r"kanari\d{9}", re.IGNORECASE)
UNKNOWN_ID = "01234567-89ab-cdef-0123-456789abcdef"
FAULTS = ("refused", "not JSON", "a text", "second page")

Record = dict[str, Any]


def secret_functions() -> list[Function]:
    """Return the functions whose records hold secrets, or have a secret field."""
    return [one for one in HEROKU.functions if one.guarded or one.guarded_parts or one.secrets]


def arguments(function: Function) -> dict[str, Any]:
    """Return arguments for a function: those of its example, and others of the same form where it has none."""
    needed = {"integer": 1, "UUID": UNKNOWN_ID}
    return {
        param.name: param.example or needed.get(param.kind) or (UNKNOWN_ID if "0-9a-fA-F" in param.pattern else "x")
        for param in function.simplest_call
    }


class PlantedApi:
    """The look-alike, with canaries. A WSGI application; threads may share it.

    Parameters:
        rows: how many records a page of a list has.
        pages: how many pages a list has; all but the last are answered with status 206.

    Attributes:
        fault: what goes wrong, one of `FAULTS`; empty for nothing.
        planted: how many canaries are in the answers so far.
        shown: the markers in the answers so far, by the function's address.
    """

    def __init__(self, *, rows: int = 2, pages: int = 2) -> None:
        self.fault = ""
        self._rows, self._pages = rows, pages
        self._api = DemoApi(company(), capacity=10**9)
        self._make = Maker(company(), lambda *_: (), timedelta(0))
        self._routes = Routes(facts().links)
        self._lock = threading.Lock()
        self._canaries, self._markers = count(), count()
        self.planted = 0
        self.shown: dict[str, list[str]] = defaultdict(list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: as the look-alike does if nothing of what is asked for is a secret."""
        found = self._routes.match(environ["PATH_INFO"])
        # `database_canaries.py` has those of the API of databases, whose answers have another form.
        if not found or found.link.host or not has_secrets(found.link):
            return self._api(environ, start_response)
        if self.fault and not has_secret_fields(found.link):
            return self._api(environ, start_response)
        with self._lock:
            status, headers, body = self._answer(environ, found.link)
        own = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(status, [*own, *headers])
        return [body]

    def _answer(self, environ: WSGIEnvironment, link: LinkFact) -> tuple[str, list[tuple[str, str]], bytes]:
        page = int((re.search(r"page(\d+)", environ.get("HTTP_RANGE", "")) or [0, 1])[1])
        guarded = is_guarded(link)
        headers = [("ETag", f'W/"{self.planted}"')]  # so that it is cached
        headers += [("Request-Id", self._marker(link))] if self.fault else []
        headers += [("X-Heroku-Warning", self._canary()), ("Location", self._canary())] if guarded else []
        if self.fault and not (self.fault == "second page" and page == 1):
            status, body = self._failure(link)
            return status, headers, body
        if link.returns == "list" and fields_of(link):
            value: Any = [self._planted(one, link, guarded) for one in self._list(environ, link)]
            if page < self._pages or self.fault:
                headers.append(("Next-Range", f"id ]page{page + 1}..; max={self._rows}"))
                return "206 Partial Content", headers, json.dumps(value).encode()
        elif fields_of(link):
            value = self._planted(self._record(environ, link), link, guarded)
        else:  # names with secret values
            value = {f"NAME_{self._marker(link)}": self._canary() for _ in range(self._rows * self._pages)}
        return "200 OK", headers, json.dumps(value).encode()

    def _failure(self, link: LinkFact) -> tuple[str, bytes]:
        said = {"message": self._canary(), "url": f"https://{self._canary()}.example/{self._canary()}"}
        if self.fault == "not JSON":
            return "200 OK", f'[{{"name": "{self._canary()}", "token": "{self._canary()}"}}] {self._canary()}'.encode()
        if self.fault == "a text":
            return "200 OK", json.dumps(self._canary()).encode()
        return "403 Forbidden", json.dumps({"id": self._marker(link), "resource": self._canary(), **said}).encode()

    def _list(self, environ: WSGIEnvironment, link: LinkFact) -> Iterator[Record]:
        """Yield the records of one page: the look-alike's, then others of the same kind."""
        own = self._asked(environ)
        for n in range(self._rows):
            record = own[n] if isinstance(own, list) and n < len(own) else self._make(link.resource, f"{n}")
            yield record | ({"id": str(UUID(int=next(self._markers)))} if "id" in record else {})

    def _record(self, environ: WSGIEnvironment, link: LinkFact) -> Record:
        own = self._asked(environ)
        return own if isinstance(own, dict) else self._make(link.resource, "one")

    def _asked(self, environ: WSGIEnvironment) -> Any:
        """Return what the look-alike answers; None for an error."""
        head: list[str] = []
        asked = environ | {"HTTP_ACCEPT_ENCODING": "", "HTTP_RANGE": f"id ..; max={self._rows}"}
        body = b"".join(self._api(asked, lambda status, *_: head.append(status)))  # type: ignore[arg-type]
        return json.loads(body) if head[0].startswith("20") else None

    # Planting -----------------------------------------------------------------------------------------

    def _planted(self, record: Record, link: LinkFact, guarded: bool) -> Record:
        fields = fields_of(link)
        seen = next((one for one in fields if _is_plain(one)), None)
        if seen:
            _put(record, seen.name, lambda: self._marker(link))
        if guarded:
            self._add_unknown(record)
        for part in parts_of(link):
            _put(record, f"{part}.private_key", self._canary)
            self._add_unknown(_at(record, part))
        for field in fields:
            if field.mark:
                _put(record, field.name, partial(self._secret, field))
        return record

    def _secret(self, field: FieldFact) -> Any:
        if field.mark != SECRET:
            host = "logs.example" if field.mark == HOST else "git.example"
            path = self._canary() if field.mark == HOST else "a/pack"
            credentials = f"{self._canary()}:{self._canary()}@"
            return f"https://{credentials}{host}/{path}?token={self._canary()}#{self._canary()}"
        if field.kind == "object":
            return {self._canary(): self._canary(), "list": [self._canary(), {"deep": self._canary()}]}
        if field.kind == "array":
            return [self._canary()]
        return f'https://u:{self._canary()}@files.example/{self._canary()} "and" {self._canary()}\n'

    def _add_unknown(self, value: Any) -> None:
        """Add fields that no facts have to an object and to all objects in it."""
        for inner in list(value.values() if isinstance(value, dict) else value):
            if isinstance(inner, (dict, list)):
                self._add_unknown(inner)
        if isinstance(value, dict):
            value |= {self._canary(): self._canary(), "unknown": {"deep": [self._canary()]}}
            value |= {"private_key": self._canary(), "token": self._canary(), "x_canary": self._canary()}

    def _canary(self) -> str:
        self.planted += 1
        return f"kanari{next(self._canaries):09d}"

    def _marker(self, link: LinkFact) -> str:
        marker = "zeisig" + "".join(chr(ord("a") + int(digit)) for digit in f"{next(self._markers):09d}")
        self.shown[link.path].append(marker)
        return marker

    def unseen(self, text: str) -> list[str]:
        """Return the addresses of which a text has no marker."""
        return [path for path, markers in self.shown.items() if not any(marker in text for marker in markers)]


@contextmanager
def planted_api(**options: Any) -> Iterator[tuple[PlantedApi, dict[str, str]]]:
    """Yield the look-alike with canaries on a real port, and the environment that leads there."""
    api = PlantedApi(**options)
    with serve(api) as served:
        yield api, {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "0"}


def fields_of(link: LinkFact) -> list[FieldFact]:
    return facts().fields(link.resource)


def is_guarded(link: LinkFact) -> bool:
    return link.resource in facts().guarded or link.owner in facts().guarded


def has_secrets(link: LinkFact) -> bool:
    return has_secret_fields(link) or bool(parts_of(link))


def has_secret_fields(link: LinkFact) -> bool:
    """Return whether errors do not quote Heroku."""
    return is_guarded(link) or any(field.mark for field in fields_of(link))


def parts_of(link: LinkFact) -> tuple[str, ...]:
    """Return the dotted names of the objects in the records that hold secrets."""
    names = [field.name for field in fields_of(link) if "[]" not in field.name]
    return () if is_guarded(link) else guarded_parts(names)


def _is_plain(field: FieldFact) -> bool:
    plain = field.kind == "string" and not (field.mark or field.values or field.format)
    return plain and "." not in field.name and "[]" not in field.name


def _at(value: Any, name: str) -> Any:
    for key in name.split("."):
        value = value[key]
    return value


def _put(value: Any, name: str, make: Callable[[], Any]) -> None:
    """Set a field by its dotted name, in each item of lists on the way; make what is missing there."""
    first, _, rest = name.partition(".")
    key, is_list, _ = first.partition("[]")
    if not rest:
        value[key] = make()
    elif is_list:
        if not value.get(key):
            value[key] = [{}]
        for item in value[key]:
            _put(item, rest, make)
    else:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        _put(value[key], rest, make)
