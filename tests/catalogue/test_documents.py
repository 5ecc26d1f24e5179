"""The facts that API documents lead to: a document of our own for each convention in which they differ."""

from __future__ import annotations

from typing import Any

import pytest

from kosmo_kernel.catalogue.documents import names, openapi
from kosmo_kernel.catalogue.documents.fields import is_secret_name
from kosmo_kernel.catalogue.documents.shapes import DocumentError, References, Shapes
from kosmo_kernel.catalogue.integration import function_mistakes
from kosmo_kernel.services.service import function

STRING = {"type": "string"}
BOOK = {"type": "object", "required": ["title"], "properties": {"title": STRING, "pages": {"type": "integer"}}}


def document(*, version: str = "3.1.0", **parts: Any) -> dict[str, Any]:
    servers = {"servers": [{"url": "https://api.example.com/v2"}]}
    return {"openapi": version, "info": {"title": "Books", "version": "7"}, "paths": {}} | servers | parts


def get(schema: Any = BOOK, **parts: Any) -> dict[str, Any]:
    response = {"content": {"application/json": {"schema": schema}}} | parts.pop("response", {})
    return {"get": {"summary": "Books", "responses": {"200": response}} | parts}


def facts(paths: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return openapi.read(document(paths=paths, **parts), {})


def only(paths: dict[str, Any], **parts: Any) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = facts(paths, **parts)["functions"].values()
    return found


def fields(schema: Any, **components: Any) -> dict[str, str]:
    whole = document(components={"schemas": components})
    shapes = Shapes(References(whole))
    return shapes.fields(shapes.of(schema), lambda _name, _value: "")


def query(name: str, schema: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema} | parts


# Shapes


def test_a_schema_that_contains_itself_ends_where_it_would_begin_again() -> None:
    node = {"type": "object", "properties": {"name": STRING, "next": {"$ref": "#/components/schemas/Node"}}}
    found = fields({"$ref": "#/components/schemas/Node"}, Node=node)
    assert found == {"name": "string?", "next": "object?"}


def test_references_that_lead_to_each_other_are_refused() -> None:
    items = {"A": {"$ref": "#/components/pathItems/B"}, "B": {"$ref": "#/components/pathItems/A"}}
    with pytest.raises(DocumentError, match="circle"):
        facts({"/a": {"$ref": "#/components/pathItems/A"}}, components={"pathItems": items})


@pytest.mark.parametrize("reference", ["other.yaml#/Book", "https://example.com/a.json", "file:///etc/passwd"])
def test_a_reference_out_of_the_document_is_refused(reference: str) -> None:
    with pytest.raises(DocumentError, match="refers to another one"):
        facts({"/books": get({"type": "array", "items": {"$ref": reference}})})


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(DocumentError, match="has nothing at"):
        facts({"/books": get({"$ref": "#/components/schemas/Lost"})})


def test_a_path_item_may_be_a_reference_with_parameters_of_its_own() -> None:
    shared = get() | {"parameters": [{"name": "bookId", "in": "path", "required": True, "schema": STRING}]}
    paths = {"/books/{bookId}": {"$ref": "#/components/pathItems/Book"}}
    found = only(paths, components={"pathItems": {"Book": shared}})
    assert found["path"] == "/v2/books/{book_id}"
    assert found["params"][0] == {
        "name": "book_id",
        "required": True,
        "numeric": True,
        "listed_at": "/v2/books",
        "each": ["id", "book_id"],
    }


def test_all_parts_of_a_schema_have_their_fields_in_it() -> None:
    found = fields({"allOf": [BOOK, {"properties": {"title": {"type": "integer"}, "isbn": STRING}}]})
    assert found == {"isbn": "string?", "pages": "integer?", "title": "string"}  # the first one counts


def test_alternatives_have_all_fields_and_those_of_only_some_may_be_missing() -> None:
    novel = {"type": "object", "required": ["kind", "hero"], "properties": {"kind": STRING, "hero": STRING}}
    atlas: dict[str, Any] = {"type": "object", "required": ["kind", "maps"]}
    atlas["properties"] = {"kind": STRING, "maps": {"type": "integer"}}
    schema = {"oneOf": [novel, atlas], "discriminator": {"propertyName": "kind"}}
    assert fields(schema) == {"hero": "string?", "kind": "string", "maps": "integer?"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date-time", "nullable": True},
        {"type": ["string", "null"], "format": "date-time"},
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        {"oneOf": [{"$ref": "#/components/schemas/Time"}, {"type": "null"}]},
    ],
)
def test_both_kinds_of_null_are_read(schema: Any) -> None:
    time = {"type": "string", "format": "date-time"}
    assert fields({"properties": {"at": schema}, "required": ["at"]}, Time=time) == {"at": "timestamp?"}


def test_objects_and_lists_have_their_fields_under_dotted_names() -> None:
    schema = {"properties": {"author": {"properties": {"name": STRING}}, "tags": {"type": "array", "items": STRING}}}
    schema["properties"]["notes"] = {"type": "array", "items": {"properties": {"text": STRING}}}
    found = fields(schema)
    assert found["author.name"] == "string?"
    assert found["tags"] == "array? of string"
    assert found["notes[].text"] == "string?"


def test_values_are_kept_if_they_are_words() -> None:
    assert fields({"properties": {"kind": {"type": "string", "enum": ["novel", "atlas", None]}}})["kind"] == (
        "string? {novel atlas}"
    )
    assert fields({"properties": {"kind": {"type": "string", "enum": ["a novel"]}}})["kind"] == "string?"


def test_a_schema_that_combines_too_much_is_refused() -> None:
    doubling: dict[str, Any] = {"L0": BOOK}
    for level in range(1, 30):
        below = {"$ref": f"#/components/schemas/L{level - 1}"}
        doubling[f"L{level}"] = {"allOf": [below, below]}
    with pytest.raises(DocumentError, match="combines more than"):
        fields({"$ref": "#/components/schemas/L29"}, **doubling)


# Operations


def test_only_what_reads_is_offered_and_the_rest_is_left_out_with_its_reason() -> None:
    paths = {
        "/books": get() | {"post": {"responses": {}}},
        "/books/search": {"post": {"responses": {}}},
        "/cover": {"get": {"responses": {"200": {"content": {"image/png": {}}}}}},
        "/books/{id}/lent": {"get": {"responses": {"204": {"description": "It is."}}}},
    }
    found = facts(paths)
    assert list(found["functions"]) == ["get_books"]
    assert dict(found["left_out"]) == {
        "POST /books/search": "it changes something, or may",
        "GET /cover": "its answer is no JSON",
        "GET /books/{id}/lent": "its answer has no content",
    }


def test_a_document_in_which_nothing_can_be_called_is_refused() -> None:
    with pytest.raises(DocumentError, match="Nothing in this document can be called"):
        facts({"/books": {"post": {}}})


@pytest.mark.parametrize(
    "wrong", [[], {}, {"paths": []}, {"paths": {}, "openapi": "4.0"}, {"paths": {}, "swagger": "1.2"}]
)
def test_what_is_no_document_is_refused(wrong: Any) -> None:
    with pytest.raises(DocumentError):
        openapi.read(wrong, {})


def test_swagger_has_its_address_in_three_parts_and_lists_in_four_forms() -> None:
    items = [
        {"name": name, "in": "query", "type": "array", "items": STRING, "collectionFormat": form}
        for name, form in (("a", "csv"), ("b", "multi"), ("c", "pipes"), ("d", "ssv"))
    ]
    operation = {"parameters": items, "responses": {"200": {"schema": {"type": "array", "items": BOOK}}}}
    swagger = {"swagger": "2.0", "host": "api.example.com", "basePath": "/v1", "schemes": ["http", "https"]}
    found = openapi.read(swagger | {"info": {}, "paths": {"/books": {"get": operation}}}, {})
    assert found["service"]["url"] == "https://api.example.com/v1"
    [books] = found["functions"].values()
    made = function("shelf", "list_books", books, found["records"][books["record"]])
    assert made.url(dict.fromkeys("abcd", "x, y")) == "/v1/books?a=x%2Cy&b=x&b=y&c=x%7Cy&d=x+y"


def test_a_server_may_have_variables_and_an_operation_a_server_of_its_own() -> None:
    variables = {"region": {"default": "eu"}, "base": {"default": "v3"}}
    servers = [{"url": "https://{region}.example.com/{base}", "variables": variables}]
    elsewhere = get(servers=[{"url": "https://other.example.com"}])
    deeper = get(servers=[{"url": "https://eu.example.com/beta"}])
    found = facts({"/books": get(), "/other": elsewhere, "/new": deeper}, servers=servers)
    assert found["service"]["url"] == "https://eu.example.com/v3"
    assert [one["path"] for one in found["functions"].values()] == ["/v3/books", "/beta/new"]
    assert found["left_out"] == [["GET /other", "it is served by another host, other.example.com"]]


def test_a_relative_server_says_no_address() -> None:
    assert facts({"/books": get()}, servers=[{"url": "/api"}])["service"]["url"] == ""


def test_a_header_that_each_request_needs_is_sent_with_its_value() -> None:
    version = {"name": "Api-Version", "in": "header", "required": True, "schema": {"enum": ["2026-01"]}}
    assert only({"/books": get(parameters=[version])})["headers"] == {"Api-Version": "2026-01"}
    unknown = {"name": "Tenant", "in": "header", "required": True, "schema": STRING}
    with pytest.raises(DocumentError, match="Nothing"):
        facts({"/books": get(parameters=[unknown])})


def test_a_parameter_that_is_an_object_is_left_out_and_with_it_a_function_that_needs_it() -> None:
    deep = query("filter", {"type": "object"}, style="deepObject")
    assert "params" not in only({"/books": get(parameters=[deep])})
    found = facts({"/books": get(parameters=[deep | {"required": True}]), "/authors": get()})
    assert found["left_out"] == [["GET /books", "it needs the parameter filter, which is an object"]]


def test_parameters_have_names_in_lua_and_are_sent_under_their_own() -> None:
    parameters = [query("sortBy", {"type": "string", "enum": ["title", "age"]}), query("page[limit]", STRING)]
    parameters += [query("onlyNew", {"type": "boolean"}), query("id", STRING)]
    found = facts({"/books/{id}": get(parameters=parameters)})
    [(name, one)] = found["functions"].items()
    made = function("shelf", name, one, found["records"][one["record"]])
    assert [param.name for param in made.params] == ["id", "sort_by", "page_limit", "only_new", "id_2"]
    args = made.bind({"id": "a/b c".replace("/", "-"), "sort_by": "age", "only_new": True, "id_2": "x/y"})
    assert made.url(args) == "/v2/books/a-b%20c?sortBy=age&onlyNew=true&id=x%2Fy"


@pytest.mark.parametrize("value", ["a/b", "..", ".", "", "a\nb"])
def test_no_value_leads_to_another_path(value: str) -> None:
    found = facts({"/books/{id}": get()})
    [(name, one)] = found["functions"].items()
    made = function("shelf", name, one, found["records"][one["record"]])
    with pytest.raises(Exception, match="`id` must be"):
        made.bind({"id": value})


def test_texts_of_a_document_lose_what_means_something_in_a_format() -> None:
    text = "Click [here](javascript:x) <img src=x> `now` *or* $never$\x1b[31m https://evil.example"
    summary = only({"/books": get(summary=text)})["summary"]
    assert not set(summary) & set("<>[]`*$\x1b\n|\\")
    assert "://" not in summary


# Authentication


def test_the_first_way_that_needs_one_token_is_taken() -> None:
    schemes = {
        "signed": {"type": "http", "scheme": "hmac"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "login": {"type": "http", "scheme": "bearer"},
    }
    security: list[dict[str, list[str]]] = [{"signed": []}, {"key": [], "login": []}, {"key": []}]
    found = facts(
        {"/books": get(), "/me": get(security=[{"login": []}]), "/open": get(security=[])},
        security=security,
        components={"securitySchemes": schemes},
    )
    assert found["service"]["authentication"] == {"in": "header", "name": "X-Key", "prefix": ""}
    assert found["left_out"] == [["GET /me", "it needs another kind of authentication"]]


def test_a_key_may_belong_into_the_query() -> None:
    schemes = {"key": {"type": "apiKey", "in": "query", "name": "api_key"}}
    found = facts({"/books": get()}, security=[{"key": []}], components={"securitySchemes": schemes})
    assert found["service"]["authentication"] == {"in": "query", "name": "api_key", "prefix": ""}


# Pages


LIST = {"type": "array", "items": BOOK}


def envelope(**others: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"books": LIST} | others}


@pytest.mark.parametrize(
    ("schema", "parameters", "expected"),
    [
        (LIST, [], {"kind": "whole"}),
        (LIST, [query("page", {"type": "integer"})], {"kind": "page-number", "param": "page", "start": 1}),
        (LIST, [query("page", {"default": 0})], {"kind": "page-number", "param": "page", "start": 0}),
        (LIST, [query("cursor", STRING)], {"kind": "unstated"}),
        (
            envelope(more={"type": "boolean"}),
            [query("offset", STRING), query("limit", {"type": "integer", "maximum": 50})],
            {
                "kind": "offset",
                "param": "offset",
                "size_param": "limit",
                "size": 50,
                "more": ["more"],
                "items": ["books"],
            },
        ),
        (
            envelope(meta={"properties": {"nextCursor": STRING, "total": {"type": "integer"}}}),
            [query("cursor", STRING)],
            {
                "kind": "cursor",
                "param": "cursor",
                "cursor": ["meta", "nextCursor"],
                "total": ["meta", "total"],
                "items": ["books"],
            },
        ),
        (envelope(next=STRING), [], {"kind": "cursor", "cursor": ["next"], "items": ["books"]}),
        (
            {"type": "array", "items": {"properties": {"cursor": STRING, "book": BOOK}}},
            [query("cursor", STRING), query("limit", {"type": "integer"})],
            {
                "kind": "cursor",
                "param": "cursor",
                "cursor": ["cursor"],
                "cursor_in": "element",
                "element": "book",
                "size_param": "limit",
                "size": 100,
            },
        ),
        (
            {
                "properties": {
                    "_embedded": {"properties": {"books": LIST}},
                    "_links": {"properties": {"next": {"properties": {"href": STRING}}}},
                    "page": {"properties": {"totalElements": {"type": "integer"}}},
                }
            },
            [],
            {
                "kind": "cursor",
                "cursor": ["_links", "next", "href"],
                "total": ["page", "totalElements"],
                "items": ["_embedded", "books"],
            },
        ),
        (
            {
                "allOf": [
                    {"properties": {"errors": {"type": "array"}, "result": {"anyOf": [{"type": "object"}, LIST]}}},
                    {"properties": {"result": LIST, "result_info": {"properties": {"total_count": STRING}}}},
                ]
            },
            [query("page", STRING)],
            {
                "kind": "page-number",
                "param": "page",
                "start": 1,
                "total": ["result_info", "total_count"],
                "items": ["result"],
            },
        ),
        (envelope(total_books=STRING), [], {"kind": "whole", "total": ["total_books"], "items": ["books"]}),
        ({"type": "array", "items": STRING}, [], {"kind": "whole", "scalar": True}),
        ({"oneOf": [LIST, {"properties": {"message": STRING}}]}, [], {"kind": "whole"}),
    ],
)
def test_pages_follow_as_parameters_and_answers_say(schema: Any, parameters: Any, expected: Any) -> None:
    found = only({"/books": get(schema, parameters=parameters)})
    assert found["returns"] == "list"
    assert found["pages"] == expected
    sent = {param["sent"] for param in found.get("params", ())}
    assert not sent & {expected.get("param"), expected.get("size_param")}


def test_a_link_header_that_is_declared_leads_to_the_next_page() -> None:
    response = {"headers": {"Link": {"schema": STRING}}}
    found = only({"/books": get(LIST, response=response, parameters=[query("page", STRING)])})
    assert found["pages"] == {"kind": "link-header", "param": "page"}


def test_a_cursor_may_be_in_a_header_that_is_declared() -> None:
    response = {"headers": {"Shelf-Next-Cursor": {"schema": STRING}}}
    found = only({"/books": get(LIST, response=response, parameters=[query("cursor", STRING)])})
    assert found["pages"] == {
        "kind": "cursor",
        "param": "cursor",
        "cursor": ["shelf-next-cursor"],
        "cursor_in": "header",
    }


def test_a_list_beside_an_object_is_in_an_envelope_only_if_a_parameter_selects_a_page() -> None:
    schema, page = envelope(response_info={"type": "object"}), query("page", STRING)
    assert only({"/shelf": get(schema)})["returns"] == "record"
    assert only({"/shelf": get(schema, parameters=[page])})["returns"] == "list"
    assert only({"/shelf": get(envelope(owner=STRING), parameters=[page])})["returns"] == "record"


def test_a_list_with_a_total_and_pages_may_have_one_value_and_lists_of_texts_beside_it() -> None:
    page, total, texts = query("page", STRING), {"type": "integer"}, {"type": "array", "items": STRING}
    beside = envelope(kind=STRING, reasons=texts, total_count=total)
    assert only({"/shelf": get(beside, parameters=[page])})["pages"]["items"] == ["books"]
    assert only({"/shelf": get(beside)})["returns"] == "record"
    status = envelope(kind=STRING, state=STRING, total_count=total)
    assert only({"/shelf": get(status, parameters=[page])})["returns"] == "record"


def test_a_record_whose_lists_have_pages_is_doubted() -> None:
    two = envelope(authors=LIST)
    assert only({"/shelf": get(two, parameters=[query("page", STRING)])})["pages"] == {"kind": "whole"}
    assert "pages" not in only({"/shelf": get(two)})


# Names


@pytest.mark.parametrize(
    ("path", "returns", "name"),
    [
        ("/orgs/{org}/repos", "list", "list_org_repos"),
        ("/repos/{owner}/{repo}", "record", "get_repo"),
        ("/repos/{owner}/{repo}/branches/{branch}", "record", "get_repo_branch"),
        ("/v2/services/{serviceId}/env-vars", "list", "list_service_env_vars"),
        ("/api/v1/statuses", "list", "list_statuses"),
        ("/api/0/statuses", "list", "list_statuses"),
        ("/addresses/{id}", "record", "get_address"),
        ("/policies/{id}/analyses", "list", "list_policy_analyses"),
        ("/userGroups/{id}", "record", "get_user_group"),
        ("/", "record", "get_it"),
        ("/2fa", "record", "get_n2fa"),
        ("/deployments/{id}/statuses/{status_id}", "record", "get_deployment_status"),
        ("/code-scanning/analyses/{id}", "record", "get_code_scanning_analysis"),
        ("/aliases/{id}", "record", "get_alias"),
        ("/timeseries/{metric}", "record", "get_timeseries"),
        ("/caches/{id}", "record", "get_cache"),
        ("/cookies/{id}", "record", "get_cookie"),
        ("/repos/{owner}/{repo}/contents/{path}", "list", "list_repo_contents"),
        ("/orgs/{org}/user-stats/{kind}/{id}", "list", "list_org_user_stats"),
        ("/rules/branches/{branch}", "list", "list_rules_branch"),
        ("/posts/{id}/post_updates", "list", "list_post_updates"),
        ("/firewall/rules/rules", "list", "list_firewall_rules"),
    ],
)
def test_a_name_has_the_words_of_the_path(path: str, returns: str, name: str) -> None:
    assert names.names([names.Path(path, returns)], {}) == {path: name}


def test_names_that_coincide_name_the_parameters_that_tell_them_apart() -> None:
    paths = ["/user/repos", "/users/{username}/repos", "/users/{username}/{kind}/repos"]
    assert names.names([names.Path(path, "list") for path in paths], {}) == {
        "/user/repos": "list_user_repos",
        "/users/{username}/repos": "list_user_repos_by_username",
        "/users/{username}/{kind}/repos": "list_user_repos_by_kind",
    }


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/schedules", "/v3/schedules"], ["list_schedules", "list_schedules_v3"]),
        (["/vendors", "/vendors/{id}"], ["list_vendors", "list_vendor"]),
        (
            ["/scripts/settings", "/scripts/scripts/settings"],
            ["list_scripts_settings", "list_scripts_scripts_settings"],
        ),
    ],
)
def test_names_that_coincide_differ_in_the_words_that_a_name_leaves_out(paths: list[str], expected: list[str]) -> None:
    by_path = names.names([names.Path(path, "list") for path in paths], {})
    assert [by_path[path] for path in paths] == expected


def test_a_name_stays_when_the_document_grows() -> None:
    before = names.names([names.Path("/users/{username}/repos", "list")], {})
    after = names.names([names.Path("/user/repos", "list"), names.Path("/users/{username}/repos", "list")], before)
    assert after["/users/{username}/repos"] == before["/users/{username}/repos"] == "list_user_repos"
    assert len(set(after.values())) == 2


def test_the_id_of_an_operation_is_another_name() -> None:
    assert only({"/books": get(operationId="books/listAll")})["aliases"] == ["books_list_all"]


# Secrets


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "apiKey",
        "clientSecret",
        "private_key",
        "password",
        "db-password",
        "credentials",
        "api_keys",
    ],
)
def test_a_field_with_the_word_of_a_secret_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["key", "keys_url", "next_page_token", "nextPageToken", "tokenizer", "secretary", "public_key"]
)
def test_other_fields_are_not_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_the_value_of_a_variable_is_secret_and_so_is_what_has_any_content_beside_it() -> None:
    variable = {"properties": {"name": STRING, "value": STRING, "extra": {"type": "object"}}}
    found = facts({"/services/{id}/env-vars": get({"type": "array", "items": variable}), "/tags": get(variable)})
    by_path = {one["path"]: found["records"][one["record"]] for one in found["functions"].values()}
    assert by_path["/v2/services/{id}/env-vars"] == {
        "extra": "object? | secret",
        "name": "string?",
        "value": "string? | secret",
    }
    assert by_path["/v2/tags"]["value"] == "string?"


def test_every_function_that_is_made_passes_the_checks_of_the_catalogue() -> None:
    found = facts({"/books": get(LIST), "/books/{id}": get(), "/tags": get({"type": "array", "items": STRING})})
    for name, one in found["functions"].items():
        assert list(function_mistakes(function("shelf", name, one, found["records"][one["record"]]))) == []
