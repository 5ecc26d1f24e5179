"""The findings that `kosmo check` shows: no column is lost, except where a line names what is not there."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from random import Random

import pytest
from check_cases import run_over, seed_defects
from check_reports import check, report, result
from clean_company import clean_company
from msgspec.structs import replace
from rich.console import Console

from kosmo_kernel.checks.ci_formats import junit
from kosmo_kernel.checks.report import QuestionResult, finding_table
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.cli.check_table import FORM, MAX_FINDINGS, MAX_TEXT, print_report
from kosmo_kernel.questions.discovery import shipped_checks

UUID = "5d22c932-ecb9-52f1-8650-00a7a94114dd"
MANY = 70  # pipelines of a company that has room for a defect of each check
NOTE = re.compile(r"  (\d+ more findings? |\d+ columns? did not fit: |long texts )")
COMPANIES = pytest.mark.parametrize("company", ["demo", pytest.param("of each check", marks=pytest.mark.full)])


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@cache
def results(company: str) -> list[QuestionResult]:
    """Return the results of the shipped checks that find something in a company."""
    if company == "demo":
        made = run_questions(shipped_checks(), "demo")
        return [one for one in made.results if one.findings]
    seeded = clean_company(1, MANY)
    seed_defects(seeded, Random("columns"), [one.name for one in shipped_checks()])
    made = run_over(seeded)
    assert [one.question.name for one in made.results if not one.findings] == []
    return made.results


def printed(one: QuestionResult, file: io.StringIO, *, full: bool, width: int = 80) -> list[str]:
    """Return the lines of a report between the title of its only check and the reason why its findings matter."""
    screen = Console(file=file, width=width, color_system=None, markup=False, highlight=False, emoji=False)
    print_report(screen, report(replace(one, reasons=())), full=full, with_reasons=False)
    lines = file.getvalue().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("  "))
    return lines[start : next(place for place, line in enumerate(lines) if line.startswith("  Why: "))]


def cells_of(one: QuestionResult) -> dict[str, list[str]]:
    """Return the texts of all columns of the findings, by heading; all columns of the records are among them."""
    table = finding_table(one.findings)
    assert {*one.question.key, *(name for finding in one.findings for name in finding.record)} >= set(table.names)
    return {column.heading: list(column.texts) for column in table.text_columns(FORM)}


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter("".join("".join(texts).split()))


@COMPANIES
def test_off_a_terminal_a_finding_is_a_line_that_has_all_columns(company: str) -> None:
    for one in results(company):
        heading, *lines = printed(one, io.StringIO(), full=True)
        columns = cells_of(one)
        assert sorted(heading.split()) == sorted(" ".join(columns).split())
        assert [line for line in lines if line != line.rstrip()] == []
        for line, *cells in zip(lines, *columns.values(), strict=True):
            assert letters([line]) == letters(cells)


@COMPANIES
def test_at_80_columns_each_fact_is_there_or_named_and_ids_leave_first(company: str) -> None:
    for one in results(company):
        lines = printed(one, Terminal(), full=False)
        assert max(map(len, lines)) <= 80
        below = next((place for place, line in enumerate(lines) if NOTE.match(line)), len(lines))
        notes = " ".join(" ".join(lines[below:]).split())
        named = re.search(r"did not fit: (.*?) \(--full shows all\)", notes)
        columns = cells_of(replace(one, findings=one.findings[:MAX_FINDINGS]))
        names = set(named[1].split(", ")) if named else set()
        missing = {column for column in columns if column.removesuffix(" UTC") in names}
        assert len(missing) == len(names)
        table = finding_table(one.findings[:MAX_FINDINGS])
        facts = {column.heading for column in table.text_columns(FORM) if column.main}
        assert facts.isdisjoint(missing) or columns.keys() - facts <= missing
        assert sorted(lines[0].split()) == sorted(" ".join(columns.keys() - missing).split())
        shown = [cell for name in columns.keys() - missing for cell in columns[name]]
        assert letters(lines[2:below]) == letters(shown)


@COMPANIES
def test_all_columns_are_on_a_narrow_terminal_that_shows_all(company: str) -> None:
    for one in results(company):
        lines = printed(one, Terminal(), full=True)
        columns = cells_of(one)
        is_table = set(lines[1]) <= {" ", "─"}
        names = list(columns) * (1 if is_table else len(one.findings))
        rule = lines[1] if is_table else ""
        assert max(map(len, lines)) <= 80
        assert letters(lines) == letters([*names, rule, *(cell for cells in columns.values() for cell in cells)])


@COMPANIES
def test_files_for_other_programs_have_all_columns(company: str) -> None:
    for one in results(company):
        made = report(one)
        xml = junit(made, "low")
        for name in finding_table(one.findings).names:
            if name not in one.question.key and any(finding.record.get(name) is not None for finding in one.findings):
                assert f"{name} " in xml


BUILD = {"app": "shop", "build_id": UUID, "by": "ada.lovelace@larkmoor.example", "commit": "3c68358f" * 5, "note": None}


@pytest.mark.parametrize(
    ("width", "columns"),
    [(150, "app by commit build_id note"), (80, "app by commit"), (50, "app by commit"), (26, "app by")],
)
def test_a_narrower_terminal_leaves_out_ids_then_breaks_texts_then_leaves_out_facts(width: int, columns: str) -> None:
    one = result(check("builds", key="app"), BUILD)
    lines = printed(one, Terminal(), full=False, width=width)
    assert lines[0].split() == columns.split()
    assert ("did not fit: " in " ".join(lines)) == (width < 150)


def test_a_text_is_broken_after_a_sign_and_a_long_one_is_cut_with_a_word() -> None:
    row = {"app": "x" * 45, "plan": "heroku-postgresql:essential-0", "text": "word " * 200}
    one = result(check("long", key="app"), row)
    lines = printed(one, Terminal(), full=False)
    assert "heroku-postgresql: " in lines[2]
    assert "essential-0 " in lines[3]
    assert "long texts are cut (--full shows all of them)" in lines[-1]
    assert MAX_TEXT - 100 < sum(letters(lines[2:-1]).values()) < MAX_TEXT + 100
    assert letters(printed(one, Terminal(), full=True)[2:]) == letters(row.values())


def test_lists_and_records_in_a_finding_are_texts_in_a_table() -> None:
    row = {"app": {"name": "shop", "id": UUID}, "hosts": ["a.example", "b.example"], "more": [{"x": 1}], "is_on": True}
    heading, line = printed(result(check("own", key="app"), row), io.StringIO(), full=False)
    assert heading.split() == ["app", "hosts", "more", "is_on"]
    assert line.split("  ")[1:] == ["shop", '["a.example", "b.example"]', '[{"x": 1}]', "true"]
