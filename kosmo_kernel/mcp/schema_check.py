"""Check a value against a JSON Schema of a server, and describe what is wrong without showing the value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text.nearest import nearest

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from kosmo_kernel.mcp.schema_validator import Matches

MAX_SCHEMA_TEXT = 120  # characters of a schema's value in an error message
MAX_MISSING = 100  # missing names that a description has
MAX_COMPARED = 1_000  # known names that an unknown one is compared with
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

ENDLESS = "its schema refers to itself without end, or is too deep, so that nothing can be checked against it"
TOO_COSTLY = "its schema takes too long to check, so that nothing can be checked against it"


def unknown_match(_pattern: str, _text: str) -> bool | None:
    """Match no pattern, so that the server has to check what has one."""
    return None


class Schema(NamedTuple):
    """A schema that values are checked against."""

    validator: Validator | None  # its validator; None if it is invalid, which leaves the check to the server
    fault: str = ""  # the reason why nothing can be checked against it; empty if there is none
    has_patterns: bool = False  # whether it may have regular expressions

    def violations(self, value: Any, count: int, matches: Matches = unknown_match) -> list[str]:
        """Return the descriptions of the violations of the schema.

        Parameters:
            value: the value.
            count: its `count_nodes`, which decides how long the check may take.
            matches: matches patterns.
        """
        from referencing.exceptions import Unresolvable

        from kosmo_kernel.mcp.schema_validator import SchemaCostError, validation_errors

        if self.fault or self.validator is None:
            return [self.fault] if self.fault else []
        try:
            errors = validation_errors(self.validator, matches, value, count)
        except SchemaCostError:
            return [TOO_COSTLY]
        except RecursionError:
            return [ENDLESS]
        except Unresolvable:
            return []  # the schema is invalid: its references cannot be resolved
        return [fault for error in errors for fault in _descriptions(error)]


def count_nodes(value: Any, most: int) -> int | None:
    """Return the numbers, texts, lists and objects in a JSON value, itself included; None for more than `most`."""
    rest, count = [value], 1
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list):
            continue
        count += len(value)
        if count > most:
            return None
        rest.extend(value)
    return count


def schema_of(schema: Mapping[str, Any]) -> Schema:
    """Return what checks values against a schema."""
    from kosmo_kernel.values.json_schema import import_jsonschema

    import_jsonschema()
    from kosmo_kernel.mcp.schema_validator import SchemaCostError, has_patterns, validator_of

    try:
        return Schema(validator_of(schema), has_patterns=has_patterns(schema))
    except SchemaCostError:
        return Schema(None, TOO_COSTLY)
    except RecursionError:
        return Schema(None, ENDLESS)


def unknown_argument(name: str, names: list[str]) -> str:
    """Return the mistake of an argument that the schema does not name."""
    near = nearest(name, names[:MAX_COMPARED], most=1)
    return f"`{name[:60]}` is no argument of it" + (f" (`{near[0]}` is)" if near else "")


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
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            yield from (unknown_argument(name, list(known)) for name in instance if name not in known)
        case "type":
            yield f"`{path}` must be {_any_of([required] if isinstance(required, str) else required)}"
        case "anyOf" | "oneOf" if kinds := [item["type"] for item in required if isinstance(item.get("type"), str)]:
            yield f"`{path}` must be {_any_of(kinds)}"
        case "enum":
            yield f"`{path}` must be one of {json_start(required)}"
        case "const":
            yield f"`{path}` must be {json_start(required)}"
        case str() as rule if rule in LIMITS:
            yield f"`{path}` must be {LIMITS[rule]} {required}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" as rule:
            unit = "items" if rule.endswith("Items") else "characters"
            yield f"`{path}` must have {'at least' if rule.startswith('min') else 'at most'} {required} {unit}"
        case _ as rule:
            yield f"`{path or 'the arguments'}` must satisfy `{rule}`: {json_start(required)}"


def _any_of(kinds: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(WORDS.get(kind, kind) for kind in kinds))


def json_start(value: Any, most: int = MAX_SCHEMA_TEXT) -> str:
    """Return the JSON text of a value on one line, of which it keeps the first `most` characters."""
    written = ""
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):  # the value may have millions of parts
        written += part[: 2 * most]
        if len(written) > most:
            break
    return one_line(written, most=most)


def _path(error: ValidationError) -> str:
    """Return the path of the invalid value, with indexes from 1 as in Lua: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
