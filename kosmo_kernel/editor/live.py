"""The Lua state as an editor sees it: asked once for each thing, and never waited for.

While a script runs, or before anything has, there is no state to ask. Then what is always there answers: the
library and the catalogue. So typing is never held up, and what the text says for itself holds in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.editor.library import library
from kosmo_kernel.editor.types import Chain, integration_at
from kosmo_kernel.errors import KosmoError


class LiveState(Protocol):
    """The part of a `session.Session` that an editor needs."""

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """The names that can follow a chain, each with its Lua type; a script's function as `function(a, b)`."""
        ...

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """What is known of the value at the end of a chain."""
        ...


class LiveStateCache:
    """What an editor asks of the Lua state while it answers one question of its own. Raises nothing.

    Parameters:
        live: the session; None where nothing has run.
    """

    def __init__(self, live: LiveState | None) -> None:
        self._live = live
        self._names: dict[Chain, list[tuple[str, str]]] = {}
        self._values: dict[Chain, dict[str, Any] | None] = {}

    def names(self, chain: Chain) -> list[tuple[str, str]]:
        """The names that can follow a chain, each with its Lua type, in order."""
        if chain not in self._names:
            found = self._ask("names", chain)
            self._names[chain] = _always_there(chain) if found is None else found
        return self._names[chain]

    def resolve(self, chain: Chain) -> dict[str, Any] | None:
        """What is known of the value at the end of a chain; None where there is no such value."""
        if chain not in self._values:
            self._values[chain] = self._ask("resolve", chain)
        return self._values[chain]

    def _ask(self, question: str, about: Chain) -> Any:
        """None where nobody answers; and then nobody is asked again."""
        if self._live is None or not _can_be_sent(about):
            return None
        try:
            return getattr(self._live, question)(about)
        except KosmoError:  # busy, or it has just ended: the next cell will tell, and typing goes on
            self._live = None
            return None


def _can_be_sent(about: Chain) -> bool:
    """Whether all of it is Unicode; a text from a broken front end may have halves of characters in it."""
    try:
        "".join(map(str, about)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _always_there(chain: Chain) -> list[tuple[str, str]]:
    """What follows a chain in a Lua state in which nothing has run."""
    match chain:
        case ("app",):
            return [("integrations", "table"), ("mcp", "table")]
        case ("app", "integrations"):
            return [(integration.name, "table") for integration in integrations.present()]
        case ("app", "integrations", *_):
            here, above = integration_at(chain), integration_at(chain[:-1])
            found = here or above
            return [(function.name, "function") for function in found.functions] if found else []
    prefix = "".join(f"{name}." for name in chain)
    names = (name.removeprefix(prefix) for name in library() if name.startswith(prefix))
    return [(name, _kind(prefix + name)) for name in names if "." not in name]


def _kind(name: str) -> str:
    """The type of what the library has under a name."""
    if "(" in library()[name].signature:
        return "function"
    return "table" if any(other.startswith(f"{name}.") for other in library()) else "field"
