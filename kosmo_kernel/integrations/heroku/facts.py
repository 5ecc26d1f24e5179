"""The facts about everything that can be read from Heroku: `facts.json`, made from Heroku's schema by `schema.py`.

A field is one line, `"string? {failed pending} | secret"`:

    string …      the type: string, timestamp, integer, number, boolean, object, any; `array of string` with its items
    ?             may be null
    uuid, {a b}   the format, or the values that there are
    | secret      its mark, see `secrets.py`

A dotted name leads into an object, `[]` into each item of a list. A link has its path, what it returns, the resource
it is `of` if another one than where it is listed, and what Heroku can `order` its records by. The file is read when
the first function is needed that is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("facts.json")

_FACT = re.compile(
    r"""(?P<type>\w+) (?P<null>\?)?
        (?:\ (?P<format>[\w-]+))??
        (?:\ of\ (?P<items>[^{]+))?
        (?:\ \{(?P<values>.+)\})?""",
    re.VERBOSE,
)
_PLACE = re.compile(r"\{([\w-]+\.[\w-]+)\}")


class FieldFact(NamedTuple):
    """A field of a resource.

    Parameters:
        name: dotted, with `[]` after a list whose items have fields.
        kind: the type.
        nullable: whether it may be null.
        values: the values that there are; empty if there are others.
        items: the facts of an item of a list, if they are known.
        mark: whether it is secret, see `secrets.py`.
        format: the format of its text, `uuid`; empty if there is none.
    """

    name: str
    kind: str
    nullable: bool
    values: tuple[str, ...]
    items: str
    mark: str
    format: str = ""


class LinkFact(NamedTuple):
    """A link with GET.

    Parameters:
        owner: the resource where Heroku lists it.
        path: with places such as `{app.identity}`.
        returns: `list` or `record`.
        resource: what it returns.
        order: the fields that Heroku can order its records by, as far as the schema says.
        query: parameters of the query, each `required` or `optional`.
    """

    owner: str
    path: str
    returns: str
    resource: str
    order: tuple[str, ...]
    query: Mapping[str, str]

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
        return [_field(name, line) for name, line in self._resources[resource]["fields"].items()]


@cache
def facts() -> Facts:
    """Return the table that belongs to this package."""
    import json

    return Facts(json.loads(FILE.read_text(encoding="utf-8")))


def _field(name: str, line: str) -> FieldFact:
    fact, _, mark = line.partition(" | ")
    match = _FACT.fullmatch(fact)
    if match is None:
        raise ValueError(f"facts.json: {name} has the fact `{line}`, which cannot be read")
    values = tuple((match["values"] or "").split())
    return FieldFact(
        name, match["type"], bool(match["null"]), values, match["items"] or "", mark, match["format"] or ""
    )
