"""TeX that nobody vouches for: formulas that people write are drawn, and nothing links, styles, names or moves."""

from __future__ import annotations

import re
import sys

import pytest
from hostile_texts import MANY, Reader
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.safety.html import FORMULA_TAGS, FORMULA_VALUES, sanitize_html
from kosmo_kernel.safety.markdown import MAX_LATEX_LENGTH, sanitize_latex, sanitize_markdown
from kosmo_kernel.safety.text import UnsafeContentError

pytest.importorskip("latex2mathml", reason="latex2mathml is not installed")

FORMULAS = {
    r"$\frac{a}{b} + \dfrac12$": "a/b+1/2",
    r"$$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$$": "∑",
    r"$$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$$": "mtable",
    r"\begin{align} x &= 1 \\ y &= 2 \end{align}": "mtable",
    r"$$f(x) = \begin{cases} 1 & \text{if } x \ge 0 \\ 0 & \text{otherwise} \end{cases}$$": "otherwise",
    r"$\alpha\beta\Gamma\varepsilon \in \mathbb{R}^n, \mathcal{L}, \boldsymbol\theta, \mathrm{d}x$": "\u211d",
    r"$\left( \frac{x}{y} \right] \lVert v \rVert$": "stretchy",
    r"$\sqrt[3]{x^2 + \sqrt{y}} \ \, \; \quad$": "mroot",
    r"$\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt\pi}{2} \cancel{x}$": "∫",
    r"\(a \to b\) and \[c \mapsto d\]": "→",
}
COMMANDS_THAT_REACH_OUT = [
    *("mmlToken", "DeclarePairedDelimiter", "style", "class", "cssId", "href", "url", "data", "htmlClass", "htmlStyle"),
    *("htmlData", "htmlId", "require", "unicode", "bbox", "enclose", "toggle", "mathtip", "texttip", "def", "gdef"),
    *("let", "newcommand", "newenvironment", "csname", "includegraphics", "input", "rule", "Rule", "Space", "raise"),
    *("lower", "moveleft", "moveright", "llap", "rlap", "color", "colorbox", "ref", "eqref", "label", "verb"),
]
ATTRIBUTES = {*FORMULA_VALUES}


def elements(markup: str) -> list[tuple[str, dict[str, str | None]]]:
    return Reader(markup).tags


@pytest.mark.parametrize(("formula", "part"), FORMULAS.items())
def test_formulas_that_people_write_are_drawn(formula: str, part: str) -> None:
    made = sanitize_latex(formula)
    assert made.startswith("<math")
    assert "code" not in {tag for tag, _ in elements(made)}
    if part == "a/b+1/2":
        assert made.count("<mfrac>") == 2
    else:
        assert part in made


def test_markdown_draws_formulas_and_html_shows_their_source() -> None:
    assert "<mfrac>" in sanitize_markdown(r"a half, $\frac12$, it is")
    assert "<mtable" in sanitize_markdown("$$\n\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}\n$$")
    assert "<math" not in sanitize_html(r"$\frac12$")


@pytest.mark.claim("display-formulas")
@pytest.mark.parametrize("name", COMMANDS_THAT_REACH_OUT)
@pytest.mark.parametrize("argument", ["{javascript:x}{y}", "[javascript:x]{y}", " x", "{color:red;position:fixed}{y}"])
def test_no_command_links_styles_or_names(name: str, argument: str) -> None:
    for made in (sanitize_latex(rf"$\{name}{argument}$"), sanitize_markdown(rf"$\{name}{argument}$")):
        for tag, attributes in elements(made):
            assert tag in FORMULA_TAGS | {"code", "span", "p", "div"}
            assert set(attributes) <= ATTRIBUTES | {"class"}
            assert attributes.get("class", "tex2jax_ignore mathjax_ignore") == "tex2jax_ignore mathjax_ignore"


@pytest.mark.parametrize("length", ["-3em", "999em", "99999999999in", "1e9em", "100%", "9cm;color:red"])
@pytest.mark.parametrize("command", [r"\hspace{LENGTH}", r"\kern LENGTH x", r"\mspace{LENGTH}", r"\\[LENGTH] x"])
def test_no_length_covers_what_is_around_a_formula(command: str, length: str) -> None:
    for _, attributes in elements(sanitize_latex(f"${command.replace('LENGTH', length)}$")):
        for value in attributes.values():
            assert not re.search(r"-\d|\d{3}|%|;", str(value))


@pytest.mark.parametrize("formula", [r"\sqrt{", r"\frac", r"\begin{x}", "}", r"\left(", "x^2_"])
def test_a_formula_with_a_mistake_is_shown_as_its_source(formula: str) -> None:
    made = sanitize_latex(f"${formula}$")
    assert made.startswith(("<code>", "<math"))
    assert sanitize_markdown(f"a ${formula}$ b").startswith(("<p>a ", '<div class="tex2jax_ignore'))


def test_without_the_library_a_formula_is_shown_as_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert sanitize_latex("$a < b$") == "<code>a &lt; b</code>"
    assert sanitize_markdown("is $a < b$ so") == "<p>is <code>a &lt; b</code> so</p>\n"


@pytest.mark.parametrize("group", ["{", r"\sqrt{", r"\frac{1}{", "x^{"])
def test_groups_that_are_nested_too_deep_are_not_shown(group: str) -> None:
    for levels in (200, 5_000):
        with pytest.raises(UnsafeContentError, match=r"nested so deep|in each other"):
            sanitize_latex(f"${group * levels}x{'}' * levels}$")


def test_long_latex_is_not_shown() -> None:
    with pytest.raises(UnsafeContentError, match="too many"):
        sanitize_latex("x" * (MAX_LATEX_LENGTH + 1))


PIECES = [
    *(
        "\\",
        "\\\\",
        "$",
        "{",
        "}",
        "style",
        "href",
        "mmlToken",
        "alpha",
        "text",
        "begin{matrix}",
        "end{matrix}",
        "&",
        "@",
    ),
    *(
        "%",
        "\n",
        "^",
        "_",
        "<script>",
        "&lt;b&gt;",
        '"',
        "'",
        "onclick=x",
        "\x1b[m",
        "\x00",
        " ",
        "1",
        "x",
        "color",
        "#",
    ),
]


@pytest.mark.claim("display-formulas")
@MANY
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_only_elements_and_attributes_of_the_lists_are_written(source: str) -> None:
    try:
        made = sanitize_latex(source)
    except UnsafeContentError:
        return
    for tag, attributes in elements(made):
        assert tag in FORMULA_TAGS | {"code", "span"}
        assert set(attributes) <= ATTRIBUTES
