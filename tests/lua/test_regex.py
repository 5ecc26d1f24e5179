"""Regular expressions in Lua: what they mean, and what is refused; `test_regex_process.py` has where they run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lua_host import failure, machine, printed, run, values

from kosmo_kernel.errors import LimitError
from kosmo_kernel.lua.machine import Machine

SLOW = '(("a"):rep(60) .. "b", "(a|aa)+$")'  # arguments of `regex.match` that would keep it busy for years
PATIENCE = 20.0  # seconds for what takes half of one, or two; the rest is for busy machines


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


def message(lua: Machine, source: str) -> str:
    return failure(lua, source).error.message


# What is found ------------------------------------------------------------------------------------------


def test_a_match_is_the_whole_the_groups_and_the_names(lua: Machine) -> None:
    source = r"""
        local m = regex.match("on web.12 since", "(?<kind>\\w+)\\.(?<number>\\d+)(!)?")
        return m[0], m[1], m[2], m[3], m.kind, m.number, #m
    """
    assert values(lua, source) == ["web.12", "web", "12", None, "web", "12", 2]


def test_no_match_is_nil(lua: Machine) -> None:
    assert values(lua, 'return regex.match("web", "worker"), select("#", regex.match("web", "worker"))') == [None, 1]


def test_every_match_is_a_table_in_a_list(lua: Machine) -> None:
    source = (
        r'return regex.match_all("a1 b2", "([a-z])(\\d)"), #regex.match_all("a1 b2", "x"), #regex.match_all("ab", "")'
    )
    found, none, empty = values(lua, source)
    assert list(found) == [{0: "a1", 1: "a", 2: "1"}, {0: "b2", 1: "b", 2: "2"}]
    assert (none, empty) == (0, 3)


def test_a_match_prints_as_a_table(lua: Machine) -> None:
    assert printed(lua, 'print(regex.match("ab", "(?<n>a)(c)?"))') == '{ [0]: "a", [1]: "a", n: "a" }\n'


@pytest.mark.parametrize(
    ("pattern", "flags", "found"),
    [
        ("b.d", "", "b d"),
        ("/b.d/", "", "b d"),
        ("/B D/i", "", "b d"),
        (r"#B\sD#i", "", "b d"),
        ("~b d~", "", "b d"),
        ("!b d!m", "", "b d"),
        ("@b d@s", "", "b d"),
        ("%b d%x", "", None),
        (r"%b\ d%x", "", "b d"),
        ("B D", "i", "b d"),
        ("^/x", "m", "/x"),
        (r"/^\/x/m", "", "/x"),
        ("/x/y", "", "/x/y"),
        ("/", "", "/"),
        ("d./x", "s", "d\n/x"),
        ("d./x", "", None),
    ],
)
def test_patterns_are_bare_or_delimited(lua: Machine, pattern: str, flags: str, found: str | None) -> None:
    source = f'local m = regex.match("a b d\\n/x/y", [==[{pattern}]==], "{flags}") return m and m[0]'
    assert values(lua, source) == [found]


def test_letters_and_digits_are_ascii_unless_the_flag_u_is_given(lua: Machine) -> None:
    source = r"""
        local function found(...) local m = regex.match(...) return m and m[0] end
        return found("é٣", "\\w+"), found("é٣", "\\w+", "u"), found("É", "é", "i"), found("É", "/é/iu")
    """
    assert values(lua, source) == [None, "é٣", None, "É"]


def test_bytes_that_are_no_utf_8_come_back_as_they_were(lua: Machine) -> None:
    source = r"""
        local m = regex.match("x\xff\xc3\0y", "x(.)(.)(.)y")
        return m[1] == "\xff", m[2] == "\xc3", m[3] == "\0", regex.gsub("a\xff", "a", "\xfe") == "\xfe\xff"
    """
    assert values(lua, source) == [True, True, True, True]


@pytest.mark.parametrize(
    ("arguments", "made", "count"),
    [
        (r'"a1 b2", "([a-z])(?<d>\\d)", "$2${1}"', "1a 2b", 2),
        (r'"a1", "([a-z])(?<d>\\d)", "\\2\\1 $d ${d} [$0] [\\0]"', "1a 1 1 [a1] [a1]", 1),
        (r'"a1", "/A/i", "$x \\$1 \\\\ $"', "$x $1 \\ $1", 1),
        (r'"ab", "(a)|(b)", "<$2>"', "<><b>", 2),
        (r'"aaa", "a", "b", 2', "bba", 2),
        (r'"aaa", "a", "b", 0', "aaa", 0),
        (r'"aaa", "a", "b", -1', "bbb", 3),
        (r'"aaa", "a", "b", math.maxinteger', "bbb", 3),
        (r'"abc", "", "-"', "-a-b-c-", 4),
        (r'"abc", "x", "-"', "abc", 0),
    ],
)
def test_gsub_replaces_and_counts(lua: Machine, arguments: str, made: str, count: int) -> None:
    assert values(lua, f"return regex.gsub({arguments})") == [made, count]


def test_a_record_reads_as_its_name(lua: Machine) -> None:
    source = 'local app = app.integrations.heroku.list_apps()[1] return regex.match(app.stack, "\\\\d+")[0]'
    assert values(lua, source) == ["24"]


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "(a)", "(?:ab|b)", "(b|1)", "^", "$", r"\b", ""])
SIMPLE = st.lists(st.builds("".join, st.tuples(ATOMS.filter(bool), st.sampled_from(["", "?", "*?", "+", "{1,2}"]))))


@given(
    subject=st.text(alphabet="ab1 \n", max_size=20),
    pattern=SIMPLE.map("".join).filter(lambda text: not re.search(r"[\^$b][?*+{]", text.replace(r"\b", "^"))),
    flags=st.sampled_from(["", "m", "s"]),
)
@settings(max_examples=50)
def test_simple_patterns_mean_what_they_mean_in_python(lua: Machine, subject: str, pattern: str, flags: str) -> None:
    wanted = [
        [m.group(), *m.groups()] for m in re.finditer(pattern, subject, sum(getattr(re, f.upper()) for f in flags))
    ]
    source = f"""
        local subject, pattern, rows = ([=[|{subject}]=]):sub(2), [=[{pattern}]=], {{}}
        local function row(m)
          local cells = {{}}
          for i = 0, {re.compile(pattern).groups} do cells[i + 1] = m[i] == nil and json.null or m[i] end
          return cells
        end
        for i, m in ipairs(regex.match_all(subject, pattern, "{flags}")) do rows[i] = row(m) end
        local first = regex.match(subject, pattern, "{flags}")
        local made = regex.gsub(subject, "/" .. pattern .. "/{flags}", "<$0>")
        return json.encode(json.array(rows)), json.encode(first and row(first)), made
    """
    rows, first, made = values(lua, source)
    assert (json.loads(rows), json.loads(first)) == (wanted, wanted[0] if wanted else None)
    assert made == re.sub(pattern, r"<\g<0>>", subject, flags=sum(getattr(re, f.upper()) for f in flags))


# What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('match("x", "a(b")', "regex.match: the pattern `a(b` is wrong at character 4: missing )."),
        ('match("x", "/a(b/i")', "regex.match: the pattern `/a(b/i` is wrong at character 5: missing )."),
        ('match_all("x", "*")', "regex.match_all: the pattern `*` is wrong at character 1: nothing to repeat."),
        ('match("x", "a", "ig")', "regex.match: there is no flag `g`; the flags are i, m, s, x, u."),
        ('match("x", "/a/U")', "regex.match: there is no modifier `U`; write `*?`, `+?` and `??`"),
        ('match("x", ("("):rep(490) .. (")"):rep(490))', "is nested too deeply."),
        (
            'gsub("x", "(x)", "$2")',
            "regex.gsub: the replacement names group `2`; the pattern has 1. Text: \\$ is a dollar.",
        ),
        ('gsub("x", "(?<a>x)", "${b}")', "regex.gsub: the replacement names group `b`; the pattern has 1, `a`."),
        ("match(nil, 'a')", "regex.match: expected string subject, got nil"),
        ("match('a', {})", "regex.match: expected string pattern, got table"),
        ("gsub('a', 'a', print)", "regex.gsub: expected string replacement, got function"),
        ("gsub('a', 'a', 'b', 'c')", "regex.gsub: expected a whole number as limit, got string"),
        ("match('a', 'a', 256)", "regex.match: expected flags as a string of the letters i, m, s, x, u, got number"),
        ("match('a', ('a'):rep(1001))", "the pattern has 1001 bytes, and may have 1000 (pattern_limit)"),
        ("match(('a'):rep(1048577), 'a')", "the subject has 1048577 bytes, and may have 1048576 (subject_limit)"),
        ("match('a', ('a|'):rep(50000))", "the pattern has 100000 bytes, and may have 1000 (pattern_limit)"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_place(lua: Machine, call: str, said: str) -> None:
    found = message(lua, f"\nreturn regex.{call}")
    assert found.startswith("cell:2: regex.")
    assert said in found


def test_pcall_has_the_facts(lua: Machine) -> None:
    ok, text, facts = values(lua, 'return pcall(regex.match, "x", "(a")')
    assert (ok, facts["type"]) == (False, "invalid_arguments")
    assert facts["message"] in text


@pytest.mark.claim("regex-process")
@pytest.mark.full
@pytest.mark.parametrize(
    ("call", "limit"),
    [
        (f"match{SLOW}", "pattern_time"),
        ('match(("a"):rep(30000), "(a+)+$(?!a)b")', "pattern_time"),
        ('match(("x"):rep(60) .. "b", "(x|xx|x+)*$")', "pattern_time"),
        ('gsub(("a"):rep(60) .. "b", "(a|aa)+$", "x")', "pattern_time"),
        ('match("ab", "(?R)?")', "pattern_memory"),
        ('match("ab", "(?:(?:a{1000}){1000}){1000}")', "pattern_memory|pattern_time"),
        ('match_all(("a"):rep(2^20 // 1 | 0), "a")', "pattern_captures|pattern_time"),
        ('match_all(("a"):rep(10000), "(?=(.*))")', "pattern_result"),
        ('gsub(("a"):rep(2^20 // 1 | 0), "a", "0123456789")', "pattern_result|pattern_time"),
    ],
)
def test_a_hostile_pattern_ends_at_a_limit_and_the_next_call_works(lua: Machine, call: str, limit: str) -> None:
    run(lua, 'regex.match("a", "a")')
    started = time.perf_counter()
    source = f"local ok, text, facts = pcall(function() return regex.{call} end)\n"
    source += 'return text, facts.limit, regex.match("ab", "b")[0]'
    text, found, after = values(lua, source)

    assert time.perf_counter() - started < PATIENCE
    assert found in limit.split("|")
    assert f"({found})" in text
    assert after == "b"


def test_patterns_use_the_running_time_of_their_script(lua: Machine) -> None:
    started = time.perf_counter()
    ended = failure(lua, f"while true do pcall(regex.match, {SLOW[1:-1]}) end", cpu=0.5)
    assert time.perf_counter() - started < PATIENCE
    assert isinstance(ended.error, LimitError)
    assert ended.error.limit == "cpu_limit"
    assert values(lua, 'return regex.match("ab", "b")[0]') == ["b"]
