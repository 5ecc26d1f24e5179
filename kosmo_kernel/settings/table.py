"""The table of settings: each setting once, with its default, its check, and its name in every place that may set it.

The environment, `config.toml`, the options of a cell and those of a command are all parsed by this table. The help of
the options, the settings of the magic, the schema of the MCP server's tool and the guide to settings are made from it.

`Value` says which values are valid, and parses the text of one. Its `check` and `parse` raise ValueError with a
description of valid values, which each place puts into its own message: the variable, the line of the file, the option.
"""

from __future__ import annotations

import keyword
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Real
from typing import Any

from msgspec import Struct

from kosmo_kernel import walls
from kosmo_kernel.errors import SettingsError


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


class Value(Struct, frozen=True):
    """The values of a setting; by default any text that is not blank."""

    expected: str  # a description of valid values
    metavar: str = ""  # the placeholder for a value in help; empty for an option without a value
    is_valid: Callable[[Any], bool] = _is_text  # returns whether a value is valid
    # Converts a text to a value, which is then checked; may raise ValueError with another description.
    read: Callable[[str], Any] = str
    repeats: bool = False  # whether an option may be repeated; its value is then a list that each use extends
    is_code: bool = False  # whether the text of an option is a Python expression, with its own quotes and brackets
    is_secret: bool = False  # whether messages must not quote a value

    def check(self, value: Any) -> Any:
        """Return a valid value.

        Raises:
            ValueError: it is invalid; the message describes valid values.
        """
        if not self.is_valid(value):
            raise ValueError(self.expected)
        return value

    def parse(self, text: str) -> Any:
        """Return the value of a text from an environment variable or an option.

        Raises:
            ValueError: as for `check`.
        """
        return self.check(self.read(text))

    def format(self, value: Any) -> str:
        """Return a default value as help shows it; empty for none."""
        return value if isinstance(value, str) else ""


def _read_flag(text: str) -> bool:
    """Return True for 1 and False for 0. Any other text is an error, because the user meant 1 or 0."""
    if text not in ("0", "1"):
        raise ValueError("1 or 0")
    return text == "1"


FLAG = Value("true or false", is_valid=lambda value: isinstance(value, bool), read=_read_flag)


def _read_number(text: str) -> float:
    try:
        return int(text) if text.isascii() and text.isdecimal() else float(text)
    except ValueError:
        return math.nan


class Number(Value, frozen=True):
    """Numbers in a range, of some unit."""

    minimum: int = 0  # the lowest valid value
    maximum: float = math.inf  # the highest valid value
    is_whole: bool = False  # whether it has no fraction
    is_above: bool = False  # whether the minimum itself is invalid
    read: Callable[[str], Any] = _read_number

    def check(self, value: Any) -> Any:
        """Return a valid value, as an integer or a float.

        Raises:
            ValueError: it is invalid; the message describes valid values.
        """
        is_number = not isinstance(value, bool) and isinstance(value, Real)
        if not is_number or not self.minimum <= value < math.inf or (self.is_above and value == self.minimum):
            raise ValueError(self.expected)
        if self.is_whole and value % 1:
            raise ValueError(self.expected)
        if value > self.maximum:
            raise ValueError(f"at most {self.maximum:.0f}")
        return int(value) if self.is_whole else float(value)

    def format(self, value: Any) -> str:
        """Return a default value as help shows it."""
        return "no limit" if value is None else str(value) if self.is_whole else f"{value:g}"

    def json_schema(self, maximum: float | None) -> dict[str, Any]:
        """Return the JSON schema of the values up to a maximum, or of all when it is None."""
        bound = "exclusiveMinimum" if self.is_above else "minimum"
        schema = {"type": "integer" if self.is_whole else "number", bound: self.minimum}
        return schema if maximum is None else schema | {"maximum": maximum}


Keys = tuple[str, ...]
ENV, CELL, COMMAND = "environment", "cell", "command"  # that may set a setting
ANY = "*"  # in a path of keys: any name that the user chose
MAX_ROWS_SHOWN = 10_000  # of a cell; a notebook with more of them takes many megabytes
MIN_TOKEN_LENGTH = 16  # characters


class Setting(Struct, frozen=True):
    """One thing that can be set."""

    name: str  # its name in Python
    doc: str  # one sentence for help
    value: Value  # its valid values
    default: Any = None  # its value where nothing sets it
    variable: str = ""  # the environment variable; empty for none
    config: Keys = ()  # the path of keys in `config.toml`, `*` for any name; empty for none
    cell: tuple[str, ...] = ()  # the flags of a cell's option, the long one last; empty for none
    command: str = ""  # the flag of the option of commands; empty for none

    @property
    def help(self) -> str:
        """The sentence, and the default value if there is one to name."""
        default = self.value.format(self.default)
        return f"{self.doc} Default: {default}." if default else self.doc

    def from_env(self) -> Any:
        """Return the value of the environment variable, or None if it is empty or not set.

        Raises:
            SettingsError: the value is invalid.
        """
        text = os.environ.get(self.variable, "").strip()
        if not text:
            return None
        try:
            return self.value.parse(text)
        except ValueError as error:
            quoted = "" if self.value.is_secret else f", got {text[:40]!r}"
            raise SettingsError(f"{self.variable} must be {error}{quoted}.") from None

    def resolve(self, argument: Any = None, configured: Any = None) -> Any:
        """Return the first that is set: the argument, the environment variable, the value in a file, the default.

        Parameters:
            argument: the argument, or None.
            configured: the value in a settings file, or None.

        Raises:
            SettingsError: the argument or the environment variable is invalid.
        """
        if argument is not None:
            try:
                return self.value.check(argument)
            except ValueError as error:
                raise SettingsError(f"{self.name} must be {error}, got {argument!r:.80}.") from None
        value = self.from_env()
        if value is None:
            value = configured
        return self.default if value is None else self.value.check(value)

    @contextmanager
    def exported(self, text: str) -> Iterator[None]:
        """Set the environment variable within the block, for the child processes that are started there."""
        before = os.environ.get(self.variable)
        os.environ[self.variable] = text
        try:
            yield
        finally:
            if before is None:
                del os.environ[self.variable]
            else:
                os.environ[self.variable] = before


def _setting(
    name: str,
    doc: str,
    value: Value,
    default: Any = None,
    *,
    set_by: tuple[str, ...],
    config: Keys = (),
    short: str = "",
) -> Setting:
    """Return a setting that has its name wherever it may be set: `KOSMO_NAME`, `name`, `--name`.

    Parameters:
        name, doc, value, default, config: as for `Setting`.
        set_by: where it may be set, besides `config.toml`: some of `ENV`, `CELL` and `COMMAND`.
        short: the short flag of the option of cells.
    """
    flag = f"--{name.replace('_', '-')}"
    return Setting(
        name,
        doc,
        value,
        default,
        variable=f"KOSMO_{name.upper()}" if ENV in set_by else "",
        config=config,
        cell=tuple(filter(None, (short, flag))) if CELL in set_by else (),
        command=flag if COMMAND in set_by else "",
    )


_cell_option = partial(_setting, set_by=(CELL,))
_variable = partial(_setting, set_by=(ENV,))


def _limit(
    name: str, doc: str, value: Value, default: Any = None, *, key: str = "", set_by: tuple[str, ...] = (ENV,)
) -> Setting:
    """Return a setting of the table `limits` of `config.toml`; `key` is its name there, if that is another one."""
    return _setting(name, doc, value, default, set_by=set_by, config=("limits", key or name))


def _of_integration(name: str, doc: str, value: Value) -> Setting:
    """Return a setting of an integration in `config.toml`."""
    return Setting(name, doc, value, config=("integrations", ANY, name))


def _is_host_list(value: object) -> bool:
    hosts = value if isinstance(value, list) else [value]
    return all(isinstance(host, str) and host and all(c.isalnum() or c in ".-:[]" for c in host) for host in hosts)


def _is_token(value: str) -> bool:
    return len(value) >= MIN_TOKEN_LENGTH and value.isascii() and value.isprintable() and " " not in value


def _is_variable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _split_inputs(text: str) -> list[tuple[str, str]]:
    """Split the text of `-i` into Lua variables and their Python expressions; an empty list if it is invalid."""
    names_text, equals, expression = (part.strip() for part in text.partition("="))
    names = names_text.split(",")
    if not all(name.isidentifier() for name in names) or (equals and not expression):
        return []
    pairs = [(name, name) for name in names]
    return [*pairs[:-1], (names[-1], expression)] if equals else pairs


def _split_outputs(text: str) -> list[tuple[str, str]]:
    """Split the text of `-o` into Python variables and their Lua variables; an empty list if it is invalid."""
    pairs = [(name, lua if equals else name) for name, equals, lua in (pair.partition("=") for pair in text.split(","))]
    return pairs if all(_is_variable(python) and lua for python, lua in pairs) else []


SECONDS = Number("a number of seconds above zero", "S", maximum=1e9, is_above=True)  # clocks can count as many
_MIN_BYTES = 1 << 20  # an empty Lua state with our own code takes half of it
_BYTES = Number(
    f"a whole number of bytes, {_MIN_BYTES} or more",
    "BYTES",
    minimum=_MIN_BYTES,
    maximum=1 << 62,  # a C integer can count as many
    is_whole=True,
)
_VARIABLE_NAME = Value("the name of a variable", "NAME", _is_variable)
_FILE = Value("the name of a file", "FILE")
_SECRET = Value(f"{MIN_TOKEN_LENGTH} characters or more, without blanks", is_valid=_is_token, is_secret=True)

# Options of a cell only.
INPUT = _cell_option(
    "input",
    "Set a Lua variable to a Python value: `-i NAME`, `-i A,B` or `-i NAME=EXPRESSION`, any number of times.",
    Value(
        "NAME or NAME=EXPRESSION, or several names with commas and no blanks between them",
        "NAME[=EXPR]",
        bool,
        _split_inputs,
        repeats=True,
        is_code=True,
    ),
    short="-i",
)
OUTPUT = _cell_option(
    "output",
    "Set a Python variable to a Lua value when the cell is done: `-o NAME`, `-o A,B` or `-o NAME=LUA_NAME`.",
    Value(
        "NAME or NAME=LUA_NAME, or several names with commas and no blanks between them",
        "NAME[=LUA]",
        bool,
        _split_outputs,
        repeats=True,
    ),
    short="-o",
)
VAR = _cell_option("var", "Put the cell's value into this variable, and show nothing.", _VARIABLE_NAME, short="-v")
UNREAD = _cell_option(
    "unread",
    "Put the reasons why something could not be read into this variable, a list that is empty if all was read.",
    _VARIABLE_NAME,
    short="-u",
)
SHOW = _cell_option("show", "With -v: show the value as well.", FLAG)
DRY_RUN = _cell_option("dry_run", "List the calls of the cell without making them.", FLAG, short="-n")
FRESH = _cell_option("fresh", "Ask again for what the session has kept for tables and checks.", FLAG)
NO_RAISE_ERROR = _cell_option("no_raise_error", "Show an error, and go on with the next cell.", FLAG)

# Accounts and addresses.
ACCOUNT = _setting(
    "account",
    "The account of calls that name none, such as `heroku.list_apps()`.",
    Value("the name of an account", "ALIAS"),
    short="-a",
    set_by=(CELL,),
)
DEMO_FLAG = _cell_option("demo", "Use the demo account, a fictional company.", FLAG)  # of `%kosmo` lines
DEMO_ACCOUNT = _variable("demo", "1: the default account is the fictional demo account.", FLAG)
CONFIG_DIR = _variable("config_dir", "The folder of `config.toml`, instead of the system's folder for settings.", _FILE)
URL = _of_integration("url", "Another address of the API.", Value("an address, such as https://HOST"))
ALLOW_HOST = _of_integration(
    "allow_host",
    "A host, or a list of hosts, that tokens may be sent to.",
    Value("the name of a host, or a list of them", is_valid=_is_host_list),
)

# The network.
READ_TIMEOUT = _variable("read_timeout", "Seconds to wait for a response, or for its next part.", SECONDS, 30.0)
MCP_TOKEN = _variable(
    "mcp_token",
    "The token that clients of `kosmo mcp:serve --http` must send. If it is not set, a new one is generated.",
    _SECRET,
)
FINGERPRINT_KEY = _variable(
    "fingerprint_key",
    "The key with which values of config vars become fingerprints, so that different machines make the same ones. If "
    "it is not set, this machine makes its own and keeps it where it keeps tokens. `openssl rand -hex 32` makes one.",
    _SECRET,
)

# Limits of a run.
TIMEOUT = _limit("timeout", "Seconds by the clock after which a run is stopped.", SECONDS, set_by=(ENV, CELL, COMMAND))
MAX_CPU = _limit("max_cpu", "Seconds that notebooks may have as `cpu_limit` at most.", SECONDS, 600.0)
CPU_LIMIT = _limit(
    "cpu_limit",
    "Seconds that Lua itself may run; waiting for responses does not count.",
    SECONDS,
    30.0,
    key="cpu",
    set_by=(ENV, COMMAND),
)
MAX_MEMORY = _limit("max_memory", "Bytes that cells may set as `memory_limit` at most.", _BYTES, 1 << 30)
MEMORY_LIMIT = _limit(
    "memory_limit",
    "Bytes that Lua's values may take.",
    _BYTES,
    256 << 20,
    key="memory",
    set_by=(ENV, CELL, COMMAND),
)
LIST_LIMIT = _limit(
    "list_limit", "Bytes of JSON that the pages of one list may have together.", _BYTES, 128 << 20, key="list"
)
RESPONSE_LIMIT = _limit(
    "response_limit", "Bytes of JSON that all responses of a run may have together.", _BYTES, 8 << 30, key="responses"
)
MAX_TOKENS = _limit(
    "max_tokens",
    "Tokens, by an estimate, that an agent may have as the `max_tokens` of an answer of `kosmo mcp:serve`.",
    Number("a whole number of tokens, 200 or more", "TOKENS", minimum=200, maximum=1_000_000, is_whole=True),
    10_000,
    set_by=(ENV, COMMAND),
)
ANSWER_WITHIN = _limit(
    "answer_within",
    "Seconds after which an agent is answered although its call still runs. The call goes on.",
    SECONDS,
    50.0,
    set_by=(ENV, COMMAND),
)
REQUIRE_WALLS = _setting(
    "require_walls",
    "1: run nothing if a wall around Lua, one of the layers of its sandbox, is missing.",
    FLAG,
    set_by=(ENV,),
    config=("require_walls",),
)
MACOS_SANDBOX = Setting(
    "macos_sandbox",
    "1: put Apple's sandbox around Lua as well, on macOS. It has not been tried on every macOS yet.",
    FLAG,
    variable=walls.MACOS_SANDBOX,
)

# What is shown and kept.
LIMIT = _setting(
    "limit",
    "Rows of a table that are shown; the value keeps all.",
    Number("a whole number of rows", "ROWS", maximum=MAX_ROWS_SHOWN, is_whole=True),
    set_by=(CELL,),
)
ROWS = _variable(
    "rows",
    "Rows of a table that are shown, unless the cell sets `limit`.",
    Number("a whole number of rows, 1 or more", "ROWS", minimum=1, maximum=10**9 - 1, is_whole=True),
    1000,
)
RAW = _setting("raw", "Return lists and dicts instead of tables.", FLAG, default=False, set_by=(CELL,))
PROGRESS = _variable(
    "progress",
    "0: never show the progress of a run; 1: show it for every run that makes a call. If it is not set, progress is "
    "shown for a run that waits longer than half a second, but not with the demo account.",
    FLAG,
)

# Checks.
CHECKS_FOLDER = Setting(
    "folder",
    "A folder of checks of your own for `kosmo check`. A relative one is below the folder of `config.toml`.",
    Value("the name of a folder", "DIR"),
    config=("checks", "folder"),
)
_PARAMETER_VALUE = Value(
    "a number, a text, true, false or a list", is_valid=lambda value: isinstance(value, (bool, int, float, str, list))
)


def _is_day(value: object) -> bool:
    from datetime import date  # a large module, which few processes need for this

    try:
        return type(value) is date or (isinstance(value, str) and str(date.fromisoformat(value)) == value)
    except ValueError:
        return False


def _are_builds(value: object) -> bool:
    rows = value if isinstance(value, list) else [None]
    return all(
        isinstance(row, dict)
        and row.keys() == {"since", "builds"}
        and _is_day(row["since"])
        and _is_text(row["builds"])
        for row in rows
    )


_DAY = "a day such as 2027-04-30"
_STACK_KEYS = {
    "as_of": (_is_day, _DAY),
    "supported_from": (_is_day, _DAY),
    "supported_until": (_is_day, _DAY),
    "builds": (_are_builds, 'a list such as [{ since = 2027-05-01, builds = "not possible" }]'),
    "source": (_is_text, "a text"),
}


class StackDays(Value, frozen=True):
    """The days of one stack."""

    def check(self, value: Any) -> Any:
        """Return a table whose keys and values are valid.

        Raises:
            ValueError: they are not; the message says what is expected.
        """
        if not isinstance(value, dict) or "as_of" not in value:
            raise ValueError(self.expected)
        for key, item in value.items():
            if key not in _STACK_KEYS:
                raise ValueError(f"the keys {', '.join(_STACK_KEYS)}, and no `{key}`")
            is_valid, expected = _STACK_KEYS[key]
            if not is_valid(item):
                raise ValueError(f"as `{key}` {expected}")
        return value


STACK_DAYS = Setting(
    "stacks",
    "The days of a stack, in place of those in this package: `supported_until`, `builds`, and `as_of`, the day on "
    "which you looked them up.",
    StackDays(f"a table with `as_of`, {_DAY}, and the days of the stack"),
    config=("integrations", ANY, "stacks", ANY),
)
CHECK_PARAMETER = Setting(
    "parameter",
    "The value of a parameter of all checks that have it, or of one check in a table with its name.",
    _PARAMETER_VALUE,
    config=("checks", "params", ANY),
)

LIMITS = (TIMEOUT, CPU_LIMIT, MEMORY_LIMIT)
CEILINGS = {MEMORY_LIMIT: MAX_MEMORY, CPU_LIMIT: MAX_CPU}
BY_SUBJECT: dict[str, tuple[Setting, ...]] = {  # in the order of help, for the guide to settings
    "cells": (*(INPUT, OUTPUT, VAR, SHOW, ACCOUNT, DRY_RUN, TIMEOUT, MEMORY_LIMIT, LIMIT, RAW, FRESH, NO_RAISE_ERROR),),
    "limits": (
        *(*LIMITS, MAX_CPU, MAX_MEMORY, LIST_LIMIT, RESPONSE_LIMIT, MAX_TOKENS, ANSWER_WITHIN),
        *(REQUIRE_WALLS, MACOS_SANDBOX),
    ),
    "accounts": (DEMO_ACCOUNT, CONFIG_DIR, URL, ALLOW_HOST, FINGERPRINT_KEY),
    "network": (READ_TIMEOUT, MCP_TOKEN),
    "checks": (CHECKS_FOLDER, CHECK_PARAMETER, STACK_DAYS),
    "output": (PROGRESS, ROWS),
}
SETTINGS = tuple(dict.fromkeys(setting for settings in BY_SUBJECT.values() for setting in settings))
