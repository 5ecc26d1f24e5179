"""The titles and the links of the page of an executed notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from kosmo_kernel.runbook import page


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<a href='x.ipynb'>x</a> <a href='https://e.example'>y</a>", "x <a href='https://e.example'>y</a>"),
        (
            '<a id="1" href="#top"><b>up</b></a><A HREF=x.html><i>x</i></A>',
            '<a id="1" href="#top"><b>up</b></a><i>x</i>',
        ),
        ("<a href=x.html>no end <a href=y.html>y</a>", "<a href=x.html>no end y"),
        ("<abbr href=x>a</abbr></a>", "<abbr href=x>a</abbr></a>"),
    ],
)
def test_only_links_to_files_beside_the_notebook_become_text(markup: str, expected: str) -> None:
    assert page.without_local_links(markup) == expected


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# Apps # #", "Apps"),
        ("## [Apps](apps.md) and `dynos`", "Apps and dynos"),
        ("```\n# no title\n```\n# *Title*", "Title"),
    ],
)
def test_the_first_heading_is_the_title(source: str, title: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    page.set_titles(notebook)
    assert notebook.metadata.title == title


def test_a_page_of_headings_with_many_brackets_is_written(tmp_path: Path) -> None:
    copy = tmp_path / "ran.ipynb"
    cells = [nbformat.v4.new_markdown_cell(source) for source in ("# a" + " #" * 50_000, "# " + "[a" * 50_000)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), copy)
    assert page.write(copy, ()).stat().st_size > 150_000
