"""Read the file of a check: a head of comments, and a few lines of Lua that return the list of findings.

The head says what the check is about, and which parameters it has. It is read without running the Lua. A mistake in it
is an error that names the file, the line and what to write there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kosmo_kernel.questions.head import CHECK, SEVERITY, lua_below, parse_question, read_text
from kosmo_kernel.questions.own_folder import DEFAULT_SERVICE
from kosmo_kernel.questions.parameters import QuestionParameter, read_parameters
from kosmo_kernel.safety.redaction import one_line

SEVERITIES = ("low", "medium", "high")
PROFILE, SERVICE = CHECK.optional
START = "start"  # the value of `PROFILE` for a check that every account should pass

_SCOPE = re.compile(r"[a-z][a-z_-]*")


@dataclass(frozen=True, slots=True)
class Check:
    """A check: a question about an account, whose answers are the findings.

    Parameters:
        name: its name, that of its file without the suffix.
        title: what it finds, in a few words.
        severity: `low`, `medium` or `high`.
        why: why a finding matters.
        remedy: what to do about a finding; `do` in the file.
        scope: the scope that a token needs for it.
        key: the columns that identify a finding.
        parameters: its parameters.
        source: the text of the file.
        body_start: the line of the file, from 1, at which the Lua begins.
        file: the file, as it was named; the bare name of a shipped one.
        is_shipped: whether it comes with this package.
        in_start: whether every account should pass it, so that `--start` runs it.
        service: the name of the service that it is about.
    """

    name: str
    title: str
    severity: str
    why: str
    remedy: str
    scope: str
    key: tuple[str, ...]
    parameters: tuple[QuestionParameter, ...]
    source: str
    body_start: int
    file: str
    is_shipped: bool = False
    in_start: bool = False
    service: str = DEFAULT_SERVICE

    @property
    def lua(self) -> str:
        """The Lua below the head."""
        return lua_below(self.source, self.body_start)


def read_check(path: Path, *, is_shipped: bool = False) -> Check:
    """Read the file of a check.

    Parameters:
        path: the file.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it cannot be read, or it is no check; the message names the file and the line.
    """
    text = read_text(path)
    return parse_check(text, path.name if is_shipped else str(path), is_shipped=is_shipped)


def parse_check(text: str, file: str, *, is_shipped: bool = False) -> Check:
    """Parse the text of a check.

    Parameters:
        text: the text.
        file: the name of the file, which gives the check its name.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it is no check; the message names the file and the line.
    """
    question = parse_question(text, file, CHECK)
    severity, scope = question.value(SEVERITY), question.value("scope")
    if severity not in SEVERITIES:
        raise question.mistake(SEVERITY, f"the severity is low, medium or high, got {one_line(severity, most=40)}.")
    if not _SCOPE.fullmatch(scope):
        raise question.mistake("scope", f"the scope is one word, such as read, got {one_line(scope, most=40)}.")
    profiles = [entry.value for entry in question.entries.get(PROFILE, ())]
    if profiles not in ([], [START]):
        raise question.mistake(PROFILE, f"the profile is {START}, got {one_line(profiles[0], most=40) or 'nothing'}.")
    return Check(
        name=question.name,
        title=question.value("title"),
        severity=severity,
        why=question.value("why"),
        remedy=question.value("do"),
        scope=scope,
        key=question.columns("key"),
        parameters=read_parameters(question),
        source=question.source,
        body_start=question.body_start,
        file=file,
        is_shipped=is_shipped,
        in_start=bool(profiles),
        service=question.optional(SERVICE) or DEFAULT_SERVICE,
    )
