"""A document of the few operations of GitHub that a notebook calls, in words of our own, and a service made from it.

Its look-alike has the repositories and the people of the demo company: their names are the values that a field can
have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kosmo_kernel.catalogue.documents import openapi
from kosmo_kernel.integrations.heroku.demo.company_data import LENA, STAFF, STORY, TOM
from kosmo_kernel.services.adding import complete
from kosmo_kernel.services.service import write_facts

STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TIME = STRING | {"format": "date-time"}
APPS = sorted({app.name.removesuffix("-staging") for app in STORY})
LOGINS = [person.email.partition("@")[0].replace(".", "-") for person in (*STAFF, LENA, TOM)]


def _record(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": sorted(fields), "properties": fields}


def _one_of(*values: str) -> dict[str, Any]:
    return STRING | {"enum": list(values)}


def _get(path: str, schema: Any, summary: str, *query: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"content": {"application/json": {"schema": schema}}}
    if schema.get("type") == "array":
        query += ({"name": "page", "in": "query", "schema": INTEGER},)
        query += ({"name": "per_page", "in": "query", "schema": INTEGER | {"maximum": 8}},)
        response["headers"] = {"Link": {"schema": STRING}}
    places = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": place, "in": "path", "required": True, "schema": STRING} for place in places]
    return {path: {"get": {"summary": summary, "parameters": [*parameters, *query], "responses": {"200": response}}}}


def _list(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": _record(**fields)}


def github_document() -> dict[str, Any]:
    """Return the document."""
    state = {"name": "state", "in": "query", "schema": _one_of("open", "closed", "all")}
    names = _one_of(*APPS, "handbook", "infrastructure")
    user = _record(login=_one_of(*LOGINS))
    roles = _one_of("read", "triage", "write", "maintain", "admin")
    pull = {"id": INTEGER, "number": INTEGER, "title": STRING, "state": _one_of("open", "closed"), "draft": BOOLEAN}
    paths = (
        _get("/orgs/{org}/repos", _list(id=INTEGER, name=names, archived=BOOLEAN, pushed_at=TIME), "Repositories"),
        _get("/repos/{owner}/{repo}/commits/{ref}", _record(sha=STRING, commit=_record(message=STRING)), "A commit"),
        _get("/repos/{owner}/{repo}/pulls", _list(**pull, user=user, created_at=TIME), "Pull requests", state),
        _get("/repos/{owner}/{repo}/collaborators", _list(login=_one_of(*LOGINS), role_name=roles), "Who has access"),
    )
    return {
        "openapi": "3.0.3",
        "info": {"title": "GitHub", "version": "1"},
        "servers": [{"url": "https://api.github.com"}],
        "paths": {path: item for entry in paths for path, item in entry.items()},
    }


def add_github(settings: Path) -> None:
    """Write the facts of the service into a folder of settings, without a process that reads the document."""
    table = complete("github", openapi.read(github_document(), {}))
    folder = settings / "services"
    folder.mkdir(parents=True, exist_ok=True)
    write_facts(folder / "github.facts", table)
