"""TeX that nobody vouches for: formulas that people write stay as they are, and nothing else stays a command."""

from __future__ import annotations

import re
import time

import pytest
from hostile_texts import MANY
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.safety import UnsafeContentError, sanitize_html, sanitize_latex, sanitize_markdown
from kosmo_kernel.safety.tex import COMMANDS, JOINER, MAX_DEPTH, MAX_LENGTH
from kosmo_kernel.safety.text import MAX_MARKUP_LENGTH

FORMULAS = [
    r"$\frac{a}{b} + \dfrac12$",
    r"$$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$$",
    r"$$\begin{pmatrix} a & b \\ c & d \end{pmatrix} \begin{bmatrix} 1 \\[2pt] 3 \\[-.5em] 5 \end{bmatrix}$$",
    r"\begin{align} x &= 1 \\ y &= 2 \tag{7} \end{align}",
    r"$$f(x) = \begin{cases} 1 & \text{if } x \ge 0 \\ 0 & \text{otherwise} \end{cases}$$",
    r"$\alpha\beta\Gamma\varepsilon \in \mathbb{R}^n, \mathcal{L}, \boldsymbol\theta, \mathrm{d}x$",
    r"$\left( \frac{x}{y} \right] \bigl\langle a \bigr\rangle \lVert v \rVert$",
    r"$\sqrt[3]{x^2 + \sqrt{y}} \ \, \; \: \! \quad \hspace{2em} \kern3pt \mkern 3mu$",
    r"$$\begin{array}{c|cc} a & b & c \\ \hline d & e & f \end{array}$$",
    r"$\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt\pi}{2} \xrightarrow[n]{k} \operatorname*{argmax}_x \cancel{x}$",
    r"$$\begin{alignat}{2} x &= 1 & \qquad y &= 2 \end{alignat}$$",
    r"\(a \to b\) and \[c \mapsto d\], 5\$ \% \& \_ \# \{ \}",
]
COMMANDS_THAT_REACH_OUT = [
    *("mmlToken", "DeclarePairedDelimiterXPP", "DeclarePairedDelimiter", "DeclarePairedDelimiterX", "style", "class"),
    *("cssId", "href", "url", "data", "htmlClass", "htmlStyle", "htmlData", "htmlId", "require", "unicode", "bbox"),
    *("enclose", "toggle", "mathtip", "texttip", "def", "gdef", "let", "newcommand", "newenvironment", "csname"),
    *(
        "mathtoolsset",
        "newtagform",
        "setOptions",
        "includegraphics",
        "input",
        "rule",
        "Rule",
        "Space",
        "raise",
        "lower",
    ),
    *("moveleft", "moveright", "llap", "rlap", "clap", "mathllap", "mathrlap", "huge", "Huge", "LARGE", "pmb", "color"),
    *("colorbox", "ref", "eqref", "label", "verb", "above", "genfrac", "abovewithdelims", "skew", "shoveleft", "ce"),
    *("underbracket", "framebox", "newline", "textStyle", "Alpha", "STYLE", "everymath", "write", "openin"),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_that_people_write_stay_as_they_are(formula: str) -> None:
    assert sanitize_latex(formula) == formula
    assert sanitize_html(formula.replace("&", "&amp;")) == formula.replace("&", "&amp;")
    assert sanitize_markdown(formula) == formula


@pytest.mark.parametrize("name", COMMANDS_THAT_REACH_OUT)
def test_a_command_that_does_more_than_draw_is_none(name: str) -> None:
    assert sanitize_latex(rf"$\{name}{{x}}$") == rf"$\{JOINER}{name}{{x}}$"
    assert sanitize_html(rf"$\{name}{{x}}$") == rf"$\{JOINER}{name}{{x}}$"
    assert sanitize_markdown(rf"$\{name}{{x}}$") == rf"$\{JOINER}{name}{{x}}$"
    assert sanitize_latex(rf"$\text{{$\{name}{{x}}$}}$") == rf"$\text{{$\{JOINER}{name}{{x}}$}}$"


@pytest.mark.parametrize(
    "command",
    [
        r"\begin{array}{@{\hspace{3em}}c}x\end{array}",
        r"\begin{array}{*{999999}{c}}x\end{array}",
        r"\begin{array}{p{999em}}x\end{array}",
        r"\begin{alignat}{99999999}x\end{alignat}",
        r"\begin {align}",
        r"\begin{ALIGN}",
        r"\begin{tabular}{c}x\end{tabular}",
        r"\begin{html}",
        r"\hspace{-3em}",
        r"\hspace{999em}",
        r"\hspace{99999999999in}",
        r"\kern-9em",
        r"\kern 100em",
        r"\mskip999mu",
        r"\tag{\text{x}}",
        r"\tag{$x$}",
        r"\cancel[padding=999em]{x}",
        r"\cr[999em]",
        r"\alpha@x",
    ],
)
def test_an_argument_that_asks_for_too_much_makes_its_command_none(command: str) -> None:
    assert sanitize_latex(command).startswith("\\" + JOINER + command[1:4])


@pytest.mark.parametrize("row", [r"\\[999em]", r"\\[-5em]", r"\\*[999em]", r"\\ [ + 999em]", r"\\[9999&#101;m]"])
def test_a_row_does_not_move_far_from_the_one_before(row: str) -> None:
    assert sanitize_latex(row) == row.replace("[", "[" + JOINER)


def test_sizes_and_styles_do_not_multiply_without_end() -> None:
    assert sanitize_latex(r"{\Large " * 9).count(JOINER) == 3
    assert sanitize_latex(r"\displaystyle " * 500).count(JOINER) == 400


@pytest.mark.parametrize("group", ["{", r"\left(", r"\begin{matrix}", r"\sqrt{"])
def test_groups_that_are_nested_too_deep_are_not_shown(group: str) -> None:
    assert sanitize_latex(f"${group * MAX_DEPTH}$")
    for shown in (sanitize_latex, sanitize_html, sanitize_markdown):
        with pytest.raises(UnsafeContentError, match="in each other"):
            shown(f"${group * (MAX_DEPTH + 1)}$")


def test_long_latex_is_not_shown() -> None:
    with pytest.raises(UnsafeContentError, match="too many"):
        sanitize_latex("x" * (MAX_LENGTH + 1))


@pytest.mark.full
@pytest.mark.parametrize(
    "unit", ["\\\\[", "\\\\[ ", " ", "\\hspace{ ", "\\begin{", "\\cancel ", "{}", "\\begin{array}{c", "$\\"]
)
@pytest.mark.parametrize("start", ["", "$\\\\[", "\\hspace{"])
def test_no_formula_takes_long(start: str, unit: str) -> None:
    source = start + unit * (MAX_MARKUP_LENGTH // 4 // len(unit))
    started = time.process_time()
    try:
        sanitize_markdown(source)
    except UnsafeContentError as error:
        assert "in each other" in str(error)  # noqa: PT017 - it is one way to be quick
    assert time.process_time() - started < 5


@MANY
@given(
    st.lists(
        st.sampled_from(
            ["\\", "\\\\", "$", "{", "}", "style", "mmlToken", "alpha", "@", "%", "\n", "^^5c", "\x1b[m", "\x00", " "]
        ),
        max_size=12,
    ).map("".join)
)
def test_every_command_that_is_left_is_one_of_the_list(source: str) -> None:
    assert {name for name in re.findall(r"\\([A-Za-z@]+)", sanitize_latex(source)) if len(name) > 1} <= COMMANDS


@pytest.mark.parametrize("text", [r"C:\Users\name\style", r"a \mmlToken and a price of $5"])
def test_html_without_formulas_keeps_its_backslashes(text: str) -> None:
    assert sanitize_html(text) == text
