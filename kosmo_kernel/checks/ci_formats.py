"""Write a report as JUnit XML, which CI servers show as a list of tests.

A report is one test suite, and each check a test case: with findings that fail the run it failed, and if it could not
be made it has an error. A check that is not set up is skipped. Findings that do not fail the run stand in its output.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, details, fails_on
from kosmo_kernel.safety.text import with_escapes
from kosmo_kernel.text import counted

# What XML 1.0 cannot have, and the control characters that it can.
_NO_XML = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: QuestionReport, fail_on: str) -> str:
    """Return the report as a JUnit file; `fail_on` is the lowest severity that fails the run."""
    cases = [_case(result, fail_on) for result in report.results]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }
    suites = ET.Element("testsuites", {"name": "kosmo check"} | counts)
    suite = ET.SubElement(
        suites,
        "testsuite",
        {"name": _text(f"kosmo check {report.account}")}
        | counts
        | {"skipped": str(len(report.not_set_up)), "timestamp": report.now.strftime("%Y-%m-%dT%H:%M:%S")},
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in {"account": report.account, "fail_on": fail_on, "against": report.against}.items():
        if value:
            ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    suite.extend(cases)
    if report.notes:
        _add(suite, "system-out", report.notes)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _case(result: QuestionResult, fail_on: str) -> ET.Element:
    """Return the test case of a check, with at most one failure or error, because some readers expect no more."""
    check = result.question
    case = ET.Element("testcase", {"classname": f"kosmo.check.{check.severity}", "name": check.name})
    is_severe = fails_on(check.severity, fail_on)
    failing = result.counting if is_severe else []
    not_checked = f"Not checked: {result.explanation}" if result.reason else ""
    if failing:
        title = f"{check.title}: {counted(len(failing), 'finding')}"
        lines = [*map(_line, failing), "", f"Why: {check.why}", f"What to do: {check.remedy}"]
        _add(case, "failure", lines, message=title, type=check.severity)
    elif result.setup:
        _add(case, "skipped", [], message=f"Not set up: {'; '.join(result.setup)}")
    elif not_checked:
        _add(case, "error", [f"Why it matters: {check.why}"], message=not_checked, type="not checked")
    others = [_line(finding) for finding in result.findings if not (finding.counts and is_severe)]
    others += [f"gone: {finding.title}" for finding in result.resolved]
    if others:
        _add(case, "system-out", others)
    if failing and not_checked:
        _add(case, "system-err", [not_checked])
    return case


def _line(finding: Finding) -> str:
    facts = f": {text}" if (text := details(finding)) else ""
    return " ".join([f"{finding.title}{facts}", *(f"[{remark}]" for remark in finding.remarks)])


def _add(parent: ET.Element, tag: str, lines: list[str], **attributes: str) -> None:
    element = ET.SubElement(parent, tag, {name: _text(value) for name, value in attributes.items()})
    element.text = _text("\n".join(lines))


def _text(text: str) -> str:
    return _NO_XML.sub("", with_escapes(text))
