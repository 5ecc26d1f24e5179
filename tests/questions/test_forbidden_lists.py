"""Tables of an account one of whose lists is forbidden: that list is named, and no cell has a false value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from altered_api import as_default_account, said
from full_matrix import full_except

from kosmo_kernel import integrations
from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import find_table, table_names
from kosmo_kernel.session import Session

FORBIDDEN = json.dumps({"id": "forbidden", "message": "You may not."}).encode()
PATHS = sorted(
    {link.path for function in integrations.BUILT_IN[0].functions for link in function.links},
    key=lambda path: path.count("{"),
)
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What a cell may have besides the value of the whole account, null, and the identifier of what has no name.
REASONS = {"unread", "price", "apps_at_least"}  # say that something is missing
LOWER_BOUNDS = {("people", "apps"), ("people", "apps_managed")}  # as `apps_at_least` says
SAYS_IN_ROWS = {"deadlines"}  # tables with a row for what could not be read


def path_of(request: str) -> str:
    """Return the path of a function that a request is for, with its parameters."""
    return next((path for path in PATHS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request)), request)


class Refusing:
    """The API of the demo, which refuses the requests of one path."""

    def __init__(self) -> None:
        self._api = DemoApi(company(), capacity=10**9)
        self.refused = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if path_of(environ["PATH_INFO"]) == self.refused:
            return said(start_response, "403 Forbidden", FORBIDDEN)
        return self._api(environ, start_response)


@pytest.fixture
def api() -> Iterator[Refusing]:
    refusing = Refusing()
    with as_default_account(refusing):
        yield refusing


def collect(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], set[str]]:
    """Return the rows of a table, what could not be read, and the paths of the lists that were asked for."""
    with Session() as session:
        result = session.run(f'return heroku.tables.{name}({{ errors = "collect" }})')
    rows, failures = result.values
    asked = {call.path.rpartition(".")[2] for call in result.calls}
    functions = integrations.BUILT_IN[0].functions
    paths = {link.path for one in functions if one.name in asked and not one.local for link in one.links}
    return list(map(dict, rows)), list(map(dict, failures)), paths


def is_false(name: str, column: str, value: Any, whole: Any) -> bool:
    """Return whether a cell has a value that is neither right nor says that it is not known."""
    if value is None or value == whole or column in REASONS:
        return False
    if (name, column) in LOWER_BOUNDS:
        return not value <= whole
    texts = value if isinstance(value, list) else [value]
    return not all(isinstance(text, str) and (UUID.search(text) or text in (whole or ())) for text in texts)


@pytest.mark.parametrize("name", full_except(table_names("heroku"), "people", "teams", "certificates", "addons"))
def test_a_table_without_one_of_its_lists_names_it_and_has_no_false_cell(api: Refusing, name: str) -> None:
    table = find_table("heroku", name)
    whole, usual, paths = collect(name)
    by_key = {tuple(row[column] for column in table.key): row for row in whole}
    assert paths
    for path in sorted(paths):
        api.refused = path
        try:
            rows, failures, _ = collect(name)
        except LuaRuntimeError as error:
            assert "could not be read: heroku." in error.message  # noqa: PT017 - not each list ends the table
            continue
        assert rows == whole or len(failures) > len(usual) or name in SAYS_IN_ROWS, path
        pairs = [(row, by_key.get(tuple(row[column] for column in table.key))) for row in rows]
        false = {
            (column, str(row[column]), str(known[column]))
            for row, known in pairs
            if known
            for column in table.columns
            if is_false(name, column, row[column], known[column])
        }
        assert false == set(), path
