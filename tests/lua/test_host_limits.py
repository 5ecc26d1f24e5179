"""Test what a run may cost the process that started it: the size of its values, its processor time, what is kept."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from run_with import run_with

from kosmo_kernel import docs, errors
from kosmo_kernel.calls.output import RunOutput
from kosmo_kernel.lua import lookups, messages, values
from kosmo_kernel.lua.lookups import KeptValues
from kosmo_kernel.lua.messages import ValueBudget, check_columns, records_memory
from kosmo_kernel.safety import decoder
from kosmo_kernel.safety.decoder import count_values
from kosmo_kernel.session import Session
from kosmo_kernel.settings import limits
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.records import Records
from kosmo_kernel.walls import wire

NESTED = "local empty, rows = {}, {} for i = 1, %d do rows[i] = empty end "


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as opened:
        yield opened


def limit_of(lua: Session, source: str, **settings: Any) -> errors.LimitError:
    """Return the limit that a run passes, with a working run after it that has the variables from before."""
    lua.run("kept = 'variables'")
    with pytest.raises(errors.LimitError) as caught:
        run_with(lua, source, **settings)
    assert lua.run("return kept").values == ["variables"]
    return caught.value


def values_in(value: Any) -> int:
    """Return how many values there are, counted one by one."""
    if isinstance(value, dict):
        return 1 + sum(map(values_in, value.values()))
    return 1 + sum(map(values_in, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        1,
        "a,[{",
        ["a", ",", "", "[,]"],
        {"a,b": {"{": "\\"}, "c": ['"', '\\"', '\\\\"', ",\\"]},
        [[["x,y"]], {"k": [{}, {}, {"": ","}]}],
        ["é,😀", '",",'],
    ],
)
@pytest.mark.parametrize("comma", [",", ", "])
def test_values_are_never_counted_too_few_and_marks_in_texts_are_not_counted(value: Any, comma: str) -> None:
    text = json.dumps(value, separators=(comma, ":")).encode()
    containers = text.count(b"[") + text.count(b"{")

    assert values_in(value) <= count_values(text, 10**6)
    assert count_values(text, 0) > 0
    assert count_values(text, 1) <= values_in(value) + containers


def test_a_text_full_of_commas_is_one_value() -> None:
    text = msgspec.json.encode({"text": ',[{"\\' * 1000})

    assert count_values(text, 100) == 2


@pytest.mark.claim("budget-values")
def test_a_shared_empty_table_inside_lists_is_refused_before_it_is_decoded(
    lua: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def decode(text: bytes, **bounds: Any) -> Any:
        decoded.append(len(text))
        return decoder.decode(text, **bounds)

    monkeypatch.setattr(values, "decode", decode)
    monkeypatch.setattr(lua, "limits", Limits(values=10_000))
    error = limit_of(lua, NESTED % 10_000 + "return rows")

    assert error.limit == "value_limit"
    assert "10,000" in error.message
    assert max(decoded, default=0) < 1000


@pytest.mark.claim("budget-values")
@pytest.mark.parametrize(
    "source",
    [
        NESTED % 6_000 + "return rows, rows",
        NESTED % 12_000 + "local nan = { 0/0, rows } return nan",
        "local rows = {} for i = 1, 6000 do rows[i] = { a = {} } end return rows",
    ],
)
def test_all_values_of_a_result_count_together_and_in_every_form(
    lua: Session, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lua, "limits", Limits(values=10_000))

    assert limit_of(lua, source).limit == "value_limit"


def test_variables_that_are_asked_for_count_as_the_result(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lua, "limits", Limits(values=10_000))

    assert limit_of(lua, NESTED % 12_000 + "big = rows", outputs=["big"]).limit == "value_limit"


def test_what_is_shown_and_passed_counts_and_is_an_error_there(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lua, "limits", Limits(values=10_000))
    shown = lua.run(NESTED % 12_000 + "display(rows) display.json(rows) return 1")
    call = "local ok, why, facts = pcall(app.integrations.heroku.list_dynos, { app_id = rows }) return facts.limit"

    assert shown.values == [1]
    assert shown.output.count("value_limit") == 2
    assert not shown.displays
    assert lua.run(NESTED % 12_000 + call).values == ["value_limit"]
    each = "local function ask() return app.integrations.heroku.list_dynos({ app_id = rows }) end "
    collect = "local _, failed = parallel.map({ 1 }, ask, { errors = 'collect' }) return failed"
    assert "value_limit" in str(lua.run(NESTED % 12_000 + each + collect).value.rows)


@pytest.mark.full
def test_honest_large_results_pass(lua: Session) -> None:
    apps = "local apps = {} for i = 1, 10000 do local a = {} for j = 1, 31 do a['field_' .. j] = i end apps[i] = a end "
    found = lua.run(apps + "return apps").value

    assert (len(found), len(found.rows[0])) == (10_000, 31)


@pytest.mark.full
def test_the_largest_honest_results_pass(lua: Session) -> None:
    text = run_with(lua, "return ('a line, [with] {marks}\\n'):rep((60 << 20) // 23)", memory_limit=1 << 30).value
    dynos = run_with(
        lua,
        "local all = {} for i = 1, 100000 do all[i] = { id = i, name = 'web.' .. i, type = 'web', size = 'Basic', "
        "state = 'up', command = 'run', app = { id = i, name = 'a' }, release = { id = i, version = 1 } } end "
        "return all",
        memory_limit=1 << 30,
    ).value

    assert len(text) > 59 << 20
    assert len(dynos) == 100_000


@pytest.mark.claim("budget-columns")
@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("for i = 1, 10001 do rows[i] = { ['k' .. i] = 1 } end", "column_limit"),
        ("for i = 1, 9000 do rows[i] = { ['k' .. i] = 1 } end", "cell_limit"),
    ],
)
def test_records_with_a_field_of_their_own_each_are_no_table(lua: Session, source: str, limit: str) -> None:
    assert limit_of(lua, f"local rows = {{}} {source} return rows").limit == limit


@pytest.mark.claim("budget-columns")
def test_columns_are_counted_once() -> None:
    check_columns([{f"k{i}": 1 for i in range(100)}] * 1000)
    with pytest.raises(errors.LimitError, match=r"10,001 different fields, more than 10,000 \(column_limit\)"):
        check_columns([{f"k{i}": 1} for i in range(limits.MAX_COLUMNS + 1)])


@pytest.mark.claim("budget-time")
def test_work_outside_lua_has_a_limit_that_lua_cannot_catch(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOST_CPU_EXTRA", 0.0)
    monkeypatch.setattr(docs, "read", lambda _page, _names: burn(0.02))
    before = time.thread_time()
    error = limit_of(lua, "while true do pcall(docs.read, 'zzz') end", cpu_limit=0.3)

    assert error.limit == "host_cpu_limit"
    assert "0.3 s of processor time outside Lua" in error.message
    assert time.thread_time() - before < 10


def burn(seconds: float) -> str:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return "page"


def test_what_wants_no_answer_counts_as_well(lua: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOST_CPU_EXTRA", 0.0)
    monkeypatch.setattr(RunOutput, "display", lambda _self, _request: burn(0.02))

    assert (
        limit_of(lua, "local text = ('x'):rep(20000) while true do display(text) end", cpu_limit=0.3).limit
        == "host_cpu_limit"
    )


@pytest.mark.claim("budget-out")
def test_out_lets_go_of_the_oldest_values_when_all_together_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MAX_KEPT_BYTES", 3 << 20)
    with Session("demo") as session:
        notes = [run_with(session, "return ('x'):rep(1 << 20)", number=number).notes for number in range(1, 6)]
        read = "return #Out[5], pcall(function() return Out[1] end), Out[4] ~= nil"
        kept = session.run(read).values
        largest_notes = run_with(session, "return ('x'):rep(8 << 20)", number=6).notes
        largest = session.run("local all = {} for n in pairs(Out) do all[#all + 1] = n end return all, #Out[6]").values

    assert kept == [1 << 20, False, True]
    assert largest == [[6], 8 << 20]
    limits = "`Out` keeps the last 1,000 values, of about 3 MiB together."
    assert notes[:2] == [[], []]
    assert [*notes[2:], largest_notes] == [
        [f"Out[1] was dropped. {limits}"],
        [f"Out[2] was dropped. {limits}"],
        [f"Out[3] was dropped. {limits}"],
        [f"Out[4], Out[5] were dropped. {limits}"],
    ]


def test_reading_a_value_that_was_dropped_or_that_a_cell_never_had_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "MAX_KEPT", 2)
    with Session("demo") as session:
        for number, code in enumerate(("return 'a'", "local b = 1", "return 'c'", "return 'd'", "return 'e'"), 1):
            run_with(session, code, number=number)
        read = "for _ in ipairs(Out[1] or {}) do end"
        with pytest.raises(errors.UnknownNameError, match=r"Out\[1\] was dropped\. `Out` keeps the last 2 values"):
            session.run(read)
        for number in (2, 99):
            told = rf"Out\[{number}\] has no value that is kept. Out: the values of cells 4, 5"
            with pytest.raises(errors.LuaRuntimeError, match=told):
                session.run(f"return Out[4], Out[{number}]")
        run_with(session, "return 'again'", number=1)
        assert session.run("return Out[1]").value == "again"
        session.reset()
        assert session.run("return Out and Out[3]").value is None


def test_kept_values_know_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MAX_KEPT", 100)
    kept = KeptValues()
    for number in range(150):
        kept.add(number, "x", 10)
    kept.add(149, "y", 5)

    assert (len(kept), next(iter(kept)), kept[149], kept.size) == (100, 50, "y", 995)
    kept.clear()
    assert (len(kept), kept.size) == (0, 0)


def test_lists_that_the_parent_has_itself_count_for_out(lua: Session) -> None:
    small = run_with(lua, "return app.integrations.heroku.list_apps()", number=1)
    size = lua._shown.size

    assert size >= records_memory(small.value.rows) > 1000 * len(small.value)
    assert records_memory([]) == 0
    assert records_memory([{"a": "x" * 1000}] * 1000) > 1_000_000


# What only a process that an intruder has taken over can say -------------------------------------------------


def test_a_header_of_many_values_is_refused_before_it_is_decoded() -> None:
    payload = wire.pack({"kind": "done", "values": [{}] * 1000})

    assert messages.unpack(payload, 10_000)[0]["kind"] == "done"
    with pytest.raises(ValueError, match="more than 1,000 values"):
        messages.unpack(payload, 1000)


def handles_of(*lists: Records) -> values.RemoteLists:
    handles = values.RemoteLists()
    handles.answer(list(lists), [])
    return handles


def of_integers(form: str, count: int, *others: list[Any], **described: Any) -> dict[str, Any]:
    return {"form": form, "parts": [["integers", 8 * count, count], *others], **described}


@pytest.mark.parametrize(
    ("described", "blob", "limit"),
    [
        (of_integers("places", 2_000_004), struct.pack("=q", 1) * 2_000_004, "records_limit"),
        (of_integers("altered", 300_002), struct.pack("=q", 1) * 300_002, "value_limit"),
        (of_integers("altered", 9_000_000), struct.pack("=q", 1) * 9_000_000, "records_limit"),
        ({"form": "json"}, b"[" + b"{}," * 3_000_000 + b"{}]", "value_limit"),
        ({"form": "json"}, b'"' + b"x" * (65 << 20) + b'"', "result_limit"),
    ],
    ids=["places", "altered", "altered places", "values", "bytes"],
)
def test_a_value_that_is_more_than_any_script_may_send_is_refused(
    described: dict[str, Any], blob: bytes, limit: str
) -> None:
    handles = handles_of(Records([{f"k{i}": i for i in range(40)}] * 2))
    with pytest.raises(errors.LimitError) as caught:
        handles.value({**described, "blob": 1}, [blob], ValueBudget(Limits()))

    assert caught.value.limit == limit


@pytest.mark.parametrize(("first", "count"), [(0, 257), (-1, 1), (0, 10**9), (0, -1)])
def test_rows_are_given_a_few_at_a_time(first: int, count: int) -> None:
    with pytest.raises(ValueError, match="more records"):
        handles_of(Records([{"a": 1}] * 1000)).rows(1, first, count)


def test_a_column_nested_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested deeper"):
        handles_of(Records([{"a": 1}] * 100)).column(1, ["a"] * 101)


def test_empty_lists_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_RECORDS", 100)
    handles = handles_of(*[Records([]) for _ in range(100)])

    with pytest.raises(errors.LimitError, match="records_limit"):
        handles.answer([Records([])], [])


def test_a_room_that_is_full_takes_nothing_and_can_be_given_back() -> None:
    budget = ValueBudget(Limits(result=100, values=10))
    budget.add(90, 9)
    with pytest.raises(errors.LimitError, match="result_limit"):
        budget.add(11, 0)
    with pytest.raises(errors.LimitError, match="value_limit"):
        budget.add(0, 2)
    budget.release(90, 9)

    assert (budget.size, budget.values) == (0, 0)
    budget.add(100, 10)
    assert budget.memory == 100 + 10 * messages.BYTES_PER_VALUE


def test_the_names_of_limits_fit_those_in_lua() -> None:
    text = Path(values.__file__).with_name("namespaces.lua").read_text(encoding="utf-8")

    assert f"MAX_ARGUMENTS, MAX_CALL_BYTES = {limits.MAX_ARGUMENTS}, {Limits().result >> 20} << 20" in text
