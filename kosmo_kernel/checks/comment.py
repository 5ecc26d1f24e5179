"""Write a report as Markdown for a comment on a pull request: a table of the checks, and their findings folded below.

GitHub refuses a comment that is longer than its limit, so rows that have no room are left out and counted. It also
makes mentions, references and links of text, whatever escapes stand before them, but not inside code: so all that comes
from Heroku is written as code, and in other texts a space of no width follows the signs of mentions and references.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, fails_on, finding_table
from kosmo_kernel.questions.question import SEVERITIES
from kosmo_kernel.render.text import CellForm, format_column
from kosmo_kernel.safety.markup import Html, Markdown, Markup, clean, code_span
from kosmo_kernel.safety.tables import markdown_rows
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import counted
from kosmo_kernel.values.records import without_surrogates

MAX_LENGTH = 65_000  # characters; GitHub's limit is 65,536
MARKER = "<!-- kosmo check -->"  # the first line, by which a program finds its earlier comment
MAX_CELL_LENGTH = 120  # characters
MAX_TEXT_LENGTH = 1_000  # characters of a reason, a title or an advice

_ROOM_FOR_REST = 300  # characters for the line that counts all that has no room
_ROOM_FOR_MORE = 60  # for that of one table
_REFERENCE = re.compile(r"[@#](?=\w)|\bGH-(?=\d)")
M = TypeVar("M", bound=Markup)

_BREAK = Markdown("&#8203;")  # a space of no width
_FOLD = Html("<details><summary>{}</summary>")
_ICONS = {"high": "🔴", "medium": "🟠", "low": "🟡"}


def comment(report: QuestionReport, fail_on: str) -> str:
    """Return a comment of at most `MAX_LENGTH` characters; `fail_on` is the lowest severity that fails the run."""
    with_findings = [result for result in report.most_severe_first if result.findings or result.resolved]
    page = _Page([*_summary(report, fail_on)])
    if with_findings:
        rows = [_summary_row(result) for result in with_findings]
        page.table(_Rows(["Severity", "Check", "Findings", ""], rows, "check", {2}))
    if report.not_checked:
        reasons = [
            [Markdown(", ").join(code_span(result.question.name) for result in results), _prose(reason)]
            for reason, results in report.reasons.items()
        ]
        title = Html("<b>Not checked</b> ({})").format(len(report.not_checked))
        page.fold(title, tables=[_Rows(["Checks", "Reason"], reasons, "reason")])
    if report.not_set_up:
        setups = [[code_span(result.question.name), code_span("; ".join(result.setup))] for result in report.not_set_up]
        title = Html("Not set up ({})").format(len(setups))
        page.fold(title, tables=[_Rows(["Check", "Run it with"], setups, "check")])
    for result in with_findings:
        remedy = f"**What to do:** {_prose(result.question.remedy)}"
        page.fold(_fold_title(result), _prose(result.question.why), remedy, tables=_tables(result))
    if report.notes:
        page.fold(
            Html("Notes ({})").format(len(report.notes)),
            tables=[_Rows(["Note"], [[_prose(n)] for n in report.notes], "note")],
        )
    return page.text()


class _Rows(NamedTuple):
    """A table of Markdown."""

    names: Sequence[str]  # the headings
    rows: Sequence[Sequence[str]]  # the cells of each row
    noun: str  # what a row is, to count those that have no room
    numbers: Container[int] = ()  # the indexes of the columns of numbers


class _Page:
    """Collects lines as long as there is room, and counts the rows for which there is none."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = [MARKER, *lines]
        self._room = MAX_LENGTH - _ROOM_FOR_REST - sum(len(line) + 1 for line in self._lines)
        self._left_out = Counter[str]()

    def text(self) -> str:
        """Return the page."""
        if left_out := +self._left_out:
            rest = ", ".join(counted(number, f"more {name}") for name, number in left_out.items())
            self._lines += ["", f"… {rest}: a comment has no room for them. `kosmo check --full` prints all."]
        return without_surrogates("\n".join(self._lines) + "\n")

    def fold(self, title: Html, *above: str, tables: Iterable[_Rows]) -> None:
        """Add a folded part, if the beginning of it has room."""
        tables = list(tables)
        head = ["", _FOLD.format(title), *(line for text in above for line in ("", text))]
        end = ["", "</details>"]
        size = sum(len(line) + 1 for line in [*head, *end])
        if size > self._room:
            for table in tables:
                self._left_out[table.noun] += len(table.rows)
            return
        self._room -= size
        self._lines += head
        for table in tables:
            self.table(table)
        self._lines += end

    def table(self, table: _Rows) -> None:
        """Add the rows of a table for which there is room."""
        heading, rule, *lines = (line.trimmed() for line in markdown_rows(table.names, table.rows, table.numbers))
        head = ["", heading, rule]
        room = self._room - sum(len(line) + 1 for line in head) - _ROOM_FOR_MORE
        sizes = list(accumulate(len(line) + 1 for line in lines))
        fitting = sum(size <= room for size in sizes)
        if fitting:
            self._lines += [*head, *lines[:fitting]]
            self._room = room - sizes[fitting - 1]
        if fitting < len(lines):
            self._lines += ["", f"… {counted(len(lines) - fitting, f'more {table.noun}')}."]
            self._left_out[table.noun] += len(lines) - fitting


def _summary(report: QuestionReport, fail_on: str) -> Iterable[str]:
    """Yield the heading and the line with the counts."""
    counts = report.counts
    failing = sum(counts[severity] for severity in SEVERITIES if fails_on(severity, fail_on))
    missing = f"{counted(counts['not_checked'], 'check')} not made" if counts["not_checked"] else "no findings"
    yield f"## kosmo check: {counted(failing, 'finding') if failing else missing}"
    yield ""
    numbers = {
        f"below {fail_on}": counts["findings"] - failing,
        "still there": counts["still_there"],
        "gone": counts["gone"],
        "accepted": counts["accepted"],
        "**not checked**": counts["not_checked"],
        "not set up": counts["not_set_up"],
    }
    parts = [f"{counted(counts['checks'], 'check')}, {counts['passed']:,} passed"]
    parts += [f"{number:,} {what}" for what, number in numbers.items() if number]
    against = f", against {code_span(report.against)}" if report.against else ""
    when = report.now.strftime("%Y-%m-%d %H:%M UTC")
    yield f"{'; '.join(parts)}. Account {code_span(report.account)}, {when}{against}."


def _summary_row(result: QuestionResult) -> list[str]:
    counts = (
        (sum(finding.is_new is True for finding in result.findings), "new"),
        (sum(finding.is_new is False for finding in result.findings), "still there"),
        (len(result.resolved), "gone"),
        (sum(finding.accepted is not None for finding in result.findings), "accepted"),
        (sum(finding.expired is not None for finding in result.findings), "no longer accepted"),
    )
    remarks = [f"{number:,} {what}" for number, what in counts if number] + ["not checked for all"] * bool(
        result.reason
    )
    severity = f"{_ICONS[result.question.severity]} {result.question.severity}"
    name = Markdown("{} ({})").format(_prose(result.question.title), code_span(result.question.name))
    return [severity, name, f"{len(result.findings):,}", ", ".join(remarks)]


def _fold_title(result: QuestionResult) -> Html:
    title = Html("").join(_parts(result.question.title, Html("{}").format, Html("&#8203;")))
    return Html("{} <b>{}</b>: {}").format(_ICONS[result.question.severity], title, len(result.findings))


def _tables(result: QuestionResult) -> Iterable[_Rows]:
    """Yield the table of the findings, those that count first, and the table of what is gone."""
    ordered = sorted(result.findings, key=lambda finding: not finding.counts)
    if ordered:
        yield _findings(ordered, "finding", [_prose("; ".join(finding.remarks)) for finding in ordered])
    if result.resolved:
        yield _findings(result.resolved, "gone finding", ["gone"] * len(result.resolved))


def _findings(findings: Sequence[Finding], noun: str, remarks: Sequence[str]) -> _Rows:
    table = finding_table(findings)
    texts = zip(*(format_column(values, CellForm("minutes")) for values in table.columns), strict=True)
    rows: list[list[str]] = [
        [code_span(shortened(text, MAX_CELL_LENGTH)) if text else "" for text in row] for row in texts
    ]
    names: list[str] = [*map(code_span, table.names)]
    if any(remarks):
        names, rows = [*names, ""], [[*row, remark] for row, remark in zip(rows, remarks, strict=True)]
    return _Rows(names, rows, noun, table.numbers)


def _prose(text: str) -> Markdown:
    """Return a text of one line as Markdown without markup, links, mentions and references."""
    return Markdown("").join(_parts(text, Markdown.escape, _BREAK))


def _parts(text: str, escape: Callable[[str], M], mark: M) -> Iterator[M]:
    """Yield the parts of a text of one line, escaped, with a mark where a mention or a reference would begin."""
    start = 0
    text = _line(text)
    for match in _REFERENCE.finditer(text):
        yield escape(text[start : match.end()])
        yield mark
        start = match.end()
    yield escape(text[start:])


def _line(text: str) -> str:
    """Return a text on one line without invisible characters, which could hide a mention from `_REFERENCE`."""
    return shortened(" ".join(clean(text).split()), MAX_TEXT_LENGTH)
