"""The reference: every name finds its page, and a page says all that the catalogue knows."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from IPython.core.formatters import DisplayFormatter
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from msgspec.structs import replace
from repository import ROOT

from kosmo_kernel import docs, integrations, pages
from kosmo_kernel.catalogue import RESERVED, Column, Function, Integration, Param
from kosmo_kernel.docs.reference import WITH_A_LIST
from kosmo_kernel.docs.search_index import search_pages
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.entries import entries
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.questions.discovery import check_names, table_names
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.safety.redaction import redact

FUNCTIONS = pytest.mark.parametrize("function", BY_HAND, ids=lambda f: f.name)
PAGES = [
    "",
    "heroku",
    "heroku.tables",
    *(f"heroku.tables.{name}" for name in table_names("heroku")),
    "heroku.left_out",
    *(f"heroku.{f.name}" for f in HEROKU.functions),
    *(f"checks.{name}" for name in check_names()),
    *docs.GUIDES,
]
MADE = ("list_releases", "list_config_vars", "list_pipeline_couplings")  # functions made from the facts
SOME_PAGES = [
    "",
    "heroku",
    "heroku.tables",
    "heroku.tables.access",
    "checks.crashed-dynos",
    *(f"heroku.{name}" for name in (*(f.name for f in BY_HAND), *MADE)),
    *docs.GUIDES,
]


def headings(page: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    return [f"{token.tag} {text.content}" for token, text in pairwise(tokens) if token.type == "heading_open"]


# Names


@pytest.mark.parametrize("start", ["", "integrations.", "app.integrations.", " App.Integrations."])
@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("heroku", "heroku"),
        ("heroku.default", "heroku"),
        ("heroku.demo", "heroku"),
        ("heroku.list_apps", "heroku.list_apps"),
        ("heroku.list_apps({})", "heroku.list_apps"),
        ("heroku.production.list_apps", "heroku.list_apps"),
        ('heroku["my-team"].list_apps()', "heroku.list_apps"),
        ("heroku['my.team']['list_apps']", "heroku.list_apps"),
        ("heroku.list_add_ons", "heroku.list_addons"),
        ("heroku.list-addons", "heroku.list_addons"),
        ("heroku.heroku_list_addons", "heroku.list_addons"),
        ("heroku_list_addons", "heroku.list_addons"),
        ("list_add_ons", "heroku.list_addons"),
        ("heroku:list_apps", "heroku.list_apps"),
        ("heroku list_apps", "heroku.list_apps"),
        ("heroku.tables.access()", "heroku.tables.access"),
        ("heroku.production.tables.access", "heroku.tables.access"),
        ("tables.access", "heroku.tables.access"),
    ],
)
def test_every_way_of_writing_a_name_finds_its_page(start: str, name: str, page: str) -> None:
    assert docs.read(start + name) == docs.read(page)
    title = {"heroku": "Heroku", "heroku.tables.access": "Access to apps"}.get(page, page)
    assert docs.read(page).startswith(f"# {title}\n")


@pytest.mark.parametrize("nothing", ["", "  ", "app", "integrations", "app.integrations"])
def test_what_is_above_the_integrations_is_the_list_of_pages(nothing: str) -> None:
    assert docs.read(nothing) == docs.list_pages()


def test_an_account_that_exists_has_the_page_of_its_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_MY_TEAM", "fiction")
    assert docs.read("heroku.my-team") == docs.read("heroku.my_team") == docs.read("heroku")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("paralel", "parallel"),
        ("limit", "limits"),
        ("herku", "heroku"),
        ("herku.list_apps", "heroku.list_apps"),
        ("heroku.list_dyno", "heroku.list_dynos"),
        ("app.integrations.heroku.production.get_ap", "heroku.get_app"),
        ("collaborators", "heroku.list_collaborators"),
        ("heroku.current_user", "heroku.get_current_user"),
        ("heroku.list_add_on", "heroku.list_addons"),
        ("heroku.demo.list_apps.stack", "heroku.list_apps"),
        ("certificates", "heroku.tables.certificates"),
        ("checks.crashed-dyno", "checks.crashed-dynos"),
    ],
)
def test_an_unknown_page_is_an_error_that_ends_in_the_nearest_pages(wrong: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        docs.read(wrong)
    start = f"There is no page `{wrong}`. Did you mean: {near}"
    assert caught.value.message.startswith(start)
    assert set(caught.value.suggestions) < set(PAGES)


def test_a_page_like_no_other_is_an_error_that_shows_no_control_characters_and_ends() -> None:
    with pytest.raises(UnknownNameError) as caught:
        docs.read("heroku.releases\x1b[2J" + "z" * 500)
    assert caught.value.message == (
        "There is no page `heroku.releases\\x1b[2J" + "z" * 81 + "`; in Lua `docs.list()` names them all."
    )


# Pages


def test_the_page_of_an_integration_begins_with_the_functions_that_most_questions_need() -> None:
    page = docs.read("heroku")
    title, *functions, accounts, others = re.split(r"^## ", page, flags=re.MULTILINE)
    assert title.startswith("# Heroku\n")
    assert [text.partition("\n")[0] for text in functions] == [function.name for function in BY_HAND]
    for function, text in zip(BY_HAND, functions, strict=True):
        assert re.findall(r"^### (.*)", text, re.MULTILINE) == ["Parameters", "Example"]
        _, parameters, example = text.split("\n### ")
        assert re.findall(r"^\| `(\w+)`", parameters, re.MULTILINE) == [param.name for param in function.params]
        assert f"```lua\n{function.example.strip()}\n```" in example
    assert accounts.startswith("Using several accounts\n")
    assert others.startswith("All other functions\n")
    assert len(page) / 4 <= 1950  # tokens


def test_the_page_of_an_integration_ends_with_an_index_by_subject_of_all_other_functions() -> None:
    text = docs.read("heroku").partition("## All other functions")[2]
    index = re.findall(r"^\*\*(.*?)\*\*: (.*?)\n(?:\n|\Z)", text, re.MULTILINE | re.DOTALL)
    first = {function.name for function in BY_HAND}
    assert {subject: re.findall("`(.*?)`", names) for subject, names in index} == {
        subject: [function.name for function in functions if function.name not in first]
        for subject, functions in HEROKU.by_subject().items()
    }


def test_a_page_that_went_says_which_has_its_text() -> None:
    with pytest.raises(UnknownNameError, match=r"Its functions are the first of the page `heroku`\."):
        docs.read("heroku.reference")


def test_every_function_of_heroku_has_one_of_the_subjects() -> None:
    text = (ROOT / "kosmo_kernel/integrations/heroku/functions.md").read_text(encoding="utf-8")
    subjects = re.findall(r"^(##?) (.+)", text, re.MULTILINE)[1:]
    assert list(HEROKU.by_subject()) == [name for mark, name in subjects if mark == "#"]
    assert list(entries()) == [name for mark, name in subjects if mark == "##"] == list(HEROKU.table.names)


@FUNCTIONS
def test_a_function_has_a_page_of_its_own_with_all_its_fields(function: Function) -> None:
    page = docs.read(f"heroku.{function.name}")
    assert headings(page) == [f"h1 heroku.{function.name}", "h2 Parameters", "h2 Example", "h2 What comes back"]
    title, names = f"# heroku.{function.name}", f"app.integrations.heroku.{function.name} · heroku_{function.name}"
    assert page.startswith(f"{title}\n\nRead · {names}\n\n")
    assert [c.name for c in function.columns if f"`{c.name}`" not in page.split("What comes back")[1]] == []


@FUNCTIONS
def test_a_section_says_what_the_catalogue_says(function: Function) -> None:
    text = docs.read(f"heroku.{function.name}")
    assert f"```lua\n{function.example}```" in text
    assert f"\n{function.summary}.\n" in text
    assert "".join(function.description.split()) in "".join(text.split())
    assert [p.name for p in function.params if f"| `{p.name}` | string or list | yes" not in text] == []
    assert ("## Parameters\n\nNone.\n" in text) == (not function.params)
    assert [a for a in function.aliases if f"Also called `{a}`." not in text] == []


def test_a_field_that_may_be_missing_says_so_unless_it_has_a_default() -> None:
    page = "".join(docs.read(f"heroku.{name}") for name in ("list_apps", "list_collaborators"))
    assert re.search(r"^\| `web_url` +\| string\sor\snil +\|", page, re.MULTILINE)
    assert re.search(r"^\| `role` +\| string +\|", page, re.MULTILINE)
    assert re.search(r"^\| `released_at` +\| time\sor\snil +\|", page, re.MULTILINE)


@pytest.mark.parametrize("name", SOME_PAGES)
def test_a_page_also_reads_well_as_plain_text(name: str) -> None:
    page = docs.read(name)
    tables = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    prose = [line for line in page.splitlines() if not line.startswith(("|", "- "))]
    assert max(len(line) for line in prose) <= 100
    assert [table for table in tables if len({tuple(_bars(row)[:-1]) for row in table.splitlines()}) > 1] == []
    assert "\n\n\n" not in page
    assert page.endswith("\n")


def _bars(row: str) -> list[int]:
    return [match.start() for match in re.finditer(r"(?<!\\)\|", row)]


@pytest.mark.parametrize("name", SOME_PAGES)
def test_every_table_and_fence_of_a_page_is_markdown(name: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(docs.read(name))
    text = [child.content for t in tokens for child in t.children or [] if child.type == "text"]
    assert [piece for piece in text if "|" in piece or "`" in piece] == []


def test_accounts_are_told_with_the_variables_that_hold_their_tokens() -> None:
    text = docs.read("heroku").split("## Using several accounts")[1]
    assert re.findall("`(HEROKU_API_KEY.*?)` for (?:the )?(`?[a-z-]+)", text) == [
        ("HEROKU_API_KEY", "default"),
        ("HEROKU_API_KEY_PRODUCTION", "`production"),
        ("HEROKU_API_KEY_MY_TEAM", "`my-team"),
    ]


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert pages.table(("a", "b"), [(Markdown("x|y"), Markdown("z"))]) == "| a    | b |\n| :--- | : |\n| x\\|y | z |"


def test_the_list_of_pages_names_every_page() -> None:
    named = re.findall(r"^\| `([a-z_.-]+)`", docs.list_pages(), re.MULTILINE)
    assert named == PAGES[1:]


def test_a_page_prints_as_text_and_a_notebook_gets_it_as_markdown() -> None:
    page = docs.read("heroku.list_apps")
    shown, _ = DisplayFormatter().format(page)
    assert shown == {"text/plain": str(page), "text/markdown": page.for_notebook()}
    assert f"{page}" == page


# Search


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("crashed dynos", "heroku.list_dynos"),
        ("failing certificates", "checks.failing-certificates"),
        ("list_add_ons", "heroku.list_addons"),
        ("price of an add-on", "heroku.list_addons"),
        ("who has access", "heroku.list_collaborators"),
        ("two factor", "heroku.list_team_members"),
        ("heroku stack", "heroku.list_stacks"),
        ("add-ons shared by several apps", "checks.shared-add-ons"),
    ],
)
def test_a_search_puts_the_page_first_that_one_would_choose(words: str, first: str) -> None:
    assert search_pages(words)[0].page == first
    assert f"\n\n- `{first}`: " in docs.search(words)


def test_a_search_shows_the_fields_that_match_and_the_check_beside_the_function() -> None:
    assert docs.search("crashed dynos").splitlines()[:4] == [
        "# Search: crashed dynos",
        "",
        "- `heroku.list_dynos`: The dynos of an app, and how each is doing",
        "  - `state`: `up`, `starting`, `idle`, `crashed` or `down`; Heroku may add others",
    ]
    assert [page.page for page in search_pages("crashed dynos")][1] == "checks.crashed-dynos"


def test_a_search_lists_the_best_pages_and_counts_the_others() -> None:
    pages = [page.page for page in search_pages("app")]
    text = docs.search("app")
    assert re.findall(r"^- `(\S+)`", text, re.MULTILINE) == pages[: docs.MAX_LISTED]
    assert text.endswith(f"\n\n{len(pages) - docs.MAX_LISTED} more pages. More words find fewer.\n")


def test_a_guide_is_found_where_nothing_else_speaks_of_the_words() -> None:
    assert docs.search("429") == f"# Search: 429\n\n- `limits`: {docs.GUIDES['limits']}\n"
    assert "parallel" in [page.page for page in search_pages("many calls")[:3]]


def test_a_search_without_words_lists_the_pages() -> None:
    assert docs.search(" ?! ") == docs.list_pages()


def test_a_search_without_success_says_so_and_repeats_no_markup() -> None:
    page = docs.search("<marquee>zebra</marquee>")
    assert page == "# Search: marquee zebra marquee\n\nNothing speaks of this. `docs.list()` names all pages.\n"


def test_a_search_with_a_book_looks_for_its_first_words_only() -> None:
    book = "x" * 100_000 + " " + " ".join(f"qqxz{number}qq" for number in range(50))
    assert search_pages(f"dynos {book}")[0].page == "heroku.list_dynos"
    assert search_pages(f"{book} dynos") == []
    assert len(docs.search(book)) < 500


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("certif", "list_sni_endpoints"),
        ("certifcate", "list_domains"),
        ("colaborator", "list_collaborators"),
        ("list_addon", "list_addons"),
        ("domian", "list_domains"),
    ],
)
def test_the_beginning_of_a_word_and_a_slip_find_it_too(words: str, first: str) -> None:
    assert next(page.page for page in search_pages(words) if page.function) == f"heroku.{first}"


def test_a_search_ranks_names_before_titles_before_texts_and_keeps_the_order_of_the_catalogue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = replace(HEROKU.functions[0], summary="Nothing", description="Nothing.", columns=(Column("a", "b"),))
    functions = (
        replace(plain, name="in_text", description="About zebras."),
        replace(plain, name="in_text_too", description="Also about zebras."),
        replace(plain, name="in_title", summary="The zebras"),
        replace(plain, name="zebras", description="Not said again."),
        replace(plain, name="beside"),
    )
    zoo = replace(HEROKU, name="zoo", title="Zoo", functions=functions)
    monkeypatch.setattr(integrations, "load_all", lambda: (zoo,))
    assert [page.page for page in search_pages("zebra")] == [
        "zoo.zebras",
        "zoo.in_title",
        "zoo.in_text",
        "zoo.in_text_too",
    ]


def test_words_that_only_make_a_question_do_not_count() -> None:
    assert search_pages("what is the stack of an app") == search_pages("stack app")


def test_a_page_or_else_what_speaks_of_it_is_looked_up() -> None:
    assert docs.look_up("integrations.heroku.list_apps") == docs.read("heroku.list_apps")
    assert docs.look_up("failing certificates") == docs.search("failing certificates")
    for wrong in ("herku", "heroku.list_dyno", "zebra"):
        with pytest.raises(UnknownNameError):
            docs.look_up(wrong)


# The same as data


@FUNCTIONS
def test_a_function_as_data_is_json_and_names_what_it_is(function: Function) -> None:
    told = docs.describe(HEROKU, function)
    assert json.loads(json.dumps(told)) == told
    assert (told["provider"], told["function"], told["slug"], told["operation"]) == (
        "heroku",
        f"heroku.{function.name}",
        f"heroku_{function.name}",
        "read",
    )
    assert [field["name"] for field in told["fields"]] == [column.name for column in function.columns]


@FUNCTIONS
def test_the_schema_of_a_function_takes_what_the_function_takes(function: Function) -> None:
    schema = docs.input_schema(function)
    Draft202012Validator.check_schema(schema)
    takes = Draft202012Validator(schema).is_valid
    good = {p.name: p.example for p in function.params}
    assert takes(good)
    assert not takes(good | {"colour": "red"})
    assert takes({}) == (not function.params)
    for param in function.params:
        assert takes({param.name: [param.example] * 2})
        assert not any(takes({param.name: bad}) for bad in ("a/b", "my-app/x", "../my-app", 1, ["a/b"], None))


def test_the_schema_of_a_function_that_takes_a_list_has_what_goes_with_one() -> None:
    assert set(WITH_A_LIST) == set(RESERVED)
    schema = docs.input_schema(HEROKU.function("list_dynos"))
    assert set(schema["properties"]) == {"app_id", *RESERVED}
    assert schema["required"] == ["app_id"]
    assert "With a list also `errors`" in docs.read("heroku.list_dynos")
    assert "With a list" not in docs.read("heroku.list_apps")


def test_the_schema_of_a_function_without_parameters_is_an_object_that_may_be_empty() -> None:
    assert docs.input_schema(HEROKU.function("list_apps")) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def test_a_parameter_that_takes_one_value_of_any_text_is_just_that() -> None:
    function = replace(HEROKU.functions[1], params=(Param("app_id", "The app.", required=True),))
    assert docs.input_schema(function)["properties"] == {"app_id": {"type": "string", "description": "The app."}}


# Installed integrations


def test_an_installed_integration_has_pages_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shop: Integration = replace(HEROKU, name="shop", title="Shop", functions=HEROKU.functions[:1], most_used=())
    monkeypatch.setattr(integrations, "load_all", lambda: (*integrations.BUILT_IN, shop))
    assert docs.read("shop").startswith("# Shop\n")
    assert docs.read("shop_list_apps") == docs.read("app.integrations.shop.production.list_apps")
    assert docs.read("list_apps") == docs.read("heroku.list_apps")
    assert "`shop.list_apps`" in docs.list_pages()
    with pytest.raises(UnknownNameError, match=r"Did you mean: shop"):
        docs.read("shopp")


@pytest.mark.parametrize("page", ["", "heroku", "heroku.get_oauth_authorization", "heroku.list_oauth_authorizations"])
def test_no_word_of_a_page_is_taken_for_a_secret(page: str) -> None:
    text = docs.read(page).replace("`[redacted]`", "")
    assert redact(text) == text
