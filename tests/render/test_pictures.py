"""Pictures: what their titles say, their numbers and alternative texts, their colours, and hostile names in them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from full_matrix import full_except

from kosmo_kernel.render import pictures
from kosmo_kernel.render.pictures import Picture
from kosmo_kernel.settings import notebook_run

DAYS = ["2026-11-01", "2026-11-11", "2026-11-21"]
HOSTILE = '</text><script>alert(1)</script>&"\\frac{1}{2} $x$ $y$\n_\u202e'

MAKERS: dict[str, Callable[[str], Picture]] = {
    "over_time": lambda name: pictures.over_time(pd.DataFrame({"day": DAYS, name: [1, 2, 3], "b": [3, 2, 1]}), name),
    "by_day": lambda name: pictures.by_day(pd.DataFrame({"day": DAYS, "count": [1, 0, 3]}), name),
    "days_left": lambda name: pictures.days_left(
        pd.DataFrame({"group": [name, "b", "b"], "days": [3, 80, 80]}), name, name, near=30
    ),
    "shares": lambda name: pictures.shares(pd.DataFrame({name: [1, 0], "up": [2, 3]}, index=[name, "b"]), name, name),
    "matrix": lambda name: pictures.matrix(pd.DataFrame({name: ["own", ""]}, index=[name, "b"]), ["view", "own"], name),
}


@pytest.fixture(params=full_except(sorted(MAKERS), *sorted(MAKERS)[::2]))
def maker(request: pytest.FixtureRequest) -> Callable[[str], Picture]:
    return MAKERS[request.param]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ([10, 30, 20], "On 2026-11-21 it was 20, 10 more than on 2026-11-01"),
        ([30, 20, 10], "On 2026-11-21 it was 10, 20 less than on 2026-11-01"),
        ([5, 5, 5], "On 2026-11-21 it was 5, as on 2026-11-01"),
    ],
)
def test_the_title_of_a_course_says_the_change(values: list[float], title: str) -> None:
    course = pictures.over_time(pd.DataFrame({"day": DAYS, "a": values}), "it was")
    assert (course.title, repr(course)) == (title, title)


def test_the_smaller_ones_of_many_parts_are_one() -> None:
    frame = pd.DataFrame({"day": DAYS} | {f"team-{number}": [number] * 3 for number in range(9)})
    drawing = BeautifulSoup(pictures.over_time(frame, "it was").svg(), "html.parser").get_text()
    assert (
        re.findall(r"team-\d|others", drawing)
        == [
            "team-8",
            "team-7",
            "team-6",
            "team-5",
            "team-4",
            "others",
        ][::-1]
    )


def test_a_day_without_any_is_a_bar_of_no_height_and_the_title_names_the_busiest() -> None:
    frame = pd.DataFrame({"day": DAYS, "count": [1, 0, 1_200]})
    assert pictures.by_day(frame, "releases").title == "1,201 releases in 3 days, 1,200 of them on 2026-11-21"


def test_a_picture_has_a_text_for_those_who_do_not_see_it_and_its_numbers_below(
    maker: Callable[[str], Picture],
) -> None:
    page = BeautifulSoup(maker("a")._repr_html_(), "html.parser")
    [drawing] = page.select("[role=img]")
    assert drawing["aria-label"] == maker("a").alt
    assert drawing.select("svg path")
    assert page.select("details table td")


def test_a_picture_has_the_colours_of_the_page_around_it_and_no_style_font_or_name_of_its_own(
    maker: Callable[[str], Picture],
) -> None:
    svg = maker("a").svg()
    assert "var(--jp-content-font-color" in svg
    assert not {pictures.INK, pictures.SOFT, pictures.LINE} & set(re.findall(r"#\w{6}", svg))
    assert re.findall(r"<style|<metadata|DejaVu|<(?:g|text)[^>]* id=", svg) == []


def test_the_same_numbers_are_the_same_drawing(maker: Callable[[str], Picture]) -> None:
    assert maker("a").svg() == maker("a").svg()
    assert maker("a").svg() != maker("a").svg(pictures.NARROW)


def test_a_hostile_name_is_a_text_of_the_drawing_and_no_formula(maker: Callable[[str], Picture]) -> None:
    for width in (pictures.WIDE, pictures.NARROW):
        svg = maker(HOSTILE).svg(width)
        assert BeautifulSoup(svg, "html.parser").select("script, a, image, foreignObject") == []
        assert "\u202e" not in svg
    assert "<script" not in maker(HOSTILE)._repr_html_()


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [*pictures.SERIES, pictures.RED])
def test_areas_can_be_told_from_light_and_dark_grounds_and_white_text_can_be_read_on_them(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 4.5
    assert min(contrast(colour, dark) for dark in ("#14151d", "#111111")) >= 3


def test_a_page_has_a_wide_and_a_narrow_drawing(
    monkeypatch: pytest.MonkeyPatch, maker: Callable[[str], Picture]
) -> None:
    monkeypatch.setattr(notebook_run, "received", [notebook_run.NotebookRun()])
    [data] = maker("a")._repr_mimebundle_().values()
    assert (data["wide"], data["narrow"]) == (maker("a").svg(), maker("a").svg(pictures.NARROW))


def test_without_matplotlib_a_picture_is_its_title_a_sentence_and_its_numbers(
    monkeypatch: pytest.MonkeyPatch, maker: Callable[[str], Picture]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = BeautifulSoup(maker("a")._repr_html_(), "html.parser")
    assert "The picture needs matplotlib, which is not installed." in page.get_text()
    assert page.select("svg") == []
    assert page.select("details table td")
