"""The fields of a schema, whatever it combines: references, `allOf`, `oneOf`, `anyOf`, lists, and both kinds of null.

What one schema says, and all that it is combined with, becomes one `Shape`. Alternatives are one shape with the fields
of all of them. A schema that contains itself ends where it would begin again: as an object of any content. References
lead only into the document itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from kosmo_kernel.catalogue.documents.fields import fact_text
from kosmo_kernel.errors import SettingsError

MAX_REFERENCES = 3_000_000  # followed in one document
MAX_CHAIN = 20  # references that lead to references
MAX_DEPTH = 6  # objects inside each other; what is deeper is an object of any content
MAX_FIELDS = 600  # of one record
MAX_NAME = 100  # characters of a field's name
MAX_PARTS = 1_000  # schemas that one schema combines
NULL = "null"

Mark = Callable[[str, "Shape"], str]
"""Returns the mark of a field that has no fields below it, from its dotted name and its shape."""


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


class Shape(Struct):
    """The facts about a value in a schema and in all that it combines."""

    types: list[str] = []  # JSON types without `null`
    nullable: bool = False
    properties: dict[str, Any] = {}  # the schemas of an object's fields
    required: set[str] = set()  # the fields that are always there
    items: Any = None  # the schema of a list's items
    values: list[Any] = []  # the values that there are
    format: str = ""
    inside: frozenset[str] = frozenset()  # the references that lead here, which must not be followed again

    @property
    def is_list(self) -> bool:
        """Return whether the value is a list."""
        return "array" in self.types

    @property
    def is_object(self) -> bool:
        """Return whether the value is an object."""
        return "object" in self.types or (not self.types and bool(self.properties))


class Shapes:
    """The shapes of one document.

    Parameters:
        references: of the document.
    """

    names_required_fields = True  # a field that no schema requires may be missing

    def __init__(self, references: References) -> None:
        self.references = references

    def of(self, schema: Any, inside: frozenset[str] = frozenset()) -> Shape:
        """Return the shape of a schema.

        Raises:
            DocumentError: it combines too much, or its references lead nowhere.
        """
        return self._shape(schema, inside, [0])

    def _shape(self, schema: Any, inside: frozenset[str], parts: list[int]) -> Shape:
        parts[0] += 1
        if parts[0] > MAX_PARTS:
            raise DocumentError(f"The document has a schema that combines more than {MAX_PARTS} others.")
        nullable = False
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
            reference = schema["$ref"]
            nullable = nullable or schema.get("nullable") is True
            if reference in inside:
                return Shape(["object"], nullable)
            inside |= {reference}
            schema = self.references.target(reference)
        if not isinstance(schema, Mapping):
            return Shape(nullable=nullable)  # `true`: anything
        shape = self.own(schema, inside)
        shape.nullable = shape.nullable or nullable
        for part in _schemas(schema, "allOf"):
            _join(shape, self._shape(part, inside, parts))
        alternatives = [self._shape(way, inside, parts) for key in ("oneOf", "anyOf") for way in _schemas(schema, key)]
        if alternatives:
            _choose(shape, alternatives)
        return shape

    def own(self, schema: Mapping[str, Any], inside: frozenset[str]) -> Shape:
        """Return what a schema says itself."""
        types = schema.get("type", ())
        types = [types] if isinstance(types, str) else [kind for kind in types if isinstance(kind, str)]
        values = [value for value in _schemas(schema, "enum") if not isinstance(value, (dict, list))]
        if "const" in schema and not isinstance(schema["const"], (dict, list)):
            values = [schema["const"]]
        properties = schema.get("properties")
        format_ = schema.get("format")
        return Shape(
            types=[kind for kind in types if kind != NULL],
            nullable=NULL in types or schema.get("nullable") is True or None in values,
            properties=dict(properties) if isinstance(properties, Mapping) else {},
            required={name for name in _schemas(schema, "required") if isinstance(name, str)},
            items=schema.get("items"),
            values=[value for value in values if value is not None],
            format=format_ if isinstance(format_, str) and format_.replace("-", "").isalnum() else "",
            inside=inside,
        )

    def fields(self, shape: Shape, mark: Mark) -> dict[str, str]:
        """Return the facts of each field of a record, by its dotted name, in the order of the names."""
        return dict(sorted(self._fields(shape, "", mark, [MAX_FIELDS])))

    def _fields(self, shape: Shape, above: str, mark: Mark, remaining: list[int]) -> Iterator[tuple[str, str]]:
        for name, schema in shape.properties.items():
            if not name or len(name) > MAX_NAME or set(name) & set(".[] "):
                continue  # no column can have this name
            remaining[0] -= 1
            if remaining[0] < 0:
                return
            path = f"{above}.{name}" if above else name
            value = self.of(schema, shape.inside)
            value.nullable = value.nullable or (self.names_required_fields and name not in shape.required)
            items = self.of(value.items, value.inside) if value.is_list else Shape()
            inner = dict[str, str]()
            if path.count(".") < MAX_DEPTH:
                # The schema of a list may have the fields of its items where those of one item belong.
                source = items if items.properties else value
                target = Shape(properties=source.properties, required=source.required, inside=source.inside)
                inner = dict(
                    self._fields(target, f"{path}[]", mark, remaining)
                    if value.is_list
                    else self._fields(value, path, mark, remaining)
                )
            if inner and not value.is_list:
                value.types = ["object"]  # which a schema with fields need not say
            marked = "" if inner else mark(path, value)
            yield path, _text(value, items if value.is_list and not inner else None) + (f" | {marked}" * bool(marked))
            yield from inner.items()


def _text(value: Shape, items: Shape | None) -> str:
    text = fact_text(value.types, _words(value.values), value.format, nullable=value.nullable)
    if items is None or not items.types:
        return text
    return f"{text} of {fact_text(items.types, _words(items.values), items.format, nullable=items.nullable)}"


def _words(values: Sequence[Any]) -> list[str]:
    """Return values that are words; none if one of them is not, because the notation separates them by blanks."""
    words = [str(value) for value in values]
    return words if all(word and not set(word) & set(" {}|\n\t") for word in words) else []


def _schemas(schema: Mapping[str, Any], key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _join(shape: Shape, part: Shape) -> None:
    """Add what a schema in `allOf` says; what the schema itself says takes precedence."""
    common = [kind for kind in shape.types if kind in part.types]  # a value is what all parts allow
    shape.types = common or shape.types or part.types
    shape.nullable = shape.nullable or part.nullable
    both = {
        name: {"allOf": [schema, part.properties[name]]}
        for name, schema in shape.properties.items()
        if name in part.properties and schema != part.properties[name]
    }
    shape.properties = part.properties | shape.properties | both
    shape.required |= part.required
    shape.items = shape.items or part.items
    shape.values = shape.values or part.values
    shape.format = shape.format or part.format
    shape.inside |= part.inside


def _choose(shape: Shape, ways: Sequence[Shape]) -> None:
    """Add what alternatives say: the fields of all of them, which may be missing if one alternative lacks them."""
    objects = [way for way in ways if way.properties]
    if objects:
        shape.required |= set.intersection(*(way.required for way in objects))
    shape.properties = {name: schema for way in objects for name, schema in way.properties.items()} | shape.properties
    kinds = dict.fromkeys(kind for way in ways for kind in (way.types or (["object"] if way.properties else [])))
    shape.types = shape.types or list(kinds)
    shape.nullable = shape.nullable or any(way.nullable for way in ways)
    if shape.items is None:
        shape.items = next((way.items for way in ways if way.items is not None), None)
    if not shape.values and all(way.values or way.nullable for way in ways):
        shape.values = list(dict.fromkeys(value for way in ways for value in way.values))
    others = [way for way in ways if way.types or way.properties]
    if len(others) == 1 < len(ways):  # besides null
        shape.format = shape.format or others[0].format
    for way in ways:
        shape.inside |= way.inside
