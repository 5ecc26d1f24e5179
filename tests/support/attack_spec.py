"""Describe what must hold for hostile Lua: the first line of each program in `tests/lua/attacks`, and for all.

Each file there holds the programs of one group, each below a line with its name, `---- a_name`. A program's first line
is `-- expect: ` and clauses, separated by `; `:

    value JSON              it ends well, and its first value is exactly this
    values [JSON, …]        it ends well, and its values are exactly these
    nothing                 it ends well, without a value
    output "text"           it printed exactly this          output ~ "text"     it printed this, among other things
    error ~ "text"          it ends in an error of its own (never in a limit) whose message holds this
    limit NAME|NAME         it ends at one of these limits
    state kept              what Lua held before it is still there
    harmless                it ends, in any way

`-- repeat: N` as the second line repeats the rest of the program N times; a line `-- next cell` ends a cell, of which
only the last is judged.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repository import ROOT, TESTS
from run_with import run_with

from kosmo_kernel.errors import KosmoError, LimitError, LuaProcessError
from kosmo_kernel.results import Result
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

PROGRAMS = TESTS / "lua" / "attacks"
CHUNK = "attack.lua"

CPU, MEMORY = 0.5, 32 << 20  # what a program may use
PATIENCE = 20.0  # seconds by the wall clock: limit and grace are one, the rest is for machines with much else to do
PEAK_MOST = MEMORY + (128 << 20)  # bytes that Lua's process may ever hold: Python, and a result on its way out
MESSAGE_MOST = 70_000  # letters of an error's message

# Secrets that the process with the tokens holds; each is fiction.
SECRETS = {
    "HEROKU_API_KEY_CANARY": "canary-token-91be07aa44f1",
    "HEROKU_API_KEY": "HRKU-canary-default-5c1d20b7",
    "KOSMO_TEST_CANARY": "canary-environment-e0a9d6",
}
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_OUR_FILES = "|".join(sorted(path.stem for path in (ROOT / "kosmo_kernel" / "lua").glob("*.lua")))
_OUR_LINE = re.compile(rf"\b(?:{_OUR_FILES}):\d+:")
_OURS = ("site-packages", "Traceback (most recent", "lupa", "kosmo_kernel/", "<frozen", "__keep")

_CLAUSE = re.compile(r"(value|values|output ~|output|error ~|limit|nothing|state kept|harmless)(?: |$|(?=;))")


@dataclass(slots=True)
class Outcome:
    """The end of a program, as a door shows it."""

    values: list[Any] | None = None  # None when it failed
    output: str = ""
    error: str = ""  # the message
    limit: str = ""  # which limit it ended at
    kept: bool = True  # whether Lua's variables live on
    seen: str = ""  # every text that anybody gets to see
    peak: int = 0  # bytes that Lua's process has ever held; 0 where nobody tells
    seconds: float = 0.0


@dataclass(slots=True)
class Program:
    """A program and what must hold."""

    name: str
    cells: list[str]
    clauses: list[tuple[str, Any]]

    def faults(self, found: Outcome) -> Iterator[str]:
        """Yield what does not hold, as sentences; none when all is well."""
        yield from general_faults(found)
        ends = {"value", "values", "nothing", "error ~", "limit", "harmless"}
        if not ends & {word for word, _ in self.clauses}:
            yield "the first line does not say how it ends"
        for word, wanted in self.clauses:
            if not _holds(word, wanted, found):
                ending = (
                    f"{found.limit} {found.error:.300}" if found.values is None else f"values {found.values!r:.300}"
                )
                yield f"expected {word} {wanted!r}; output {found.output!r:.300}; {ending}"


def _holds(word: str, wanted: Any, found: Outcome) -> bool:
    values = found.values
    if word in ("value", "values", "nothing"):
        expected = {"value": [wanted], "values": wanted, "nothing": []}[word]
        return values is not None and same(values[:1] if word == "value" else values, expected)
    if word == "error ~":
        return values is None and not found.limit and wanted in found.error
    if word == "limit":
        return found.limit in wanted
    if word == "state kept":
        return found.kept
    return word == "harmless" or (found.output == wanted if word == "output" else wanted in found.output)


def same(found: Any, wanted: Any) -> bool:
    """Equal, with 1, 1.0 and true told apart."""
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def general_faults(found: Outcome) -> Iterator[str]:
    """Yield what must hold for every program, whatever it expects."""
    if found.seconds > PATIENCE:
        yield f"it took {found.seconds:.1f} s"
    if found.peak > PEAK_MOST:
        yield f"Lua's process held {found.peak >> 20} MiB"
    if len(found.error) > MESSAGE_MOST:
        yield f"its message has {len(found.error)} letters"
    yield from leaks(found.seen)


def leaks(text: str) -> Iterator[str]:
    """Yield what a text shows that nobody must see."""
    for name, secret in SECRETS.items():
        if secret in text:
            yield f"it shows the secret {name}"
    paths = {str(ROOT), sys.prefix, sys.base_prefix, os.environ["HOME"]} - {"/usr", "/", "."}
    for trace in [*paths, *_OURS]:
        if trace in text:
            yield f"it shows {trace}: …{_around(text, text.index(trace))}…"
    for found in filter(None, (_ADDRESS.search(text), _OUR_LINE.search(text))):
        yield f"it shows {found.group()}: …{_around(text, found.start())}…"


def _around(text: str, place: int) -> str:
    return repr(text[max(0, place - 60) : place + 80])


# Reading ----------------------------------------------------------------------------------------------


def programs(group: str | None = None) -> list[Program]:
    """All programs, or a group's, in order of name."""
    return [program for path in sorted(PROGRAMS.glob(f"{group or '*'}.lua")) for program in read(path)]


def read(path: Path) -> Iterator[Program]:
    """Yield the programs of a group."""
    before, *parts = re.split(r"^---- (\w+)\n", path.read_bytes().decode(), flags=re.MULTILINE)
    if before:
        raise ValueError(f"{path.name} does not begin with the name of a program")
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        first, _, rest = text.partition("\n")
        if not first.startswith("-- expect: "):
            raise ValueError(f"{name} in {path.name} does not begin with `-- expect: `")
        clauses = list(_clauses(first.removeprefix("-- expect: ")))
        repeat = re.match(r"-- repeat: (\d+)\n", rest)
        body = rest[repeat.end() :] * int(repeat[1]) if repeat else text
        yield Program(f"{path.stem}/{name}", re.split(r"^-- next cell\n", body, flags=re.MULTILINE), clauses)


def _clauses(line: str) -> Iterator[tuple[str, Any]]:
    while line:
        found = _CLAUSE.match(line)
        if not found:
            raise ValueError(f"no clause: {line}")
        word, rest, wanted = found[1], line[found.end() :], None
        if word == "limit":
            name = re.match(r"[a-z_|]+", rest)
            wanted, end = (name[0].split("|"), name.end()) if name else ([], 0)
        elif word in ("nothing", "state kept", "harmless"):
            end = 0
        else:
            wanted, end = json.JSONDecoder().raw_decode(rest)
        yield word, wanted
        line = rest[end:].removeprefix("; ")


# Running in a session ---------------------------------------------------------------------------------

# What the product hands out is taken before a program can replace anything, so that its own work can be told from what
# a script does to itself. What fills the memory a program keeps in the global `Kept`, which `machinery` lets go.
SET_UP = """
local probe_print, probe_dump, probe_text, probe_app, probe_pcall = print, dump, tostring, app, pcall
local probe_encode, probe_decode, probe_null, probe_read = json.encode, json.decode, json.null, docs.read
local probe_kept = { 41, "kept" }
"""

PROBE = r"""
local heroku = probe_app.integrations.heroku
local apps, one = heroku.list_apps({}), heroku.get_app("my-app")
local names = {}
for i = 1, #apps do names[i] = apps[i].name .. " on " .. apps[i].stack end
probe_print("probe", 1, 2.5, true, nil, { b = { 1, "x" }, a = {} }, one.region, probe_print and {})
probe_dump({ "list", { deep = { probe_null } } })
local ok, text, facts = probe_pcall(heroku.get_app, "no-such-app")
facts.request_id = nil
local decoded = probe_decode('{"z": [1, 2.5, null, "\\u00e9"], "a": {}, "n": null}')
return apps, one, { names = names, ok = ok, text = text, facts = facts, sum = 1 + 2, kept = probe_kept,
  json = probe_encode(decoded), shown = probe_text(decoded), page = #probe_read("heroku.list_apps") > 100 }
"""

FAILING = (
    "\n\nlocal nothing = nil\nreturn nothing.field",
    "return probe_app.integrations.heroku.lst_apps()",
    "x = = 1",
)


def opened() -> Session:
    """Return a session of the demo account with the limits of an attack, and its Lua set up to be probed."""
    session = Session("demo", cpu_limit=CPU, memory_limit=MEMORY)
    run_with(session, SET_UP, name="setup.lua")
    return session


def run(session: Session, cells: Sequence[str], chunk: str = CHUNK) -> Outcome:
    """Run a program's cells; the outcome is the last one's, and what all of them show is seen."""
    seen: list[str] = []
    before = session.pid
    for cell in cells:
        found = Outcome()
        started = time.perf_counter()
        try:
            result = run_with(session, cell, name=chunk)
            found.values = [plain(value) for value in result.values]
            found.limit = ""
        except KosmoError as error:
            if isinstance(error, LuaProcessError):
                seen.append("Traceback (most recent call last): a script ended the process")  # never by a script
            result = error.result or Result()
            found.error = error.message
            found.limit = error.limit if isinstance(error, LimitError) else ""
            seen += [error.message, error.excerpt, *error.stack, repr(error), json.dumps(error.facts())]
        found.seconds = time.perf_counter() - started
        found.output = result.output
        seen += [repr(found.values), result.output, *result.notes, repr(result.calls)]
    found.kept = session.pid == before
    found.peak = _peak(before) if found.kept else 0
    found.seen = "\n".join(seen)
    return found


def _peak(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status")
    told = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    return int(told[1]) << 10 if told else 0


def plain(value: Any) -> Any:
    """Return a value of a run as JSON has it."""
    if isinstance(value, Records):
        return list(value.rows)
    return str(value) if isinstance(value, str) else value


@dataclass(slots=True)
class Machinery:
    """The results of the product itself, in a session in which a program has run."""

    next_run: Any = None
    probe: Any = None
    printed: str = ""
    frame: str = ""
    errors: list[Any] = field(default_factory=list)
    names: Any = None
    globals_are_names: bool = False
    function: Any = None
    completeness: Any = None


def _probed(session: Session) -> Result:
    """Run the probe, after setting it up again where Lua's variables were lost."""
    if session.names(["probe_app"]):
        try:
            return run_with(session, PROBE, name="probe.lua")
        except LimitError as error:
            if error.limit != "memory_limit":  # what the program keeps in its own globals may fill the memory
                raise
    run_with(session, SET_UP, name="setup.lua")
    return run_with(session, PROBE, name="probe.lua")


def machinery(session: Session, *, frames: bool) -> Machinery:
    """See whether values, printing, frames, errors, completion and documents still work."""
    seen = Machinery(next_run=[plain(value) for value in session.run("return 1").values])
    if session.resolve(["Kept"]):
        session.run("Kept = nil")
    result = _probed(session)
    seen.probe, seen.printed = [plain(value) for value in result.values], result.output
    if frames:
        seen.frame = result.frame().to_string()
    for source in FAILING:
        try:
            run_with(session, source, name="failing.lua")
        except KosmoError as error:
            seen.errors.append((error.type, error.message, error.line, error.chunk, error.excerpt, error.stack))
    seen.names = session.names(["probe_app", "integrations", "heroku"])
    seen.globals_are_names = all(isinstance(name, str) for name, _ in session.names([]))
    function = session.resolve(["probe_app", "integrations", "heroku", "list_apps"])
    seen.function = function and function.get("function")
    seen.completeness = [session.completeness(text) for text in ("for i = 1, 2 do", "x = 1", "x = = 1")]
    return seen
