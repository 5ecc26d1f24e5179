"""The fixture `door`: each way to run Lua in turn, opened once for all tests that want it with the same settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from doors import DOORS, Door, Settings, opened

OpenDoor = Callable[[str, Settings, dict[str, Any]], Door]


@pytest.fixture(scope="session")
def open_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDoor]:
    """Yield a function that opens a door, or returns the open one if it has the same settings."""
    found: dict[tuple[str, str, str], Door] = {}
    with ExitStack() as stack:

        def open_one(name: str, settings: Settings, servers: dict[str, Any]) -> Door:
            key = (name, str(settings), str(servers))
            if key not in found:
                found[key] = stack.enter_context(opened(name, settings, servers, tmp_path_factory.mktemp(name)))
            return found[key]

        yield open_one


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, open_door: OpenDoor) -> Door:
    """Each door, with the environment of the test's module in `SETTINGS` and its MCP servers in `SERVERS`."""
    module = request.module
    return open_door(request.param, getattr(module, "SETTINGS", {}), getattr(module, "SERVERS", {}))
