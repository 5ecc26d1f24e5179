"""The notebook about GitHub beside Heroku says what plain HTTP says of both look-alikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from github_document import APPS, add_github
from repository import NOTEBOOKS

from kosmo_kernel import integrations
from kosmo_kernel.demo.service_api import ServiceApi
from kosmo_kernel.session import Session
from kosmo_kernel.settings.config_file import folder

ORG = "larkmoor"


@pytest.fixture
def answers(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of the notebook's cells of Lua, by the names of the cells."""
    add_github(folder())
    book = nbformat.read(NOTEBOOKS / "services" / "github-and-heroku.ipynb", as_version=4)
    found: dict[str, list[dict[str, Any]]] = {}
    with Session("demo") as lua:
        lua.run(f'account, org, stages, logins = "demo", "{ORG}", {{ "staging", "production" }}, {{}}')
        for cell in book.cells:
            if cell.source.startswith("%%kosmo_lua"):
                found[cell.id] = list(lua.run(cell.source.partition("\n")[2]).value)
        found["access"] = list(lua.run("return heroku.tables.access()").value)
        found["pulls"] = list(lua.run("return pulls").value)
    return found


def plain(path: str) -> list[dict[str, Any]]:
    """Return all records of a list of the look-alike of GitHub, page by page."""
    api = ServiceApi(integrations.find("github"))
    found: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {api.token}"}
    with httpx.Client(transport=httpx.WSGITransport(api), base_url="https://api.github.com", headers=headers) as client:
        url: str | None = f"{path}?per_page=3"
        while url:
            reply = client.get(url).raise_for_status()
            found += reply.json()
            url = reply.links.get("next", {}).get("url")
    return found


def test_the_notebook_about_github_agrees_with_plain_http(answers: dict[str, list[dict[str, Any]]]) -> None:
    names = {row["name"] for row in plain(f"/orgs/{ORG}/repos")}
    deploys = {row["app"]: row.get("repository") for row in answers["repositories"]}
    assert deploys == {
        app: name if name in names else None for app in deploys for name in [app.removesuffix("-staging")]
    }
    repositories = {name for name in deploys.values() if name}
    assert 2 < len(repositories) <= len(names & set(APPS))

    pulls = {name: plain(f"/repos/{ORG}/{name}/pulls") for name in repositories}
    is_open = {name: sorted(pull["id"] for pull in of if pull["state"] == "open") for name, of in pulls.items()}
    assert is_open == {
        name: sorted(pull["id"] for pull in answers["pulls"] if pull["repo"] == name) for name in repositories
    }
    assert len(answers["pulls"]) > 5

    members = {name: plain(f"/repos/{ORG}/{name}/collaborators") for name in repositories}
    roles = {(name, member["login"]): member["role_name"] for name, of in members.items() for member in of}
    both = {
        (seat["email"], seat["app"], seat["by"], role)
        for seat in answers["access"]
        if (role := roles.get((deploys.get(seat["app"]), seat["email"].partition("@")[0].replace(".", "-"))))
    }
    assert {(row["person"], row["app"], row["on_heroku"], row["on_github"]) for row in answers["people"]} == both
    assert both
