"""Regular expressions in a tool's schema. They are its server's, and one can keep an engine busy for years.

`jsonschema` matches them in this process and without a limit. So its keywords that have patterns are replaced by ones
that ask a `Matches`, which matches elsewhere and in little time. It may also not know: the pattern is none, or takes
too long. Then nothing is held against an argument, and the server looks for itself.
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
"""Whether a pattern is found in a text, as `re.search` has it; None where that is not known."""

Faults = Iterator[ValidationError]

PATTERNS = "patternProperties"
# Where more matches mean less that is right, so that a fault is none where a match was not known.
TURNED = frozenset(("not", "oneOf", "contains", "if", "then", "else"))


class _Asking(FormatChecker):
    """Carries a `Matches` to the keywords: a validator hands its checker of formats on, and this knows no format."""

    def __init__(self, matches: Matches) -> None:
        super().__init__(formats=())
        self._matches = matches
        self.is_sure = True  # all that was asked was known

    def found(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern is found in a text."""
        known = self._matches(pattern, text)
        self.is_sure = self.is_sure and known is not None
        return known


NO_FORMATS = FormatChecker(formats=())  # the library's would refuse all patterns that Python does not know


def rules(kind: type[Validator], schema: Mapping[str, Any]) -> type[Validator]:
    """The rules to check with.

    Parameters:
        kind: the library's rules for the schema's version of JSON Schema.
        schema: a valid one.
    """
    return _taught(kind, PATTERNS in _names(schema))


def faults(validator: Validator, matches: Matches, given: Any) -> list[ValidationError]:
    """What of its rules a value breaks.

    Parameters:
        validator: of the rules that `rules` gave.
        matches: matches their patterns.
        given: the value.
    """
    asking = _Asking(matches)
    found = list(validator.evolve(format_checker=asking).iter_errors(given))
    return [one for one in found if asking.is_sure or TURNED.isdisjoint(map(str, one.absolute_schema_path))]


@lru_cache
def _taught(kind: type[Validator], has_patterns: bool) -> type[Validator]:
    taught: dict[str, Any] = {"pattern": _pattern}
    if has_patterns:
        extra = "additionalProperties"
        taught |= {PATTERNS: _pattern_properties, extra: partial(_additional_properties, kind.VALIDATORS[extra])}
        taught["unevaluatedProperties"] = _unevaluated_properties
    known = {name: one for name, one in taught.items() if name in kind.VALIDATORS}
    made: Any = extend(kind, known)  # type: ignore[no-untyped-call] # the stubs have no types for it
    made.evolve = _evolve
    return made  # type: ignore[no-any-return] # likewise


def _evolve(validator: Any, **changes: Any) -> Any:
    """The library's `evolve`, but of the same rules: its own leaves them where a part of a schema names a version."""
    kind = type(validator)
    kept = {one.alias: getattr(validator, one.name) for one in kind.__attrs_attrs__ if one.init}
    return kind(**kept | changes)


def _names(schema: Any) -> Iterator[str]:
    """All names in a schema, those of properties among them."""
    if isinstance(schema, dict):
        yield from schema
        for one in schema.values():
            yield from _names(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _names(one)


# The keywords, with the parameters that the library gives to them ------------------------------------------


def _found(validator: Validator, pattern: str, text: str) -> bool | None:
    checker: Any = validator.format_checker  # type: ignore[attr-defined] # the protocol lacks it
    found: bool | None = checker.found(pattern, text)
    return found


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Faults:
    if validator.is_type(instance, "string") and _found(validator, pattern, instance) is False:
        yield ValidationError("the pattern is not found")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any) -> Faults:
    if validator.is_type(instance, "object"):
        for pattern, below in patterns.items():
            for name, value in instance.items():
                if _found(validator, pattern, name):
                    yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(library: Any, validator: Validator, below: Any, instance: Any, schema: Any) -> Faults:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get(PATTERNS, {})
    others = {
        name: value
        for name, value in instance.items()
        if all(_found(validator, pattern, name) is False for pattern in patterns)
    }
    yield from library(validator, below, others, {key: one for key, one in schema.items() if key != PATTERNS})


def _unevaluated_properties(_validator: Validator, _below: Any, _instance: Any, _schema: Any) -> Faults:
    """Nothing: which names patterns have looked at is more than the library lets others tell."""
    yield from ()
