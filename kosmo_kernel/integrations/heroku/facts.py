"""The facts about everything that can be read from Heroku: `facts.json`, made from Heroku's schema by `schema.py`.

The notation of a field is that of `catalogue/documents/fields.py`. A link has its path, what it returns, the resource
it is `of` if another one than where it is listed, and what Heroku can `order` its records by. The file is read when the
first function is needed that is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.documents.fields import FieldFact, read_field
from kosmo_kernel.text.patterns import lazy_pattern

FILE = Path(__file__).with_name("facts.json")

_PLACE = lazy_pattern(r"\{([\w-]+\.[\w-]+)\}")


class LinkFact(NamedTuple):
    """A link with GET."""

    owner: str  # the resource where Heroku lists it
    path: str  # with places such as `{app.identity}`
    returns: str  # `list` or `record`
    resource: str  # what it returns
    order: tuple[str, ...]  # the fields that Heroku can order its records by, as far as the schema says
    query: Mapping[str, str]  # parameters of the query, each `required` or `optional`

    @property
    def places(self) -> tuple[str, ...]:
        """The names of the places in the path, such as `app.identity`."""
        return tuple(_PLACE.findall(self.path))


class Facts:
    """A table of facts."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Any] = table["resources"]
        self.parameters: Mapping[str, list[str]] = table["parameters"]
        self.links = tuple(
            LinkFact(
                name,
                link["path"],
                link["returns"],
                link.get("of", name),
                tuple(link.get("order", ())),
                link.get("query", {}),
            )
            for name, resource in self._resources.items()
            for link in resource["links"]
        )

    def list_path(self, resource: str) -> str:
        """Return the path of the list of a resource's records that needs the fewest others; empty if there is none."""
        return self._list_paths.get(resource, "")

    @cached_property
    def _list_paths(self) -> dict[str, str]:
        lists = [link for link in self.links if link.returns == "list"]
        lists.sort(key=lambda link: (-len(link.places), link.owner == link.resource))
        return {link.resource: _PLACE.sub("{}", link.path) for link in lists}  # the last one of a resource counts

    def stability(self, resource: str) -> str:
        """Return `production`, `development` or `prototype`."""
        return str(self._resources[resource]["stability"])

    def guarded(self, resource: str) -> bool:
        """Return whether records of a resource hold secrets, so that only known fields go further."""
        return bool(self._resources[resource].get("guarded"))

    def guarded_resources(self) -> list[str]:
        """Return the names of the resources whose records hold secrets."""
        return [name for name in self._resources if self.guarded(name)]

    def fields(self, resource: str) -> list[FieldFact]:
        """Return the fields of a resource, in the order of their names."""
        return [read_field(name, line) for name, line in self._resources[resource]["fields"].items()]


@cache
def facts() -> Facts:
    """Return the table that belongs to this package."""
    import json

    return Facts(json.loads(FILE.read_text(encoding="utf-8")))
