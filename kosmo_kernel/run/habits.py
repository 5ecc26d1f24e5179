"""Show a line that is written as in Python or JavaScript in Lua.

For a line that failed because it is written so, `advice` shows the same line in Lua. Only the script's text decides:
the line where Lua found the error, with its strings and comments masked. Lua's message is never read. A function such
as `len` counts only if no script of the session sets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_tokens import masked

MAX_LINE_LENGTH = 400  # characters of a line that is rewritten


class Habit(NamedTuple):
    """A way of writing that is none in Lua."""

    pattern: re.Pattern[str]  # in a masked line
    lua: str | Callable[[str, str], str]  # the same in Lua, where `{0}` is the first group
    sentence: str
    name: str = ""  # a function that the habit takes for granted


def _habit(pattern: str, lua: str | Callable[[str, str], str], sentence: str, name: str = "") -> Habit:
    return Habit(lazy_pattern(pattern), lua, sentence, name)


def _joined(quote: str, content: str) -> str:
    """Return the Lua of a Python f-string."""
    parts = re.split(r"\{([^{}]*)\}", content)
    pieces = [part if index % 2 else f"{quote}{part}{quote}" for index, part in enumerate(parts)]
    return " .. ".join(piece for piece in pieces if piece != quote * 2) or quote * 2


_TARGET = r"([A-Za-z_][\w.]*(?:\[[^\]]*\])?)"
# A name with its fields, indexes and one call.
_VALUE = r"((?:[A-Za-z_][\w.]*)(?:\[[^\]]*\])?(?:\([^()]*\))?)"

_OF_LISTS = "filter|reject|map|flatten|take|drop|unique_by|index_by|group_by|count_by|sum_by|sort_by|join"
# A method of a list.
_METHOD = rf"(?<![\w.:])(?!(?:list|parallel)\b)([A-Za-z_][\w.]*)(?:[.:]({_OF_LISTS})|:(find))\(\s*"

# In a masked line `\x01` stands for each character of a string or comment.
_TEXTS = (
    _habit(r"\bf([\"'])(\x01*)\1", _joined, "Lua joins texts with `..`.", "f"),
    _habit(
        r"([\"'])(\x01*)\1\s*\.format\(",
        lambda quote, content: f"string.format({quote}{re.sub(r'{[^{}]*}', '%s', content)}{quote}, ",
        "Lua fills in `%s`.",
    ),
)
_SYNTAX = (
    _habit(
        r"\[\s*([^\[\]]+?)\s+for\s+(\w+)\s+in\s+([^\[\]]+?)\s+if\s+([^\[\]]+?)\s*\]",
        "list.map(list.filter({2}, function({1}) return {3} end), function({1}) return {0} end)",
        "Lua has no comprehensions.",
    ),
    _habit(
        r"\[\s*([^\[\]]+?)\s+for\s+(\w+)\s+in\s+([^\[\]]+?)\s*\]",
        "list.map({2}, function({1}) return {0} end)",
        "Lua has no comprehensions.",
    ),
    _habit(r"^(\s*)(?://|#(?=\s))(.*)$", "{0}--{1}", "A comment begins with `--`."),
    _habit(r"^(\s*)(?:async\s+)?def\s+(\w+)\s*\((.*?)\)[^:]*:?\s*$", "{0}function {1}({2})", "Lua ends it with `end`."),
    _habit(
        r"^(\s*)(?:async\s+)?def\s+(\w+)\s*\((.*?)\)[^:]*:\s*(\S.*)$",
        "{0}function {1}({2}) {3} end",
        "Lua writes a function like this.",
    ),
    _habit(
        r"^\s*(?:import|from)\s+\w.*$", "", "There are no modules to load: json, regex, list, time and os are there."
    ),
    _habit(r"^\s*(?:try|except\b.*|finally)\s*:.*$", "", "Write: local ok, problem = pcall(function() … end)"),
    _habit(r"^\s*class\s+\w+.*$", "", "Lua has no classes: a table with functions is one."),
    _habit(r"^(\s*)for\s+(\w+)\s+in\s+range\((\w+)\)\s*:?\s*$", "{0}for {1} = 0, {2} - 1 do", "Lua counts like this."),
    _habit(
        r"^(\s*)for\s+(\w+)\s*,\s*(\w+)\s+in\s+([\w.]+)\.items\(\)\s*:?\s*$", "{0}for {1}, {2} in pairs({3}) do", ""
    ),
    _habit(r"^(\s*)for\s+(\w+)\s+in\s+([^:]+?)\s*:\s*$", "{0}for _, {1} in ipairs({2}) do", "Lua loops like this."),
    _habit(r"^(\s*)elif\s+(.+?)\s*(?::|\bthen)?\s*$", "{0}elseif {1} then", "Lua writes `elseif`."),
    _habit(r"^(\s*)if\s+(.+?)\s*:\s*$", "{0}if {1} then", "A condition ends with `then`, its block with `end`."),
    _habit(r"^(\s*)while\s+(.+?)\s*:\s*$", "{0}while {1} do", "A loop begins with `do` and ends with `end`."),
    _habit(r"^(\s*)else\s*:\s*$", "{0}else", "No colon follows `else`."),
    _habit(_VALUE + r"\s+is\s+not\s+None\b", "{0} ~= nil", "Lua's None is nil."),
    _habit(_VALUE + r"\s+is\s+None\b", "{0} == nil", "Lua's None is nil."),
    _habit(
        r"(\S+)\s+not\s+in\s+" + _VALUE, "not list.find({1}, function(item) return item == {0} end)", "Lua has no `in`."
    ),
    _habit(
        r"^(?!.*\bfor\b)(.*?)(\S+)\s+in\s+" + _VALUE,
        "{0}list.find({2}, function(item) return item == {1} end)",
        "Lua has no `in`.",
    ),
    _habit(r"!==?", "~=", "Lua writes `~=` for unequal."),
    _habit(r"===", "==", "Lua writes `==`."),
    _habit(_TARGET + r"\s*([-+*/%])=\s*(.+?)\s*$", "{0} = {0} {1} {2}", "Lua has no `+=`."),
    _habit(_TARGET + r"\+\+", "{0} = {0} + 1", "Lua has no `++`."),
    _habit(r"\s*&&\s*", " and ", "Lua writes `and`."),
    _habit(r"\s*\|\|\s*", " or ", "Lua writes `or`."),
    _habit(r"!(?=[\w(])", "not ", "Lua writes `not`."),
    _habit(r"\blambda\s+([\w, ]*):\s*([^,)]+)", "function({0}) return {1} end", "Lua writes a function like this."),
    _habit(r"([\"'])(\x01*)\1\s*:\s*", "[{0}{1}{0}] = ", "A table's fields are written with `=`."),
    _habit(r"^(\s*)(?:const|let|var)\s+(\w+)", "{0}local {1}", "Lua writes `local`."),
    _habit(r"^(\s*)raise\s+\w+\((.*)\)\s*$", "{0}error({1})", "Lua raises with `error`."),
    _habit(r"^(\s*)del\s+(.+)$", "{0}{1} = nil", "Lua removes a value like this."),
    _habit(r"^(\s*)pass\s*$", "", "Leave `pass` out: a block may be empty."),
    _habit(
        r"^(\s*)continue\s*;?\s*$", "{0}goto continue", "Lua has no `continue`: put `::continue::` before the `end`."
    ),
)
_CALLED = (
    _habit(r"\blen\(((?:[^()]|\([^()]*\))*)\)", "#{0}", "Lua writes a length with `#`.", "len"),
    _habit(r"\bstr\(", "tostring(", "Lua has no str().", "str"),
    _habit(r"\b(?:int|float)\(", "tonumber(", "Lua has no int() and float().", "int"),
    _habit(
        r"^(\s*)for\s+(\w+)\s+in\s+range\((\w+)\)\s*do", "{0}for {1} = 0, {2} - 1 do", "Lua counts like this.", "range"
    ),
    _habit(r"\benumerate\(", "ipairs(", "Lua has no enumerate().", "enumerate"),
    _habit(r"\bsorted\(", "list.sort_by(", "Lua has no sorted().", "sorted"),
    _habit(
        r"(?<![.\w])(?:exit|quit)\(.*?\)", "return", 'A script ends with `return`, and fails with error("why").', "exit"
    ),
    _habit(r"\bos\.exit\(.*?\)", "return", 'A script cannot end the process: end with `return`, or error("why").'),
    _habit(
        r"\brequire\b.*$",
        "",
        "There are no modules to load: json, regex, list, time, string and os are there.",
        "require",
    ),
    _habit(
        r"^(\s*)for\s+(\w+)\s+in\s+([\w.]+(?:\.list_\w+\(.*\))?)\s+do\b",
        "{0}for _, {1} in ipairs({2}) do",
        "A loop needs ipairs().",
    ),
    _habit(_METHOD + r"\)", "list.{1}{2}({0})", "Lua's lists have no methods: `list` has functions."),
    _habit(_METHOD, "list.{1}{2}({0}, ", "Lua's lists have no methods: `list` has functions."),
    _habit(_TARGET + r"\.append\((.*)\)", "table.insert({0}, {1})", "Lua's lists have no append()."),
    _habit(r"([\"'])(\x01*)\1\s*%\s*(.+?)(\)?)\s*$", "string.format({0}{1}{0}, {2}){3}", "Lua has no `%` for texts."),
    _habit(r"([\"'])(\x01*)\1\s*\+\s*", "{0}{1}{0} .. ", "Lua joins texts with `..`."),
    _habit(r"\s*\+\s*([\"'])(\x01*)\1", " .. {0}{1}{0}", "Lua joins texts with `..`."),
    _habit(
        r"(?<!string)(?<!list)(?<!regex)(?<!utf8)(?<!table)\.(lower|upper|len|sub|find|match|gsub|rep)\(",
        ":{0}(",
        "Methods of a text are called with `:`.",
    ),
    _habit(r"\bTrue\b", "true", "", "True"),
    _habit(r"\bFalse\b", "false", "", "False"),
    _habit(r"\bNone\b", "nil", "", "None"),
)


def advice(source: str, line: int | None, *, compiled: bool, is_set: Callable[[str], bool]) -> str:
    """Return what to write instead of a line that failed, or an empty text.

    Parameters:
        source: the script; what is parsed of it, if it is long.
        line: where it failed, counted from 1.
        compiled: whether the script compiled, so that it failed while running.
        is_set: returns whether a script of the session sets a variable of this name.
    """
    lines = source.split("\n")
    if line is None or not 1 <= line <= len(lines):
        return ""
    while line > 1 and not lines[line - 1].strip():  # what is unfinished is found at the end of the text
        line -= 1
    text = lines[line - 1]
    if len(text) > MAX_LINE_LENGTH:
        return ""
    hidden = masked(source).split("\n")[line - 1]
    for habit in (*_TEXTS, *(_CALLED if compiled else _SYNTAX)):
        if habit.pattern.search(hidden) and not (habit.name and is_set(habit.name)):
            lua = f"Write: {_rewritten(text, hidden, habit).strip()}" if habit.lua else ""
            return f"{habit.sentence} {lua}".strip()
    return ""


def _rewritten(text: str, hidden: str, habit: Habit) -> str:
    """Return a line in which each place of a habit in the masked line is replaced."""
    pieces, end = [], 0
    for match in habit.pattern.finditer(hidden):
        groups = tuple(text[slice(*match.span(number))] for number in range(1, habit.pattern.groups + 1))
        lua = habit.lua.format(*groups) if isinstance(habit.lua, str) else habit.lua(*groups)
        pieces += [text[end : match.start()], lua]
        end = match.end()
    return "".join((*pieces, text[end:]))
