"""Each regular expression of the package, on texts that make it work hardest: its time grows with the length.

An input sixteen times as long may take sixty times as long at most; a quadratic expression takes 256 times. Each
expression is tried in a process of its own, which is ended when it takes too long.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import re
import time

import pytest
from worst_cases import FILES, Expression, attacks, expressions

from kosmo_kernel.lua.habits import habits

SHORT, FACTOR = 1_000, 16  # characters, and how many times as long the other texts are
MAX_RATIO = 60
NOTICEABLE = 0.02  # seconds; less is not measured
TIMEOUT = 60.0  # seconds for all texts of an expression

# Expressions that take longer, with the bound that makes each harmless. Keys are the file and the start of the pattern.
ALLOWED = {
    ("docs/resolve.py", r"""\[\s*(["'])(.*?)"""): "a name of a page has at most 1,000 characters",
    ("render/pictures.py", "<metadata>"): "matplotlib writes the text, and escapes each label",
    ("render/pictures.py", "(font"): "matplotlib writes the text, and a label has at most 34 characters",
    ("safety/html.py", "<"): "runs in the reader",
    ("values/lua_literals.py", r"-?\d++"): "only the start of a text is matched",
}

# Expressions that are made when they are used, and why they are harmless.
MADE_LATER = {
    "catalogue/model.py": "patterns of the catalogue on arguments whose length is bounded, and its addresses on paths",
    "catalogue/integration.py": "patterns of the catalogue, on arguments whose length is bounded",
    "client/client.py": "patterns of the catalogue, on arguments whose length is bounded",
    "client/secrets.py": "the spellings of a token; names of fields, on the start of a body",
    "integrations/heroku/demo/http.py": "requests to the simulated API",
    "magic/magics.py": "a name of a variable, on the cell that its user edits",
    "magic/editing.py": "a name that is escaped, on the cell that its user edits",
    "lua/habits.py": "shipped patterns, on a line of a script; those on a whole script are tested below",
    "lua/run.py": "the name of a parameter, which is escaped, on the text of a call",
    "snapshot/lists.py": "a pattern of the catalogue, on the name of a plan",
    "text.py": "the patterns of the other files, each of which is tested with the others of its file",
}


def test_every_expression_that_is_made_later_is_known() -> None:
    assert {name for name in FILES if expressions(name)[1]} == set(MADE_LATER)


def test_a_quadratic_expression_is_noticed() -> None:
    quadratic = Expression(re.compile(r"\s+$"), frozenset({"search"}))
    linear = Expression(re.compile(r"(?<!\s)\s++$"), frozenset({"search"}))
    assert _slowest(quadratic, SHORT // 2) is not None
    assert _slowest(linear, SHORT // 2) is None


@pytest.mark.claim("parent-patterns")
@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_the_time_of_the_expressions_of_a_file_grows_with_their_text(name: str) -> None:
    slow = []
    for expression in expressions(name)[0]:
        slowest = _in_process(expression)
        start = str(expression.pattern.pattern)
        if slowest is not None and not any(key[0] == name and start.startswith(key[1]) for key in ALLOWED):
            slow.append(slowest)
    assert slow == []


@pytest.mark.full
def test_the_time_of_what_is_searched_in_a_whole_script_grows_with_it() -> None:
    patterns = [re.compile(habit.pattern.pattern) for habit in habits("silent")]
    slow = [_in_process(Expression(pattern, frozenset({"finditer"}))) for pattern in patterns]
    assert (len(slow) > 5, [text for text in slow if text]) == (True, [])


def _in_process(expression: Expression) -> str | None:
    """Return the text for which an expression takes too long, or None; or that all of them together do."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_slowest, args=(expression, sender))
    process.start()
    try:
        if receiver.poll(TIMEOUT):
            result: str | None = receiver.recv()
            return result
        return f"more than {TIMEOUT:.0f} s"
    finally:
        process.kill()
        process.join()


def _send_slowest(expression: Expression, sender: multiprocessing.connection.Connection) -> None:
    sender.send(_slowest(expression))


def _slowest(expression: Expression, short_length: int = SHORT) -> str | None:
    lengths = short_length, short_length * FACTOR
    for short, long in zip(*(attacks(expression.pattern, length) for length in lengths), strict=True):
        taken = _time(expression, long, 1)
        if taken < NOTICEABLE:
            continue
        reference = max(_time(expression, short, 5), 1e-6)
        if taken / reference > MAX_RATIO and (taken := _time(expression, long, 4)) / reference > MAX_RATIO:
            return (
                f"{taken:.3f} s for {long[:40]!r} …, {reference:.5f} s for a sixteenth: {expression.pattern.pattern!r}"
            )
    return None


def _time(expression: Expression, text: str | bytes, runs: int) -> float:
    best = float("inf")
    for _ in range(runs):
        begun = time.process_time()
        expression.use(text)
        best = min(best, time.process_time() - begun)
    return best
