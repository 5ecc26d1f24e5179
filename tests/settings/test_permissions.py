"""Test what scripts may do: the files that say so, what is asked and what is refused, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from fake_integration import KEY, WRITING, Harbour
from run_with import run_with

from kosmo_kernel import integrations
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import (
    CredentialsError,
    InvalidArgumentsError,
    KosmoError,
    LimitError,
    NotAllowedError,
    SettingsError,
)
from kosmo_kernel.session import Session
from kosmo_kernel.settings.permissions import Target, permission

HORN = "app.integrations.ferries.sound_horn"
WRITTEN = '[integrations.ferries.permissions]\nread = "{}"\nwrite = "{}"\n'


@pytest.fixture
def file(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of `config.toml`, and a working directory without a project."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "work").mkdir()
    monkeypatch.chdir(home / "work")
    return home / "config.toml"


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbour]:
    monkeypatch.setattr(integrations, "BUILT_IN", (*integrations.BUILT_IN, WRITING))
    api = Harbour()
    with serve(api) as served:
        monkeypatch.setenv("TIDEWATER_KEY", KEY)
        monkeypatch.setenv("TIDEWATER_URL", served.url)
        yield api


@pytest.fixture
def lua(file: Path, harbour: Harbour) -> Iterator[Session]:
    with Session() as opened:
        yield opened


class Person:
    """Somebody who answers always the same, and remembers what they were asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str | None:
        self.asked.append(question)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def refused(lua: Session, code: str, person: Person | None = None, *, dry_run: bool = False) -> NotAllowedError:
    with pytest.raises(NotAllowedError) as caught:
        run_with(lua, code, on_ask=person, dry_run=dry_run)
    return caught.value


# Files -------------------------------------------------------------------------------------------------


@pytest.mark.claim("permission-first")
def test_reads_are_allowed_and_writes_asked_about_from_the_start(file: Path) -> None:
    assert [permission(Target("default", "ferries"), effect) for effect in ("read", "write")] == [
        ("allow", "", ()),
        ("ask", "", ()),
    ]
    assert not file.exists()


def test_what_is_said_of_an_account_counts_before_what_is_said_of_all(file: Path) -> None:
    file.write_text(
        WRITTEN.format("ask", "deny") + '[integrations.ferries.accounts.my-team.permissions]\nread = "allow"\n',
        encoding="utf-8",
    )
    found = {alias: permission(Target(alias, "ferries"), "read") for alias in ("default", "my-team", "My_Team")}
    assert {alias: (one.policy, one.location) for alias, one in found.items()} == {
        "default": ("ask", f"{file}:2"),
        "my-team": ("allow", f"{file}:5"),
        "My_Team": ("allow", f"{file}:5"),
    }
    assert permission(Target("my-team", "ferries"), "write").policy == "deny"
    assert permission(Target("my-team", "heroku"), "read").policy == "allow"


@pytest.mark.claim("permission-project")
@pytest.mark.parametrize("own", ["allow", "ask", "deny"])
@pytest.mark.parametrize("project", ["allow", "ask", "deny"])
def test_a_project_can_only_make_it_stricter(file: Path, own: str, project: str) -> None:
    file.write_text(WRITTEN.format("allow", own), encoding="utf-8")
    place = Path("pyproject.toml")
    place.write_text(f'[tool.kosmo_kernel]\nintegrations.ferries.permissions.write = "{project}"\n', encoding="utf-8")
    found = permission(Target("default", "ferries"), "write")

    order = ("allow", "ask", "deny")
    assert found.policy == max(own, project, key=order.index)
    stricter = order.index(project) > order.index(own)
    assert found.location == (f"{place.absolute()}:2" if stricter else f"{file}:3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tool.kosmo_kernel.integrations.ferries.permissions]\nread = "no"\n',
            "pyproject.toml:2: `integrations.ferries",
        ),
        (
            '[tool.kosmo_kernel.integrations.ferries]\nurl = "https://x"\n',
            "pyproject.toml:2: [integrations.ferries] has no",
        ),
    ],
)
def test_a_mistake_of_a_project_is_told_and_nothing_is_sent(
    lua: Session, harbour: Harbour, text: str, message: str
) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KosmoError) as caught:
        lua.run("return app.integrations.ferries.list_ships()")
    assert message in str(caught.value)
    assert harbour.asked == []


# Calls -------------------------------------------------------------------------------------------------


@pytest.mark.claim("permission-first")
def test_where_nobody_can_be_asked_a_write_is_an_error_that_says_how_to_allow_it(
    lua: Session, harbour: Harbour
) -> None:
    error = refused(lua, f"return {HORN}(2)")

    assert error.message == (
        "In[1]:1: ferries.sound_horn (account default): writes of this account are asked about first (unless you allow "
        "them), and there is nobody to ask here. Nothing was sent. To allow it, run `kosmo integrations:configure "
        "ferries --write allow`; for one run of a command, `--force`."
    ).replace("In[1]", "Lua")
    assert error.facts() | {"message": ""} == {
        "type": "permission",
        "message": "",
        "function": "ferries.sound_horn",
        "account": "default",
        "operation": "write",
        "permission": "ask",
    }
    assert [(call.path, call.status) for call in error.result.calls] == [("integrations.ferries.sound_horn", "error")]
    assert harbour.asked == []


def test_a_person_is_asked_and_yes_makes_the_call(lua: Session, harbour: Harbour) -> None:
    person = Person(" Yes ")
    result = run_with(lua, f"return {HORN}(2).heard", on_ask=person)

    assert (result.value, result.permission_bypassed) == (True, False)
    question = "ferries.sound_horn (ship_number = 2) changes something at Tidewater Ferries, account default. "
    assert person.asked == [f"{question}Go on, for all of this run? [y/N] "]
    assert harbour.asked == [("/ships/2/horn", KEY)]


@pytest.mark.parametrize("answers", [("n",), ("",), ("NO",), ("perhaps", "what", "hm"), ("maybe", "no")])
def test_anything_else_makes_no_call(lua: Session, harbour: Harbour, answers: tuple[str, ...]) -> None:
    person = Person(*answers)
    error = refused(lua, f"return {HORN}(2)", person)

    assert "and the answer was no. Nothing was sent." in error.message
    assert len(person.asked) == len(answers)
    assert harbour.asked == []


def test_a_person_is_asked_once_for_a_function_and_an_account_however_many_calls_there_are(
    lua: Session, harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEWATER_KEY_NORTH", KEY)
    person = Person("y")
    run_with(
        lua,
        f"""
        local ships = {{}}
        for i = 1, 40 do ships[i] = i end
        parallel.map(ships, {HORN})
        {HORN}({{ ship_number = {{ 2, 3, 5 }} }})
        pcall({HORN}, 7)
        app.integrations.ferries.default.sound_horn(2)
        app.integrations.ferries.north.sound_horn(2)
        app.integrations.ferries.North.sound_horn(2)
        """,
        on_ask=person,
    )
    assert len([path for path, _ in harbour.asked if path.endswith("/horn")]) == 40 + 3 + 4
    assert [question.partition("account ")[2].partition(".")[0] for question in person.asked] == ["default", "north"]
    run_with(lua, f"{HORN}(2)", on_ask=person)  # another run asks anew
    assert len(person.asked) == 3


def test_a_no_holds_for_the_run_as_well(lua: Session, harbour: Harbour) -> None:
    person = Person("n")
    result = run_with(
        lua,
        f"local n = 0 for i = 1, 5 do if not pcall({HORN}, i) then n = n + 1 end end\n"
        f"local _, failed = parallel.map({{ 1, 2, 3 }}, {HORN}, {{ errors = 'collect' }}) return n, #failed",
        on_ask=person,
    )
    assert (result.values, len(person.asked), harbour.asked) == ([5, 3], 1, [])


def test_what_is_denied_is_not_asked_about(lua: Session, harbour: Harbour, file: Path) -> None:
    file.write_text(WRITTEN.format("deny", "allow"), encoding="utf-8")
    person = Person("y")
    error = refused(lua, "return app.integrations.ferries.list_ships()", person)

    assert f'reads of this account are denied (read = "deny" in {file}:2). Nothing was sent.' in error.message
    assert "`kosmo integrations:configure ferries --read allow`" in error.message
    assert (person.asked, harbour.asked) == ([], [])
    assert lua.run(f"return {HORN}(2).heard").value is True


def test_what_a_project_denies_is_said_to_be_the_project_s(lua: Session, harbour: Harbour) -> None:
    place = Path("pyproject.toml")
    place.write_text('[tool.kosmo_kernel.integrations.ferries.permissions]\nread = "deny"\n', encoding="utf-8")
    error = refused(lua, "return app.integrations.ferries.get_ship(2)")

    assert f'(read = "deny" in {place.absolute()}:2)' in error.message
    assert "change that file, which is the project's" in error.message
    assert harbour.asked == []


def test_an_account_s_own_permission_is_named_where_it_is_to_be_allowed(lua: Session, file: Path) -> None:
    file.write_text('[integrations.ferries.accounts.default.permissions]\nread = "ask"\n', encoding="utf-8")
    error = refused(lua, "return app.integrations.ferries.get_ship(2)")

    assert "`kosmo integrations:configure ferries --account default --read allow`" in error.message


def test_arguments_are_looked_at_before_anybody_is_asked(lua: Session) -> None:
    person = Person("y")
    with pytest.raises(InvalidArgumentsError):
        run_with(lua, f"return {HORN}('two')", on_ask=person)
    assert person.asked == []


@pytest.mark.parametrize("code", [f"{HORN}(2)", f"parallel.map({{ 1, 2 }}, {HORN})"])
def test_the_limit_by_the_clock_ends_a_question(lua: Session, harbour: Harbour, code: str) -> None:
    lua.run("kept = 1")
    with pytest.raises(LimitError) as caught:
        run_with(lua, code, timeout=0.1, on_ask=lambda _question: str(Event().wait(30)))
    assert caught.value.limit == "timeout"
    assert (harbour.asked, lua.run("return kept").value) == ([], 1)


def test_a_dry_run_asks_nobody_and_still_says_what_is_denied(lua: Session, harbour: Harbour, file: Path) -> None:
    person = Person("y")
    result = run_with(lua, f"return {HORN}(2)", on_ask=person, dry_run=True)
    assert ([one.function for one in result.planned], person.asked) == (["ferries.sound_horn"], [])
    file.write_text(WRITTEN.format("allow", "deny"), encoding="utf-8")
    refused(lua, f"return {HORN}(2)", person, dry_run=True)
    assert harbour.asked == []


# Force -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["ask", "deny"])
def test_force_lifts_the_permissions_for_one_run(lua: Session, harbour: Harbour, file: Path, policy: str) -> None:
    file.write_text(WRITTEN.format(policy, policy), encoding="utf-8")
    result = run_with(lua, f"{HORN}(2) return #app.integrations.ferries.list_ships()", force=True)

    assert (result.value, result.permission_bypassed) == (3, True)
    assert len(harbour.asked) == 2
    refused(lua, f"{HORN}(2)")


def test_force_says_so_only_where_it_lifted_something(lua: Session) -> None:
    assert run_with(lua, "return #app.integrations.ferries.list_ships()", force=True).permission_bypassed is False
    assert run_with(lua, "return 1", force=True).permission_bypassed is False


def test_force_lifts_nothing_else(lua: Session, harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentsError):
        run_with(lua, f"{HORN}('two')", force=True)
    with pytest.raises(KosmoError, match="running time"):
        run_with(lua, "while true do end", force=True, cpu_limit=0.05)
    monkeypatch.delenv("TIDEWATER_KEY")
    with pytest.raises(CredentialsError):
        run_with(lua, f"{HORN}(2)", force=True)
    Path("pyproject.toml").write_text("[tool.kosmo_kernel]\nlimit = = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError):
        run_with(lua, f"{HORN}(2)", force=True)
    assert harbour.asked == []
