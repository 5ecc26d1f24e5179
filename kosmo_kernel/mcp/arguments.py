"""Validation of a tool's arguments against its JSON Schema, before anything is sent, and of its result.

All mistakes are reported in one message, which says what is required and never shows the values. An argument that the
schema does not name is a mistake if the schema lists its arguments, because most servers silently ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.mcp.tools import Tool
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text.nearest import nearest
from kosmo_kernel.values.records import to_builtins

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from kosmo_kernel.mcp.schema_validator import Matches

MAX_SCHEMA_TEXT = 120  # characters of a schema's value in an error message
MAX_UNKNOWN = 100  # unknown arguments that an error names
MAX_COMPARED = 1_000  # known names that an unknown one is compared with
MAX_SCHEMAS_KEPT = 1_000  # cached schemas; each listing of a server's tools creates new ones
# Keywords that may allow argument names besides those in `properties`.
OPEN = ("additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if")
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

_T = TypeVar("_T")
_Cache = dict[int, tuple[Mapping[str, Any], _T]]
"""Compiled schemas by the schema's id; keeping the schema keeps its id unique."""

_rules: _Cache[_Rules] = {}
_outputs: _Cache[_Schema] = {}


def _unknown_match(_pattern: str, _text: str) -> bool | None:
    return None


def checked(
    tool: Tool,
    named: Mapping[str, Any] | None,
    positional: Sequence[Any] = (),
    *,
    matches: Matches = _unknown_match,
) -> dict[str, Any]:
    """Return the arguments of a call by name, in the form to send.

    Parameters:
        tool: the tool to call.
        named: the arguments by name; None if they are positional.
        positional: the arguments in the order of the schema's properties.
        matches: matches the schema's patterns; by default patterns are not checked.

    Raises:
        InvalidArgumentsError: the arguments do not fit; all mistakes are in one message. Nothing was sent.
    """
    try:
        arguments, faults = _check(_kept(_rules, tool.schema, partial(_rules_of, tool)), named, positional, matches)
    except RecursionError:
        faults = [ENDLESS]
    if faults:
        raise InvalidArgumentsError.of_call(tool.function, dict.fromkeys(faults), tool.signature)
    return arguments


def result_faults(tool: Tool, answer: Mapping[str, Any]) -> list[str]:
    """Return the descriptions of how a tool's result violates its output schema. Patterns are not checked.

    Parameters:
        tool: the tool that was called.
        answer: its result, which is no error.
    """
    output = tool.output
    if output is None or "structuredContent" not in answer:
        return []
    schema = _kept(_outputs, output, partial(_schema, output))
    return list(dict.fromkeys(schema.violations(answer["structuredContent"], _unknown_match)))


def _kept(cache: _Cache[_T], schema: Mapping[str, Any], make: Callable[[], _T]) -> _T:
    """Return what was made of a schema, or make it."""
    cached = cache.get(id(schema))
    if cached is None or cached[0] is not schema:
        made = make()
        if len(cache) >= MAX_SCHEMAS_KEPT:
            cache.clear()
        cached = cache[id(schema)] = (schema, made)
    return cached[1]


def _check(
    rules: _Rules, named: Mapping[str, Any] | None, positional: Sequence[Any], matches: Matches
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments by name, and their mistakes."""
    faults: list[str] = []
    values: Mapping[str, Any] = named or {}
    if named is None:
        values = dict(zip(rules.names, positional, strict=False))
        if len(positional) > len(rules.names):
            faults.append(f"it takes {len(rules.names)} arguments, got {len(positional)}")
    arguments = {name: rules.convert(name, to_builtins(value)) for name, value in values.items() if value is not None}
    faults += [f"`{name}` is missing" for name in rules.required if name not in arguments]
    if rules.is_closed:
        unknown = [name for name in arguments if name not in rules.kinds]
        faults += [_unknown(name, rules.names) for name in unknown[:MAX_UNKNOWN]]
    faults += rules.schema.violations(arguments, matches)
    return arguments, faults


def _unknown(name: str, names: list[str]) -> str:
    near = nearest(name, names[:MAX_COMPARED], most=1)
    return f"`{name[:60]}` is no argument of it" + (f" (`{near[0]}` is)" if near else "")


@dataclass(frozen=True, slots=True)
class _Rules:
    """The requirements of a tool's schema. They are cached, because creating them takes 100 times as long as a check.

    Parameters:
        names: the names of its arguments, in order.
        kinds: the types that each argument may have, if the schema declares them directly.
        required: the names of its required arguments.
        is_closed: other names are not allowed.
        schema: checks against the schema.
    """

    names: list[str]
    kinds: dict[str, set[str]]
    required: tuple[str, ...]
    is_closed: bool
    schema: _Schema

    def convert(self, name: str, value: Any) -> Any:
        """Convert `{}` and floats such as `2.0`, which are ambiguous in Lua, to the type that the schema requires."""
        kinds = self.kinds.get(name, ())
        if value in ([], {}) and isinstance(value, (list, dict)):
            if "array" in kinds and "object" not in kinds:
                return []
            if "object" in kinds and "array" not in kinds:
                return {}
        if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
            return int(value)
        return value


class _Schema(NamedTuple):
    """A schema that values are checked against.

    Parameters:
        validator: its validator; None if it is invalid, which leaves the check to the server.
        fault: the reason why nothing can be checked against it; empty if there is none.
    """

    validator: Validator | None
    fault: str = ""

    def violations(self, value: Any, matches: Matches) -> list[str]:
        """Return the descriptions of the violations of the schema."""
        from referencing.exceptions import Unresolvable

        from kosmo_kernel.mcp.schema_validator import SchemaCostError, validation_errors

        if self.fault or self.validator is None:
            return [self.fault] if self.fault else []
        try:
            errors = validation_errors(self.validator, matches, value)
        except SchemaCostError:
            return [TOO_COSTLY]
        except RecursionError:
            return [ENDLESS]
        except Unresolvable:
            return []  # the schema is invalid: its references cannot be resolved
        return [fault for error in errors for fault in _descriptions(error)]


def _rules_of(tool: Tool) -> _Rules:
    properties = tool.properties
    return _Rules(
        names=list(properties),
        kinds={name: _kinds(schema) for name, schema in properties.items()},
        required=tuple(tool.required),
        is_closed=bool(properties) and not any(tool.schema.get(key) for key in OPEN),
        schema=_schema(tool.schema),
    )


def _schema(schema: Mapping[str, Any]) -> _Schema:
    from kosmo_kernel.values.json_schema import import_jsonschema

    import_jsonschema()
    from kosmo_kernel.mcp.schema_validator import SchemaCostError, validator_of

    try:
        return _Schema(validator_of(schema))
    except SchemaCostError:
        return _Schema(None, TOO_COSTLY)
    except RecursionError:
        return _Schema(None, ENDLESS)


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    declared = schema.get("type")
    kinds = {kind for kind in (declared if isinstance(declared, list) else [declared]) if isinstance(kind, str)}
    for key in ("anyOf", "oneOf"):
        alternatives = schema.get(key)
        for alternative in alternatives if isinstance(alternatives, list) else ():
            kinds |= _kinds(alternative) if isinstance(alternative, dict) else set()
    return kinds


def _descriptions(error: ValidationError) -> Iterator[str]:
    """Describe a violation of the schema."""
    path = _path(error)
    required: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [f"`{name}`" for name in required if name not in instance]
            yield from [f"`{path}` lacks {', '.join(missing)}"] if path else [f"{name} is missing" for name in missing]
        case "additionalProperties" if not path:
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            yield from (_unknown(name, list(known)) for name in instance if name not in known)
        case "type":
            yield f"`{path}` must be {_any_of([required] if isinstance(required, str) else required)}"
        case "anyOf" | "oneOf" if kinds := [item["type"] for item in required if isinstance(item.get("type"), str)]:
            yield f"`{path}` must be {_any_of(kinds)}"
        case "enum":
            yield f"`{path}` must be one of {_json(required)}"
        case "const":
            yield f"`{path}` must be {_json(required)}"
        case str() as rule if rule in LIMITS:
            yield f"`{path}` must be {LIMITS[rule]} {required}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" as rule:
            unit = "items" if rule.endswith("Items") else "characters"
            yield f"`{path}` must have {'at least' if rule.startswith('min') else 'at most'} {required} {unit}"
        case _ as rule:
            yield f"`{path or 'the arguments'}` must satisfy `{rule}`: {_json(required)}"


def _any_of(kinds: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(WORDS.get(kind, kind) for kind in kinds))


def _json(value: Any) -> str:
    written = ""
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):  # the value may have millions of parts
        written += part[: 2 * MAX_SCHEMA_TEXT]
        if len(written) > MAX_SCHEMA_TEXT:
            break
    return one_line(written, most=MAX_SCHEMA_TEXT)


def _path(error: ValidationError) -> str:
    """Return the path of the invalid value, with indexes from 1 as in Lua: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
