"""The live Lua state as an editor sees it: each value is read at most once, and never waited for.

While a script runs, or before anything has run, the state cannot be read. The library and the catalogue then take
its place, so typing is never delayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEFAULT
from kosmo_kernel.editor.library import library
from kosmo_kernel.editor.types import Chain, integration_at
from kosmo_kernel.errors import KosmoError


class LiveState(Protocol):
    """The part of a `session.Session` that an editor needs.

    Attributes:
        account: the alias of the account that `heroku.<function>` uses.
    """

    account: str

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """Return the names that can follow a chain, each with its Lua type; a script's function as `function(a, b)`."""

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """Return what is known about the value at the end of a chain, or None."""

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """Return the list that a function last returned without arguments in this session; None before that."""


class LiveStateCache:
    """Caches what one completion or inspection reads from the Lua state. Raises nothing.

    Parameters:
        live: the session; None before anything has run.
        account: the account that `heroku.<function>` uses in this text; the session's if empty.
    """

    def __init__(self, live: LiveState | None, account: str = "") -> None:
        self._session, self._account = live, account
        self._live = live
        self._names: dict[Chain, list[tuple[str, str]]] = {}
        self._values: dict[Chain, dict[str, Any] | None] = {}

    def names(self, chain: Chain) -> list[tuple[str, str]]:
        """Return the names that can follow a chain, each with its Lua type, in order."""
        if chain not in self._names:
            live_names = self._query("names", chain)
            self._names[chain] = _default_names(chain) if live_names is None else live_names
        return self._names[chain]

    def resolve(self, chain: Chain) -> dict[str, Any] | None:
        """Return what is known about the value at the end of a chain, or None if there is no such value."""
        if chain not in self._values:
            self._values[chain] = self._query("resolve", chain)
        return self._values[chain]

    def namespace(self, name: str) -> Chain | None:
        """Return the path of the namespace of an integration that a global of this name is, or None."""
        if not any(integration.name == name for integration in integrations.loaded()):
            return None
        resolved = self.resolve((name,))
        path = ("app", "integrations", name)
        return path if resolved is None or resolved.get("space") == ".".join(path) else None

    def last_list(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]]:
        """Return the list that a function last returned without arguments in this session; empty before that.

        Parameters:
            integration: the service.
            function: its function.
            account: the account that the call names, or empty.
        """
        if self._session is None:
            return ()
        if account in ("", DEFAULT):
            account = self._account or self._session.account
        return self._session.last_list(integration, function, account) or ()

    def _query(self, method: str, chain: Chain) -> Any:
        """Call a method of the live state; return None, and stop calling it, if it cannot respond."""
        if self._live is None or not _is_encodable(chain):
            return None
        try:
            return getattr(self._live, method)(chain)
        except KosmoError:  # busy or just ended: the next cell reports it, so typing is not interrupted
            self._live = None
            return None


def _is_encodable(chain: Chain) -> bool:
    """Return whether a chain can be encoded; text from a broken front end may contain lone surrogates."""
    try:
        "".join(map(str, chain)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _default_names(chain: Chain) -> list[tuple[str, str]]:
    """Return what follows a chain in a Lua state in which nothing has run."""
    match chain:
        case ("app",):
            return [("integrations", "table"), ("mcp", "table")]
        case ("app", "integrations"):
            return [(integration.name, "table") for integration in integrations.loaded()]
        case ("app", "integrations", *_):
            here, parent = integration_at(chain), integration_at(chain[:-1])
            owner = here or parent
            return [(name, "function") for name in owner.table.names] if owner else []
    prefix = "".join(f"{name}." for name in chain)
    names = (name.removeprefix(prefix) for name in library() if name.startswith(prefix))
    kinds = [(name, _kind(prefix + name)) for name in names if "." not in name]
    return kinds if chain else [*kinds, *((integration.name, "table") for integration in integrations.loaded())]


def _kind(name: str) -> str:
    """Return the Lua type of a library entry."""
    if "(" in library()[name].signature:
        return "function"
    return "table" if any(other.startswith(f"{name}.") for other in library()) else "field"
