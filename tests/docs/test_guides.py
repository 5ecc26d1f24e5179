"""The guides: all that they show runs on the demo account, and what they say of commands, settings and limits is so.

A block of `text` below a block of code is what that shows, `…` standing for anything; a block of Lua that fails has its
error there, so a guide cannot show a failure without saying so.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from markdown_it import MarkdownIt
from python_shell import run, shells

import kosmo_kernel
from kosmo_kernel import docs, errors
from kosmo_kernel.calls.output import MAX_OUTPUT_BYTES, MAX_OUTPUT_LINES
from kosmo_kernel.cli import command_named
from kosmo_kernel.client import rate_limiter, retry
from kosmo_kernel.client.responses import UNAVAILABLE
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.mcp.config import MAX_SERVERS
from kosmo_kernel.questions import head
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.render.text import pretty
from kosmo_kernel.session import Session
from kosmo_kernel.settings import config_file
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.settings.table import ANY, SETTINGS
from kosmo_kernel.text import value_at

PACKAGE = Path(kosmo_kernel.__file__).parent
GUIDES = pytest.mark.parametrize("name", docs.GUIDES)
GENERATED = ["heroku", *(f"heroku.{function.name}" for function in BY_HAND)]
CELL = "%%kosmo_lua"  # how a block begins that is a cell of a Python notebook

Block = tuple[str, str]


def blocks(name: str) -> list[Block]:
    """Return the fenced blocks of a page: language and text."""
    tokens = MarkdownIt("commonmark").parse(docs.read(name))
    return [(token.info, token.content) for token in tokens if token.type == "fence"]


def shown_by(name: str) -> list[tuple[Block, str | None]]:
    """Return the blocks of code of a page, each with what the page says that it shows."""
    found = [*blocks(name), ("", "")]
    return [(one, after[1] if after[0] == "text" else None) for one, after in pairwise(found) if one[0] != "text"]


def fits(expected: str, shown: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.strip().split("…")))
    return re.fullmatch(pattern, shown.strip(), re.DOTALL) is not None


def ran(session: Session, code: str, *, fails: bool) -> str:
    """Return what a reader sees of a script: its output and values, or how it fails."""
    if fails:
        with pytest.raises(KosmoError) as caught:
            session.run(code)
        return "\n".join(error_lines(caught.value))
    result = session.run(code)
    return "\n".join(filter(None, [result.output, *map(pretty, result.values)]))


def headings(page: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    return [f"{token.tag} {text.content}" for token, text in pairwise(tokens) if token.type == "heading_open"]


def in_lua(block: Block) -> bool:
    """Return whether a block is a script of its own, and no cell of a Python notebook."""
    return block[0] == "lua" and not block[1].startswith(CELL)


def test_every_file_of_the_guides_is_a_page_and_the_one_to_start_with_comes_first() -> None:
    files = {path.stem for path in (Path(kosmo_kernel.__file__).parent / "guides").iterdir()}
    wanted = {"overview", "errors", "accounts", "limits", "frames", "parallel"}
    assert (set(docs.GUIDES), wanted - files, next(iter(docs.GUIDES))) == (files, set(), "overview")


@GUIDES
def test_a_guide_has_one_title_and_sections(name: str) -> None:
    first, *others = headings(docs.read(name))
    assert first == f"h1 {docs.GUIDES[name]}"
    assert {heading[:2] for heading in others} == {"h2"}


@pytest.mark.parametrize("name", ["parallel", " Parallel ", "parallel.map", "parallel.map(list, f)"])
def test_a_guide_is_found_by_its_name_and_by_that_of_what_it_is_about(name: str) -> None:
    assert docs.read(name).startswith("# Many calls at once\n")


@GUIDES
def test_a_guide_refers_to_pages_that_there_are(name: str) -> None:
    for page in re.findall(r"docs\.read\(\"(.*?)\"\)", docs.read(name)):
        docs.read(page)


# What they show


@GUIDES
def test_every_lua_block_of_a_guide_runs_on_the_demo_account_and_shows_what_is_said(
    name: str, session: Session
) -> None:
    for (_, code), expected in filter(lambda pair: in_lua(pair[0]), shown_by(name)):
        shown = ran(session, code, fails=expected is not None and "Error: " in expected)
        assert shown
        assert expected is None or fits(expected, shown), shown


@pytest.mark.parametrize("name", [name for name in docs.GUIDES if any(lang == "python" for lang, _ in blocks(name))])
def test_every_cell_of_a_guide_runs_in_a_python_notebook_and_shows_what_is_said(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # a cell may write a file
    with shells() as make:
        shell = make()
        shell.push({"c": shell.config})  # as in `ipython_config.py`
        shell.run_line_magic("load_ext", "kosmo_kernel")
        for block, expected in shown_by(name):
            if in_lua(block) or block[0] not in ("lua", "python") or "await " in block[1]:
                continue  # `test_tasks.py` runs what starts a process
            run(shell, block[1]).raise_error()
            shown = capsys.readouterr().out
            assert expected is None or fits(expected, shown), shown


@GUIDES
def test_a_guide_has_blocks_of_lua(name: str) -> None:
    assert docs.read(name).scripts


@pytest.mark.parametrize("page", GENERATED)
def test_every_lua_block_of_a_page_runs_where_the_accounts_are_that_it_names(
    page: str, demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    for variable in ("HEROKU_API_KEY", "HEROKU_API_KEY_PRODUCTION", "HEROKU_API_KEY_STAGING"):
        monkeypatch.setenv(variable, DEMO_TOKEN)
    scripts = docs.read(page).scripts
    assert scripts
    with Session() as lua:
        assert all(lua.run(script).calls for script in scripts)


@GUIDES
def test_what_a_guide_shows_of_the_shell_is_a_command_with_its_options(name: str) -> None:
    for lang, code in blocks(name):
        for line in code.splitlines() if lang == "sh" else ():
            assert "kosmo " in line
            words = shlex.split(line[line.index("kosmo ") :])[1:]
            command = command_named(words[0])
            assert isinstance(command, click.Command), line
            with command.make_context(words[0], words[1:]):
                pass  # it would have raised: no such option, a value that does not fit


@GUIDES
def test_what_a_guide_names_in_a_line_is_a_command(name: str) -> None:
    for words in re.findall(r"`kosmo ([a-z:]+)[^`]*`", docs.read(name)):
        assert command_named(words) is not None, words


@GUIDES
def test_what_a_guide_shows_of_config_toml_makes_sense_there(name: str) -> None:
    for lang, code in blocks(name):
        table = tomllib.loads(code) if lang == "toml" else {}
        if not table.keys() & {"tool", "accept"}:  # the files of projects, and of accepted findings
            config_file.check(config_file.Config(Path(name)), table)


# What they say


def test_the_guide_to_errors_has_every_kind_of_failure_and_who_must_act() -> None:
    told = re.findall(r"^\| `([a-z_]+)` +\| (you|the service|time) ", docs.read("errors"), re.MULTILINE)

    def leaves(kind: type[KosmoError]) -> set[type[KosmoError]]:
        below = [one for one in kind.__subclasses__() if one.__module__ == errors.__name__]
        return {leaf for one in below for leaf in leaves(one)} if below else {kind}

    assert {kind.type: kind.actor for kind in leaves(KosmoError)} == {word: who.split()[-1] for word, who in told}


def test_the_guide_to_errors_has_every_fact_of_a_failed_call() -> None:
    page = docs.read("errors").partition("## When one call of many fails")[0]
    told = re.findall(r"^\| (`.*?`) +\| ", page, re.MULTILINE)
    facts: dict[str, Any] = errors.RefusedError("").facts()
    assert set(re.findall(r"`(\w+)`", " ".join(told))) == set(facts)


def test_the_guide_to_accounts_names_each_step_of_the_ladder_in_its_order() -> None:
    page = docs.read("accounts").partition("## Where a token is found")[2].partition("A named account")[0]
    places = ["HEROKU_API_KEY", "accounts:add default", "keyring", "~/.netrc"]
    assert sorted(places, key=page.index) == places


def test_the_guide_to_settings_has_every_variable_that_is_read_and_the_usual_values() -> None:
    page = docs.read("settings")
    read = {setting.variable for setting in SETTINGS if setting.variable}
    told = set(re.findall(r"^\| `(KOSMO_[A-Z_]+)`", page, re.MULTILINE))
    assert (told, "KOSMO_PROGRESS" in read) == (read, True)
    assert "Bytes that Lua's values may take. Default: 268435456." in page
    assert "Seconds to wait for a response, or for its next part. Default: 30." in page


def test_the_guide_to_settings_shows_all_that_can_stand_in_config_toml() -> None:
    shown = tomllib.loads(next(code for lang, code in blocks("settings") if lang == "toml" and "tool" not in code))
    names = {
        "integrations": "heroku",
        "accounts": "production",
        "servers": "tickets",
        "params": "quiet-apps",
        "stacks": "heroku-22",
        "pages": "list_logs",
        ANY: "days",
    }  # what stands for any name below these
    wanted = [
        (keys[0], *(names[above] if one == ANY else one for above, one in pairwise(keys))) for keys in config_file.KEYS
    ]
    assert [keys for keys in wanted if value_at(shown, keys) is None] == []


def test_the_guide_to_limits_says_what_the_limits_are() -> None:
    page, usual = " ".join(docs.read("limits").split()), Limits()
    told = {
        f"{usual.memory >> 20} MiB",
        f"{usual.cpu:g} s",
        f"{usual.calls:,}",
        f"{usual.result >> 20} MiB of JSON",
        f"{MAX_OUTPUT_BYTES >> 20} MiB, {MAX_OUTPUT_LINES:,} lines",
        f"{MAX_SERVERS:,}",
        f"{head.MAX_BYTES >> 10} KiB",
    }
    assert {words for words in told if f"| {words}" not in page} == set()
    assert HEROKU.budget is not None
    capacity = HEROKU.budget.capacity
    assert f"{capacity:,} requests, and gets back {HEROKU.budget.refill_per_minute:g} per minute" in page
    assert f"The last {rate_limiter.RESERVE * capacity:g} are reserved" in page
    assert (rate_limiter.MAX_REJECTED_SECONDS, "rejects all requests for a quarter of an hour" in page) == (
        15 * 60,
        True,
    )
    assert (retry.MAX_RETRIES, retry.MAX_PAUSE_SECONDS) == (4, 60)
    assert "There are four retries, after about 1, 2, 4 and 8 s" in page


@pytest.mark.parametrize("path", ["guides/errors.md", "guides/limits.md", "errors.py"])
def test_a_text_that_lists_statuses_of_a_retry_lists_all_of_them(path: str) -> None:
    lists = re.findall(r"\b5\d\d(?:,? (?:and |or )?5\d\d)+", (PACKAGE / path).read_text())
    expected = sorted(f"{status:d}" for status in UNAVAILABLE)
    assert [re.findall(r"\d+", found) for found in lists] == [expected]


def test_each_question_of_the_examples_is_a_short_cell_with_an_answer_on_the_demo() -> None:
    scripts = docs.read("examples").scripts[-9:]
    assert [script for script in scripts if script.count("\n") > 6] == []
    with Session("demo") as session:
        assert [script for script in scripts if len(session.run(script).value or ()) == 0] == []
