"""Arguments are checked against a tool's schema before anything is sent, and answers become values."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from kosmo_kernel.errors import BadAnswerError, InvalidArgumentsError, RefusedError, StoppedError
from kosmo_kernel.mcp import calls, schemas
from kosmo_kernel.mcp.calls import MAX_NAMED, MAX_SMALL_SCHEMA, MAX_SMALL_VALUE, checked, displays_of, result_value
from kosmo_kernel.mcp.pages import ALTERNATIVES, kind_of
from kosmo_kernel.mcp.schemas import STEPS_PER_CHECK, CheckBudget, SchemaCostError
from kosmo_kernel.mcp.tools import MAX_SIGNATURE, Tool, tools_of
from kosmo_kernel.reader import reading
from kosmo_kernel.reader.task import Allowance, allowed
from kosmo_kernel.values.records import Records

SEARCH = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 2},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        "sort": {"enum": ["name", "date"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "filter": {
            "type": "object",
            "properties": {"owner": {"type": "string"}},
            "required": ["owner"],
            "additionalProperties": False,
        },
        "since": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "exact": {"type": ["boolean", "null"]},
        "code": {"type": "string", "pattern": "^[a-z]+$"},
    },
    "required": ["query"],
}

LARGE: dict[str, Any] = {
    "$defs": {f"part{number}": {} for number in range(MAX_SMALL_SCHEMA)}
}  # makes a schema too large for here


def tool(schema: Any = SEARCH, output: Any = None) -> Tool:
    described = {"name": "search", "inputSchema": schema, "outputSchema": output}
    return tools_of("library", [described])[0]


def faults(named: dict[str, Any] | None, *positional: Any, schema: Any = SEARCH, patterns: bool = True) -> str:
    with pytest.raises(InvalidArgumentsError) as caught:
        checked(tool(schema), named, positional, patterns=patterns)
    start, end = "mcp.library.search: ", f". Write {tool(schema).signature}"
    assert caught.value.message.startswith(start)
    assert caught.value.message.endswith(end)
    return caught.value.message.removeprefix(start).removesuffix(end)


def test_arguments_are_given_by_name_or_in_the_order_of_the_schema() -> None:
    assert checked(tool(), {"query": "owls", "limit": 5}) == {"query": "owls", "limit": 5}
    assert checked(tool(), None, ["owls", 5]) == {"query": "owls", "limit": 5}
    assert checked(tool(), None, ["owls", None, "name"]) == {"query": "owls", "sort": "name"}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "`query` is missing"),
        ({"query": 3}, "`query` must be a text"),
        ({"query": "o"}, "`query` must have at least 2 characters"),
        ({"query": "owls", "limit": 0}, "`limit` must be at least 1"),
        ({"query": "owls", "limit": 51}, "`limit` must be at most 50"),
        ({"query": "owls", "limit": 1.5}, "`limit` must be a whole number"),
        ({"query": "owls", "sort": "size"}, '`sort` must be one of ["name", "date"]'),
        ({"query": "owls", "tags": ["a", 2]}, "`tags[2]` must be a text"),
        ({"query": "owls", "tags": ["a", "b", "c"]}, "`tags` must have at most 2 items"),
        ({"query": "owls", "tags": "a"}, "`tags` must be a list"),
        ({"query": "owls", "filter": {}}, "`filter` lacks `owner`"),
        ({"query": "owls", "filter": {"owner": "x", "y": 1}}, "`filter` must satisfy `additionalProperties`: false"),
        ({"query": "owls", "since": 3}, "`since` must be a text or nil"),
        ({"query": "owls", "exact": "yes"}, "`exact` must be true or false or nil"),
        ({"query": "owls", "code": "A-1"}, '`code` must satisfy `pattern`: "^[a-z]+$"'),
        ({"query": "owls", "limt": 3}, "`limt` is no argument of it (`limit` is)"),
        ({"limit": "x", "zzz": 1}, "`query` is missing; `zzz` is no argument of it; `limit` must be a whole number"),
    ],
)
@pytest.mark.parametrize("more", [{}, LARGE], ids=["small", "large"])
def test_what_is_wrong_is_said_and_never_what_was_given(
    given: dict[str, Any], fault: str, more: dict[str, Any]
) -> None:
    assert faults(given, schema=SEARCH | more) == fault


def test_too_many_positional_arguments_are_counted() -> None:
    schema = {"properties": {"row": {"type": "integer"}}}
    assert faults(None, 1, 2, 3, schema=schema) == "it takes 1 arguments, got 3"


@pytest.mark.parametrize(
    "more", [{"additionalProperties": True}, {"patternProperties": {"^x": {}}}, {"anyOf": [{"required": ["a"]}, {}]}]
)
def test_names_are_free_where_the_schema_says_more_than_its_properties(more: dict[str, Any]) -> None:
    schema = {"properties": {"a": {}}, **more}
    assert checked(tool(schema), {"xylophone": 1}) == {"xylophone": 1}
    assert checked(tool({}), {"anything": 1}) == {"anything": 1}


def test_closed_schemas_tell_an_unknown_name_once() -> None:
    assert (
        faults({"b": 1}, schema={"properties": {"a": {}}, "additionalProperties": False}) == "`b` is no argument of it"
    )


def test_values_have_the_form_that_is_asked_for() -> None:
    schema = {
        "properties": {
            "list": {"type": "array"},
            "table": {"type": "object"},
            "count": {"type": ["integer", "null"]},
            "share": {"type": "number"},
            "any": {},
        }
    }
    given = {"list": {}, "table": [], "count": 2.0, "share": 2.0, "any": {}}
    assert checked(tool(schema), given) == {"list": [], "table": {}, "count": 2, "share": 2.0, "any": {}}
    assert isinstance(checked(tool(schema), given)["count"], int)
    assert checked(tool(schema), {"list": Records([{"a": 1}])}) == {"list": [{"a": 1}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "text"}}},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"properties": {"a": {"$ref": "https://example.com/schema.json"}}},
    ],
)
def test_a_schema_that_cannot_be_used_checks_nothing_and_fetches_nothing(schema: dict[str, Any]) -> None:
    assert checked(tool(schema), {"a": 1}) == {"a": 1}


# Patterns are the server's, and matched in a process that may be ended -------------------------------------------

CODE = {"properties": {"code": {"type": "string", "pattern": r"^\p{Lu}\d+$"}}}
ENDLESS = {"type": "string", "pattern": "^(a|a)*$"}
LONG = "a" * 60 + "!"


def test_a_pattern_may_be_one_that_python_does_not_know() -> None:
    assert checked(tool(CODE), {"code": "É12"}, patterns=True) == {"code": "É12"}
    assert faults({"code": "é12"}, schema=CODE).startswith("`code` must satisfy `pattern`: ")


@pytest.mark.claim("mcp-patterns")
@pytest.mark.full
@pytest.mark.parametrize("version", [{}, {"$schema": "http://json-schema.org/draft-07/schema#"}], ids=["", "draft-07"])
@pytest.mark.parametrize(
    ("below", "given"),
    [
        (ENDLESS, LONG),
        ({"pattern": "["}, LONG),
        ({"$schema": "http://json-schema.org/draft-07/schema#", **ENDLESS}, LONG),
        ({"items": {"anyOf": [ENDLESS, {"type": "integer"}]}}, [LONG] * 50),
        ({"propertyNames": ENDLESS}, {LONG: 1}),
        ({"patternProperties": {"^(a|a)*$": {"type": "string"}}, "additionalProperties": False}, {LONG: 1}),
        ({"patternProperties": {"^(a|a)*$": {}}, "unevaluatedProperties": False}, {LONG: 1}),
        ({"$dynamicRef": "#x", "$defs": {"x": {"$dynamicAnchor": "x", **ENDLESS}}}, LONG),
    ],
)
def test_a_pattern_without_an_end_is_left_to_the_server(
    version: dict[str, Any], below: dict[str, Any], given: Any
) -> None:
    schema = {**version, "properties": {"a": below, "n": {"type": "integer"}}}
    assert checked(tool(schema), {"a": given}, patterns=True) == {"a": given}
    assert faults({"a": given, "n": "x"}, schema=schema) == "`n` must be a whole number"


@pytest.mark.full
@pytest.mark.parametrize("name", ["default", "const", "enum", "examples"])
def test_a_part_that_names_a_version_is_matched_elsewhere_too_whatever_it_is_called(name: str) -> None:
    schema = {"properties": {name: {"$schema": "http://json-schema.org/draft-07/schema#", **ENDLESS}}}
    assert checked(tool(schema), {name: LONG}, patterns=True) == {name: LONG}


@pytest.mark.parametrize(
    ("below", "given"),
    [
        ({"not": {"pattern": "(unclosed"}}, "x"),
        ({"not": ENDLESS}, LONG),
        ({"oneOf": [{"pattern": "(unclosed"}, {"pattern": "^x"}]}, "x"),
        ({"if": {"pattern": "(unclosed"}, "then": {"minLength": 5}}, "x"),
        ({"contains": {"pattern": "("}, "maxContains": 1}, ["x", "y"]),
    ],
)
def test_where_a_match_would_be_a_fault_one_that_is_not_known_is_none(below: dict[str, Any], given: Any) -> None:
    assert checked(tool({"properties": {"a": below}}), {"a": given}, patterns=True) == {"a": given}


def test_what_only_looks_like_a_keyword_means_nothing() -> None:
    schema = {
        "properties": {
            "one": {"enum": [{"$schema": "u"}]},
            "count": {"type": "integer", "description": "resolves $dynamicRef"},
        }
    }
    assert checked(tool(schema), {"one": {"$schema": "u"}}, patterns=True) == {"one": {"$schema": "u"}}
    assert faults({"count": "x"}, schema=schema) == "`count` must be a whole number"


def test_names_that_a_pattern_allows_are_checked_by_what_stands_with_it() -> None:
    below = {"properties": {"n": {}}, "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}
    schema = {"properties": {"a": below}}
    assert checked(tool(schema), {"a": {"x-1": "y", "n": 1}}, patterns=True) == {"a": {"x-1": "y", "n": 1}}
    assert faults({"a": {"x-1": 2}}, schema=schema) == "`a.x-1` must be a text"
    assert faults({"a": {"y": 2}}, schema=schema) == ("`a` must satisfy `additionalProperties`: false")


SOUND = {"content": [{"type": "audio", "data": "QUJD", "mimeType": "audio/wav"}]}
WRAPPED = {"type": "object", "properties": {"result": {"type": "array"}}, "required": ["result"]}


@pytest.mark.parametrize(
    ("answer", "output", "value"),
    [
        (SOUND, None, {"type": "audio", "mimeType": "audio/wav", "bytes": 3}),
        ({"content": [], "structuredContent": {"a": 1}}, None, {"a": 1}),
        ({"content": [], "structuredContent": {"result": [1, 2]}}, WRAPPED, [1, 2]),
        ({"content": [], "structuredContent": {"result": [1, 2]}}, None, {"result": [1, 2]}),
        ({"content": [], "structuredContent": [1]}, None, [1]),
        ({"content": [], "structuredContent": None}, None, None),
        ({"content": []}, None, None),
        ({"content": [{"type": "text", "text": "123"}]}, None, "123"),
        ({"content": [{"type": "text", "text": "true"}]}, None, "true"),
        ({"content": [{"type": "text", "text": '"a"'}]}, None, '"a"'),
        ({"content": [{"type": "text", "text": ' {"a": 1.0}\n'}]}, None, {"a": 1.0}),
        ({"content": [{"type": "text", "text": "[" * 5000}]}, None, "[" * 5000),
    ],
)
def test_an_answer_is_a_value(answer: dict[str, Any], output: Any, value: Any) -> None:
    found = result_value(tool(output=output), answer)
    assert (type(found), found) == (type(value), value)


def test_a_list_of_objects_is_records_whatever_they_came_in() -> None:
    rows = [{"a": 1}, {"a": None, "b": 2}]
    for answer in (
        {"content": [], "structuredContent": {"result": rows}},
        {"content": [{"type": "text", "text": '[{"a": 1}, {"a": null, "b": 2}]'}]},
    ):
        found = result_value(tool(output=WRAPPED), answer)
        assert isinstance(found, Records)
        assert list(found.rows) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"type": "text", "text": "no such book"}, {"type": "text", "text": "ask again"}], "no such book\nask again"),
        ([{"type": "text", "text": "the key open-sesame-42 is wrong"}], "the key [redacted] is wrong"),
        ([{"type": "text", "text": "x" * 5000}], "x" * 4000 + "…"),
    ],
)
def test_a_failure_is_an_error_with_its_text(content: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        result_value(tool(), {"content": content, "isError": True}, ["open-sesame-42"])
    assert caught.value.message == f"mcp.library.search: {message}"


def test_a_failure_without_a_text_is_an_error_too() -> None:
    with pytest.raises(RefusedError, match=r"mcp\.library\.search failed, and the server does not say why"):
        result_value(tool(), {"content": [], "isError": True})


def test_pictures_and_documents_are_there_to_be_looked_at() -> None:
    content = [
        {"type": "image", "mimeType": "image/png", "data": "AAAA"},
        {"type": "image", "mimeType": "image/jpeg", "data": "BBBB"},
        {"type": "image", "mimeType": "image/tiff", "data": "CCCC"},
        {"type": "resource", "resource": {"uri": "x:y", "mimeType": "text/markdown", "text": "# One"}},
        {"type": "resource", "resource": {"uri": "x:z", "mimeType": "text/plain", "text": "two"}},
        {"type": "resource", "resource": {"uri": "x:g", "mimeType": "image/gif", "blob": "DDDD"}},
        {"type": "text", "text": "three"},
    ]
    looked_at = [("png", b"AAAA"), ("jpeg", b"BBBB"), ("markdown", b"# One"), ("gif", b"DDDD")]
    assert displays_of({"content": content}) == looked_at
    assert displays_of({"contents": [{"uri": "x:y", "mimeType": "image/webp", "blob": "AAAA"}]}) == [("webp", b"AAAA")]
    assert displays_of({"contents": [{"uri": "x:y", "mimeType": "image/png", "blob": "AAAA"}]}) == [("png", b"AAAA")]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "mimeType": "image/svg+xml", "data": "PHN2Zy8+"},
        {"type": "resource", "resource": {"uri": "x:y", "mimeType": "image/svg+xml", "text": "<svg/>"}},
        {"type": "resource", "resource": {"uri": "x:y", "mimeType": "image/svg+xml", "blob": "PHN2Zy8+"}},
        {"type": "image", "mimeType": ["image/png"], "data": "AAAA"},
    ],
)
def test_a_servers_svg_is_never_shown(part: dict[str, Any]) -> None:
    assert displays_of({"content": [part]}) == []


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"properties": {"query": {"$ref": "#/properties/query"}}}, "deep", "deep, in ways"]
)
def test_what_cannot_be_checked_against_a_schema_is_not_sent(schema: Any) -> None:
    if isinstance(schema, str):
        deep: dict[str, Any] = {"type": "string"}
        for _ in range(150):
            deep = {"anyOf": [deep]} if schema == "deep, in ways" else {"properties": {"query": deep}}
        schema = {"properties": {"query": deep}}
    with pytest.raises(InvalidArgumentsError, match="its schema refers to itself without end, or is too deep"):
        checked(tool(schema), {"query": "owls"})


@pytest.mark.parametrize("odd", [{"anyOf": 3}, {"type": 7}, {"type": {"a": 1}}, {"oneOf": "x"}])
def test_a_schema_that_is_none_is_left_to_its_server(odd: dict[str, Any]) -> None:
    assert checked(tool({"properties": {"query": odd}}), {"query": "owls"}) == {"query": "owls"}


def doubling(level: int, keyword: str) -> dict[str, Any]:
    """Return a schema in which each level refers to the next one twice."""
    parts: dict[str, Any] = {"level0": {"type": "object"}}
    for above in range(level):
        below: list[Any] = [{"$ref": f"#/$defs/level{above}"}, {"$ref": f"#/$defs/level{above}"}]
        if keyword == "anyOf":  # of which none fits, so that each is tried
            below = [{"allOf": [one, {"required": ["absent"]}]} for one in below]
        parts[f"level{above + 1}"] = {keyword: below}
    return {"$defs": parts, "$ref": f"#/$defs/level{level}"}


def nested(level: int, keyword: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(level):
        schema = {keyword: [schema, schema]}
    return schema


PARTS, END = doubling(20, "allOf")["$defs"], {"$ref": "#/$defs/level20"}
ROWS = [{"n": n} for n in range(20_000)]


@pytest.mark.claim("mcp-schemas")
@pytest.mark.parametrize(
    "schema",
    [
        doubling(20, "allOf"),
        {"properties": {"query": {"$ref": "#/$defs/a"}}, "$defs": {"a": nested(14, "oneOf")}},
        *(
            pytest.param(schema, marks=pytest.mark.full)
            for schema in (
                doubling(20, "anyOf"),
                doubling(20, "oneOf"),
                nested(14, "allOf"),
                nested(14, "anyOf"),
                doubling(20, "allOf") | {"unevaluatedProperties": False},
                {"not": END, "$defs": PARTS},
                {"if": END, "$defs": PARTS},
                {"dependentSchemas": {"query": END}, "$defs": PARTS},
            )
        ),
    ],
)
def test_a_schema_that_takes_too_long_to_check_is_an_error_that_names_its_tool(
    schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "MIN_SECONDS", 0.3)
    with pytest.raises(InvalidArgumentsError, match=r"^mcp\.library\.search: its schema takes too long to check"):
        checked(tool(schema), {"query": "owls"})
    with pytest.raises(BadAnswerError, match=r"^mcp\.library\.search answered wrongly: its schema takes too long"):
        result_value(tool(output=schema), {"content": [], "structuredContent": {"query": "owls"}})


@pytest.mark.claim("mcp-schemas")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": ROWS},
        {"required": ROWS},
        {"properties": {"query": {"type": "array", "uniqueItems": True, "items": {"type": "object"}}}},
        {"properties": {"query": {"enum": [[*ROWS, 1], [*ROWS, 2]]}}},
        {"properties": {"query": {"prefixItems": [True], "contains": True, "unevaluatedItems": False}}},
        {"properties": {"query": {"items": {"type": "string"}}}},
    ],
)
def test_a_check_compares_no_item_of_a_long_list_with_each_other(schema: dict[str, Any]) -> None:
    with suppress(InvalidArgumentsError):
        checked(tool(schema), {"query": ROWS})


@pytest.mark.parametrize(
    ("values", "fits"), [([1, 2.5, "1", True, [1], {"a": 1}], True), ([1, 1.0], False), ([{"a": 1}, {"a": 1.0}], False)]
)
def test_items_are_unique_unless_they_are_equal_in_json(values: list[Any], fits: bool) -> None:
    schema = {"properties": {"query": {"type": "array", "uniqueItems": True}}}
    if fits:
        assert checked(tool(schema), {"query": values})
    else:
        assert "`query` must satisfy `uniqueItems`" in faults({"query": values}, schema=schema)


def test_a_check_ends_when_its_processor_time_is_used_up() -> None:
    budget = CheckBudget(5 * STEPS_PER_CHECK, 1.0, clock=iter([0.0, 0.5, 2.0]).__next__)
    for _ in range(2 * STEPS_PER_CHECK - 1):
        budget.spend()
    with pytest.raises(SchemaCostError):
        budget.spend()


@pytest.mark.parametrize("schema", [{"uniqueItems": True}, {"items": {"type": "integer"}}])
def test_a_check_ends_when_its_run_must_stop(schema: dict[str, Any]) -> None:
    looks = iter(range(1_000_000))
    whole = tool({"properties": {"query": {"type": "array"} | schema}})
    with allowed(Allowance(stop_reason=lambda: "interrupted" if next(looks) > 20 else None)):
        with pytest.raises(StoppedError):
            checked(whole, {"query": list(range(5_000))})
        assert next(looks) < 1_000


def test_an_item_that_occurs_twice_is_a_mistake() -> None:
    whole = tool({"properties": {"query": {"type": "array", "uniqueItems": True}}})
    assert checked(whole, {"query": [1, 2, "1"]}) == {"query": [1, 2, "1"]}
    with pytest.raises(InvalidArgumentsError, match="uniqueItems"):
        checked(whole, {"query": [1, 2, 1.0]})


def test_a_large_argument_is_checked_as_a_whole() -> None:
    row = {"type": "object", "properties": {"n": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}}
    schema = {"properties": {"query": {"type": "array", "items": row}}}
    assert len(checked(tool(schema), {"query": ROWS[:2_000]})["query"]) == 2_000


@pytest.mark.claim("mcp-schemas")
def test_a_result_that_violates_its_output_schema_is_an_error_and_its_patterns_are_not_matched() -> None:
    output = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}, "type": "object", "required": ["a"]}
    answer = {"content": [], "structuredContent": {"a": "a" * 60 + "!"}}
    assert result_value(tool(output=output), answer) == answer["structuredContent"]
    wrong: dict[str, Any]
    for wrong in ({"a": 1}, {}):
        with pytest.raises(BadAnswerError, match=r"^mcp\.library\.search answered wrongly: "):
            result_value(tool(output=output), {"structuredContent": wrong})


# What is large is checked in the reader ---------------------------------------------------------------------------


@pytest.mark.claim("mcp-schemas")
def test_only_a_large_schema_or_value_is_checked_in_the_reader() -> None:
    reading.close()
    checked(tool(), {"query": "owls", "tags": ["a"]})
    assert reading.pid() is None
    assert checked(tool(SEARCH | LARGE), {"query": "owls", "limit": 2.0}) == {"query": "owls", "limit": 2}
    assert reading.pid() is not None
    reading.close()
    assert faults({"query": "owls", "tags": ["a"] * MAX_SMALL_VALUE}) == "`tags` must have at most 2 items"
    assert reading.pid() is not None


def test_a_pattern_of_a_large_schema_may_be_one_that_python_does_not_know() -> None:
    schema = CODE | LARGE
    assert checked(tool(schema), {"code": "É12"}, patterns=True) == {"code": "É12"}
    assert faults({"code": "é12"}, schema=schema).startswith("`code` must satisfy `pattern`: ")
    assert checked(tool(schema), {"code": "é12"}) == {"code": "é12"}


@pytest.mark.claim("mcp-patterns")
@pytest.mark.full
def test_a_pattern_of_a_large_schema_that_takes_too_long_is_left_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_SECONDS", 0.5)
    schema = {"properties": {"a": ENDLESS, "n": {"type": "integer"}}} | LARGE
    assert checked(tool(schema), {"a": LONG}, patterns=True) == {"a": LONG}
    assert faults({"a": LONG, "n": "x"}, schema=schema) == "`n` must be a whole number"


@pytest.mark.claim("mcp-schemas")
@pytest.mark.parametrize("seconds", [5.0, 0.01])
def test_a_large_schema_that_takes_too_long_to_check_is_an_error(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(calls, "MAX_SECONDS", seconds)
    schema = doubling(20, "allOf")
    schema["$defs"] |= LARGE["$defs"]
    with pytest.raises(InvalidArgumentsError, match=r"^mcp\.library\.search: its schema takes too long to check"):
        checked(tool(schema), {"query": "owls"})


@pytest.mark.claim("mcp-schemas")
def test_a_check_in_the_reader_ends_when_its_run_must_stop() -> None:
    looks = iter(range(1_000_000))
    schema = {"properties": {"a": ENDLESS}} | LARGE
    with (
        allowed(Allowance(stop_reason=lambda: "interrupted" if next(looks) > 5 else None)),
        pytest.raises(StoppedError),
    ):
        checked(tool(schema), {"a": LONG}, patterns=True)


def test_a_large_result_is_checked_too() -> None:
    rows: list[dict[str, Any]] = [{"n": n} for n in range(MAX_SMALL_VALUE)]
    output = {"properties": {"rows": {"items": {"properties": {"n": {"type": "integer"}}}}}}
    value = result_value(tool(output=output), {"content": [], "structuredContent": {"rows": rows}})
    assert value == {"rows": rows}
    rows[-1] = {"n": "x"}
    with pytest.raises(BadAnswerError, match=rf"`rows\[{len(rows)}\].n` must be a whole number"):
        result_value(tool(output=output), {"content": [], "structuredContent": {"rows": rows}})


@pytest.mark.parametrize("reply", [b"no JSON", b"3", b"[" * 500])
def test_a_reply_of_the_reader_that_makes_no_sense_checks_nothing(
    monkeypatch: pytest.MonkeyPatch, reply: bytes
) -> None:
    monkeypatch.setattr(reading, "read", lambda *_: reply)
    with pytest.raises(InvalidArgumentsError, match="nothing can be checked against it"):
        checked(tool(LARGE), {"a": 1})


def test_a_signature_names_a_limited_number_of_arguments() -> None:
    schema = {
        "properties": {f"a{number}": {} for number in range(MAX_SIGNATURE + 1)},
        "required": [f"a{MAX_SIGNATURE}"],
    }
    assert tool(schema).signature.startswith(f"search(a{MAX_SIGNATURE}, a0?, a1?, ")
    assert tool(schema).signature.endswith(f", a{MAX_SIGNATURE - 2}?, …)")


def test_a_mistake_names_a_limited_number_of_missing_arguments() -> None:
    names = [f"a{number}" for number in range(5_000)]
    schema = {"properties": {name: {} for name in names}, "required": names}
    assert faults({"a0": 1}, schema=schema).count("is missing") == MAX_NAMED
    nested = {"properties": {"a": schema}}
    assert faults({"a": {}}, schema=nested).count(", ") == MAX_NAMED - 1


def test_the_page_of_a_tool_has_a_limited_number_of_alternatives() -> None:
    types = {"anyOf": [{"type": f"type{number}"} for number in range(100_000)]}
    assert len(kind_of({"anyOf": [types, {"type": "string"}]})) <= ALTERNATIVES
