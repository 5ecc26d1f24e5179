"""Write an inventory into a folder, which appears whole or not at all.

The folder has the page (`inventory_page.py`), the tables as JSON and CSV, a summary as JSON, and import blocks for
Terraform. Each resource is imported by the identifier that the provider's documentation names. Names of resources are
identifiers made of the names in the account. Texts are quoted, so that no name can end a string or begin a template.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__
from kosmo_kernel.checks.inventory import CENTS, Inventory, facts, service
from kosmo_kernel.checks.inventory_page import page_of
from kosmo_kernel.render.tables import csv_of, table_of_rows
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.safety.intake import MAX_DOCUMENT_BYTES, read_file
from kosmo_kernel.safety.text import HIDDEN, code_point_escape, with_json_escapes
from kosmo_kernel.settings.private_files import new_folder, write_private
from kosmo_kernel.text import iso_time
from kosmo_kernel.values.records import encode

# Terraform ----------------------------------------------------------------------------------------------

FILE, PROVIDER_FILE = "imports.tf", "provider.tf"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNPRINTABLE = re.compile(rf'[\\"\x00-\x1f{HIDDEN}]')


def import_file(inventory: Inventory) -> str:
    """Return the text of `imports.tf`."""
    terraform = facts().terraform
    imports = inventory.rows(terraform.table)
    counts = Counter(item["resource"] for item in imports)
    total = ", ".join(f"{count:,} {resource}" for resource, count in sorted(counts.items())) or "nothing"
    lines = [
        f"# Import blocks for Terraform 1.5 or newer and the provider {terraform.provider}: {total}.",
        "#",
        "#   terraform init",
        "#   terraform plan -generate-config-out=generated.tf",
        "#",
        "# The first command needs provider.tf, which is beside this file. Terraform imports no values of config vars.",
        f"# Left out: {terraform.left_out(inventory)}.",
    ]
    if missing := sorted({unread.name for unread in inventory.unread}):
        lines.append(f"# Not read, and so not here: {', '.join(missing)}.")
    labels: set[tuple[str, str]] = set()
    for item in imports:
        stem = _NOT_IN_A_NAME.sub("_", item["name"]).strip("_").lower()
        label = stem = stem if stem[:1].isalpha() else f"_{stem}"
        number = 1
        while (item["resource"], label) in labels:
            number += 1
            label = f"{stem}_{number}"
        labels.add((item["resource"], label))
        lines += ["", "import {", f"  to = {item['resource']}.{label}", f"  id = {quoted(item['id'])}", "}"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as a string of Terraform's language."""
    escaped = _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0]) or code_point_escape(match[0]), text)
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'


# The folder ---------------------------------------------------------------------------------------------

VERSION = 1
SUMMARY = "summary.json"
PAGE = "index.html"
KIND = "kosmo_inventory"  # the key of the summary that only an inventory has
TABLES = "tables"  # the folder of the tables


def may_be_replaced(folder: Path) -> bool:
    """Return whether a folder has an incomplete inventory and nothing else, which a run that goes on replaces."""
    try:
        summary = decode(read_file(folder / SUMMARY, ValueError, most=MAX_DOCUMENT_BYTES))
        if KIND not in summary or summary["complete"] is not False:
            return False
        tables = {f"{TABLES}/{name}{suffix}" for name in summary["tables"] for suffix in (".json", ".csv")}
        expected = {SUMMARY, FILE, PROVIDER_FILE, PAGE, *tables}
        return all(path.is_dir() or path.relative_to(folder).as_posix() in expected for path in folder.rglob("*"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # it is something else
        return False


def write(inventory: Inventory, folder: Path, *, resumes: bool = False) -> Mapping[str, Any]:
    """Write an inventory into a new folder, and return its summary.

    Parameters:
        inventory: the tables of the account.
        folder: the folder.
        resumes: the run went on with a recording, and replaces an incomplete inventory.

    Raises:
        FileWriteError: the files cannot be written; there is no folder.
    """
    summary = summary_of(inventory)
    with new_folder(folder, replaces=resumes and may_be_replaced(folder)) as temporary:
        (temporary / TABLES).mkdir(0o700)
        for name, result in inventory.tables.items():
            rows = result.records or ()
            # Without cells that a spreadsheet would run as formulas.
            lines = "".join(csv_of(table_of_rows(result.question.columns, rows)))
            content = with_json_escapes(encode(rows, indent=1)) + b"\n"
            write_private(temporary / TABLES / f"{name}.json", content)
            write_private(temporary / TABLES / f"{name}.csv", lines.encode())
        write_private(temporary / SUMMARY, with_json_escapes(encode(summary, indent=2)) + b"\n")
        write_private(temporary / FILE, import_file(inventory).encode())
        write_private(temporary / PROVIDER_FILE, facts().terraform.configuration.encode())
        write_private(temporary / PAGE, page_of(inventory, folder).encode())
    return summary


def summary_of(inventory: Inventory) -> dict[str, Any]:
    """Return the key figures, the bill, what makes a move hard and what could not be read as JSON values."""
    bill, figures, obstacles = inventory.bill, inventory.key_figures, inventory.obstacles
    return {
        KIND: VERSION,
        "integration": service().name,
        "account": inventory.account,
        "time": iso_time(inventory.time),
        "snapshot": None if inventory.origin is None else str(inventory.origin),
        "complete": inventory.complete,
        "not_told": list(service().not_told),
        "requests": inventory.requests,
        **({"taken_over": inventory.taken_over.facts()} if inventory.taken_over else {}),
        "key_figures": {figure.name.lower(): figure.value for figure in figures},
        "at_least": [
            *(figure.name.lower() for figure in figures if figure.at_least),
            *(obstacle.name.lower() for obstacle in obstacles if obstacle.at_least),
        ],
        "bill": {
            "monthly_usd": bill.cents / CENTS,
            "complete": bill.complete,
            "idle_usd": bill.idle_cents / CENTS,
            **{
                f"by_{field}": [part.as_row(field) for part in bill.by(field)]
                for field in ("kind", "team", "stage", "app")
            },
            "without_price": [line["name"] for line in bill.unknown],
        },
        "next_days": [*inventory.next_days],
        "move": {item.name.lower(): item.count for item in obstacles},
        "unread": [{"list": item.name, "reason": item.reason, "items": item.items} for item in inventory.unread],
        "tables": {name: len(result.records or ()) for name, result in inventory.tables.items()},
        "kosmo_kernel": __version__,
    }
