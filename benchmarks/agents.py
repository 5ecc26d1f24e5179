"""Measure what `kosmo mcp:serve` costs an agent: tokens, of four characters each, and times, by the official SDK.

    python benchmarks/agents.py [tasks] [phrases] [questions] [functions] [times] [--check]

With `--check` a goal that is missed is a failure.

Two parts on the demo company in this process:

- `tasks`: thirteen kinds of tasks (`agent_tasks.py`), each from a fresh session: calls and tokens, and the tokens of
  the tools with the instructions;
- `phrases`: what somebody types into the search (`tests/docs/search_phrases.toml`): how many find a page that answers
  them among the first five, and the tokens of an answer.

Three parts, each against `kosmo demo:serve --budget off` in a process of its own:

- `questions`: the list of tools, and the 25 questions of the audits (`agent_questions.py`) at 500 apps, each over
  standard streams and over HTTP, question and answer together. What an answer shows is compared with the value of a
  session;
- `functions`: the answer of every function, asked about all that there is at 5,000 apps, which takes half an hour;
- `times`: the time of a call, as a multiple of its parts, one by one: the same Lua in a session of this process, whose
  value is shown within the same bound, and a tool of the SDK that only sends as long a text.

The comparison is a server that answers a question with the lists that its Lua reads, in JSON, whole and once.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from agent_questions import APP, QUESTIONS
from agent_tasks import TASKS
from mcp import Client, StdioServerParameters
from mcp import types as protocol
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from kosmo_kernel.catalogue import NEWEST, Function, Link, Param
from kosmo_kernel.docs.compact import search
from kosmo_kernel.docs.search_index import search_pages
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.mcp_server.tokens import CHARACTERS_PER_TOKEN
from kosmo_kernel.render.bounded import bounded
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records, encode

KOSMO = [sys.executable, "-m", "kosmo_kernel"]
MAX_LISTED, MAX_ANSWER, MAX_WHOLE_QUESTION, MAX_QUESTION, MIN_TIMES_LESS, MAX_RATIO = (
    1_000,
    2_000,
    1_500,
    2_300,
    20,
    1.5,
)
MAX_TOOLS, MAX_FOUND, MIN_SHARE = 900, 300, 0.9
PHRASES = Path(__file__).parents[1] / "tests" / "docs" / "search_phrases.toml"
APPS, MANY = 500, 5_000
ROUNDS, WARM_UP = 40, 5
CHECK = "--check"
ECHO = "--echo"  # serve an empty tool of the SDK on standard streams
SMALL, MAX_EMPTY_RATIO = "return 1", 2.0
CALLS = {
    SMALL: SMALL,
    "one app": f'return heroku.get_app("{APP}").name',
    "the list of apps": "return heroku.list_apps()",
    "crashed dynos": 'return list.filter(heroku.list_dynos({ app_id = heroku.list_apps() }), { state = "crashed" })',
}
FUNCTIONS = {function.name: function for function in HEROKU.functions}
NEWEST_ASKED = 5  # of each app's releases and builds, of which the demo has hundreds
_HANDLE = re.compile(r"^Out\[(\d+)\]:$", re.MULTILINE)
_NUMBER = re.compile(r"(?<=Out\[)\d+")
_SHOWN_ROWS = 3  # that are compared


def tokens(text: str) -> float:
    """Return the tokens of a text, by the rule of thumb of four characters each."""
    return len(text) / 4


@dataclass
class Figures:
    """The sums of the figures, and the goals that were missed.

    Parameters:
        ours: all tokens of ours.
        plain: all tokens of the comparison.
    """

    ours: float = 0.0
    plain: float = 0.0
    missed: list[str] = field(default_factory=list)

    def show(self, name: str, value: float, most: float | None = None, unit: str = "tokens") -> None:
        """Print a figure, with its goal if it has one."""
        goal = f"  (at most {most:,g})" if most is not None else ""
        is_missed = most is not None and value > most
        print(f"{name:84.84} {value:14,.1f} {unit}{goal}{'  MISSED' if is_missed else ''}", flush=True)
        if is_missed:
            self.missed.append(name)

    def add(self, ours: float, plain: float) -> None:
        """Add to the sums of both."""
        self.ours, self.plain = self.ours + ours, self.plain + plain

    def require(self, what: str, *, holds: bool) -> None:
        """Count a wrong answer as a goal that is missed."""
        if not holds:
            print(f"WRONG: {what}")
            self.missed.append(what)


# The servers and their clients -------------------------------------------------------------------------------------


@contextmanager
def first_lines(command: list[str], env: dict[str, str]) -> Iterator[list[str]]:
    """Run a server, and provide the values of its first two lines, `NAME=value`."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            yield [process.stdout.readline().strip().partition("=")[2] for _ in range(2)]
        finally:
            process.terminate()


@contextmanager
def demo(apps: int) -> Iterator[None]:
    """Serve the demo account without a budget, and point this process and those that it starts there."""
    with first_lines([*KOSMO, "demo:serve", "--apps", str(apps), "--budget", "off"], dict(os.environ)) as (url, key):
        os.environ |= {"HEROKU_API_URL": url, "HEROKU_API_KEY": key}
        yield


@asynccontextmanager
async def over_stdio(*options: str, command: list[str] | None = None) -> AsyncIterator[Client]:
    """Provide a client with a server of its own."""
    words = [*(command or [*KOSMO, "mcp:serve"]), *options]
    served = StdioServerParameters(command=words[0], args=words[1:], env=dict(os.environ))
    async with Client(stdio_client(served)) as client:
        yield client


@asynccontextmanager
async def over_http() -> AsyncIterator[Client]:
    """Provide a client of a server on a port, in the form of the protocol that has session ids."""
    with first_lines([*KOSMO, "mcp:serve", "--http", "127.0.0.1:0"], dict(os.environ)) as (url, token):
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=600) as http,
            Client(streamable_http_client(url, http_client=http), mode="legacy") as client,
        ):
            yield client


async def listed(client: Client) -> float:
    """Return the tokens of the list of tools."""
    tools = (await client.list_tools()).tools
    return sum(tokens(tool.model_dump_json(by_alias=True, exclude_none=True)) for tool in tools)


async def answer(client: Client, code: str) -> tuple[str, bool]:
    """Return the answer to a run of Lua, and whether it is an error."""
    result = await client.call_tool("lua_run", {"code": code})
    return "".join(getattr(part, "text", "") for part in result.content), bool(result.is_error)


async def run(client: Client, code: str) -> str:
    """Return the answer to a run of Lua that works."""
    text, failed = await answer(client, code)
    if failed:
        raise RuntimeError(f"{code}\n{text}")
    return text


# The questions ----------------------------------------------------------------------------------------------------


async def ask_all(apps: int, figures: Figures) -> None:
    """Measure the list of tools and the questions."""
    with demo(apps), Session() as session:
        names = [one["name"] for one in session.call("heroku.list_apps", {}).value]
        plain = PlainLists(session, names)
        async with over_stdio() as client, over_http() as other:
            figures.show("tools/list", await listed(client), MAX_LISTED)
            for question, lua in QUESTIONS.items():
                code = lua.strip()
                text = await run(client, code)
                cost = tokens(question) + tokens(json.dumps({"code": code})) + tokens(text)
                over_port = await run(other, code)
                is_same = _NUMBER.sub("", over_port) == _NUMBER.sub("", text)
                figures.require(f"the same over HTTP: {question}", holds=is_same)
                result = session.run(code)
                is_cut = "Not shown: " in text
                names_called = {record.path.rpartition(".")[2] for record in result.calls}
                whole = sum(plain.tokens(name, about_one=APP in code) for name in names_called)
                figures.show(question, cost, MAX_QUESTION if is_cut else MAX_WHOLE_QUESTION)
                figures.add(cost, whole)
                await check(client, question, text, result.value, figures)


class PlainLists:
    """The tokens of calls that are answered in whole JSON.

    Parameters:
        session: makes the calls.
        names: all apps.
    """

    def __init__(self, session: Session, names: list[str]) -> None:
        self._session, self._names = session, names
        self._known: dict[tuple[str, bool], float] = {}

    def tokens(self, name: str, *, about_one: bool) -> float:
        """Return the tokens of a call, with its arguments, about one app or about all."""
        key = name, about_one
        if key not in self._known:
            takes_app = any(param.name == "app_id" for param in FUNCTIONS[name].params)
            arguments = {"app_id": APP if about_one else self._names} if takes_app else {}
            value = self._session.call(f"heroku.{name}", arguments).value
            self._known[key] = tokens(json.dumps(arguments)) + tokens(encode(value).decode())
        return self._known[key]


async def check(client: Client, question: str, text: str, value: Any, figures: Figures) -> None:
    """Compare what an answer shows of a list with the list: its count, its first rows, and what its handle has."""
    if not isinstance(value, Records):
        return
    handle = _HANDLE.search(text)
    figures.require(f"no handle: {question}", holds=handle is not None)
    if handle is None:
        return
    kept = await run(client, f"return #Out[{handle[1]}]")
    figures.require(f"the list in Out: {question}", holds=kept.startswith(f"<data>\n{len(value)}\n"))
    lines = text.partition("<data>\n")[2].partition("\n</data>")[0].split("\n")
    counted = re.match(r"([\d,]+) records? ", lines[0])
    figures.require(f"the count: {question}", holds=counted is not None and counted[1] == f"{len(value):,}")
    once = ("the same in all: ", "equal columns: ")
    head = next((place for place, line in enumerate(lines[1:], start=1) if not line.startswith(once)), 1)
    columns = lines[head].split("\t") if value else []
    for row, line in zip(value[:_SHOWN_ROWS], lines[head + 1 :], strict=False):
        shown = dict(zip(columns, line.split("\t"), strict=True))
        whole = {name: row.get(name) for name in columns}
        same = all(is_shown(whole[name], cell) for name, cell in shown.items() if name in row)
        figures.require(f"the first rows: {question}", holds=same)


def is_shown(value: Any, cell: str) -> bool:
    """Return whether a cell shows a value, or the beginning of a long one."""
    if value is None:
        return cell == ""
    text = str(value) if isinstance(value, (str, int)) else encode(value).decode()
    return cell == text or (cell.endswith("…") and text.startswith(cell[:-1])) or not isinstance(value, (str, int))


# Tasks and phrases -------------------------------------------------------------------------------------------------


async def do_tasks(_apps: int, figures: Figures) -> None:
    """Measure the calls and the tokens of each task, and whether its last answer is right."""
    os.environ["KOSMO_DEMO"] = "1"
    calls = total = 0.0
    with Session("demo") as session:
        for title, task in TASKS.items():
            async with over_stdio("--demo") as client:
                if not calls:
                    whole = await listed(client) + tokens(client.instructions or "")
                    figures.show("tools and instructions", whole, MAX_TOOLS)
                cost, text = 0.0, ""
                for tool, arguments in task.calls:
                    text = await call(client, tool, arguments)
                    cost += tokens(json.dumps(arguments)) + tokens(text)
            answer_of_task = session.run(task.answer).value if task.answer else "Error"
            figures.require(title, holds=answer_of_task in text)
            figures.show(f"{title} ({len(task.calls)} calls)", cost)
            calls, total = calls + len(task.calls), total + cost
    figures.show(f"{len(TASKS)} tasks, {calls:.0f} calls", total)


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    """Return the text of an answer, an error or not."""
    result = await client.call_tool(tool, arguments)
    return "".join(getattr(part, "text", "") for part in result.content)


async def search_phrases(_apps: int, figures: Figures) -> None:
    """Measure how many phrases find what they are about among the first five, and how long an answer is."""
    for name, phrases in tomllib.loads(PHRASES.read_text()).items():
        found = [
            not {*(one.page for one in search_pages(phrase)[:5])}.isdisjoint(phrases[phrase]) for phrase in phrases
        ]
        answers = [tokens(search(phrase)) for phrase in phrases]
        figures.show(f"{name}: {sum(found)} of {len(found)} phrases; an answer", statistics.mean(answers))
        figures.show(f"{name}: the longest answer", max(answers), MAX_FOUND)
        figures.require(f"phrases of {name}", holds=sum(found) >= MIN_SHARE * len(found))


# All functions ----------------------------------------------------------------------------------------------------


def all_of(param: Param) -> str:
    """Return Lua that has all things that a parameter can name, or one of them."""
    of = FUNCTIONS.get(f"list_{param.name.removesuffix('_id')}s")
    if not param.each or of is None or of.returns != "list":
        return param.sample
    if of.link({}):
        return f"{of.name}_ or heroku.{of.name}()"
    return (
        f"{of.name}_ or list.unique_by(heroku.{of.name}({{ app_id = apps }}), 'id')"
        if of.link({"app_id": "a"})
        else param.sample
    )


def chunk(function: Function, link: Link) -> str:
    """Return Lua that calls a function about all that there is, and counts the characters of its value as JSON."""
    lines, arguments = [], []
    has_list = False
    for param in function.params:
        if param.name not in link.placeholders and not param.required:
            continue
        value = all_of(param) if len(link.placeholders) < 2 else param.sample  # of two samples, most are not there
        if " or " in value:
            name, has_list = value.partition(" or ")[0], True
            lines.append(f"{name} = {value}")
            value = name
        arguments.append(f"{param.name} = {value}")
    arguments += ["errors = 'collect'"] if has_list else []
    arguments += [f"{NEWEST} = {NEWEST_ASKED}"] if function.newest else []
    lines.append(f"local value = heroku.{function.name}({{ {', '.join(arguments)} }})")
    if has_list or function.returns == "list":
        lines += ["size = 2", "for _, one in ipairs(value) do size = size + #json.encode(one) + 1 end"]
    else:
        lines.append("size = #json.encode(value)")
    lines.append("return value")
    return "\n".join(lines)


async def call_every_function(apps: int, figures: Figures) -> None:
    """Measure the longest answer of each function."""
    worst = total = plain = 0.0
    with demo(apps):
        limits = ("--answer-within", "3600", "--cpu-limit", "600", "--memory-limit", str(1 << 30))
        async with over_stdio(*limits) as client:
            await run(client, "apps = heroku.list_apps() list_apps_ = apps return #apps")
            for function in FUNCTIONS.values():
                longest = largest = 0.0
                for link in function.links:
                    text, failed = await answer(client, chunk(function, link))  # of what the demo has none, an error
                    size = await run(client, "return size") if not failed else text
                    whole = tokens(text) if failed else float(size.split("\n")[1]) / 4
                    longest, largest = max(longest, tokens(text)), max(largest, whole)
                    name = f"{function.name}({', '.join(link.placeholders)})"
                    first = text.split("\n")[0 if failed else text.split("\n").index("<data>") + 1]
                    print(f"{name:56.56} {tokens(text):8,.1f} of {whole:14,.1f}  {first:.60}", flush=True)
                worst, total, plain = max(worst, longest), total + longest, plain + largest
    figures.show(f"the longest answer of {len(FUNCTIONS)} functions at {apps:,} apps", worst, MAX_ANSWER)
    figures.add(total, plain)


# Times ------------------------------------------------------------------------------------------------------------


async def time_calls(apps: int, figures: Figures) -> None:
    """Measure the time of a call, in turns with the same in a session and with an empty tool of the SDK.

    A client of ours cannot wait less than the SDK's protocol takes, and a session alone shows nothing. So the goal is
    about what our server adds to the two.
    """
    echo = [sys.executable, __file__, ECHO]
    with demo(apps), Session() as session:
        async with over_stdio() as client, over_stdio(command=echo) as empty:
            for name, code in CALLS.items():
                ours: list[float] = []
                inside: list[float] = []
                bare: list[float] = []
                length = str(len(await run(client, code)))
                for _ in range(WARM_UP + ROUNDS):
                    ours.append(await timed(run(client, code)))
                    bare.append(await timed(run(empty, length)))
                    started = time.perf_counter()
                    for value in session.run(code).values_to_show:
                        bounded(value, MAX_ANSWER * CHARACTERS_PER_TOKEN)
                    inside.append(time.perf_counter() - started)
                of_server, of_session, of_sdk = (statistics.median(one[WARM_UP:]) * 1e3 for one in (ours, inside, bare))
                print(f"{name}: {of_server:.2f} ms; {of_session:.2f} ms in a session; {of_sdk:.2f} ms an empty tool")
                if code == SMALL:  # a larger one takes more time in the session than in the protocol
                    figures.show(f"{name}: a call / an empty tool", of_server / of_sdk, MAX_EMPTY_RATIO, "times")
                parts = of_session + of_sdk
                figures.show(f"{name}: a call / in a session and an empty tool", of_server / parts, MAX_RATIO, "times")


async def timed(work: Awaitable[object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def serve_echo() -> None:
    """Serve a tool of the SDK that only answers, with a text of as many characters as its argument says."""

    async def list_tools(_: Any, _params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[protocol.Tool(name="lua_run", input_schema={"type": "object"})])

    async def call_tool(_: Any, params: protocol.CallToolRequestParams) -> protocol.CallToolResult:
        text = "1" * int((params.arguments or {})["code"])
        return protocol.CallToolResult(content=[protocol.TextContent(type="text", text=text)])

    server: Server[Any] = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


PARTS = {
    "tasks": (do_tasks, 0),
    "phrases": (search_phrases, 0),
    "questions": (ask_all, APPS),
    "functions": (call_every_function, MANY),
    "times": (time_calls, APPS),
}


async def measure(parts: list[str]) -> bool:
    """Measure some parts, and return whether all goals are reached."""
    figures = Figures()
    for part in parts:
        measure_part, apps = PARTS[part]
        await measure_part(apps, figures)
    if figures.ours:
        times = figures.plain / figures.ours
        print(f"all: {figures.ours:,.0f} tokens; as whole JSON: {figures.plain:,.0f}, {times:,.0f} times as many")
        figures.show("all / the same as whole JSON", 1 / times, 1 / MIN_TIMES_LESS, "times")
    print("missed: " + (", ".join(figures.missed) or "nothing"))
    return not figures.missed


if __name__ == "__main__":
    if ECHO in sys.argv:
        asyncio.run(serve_echo())
    else:
        parts = [word for word in sys.argv[1:] if word != CHECK]
        is_good = asyncio.run(measure(parts or list(PARTS)))
        sys.exit(1 if CHECK in sys.argv and not is_good else 0)
