"""Measure the cost of `kosmo mcp:serve` for an agent: tokens, of four characters each, and times, by the official SDK.

    python benchmarks/agents.py [APPS]

The demo account with APPS apps (500 by default) is served by this process, without a budget. Each question is asked
over standard streams, and once more over HTTP, whose answers must be the same. Then each function that takes nothing or
an app is asked for all it has: its answer through `lua_run`, against the same records as JSON, which is what a tool
without a bound sends. Last the time of a call, as a multiple of the same Lua in a session of this process, one by one.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import encode

KOSMO = [sys.executable, "-m", "kosmo_kernel"]
MOST_LISTED, MOST_ANSWER, MOST_QUESTION, LEAST_TIMES, MOST_RATIO = 1_000, 2_000, 2_300, 20, 1.5
ROUNDS = 30
REFILL = 1e9  # requests per hour that the demo account may make
ALL = "{ app_id = heroku.list_apps(), errors = 'collect' }"
QUESTIONS = {
    "apps by region": "list.count_by(heroku.list_apps(), 'region.name')",
    "apps on old stacks": "list.filter(heroku.list_apps(), function(a) return a.stack.name == 'heroku-20' end)",
    "apps in maintenance": "list.filter(heroku.list_apps(), function(a) return a.maintenance end)",
    "dynos by size": f"list.count_by(heroku.list_dynos({ALL}), 'size')",
    "crashed dynos": f"list.filter(heroku.list_dynos({ALL}), function(d) return d.state == 'crashed' end)",
    "add-ons by plan": f"list.count_by(heroku.list_addons({ALL}), 'plan.name')",
    "who has access": f"list.count_by(heroku.list_collaborators({ALL}), 'user.email')",
    "domains without a state": f"list.filter(heroku.list_domains({ALL}), function(d) return not d.acm_status end)",
}


def tokens(text: str) -> float:
    """Return the tokens of a text, by the rule of thumb of four characters each."""
    return len(text) / 4


@contextmanager
def demo(apps: int) -> Iterator[dict[str, str]]:
    """Serve the demo account without a budget, and provide the environment that leads there."""
    with serve(DemoApi(company(apps, 0), refill=REFILL)) as served:
        yield {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}


@asynccontextmanager
async def over_stdio(env: dict[str, str], *options: str) -> AsyncIterator[Client]:
    """Provide a client with a server of its own."""
    served = StdioServerParameters(command=KOSMO[0], args=[*KOSMO[1:], "mcp:serve", *options], env=os.environ | env)
    async with Client(stdio_client(served)) as client:
        yield client


@contextmanager
def served_over_http(env: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Serve on a port, and provide the address and the token."""
    command = [*KOSMO, "mcp:serve", "--http", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | env
    ) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
        try:
            yield url, token
        finally:
            process.terminate()


@asynccontextmanager
async def over_http(env: dict[str, str]) -> AsyncIterator[Client]:
    """Provide a client of a server on a port, in the form of the protocol that has session ids."""
    with served_over_http(env) as (url, token):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=600) as http,
            Client(streamable_http_client(url, http_client=http), mode="legacy") as client,
        ):
            yield client


async def listed(client: Client) -> float:
    """Return the tokens of the list of tools."""
    tools = (await client.list_tools()).tools
    return sum(tokens(tool.model_dump_json(by_alias=True, exclude_none=True)) for tool in tools)


async def answer(client: Client, code: str) -> str:
    """Return the answer to a run of Lua."""
    result = await client.call_tool("lua_run", {"code": code})
    text = "".join(getattr(part, "text", "") for part in result.content)
    if result.is_error:
        raise SystemExit(f"{code}\n{text}")
    return text


def verdict(name: str, value: float, most: float, unit: str = "tokens") -> bool:
    """Print a measurement with its goal, and return whether it is reached."""
    reached = value <= most
    print(f"{name:40} {value:10,.1f} {unit:7} (at most {most:,.1f}) {'ok' if reached else 'MISSED'}")
    return reached


async def functions(client: Client, session: Session) -> tuple[float, float, float]:
    """Return the tokens of the longest answer, of all answers, and of the same records as JSON."""
    await answer(client, "apps = heroku.list_apps() return #apps")
    session.run("apps = heroku.list_apps()")
    longest = total = plain = 0.0
    for function in HEROKU.functions:
        required = [param.name for param in function.params if param.required]
        if required not in ([], ["app_id"]) or any(not param.required for param in function.params):
            continue
        arguments = "{ app_id = apps, errors = 'collect' }" if required and function.fan_out else ""
        if required and not arguments:
            continue
        code = f"local value = heroku.{function.name}({arguments}) return value"
        size = tokens(await answer(client, code))
        longest, total = max(longest, size), total + size
        plain += tokens(encode(session.run(code).value).decode())
    return longest, total, plain


async def ratio(client: Client, session: Session) -> float:
    """Return the time of a call through the server, as a multiple of the same in a session."""
    code, ratios = "return heroku.get_app('my-app').name", []
    name = (session.run("return heroku.list_apps()[1].name")).value
    code = code.replace("my-app", str(name))
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await answer(client, code)
        between = time.perf_counter()
        session.run(code)
        ratios.append((between - started) / (time.perf_counter() - between))
    return statistics.median(ratios)


async def measure(apps: int) -> bool:
    """Measure everything, and return whether all goals are reached."""
    reached = []
    with demo(apps) as env:
        os.environ |= env
        async with over_stdio(env, "--tools", "functions") as client:
            print(f"{'tools/list with --tools functions':40} {await listed(client):10,.1f} tokens")
        async with over_stdio(env) as client, over_http(env) as other:
            reached.append(verdict("tools/list", await listed(client), MOST_LISTED))
            for name, code in QUESTIONS.items():
                text = await answer(client, code)
                if text != await answer(other, code):
                    raise SystemExit(f"{name}: the answers of both transports differ")
                reached.append(verdict(name, tokens(code) + tokens(text), MOST_QUESTION))
            with Session() as session:
                longest, total, plain = await functions(client, session)
                reached.append(verdict("the longest answer of a function", longest, MOST_ANSWER))
                reached.append(verdict("all answers / the same as JSON", total / plain * LEAST_TIMES, 1, "/ goal"))
                reached.append(
                    verdict("a call / the same in a session", await ratio(client, session), MOST_RATIO, "times")
                )
    return all(reached)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 500)) else 1)
