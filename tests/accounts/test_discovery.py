"""Where a token is looked for: each step of the ladder, with real files and a keyring of the test's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fake_keyrings import Locked, Remembering, Service, Silent, use

from kosmo_kernel import accounts
from kosmo_kernel.accounts import store
from kosmo_kernel.accounts.discovery import all_accounts
from kosmo_kernel.editor import complete
from kosmo_kernel.errors import CredentialsError, SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.session import Session

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
OTHER = "HRKU-66666666-7777-4888-9999-aaaaaaaaaaaa"
THIRD = "HRKU-bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
MAIL = "joe@larkmoor.example"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    made = Remembering()
    use(monkeypatch, made)
    return made


def signed_in(home: Path, ring: Remembering, token: str = TOKEN) -> Path:
    """Return what Heroku's command line leaves behind when somebody signs in, on a desktop with a Secret Service."""
    ring.secrets[frozenset({("service", "heroku-cli"), ("account", MAIL)})] = token
    file = home / ".local" / "share" / "heroku" / "login.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"account": MAIL}), encoding="utf-8")
    return file


def netrc(home: Path, text: str) -> Path:
    file = home / ".netrc"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.mark.claim("token-sources")
def test_the_first_step_that_has_a_token_counts(home: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch) -> None:
    file = netrc(home, f"machine api.heroku.com\n  login {MAIL}\n  password {TOKEN}\n")
    found = [accounts.find(HEROKU)]
    signed_in(home, ring, OTHER)
    found.append(accounts.find(HEROKU))
    store.add(HEROKU, "default", THIRD)
    found.append(accounts.find(HEROKU))
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)
    found.append(accounts.find(HEROKU))

    assert [(one.token.reveal(), one.source) for one in found] == [
        (TOKEN, str(file)),
        (OTHER, "the Heroku CLI's entry in the system keyring"),
        (THIRD, "the system keyring"),
        (TOKEN, "HEROKU_API_KEY"),
    ]
    assert [candidate.kind for candidate in accounts.token_sources(HEROKU, "default")] == [
        "environment",
        "keyring",
        "cli",
        "netrc",
    ]


def test_a_named_account_is_in_a_variable_or_was_added(ring: Remembering, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(HEROKU, "my-team", TOKEN, who=MAIL)

    for spelling in ("my-team", "my_team", "My-Team"):
        assert accounts.find(HEROKU, spelling) == accounts.Account(
            "heroku", "my-team", TOKEN, "https://api.heroku.com", "the system keyring"
        )
    assert accounts.names(HEROKU) == ["my-team", "demo"]
    monkeypatch.setenv("HEROKU_API_KEY_MY_TEAM", OTHER)
    assert accounts.find(HEROKU, "my_team").token.reveal() == OTHER
    assert accounts.names(HEROKU) == ["my-team", "demo"]
    assert ring.asked


def test_names_are_known_without_a_look_at_a_secret(home: Path, ring: Remembering) -> None:
    store.add(HEROKU, "production", TOKEN)
    store.add(HEROKU, "filed", TOKEN, in_file=True)
    store.secrets_file().chmod(0)
    signed_in(home, ring)
    ring.asked.clear()

    assert accounts.names(HEROKU) == ["default", "filed", "production", "demo"]
    assert ring.asked == []


def test_a_secret_is_asked_for_once_and_anew_when_its_owner_has_signed_in_anew(home: Path, ring: Remembering) -> None:
    file = signed_in(home, ring)
    assert {accounts.find(HEROKU).token.reveal() for _ in range(5)} == {TOKEN}
    assert ring.asked == [MAIL]

    signed_in(home, ring, OTHER)
    os.utime(file, ns=(1, 1))
    assert accounts.find(HEROKU).token.reveal() == OTHER


def test_an_entry_of_secret_tool_is_found_on_a_linux_desktop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"xdg:schema": "org.freedesktop.Secret.Generic"}  # which secret-tool adds to what it is told
    theirs = {**schema, "service": "heroku-cli", "account": MAIL}
    use(monkeypatch, Service([({**theirs, "account": "ann@larkmoor.example"}, OTHER), (theirs, TOKEN)]))
    signed_in(home, Remembering())

    assert accounts.find(HEROKU).token.reveal() == TOKEN


def test_the_keyring_of_the_command_line_is_left_alone_where_it_leaves_it_alone(
    home: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(home, ring)
    netrc(home, f"machine api.heroku.com login {MAIL} password {OTHER}\n")
    monkeypatch.setenv("HEROKU_NETRC_WRITE", "TRUE")

    assert accounts.find(HEROKU).token.reveal() == OTHER
    assert ring.asked == []


def test_another_folder_of_the_command_line_is_used(
    home: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = signed_in(home, ring)
    folder = home / "elsewhere"
    file.parent.rename(folder)
    with pytest.raises(CredentialsError, match="No credentials"):
        accounts.find(HEROKU)
    monkeypatch.setenv("HEROKU_DATA_DIR", str(folder))
    assert accounts.find(HEROKU).token.reveal() == TOKEN


@pytest.mark.parametrize("text", ["", "{", "[]", '{"account": ""}', '{"account": 7}'])
def test_a_file_that_names_nobody_is_nobody_signed_in(home: Path, ring: Remembering, text: str) -> None:
    signed_in(home, ring).write_text(text, encoding="utf-8")

    assert accounts.names(HEROKU) == ["demo"]


@pytest.mark.parametrize("variable", ["XDG_DATA_HOME", "HEROKU_DATA_DIR", "NETRC"])
@pytest.mark.parametrize("place", ["/" + "x" * 5000, "~no_such_person/x"])
def test_a_place_that_the_system_refuses_to_look_at_holds_no_token(
    ring: Remembering, monkeypatch: pytest.MonkeyPatch, variable: str, place: str
) -> None:
    monkeypatch.setenv(variable, place)

    assert accounts.names(HEROKU) == ["demo"]
    assert ring.asked == []


def test_a_name_that_no_account_can_have_stands_in_the_list_with_what_is_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    text = json.dumps({"heroku": {"a b": {"kept": "file", "entry": "x"}}})
    (home / "accounts.json").write_text(text, encoding="utf-8")

    found = {one.alias: one.problem for one in all_accounts()}
    assert found == {"a b": "`a b` is no name of an account, or was taken away meanwhile.", "demo": ""}


def test_somebody_who_is_signed_in_without_an_entry_is_told_of(home: Path, ring: Remembering) -> None:
    signed_in(home, ring)
    ring.secrets.clear()

    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU)
    assert caught.value.message.endswith(
        f"({MAIL} is signed in, but there is no token in the Heroku CLI's entry in the system keyring.)"
    )


def test_a_locked_keyring_is_told_and_not_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Locked()
    use(monkeypatch, ring)
    signed_in(home, ring)
    netrc(home, f"machine api.heroku.com login {MAIL} password {OTHER}\n")

    for _ in range(3):  # nobody waits, and nobody is asked, a second time
        with pytest.raises(CredentialsError) as caught:
            accounts.find(HEROKU)
        assert caught.value.message.startswith(
            f"{MAIL} is signed in with the Heroku CLI. The system keyring is locked: Failed to unlock the collection. "
            "Unlock it and try again."
        )
    assert len(ring.asked) == 1


def test_a_keyring_that_does_not_answer_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Silent()
    use(monkeypatch, ring)
    monkeypatch.setattr(store, "TIMEOUT_SECONDS", 0.05)
    signed_in(home, ring)
    try:
        assert accounts.names(HEROKU) == ["default", "demo"]
        with pytest.raises(CredentialsError, match=r"does not work: it has not answered for 0\.05 s\."):
            accounts.find(HEROKU)
    finally:
        ring.released.set()


@pytest.mark.claim("token-cli")
def test_tokens_of_other_programs_go_to_the_address_that_they_are_for(
    home: Path, ring: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(home, ring)
    netrc(home, f"machine api.heroku.com login {MAIL} password {OTHER}\n")
    monkeypatch.setenv("HEROKU_API_URL", "http://127.0.0.1:5000")

    with pytest.raises(CredentialsError, match="No credentials"):
        accounts.find(HEROKU)
    netrc(home, f"machine 127.0.0.1:5000 login {MAIL} password {THIRD}\n")  # as Heroku's command line has it
    assert accounts.find(HEROKU).token.reveal() == THIRD


@pytest.mark.parametrize(
    "text",
    [
        "# mine\nmachine api.heroku.com\n  login joe\n  password {token}\nmachine git.heroku.com\n  password x\n",
        "machine api.heroku.com login joe password {token} # a comment\n",
        "machine git.heroku.com\n login joe\n password x\n\nmachine api.heroku.com\n\tlogin joe\n\tpassword {token}\n",
        "machine api.heroku.com\n  login joe\n  password {token}\n  method interactive\n  org tideworks\n",
        "macdef init\ncd /tmp\n\nmachine api.heroku.com login joe password {token}\n",
        "default login anonymous password x\nmachine api.heroku.com login joe password {token}\n",
    ],
)
def test_a_netrc_file_is_read_as_heroku_s_command_line_reads_it(home: Path, text: str) -> None:
    netrc(home, text.format(token=TOKEN))

    assert accounts.find(HEROKU).token.reveal() == TOKEN


def test_another_netrc_file_is_named_by_a_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc(home, f"machine api.heroku.com login joe password {OTHER}\n")
    elsewhere = home / "secrets" / "netrc"
    elsewhere.parent.mkdir()
    elsewhere.write_text(f"machine api.heroku.com login joe password {TOKEN}\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", "~/secrets/netrc")

    assert (accounts.find(HEROKU).token.reveal(), accounts.find(HEROKU).source) == (TOKEN, str(elsewhere))


@pytest.mark.parametrize(
    "text",
    [
        "machine git.heroku.com login joe password x\n",
        "machine api.heroku.com\n  login joe\n",
        "default login joe password x\n",
        "machine api.heroku.com.example login joe password x\n",
        "# machine api.heroku.com password x\n",
        "",
    ],
)
def test_a_netrc_file_without_a_password_of_the_host_is_no_step(home: Path, text: str) -> None:
    netrc(home, text)

    assert accounts.names(HEROKU) == ["demo"]


def test_a_netrc_file_that_makes_no_sense_is_told_with_its_line_and_without_its_words(home: Path) -> None:
    file = netrc(home, f"machine git.heroku.com login a\nmachine api.heroku.com login joe\n  {TOKEN} password\n")

    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU)
    assert caught.value.message.startswith(f"{file}:3: this makes no sense in a netrc file")
    assert TOKEN not in caught.value.message
    assert accounts.names(HEROKU) == ["demo"]
    assert isinstance(accounts.fault(HEROKU), CredentialsError)


def test_a_netrc_file_that_makes_no_sense_is_nothing_to_whoever_needs_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc(home, "api.heroku.com what is this\n")
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)

    assert accounts.find(HEROKU).token.reveal() == TOKEN


def test_an_address_of_the_settings_counts_below_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)
    file = home / "settings" / "config.toml"
    file.parent.mkdir()
    file.write_text('[integrations.heroku]\nurl = "https://heroku.example.com/v3"\n', encoding="utf-8")
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU)
    assert caught.value.message.startswith(
        f"`url` in {file}:2 is no address that a Heroku token may be sent to: it leads"
    )
    assert f"`allow_host` below [integrations.heroku] in {file}" in caught.value.message

    file.write_text(
        '[integrations.heroku]\nurl = "https://heroku.example.com/v3"\nallow_host = "Heroku.Example.com"\n',
        encoding="utf-8",
    )
    assert accounts.find(HEROKU).url == "https://heroku.example.com/v3"
    for url in ("https://x.heroku.example.com", "https://heroku.example.com.evil.example", "http://heroku.example.com"):
        monkeypatch.setenv("HEROKU_API_URL", url)
        with pytest.raises(CredentialsError):
            accounts.find(HEROKU)
    monkeypatch.setenv("HEROKU_API_URL", "https://api.heroku.com")
    assert accounts.find(HEROKU).url == "https://api.heroku.com"


def test_a_list_of_accounts_that_makes_no_sense_is_told_with_its_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "accounts.json").write_text('{\n "heroku": \n', encoding="utf-8")
    for alias in ("default", "production"):
        with pytest.raises(SettingsError, match=r"accounts\.json:3:1 is no JSON"):
            accounts.find(HEROKU, alias)
    (home / "accounts.json").write_text('{"heroku": {"x": 1}}', encoding="utf-8")
    assert accounts.names(HEROKU) == ["demo"]
    with pytest.raises(SettingsError, match="makes no sense"):
        accounts.find(HEROKU, "x")


def test_an_account_with_a_dash_is_named_and_completed_in_lua(
    ring: Remembering, demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    store.add(HEROKU, "my-team", DEMO_TOKEN)
    with Session("My-Team") as session:
        result = session.run(
            "local names, heroku = {}, app.integrations.heroku\n"
            'for i, one in ipairs({ heroku["my-team"], heroku.my_team, heroku }) do\n'
            '  names[i] = one.get_app("my-app").name\nend\n'
            "return table.unpack(names)"
        )
        assert result.values == ["my-app"] * 3
        in_quotes = complete('app.integrations.heroku["my', len('app.integrations.heroku["my'), session)
        behind_a_dot = complete("app.integrations.heroku.my", len("app.integrations.heroku.my"), session)
        assert [match.text for match in in_quotes.matches] == ["my-team"]
        assert [match.text for match in behind_a_dot.matches] == []
    assert ring.asked.count(next(iter(store.stored_accounts("heroku").values())).entry) == 1  # as it was kept


def test_a_suggestion_is_written_as_lua_has_it(ring: Remembering) -> None:
    store.add(HEROKU, "my-team", TOKEN)
    assert ring.secrets
    with pytest.raises(UnknownNameError) as caught:
        accounts.find(HEROKU, "my-tea")
    assert caught.value.suggestions == ('app.integrations.heroku["my-team"]',)
    assert accounts.lua_path(HEROKU, "end") == 'app.integrations.heroku["end"]'  # a word of Lua's own
