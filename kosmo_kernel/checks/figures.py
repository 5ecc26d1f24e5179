"""The figures of a snapshot that need questions: what its things cost a month, and the findings of the checks."""

from __future__ import annotations

from pathlib import Path

from kosmo_kernel.archive.snapshots import SavedSnapshot, add_figures
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.questions.discovery import all_checks, find_table
from kosmo_kernel.questions.shipped import services
from kosmo_kernel.session import Session

_COSTS = "costs"  # the table of what things cost a month


def add_cents_and_findings(file: Path) -> dict[str, int]:
    """Add the cents a month and the number of findings to the figures of an archive's newest snapshot, and return them.

    There are no cents if the snapshot lacks a list that they need, and no findings if it is incomplete: a smaller
    number would look like a change. A check that needs what no snapshot has is left out of every snapshot.

    Raises:
        SettingsError: the file is no archive, or was changed.
        FileWriteError: it cannot be written.
    """
    figures: dict[str, int] = {}
    with Session(snapshot=file) as session:
        [costs] = run_questions([find_table(services()[0], _COSTS)], session=session).results
        if costs.records is not None and not costs.reasons:
            figures["cents"] = sum(row["cents"] or 0 for row in costs.records)
        if SavedSnapshot(file).complete:
            figures["findings"] = sum(1 for _ in run_questions(all_checks(), session=session).findings)
    add_figures(file, figures)
    return figures
