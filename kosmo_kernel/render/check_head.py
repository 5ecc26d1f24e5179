"""Show what a check is about above its findings: its title and severity, why and what to do, and its Lua, folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

from kosmo_kernel.render.display import Display
from kosmo_kernel.render.text import WIDTH, escape_control, pretty
from kosmo_kernel.safety.escape import Html, box, html_attribute, html_code, without_delimiters
from kosmo_kernel.safety.markup import Plain
from kosmo_kernel.text.quantities import counted

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
CHECK_CLASS, PASSED = "kosmo-check", "kosmo-severity-none"  # the class of a head, and one that it has without findings
WHY, REMEDY = "Why", "What to do"  # what there is to say about a check
_BOX = Html(
    '<div class="kosmo-check kosmo-severity-{}" '
    'style="border-left:4px solid {};padding:1px 0 1px 12px;font-size:13px;line-height:1.5">{}</div>'
)
_BODY = Html(
    '<div style="font-size:14px"><b>{}</b> '
    '<span class="severity" style="border:1px solid {};border-radius:9px;padding:0 7px;font-size:11px">{}</span> '
    '{}</div>{}<details><summary style="cursor:pointer;font-size:12px;opacity:.75"><code>{}</code> {}</summary>'
    '<pre style="margin:4px 0 2px;font-size:12px;line-height:1.45;white-space:pre-wrap">{}</pre></details>'
)
_REMARK = Html("<div><b>{}:</b> {}</div>")
# The variable of JupyterLab for each kind of token in Lua; elsewhere it has the colour of the text.
_LUA_COLOURS = {
    "Keyword": "--jp-mirror-editor-keyword-color",
    "Literal.String": "--jp-mirror-editor-string-color",
    "Literal.Number": "--jp-mirror-editor-number-color",
    "Comment": "--jp-mirror-editor-comment-color",
}
_SPAN = Html('<span style="color:var({},inherit)">{}</span>')


@dataclass(frozen=True, slots=True)
class CheckHead:
    """The lines above the findings of a check, or above the rows of a table."""

    name: str  # its name
    title: str  # what it finds
    severity: str  # `low`, `medium` or `high`; `table` of a table
    about: Mapping[str, str]  # what there is to say, such as why a finding matters and what to do, each with its name
    lua: str  # its Lua
    parameters: Mapping[str, Any]  # the values of its parameters
    account: str  # the alias of the account
    now: datetime  # the time of the data
    count: int | None  # the number of findings; None if it could not be made
    reason: str  # why it could not be made, or not for everything; empty if it was made
    notes: Sequence[str]  # notes for the user
    noun: str = "finding"  # what is counted
    # When the oldest of the replies came that other cells had as well; None if there are none.
    answers_of: datetime | None = None

    @property
    def outcome(self) -> str:
        """The number of findings in words."""
        if self.count is None:
            return "not checked"
        return counted(self.count, self.noun) if self.count else f"no {self.noun}s"

    @property
    def facts(self) -> str:
        """The account, the day of the data and the parameters that are set, on one line."""
        is_set = {name: value for name, value in self.parameters.items() if value not in (None, "", [], {})}
        parameters = [f"{name} = {pretty(value)}" for name, value in is_set.items()]
        at = [f"answers of {self.answers_of:%H:%M} UTC"] if self.answers_of else []
        return ", ".join([f"account {self.account}", f"{self.now:%Y-%m-%d}", *at, *parameters])


def head_display(head: CheckHead) -> Display:
    """Return what stands above the findings of a check, in HTML and as plain text."""
    return Display({"text/plain": Plain.escape("\n".join(_text_lines(head))), "text/html": _html(head)})


def _remarks(head: CheckHead) -> Iterator[tuple[str, str]]:
    """Yield what there is to say, each with its name."""
    yield from head.about.items()
    if head.reason:
        word = "read" if head.noun == "row" else "checked"
        yield (f"Not {word}", f"In part not {word}")[head.count is not None], head.reason
    yield from (("Note", note) for note in head.notes)


def _text_lines(head: CheckHead) -> Iterator[str]:
    yield escape_control(f"{head.title} ({head.severity}): {head.outcome}")
    for name, text in _remarks(head):
        yield fill(escape_control(f"{name}: {text}"), WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield escape_control(f"  {head.name}, {head.facts}:")
    yield indent("\n".join(map(escape_control, head.lua.rstrip().split("\n"))), "    ")


def _html(head: CheckHead) -> Html:
    state = "unknown" if head.reason and not head.count else head.severity if head.count else "none"
    remarks = Html().join(_REMARK.format(escape_control(name), escape_control(text)) for name, text in _remarks(head))
    lines = Html("\n").join(lua_html(head.lua.rstrip()).lines())
    body = _BODY.format(
        escape_control(head.title),
        html_attribute(_COLOURS[state]),
        head.severity,
        head.outcome,
        remarks,
        head.name,
        escape_control(head.facts),
        lines,
    )
    return box(without_delimiters(_BOX.format(html_attribute(state), html_attribute(_COLOURS[state]), body)))


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
