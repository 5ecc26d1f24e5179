"""The commands that say what can be called: for people on a terminal and in a pipe, and as JSON for programs."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator
from kosmo_command import document, kosmo, on_terminal, standing

from kosmo_kernel import docs
from kosmo_kernel.cli import command_named
from kosmo_kernel.cli.terminal import print_page
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND

FUNCTIONS = [f"heroku.{function.name}" for function in HEROKU.functions]
# What KosmoKrator's commands print, in their order; programs rely on the names.
PROVIDER = ["active", "configured", "accounts"]
PROVIDER += ["auth_strategy", "cli_setup_supported", "cli_runtime_supported", "compatibility_summary", "functions"]
FUNCTION = ["provider", "function", "name", "slug", "title", "description", "operation", "active", "configured"]
FUNCTION += ["accounts", "auth", "auth_strategy", "host_availability", "runtime_requirements", "compatibility"]
FUNCTION += ["compatibility_summary", "cli_setup_supported", "cli_runtime_supported", "input_schema"]
FIELDS = ["success", "provider", "account", "accounts", "auth_strategy", "cli_setup_supported"]
FIELDS += ["cli_runtime_supported", "compatibility_summary", "fields", "example"]
FIELD = ["key", "label", "type", "required", "configured", "description"]


def rows(text: str) -> list[str]:
    """Return the names at the start of indented lines."""
    return re.findall(r"^  (\S+)", text, re.MULTILINE)


# List and search


def test_the_list_has_what_kosmokrators_has_in_its_order() -> None:
    code, answer = document("integrations:list", "--json")
    heroku = answer["providers"]["heroku"]
    assert (code, list(answer), list(heroku)) == (0, ["success", "providers"], PROVIDER)
    assert {tuple(function)[: len(FUNCTION)] for function in heroku["functions"]} == {tuple(FUNCTION)}


def test_the_list_names_every_function() -> None:
    assert rows(kosmo("integrations:list").stdout) == FUNCTIONS


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
    assert rows(kosmo("integrations:search", *words).stdout)[0] == first


def test_a_search_as_json_has_the_functions_and_the_guides_in_their_ranks() -> None:
    code, answer = document("integrations:search", "dynos", "--json")
    assert (code, list(answer)) == (0, ["success", "query", "functions", "tables", "checks", "guides"])
    assert answer["functions"][0]["function"] == "heroku.list_dynos"
    assert {page["page"]: page["title"] for page in answer["guides"]}.items() <= docs.GUIDES.items()


def test_a_search_finds_the_same_as_lua_does() -> None:
    listed = re.findall(r"^- `(\S+)`", docs.search("crashed dyno"), re.MULTILINE)
    assert rows(kosmo("integrations:search", "crashed", "dyno").stdout) == listed


def test_on_a_terminal_no_line_of_a_list_is_too_wide() -> None:
    for command in ("integrations:list", "integrations:docs", "integrations:fields"):
        given = ["heroku"] if command == "integrations:fields" else []
        lines = standing(on_terminal(command, *given, columns=60))
        assert max(map(len, lines)) <= 60
        assert any(line.startswith("  ") for line in lines)


# Pages


@pytest.mark.parametrize("page", ["integrations.heroku", "heroku.production.list_apps", "heroku_list_addons", "Errors"])
def test_a_page_is_found_by_any_of_its_names(page: str) -> None:
    assert kosmo("integrations:docs", page).stdout == docs.read(page)


def test_a_page_can_be_had_as_markdown_on_a_terminal_too() -> None:
    assert on_terminal("integrations:docs", "parallel", "--format", "markdown") == docs.read("parallel")


def test_a_page_in_the_format_json_is_what_json_prints() -> None:
    code, answer = document("integrations:docs", "heroku.list_apps", "--format", "json")
    assert (code, answer) == document("integrations:docs", "heroku.list_apps", "--json")
    assert list(answer)[: len(FUNCTION)] == FUNCTION


def test_lua_on_a_terminal_is_coloured() -> None:
    page = on_terminal("integrations:docs", "heroku.list_dynos")
    assert re.search(r"\x1b\[[\d;]*mfor\x1b\[0m _", page)
    assert "\x1b[" not in on_terminal("integrations:docs", "heroku.list_dynos", env={"NO_COLOR": "1", "TERM": "dumb"})


@pytest.mark.parametrize("command", ["integrations:docs", "integrations:examples", "integrations:schema"])
def test_an_unknown_page_is_an_error_with_the_nearest_name(command: str) -> None:
    done = kosmo(command, "heroku.list_dyno")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("Did you mean: heroku.list_dynos\n")
    code, answer = document(command, "heroku.list_dyno", "--json")
    assert (code, answer["success"], answer["meta"]["error"]["type"]) == (1, False, "unknown_name")


def test_a_page_called_by_what_it_is_about_names_the_pages_that_speak_of_it() -> None:
    advice = kosmo("integrations:docs", "certificate").stderr.partition("Did you mean: ")[2]
    assert "heroku.list_domains" in advice


@pytest.mark.parametrize("name", ["nosuch", "heroku", "errors"])
def test_a_schema_of_what_is_no_function_is_an_error_with_functions(name: str) -> None:
    told = kosmo("integrations:schema", name).stderr
    assert told.startswith(f"Error: There is no function `{name}`. Did you mean: heroku.")


# Examples


@pytest.mark.parametrize("page", [f"heroku.{f.name}" for f in BY_HAND])
def test_examples_in_a_pipe_are_a_script_that_runs(page: str) -> None:
    script = kosmo("integrations:examples", page).stdout
    done = kosmo("integrations:lua", "--demo", "-", stdin=script.encode())
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr
    assert done.stdout


def test_an_example_names_the_same_call_for_the_shell_and_it_works() -> None:
    script = kosmo("integrations:examples", "heroku.list_dynos").stdout
    (line,) = re.findall(r"^-- kosmo (integrations:.*)$", script, re.MULTILINE)
    done = kosmo(*line.split(), "--demo")
    assert (done.returncode, done.stdout.splitlines()[0].split(",")[0]) == (0, "name")


def test_examples_of_a_guide_are_what_it_shows_in_lua() -> None:
    shown = kosmo("integrations:examples", "parallel.map").stdout
    assert [part for part in docs.read("parallel").scripts if part not in shown] == []


def test_examples_as_json_are_the_functions() -> None:
    assert document("integrations:examples", "heroku", "--json") == document("integrations:docs", "heroku", "--json")


# Schemas and fields


@pytest.mark.parametrize(
    "function", [*(f"heroku.{f.name}" for f in BY_HAND), "heroku_list_addons", "app.integrations.heroku.list_add_ons"]
)
def test_a_schema_is_bare_valid_and_says_the_same_with_and_without_json(function: str) -> None:
    code, schema = document("integrations:schema", function)
    Draft202012Validator.check_schema(schema)
    assert (code, schema) == document("integrations:schema", function, "--json")
    assert list(schema)[:3] == ["type", "properties", "required"]
    assert isinstance(schema["properties"], dict)
    accepts = Draft202012Validator(schema).is_valid
    assert accepts(dict.fromkeys(schema["required"], "my-app"))
    assert accepts({"app_id": ["my-app"], "limit": 4, "errors": "collect"}) == ("app_id" in schema["properties"])
    assert not accepts({"colour": "red"})


def test_fields_are_those_of_kosmokrator_and_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "fiction-0123456789")
    monkeypatch.setenv("HEROKU_API_URL", "http://127.0.0.1:9")
    code, answer = document("integrations:fields", "heroku", "--json")
    assert (code, list(answer)) == (0, FIELDS)
    assert [list(field) for field in answer["fields"]] == [FIELD] * len(answer["fields"])
    state = {field["key"]: (field["type"], field["required"], field["configured"]) for field in answer["fields"]}
    assert state["api_key"] == ("secret", True, True)
    assert state["url"] == ("url", False, True)
    assert "fiction-0123456789" not in json.dumps(answer)


def test_fields_of_a_named_account_say_what_that_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_MY_TEAM", "fiction")
    assert "HEROKU_API_KEY_MY_TEAM\n" in kosmo("integrations:fields", "heroku", "--account", "my-team").stdout
    assert "HEROKU_API_KEY (not set)\n" in kosmo("integrations:fields", "heroku").stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["herku"], "There is no integration `herku`. Did you mean: heroku"),
        (["heroku", "--account", "prodution"], "Heroku has no account `prodution`; there are production, demo."),
    ],
)
def test_unknown_names_of_fields_are_errors_with_the_nearest(
    args: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_PRODUCTION", "fiction")
    done = kosmo("integrations:fields", *args)
    assert (done.returncode, done.stdout, says in done.stderr) == (1, "", True), done.stderr


# Completion


@pytest.mark.parametrize(
    ("command", "typed", "offered"),
    [
        ("integrations:docs", "par", ["parallel"]),
        ("integrations:examples", "heroku.list_a", [name for name in FUNCTIONS if name.startswith("heroku.list_a")]),
        ("integrations:schema", "heroku.get_curr", ["heroku.get_current_user"]),
        ("integrations:fields", "her", ["heroku"]),
    ],
)
def test_a_shell_completes_what_stands_behind_a_command(command: str, typed: str, offered: list[str]) -> None:
    found = command_named(command)
    assert found is not None
    argument = next(param for param in found.params if param.param_type_name == "argument")
    assert [item.value for item in argument.shell_complete(found.make_context(command, ["heroku"]), typed)] == offered


def test_no_name_in_a_table_of_fields_is_broken_on_a_terminal_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    function = HEROKU.function("list_addon_region_capabilities")
    print_page(docs.read(f"heroku.{function.name}").markdown)
    shown = capsys.readouterr().out
    assert [column.name for column in function.columns if column.name not in shown] == []
    assert max(map(len, shown.splitlines())) <= 80
