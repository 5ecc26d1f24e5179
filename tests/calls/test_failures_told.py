"""Test that unread items of a list are told once: in the line below its table, or else on standard error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from kosmo_command import document
from python_shell import MakeShell, run, shells

from kosmo_kernel.render.display import Note
from kosmo_kernel.results import MAX_ITEMS_NAMED, MAX_UNREAD_NOTES, Result
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

ROWS = "rows, failures = app.integrations.heroku.get_app({ app_id = { 'my-app', 'no-such' }, errors = 'collect' })"
CALL = ROWS.partition(" = ")[2]
NOTE = "1 of 2 apps could not be read: no-such (404 not_found)"
COUNT = "1 record \N{MULTIPLICATION SIGN} \\d+ columns"


@pytest.fixture
def make() -> Iterator[MakeShell]:
    with shells() as make_shell:
        yield make_shell


def test_the_line_below_a_frame_tells_what_could_not_be_read() -> None:
    with Session(account="demo") as session:
        frame = session.run(CALL).frame()

    assert re.search(rf"{COUNT}; \d+ columns did not fit: .*\. {re.escape(NOTE)}", " ".join(repr(frame).splitlines()))
    assert re.search(rf"<p>{COUNT}\. <b>{re.escape(NOTE)}</b></p>", frame._repr_html_())
    assert frame.attrs["note"] == NOTE == json.loads(json.dumps(frame.attrs))["note"]
    assert NOTE in " ".join(repr(frame[frame["name"] == "my-app"]).splitlines())


def test_many_that_could_not_be_read_are_counted_behind_the_first() -> None:
    names = ", ".join(f"'no-{n}'" for n in range(MAX_ITEMS_NAMED + 2))
    with Session(account="demo") as session:
        result = session.run(f"app.integrations.heroku.get_app({{ app_id = {{ {names} }}, errors = 'collect' }})")

    first = ", ".join(f"no-{n} (404 not_found)" for n in range(MAX_ITEMS_NAMED))
    assert result.unread == [
        f"{MAX_ITEMS_NAMED + 2} of {MAX_ITEMS_NAMED + 2} apps could not be read: {first} and 2 more"
    ]
    assert result.notes[-1:] == result.unread


def test_items_of_a_map_that_failed_are_told_as_well() -> None:
    source = """parallel.map({ 1, 2 }, function(n)
      if n == 2 then error("no\\27[2J\\nmore", 0) end
      return { n = n }
    end, { errors = 'collect' })"""
    with Session(account="demo") as session:
        frame = session.run(source).frame()

    assert "column. <b>1 of 2 items failed: no more</b></p>" in frame._repr_html_()


def test_several_lists_are_told_in_one_line() -> None:
    lines = [f"{n} of 9 apps could not be read" for n in range(1, MAX_UNREAD_NOTES + 3)]
    result = Result([Records([{"a": 1}])], notes=["other", *lines], unread=lines)

    warnings = [Note(line, is_warning=True) for line in lines]

    result.inform("a fact")
    assert result.split_notes(tables=False) == ("", [Note("other", True), *warnings, Note("a fact", False)])
    assert result.split_notes(tables=True) == (
        "; ".join([*lines[:MAX_UNREAD_NOTES], "2 more lists with failures"]),
        [Note("other", is_warning=True), Note("a fact", is_warning=False)],
    )
    assert Result([{"a": 1}], notes=lines, unread=lines).split_notes(tables=True) == ("", warnings)


@pytest.mark.parametrize(
    ("cell", "below", "beside"),
    [
        (f"%%kosmo_lua -v kept --show\n{ROWS}\nrows", 1, 0),
        (f"%%kosmo_lua -v kept\n{ROWS}\nrows", 0, 1),
        (f"%%kosmo_lua -o rows\n{ROWS}", 0, 1),
    ],
)
def test_a_python_notebook_says_it_once_where_the_value_goes_into_a_variable(
    make: MakeShell, capsys: pytest.CaptureFixture[str], cell: str, below: int, beside: int
) -> None:
    shell = make()
    run(shell, "%load_ext kosmo_kernel")
    capsys.readouterr()
    run(shell, cell)
    done = capsys.readouterr()

    assert (" ".join(done.out.split()).count(NOTE), done.err.count(NOTE)) == (below, beside)


def test_a_frame_that_was_kept_tells_it_when_it_is_shown(make: MakeShell) -> None:
    shell = make()
    run(shell, f"%load_ext kosmo_kernel\n%kosmo_lua {ROWS}")
    run(shell, f"%%kosmo_lua -v kept\n{ROWS}\nrows")

    assert NOTE in shell.user_ns["kept"]._repr_html_()


def test_the_document_has_each_failure() -> None:
    _, answer = document("lua", "--json", "--demo", "-e", f"{ROWS} return rows")

    assert [(one["app_id"], one["status"], one["id"]) for one in answer["meta"]["failures"]] == [
        ("no-such", 404, "not_found")
    ]
    assert answer["meta"]["notes"][-1] == NOTE
