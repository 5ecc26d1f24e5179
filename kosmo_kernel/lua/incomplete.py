"""Remember which variables and values of a session come from a list of which something could not be read.

A call with `errors = "collect"` returns what it could read, and a count or a filtered list of that looks whole. The
text of a script tells what comes from what: a variable does if the expression that sets it names such a list, or if it
is set in a loop over one. What cannot be told from the text counts as coming from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from kosmo_kernel.lua.run import MAX_CHARACTERS_PARSED

if TYPE_CHECKING:
    from kosmo_kernel.values.lua_source import Binding, Source

Notes = dict[str, None]  # what could not be read, one line each

_OUT, _LAST = "Out", "_"  # the values of earlier scripts, and the last of them
_COLLECT = "errors"  # the argument of a call that collects failures


class IncompleteValues:
    """The variables and values of a session that come from an incomplete list."""

    def __init__(self) -> None:
        self._notes_on: dict[str, Notes] = {}  # by the name of a variable, or by `Out[3]`

    def add(self, number: int, line: str) -> None:
        """Remember why a value in `Out` is incomplete; it is not if the line is empty."""
        _set(self._notes_on, f"{_OUT}[{number}]", {line: None} if line else {})

    def notes(self, number: int) -> list[str]:
        """Return the notes on a value in `Out`."""
        return _lines(self._notes_on.get(f"{_OUT}[{number}]", {}))

    def follow(self, source: str, number: int, unread: Sequence[str]) -> list[str]:
        """Return the notes on the incomplete lists that a script has used, and remember what it has made of them.

        Parameters:
            source: the script, which has run.
            number: the number of its value in `Out`.
            unread: the lines on what the script itself could not read, which are not among the notes.
        """
        if not self._notes_on and not unread:
            return []
        from kosmo_kernel.values import lua_source

        reading = _Reading(lua_source.read(source[:MAX_CHARACTERS_PARSED]), self._notes_on, dict.fromkeys(unread))
        notes = reading.follow()
        for name in (f"{_OUT}[{number}]", _LAST):
            _set(self._notes_on, name, notes | dict.fromkeys(unread))
        return _lines({note: None for note in notes if note not in unread})


class _Reading:
    """Reads a script from the first token to the last, and changes what is known of each variable as the script does.

    Parameters:
        script: the script.
        notes_on: the notes on each variable, and on each value in `Out`.
        unread: the lines on what the script itself could not read.
    """

    def __init__(self, script: Source, notes_on: dict[str, Notes], unread: Notes) -> None:
        self._script, self._notes_on, self._unread = script, notes_on, unread
        self._is_named = _COLLECT in script.words  # else a function of an earlier script has collected the failures
        self._notes_at: list[Notes] = []  # the notes on what each token names
        self._set_names: set[int] = set()  # the tokens that are names which the script sets
        self._later: dict[int, list[Callable[[], None]]] = {}  # what to do at a token
        self._loops: list[tuple[Notes, int]] = []  # the notes on the lists of the loops around a token, and their ends

    def follow(self) -> Notes:
        """Return the notes on all that the script has used."""
        script = self._script
        bindings: dict[int, list[Binding]] = {}
        for binding in chain.from_iterable(script.bindings.values()):
            bindings.setdefault(binding.at, []).append(binding)
        self._set_names = {at for first in bindings for at in self._names_set_at(first)}
        for at in range(script.size + 1):
            for change in self._later.pop(at, ()):
                change()
            while self._loops and self._loops[-1][1] <= at:
                self._loops.pop()
            names = self._names(at)
            self._notes_at.append({note: None for name in names for note in self._notes_on.get(name, ())})
            for binding in bindings.get(at, ()):
                self._bind(binding)
            if script.words[at : at + 4] == ["table", ".", "insert", "("]:
                end = script.after(at + 3) - 1
                self._do(end, partial(self._insert, script.words[at + 4], at + 6, end))
        return self._notes(0, script.size)

    def _do(self, at: int, change: Callable[[], None]) -> None:
        """Change what is known at a token."""
        self._later.setdefault(min(at, self._script.size), []).append(change)

    def _names_set_at(self, at: int) -> Iterator[int]:
        """Yield the tokens that are names which a `local`, `=`, `in` or `function` sets, and no use of them."""
        words, kinds = self._script.words, self._script.kinds
        if words[at] == "local":
            yield from range(at + 1, at + 1 + 2 * len(self._script.names(at + 1)[0]))
        elif words[at] == "function":
            head = self._script.head(at)
            yield from range(at + 1, self._script.partner[head] + 1)
        else:
            name = at - 4 if words[at - 1] == ">" else at - 1  # before the attribute of a local variable
            while name >= 0 and kinds[name] == "name" and words[name - 1] not in (".", ":"):
                yield name
                name = name - 2 if words[name - 1] == "," else -1

    def _bind(self, binding: Binding) -> None:
        """Take what the script sets a variable to, or a field of one, at the end of the expression."""
        script, name = self._script, binding.path[0]
        start, end, block = binding.at, binding.at + 1, script.after(binding.block) - 1
        following = end
        if binding.how == "loop":
            start, end = binding.at + 1, binding.block
            following = end
            if binding.position == 0:
                self._do(end, lambda: self._loops.append((self._of_expression(start, end), block)))
        elif binding.how == "function":
            following = end = script.after(binding.at) - 1
        elif binding.how == "value":
            starts, end = script.expressions(binding.at + 1)
            start, following, *_ = *starts[binding.position :], end, end  # the second value of a call has its failures
        self._do(max(end, binding.at + 1), partial(self._take, binding, start, following))
        if binding.block >= 0:  # a local variable of a block hides another one until the end of it
            self._do(block, partial(_set, self._notes_on, name, self._notes_on.get(name, {})))

    def _take(self, binding: Binding, start: int, end: int) -> None:
        """Take what is named between two tokens for a variable, or for a field of one."""
        name, is_value = binding.path[0], binding.how in ("value", "declared")
        notes = self._of_expression(start, end) if is_value or binding.how == "loop" else self._notes(start, end)
        before = self._notes_on.get(name, {}) if len(binding.path) > 1 else {}
        _set(self._notes_on, name, before | notes | (self._of_loops() if is_value else {}))

    def _insert(self, name: str, start: int, end: int) -> None:
        """Take what the script inserts into a list."""
        _set(self._notes_on, name, self._notes_on.get(name, {}) | self._notes(start, end) | self._of_loops())

    def _of_loops(self) -> Notes:
        return {note: None for notes, _ in self._loops for note in notes}

    def _of_expression(self, start: int, end: int) -> Notes:
        """Return the notes on an expression, those of the script's own calls included."""
        words = self._script.words[start:end]
        collects = _COLLECT in words if self._is_named else "(" in words
        return self._notes(start, end) | (self._unread if collects else {})

    def _notes(self, start: int, end: int) -> Notes:
        """Return the notes on what is named between two tokens that have been read."""
        return {note: None for notes in self._notes_at[start:end] for note in notes}

    def _names(self, at: int) -> Iterator[str]:
        """Yield the variable that a token names, or the values in `Out`."""
        words = self._script.words
        is_field = at > 0 and words[at - 1] in (".", ":")
        is_key = words[at + 1 : at + 2] == ["="] and words[self._script.opener[at]] == "{"
        if self._script.kinds[at] != "name" or is_field or is_key or at in self._set_names:
            return
        if words[at] != _OUT:
            yield words[at]
        elif words[at + 1] == "[" and self._script.kinds[at + 2] == "number" and words[at + 3] == "]":
            yield f"{_OUT}[{words[at + 2]}]"
        else:
            yield from (name for name in self._notes_on if name.startswith(f"{_OUT}["))


def _set(notes_on: dict[str, Notes], name: str, notes: Notes) -> None:
    if notes:
        notes_on[name] = notes
    else:
        notes_on.pop(name, None)


def _lines(notes: Notes) -> list[str]:
    return [f"Made from a list that is not whole: {note}" for note in notes]
