"""Write a report as a page that a person mails: one file, which loads nothing and runs no script.

It begins with the number of findings and the key figures. The findings of each check follow, the most severe first,
each with what to do; then what could not be checked, and at the end what passed and how the page was made.
"""

from __future__ import annotations

import shlex
import sys

from kosmo_kernel import __version__
from kosmo_kernel.calls.provider import FICTION
from kosmo_kernel.checks.head_display import head_of
from kosmo_kernel.checks.report import QuestionReport, QuestionResult, finding_table, looked_at
from kosmo_kernel.questions.question import SEVERITIES
from kosmo_kernel.render.page_parts import Card, cards, html_page, whole_table
from kosmo_kernel.safety.markup import Html
from kosmo_kernel.text import counted

_NONE = Html()
_PAGE = Html("<header>\n<h1>{}</h1>\n<p>{}</p>\n</header>\n<main>\n{}</main>\n{}")
_LEAD = Html("<strong>{}</strong> in {}, as of {} UTC{}.")
_FOUND = Html("<h2>What was found</h2>\n")
_NOTE = Html('<p class="cut">{}</p>\n')
_SECTION = Html("<section>\n<h2>{}</h2>\n<ul>\n{}</ul>\n</section>\n")
_ITEM = Html("<li><strong>{}</strong>: {}</li>\n")
_PASSED = Html("<li>{}</li>\n")
_COMMAND = Html("<p>This command makes the page again:</p>\n<pre>{}</pre>\n")
_FOOT = Html("<footer>\n<h2>About this page</h2>\n<p>{}</p>\n{}{}</footer>\n")


def html(report: QuestionReport, _fail_on: str) -> Html:
    """Return the report as a page."""
    counts = report.counts
    by_severity = [Card(f"{name} severity", f"{counts[name]:,}") for name in reversed(SEVERITIES)]
    others = [
        Card(title, f"{counts[name]:,}")
        for name, title in (("accepted", "accepted"), ("passed", "checks passed"), ("not_checked", "not checked"))
        if counts[name]
    ]
    with_findings = [result for result in report.most_severe_first if result.findings or result.resolved]
    passed = [result for result in report.results if result.status == "passed" and not result.findings]
    titles = [_PASSED.format(result.question.title) for result in passed]
    lists = [_ITEM.format("What they looked at", ", ".join(texts))] if (texts := looked_at(passed)) else []
    against = f", against {report.against}" if report.against else ""
    lead = _LEAD.format(
        counted(counts["findings"], "finding"),
        counted(counts["checks"], "check"),
        f"{report.now:%Y-%m-%d %H:%M}",
        against,
    )
    content = [cards([*by_severity, *others]), *[_FOUND] * bool(with_findings)]
    content += [_findings(result, report) for result in with_findings]
    not_checked = [_ITEM.format(result.question.title, result.explanation) for result in report.not_checked]
    not_set_up = [_ITEM.format(result.question.title, "; ".join(result.setup)) for result in report.not_set_up]
    for title, items in (
        ("Not checked", not_checked),
        ("Not set up", not_set_up),
        (f"Passed: {len(passed):,}", [*titles, *lists]),
    ):
        content += [_SECTION.format(title, _NONE.join(items))] if items else []
    requests = f", {counted(report.cost.requests, 'request')}" if report.cost else ""
    about = f"Account {report.account}{requests}. Written by kosmo {__version__}."
    notes = _NONE.join(_NOTE.format(note) for note in report.notes if note != FICTION)
    command = _COMMAND.format(shlex.join(["kosmo", *sys.argv[1:]]))
    title = f"Checks of {report.account}"
    body = _PAGE.format(title, lead, _NONE.join(content), _FOOT.format(about, notes, command))
    return html_page(f"{title}, {report.now:%Y-%m-%d}", body, [report.account], report.now)


def _findings(result: QuestionResult, report: QuestionReport) -> Html:
    """Return what one check found, with what to do about it."""
    head = head_of(result, report)
    table = whole_table(finding_table(result.findings)) if result.findings else _NONE
    remarks: dict[str, list[str]] = {}
    for finding in result.findings:
        for remark in finding.remarks:
            remarks.setdefault(remark, []).append(finding.title)
    if result.resolved:
        remarks["gone"] = [finding.title for finding in result.resolved]
    below = (
        _NOTE.format(f"{remark.capitalize()} ({len(names)}): {'; '.join(names)}") for remark, names in remarks.items()
    )
    return head.page_head() + table + _NONE.join(below) + head.page_foot()
