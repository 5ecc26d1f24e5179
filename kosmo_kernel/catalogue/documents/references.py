"""Follow the references of a document, which lead only into the document itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from kosmo_kernel.errors import SettingsError

MAX_REFERENCES = 3_000_000  # followed in one document
MAX_CHAIN = 20  # references that lead to references


class DocumentError(SettingsError):
    """A document cannot be read, and why."""


class References:
    """The references of one document.

    Parameters:
        document: the decoded document.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._followed = 0
        self._targets: dict[str, Any] = {}

    def resolve(self, value: Any) -> Any:
        """Return what a value refers to; a value without a reference as it is.

        Raises:
            DocumentError: a reference leads out of the document, to nothing, or in a circle.
        """
        for _ in range(MAX_CHAIN):
            if not (isinstance(value, Mapping) and isinstance(value.get("$ref"), str)):
                return value
            value = self.target(value["$ref"])
        raise DocumentError("The document has references that lead in a circle.")

    def target(self, reference: str) -> Any:
        """Return the part of the document that a reference names; raises like `resolve`."""
        self._followed += 1
        if self._followed > MAX_REFERENCES:
            raise DocumentError(f"The document has more than {MAX_REFERENCES:,} references to follow.")
        if reference not in self._targets:
            self._targets[reference] = self._find(reference)
        return self._targets[reference]

    def _find(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise DocumentError(f"The document refers to another one ({reference[:80]!r}), which is not read.")
        target: Any = self._document
        for key in filter(None, unquote(reference[1:]).split("/")):
            name = key.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = target.get(name)
            else:
                is_index = isinstance(target, list) and name.isdecimal() and int(name) < len(target)
                target = target[int(name)] if is_index else None
            if target is None:
                raise DocumentError(f"The document has nothing at {reference[:80]!r}, to which it refers.")
        return target
