"""Nothing that is shown is built of untrusted text without a gate of `safety`."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter, methodcaller
from pathlib import Path

import pytest
from repository import ROOT
from untrusted_text import attributes_in_template, findings

from kosmo_kernel.render.display import bundle_from
from kosmo_kernel.safety.markup import Html, html_attribute, html_code

PACKAGE = ROOT / "kosmo_kernel"
GATES = {"safety", "reader/documents.py"}
ANOTHER_PROGRAM = "demo"  # services of their own, whose answers are untrusted
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if ANOTHER_PROGRAM not in path.parts
    and GATES.isdisjoint((path.relative_to(PACKAGE).parts[0], path.relative_to(PACKAGE).as_posix()))
]


@pytest.mark.claim("display-gates")
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_shown_is_built_of_literals_and_of_what_a_gate_returned(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    assert not findings(path.read_text(encoding="utf-8"), name)


@pytest.mark.parametrize(
    "source",
    [
        'f"<b>{name}</b>"',
        '"<b>" + name',
        'name + "</b>"',
        '"<b>%s</b>" % name',
        '"<b>{}</b>".format(name)',
        '"<br>".join(names)',
        'start = "<b>"\nstart + name',
        're.sub("x", "y", name).sub("<b>", name)',
        "Html(name)",
        'Html(f"{name}")',
        'Html("<b>" + name)',
        'Html("<b>{}</b>".format(name))',
        'Html("".join(names))',
        "safety.markup.Html(name)",
        "Html(*names)",
        'name = "a"\nname = given()\nHtml(name)',
        "def show(name):\n    return Html(name)\nname = 'a'",
        'cast("Html", name)',
        "cast(Html, name)",
        "markdown_of_package(name)",
        "Markdown(name)",
        'Markdown(f"# {name}")',
        'Markdown("- " + name)',
        'Page(Markdown("\\n".join(names)))',
        "Plain(name)",
        "Terminal(name)",
        "Csv(name)",
        "import csv",
        'f\'{{"name": "{name}"}}\'',
        "'{\"name\": \"' + name + '\"}'",
        "from csv import writer",
        'f"\\x1b[1m{name}\\x1b[0m"',
        '"\\x1b[1m" + name',
        'BOLD = "\\x1b[1m"\nBOLD + name',
        'form.write(f"{name}")',
        "form.join(name, names)",
        "form.kind(name)",
        "in_both_forms(blocks, end=name)",
        'Html("<a title={}>").format(name)',
        "Html(\"<b>{}</b><a title='{}'>\").format(name, Html.escape(name))",
        '_LINK = Html("<a href={}>")\n_LINK.format(name)',
    ],
)
def test_a_source_that_builds_html_without_a_gate_is_found(source: str) -> None:
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    [
        'Html("<b>{}</b>").format(name)',
        'Html("<br>").join(names)',
        'Html("<b>") + name',
        '_STYLE = "color:red"\nHtml(f\'<b style="{_STYLE}">{{}}</b>\').format(name)',
        '_RULES = ("a", "b")\n_STYLE = Html("".join(f"p {rule}" for rule in _RULES))',
        'Html("<a title={}>").format(html_attribute(name))',
        'f"{name} < {other}"',
        'f"accounts:add <name> {name}"',
        'Markdown("# {}").format(name)',
        'form.write("**{}**", name)',
    ],
)
def test_a_source_that_uses_the_gates_is_left_alone(source: str) -> None:
    assert not findings(source)


HOSTILE = "<script>&\"'$x$\u202e\x1b[2J"


def test_a_template_of_html_escapes_what_it_is_filled_with() -> None:
    shown = Html("<p>{} {n:,} {}</p>").format(HOSTILE, Html("<b>"), n=1000)
    assert shown == f"<p>{Html.escape(HOSTILE)} 1,000 <b></p>"
    assert isinstance(shown, Html)
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert "$x" not in shown


def test_html_that_is_joined_or_added_escapes_every_other_text() -> None:
    joined = Html("<br>").join([HOSTILE, Html("<b>")])
    assert joined == Html.escape(HOSTILE) + Html("<br><b>") == f"{Html.escape(HOSTILE)}<br><b>"
    assert HOSTILE + Html("<b>") == Html.escape(HOSTILE) + "" + Html("<b>")
    assert isinstance(Html("<b>") * 2 + "x" + Html("y"), Html)


@pytest.mark.parametrize(
    "part",
    [itemgetter(slice(1, 3)), methodcaller("replace", "a", "b"), str.lower, str.strip, str.title, repr, "{}".format],
)
def test_a_part_of_html_is_untrusted_again(part: Callable[[str], str]) -> None:
    assert type(part(Html("<b>a</b>"))) is str


def test_the_percent_sign_is_no_way_around_the_gate() -> None:
    with pytest.raises(TypeError):
        Html("<b>%s</b>") % HOSTILE


def test_every_gate_of_html_returns_the_type() -> None:
    assert isinstance(html_code(HOSTILE), Html)
    assert isinstance(html_attribute(HOSTILE), Html)
    for form in ("html", "svg"):
        given = b'<svg xmlns="http://www.w3.org/2000/svg"/>' if form == "svg" else HOSTILE.encode()
        assert isinstance(bundle_from(form, given, str)["text/html"], Html)


def test_templates_in_files_have_no_placeholders_in_tags() -> None:
    templates = {path.name: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.html")}
    assert "{content}" in templates["page.html"]
    assert {name for name, template in templates.items() if attributes_in_template(template)} == set()
    assert attributes_in_template('<p title="{title}">{text}</p>') == ["title"]
