"""Read the parameters of a question from its head: `-- param: days = 30 | what it means`.

A parameter without a default, `-- param: app: text | what it means`, is required: the question means nothing until
somebody sets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.head import PARAM, HeadEntry, QuestionFile
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text.patterns import lazy_pattern
from kosmo_kernel.values.lua_literals import is_lua_name, parse_literal
from kosmo_kernel.values.parameters import Parameter

_KINDS = {"number": "number", "text": "string", "list": "table"}  # of required parameters, by the word of the head
_WORDS = {kind: word for word, kind in _KINDS.items()}
_REQUIRED_PARAM = lazy_pattern(r"(\w+):\s*+(\w+)\s++\|\s++(\S.*)")
_PARAM = lazy_pattern(r"(\w+)\s*+=\s*+(\S.*)")
_BAR = lazy_pattern(r"(?<=\s)\|(?=\s)")  # between the default of a parameter and its meaning


class QuestionParameter(Parameter, frozen=True):
    """A parameter of a question, and its default as a Python value."""

    value: Any = None  # the default as a Python value; None for a required parameter
    required: bool = False  # whether it has no default

    @property
    def declaration(self) -> str:
        """Its name and its default, or its kind, as they stand in the head."""
        return f"{self.name}: {_WORDS[self.kind]}" if self.required else f"{self.name} = {self.default}"

    def is_missing(self, value: Any) -> bool:
        """Return whether a value leaves a required parameter unset: none at all, or an empty text or list."""
        return self.required and (value is None or value in ("", [], {}))

    @property
    def example(self) -> str:
        """The placeholder for a value on a command line."""
        return {"number": "NUMBER", "table": "'[\"…\"]'"}.get(self.kind, "TEXT")


def read_parameters(question: QuestionFile) -> tuple[QuestionParameter, ...]:
    """Return the parameters of a question, in the order of its head.

    Raises:
        SettingsError: one of them is wrong; the message names the file and the line.
    """
    entries, file = question.entries.get(PARAM, []), question.file
    parameters = tuple(_read_parameters(entries, file))
    counts = Counter(parameter.name for parameter in parameters)
    for entry, name in zip(entries, [parameter.name for parameter in parameters], strict=True):
        if counts[name] > 1:
            raise SettingsError(f"{file}:{entry.line}: the head has the parameter `{name}` twice. Keep one of them.")
    return parameters


def _read_parameters(entries: list[HeadEntry], file: str) -> Iterator[QuestionParameter]:
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
        yield QuestionParameter(name, _kind(value), default, doc, value)


def _required_parameter(entry: HeadEntry, name: str, kind: str, doc: str, *, file: str) -> QuestionParameter:
    if not is_lua_name(name):
        raise SettingsError(f"{file}:{entry.line}: `{one_line(name, most=40)}` is no name of a variable in Lua.")
    if kind not in _KINDS:
        kinds = "number, text or list"
        raise SettingsError(f"{file}:{entry.line}: the kind of `{name}` is {kinds}, got {one_line(kind, most=40)}.")
    return QuestionParameter(name, _KINDS[kind], "", doc, required=True)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
        ((list, dict), "table"),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), "nil")
