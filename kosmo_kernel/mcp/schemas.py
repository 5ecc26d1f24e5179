"""Check a value against a JSON Schema of a server, and describe what is wrong without showing the value.

Schemas come from servers, so checking one may take for ever: `jsonschema` visits a part of a schema as often as other
parts refer to it, which may double at each level, matches patterns in this process, and compares each item of a list
with each other. Here a budget limits the visits and their CPU time, and the keywords with patterns call a `Matches`
function. When its result is unknown, because the pattern is invalid or must not be matched here, the value is accepted
and left to the server to check. Patterns are matched, and large values are checked, by a task of the reader
(`violations`). `calls.py` imports this module, and with it the library, when it is needed.
"""
# ruff: noqa: E402 - jsonschema is imported in a way of our own

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import StoppedError
from kosmo_kernel.mcp.tools import ENDLESS, TOO_COSTLY, count_nodes, json_start, unknown_argument
from kosmo_kernel.reader.task import current
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.settings.installation import import_jsonschema

import_jsonschema()

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Matches = Callable[[str, str], bool | None]
"""Return whether a pattern matches somewhere in a text, as `re.search` does; None if unknown."""

Clock = Callable[[], float]
Faults = Iterator[ValidationError]

PATTERNS = "patternProperties"
# Keywords under which a match can make a value invalid, so that an error is not certain when a match is unknown.
KEYWORDS_INVERTED_BY_MATCHES = frozenset(("not", "oneOf", "contains", "if", "then", "else"))
SCHEMA_STEPS = 100_000  # visits of parts of the standard's own schema, to check a schema of 30,000 values
MIN_STEPS = 10_000  # visits of parts of a schema, to check a small value
STEPS_PER_CHECK = 50  # between two looks at the clock
STEPS_PER_NODE = 100  # more of them for each number, text, list and object of the value
MIN_SECONDS = 1.0  # of CPU time
SECONDS_PER_NODE = 1e-4
MAX_ERRORS = 100  # of one value; nobody reads more
MAX_UNEVALUATED = 64  # entries; the library's check for unevaluated ones takes quadratic time
MAX_SCHEMA_TEXT = 120  # characters of a schema's value in an error message
MAX_MISSING = 100  # missing names that a description has
WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table of names and values",
    "null": "nil",
}
LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}


class SchemaCostError(Exception):
    """Checking a value against a schema exceeds its budget."""


def unknown_match(_pattern: str, _text: str) -> bool | None:
    """Match no pattern, so that the server has to check what has one."""
    return None


class Schema:
    """A schema that values are checked against.

    Attributes:
        has_patterns: whether it may have regular expressions.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator: Validator | None = None  # None if it is invalid, which leaves the check to the server
        self._fault = ""  # the reason why nothing can be checked against it
        self.has_patterns = False
        try:
            self._validator = _validator_of(schema)
            self.has_patterns = not {"pattern", PATTERNS}.isdisjoint(_names(schema))
        except SchemaCostError:
            self._fault = TOO_COSTLY
        except RecursionError:
            self._fault = ENDLESS

    def violations(self, value: Any, nodes: int, matches: Matches = unknown_match) -> list[str]:
        """Return the descriptions of the first `MAX_ERRORS` violations of the schema.

        Parameters:
            value: the value.
            nodes: its `count_nodes`, which decides how long the check may take.
            matches: matches patterns.
        """
        if self._fault or self._validator is None:
            return [self._fault] if self._fault else []
        budget = CheckBudget(MIN_STEPS + STEPS_PER_NODE * nodes, MIN_SECONDS + SECONDS_PER_NODE * nodes, matches)
        try:
            errors = list(islice(self._validator.evolve(format_checker=budget).iter_errors(value), MAX_ERRORS))
        except SchemaCostError:
            return [TOO_COSTLY]
        except RecursionError:
            return [ENDLESS]
        except Unresolvable:
            return []  # the schema is invalid: its references cannot be resolved
        return [
            fault
            for error in errors
            if budget.is_sure or KEYWORDS_INVERTED_BY_MATCHES.isdisjoint(map(str, error.absolute_schema_path))
            for fault in _descriptions(error)
        ]


def _descriptions(error: ValidationError) -> Iterator[str]:
    """Describe a violation of the schema."""
    path = _path(error)
    required: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [f"`{name}`" for name in required if name not in instance][:MAX_MISSING]
            yield from [f"`{path}` lacks {', '.join(missing)}"] if path else [f"{name} is missing" for name in missing]
        case "additionalProperties" if not path:
            names = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            yield from (unknown_argument(name, list(names)) for name in instance if name not in names)
        case "type":
            yield f"`{path}` must be {_any_of([required] if isinstance(required, str) else required)}"
        case "anyOf" | "oneOf" if kinds := [item["type"] for item in required if isinstance(item.get("type"), str)]:
            yield f"`{path}` must be {_any_of(kinds)}"
        case "enum":
            yield f"`{path}` must be one of {json_start(required, MAX_SCHEMA_TEXT)}"
        case "const":
            yield f"`{path}` must be {json_start(required, MAX_SCHEMA_TEXT)}"
        case str() as rule if rule in LIMITS:
            yield f"`{path}` must be {LIMITS[rule]} {required}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" as rule:
            unit = "items" if rule.endswith("Items") else "characters"
            yield f"`{path}` must have {'at least' if rule.startswith('min') else 'at most'} {required} {unit}"
        case _ as rule:
            yield f"`{path or 'the arguments'}` must satisfy `{rule}`: {json_start(required, MAX_SCHEMA_TEXT)}"


def _any_of(kinds: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(WORDS.get(kind, kind) for kind in kinds))


def _path(error: ValidationError) -> str:
    """Return the path of the invalid value, with indexes from 1 as in Lua: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


# The task of the reader ------------------------------------------------------------------------------------------


def prepare() -> None:
    """Check values that make each kind of mistake, because modules are imported when they are first needed."""
    schema = {
        "properties": {"a": {"pattern": "a"}, "b": {"$ref": "#/$defs/c"}, "d": {"uniqueItems": True}},
        "$defs": {"c": {"type": "integer"}},
        "patternProperties": {"^x": {}},
        "additionalProperties": False,
        "unevaluatedProperties": False,
    }
    value = {"a": "b", "b": "c", "d": [1, 1], "bb": 1}
    violations(json.dumps({"schema": schema, "value": value, "has_patterns": True}).encode())


def violations(data: bytes) -> bytes:
    """Return a list of the descriptions of how a value violates a schema.

    Parameters:
        data: an object with `schema`, `value` and `has_patterns`: whether to match patterns.
    """
    question = decode_json(data, "the question", ValueError)
    matches = _matches if question["has_patterns"] else unknown_match
    value, schema = question["value"], _schema(json.dumps(question["schema"]))
    nodes = count_nodes(value, len(data)) or len(data)
    return json.dumps(schema.violations(value, nodes, matches)).encode()


@lru_cache(maxsize=4)
def _schema(text: str) -> Schema:
    return Schema(decode_json(text, "the schema", ValueError))


def _matches(pattern: str, text: str) -> bool | None:
    """Return whether a pattern matches somewhere in a text; None if it is no pattern."""
    import regex

    try:
        return regex.compile(pattern, regex.VERSION0 | regex.UNICODE, cache_pattern=False).search(text) is not None
    except (regex.error, ValueError, OverflowError, RecursionError):
        return None


# The validator ----------------------------------------------------------------------------------------------------


class CheckBudget(FormatChecker):
    """The limits of the work of one check, and how it matches patterns.

    The validator passes it to the keywords as the format checker, although it checks no formats.

    Parameters:
        steps: visits of a part of the schema.
        seconds: CPU time of this thread.
        matches: matches patterns.
        clock: returns the CPU time.
    """

    def __init__(
        self, steps: int, seconds: float, matches: Matches = unknown_match, clock: Clock = time.thread_time
    ) -> None:
        super().__init__(formats=())
        self._matches, self._steps, self._clock, self._end = matches, steps, clock, clock() + seconds
        self._stop_reason = current().stop_reason
        self.is_sure = True  # no match so far was unknown

    def match(self, pattern: str, text: str) -> bool | None:
        """Return whether a pattern matches somewhere in a text; None if unknown."""
        matched = self._matches(pattern, text)
        self.is_sure = self.is_sure and matched is not None
        return matched

    def spend(self) -> None:
        """Count a visit of a part of the schema; raises like `check_limits`."""
        self._steps -= 1
        if self._steps < 0 or self._steps % STEPS_PER_CHECK == 0:  # reading the clock takes longer than a step
            self.check_limits()

    def check_limits(self) -> None:
        """Check that there is budget left, and that the run goes on.

        Raises:
            SchemaCostError: the budget is used up.
            StoppedError: the run must stop.
        """
        if self._steps < 0 or self._clock() > self._end:
            raise SchemaCostError
        if self._stop_reason():
            raise StoppedError("Interrupted.")


def _validator_of(schema: Mapping[str, Any]) -> Validator | None:
    """Return a validator for a schema, or None if the schema is invalid.

    Raises:
        SchemaCostError: checking the schema itself exceeds its budget.
        RecursionError: it is too deep.
    """
    kind = validator_for(schema, default=Draft202012Validator)
    above = validator_for(kind.META_SCHEMA, default=kind)
    budget = CheckBudget(SCHEMA_STEPS, MIN_SECONDS, lambda pattern, text: re.search(pattern, text) is not None)
    if any(_validator(above, kind.META_SCHEMA).evolve(format_checker=budget).iter_errors(dict(schema))):
        return None
    return _validator(kind, schema)


def _validator(kind: type[Validator], schema: Mapping[str, Any]) -> Validator:
    registry: Any = Registry()  # its own, empty registry: no schema is fetched
    return _extended(kind, PATTERNS in _names(schema))(dict(schema), registry=registry)


@lru_cache
def _extended(kind: type[Validator], has_patterns: bool) -> type[Validator]:
    """Return a validator class with the keywords of this module, derived from the library's for a version of schemas.

    Parameters:
        kind: the library's class.
        has_patterns: whether a schema may have `patternProperties`.
    """
    keywords: dict[str, Any] = {"pattern": _pattern, "uniqueItems": _unique_items}
    for name in ("unevaluatedItems", "unevaluatedProperties"):
        keywords[name] = partial(_unevaluated, kind.VALIDATORS.get(name))
    if has_patterns:
        extra = "additionalProperties"
        keywords |= {PATTERNS: _pattern_properties, extra: partial(_additional_properties, kind.VALIDATORS[extra])}
        # The library does not expose which properties a pattern has evaluated.
        keywords["unevaluatedProperties"] = lambda *_: iter(())
    supported = {name: check for name, check in keywords.items() if name in kind.VALIDATORS}
    extended: Any = extend(kind, supported)  # type: ignore[no-untyped-call] # the stubs have no types for it
    fields = [(field.name, field.alias) for field in extended.__attrs_attrs__ if field.init]

    def evolve(validator: Any, **changes: Any) -> Any:
        """Replace the library's `evolve`, which switches to its own class where a subschema declares `$schema`."""
        values = {alias: getattr(validator, name) for name, alias in fields if alias not in changes}
        changed = extended(**values, **changes)
        changed.format_checker.spend()
        return changed

    extended.evolve = evolve
    return extended  # type: ignore[no-any-return] # `extend` is untyped


def _names(schema: Any) -> Iterator[str]:
    """Yield all keys in a schema, including property names."""
    if isinstance(schema, dict):
        yield from schema
        for value in schema.values():
            yield from _names(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _names(item)


# Keywords, with the parameters that `jsonschema` passes ----------------------------------------------------


def _match(validator: Validator, pattern: str, text: str) -> bool | None:
    checker: Any = validator.format_checker  # type: ignore[attr-defined] # the protocol lacks it
    matched: bool | None = checker.match(pattern, text)
    return matched


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Faults:
    if validator.is_type(instance, "string") and _match(validator, pattern, instance) is False:
        yield ValidationError("the pattern is not found")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any) -> Faults:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if _match(validator, pattern, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(library: Any, validator: Validator, subschema: Any, instance: Any, schema: Any) -> Faults:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get(PATTERNS, {})
    others = {
        name: value
        for name, value in instance.items()
        if all(_match(validator, pattern, name) is False for pattern in patterns)
    }
    yield from library(validator, subschema, others, {key: value for key, value in schema.items() if key != PATTERNS})


def _unique_items(validator: Validator, unique: bool, instance: Any, _schema: Any) -> Faults:
    if unique and validator.is_type(instance, "array"):
        budget: Any = validator.format_checker  # type: ignore[attr-defined] # the protocol lacks it
        texts: set[str] = set()
        for item in instance:
            budget.check_limits()
            # The text is the same for values that are equal in JSON Schema, such as `1` and `1.0`.
            texts.add(json.dumps(_with_integers(item), sort_keys=True))
        if len(texts) < len(instance):
            yield ValidationError("an item occurs twice")


def _with_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _with_integers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unevaluated(library: Any, validator: Validator, subschema: Any, instance: Any, schema: Any) -> Faults:
    if not isinstance(instance, (list, dict)) or len(instance) <= MAX_UNEVALUATED:
        yield from library(validator, subschema, instance, schema) or ()
