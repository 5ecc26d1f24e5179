"""What the tests of inventories share: the demo account, read once, as if all of its databases could be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from kosmo_kernel import inventory
from kosmo_kernel.inventory.page import page_of
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.session import Session


@pytest.fixture(scope="session")
def demo() -> AccountData:
    with Session("demo") as opened:
        return replace(inventory.from_account(opened), failures=[])


@pytest.fixture(scope="session")
def written(demo: AccountData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the inventory of the demo account, which tests only read."""
    folder = tmp_path_factory.mktemp("moves") / "inventory"
    inventory.write(demo, folder)
    return folder


@pytest.fixture(scope="session")
def page(demo: AccountData) -> BeautifulSoup:
    """Return the page of the inventory of the demo account, which tests only read."""
    return BeautifulSoup(page_of(demo, Path("moves/today")), "html.parser")
