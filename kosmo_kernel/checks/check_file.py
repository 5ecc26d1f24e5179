"""Read the file of a check: a head of comments, and a few lines of Lua that return the list of findings.

The head says what the check is about, and which parameters it has. It is read without running the Lua. A mistake in it
is an error that names the file, the line and what to write there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.head import CHECK, SEVERITY, HeadEntry, lua_below, parse_question, read_text
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.values.lua_syntax import is_lua_name, parse_literal
from kosmo_kernel.values.parameters import Parameter

SEVERITIES = ("low", "medium", "high")
REPEATED, (PROFILE,) = CHECK.repeated, CHECK.optional
START = "start"  # the value of `PROFILE` for a check that every account should pass

_KINDS = {"number": "number", "text": "string", "list": "table"}  # of required parameters, by the word of the head
_REQUIRED_PARAM = re.compile(r"(\w+):\s*+(\w+)\s++\|\s++(\S.*)")
_PARAM = re.compile(r"(\w+)\s*+=\s*+(\S.*)")
_BAR = re.compile(r"(?<=\s)\|(?=\s)")  # between the default of a parameter and its meaning
_SCOPE = re.compile(r"[a-z][a-z_-]*")


@dataclass(frozen=True, slots=True)
class CheckParameter(Parameter):
    """A parameter of a check. Without a default it is required: the check means nothing until somebody sets it.

    Parameters:
        value: the default as a Python value; None for a required parameter.
        required: whether it has no default.
    """

    value: Any = None
    required: bool = False

    def is_missing(self, value: Any) -> bool:
        """Return whether a value leaves a required parameter unset: none at all, or an empty text or list."""
        return self.required and (value is None or value in ("", [], {}))

    @property
    def example(self) -> str:
        """The placeholder for a value on a command line."""
        return {"number": "NUMBER", "table": "'[\"…\"]'"}.get(self.kind, "TEXT")


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
    """

    name: str
    title: str
    severity: str
    why: str
    remedy: str
    scope: str
    key: tuple[str, ...]
    parameters: tuple[CheckParameter, ...]
    source: str
    body_start: int
    file: str
    is_shipped: bool = False
    in_start: bool = False

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
        parameters=_parameters(question.entries.get(REPEATED, []), file),
        source=question.source,
        body_start=question.body_start,
        file=file,
        is_shipped=is_shipped,
        in_start=bool(profiles),
    )


def _parameters(entries: list[HeadEntry], file: str) -> tuple[CheckParameter, ...]:
    parameters = tuple(_read_parameters(entries, file))
    counts = Counter(parameter.name for parameter in parameters)
    for entry, name in zip(entries, [parameter.name for parameter in parameters], strict=True):
        if counts[name] > 1:
            raise SettingsError(f"{file}:{entry.line}: the head has the parameter `{name}` twice. Keep one of them.")
    return parameters


def _read_parameters(entries: list[HeadEntry], file: str) -> Iterator[CheckParameter]:
    for entry in entries:
        if required := _REQUIRED_PARAM.fullmatch(entry.value):
            yield _required_parameter(entry, *required.groups(), file=file)
            continue
        line, parts = entry.line, _PARAM.fullmatch(entry.value)
        default, *meaning = map(str.strip, _BAR.split(parts[2], 1)) if parts else [""]
        if not parts or not is_lua_name(parts[1]) or not default or not all(meaning or [""]):
            raise SettingsError(
                f"{file}:{line}: a parameter is `-- param: NAME = DEFAULT | what it means`, such as "
                "`-- param: days = 30 | a certificate that ends within so many days`. One without a default is "
                "`-- param: NAME: KIND | what it means`; the kind is number, text or list."
            )
        name, doc = parts[1], meaning[0]
        try:
            value = parse_literal(default)
        except ValueError as error:
            raise SettingsError(f"{file}:{line}: the default of `{name}` is no value of Lua: {error}.") from None
        yield CheckParameter(name, _kind(value), default, doc, value)


def _required_parameter(entry: HeadEntry, name: str, kind: str, doc: str, *, file: str) -> CheckParameter:
    if not is_lua_name(name):
        raise SettingsError(f"{file}:{entry.line}: `{one_line(name, most=40)}` is no name of a variable in Lua.")
    if kind not in _KINDS:
        kinds = "number, text or list"
        raise SettingsError(f"{file}:{entry.line}: the kind of `{name}` is {kinds}, got {one_line(kind, most=40)}.")
    return CheckParameter(name, _KINDS[kind], "", doc, required=True)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
        ((list, dict), "table"),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), "nil")
