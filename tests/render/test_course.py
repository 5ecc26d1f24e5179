"""The course of a number over days, as a chart."""

from __future__ import annotations

import re

import pytest

from kosmo_kernel.render.page_parts import Course

DAYS = ["2026-11-01", "2026-11-11", "2026-11-21"]


@pytest.mark.parametrize(
    ("values", "title", "labels"),
    [
        ([10, 30, 20], "On 2026-11-21 it was 20, 10 more than on 2026-11-01", ["10", "30", "20"]),
        ([30, 20, 10], "On 2026-11-21 it was 10, 20 less than on 2026-11-01", ["30", "10"]),
        ([5, 5, 5], "On 2026-11-21 it was 5, as on 2026-11-01", ["5", "5"]),
    ],
)
def test_the_title_says_the_change_and_the_ends_and_the_top_have_numbers(
    values: list[float], title: str, labels: list[str]
) -> None:
    course = Course(DAYS, values, "it was")
    assert (course.title, repr(course), list(course.labels.values())) == (title, title, labels)


def test_points_are_where_their_day_and_their_number_are() -> None:
    html = Course(["2026-11-01", "2026-11-02", "2026-11-11"], [0, 5, 10], "it was")._repr_html_()
    assert re.findall('points="(.*?)"', html) == ["0.0,100.0 10.0,50.0 100.0,0.0"]
    assert "<script" not in html


def test_the_colours_are_those_of_the_page_and_a_title_with_two_prices_is_no_formula() -> None:
    html = Course(DAYS, [10, 30, 20], "a <month> cost", "${:,.0f}")._repr_html_()
    assert set(re.findall(r"(?:stroke|background):(var\(--[\w-]+)", html)) == {"var(--jp-brand-color1"}
    assert "a &lt;month&gt; cost" in html
    assert "$20, $10 more" not in html
