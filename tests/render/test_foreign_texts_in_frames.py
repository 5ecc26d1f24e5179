"""What others wrote in records runs nothing and controls nothing, whichever way pandas shows the frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.values.records import Records

TEXT = "<img src=x onerror=alert(1)>\x1b[31m&$x$"
RECORD = {"name": TEXT, "size": 1, TEXT: "label", "items": [TEXT], "more": {"deep": [{"a": TEXT}]}}


@pytest.fixture
def frame() -> KosmoFrame:
    frame = frame_of(Records([RECORD, RECORD | {"size": 2, "name": "plain"}]))
    frame.index.name = frame.columns.name = TEXT
    return frame


Way = Callable[[KosmoFrame], Any]
FRAMES: dict[str, Way] = {
    "itself": lambda frame: frame,
    "transposed": lambda frame: frame.T,
    "grouped": lambda frame: frame.groupby("name").size().to_frame(),
    "aggregated": lambda frame: frame.groupby("name").agg({"size": "sum"}),
    "described": lambda frame: frame.describe(include="all"),
    "a described column": lambda frame: frame["name"].describe().to_frame(),
    "indexed": lambda frame: frame.set_index("name"),
    "indexed twice": lambda frame: frame.set_index(["name", "size"]),
}
STYLES: dict[str, Way] = {
    "plain": lambda frame: frame.style,
    "format": lambda frame: frame.style.format(lambda value: value),
    "precision": lambda frame: frame.style.format(precision=1, na_rep="-"),
    "labels": lambda frame: frame.style.format_index(lambda label: label, axis=1).format_index(axis=0),
    "names of levels": lambda frame: frame.style.format_index_names(lambda name: name),
    "colours": lambda frame: frame.style.highlight_null().hide(axis="index").set_caption("Apps"),
}


def is_safe(shown: str) -> bool:
    return "<img" not in shown and "\x1b" not in shown


@pytest.mark.claim("display-tables")
@pytest.mark.parametrize("way", FRAMES.values(), ids=FRAMES)
def test_a_frame_and_its_style_show_texts_of_others_as_text(frame: KosmoFrame, way: Way) -> None:
    shown = way(frame)
    assert isinstance(shown, KosmoFrame)
    assert is_safe(shown._repr_html_())
    assert is_safe(shown.style.to_html())
    assert is_safe(shown.to_html())
    assert "\x1b" not in repr(shown) + shown.to_string()


@pytest.mark.claim("display-tables")
@pytest.mark.parametrize("way", STYLES.values(), ids=STYLES)
def test_a_style_escapes_whatever_is_formatted(frame: KosmoFrame, way: Way) -> None:
    assert is_safe(way(frame).to_html())
    assert is_safe(way(frame)._repr_html_())


def test_a_frame_and_its_style_are_written_to_a_file_as_they_are_returned(frame: KosmoFrame, tmp_path: Path) -> None:
    for write in (frame.to_html, partial(frame.style.to_html, table_uuid="x")):
        file, path = StringIO(), tmp_path / "frame.html"
        write(file)
        write(path, encoding="utf-16")
        assert file.getvalue() == write()
        assert "&lt;img" in file.getvalue()
        assert path.read_text("utf-16").splitlines()[-3:] == file.getvalue().splitlines()[-3:]


def test_markup_of_ones_own_is_shown_on_request(frame: KosmoFrame) -> None:
    bold = frame[["name"]].style.format(lambda name: f"<b>{name}</b>")
    assert "<b>&lt;img" in bold.to_html()
    assert "<img" in frame.style.format(escape=None).to_html()


@pytest.mark.claim("display-terminal")
def test_a_column_shows_control_characters_as_escapes(frame: KosmoFrame) -> None:
    assert "\\u001b[31m" in repr(frame["name"])
    assert "\x1b" not in repr(frame["name"]) + repr(frame["name"].describe()) + frame["name"].to_string()


def test_the_statistics_are_those_of_pandas(frame: KosmoFrame) -> None:
    plain = pd.DataFrame({"size": [1, 2]})
    assert frame[["size"]].describe()["size"].tolist() == plain.describe()["size"].tolist()
    assert frame["size"].describe().tolist() == plain["size"].describe().tolist()
