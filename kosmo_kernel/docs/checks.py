"""The pages of the checks that come with this package, `checks.crashed-dynos`, made from the heads of their files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from kosmo_kernel.pages.page import paragraphs
from kosmo_kernel.questions.shipped import CHECKS, services, shipped_files

if TYPE_CHECKING:
    from kosmo_kernel.questions.head import QuestionFile

SPACE = "checks"  # the pages are called `checks.NAME`


@cache
def shipped_checks() -> dict[str, QuestionFile]:
    """Return the checks that come with this package, by name."""
    from pathlib import Path

    from kosmo_kernel.questions.head import CHECK, parse_question, read_text

    files = map(Path, _files().values())
    return {file.stem: parse_question(read_text(file), file.name, CHECK) for file in files}


def check_names() -> list[str]:
    """Return the names of the checks that come with this package, sorted, without reading their files."""
    return sorted(_files())


def _files() -> dict[str, str]:
    return {name: file for service in services() for name, file in shipped_files(service, CHECKS).items()}


def check_page(check: QuestionFile) -> Iterator[str]:
    """Yield the page of a check: what it finds, how to run it, why, what to do, its parameters and its Lua."""
    yield f"# {check.value('title')}"
    yield paragraphs(
        f"Severity {check.value('severity')}, scope `{check.value('scope')}`. `kosmo check {check.name}` runs it; an "
        f'agent calls `lua_run` with `check = "{check.name}"`.'
    )
    yield paragraphs(check.value("why"))
    yield paragraphs(f"What to do: {check.value('do')}")
    parameters = (entry.value.partition(" | ") for entry in check.entries.get("param", ()))
    if lines := [f"- `{name.strip()}`: {about.strip()}" for name, _, about in parameters]:
        yield "\n".join(lines)
    yield f"```lua\n{check.lua}```"
