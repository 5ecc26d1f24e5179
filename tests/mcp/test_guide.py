"""Test that what the guide shows of servers is so: its blocks of `lua mcp` run on the server that it configures."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from mcp_config import program, written

from kosmo_kernel import docs
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp import configuration
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.render.text import pretty
from kosmo_kernel.session import Session

pytest.importorskip("mcp")

TOKENS = [token for token in MarkdownIt("commonmark").parse(docs.read("mcp")) if token.type == "fence"]
SHOWN = [(one.content, after.content) for one, after in pairwise(TOKENS) if one.info == "lua mcp"]


def test_what_the_guide_shows_is_what_is_seen() -> None:
    written(Path.home() / ".kosmo" / "mcp.json", {"time": {"command": program("mcp-server-time")}})
    seen = []
    with Session("demo") as session:
        for code, _ in SHOWN:
            try:
                result = session.run(code)
                seen.append("\n".join(filter(None, [result.output.strip(), *map(pretty, result.values)])))
            except KosmoError as error:
                seen.append("\n".join(error_lines(error)))
    patterns = [".*".join(map(re.escape, expected.strip().split("…"))) for _, expected in SHOWN]
    assert len(SHOWN) >= 4
    assert [
        text for text, pattern in zip(seen, patterns, strict=True) if not re.fullmatch(pattern, text, re.DOTALL)
    ] == []


def test_the_settings_of_the_guide_describe_servers(tmp_path: Path) -> None:
    shown, agents = [json.loads(token.content) for token in TOKENS if token.info == "json"]
    (tmp_path / ".mcp.json").write_text(json.dumps(shown))
    servers = configuration(tmp_path).servers
    assert {name: (one.kind, one.timeout, one.fault) for name, one in servers.items()} == {
        "time": ("stdio", 30.0, ""),
        "library": ("http", 60.0, ""),
    }
    (tmp_path / ".mcp.json").write_text(json.dumps(agents))
    ((name, one),) = configuration(tmp_path).servers.items()
    assert (name, one.kind, one.command, one.args, one.fault) == ("kosmo", "stdio", "kosmo", ("mcp:serve",), "")
