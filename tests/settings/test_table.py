"""The table of settings: each is declared there and nowhere else, and every door takes and refuses the same values."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import pytest
from repository import ROOT

from kosmo_kernel import docs, walls
from kosmo_kernel.cli import command_named
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.mcp_server.tools import LUA, offered_tools
from kosmo_kernel.settings.cell_options import Options, parse
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import Limits, check_defaults, limits
from kosmo_kernel.settings.table import CPU_LIMIT, LIMITS, MEMORY_LIMIT, SETTINGS, TIMEOUT, Number, Setting

PACKAGE = ROOT / "kosmo_kernel"


def files_with(words: Iterable[str], wanted: Callable[[object], bool]) -> dict[str, list[object]]:
    """Return the files of the package that have a constant of a kind, in which there is one of some words."""
    found: dict[str, list[object]] = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):  # only these files are parsed
            constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            found[str(path.relative_to(PACKAGE))] = list(filter(wanted, constants))
    return {name: values for name, values in found.items() if values}


def test_every_environment_variable_of_ours_is_made_of_the_name_of_a_setting() -> None:
    is_variable = re.compile(r"KOSMO_[A-Z_]+").fullmatch
    named = files_with(["KOSMO_"], lambda value: isinstance(value, str) and is_variable(value) is not None)
    below = {"walls/__init__.py": {walls.MACOS_SANDBOX}}  # which cannot import the table
    assert {name: set(values) for name, values in named.items()} == below
    variables = {setting.name: setting.variable for setting in SETTINGS if setting.variable}
    assert variables == {name: f"KOSMO_{name.upper()}" for name in variables}


def test_the_memory_limit_is_declared_in_one_place_and_enforced_in_two() -> None:
    names = {MEMORY_LIMIT.variable, MEMORY_LIMIT.command, *MEMORY_LIMIT.cell}
    assert files_with(names, lambda value: value in names) == {}
    assert Limits().memory == MEMORY_LIMIT.default == 256 << 20
    sources = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    assert [name for name, text in sources.items() if "set_max_memory" in text] == ["lua/worker.py"]  # inside Lua
    assert [name for name, text in sources.items() if "RLIMIT_AS" in text] == ["walls/process.py"]  # from outside


def test_no_two_settings_share_a_name_in_one_place() -> None:
    for names in (
        [setting.variable for setting in SETTINGS if setting.variable],
        [setting.config for setting in SETTINGS if setting.config],
        [flag for setting in SETTINGS for flag in setting.cell],
        [setting.command for setting in SETTINGS if setting.command],
    ):
        assert len(set(names)) == len(names)


def test_a_setting_has_a_sentence_and_a_valid_default() -> None:
    assert [setting.name for setting in SETTINGS if not setting.doc.endswith(".")] == []
    for setting in SETTINGS:
        assert setting.default is None or setting.value.check(setting.default) == setting.default


def test_the_guide_has_the_sentence_of_each_variable() -> None:
    page = docs.read("settings")
    assert [s.variable for s in SETTINGS if s.variable and s.help not in page] == []


@pytest.mark.parametrize("name", ["lua", "mcp:lua", "mcp:serve"])
def test_the_help_of_a_command_has_the_sentence_and_the_default_of_each_limit(name: str) -> None:
    command = command_named(name)
    assert isinstance(command, click.Command)
    text = " ".join(command.get_help(click.Context(command, terminal_width=400, max_content_width=400)).split())
    for setting in LIMITS:
        assert f"{setting.command} {setting.value.metavar} {setting.help}" in text


def test_the_schema_of_an_agents_run_has_the_bounds_of_each_limit() -> None:
    tools = offered_tools(Limits(), 5_000, others=False)
    properties = tools[LUA]["inputSchema"]["properties"]
    assert {name: properties[name] for name in ("timeout", "cpu_limit", "memory_limit")} == {
        "timeout": {"type": "number", "exclusiveMinimum": 0},
        "cpu_limit": {"type": "number", "exclusiveMinimum": 0, "maximum": 30.0},
        "memory_limit": {"type": "integer", "minimum": 1 << 20, "maximum": 256 << 20},
    }
    assert properties["max_tokens"] | {"description": ""} == {"type": "integer", "maximum": 5_000, "description": ""}


# The same values at every door


def from_variable(setting: Setting, text: str, _folder: Path, patch: pytest.MonkeyPatch) -> object:
    patch.setenv(setting.variable, text)
    return setting.resolve()


def from_config(setting: Setting, text: str, folder: Path, patch: pytest.MonkeyPatch) -> object:
    patch.setenv("KOSMO_CONFIG_DIR", str(folder))
    *tables, key = setting.config
    (folder / "config.toml").write_text(f"[{'.'.join(tables)}]\n{key} = {text}\n", encoding="utf-8")
    assert config().get(*setting.config) is not None
    return getattr(limits(), key)


def from_cell(setting: Setting, text: str, _folder: Path, _patch: pytest.MonkeyPatch) -> object:
    return getattr(parse(f"{setting.cell[-1]} {text}"), setting.name)


def from_command(setting: Setting, text: str, _folder: Path, _patch: pytest.MonkeyPatch) -> object:
    command = command_named("mcp:serve")
    assert isinstance(command, click.Command)
    try:
        with command.make_context("mcp:serve", [setting.command, text]) as context:
            return context.params[setting.name]
    except click.UsageError as error:
        raise SettingsError(error.format_message()) from None


DOORS = {
    "a variable": (from_variable, LIMITS),
    "config.toml": (from_config, LIMITS),
    "a cell": (from_cell, (TIMEOUT, MEMORY_LIMIT)),
    "a command": (from_command, LIMITS),
}
CASES = pytest.mark.parametrize(
    ("door", "setting"),
    [(door, setting) for door, (_, settings) in DOORS.items() for setting in settings],
    ids=lambda one: one if isinstance(one, str) else one.name,
)


@CASES
@pytest.mark.parametrize("text", ["9000000", "9e6"])
def test_a_limit_is_the_same_number_at_every_door(
    door: str, setting: Setting, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = DOORS[door][0](setting, text, tmp_path, monkeypatch)
    assert (value, type(value)) == (9_000_000, int if setting is MEMORY_LIMIT else float)


@CASES
@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "true", "soon", "1e300"])
def test_a_number_that_makes_no_sense_is_refused_in_the_same_words_at_every_door(
    door: str, setting: Setting, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(setting.value, Number)
    expected = f"at most {setting.value.maximum:.0f}" if text == "1e300" else setting.value.expected
    toml = "'soon'" if text == "soon" and door == "config.toml" else text
    with pytest.raises(SettingsError) as caught:
        DOORS[door][0](setting, toml, tmp_path, monkeypatch)
    assert expected in caught.value.message
    name = {"a variable": setting.variable, "config.toml": ".".join(setting.config)}
    assert name.get(door, setting.command) in caught.value.message


def ceilings_in(place: str, folder: Path, patch: pytest.MonkeyPatch, **ceilings: int) -> None:
    """Set ceilings in the environment, or in a `config.toml` of the folder."""
    patch.setenv("KOSMO_CONFIG_DIR", str(folder))
    lines = [f"{name} = {ceiling}" for name, ceiling in ceilings.items()]
    if place == "config.toml":
        (folder / "config.toml").write_text("\n".join(["[limits]", *lines]), encoding="utf-8")
    else:
        for name, ceiling in ceilings.items():
            patch.setenv(f"KOSMO_{name.upper()}", str(ceiling))


@pytest.mark.parametrize("place", ["config.toml", "the environment"])
def test_the_ceilings_hold_for_each_run_and_lower_the_defaults(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ceilings_in(place, tmp_path, monkeypatch, max_memory=8_000_000, max_cpu=20)
    most = limits()
    assert (most.memory, most.cpu) == (8_000_000, 20.0)
    assert most.changed(Options(memory_limit=8_000_000, cpu_limit=20)) == most
    where = "limits.max_memory" if place == "config.toml" else "set KOSMO_MAX_MEMORY."
    with pytest.raises(SettingsError, match=f"`memory_limit` is 8,000,001 bytes, .* 8,000,000 bytes .*{where}"):
        most.changed(Options(memory_limit=8_000_001))
    with pytest.raises(SettingsError, match=r"`cpu_limit` is 20\.5 s, .* 20 s .*\(`max_cpu`\)"):
        most.changed(Options(cpu_limit=20.5))


@pytest.mark.claim("limit-ceilings")
def test_defaults_of_the_user_above_a_ceiling_are_refused_for_cells_and_hold_at_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path))
    check_defaults()
    (tmp_path / "config.toml").write_text("[limits]\ncpu = 601\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"config\.toml:2: `limits\.cpu` is 601 s, more than the 600 s"):
        check_defaults()
    monkeypatch.setenv("KOSMO_CPU_LIMIT", "602")
    with pytest.raises(SettingsError, match=r"^KOSMO_CPU_LIMIT is 602 s, more than the 600 s"):
        check_defaults()
    check_defaults(["cpu_limit"])  # an option of the command sets it
    assert limits().cpu == 602
    assert limits(Options(cpu_limit=900)).changed(Options(cpu_limit=800)).cpu == 800
    monkeypatch.setenv("KOSMO_MAX_CPU", "700")
    check_defaults()


def test_an_argument_of_python_is_refused_by_its_name() -> None:
    for setting, value in ((TIMEOUT, 0), (CPU_LIMIT, True), (MEMORY_LIMIT, "9000000"), (MEMORY_LIMIT, 2_000_000.5)):
        with pytest.raises(SettingsError, match=f"^{setting.name} must be {setting.value.expected}, got "):
            setting.resolve(value)


def test_a_run_has_the_options_of_its_cell_unless_the_door_says_otherwise() -> None:
    options = parse("--timeout 2 --memory-limit 9000000 -n -a demo")
    of_run = options.changed(name="In[1]", dry_run=False)
    assert of_run == Options("In[1]", account="demo", timeout=2.0, memory_limit=9_000_000)
