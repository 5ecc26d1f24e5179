"""What the tests of the Lua room share: a host that answers calls with records of its own, and short ways to run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from kosmo_kernel import errors
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.limits import Limits
from kosmo_kernel.lua.host import CallRequest, DisplayRequest, Failure, Outcome
from kosmo_kernel.lua.machine import Machine
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass
class Answers:
    """A host that answers every call with the same records and remembers what was asked."""

    rows: list[dict[str, Any]] = field(default_factory=lambda: [app("one"), app("two", on="heroku-20", web_url="u")])
    asked: list[CallRequest] = field(default_factory=list)
    printed: list[tuple[str, str]] = field(default_factory=list)
    shown: list[DisplayRequest] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    error: errors.KosmoError | None = None

    def call(self, request: CallRequest) -> list[Any]:
        self.asked.append(request)
        if self.error:
            raise self.error
        if request.path == "heroku.get_app":
            return [Record(self.rows[0], HEROKU.function("get_app"))]
        return [Records(self.rows, APPS)]

    def space(self, integration: str | None, key: str) -> str:
        if key == "production":
            return key
        raise errors.UnknownNameError(f"{integration} has no {key}.", ("list_apps",))

    def docs(self, verb: str, page: str) -> str:
        return f"{verb} {page}"

    def output(self, stream: str, text: str) -> None:
        self.printed.append((stream, text))

    def input(self, form: str) -> str | None:
        line = self.lines.pop(0) if self.lines else None
        return line + "\n" if line is not None and form == "L" else line

    def display(self, request: DisplayRequest) -> None:
        self.shown.append(request)

    def redact(self, text: str) -> str:
        return text

    def failed(self, error: errors.KosmoError) -> None:
        pass


@contextmanager
def machine() -> Iterator[Machine]:
    functions = {f"heroku.{f.name}": f for f in HEROKU.functions}
    one = Machine(functions, lambda: surface([HEROKU], {"heroku": ["demo"]}))
    try:
        yield one
    finally:
        one.close()


def run(lua: Machine, source: str, host: Answers | None = None, **limits: Any) -> Outcome:
    return lua.run(source, name="cell", args=(), limits=Limits(**limits), host=host or Answers())


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
