"""Servers that have an address: the SDK's own, and Datasette's."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp_config import answer, opened, program, text
from repository import SUPPORT

from kosmo_kernel.errors import RefusedError, UnreachableError

pytest.importorskip("mcp")

HALL = str(SUPPORT / "sample_mcp_server.py")
TOKEN = "open-sesame-42"


@contextmanager
def hall(*arguments: str) -> Iterator[str]:
    """Yield a server on a port of this machine; its address."""
    with subprocess.Popen(
        [sys.executable, HALL, "--http", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as served:
        assert served.stdout is not None
        try:
            yield served.stdout.readline().strip()
        finally:
            served.kill()


@contextmanager
def datasette(database: Path) -> Iterator[str]:
    """Datasette serving a database; the address of its MCP server."""
    command = [program("datasette"), "serve", str(database), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        try:
            told = next(found for line in served.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            yield f"{told[0]}/-/mcp"
        finally:
            served.kill()


def test_a_server_at_an_address_answers_like_one_that_is_a_program(tmp_path: Path) -> None:
    with (
        hall() as url,
        opened(tmp_path, {"far": {"url": url}, "near": {"command": sys.executable, "args": [HALL]}}) as both,
    ):
        near, far = ([(t.name, t.lua, t.signature, t.effect) for t in both.tools(name)] for name in ("near", "far"))
        assert near == far
        assert ("take-seat", "take_seat", "take_seat(row, name, tags?)", "write") in far
        answers = [answer(both, f"{name}.find_seat", {"row": 7}) for name in ("near", "far")]
        assert [one["structuredContent"] for one in answers] == [{"row": 7, "name": "seat"}] * 2


def test_headers_let_one_in_and_their_absence_is_told_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALL_TOKEN", TOKEN)
    with hall("--token", TOKEN) as url:
        entries = {
            "in": {"url": url, "headers": {"Authorization": "Bearer ${HALL_TOKEN}"}},
            "out": {"url": url, "headers": {"Authorization": "Bearer wrong-token"}},
        }
        with opened(tmp_path, entries) as servers:
            assert len(servers.tools("in")) == 8
            assert TOKEN in servers.secrets()
            with pytest.raises(RefusedError, match="`out` wants other credentials: HTTP 401") as caught:
                servers.tools("out")
            assert caught.value.facts()["status"] == 401
            assert "wrong-token" not in caught.value.message


def test_an_address_where_nobody_is_and_one_that_is_another(tmp_path: Path) -> None:
    with hall() as url:
        wrong = url.replace("/mcp", "/elsewhere")
        with opened(tmp_path, {"nobody": {"url": "http://127.0.0.1:9/mcp"}, "other": {"url": wrong}}) as servers:
            with pytest.raises(UnreachableError, match="`nobody` cannot be reached at its start"):
                servers.tools("nobody")
            with pytest.raises(RefusedError, match=r"`other` is not at its address: HTTP 404\."):
                servers.tools("other")


@pytest.mark.full
def test_a_tool_that_came_later_is_found_over_http_as_well(tmp_path: Path) -> None:
    with hall() as url, opened(tmp_path, {"far": {"url": url}}) as servers:
        answer(servers, "far.open_balcony")
        assert answer(servers, "far.look_down")["structuredContent"] == {"result": "heads"}


@pytest.mark.full
def test_a_server_that_went_away_is_reached_again_when_it_is_back(tmp_path: Path) -> None:
    with hall() as url:
        port = url.split(":")[2].split("/")[0]
        servers = opened(tmp_path, {"far": {"url": url, "timeout": 20}})
        assert text(servers, "far.say", {"text": "one"}) == "one"
    with servers:
        with pytest.raises(UnreachableError):
            text(servers, "far.say", {"text": "two"})
        with hall("--port", port):
            assert text(servers, "far.say", {"text": "three"}) == "three"


@pytest.mark.full
def test_a_database_is_asked_over_http_through_a_server_no_one_here_wrote(tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    with sqlite3.connect(database) as ledger:
        ledger.execute("create table ships (name text, berth integer)")
        ledger.executemany("insert into ships values (?, ?)", [("Corvina", 3), ("Larkmoor", None)])
    ledger.close()
    with datasette(database) as url, opened(tmp_path, {"data": {"url": url}}) as servers:
        sql = "select * from ships order by name"
        found = answer(servers, "data.execute_sql", {"database": "ledger", "sql": sql})
        assert found["structuredContent"]["rows"] == [
            {"name": "Corvina", "berth": 3},
            {"name": "Larkmoor", "berth": None},
        ]
