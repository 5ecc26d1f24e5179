"""The answers of `lua_search_docs`: functions with how to call them and what they return, and guides."""

from __future__ import annotations

from collections.abc import Iterator

from kosmo_kernel.docs import list_pages, search_pages
from kosmo_kernel.docs.search import terms_of
from kosmo_kernel.docs.subject import Subject
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.mcp_server import checks
from kosmo_kernel.mcp_server.sessions import ClientSession
from kosmo_kernel.render.bounded import bounded
from kosmo_kernel.safety.text import shortened

MAX_DETAILED = 6  # functions with their fields
MAX_RESULTS = 20  # pages
MAX_CHECKS = 8
MAX_FIELDS_LENGTH = 400  # characters of the names of a function's fields
MAX_VALUE_LENGTH = 60  # characters of a kept value
WHO = "who"


def search(words: str) -> str:
    """Return the pages that have the most of the words, best first; all pages without words."""
    if not terms_of(words):
        return str(list_pages())
    wrong = []
    try:
        entries = list(checks.entries())
    except SettingsError as error:  # in a check of the user, which is no reason to find no function
        entries, wrong = [], [f"Checks cannot be searched. {error.message}"]
    results = search_pages(words, entries)
    of_checks = [result for result in results if result.page.startswith(f"{checks.SPACE}.")]
    others = [result for result in results if result not in of_checks][:MAX_RESULTS]
    lines = [line for place, result in enumerate(others) for line in _result(result, is_detailed=place < MAX_DETAILED)]
    lines += [f"- check `{result.page}`: {result.title}" for result in of_checks[:MAX_CHECKS]]
    lines = lines or ["Nothing speaks of this. `lua_read_doc` without a page lists all pages."]
    return "\n".join([*lines, *wrong])


def _result(result: Subject, *, is_detailed: bool) -> Iterator[str]:
    title = getattr(result, "title", "")
    if result.integration is None or result.function is None:
        yield f"- page `{result.page}`: {title}"
        return
    function = result.function
    yield f"- `{result.integration.name}.{function.signature}`: {title}"
    if is_detailed:
        kind = "a list of" if function.returns == "list" else "a record of"
        fields = shortened(", ".join(column.name for column in function.columns), MAX_FIELDS_LENGTH)
        yield f"  {kind} {fields}"


def session_lines(session: ClientSession) -> list[str]:
    """Return a line for each variable of a session, then for each value in `Out`, the last one first."""
    variables = [
        f"{row['name']}: {row['type']} {row['size']}".rstrip() for row in session.lua.variables() if row["name"] != "_"
    ]
    return variables + kept_lines(session)


def kept_lines(session: ClientSession) -> list[str]:
    """Return a line for each value in `Out` of a session, the last one first."""
    lines = []
    for number, value in reversed(list(session.lua.kept.items())):
        first = bounded(value, MAX_VALUE_LENGTH).text.partition("\n")[0]
        lines.append(f"Out[{number}]: {first}")
    return lines


def running_lines(session: ClientSession) -> list[str]:
    """Return a line for each call of a session that was answered and still runs."""
    return [
        f"{call.kept or 'A dry run'} still runs, after {call.describe()}."
        for call in session.running()
        if call.answered
    ]
