"""Describe the mistake of a script that reads a field that records do not have."""

from __future__ import annotations

from collections.abc import Sequence

from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import UnknownFieldError
from kosmo_kernel.safety.text import sanitize_text, shortened
from kosmo_kernel.text.nearest import nearest

MAX_FIELDS_LISTED = 40
MAX_NAME_SHOWN = 60  # characters


def unknown_field(function: Function, path: tuple[str, ...], name: str, names: Sequence[str]) -> UnknownFieldError:
    """Return the error for a field that no record has.

    Parameters:
        function: the function that returned the record.
        path: the fields that lead to a record inside it; empty for the record itself.
        name: the field.
        names: the fields that there are beside it.
    """
    prefix = "".join(f"{part}." for part in path)
    if "." in name and any(column.name == prefix + name for column in function.columns):
        text = f'{_subject(function)} a record "{prefix}{name.partition(".")[0]}", and no field with the name "{name}".'
        return UnknownFieldError(
            text, advice=f'Write item.{prefix}{name}, and for all of them list.map(items, "{prefix}{name}").'
        )
    text = f'{_subject(function)} no field "{prefix}{shortened(sanitize_text(name), MAX_NAME_SHOWN)}".'
    below = [column.name for column in function.columns if column.path[-1] == name] if not path else []
    if reason := _why_not(function, name):
        return UnknownFieldError(text, advice=reason)
    near = [*below, *(f"{prefix}{known}" for known in nearest(name, names))]
    fields = ", ".join(f"{prefix}{known}" for known in names[:MAX_FIELDS_LISTED])
    cut = ", …" if len(names) > MAX_FIELDS_LISTED else ""
    return UnknownFieldError(text, tuple(dict.fromkeys(near))[:3], advice=f"There are {fields}{cut}.")


def _why_not(function: Function, name: str) -> str:
    """Return why records have no field that is often expected, and what to read instead; otherwise an empty text."""
    if function.fingerprints and "value" in name.lower():
        why = "The value of a config var is never shown to a script."
        return f"{why} `fingerprint` is equal where two values are equal, so it finds a value that two apps share."
    many = function.fan_out.name if function.fan_out else ""
    if not many or name not in (many, many.removesuffix("_id")):
        return ""
    own = next((column.name for column in function.columns if column.name == f"{many.removesuffix('_id')}.name"), "")
    beside = f"; `{own}` is in each record" if own else ""
    return f"With a list as `{many}`, each record has `{many}`, the name as the call has it{beside}."


def field_of_records(function: Function, name: str) -> UnknownFieldError:
    """Return the error for a field that was read of a list, although its records have it."""
    name = shortened(sanitize_text(name), MAX_NAME_SHOWN)
    text = f'This is a list, which has no field "{name}"; the records of {function.name} have one each.'
    advice = f'Read it of one record, items[1].{name}, or of all: list.map(items, "{name}")'
    return UnknownFieldError(text, advice=advice)


def _subject(function: Function) -> str:
    """Return the records of a function in words, with the verb: `dynos have`, `an app has`."""
    verb, _, words = function.name.partition("_")
    thing = words.replace("_", " ")
    if not thing or verb not in ("list", "get"):
        return f"what {function.name} returns has"
    if verb == "list":
        return f"{thing} have" if thing.endswith("s") else f"records of {function.name} have"
    if thing.startswith("current "):
        return f"the {thing} has"
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing} has"
