"""Checking what a tool is called with against its JSON Schema, before anything is sent.

All mistakes are told at once, in words of ours: what must be, and never what was given. An argument that the schema
does not name is a mistake where the schema lists its arguments, because most servers pass over such without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.mcp.schema_patterns import Matches
from kosmo_kernel.mcp.tools import Tool
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MAX_SCHEMA_TEXT = 120  # characters of what a schema asks for
MAX_SCHEMAS_KEPT = 1_000  # schemas; each time a server lists its tools anew they are other ones
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

_kept: dict[int, tuple[Mapping[str, Any], _Rules]] = {}  # by the schema's id, which the schema keeps


def _nothing_known(_pattern: str, _text: str) -> bool | None:
    return None


def checked(
    tool: Tool,
    named: Mapping[str, Any] | None,
    positional: Sequence[Any] = (),
    *,
    matches: Matches = _nothing_known,
) -> dict[str, Any]:
    """The arguments of a call, by name, as they are sent.

    Parameters:
        tool: what is called.
        named: them by name; None where they come by position.
        positional: them in the order of the schema's properties.
        matches: matches the schema's patterns; without it they are the server's to look at.

    Raises:
        InvalidArgumentsError: all mistakes in one message. Nothing was sent.
    """
    try:
        found, faults = _found(_rules_of(tool), named, positional, matches)
    except RecursionError:
        faults = ["its schema refers to itself without end, or is too deep, so that nothing can be checked against it"]
    if faults:
        raise InvalidArgumentsError(f"{tool.function}: {'; '.join(dict.fromkeys(faults))}. Write {tool.signature}")
    return found


def _found(
    rules: _Rules, named: Mapping[str, Any] | None, positional: Sequence[Any], matches: Matches
) -> tuple[dict[str, Any], list[str]]:
    """The arguments by name, and what is wrong with them."""
    faults: list[str] = []
    given: Mapping[str, Any] = named or {}
    if named is None:
        given = dict(zip(rules.names, positional, strict=False))
        if len(positional) > len(rules.names):
            faults.append(f"it takes {len(rules.names)} arguments, got {len(positional)}")
    found = {name: rules.fitting(name, _plain(value)) for name, value in given.items() if value is not None}
    faults += [f"`{name}` is missing" for name in rules.required if name not in found]
    if rules.is_closed:
        faults += [_unknown(name, rules.names) for name in found if name not in rules.kinds]
    faults += rules.broken(found, matches)
    return found, faults


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


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a tool's schema asks for. Made once, since that takes a hundred times as long as a check.

    Parameters:
        names: of the arguments that it names, in order.
        kinds: of each, which types it may have, as far as the schema says so plainly.
        required: those that must be given.
        is_closed: there are no others.
        validator: checks against the schema; None for a schema that is none, since then its server does.
    """

    names: list[str]
    kinds: dict[str, set[str]]
    required: tuple[str, ...]
    is_closed: bool
    validator: Validator | None

    def fitting(self, name: str, value: Any) -> Any:
        """A value in the form that is asked for, where Lua knows only one for two: `{}`, and `2.0` for 2."""
        kinds = self.kinds.get(name, ())
        if value in ([], {}) and isinstance(value, (list, dict)):
            if "array" in kinds and "object" not in kinds:
                return []
            if "object" in kinds and "array" not in kinds:
                return {}
        if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
            return int(value)
        return value

    def broken(self, given: dict[str, Any], matches: Matches) -> list[str]:
        """What of the schema some arguments break."""
        from referencing.exceptions import Unresolvable

        from kosmo_kernel.mcp.schema_patterns import faults

        try:
            errors = faults(self.validator, matches, given) if self.validator else []
            return [fault for error in errors for fault in _said(error)]
        except Unresolvable:
            return []  # as for a schema that is none


def _rules_of(tool: Tool) -> _Rules:
    kept = _kept.get(id(tool.schema))
    if kept and kept[0] is tool.schema:
        return kept[1]
    properties = tool.properties
    made = _Rules(
        names=list(properties),
        kinds={name: _kinds(schema) for name, schema in properties.items()},
        required=tool.required,
        is_closed=bool(properties) and not any(tool.schema.get(key) for key in OPEN),
        validator=_validator(tool.schema),
    )
    if len(_kept) >= MAX_SCHEMAS_KEPT:
        _kept.clear()
    _kept[id(tool.schema)] = (tool.schema, made)
    return made


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    told = schema.get("type")
    kinds = {one for one in (told if isinstance(told, list) else [told]) if isinstance(one, str)}
    for key in ("anyOf", "oneOf"):
        ways = schema.get(key)
        for one in ways if isinstance(ways, list) else ():
            kinds |= _kinds(one) if isinstance(one, dict) else set()
    return kinds


def _validator(schema: Mapping[str, Any]) -> Validator | None:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    from kosmo_kernel.mcp.schema_patterns import NO_FORMATS, rules

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema), format_checker=NO_FORMATS)  # type: ignore[call-arg] # the protocol lacks it
    except SchemaError:
        return None
    return rules(kind, schema)(dict(schema), registry=Registry())  # of its own: no schema may have another one fetched


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
    return one_line(json.dumps(asked, ensure_ascii=False), most=MAX_SCHEMA_TEXT)


def _path(error: ValidationError) -> str:
    """Where it is, with Lua's counting: `files[1].name`."""
    path = ""
    for part in error.absolute_path:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
