"""What the tests of inventories share: the demo account, read once, as if all of its databases could be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kosmo_kernel import inventory
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.session import Session


@pytest.fixture(scope="session")
def demo() -> AccountData:
    with Session("demo") as opened:
        return replace(inventory.from_account(opened), failures=[])
