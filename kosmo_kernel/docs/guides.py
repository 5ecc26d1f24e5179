"""The guides, one per Markdown file in `guides/`: the file's name is the guide's name, its first line the title.

A line `{{subject}}` in a guide stands for a table of the settings of that subject, `{{checks}}` for one of the checks
that come with this package, `{{tables}}` for what their shared tables have, and `{{scopes}}` for one of what needs
which scope of a token.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from kosmo_kernel.docs.reference import table_descriptions, table_of_package
from kosmo_kernel.pages import Page
from kosmo_kernel.questions.discovery import shipped_checks
from kosmo_kernel.safety.markup import Markdown, markdown_of_package
from kosmo_kernel.text import lazy_pattern

# pathlib would import half of urllib, which slows the start of the command.
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "guides")
_SUBJECT = lazy_pattern(r"^\{\{(\w+)\}\}$", re.MULTILINE)
FIRST = "overview"  # listed first; the others follow by name


def guide(name: str) -> Page:
    """Return the text of a guide, one of `GUIDES`."""
    return Page(markdown_of_package(_text(name)).sub(_SUBJECT, lambda subject: _table(subject[1])))


def _table(subject: str) -> Markdown:
    special = {"checks": _table_of_checks, "scopes": _table_of_scopes, "tables": _shared_tables}
    return special[subject]() if subject in special else _table_of_settings(subject)


def _shared_tables() -> Markdown:
    """Return what each table of each service has."""
    from kosmo_kernel.questions import services

    return markdown_of_package("\n\n".join(text for service in services() for text in table_descriptions(service)))


def _table_of_checks() -> Markdown:
    rows = ((f"`{check.name}`", check.severity, check.scope, check.title) for check in shipped_checks())
    return table_of_package(("Check", "Severity", "Scope", "What it finds"), rows)


def _table_of_scopes() -> Markdown:
    """Return the functions by subject, and the checks, that need each scope; those of the usual scope are counted."""
    from kosmo_kernel.catalogue.integration import functions_by_scope, unknown_scopes, usual_scope
    from kosmo_kernel.integrations import BUILT_IN

    service = BUILT_IN[0]
    subjects = {function.name: subject for subject, functions in service.by_subject().items() for function in functions}
    by_scope = functions_by_scope(service)
    usual = usual_scope(service)
    checks: dict[str, list[str]] = {}
    for check in shipped_checks():
        checks.setdefault(check.scope, []).append(check.name)
    rows: list[tuple[str, str, str]] = []
    for scope, names in by_scope.items():
        enough = " or ".join(f"`{granted}`" for granted in service.credentials.enough[scope])
        if scope == usual:
            rows.append((enough, "All others", f"{len(names)} functions, {len(checks[scope])} checks"))
            continue
        by_subject: dict[str, list[str]] = {}
        for name in names:
            by_subject.setdefault(subjects[name.partition("(")[0]], []).append(name)
        by_subject |= {"Checks": checks[scope]} if scope in checks else {}
        rows += [(enough, subject, _code(listed)) for subject, listed in by_subject.items()]
    rows.append(("not stated", "", _code(function.name for function in unknown_scopes(service))))
    return table_of_package(("A token has", "Subject", "For"), rows)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(name: str, lines: int | None = None) -> str:
    """Return the text of a guide, or only its first lines."""
    with open(os.path.join(_FOLDER, f"{name}.md"), encoding="utf-8") as file:
        return "".join(islice(file, lines))


def _table_of_settings(subject: str) -> Markdown:
    from kosmo_kernel.settings.table import BY_SUBJECT

    rows = [(f"`{setting.variable}`", setting.help) for setting in BY_SUBJECT[subject] if setting.variable]
    return table_of_package(("Variable", "What it says"), rows)


class _Guides(Mapping[str, str]):
    """The titles of the guides by name, each read when it is needed."""

    def __init__(self) -> None:
        names = sorted(file.removesuffix(".md") for file in os.listdir(_FOLDER) if file.endswith(".md"))
        self._names = dict.fromkeys(sorted(names, key=lambda name: name != FIRST))

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return _text(name, lines=1).removeprefix("# ").rstrip()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


GUIDES = _Guides()
