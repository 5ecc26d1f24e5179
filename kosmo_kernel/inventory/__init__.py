"""An inventory: all that an account has and a move would have to carry, in one folder.

The folder has a page to read (`index.html`), the tables as JSON and CSV, a summary as JSON, and import blocks for
Terraform. It appears whole or not at all. No value of a config var and no other secret is in it, and what the token may
not read is listed, on the page and in the summary.

source.py  read the lists, from the network or from a snapshot; the bill, key figures, and what could not be read
tables.py  the tables, which the Lua of each makes of these lists, without a request
page.py    the page

This file writes the folder, with import blocks for Terraform. Each resource is imported by the identifier that the
provider's documentation names. Names of resources are identifiers made of the names in the account. Texts are quoted,
so that no name can end a string or begin a template.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__
from kosmo_kernel.catalogue.inventory import Row
from kosmo_kernel.inventory.page import PAGE as PAGE
from kosmo_kernel.inventory.page import page_of
from kosmo_kernel.inventory.source import AccountData as AccountData
from kosmo_kernel.inventory.source import Bill as Bill
from kosmo_kernel.inventory.source import as_json
from kosmo_kernel.inventory.source import from_account as from_account
from kosmo_kernel.inventory.source import from_snapshot as from_snapshot
from kosmo_kernel.inventory.source import key_figures as key_figures
from kosmo_kernel.inventory.source import next_days as next_days
from kosmo_kernel.inventory.source import unread as unread
from kosmo_kernel.inventory.tables import InventoryTable, facts
from kosmo_kernel.inventory.tables import service as service
from kosmo_kernel.render.tables import csv_of, table_of_rows
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.safety.intake import MAX_DOCUMENT_BYTES, read_file
from kosmo_kernel.safety.tables import Csv
from kosmo_kernel.safety.text import HIDDEN, code_point_escape, with_json_escapes
from kosmo_kernel.settings.private_files import new_folder, write_private
from kosmo_kernel.text import iso_time
from kosmo_kernel.values.records import encode

# Terraform ----------------------------------------------------------------------------------------------

FILE, PROVIDER_FILE = "imports.tf", "provider.tf"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNPRINTABLE = re.compile(rf'[\\"\x00-\x1f{HIDDEN}]')


def import_file(data: AccountData) -> str:
    """Return the text of `imports.tf`."""
    terraform = facts().terraform
    imports = data.answer(terraform.table)
    counts = Counter(item["resource"] for item in imports)
    total = ", ".join(f"{count:,} {resource}" for resource, count in sorted(counts.items())) or "nothing"
    lines = [
        f"# Import blocks for Terraform 1.5 or newer and the provider {terraform.provider}: {total}.",
        "#",
        "#   terraform init",
        "#   terraform plan -generate-config-out=generated.tf",
        "#",
        "# The first command needs provider.tf, which is beside this file. Terraform imports no values of config vars.",
        f"# Left out: {terraform.left_out(data)}.",
    ]
    if missing := sorted({item["table"] for item in data.failures} - {*facts().more_tables}):
        lines.append(f"# Not read, and so not here: {', '.join(missing)}.")
    labels: set[tuple[str, str]] = set()
    for item in imports:
        label = _label(item, labels)
        lines += ["", "import {", f"  to = {item['resource']}.{label}", f"  id = {quoted(item['id'])}", "}"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as a string of Terraform's language."""
    escaped = _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0]) or code_point_escape(match[0]), text)
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'


def _label(item: Row, labels: set[tuple[str, str]]) -> str:
    """Return an identifier that no other resource of this type has."""
    stem = _NOT_IN_A_NAME.sub("_", item["name"]).strip("_").lower()
    if not stem or not stem[0].isalpha():
        stem = f"_{stem}"
    label, number = stem, 1
    while (item["resource"], label) in labels:
        number += 1
        label = f"{stem}_{number}"
    labels.add((item["resource"], label))
    return label


# The folder ---------------------------------------------------------------------------------------------

VERSION = 1
SUMMARY = "summary.json"
KIND = "kosmo_inventory"  # the key of the summary that only an inventory has
TABLES = "tables"  # the folder of the tables


def may_be_replaced(folder: Path) -> bool:
    """Return whether a folder has an incomplete inventory and nothing else, which a run that goes on replaces."""
    try:
        summary = decode(read_file(folder / SUMMARY, ValueError, most=MAX_DOCUMENT_BYTES))
        if KIND not in summary or summary["complete"] is not False:
            return False
        expected = {SUMMARY, *_files(summary)}
        return all(path.is_dir() or path.relative_to(folder).as_posix() in expected for path in folder.rglob("*"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # it is something else
        return False


def _files(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the files in the folder of an inventory, without the summary."""
    yield from (FILE, PROVIDER_FILE, PAGE)
    for name in summary["tables"]:
        yield from (f"{TABLES}/{name}.json", f"{TABLES}/{name}.csv")


def write(data: AccountData, folder: Path, *, resumes: bool = False) -> Mapping[str, Any]:
    """Write an inventory into a new folder, and return its summary.

    Parameters:
        data: the lists of the account.
        folder: the folder.
        resumes: the run went on with a recording, and replaces an incomplete inventory.

    Raises:
        FileWriteError: the files cannot be written; there is no folder.
    """
    tables = data.inventory_tables
    summary = {
        KIND: VERSION,
        "integration": service().name,
        "account": data.account,
        "time": iso_time(data.time),
        "snapshot": None if data.origin is None else str(data.origin),
        "complete": data.complete,
        "not_told": list(service().not_told),
        "requests": data.requests,
        **({"taken_over": data.taken_over.facts()} if data.taken_over else {}),
        **as_json(data),
        "tables": {table.kind.name: len(table.rows) for table in tables},
        "kosmo_kernel": __version__,
    }
    with new_folder(folder, replaces=resumes and may_be_replaced(folder)) as temporary:
        (temporary / TABLES).mkdir(0o700)
        for table in tables:
            write_private(
                temporary / TABLES / f"{table.kind.name}.json", with_json_escapes(encode(table.rows, indent=1)) + b"\n"
            )
            lines = "".join(_csv(table))
            write_private(temporary / TABLES / f"{table.kind.name}.csv", lines.encode())
        write_private(temporary / SUMMARY, with_json_escapes(encode(summary, indent=2)) + b"\n")
        write_private(temporary / FILE, import_file(data).encode())
        write_private(temporary / PROVIDER_FILE, facts().terraform.configuration.encode())
        write_private(temporary / PAGE, page_of(data, folder).encode())
    return summary


def _csv(table: InventoryTable) -> Iterator[Csv]:
    """Return the lines of a table as CSV, without cells that a spreadsheet would run as formulas."""
    return csv_of(table_of_rows(table.kind.columns, table.rows))
