"""What the tests of inventories share: the demo account, read once, as if all of its databases could be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from inventories import changed

from kosmo_kernel.checks.inventory import Inventory, from_account
from kosmo_kernel.checks.inventory_folder import write
from kosmo_kernel.checks.inventory_page import page_of
from kosmo_kernel.session import Session


@pytest.fixture(scope="session")
def demo() -> Inventory:
    with Session("demo") as opened:
        inventory = from_account(opened)
    for call in (call for result in inventory.report.results for call in result.calls):
        call.failures = []
    return changed(inventory, databases=[{**row, "unread": None} for row in inventory.rows("databases")])


@pytest.fixture(scope="session")
def written(demo: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the inventory of the demo account, which tests only read."""
    folder = tmp_path_factory.mktemp("moves") / "inventory"
    write(demo, folder)
    return folder


@pytest.fixture(scope="session")
def page(demo: Inventory) -> BeautifulSoup:
    """Return the page of the inventory of the demo account, which tests only read."""
    return BeautifulSoup(page_of(demo, Path("moves/today")), "html.parser")
