"""Validation of a tool's arguments against its JSON Schema, before anything is sent.

All mistakes are reported in one message, which says what is required and never shows the values. An argument that the
schema does not name is a mistake if the schema lists its arguments, because most servers silently ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.mcp.tools import Tool
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.values.records import to_builtins

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from kosmo_kernel.mcp.schema_patterns import Matches

MAX_SCHEMA_TEXT = 120  # characters of a schema's value in an error message
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

_cache: dict[int, tuple[Mapping[str, Any], _Rules]] = {}  # by the schema's id; keeping the schema keeps its id unique


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
        arguments, faults = _check(_rules_of(tool), named, positional, matches)
    except RecursionError:
        faults = ["its schema refers to itself without end, or is too deep, so that nothing can be checked against it"]
    if faults:
        raise InvalidArgumentsError.of_call(tool.function, dict.fromkeys(faults), tool.signature)
    return arguments


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
        faults += [_unknown(name, rules.names) for name in arguments if name not in rules.kinds]
    faults += rules.violations(arguments, matches)
    return arguments, faults


def _unknown(name: str, names: list[str]) -> str:
    near = nearest(name, names, most=1)
    return f"`{name[:60]}` is no argument of it" + (f" (`{near[0]}` is)" if near else "")


@dataclass(frozen=True, slots=True)
class _Rules:
    """The requirements of a tool's schema. They are cached, because creating them takes 100 times as long as a check.

    Parameters:
        names: the names of its arguments, in order.
        kinds: the types that each argument may have, if the schema declares them directly.
        required: the names of its required arguments.
        is_closed: other names are not allowed.
        validator: checks against the schema; None if the schema is invalid, which leaves the check to the server.
    """

    names: list[str]
    kinds: dict[str, set[str]]
    required: tuple[str, ...]
    is_closed: bool
    validator: Validator | None

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

    def violations(self, arguments: dict[str, Any], matches: Matches) -> list[str]:
        """Return the descriptions of all violations of the schema."""
        from referencing.exceptions import Unresolvable

        from kosmo_kernel.mcp.schema_patterns import validation_errors

        try:
            errors = validation_errors(self.validator, matches, arguments) if self.validator else []
            return [fault for error in errors for fault in _descriptions(error)]
        except Unresolvable:
            return []  # the schema is invalid: its references cannot be resolved


def _rules_of(tool: Tool) -> _Rules:
    cached = _cache.get(id(tool.schema))
    if cached and cached[0] is tool.schema:
        return cached[1]
    properties = tool.properties
    rules = _Rules(
        names=list(properties),
        kinds={name: _kinds(schema) for name, schema in properties.items()},
        required=tool.required,
        is_closed=bool(properties) and not any(tool.schema.get(key) for key in OPEN),
        validator=_validator(tool.schema),
    )
    if len(_cache) >= MAX_SCHEMAS_KEPT:
        _cache.clear()
    _cache[id(tool.schema)] = (tool.schema, rules)
    return rules


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    declared = schema.get("type")
    kinds = {kind for kind in (declared if isinstance(declared, list) else [declared]) if isinstance(kind, str)}
    for key in ("anyOf", "oneOf"):
        alternatives = schema.get(key)
        for alternative in alternatives if isinstance(alternatives, list) else ():
            kinds |= _kinds(alternative) if isinstance(alternative, dict) else set()
    return kinds


def _validator(schema: Mapping[str, Any]) -> Validator | None:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    from kosmo_kernel.mcp.schema_patterns import NO_FORMATS, validator_class

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema), format_checker=NO_FORMATS)  # type: ignore[call-arg] # the protocol lacks it
    except SchemaError:
        return None
    return validator_class(kind, schema)(
        dict(schema), registry=Registry()
    )  # its own, empty registry: no schema is fetched


def _descriptions(error: ValidationError) -> Iterator[str]:
    """Describe a violation of the schema."""
    path = _path(error)
    required: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            if path:  # missing arguments are reported by `_check`
                yield f"`{path}` lacks {', '.join(f'`{name}`' for name in required if name not in instance)}"
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
    return one_line(json.dumps(value, ensure_ascii=False), most=MAX_SCHEMA_TEXT)


def _path(error: ValidationError) -> str:
    """Return the path of the invalid value, with indexes from 1 as in Lua: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
