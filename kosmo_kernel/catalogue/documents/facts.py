"""Make functions from the facts of a document, one at a time, and compare the facts of two documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from kosmo_kernel.catalogue.documents.fields import FieldFact, columns, read_field
from kosmo_kernel.catalogue.http import Pages
from kosmo_kernel.catalogue.model import Function, Link, Param

UNSTATED = "Neither the document nor the answers say how this list ends, so nobody knows whether it is complete."
_WHOLE = "The document names no pages for this list. An answer with a sign of more is an error."


def function(
    service: str,
    name: str,
    facts: Mapping[str, Any],
    fields: Mapping[str, str],
    opened: frozenset[str] = frozenset(),
) -> Function:
    """Return a function.

    Parameters:
        service: the name of its service in Lua.
        name: of the function.
        facts: about the function.
        fields: the facts of the fields of its records, by dotted name.
        opened: names of fields that are not hidden, although their names are those of secrets.

    Raises:
        ValueError: the facts are none of this package.
    """
    of_record = [read_field(field, line) for field, line in fields.items()]
    of_record = [field._replace(mark="") if field.name.rpartition(".")[2] in opened else field for field in of_record]
    params = tuple(_param(param) for param in facts.get("params", ()))
    pages = Pages.of(facts["pages"]) if "pages" in facts else None
    unfinished = Function(
        name=name,
        summary=summary_of(name, facts),
        description="\n\n".join(_sentences(facts, pages)),
        links=(Link(facts["path"]),),
        returns=facts["returns"],
        columns=tuple(columns(of_record, _doc)),
        params=tuple(sorted(params, key=lambda param: not param.required)),
        aliases=tuple(facts.get("aliases", ())),
        subject=facts.get("subject", ""),
        pages=pages,
        headers=facts.get("headers", {}),
        is_closed=True,
        opened=opened,
        in_snapshot=facts["returns"] == "list" and not any(param.required for param in params),
    )
    return replace(
        unfinished,
        example=f"return app.integrations.{service}.{unfinished.example_call}\n",
        own_errors=bool(unfinished.secrets),
    )


def summary_of(name: str, facts: Mapping[str, Any]) -> str:
    """Return what a function is about, one short line; the words of its name if the document does not say it."""
    return facts.get("summary") or _words(name.partition("_")[2]).capitalize()


def _sentences(facts: Mapping[str, Any], pages: Pages | None) -> Iterator[str]:
    yield f"`GET {facts['path']}`"
    if pages and pages.kind == "unstated":
        yield UNSTATED
    elif pages and pages.kind == "whole" and facts["returns"] == "list":
        yield _WHOLE


def _param(fact: Mapping[str, Any]) -> Param:
    name, values = fact["name"], tuple(fact.get("values", ()))
    each = tuple(fact.get("each", ()))
    words = _words(name)
    return Param(
        name=name,
        doc=f"The {words}; a list gives one request for each" if each else f"The {words}",
        kind=fact.get("kind", "string"),
        required=bool(fact.get("required")),
        each=each,
        query="sent" in fact,
        sent_as=fact.get("sent", ""),
        separator=fact.get("separator"),
        numeric=bool(fact.get("numeric")),
        values=values,
        listed_at=fact.get("listed_at", ""),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _doc(field: FieldFact) -> str:
    parts = [", ".join(f"`{value}`" for value in field.values)] if field.values else []
    parts += ["a secret: shown as `[redacted]`"] if field.mark else []
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names.

    Parameters:
        before, after: the facts of both tables as text, by name.
    """
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"
