"""Checking what a tool is called with against its JSON Schema, before anything is sent.

All mistakes are told at once, in words of ours: what must be, and never what was given. An argument that the schema
does not name is a mistake where the schema lists its arguments, because most servers pass over such without a word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.records import Records
from kosmo_kernel.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from kosmo_kernel.mcp.tools import Tool

SAID = 120  # characters of what a schema asks for
KEPT = 1_000  # schemas; each time a server lists its tools anew they are other ones
# Where a schema says more of its arguments than `properties` does, names that are not there may be meant.
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

_validators: dict[int, tuple[Mapping[str, Any], Validator]] = {}  # by the schema's id, which the schema keeps


def checked(tool: Tool, named: Mapping[str, Any] | None, positional: Sequence[Any] = ()) -> dict[str, Any]:
    """The arguments of a call, by name, as they are sent.

    Parameters:
        tool: what is called.
        named: them by name; None where they come by position.
        positional: them in the order of the schema's properties.

    Raises:
        InvalidArgumentsError: all mistakes in one message. Nothing was sent.
    """
    faults: list[str] = []
    properties = tool.properties
    names = list(properties)
    given = dict(named or {})
    if named is None:
        given = dict(zip(names, positional, strict=False))
        if len(positional) > len(names):
            faults.append(f"it takes {len(names)} arguments, got {len(positional)}")
    found = {
        name: _fitting(_plain(value), properties.get(name, {})) for name, value in given.items() if value is not None
    }
    faults += [f"`{name}` is missing" for name in tool.required if name not in found]
    if properties and not any(tool.schema.get(key) for key in OPEN):
        faults += [_unknown(name, names) for name in found if name not in properties]
    faults += _against_schema(tool, found)
    if faults:
        raise InvalidArgumentsError(f"{tool.function}: {'; '.join(dict.fromkeys(faults))}. Write {tool.signature}")
    return found


def _unknown(name: str, names: list[str]) -> str:
    near = nearest(name, names, most=1)
    return f"`{name[:60]}` is no argument of it" + (f" (`{near[0]}` is)" if near else "")


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Records):
        return [_plain(row) for row in value.rows]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _fitting(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value in the form that is asked for, where Lua knows only one for two: `{}`, and `2.0` for 2."""
    kinds = _kinds(schema)
    if value in ([], {}) and isinstance(value, (list, dict)):
        if "array" in kinds and "object" not in kinds:
            return []
        if "object" in kinds and "array" not in kinds:
            return {}
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        return int(value)
    return value


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    told = schema.get("type")
    kinds = {told} if isinstance(told, str) else {one for one in told or () if isinstance(one, str)}
    for key in ("anyOf", "oneOf"):
        for one in schema.get(key) or ():
            kinds |= _kinds(one) if isinstance(one, dict) else set()
    return kinds


def _against_schema(tool: Tool, given: dict[str, Any]) -> list[str]:
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - only where tools are called
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as above

    try:
        return [fault for error in _validator(tool.schema).iter_errors(given) for fault in _said(error)]
    except (SchemaError, Unresolvable):
        return []  # a schema that is none checks nothing; its server does


def _validator(schema: Mapping[str, Any]) -> Validator:
    """What checks against a schema; made once, since that takes a hundred times as long as a check."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where tools are called
    from jsonschema.validators import validator_for  # noqa: PLC0415 - as above
    from referencing import Registry  # noqa: PLC0415 - as above

    kept = _validators.get(id(schema))
    if kept and kept[0] is schema:
        return kept[1]
    kind = validator_for(schema, default=Draft202012Validator)
    kind.check_schema(dict(schema))
    made: Validator = kind(dict(schema), registry=Registry())  # of its own: no schema may have another one fetched
    if len(_validators) >= KEPT:
        _validators.clear()
    _validators[id(schema)] = (schema, made)
    return made


def _said(error: ValidationError) -> Iterator[str]:
    """What is wrong, in words."""
    path = _path(error)
    asked: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "required":
            if path:  # at the top it is told already
                yield f"`{path}` lacks {', '.join(f'`{n}`' for n in asked if n not in given)}"
        case "additionalProperties" if not path:
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            yield from (_unknown(name, list(known)) for name in given if name not in known)
        case "type":
            yield f"`{path}` must be {_any_of([asked] if isinstance(asked, str) else asked)}"
        case "anyOf" | "oneOf" if kinds := [one["type"] for one in asked if isinstance(one.get("type"), str)]:
            yield f"`{path}` must be {_any_of(kinds)}"
        case "enum":
            yield f"`{path}` must be one of {_shown(asked)}"
        case "const":
            yield f"`{path}` must be {_shown(asked)}"
        case str() as rule if rule in LIMITS:
            yield f"`{path}` must be {LIMITS[rule]} {asked}"
        case "minItems" | "maxItems" | "minLength" | "maxLength" as rule:
            unit = "items" if rule.endswith("Items") else "characters"
            yield f"`{path}` must have {'at least' if rule.startswith('min') else 'at most'} {asked} {unit}"
        case _ as rule:
            yield f"`{path or 'the arguments'}` must satisfy `{rule}`: {_shown(asked)}"


def _any_of(kinds: Sequence[str]) -> str:
    return " or ".join(dict.fromkeys(WORDS.get(kind, kind) for kind in kinds))


def _shown(asked: Any) -> str:
    return one_line(json.dumps(asked, ensure_ascii=False), most=SAID)


def _path(error: ValidationError) -> str:
    """Where it is, with Lua's counting: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
