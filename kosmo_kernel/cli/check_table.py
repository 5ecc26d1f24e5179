"""The report of checks for people: the findings of each check with what to do, the most severe first.

On a terminal that is too narrow, columns of ids are left out first; then texts go on in the next line; then the last
facts are left out. A line below names what is not there and the option that shows it: with `--full` each finding is a
block with a line for each column, where a table has no room for all. Off a terminal, each finding is one line that has
all columns, however long it is: a program, a log or a mail wraps it, or not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, finding_table, left_out, looked_at
from kosmo_kernel.cli.terminal import TERMINAL, styled_text
from kosmo_kernel.questions.question import SEVERITIES
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.text import counted, duration, listed

MAX_FINDINGS = 10  # of a check that are shown, unless all are requested
MAX_WIDTH = 50  # of a column: in a table its texts go on in the next line, in a file they push the rest of their line
MAX_TEXT = 400  # columns of a cell on a terminal, unless all is requested
MAX_NAMED = 12  # checks that could not be made for one reason
_COLOURS = {"high": "bold red", "medium": "bold yellow", "low": "bold cyan"}
_SPACES_AT_END = re.compile("(?<! ) ++$", re.MULTILINE)
_INDENT = (0, 0, 0, 2)
_FULL = "--full shows all"
FORM = TERMINAL._replace(
    widest=MAX_WIDTH,
    precision="minutes",
    full_value=_FULL,
    paint=styled_text,
    wraps=True,
    max_text=MAX_TEXT,
    has_count=False,
)


def print_report(screen: Console, report: QuestionReport, *, full: bool, with_reasons: bool) -> None:
    """Print a report. Off a terminal no line ends in spaces.

    Parameters:
        screen: the console.
        report: the report.
        full: show all findings of each check, with all columns.
        with_reasons: say why the findings of each check matter; of a single check it is always said.
    """
    with screen.capture() as captured:
        _print_report(screen, report, full=full, with_reasons=with_reasons or len(report.results) == 1)
    text = captured.get()
    screen.file.write(text if screen.file.isatty() else _SPACES_AT_END.sub("", text))
    screen.file.flush()


def _print_report(screen: Console, report: QuestionReport, *, full: bool, with_reasons: bool) -> None:
    against = f" · against {escape_control(report.against)}" if report.against else ""
    screen.print(Text(f"account {escape_control(report.account)} · {report.now:%Y-%m-%d %H:%M} UTC{against}\n", "dim"))
    for result in report.most_severe_first:
        if result.findings or result.resolved:
            _print_result(screen, result, full=full, with_reasons=with_reasons)
    _print_not_checked(screen, report)
    _print_not_set_up(screen, report)
    passed = [result for result in report.results if result.status == "passed" and not result.findings]
    if passed:
        names = ", ".join(result.question.name for result in passed)
        screen.print(Text.assemble((f"Passed ({len(passed)}): ", "green"), (names, "dim")))
        if lists := looked_at(passed):
            screen.print(Text(f"What they looked at: {', '.join(lists)}", "dim"))
        screen.print()
    screen.print(Text(_totals(report), "bold"), soft_wrap=True)


def _print_result(screen: Console, result: QuestionResult, *, full: bool, with_reasons: bool) -> None:
    check = result.question
    severity = f"{check.severity.upper()} ", _COLOURS[check.severity]
    title = Text.assemble(severity, (escape_control(check.title), "bold"), (f"  {check.name}", "dim"))
    screen.print(title)
    findings = result.counting
    rows = findings if full else findings[:MAX_FINDINGS]
    indent = " " * _INDENT[3]
    for line in _lines(rows, screen, len(indent), full=full):
        screen.print(Text.from_ansi(indent + line), soft_wrap=True)
    below = [f"{counted(len(findings) - len(rows), 'more finding')} ({_FULL})"] if rows != findings else []
    for line in [*below, *_remarks(result, full=full)]:
        _print_indented(screen, Text(escape_control(line), "dim"))
    if not rows:
        screen.print()
        return
    advice = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    for label, text in [("Why:", check.why)] * with_reasons + [("Do:", check.remedy)]:
        advice.add_row(Text(label, "dim"), Text(escape_control(text)))
    _print_indented(screen, advice)
    screen.print()


def _lines(rows: Sequence[Finding], screen: Console, indent: int, *, full: bool) -> list[str]:
    """Return the lines of a table of findings."""
    if not rows:
        return []
    width, form = screen.width - indent, FORM
    if not screen.file.isatty():
        width, form = sys.maxsize, FORM._replace(rule="", paint=None, wraps=False, spills=True)
    elif full:
        form = FORM._replace(max_text=sys.maxsize, has_blocks=True)
    return finding_table(rows).text(width, form=form).split("\n")


def _remarks(result: QuestionResult, *, full: bool) -> Iterator[str]:
    """Yield the remarks on findings, each with the findings that it is about, and at the end what is gone."""
    by_remark: dict[str, list[Finding]] = {}
    for finding in result.findings:
        for remark in finding.remarks:
            by_remark.setdefault(remark, []).append(finding)
    by_remark.pop("new", None)  # as all in the table are
    for remark, findings in (*by_remark.items(), *([("gone", result.resolved)] if result.resolved else [])):
        titles = listed([finding.title for finding in findings], sys.maxsize if full else MAX_NAMED, "; ")
        yield f"{remark.rstrip('.')} ({len(findings)}): {titles}"


def _print_not_checked(screen: Console, report: QuestionReport) -> None:
    """Print the reasons for which checks could not be made, each once."""
    if report.not_checked:
        screen.print(Text("NOT CHECKED", "bold magenta"))
    for reason, results in report.reasons.items():
        names = [f"{result.question.name}{' (in part)' if result.records is not None else ''}" for result in results]
        lost = left_out(sum(result.withdrawn for result in results))
        _print_indented(screen, Text(listed(names, MAX_NAMED), "bold"))
        _print_indented(screen, Text("\n".join(map(escape_control, f"{reason}{lost}".splitlines()))))
    if report.not_checked:
        screen.print()


def _print_not_set_up(screen: Console, report: QuestionReport) -> None:
    """Print the checks that were not run, each with the option that says what it is about."""
    if not report.not_set_up:
        return
    screen.print(Text(f"Not set up ({len(report.not_set_up)}), so not run; give what each is about:", "magenta"))
    for line in (line for result in report.not_set_up for line in result.setup):
        screen.print(Text(f"  {escape_control(line)}", "dim"), soft_wrap=True)
    screen.print()


def _print_indented(screen: Console, content: RenderableType) -> None:
    screen.print(Padding(content, _INDENT, expand=False))


def _totals(report: QuestionReport) -> str:
    """Return the last line: the findings by severity, the checks by outcome, and what the run took."""
    counts = report.counts
    severities = ", ".join(f"{counts[name]:,} {name}" for name in reversed(SEVERITIES) if counts[name])
    parts = [f"{counted(counts['findings'], 'finding')}{f' ({severities})' if severities else ''}"]
    parts += [
        f"{counts[name]:,} {name.replace('_', ' ')}" for name in ("accepted", "still_there", "gone") if counts[name]
    ]
    parts += [f"{counted(counts['checks'], 'check')}: {counts['passed']:,} passed"]
    text = " · ".join(parts)
    for name in ("not_checked", "not_set_up"):
        text += f", {counts[name]:,} {name.replace('_', ' ')}" if counts[name] else ""
    requests = f" · {counted(report.cost.requests, 'request')}" if report.cost else ""
    return f"{text}{requests} · {duration(report.seconds)}"
