"""The design of pages: whether each text can be read on its ground. The style of outputs, and which carry it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from repository import ROOT

from kosmo_kernel.pages import design
from kosmo_kernel.pages.design import MAX_OPEN_ROWS, begin_cell, style_rules
from kosmo_kernel.render.display import outline
from kosmo_kernel.render.page_parts import MAX_CARD_COLUMNS
from kosmo_kernel.render.tables import RecordView, Table

SHEET = (ROOT / "kosmo_kernel/pages/page.css").read_text(encoding="utf-8")
COLOURS = re.findall(r":root \{([^}]*--ground:[^}]*)\}", SHEET)
THEMES = dict(zip(("light", "dark", "paper"), COLOURS, strict=True))
TEXTS = ("ink", "soft", "accent", "warn", "good", "bad", "high", "medium", "low")


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_each_text_has_enough_contrast_on_each_ground(theme: str) -> None:
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", THEMES[theme]))
    pairs = [(text, ground) for text in TEXTS for ground in ("ground", "raised")]
    pairs += [("warn", "warn-ground")]
    weak = {pair for pair in pairs if contrast(*(colours.get(name, "") for name in pair)) < 4.5}
    assert weak == set()
    assert contrast(colours["bar"], colours["ground"]) >= (2 if theme == "paper" else 3)


def test_each_column_of_a_card_on_a_phone_has_its_heading() -> None:
    columns = range(2, MAX_CARD_COLUMNS + 1)
    assert [line for n in columns if (line := f"td:nth-child({n}) {{ --head: var(--h{n}); }}") not in SHEET] == []


def test_the_style_folds_the_rows_after_those_that_are_open() -> None:
    assert f"tr:nth-child(n+{MAX_OPEN_ROWS + 1}) {{ display: none; }}" in SHEET


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
    monkeypatch.setattr(design, "_Notebook", type("_Notebook", (), {"cell": "", "styled": ""}))


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
    monkeypatch.setattr(design, "ipython_shell", lambda: SimpleNamespace(get_parent=lambda: requests[0]))
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
