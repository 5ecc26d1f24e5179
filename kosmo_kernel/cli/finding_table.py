"""The findings of a check as a table for people, in which no column is lost without a word.

On a terminal that is too narrow, columns of ids are left out first; then texts go on in the next line; then the last
facts are left out. A line below names what is not there and the option that shows it: with `--full` each finding is a
block with a line for each column, where a table has no room for all. Off a terminal, each finding is one line that has
all columns, however long it is: a program, a log or a mail wraps it, or not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from kosmo_kernel.checks.finding_columns import finding_table
from kosmo_kernel.checks.report import Finding
from kosmo_kernel.cli.terminal import TERMINAL, styled_text
from kosmo_kernel.render.tables import columns_cut
from kosmo_kernel.render.text_table import DIM, TextColumn, fitting_widths, pair_lines, text_lines
from kosmo_kernel.text.width import cut_to

MAX_WIDTH = 50  # of a column: in a table its texts go on in the next line, in a file they push the rest of their line
MAX_TEXT = 400  # columns of a cell on a terminal, unless all is requested
FORM = TERMINAL._replace(widest=MAX_WIDTH, precision="minutes", paint=styled_text)
FULL = "--full shows all"


def lines_of(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the heading and the findings of one check, one line each with all columns and without spaces at its end."""
    columns = finding_table(findings).text_columns(FORM)
    widths = fitting_widths(columns, sys.maxsize, widest=MAX_WIDTH)
    return text_lines(columns, widths, rule="", spills=True)


def terminal_lines(findings: Sequence[Finding], width: int, *, full: bool) -> Iterator[str]:
    """Yield what a terminal shows of findings of one check, with styles: a table or blocks, and what has no room.

    Parameters:
        findings: the findings.
        width: the width of the terminal.
        full: show all columns, and texts of any length.
    """
    columns = finding_table(findings).text_columns(FORM)
    widths = fitting_widths(columns, width, widest=MAX_WIDTH, wraps=True)
    if full and len(widths) < len(columns):
        yield from _blocks(columns, width)
        return
    whole = [text for index in widths for text in columns[index].texts]
    if not full:
        columns = [column._replace(texts=[cut_to(text, MAX_TEXT) for text in column.texts]) for column in columns]
    yield from text_lines(columns, widths, rule=FORM.rule, wraps=True, paint=styled_text)
    left_out = [column.heading for index, column in enumerate(columns) if index not in widths]
    if left_out:
        yield styled_text(f"{columns_cut(left_out)} ({FULL})", DIM)
    if whole != [text for index in widths for text in columns[index].texts]:
        yield styled_text(f"long texts are cut ({FULL} of them)", DIM)


def _blocks(columns: Sequence[TextColumn], width: int) -> Iterator[str]:
    """Yield for each finding a block with a line for each column."""
    names = [column.heading for column in columns]
    for number, row in enumerate(zip(*(column.texts for column in columns), strict=True)):
        if number:
            yield ""
        yield from pair_lines(list(zip(names, row, strict=True)), width, styled_text, DIM)
