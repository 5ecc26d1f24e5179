"""The Heroku integration: how its HTTP is read, where it is found, and that its columns are what Heroku sends."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_integration import forget, install
from heroku_facts import RESOURCES, records
from repository import ROOT

from kosmo_kernel import integrations
from kosmo_kernel.catalogue.http import ErrorBody, Ranges, Response
from kosmo_kernel.client.pages import next_range
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND

# What each function returns, by the names of Heroku's schema.
RESOURCE = {
    "list_apps": "app",
    "get_app": "app",
    "list_dynos": "dyno",
    "list_addons": "add-on",
    "list_domains": "domain",
    "list_collaborators": "collaborator",
    "get_current_user": "account",
}
# Where the facts use the schema's word for a type that a table calls otherwise.
KINDS = {"array": "list"}
FUNCTIONS = [function.name for function in BY_HAND]


def reply(status: int, body: bytes = b"[]", **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def paths(record: dict[str, Any], above: str = "") -> set[str]:
    """Return the dotted paths of a record's values; a null stands for what could be below it."""
    found = set()
    for key, value in record.items():
        found |= paths(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}"}
    return found


# The functions


def test_the_functions_are_those_that_users_know_in_their_order() -> None:
    assert list(RESOURCE) == FUNCTIONS
    assert HEROKU.function("list_add_ons") is HEROKU.function("heroku_list_addons") is HEROKU.function("list_addons")


def test_the_five_that_look_at_one_app_need_it_and_take_a_list() -> None:
    params = {f.name: tuple((p.name, p.required, p.each) for p in f.params) for f in BY_HAND}
    one_app = (("app_id", True, ("name", "id")),)
    assert params == dict.fromkeys(FUNCTIONS, one_app) | {"list_apps": (), "get_current_user": ()}


def test_the_one_secret_is_the_way_into_a_console() -> None:
    secrets = {(f.name, c.name) for f in BY_HAND for c in f.columns if c.secret}
    assert secrets == {("list_dynos", "attach_url")}


def test_the_one_default_is_the_role_that_heroku_leaves_out() -> None:
    defaults = {(f.name, c.name, c.default) for f in HEROKU.functions for c in f.columns if c.default is not None}
    assert defaults == {("list_collaborators", "role", "collaborator")}


# Its HTTP


def test_lists_are_asked_for_in_pages_of_a_thousand_ordered_by_id() -> None:
    assert HEROKU.ranges == Ranges("id", 1000)
    assert Ranges("id", 1000).first == "id ..; max=1000"


def following(answer: Response) -> str | None:
    answer.value, answer.range = [], "id ..; max=1000"
    return next_range(answer, HEROKU.ranges)


def test_the_next_page_is_asked_for_with_the_very_words_of_next_range() -> None:
    words = "id ]01234567-89ab-cdef-0123-456789abcdef..; max=1000, order=asc;"
    assert following(reply(206, next_range=words)) == words


@pytest.mark.parametrize("last", [reply(206), reply(206, next_range=""), reply(200), reply(200, next_range="id a..")])
def test_a_list_ends_where_the_answer_is_whole_or_names_no_next_range(last: Response) -> None:
    assert following(last) is None


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"remaining": 2399}', 2399),
        (b'{"remaining": 0}', 0),
        (b'{"remaining": "2399"}', None),
        (b'{"left": 1}', None),
        (b"[1]", None),
        (b"2399", None),
        (b"<html>", None),
    ],
)
def test_the_requests_left_are_read_from_where_heroku_tells_them_for_nothing(body: bytes, left: int | None) -> None:
    budget = HEROKU.budget
    assert budget is not None
    assert (budget.path, budget.read(Response(200, {}, body))) == ("/account/rate-limits", left)


@pytest.mark.parametrize("word", ["two_factor", "two_factor_required"])
def test_a_second_factor_is_recognised(word: str) -> None:
    fault = HEROKU.read_error(Response(403, {}, f'{{"id": "{word}", "message": "Second factor"}}'.encode()))
    assert fault == ErrorBody(word, "Second factor", second_factor=True)


def test_an_error_is_read_with_its_word_its_message_and_its_address() -> None:
    body = (
        b'{"id":"rate_limit","message":"Your account reached the API rate limit\\n","url":"https://heroku.example/r"}'
    )
    fault = ErrorBody("rate_limit", "Your account reached the API rate limit", "https://heroku.example/r")
    assert HEROKU.read_error(reply(429, body)) == fault


def test_an_error_may_have_a_message_alone() -> None:
    body = b'{"resource":"app","id":null,"message":"Couldn\'t find that app.","url":7}'
    assert HEROKU.read_error(reply(404, body)) == ErrorBody(None, "Couldn't find that app.", resource="app")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"null", b'{"id":"x"}', b'{"message":3}', b"\xff"])
def test_what_heroku_would_not_say_is_no_error_of_heroku(body: bytes) -> None:
    assert HEROKU.read_error(reply(500, body)) is None


def test_a_token_made_for_less_is_told_what_it_lacks() -> None:
    body = b'{"id":"forbidden","message":"You do not have access."}'
    lacking = reply(403, body, oauth_scope="read", oauth_scope_accepted="global identity")
    enough = reply(403, body, oauth_scope="global", oauth_scope_accepted="global identity")
    said = "You do not have access."
    scopes = (("read",), ("identity", "global"))
    assert HEROKU.read_error(lacking) == ErrorBody("forbidden", said, None, scopes=scopes)
    assert HEROKU.read_error(enough) == HEROKU.read_error(reply(403, body)) == ErrorBody("forbidden", said, None)


def test_header_names_are_written_as_a_reply_has_them() -> None:
    assert HEROKU.budget is not None
    assert [name for name in (HEROKU.budget.header, HEROKU.request_id) if name != name.lower()] == []


# What Heroku says


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_columns_are_herokus_properties_with_their_types_and_nulls(name: str) -> None:
    resource = RESOURCES[RESOURCE[name]]
    columns = {column.name: (column.kind, column.nullable) for column in HEROKU.function(name).columns}
    assert columns == {
        fact_name: (KINDS.get(fact.type, fact.type), resource.may_be_nil(fact_name))
        for fact_name, fact in resource.facts.items()
        if fact.type != "object" and "[]" not in fact_name
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_column_tells_the_values_that_heroku_declares(name: str) -> None:
    docs = {column.name: column.doc for column in HEROKU.function(name).columns}
    values = {name: fact.values for name, fact in RESOURCES[RESOURCE[name]].facts.items() if fact.values}
    assert [(n, v) for n, allowed in values.items() for v in allowed if f"`{v}`" not in docs[n]] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_address_is_herokus(name: str) -> None:
    path = RESOURCES[RESOURCE[name]].path + ("/{app}" if name == "get_app" else "")
    assert HEROKU.function(name).links[0].path.replace("{app_id}", "{app}") == path


# What the demo answers


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_column_occurs_in_the_records_of_the_demo(name: str) -> None:
    there = set[str]().union(*(paths(record) for record in records(company())[RESOURCE[name]]))
    assert [column.name for column in HEROKU.function(name).columns if column.name not in there] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_field_of_the_demo_is_a_column(name: str) -> None:
    there = set[str]().union(*(paths(record) for record in records(company())[RESOURCE[name]]))
    columns = {column.name for column in HEROKU.function(name).columns}
    parents = {name.rpartition(".")[0] for name in columns}
    assert there - columns - parents == set()


# Where integrations are found


SHOP = """\
from msgspec.structs import replace
from kosmo_kernel.integrations.heroku import HEROKU
SHOP = replace(HEROKU, name="shop")
"""


def test_an_installed_integration_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "shop = kosmo_shop_test:SHOP\n", kosmo_shop_test=SHOP)
    assert integrations.find("shop").name == "shop"
    assert [one.name for one in integrations.load_all()] == [*(one.name for one in integrations.BUILT_IN), "shop"]


def test_an_installed_integration_is_found_in_a_zip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info, archive = "kosmo_shop-1.0.dist-info", tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("kosmo_zipped_test.py", SHOP)
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: kosmo-shop\nVersion: 1.0\n")
        packed.writestr(f"{info}/entry_points.txt", f"[{integrations.GROUP}]\nshop = kosmo_zipped_test:SHOP\n")
    monkeypatch.syspath_prepend(archive)
    forget(monkeypatch)
    assert integrations.find("shop").name == "shop"


def test_a_built_in_name_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "heroku = kosmo_thief_test:SHOP\n", kosmo_thief_test="raise RuntimeError")
    assert integrations.find("heroku") is HEROKU
    assert integrations.load_all() == integrations.BUILT_IN


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("shop = kosmo_broken_test:SHOP", "cannot be loaded: AttributeError: "),
        ("shop = kosmo_nowhere_test:SHOP", "cannot be loaded: ModuleNotFoundError: "),
        ("shop = kosmo_broken_test:WORD", "is not a catalogue.Integration with the name of its entry point."),
        ("shop = kosmo_broken_test:HEROKU", "is not a catalogue.Integration with the name of its entry point."),
    ],
)
def test_an_installed_integration_that_cannot_be_loaded_is_named_and_the_others_work(
    entry: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from kosmo_kernel.integrations.heroku import HEROKU\nWORD = 'shop'\n"
    install(tmp_path, monkeypatch, entry, kosmo_broken_test=text)
    with pytest.raises(SettingsError) as caught:
        integrations.find("shop")
    value = entry.split(" = ")[1]
    assert caught.value.message.startswith(f"The integration `shop` ({value}, from kosmo-shop) {why}")
    with pytest.warns(RuntimeWarning, match="The integration `shop`"):
        assert integrations.load_all() == integrations.BUILT_IN


def test_an_unknown_integration_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError) as caught:
        integrations.find("herku")
    assert caught.value.message == "There is no integration `herku`. Did you mean: app.integrations.heroku"


@pytest.mark.parametrize("command", [["docs"], ["docs", "heroku"]])
def test_a_list_of_functions_makes_none_of_them(command: list[str]) -> None:
    code = (
        f"import sys; from kosmo_kernel.cli import outcome; outcome({command});"
        "print({'kosmo_kernel.integrations.heroku.facts', 'importlib.metadata'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nset()\n")


def test_the_summary_of_a_function_is_known_without_the_function() -> None:
    summaries = [(one.name, one.subject, one.summary) for one in HEROKU.table.summaries()]
    assert summaries == [(one.name, one.subject, one.summary) for one in HEROKU.functions]


def test_a_built_in_integration_is_found_without_looking_at_what_is_installed() -> None:
    libraries = str(Path(msgspec.__file__).parents[1])
    code = (
        f"import sys; sys.path.append({libraries!r}); from kosmo_kernel import docs, integrations;"
        "integrations.find('heroku'); docs.read('heroku.list_apps');"
        "print({'importlib.metadata', 'difflib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
