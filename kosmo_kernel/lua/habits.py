r"""Show a line that is written as in Python or JavaScript in Lua.

For a line that failed because it is written so, `advice` shows the same line in Lua. Only the script's text decides:
the line where Lua found the error. Lua's message is never read. A function such as `len` counts only if no script of
the session sets it. A line is shown only if Lua has parsed the script with it, so that no advice is worse than none.
`warnings_of` tells of code that Lua takes in silence and that means something else.

`habits.txt` has a habit per line: a pattern, the same in Lua where `{0}` is the first group, a sentence, and the
function that the habit takes for granted, or a pattern of what makes it right. Its sections say when they count:
`any` error, `syntax` errors, errors of a script that runs (`called`), or no error (`silent`). In a `text` section a
pattern is searched in the text, elsewhere in the text with `\x01` for each character of a string or comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_tokens import masked

MAX_LINE_LENGTH = 400  # characters of a line that is rewritten
MAX_LINES = 60  # lines above the one that failed that may have the mistake
MAX_CHECKS = 12  # scripts that Lua parses for one advice

Parses = Callable[[str, int], bool]
"""Return whether Lua parses a script at least beyond a line, counted from 1."""
IsSet = Callable[[str], bool]
"""Return whether a script of the session sets a variable of this name."""

_OF_LISTS = "filter|reject|map|flatten|take|drop|unique_by|index_by|group_by|count_by|sum_by|sort_by|join"
_PARTS = {  # of patterns
    "<target>": r"([A-Za-z_][\w.]*(?:\[[^\]]*\])?)",
    "<value>": r"((?:[A-Za-z_][\w.]*)(?:\[[^\]]*\])?(?:\([^()]*\))?)",
    "<method>": r"(?<![\w.:])(?!(?:list|parallel|table)\b)([A-Za-z_][\w.]*(?:\([^()]*\))?)"
    r"(?:[.:](<of_lists>)|:(find))\(\s*",
    "<of_lists>": _OF_LISTS,
    "<compare>": r"function\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*return\s+",
    "<pattern>": r"(?::|\bstring\.)(?:find|match|gmatch|gsub)\((?:[^\"'()]*,)?\s*",
}
_FORMS: dict[str, Sequence[tuple[str, str]]] = {  # what `{0:form}` replaces in a group
    "joined": ((r"\$?\{([^{}]*)\}", r'" .. \1 .. "'), (r"\A|\Z", '"'), (r'"" \.\. | \.\. ""', "")),
    "percent": ((r"\{[^{}]*\}", "%s"),),
    "fields": ((r"[\"'](\w+)[\"']", r"\1 = item.\1"), (r"[\"'](\w+)\.(\w+)[\"']", r"\1_\2 = item.\1.\2")),
    "glob": ((r"[\^$()%.\[\]+\-?]", r"%\g<0>"), (r"\*", ".*")),
    "classes": ((r"(?<!\\)\\++([dDwWsS])", r"%\1"),),
    "hyphens": ((r"(?<=\w)-(?=\w)", "%-"),),
}
_LOOP = lazy_pattern(r"\bfor\s+(\w+(?:\s*,\s*\w+)*+)\s+(?:=|in\b)(\s+i?pairs\()?")
_INDEXED = lazy_pattern(r"(?<![\w.:])(\w+)[.:]\w")
_RAISES = lazy_pattern(r"(?<![.\w:])(?:error|assert)\s*\(")


class Group(str):
    """A group of a match, which `{0:joined '}` writes in another form, with the quote that is given."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        name, _, quote = form.partition(" ")
        text = str(self)
        for pattern, replacement in _FORMS.get(name, ()):
            text = re.sub(pattern.replace('"', quote or '"'), replacement.replace('"', quote or '"'), text)
        return text


class Advice(NamedTuple):
    """What to write instead, and the line where; without a line of its own it is that of the error."""

    text: str = ""
    line: int | None = None


class Habit(NamedTuple):
    """A way of writing that is none in Lua, or has another meaning there."""

    section: str
    pattern: re.Pattern[str]
    lua: str
    sentence: str
    unless: str

    def matches(self, text: str, hidden: str, is_set: IsSet) -> Iterator[tuple[re.Match[str], tuple[Group, ...]]]:
        """Yield where the habit is in a text, with the groups; `hidden` is the text without strings and comments."""
        if self.unless and (is_set(self.unless) if self.unless.isidentifier() else re.search(self.unless, hidden)):
            return
        for match in self.pattern.finditer(text if "text" in self.section else hidden):
            if "text" not in self.section or hidden[match.start()] != "\x01":
                spans = map(match.span, range(1, self.pattern.groups + 1))
                yield match, tuple(Group(text[slice(*span)]) for span in spans)


@cache
def habits(*sections: str) -> tuple[Habit, ...]:
    """Return the habits of sections of `habits.txt`."""
    read, section = [], ""
    for line in Path(__file__).with_name("habits.txt").read_text(encoding="utf-8").splitlines():
        pattern, *fields = line.split(" ⇒ ")
        if not fields:
            section = line
        elif section.split()[0] in sections:
            for name, part in _PARTS.items():
                pattern = pattern.replace(name, part)
            read.append(Habit(section, lazy_pattern(pattern), *(*fields, "")[:3]))
    return tuple(read)


def advice(source: str, line: int | None, *, compiled: bool, is_set: IsSet, parses: Parses) -> Advice:
    """Return what to write instead of a line that failed; without a text, nothing is known.

    Parameters:
        source: the script; what is parsed of it, if it is long.
        line: where it failed, counted from 1.
        compiled: whether the script compiled, so that it failed while running.
        is_set, parses: as above.
    """
    lines, hidden = source.split("\n"), masked(source).split("\n")
    if line is None or not 1 <= line <= len(lines):
        return Advice()
    while line > 1 and not lines[line - 1].strip():  # what is unfinished is found at the end of the text
        line -= 1
    if compiled and _RAISES.search(hidden[line - 1]):  # the message is the script's own
        return Advice()
    checks, candidates = MAX_CHECKS, habits("any", "called" if compiled else "syntax")
    # What is missing is found later than where it should be, but a value is wrong where it is used.
    for number in (line,) if compiled else range(line, max(0, line - MAX_LINES), -1):
        text = lines[number - 1]
        if len(text) > MAX_LINE_LENGTH:
            continue
        matching = [habit for habit in candidates if any(habit.matches(text, hidden[number - 1], is_set))]
        for together in _choices(matching):
            if not together[0].lua:
                if number >= line - 1:
                    return Advice(together[0].sentence)
                continue
            corrected = text
            for habit in together:
                corrected = _rewritten(corrected, habit, is_set)
            if corrected == text or not checks:
                continue
            checks -= 1
            if parses("\n".join([*lines[: number - 1], corrected, *lines[number:]]), line):
                sentences = dict.fromkeys(filter(None, (habit.sentence for habit in together)))
                return Advice(" ".join([*sentences, f"Write: {corrected.strip()}"]), number)
    return Advice(_item_loop(lines, hidden, line) if compiled else "")


def _item_loop(lines: Sequence[str], hidden: Sequence[str], line: int) -> str:
    """Return how to write the loop above a line if that reads a field of the loop's index; otherwise an empty text."""
    read = set(_INDEXED.findall(hidden[line - 1]))
    for number in range(line, max(0, line - MAX_LINES), -1):
        for loop in reversed([*_LOOP.finditer(hidden[number - 1])]):
            names = {name.strip() for name in loop[1].split(",")}
            if number < line and loop[2] and loop[1] in read:
                corrected = f"{lines[number - 1][: loop.start(1)]}_, {lines[number - 1][loop.start(1) :]}"
                written = re.sub(r"\bpairs\(", "ipairs(", corrected.strip(), count=1)
                return f"The first variable of such a loop is the index. Write: {written}"
            read -= names  # they are those of this loop
    return ""


def _choices(habits: Sequence[Habit]) -> Iterator[Sequence[Habit]]:
    """Yield each habit of a line alone, and those that are rewritten from the first on together."""
    yield from ((habit,) for habit in habits)
    rewritten = [habit for habit in habits if habit.lua]
    yield from (rewritten[:count] for count in range(2, len(rewritten) + 1))


def _rewritten(text: str, habit: Habit, is_set: IsSet) -> str:
    """Return a line in which each place of a habit is replaced."""
    pieces, end = [], 0
    for match, groups in habit.matches(text, masked(text), is_set):
        pieces += [text[end : match.start()], habit.lua.format(*groups)]
        end = match.end()
    return "".join((*pieces, text[end:]))


def is_foreign(source: str, line: int, is_set: IsSet) -> bool:
    """Return whether a line that does not compile is written as in another language."""
    text, hidden = source.split("\n")[line - 1], masked(source).split("\n")[line - 1]
    return any(any(habit.matches(text, hidden, is_set)) for habit in habits("any", "syntax"))


def warnings_of(source: str, is_set: IsSet) -> Iterator[tuple[int, str]]:
    """Yield each place in a script that Lua takes in silence and that means something else, and what to write."""
    hidden = masked(source)
    for habit in habits("silent"):
        for match, groups in habit.matches(source, hidden, is_set):
            yield match.start(), habit.sentence.format(*groups)
