"""The colours of all pages: whether each text can be read on its ground."""

from __future__ import annotations

import re

import pytest

from kosmo_kernel.pages.design import MAX_OPEN_ROWS, style_sheets

THEMES = dict(
    zip(("light", "dark", "paper"), re.findall(r":root \{(.*?)\}", style_sheets("colours"), re.DOTALL), strict=True)
)
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
    pairs += [("warn", "warn-ground"), ("ink", "bar")]
    weak = {pair for pair in pairs if contrast(*(colours.get(name, "") for name in pair)) < 4.5}
    assert weak == set()


def test_the_style_folds_the_rows_after_those_that_are_open() -> None:
    assert f"tr:nth-child(n+{MAX_OPEN_ROWS + 1}) {{ display: none; }}" in style_sheets("page")
