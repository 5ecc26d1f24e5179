"""Show what a question is about: its title and severity, why and what to do, and its Lua, folded.

In a notebook all of it stands above the rows. On a page, what to do about findings stands below them, and why they
matter is folded together with the Lua. Commands have a dollar sign in front, which is not copied. The Lua has the
colours that JupyterLab's editor has in the light and the dark theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from kosmo_kernel.calls.provider import FICTION
from kosmo_kernel.checks.report import QuestionReport, QuestionResult, looked_at
from kosmo_kernel.pages import with_code
from kosmo_kernel.pages.design import style
from kosmo_kernel.render.display import Bundle, Display
from kosmo_kernel.render.text import WIDTH, escape_control, pretty
from kosmo_kernel.safety.markup import Html, Plain, box, html_attribute, html_code, without_delimiters
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.text import counted, listed

if TYPE_CHECKING:
    from pygments.lexer import Lexer

# Colours that can be told apart on light and on dark paper; text has that of the page. A page has its own.
_COLOURS = {
    "high": "#e5484d",
    "medium": "#d9a11e",
    "low": "#5b8def",
    "table": "#5b8def",
    "none": "#46a758",
    "unknown": "#8b8d98",
}
WHY, REMEDY = "Why", "What to do"  # what there is to say about a check
_COMMANDS = ("heroku ", "kosmo ", "git ")  # what a line of a shell begins with
MAX_LISTS = 6  # of those that a question without rows looked at
_COMMAND, _CODE = Html('<code class="command">{}</code>'), Html("<code>{}</code>")
_BOX = Html(
    '<div class="kosmo-check" '
    'style="border-left:4px solid {};padding:1px 0 1px 12px;font-size:13px;line-height:1.5">{}</div>'
)
_BODY = Html(
    '<div style="font-size:14px"><b>{}</b> {}{}</div>{}'
    '<details><summary style="cursor:pointer;font-size:12px;opacity:.75"><code>{}</code> {}</summary>'
    '<pre style="margin:4px 0 2px;font-size:12px;line-height:1.45;white-space:pre-wrap">{}</pre></details>'
)
_REMARK = Html("<div><b>{}:</b> {}</div>")
_SEVERITY = Html('<span style="border:1px solid {};border-radius:9px;padding:0 7px;font-size:11px">{}</span> ')
_NONE = Html()
_PAGE_HEAD = Html('<div class="check {}">\n<h3>{}{} <span class="count">{}</span></h3>\n{}</div>\n')
_PAGE_SEVERITY = Html('<span class="severity">{}</span> ')
_PAGE_REMARK = Html("<p><b>{}:</b> {}</p>\n")
_ADVICE = Html('<p class="advice"><b>{}:</b> {}</p>\n')
_ABOUT = Html(
    '<details class="about-check"><summary>About <code>{}</code></summary>\n{}<p>{}</p>\n<pre>{}</pre></details>\n'
)
# The variable of JupyterLab for each kind of token in Lua; elsewhere it has the colour of the text.
_LUA_COLOURS = {
    "Keyword": "--jp-mirror-editor-keyword-color",
    "Literal.String": "--jp-mirror-editor-string-color",
    "Literal.Number": "--jp-mirror-editor-number-color",
    "Comment": "--jp-mirror-editor-comment-color",
}
_SPAN = Html('<span style="color:var({},inherit)">{}</span>')


class Head(Struct, frozen=True, tag="check"):
    """The texts about a question and its outcome."""

    title: str  # what it finds
    severity: str  # `low`, `medium` or `high`; `table` of a table
    outcome: str  # the number of rows in words
    state: str  # the severity if there are findings, `none` without any, `unknown` if it could not be asked
    remarks: list[tuple[str, str]]  # what there is to say, such as why a finding matters and what to do, with its name
    name: str
    facts: str  # the account, the day of the data and the parameters that are set
    lua: str

    @property
    def passed(self) -> bool:
        """Return whether it is a check without findings."""
        return self.state == "none" and self.severity != "table"

    def page_head(self) -> Html:
        """Return what stands above the rows on a page."""
        of_table = self.severity == "table"
        severity = _NONE if of_table or self.passed else _PAGE_SEVERITY.format(self.severity)
        kind = "passed" if self.passed else "table-of" if of_table else self.state
        remarks = (remark for remark in self.remarks if remark[0] not in (WHY, REMEDY))
        return _PAGE_HEAD.format(
            html_attribute(kind), severity, escape_control(self.title), self.outcome, _remarks(_PAGE_REMARK, remarks)
        )

    def page_foot(self) -> Html:
        """Return what stands below the rows: what to do about findings, and folded why they matter, and the Lua."""
        advice = [] if self.passed else [remark for remark in self.remarks if remark[0] == REMEDY]
        rest = [remark for remark in self.remarks if remark[0] in (WHY, REMEDY) and remark not in advice]
        lua = Html("\n").join(lua_html(self.lua).lines())
        about = _ABOUT.format(self.name, _remarks(_PAGE_REMARK, rest), escape_control(self.facts), lua)
        return _remarks(_ADVICE, advice) + about


def head_display(result: QuestionResult, report: QuestionReport) -> Display:
    """Return what stands above the rows of a question, in HTML and as plain text."""
    head = head_of(result, report)
    bundle: Bundle = {"text/plain": Plain.escape("\n".join(_text_lines(head))), "text/html": _html(head)}
    if notebook_run():
        bundle["application/vnd.kosmo.page+json"] = msgspec.to_builtins(head)
    return Display(bundle)


def head_of(result: QuestionResult, report: QuestionReport) -> Head:
    """Return what there is to say about a question and its outcome."""
    question, count = result.question, None if result.records is None else len(result.records)
    if question.severity:
        name, noun, verb = question.name, "finding", "checked"
        remarks = [(WHY, question.why), (REMEDY, question.remedy)]
    else:
        name, noun, verb = f"{question.service}.tables.{question.name}()", "row", "read"
        remarks = [("Rows", question.about)]
    if result.explanation:
        remarks.append((f"Not {verb}" if count is None else f"In part not {verb}", result.explanation))
    severity = question.severity or "table"
    lists = listed(looked_at([result]), MAX_LISTS)
    none = f"no {noun}s in {lists}" if lists else f"no {noun}s"
    return Head(
        question.title,
        severity,
        "not checked" if count is None else counted(count, noun) if count else none,
        "unknown" if result.explanation and not count else severity if count else "none",
        [*remarks, *(("Note", note) for note in report.notes if note != FICTION)],
        name,
        ", ".join(_facts(result, report)),
        question.lua.rstrip(),
    )


def _facts(result: QuestionResult, report: QuestionReport) -> Iterator[str]:
    yield f"account {report.account}{' (fiction)' * (FICTION in report.notes)}"
    yield f"{report.now:%Y-%m-%d}"
    if report.age_note:
        yield report.age_note
    yield from (
        f"{name} = {pretty(value)}" for name, value in result.parameters.items() if value not in (None, "", [], {})
    )


def _text_lines(head: Head) -> Iterator[str]:
    yield escape_control(f"{head.title} ({head.severity}): {head.outcome}")
    for name, text in head.remarks:
        yield fill(escape_control(f"{name}: {text}"), WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield escape_control(f"  {head.name}, {head.facts}:")
    yield indent("\n".join(map(escape_control, head.lua.split("\n"))), "    ")


def _html(head: Head) -> Html:
    colour = _COLOURS[head.state]
    body = _BODY.format(
        escape_control(head.title),
        _NONE if head.passed else _SEVERITY.format(html_attribute(colour), head.severity),
        head.outcome,
        _remarks(_REMARK, head.remarks),
        head.name,
        escape_control(head.facts),
        Html("\n").join(lua_html(head.lua).lines()),
    )
    return style() + box(without_delimiters(_BOX.format(html_attribute(colour), body)))


def _remarks(template: Html, remarks: Iterable[tuple[str, str]]) -> Html:
    """Return remarks with their names, in which `code` in backticks is code."""
    return _NONE.join(
        template.format(escape_control(name), with_code(Html, _code, escape_control(text))) for name, text in remarks
    )


def _code(code: str) -> Html:
    return (_COMMAND if code.startswith(_COMMANDS) else _CODE).format(html_code(code))


def lua_html(code: str) -> Html:
    """Return Lua as coloured HTML, to stand in a `<pre>`."""
    return Html().join(_piece(str(kind).removeprefix("Token."), text) for kind, text in _lexer().get_tokens(code))


def _piece(kind: str, text: str) -> Html:
    colour = next((name for prefix, name in _LUA_COLOURS.items() if kind.startswith(prefix)), "")
    return _SPAN.format(html_attribute(colour), html_code(text)) if colour else html_code(text)


@cache
def _lexer() -> Lexer:
    from pygments.lexers.scripting import LuaLexer

    options: dict[str, Any] = {"ensurenl": False}
    return LuaLexer(**options)  # type: ignore[no-untyped-call] # Pygments' lexers have no type hints
