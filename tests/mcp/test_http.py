"""Servers that have an address: the SDK's own, and Datasette's."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp_config import opened, program
from repository import SUPPORT

from kosmo_kernel.errors import RefusedError, UnreachableError
from kosmo_kernel.mcp import CallListener

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
        answers = [both.call(both.tool(name, "find_seat"), {"row": 7}) for name in ("near", "far")]
        assert [one["structuredContent"] for one in answers] == [{"row": 7, "name": "seat"}] * 2
        assert both.about("far")["instructions"] == "Ask for a seat before you sit down."


def test_resources_and_prompts_are_listed_and_read(tmp_path: Path) -> None:
    with opened(tmp_path, {"near": {"command": sys.executable, "args": [HALL]}}) as servers:
        listed = servers.ask("near", "resources/list")["resources"]
        assert [one.get("uri") or one["uriTemplate"] for one in listed] == [
            "hall://plan",
            "hall://photo",
            "hall://rows/{row}",
        ]
        (row,) = servers.ask("near", "resources/read", {"uri": "hall://rows/3"})["contents"]
        assert (row["uri"], row["text"]) == ("hall://rows/3", "row 3")
        assert [one["name"] for one in servers.ask("near", "prompts/list")["prompts"]] == ["welcome"]
        told = servers.ask("near", "prompts/get", {"name": "welcome", "arguments": {"name": "Ada"}})["messages"]
        assert told == [{"role": "user", "content": {"type": "text", "text": "Welcome Ada in a warm way."}}]


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
def test_tools_that_changed_are_asked_for_again_over_http_as_well(tmp_path: Path) -> None:
    logged: list[tuple[str, str]] = []
    with hall() as url, opened(tmp_path, {"far": {"url": url}}) as servers:
        listener = CallListener(log=lambda *line: logged.append(line))
        servers.call(servers.tool("far", "open_balcony"), {}, listener)
        until = time.monotonic() + 30
        while servers._running["far"].fresh:  # the word of it comes on a way of its own
            assert time.monotonic() < until
        seen = servers.call(servers.tool("far", "look_down"), {})
    assert seen["structuredContent"] == {"result": "heads"}
    assert logged == [("info", "the balcony is open")]


@pytest.mark.full
def test_a_server_that_went_away_is_reached_again_when_it_is_back(tmp_path: Path) -> None:
    with hall() as url:
        port = url.split(":")[2].split("/")[0]
        servers = opened(tmp_path, {"far": {"url": url, "timeout": 20}})
        say = servers.tool("far", "say")
        assert servers.call(say, {"text": "one"})["content"][0]["text"] == "one"
    with servers:
        with pytest.raises(UnreachableError):
            servers.call(say, {"text": "two"})
        with hall("--port", port):
            assert servers.call(say, {"text": "three"})["content"][0]["text"] == "three"


@pytest.mark.full
def test_a_database_is_asked_over_http_through_a_server_no_one_here_wrote(tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    with sqlite3.connect(database) as ledger:
        ledger.execute("create table ships (name text, berth integer)")
        ledger.executemany("insert into ships values (?, ?)", [("Corvina", 3), ("Larkmoor", None)])
    ledger.close()
    with datasette(database) as url, opened(tmp_path, {"data": {"url": url}}) as servers:
        found = servers.call(
            servers.tool("data", "execute_sql"), {"database": "ledger", "sql": "select * from ships order by name"}
        )
        assert found["structuredContent"]["rows"] == [
            {"name": "Corvina", "berth": 3},
            {"name": "Larkmoor", "berth": None},
        ]
