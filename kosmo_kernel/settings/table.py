"""The table of settings: each setting once, with its default, its check, and its name in every place that may set it.

The environment, `config.toml`, `[tool.kosmo_kernel]` of a project, the options of a cell and those of a command are all
parsed by this table. The help of the options, the settings of the magic, the schema of the MCP server's tool and the
guide to settings are made from it.
"""

from __future__ import annotations

import keyword
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.value_types import FLAG, FLAG_OR_OFF, Number, Value, choice
from kosmo_kernel.walls import macos

Keys = tuple[str, ...]
Policy = Literal["allow", "ask", "deny"]
POLICIES: tuple[Policy, ...] = ("allow", "ask", "deny")  # from the most to the least permissive
DEFAULT_POLICIES: dict[str, Policy] = {"read": "allow", "write": "ask"}
DEFAULT_INTEGRATION = "heroku"  # of commands, and of checks and tables whose heads name none
ENV, PROJECT, CELL, COMMAND = "environment", "project", "cell", "command"  # that may set a setting
ANY = "*"  # in a path of keys: any name that the user chose
MAX_ROWS_SHOWN = 10_000  # of a cell; a notebook with more of them takes many megabytes
MIN_TOKEN_LENGTH = 16  # characters


class Setting(NamedTuple):
    """One thing that can be set."""

    name: str  # its name in Python
    doc: str  # one sentence for help
    value: Value  # its valid values
    default: Any = None  # its value where nothing sets it
    variable: str = ""  # the environment variable; empty for none
    config: Keys = ()  # the path of keys in `config.toml`, `*` for any name; empty for none
    project: Keys = ()  # the path of keys in `[tool.kosmo_kernel]`; empty for none
    cell: tuple[str, ...] = ()  # the flags of a cell's option, the long one last; empty for none
    command: str = ""  # the flag of the option of commands; empty for none

    @property
    def help(self) -> str:
        """The sentence, and the default value if there is one to name."""
        default = self.value.format(self.default)
        return f"{self.doc} Default: {default}." if default else self.doc

    def from_env(self, env: Mapping[str, str] | None = None) -> Any:
        """Return the value of the environment variable, or None if it is empty or not set.

        Parameters:
            env: environment variables; those of the process when None.

        Raises:
            SettingsError: the value is invalid.
        """
        text = (os.environ if env is None else env).get(self.variable, "").strip()
        if not text:
            return None
        try:
            return self.value.parse(text)
        except ValueError as error:
            got = "" if self.value.is_secret else f", got {text[:40]!r}"
            raise SettingsError(f"{self.variable} must be {error}{got}.") from None

    def resolve(self, given: Any = None, configured: Any = None) -> Any:
        """Return the first that is set: the argument, the environment variable, the value in a file, the default.

        Parameters:
            given: the argument, or None.
            configured: the value in a settings file, or None.

        Raises:
            SettingsError: the argument or the environment variable is invalid.
        """
        if given is not None:
            try:
                return self.value.check(given)
            except ValueError as error:
                raise SettingsError(f"{self.name} must be {error}, got {given!r:.80}.") from None
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
    places: tuple[str, ...],
    config: Keys = (),
    short: str = "",
) -> Setting:
    """Return a setting that has its name wherever it may be set: `KOSMO_NAME`, `name`, `--name`.

    Parameters:
        name, doc, value, default, config: as for `Setting`.
        places: where it may be set, besides `config.toml`: some of `ENV`, `PROJECT`, `CELL` and `COMMAND`.
        short: the short flag of the option of cells.
    """
    flag = f"--{name.replace('_', '-')}"
    return Setting(
        name,
        doc,
        value,
        default,
        variable=f"KOSMO_{name.upper()}" if ENV in places else "",
        config=config,
        project=(name,) if PROJECT in places else (),
        cell=tuple(filter(None, (short, flag))) if CELL in places else (),
        command=flag if COMMAND in places else "",
    )


def _is_host_list(value: object) -> bool:
    hosts = value if isinstance(value, list) else [value]
    return all(isinstance(host, str) and host and all(c.isalnum() or c in ".-:[]" for c in host) for host in hosts)


def _is_field_list(value: object) -> bool:
    names = value if isinstance(value, list) else [value]
    return all(isinstance(name, str) and name and name.isprintable() for name in names)


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


_SECONDS = Number("a number of seconds above zero", "S", maximum=1e9, is_above=True)  # clocks can count as many
_MIN_BYTES = 1 << 20  # an empty Lua state with our own code takes half of it
_BYTES = Number(
    f"a whole number of bytes, {_MIN_BYTES} or more",
    "BYTES",
    minimum=_MIN_BYTES,
    maximum=1 << 62,  # a C integer can count as many
    is_whole=True,
)
_FILE = Value("the name of a file", "FILE")
_FULL_PATH = Value(
    "the full path of a file, or one that begins with ~/",
    is_valid=lambda path: isinstance(path, str) and path.startswith(("/", "~/")),
)
_SECRET = Value(f"{MIN_TOKEN_LENGTH} characters or more, without blanks", is_valid=_is_token, is_secret=True)

# Options of a cell only.
INPUT = _setting(
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
    places=(CELL,),
    short="-i",
)
OUTPUT = _setting(
    "output",
    "Set a Python variable to a Lua value when the cell is done: `-o NAME`, `-o A,B` or `-o NAME=LUA_NAME`.",
    Value(
        "NAME or NAME=LUA_NAME, or several names with commas and no blanks between them",
        "NAME[=LUA]",
        bool,
        _split_outputs,
        repeats=True,
    ),
    places=(CELL,),
    short="-o",
)
VAR = _setting(
    "var",
    "Put the cell's value into this variable, and show nothing.",
    Value("the name of a variable", "NAME", _is_variable),
    places=(CELL,),
    short="-v",
)
UNREAD = _setting(
    "unread",
    "Put the reasons why something could not be read into this variable, a list that is empty if all was read.",
    Value("the name of a variable", "NAME", _is_variable),
    places=(CELL,),
    short="-u",
)
SHOW = _setting("show", "With -v: show the value as well.", FLAG, places=(CELL,))
DRY_RUN = _setting("dry_run", "List the calls of the cell without making them.", FLAG, places=(CELL,), short="-n")
FRESH = _setting("fresh", "Request everything again, and ignore the responses in memory.", FLAG, places=(CELL,))
NO_RAISE_ERROR = _setting("no_raise_error", "Show an error, and go on with the next cell.", FLAG, places=(CELL,))

# Accounts and addresses.
ACCOUNT = _setting(
    "account",
    "The account of calls that name none, such as `heroku.list_apps()`.",
    Value("the name of an account", "ALIAS"),
    places=(PROJECT, CELL),
    short="-a",
)
DEMO_FLAG = _setting("demo", "Use the demo account, a fictional company.", FLAG, places=(CELL,))  # of `%kosmo` lines
DEMO_ACCOUNT = _setting("demo", "1: the default account is the fictional demo account.", FLAG, places=(ENV,))
CONFIG_DIR = _setting(
    "config_dir", "The folder of `config.toml`, instead of the system's folder for settings.", _FILE, places=(ENV,)
)
URL = Setting(
    "url", "Another address of the API.", Value("an address, such as https://HOST"), config=("integrations", ANY, "url")
)
ALLOW_HOST = Setting(
    "allow_host",
    "A host, or a list of hosts, that tokens may be sent to.",
    Value("the name of a host, or a list of them", is_valid=_is_host_list),
    config=("integrations", ANY, "allow_host"),
)
OPEN_FIELDS = Setting(
    "open_fields",
    "Fields of an added service that are not hidden, although their names are those of secrets.",
    Value("the name of a field, or a list of them", is_valid=_is_field_list),
    config=("integrations", ANY, "open_fields"),
)
PAGES = Setting(
    "pages",
    "How the pages of a list follow, where nobody states it.",
    choice("whole", "link-header", "page-number", "offset"),
    config=("integrations", ANY, "pages", ANY),
)
PERMISSIONS = tuple(
    Setting(
        effect,
        f"Whether scripts may {effect}.",
        choice(*POLICIES),
        default,
        config=(*above, "permissions", effect),
        project=(*above, "permissions", effect),
    )
    for above in (("integrations", ANY), ("integrations", ANY, "accounts", ANY), ("mcp",), ("mcp", "servers", ANY))
    for effect, default in DEFAULT_POLICIES.items()
)

# The network.
CONNECT_TIMEOUT = _setting("connect_timeout", "Seconds to wait for a connection.", _SECONDS, 10.0, places=(ENV,))
READ_TIMEOUT = _setting(
    "read_timeout", "Seconds to wait for a response, or for its next part.", _SECONDS, 30.0, places=(ENV,)
)
OUTAGE_TIMEOUT = _setting(
    "outage_timeout",
    "Seconds for which a run waits for a network that is gone.",
    _SECONDS,
    600.0,
    places=(ENV,),
    config=("limits", "outage_timeout"),
)
SHARE_SECONDS = _setting(
    "share_seconds",
    "Seconds for which cells with `%kosmo check` and `%kosmo table` share responses. `kosmo run` has no limit.",
    _SECONDS,
    300.0,
    places=(ENV,),
)
MCP_TOKEN = _setting(
    "mcp_token",
    "The token that clients of `kosmo mcp:serve --http` must send. If it is not set, a new one is generated.",
    _SECRET,
    places=(ENV,),
)
FINGERPRINT_KEY = _setting(
    "fingerprint_key",
    "The key with which values of config vars become fingerprints, so that different machines make the same ones. If "
    "it is not set, this machine makes its own and keeps it where it keeps tokens. `openssl rand -hex 32` makes one.",
    _SECRET,
    places=(ENV,),
)

# Limits of a run.
TIMEOUT = _setting(
    "timeout",
    "Seconds by the clock after which a run is stopped.",
    _SECONDS,
    places=(ENV, PROJECT, CELL, COMMAND),
    config=("limits", "timeout"),
)
MAX_CPU = _setting(
    "max_cpu",
    "Seconds that notebooks may have as `cpu_limit` at most.",
    _SECONDS,
    600.0,
    places=(ENV,),
    config=("limits", "max_cpu"),
)
CPU_LIMIT = _setting(
    "cpu_limit",
    "Seconds that Lua itself may run; waiting for responses does not count.",
    _SECONDS,
    30.0,
    places=(ENV, COMMAND),
    config=("limits", "cpu"),
)
MAX_MEMORY = _setting(
    "max_memory",
    "Bytes that cells and projects may set as `memory_limit` at most.",
    _BYTES,
    1 << 30,
    places=(ENV,),
    config=("limits", "max_memory"),
)
MEMORY_LIMIT = _setting(
    "memory_limit",
    "Bytes that Lua's values may take.",
    _BYTES,
    256 << 20,
    places=(ENV, PROJECT, CELL, COMMAND),
    config=("limits", "memory"),
)
LIST_LIMIT = _setting(
    "list_limit",
    "Bytes of JSON that the pages of one list may have together.",
    _BYTES,
    128 << 20,
    places=(ENV,),
    config=("limits", "list"),
)
RESPONSE_LIMIT = _setting(
    "response_limit",
    "Bytes of JSON that all responses of a run may have together.",
    _BYTES,
    8 << 30,
    places=(ENV,),
    config=("limits", "responses"),
)
RESPONSE_RECORDS = _setting(
    "response_records",
    "Records that all responses of a run may have together.",
    Number("a whole number of records, 1 or more", "N", minimum=1, maximum=1 << 62, is_whole=True),
    20_000_000,
    places=(ENV,),
    config=("limits", "response_records"),
)
MAX_TOKENS = _setting(
    "max_tokens",
    "Tokens, of four characters each, that an agent may have as the `max_tokens` of an answer of `kosmo mcp:serve`.",
    Number("a whole number of tokens, 200 or more", "TOKENS", minimum=200, maximum=1_000_000, is_whole=True),
    10_000,
    places=(ENV, COMMAND),
    config=("limits", "max_tokens"),
)
ANSWER_WITHIN = _setting(
    "answer_within",
    "Seconds after which an agent is answered although its call still runs. The call goes on.",
    _SECONDS,
    50.0,
    places=(ENV, COMMAND),
    config=("limits", "answer_within"),
)
REQUIRE_WALLS = _setting(
    "require_walls",
    "1: run nothing if a wall around Lua, one of the layers of its sandbox, is missing.",
    FLAG,
    places=(ENV,),
    config=("require_walls",),
)
MACOS_SANDBOX = Setting(
    "macos_sandbox",
    "1: put Apple's sandbox around Lua as well, on macOS. It has not been tried on every macOS yet.",
    FLAG,
    variable=macos.VARIABLE,
)

# What is shown and kept.
LIMIT = _setting(
    "limit",
    "Rows of a table that are shown; the value keeps all.",
    Number("a whole number of rows", "ROWS", maximum=MAX_ROWS_SHOWN, is_whole=True),
    places=(PROJECT, CELL),
)
ROWS = _setting(
    "rows",
    "Rows of a table that are shown, unless the cell or the project sets `limit`. `kosmo run` has a default of its "
    "own, 2000, because the reader of its copy cannot ask for more rows.",
    Number("a whole number of rows, 1 or more", "ROWS", minimum=1, maximum=10**9 - 1, is_whole=True),
    200,
    places=(ENV,),
)
RAW = _setting("raw", "Return lists and dicts instead of tables.", FLAG, default=False, places=(PROJECT, CELL))
ERRORS = _setting(
    "errors",
    "How much of an error is shown: `short`, or `full` with all details of `%kosmo error`.",
    choice("short", "full"),
    "short",
    places=(PROJECT,),
)
PROGRESS = _setting(
    "progress",
    "0: never show the progress of a run; 1: show it for every run that makes a call. If it is not set, progress is "
    "shown for a run that waits longer than half a second, but not with the demo account.",
    FLAG,
    places=(ENV,),
)
HISTORY = _setting(
    "history",
    "0: the Lua kernel and `--repl` do not store their history of inputs in a file.",
    FLAG_OR_OFF,  # in doubt nothing that is typed is stored
    places=(ENV,),
)
CALL_LOG = _setting(
    "call_log",
    "A log file. Each run that made calls adds a line of JSON: the time, the accounts, and the numbers of requests.",
    _FILE,
    places=(ENV,),
)
RECORD = _setting("record", "Save all responses in this file, without secrets.", _FILE, places=(ENV, COMMAND))
RECORD_RUN = _setting(
    "record_run",
    "Identifies a recorded run, by any word. Processes with the same word record into one file together; a process "
    "with another word replaces the file. A process without a word generates one for itself and its child processes.",
    Value("a word"),
    places=(ENV,),
)
RESUME = _setting(
    "resume",
    "Go on with the run that the recording is of, unless it has ended: take its answers, and add the others.",
    FLAG,
    default=False,
    places=(ENV, COMMAND),
)
RESUME_WITHIN = _setting(
    "resume_within",
    "Seconds of age up to which answers of a recording are taken by `--resume`.",
    _SECONDS,
    24 * 3600.0,
    places=(ENV, COMMAND),
    config=("recording", "resume_within"),
)
NOTEBOOK_RECORD = Setting(
    "notebook_record",
    "The recording of notebooks, unless KOSMO_RECORD names another.",
    _FULL_PATH,
    config=("recording", "notebooks"),
)
NOTEBOOK_RESUME = Setting(
    "notebook_resume",
    "Whether a notebook goes on with the recording: take its answers, and add the others.",
    FLAG,
    default=False,
    config=("recording", "resume"),
)
REPLAY = _setting(
    "replay", "Take all responses from this recorded file, and send nothing.", _FILE, places=(ENV, COMMAND)
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
CHECK_PARAMETERS = tuple(
    Setting("parameter", f"The value of a parameter of {which}.", _PARAMETER_VALUE, config=("checks", "params", *names))
    for which, names in (("all checks that have it", (ANY,)), ("one check", (ANY, ANY)))
)

LIMITS = (TIMEOUT, CPU_LIMIT, MEMORY_LIMIT)
CEILINGS = {MEMORY_LIMIT: MAX_MEMORY, CPU_LIMIT: MAX_CPU}
BY_SUBJECT: dict[str, tuple[Setting, ...]] = {  # in the order of help, for the guide to settings
    "cells": (
        *(INPUT, OUTPUT, VAR, SHOW, ACCOUNT, DRY_RUN, TIMEOUT, MEMORY_LIMIT, LIMIT, RAW, ERRORS, FRESH, NO_RAISE_ERROR),
    ),
    "limits": (
        *LIMITS,
        MAX_CPU,
        MAX_MEMORY,
        LIST_LIMIT,
        RESPONSE_LIMIT,
        RESPONSE_RECORDS,
        MAX_TOKENS,
        ANSWER_WITHIN,
        REQUIRE_WALLS,
        MACOS_SANDBOX,
    ),
    "accounts": (DEMO_ACCOUNT, CONFIG_DIR, URL, ALLOW_HOST, OPEN_FIELDS, PAGES, FINGERPRINT_KEY, *PERMISSIONS),
    "network": (CONNECT_TIMEOUT, READ_TIMEOUT, OUTAGE_TIMEOUT, SHARE_SECONDS, MCP_TOKEN),
    "checks": (CHECKS_FOLDER, *CHECK_PARAMETERS),
    "output": (PROGRESS, ROWS, HISTORY, CALL_LOG),
    "recording": (RECORD, RECORD_RUN, REPLAY, RESUME, RESUME_WITHIN, NOTEBOOK_RECORD, NOTEBOOK_RESUME),
}
SETTINGS = tuple(dict.fromkeys(setting for settings in BY_SUBJECT.values() for setting in settings))
