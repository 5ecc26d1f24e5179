"""The wall from the other side: a Lua process that an intruder has taken over and that says what it likes.

The child here is a double. It is started as the real one is, but its `worker` is a few lines of a test: it greets,
takes the request, and then sends nonsense. Whatever it sends, the run ends in time with an error that says that Lua's
variables are gone, and the next run has a real child again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from broken_child import WORKER
from full_matrix import full_except
from lua_host import Answers, app

from kosmo_kernel import errors
from kosmo_kernel.calls.call_tracker import CallTracker
from kosmo_kernel.calls.output import Frontend, RunOutput
from kosmo_kernel.lua import machine, process
from kosmo_kernel.reader import reading
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.limits import limits
from kosmo_kernel.walls.process import import_folders

PATIENCE = 20.0  # seconds, a third of what the double sleeps; each of these ends in less than two on an idle machine


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time after which a child that does nothing, or does not listen, is ended."""
    monkeypatch.setattr(process, "MAX_IDLE_SECONDS", 0.5)
    monkeypatch.setattr(process, "MAX_UNREAD_SECONDS", 0.5)


@pytest.fixture
def lua(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    """Yield a session whose first child is the double that the test describes."""
    package = tmp_path / "kosmo_kernel" / "lua"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "worker.py").write_text(WORKER.format(body=textwrap.indent(textwrap.dedent(request.param), "    ")))
    doubles = [[str(tmp_path)]]

    def folders(library: str, missing: errors.KosmoError) -> list[str]:
        return doubles.pop() if doubles else import_folders(library, missing)

    monkeypatch.setattr("kosmo_kernel.lua.process.import_folders", folders)
    with Session("demo", cpu_limit=0.5) as opened:
        yield opened


def ended(lua: Session, source: str = "return 1") -> errors.KosmoError:
    """Return the error that a run ends in, in time, with a working run after it."""
    lua.start()
    pid = lua.pid
    assert pid is not None
    rescue = threading.Timer(
        1.5 * PATIENCE, os.kill, (pid, signal.SIGKILL)
    )  # so that a fault fails the test and does not hang it
    rescue.start()
    started = time.monotonic()
    with pytest.raises(errors.KosmoError) as caught:
        lua.run(source)
    seconds = time.monotonic() - started
    rescue.cancel()

    assert seconds < PATIENCE
    assert "status 1." not in caught.value.message  # how a mistake in the double would end it
    assert (lua.run("return 1").values, lua.pid == pid) == ([1], False)
    return caught.value


def some(bodies: dict[str, str], every: int) -> list[Any]:
    """Return what the double does, as parameters, one in so many without the mark `full`."""
    return [
        pytest.param(body, id=name, marks=() if place % every == 0 else (pytest.mark.full,))
        for place, (name, body) in enumerate(bodies.items())
    ]


# After its greeting.
NONSENSE = {
    "no header": "framed(b'')",
    "two bytes": "framed(b'xx')",
    "a header longer than its frame": r"framed(b'\xff\xff\xff\xff{}')",
    "a header that is no JSON": "say(b'{')",
    "a header that is a list": "say(b'[]')",
    "a header that is a number": "say(b'1')",
    "a header that is no UTF-8": r"""say(b'{"kind": "\xff"}')""",
    "a header nested without end": "say(b'[' * 200000)",
    "an object nested without end": r"""say(b'{"a":' * 200000)""",
    "a number without end": r"""say(b'{"kind": ' + b'9' * 100000 + b'}')""",
    "an empty header": "say({})",
    "an unknown kind": "say({'kind': 'shell'})",
    "a kind that is a list": "say({'kind': ['done']})",
    "a kind that is a method": "say({'kind': '__init__'})",
    "a frame of four gigabytes": r"raw(b'\xff\xff\xff\xff')",
    "blobs that are no list": "say({'kind': 'done', 'blobs': 5})",
    "blobs of a negative length": "say({'kind': 'done', 'blobs': [-1]})",
    "blobs of an endless length": "say({'kind': 'done', 'blobs': [1 << 80]})",
    "blobs of truth": "say({'kind': 'done', 'blobs': [True, None]})",
    "an end without values": "say({'kind': 'done'})",
    "an end with a text for values": "done('abc')",
    "an end with values of null": "done(None)",
    "an end with a text for its memory": "done([], memory='much')",
    "an end with a list for its memory": "done([], memory=[1])",
    "a value without a form": "value()",
    "a value of an unknown form": "value(form='pickle')",
    "a value of a form that is a list": "value(form=['json'])",
    "a value without its text": "value(form='json', blob=1)",
    "a value with a text that is elsewhere": "value(form='json', blob=-5)",
    "a value with a text named by a text": "value(b'1', form='json', blob='1')",
    "a value that is no JSON": "value(b'{', form='json', blob=1)",
    "a value nested without end": "value(b'[' * 500000, form='json', blob=1)",
    "a value of a type that is a list": "value(b'[{}]', form='json', blob=1, type=['x'])",
    "a list that does not exist": "value(form='list', handle=99)",
    "a list named by a list": "value(form='list', handle=[1])",
    "a list named by truth": "value(form='list', handle=True)",
    "a list named by a fraction": "value(form='list', handle=1.5)",
    "a row that does not exist": "value(form='row', handle=1, place=1)",
    "places that do not exist": "value(ints(1, 1), form='places', blob=1, parts=[['integers', 16, 2]])",
    "places that are no numbers": "value(b'[[1], {}]', form='places', blob=1, parts=[['json', 9, 2]])",
    "an odd number of places": "value(ints(1), form='places', blob=1, parts=[['integers', 8, 1]])",
    "fewer places than it says": "value(ints(1, 1), form='places', blob=1, parts=[['integers', 16, 4]])",
    "places of an unknown form": "value(ints(1, 1), form='places', blob=1, parts=[['pickle', 16, 2]])",
    "parts that are none": "value(form='places', parts=[5])",
    "a part of a negative size": "value(b'a', form='columns', blob=1, names=['a'], parts=[['texts', -1, 1]])",
    "parts for a form without any": "value(b'a', form='pickle', blob=1, parts=[['texts', 1, 0]])",
    "columns without names": "value(b'a\\0', form='columns', blob=1, parts=[['texts', 2, 1]])",
    "columns of several lengths": "value(b'a\\0' + ints(1, 2), form='columns', blob=1, names=['a', 'b'], "
    "parts=[['texts', 2, 1], ['integers', 16, 2]])",
    "texts that do not end": "value(b'a', form='columns', blob=1, names=['a'], parts=[['texts', 1, 1]])",
    "texts that are no UTF-8": "value(b'\\xff\\0', form='columns', blob=1, names=['a'], parts=[['texts', 2, 1]])",
    "an altered list that does not exist": "value(form='altered', handle=9, names=[], partial=[], parts=[])",
    "no places": "value(form='places', parts=[['integers', 0, 0]])",
    "output without a stream": "say({'kind': 'output'}, b'x')",
    "output without a text": "say({'kind': 'output', 'stream': 'stdout'})",
    "a failure without a type": "say({'kind': 'failed'})",
    "a failure of an unknown type": "failed(type='spoof')",
    "a failure of a type that is a list": "failed(type=['cpu_limit'])",
    "a failure whose stack is a number": "failed(stack=5)",
    "a display of nothing": "say({'kind': 'display'})",
    "a display of an unknown form": "say({'kind': 'display', 'form': 'javascript'}, b'alert(1)')",
    "a display of a form that is a list": "say({'kind': 'display', 'form': ['html']}, b'x')",
    "a display without a text": "say({'kind': 'display', 'form': 'html'})",
    "a display of a value that is none": "say({'kind': 'display', 'form': 'value', 'value': 5})",
    "a call without a path": "ask('call')",
    "a call without arguments": "ask('call', path='heroku.list_apps')",
    "a call whose arguments are numbers": "ask('call', path='heroku.list_apps', arguments=[1])",
    "a call with a list of nowhere": "ask('call', path='x', arguments=[{'form': 'list', 'handle': 7}])",
    "a column of no list": "ask('column', handle=7, path=['name'])",
    "a column without a path": "ask('column', handle=7)",
    "rows of no list": "ask('rows', handle={}, first=0, count=1)",
    "rows without a count": "ask('rows', handle=1, first=None)",
    "a pattern of nothing": "ask('regex')",
    "a pattern with a text for its limit": "ask('regex', verb='match', flags='', limit='x')",
    "a wait for nothing": "ask('next')",
    "a wait for no calls": "ask('next', begin=[])",
    "a second wait for one call": "call(); ask('next', begin=[])",
    "calls that are a number": "say({'kind': 'begin', 'begin': 5})",
    "a call without a number": "call(id=None)",
    "a call with truth for its number": "call(id=True)",
    "a call with the number of those that are answered at once": "call(id=0)",
    "a call with an endless number, and one behind it": "call(id=1 << 90); call()",
    "the same number twice": "ask('next', begin=[APPS, APPS])",
    "the same number again": "call(); call()",
    "a call with texts that did not come": "call(arguments=[{'form': 'json', 'blob': 3}], texts=9)",
    "a call with less than no texts": "call(texts=-1)",
    "a call with a list for its texts": "call(texts=[1])",
    "a call begun with a list of nowhere": "call(arguments=[{'form': 'list', 'handle': 7}])",
    "items that are a list": "ask('next', begin=[APPS], coming=[1])",
    "items less than none": "ask('next', begin=[APPS], done=-1)",
    "thousands of calls": "ask('next', begin=[{**APPS, 'id': i + 1} for i in range(5000)])",
    "calls dropped that are no list": "drop(5)",
    "calls dropped that are words": "drop(['one', None])",
    "calls dropped that were never begun": "drop([1, -1, 1 << 90]); ask('next')",
    "a wait for what was dropped": "say({'kind': 'begin', 'begin': [APPS]}); drop([1]); ask('next')",
    "a test without a match that has no texts": "say({'kind': 'unmatched'})",
    "a test without a match that has too many texts": "say({'kind': 'unmatched'}, b'a', b'b', b'c', b'd')",
    "failures without a text": "say({'kind': 'failures', 'count': 1, 'of': 1})",
    "failures that are a number": "say({'kind': 'failures', 'count': 1, 'of': 1}, b'5')",
    "failures that are texts": "say({'kind': 'failures', 'count': 1, 'of': 1}, b'[\"x\"]')",
    "failures that are no number of them": "say({'kind': 'failures', 'count': [1], 'of': {}}, b'[]')",
    "released lists that are a number": "ask('docs', verb='read', page='heroku', released=5)",
    "released lists that are lists": "ask('docs', verb='read', page='heroku', released=[[1]])",
    "an end in the middle of a frame": r"raw(b'\0\0\1\0half'); os._exit(0)",
    "an end after the request": "os._exit(0)",
    "a crash after the request": "os.kill(os.getpid(), 11)",
    "closed pipes": "os.close(0); os.close(1)",
    "half a frame and then nothing": r"raw(b'\0\0\1\0half')",
    "half a length and then nothing": r"raw(b'\0\0')",
    "a frame longer than any script can cause": r"raw(b'\x0c\0\0\0')",
    "a header of millions of values": "say(b'[' + b'{},' * 4000001 + b'{}]')",
    "a call with a thousand arguments and one": "call(arguments=[{'form': 'nil'}] * 1001)",
    "markup of more than eight megabytes": "say({'kind': 'display', 'form': 'html'}, b'x' * (9 << 20))",
    "failures of megabytes": "say({'kind': 'failures', 'count': 1, 'of': 1}, b'[' + b' ' * (5 << 20) + b']')",
    "no answer": "pass",
}
BEFORE_THE_GREETING = {
    "a greeting of nonsense": "framed(b'x')",
    "a greeting of another kind": "done([])",
    "an end before the start": "os._exit(3)",
    "a crash at the start": "os.kill(os.getpid(), 11)",
    "a word about it at the start": "os.write(2, b'a word'); os._exit(4)",
    "no greeting": "pass",
}
CHILDREN = {name: f"greet()\n{body}" for name, body in NONSENSE.items()} | BEFORE_THE_GREETING


@pytest.mark.claim("parent-arguments", "parent-messages")
@pytest.mark.parametrize("lua", some(CHILDREN, 8), indirect=True)
def test_nonsense_from_the_child_ends_it_and_the_next_run_works(lua: Session) -> None:
    error = ended(lua)

    assert isinstance(error, errors.LuaProcessError)
    assert "ariables are gone" in error.message


TOO_MUCH = {
    "value_limit": "value(b'[' + b'{},' * 4000001 + b'{}]', form='json', blob=1)",
    "result_limit": "value(b'[' + b' ' * (65 << 20) + b']', form='json', blob=1)",
    "column_limit": "value(json.dumps([{str(i): 1} for i in range(10001)]).encode(), form='json', blob=1)",
    "records_limit": "value(b'[' + b'{},' * 1000001 + b'{}]', form='json', blob=1)",
}
TOO_MANY_PARTS = {
    "value_limit": "value(b'x\\0' * 4000001, form='columns', blob=1, names=list('abcde'), "
    "parts=[['texts', 1600000, 800000]] * 5 + [['texts', 2, 1]])",
    "result_limit": "value(b'x' * (65 << 20), form='columns', blob=1, names=['a'], parts=[['texts', 65 << 20, 1]])",
    "column_limit": "value(b'xx\\0\\0' * 10001, form='columns', blob=1, names=[str(i) for i in range(10001)], "
    "parts=[['texts', 4, 2]] * 10001)",
    "records_limit": "value(b'\\0' * 1000001, form='columns', blob=1, names=['a'], "
    "parts=[['texts', 1000001, 1000001]])",
}


@pytest.mark.parametrize(
    ("lua", "limit"),
    [(f"greet(); {body}", limit) for bodies in (TOO_MUCH, TOO_MANY_PARTS) for limit, body in bodies.items()],
    ids=[*TOO_MUCH, *(f"{limit} of columns" for limit in TOO_MANY_PARTS)],
    indirect=["lua"],
)
def test_a_result_beyond_a_limit_is_refused_whatever_the_child_says(lua: Session, limit: str) -> None:
    lua.limits = limits(Options(cpu_limit=30))  # sending 65 MiB may take half a second
    with pytest.raises(errors.LimitError) as caught:
        lua.run("return 1")

    assert caught.value.limit == limit


LOOPING = {
    "a loop": "while True: pass",
    "a flood of output": "while True: say({'kind': 'output', 'stream': 'stdout'}, b'x' * 1000)",
    "a flood of empty output": "while True: say({'kind': 'output', 'stream': 'stdout'}, b'')",
    "a flood of questions": "while True: ask('space', integration='heroku', key='x')",
    "a flood of calls": """number = 0
while True: number += 1; call(id=number)""",
    "a flood of calls that are dropped": """number = 0
while True:
    number += 1
    say({'kind': 'begin', 'begin': [{**APPS, 'id': number}]})
    drop([number])""",
    "a flood of questions whose answers nobody reads": "while True: say({'kind': 'docs', 'verb': 'list'})",
    "a slow frame": r"""raw(b'\1\0\0\0')
while True: raw(b'x'); time.sleep(0.01)""",
    "a frame of zeros that never ends": r"""raw(b'\x0f\xff\xff\xff')
while True: raw(bytes(1 << 16))""",
}
BEGUN = "greet(); say({'kind': 'output', 'stream': 'stdout'}, b'begun')\n"
BUSY = {name: f"greet()\n{body}" for name, body in LOOPING.items()} | {"a loop at the start": "while True: pass"}


@pytest.mark.claim("parent-messages")
@pytest.mark.full
@pytest.mark.parametrize("lua", some(BUSY, 4), indirect=True)
def test_a_child_that_never_comes_to_an_end_is_ended(lua: Session) -> None:
    # By the wall clock as well, since a flood may cost the child little.
    lua.limits = limits(Options(cpu_limit=0.5, timeout=1.5))
    error = ended(lua)

    assert isinstance(error, (errors.LimitError, errors.LuaProcessError))
    assert "ariables are gone" in error.message


@pytest.mark.parametrize("lua", [BEGUN + LOOPING["a flood of output"], BEGUN + LOOPING["a slow frame"]], indirect=True)
def test_an_interrupt_ends_a_child_that_floods(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    once = [lua.interrupt]
    monkeypatch.setattr(RunOutput, "write", lambda *_: once.pop()() if once else None)
    error = ended(lua)

    assert not once
    assert isinstance(error, (errors.StoppedError, errors.LimitError))


ASKING = "greet(); say({'kind': 'call', 'path': 'heroku.list_apps', 'arguments': []})"


@pytest.mark.parametrize("lua", [ASKING], indirect=True)
def test_a_child_that_asks_and_never_reads_the_answer_is_ended(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [app(f"app-{i}", note="x" * 100_000) for i in range(40)]
    host = Answers(rows)
    monkeypatch.setattr(CallTracker, "prepare", lambda _self, request: host.prepare(request))
    monkeypatch.setattr(CallTracker, "answers", lambda _self, seconds: host.answers(seconds))

    assert isinstance(ended(lua), errors.KosmoError)


@pytest.mark.parametrize("lua", ["ready()"], indirect=True)
def test_a_child_that_never_reads_a_long_request_is_ended(lua: Session) -> None:
    assert isinstance(ended(lua, "-- " + "x" * (8 << 20)), errors.KosmoError)


TALL_TALES: dict[str, dict[str, Any]] = {
    "a message that is a number": {"message": 5},
    "a message that is a list": {"message": ["x"]},
    "a message with half a pair": {"message": "\ud800"},
    "a line that is a text": {"line": "one", "stack": [{"chunk": "x", "line": "one", "name": "y"}]},
    "frames without their parts": {"stack": [{}, {}]},
    "frames that are numbers": {"stack": [1, 2, 3]},
    "frames of lists": {"stack": [{"chunk": ["x"], "line": [1], "name": {}}] * 3},
    "a cause that is a text": {"cause": "first"},
    "a cause that is a list": {"cause": [1]},
    "the cause of an error that did not happen": {"cause": 7},
    "a chunk that is a list": {"chunk": ["x"], "line": 1},
    "a line of a chunk that did not run": {"chunk": "x", "line": 1},
}
TALLS = [f"greet(); failed(**{tale!r})" for tale in TALL_TALES.values()]


@pytest.mark.parametrize("lua", TALLS, ids=TALL_TALES.keys(), indirect=True)
def test_a_failure_told_oddly_is_an_error_all_the_same(lua: Session) -> None:
    with pytest.raises(errors.KosmoError) as caught:
        lua.run("return 1")

    caught.value.message.encode()
    assert caught.value.chunk.isprintable()


ANSWERS = {
    "nonsense": "framed(b'x')",
    "nothing of what was asked": "say({'kind': 'names'})",
    "numbers": "say({'kind': 'names', 'names': 5, 'variables': 5, 'state': 5, 'found': 5})",
    "texts": "say({'kind': 'x', 'names': 'y', 'variables': 'y', 'state': 'x', 'found': 'y'})",
    "lists": "say({'kind': 'x', 'names': {'x': ['y'], 'z': None}, 'variables': {'x': ['y']}, 'state': ['x'], "
    "'found': True, 'text': 5})",
}
ANSWERING = [f"ready()\nwhile True: hear(); {answer}" for answer in ANSWERS.values()]


@pytest.mark.parametrize("lua", ANSWERING, ids=ANSWERS.keys(), indirect=True)
@pytest.mark.parametrize(
    "question", full_except(("names", "resolve", "completeness", "variables"), "names", "variables")
)
def test_an_editors_question_answered_oddly_is_an_error_or_an_answer(lua: Session, question: str) -> None:
    ask = getattr(lua, question)
    try:
        ask(*{"completeness": ["x"], "variables": []}.get(question, [["x"]]))
    except errors.KosmoError as error:
        assert isinstance(error, errors.LuaProcessError)  # noqa: PT017 - an answer is as good
    lua.reset()

    assert lua.run("return 1").values == [1]


# The reader ----------------------------------------------------------------------

PATTERNS = {
    "nonsense": "framed(b'x')",
    "no frame": "raw(b'x')",
    "a frame of four gigabytes": r"raw(b'\xff\xff\xff\xff')",
    "an answer without a count": "say({})",
    "an answer with a list for its count": "say({'count': [1], 'groups': 0, 'names': []}, b'', b'')",
    "an answer without texts": "say({'count': 1, 'groups': 0, 'names': []})",
    "an answer with lengths of nowhere": r"say({'count': 1, 'groups': 0, 'names': []}, b'\xff\xff\xff\x7f', b'x')",
    "an answer of endless groups": "say({'count': 1 << 40, 'groups': 1 << 40, 'names': [['x', 1 << 70]]}, b'', b'')",
    "an answer of names that are none": "say({'count': 1, 'groups': 0, 'names': [5]}, b'', b'')",
    "an error that is a list": "say({'error': ['x'], 'limit': ['y']})",
    "an error that is a megabyte": "say({'error': 'x' * (1 << 20), 'limit': ''})",
    "a flood": "while True: raw(bytes(1 << 16))",
    "a loop": "while True: pass",
    "an end": "os._exit(0)",
    "a crash": "os.kill(os.getpid(), 11)",
}


@pytest.mark.parametrize("body", some(PATTERNS, 4))
def test_whatever_the_reader_says_to_a_pattern_the_run_ends_and_the_next_works(
    body: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    double = tmp_path / "double.py"
    double.write_text(WORKER.format(body=textwrap.indent(f"framed(b'ready')\nhear()\n{body}", "    ")))
    with Session("demo", cpu_limit=0.5) as opened:
        with monkeypatch.context() as patch:
            reading.close()
            patch.setattr(reading, "MAX_WALL_CLOCK_SECONDS", 0.5)
            patch.setattr(reading, "START", f"exec(open({str(double)!r}).read()); main()")
            started = time.monotonic()
            with contextlib.suppress(errors.KosmoError):
                opened.run("pcall(regex.match, 'abc', 'b')")
            seconds = time.monotonic() - started
        reading.close()

        assert seconds < PATIENCE
        assert opened.run("return regex.match('abc', 'b')[0]").values == ["b"]


def test_a_child_that_waited_an_hour_for_an_answer_is_not_one_that_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = [0.0]
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * sum(hours))
    monkeypatch.setattr(process, "MAX_IDLE_SECONDS", PATIENCE)
    monkeypatch.setattr(process, "time", later)
    monkeypatch.setattr(machine, "time", later)
    monkeypatch.setattr(process.LuaProcess, "cpu_seconds", lambda _: 1.0)  # the child has had no time since

    def read(_form: str) -> str:
        hours.append(1.0)
        return "an answer"

    with Session("demo") as session:
        assert session.execute("return io.read()", frontend=Frontend(input=read)).value == "an answer"
