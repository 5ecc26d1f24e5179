"""The look-alike of the API of databases, with canaries in the fields in which it sends secrets, in its own form.

These are addresses with a user and a password, signed addresses of backups, what they log, the rows of `info` that have
addresses of other databases, and any field that the facts do not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from canaries import PlantedApi, Record

from kosmo_kernel.catalogue import Function
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.integrations.heroku.facts import LinkFact

# What stands in the records of each resource in place of a secret: an address, a text, or an object of texts.
_URL, _TEXT, _OBJECT = "url", "text", "object"
_FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "database": {
            **dict.fromkeys(("resource_url", "following", "forked_from", "url"), _URL),
            **dict.fromkeys(("database_user", "database_password", "private_key", "customer_encryption_key"), _TEXT),
            "credentials": _OBJECT,
        },
        "database-setting": {"secret": _TEXT},
        "backup": {"from_url": _URL, "to_url": _URL, "options": _OBJECT, "logs": _OBJECT, "public_url": _URL},
        "backup-schedule": {"callback_url": _URL},
        "maintenance": {"callback_url": _URL},
    }
)
# A field of the records of each resource that anybody may see.
_SEEN = {"database": "region", "backup": "from_name", "backup-schedule": "timezone", "maintenance": "window"}


class PlantedDatabases(PlantedApi):
    """The look-alike, with canaries in the answers of the API of databases.

    Parameters:
        copies: how many unknown fields and rows of addresses each record has.
    """

    def __init__(self, *, copies: int = 3) -> None:
        super().__init__()
        self._copies = copies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: as the look-alike does, with canaries."""
        found = self._routes.match(environ["PATH_INFO"])
        if not found or found.link.host != "data":
            return self._api(environ, start_response)
        with self._lock:
            status, body = self._failure(found.link) if self.fault else self._said(environ, found.link)
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _said(self, environ: WSGIEnvironment, link: LinkFact) -> tuple[str, bytes]:
        value = self._asked(environ)
        if value is None:
            return self._failure(link)
        for record in _records(value, link):
            self._plant(record, link)
        return "200 OK", json.dumps(value).encode()

    def _plant(self, record: Record, link: LinkFact) -> None:
        choices = record.pop("values", None)  # its keys are the words that a setting takes
        self._add_unknown(record)
        record |= {"values": choices} if choices is not None else {}
        for field, kind in _FIELDS[link.resource].items():
            record[field] = self._secret_of_kind(kind)
        for number in range(self._copies):
            record[f"unknown_{number}"] = {"deep": [self._url(), {"deeper": self._canary()}]}
        if link.resource == "database-setting":
            record |= {"value": self._marker(link), "desc": f"As in {self._url()}."}
            return
        record[_SEEN[link.resource]] = self._marker(link)
        if link.resource == "database" and isinstance(record.get("info"), list):
            record["info"] += self._rows_of_info()

    def _rows_of_info(self) -> Iterator[Record]:
        for name in ("Following", "Followers", "Forks", "Forked From", "Status", "PG Version"):
            yield {"name": name, "values": [self._url() for _ in range(self._copies)], "resolve_db_name": True}
        yield {"name": "Customer Encryption Key", "values": [self._canary()]}
        yield {"name": self._canary(), "values": [self._canary()]}
        yield {"name": "Warning", "values": [f"Move to {self._url()}", self._url()]}

    def _secret_of_kind(self, kind: str) -> Any:
        if kind == _URL:
            return self._url()
        return self._canary() if kind == _TEXT else {"message": self._canary(), "rows": [self._url(), self._canary()]}

    def _url(self) -> str:
        return f"postgres://{self._canary()}:{self._canary()}@db.example:5432/{self._canary()}?token={self._canary()}"


def _records(value: Any, link: LinkFact) -> list[Record]:
    if link.resource == "database-setting":
        return [*value.values()]
    rows = value.get("maintenances", [value]) if isinstance(value, dict) else value
    return [row for row in rows if isinstance(row, dict)]


@contextmanager
def planted_databases(**options: Any) -> Iterator[tuple[PlantedDatabases, dict[str, str]]]:
    """Yield the look-alike on a real port, and the environment that leads there."""
    api = PlantedDatabases(**options)
    with serve(api) as served:
        yield api, {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "0"}


def functions_of_databases() -> list[Function]:
    """Return the functions of the API of databases."""
    return [one for one in HEROKU.functions if any(link.host == "data" for link in one.links)]
