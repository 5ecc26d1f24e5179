"""Every list of a service with every fault of its pages: it is whole, or an error, or has a note; never a part."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fast_clock import FastClock
from msgspec.structs import replace
from paged_document import paged_document

from kosmo_kernel import integrations
from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, FunctionTable, Integration, Param
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.demo.service_api import FAULTS, ServiceApi
from kosmo_kernel.errors import ApiError
from kosmo_kernel.services.adding import add

GITHUB = "API_DOCUMENT_OF_GITHUB"  # the file with GitHub's document, api.github.com.json
SAMPLE = 40  # cases of a document that stand for all of them
SIZE = 3  # records of a page


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    return tmp_path


class Lists:
    """The lists of a service, with small pages, on look-alikes of it."""

    def __init__(self, integration: Integration, count: int) -> None:
        table = integration.table
        functions = FunctionTable(lambda: table.names, lambda name: _with_small_pages(table.named(name)))
        self.count = count
        self.integration = replace(integration, functions=functions)
        self.lists = [function for function in functions if function.returns == "list"]
        self._by_path = {next(iter(one.list_paths)): one for one in self.lists}
        self._clients: dict[str, Client] = {}
        self._right: dict[str, Reply] = {}

    def fetch(self, function: Function, fault: str = "") -> Reply:
        if fault not in self._clients:
            api = ServiceApi(self.integration, count=self.count, size=SIZE, fault=fault)
            account = Account(self.integration.name, "demo", api.token, self.integration.base_url, "a test")
            self._clients[fault] = Client(
                self.integration, account, transport=in_process(api), clock=FastClock(), patience=0
            )
        return self._clients[fault].fetch(function, self._arguments(function))

    def right(self, function: Function) -> Reply:
        if function.name not in self._right:
            self._right[function.name] = self.fetch(function)
        return self._right[function.name]

    def _arguments(self, function: Function) -> dict[str, Any]:
        return {param.name: self._argument(param) for param in function.params if param.required}

    def _argument(self, param: Param) -> Any:
        listing = self._by_path.get(param.listed_at)
        if listing is not None:
            [*_, record] = self.right(listing).data
            field = next((name for name in (*param.each, "id", param.name) if record.get(name) is not None), None)
            if field:
                return record[field] if param.kind == "integer" else str(record[field])
        samples = {"integer": 1, "number": 1.5, "boolean": True}
        return param.values[0] if param.values else samples.get(param.kind, "some")

    def outcome(self, function: Function, fault: str) -> str:
        """Return what a fault leads to: `right`, `error`, `note`, or `part`, which must not be."""
        try:
            reply = self.fetch(function, fault)
        except ApiError:
            return "error"
        if reply.data == self.right(function).data and len(reply.data) == self.count:
            return "right"
        return "note" if reply.is_unstated and reply.notes else "part"


def _with_small_pages(function: Function) -> Function:
    pages = function.pages
    if pages is None or not pages.size_param:
        return function
    return replace(function, pages=replace(pages, size=SIZE).with_first())


def outcomes(lists: Lists, cases: Sequence[tuple[Function, str]]) -> Counter[str]:
    """Return how often each outcome came, and fail with the cases that led to a part of a list."""
    found = {(function.name, fault): lists.outcome(function, fault) for function, fault in cases}
    parts = [case for case, outcome in found.items() if outcome == "part"]
    assert parts == []
    return Counter(found.values())


def cases_of(lists: Lists) -> list[tuple[Function, str]]:
    return [(function, fault) for function in lists.lists for fault in ("", *FAULTS)]


def shelf(settings: Path, count: int) -> Lists:
    path = settings / "shelf.json"
    path.write_text(json.dumps(paged_document()), encoding="utf-8")
    add("shelf", path, set())
    return Lists(integrations.find("shelf"), count)


@pytest.mark.parametrize("count", [7, pytest.param(6, marks=pytest.mark.full), pytest.param(1, marks=pytest.mark.full)])
def test_no_fault_of_any_kind_of_pages_leads_to_a_part_of_a_list(settings: Path, count: int) -> None:
    lists = shelf(settings, count)
    kinds = {function.pages.kind for function in lists.lists if function.pages}
    assert kinds == {"whole", "range", "link-header", "page-number", "offset", "cursor", "unstated"}
    found = outcomes(lists, cases_of(lists))
    assert found["right"] > 0
    assert found["error"] > 0


def test_a_list_without_a_fault_is_right_unless_nobody_states_its_end(settings: Path) -> None:
    lists = shelf(settings, 7)
    found = {function.name: lists.outcome(function, "") for function in lists.lists}
    assert {name for name, outcome in found.items() if outcome != "right"} == {"list_unstated"}
    assert found["list_unstated"] == "note"


@pytest.mark.parametrize(
    ("name", "fault", "outcome"),
    [
        ("list_numbered", "second-page-fails", "error"),
        ("list_authors", "link-lost", "right"),
        ("list_followed", "cursor-repeated", "error"),
        ("list_summed", "total-too-high", "error"),
        ("list_authors", "short-page", "right"),
        ("list_continued", "no-cursor", "error"),
        ("list_followed", "no-cursor", "note"),
        ("list_skipped", "html", "error"),
        ("list_ranged", "206", "error"),
        ("list_whole", "206", "error"),
    ],
)
def test_a_fault_has_an_outcome_of_its_own(settings: Path, name: str, fault: str, outcome: str) -> None:
    lists = shelf(settings, 7)
    assert lists.outcome(lists.integration.function(name), fault) == outcome


def _document_of_jupyter() -> Path:
    return Path(str(files("jupyter_server") / "services" / "api" / "api.yaml"))


def _outcomes_of(document: Path, name: str, address: str = "", sample: int = 0) -> Counter[str]:
    add(name, document, set(), address=address)
    lists = Lists(integrations.find(name), 7)
    cases = cases_of(lists)
    return outcomes(lists, random.Random(7).sample(cases, min(sample, len(cases))) if sample else cases)


@pytest.mark.parametrize("sample", [SAMPLE, pytest.param(0, marks=pytest.mark.full)])
def test_no_fault_leads_to_a_part_of_a_list_of_jupyter_server(settings: Path, sample: int) -> None:
    assert _outcomes_of(_document_of_jupyter(), "jupyter", "http://127.0.0.1:8888", sample)["right"] > 0


@pytest.mark.full
@pytest.mark.skipif(GITHUB not in os.environ, reason=f"{GITHUB} names no file")
def test_no_fault_leads_to_a_part_of_a_list_of_github(settings: Path) -> None:
    assert _outcomes_of(Path(os.environ[GITHUB]), "github")["error"] > 0
