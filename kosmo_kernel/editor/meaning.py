"""What an expression stands for, read from the text and from the live Lua state, without running anything.

`app.integrations.heroku` is a place in the live state. `heroku.list_apps()` is the answer of a function of
the catalogue, whose fields are known before anyone asks. A name that the text itself binds
(`local h = app.integrations.heroku`, `for _, app in ipairs(h.list_apps()) do`) stands for what it is bound
to, since the cell that is being written has not run yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.editor.tokens import tokens_of
from kosmo_kernel.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kosmo_kernel.catalogue import Function, Integration

CLOSING = {")": "(", "]": "[", "}": "{"}
_LOOPS = ("ipairs", "pairs")
_DEEP = 20  # how many aliases of aliases are followed


class Live(Protocol):
    """The part of a `session.Session` that an editor needs."""

    def names(self, chain: tuple[str, ...]) -> list[tuple[str, str]]:
        """The names that can follow a chain, each with its Lua type."""
        ...

    def resolve(self, chain: tuple[str, ...]) -> dict[str, Any] | None:
        """What is known of the value at the end of a chain."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A chain of names from the globals on; `method` where the last one stands behind a colon."""

    chain: tuple[str, ...]
    method: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returned, or the value at a path of fields in it; `many` is a list of records."""

    function: Function
    many: bool
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""


Meaning = Place | Answer | Text


class Reader:
    """A Lua text up to some place, and the live state that it will meet.

    Parameters:
        code: the text.
        live: the Lua state.
    """

    def __init__(self, code: str, live: Live) -> None:
        self.live = live
        everything = tokens_of(code)
        self.tokens = [token for token in everything if token.kind != "comment"]
        self.in_comment = bool(everything) and everything[-1].kind == "comment" and not everything[-1].closed

    def meaning_until(self, end: int) -> Meaning | None:
        """What the expression that stops before the token at `end` stands for; None when it cannot be known."""
        start = self._start_of(end - 1)
        return None if start is None else self._meaning(start, end, _DEEP)

    def calls_around(self, end: int) -> Iterator[tuple[int, int]]:
        """The calls whose arguments the token at `end` is in, innermost first.

        Yields:
            Where the function's name stops, and the bracket around the arguments: of `f({` that is the brace.
        """
        inner = self.opener(end)
        while inner is not None:
            outer = inner - 1 if self.text(inner) == "{" and self.text(inner - 1) == "(" else inner
            if self.text(outer) in ("(", "{") and self._can_be_called(outer - 1):
                yield outer, inner
            inner = self.opener(inner)

    def function_at(self, place: Place) -> Function | None:
        """The catalogue's function at a place."""
        match place.chain:
            case ("app", "integrations", name, *_, last) if len(place.chain) <= 5:  # noqa: PLR2004 - with an account's name
                try:
                    return integrations.find(name).names().get(last)
                except UnknownNameError:
                    return None
        known = (self.live.resolve(place.chain) or {}).get("function")
        if not known:
            return None
        name, _, last = known.partition(".")
        return integrations.find(name).function(last)

    def opener(self, end: int) -> int | None:
        """The innermost bracket that is open before the token at `end`."""
        depth = 0
        for index in range(end - 1, -1, -1):
            if self.text(index) in CLOSING:
                depth += 1
            elif self.text(index) in CLOSING.values():
                depth -= 1
                if depth < 0:
                    return index
        return None

    def text(self, index: int) -> str:
        """The token at an index as written; empty beyond the text, and for what is only a string's content."""
        if 0 <= index < len(self.tokens) and self.tokens[index].kind != "string":
            return self.tokens[index].text
        return ""

    def bound_names(self, end: int) -> Iterator[str]:
        """The names bound before the token at `end`: locals, loop variables, parameters, functions."""
        for index in range(end):
            if self._kind(index) != "keyword" or self.text(index) not in ("local", "for", "function"):
                continue
            at = index + 1
            if self.text(index) == "function":
                if self._kind(at) == "name" and self.text(at + 1) == "(":
                    yield self.text(at)
                while self._kind(at) == "name" or self.text(at) in (".", ":"):
                    at += 1
                at += 1
            while at < end and self._kind(at) == "name":
                yield self.text(at)
                at += 2 if self.text(at + 1) == "," else end

    def _kind(self, index: int) -> str:
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    def _can_be_called(self, index: int) -> bool:
        return self._kind(index) == "name" or self.text(index) in CLOSING

    def _start_of(self, index: int) -> int | None:
        """Where the expression starts whose last token is at `index`: `f("x")[1].name` starts at `f`."""
        while index >= 0:
            kind, text = self._kind(index), self.text(index)
            if text in CLOSING:
                opener = self.opener(index)
                if opener is None:
                    return None
                if not (self._can_be_called(opener - 1) or self._kind(opener - 1) == "string"):
                    return opener
                index = opener - 1
            elif kind == "string":
                if not self._can_be_called(index - 1):
                    return index
                index -= 1
            elif kind == "name":
                if self.text(index - 1) not in (".", ":"):
                    return index
                index -= 2
            else:
                return None
        return None

    def _meaning(self, start: int, end: int, deep: int) -> Meaning | None:
        """What the tokens from `start` up to `end` stand for, read from the left."""
        at = start
        meaning: Meaning | None
        if self.text(at) == "(":
            at = self._after(at)
            meaning = self._meaning(start + 1, at - 1, deep)
        elif self._kind(at) == "string":
            at += 1
            meaning = Text()
        else:
            meaning = self._named(self.text(at), start, deep)
            at += 1
        while at < end and meaning is not None:
            text = self.text(at)
            if text in (".", ":"):
                meaning = _field(meaning, self.text(at + 1), method=text == ":")
                at += 2
            elif text == "[" and self._kind(at + 1) == "string":
                meaning = _field(meaning, self.tokens[at + 1].text)
                at = self._after(at)
            elif text == "[":
                meaning = replace(meaning, many=False) if isinstance(meaning, Answer) and meaning.many else None
                at = self._after(at)
            elif text in ("(", "{") or self._kind(at) == "string":
                function = self.function_at(meaning) if isinstance(meaning, Place) else None
                meaning = Answer(function, many=function.returns == "list") if function else None
                at = self._after(at)
            else:
                return None
        return meaning

    def _after(self, index: int) -> int:
        """The place behind the bracket that closes the one at `index`, or behind a single token."""
        depth = 0
        for at in range(index, len(self.tokens)):
            depth += (self.text(at) in CLOSING.values()) - (self.text(at) in CLOSING)
            if depth == 0:
                return at + 1
        return len(self.tokens)

    def _named(self, name: str, before: int, deep: int) -> Meaning | None:
        """What a name stands for: what the text bound it to last, else what the live state has under it."""
        for index in range(before - 1, -1, -1):
            if self.text(index) != name or deep == 0:
                continue
            previous = self.text(index - 1)
            if self.text(index + 1) == "in":
                return self._item_of_loop(index + 2, deep - 1) if previous == "," else None
            at = index + 1
            if self.text(at) == "<":  # an attribute: local x <const> =
                at += 3
            while self.text(at) == ",":
                at += 2
            if self.text(at) == "=" and previous not in (".", ":", "{", ",", "("):
                end = self._end_of(at + 1)
                return None if self._goes_on(end) else self._meaning(at + 1, end, deep - 1)
        return Place((name,))

    def _item_of_loop(self, start: int, deep: int) -> Meaning | None:
        """What `value` is in `for _, value in ipairs(list) do`."""
        if self.text(start) not in _LOOPS or self.text(start + 1) != "(":
            return None
        listed = self._meaning(start + 2, self._after(start + 1) - 1, deep)
        return replace(listed, many=False) if isinstance(listed, Answer) and listed.many else None

    def _end_of(self, start: int) -> int:
        """Where the expression ends that starts at a token, as far as it is names, fields, brackets and calls."""
        at = self._after(start)
        while at < len(self.tokens):
            text = self.text(at)
            if text in (".", ":"):
                at += 2
            elif text in ("(", "[", "{") or self._kind(at) == "string":
                at = self._after(at)
            else:
                break
        return at

    def _goes_on(self, index: int) -> bool:
        """Whether an operator stands at an index, so that the expression before it is only a part."""
        mark = index < len(self.tokens) and self._kind(index) == "mark" and self.text(index) not in (",", ";", "::")
        return mark or self.text(index) in ("and", "or")


def namespace_at(chain: Sequence[str]) -> Integration | None:
    """The integration whose namespace is `app.integrations.NAME`; None elsewhere."""
    match tuple(chain):
        case ("app", "integrations", name):
            return next((i for i in integrations.BUILT_IN if i.name == name), None)
    return None


def _field(meaning: Meaning, name: str, *, method: bool = False) -> Meaning | None:
    match meaning:
        case Place(chain=chain):
            return Place((*chain, name), method)
        case Answer(many=False, path=path):
            return replace(meaning, path=(*path, name))
        case Text():
            return Place(("string", name))
    return None
