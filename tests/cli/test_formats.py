"""`--format`: what a script or a call gives, in a form that another program reads back whole."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kosmo_command import FICTION, kosmo, on_terminal, standing
from markdown_it import MarkdownIt

from kosmo_kernel.cli.options import FORMATS
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session
from kosmo_kernel.values.fields import fields_of
from kosmo_kernel.values.records import Records

LUA = "lua"
DYNOS = ("call", "heroku.list_dynos")
APPS = "app.integrations.heroku.list_apps()"
AWKWARD = r"""return {
  { text = 'a,"b"\nc\r|d\t<i>e</i>\\', list = { 1, "x" }, inner = { deep = json.null }, yes = true, number = 1.5 },
  { text = "包裹 _x_ a_b", number = 2 },
}"""
TEXT = 'a,"b"\nc\r|d\t<i>e</i>\\'


def written(form: str, code: str, *args: str, **more: Any) -> str:
    """Return what is on standard output, its line ends as they are."""
    done = kosmo(LUA, "--format", form, "-e", code, *args, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def cells_of(markdown: str) -> list[list[str]]:
    """Return the cells of the tables in a Markdown text as they are rendered."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    rows: list[list[str]] = []
    for place, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("td_open", "th_open"):
            rows[-1].append("".join(_rendered(tokens[place + 1].children or [])))
    return rows


def _rendered(children: list[Any]) -> list[str]:
    assert {child.type for child in children} <= {"text", "html_inline", "text_special", "softbreak"}
    seen = {"<br>": "\n", "<span>": "", "</span>": ""}  # the latter keeps a backslash from being one of TeX's
    return [seen.get(child.content, child.content) for child in children]


def test_csv_has_every_record_and_field_of_a_list(session: Session) -> None:
    records = session.run(APPS).value
    assert isinstance(records, Records)
    names, *rows = rows_of(written("csv", APPS, "--demo"))
    assert names == [field.name for field in fields_of(records)]
    assert [row[names.index("name")] for row in rows] == [record["name"] for record in records]
    for field, column in zip(fields_of(records), zip(*rows, strict=True), strict=True):
        values = [
            value if value is None or isinstance(value, str) else json.dumps(value) for value in field.values(records)
        ]
        assert list(column) == ["" if value is None else value for value in values]


def test_csv_is_read_back_by_the_csv_module_and_by_pandas() -> None:
    text = written("csv", AWKWARD)
    names, first, second = rows_of(text)
    shown = TEXT.replace("\r", "\\r")  # control characters are escaped
    assert dict(zip(names, first, strict=True)) == {
        "text": shown,
        "list": '[1,"x"]',
        "inner.deep": "",
        "yes": "true",
        "number": "1.5",
    }
    assert dict(zip(names, second, strict=True)) == {
        "text": "包裹 _x_ a_b",
        "list": "",
        "inner.deep": "",
        "yes": "",
        "number": "2",
    }
    frame = pd.read_csv(io.StringIO(text, newline=""))
    assert frame["text"].tolist() == [shown, "包裹 _x_ a_b"]
    assert frame["number"].tolist() == [1.5, 2]


@pytest.mark.claim("csv-formulas")
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\\t", "\\r", "\\n", "\uff1d"])
def test_csv_has_an_apostrophe_before_texts_that_begin_like_formulas(start: str) -> None:
    record = f"{{ ['{start}name'] = '{start}1+1', number = -1.5, yes = true, list = {{ '=1' }} }}"
    code = f"return {{ {record} }}, '{start}2', -3"
    safe = written("csv", code)
    names, row, _, others = rows_of(safe)
    assert [text.startswith("'") for text in (*names, *row, *others)].count(True) == 3
    assert "-1.5" in row
    assert others[1] == "-3"


@pytest.mark.parametrize(
    "command", [[LUA, "-e", "heroku.list_dynos('my-app')"], [*DYNOS, "--app-id", "my-app"]], ids=str
)
def test_columns_are_chosen_and_printed_in_the_order_of_the_option(command: list[str]) -> None:
    command = [*command, "--demo", "--columns", "app.name,name"]
    assert kosmo(*command).stdout == "app.name,name\nmy-app,web.1\nmy-app,worker.1\n"
    assert kosmo(*command, "--no-header").stdout == "my-app,web.1\nmy-app,worker.1\n"
    assert kosmo(*command, "--no-header", "--format", "csv").stdout == "my-app,web.1\nmy-app,worker.1\n"
    assert json.loads(kosmo(*command, "--format", "json").stdout)[0] == {"app.name": "my-app", "name": "web.1"}
    text = kosmo(*command, "--format", "table", "--no-header").stdout
    assert text.splitlines()[:2] == ["my-app    web.1", "my-app    worker.1"]
    assert "app.name" not in standing(on_terminal(*command, "--no-header"))[0]


def test_columns_of_an_empty_list_are_its_header() -> None:
    code = "return heroku.list_dynos({ app_id = {} })"
    assert written("csv", code, "--demo", "--columns", "size,app.name") == "size,app.name\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([*DYNOS, "--columns", "nam"], "There is no column `nam`. Did you mean: name"),
        ([*DYNOS, "--columns", "name,"], "--columns takes names, separated by commas"),
        ([*DYNOS, "--columns", "name", "--json"], "--columns and --no-header are about tables"),
        ([*DYNOS, "--no-header", "--format", "json"], "--no-header is about tables"),
        ([LUA, "-e", "heroku.list_apps()", "--columns", "nam"], "There is no column `nam`. Did you mean: name"),
        ([LUA, "-e", "5", "--columns", "name"], "There is no column `name`, because the result has no table."),
    ],
    ids=str,
)
def test_a_mistake_about_columns_is_told(args: list[str], message: str) -> None:
    done = kosmo(*args, *(["--app-id", "no-such-app"] if args[0] != LUA else []), "--demo")
    assert done.returncode == (1 if args[0] == LUA else 2)
    assert message in done.stderr + done.stdout


def test_csv_of_an_empty_list_has_its_names() -> None:
    code = "return app.integrations.heroku.list_collaborators({ app_id = {} })"
    names = [column.name for column in HEROKU.function("list_collaborators").columns]
    assert rows_of(written("csv", code, "--demo")) == [["app_id", *names]]


def test_numbers_by_name_are_a_line_each_and_one_object_in_json() -> None:
    code = "return { eu = 3 }"
    assert rows_of(written("csv", code)) == [["key", "value"], ["eu", "3"]]
    assert kosmo(LUA, "-e", code).stdout == "key,value\neu,3\n"
    assert json.loads(written("json", code)) == {"eu": 3}


def test_csv_of_other_values_is_a_row_of_neighbours_or_a_line_for_each_item() -> None:
    assert rows_of(written("csv", 'return 1, "a,b", nil, true')) == [["1", "a,b", "", "true"]]
    assert rows_of(written("csv", 'return { 1, { 2, "x" }, "y" }')) == [["1"], ["2", "x"], ["y"]]
    assert rows_of(written("csv", 'return { a = 1, b = { c = "d" } }')) == [["a", "b.c"], ["1", "d"]]
    assert written("csv", "return 1, {{ a = 2 }}, {{ a = 3 }}, 4") == "1\n\na\n2\n\na\n3\n\n4\n"


def test_numbers_that_json_has_not_are_words_in_cells_and_null_in_json() -> None:
    code = "return {{ a = 0/0, b = { 1/0 } }, { [7] = 'x', a = -1/0 }}"

    assert rows_of(written("csv", code)) == [["7", "a", "b"], ["", "nan", "[null]"], ["x", "-inf", ""]]
    assert kosmo(LUA, "-e", code).stdout.splitlines() == ["7,a,b", ",nan,[null]", "x,-inf,"]
    assert json.loads(written("json", code)) == [{"a": None, "b": [None]}, {"a": None, "7": "x"}]


def test_json_is_the_value_or_the_list_of_several() -> None:
    assert json.loads(written("json", AWKWARD))[0]["text"] == TEXT
    assert json.loads(written("json", "return 1, 'a', { x = json.null }")) == [1, "a", {"x": None}]
    assert json.loads(written("json", "local x = 1")) is None
    apps = json.loads(written("json", APPS, "--demo"))
    assert apps == json.loads(kosmo(LUA, "--demo", "--json", "-e", APPS).stdout)["result"][0]


def test_markdown_is_a_table_whose_cells_read_as_they_were() -> None:
    names, first, second = cells_of(written("markdown", AWKWARD))
    assert dict(zip(names, first, strict=True))["text"] == TEXT.replace("\r", "\n")
    assert dict(zip(names, second, strict=True))["text"] == "包裹 _x_ a_b"
    assert dict(zip(names, first, strict=True))["list"] == '[1,"x"]'
    assert cells_of(written("markdown", "return { a = 1, b = 'x|y' }")) == [
        ["Field", "Value"],
        ["a", "1"],
        ["b", "x|y"],
    ]
    assert written("markdown", "return 1, '# text', { 'a', '*b*' }") == "1 # text\n\n- a\n- \\*b\\*\n"
    page = "return docs.read('heroku.list_dynos')"
    assert written("markdown", page) == kosmo("docs", "heroku.list_dynos").stdout


def test_a_table_in_a_pipe_is_complete_and_on_a_terminal_as_wide_as_that_is() -> None:
    lines = written("table", APPS, "--demo").splitlines()
    assert len(lines) == 19 + 3
    assert lines[-1].startswith("19 records")
    widest = max(map(len, lines))
    assert widest > 500
    assert "…" not in "".join(lines)
    screen = standing(on_terminal(LUA, "--demo", "--format", "table", "-e", APPS, columns=70))
    assert max(map(len, screen[:20])) <= 70
    assert "did not fit" in " ".join(screen)


@pytest.mark.parametrize("form", FORMATS)
def test_standard_output_has_what_is_returned_and_nothing_else(form: str) -> None:
    done = kosmo(LUA, "--demo", "--format", form, "-e", f"print('printed') io.write('half') return {APPS};")
    assert "printed" not in done.stdout
    assert "address-checker" in done.stdout  # also where `;` hides a value from people
    assert done.stderr == f"printed\nhalf\n{FICTION}\n"


@pytest.mark.parametrize("form", ["csv", "markdown", "json"])
def test_a_form_is_utf_8_whatever_the_terminal_speaks(form: str) -> None:
    assert "包裹" in written(form, "return {{ a = '包裹' }}", env={"PYTHONIOENCODING": "ascii"})


@pytest.mark.full
@pytest.mark.parametrize("form", FORMATS)
def test_a_terminal_is_not_changed_by_what_is_written(form: str) -> None:
    screen = on_terminal(LUA, "--format", form, "-e", r"return {{ a = 'x\27[2Jy' }}")
    assert "\x1b[2J" not in screen
    assert re.search("x.*y", screen)


def test_an_error_leaves_standard_output_empty() -> None:
    done = kosmo(LUA, "--format", "csv", "-e", "error('no')")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: (command line):1: no")


def test_a_call_has_the_same_forms() -> None:
    for form in FORMATS:
        called = kosmo("call", "heroku.list_apps", "--demo", "--format", form).stdout
        assert called == written(form, APPS, "--demo")


def test_a_document_of_its_own_and_a_form_exclude_one_another() -> None:
    for args in ((LUA, "-e", "1"), ("call", f"heroku.{HEROKU.functions[0].name}")):
        done = kosmo(*args, "--json", "--format", "csv")
        assert (done.returncode, json.loads(done.stdout)["meta"]["error"]["type"]) == (2, "usage")


def test_a_table_of_an_inventory_has_the_columns_of_its_page_first_on_a_narrow_terminal() -> None:
    lines = standing(on_terminal("inventory", "--table", "apps", "--demo", columns=80))
    heading = next(line for line in lines if line.startswith("name "))
    assert heading.split() == ["name", "team", "region", "stack", "pipeline", "stage"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([LUA, "-e", "1", "--format", "jsonl"], "jsonl was dropped. Use: --format json\n"),
        (["check", "--start", "--demo", "--format", "sarif"], "sarif was dropped. Use: --format junit or json\n"),
        (["check", "--start", "--demo", "--format", "markdown"], "markdown was dropped. Use: --format junit or json\n"),
        (["check", "--start", "--demo", "-o", "a.sarif"], "a.sarif: this format was dropped. Name a file .xml (JUnit)"),
        (
            ["check", "--start", "--demo", "-o", "a.md"],
            "a.md: this format was dropped. Name a file .xml (JUnit)",
        ),
    ],
    ids=str,
)
def test_a_dropped_format_answers_with_what_takes_its_place(args: list[str], message: str, tmp_path: Path) -> None:
    done = kosmo(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout, [*tmp_path.iterdir()]) == (2, "", [])
    assert message in done.stderr
