"""The table of half lists: what the README, the page and the picture say is what the stored results say."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from types import ModuleType
from typing import Any

import pytest
from repository import ROOT

FOLDER = ROOT / "benchmarks" / "half_lists"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
TOOLS = tomllib.loads((FOLDER / "tools.toml").read_text(encoding="utf-8"))["tool"]
OWN = [tool for tool in RESULTS["tools"] if tool["registry"] == "here"]


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("half_lists_table", FOLDER / "table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_readme_is_that_of_the_results(table: ModuleType) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table.with_table(readme, RESULTS) == readme


def test_the_page_and_the_picture_are_those_of_the_results(table: ModuleType) -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(RESULTS)
    assert table.PICTURE.read_text(encoding="utf-8") == table.picture(RESULTS)


def test_each_tool_was_judged_with_the_commands_that_are_listed_or_has_a_reason() -> None:
    assert [tool["name"] for tool in RESULTS["tools"]] == [tool["name"] for tool in TOOLS]
    for result, tool in zip(RESULTS["tools"], TOOLS, strict=True):
        if result["installed"] and result["ways"]:
            assert result["commands"] == {name: text.strip() for name, text in tool["commands"].items()}
            assert result["version"]
        else:
            assert result["reason"]


def test_there_are_twelve_ways_and_this_package_was_judged_by_each_that_is_possible_at_heroku() -> None:
    ways = {way["name"] for way in RESULTS["ways"]}
    assert len(ways) == 12
    assert OWN
    assert [set(tool["ways"]) for tool in OWN] == [ways - {"cursor", "total"}] * len(OWN)


def test_this_package_never_returned_a_part_in_silence() -> None:
    verdicts = {(tool["name"], name): way["verdict"] for tool in OWN for name, way in tool["ways"].items()}
    assert {place: verdict for place, verdict in verdicts.items() if verdict not in ("whole", "error")} == {}


def test_nothing_of_the_machine_is_in_the_results() -> None:
    text = json.dumps(RESULTS)
    assert [word for word in ("/tmp/", "/root/", "/home/") if word in text] == []  # noqa: S108
