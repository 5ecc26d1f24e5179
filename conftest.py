"""Load nbval, which runs the notebooks, without the slow part of its imports. Each process of the tests loads it."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest

from kosmo_kernel.settings.installation import import_jsonschema

import_jsonschema()

pytest_plugins = ["nbval.plugin"]
SERVICES = Path(__file__).parent / "notebooks" / "services"  # notebooks that call services from documents


@cache
def _settings_with_services(config: pytest.Config) -> Path:
    """Return a folder of settings with the services that notebooks call."""
    from github_document import add_github

    folder = tempfile.TemporaryDirectory(prefix="kosmo-tests-")
    config.add_cleanup(folder.cleanup)
    add_github(Path(folder.name))
    return Path(folder.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Start the kernel of a notebook about services, which starts with its first cell, with settings of its own."""
    with pytest.MonkeyPatch.context() as patch:
        if item.path.parent == SERVICES:
            patch.setenv("KOSMO_CONFIG_DIR", str(_settings_with_services(item.config)))
        return (yield)
