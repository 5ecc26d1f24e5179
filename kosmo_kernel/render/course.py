"""Draw the course of a number over days, for a notebook and its page.

The chart is HTML with an inline drawing, which takes its colours and its font from the page around it, light or dark.
Its title is a sentence with the change, and the first, the highest and the last number stand beside their points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from kosmo_kernel.safety.escape import Html, box, html_attribute, without_delimiters

_COLOUR = "var(--jp-brand-color1,var(--vscode-charts-purple,#7a5fd0))"
_CHART = Html(
    '<div style="max-width:640px;margin:0 0 16px;font-size:13px;line-height:1.35">'
    '<div style="font-size:14px;font-weight:600">{}</div>'
    '<div style="position:relative;height:72px;margin:32px 48px 4px">'
    '<svg viewBox="0 0 100 100" preserveAspectRatio="none" style="width:100%;height:100%;overflow:visible">'
    '<polyline points="{}" fill="none" stroke-width="2" vector-effect="non-scaling-stroke" '
    f'style="stroke:{_COLOUR}"></polyline></svg>{{}}</div>'
    '<div style="display:flex;justify-content:space-between;margin:0 16px"><span>{}</span><span>{}</span></div></div>'
)
_POINT = Html(
    '<span style="position:absolute;{};transform:translate(-50%,-130%)">{}</span>'
    '<span style="position:absolute;{};width:7px;height:7px;border-radius:50%;'
    f'transform:translate(-50%,-50%);background:{_COLOUR}"></span>'
)
_APART = 1 / 8  # of the width, which the highest point is from the first and the last one to have its number beside it


class Course:
    """The course of a number over days, which renders itself."""

    def __init__(self, days: Sequence[str], values: Sequence[float], what: str, form: str = "{:,.0f}") -> None:
        """Keep the course.

        Parameters:
            days: two days or more, in order: `2026-11-20`.
            values: the number on each of them.
            what: what it is, as a part of the title: "a month cost".
            form: the format of the number.
        """
        self.days, self.values, self._what, self._form = list(days), list(map(float, values)), what, form

    @property
    def title(self) -> str:
        """Say what the number was on the last day, and how it changed."""
        first, last = self.values[0], self.values[-1]
        more = f"{self._form.format(abs(last - first))} {'more' if last > first else 'less'} than"
        change = more if last != first else "as"
        return f"On {self.days[-1]} {self._what} {self._form.format(last)}, {change} on {self.days[0]}"

    @property
    def labels(self) -> dict[int, str]:
        """The numbers that stand beside their points, by the index of the day."""
        places, top = self._places(), self.values.index(max(self.values))
        shown = {0, len(self.days) - 1}
        if min(places[top], 1 - places[top]) > _APART:
            shown.add(top)
        return {index: self._form.format(self.values[index]) for index in sorted(shown)}

    def _places(self) -> list[float]:
        """Return where each day is between the first one, at 0, and the last one, at 1."""
        days = [date.fromisoformat(day).toordinal() for day in self.days]
        return [(day - days[0]) / max(days[-1] - days[0], 1) for day in days]

    def __repr__(self) -> str:
        return self.title

    def _repr_html_(self) -> Html:
        lowest, highest = min(self.values), max(self.values)
        points = [
            (round(place * 100, 1), round(100 - (value - lowest) / ((highest - lowest) or 1) * 100, 1))
            for place, value in zip(self._places(), self.values, strict=True)
        ]
        line = " ".join(f"{x},{y}" for x, y in points)
        positions = [f"left:{x}%;top:{y}%" for x, y in points]
        labels = Html("").join(
            _POINT.format(html_attribute(positions[index]), text, html_attribute(positions[index]))
            for index, text in self.labels.items()
        )
        chart = _CHART.format(self.title, html_attribute(line), labels, self.days[0], self.days[-1])
        return box(without_delimiters(chart))
