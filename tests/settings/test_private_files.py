"""Folders that are written as a whole, and what a run that goes on replaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kosmo_kernel.checks.inventory_folder import may_be_replaced
from kosmo_kernel.errors import FileWriteError
from kosmo_kernel.settings.private_files import new_folder

INVENTORY = {"kosmo_inventory": 1, "complete": False, "tables": {"apps": 1}}


def written(folder: Path, content: dict[str, Any], *more: str) -> Path:
    for name in ("summary.json", "tables/apps.csv", *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_run_that_goes_on_replaces_an_incomplete_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = written(tmp_path / "saved", INVENTORY)
    assert may_be_replaced(folder)
    for change in ({"complete": True}, {"complete": 0}, {"tables": 5}, {"tables": None}):
        assert not may_be_replaced(written(folder, INVENTORY | change))
    for more in ("notes.txt", "tables/notes.csv"):
        assert not may_be_replaced(written(tmp_path / more.replace("/", ""), INVENTORY, more))


def test_a_folder_is_replaced_as_a_whole_and_stays_when_the_writing_fails(tmp_path: Path) -> None:
    folder = written(tmp_path / "saved", INVENTORY)
    with pytest.raises(ZeroDivisionError), new_folder(folder, replaces=True):
        raise ZeroDivisionError
    with pytest.raises(FileWriteError, match="It is as before"), new_folder(folder, replaces=True) as temporary:
        temporary.rmdir()  # so that it cannot get its name
    assert (len(list(folder.iterdir())), list(tmp_path.iterdir())) == (2, [folder])

    with new_folder(folder, replaces=True) as temporary:
        (temporary / "new.jsonl").write_text("", encoding="utf-8")
    assert ([path.name for path in folder.iterdir()], list(tmp_path.iterdir())) == (["new.jsonl"], [folder])
