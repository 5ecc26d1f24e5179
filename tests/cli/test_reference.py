"""The commands that say what can be called: for people on a terminal and in a pipe, and as JSON for programs."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator
from kosmo_command import document, kosmo, on_terminal, standing

from kosmo_kernel import docs
from kosmo_kernel.cli.terminal import print_page
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND

# What KosmoKrator's commands print, in their order; programs rely on the names.
FUNCTION = ["provider", "function", "name", "slug", "title", "description", "operation", "active", "configured"]
FUNCTION += ["accounts", "auth", "auth_strategy", "host_availability", "runtime_requirements", "compatibility"]
FUNCTION += ["compatibility_summary", "cli_setup_supported", "cli_runtime_supported", "input_schema"]


def rows(text: str) -> list[str]:
    """Return the names at the start of indented lines."""
    return re.findall(r"^  (\S+)", text, re.MULTILINE)


# Search


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["cert"], "heroku.list_sni_endpoints"),
        (["certifcates"], "heroku.tables.certificates"),
        (["list_add_ons"], "heroku.list_addons"),
        (["rate", "limit"], "heroku.get_rate_limit"),
        (["how", "do", "I", "use", "several", "accounts"], "accounts"),
    ],
)
def test_a_search_prints_the_best_first(words: list[str], first: str) -> None:
    assert rows(kosmo("search", *words).stdout)[0] == first


def test_a_search_as_json_has_the_functions_and_the_guides_in_their_ranks() -> None:
    code, answer = document("search", "dynos", "--json")
    assert (code, list(answer)) == (0, ["success", "query", "functions", "tables", "checks", "guides"])
    assert answer["functions"][0]["function"] == "heroku.list_dynos"
    assert {page["page"]: page["title"] for page in answer["guides"]}.items() <= docs.GUIDES.items()


def test_a_search_finds_the_same_as_lua_does() -> None:
    listed = re.findall(r"^- `(\S+)`", docs.search("crashed dyno"), re.MULTILINE)
    assert rows(kosmo("search", "crashed", "dyno").stdout) == listed


def test_on_a_terminal_no_line_of_a_list_is_too_wide() -> None:
    lines = standing(on_terminal("docs", columns=60))
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("  ") for line in lines)


# Pages


@pytest.mark.parametrize("page", ["integrations.heroku", "heroku.production.list_apps", "heroku_list_addons", "Errors"])
def test_a_page_is_found_by_any_of_its_names(page: str) -> None:
    assert kosmo("docs", page).stdout == docs.read(page)


@pytest.mark.parametrize(
    "function", [*(f"heroku.{f.name}" for f in BY_HAND), "heroku_list_addons", "app.integrations.heroku.list_add_ons"]
)
def test_a_function_as_json_has_its_schema_and_an_example_that_runs(function: str) -> None:
    code, answer = document("docs", function, "--json")
    assert (code, list(answer)[: len(FUNCTION)]) == (0, FUNCTION)
    schema = answer["input_schema"]
    Draft202012Validator.check_schema(schema)
    accepts = Draft202012Validator(schema).is_valid
    assert accepts(dict.fromkeys(schema["required"], "my-app"))
    assert accepts({"app_id": ["my-app"], "errors": "collect"}) == ("app_id" in schema["properties"])
    assert not accepts({"colour": "red"})
    done = kosmo("lua", "--demo", "-", stdin=answer["example"].encode())
    assert (done.returncode, "Error" in done.stderr, bool(done.stdout)) == (0, False, True), done.stderr


def test_lua_on_a_terminal_is_coloured() -> None:
    page = on_terminal("docs", "heroku.list_dynos")
    assert re.search(r"\x1b\[[\d;]*mfor\x1b\[0m _", page)
    assert "\x1b[" not in on_terminal("docs", "heroku.list_dynos", env={"NO_COLOR": "1", "TERM": "dumb"})


def test_an_unknown_page_is_an_error_with_the_nearest_name() -> None:
    done = kosmo("docs", "heroku.list_dyno")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("Did you mean: heroku.list_dynos\n")
    code, answer = document("docs", "heroku.list_dyno", "--json")
    assert (code, answer["success"], answer["meta"]["error"]["type"]) == (1, False, "unknown_name")


def test_a_page_called_by_what_it_is_about_names_the_pages_that_speak_of_it() -> None:
    advice = kosmo("docs", "certificate").stderr.partition("Did you mean: ")[2]
    assert "heroku.list_domains" in advice


def test_no_name_in_a_table_of_fields_is_broken_on_a_terminal_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    function = HEROKU.function("list_addon_region_capabilities")
    print_page(docs.read(f"heroku.{function.name}").markdown)
    shown = capsys.readouterr().out
    assert [column.name for column in function.columns if column.name not in shown] == []
    assert max(map(len, shown.splitlines())) <= 80
