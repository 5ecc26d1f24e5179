"""The reference in few words, for agents: the list of pages, the pages of checks, and what a search finds."""

from __future__ import annotations

from collections.abc import Iterator

from kosmo_kernel import integrations
from kosmo_kernel.docs import GUIDES
from kosmo_kernel.docs.reference import check_page
from kosmo_kernel.docs.search_index import SearchResult, matching_columns, not_available, search_pages, terms_of
from kosmo_kernel.questions import CHECKS, TABLES
from kosmo_kernel.questions.discovery import (
    check_names,
    find_check,
    find_table,
    own_questions,
    readable_checks,
    table_names,
)
from kosmo_kernel.questions.question import Question
from kosmo_kernel.safety.text import shortened

MAX_DETAILED = 2  # functions with their fields, and tables with theirs
MAX_RESULTS = 6  # pages
MAX_LENGTH = 1_180  # characters of an answer
MAX_TITLE_LENGTH = 90  # characters
MAX_FIELDS_LENGTH = 170  # characters of the names of a function's fields
ALL, START = "all", "start"  # in place of the name of a check
_OWN = "a question of the user's folder"
_HOW_TO_CHECK = f"""# Checks

`lua_run` with `check = "crashed-dynos"` runs a check, with commas between several, `{START}` those that every \
account should pass, and `{ALL}` all of them, which may need some requests for each app. `params` sets what a check \
asks for, such as `{{"leavers": ["tom@example.com"]}}`; the page of a check, `{CHECKS}.NAME`, has its parameters. The \
findings are kept as `Out[n]`, those of several checks as `Out[n]["crashed-dynos"]`. What could not be checked, or was \
not set up, has no list and is no pass."""
_FAN_OUT = "A list as `{0}` asks for each; the rows then have `{0}`, the name as you gave it."


def search(words: str) -> str:
    """Return the pages that speak of these words, best first; the list of pages without words."""
    if not terms_of(words):
        return page_list()
    results = search_pages(words)[:MAX_RESULTS]
    detailed = [result for result in results if result.function][:MAX_DETAILED]
    tables = [result for result in results if result.part.startswith(f"{TABLES}.")][:MAX_DETAILED]
    lists = {result.function.fan_out.name for result in detailed if result.function and result.function.fan_out}
    ending = [_FAN_OUT.format(name) for name in sorted(lists)[:1]]
    lines = list(not_available(words))
    remaining = MAX_LENGTH - sum(map(len, [*lines, *ending]))
    for result in results:
        lines_of_result = list(_lines_of(result, words if result in detailed or result in tables else ""))
        remaining -= sum(map(len, lines_of_result)) + len(lines_of_result)
        if remaining < 0:
            break
        lines += lines_of_result
    return "\n".join([*(lines or ["Nothing speaks of this. `lua_read_doc` without a page lists all pages."]), *ending])


def page_of_checks(name: str) -> str | None:
    """Return the page of a check by its name alone, or how to run checks and all of them; None for any other name."""
    short = name.strip().removeprefix(f"{CHECKS}.")
    if name.strip() in (CHECKS, f"{CHECKS}.{ALL}"):
        lines = (f"- `{check.name}` ({check.severity}): {title_of(check)}" for check in readable_checks()[0])
        return "\n".join([_HOW_TO_CHECK, "", *lines])
    if short == name.strip() and short not in check_names():
        return None
    return "\n\n".join(check_page(find_check(short)))


def title_of(question: Question) -> str:
    """Return the title of a shipped question; that of another one is a text of others."""
    return question.title if question.is_shipped else _OWN


def is_own(page: str) -> bool:
    """Return whether a page may be about a question of the user's folder, whose texts are those of others."""
    return page.strip().rpartition(".")[2] in {question.name for question in own_questions()[0]}


def page_list() -> str:
    """Return the names of all pages, guides and checks first; those of functions are on the page of each service."""
    lines = [
        "# Pages",
        f"Guides: {', '.join(GUIDES)}.",
        f"Checks, as `{CHECKS}.NAME`; `{CHECKS}.{ALL}` has their titles: {', '.join(check_names())}.",
    ]
    for service in integrations.load_all():
        name, tables = service.name, table_names(service.name)
        if tables:
            lines.append(f"Tables, as `{name}.{TABLES}.NAME`: {', '.join(tables)}.")
        example = service.functions[0].name
        lines.append(f"`{name}` has its functions by subject, and `{name}.{example}` is the page of one.")
    return "\n".join(lines)


def _lines_of(result: SearchResult, words: str) -> Iterator[str]:
    """Yield the lines about a page: how to use it and what it is about, and the fields of a function.

    Parameters:
        result: the page.
        words: whose fields come first; empty for no fields.
    """
    title = _OWN if result.function is None and is_own(result.page) else shortened(result.title, MAX_TITLE_LENGTH)
    if result.function is None or result.integration is None:
        is_table = result.part.startswith(f"{TABLES}.")
        is_check = result.page.startswith(f"{CHECKS}.")
        kind = "table" if is_table else "check" if is_check else "page"
        yield f"- {kind} `{result.page}{'()' * is_table}`: {title}"
        if words and result.integration and not is_own(result.page):
            columns = find_table(result.integration.name, result.part.removeprefix(f"{TABLES}.")).columns
            yield f"  a list of {shortened(', '.join(columns), MAX_FIELDS_LENGTH)}"
        return
    function = result.function
    yield f"- `{result.integration.name}.{function.signature}`: {title}"
    if words:
        kind = "a list of" if function.returns == "list" else "a record of"
        main = [column for column in function.columns if column.main] or function.columns
        fields = [column.name for column in [*matching_columns(result, words)[:3], *main] if column.path[-1] != "id"]
        yield f"  {kind} {shortened(', '.join(dict.fromkeys(fields)), MAX_FIELDS_LENGTH)}"
