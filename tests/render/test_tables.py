"""Records on the screen: as HTML, as text, one record for itself, and values as text."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from html import escape
from typing import Any

import pytest
from msgspec.structs import replace

from kosmo_kernel.catalogue import Column, Function, Link
from kosmo_kernel.pages.design import style_rules
from kosmo_kernel.render.frames import frame_of, table_of_frame
from kosmo_kernel.render.page_parts import page_columns, page_table
from kosmo_kernel.render.tables import RecordView, Table, exact_table, table_of
from kosmo_kernel.render.text import format_column, pretty
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Record, Records

X, NO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
ESCAPE, RIGHT_TO_LEFT = "\x1b[31m", "\u202e"

COLUMNS = (
    Column("name", "A text."),
    Column("app.name", "A text of a reference."),
    Column("size", "An integer.", kind="integer", nullable=True),
    Column("created_at", "A time.", kind="timestamp"),
)
THING = Function("get_thing", "A thing.", "A thing.", (Link("/thing"),), "record", COLUMNS, example="x")
FIRST = {"name": "web.1", "app": {"name": "my-app"}, "size": 12, "created_at": "2026-11-20T09:00:00Z"}
SECOND = {"name": "worker.10", "app": None, "size": None, "created_at": None, "tags": ["a", {"b": True}]}


def html_of(shown: Any) -> str:
    """Return the HTML of a table without its style."""
    html = shown.html() if isinstance(shown, Table) else shown._repr_html_()
    return str(re.sub("<style>.*</style>", "", html))


def cell_of(value: object) -> str:
    """Return the HTML of the only cell of a table."""
    cell = re.search("<tr>\n(<td.*)</td></tr>\n</tbody>", html_of(Table(["x"], [[value]], 1)), re.DOTALL)
    return cell[1] if cell else ""


def test_a_table_as_html() -> None:
    assert html_of(table_of(Records([FIRST, SECOND], None, COLUMNS))) == (
        '<div class="tex2jax_ignore mathjax_ignore"><div class="kosmo-table">'
        '<div><table class="dataframe">\n'
        "<thead><tr><th>name</th><th>app.name</th><th align=right>size</th>"
        "<th>created_at</th><th>tags</th></tr></thead>\n"
        "<tbody>"
        "<tr>\n<td>web.1</td><td>my-app</td><td align=right>12</td><td>2026-11-20 09:00 UTC</td><td></td></tr>\n"
        '<tr>\n<td>worker.10</td><td></td><td align=right></td><td></td><td>["a", {"b": true}]</td></tr>\n'
        "</tbody></table></div>\n"
        f"<p>2 records {X} 5 columns</p></div></div>"
    )


def test_a_table_as_text() -> None:
    assert table_of(Records([FIRST, SECOND], None, COLUMNS)).text().splitlines() == [
        "name       app.name  size  created_at            tags",
        "---------  --------  ----  --------------------  ------------------",
        f"web.1      my-app      12  2026-11-20 09:00 UTC  {NO}",
        f'worker.10  {NO}            {NO}  {NO}                     ["a", {{"b": true}}]',
        f"2 records {X} 5 columns",
    ]


@pytest.mark.parametrize(
    ("total", "columns", "shown", "words"),
    [
        (500, 7, 200, f"500 records {X} 7 columns, the first 200 shown; KOSMO_ROWS shows more"),
        (200, 7, 200, f"200 records {X} 7 columns"),
        (1, 1, 1, f"1 record {X} 1 column"),
        (0, 2, 0, f"0 records {X} 2 columns"),
        (3, 0, 0, f"3 records {X} 0 columns"),
        (12345, 1, 1, f"12,345 records {X} 1 column, the first 1 shown; KOSMO_ROWS shows more"),
        (2, 1, 0, f"2 records {X} 1 column, none shown; KOSMO_ROWS shows more"),
    ],
)
def test_the_count_below_a_table_is_exact(total: int, columns: int, shown: int, words: str) -> None:
    assert Table(["x"] * columns, [[0] * shown] * columns, total).count == words


def test_an_empty_table_still_has_its_columns() -> None:
    table = table_of(Records([], None, COLUMNS[:2]))

    assert table.text().splitlines() == ["name  app.name", "----  --------", f"0 records {X} 2 columns"]
    assert "<th>name</th><th>app.name</th>" in html_of(table)


def test_the_style_of_outputs_touches_nothing_else_and_there_is_no_script() -> None:
    style = re.fullmatch(r"@keyframes kosmo-edge{[^{}]*{[^{}]*}}(.*)@media print{(.*)}", style_rules())
    assert style is not None

    selectors = [rule.partition("{")[0] for rule in (style[1] + style[2]).split("}") if rule]
    assert all(
        re.match(r"div\.(kosmo-table|kosmo-outline|kosmo-check|kosmo-notes)\.\1( |$)", selector)
        for selector in selectors
    )
    assert not [selector for selector in selectors if "," in re.sub(r":is\(.*?\)", "", selector)]
    assert "<script" not in table_of(Records([FIRST], None, COLUMNS)).html()


@pytest.mark.claim("display-tables")
@pytest.mark.parametrize(
    ("value", "html"),
    [
        (None, "<td>"),
        ("", "<td> "),
        (True, "<td>true"),
        (False, "<td>false"),
        ('<img src=x onerror=alert(1)> & "more"', '<td>&lt;img src=x onerror=alert(1)&gt; &amp; "more"'),
        ("two\nlines", "<td>two\\nlines"),
        (f"{ESCAPE}red", "<td>\\u001b[31mred"),
        (f"{RIGHT_TO_LEFT}exe.txt", "<td>\\u202eexe.txt"),
        ("\U000e0041", "<td>\\udb40\\udc41"),  # a tag, which programs read and nobody sees
        ("half \ud800", "<td>half \\ud800"),
        ("naïve 漢字", "<td>naïve 漢字"),
        ([], "<td>[]"),
        ({"a": [1, None]}, '<td>{"a": [1, null]}'),
        ({"a": [float("nan"), float("-inf")]}, '<td>{"a": [nan, -inf]}'),
        ("https://my-app.example/?a=1&b=2", '<td><a href="https://my-app.example/?a=1&amp;b=2">https://my-app.example/?a=1&amp;b=2</a>'),
        ("see https://my-app.example", "<td>see https://my-app.example"),
        ("javascript:alert(1)", "<td>javascript:alert(1)"),
        ('https://x.example/"onmouseover="alert(1)', '<td><a href="https://x.example/&quot;onmouseover=&quot;alert(1)">https://x.example/"onmouseover="alert(1)</a>'),
    ],
)  # fmt: skip
def test_a_cell_as_html(value: object, html: str) -> None:
    assert cell_of(value) == html


def test_a_wide_text_is_cut_and_whole_under_the_mouse() -> None:
    text = "word " * 30 + "<end>"

    assert cell_of(text) == f"<td title='{'word ' * 30}&lt;end&gt;'>{('word ' * 30)[:63]}…"
    assert 'title=\'it&#39;s "so"' in cell_of('it\'s "so" ' * 10)


def test_a_long_list_is_shown_line_by_line_under_the_mouse_and_where_there_is_room() -> None:
    value = [{"key": "DATABASE_URL", "value": "x" * 30}, {"key": "REDIS_URL", "value": "y" * 30}]

    assert f"title='{escape(pretty(value), quote=False)}'>" in cell_of(value)
    assert f"<td class=whole>{escape(pretty(value), quote=False)}</td>" in html_of(RecordView({"config": value}))


def test_what_the_mouse_shows_of_many_long_texts_is_cut_and_says_so() -> None:
    html = Table(["x"], [["word " * 300] * 200], 200).html()

    assert len(html) < 200 * 550
    assert f"title='{('word ' * 300)[:399]}…'" in html


def test_a_column_of_numbers_has_the_same_decimals() -> None:
    assert format_column([1, 12.5, 0.25, None, 0.1 + 0.2, 1e-9, float("inf")]) == [
        "1.00", "12.50", "0.25", None, "0.30", "1e-09", "inf",
    ]  # fmt: skip
    assert format_column([3.0, 2.0]) == ["3", "2"]
    assert format_column([10**20, 1]) == ["1" + "0" * 20, "1"]


def test_times_have_seconds_when_one_of_their_column_has() -> None:
    rows = [FIRST, FIRST | {"created_at": "2026-11-20T10:00:30+01:00"}]

    assert format_column(table_of(Records(rows, None, COLUMNS)).columns[3]) == [
        "2026-11-20 09:00:00 UTC",
        "2026-11-20 09:00:30 UTC",
    ]


def test_a_text_that_is_no_time_stays_what_it_is() -> None:
    rows = [FIRST, FIRST | {"created_at": "soon"}]

    assert table_of(Records(rows, None, COLUMNS)).columns[3] == ["2026-11-20T09:00:00Z", "soon"]


def test_text_is_never_wider_than_asked_and_says_what_had_no_room() -> None:
    row = {f"column_{n}": f"{n} " + "long text " * 9 for n in range(12)} | {"漢字": "漢" * 60}
    lines = table_of(Records([row] * 3)).text(100).splitlines()

    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("0 long text lo…  1 long text")
    assert " ".join(lines[-2:]).startswith(f"3 records {X} 13 columns; 7 columns did not fit: column_6, column_7,")


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("list_dynos", ["name", "state", "type", "size", "app.name", "updated_at"]),
        ("list_addons", ["name", "plan.name", "billed_price.cents", "…unit"]),
        ("list_sni_endpoints", ["ssl_cert.cert_domains", "ssl_cert.expires_at", "name"]),
    ],
)
def test_the_main_columns_of_a_function_fit_into_a_narrow_text(function: str, names: list[str]) -> None:
    with Session("demo") as session:
        (records,) = session.run(f"heroku.{function}('booking-api')").values
    for shown in (table_of(records), table_of_frame(frame_of(records), 200)):
        lines = shown.text(82).splitlines()
        assert lines[0].split() == names
        assert max(map(len, lines)) <= 82


def test_a_column_that_repeats_another_one_makes_room_first() -> None:
    rows = [{"app": f"app-{n}", "its_name": f"app-{n}", "state": "up", "note": "long text " * 3} for n in range(3)]
    assert table_of(Records(rows)).text(32).splitlines()[0].split() == ["app", "state", "note"]


def test_ids_are_left_out_before_any_text_is_cut_unless_they_are_the_key_or_main() -> None:
    ids = [f"{n}{n}234567-89ab-4cde-8f01-23456789abcd" for n in range(3)]
    rows = [{"id": one, "app_id": one, "n_id": 7, "of_id": "shop", "note": "a text " * 3} for one in ids]
    table = table_of(Records(rows))
    assert [table.kind(index) for index in range(5)] == ["id", "id", "number", "text", "text"]
    assert table.text(120).splitlines()[0].split() == ["id", "app_id", "n_id", "of_id", "note"]
    assert table.text(40).splitlines()[0].split() == ["n_id", "of_id", "note"]
    assert replace(table, key=["id"]).text(80).splitlines()[0].split() == ["id", "n_id", "of_id", "note"]
    assert replace(table, main={"app_id"}).text(40).splitlines()[0].split()[0] == "app_id"


def test_a_column_is_one_of_numbers_if_all_its_values_are() -> None:
    columns: list[list[Any]] = [[1, None], [1, "a"], [True, False], [1.5, 2], [None, None]]
    table = Table(list("abcde"), columns, 2)
    assert table.numbers == {0, 3}
    assert [cell.startswith("<td align=right") for cell in re.findall("<td[^>]*>", html_of(table))[:5]] == [
        index in table.numbers for index in range(5)
    ]


def test_text_fits_the_terminal_that_it_goes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(Records([{f"column_{n}": "long text " * 9 for n in range(12)}]))
    monkeypatch.setenv("COLUMNS", "60")
    elsewhere = table.text()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert elsewhere == table.text(110)
    assert table.text() == table.text(60)


def test_text_with_wide_letters_stays_in_its_columns() -> None:
    assert Table(["a", "b"], [["漢字漢字漢字漢字漢字", "e\u0301"], [1, 2]], 2).text(17).splitlines()[2:4] == [
        "漢字漢字漢字…   1",
        "e\u0301               2",
    ]


def test_a_whole_number_above_2_to_the_53_has_all_its_digits() -> None:
    table = table_of(Records([{"key": "n", "value": 2**53 + 1}]))
    assert "9007199254740993" in table.text()
    assert "<td align=right>9007199254740993" in table.html()


def test_numbers_and_times_are_not_cut_in_text() -> None:
    lines = Table(["name", "number"], [["long " * 20], [12345678901234567890]], 1).text(40).splitlines()

    assert lines[2] == "long long long lo…  12345678901234567890"
    assert Table(["number"], [[12345678901234567890]], 1).text(10).splitlines()[2] == "123456789…"


def test_a_record_as_text() -> None:
    assert repr(RecordView(Record(SECOND, THING))).splitlines() == [
        "name        worker.10",
        f"app.name    {NO}",
        f"size        {NO}",
        f"created_at  {NO}",
        'tags        ["a", {"b": true}]',
    ]


def test_a_record_as_html() -> None:
    assert html_of(RecordView({"web_url": "https://my-app.example/", "a": "<b>", "c": "", "d": None})) == (
        '<div class="tex2jax_ignore mathjax_ignore"><div class="kosmo-table"><table class="dataframe">\n<tbody>\n'
        '<tr><th>web_url</th><td class=whole><a href="https://my-app.example/">https://my-app.example/</a></td></tr>\n'
        "<tr><th>a</th><td class=whole>&lt;b&gt;</td></tr>\n"
        "</tbody></table>\n<details><summary>2 fields more: ids, and what is empty</summary>"
        '<table class="dataframe">\n<tbody>\n'
        "<tr><th>c</th><td class=whole> </td></tr>\n"
        "<tr><th>d</th><td></td></tr>\n"
        "</tbody></table></details></div></div>"
    )


def test_of_a_record_ids_and_what_is_empty_are_folded_below_the_facts() -> None:
    ident = "5d22c932-ecb9-52f1-8650-00a7a94114dd"
    html = html_of(RecordView({"id": ident, "name": "shop", "space": None, "app": {"id": ident}, "up": False, "n": 0}))
    facts, others = html.split("<details>")
    assert re.findall("<th>(.*?)</th>", facts) == ["name", "up", "n"]
    assert re.findall("<th>(.*?)</th>", others) == ["id", "space", "app.id"]
    assert "<details>" not in html_of(RecordView({"id": ident}))


def test_a_record_view_is_still_the_record_with_times_as_in_a_frame() -> None:
    view = RecordView(Record(FIRST, THING, "demo"))

    assert view == FIRST | {"created_at": datetime(2026, 11, 20, 9, tzinfo=UTC)}
    assert (view.function, view.account) == (THING, "demo")
    nested = RecordView({"release": {"since": "2026-10-01T10:00:00+02:00", "day": "2026-10-01", "note": "2026"}})
    assert nested["release"] == {"since": datetime(2026, 10, 1, 8, tzinfo=UTC), "day": "2026-10-01", "note": "2026"}


def test_a_dotted_name_reads_a_nested_field_where_no_key_has_that_name() -> None:
    view = RecordView({"stack": {"name": "heroku-24", "id": None}, "region.name": "us", "region": {"name": "eu"}})

    assert (view["stack.name"], view["stack.id"], view["region.name"]) == ("heroku-24", None, "us")
    for name in ("stack.nam", "stack.name.first", "stacks.name", "stacks"):
        with pytest.raises(KeyError, match=re.escape(name)):
            view[name]


def test_what_is_changed_in_a_record_view_is_not_changed_in_its_record() -> None:
    record = Record({"app": {"name": "my-app"}})
    RecordView(record)["app"]["name"] = "other"

    assert record == {"app": {"name": "my-app"}}


def test_a_declared_default_is_how_a_missing_value_reads() -> None:
    role = (Column("role", "A role.", nullable=True, default="collaborator"),)

    assert repr(RecordView(Record({}, replace(THING, columns=role)))) == "role  collaborator"
    assert table_of(Records([{"role": None}, {"role": "owner"}], None, role)).columns == [["collaborator", "owner"]]


def test_plain_text_is_shown_as_it_is_and_quoted_inside_tables() -> None:
    assert pretty('say "hi"') == 'say "hi"'
    assert pretty(['say "hi"\n\\', ESCAPE]) == '["say \\"hi\\"\\n\\\\", "\\u001b[31m"]'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (3.0, "3.0"),
        (1e20, "1e+20"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        ([float("inf"), -float("inf")], "[inf, -inf]"),
        ([], "[]"),
        ({}, "{}"),
        ({"name": "my-app", "web-url": None}, '{ name: "my-app", "web-url": null }'),
        ({1: "one"}, '{ [1]: "one" }'),
        ([1, [2.5, "x"]], '[1, [2.5, "x"]]'),
    ],
)
def test_a_small_value_as_plain_text(value: object, text: str) -> None:
    assert pretty(value) == text


def test_what_does_not_fit_on_a_line_is_indented_in_its_order() -> None:
    value = {
        "name": "my-app",
        "region": {"name": "eu"},
        "notes": ["a rather long note number one", "and the second of them"],
    }

    assert pretty(value).splitlines() == [
        "{",
        '  name: "my-app",',
        '  region: { name: "eu" },',
        '  notes: ["a rather long note number one", "and the second of them"]',
        "}",
    ]


def test_a_long_list_is_cut_with_the_count() -> None:
    lines = pretty(Records([{"n": n} for n in range(250)])).splitlines()

    assert (len(lines), lines[100], lines[101]) == (103, "  { n: 99 },", "  … 150 more, 250 in all")


def test_a_value_that_contains_itself_is_written_down_to_some_level() -> None:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)

    assert pretty(value).count("list: [") == 10
    assert "{ … }" in pretty(value)


def test_very_deep_and_very_long_values_have_an_end() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]

    assert "… " in pretty(deep)
    assert len(cell_of(deep)) < 1000
    assert len(cell_of(list(range(1_000_000)))) < 2500


def test_records_are_shown_without_pandas() -> None:
    script = "import sys, kosmo_kernel.render.tables; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_table_for_programs_has_all_rows_with_their_values_as_they_were_sent() -> None:
    records = Records([{"n": number, "at": "2026-01-01T10:00:00Z"} for number in range(1000)])
    whole, shown = exact_table(records), table_of(records, 2)

    assert (whole.total, [len(column) for column in whole.columns], whole.columns[1][0]) == (
        1000,
        [1000, 1000],
        "2026-01-01T10:00:00Z",
    )
    assert shown.columns[1] == [datetime(2026, 1, 1, 10, tzinfo=UTC)] * 2
    assert (exact_table(records, 1).names, exact_table(records, 1).left_out) == (["n"], 1)
    assert exact_table(records.rows[7]).columns == [[7], ["2026-01-01T10:00:00Z"]]


def test_a_page_has_titles_in_words_money_times_without_seconds_and_yes_and_no() -> None:
    columns: dict[str, list[Any]] = {
        "monthly_usd": [12.6, 1234.0],
        "released_at": ["2026-11-19T03:37:10Z", None],
        "idle": [True, False],
        "used_by": [["shop", "api"], []],
        "acm_status": ["cert issued", "failed"],
        "release": [1234, 99999],
        "usd": [0.25, 7.0],
        "last_backup": ["2026-11-20T02:09:00Z", "none"],
    }
    shown = page_columns(Table(list(columns), list(columns.values()), 2))
    assert {column.heading: list(column.texts) for column in shown} == {
        "Monthly cost, $": ["13", "1,234"],
        "Released at, UTC": ["2026-11-19 03:37", None],
        "Idle": ["yes", "no"],
        "Used by": ["shop, api", None],
        "ACM status": ["cert issued", "failed"],
        "Release": ["1,234", "99,999"],
        "$": ["0.25", "7.00"],
        "Last backup": ["2026-11-20 02:09 UTC", "none"],
    }
    assert [column.to_the_right for column in shown] == [True, False, False, False, False, True, True, False]


@pytest.mark.parametrize(("long", "unbroken"), [(0, 0), (1, 2), (5, 2), (6, 1)])
def test_on_a_page_narrow_columns_stay_on_one_line_while_the_long_ones_have_room(long: int, unbroken: int) -> None:
    texts = ["2026-12-08 22:30", "postgresql-octagonal-11373", *["a command of many words " * 8] * long]
    html = page_table(page_columns(Table([*"abcdefgh"[: len(texts)]], [[text] for text in texts], 1)))
    assert re.findall("<td nowrap>([^<]*)", html) == texts[:unbroken]


def test_columns_that_do_not_fit_a_sheet_are_left_out_on_paper_and_counted() -> None:
    names = [f"column_{number}" for number in range(30)]
    html = page_table(page_columns(Table(names, [["a text of twenty-four c"]] * 30, 1)))
    left_out = len(re.findall('<td class="off-paper"', html))
    assert 0 < left_out < 30
    assert len(re.findall('<th class="off-paper"', html)) == left_out
    assert f'<p class="cut on-paper">{left_out} more columns on the screen</p>' in html
    assert "on-paper" not in page_table(page_columns(Table(names[:6], [["a text"]] * 6, 1)))


def test_numbers_by_team_keep_the_names_of_the_teams_and_have_separators() -> None:
    table = Table(["day", "larkmoor"], [["2026-11-20"], [5911]], 1)
    assert [(column.heading, column.texts) for column in page_columns(table, ["larkmoor"])] == [
        ("Day", ["2026-11-20"]),
        ("larkmoor", ["5,911"]),
    ]


def test_the_main_columns_of_the_data_for_a_page_have_the_same_order_in_each_process() -> None:
    table = Table(["b", "a", "c"], [[1], [2], [3]], 1, main=frozenset({"c", "b", "a"}))
    assert table.data()["main"] == ["a", "b", "c"]
