"""Read the facts about everything that can be read from Heroku's schema, and compare two tables of facts.

A table has the parameters of addresses, and the resources: how stable each is, its links with GET, and its fields.
Nothing else of the schema is kept, and no sentence of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kosmo_kernel.catalogue.documents import facts, hyper_schema
from kosmo_kernel.catalogue.documents.hyper_schema import Table
from kosmo_kernel.integrations.heroku.secrets import is_guarded, mark


def read(schema: Mapping[str, Any]) -> Table:
    """Return the table of facts of a schema.

    Raises:
        ValueError: it is no schema of Heroku's.
    """
    return hyper_schema.read(schema, mark, is_guarded)


def differences(old: Table, new: Table) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names."""
    return facts.differences(_flat(old), _flat(new))


def _flat(table: Table) -> dict[str, str]:
    found = {f"parameter {name}": " or ".join(ways) for name, ways in table["parameters"].items()}
    for name, resource in table["resources"].items():
        found[f"{name} stability"] = resource["stability"]
        found |= {f"{name} guarded": "only known fields go further"} if resource.get("guarded") else {}
        found |= {f"{name} link {link['path']}": _link_text(link) for link in resource["links"]}
        found |= {f"{name} field {field}": fact for field, fact in resource["fields"].items()}
    return found


def _link_text(link: Mapping[str, Any]) -> str:
    return " ".join(f"{key} {value}" for key, value in link.items() if key != "path")
