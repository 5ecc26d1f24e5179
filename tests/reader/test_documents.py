"""TOML and JSON with comments: read the same in this process and in the reader, and ended there when they take long."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.reader import reading
from kosmo_kernel.reader.documents import MAX_SMALL_TEXT, line_of, locate_key, parse_jsonc, parse_toml
from kosmo_kernel.reader.task import Task

FILE = Path("/a/file")
TOML = """\
a = 1
b = [1.5, -inf, true, 'text', "é\\u0000", [[]], {}]
c.d = { e = 1979-05-27, "" = 07:32:00, f.g = 1979-05-27T07:32:00.5-07:00 }
"" = { "" = "1979-05-27" }
[[d]]
e = 1979-05-27T07:32:00
[[d]]
"""
JSONC = '{"a": [1, 2.5, null, "// no comment", "\\ud83d", NaN], /* b */ "": {"": 1},} // c'
LONG = "# " + "x" * MAX_SMALL_TEXT + "\n"


@pytest.fixture
def no_reader() -> Iterator[None]:
    reading.close()
    yield
    reading.close()


def test_a_short_text_starts_no_reader(no_reader: None) -> None:
    assert parse_toml(FILE, TOML)["a"] == 1
    assert locate_key(FILE, TOML, ("c", "d", "f")) == f"{FILE}:3"
    assert parse_jsonc("f", JSONC)[""] == {"": 1}
    assert reading.pid() is None


@pytest.mark.claim("parent-settings")
def test_a_long_text_has_the_same_value_from_the_reader(no_reader: None) -> None:
    assert repr(parse_toml(FILE, LONG + TOML)) == repr(tomllib.loads(TOML))
    assert repr(parse_jsonc("f", JSONC + "//" + LONG)) == repr(parse_jsonc("f", JSONC))
    assert locate_key(FILE, LONG + TOML, ("c", "d", "f")) == f"{FILE}:4"
    assert locate_key(FILE, LONG + TOML, ("c", "x")) == str(FILE)
    assert reading.pid() is not None


@pytest.mark.parametrize("before", ["", LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit 3", "/a/file is no TOML: Expected '=' after a key in a key/value pair (at line"),
        ("a" + ".a" * 200 + " = 1", "/a/file has a key of more than 32 parts with dots between them."),
        ("a = " + "1" * 5_000, "/a/file cannot be read: it has a number or a time that is too large."),
    ],
)
def test_a_mistake_is_the_same_error_wherever_it_is_read(before: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_toml(FILE, before + text)
    assert str(caught.value).startswith(message)


def test_a_mistake_in_json_is_named_with_its_place_wherever_it_is_read() -> None:
    for before in ("", "//" + LONG):
        with pytest.raises(SettingsError) as caught:
            parse_jsonc("f", before + '{"a": nothing}')
        assert str(caught.value) == f"f:{1 + before.count(chr(10))}:7 is no JSON: Expecting value."


@pytest.mark.claim("parent-settings")
@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"seconds": 1e-3}, r"^`/a/file` took more than 0\.001 s to read \(reading_time\)\.$"),
        ({"memory": 8 << 20}, "`/a/file`"),  # too much memory, or the end of the process
    ],
    ids=["time", "memory"],
)
def test_what_takes_too_long_or_too_much_is_an_error_with_the_file(
    monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any], message: str
) -> None:
    read = reading.read
    monkeypatch.setattr(reading, "read", lambda task, data: read(task._replace(**limit), data))
    with pytest.raises(SettingsError, match=message):
        parse_toml(FILE, LONG + "a = [" + "[]," * 100_000 + "]")


@pytest.mark.parametrize("reply", [b"[]", b'{"": 3}', b'{"": "no time"}', b'{"": [1]}', b"\xff", b"[" * 500])
def test_a_reply_that_makes_no_sense_is_an_error(monkeypatch: pytest.MonkeyPatch, reply: bytes) -> None:
    def read(_task: Task, _data: bytes) -> bytes:
        return reply

    monkeypatch.setattr(reading, "read", read)
    with pytest.raises(SettingsError, match="/a/file"):
        parse_toml(FILE, LONG)


# The lines of keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("a = 1\nb = 2", "b", 2),
        ("\r\n\r\na.b = 1\r\n", "a.b", 3),
        ("[x]\na = 1\n[y]\na = 1", "y.a", 4),
        ("[x]\n[ x . 'y' ]\nz=1", "x.y.z", 3),
        ("[a.b]", "a", 1),
        ("[tool]\n'k' = { l = { m = 1, n.o = 2 } }", "tool.k.l.n.o", 2),
        ('"\\u0061" = 1', "a", 1),
        ("b = '''\na = 1\n'''\na = 1", "a", 4),
        ('b = """\na = 1 \\" """\na = 1', "a", 3),
        ('b = """"a""""\na = 1', "a", 2),
        ("b = [ # a\n  { a = 1 },\n  ']',\n]\na = 1", "a", 5),
        ("b = '''''a'''''\na = 1", "a", 2),
        ("# a = 1\nb = '# a'\na = 1 # b", "a", 3),
        ("[[a]]\nb = 1", "a", 1),
        ("[[a]]\nb = 1", "a.b", None),
        ("[[a]]\n[a.b]\nc = 1", "a.b.c", None),
        ("a = [{b = 1}]", "a.b", None),
        ("a = {}\nb = {c = {}}\nd = 1", "d", 3),
        ("a = 1", "b", None),
        ("a = 1", "a.b", None),
    ],
)
def test_a_key_is_on_the_line_with_which_it_first_appears(text: str, keys: str, line: int | None) -> None:
    tomllib.loads(text)
    assert line_of(text, keys.split(".")) == line


names = st.sampled_from(["a", "b", '"a"', "'b'", '"\\u0063"', "1", "a-b"])
keys = st.lists(names, min_size=1, max_size=3).map(" . ".join)
scalars = st.sampled_from(
    ["1", "1.5", "'a = 1'", '"# \\" ]"', "'''\na = 1\n[b]\n'''", '"""\n[[a]]\n"" \\\n"""', "1979-05-27", "true # a"]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner.filter(lambda one: "#" not in one), max_size=3).map(lambda items: f"[\n{', '.join(items)} ]")
        | st.lists(st.tuples(keys, inner.filter(lambda one: "true #" not in one)), max_size=3).map(
            lambda pairs: "{ " + ", ".join(f"{key}={value}" for key, value in pairs) + " }"
        )
    ),
    max_leaves=6,
)
lines = st.one_of(
    st.tuples(keys, values).map(" = ".join), keys.map(lambda key: f"[{key}]"), keys.map(lambda key: f" [[ {key}]] ")
)


def paths(table: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in table.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))


def loaded(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@given(st.lists(lines, max_size=8))
def test_the_line_of_each_key_is_the_first_statement_that_brings_it(statements: list[str]) -> None:
    valid: list[str] = []
    brought: dict[tuple[str, ...], range] = {}  # the lines of the statement that brings a key
    for statement in statements:
        table = loaded("\n".join([*valid, statement]))
        if table is None:
            continue
        first = sum(one.count("\n") + 1 for one in valid) + 1
        valid.append(statement)
        for path in paths(table):
            brought.setdefault(path, range(first, first + statement.count("\n") + 1))
    text = "\n".join(valid)
    assert [path for path in paths(loaded(text) or {}) if line_of(text, path) not in brought[path]] == []
