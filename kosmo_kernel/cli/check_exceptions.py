"""The options of `kosmo check` that keep findings from failing it: `--accept`, `--accept-all` and `--against`.

Their files are read before anything is asked, so that a mistake in one costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.checks.exemptions import Exemption, accept, accept_all, acceptance_file, compare, read_acceptances
from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.cli.output import print_note, write_file
from kosmo_kernel.errors import FileWriteError
from kosmo_kernel.questions.discovery import all_checks
from kosmo_kernel.questions.question import Question
from kosmo_kernel.session import Session
from kosmo_kernel.text import counted


class Exceptions:
    """The exceptions of one run.

    Raises:
        SettingsError: a file has mistakes, or the archive has no snapshot.
        click.UsageError: the file to write is there already, or cannot be written.
    """

    def __init__(
        self, checks: Sequence[Question], accepted: Path | None, accept_all: Path | None, against: Path | None
    ) -> None:
        self._checks = checks
        self._accept_all = accept_all  # the file to write, which accepts all findings of the run
        self._against = against  # the archive of the snapshot to compare with
        by_name = {check.name: check for check in (*(all_checks() if accepted else ()), *checks)}
        self._exemptions: list[Exemption] = read_acceptances(accepted, by_name.values()) if accepted else []
        if accept_all is not None and accept_all.exists():
            raise click.UsageError(
                f"{accept_all} is there already, and --accept-all replaces nothing. Name a new file."
            )
        if accept_all is not None and not accept_all.absolute().parent.is_dir():
            raise click.UsageError(f"There is no folder {accept_all.parent} for --accept-all.")
        self._snapshot = Session(snapshot=against) if against else None

    def apply(self, report: QuestionReport, parameters: Mapping[str, Any]) -> None:
        """Compare the findings of a complete report with those of the snapshot, and accept those that are accepted."""
        if self._snapshot is not None:
            with self._snapshot as session:
                earlier = run_questions(self._checks, parameters=parameters, session=session)
            compare(report, earlier, str(self._against))
        accept(report, self._exemptions)
        if self._accept_all is not None:
            before = [(finding, finding.accepted, finding.expired) for finding in report.findings]
            entries = accept_all(report)
            try:
                write_file(self._accept_all, acceptance_file(entries).encode())
            except FileWriteError as error:
                report.unwritten.append(str(error))
                for finding, accepted, expired in before:  # no file accepts them
                    finding.accepted, finding.expired = accepted, expired
                return
            print_note(
                f"{self._accept_all} accepts {counted(len(entries), 'finding')}. Give each its reason, and use it:"
            )
            print_note(f"kosmo check … --accept {self._accept_all}")
