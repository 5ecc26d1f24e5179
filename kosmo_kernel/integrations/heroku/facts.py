"""The facts about everything that can be read from Heroku: `facts.json`, which `__main__.py` makes from its schema.

They are those of `catalogue/documents/hyper_schema.py`. The file is read when the first function is needed that is made
from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.documents.fields import FieldFact, read_field
from kosmo_kernel.text import lazy_pattern

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
        functions = table["functions"]
        self.guarded: Collection[str] = table["guarded"]  # the resources of whose records only known fields go further
        self.links = tuple(map(_link, functions))
        self.parameters: Mapping[str, list[str]] = {
            # A parameter that is no field of the schema, such as the token of an invitation, is any text.
            param["name"]: param["ways"] or [f"{param['name'].partition('.')[2]} string"]
            for facts in functions
            for param in facts.get("params", ())
            if "ways" in param
        }
        self._records: Mapping[str, Mapping[str, str]] = table["records"]
        self._stability: Mapping[str, str] = {
            facts["subject"]: facts["stability"] for facts in functions if "stability" in facts
        }

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
        return self._stability.get(resource, "production")

    def fields(self, resource: str) -> list[FieldFact]:
        """Return the fields of a resource, in the order of their names."""
        return [read_field(name, line) for name, line in self._records.get(resource, {}).items()]


def _link(facts: Mapping[str, Any]) -> LinkFact:
    query = (param for param in facts.get("params", ()) if "sent" in param)
    return LinkFact(
        facts["subject"],
        facts["path"],
        facts["returns"],
        facts["record"],
        tuple(facts.get("order", ())),
        {param["name"]: "required" if param.get("required") else "optional" for param in query},
    )


@cache
def facts() -> Facts:
    """Return the table that belongs to this package."""
    import json

    return Facts(json.loads(FILE.read_text(encoding="utf-8")))
