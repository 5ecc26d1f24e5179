"""Write the folder of an inventory: the page, the tables, the summary and the import blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__
from kosmo_kernel.inventory import terraform
from kosmo_kernel.inventory.page import PAGE, page_of
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.inventory.summary import as_json
from kosmo_kernel.inventory.tables import InventoryTable, facts, service
from kosmo_kernel.render.tables import csv_of, spreadsheet_cell, table_of_rows
from kosmo_kernel.safety.tables import Csv
from kosmo_kernel.safety.text import with_json_escapes
from kosmo_kernel.settings.private_files import is_unfinished, new_folder, write_private
from kosmo_kernel.text.quantities import iso_time
from kosmo_kernel.values.records import encode

VERSION = 1
SUMMARY = "summary.json"
KIND = "kosmo_inventory"  # the key of the summary that only an inventory has
TABLES = "tables"  # the folder of the tables


def may_be_replaced(folder: Path) -> bool:
    """Return whether a folder has an incomplete inventory and nothing else, which a run that goes on replaces."""
    return is_unfinished(folder, SUMMARY, KIND, _files)


def _files(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the files in the folder of an inventory, without the summary."""
    yield from (terraform.FILE, terraform.PROVIDER_FILE, PAGE)
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
        write_private(temporary / terraform.FILE, terraform.import_file(data).encode())
        write_private(temporary / terraform.PROVIDER_FILE, facts().terraform.configuration.encode())
        write_private(temporary / PAGE, page_of(data, folder).encode())
    return summary


def _csv(table: InventoryTable) -> Iterator[Csv]:
    """Return the lines of a table as CSV, without cells that a spreadsheet would run as formulas.

    A list is one cell, with a semicolon between its items.
    """
    rows = [{name: "; ".join(v) if isinstance(v, list) else v for name, v in row.items()} for row in table.rows]
    return csv_of(table_of_rows(table.kind.columns, rows), spreadsheet_cell)
