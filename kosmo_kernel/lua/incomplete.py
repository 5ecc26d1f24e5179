"""Remember which variables and values of a session come from a list of which something could not be read.

A call with `errors = "collect"` returns what it could read, and a count or a filtered list of that looks whole. The
text of a script tells what comes from what: a variable does if the expression that sets it names such a list, or if it
is set in a loop over one. What cannot be told from the text counts as coming from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        self._bindings = list(chain.from_iterable(script.bindings.values()))
        self._targets = {binding.target for binding in self._bindings if len(binding.path) == 1}  # no use of a variable
        self._notes_at: list[Notes] = []  # the notes on what each token names
        self._hidden: dict[int, list[tuple[str, Notes]]] = {}  # the variables that local ones hide up to a token
        self._loops: list[tuple[Notes, int]] = []  # the notes on the lists of the loops around a token, and their ends

    def follow(self) -> Notes:
        """Return the notes on all that the script has used."""
        script = self._script
        bindings: dict[int, list[Binding]] = {}
        for binding in self._bindings:
            at = binding.end if binding.how == "function" else binding.since
            bindings.setdefault(min(at, script.size), []).append(binding)
        for at in range(script.size + 1):
            for binding in bindings.get(at, ()):
                self._bind(binding)
            for name, notes in reversed(self._hidden.pop(at, [])):
                _set(self._notes_on, name, notes)
            while self._loops and self._loops[-1][1] <= at:
                self._loops.pop()
            self._notes_at.append({note: None for name in self._names(at) for note in self._notes_on.get(name, ())})
            opening = script.partner[at]
            if opening < at and script.words[opening - 3 : opening + 1] == ["table", ".", "insert", "("]:
                name, inserted = script.words[opening + 1], self._notes(opening + 2, at)
                _set(self._notes_on, name, self._notes_on.get(name, {}) | inserted | self._of_loops())
        return self._notes(0, script.size)

    def _bind(self, binding: Binding) -> None:
        """Take what is named in the value of a variable, or of a field of one, for the variable."""
        name, how, end = binding.path[0], binding.how, self._script.after(binding.block) - 1
        before = self._notes_on.get(name, {})
        if binding.block >= 0:  # a local variable of a block hides another one until the end of it
            self._hidden.setdefault(min(end, self._script.size), []).append((name, before))
        notes = self._notes(binding.value, binding.since if how == "loop" else binding.end)
        if how in ("value", "loop"):
            words = self._script.words[binding.value : binding.end]
            is_read_here = _COLLECT in words if self._is_named else "(" in words
            notes |= self._unread if is_read_here else {}
        if how == "loop":
            self._loops.append((notes, end))
        elif binding.which:  # the second value of a call has its failures
            notes = {}
        if how in ("value", "declared"):
            notes |= self._of_loops()
        _set(self._notes_on, name, before | notes if len(binding.path) > 1 else notes)

    def _of_loops(self) -> Notes:
        return {note: None for notes, _ in self._loops for note in notes}

    def _notes(self, start: int, end: int) -> Notes:
        """Return the notes on what is named between two tokens that have been read."""
        return {note: None for notes in self._notes_at[start:end] for note in notes}

    def _names(self, at: int) -> Iterator[str]:
        """Yield the variable that a token names, or the values in `Out`."""
        words = self._script.words
        is_field = at > 0 and words[at - 1] in (".", ":")
        is_key = words[at + 1 : at + 2] == ["="] and words[self._script.opener[at]] == "{"
        if self._script.kinds[at] != "name" or is_field or is_key or at in self._targets:
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
