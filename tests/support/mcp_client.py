"""The SDK's client, with our own MCP server as a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from kosmo_command import COMMAND, environment
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent


@asynccontextmanager
async def client(*args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> AsyncIterator[Client]:
    """Yield the SDK's client with a server of its own."""
    more = env if env is not None else {"KOSMO_DEMO": "1"}
    served = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "mcp:serve", *args], env=environment(more), cwd=cwd
    )
    async with Client(stdio_client(served)) as one:
        yield one


def asked(ask: Callable[[Client], Awaitable[Any]], *args: str, **more: Any) -> Any:
    """Return what a client gets that asks once."""

    async def run() -> Any:
        async with client(*args, **more) as one:
            return await ask(one)

    return asyncio.run(run())


Ask = Callable[[Callable[[Client], Awaitable[Any]]], Any]
"""Return what a client gets that asks."""


@contextmanager
def one_client() -> Iterator[Ask]:
    """Yield a function that asks as `asked` does, each time with the same client and its server."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(client()) as one:
        yield lambda ask: portal.call(ask, one)


def text_of(answer: CallToolResult) -> str:
    (part,) = answer.content
    assert isinstance(part, TextContent)
    return part.text


def data(answer: CallToolResult) -> str:
    """Return what stands between the tags."""
    assert not answer.is_error, text_of(answer)
    _, _, rest = text_of(answer).partition("<data>\n")
    return rest.rpartition("\n</data>")[0]


def failure(answer: CallToolResult) -> str:
    assert answer.is_error
    return text_of(answer)
