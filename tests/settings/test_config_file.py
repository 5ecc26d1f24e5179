"""`config.toml`: where it is, what can stand in it, what is said of a mistake, and of settings that were removed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from threading import Event

import pytest
from kosmo_command import kosmo
from platformdirs import user_config_path

from kosmo_kernel import docs
from kosmo_kernel.errors import KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.lua.state import requirement
from kosmo_kernel.session import Session
from kosmo_kernel.settings import config_file, removed
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.config_file import KEYS, config, folder, misspelt_variables, removed_settings
from kosmo_kernel.settings.limits import Limits, limits
from kosmo_kernel.settings.table import SETTINGS

ALL = """# mine
require_walls = false  # here some are missing

[limits]
memory = 9_000_000
cpu = 2.5
timeout = 60
max_memory = 2_000_000_000
max_cpu = 60
max_tokens = 4000
answer_within = 50
list = 67108864
responses = 1000000000

[checks]
folder = "own"

[checks.params]
days = 60

[checks.params.quiet-apps]
days = 365

[integrations.heroku]
url = "https://api.heroku.com"
allow_host = ["heroku.example.com", "127.0.0.1:80"]

[integrations.heroku.stacks.heroku-22]
supported_until = 2027-06-30
as_of = "2026-12-01"
"""
USER_NAMES = ("heroku", "days", "quiet-apps", "heroku-22")
TABLES = ", ".join(dict.fromkeys(keys[0] for keys in KEYS))


@pytest.fixture
def file(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home / "settings"))
    (home / "settings").mkdir()
    return home / "settings" / "config.toml"


def test_its_place_is_the_system_s_or_the_variable_s(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder().is_relative_to(home)
    assert folder().name == "kosmo_kernel"
    monkeypatch.setenv("KOSMO_CONFIG_DIR", "~/here")
    assert folder() == home / "here"
    assert not folder().exists()
    assert config().table == {}


def test_everything_that_can_be_set_is_taken(file: Path) -> None:
    file.write_text(ALL, encoding="utf-8")
    found = config()

    assert (found.get("limits", "memory"), found.get("require_walls"), found.get("nothing", "here")) == (
        9_000_000,
        False,
        None,
    )
    line = ALL.splitlines().index("days = 365") + 1
    assert found.place("checks", "params", "quiet-apps", "days") == f"{file}:{line}"
    assert patterns(found.table) == set(KEYS)


def patterns(table: object) -> set[tuple[str, ...]]:
    return set(leaves(table))


def leaves(table: object, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    above = tuple("*" if name in USER_NAMES else name for name in above)
    if not isinstance(table, dict) or (above[2:3] == ("stacks",) and above[3:]):
        return [above]
    return [leaf for name, value in table.items() for leaf in leaves(value, (*above, name))]


def test_the_guide_to_settings_has_every_key(file: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", docs.read("settings"), re.MULTILINE | re.DOTALL)
    file.write_text(next(block for block in blocks if "[limits]" in block), encoding="utf-8")
    assert patterns(config().table) == set(KEYS)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("[limits]\nmemry = 1\n", UnknownNameError, "{file}:2: [limits] has no key `memry`. Did you mean: memory"),
        ("\n\n[limit]\ncpu = 1\n", UnknownNameError, "{file}:3: the file has no key `limit`. Did you mean: limits"),
        (
            "zzz = 1\n",
            UnknownNameError,
            f"{{file}}:1: the file has no key `zzz`. It takes {TABLES}.",
        ),
        (
            '[checks]\nfolders = "a"\n',
            UnknownNameError,
            "{file}:2: [checks] has no key `folders`. Did you mean: folder",
        ),
        (
            '[integrations.herokuu]\nurl = "https://api.heroku.com"\n',
            UnknownNameError,
            "{file}:1: there is no integration `herokuu`. Did you mean: heroku",
        ),
        ("limits = 3\n", SettingsError, "{file}:1: `limits` must be a table: `[limits]`."),
        ("integrations = 3\n", SettingsError, "{file}:1: `integrations` must be a table: `[integrations]`."),
        (
            "\nlimits.cpu = true\n",
            SettingsError,
            "{file}:2: `limits.cpu` takes a number of seconds above zero, got True.",
        ),
        ("limits.cpu = nan\n", SettingsError, "{file}:1: `limits.cpu` takes a number of seconds above zero, got nan."),
        (
            "limits.memory = 1024\n",
            SettingsError,
            "{file}:1: `limits.memory` takes a whole number of bytes, 1048576 or more, got 1024.",
        ),
        ("require_walls = 1\n", SettingsError, "{file}:1: `require_walls` takes true or false, got 1."),
        (
            '[integrations.heroku]\nallow_host = "https://x"\n',
            SettingsError,
            "{file}:2: `integrations.heroku.allow_host` takes the name of a host, or a list of them, got 'https://x'.",
        ),
        (
            "[limits]\ncpu = = 2\n",
            SettingsError,
            "{file} is no TOML: Invalid value (at line 2, column 7)",
        ),
        (
            'note = """\n[limits]\nmemory = 1\n"""\n[limits]\nmemory = 1\n',
            UnknownNameError,
            f"{{file}}:1: the file has no key `note`. It takes {TABLES}.",
        ),
    ],
)
def test_a_mistake_names_the_file_the_line_and_what_is_right(
    file: Path, text: str, kind: type[KosmoError], message: str
) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(kind) as caught:
        config()
    assert str(caught.value) == message.format(file=file)
    with pytest.raises(kind):
        Session()


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ("2027-04-30", "takes a table with `as_of`, a day such as 2027-04-30, and the days of the stack, got datetime"),
        ("{ supported_until = 2027-04-30 }", "takes a table with `as_of`, a day such as 2027-04-30, and the days"),
        ("{ as_of = 2026-12-01, supported_until = 'May' }", "takes as `supported_until` a day such as 2027-04-30, got"),
        ("{ as_of = 2026-12-01T10:00:00Z }", "takes as `as_of` a day such as 2027-04-30, got"),
        ("{ as_of = '2026-12-1' }", "takes as `as_of` a day such as 2027-04-30, got"),
        ("{ as_of = '2026-12-01', source = 1 }", "takes as `source` a text, got"),
        ("{ as_of = '2026-12-01', builds = ['never'] }", "takes as `builds` a list such as [{ since = 2027-05-01"),
        ("{ as_of = '2026-12-01', builds = [{ since = 'May', builds = 'fail' }] }", "takes as `builds` a list such as"),
        ("{ as_of = '2026-12-01', ends = 2027-04-30 }", "takes the keys as_of, supported_from, supported_until"),
    ],
)
def test_a_mistake_in_the_days_of_a_stack_says_what_is_right(file: Path, days: str, message: str) -> None:
    file.write_text(f"integrations.heroku.stacks.heroku-22 = {days}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        config()
    assert str(caught.value).startswith(f"{file}:1: `integrations.heroku.stacks.heroku-22` {message}")


def test_a_secret_that_somebody_put_there_is_not_shown(file: Path) -> None:
    token = "HRKU-11111111-2222-4333-8444-555555555555"
    for text in (f'[integrations.heroku]\napi_key = "{token}"\n', f'[limits]\ncpu = "{token}"\n'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(KosmoError) as caught:
            config()
        assert "HRKU-" not in str(caught.value)


def test_what_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe[limits]")
    with pytest.raises(SettingsError, match=r"config\.toml:1:1 is no UTF-8 text"):
        config()


def test_what_is_too_deep_to_be_read_is_told(file: Path) -> None:
    file.write_text(f"limits = {'[' * 100_000}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"config\.toml cannot be read: its lists or tables are too deep"):
        config()


def test_a_change_of_the_file_is_seen(file: Path) -> None:
    file.write_text("[limits]\ncpu = 1\n", encoding="utf-8")
    assert config().get("limits", "cpu") == 1
    file.write_text("[limits]\ncpu = 17\n", encoding="utf-8")
    assert config().get("limits", "cpu") == 17
    file.unlink()
    assert config().get("limits", "cpu") is None


def test_limits_come_below_the_option_and_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(ALL, encoding="utf-8")
    with Session() as session:
        assert session.limits == Limits(9_000_000, 2.5, 60, max_memory=2_000_000_000, max_cpu=60)
    monkeypatch.setenv("KOSMO_CPU_LIMIT", "3")
    with Session(timeout=7) as session:
        assert session.limits == Limits(9_000_000, 3.0, 7, max_memory=2_000_000_000, max_cpu=60)
    assert limits(Options(cpu_limit=4)).cpu == 4


@pytest.mark.parametrize("name", ["memory", "cpu", "timeout"])
def test_a_limit_that_nothing_can_count_is_refused_wherever_it_stands(
    name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = {"timeout": "KOSMO_TIMEOUT"}.get(name, f"KOSMO_{name.upper()}_LIMIT")
    monkeypatch.setenv(variable, "1e300")
    with pytest.raises(SettingsError, match=rf"^{variable} must be at most [0-9]+, got '1e300'"):
        limits()
    monkeypatch.delenv(variable)
    file.write_text(f"[limits]\n{name} = {10**400}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"config\.toml:2: `limits\.{name}` takes at most [0-9]+, got"):
        limits()


def test_too_little_memory_is_told_with_what_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        SettingsError, match=r"^memory_limit must be a whole number of bytes, 1048576 or more, got 9\.$"
    ):
        limits(Options(memory_limit=9))
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", "9")
    with pytest.raises(SettingsError, match=r"^KOSMO_MEMORY_LIMIT must be a whole number of bytes, 1048576 or more"):
        limits()


def test_walls_are_required_by_the_file_unless_the_environment_says_otherwise(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("\nrequire_walls = true\n", encoding="utf-8")
    assert requirement() == f"require_walls = true in {file}:2"
    monkeypatch.setenv("KOSMO_REQUIRE_WALLS", "0")
    assert requirement() == ""


@pytest.mark.full
def test_the_line_of_a_key_is_found_behind_long_values_and_among_other_things_of_its_name(file: Path) -> None:
    hosts = "".join(f'  "cpu{number}.example",\n' for number in range(450))
    above = f"[integrations.heroku]\nallow_host = [\n{hosts}]\n# cpu = 1\n[limits]\ntimeout = 3  # above cpu = 2\n"
    file.write_text(f"{above}cpu = 3\n\n[checks.params]\ndays = 3\n", encoding="utf-8")
    found = {
        keys: config().place(*keys)
        for keys in [("integrations",), ("integrations", "heroku", "allow_host"), ("limits", "cpu"), ("checks",)]
    }
    assert list(found.values()) == [f"{file}:{line}" for line in (1, 2, 457, 459)]


def test_a_mistake_in_a_long_file_is_placed_without_reading_it_line_by_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, read = tomllib.loads, list[int]()

    def counted(text: str) -> dict[str, object]:
        read.append(len(text))
        return loads(text)

    monkeypatch.setattr("tomllib.loads", counted)
    lines = "".join(f"[checks.params.s{number}]\ndays = 3\n" for number in range(1000))
    file.write_text(f"{lines}[checks]\nfoldr = 'x'\n", encoding="utf-8")
    with pytest.raises(UnknownNameError, match=r"config\.toml:2002: \[checks\] has no key"):
        config()
    assert len(read) < 20


def test_the_mark_that_editors_of_windows_put_in_front_is_no_mistake(file: Path) -> None:
    file.write_text("# mine\n[limits]\ncpu = 3\n", encoding="utf-8-sig")
    assert (config().get("limits", "cpu"), config().place("limits", "cpu")) == (3, f"{file}:3")


def test_a_folder_below_a_home_that_there_is_not_is_a_mistake_in_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", "~no-such-user/x")
    with pytest.raises(SettingsError, match="KOSMO_CONFIG_DIR is ~no-such-user/x, and there is no such home"):
        folder()
    if sys.platform == "linux":

        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        for variable in ("KOSMO_CONFIG_DIR", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(Path, "home", homeless)
        with pytest.raises(SettingsError, match=r"you have no home\. Name the folder in KOSMO_CONFIG_DIR"):
            folder()


def test_a_command_tells_a_mistake_in_one_line_and_as_json(file: Path) -> None:
    file.write_text("[limits]\nmemry = 1\n", encoding="utf-8")
    told = kosmo("lua", "-e", "return 1")
    assert (told.returncode, told.stdout, told.stderr) == (
        1,
        "",
        f"Error: {file}:2: [limits] has no key `memry`. Did you mean: memory\n",
    )
    assert '"type": "unknown_name"' in kosmo("lua", "-e", "return 1", "--json").stdout


@pytest.mark.parametrize("home", [None, "", " ", "/elsewhere"])
def test_the_usual_folder_is_the_one_that_platformdirs_has(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if home is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", home)
    assert folder() == user_config_path("kosmo_kernel", appauthor=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the variable")
def test_a_usual_folder_that_is_relative_is_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "~/of-mine")  # some versions of platformdirs take it as it is
    assert folder() == home / ".config" / "kosmo_kernel"


# Removed settings --------------------------------------------------------------------------------------

OLD = """[limits]
response_records = 1000
cpu = 3

[recording]
notebooks = "~/my.kosmo"

[integrations.heroku.permissions]
read = "ask"

[integrations.heroku.accounts.production.permissions]
write = "deny"

[mcp.servers.tickets.permissions]
read = "allow"
"""


def test_a_key_that_was_removed_sets_nothing_and_the_rest_of_the_file_is_read(file: Path) -> None:
    file.write_text(OLD, encoding="utf-8")
    assert limits().cpu == 3
    assert [notice.partition(" is no setting any more. ")[0] for notice in removed_settings()] == [
        f"{file}:2: `limits.response_records`",
        f"{file}:5: `recording`",
        f"{file}:8: `integrations.heroku.permissions`",
        f"{file}:11: `integrations.heroku.accounts`",
        f"{file}:14: `mcp`",
    ]
    assert file.read_text(encoding="utf-8") == OLD


def test_no_name_that_was_removed_is_a_setting() -> None:
    assert {setting.variable.removeprefix("KOSMO_") for setting in SETTINGS} & removed.VARIABLES.keys() == set()
    assert [key for key in KEYS for gone in removed.KEYS if key[: len(gone)] == gone] == []


@pytest.mark.parametrize("name", removed.VARIABLES)
def test_a_variable_that_was_removed_is_told_with_what_to_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"KOSMO_{name}", "1")
    assert removed_settings() == [f"KOSMO_{name} is no setting any more. {removed.VARIABLES[name]}"]
    assert misspelt_variables() == []


def test_a_command_tells_once_what_was_removed(file: Path) -> None:
    file.write_text("[recording]\nresume = true\n", encoding="utf-8")
    done = kosmo("lua", "--demo", "-e", "return #heroku.list_apps()", env={"KOSMO_RECORD": "x"})
    assert (done.returncode, done.stdout) == (0, "19\n")
    assert done.stderr.count(f"{file}:1: `recording` is no setting any more.") == 1
    assert done.stderr.count("KOSMO_RECORD is no setting any more. Use the option of") == 1
    assert list(file.parent.iterdir()) == [file]


def test_a_notebook_tells_once_what_was_removed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[recording]\nresume = true\n", encoding="utf-8")
    monkeypatch.setattr(config_file, "has_noticed", Event())
    with Session("demo") as session:
        notes = [session.run("return 1").notes for _ in range(2)]
    assert [[note for note in told if "is no setting any more" in note] for told in notes] == [removed_settings(), []]


def test_what_is_left_of_a_service_from_a_document_is_told_once_and_stays(file: Path) -> None:
    account = '{"github": {"default": {"entry": "github default 1", "kept": "file", "who": "Joe"}}}'
    left = {
        "config.toml": '[integrations.github]\nurl = "https://github.example"\nopen_fields = ["secret_type"]\n',
        "accounts.json": account,
        "secrets.json": '{"github default 1": "a-token-of-github"}',
        "services/github.facts": "{}\n",
    }
    (file.parent / "services").mkdir()
    for name, text in left.items():
        (file.parent / name).write_text(text, encoding="utf-8")
        (file.parent / name).chmod(0o600)
    done = kosmo("lua", "--demo", "-e", "return #heroku.list_apps()")
    assert (done.returncode, done.stdout) == (0, "19\n")
    assert done.stderr.count(f"{file}:3: `integrations.github.open_fields` is no setting any more.") == 1
    assert done.stderr.count(f"{file.parent / 'services'} is not read any more. Services are no longer made from") == 1
    assert "a-token-of-github" not in done.stderr
    assert kosmo("lua", "-e", "return app.integrations.github.list_repos()").returncode == 1
    assert {name: (file.parent / name).read_text(encoding="utf-8") for name in left} == left

    wrong = kosmo("accounts:remove", "defualt", "--integration", "github")
    assert wrong.stderr.endswith("Error: No account `defualt` of github was added. Did you mean: default\n")
    done = kosmo("accounts:remove", "default", "--integration", "GitHub")
    assert done.stdout.startswith("github.default is forgotten. Its token is still good")
    assert "a-token-of-github" not in (file.parent / "secrets.json").read_text(encoding="utf-8")
    assert "There is no integration `github`" in kosmo("accounts:remove", "default", "--integration", "github").stderr


@pytest.mark.claim("folder-settings")
def test_a_project_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kosmo_kernel]\nlimit = = 1\ntimeout = 0.001\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with Session("demo") as session:
        assert session.run("return #heroku.list_apps()").value == 19
        assert session.limits == Limits()
