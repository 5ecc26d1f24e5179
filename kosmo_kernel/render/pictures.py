"""Draw pictures with matplotlib, in the colours of the page or the notebook around them, light or dark.

    from kosmo_kernel.render import pictures

    pictures.over_time(frame, "a month cost", "${:,.0f}")   a number over days, by what makes it up
    pictures.by_day(frame, "releases")                      how many on each day
    pictures.days_left(frame, "team")                       days of things on a line, by group
    pictures.shares(frame, "dynos")                         counts of each thing, by state
    pictures.matrix(frame, levels)                          a word where two things meet

A picture has a title, which is a sentence, a drawing for a wide page and one for a narrow one, and its numbers as a
table. The drawings are SVG: matplotlib escapes their texts, which have the font of the page. Its colours for text and
lines stand for variables of the page; those of areas have a contrast of 3 to a light and to a dark ground, and of 4.5
to white text on them. Without matplotlib a picture is its title, a sentence that says so, and its numbers.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kosmo_kernel.render.page_parts import whole_table
from kosmo_kernel.render.tables import PAGE_DATA, Table
from kosmo_kernel.safety.markup import Html, box, clean, html_attribute, html_of_drawing
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.text import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDE, NARROW = 720, 340  # pixels
MAX_THINGS = 30  # rows of a picture; the table has all
_MAX_SERIES = 6
_MAX_LABEL = 34  # characters
_PIXELS = 72  # of an inch, so that a point is a pixel
INK, SOFT, LINE = "#010101", "#020202", "#030303"
_VARIABLES = {
    INK: "var(--jp-content-font-color1,currentColor)",
    SOFT: "var(--jp-content-font-color2,currentColor)",
    LINE: "var(--jp-border-color2,rgba(128,128,128,.4))",
}
PURPLE, GREEN, ORANGE, BLUE, PINK, GREY, RED = (
    *("#7965b0", "#177f6e", "#a75f21", "#3b74b0"),
    *("#b0507e", "#6e7080", "#c14945"),
)
SERIES = (PURPLE, GREEN, ORANGE, BLUE, PINK, GREY)
_STATES = {"crashed": RED, "down": ORANGE, "starting": PINK, "idle": GREY, "up": GREEN}
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "font.size": 12,
    "axes.titlesize": 12,
    "figure.dpi": _PIXELS,
}
_FIGURE = Html(
    '<div class="picture"><div style="font-size:14px;font-weight:600">{}</div>{}'
    '<details><summary style="cursor:pointer">The numbers</summary>{}</details></div>'
)
_PAGE_FIGURE = Html(
    '<figure class="picture"><figcaption>{}</figcaption>{}'
    "<details><summary>The numbers</summary>\n{}</details></figure>\n"
)
_DRAWING = Html('<div role="img" aria-label="{}" class="{}" style="max-width:720px">{}</div>')
_NOTE = Html('<p class="cut">{}</p>')
_SVG = re.compile(r"<svg\b.*</svg>", re.DOTALL)
_NOT_NEEDED = re.compile(r"<metadata>.*?</metadata>|<style\b.*?</style>|<!--.*?-->", re.DOTALL)
_ID = re.compile(r'<(g|text)( [^<>]*?)? ?id="[^"]*"')
_FAMILY = re.compile(r"""(font: [\d.]+px) [^;"]*|font-family: [^;"]*; """)
_SIZE = re.compile(r'(?<=<svg )([^>]*?)width="[^"]*" height="[^"]*"')
_FORMULA = str.maketrans({"$": "\N{FULLWIDTH DOLLAR SIGN}", "\\": "\N{FULLWIDTH REVERSE SOLIDUS}"})

Draw = Callable[["Axes", bool], None]


class PictureData(Struct, frozen=True, tag="picture"):
    """A picture as JSON values, from which `kosmo run --html` makes one of its page."""

    title: str
    alt: str  # what it shows, in words
    wide: str  # the drawing for a wide page, as SVG; empty without matplotlib
    narrow: str
    numbers: Table
    series: Sequence[str]  # the names of columns of numbers that are names of things, such as teams

    def page_html(self) -> Html:
        """Return the picture for a page, which shows the drawing that fits."""
        drawings = _drawing(self.wide, self.alt, "wide-drawing")
        drawings += _drawing(self.narrow, self.alt, "narrow") if self.narrow else Html()
        return _PAGE_FIGURE.format(self.title, drawings, whole_table(self.numbers, series=self.series))


def _drawing(svg: str, alt: str, name: str) -> Html:
    """Return a drawing with its alternative text, or a sentence if there is no drawing."""
    if not svg:
        return _NOTE.format(f"The picture needs matplotlib, which is not installed. {how_to_install('plots')}")
    return _DRAWING.format(html_attribute(alt), html_attribute(name), html_of_drawing(svg))


class Picture:
    """A picture that renders itself.

    Parameters:
        title: a sentence.
        alt: what it shows, in words.
        frame: its numbers.
        rows: how many rows it has, or 0 for one of a fixed height.
        draw: draws on axes; called with whether they are wide.
        series: the columns of numbers whose names are names of things, such as teams.
    """

    def __init__(
        self, title: str, alt: str, frame: pd.DataFrame, rows: int, draw: Draw, *, series: Sequence[str] = ()
    ) -> None:
        self.title, self.alt, self.frame, self.series = title, alt, frame, series
        self._rows, self._draw = rows, draw

    def __repr__(self) -> str:
        return self.title

    def _repr_html_(self) -> Html:
        from kosmo_kernel.render.frames import KosmoFrame

        drawing = _drawing(self.svg(), self.alt, "wide-drawing")
        return box(_FIGURE.format(self.title, drawing, KosmoFrame(self.frame)._repr_html_()))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if not notebook_run():
            return {}
        import msgspec

        from kosmo_kernel.render.frames import table_of_frame

        table = table_of_frame(self.frame, len(self.frame))
        data = PictureData(self.title, self.alt, self.svg(), self.svg(NARROW), table, self.series)
        return {PAGE_DATA: {**msgspec.to_builtins(data, enc_hook=str), "numbers": table.data()}}

    def svg(self, width: int = WIDE) -> str:
        """Return the drawing as SVG, or an empty text if matplotlib is not installed."""
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError:
            return ""
        height = 28 * self._rows + 44 if self._rows else 200
        with rc_context(_STYLE | {"svg.hashsalt": f"{self.title}{width}"}), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own font lacks letters that the font of the page may have
            figure = Figure(figsize=(width / _PIXELS, height / _PIXELS), layout="constrained")
            figure.patch.set_alpha(0)
            axes = figure.add_subplot()
            axes.patch.set_alpha(0)
            self._draw(axes, width == WIDE)
            written = io.StringIO()
            figure.savefig(written, format="svg", metadata={"Date": None})
        return _clean_svg(written.getvalue())


def _clean_svg(text: str) -> str:
    """Return what matplotlib wrote as an element of a page: without names, fonts and styles of its own."""
    [svg] = _SVG.findall(text)
    svg = _ID.sub(r"<\1\2", _NOT_NEEDED.sub("", svg))
    svg = _FAMILY.sub(lambda family: (family[1] or "").replace("font:", "font-size:"), svg)
    svg = _SIZE.sub(r'\1style="display:block;width:100%;height:auto"', svg, count=1)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return re.sub(r"\n\s*", "\n", svg)


def over_time(frame: pd.DataFrame, what: str, form: str = "{:,.0f}") -> Picture:
    """Return the course of a number, in areas on top of each other.

    Parameters:
        frame: a column `day`, in order, and a column for each part; of many parts the smaller ones are one.
        what: what the sum is, as a part of the title: "a month cost".
        form: the format of the number.
    """
    parts = frame.drop(columns="day").fillna(0)
    parts = parts[parts.iloc[-1].sort_values(ascending=False, kind="stable").index]
    if parts.shape[1] > _MAX_SERIES:
        others = parts.iloc[:, _MAX_SERIES - 1 :].sum(axis="columns")
        parts = parts.iloc[:, : _MAX_SERIES - 1].assign(others=others)
    sums = parts.sum(axis="columns")
    first, last = float(sums.iloc[0]), float(sums.iloc[-1])
    days = [str(day) for day in frame["day"]]
    more = (
        f"{form.format(abs(last - first))} {'more' if last > first else 'less'} than on" if last != first else "as on"
    )
    title = f"On {days[-1]} {what} {form.format(last)}, {more} {days[0]}"

    def draw(axes: Axes, is_wide: bool) -> None:
        positions = [date.fromisoformat(day).toordinal() for day in days]
        axes.stackplot(positions, *(parts[name] for name in parts), colors=SERIES, linewidth=0)
        axes.set_xlim(positions[0], positions[-1])
        axes.set_xticks([positions[0], positions[-1]], [days[0], days[-1]])
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.set_ylim(0, float(sums.max()) * 1.12)
        axes.yaxis.set_major_locator(_integer_ticks(4))
        axes.yaxis.set_major_formatter(lambda value, _: form.format(value))
        axes.spines["left"].set_visible(False)
        labels = [_label(name, 28 if is_wide else 20) for name in parts]
        if len(labels) > 1:
            axes.figure.legend(axes.collections[::-1], labels[::-1], **_legend("right" if is_wide else "lower", 2))

    series = [str(name) for name in frame.columns if name != "day"]
    alt = f"{title}, as areas by {listed_names(parts)}."
    return Picture(title, alt, frame, 0, draw, series=series if len(series) > 1 else ())


def by_day(frame: pd.DataFrame, what: str) -> Picture:
    """Return how many things there were on each day.

    Parameters:
        frame: the columns `day` and `count`, in order of the days.
        what: the things: "releases".
    """
    counts = [int(count) for count in frame["count"]]
    busiest = frame["day"].iloc[counts.index(max(counts))]
    title = f"{sum(counts):,} {what} in {counted(len(frame), 'day')}, {max(counts):,} of them on {busiest}"

    def draw(axes: Axes, is_wide: bool) -> None:
        axes.bar(range(len(frame)), counts, color=PURPLE, width=0.8)
        ends = sorted({0, len(frame) - 1})
        axes.set_xticks(ends, [str(frame["day"].iloc[end]) for end in ends])
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.yaxis.set_major_locator(_integer_ticks(4))
        axes.spines["left"].set_visible(False)
        axes.set_xlim(-0.6, len(frame) - 0.4)

    return Picture(title, f"{title}, as a bar for each day.", frame, 0, draw)


def days_left(frame: pd.DataFrame, what: str, title: str, *, near: float) -> Picture:
    """Return things with a day as dots on a line of days, a line for each group of them.

    Things of one group and day share a dot, with their number above it.

    Parameters:
        frame: the columns `group` and `days`, in the order of the lines; further ones are in the table of numbers.
        what: what a line is of: "team".
        title: the title, a sentence.
        near: dots up to this number of days are in the colour of a warning.
    """
    groups = list(dict.fromkeys(str(group) for group in frame["group"]))[:MAX_THINGS]
    dots = Counter(zip(map(str, frame["group"]), map(int, frame["days"]), strict=True))

    def draw(axes: Axes, is_wide: bool) -> None:
        for row, name in enumerate(groups):
            own = {days: count for (group, days), count in dots.items() if group == name}
            axes.axhline(row, color=LINE, linewidth=1, zorder=0)
            axes.scatter([*own], [row] * len(own), s=90, color=[RED if days <= near else BLUE for days in own])
            for days, count in own.items():
                if count > 1:
                    axes.annotate(f"{count:,}", (days, row), (0, 7), textcoords="offset points", ha="center", color=INK)
        _name_rows(axes, groups, is_wide=is_wide)
        axes.set_xlim(min(0, *(days for _, days in dots)) - 1)
        axes.xaxis.set_major_locator(_integer_ticks(8 if is_wide else 4))
        axes.axvline(near, color=LINE, linestyle=":", zorder=0)
        axes.set_xlabel("days left")

    return Picture(title, f"{title}, as dots on a line of days for each {what}.", frame, len(groups) + 1, draw)


def shares(frame: pd.DataFrame, what: str, title: str) -> Picture:
    """Return counts of each thing, as parts of one bar.

    Parameters:
        frame: an index of names, and a column for each state with the count.
        what: what is counted: "dynos".
        title: the title, a sentence.
    """
    visible = frame.head(MAX_THINGS)

    def draw(axes: Axes, is_wide: bool) -> None:
        ends: list[float] = [0.0] * len(visible)
        drawn: list[Any] = []
        for index, state in enumerate(visible.columns):
            counts = [float(count) for count in visible[state]]
            colour = _STATES.get(str(state), SERIES[index % len(SERIES)])
            drawn.append(axes.barh(range(len(visible)), counts, left=ends, color=colour, height=0.62))
            numbers = [f"{count:,.0f}" if count else "" for count in counts]
            axes.bar_label(drawn[-1], numbers, label_type="center", color="white")
            ends = [end + count for end, count in zip(ends, counts, strict=True)]
        _name_rows(axes, [str(name) for name in visible.index], is_wide=is_wide)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        labels = [_label(state, 20) for state in visible.columns]
        axes.figure.legend(drawn, labels, **_legend("upper", len(labels) if is_wide else 3))

    alt = f"{title}, as a bar for each, in parts by {listed_names(frame)}."
    return Picture(title, alt, frame.reset_index(), len(visible) + 1, draw)


def matrix(frame: pd.DataFrame, levels: Sequence[str], title: str) -> Picture:
    """Return words where two things meet, in a colour that is the stronger the later the word stands in `levels`.

    Parameters:
        frame: an index of names, a column for each other name, and a word or an empty text in each place.
        levels: the words.
        title: the title, a sentence.
    """
    visible = frame.iloc[:MAX_THINGS, :MAX_THINGS]

    def draw(axes: Axes, is_wide: bool) -> None:
        columns = visible.shape[1]
        has_words = is_wide and columns <= 12
        for row, name in enumerate(visible.index):
            for column, other in enumerate(visible.columns):
                word = str(visible.loc[name, other] or "")
                if word not in levels:
                    continue
                strength = 0.1 + 0.6 * levels.index(word) / max(len(levels) - 1, 1)
                axes.barh(row, 0.94, left=column + 0.03, height=0.86, color=PURPLE, alpha=strength)
                text = word if has_words else word[:1].upper()
                axes.text(column + 0.5, row, text, ha="center", va="center", fontsize=10, color=INK)
        names, side = (
            [_label(other, 30 if is_wide else 16) for other in visible.columns],
            "left" if is_wide else "center",
        )
        angle = 40 if is_wide else 90
        axes.set_xticks([index + 0.5 for index in range(columns)], names, rotation=angle, ha=side, fontsize=10)
        axes.xaxis.tick_top()
        if not has_words:
            axes.text(0, len(visible) + 0.2, ", ".join(f"{word[:1].upper()} {word}" for word in levels), fontsize=10)
        axes.set_xlim(0, columns)
        _name_rows(axes, [str(name) for name in visible.index], is_wide=is_wide)
        for spine in axes.spines.values():
            spine.set_visible(False)

    alt = f"{title}, as a matrix with the words {', '.join(levels)}."
    return Picture(title, alt, frame.reset_index(), len(visible) + 4, draw)


def listed_names(frame: pd.DataFrame) -> str:
    """Return the names of the columns, for a sentence."""
    return ", ".join(str(name) for name in frame.columns)


def _name_rows(axes: Axes, names: Sequence[str], *, is_wide: bool) -> None:
    """Name the rows of a picture, the first one on top."""
    axes.set_yticks(range(len(names)), [_label(name, _MAX_LABEL if is_wide else 18) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)


def _legend(side: str, columns: int) -> dict[str, Any]:
    """Return how a legend is drawn beside, above or below the axes."""
    is_right = side == "right"
    where = "outside right center" if is_right else f"outside {side} left"
    return {"loc": where, "ncols": 1 if is_right else columns, "frameon": False, "labelcolor": INK, "handlelength": 1}


def _integer_ticks(count: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count, integer=True)


def _label(name: object, length: int) -> str:
    """Return a name as a text of a drawing: on one line, and no formula."""
    text = shortened(clean(str(name)).replace("\n", " "), length)
    return text.translate(_FORMULA) if text.count("$") > 1 or "\\" in text else text
