"""Show a line that is written as in Python or JavaScript in Lua.

For a line that failed because it is written so, `advice` shows the same line in Lua. Only the script's text decides:
the line where Lua found the error, with its strings and comments masked. Lua's message is never read. A function such
as `len` counts only if no script of the session sets it. A line is shown only if Lua has parsed the script with it, so
that no advice is worse than none. `warnings_of` tells of lines that Lua takes in silence and that mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_tokens import masked

MAX_LINE_LENGTH = 400  # characters of a line that is rewritten
MAX_LINES = 60  # lines above the one that failed that may have the mistake
MAX_CHECKS = 12  # scripts that Lua parses for one advice

Parses = Callable[[str, int], bool]
"""Return whether Lua parses a script at least beyond a line, counted from 1."""


class Habit(NamedTuple):
    """A way of writing that is none in Lua."""

    pattern: re.Pattern[str]  # in a masked line
    lua: str | Callable[..., str]  # the same in Lua, where `{0}` is the first group
    sentence: str
    name: str = ""  # a function that the habit takes for granted


def _habit(pattern: str, lua: str | Callable[..., str], sentence: str, name: str = "") -> Habit:
    return Habit(lazy_pattern(pattern), lua, sentence, name)


def _joined(quote: str, content: str) -> str:
    """Return the Lua of a Python f-string."""
    parts = re.split(r"\{([^{}]*)\}", content)
    pieces = [part if index % 2 else f"{quote}{part}{quote}" for index, part in enumerate(parts)]
    return " .. ".join(piece for piece in pieces if piece != quote * 2) or quote * 2


def _without_placeholders(quote: str, content: str) -> str:
    """Return the Lua of a text of JavaScript with `${…}`."""
    return _joined(quote, content.replace("${", "{"))


def _sorted_by(*groups: str) -> str:
    """Return the Lua of a list that a comparator would sort; an empty text if it compares something else."""
    items, first, second, field_before, sign, field_after = groups
    fields = {
        field_before.removeprefix(f"{name}."): name for name in (first, second) if field_before.startswith(f"{name}.")
    }
    field = next(iter(fields), "")
    if not field or field_after != f"{second if fields[field] == first else first}.{field}":
        return ""
    order = ', "desc"' if (sign == ">") == (fields[field] == first) else ""
    return f'list.sort_by({items}, "{field}"{order})'


def _descending(call: str, quote: str, content: str) -> str:
    """Return a call of `list.sort_by` with a field such as `-name`."""
    order = ', "desc"' if content.startswith("-") else ""
    return f"{call}{quote}{content.removeprefix('-')}{quote}{order})"


def _fields(call: str, names: str) -> str:
    """Return a call of `list.map` with a list of fields."""
    fields = ", ".join(f"{name.replace('.', '_')} = item.{name}" for name in re.findall(r"\w[\w.]*", names))
    return f"{call}function(item) return {{ {fields} }} end"


def _number(sign: str, quote: str, content: str) -> str:
    return f"{sign}{content}" if content.isdecimal() else f"{sign}{quote}{content}{quote}"


_TARGET = r"([A-Za-z_][\w.]*(?:\[[^\]]*\])?)"
# A name with its fields, indexes and one call.
_VALUE = r"((?:[A-Za-z_][\w.]*)(?:\[[^\]]*\])?(?:\([^()]*\))?)"

_OF_LISTS = "filter|reject|map|flatten|take|drop|unique_by|index_by|group_by|count_by|sum_by|sort_by|join"
# A method of a list.
_METHOD = rf"(?<![\w.:])(?!(?:list|parallel|table)\b)([A-Za-z_][\w.]*(?:\([^()]*\))?)(?:[.:]({_OF_LISTS})|:(find))\(\s*"
# A function of two items that compares them.
_COMPARATOR = r"function\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*return\s+([\w.]+)\s*([<>])\s*([\w.]+)\s*end"

# In a masked line `\x01` stands for each character of a string or comment.
_TEXTS = (
    _habit(r"\bf([\"'])(\x01*)\1", _joined, "Lua joins texts with `..`.", "f"),
    _habit(
        r"^\s*(?:\}\s*)?(?:try|except|catch|finally)\b\s*[:{(\w].*$",
        "",
        "Lua has no `try`: `local ok, problem = pcall(heroku.list_apps)` calls a function and catches its error.",
    ),
    _habit(r"^\s*```.*$", "", "Leave out the lines with three backticks: they are Markdown."),
    _habit(r"()`([^`]*)`", lambda _, content: _without_placeholders('"', content), "Lua joins texts with `..`."),
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
    _habit(
        r"^(.*?(?:\breturn\s+|[^=~<>]=\s*|\(\s*)|\s*)([^?]+?)\s*\?\s*([^:?]+?)\s*:\s*([^)]+?)(\)?\s*)$",
        "{0}{1} and {2} or {3}{4}",
        "Lua has no `? :`.",
    ),
    _habit(
        r"(?:\(([\w, ]*)\)|\b(\w+))\s*[=-]>\s*([^,){]+)",
        "function({0}{1}) return {2} end",
        "Lua writes a function like this.",
    ),
    _habit(
        r"^(.*?(?:\breturn\s+|[^=~<>]=\s*|\(\s*)|\s*)(\S.*?)\s+if\s+(.+?)\s+else\s+(.+?)\s*$",
        "{0}{2} and {1} or {3}",
        "Lua has no such `if`.",
    ),
    _habit(r"\(\s*(\w+\s*=(?!=)[^(){}]+)\)", "({{ {0} }})", "Named arguments stand in a table."),
    _habit(r"^(\s*)function\s+([\w.:]*)\s*\((.*?)\)\s*\{\s*$", "{0}function {1}({2})", "A block has no braces."),
    _habit(r"^(\s*)if\s*\((.+)\)\s*\{\s*$", "{0}if {1} then", "A block has no braces."),
    _habit(r"^(\s*)while\s*\((.+)\)\s*\{\s*$", "{0}while {1} do", "A block has no braces."),
    _habit(r"^(\s*)\}\s*else\s*\{\s*$", "{0}else", "A block has no braces."),
    _habit(r"^(\s*)\}\s*;?\s*$", "{0}end", "A block ends with `end`."),
    _habit(r"^\s*class\s+\w+.*$", "", "Lua has no classes: a table with functions is one."),
    _habit(r"^(\s*)for\s+(\w+)\s+in\s+range\((\w+)\)\s*:?\s*$", "{0}for {1} = 0, {2} - 1 do", "Lua counts like this."),
    _habit(
        r"^(\s*)for\s+(\w+)\s+in\s+range\((\w+)\)\s*:\s*(\S.*)$",
        "{0}for {1} = 0, {2} - 1 do {3} end",
        "Lua counts like this.",
    ),
    _habit(
        r"^(\s*)for\s+(\w+)\s+in\s+(?!range\b)([^:]+?)\s*:\s*(\S.*)$",
        "{0}for _, {1} in ipairs({2}) do {3} end",
        "Lua loops like this.",
    ),
    _habit(r"^(\s*)if\s+(.+?)\s*:\s*(\S.*)$", "{0}if {1} then {2} end", "A condition ends with `then`."),
    _habit(
        r"^(\s*)for\s+(\w+)\s*,\s*(\w+)\s+in\s+([\w.]+)\.items\(\)\s*:?\s*$", "{0}for {1}, {2} in pairs({3}) do", ""
    ),
    _habit(r"^(\s*)for\s+(\w+)\s+in\s+([^:]+?)\s*:\s*$", "{0}for _, {1} in ipairs({2}) do", "Lua loops like this."),
    _habit(r"^(\s*)elif\s+(.+?)\s*(?::|\bthen)?\s*$", "{0}elseif {1} then", "Lua writes `elseif`."),
    _habit(r"^(\s*)else\s+if\s+(.+?)\s*(?::|\bthen)?\s*$", "{0}elseif {1} then", "Lua writes `elseif`."),
    _habit(r"^(\s*)if\s+(.+?)\s*:\s*$", "{0}if {1} then", "A condition ends with `then`, its block with `end`."),
    _habit(r"^(\s*)while\s+(.+?)\s*:\s*$", "{0}while {1} do", "A loop begins with `do` and ends with `end`."),
    _habit(r"^(\s*)else\s*:\s*$", "{0}else", "No colon follows `else`."),
    _habit(_VALUE + r"\s+is\s+not\s+None\b", "{0} ~= nil", "Lua's None is nil."),
    _habit(_VALUE + r"\s+is\s+None\b", "{0} == nil", "Lua's None is nil."),
    _habit(r"\s+is\s+not\s+(?=[\w\"'])", " ~= ", "Lua writes `~=` for unequal."),
    _habit(r"\s+is\s+(?!not\b)(?=[\w\"'])", " == ", "Lua writes `==`."),
    _habit(r"^(.*?)\bif\s+(.+?)\s*:\s*(\S.*)$", "{0}if {1} then {2} end", "A condition ends with `then`."),
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
        r"(?<![.\w:])continue\b(?!\s*[.=:(])",
        "",
        "Lua has no `continue`: `goto continue` jumps to a label `::continue::` before the `end` of the loop.",
    ),
)
_CALLED = (
    _habit(r"(?<![.:\w])len\(((?:[^()]|\([^()]*\))*)\)", "#{0}", "Lua writes a length with `#`.", "len"),
    _habit(r"([A-Za-z_][\w.]*)[.:](?:length|size|count|len)\(\)", "#{0}", "Lua writes a length with `#`."),
    _habit(r"([A-Za-z_][\w.]*)\.length\b(?!\s*\()", "#{0}", "Lua writes a length with `#`."),
    _habit(r"\btable\.getn\(((?:[^()]|\([^()]*\))*)\)", "#{0}", "Lua writes a length with `#`."),
    _habit(rf"\btable\.({_OF_LISTS})\(", "list.{0}(", "Functions for lists are in `list`."),
    _habit(
        rf"\blist\.sort_by\(\s*(.+?)\s*,\s*{_COMPARATOR}\s*\)",
        _sorted_by,
        "`list.sort_by` takes a field, and puts null last.",
    ),
    _habit(
        rf"\btable\.sort\(\s*([A-Za-z_]\w*)\s*,\s*{_COMPARATOR}\s*\)",
        lambda items, *groups: f"{items} = {_sorted_by(items, *groups)}",
        "`list.sort_by` puts null last.",
    ),
    _habit(rf"\btable\.sort\(\s*(.+?)\s*,\s*{_COMPARATOR}\s*\)", _sorted_by, "`list.sort_by` puts null last."),
    _habit(
        r"\btime\.now\(\)\s*-\s*([A-Za-z_][\w.]*)",
        "time.days_since({0})",
        "Times are texts: `time.days_since` counts the days.",
    ),
    _habit(r"([<>]=?\s*)([\"'])(\x01*)\2", _number, "A number has no quotes."),
    _habit(r"(\.\w+_at\s*[<>]=?\s*)os\.time\(\)", "{0}time.now()", "Times are texts, as that of `time.now()` is."),
    _habit(r"(\blist\.sort_by\(.+?,\s*)([\"'])(\x01+)\2\s*\)", _descending, "The order is an argument of its own."),
    _habit(
        r"(\blist\.map\(.+?,\s*)\{\s*((?:[\"']\x01*[\"']\s*,?\s*)+)\}", _fields, "Several fields are a record of them."
    ),
    _habit(
        r"\blist\.find\(.*\)\.\w", "", "`list.find` gives nil where it finds nothing: keep its value and test it first."
    ),
    _habit(r"\bJSON\.stringify\(|\bjson\.dumps\(", "json.encode(", "JSON is written by `json.encode`."),
    _habit(r"\bJSON\.parse\(|\bjson\.loads\(", "json.decode(", "JSON is read by `json.decode`."),
    _habit(r"\bconsole\.log\(", "print(", "Lua prints with `print`."),
    _habit(r"(?<![.\w:])typeof\(", "type(", "The type of a value is that of `type`.", "typeof"),
    _habit(
        r"(?<![.\w:])checks\.\w+",
        "",
        "Checks are not run in Lua: `kosmo check` does, and `check` of `lua_run`.",
        "checks",
    ),
    _habit(
        r"\b(?:table\.concat|list\.join)\(\s*([^,]+?)\s*,\s*([\"'])(\x01*)\2\s*\)",
        'list.join({0}, {1}{2}{1}, "name")',
        "Records are joined by a field.",
    ),
    _habit(r"(\.tables\.\w+)(?=\s*\[)", "{0}()", "A table of `heroku.tables` is a function."),
    _habit(r"(?<![.\w:])unpack\(", "table.unpack(", "It is in `table`.", "unpack"),
    _habit(r"\bmath\.round\(((?:[^()]|\([^()]*\))*)\)", "math.floor({0} + 0.5)", "Lua has no math.round()."),
    _habit(r"(?<![.\w:])help\(", "docs.read(", "The reference is in `docs`.", "help"),
    _habit(
        r"(?<![.\w:])lua_run\(.*$", "", "This is the code of `lua_run` already: write what it would get.", "lua_run"
    ),
    _habit(r"(?<![.\w:])str\(", "tostring(", "Lua has no str().", "str"),
    _habit(r"(?<![.\w:])(?:int|float)\(", "tonumber(", "Lua has no int() and float().", "int"),
    _habit(
        r"^(\s*)for\s+(\w+)\s+in\s+range\((\w+)\)\s*do", "{0}for {1} = 0, {2} - 1 do", "Lua counts like this.", "range"
    ),
    _habit(r"(?<![.\w:])enumerate\(", "ipairs(", "Lua has no enumerate().", "enumerate"),
    _habit(r"(?<![.\w:])sorted\(", "list.sort_by(", "Lua has no sorted().", "sorted"),
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
        r"\bfor\s+(\w+)\s+in\s+(?!i?pairs\b|coroutine\b)([\w.]+(?:\([^()]*\))?)\s+do\b",
        "for _, {0} in ipairs({1}) do",
        "A loop needs ipairs().",
    ),
    _habit(
        r"\bfor\s+(\w+)\s*,\s*(\w+)\s+in\s+(?!i?pairs\b|coroutine\b)([\w.]+(?:\([^()]*\))?)\s+do\b",
        "for {0}, {1} in ipairs({2}) do",
        "A loop needs ipairs().",
    ),
    _habit(_METHOD + r"\)", "list.{1}{2}({0})", "Lua's lists have no methods: `list` has functions."),
    _habit(_METHOD, "list.{1}{2}({0}, ", "Lua's lists have no methods: `list` has functions."),
    _habit(_TARGET + r"[.:](?:append|push)\((.*)\)", "table.insert({0}, {1})", "Lua's lists have no append()."),
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


# What Lua takes in silence, and what is meant. The groups of a pattern are as above.
_RAISES = lazy_pattern(r"(?<![.\w:])(?:error|assert)\s*\(")
_SILENT = (
    _habit(
        r"(?<![.\w:])await\s+(?=[A-Za-z_])",
        "",
        "`await` is nil, and the call after it a statement of its own.",
        "await",
    ),
)
_PATTERN = lazy_pattern(r"(?::|\bstring\.)(?:find|match|gmatch|gsub)\((?:[^\"'()]*,)?\s*([\"'])(\x01*)\1")
_TEST = lazy_pattern(
    r"\blist\.(filter|reject|find)\(\s*([\w.]+(?:\([^()]*\))?)\s*,\s*\{\s*(\w+)\s*=\s*([\"'])(\x01*)\4\s*\}\s*\)"
)
_ALTERNATIVES = lazy_pattern(r"\((?:[\w -]+\|)+[\w -]+\)|\A\^?[\w-]+(?:\|[\w-]+)+\$?\Z")
_PLAIN = lazy_pattern(r"\s*,[^()]*,\s*true\b")  # the text is no pattern
_CLASS = lazy_pattern(r"(?<!\\)\\++([dDwWsS])")  # of regular expressions


def advice(source: str, line: int | None, *, compiled: bool, is_set: Callable[[str], bool], parses: Parses) -> str:
    """Return what to write instead of a line that failed, or an empty text.

    Parameters:
        source: the script; what is parsed of it, if it is long.
        line: where it failed, counted from 1.
        compiled: whether the script compiled, so that it failed while running.
        is_set: returns whether a script of the session sets a variable of this name.
        parses: returns whether Lua parses a script.
    """
    lines = source.split("\n")
    if line is None or not 1 <= line <= len(lines):
        return ""
    while line > 1 and not lines[line - 1].strip():  # what is unfinished is found at the end of the text
        line -= 1
    hidden = masked(source).split("\n")
    if compiled and _RAISES.search(hidden[line - 1]):  # the message is the script's own
        return ""
    checks = MAX_CHECKS
    # What is missing is found later than where it should be, but a value is wrong where it is used.
    for number in (line,) if compiled else range(line, max(0, line - MAX_LINES), -1):
        text, masked_text = lines[number - 1], hidden[number - 1]
        if len(text) > MAX_LINE_LENGTH:
            continue
        matching = [
            habit
            for habit in (*_TEXTS, *(_CALLED if compiled else _SYNTAX))
            if habit.pattern.search(masked_text) and not (habit.name and is_set(habit.name))
        ]
        for habits in _choices(matching):
            if not habits[0].lua:
                if number >= line - 1:
                    return habits[0].sentence
                continue
            corrected = text
            for habit in habits:
                corrected = _rewritten(corrected, masked(corrected), habit)
            if corrected == text or not checks:
                continue
            checks -= 1
            if parses("\n".join([*lines[: number - 1], corrected, *lines[number:]]), line):
                sentences = dict.fromkeys(filter(None, (habit.sentence for habit in habits)))
                return " ".join([*sentences, f"Write: {corrected.strip()}"])
    return ""


def _choices(habits: Sequence[Habit]) -> Iterator[Sequence[Habit]]:
    """Yield each habit of a line alone, and those that are rewritten from the first on together."""
    yield from ((habit,) for habit in habits)
    rewritten = [habit for habit in habits if habit.lua]
    yield from (rewritten[:count] for count in range(2, len(rewritten) + 1))


def is_foreign(source: str, line: int, is_set: Callable[[str], bool]) -> bool:
    """Return whether a line that does not compile is written as in another language."""
    hidden = masked(source).split("\n")[line - 1]
    habits = (*_TEXTS, *_SYNTAX)
    return any(habit.pattern.search(hidden) and not (habit.name and is_set(habit.name)) for habit in habits)


def warnings_of(source: str, is_set: Callable[[str], bool]) -> list[str]:
    """Return a line about each place in a script that Lua takes in silence and that means something else."""
    hidden = masked(source)
    warnings: list[tuple[int, str]] = []
    for habit in _SILENT:
        if not is_set(habit.name):
            warnings += [(match.start(), habit.sentence) for match in habit.pattern.finditer(hidden)]
    for match in _PATTERN.finditer(hidden):
        text = source[slice(*match.span(2))]
        if _ALTERNATIVES.search(text) and not _PLAIN.match(hidden, match.end()):
            warnings.append(
                (match.start(), '`|` is a letter in a pattern of Lua. `regex.match(text, "a|b")` has alternatives.')
            )
        if _CLASS.search(text):
            written = _CLASS.sub(r"%\1", text)
            warnings.append((match.start(), f'A pattern of Lua writes `%d` for `\\d`: "{written}".'))
    for match in _TEST.finditer(hidden):
        function, items, field, _, text = (source[slice(*match.span(number))] for number in range(1, 6))
        if "*" in text:
            pattern = re.sub(r"[\^$()%.\[\]+\-?]", r"%\g<0>", text).replace("*", ".*")
            lua = f'list.{function}({items}, function(item) return item.{field}:match("^{pattern}$") end)'
            warnings.append((match.start(), f'"{text}" is compared letter by letter. Write: {lua}'))
    return [f"line {source.count(chr(10), 0, start) + 1}: {text}" for start, text in sorted(warnings)]


def _rewritten(text: str, hidden: str, habit: Habit) -> str:
    """Return a line in which each place of a habit in the masked line is replaced."""
    pieces, end = [], 0
    for match in habit.pattern.finditer(hidden):
        groups = tuple(text[slice(*match.span(number))] for number in range(1, habit.pattern.groups + 1))
        lua = habit.lua.format(*groups) if isinstance(habit.lua, str) else habit.lua(*groups)
        pieces += [text[end : match.start()], lua]
        end = match.end()
    return "".join((*pieces, text[end:]))
