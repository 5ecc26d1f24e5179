"""Read the file of a check: a head of comments, and a few lines of Lua that return the list of findings.

The head says what the check is about, and which parameters it has. It is read without running the Lua. A mistake in it
is an error that names the file, the line and what to write there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.values.lua_syntax import is_lua_name, parse_literal
from kosmo_kernel.values.parameters import Parameter

SUFFIX = ".lua"
SEVERITIES = ("low", "medium", "high")
MAX_LINES = 10  # of Lua in a check; blank lines and comments do not count
MAX_BYTES = 64 << 10  # of a check's file
REQUIRED = ("title", "severity", "why", "do", "scope", "key")
REPEATED = "param"  # the only key that a head may have several times

_KEYS = (*REQUIRED, REPEATED)
_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_ENTRY = re.compile(r"--\s?(\w+):\s*(.*)")
_CONTINUATION = re.compile(r"--\s{2,}(\S.*)")
_PARAM = re.compile(r"(\w+)\s*+=\s*+(\S.*)")
_BAR = re.compile(r"(?<=\s)\|(?=\s)")  # between the default of a parameter and its meaning
_LINE_END = re.compile("\r\n?")
_SCOPE = re.compile(r"[a-z][a-z_-]*")


@dataclass(frozen=True, slots=True)
class CheckParameter(Parameter):
    """A parameter of a check.

    Parameters:
        value: the default as a Python value.
    """

    value: Any = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check: a question about an account, whose answers are the findings.

    Parameters:
        name: its name, that of its file without the suffix.
        title: what it finds, in a few words.
        severity: `low`, `medium` or `high`.
        why: why a finding matters.
        remedy: what to do about a finding; `do` in the file.
        scope: the scope that a token needs for it.
        key: the columns that identify a finding.
        parameters: its parameters.
        source: the text of the file.
        body_start: the line of the file, from 1, at which the Lua begins.
        file: the file, as it was named; the bare name of a shipped one.
        is_shipped: whether it comes with this package.
    """

    name: str
    title: str
    severity: str
    why: str
    remedy: str
    scope: str
    key: tuple[str, ...]
    parameters: tuple[CheckParameter, ...]
    source: str
    body_start: int
    file: str
    is_shipped: bool = False

    @property
    def lua(self) -> str:
        """The Lua below the head."""
        return "\n".join(self.source.split("\n")[self.body_start - 1 :]).strip("\n") + "\n"


def read_check(path: Path, *, is_shipped: bool = False) -> Check:
    """Read the file of a check.

    Parameters:
        path: the file.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it cannot be read, or it is no check; the message names the file and the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no UTF-8 text.") from None
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{path} is no check: it has more than {MAX_BYTES:,} bytes.")
    return parse_check(text, path.name if is_shipped else str(path), is_shipped=is_shipped)


def parse_check(text: str, file: str, *, is_shipped: bool = False) -> Check:
    """Parse the text of a check.

    Parameters:
        text: the text.
        file: the name of the file, which gives the check its name.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it is no check; the message names the file and the line.
    """
    name = Path(file).name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(name) or not file.endswith(SUFFIX):
        raise SettingsError(f"{file} cannot name a check. Call it NAME{SUFFIX}: letters, digits, `-` and `_`.")
    text = _LINE_END.sub("\n", text)  # a carriage return alone ends a line of Lua, and a comment, too
    lines = text.split("\n")
    head, body_start = _head(lines, file)
    missing = [f"`-- {key}: …`" for key in REQUIRED if not (key in head and head[key][0][1])]
    if missing:
        needs = f"the head of a check needs {', '.join(missing)} too"
        raise SettingsError(f"{file}:{body_start}: {needs}, above the first line of Lua.")
    if head["severity"][0][1] not in SEVERITIES:
        line, word = head["severity"][0]
        raise SettingsError(f"{file}:{line}: the severity is low, medium or high, got {one_line(word, most=40)}.")
    if not _SCOPE.fullmatch(head["scope"][0][1]):
        line, word = head["scope"][0]
        raise SettingsError(f"{file}:{line}: the scope is one word, such as read, got {one_line(word, most=40)}.")
    body = [line for line in lines[body_start - 1 :] if line.strip() and not line.lstrip().startswith("--")]
    if not body:
        raise SettingsError(f"{file}:{body_start}: there is no Lua below the head. Return the list of findings.")
    if len(body) > MAX_LINES:
        raise SettingsError(
            f"{file}: it has {len(body)} lines of Lua, and a check has at most {MAX_LINES}, so that it can be read at "
            "once. Make two checks of it, or use the functions of `list`."
        )
    return Check(
        name=name,
        title=head["title"][0][1],
        severity=head["severity"][0][1],
        why=head["why"][0][1],
        remedy=head["do"][0][1],
        scope=head["scope"][0][1],
        key=_key_columns(*head["key"][0], file),
        parameters=_parameters(head.get(REPEATED, []), file),
        source=text,
        body_start=body_start,
        file=file,
        is_shipped=is_shipped,
    )


def _head(lines: list[str], file: str) -> tuple[dict[str, list[tuple[int, str]]], int]:
    """Return the entries of the head, each with its line, by key; and the line at which the Lua begins."""
    head: dict[str, list[tuple[int, str]]] = {}
    key, ended = "", False  # after an empty line comments belong to the Lua, unless they say more of the head
    for number, line in enumerate(map(str.rstrip, lines), 1):
        entry = _ENTRY.fullmatch(line)
        if line and (not line.startswith("--") or (ended and not (entry and entry[1] in _KEYS))):
            return head, number
        if not line:
            ended = bool(head)
        elif entry:
            key = entry[1]
            _check_key(key, head, f"{file}:{number}")
            head.setdefault(key, []).append((number, entry[2]))
        elif key and (more := _CONTINUATION.fullmatch(line)):
            first, value = head[key][-1]
            head[key][-1] = first, f"{value} {more[1]}".strip()
        elif line.strip("- \t"):
            raise SettingsError(
                f"{file}:{number}: this line of the head is no `-- key: value`. Indent a line that goes on with the "
                "value above (`--   more`), and put comments about the Lua below an empty line."
            )
    return head, len(lines)


def _check_key(key: str, head: dict[str, list[tuple[int, str]]], where: str) -> None:
    if key not in _KEYS:
        near = nearest(key, _KEYS, most=1)
        advice = f"Did you mean {near[0]}?" if near else f"It has {', '.join(_KEYS)}."
        raise SettingsError(f"{where}: the head of a check has no `{one_line(key, most=40)}`. {advice}")
    if key in head and key != REPEATED:
        raise SettingsError(f"{where}: the head has `{key}` twice, first in line {head[key][0][0]}. Keep one of them.")


def _key_columns(line: int, text: str, file: str) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in text.split(","))
    if not all(re.fullmatch(r"\w+(\.\w+)*", name) for name in columns):
        raise SettingsError(
            f"{file}:{line}: the key is the names of columns with commas between them, such as `app, name`, "
            f"got {one_line(text, most=40) or 'nothing'}."
        )
    return columns


def _parameters(entries: list[tuple[int, str]], file: str) -> tuple[CheckParameter, ...]:
    parameters = tuple(_read_parameters(entries, file))
    counts = Counter(parameter.name for parameter in parameters)
    for (line, _), name in zip(entries, [parameter.name for parameter in parameters], strict=True):
        if counts[name] > 1:
            raise SettingsError(f"{file}:{line}: the head has the parameter `{name}` twice. Keep one of them.")
    return parameters


def _read_parameters(entries: list[tuple[int, str]], file: str) -> Iterator[CheckParameter]:
    for line, text in entries:
        parts = _PARAM.fullmatch(text)
        default, *meaning = map(str.strip, _BAR.split(parts[2], 1)) if parts else [""]
        if not parts or not is_lua_name(parts[1]) or not default or not all(meaning or [""]):
            raise SettingsError(
                f"{file}:{line}: a parameter is `-- param: NAME = DEFAULT | what it means`, such as "
                "`-- param: days = 30 | a certificate that ends within so many days`."
            )
        name, doc = parts[1], meaning[0]
        try:
            value = parse_literal(default)
        except ValueError as error:
            raise SettingsError(f"{file}:{line}: the default of `{name}` is no value of Lua: {error}.") from None
        yield CheckParameter(name, _kind(value), default, doc, value)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
        ((list, dict), "table"),
    )
    return next((kind for types, kind in kinds if isinstance(value, types)), "nil")
