"""The access audit says of a person that they left only if the user said so, on the demo and on a generated company."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from full_matrix import full_except
from audit_cells import PATHS, shown_in_shell
from python_shell import MakeShell, shells

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.demo.server import serve

# What a text says that calls somebody a person who left.
DEPARTED = re.compile(r"\b(?:ha(?:s|ve) left|leavers?|no longer with us)\b", re.IGNORECASE)


@pytest.fixture
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


@pytest.fixture(params=full_except((None, 60), None), ids=["demo", "generated"])
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """Serve a company as the default account."""
    some = company(request.param)
    with serve(DemoApi(some)) as api:
        monkeypatch.setenv("HEROKU_API_URL", api.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        yield some


def seats_of(some: Company) -> list[tuple[str, str]]:
    """Return the app and the address of each seat."""
    seats = (seat for app in some.apps for seat in some.resources_of(app).collaborators)
    return [(seat["app"]["name"], seat["user"]["email"]) for seat in seats]


def apps_of_admin(some: Company, email: str) -> set[str]:
    """Return the apps of the teams of which a person is an admin."""
    admins = {(team["name"], one["email"]) for team in some.teams for one in some.members(team) if one["role"] == "admin"}
    return {app["name"] for app in some.apps if app["team"] and (app["team"]["name"], email) in admins}


def test_without_a_leaver_the_access_audit_says_of_nobody_that_they_left(
    served: Company, make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = make_shell()
    monkeypatch.delenv("KOSMO_DEMO")
    shown = shown_in_shell(shell, "access-audit", {"account": "default"})
    assert shown["leaver"] == ""
    assert any(who in shown["outside"] for _, who in seats_of(served))  # the people from outside are shown
    assert DEPARTED.findall("\n".join(shown.values())) == []


def test_a_leaver_that_the_user_names_is_shown_with_all_apps_that_they_reach(
    served: Company, make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = seats_of(served)
    leaver = next(who for _, who in seats if not who.endswith("@herokumanager.com"))
    shell = make_shell()
    monkeypatch.delenv("KOSMO_DEMO")
    shown = shown_in_shell(shell, "access-audit", {"account": "default", "leaver": leaver})
    reached = {app for app, who in seats if who == leaver} | apps_of_admin(served, leaver)
    assert sorted(shell.user_ns["reach"]["app"]) == sorted(reached) != []
    assert set(shell.user_ns["reach"]["who"]) == {leaver}
    assert leaver in shown["leaver"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_committed_output_says_of_anybody_that_they_left(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    outputs = "".join(str(cell.outputs) for cell in cells if cell.cell_type == "code")
    assert DEPARTED.findall(re.sub(r"checks\.[\w-]+", "", outputs)) == []  # a search names checks, not people
