"""A server that is made with the SDK: `python sample_mcp_server.py` speaks on its standard streams, `--http` on a port.

It has one tool for each form that an answer can take, and resources and prompts of the usual kinds. With `--http` its
first line on standard output is its address; `--token T` lets nobody in who does not send that.
"""

from __future__ import annotations

import argparse
import base64
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.types import CallToolResult, ResourceLink, TextContent, ToolAnnotations
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)

hall = MCPServer("hall", title="The Hall", version="2.5", instructions="Ask for a seat before you sit down.")


class Seat(BaseModel):
    row: int
    name: str | None


@hall.tool(annotations=READS)
def list_seats(count: int = 3) -> list[Seat]:
    """All seats, from the front."""
    return [Seat(row=row, name=None if row % 2 else f"seat {row}") for row in range(count)]


@hall.tool(annotations=READS)
def find_seat(row: int) -> Seat:
    """One seat."""
    if row > 40:
        raise ValueError(f"there is no row {row}")
    return Seat(row=row, name="seat")


@hall.tool(name="take-seat")
def take_seat(row: int, name: str, tags: list[str] | None = None) -> str:
    """Take a seat, which changes the hall."""
    return f"{name} sits in row {row}, {', '.join(tags or []) or 'plain'}"


@hall.tool(annotations=READS, structured_output=False)
def say(text: str) -> str:
    """The text as it came."""
    return text


@hall.tool(annotations=READS, structured_output=False)
def picture() -> Image:
    """A picture of the hall."""
    return Image(data=PIXEL, format="png")


@hall.tool(annotations=READS)
def mixed() -> CallToolResult:
    """A text, and where to read on."""
    link = ResourceLink(name="plan", uri="hall://plan", type="resource_link")
    return CallToolResult(content=[TextContent(type="text", text="see the plan"), link])


@hall.tool(name="end", annotations=READS)
def end_of_show() -> None:
    """Nothing comes after this."""


@hall.tool(annotations=READS)
async def open_balcony(ctx: Context) -> str:
    """Open the balcony, which has a tool of its own."""
    hall.add_tool(look_down, annotations=READS)
    await ctx.notify_tools_changed()
    await ctx.info("the balcony is open")
    return "open"


def look_down() -> str:
    """Return what one sees from up there."""
    return "heads"


@hall.resource("hall://plan", mime_type="text/markdown")
def plan() -> str:
    """The plan of the hall."""
    return "# Plan\n\nRows 0 to 40."


@hall.resource("hall://rows/{row}")
def one_row(row: str) -> str:
    """One row."""
    return f"row {row}"


@hall.resource("hall://photo", mime_type="image/png")
def photo() -> bytes:
    """A photograph."""
    return PIXEL


@hall.prompt()
def welcome(name: str, tone: str = "warm") -> str:
    """Return how to welcome somebody."""
    return f"Welcome {name} in a {tone} way."


def guarded(app: Any, token: str) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and Request(scope).headers.get("authorization") != f"Bearer {token}":
            refusal: Response = PlainTextResponse("who are you?", status_code=401)
            await refusal(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--token", default="")
    parser.add_argument("--port", type=int, default=0)
    told = parser.parse_args()
    if not told.http:
        hall.run()
        return
    with socket.create_server(("127.0.0.1", told.port)) as listening:
        app = hall.streamable_http_app()
        sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        server = uvicorn.Server(uvicorn.Config(guarded(app, told.token) if told.token else app, log_level="error"))
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
