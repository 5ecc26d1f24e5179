"""The pages of checks, `checks.crashed-dynos`, made from the heads of their files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kosmo_kernel.pages.page import paragraphs

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question

SPACE = "checks"  # the pages are called `checks.NAME`


def check_page(check: Question) -> Iterator[str]:
    """Yield the page of a check: what it finds, how to run it, why, what to do, its parameters and its Lua."""
    yield f"# {check.title}"
    yield paragraphs(
        f"Severity {check.severity}, scope `{check.scope}`. `kosmo check {check.name}` runs it; an "
        f'agent calls `lua_run` with `check = "{check.name}"`.'
    )
    yield paragraphs(check.why)
    yield paragraphs(f"What to do: {check.remedy}")
    if check.parameters:
        yield "\n".join(f"- `{one.declaration}`: {one.doc}" for one in check.parameters)
    yield f"```lua\n{check.lua}```"
