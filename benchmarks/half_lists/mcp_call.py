"""Call one tool of an MCP server and print the text that an agent gets: `$PYTHON mcp_call.py TOOL ARGUMENTS COMMAND …`.

Exits with 1, and prints to stderr, if the tool says that it failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import TextContent


async def main(tool: str, arguments: str, command: str, *args: str) -> int:
    server = StdioServerParameters(command=command, args=list(args), env=dict(os.environ))
    async with Client(stdio_client(server)) as client:
        answer = await client.call_tool(tool, json.loads(arguments))
    text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    print(text, file=sys.stderr if answer.is_error else sys.stdout)
    return int(answer.is_error)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
