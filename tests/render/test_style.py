"""The style of tables and outlines, and which outputs carry it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from repository import ROOT

from kosmo_kernel.render import style
from kosmo_kernel.render.display import outline
from kosmo_kernel.render.style import begin_cell, style_rules
from kosmo_kernel.render.tables import RecordView, Table

TABLE = Table(["name", "size"], [["web.1", None], [1, 2]], 2)


class Tags(HTMLParser):
    """Checks that each element has its end tag, as a parser needs it that is not a browser's."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(autouse=True)
def no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_Notebook", type("_Notebook", (), {"cell": "", "styled": ""}))


def carries_style() -> bool:
    return style_rules() in TABLE.html()


def test_the_first_table_of_a_notebook_carries_the_style_and_the_others_do_not() -> None:
    begin_cell("1")
    assert carries_style()
    assert carries_style()

    begin_cell("2")
    assert not carries_style()
    assert "<style" not in RecordView({"a": 1})._repr_html_()
    assert "<style" not in outline([[1, 2], {"a": "b" * 80}])


def test_a_cell_that_is_run_again_carries_the_style_again() -> None:
    begin_cell("1")
    carries_style()
    begin_cell("2")
    begin_cell("1")

    assert carries_style()


def test_outside_of_a_notebook_each_table_carries_the_style() -> None:
    assert [carries_style(), carries_style()] == [True, True]


@pytest.mark.parametrize("second", [{"metadata": {"cellId": "b"}}, {"metadata": {}, "content": {"code": "b"}}])
def test_cells_of_ipython_are_known_by_the_id_of_the_front_end_or_by_their_code(
    monkeypatch: pytest.MonkeyPatch, second: dict[str, object]
) -> None:
    requests = [{"metadata": {"cellId": "a"}, "content": {"code": "x"}}, second]
    monkeypatch.setattr(style, "ipython_shell", lambda: SimpleNamespace(get_parent=lambda: requests[0]))
    assert [carries_style(), carries_style()] == [True, True]

    del requests[0]

    assert not carries_style()


def test_each_element_of_a_table_has_an_end_tag() -> None:
    for markup in (TABLE.html(), RecordView({"a": None, "b": "https://my-app.example"})._repr_html_()):
        tags = Tags()
        tags.feed(markup)

        assert tags.open == []
        assert '<table class="dataframe">' in markup


def test_an_output_has_the_rules_that_jupyterlab_loads_on_one_line_and_without_comments() -> None:
    sheet = (ROOT / "kosmo_kernel/jupyter/labextension/static/outputs.css").read_text(encoding="utf-8")
    assert re.sub(r"/\*.*?\*/|\n", "", sheet) == style_rules()
    assert "/*" in sheet
