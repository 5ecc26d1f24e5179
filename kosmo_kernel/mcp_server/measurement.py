"""Ask the server as a client does, with the official SDK over standard streams, and measure what it takes."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import TextContent

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp_server.answers import CHARACTERS_PER_TOKEN
from kosmo_kernel.mcp_server.tools import LUA

EXAMPLE = "return heroku.demo.list_apps()"
TIMEOUT_SECONDS = 30.0
MAX_ERROR_LENGTH = 400  # characters of what the server printed at last


class Measurement(NamedTuple):
    """The tokens that a client has to read, and the times that it waits."""

    protocol: str  # the version of the protocol
    tools: int  # the number of tools
    list_tokens: int  # the tokens of the list of tools and of the instructions
    answer_tokens: int  # the tokens of the answer to `EXAMPLE`
    start_ms: float  # the milliseconds from the start of the program until it can be asked
    list_ms: float  # the milliseconds until the list of tools is there
    call_ms: float  # the milliseconds of the first call, which starts Lua
    next_call_ms: float  # the milliseconds of the same call again


def measure(command: Sequence[str]) -> Measurement:
    """Start a server, ask it, and end it.

    Parameters:
        command: the command of the server.

    Raises:
        KosmoError: the server does not start or does not answer; with what it printed at last.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        try:
            return asyncio.run(_measure(command, stderr))
        except TimeoutError:
            reason = f"it did not answer within {TIMEOUT_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001 - the SDK's errors are of many types, in groups
            first: BaseException = error
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            if isinstance(first, KosmoError):
                raise first from None
            reason = f"{type(first).__name__}: {first}"
        stderr.seek(0)
        printed = " ".join(stderr.read().split())[-MAX_ERROR_LENGTH:]
    raise KosmoError(f"{' '.join(command)} cannot be asked: {printed or reason}")


async def _measure(command: Sequence[str], stderr: object) -> Measurement:
    parameters = StdioServerParameters(command=command[0], args=[*command[1:]], env=dict(os.environ))
    times = [time.perf_counter()]
    log: Any = stderr
    async with asyncio.timeout(TIMEOUT_SECONDS), Client(stdio_client(parameters, log)) as client:
        times.append(time.perf_counter())
        tools = (await client.list_tools()).tools
        times.append(time.perf_counter())
        for _ in range(2):
            answer = await client.call_tool(LUA, {"code": EXAMPLE})
            times.append(time.perf_counter())
        listed = "".join(tool.model_dump_json(by_alias=True, exclude_none=True) for tool in tools)
        text = "".join(part.text for part in answer.content if isinstance(part, TextContent))
        if answer.is_error:
            raise KosmoError(f"`{EXAMPLE}` failed: {text}")
        spent = [round((after - before) * 1_000, 1) for before, after in pairwise(times)]
        return Measurement(
            client.protocol_version, len(tools), _tokens(listed + (client.instructions or "")), _tokens(text), *spent
        )


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
