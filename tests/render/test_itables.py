from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from explorer_form import HOSTILE, loaded_shell
from kernel_client import Kernel
from python_shell import Shell, run, value

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.render.itables import InteractiveTable, interactive_table
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.values.records import Records

options = pytest.importorskip("itables.options")


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with loaded_shell() as made:
        run(made, "%%kosmo_lua\napps = app.integrations.heroku.list_apps()\nlocal mine = {{ a = 1 }, { a = 2 }}\nn = 1")
        yield made


def html_of(found: Any) -> str:
    return str(found._repr_mimebundle_()["text/html"])


def cells_of(markup: str) -> str:
    """Return the rows, as they are handed to the page's program."""
    (found,) = re.findall(r'"data_json": "(.*)",$', markup, re.MULTILINE)
    return str(found)


def test_a_lua_variable_is_browsed_with_all_its_rows(shell: Shell) -> None:
    found = value(shell, "%kosmo browse apps")
    assert isinstance(found, InteractiveTable)
    rows = cells_of(html_of(found))
    assert all(f'\\"{name}\\"' in rows for name in value(shell, "%kosmo_lua apps")["name"])
    assert repr(found) == repr(value(shell, "%kosmo_lua apps"))


def test_a_browsed_table_has_buttons_for_its_columns_and_for_csv(shell: Shell) -> None:
    html = html_of(value(shell, "%kosmo browse apps"))
    assert '"extend": "colvis"' in html
    assert '"extend": "csvHtml5"' in html
    assert '"topStart": "search"' in html


def test_a_top_level_local_is_one_too(shell: Shell) -> None:
    assert cells_of(html_of(value(shell, "%kosmo browse mine"))) == r"[[\"1\"], [\"2\"]]"


def test_a_variable_of_python_comes_before_lua_s(shell: Shell) -> None:
    run(shell, "import pandas\napps = pandas.DataFrame({'x': [3]}, index=['row'])")
    try:
        assert cells_of(html_of(value(shell, "%kosmo browse apps"))) == r"[[\"row\", \"3\"]]"
    finally:
        run(shell, "del apps")


def test_reading_a_variable_is_no_run_to_remember(shell: Shell) -> None:
    run(shell, "%kosmo_lua #app.integrations.heroku.list_apps()")
    before = value(shell, "%kosmo status")
    run(shell, "%kosmo browse apps")
    assert value(shell, "%kosmo status") == before


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("n", InvalidArgumentsError, "`n` is no table: `%kosmo browse` shows a DataFrame or a list of records."),
        ("app", InvalidArgumentsError, "`app` is no table"),
        ("print", InvalidArgumentsError, "`print` is no table"),
        ("whatever", UnknownNameError, "Neither Python nor Lua has a variable `whatever`."),
        ("aps", UnknownNameError, "Neither Python nor Lua has a variable `aps`. Did you mean: apps"),
        ("a b", InvalidArgumentsError, "Write `rows = a b` in a cell"),
        ("", InvalidArgumentsError, "`%kosmo browse` needs a name"),
    ],
)
def test_what_cannot_be_browsed_says_why(shell: Shell, line: str, kind: type[Exception], message: str) -> None:
    error = run(shell, f"%kosmo browse {line}").error_in_exec
    assert type(error) is kind
    assert message in str(error)


def test_without_itables_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "itables", None)
    with pytest.raises(SettingsError, match=re.escape(how_to_install("tables"))):
        interactive_table("x", Records([{"a": 1}]))


@pytest.mark.claim("display-tables")
def test_hostile_texts_are_escaped_and_nested_values_are_json() -> None:
    records = Records(
        [{HOSTILE: HOSTILE, "nested": {"list": [1, {"deep": HOSTILE}]}, "many": [{"a": 1}], "none": None}]
    )
    markup = html_of(interactive_table("x", records))
    program = markup[markup.index("function injectCSS") :]
    assert "alert(1)" not in program
    assert "<script>alert" not in markup
    assert "<b hidden" not in markup
    assert "&lt;script&gt;alert(1)" in cells_of(markup)
    assert "[1, {&quot;deep&quot;" in cells_of(markup) or r"[1, {\\\"deep\\\"" in cells_of(markup)


@pytest.mark.parametrize(("rows", "characters", "there"), [(5, 100, 5), (3, 100, 3), (5, 9, 4), (5, 0, 1)])
def test_a_long_table_has_its_first_rows_and_says_how_many(
    rows: int, characters: int, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.render.itables.MAX_ROWS", rows)
    monkeypatch.setattr("kosmo_kernel.render.itables.MAX_CHARACTERS", characters)
    records = Records([{"a": f"{number:02}"} for number in range(5)])
    for browsed in (records, pd.DataFrame(list(records))):
        markup = html_of(interactive_table("x", browsed))
        assert cells_of(markup).count("0") - cells_of(markup).count("00") == there
        assert (f"The table has the first {there} of 5 records" in markup) is (there < 5)


def test_browsing_very_many_records_makes_an_output_of_a_few_megabytes() -> None:
    records = Records([{"id": f"{number:036}", "version": number} for number in range(30_000)])
    assert len(html_of(interactive_table("x", records))) < 4_000_000


def test_nothing_of_it_comes_from_the_internet(shell: Shell) -> None:
    markup = html_of(value(shell, "%kosmo browse apps"))
    text = re.sub(r'"data_json": .*|inject\w+\("[^"]*"\)', "", markup)
    assert re.findall(r"(?:src|import|from|url\()\W{0,3}https?:", text) == []
    assert "unpkg" not in text


def test_settings_of_itables_and_pandas_are_left_alone_and_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, rows = vars(pd.DataFrame)["_repr_html_"], pd.get_option("display.max_rows")
    monkeypatch.setattr(options, "allow_html", True)
    monkeypatch.setattr(options, "connected", True, raising=False)
    monkeypatch.setattr(options, "maxBytes", 10)
    markup = html_of(interactive_table("x", Records([{"a": f"<i>{number}</i>"} for number in range(300)])))
    assert cells_of(markup).count("&lt;i&gt;") == 300
    assert vars(pd.DataFrame)["_repr_html_"] is shown
    assert pd.get_option("display.max_rows") == rows


def test_the_lua_kernel_browses_globals_and_locals(kernel: Kernel) -> None:
    kernel.run("apps = app.integrations.heroku.list_apps()\nlocal few = { { a = 1 } }")
    ((_, content),) = [one for one in kernel.shown("%kosmo browse apps") if one[0] == "execute_result"]
    assert "address-checker" in cells_of(content["data"]["text/html"])
    assert "19 records" in content["data"]["text/plain"]
    assert kernel.value("%kosmo browse few").endswith("1 record \N{MULTIPLICATION SIGN} 1 column")
    reply, _ = kernel.run("%kosmo browse fewer")
    assert (reply["ename"], reply["evalue"]) == (
        "UnknownNameError",
        "Lua has no variable `fewer`, or it is nil. Did you mean: few",
    )
