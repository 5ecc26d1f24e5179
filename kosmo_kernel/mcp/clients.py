"""Other programs that use MCP servers: where they keep their entries, and in which form."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

TOML = ".toml"  # the ending of the files that are not JSON


class McpClient(NamedTuple):
    """The files of a program that uses MCP servers."""

    title: str  # its name
    file: str = ""  # the user's file; empty if its path is not fixed
    project: str = ""  # the file of a project; empty if there is none
    key: str = "mcpServers"  # the key above the servers
    fields: Mapping[str, Any] = {}  # what an entry of a program on this machine has besides `command` and `args`
    how: str = ""  # how its users open the file, for a client without a fixed path

    @property
    def place(self) -> str:
        """Return where an entry belongs, as the end of a sentence."""
        places = [self.file or self.how, f"{self.project} of a project" if self.project else ""]
        return " or ".join(filter(None, places))

    @property
    def is_toml(self) -> bool:
        """Return whether its file is TOML."""
        return self.file.endswith(TOML)

    def config(self, name: str, entry: Mapping[str, Any]) -> str:
        """Return what to put into its file to configure a server.

        Parameters:
            name: the server's name.
            entry: its `command` and `args`.
        """
        whole = {**self.fields, **entry}
        if not self.is_toml:
            return json.dumps({self.key: {name: whole}}, indent=2, ensure_ascii=False)
        return "\n".join([f"[{self.key}.{name}]", *(f"{key} = {_toml(value)}" for key, value in whole.items())])


def _toml(value: Any) -> str:
    """Return a text or a list of texts as TOML, whose texts are those of JSON, except for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _support(path: str) -> str:
    """Return a path in the folder where programs keep their settings on this system."""
    return f"~/Library/Application Support/{path}" if sys.platform == "darwin" else f"~/.config/{path}"


CLIENTS = {
    "claude-code": McpClient("Claude Code", "~/.claude.json", ".mcp.json", fields={"type": "stdio"}),
    "claude-desktop": McpClient("Claude Desktop", _support("Claude/claude_desktop_config.json")),
    "cline": McpClient("Cline", how="cline_mcp_settings.json (MCP Servers, Configure, Configure MCP Servers)"),
    "codex": McpClient("Codex", "~/.codex/config.toml", ".codex/config.toml", "mcp_servers"),
    "continue": McpClient("Continue", project=".continue/mcpServers/kosmo.json"),
    "copilot": McpClient("Copilot CLI", "~/.copilot/mcp-config.json", fields={"type": "local", "tools": ["*"]}),
    "cursor": McpClient("Cursor", "~/.cursor/mcp.json", ".cursor/mcp.json"),
    "gemini": McpClient("Gemini CLI", "~/.gemini/settings.json", ".gemini/settings.json"),
    "junie": McpClient("Junie", "~/.junie/mcp/mcp.json", ".junie/mcp/mcp.json"),
    "vscode": McpClient("VS Code", _support("Code/User/mcp.json"), ".vscode/mcp.json", "servers", {"type": "stdio"}),
    "windsurf": McpClient("Windsurf", "~/.codeium/windsurf/mcp_config.json"),
    "zed": McpClient("Zed", "~/.config/zed/settings.json", ".zed/settings.json", "context_servers"),
}
