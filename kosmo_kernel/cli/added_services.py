"""`kosmo integrations:add`, `:update` and `:remove`: services from API documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from kosmo_kernel import integrations
from kosmo_kernel.accounts.account import RESERVED
from kosmo_kernel.catalogue.documents.fields import SECRET
from kosmo_kernel.cli.command import CommandResult, command, print_result
from kosmo_kernel.cli.options import integration_names, known_services
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.services.adding import DOCUMENT_HOSTS, KNOWN, RemoteDocument, source
from kosmo_kernel.services.adding import add as add_service
from kosmo_kernel.services.adding import remove as remove_service
from kosmo_kernel.services.adding import update as update_service
from kosmo_kernel.services.document_tasks import MAX_JSON_BYTES
from kosmo_kernel.text import counted, listed

MAX_NAMES = 8  # fields that are hidden, in the output for people
MAX_REASONS = 5  # operations that are left out
NAMESPACES = ("app", "mcp", "tables", "integrations")  # names in Lua that a service must not hide


@command(
    "integrations:add",
    "kosmo integrations:add github",
    "kosmo integrations:add tracker tracker-openapi.json",
    "kosmo integrations:add jupyter api.yaml --url http://127.0.0.1:8888",
)
@click.argument("name", shell_complete=known_services)
@click.argument("api_document", metavar="[DOCUMENT]", default="")
@click.option("--url", metavar="URL", default="", help="The address of the API, in place of the document's.")
@click.option("--replace", is_flag=True, help="Read a newer document of a service; its functions keep their names.")
def add(*, name: str, api_document: str, url: str, replace: bool) -> CommandResult:
    """Add a service, from its API document.

    NAME is its name in Lua: app.integrations.NAME. DOCUMENT is a file or an https address with OpenAPI 3.0 or 3.1, or
    Swagger 2.0, as JSON or YAML; of services that are known by name, such as github, it is downloaded. Every GET
    becomes a function; nothing that changes something does. Tokens are sent to the host of the API only, not to the
    address of the document, and fields with names of secrets are hidden.

    With --json: `functions`, `lists` by the kind of their pages, `hidden` fields, `host`, `variable`, `left_out`, and
    with --replace `changes`.
    """
    if not api_document and name not in KNOWN:
        raise click.UsageError(
            f"Where is the document of `{name[:80]}`? kosmo integrations:add {name[:80]} DOCUMENT. Known by name are "
            f"{', '.join(KNOWN)}."
        )
    origin = api_document or KNOWN[name].document
    table = add_service(name, _document(name, origin), _taken(), address=url.rstrip("/"), replace=replace)
    facts = _facts(name, table)
    lists = ", ".join(f"{number:,} {kind}" for kind, number in facts["lists"].items())
    added = f"Added {facts['title']}: {counted(facts['functions'], 'function')}. Try: {facts['example']}\n"
    hidden = dict.fromkeys(field.rpartition(".")[2] for field in facts["hidden"])
    rows = [
        ("Tokens", f"from {facts['variable']}, or kosmo accounts:add default --integration {name}; to {facts['host']}"),
        ("Lists", f"{lists or 'none'}"),
        ("Hidden", listed(list(hidden), MAX_NAMES) or "no field has the name of a secret"),
        ("Left out", counted(len(facts["left_out"]), "operation")),
    ]
    rows += [("", f"{operation['path']}: {operation['reason']}") for operation in facts["left_out"][:MAX_REASONS]]
    return CommandResult({"integration": name} | facts, added, rows, *facts["changes"])


@command("integrations:update", "kosmo integrations:update github", "kosmo integrations:update github --check")
@click.argument("name", shell_complete=integration_names)
@click.option("--check", is_flag=True, help="Show what would change, and change nothing.")
def update(*, name: str, check: bool, as_json: bool) -> int:
    """Read the document of an added service again.

    The document is read from where it was when the service was added. What is added (+), dropped (-) and changed (~) is
    printed before it is written; functions keep their names. If the API is at another host in the newer document,
    nothing is changed.
    """

    def announce(table: Mapping[str, Any]) -> bool:
        for line in () if as_json else table["changes"]:
            print_result(line)
        return not check

    table = update_service(name, _document(name, source(name)), announce)
    changes, title = table["changes"], table["service"]["title"]
    facts = {"integration": name, "changes": changes, "done": "nothing" if check else "updated"}
    summary = f"{counted(len(changes), 'function')} of {title} {'would change' if check else 'changed'}."
    return CommandResult(facts, summary).print(as_json=as_json)


def _document(name: str, origin: str) -> Path | RemoteDocument:
    """Return the document of a service: at an address, or in a file."""
    if not origin.startswith(("https://", "http://")):
        return Path(origin)

    def read() -> bytes:
        from kosmo_kernel.client.network import download

        # The address of a known document leads to its hosts only; an address that the user names leads anywhere.
        hosts = DOCUMENT_HOSTS if name in KNOWN and origin == KNOWN[name].document else ()
        try:
            return download(origin, MAX_JSON_BYTES, hosts)
        except SettingsError as error:
            raise SettingsError(
                f"{error.message} A document in a file needs no network: kosmo integrations:add {name} FILE"
            ) from error

    return RemoteDocument(origin, read)


@command("integrations:remove", "kosmo integrations:remove github")
@click.argument("name", shell_complete=integration_names)
def remove(*, name: str) -> CommandResult:
    """Remove a service that was added.

    Its accounts stay; `kosmo accounts:remove` removes them.
    """
    remove_service(name)
    return CommandResult({"integration": name, "done": "removed"}, f"Removed {name}.")


def _taken() -> set[str]:
    """Return the names that no service can have."""
    from kosmo_kernel.cli import COMMANDS
    from kosmo_kernel.editor.inference import library

    commands = {name.partition(":")[2] for name in COMMANDS if name.startswith("integrations:")}
    built_in = {integration.name for integration in integrations.BUILT_IN}
    return built_in | commands | {*RESERVED, *NAMESPACES} | {name.partition(".")[0] for name in library()}


def _facts(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    service, functions = table["service"], table["functions"]
    lists = Counter(facts["pages"]["kind"] for facts in functions.values() if facts["returns"] == "list")
    fields = [field for record in table["records"].values() for field in record.items()]
    first = min(functions, key=lambda function: (len(functions[function].get("params", ())), function))
    return {
        "title": service["title"],
        "functions": len(functions),
        "lists": dict(lists.most_common()),
        "hidden": sorted({name.replace("[]", "") for name, line in fields if line.endswith(f"| {SECRET}")}),
        "host": urlsplit(service["url"]).netloc,
        "variable": service["variable"],
        "example": f"kosmo integrations:lua -e 'return app.integrations.{name}.{first}()'",
        "changes": table["changes"],
        "left_out": [{"path": path, "reason": reason} for path, reason in table["left_out"]],
    }
