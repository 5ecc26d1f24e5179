"""Find how a service takes its token, as far as a document says: the one kind that most of its operations accept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmo_kernel.catalogue.documents.references import References

_BEARER = {"in": "header", "name": "Authorization", "prefix": "Bearer "}


class Authentication:
    """The authentication of a document.

    Parameters:
        document: the decoded document.
        references: of the document.
    """

    def __init__(self, document: Mapping[str, Any], references: References) -> None:
        components = document.get("components")
        schemes = document.get("securityDefinitions") or (
            components.get("securitySchemes") if isinstance(components, Mapping) else None
        )
        self._ways: dict[str, dict[str, str]] = {}
        for name, scheme in schemes.items() if isinstance(schemes, Mapping) else ():
            way = _way(references.resolve(scheme))
            if way:
                self._ways[name] = way
        self._default = document.get("security")
        offered = [way for way in self._offered(self._default) if way]
        self._chosen = next(iter([*offered, *self._ways.values()]), _BEARER)

    def facts(self) -> dict[str, str]:
        """Return where the token is sent: `in` a `header` or the `query`, its `name`, and the `prefix` of the token."""
        return dict(self._chosen)

    def fits(self, security: Any) -> bool:
        """Return whether an operation with such requirements can be called with the token.

        Parameters:
            security: of the operation; None for that of the document.
        """
        requirements = self._default if security is None else security
        if not isinstance(requirements, list) or not requirements:
            return True
        return any(way is None or way == self._chosen for way in self._offered(requirements)) or not self._ways

    def _offered(self, requirements: Any) -> list[dict[str, str] | None]:
        """Return the ways of alternatives that need at most one token; None for the alternative that needs no token."""
        ways: list[dict[str, str] | None] = []
        for alternative in requirements if isinstance(requirements, list) else ():
            if isinstance(alternative, Mapping) and len(alternative) <= 1:
                name = next(iter(alternative), None)
                if name is None:
                    ways.append(None)
                elif name in self._ways:
                    ways.append(self._ways[name])
        return ways


def _way(scheme: Any) -> dict[str, str] | None:
    """Return how a scheme sends a token; None for one that needs more than a token."""
    if not isinstance(scheme, Mapping):
        return None
    kind, name = scheme.get("type"), scheme.get("name")
    if kind == "apiKey" and isinstance(name, str) and name.isascii() and scheme.get("in") in ("header", "query"):
        return {"in": str(scheme["in"]), "name": name, "prefix": ""}
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and str(scheme.get("scheme")).lower() == "bearer"):
        return _BEARER
    if kind == "basic" or (kind == "http" and str(scheme.get("scheme")).lower() == "basic"):
        return {"in": "header", "name": "Authorization", "prefix": "Basic "}
    return None
