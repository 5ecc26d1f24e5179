"""Add, update and remove services: read an API document in the reader, and write the facts of the service.

Some services are known by name: `known.toml` has where their documents are, and what these do not say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kosmo_kernel.catalogue.documents.derivation import differences
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.reader.reading import read
from kosmo_kernel.reader.task import Task
from kosmo_kernel.safety.intake import decode_json, read_file
from kosmo_kernel.services import SUFFIX, services_folder
from kosmo_kernel.services.document_tasks import MAX_JSON_BYTES
from kosmo_kernel.services.service import FactsFile, summary, write_facts
from kosmo_kernel.settings.private_files import locked
from kosmo_kernel.walls import wire

MAX_NAME = 40  # characters
MAX_SECONDS = 60.0  # of processor time for one document
MAX_MEMORY_BYTES = 2 << 30
MAX_FACT_VALUES = 2_000_000


class RemoteDocument(NamedTuple):
    """An API document at an address."""

    address: str
    download: Callable[[], bytes]


class KnownService(NamedTuple):
    """The known facts of a service."""

    title: str
    host: str  # of its API, by which a document is recognized; hosts below it count, too
    document: str  # the address of its API document
    variable: str  # the environment variable with its token
    token_help: str
    headers: dict[str, str] = {}
    request_id: str = "x-request-id"
    has_links: bool = False  # every list with pages has a `Link` header
    takes_token_everywhere: bool = False  # also where the document names another kind of authentication
    prefix: str = ""  # what precedes a token in its header, where the document does not say it as data

    def is_at(self, url: str) -> bool:
        """Return whether an address belongs to the API of this service."""
        host = urlsplit(url).hostname or ""
        return host == self.host or host.endswith(f".{self.host}")


_FILE = Path(__file__).with_name("known.toml")  # which has the sources
KNOWN = {name: KnownService(**facts) for name, facts in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
DOCUMENT_HOSTS = frozenset(urlsplit(service.document).netloc for service in KNOWN.values())

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TASK = Task(
    "kosmo_kernel.services.document_tasks:facts",
    "this API document",
    libraries=("yaml",),
    seconds=MAX_SECONDS,
    memory=MAX_MEMORY_BYTES,
)


def add(
    name: str, document: Path | RemoteDocument, reserved: Collection[str], *, address: str = "", replace: bool = False
) -> dict[str, Any]:
    """Add a service, and return the table of its facts, with the `changes` to the functions that it had before.

    Parameters:
        name: of the service in Lua.
        document: its API document, at an address or in a file: OpenAPI 3.0 or 3.1, or Swagger 2.0, as JSON or YAML.
        reserved: the names that a service cannot have.
        address: the address of the API, in place of what the document says.
        replace: replace a service of this name; its functions keep their names.

    Raises:
        InvalidArgumentsError: no service can have this name.
        SettingsError: the document cannot be read, or nothing in it can be called.
        LimitError: it needs too much time or memory.
        FileWriteError: the facts cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise InvalidArgumentsError(
            f"`{name[:80]}` is no name of a service: lower-case letters, digits and underscores."
        )
    if name in reserved:
        raise InvalidArgumentsError(f"A service cannot be called `{name}`: the name means something else already.")
    path = services_folder() / f"{name}{SUFFIX}"
    if path.exists() and not replace:
        raise SettingsError(f"There is a service `{name}` already. `--replace` reads its document anew.")
    with locked(services_folder()):
        before = FactsFile(path) if path.exists() else None
        table = _read(name, document, before, address)
        write_facts(path, table)
    return table


def source(name: str) -> str:
    """Return where the document of a service came from: the path of a file, or an address.

    Raises:
        SettingsError: there is no such service, or it is not known.
    """
    origin = str(FactsFile(_path(name)).service.get("source", ""))
    if not origin:
        raise SettingsError(
            f"Nothing says where the document of `{name}` is: kosmo integrations:add {name} … --replace"
        )
    return origin


def update(
    name: str, document: Path | RemoteDocument, before_write: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any]:
    """Read the document of a service again, and return the table of its facts with its `changes`.

    Parameters:
        name: of the service.
        document: the document.
        before_write: is called with the table; returns whether its facts replace those that there are.

    Raises:
        SettingsError: there is no such service, the document cannot be read, or the API is at another host, to which
            the token was not to be sent.
        LimitError: it needs too much time or memory.
        FileWriteError: the facts cannot be written.
    """
    path = _path(name)
    with locked(services_folder()):
        before = FactsFile(path)
        table = _read(name, document, before, before.service.get("given_address", ""))
        old, new = (urlsplit(service["url"]).netloc for service in (before.service, table["service"]))
        if old != new:
            raise SettingsError(
                f"The API is at {new[:100]} in this document, and the token is sent to {old} only. If that is right: "
                f"kosmo integrations:add {name} … --replace"
            )
        if before_write(table):
            write_facts(path, table)
    return table


def _read(name: str, document: Path | RemoteDocument, before: FactsFile | None, address: str) -> dict[str, Any]:
    """Return the table of facts of a document, with the `changes` to those before."""
    if isinstance(document, RemoteDocument):
        origin, content = document.address, document.download()
    else:
        origin, content = str(document.absolute()), read_file(document, SettingsError, most=MAX_JSON_BYTES)
    names = {before.function(function)["document_path"]: function for function in before.names()} if before else {}
    everywhere = name in KNOWN and KNOWN[name].takes_token_everywhere
    arguments = {"before": names, "address": address, "takes_token_everywhere": everywhere}
    result = read(_TASK, wire.pack({"arguments": arguments}, [content]))
    table: dict[str, Any] = decode_json(result, "The facts", SettingsError, most=MAX_FACT_VALUES)
    _check_address(table["service"]["url"])
    complete(name, table)
    table["service"] |= {"source": origin, "given_address": address}
    table["changes"] = list(differences(before.summary(), summary(table["functions"]))) if before else []
    return table


def _path(name: str) -> Path:
    """Return the file of a service.

    Raises:
        SettingsError: there is no such service.
    """
    path = services_folder() / f"{name}{SUFFIX}"
    if not _NAME.fullmatch(name) or not path.exists():
        raise SettingsError(f"No service `{name[:80]}` was added.")
    return path


def remove(name: str) -> None:
    """Remove a service that was added.

    Raises:
        SettingsError: there is none of this name.
    """
    path = _path(name)
    with locked(services_folder()):
        path.unlink(missing_ok=True)


def complete(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Add to the table of facts of a document what is known of the service by its name, and return it.

    Parameters:
        name: of the service.
        table: as `catalogue.documents.openapi.read` returns it.
    """
    service = table["service"]
    entry = KNOWN.get(name)
    if entry is None or not entry.is_at(service["url"]):  # another service of this name
        kind = "TOKEN" if service["authentication"]["prefix"].startswith("Bearer") else "API_KEY"
        service |= {"variable": f"{name.upper()}_{kind}", "title": service["title"] or name}
        return table
    if entry.prefix:
        service["authentication"]["prefix"] = entry.prefix
    service |= {key: getattr(entry, key) for key in ("variable", "title", "token_help", "headers", "request_id")}
    for facts in table["functions"].values() if entry.has_links else ():
        if facts.get("pages", {}).get("kind") == "unstated":
            facts["pages"]["kind"] = "link-header"
    return table


def _check_address(url: str) -> None:
    """Check the address of the API, to which tokens will be sent.

    Raises:
        SettingsError: it is none, or its connections are not encrypted.
    """
    parts = urlsplit(url)
    if not parts.netloc:
        raise SettingsError("The document does not say where the API is. `--url https://…` does.")
    is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise SettingsError(
            f"{parts.scheme}://{parts.netloc[:100]} is no https address. `--url https://…` names another."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(
            "The address of the API has a user, a query or a fragment. `--url https://…` names another."
        )


def how_to_add(name: str) -> str:
    """Return the sentence with which a service that is known by name is added; empty for another name."""
    return f"Add it: kosmo integrations:add {name}" if name in KNOWN else ""
