"""Derive the facts of a service from its API document: a task of `adding.py`, which runs in the reader.

The bytes are a payload: its header has the other `arguments` of `openapi.read`, and its text is the document.
"""

from __future__ import annotations

import json
from typing import Any

from kosmo_kernel.catalogue.documents import openapi
from kosmo_kernel.catalogue.documents.shapes import DocumentError
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.walls import wire

MAX_JSON_BYTES, MAX_YAML_BYTES = 32 << 20, 8 << 20
MAX_VALUES = 6_000_000  # of one document
MAX_ALIASES = 20_000  # of a YAML document


def prepare() -> None:
    """Use the parsers once, because they import libraries when they are called."""
    _yaml(b"a: [1]")
    DocumentError("://")


def facts(data: bytes) -> bytes:
    """Return the table of facts as JSON.

    Raises:
        DocumentError: the document cannot be read, or nothing in it can be called.
    """
    header, (text,) = wire.unpack(data)
    is_json = text.lstrip()[:1] in (b"{", b"[")
    document = decode_json(text, "The document", DocumentError, most=MAX_VALUES) if is_json else _yaml(text)
    return json.dumps(openapi.read(document, **header["arguments"])).encode()


def _yaml(text: bytes) -> Any:
    import yaml

    if len(text) > MAX_YAML_BYTES:
        raise DocumentError(
            f"The document has more than {MAX_YAML_BYTES >> 20} MiB of YAML; as JSON, it may have more."
        )
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)) > MAX_ALIASES:
            raise DocumentError(f"The document has more than {MAX_ALIASES:,} aliases.")
        document = yaml.load(text, loader)  # noqa: S506 - a safe loader
        _count(document, {})
        # Times would be no JSON; a document has them in examples only.
        return json.loads(json.dumps(document, default=str))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise DocumentError(
            f"The document is neither JSON nor YAML that can be read ({type(error).__name__})."
        ) from None


def _count(value: Any, counts: dict[int, int]) -> int:
    """Return the number of values in a value, each time that an alias repeats one.

    Parameters:
        value: the value.
        counts: those of the lists and objects that were counted, by their ids; 0 while one is being counted.

    Raises:
        DocumentError: there are too many, or a list or an object is in itself.
    """
    if not isinstance(value, (list, dict)):
        return 1
    count = counts.get(id(value))
    if count is None:
        counts[id(value)] = 0
        items = value if isinstance(value, list) else [*value, *value.values()]
        count = counts[id(value)] = 1 + sum(_count(item, counts) for item in items)
    if not 0 < count <= MAX_VALUES:
        raise DocumentError(f"The document has more than {MAX_VALUES:,} values, as its aliases repeat them.")
    return count
