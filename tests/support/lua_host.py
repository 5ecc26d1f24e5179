"""Run Lua in tests of the Lua room, with a host that answers calls with records of its own."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

import pytest

from kosmo_kernel import errors
from kosmo_kernel.client.call import CallRequest
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua.failure import Failure
from kosmo_kernel.lua.machine import Machine
from kosmo_kernel.lua.run import ChunkHistory
from kosmo_kernel.lua.surface import record_types, surface
from kosmo_kernel.questions.discovery import find_table
from kosmo_kernel.questions.question import Question
from kosmo_kernel.render.display import DisplayRequest
from kosmo_kernel.results import Result
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kosmo_kernel.lua.run import LuaRun

APPS = HEROKU.function("list_apps")


def app(name: str, **fields: Any) -> dict[str, Any]:
    stack = {"id": f"id-of-{fields.get('on', 'heroku-24')}", "name": fields.pop("on", "heroku-24")}
    return {
        "id": f"id-{name}",
        "name": name,
        "stack": stack,
        "team": None,
        "web_url": None,
        "novel": [1, None],
        **fields,
    }


class Begun(NamedTuple):
    """A valid call, as `CallTracker.prepare` returns it."""

    calls: int
    begin: Callable[[int], None]


@dataclass
class Answers:
    """A host that answers every call with the same records and remembers what was asked."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [app("one"), app("two", on="heroku-20", web_url="u")])
    asked: list[CallRequest] = field(default_factory=list)
    printed: list[tuple[str, str]] = field(default_factory=list)
    shown: list[DisplayRequest] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    error: errors.KosmoError | None = None
    raised: list[errors.KosmoError] = field(default_factory=list)
    counted: tuple[int, int] = (0, 0)
    moment: datetime = datetime(2026, 11, 20, 9, tzinfo=UTC)
    dropped: list[int] = field(default_factory=list)
    tests: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[tuple[int, int, list[dict[str, Any]]]] = field(default_factory=list)
    chunks: ChunkHistory = field(default_factory=ChunkHistory)
    result: Result = field(default_factory=Result)
    inbox: SimpleQueue[tuple[int, list[Any] | errors.KosmoError]] = field(default_factory=SimpleQueue)

    @property
    def calls(self) -> Answers:
        return self

    @property
    def output(self) -> Answers:
        return self

    @property
    def lookups(self) -> Answers:
        return self

    def prepare(self, request: CallRequest) -> Begun:
        return Begun(1, lambda number: threading.Thread(target=self._make, args=(number, request), daemon=True).start())

    def _make(self, number: int, request: CallRequest) -> None:
        try:
            self.inbox.put((number, self.call(request)))
        except errors.KosmoError as error:
            self.inbox.put((number, error))

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | errors.KosmoError]]:
        try:
            return [self.inbox.get(timeout=seconds)]
        except Empty:
            return []

    def record_types(self, full_name: str) -> dict[str, Any]:
        name = full_name.removeprefix("heroku.")
        return record_types(HEROKU, HEROKU.function(name)) if name in HEROKU.names() else {}

    def table(self, integration: str, name: str) -> Question:
        return find_table(integration, name)

    def signatures(self, integration: str) -> dict[str, str]:
        return {function.name: function.signature for function in HEROKU.functions}

    def items(self, coming: int, done: int) -> None:
        self.counted = (self.counted[0] + coming, self.counted[1] + done)

    def cancel(self, number: int) -> None:
        self.dropped.append(number)

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        self.told.append((count, of, rows))

    def call(self, request: CallRequest) -> list[Any]:
        self.asked.append(request)
        if self.error:
            raise self.error
        if request.path == "heroku.get_app":
            return [Record(self.rows[0], HEROKU.function("get_app"))]
        return [Records(self.rows, APPS)]

    def mcp(self, verb: str, asked: Mapping[str, Any]) -> NoReturn:
        raise errors.SettingsError(f"there are no MCP servers here to be asked for {verb} ({len(asked)})")

    def resolve_account(self, integration: str, key: str) -> str:
        if key == "production":
            return key
        raise errors.UnknownNameError(f"{integration} has no {key}.", ("list_apps",))

    def integration(self, name: str) -> NoReturn:
        raise errors.UnknownNameError(f"There is no integration {name}.", ("heroku",))

    def integrations(self) -> list[str]:
        return ["heroku"]

    def archive(self, file: str, taken_at: str) -> NoReturn:
        raise errors.SettingsError(f"There is no archive {file} {taken_at}.")

    def docs(self, verb: str, page: str) -> str:
        return f"{verb} {page}"

    def write(self, stream: str, text: str) -> None:
        self.printed.append((stream, text))

    def read(self, form: str) -> str | None:
        line = self.lines.pop(0) if self.lines else None
        return line + "\n" if line is not None and form == "L" else line

    def now(self, account: str | None) -> datetime:
        return self.moment

    def set_now(self, now: datetime) -> None:
        self.moment = now

    def output_of(self, number: int) -> Any:
        return None

    def output_numbers(self) -> list[int]:
        return []

    def display(self, request: DisplayRequest) -> None:
        self.shown.append(request)

    def absent(self, line: int, field: str, names: str) -> None:
        pass

    def unmatched(self, field: str, wanted: str, similar: str) -> None:
        self.tests.append((field, wanted, similar))

    def redact(self, text: str) -> str:
        return text

    def failed(self, error: errors.KosmoError) -> int:
        self.raised.append(error)
        return len(self.raised)


# What scripts that ask in many ways have in common.
ASKING = """
heroku = app.integrations.heroku
function get(name) return heroku.get_app({ app_id = tostring(name) }).name end
function doubled(name) return get(name) .. get(name) end
"""


@dataclass
class Shuffled(Answers):
    """Answers some of the calls under way, in any order, whenever it is asked, so that nothing depends on time.

    What begins with `bad` is refused.

    Parameters:
        chance: which, and in which order.
        most: how many calls were under way at a time.
        open: those that are.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(7))
    most: int = 0
    open: list[tuple[int, CallRequest]] = field(default_factory=list)

    def prepare(self, request: CallRequest) -> Begun:
        self.asked.append(request)
        return Begun(1, lambda number: self.open.append((number, request)))

    def answers(self, _seconds: float) -> list[tuple[int, list[Any] | errors.KosmoError]]:
        self.most = max(self.most, len(self.open))
        chosen = self.chance.sample(self.open, self.chance.randint(1, len(self.open)))
        self.open = [one for one in self.open if one not in chosen]
        return [(number, self._answer(request)) for number, request in chosen]

    def cancel(self, number: int) -> None:
        super().cancel(number)
        self.open = [one for one in self.open if one[0] != number]

    def _answer(self, request: CallRequest) -> list[Any] | errors.KosmoError:
        if request.path == "heroku.list_apps":
            return [Records([app("one"), app("two"), app("three")], HEROKU.function("list_apps"))]
        name = (request.by_name or {}).get("app_id") or request.positional[0]
        if str(name).startswith("bad"):
            return errors.RefusedError(f"{name} is refused", status=404, id="not_found", function=request.path)
        return [Record(app(str(name)), HEROKU.function("get_app"))]


@contextmanager
def machine() -> Iterator[Machine]:
    functions = {f"heroku.{f.name}": f for f in HEROKU.functions}
    one = Machine(lambda: [functions], lambda: surface([HEROKU], {"heroku": ["demo"]}))
    try:
        yield one
    finally:
        one.close()


def run(lua: Machine, source: str, host: Answers | None = None, **limits: Any) -> Result:
    host = host or Answers()
    host.result = Result()
    host.chunks.add("cell", source)
    lua.run(source, Options("cell"), Limits(**limits), cast("LuaRun", host))
    return host.result


def values(lua: Machine, source: str, host: Answers | None = None) -> list[Any]:
    return run(lua, source, host).values


def printed(lua: Machine, source: str, host: Answers | None = None) -> str:
    host = host or Answers()
    run(lua, source, host)
    return "".join(text for _, text in host.printed)


def failure(lua: Machine, source: str, host: Answers | None = None, **limits: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        run(lua, source, host, **limits)
    return caught.value
