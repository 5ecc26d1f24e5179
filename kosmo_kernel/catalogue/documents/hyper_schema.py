"""Heroku's JSON Hyper-Schema: the facts of its resources, of their links with GET, and of what leads to them.

A table has the parameters of addresses, and the resources: how stable each is, its links, and its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from kosmo_kernel.catalogue.documents.fields import fact_text
from kosmo_kernel.catalogue.documents.references import References
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.text.patterns import lazy_pattern

Table = dict[str, Any]
_PLACE = lazy_pattern(r"\{\(#/definitions/([\w-]+)/definitions/([\w-]+)\)\}")


class Mark(Protocol):
    """Returns the mark of a field."""

    def __call__(self, resource: str, field: str, *, has_any_content: bool = False) -> str:
        """Return the mark, or an empty text.

        Parameters:
            resource: what has the field.
            field: its dotted name.
            has_any_content: it is an object of which the schema does not say what is in it.
        """


def read(schema: Mapping[str, Any], mark: Mark, is_guarded: Callable[[str, Mapping[str, str]], bool]) -> Table:
    """Return the table of facts of a schema.

    Parameters:
        schema: the decoded schema.
        mark: returns whether a field is secret.
        is_guarded: returns whether a resource holds secrets, from its name and the marks of its fields.

    Raises:
        ValueError: it is no such schema.
    """
    try:
        return _SchemaReader(schema, mark, is_guarded).table()
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no schema of Heroku's API: {type(error).__name__}: {error}") from error


class _HyperShapes(Shapes):
    """The shapes of such a schema: an object may have its fields among the definitions only."""

    names_required_fields = False

    def own(self, schema: Mapping[str, Any], inside: frozenset[str]) -> Shape:
        shape = super().own(schema, inside)
        if not shape.properties and shape.is_object and "links" not in schema:
            shape.properties = dict(schema.get("definitions", {}))
        return shape


class _SchemaReader:
    def __init__(
        self, schema: Mapping[str, Any], mark: Mark, is_guarded: Callable[[str, Mapping[str, str]], bool]
    ) -> None:
        self._schema, self._mark, self._is_guarded = schema, mark, is_guarded
        self._references = References(schema)
        self._shapes = _HyperShapes(self._references)
        self._parameters: dict[str, list[str]] = {}

    def table(self) -> Table:
        definitions = self._schema["definitions"]
        resources: Table = {}
        targets: dict[str, Mapping[str, Any]] = {}
        for name, definition in definitions.items():
            links = [self._link(name, link, targets) for link in definition.get("links", ()) if link["method"] == "GET"]
            resources[name] = {"stability": definition["stability"], "links": links, "fields": {}}
        for name, target in targets.items():
            resources[name]["fields"] = self._shapes.fields(target, partial(self._marked, name))
        for name, resource in resources.items():
            if self._is_guarded(name, {field: line.partition(" | ")[2] for field, line in resource["fields"].items()}):
                resource["guarded"] = True
        used = {name: resource for name, resource in resources.items() if resource["links"] or name in targets}
        return {"parameters": dict(sorted(self._parameters.items())), "resources": dict(sorted(used.items()))}

    def _link(self, owner: str, link: Mapping[str, Any], targets: dict[str, Mapping[str, Any]]) -> Table:
        """Return the facts of a link, and add the shape of what it returns to `targets`."""
        target = link.get("targetSchema", {})
        is_list = "items" in target if target else link.get("rel") == "instances"
        reference = (target.get("items", target)).get("$ref", f"#/definitions/{owner}")
        resource = reference.split("/")[2]
        targets.setdefault(resource, {"$ref": reference})
        found: Table = {"path": self._path(link["href"]), "returns": "list" if is_list else "record"}
        found |= {"of": resource} if resource != owner else {}
        found |= {"order": sorted(link["ranges"])} if "ranges" in link else {}
        query = link.get("schema", {}).get("properties", {})
        if query:
            needed = link["schema"].get("required", ())
            found["query"] = {name: "required" if name in needed else "optional" for name in query}
        return found

    def _path(self, href: str) -> str:
        """Return a path with places such as `{app.identity}`, and keep what may stand in them."""
        path = unquote(href)
        for resource, name in _PLACE.findall(path):
            definition = self._schema["definitions"][resource]["definitions"][name]
            self._parameters.setdefault(f"{resource}.{name}", list(self._ways(resource, name, definition)))
        return _PLACE.sub(r"{\1.\2}", path)

    def _ways(self, resource: str, name: str, definition: Mapping[str, Any]) -> Iterator[str]:
        """Yield the ways to identify a record: the name of a field that does, and its type or pattern."""
        for way in definition.get("anyOf", [definition]):
            field = way["$ref"].rpartition("/")[2] if "$ref" in way else name
            if self._mark(resource, field):
                continue
            meant = self._references.resolve(way)
            if "anyOf" in meant:
                yield from self._ways(resource, field, meant)
            else:
                shape = self._shapes.of(meant)
                text = fact_text(shape.types, shape.values, shape.format, nullable=shape.nullable)
                yield f"{field} {meant.get('pattern') or text}"

    def _marked(self, resource: str, field: str, value: Shape) -> str:
        has_content = {"object", "string", "array"} & set(value.types)
        return self._mark(resource, field, has_any_content="object" in value.types) if has_content else ""
