"""Random programs that mean harm, and what must hold for each: alive, in time, no secret, the next run works.

    python tests/hostile_programs.py --count 1000000 --seed 7
    python tests/hostile_programs.py --seed 7 --only 31337        one of them again, shown

A program is made of what hurt other sandboxes: patterns that backtrack, metatables with odd events, coroutines in
coroutines, protected calls in protected calls, functions given to functions, numbers and texts at their ends, calls to
`app`, and replaced builtins. Seed and number make it, so a fault can be seen again.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

if __name__ == "__main__":  # as a script it is found without an installation
    sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent)]

from attack_rules import MEMORY, SECRETS, SET_UP, Machinery, general_faults, machinery, run

from kosmo_kernel.session import Session

CPU = 0.2  # seconds that a program may run
DEPTH = 5  # of parts in parts

# What a part of a program may be, by kind: `{kind}` stands for another part. The leaves, words between spaces, end the
# depth; `_` is none, and what is there twice is twice as likely.
LEAVES = {
    "number": """
        0 1 2 3 7 100 n1 n2 n1 n2 -1 0.5 1000 1e5 1e9 -0.0 (0/0) math.huge math.maxinteger math.mininteger
        (1<<20) (1<<31) (1<<53)""",
    "small": "0 1 2 3 5 8 20 100",
    "text": r"""
        s1 s2 s1 s2 "" "a" "ab" "%1" "%p%s%d" "\255\254" "\0" "\27[31m" "1e5" "0x1p4" "my-app" "../account"
        "name" "kind" "__index" "not_enough_memory" "return" "\27Lua" ("a"):rep(200) ("ab,"):rep(400)
        ("("):rep(300) ("a"):rep(60000) ("é"):rep(50)""",
    "table": "t1 t2 t3 t1 t2 t3 {} _G string {1,2,3} {a={},n=1} app json.null",
    "function": """
        f1 f2 f1 f2 print type error next pairs pcall rawset rawget tostring select setmetatable
        coroutine.yield coroutine.wrap table.concat table.unpack table.insert table.sort string.rep
        string.gsub string.format json.encode load app.integrations.heroku.get_app
        app.integrations.heroku.list_apps regex.match display""",
    "thread": "c1 c1 (coroutine.running())",
    "any": "nil true false n1 s1 t1 f1 c1 t2 f2 ...",
    "name": "n1 s1 t1 t2 f1 f2 c1",
    "statement": "f1() f2(t1) n1=n1+1 s1=s1..n1 t1[#t1+1]=n1 pcall(f1,t2) print(t1) s1=s1:sub(1,99999)",
    "arithmetic": "+ - * / % ^ & | ~ // << >>",
    "often": "* + - ? * - _ _",
    "atom": ". a %a %s %w %% [ab] [^a] () ( ) %d %S",
    "library": """
        _G string table json app coroutine io docs math json.null app.integrations.heroku io.stdout regex
        display""",
    "member": """
        find format gsub concat unpack wrap create resume encode null list_apps write read print pcall error
        next type tostring __index html match""",
    "event": """
        __index __newindex __call __add __unm __concat __len __eq __lt __le __tostring __name __pairs
        __close __idiv __band __shl __metatable __gc kind type state path keys nulls has quoted list look
        handle form columns""",
}
TEMPLATES = {
    "number": """
        ({number} {arithmetic} {number})
        ({number} {arithmetic} {text})
        #({text})
        #({table})
        (- {number})
        (~ {small})
        math.floor({number})
        math.max({number}, {number})
        math.fmod({number}, {small} + 1)
        math.random({small} + 1)
        (tonumber({text}) or {number})
        (tonumber({text}, {small}) or 0)
        (utf8.len({text}) or 0)
        select('#', {list})
        ({text}):byte({number})
        os.time({ year = {number}, month = {number}, day = 1 })
        rawlen({table})
        ({any} or {number})
        collectgarbage('count')
        ({text}):find({pattern})
        string.packsize({text})
        f1({list})
        (t1[{any}] or 1)""",
    "text": """
        ({text} .. {text})
        ({text} .. ({number}))
        ({text}):rep({small})
        ({text}):rep({number}, {text})
        ({text}):upper()
        ({text}):sub({number}, {number})
        ({text}):reverse()
        tostring({any})
        (({text}):gsub({pattern}, {replacement}))
        ({text}):format({list})
        table.concat({table}, {text})
        table.concat({table}, {text}, {number}, {number})
        (({text}):match({pattern}) or {text})
        json.encode({any})
        string.char({small} + 65)
        utf8.char({number})
        string.pack({text}, {list})
        os.date({text}, {number})
        type({any})
        ({table} .. {text})
        app.integrations.heroku.get_app('my-app').stack
        select(2, pcall({function}, {list}))
        docs.read({text})
        (regex.gsub({text}, {pattern}, {text}))""",
    "pattern": """
        '{atom}{often}'
        '{atom}{often}{atom}{often}'
        '({atom}{often}){atom}{often}%1'
        ('{atom}{often}'):rep({small}) .. 'z'
        ('({atom}{often})'):rep({small})
        '^{atom}{often}({atom}{often}$'
        '%b(){atom}{often}%f[%w]{atom}'
        {text}
        ''""",
    "replacement": """
        {text}
        {function}
        {table}
        function({parameters}) {block} return {any} end""",
    "table": """
        { {list} }
        { {any}, x = {any}, [{any} or 1] = {any} }
        { app_id = {any} }
        setmetatable({table}, { {events} })
        setmetatable({}, {table})
        table.pack({list})
        { {table}, {table} }
        json.decode('[1, {"a": null, "b": []}]')
        json.array({table})
        json.object({table})
        table.move({table}, {number}, {number}, {small})
        app.integrations.heroku.list_apps({})
        app.integrations.heroku.list_dynos({ app_id = {any} })
        app.integrations.heroku.list_apps()[{small}]
        (select(3, pcall(app.integrations.heroku.get_app, {text})) or {})
        (getmetatable({any}) or {})
        (t1[{any}] or {})""",
    "events": """
        {event} = {function}
        {event} = {any}
        {event} = {table}, {event} = {function}
        {event} = {function}, {event} = {function}, {event} = {any}
        __mode = 'k'""",
    "function": """
        function({parameters}) {block} end
        function({parameters}) {block} return {list} end
        function({parameters}) return {any} end
        function({parameters}) return ({function})({list}) end
        coroutine.wrap({function})
        (load({text}) or print)
        (load('return function(...) ' .. {text} .. ' end') or print)
        ({text}):gmatch({pattern})
        setmetatable({}, { __call = {function} })""",
    "thread": """
        coroutine.create({function})
        coroutine.create(function({parameters}) {block} coroutine.yield({list}) {block} end)""",
    "parameters": """
        ...
        n1, ...
        t1, t2, ...
        f1, ...
        s1, f2, t3, ...""",
    "list": """
        {any}
        {any}, {any}
        {any}, {any}, {any}
        table.unpack({table})
        {function}, {table}
        {text}, {number}""",
    "any": """
        {number}
        {text}
        {table}
        {function}
        {thread}
        ({table})[{any}]
        ({any} == {any})
        ({number} < {number})
        ({text} < {any})
        pcall({function}, {list})
        xpcall({function}, {function}, {list})
        coroutine.resume({thread}, {list})
        coroutine.close({thread})
        coroutine.yield({list})
        rawget({table}, {any})
        next({table})
        ({function})({list})
        json.decode({text})
        ({any} and {any} or {any})
        table.remove({table}, {small})
        string.unpack({text}, {text})
        regex.match_all({text}, {pattern})
        dump({any})
        io.write({text})""",
    "block": """
        {statement}
        {statement} {statement}
        {statement} {statement} {statement}""",
    "statement": """
        n1 = {number}
        s1 = {text}
        t1 = {table}
        t2 = {table}
        f1 = {function}
        f2 = {function}
        c1 = {thread}
        {name} = {any}
        local {name} = {any}
        pcall({function}, {list})
        pcall(function(...) {block} end, {list})
        print({list})
        display({any})
        t1[{any} or 1] = {any}
        for i = 1, {small} do {block} end
        for i = {number}, {number} do {block} end
        for k, v in pairs({table}) do {block} end
        for v in {function} do {block} end
        while {any} do {block} end
        while true do {block} end
        repeat {block} until {any}
        if {any} then {block} else {block} end
        do local c <close> = setmetatable({}, { __close = {function} }) {block} end
        table.sort({table}, {function})
        table.insert(t1, {any})
        setmetatable(t1, { {events} })
        error({any})
        local x = ({function})({list})
        coroutine.wrap(function(...) {block} end)({list})
        {tampering}
        Kept = { Kept, {any} }
        pcall(function(...) ::again:: {block} goto again end)""",
    "tampering": """
        {library}.{member} = {any}
        {library} = {any}
        setmetatable(_G, { {events} })
        pcall(rawset, {library}, '{member}', {any})
        _ENV = {table}
        pcall(setmetatable, {library}, { {events} })
        pcall(json.array, {library})
        pcall(table.insert, {library}, 1, {any})
        local _ENV = {table}
        for k in next, {library} do {library}[k] = {function} end""",
}
MISTAKES = ("", "(", "end", "]]", "\0", "\N{SNOWMAN}", "=", "--[[")
_PART = re.compile(r"\{([a-z]+)\}")
OPENING = (
    "local n1, n2, s1, s2, c1 = 1, 2, 'a', 'abc', coroutine.create(print)\n"
    "local t1, t2, t3 = { 1, 2, 3 }, { a = 1 }, {}\n"
    "local f1, f2 = function(...) return ... end, function() return 1 end"
)


class Author:
    """Writes one program, which seed and number decide.

    Parameters:
        seed: of a series.
        number: of the program in it.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"{seed}/{number}")  # noqa: S311 - the same programs every time are the point
        self._leaves = {kind: ["" if word == "_" else word for word in words.split()] for kind, words in LEAVES.items()}
        self._templates = {
            kind: [line.strip() for line in text.strip("\n").split("\n")] for kind, text in TEMPLATES.items()
        }

    def program(self) -> str:
        """The text of the program."""
        lines = [OPENING]
        for _ in range(self._random.randint(3, 12)):
            line = self._part("statement", 0)
            # What fails must not keep the rest from running, most of the time.
            lines.append(line if self._one_in(9) else f"pcall(function(...) {line} end)")
        if self._one_in(2):
            lines.append(f"return {self._part('list', 1)}")
        text = "\n".join(lines)
        if self._one_in(20):  # a mistake somewhere
            place = self._random.randrange(len(text))
            text = text[:place] + self._random.choice(MISTAKES) + text[place + 2 :]
        return text

    def _one_in(self, n: int) -> bool:
        return self._random.randrange(n) == 0

    def _part(self, kind: str, depth: int) -> str:
        if kind in self._leaves and (kind not in self._templates or depth > DEPTH or self._one_in(4)):
            return self._random.choice(self._leaves[kind])
        if depth > 3 * DEPTH:
            return self._random.choice(["''", "print"])  # a kind without leaves leads back to itself
        template = self._random.choice(self._templates[kind])
        return _PART.sub(lambda found: self._part(found[1], depth + 1), template)


# Checking ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What many programs did: how they ended, how long they took, and what does not hold, by number."""

    ends: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    faults: dict[int, list[str]] = field(default_factory=dict)


def faults_of(source: str, untouched: Machinery, tally: Tally) -> list[str]:
    """Run a program in a session of its own; what does not hold, as sentences."""
    with Session("demo", cpu_limit=CPU, memory_limit=MEMORY) as session:
        session.run(SET_UP, name="setup.lua")
        found = run(session, [source])
        after = machinery(session, frames=False)
    end = found.limit or ("a value" if found.values is not None else "an error")
    end += "" if found.kept else ", variables lost"
    tally.ends[end] = tally.ends.get(end, 0) + 1
    if found.limit == "cpu_limit":
        tally.seconds.append(found.seconds)
    changed = [name for name in after.__slots__ if getattr(after, name) != getattr(untouched, name)]
    return [*general_faults(found), *(f"{name} became {getattr(after, name)!r:.400}" for name in changed)]


def untouched_machinery() -> Machinery:
    """What the product does in a session in which nothing has run."""
    with Session("demo", cpu_limit=CPU, memory_limit=MEMORY) as session:
        session.run(SET_UP, name="setup.lua")
        return machinery(session, frames=False)


def check(count: int, seed: int, first: int = 0, each: Callable[[int, list[str]], None] | None = None) -> Tally:
    """Run so many programs of a series.

    Parameters:
        count: how many.
        seed: of the series.
        first: number of the first.
        each: called with a program's number and its faults.
    """
    untouched, tally = untouched_machinery(), Tally()
    for number in range(first, first + count):
        try:
            faults = faults_of(Author(seed, number).program(), untouched, tally)
        except Exception as error:  # noqa: BLE001 - whatever comes out of a session is a fault to be told
            faults = [f"{type(error).__name__}: {error}"]
        if faults:
            tally.faults[number] = faults
        if each:
            each(number, faults)
    return tally


def main() -> int:
    """Run a series from the command line and tell what does not hold; the exit status is 1 when something does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=1, help="which series")
    parser.add_argument("--only", type=int, metavar="N", help="only program N of the series, shown")
    options = parser.parse_args()
    os.environ.update(SECRETS, HEROKU_API_URL="http://127.0.0.1:9", HOME=tempfile.gettempdir())
    if options.only is not None:
        print(Author(options.seed, options.only).program())  # noqa: T201 - its output is its result

    started = time.monotonic()

    def told(number: int, faults: list[str]) -> None:
        for fault in faults:
            print(f"--seed {options.seed} --only {number}: {fault}", flush=True)  # noqa: T201 - as above
        if number % 1000 == 999:
            print(f"{number + 1} programs, {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201 - as above

    first, count = (0, options.count) if options.only is None else (options.only, 1)
    tally = check(count, options.seed, first, told)
    ends = dict(sorted(tally.ends.items()))
    print(f"{count} programs, {len(tally.faults)} with faults; ends: {ends}")  # noqa: T201 - as above
    if tally.seconds:
        over = [seconds - CPU for seconds in tally.seconds]
        figures = f"median {statistics.median(over):.3f}, most {max(over):.3f}"
        print(f"seconds over a limit of {CPU:g} s, by the wall: {figures}")  # noqa: T201 - as above
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
