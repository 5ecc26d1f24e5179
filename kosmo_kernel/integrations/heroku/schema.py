"""Read the facts about everything that can be read from Heroku's schema, and compare two tables of facts.

A table has the parameters of addresses, and the resources: how stable each is, its links with GET, and its fields. A
field is one line, `"timestamp?"`, in the notation that `facts.py` describes. Nothing else of the schema is kept, and no
sentence of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from kosmo_kernel.integrations.heroku.secrets import is_guarded, mark

Table = dict[str, Any]

_PLACE = re.compile(r"\{\(#/definitions/([\w-]+)/definitions/([\w-]+)\)\}")
_FORMATS = {"date-time": "timestamp"}  # formats that are types of their own
_MAX_REFERENCES = 20  # one after the other


def read(schema: Mapping[str, Any]) -> Table:
    """Return the table of facts of a schema.

    Raises:
        ValueError: it is no schema of Heroku's.
    """
    try:
        return _Reader(schema).table()
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no schema of Heroku's API: {type(error).__name__}: {error}") from error


def differences(old: Table, new: Table) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names."""
    before, after = _flat(old), _flat(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"


def _flat(table: Table) -> dict[str, str]:
    facts = {f"parameter {name}": " or ".join(ways) for name, ways in table["parameters"].items()}
    for name, resource in table["resources"].items():
        facts[f"{name} stability"] = resource["stability"]
        facts |= {f"{name} guarded": "only known fields go further"} if resource.get("guarded") else {}
        facts |= {f"{name} link {link['path']}": _link_text(link) for link in resource["links"]}
        facts |= {f"{name} field {field}": fact for field, fact in resource["fields"].items()}
    return facts


def _link_text(link: Mapping[str, Any]) -> str:
    return " ".join(f"{key} {value}" for key, value in link.items() if key != "path")


class _Reader:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._parameters: dict[str, list[str]] = {}

    def table(self) -> Table:
        definitions = self._schema["definitions"]
        resources: Table = {}
        targets: dict[str, Mapping[str, Any]] = {}
        for name, definition in definitions.items():
            links = [self._link(name, link, targets) for link in definition.get("links", ()) if link["method"] == "GET"]
            resources[name] = {"stability": definition["stability"], "links": links, "fields": {}}
        for name, shape in targets.items():
            resources[name]["fields"] = dict(sorted(self._fields(name, shape, "")))
        for name, resource in resources.items():
            if is_guarded(name, {field: line.partition(" | ")[2] for field, line in resource["fields"].items()}):
                resource["guarded"] = True
        used = {name: resource for name, resource in resources.items() if resource["links"] or name in targets}
        return {"parameters": dict(sorted(self._parameters.items())), "resources": dict(sorted(used.items()))}

    def _link(self, owner: str, link: Mapping[str, Any], targets: dict[str, Mapping[str, Any]]) -> Table:
        """Return the facts of a link, and add the shape of what it returns to `targets`."""
        target = link.get("targetSchema", {})
        is_list = "items" in target if target else link.get("rel") == "instances"
        reference = (target.get("items", target)).get("$ref", f"#/definitions/{owner}")
        resource = reference.split("/")[2]
        shape = self._resolve({"$ref": reference})
        targets.setdefault(resource, shape)
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
            if mark(resource, field):
                continue
            meant = self._resolve(way)
            if "anyOf" in meant:
                yield from self._ways(resource, field, meant)
            else:
                yield f"{field} {meant.get('pattern') or _fact(meant)}"

    def _fields(self, resource: str, shape: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
        """Yield the name of each field below a shape, and its facts."""
        shape = self._resolve(shape)
        # The parts of `cost` are among the definitions only, and any name may be in an object with patterns.
        is_object = "object" in shape.get("type", ())
        properties = shape.get("properties") or (shape.get("definitions", {}) if above and is_object else {})
        below = f"{above}." if above else ""
        for name, definition in properties.items():
            field = f"{below}{name}"
            value = self._resolve(definition)
            items = self._resolve(value.get("items", {}))
            is_list = "array" in value.get("type", ())
            # The actions of an add-on have their fields where those of one item belong.
            inner = dict(self._fields(resource, {**value, **items} if is_list else value, f"{field}{'[]' * is_list}"))
            secret = "" if inner else self._mark(resource, field, value)
            yield field, self._fact(value, items if is_list and not inner else {}) + (f" | {secret}" if secret else "")
            yield from inner.items()

    def _mark(self, resource: str, field: str, value: Mapping[str, Any]) -> str:
        """Return the mark of a field that has no fields below it."""
        types = set(value.get("type", ()))
        return mark(resource, field, has_any_content="object" in types) if types & {"object", "string", "array"} else ""

    def _fact(self, value: Mapping[str, Any], items: Mapping[str, Any]) -> str:
        ways = [self._resolve(way) for way in value.get("anyOf", ())]
        if ways:
            value = {**value, "type": list(dict.fromkeys(kind for way in ways for kind in way.get("type", ())))}
        return _fact(value) + (f" of {_fact(items)}" if items.get("type") else "")

    def _resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_MAX_REFERENCES):
            if "$ref" not in value:
                return value
            found: Any = self._schema
            for key in value["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            value = found
        raise ValueError(f"{value['$ref']} leads in a circle")


def _fact(value: Mapping[str, Any]) -> str:
    """Return the type of a value, whether it may be null, and its format or the values that there are."""
    types = [kind for kind in value.get("type", ()) if kind != "null"]
    values = [str(one) for one in value.get("enum", ()) if one is not None]
    nullable = "null" in value.get("type", ()) or None in value.get("enum", ())
    kind = _FORMATS.get(value.get("format", ""), "") or (types[0] if len(types) == 1 else "any")
    text = kind + "?" * nullable
    if value.get("format") and kind not in _FORMATS.values():
        text += f" {value['format']}"
    return text + (f" {{{' '.join(values)}}}" if values else "")
