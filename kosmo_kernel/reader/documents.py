"""Parse settings, and sanitize the markup that a script or a server displays, in this process or in the reader.

This file is a gate, as the modules of `safety` are: the HTML that it returns may be shown.

TOML, and JSON with comments, are parsed in this process if they are short. Most files are small, and starting the
reader, which takes a tenth of a second, would slow down every command. The worst texts of `MAX_SMALL_TEXT` characters
are parsed in 25 ms, and the line of a key in them is found in 18 ms. The time grows with the length: a file of 256 KiB
takes 0.2 s, and one of 4 MiB 3 s.

Python's TOML parser returns values without line numbers. So the line of a key is searched in the tokens of the text,
which the parser has accepted before. Comments and trailing commas of JSON, which VS Code allows in settings files, are
replaced by spaces before the text is parsed, so that the line and column of a syntax error stay correct.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import LimitError, SettingsError
from kosmo_kernel.safety.decoder import decode_json
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from kosmo_kernel.safety.markup import Html

MAX_SMALL_TEXT = 32 << 10  # characters
MAX_SMALL_HTML = 4096  # characters that are sanitized in this process: no such text takes long or grows large
MAX_KEY_PARTS = 32  # of a dotted key; Python's parser takes quadratic time for it
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_KEY = lazy_pattern(rf"(?<![\w.-]){_PART}(?:\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")
# A string without an end takes the rest of the text, so that each character is read once.
_TOKEN = lazy_pattern(
    r"""
    (?: [ \t\r]++ | \#[^\n]*+ )++
    | (?P<key>
        \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )*+ "{0,5}
        | '{3} (?: [^'] | '{1,2}(?!') )*+ '{0,5}
        | " (?: [^"\\\n] | \\. )*+ "?
        | ' [^'\n]*+ '?
        | [^\s"'\[\]{}=,.#]++
    )
    | (?P<mark> [\[\]{}=,.\n] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ARRAY_OF_TABLES = 2  # brackets around the key
# A string or a comment without an end is kept, and is then the syntax error. Each is matched once, in linear time.
_STRING = r'"(?:\\.|[^"\\\n])*+"?'
_INSIDE = r"(?:[^*]|\*(?!/))*+"
_COMMENT = lazy_pattern(rf"({_STRING}|/\*{_INSIDE}\Z)|//[^\n]*+|/\*{_INSIDE}\*/", re.DOTALL)
_COMMA = lazy_pattern(rf"({_STRING})|,(?=\s*[}}\]])")

# By the form of what is displayed: the task that sanitizes it, what it is, and the libraries that this needs.
_SANITIZERS = {
    "html": ("kosmo_kernel.safety.html:html", "this HTML", ("nh3",)),
    "markdown": ("kosmo_kernel.safety.markdown:markdown", "this Markdown", ("nh3", "markdown_it")),
    "svg": ("kosmo_kernel.safety.images:svg", "this SVG", ()),
}
_TOML = "kosmo_kernel.reader.documents:toml"
_LINE = "kosmo_kernel.reader.documents:line"
_JSONC = "kosmo_kernel.reader.documents:jsonc"


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters:
        path: the file, for messages.
        text: its text.

    Raises:
        SettingsError: it is no TOML (with the line and the column), or it cannot be read in reasonable time or space.
        StoppedError: the run must stop.
    """
    if len(text) <= MAX_SMALL_TEXT:
        return toml_values(str(path), text)
    table = decode_json(_read(_TOML, str(path), text), str(path), SettingsError, hook=_table_or_time)
    if not isinstance(table, dict):
        raise SettingsError(f"{path} cannot be read.")
    return table


def locate_key(path: Path, text: str, keys: Sequence[str]) -> str:
    """Return a TOML file with the line of a key, as `FILE:LINE`, or the file alone if the line cannot be found.

    Parameters:
        path: the file.
        text: its text, which is valid TOML.
        keys: the path of names to the key: `("limits", "memory")`.
    """
    if len(text) <= MAX_SMALL_TEXT:
        line = str(line_of(text, keys) or "")
    else:
        line = _read(_LINE, str(path), text, keys).decode()
    return f"{path}:{line}" if line.isdecimal() else str(path)


def parse_jsonc(name: str, text: str) -> Any:
    """Return the value of a JSON text with comments.

    Parameters:
        name: the name of the text in error messages: a file's path.
        text: JSON; comments, trailing commas and a byte order mark are ignored.

    Raises:
        SettingsError: it is no such JSON (with the line and the column), or cannot be read in reasonable time or space.
        StoppedError: the run must stop.
    """
    if len(text) <= MAX_SMALL_TEXT:
        return jsonc_value(name, text)
    return decode_json(_read(_JSONC, name, text), name, SettingsError)


def _read(function: str, name: str, text: str, keys: Sequence[str] = ()) -> bytes:
    from kosmo_kernel.reader.reading import read
    from kosmo_kernel.reader.task import Task
    from kosmo_kernel.walls import wire

    try:
        request = wire.pack({"name": name, "keys": list(keys)}, [text.encode(errors="surrogatepass")])
        return read(Task(function, f"`{name}`"), request)
    except LimitError as error:
        raise SettingsError(error.message) from None


def _table_or_time(value: dict[str, Any]) -> Any:
    """Return what `toml` wrote as an object."""
    from datetime import date, datetime, time

    form = value.get("")
    if form is None:
        return value
    if not isinstance(form, str):
        return dict(form)
    kind = datetime if "T" in form else time if ":" in form else date
    return kind.fromisoformat(form)


def displayed_html(text: str) -> tuple[Html, str]:
    """Return sanitized HTML, and what it says as text; raises like `displayed`."""
    from kosmo_kernel.safety.markup import Html

    if len(text) <= MAX_SMALL_HTML:
        from kosmo_kernel.safety.html import html_to_text, sanitize_html

        sanitized = sanitize_html(text)
        return sanitized, html_to_text(sanitized)
    markup, _, words = displayed("html", text).partition("\0")
    return Html(markup), words


def displayed(form: str, text: str) -> Html:
    """Return sanitized HTML that shows a text.

    Parameters:
        form: its form, `markdown` or `svg`; for `html` see `displayed_html`.
        text: the text.

    Raises:
        UnsafeContentError: it cannot be made safe.
        LimitError, StoppedError, SettingsError: see `reading.read`.
    """
    from kosmo_kernel.reader.reading import read
    from kosmo_kernel.reader.task import Task
    from kosmo_kernel.safety.markup import Html
    from kosmo_kernel.safety.text import UnsafeContentError

    function, what, libraries = _SANITIZERS[form]
    task = Task(function, what, libraries, UnsafeContentError)
    return Html(read(task, text.encode()).decode())


# The parsers, in either process -------------------------------------------------------------------------------------


def toml_values(name: str, text: str) -> dict[str, Any]:
    """Return the values of a TOML file.

    Parameters:
        name: the file, for messages.
        text: its text.

    Raises:
        SettingsError: it is no TOML (with the line and the column), or it cannot be read in reasonable time or space.
    """
    import tomllib

    if _LONG_KEY.search(text):
        raise SettingsError(f"{name} has a key of more than {MAX_KEY_PARTS} parts with dots between them.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is no TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{name} cannot be read: its lists or tables are too deep in one another.") from None
    except ValueError:
        raise SettingsError(f"{name} cannot be read: it has a number or a time that is too large.") from None


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """Return the line, from 1, with which a key first appears, or None if it is not there or in a list.

    Parameters:
        text: valid TOML.
        keys: the path of names to the key: `("limits", "memory")`.
    """
    parents: list[int | None] = [
        0
    ]  # keys that lead to the table of the line, and to each inline table around the token
    below: int | None = None  # keys that lead to the value that is read
    parts: list[str] = []
    brackets = 0  # of the header that is read
    depth = 0  # of lists in the value that is read
    is_key = True
    for match in _TOKEN.finditer(text):
        mark = match["mark"]
        if depth:
            depth += (mark == "[") - (mark == "]")
        elif is_key and match["key"]:
            parts.append(match["key"])
        elif mark == "[":
            brackets, depth = brackets + is_key, int(not is_key)
        elif is_key and mark in ("=", "]"):
            below = _matched(0 if mark == "]" else parents[-1], parts, keys)
            if below == len(keys):
                return text.count("\n", 0, match.start()) + 1
            if mark == "]":
                if below and brackets == _ARRAY_OF_TABLES and below == len(parts):
                    return None
                parents[0] = below
            is_key = False
        elif mark == "{":
            parents.append(below)
            parts, is_key = [], True
        elif mark == "}":
            parents.pop()
            is_key = False
        elif mark == "," or (mark == "\n" and len(parents) == 1):
            parts, is_key, brackets = [], True, 0
    return None


def _matched(count: int | None, parts: Iterable[str], keys: Sequence[str]) -> int | None:
    """Return how many of `keys` the parts of a key match after the first `count`, or None if one does not."""
    for part in parts:
        if count is None or count == len(keys):
            break
        count = count + 1 if _name(part) == keys[count] else None
    return count


def _name(part: str) -> str:
    """Return the name that a part of a key stands for."""
    if part[0] not in "\"'":
        return part
    import tomllib

    (name,) = tomllib.loads(f"{part} = 0")
    return name


def jsonc_value(name: str, text: str) -> Any:
    """Return the value of a JSON text.

    Parameters:
        name: the name of the text in error messages: a file's path.
        text: JSON; comments, trailing commas and a byte order mark are ignored.

    Raises:
        SettingsError: the text is not valid JSON. The message has the line and column, and no part of the text.
    """
    pure = _COMMA.sub(_blank, _COMMENT.sub(_blank, text.removeprefix("\ufeff")))
    return decode_json(pure, name, SettingsError)


def _blank(match: re.Match[str]) -> str:
    return match[1] or re.sub(r"[^\n]", " ", match[0])


# The tasks of the reader --------------------------------------------------------------------------------------
#
# The bytes of each are a payload: its header has the name of the text for messages, and the keys of `line`.


def prepare() -> None:
    """Import what the tasks and their errors need."""
    from kosmo_kernel.walls import wire

    toml(wire.pack({"name": ""}, [b"a = 1"]))
    SettingsError("://")


def toml(data: bytes) -> bytes:
    """Return the values of TOML as JSON.

    JSON has no times: one is an object whose only name is empty, with the time as a text. A table that has an empty
    name itself is such an object with a list of its pairs.
    """
    header, text = _unpacked(data)
    return json.dumps(_as_json(toml_values(header["name"], text))).encode()


def line(data: bytes) -> bytes:
    """Return the line of a key in digits; no bytes if it cannot be found."""
    header, text = _unpacked(data)
    return str(line_of(text, header["keys"]) or "").encode()


def jsonc(data: bytes) -> bytes:
    """Return a value as JSON without comments."""
    header, text = _unpacked(data)
    return json.dumps(jsonc_value(header["name"], text)).encode()


def _unpacked(data: bytes) -> tuple[dict[str, Any], str]:
    from kosmo_kernel.walls import wire

    header, (text,) = wire.unpack(data)
    return header, text.decode(errors="surrogatepass")


def _as_json(value: Any) -> Any:
    from datetime import date, time

    if isinstance(value, dict):
        table = {name: _as_json(item) for name, item in value.items()}
        return {"": list(table.items())} if "" in table else table
    if isinstance(value, list):
        return list(map(_as_json, value))
    return {"": value.isoformat()} if isinstance(value, (date, time)) else value
