"""Write a report as JUnit XML, which CI servers show as a list of tests, and as SARIF 2.1.0 for code scanning.

In JUnit XML a report is one test suite, and each check a test case: with findings that fail the run it failed, and if
it could not be made it has an error. A check that is not set up is skipped. Findings that do not fail the run stand in
its output.

In SARIF (https://docs.oasis-open.org/sarif/sarif/v2.1.0/) each check is a rule, each finding a result, and what could
not be checked a notification. A check that is not set up is a result of the kind `notApplicable`. Findings are about an
account and not about code, so a result is located in the file of its check. Code scanning follows a result from run to
run by its fingerprint, which is made of the key of the finding.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from kosmo_kernel import __version__
from kosmo_kernel.checks.report import Finding, QuestionReport, QuestionResult, details, fails_on
from kosmo_kernel.questions.question import SEVERITIES, Question
from kosmo_kernel.safety.text import with_escapes
from kosmo_kernel.text import counted, iso_time

# JUnit XML ----------------------------------------------------------------------------------------------

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


# SARIF --------------------------------------------------------------------------------------------------

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 25_000  # of a run; code scanning refuses a file with more
NOT_CHECKED, LEFT_OUT = "not-checked", "left-out"  # the ids of the notifications
SHIPPED = "kosmo_kernel/integrations/{}/questions/checks"  # the folder of the checks of a service in our repository

_LEVELS = dict(zip(SEVERITIES, ("note", "warning", "error"), strict=True))
_SCORES = dict(zip(SEVERITIES, ("2.0", "5.0", "8.0"), strict=True))  # code scanning: low, medium, high
_NOTIFICATIONS = [
    {
        "id": NOT_CHECKED,
        "shortDescription": {"text": "A check could not be made."},
        "fullDescription": {"text": "A check could not be made, or not for everything, so findings may be missing."},
        "help": {"text": "Read the reason. If the token lacks a scope, use one that has the scope of the check."},
    },
    {
        "id": LEFT_OUT,
        "shortDescription": {"text": "Findings are left out."},
        "fullDescription": {
            "text": f"Code scanning takes {MAX_RESULTS:,} results, so the least severe ones are left out."
        },
        "help": {"text": "Run fewer checks at a time, or read the other formats, which have all findings."},
    },
]


def sarif(report: QuestionReport, fail_on: str) -> dict[str, Any]:
    """Return the report as the content of a SARIF file; `fail_on` is the lowest severity that fails the run."""
    checks = [result.question for result in report.results]
    indices = {check.name: index for index, check in enumerate(checks)}
    driver = {
        "name": "kosmo check",
        "fullName": f"kosmo check {__version__}",
        "semanticVersion": __version__,
        "rules": [_rule(check) for check in checks],
        "notifications": _NOTIFICATIONS,
    }
    findings = [finding for result in report.most_severe_first for finding in result.findings]
    code, most = report.exit_code(fail_on), MAX_RESULTS - len(report.not_set_up)
    invocation = {
        "executionSuccessful": not report.not_checked and not report.interrupted,
        "exitCode": code,
        "startTimeUtc": iso_time(report.now),
        "endTimeUtc": iso_time(report.now),
        "toolExecutionNotifications": [
            *(_notification(result, indices[result.question.name]) for result in report.not_checked),
            *_left_out(len(findings) - most),
        ],
        **({"properties": report.taken_over} if report.taken_over else {}),
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"kosmo check/{quote(report.account, safe='')}/"},
        "invocations": [invocation],
        "results": [
            *(_result(finding, indices[finding.check.name]) for finding in findings[:most]),
            *(_not_applicable(result, indices[result.question.name]) for result in report.not_set_up),
        ],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def fingerprint(finding: Finding) -> str:
    """Return what identifies a finding in every run: a hash of its check and of its key."""
    identity = json.dumps([finding.check.name, finding.key], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _rule(check: Question) -> dict[str, Any]:
    advice = f"{check.why}\n\nWhat to do: {check.remedy}"
    return {
        "id": check.name,
        "shortDescription": {"text": _message(_sentence(check.title))},
        "fullDescription": {"text": _message(check.why)},
        "help": {"text": _message(advice)},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {"security-severity": _SCORES[check.severity], "precision": "very-high", "tags": [check.service]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    check = finding.check
    facts = f" ({text})" if (text := details(finding)) else ""
    text = f"{check.title}: {finding.title}{facts}."
    if finding.expired:
        text += f" It was accepted {finding.expired.period}"
    result = {
        "ruleId": check.name,
        "ruleIndex": index,
        "level": _LEVELS[check.severity],
        "message": {"text": _message(text)},
        "locations": [_location(check, finding)],
        # Code scanning reads only the first; without it all findings of a check would be one alert.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{fingerprint(finding)[:16]}:1",
            "findingKey/v1": fingerprint(finding),
        },
        "suppressions": [],
        "properties": {"key": dict(finding.key)},
    }
    if finding.accepted:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"Accepted {finding.accepted.period}"}
        ]
    if finding.is_new is not None:
        result["baselineState"] = "new" if finding.is_new else "unchanged"
    return result


def _not_applicable(result: QuestionResult, index: int) -> dict[str, Any]:
    """Return the result of a check that is not set up, which code scanning does not show as an alert."""
    return {
        "ruleId": result.question.name,
        "ruleIndex": index,
        "kind": "notApplicable",
        "level": "none",
        "message": {"text": _message(f"{result.question.title}: not set up. Give {'; '.join(result.setup)}.")},
        "locations": [_location(result.question)],
    }


def _location(check: Question, finding: Finding | None = None) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(check)},
            "region": {"startLine": check.body_start},
        }
    }
    if finding:
        location["logicalLocations"] = [{"name": finding.title, "kind": "resource"}]
    return location


def _uri(check: Question) -> str:
    """Return the path of a check's file, relative to the folder in which the command runs.

    Code scanning refuses other paths. A file outside of the folder is named without its path, which is of one machine.
    """
    if check.is_shipped:
        return f"{SHIPPED.format(check.service)}/{quote(check.file)}"
    file = Path(check.file).absolute()
    here = Path.cwd()
    path = file.relative_to(here).as_posix() if file.is_relative_to(here) else file.name
    return quote(os.fsencode(path))  # its bytes, because the name of a folder may be no UTF-8


def _notification(result: QuestionResult, index: int) -> dict[str, Any]:
    return {
        "descriptor": {"id": NOT_CHECKED, "index": 0},
        "associatedRule": {"id": result.question.name, "index": index},
        "level": "error" if result.records is None else "warning",
        "message": {"text": _message(f"{result.question.name} was not checked: {result.explanation}")},
        "locations": [_location(result.question)],
    }


def _left_out(number: int) -> list[dict[str, Any]]:
    """Return the notification of findings that are left out, if there are any."""
    if number <= 0:
        return []
    message = {"text": f"{counted(number, 'finding')} left out: the least severe."}
    return [{"descriptor": {"id": LEFT_OUT, "index": 1}, "level": "warning", "message": message}]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _message(text: str) -> str:
    """Return a text as a message: what would be a link in one is escaped."""
    text = with_escapes(text)
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in text else text
