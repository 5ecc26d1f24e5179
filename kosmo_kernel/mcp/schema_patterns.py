"""Safe matching of the regular expressions in a tool's schema. They come from the server, so one may never finish.

`jsonschema` matches them in this process and without a time limit. Its keywords with patterns are therefore replaced by
ones that call a `Matches` function, which matches in another process within a time limit. When the result is unknown,
because the pattern is invalid or takes too long, the argument is accepted and left to the server to check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from jsonschema import FormatChecker, ValidationError
from jsonschema.validators import extend

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Matches = Callable[[str, str], bool | None]
"""Return whether a pattern matches somewhere in a text, as `re.search` does; None if unknown."""

Faults = Iterator[ValidationError]

PATTERNS = "patternProperties"
# Keywords under which a match can make a value invalid, so that an error is not certain when a match is unknown.
KEYWORDS_INVERTED_BY_MATCHES = frozenset(("not", "oneOf", "contains", "if", "then", "else"))


class _MatchingChecker(FormatChecker):
    """Passes a `Matches` to the keywords as the validator's format checker. It checks no formats itself."""

    def __init__(self, matches: Matches) -> None:
        super().__init__(formats=())
        self._matches = matches
        self.is_sure = True  # no match so far was unknown

    def match(self, pattern: str, text: str) -> bool | None:
        """Return whether a pattern matches somewhere in a text; None if unknown."""
        matched = self._matches(pattern, text)
        self.is_sure = self.is_sure and matched is not None
        return matched


NO_FORMATS = FormatChecker(formats=())  # the library's own would reject patterns that Python's `re` does not support


def validator_class(kind: type[Validator], schema: Mapping[str, Any]) -> type[Validator]:
    """Return a validator class whose pattern keywords use a `Matches`.

    Parameters:
        kind: the library's validator class for the schema's version of JSON Schema.
        schema: a valid schema.
    """
    return _extended(kind, PATTERNS in _names(schema))


def validation_errors(validator: Validator, matches: Matches, given: Any) -> list[ValidationError]:
    """Return the validation errors of a value.

    Parameters:
        validator: an instance of the class that `rules` returned.
        matches: matches patterns.
        given: the value.
    """
    checker = _MatchingChecker(matches)
    errors = list(validator.evolve(format_checker=checker).iter_errors(given))
    return [
        error
        for error in errors
        if checker.is_sure or KEYWORDS_INVERTED_BY_MATCHES.isdisjoint(map(str, error.absolute_schema_path))
    ]


@lru_cache
def _extended(kind: type[Validator], has_patterns: bool) -> type[Validator]:
    keywords: dict[str, Any] = {"pattern": _pattern}
    if has_patterns:
        extra = "additionalProperties"
        keywords |= {PATTERNS: _pattern_properties, extra: partial(_additional_properties, kind.VALIDATORS[extra])}
        keywords["unevaluatedProperties"] = _unevaluated_properties
    supported = {name: check for name, check in keywords.items() if name in kind.VALIDATORS}
    extended: Any = extend(kind, supported)  # type: ignore[no-untyped-call] # the stubs have no types for it
    extended.evolve = _evolve
    return extended  # type: ignore[no-any-return] # `extend` is untyped


def _evolve(validator: Any, **changes: Any) -> Any:
    """Replace the library's `evolve`, which switches to its own class where a subschema declares `$schema`."""
    kind = type(validator)
    values = {field.alias: getattr(validator, field.name) for field in kind.__attrs_attrs__ if field.init}
    return kind(**values | changes)


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


def _unevaluated_properties(_validator: Validator, _subschema: Any, _instance: Any, _schema: Any) -> Faults:
    """Report no errors: the library does not expose which properties a pattern has evaluated."""
    yield from ()
