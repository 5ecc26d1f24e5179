"""A service that is nothing like Heroku, as one file: the fictional Tidewater Ferries, its integration and its API.

Pages have numbers in the query and are announced by a count, errors are a list, the token is in `X-Api-Key`, the
budget and the request id have other headers, records are known by numbers, and nothing has an `ETag`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.catalogue.http import Budget, Credentials, ErrorBody, Response

KEY = "tidewater-key-of-nobody"

_SHIP = (
    Column("number", "The ship's number.", kind="integer"),
    Column("title", "What is painted on its bow."),
    Column("port.code", "The port it belongs to."),
    Column("port.title", "That port's name."),
    Column("launched_at", "When it was launched.", kind="timestamp"),
    Column("knots", "How fast it is.", kind="number", nullable=True),
    Column("radio.secret", "What opens its radio.", nullable=True, secret=True),
)
_SAILING = (
    Column("ship.number", "The ship.", kind="integer"),
    Column("to", "Where it goes."),
    Column("cars", "How many cars are booked.", kind="integer", nullable=True),
    Column("full", "Whether there is no place left.", kind="boolean"),
)


def _ship(of_a_list: str) -> Param:
    return Param(
        name="ship_number",
        doc=f"The ship's number; a list of them gives {of_a_list}",
        kind="integer",
        required=True,
        each=("number",),
    )


def _read_error(reply: Response) -> ErrorBody | None:
    try:
        first = json.loads(reply.body)["errors"][0]
        return ErrorBody(str(first["code"]), first["detail"])
    except (ValueError, LookupError, TypeError):
        return None


def _read_budget(reply: Response) -> int | None:
    return int(reply.body) if reply.body.isdigit() else None


FERRIES = Integration(
    name="ferries",
    title="Tidewater Ferries",
    description="Ships and where they sail.",
    base_url="https://api.tidewater.example/v7",
    functions=(
        Function(
            name="list_ships",
            summary="Every ship of the line",
            description="All ships, those that are laid up included.",
            links=(Link("/ships"),),
            returns="list",
            columns=_SHIP,
            example="return app.integrations.ferries.list_ships()",
            aliases=("fleet",),
        ),
        Function(
            name="get_ship",
            summary="One ship, by number",
            description="The same fields as a row of `list_ships`.",
            links=(Link("/ships/{ship_number}"),),
            returns="record",
            columns=_SHIP,
            params=(_ship("a list of records"),),
            example="return app.integrations.ferries.get_ship({ ship_number = 2 })",
        ),
        Function(
            name="list_sailings",
            summary="Where a ship goes today",
            description="Every sailing of a ship, in the order of departure.",
            links=(Link("/ships/{ship_number}/sailings"),),
            returns="list",
            columns=_SAILING,
            params=(_ship("the sailings of all"),),
            example="return app.integrations.ferries.list_sailings({ ship_number = 2 })",
        ),
    ),
    credentials=Credentials(
        env="TIDEWATER_KEY",
        url_env=("TIDEWATER_URL",),
        hosts=("tidewater.example",),
        token_help=("ask the harbour master for a key",),
        headers=lambda token: {"X-Api-Key": token},
    ),
    headers={"Accept": "application/json", "X-Line": "north"},
    labels=("title",),
    read_error=_read_error,
    request_id="X-Voyage",
    budget=Budget("X-Calls-Left", 600, 600, path="/quota", read=_read_budget),
)


def ship(number: int, title: str, port: str, knots: float | None) -> dict[str, Any]:
    return {
        "number": number,
        "title": title,
        "port": {"code": port[:3].upper(), "title": port},
        "launched_at": f"19{number}0-05-01T12:00:00Z",
        "knots": knots,
        "radio": {"secret": f"channel-{number}"},
        "funnels": number,
    }


def sailing(number: int, to: str, cars: int | None) -> dict[str, Any]:
    return {"ship": {"number": number}, "to": to, "cars": cars, "full": cars == 40}


SHIPS = [
    ship(2, "Grey Gull", "Larkhaven", 17.5),
    ship(3, "Patience", "Oyster Bay", None),
    ship(5, "Long Night", "Larkhaven", 21.0),
]
SAILINGS = {
    2: [
        {"ship": {"number": 2}, "to": port, "cars": cars, "full": False} for port, cars in (("Holm", 3), ("Sund", None))
    ],
    3: [],
    5: [{"ship": {"number": 5}, "to": port, "cars": 40, "full": True} for port in ("Holm", "Sund", "Larkhaven")],
}


class Harbour:
    """The API of Tidewater Ferries; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusals = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        key = environ.get("HTTP_X_API_KEY", "")
        self.asked.append((environ["PATH_INFO"], key))
        left = 600 - len(self.asked)
        status, body, more = self._answer(environ, left)
        content = json.dumps(body).encode()
        headers = {"X-Voyage": f"v-{len(self.asked)}", "X-Calls-Left": str(left), "Content-Length": str(len(content))}
        start_response(status, list((headers | more).items()))
        return [content]

    def _answer(self, environ: WSGIEnvironment, left: int) -> tuple[str, Any, dict[str, str]]:
        if environ.get("HTTP_X_API_KEY") != KEY or "HTTP_AUTHORIZATION" in environ:
            return "401 Unauthorized", _errors("K1", "That key opens nothing"), {}
        if self.refusals:
            self.refusals -= 1
            return "429 Slow Down", _errors("Q1", "Too many calls"), {"Retry-After": "0"}
        if environ["PATH_INFO"] == "/quota":
            return "200 OK", left, {}
        found = _found(environ["PATH_INFO"])
        if found is None:
            return "404 Not Found", _errors("S1", "No such ship"), {}
        return "200 OK", found, {}


def _errors(code: str, detail: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "detail": detail}]}


def _found(path: str) -> Any:
    match path.strip("/").split("/"):
        case ["ships"]:
            return SHIPS
        case ["ships", number]:
            return next((one for one in SHIPS if one["number"] == int(number)), None)
        case ["ships", number, "sailings"]:
            return SAILINGS.get(int(number))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entries: str, **modules: str) -> None:
    """Put a package with these entry points on the path, as pip would."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    info = folder / "kosmo_shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kosmo-shop\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{integrations.GROUP}]\n{entries}", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for entry points anew, and leave no trace."""
    for name in ("_installed", "_load"):
        monkeypatch.setattr(integrations, name, getattr(integrations, name).__wrapped__)
    monkeypatch.setattr(integrations, "_loaded", {})
