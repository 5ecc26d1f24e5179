"""Arguments are sent in the form that a tool's schema asks for, and answers become values."""

from __future__ import annotations

from typing import Any

import pytest

from kosmo_kernel.errors import InvalidArgumentsError, RefusedError
from kosmo_kernel.mcp.calls import MAX_NAMED, arguments_by_name, displays_of, result_value
from kosmo_kernel.mcp.tools import MAX_SIGNATURE, Tool, tools_of
from kosmo_kernel.values.records import Records

SEARCH = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}, "sort": {"enum": ["name", "date"]}},
    "required": ["query"],
}


def tool(schema: Any = SEARCH, output: Any = None) -> Tool:
    return tools_of("library", [{"name": "search", "inputSchema": schema, "outputSchema": output}])[0]


def test_arguments_are_given_by_name_or_in_the_order_of_the_schema() -> None:
    assert arguments_by_name(tool(), {"query": "owls", "limit": 5}) == {"query": "owls", "limit": 5}
    assert arguments_by_name(tool(), None, ["owls", 5]) == {"query": "owls", "limit": 5}
    assert arguments_by_name(tool(), None, ["owls", None, "name"]) == {"query": "owls", "sort": "name"}


def test_too_many_positional_arguments_are_counted() -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        arguments_by_name(tool({"properties": {"row": {"type": "integer"}}}), None, [1, 2, 3])
    assert caught.value.message == "mcp.library.search: it takes 1 arguments, got 3. Write search(row?)"


@pytest.mark.parametrize("given", [{}, {"query": 3}, {"limt": 1}])
def test_what_fits_no_schema_is_left_to_the_server(given: dict[str, Any]) -> None:
    assert arguments_by_name(tool(), given) == given


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
    assert arguments_by_name(tool(schema), given) == {"list": [], "table": {}, "count": 2, "share": 2.0, "any": {}}
    assert isinstance(arguments_by_name(tool(schema), given)["count"], int)
    assert arguments_by_name(tool(schema), {"list": Records([{"a": 1}])}) == {"list": [{"a": 1}]}


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
    found = result_value(tool(output=output), {}, answer)
    assert (type(found), found) == (type(value), value)


def test_a_list_of_objects_is_records_whatever_they_came_in() -> None:
    rows = [{"a": 1}, {"a": None, "b": 2}]
    for answer in (
        {"content": [], "structuredContent": {"result": rows}},
        {"content": [{"type": "text", "text": '[{"a": 1}, {"a": null, "b": 2}]'}]},
    ):
        found = result_value(tool(output=WRAPPED), {}, answer)
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
        result_value(tool(), {}, {"content": content, "isError": True}, ["open-sesame-42"])
    assert caught.value.message == f"mcp.library.search: {message}"


def test_a_failure_without_a_text_is_an_error_too() -> None:
    with pytest.raises(RefusedError, match=r"mcp\.library\.search failed, and the server does not say why"):
        result_value(tool(), {}, {"content": [], "isError": True})


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


def test_a_failure_names_the_arguments_that_the_tool_does_not_have() -> None:
    given = {"query": "owls"} | {f"q{number}\n": 1 for number in range(MAX_NAMED + 1)}
    with pytest.raises(RefusedError) as caught:
        result_value(tool(), given, {"content": [{"type": "text", "text": "Field required"}], "isError": True})
    unknown = ", ".join(f"`q{number}`" for number in range(MAX_NAMED))
    assert caught.value.message == (
        f"mcp.library.search: Field required\nIt is called as search(query, limit?, sort?), and has no {unknown}."
    )


@pytest.mark.parametrize("odd", [{"anyOf": 3}, {"type": 7}, {"type": {"a": 1}}, {"oneOf": "x"}, {"type": [["a"]]}])
def test_a_schema_that_is_none_is_left_to_its_server(odd: dict[str, Any]) -> None:
    assert arguments_by_name(tool({"properties": {"query": odd}}), {"query": 2.0}) == {"query": 2.0}


def test_a_signature_of_many_arguments_has_the_first_ones() -> None:
    schema: dict[str, Any] = {"properties": {f"a{number}": {} for number in range(MAX_SIGNATURE + 1)}}
    assert tool(schema).signature.endswith(f"a{MAX_SIGNATURE - 1}?, …)")
