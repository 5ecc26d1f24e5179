"""What a call returns, as far as the catalogue, the library or the text itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.editor.things import (
    Answer,
    Either,
    Facts,
    Items,
    Made,
    Meaning,
    Place,
    Text,
    Written,
    failures_of,
)
from kosmo_kernel.records import CAUGHT

if TYPE_CHECKING:
    from kosmo_kernel.editor.meaning import Reader
    from kosmo_kernel.editor.paths import Span

GIVE_BACK = ("assert", "dump", "json.array", "json.object")  # their first argument
RETURN_TEXT = frozenset(
    (
        *("docs.list", "docs.read", "docs.search", "io.read", "json.encode", "lua_list_docs", "lua_read_doc"),
        *("lua_search_docs", "math.type", "os.date", "regex.gsub", "string.char", "string.format", "string.gsub"),
        *("string.lower", "string.match", "string.pack", "string.rep", "string.reverse", "string.sub", "string.upper"),
        *("coroutine.status", "table.concat", "tostring", "type", "utf8.char"),
    )
)
_NOTHING = (0, 0)
_RESULT, _WHY = 1, 2  # of the values that `pcall` returns


def result_of(reader: Reader, called: Meaning, at: int, which: int) -> Meaning | None:
    """What a call returns.

    Parameters:
        reader: the text.
        called: what is called.
        at: the bracket of its arguments, or its only argument.
        which: of the values returned, from 0.
    """
    if isinstance(called, Written):
        return reader.returned(called, which)
    if not isinstance(called, Place):
        return None
    if name := reader.library_name(called):
        return _of_library(reader, name, at, which)
    function = reader.function_at(called)
    if function is None or which > 1:
        return None
    if which == 1:
        return failures_of(function)
    asked = function.fan_out is not None and _is_list(reader, function.fan_out.name, reader.arguments(at))
    return Answer(function, many=asked or function.returns == "list", asked=asked)


def _is_list(reader: Reader, name: str, arguments: list[Span]) -> bool:
    """Whether the argument of this name, or the first one, is a list."""
    value = reader.value(*arguments[0]) if arguments else None
    if isinstance(value, Made):
        fields = reader.fields_of(value)
        if name in fields:
            value = reader.value(*fields[name])
        elif "1" not in fields:
            return False
    if isinstance(value, Place):
        value = reader.answer_at(value)
    return isinstance(value, (Made, Items)) or (isinstance(value, Answer) and value.many)


def _of_library(reader: Reader, name: str, at: int, which: int) -> Meaning | None:
    arguments = reader.arguments(at)
    first, second = (reader.value(*span) for span in [*arguments, _NOTHING, _NOTHING][:2])
    found: Meaning | None = None
    match name:
        case "pcall" | "xpcall" if which == _WHY:
            found = Facts(CAUGHT, many=False)
        case "pcall" | "xpcall" if which == _RESULT and first:
            found = result_of(reader, first, arguments[1][0] if len(arguments) > 1 else at, 0)
        case "parallel.map" if which == 1:
            found = failures_of(None)
        case "parallel.map":
            found = Items(result_of(reader, second, at, 0) if second else None)
        case "table.remove":
            found = reader.item(first)
        case "setmetatable":
            behind = reader.field(second, "__index", at) if second else None
            found = Either(tuple(part for part in (first, behind, second) if part))
        case _ if name in RETURN_TEXT:
            found = Text()
        case _ if name in GIVE_BACK:
            found = first
    return found
