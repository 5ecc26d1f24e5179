"""Make records of any resource of Heroku's from the facts of its schema.

What a caller gives is taken; a reference (an app, a user, a team …) is to one that the company has; everything else
follows from the type of a field, its format, the values that there are, and its name. The same key makes the same
record every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from kosmo_kernel.demo import NOW, ago, later
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.company_data import SIGN_IN, STAFF
from kosmo_kernel.integrations.heroku.demo.models import Person, Record, ident
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.integrations.heroku.fields import FieldFact

_OLDEST = 700  # days
_SEVERAL = 2  # records in a list of which nothing else is known
_LATER = ("expires", "next_attempt", "scheduled_")  # how names of times begin that lie ahead


class Property(NamedTuple):
    """A field of a resource, with the fields below it."""

    fact: FieldFact
    fields: Mapping[str, Property]


@cache
def fields_of(resource: str) -> Mapping[str, Property]:
    """Return the fields of a resource by name, each with those below it."""
    properties: dict[str, Property] = {}
    for fact in facts().fields(resource):
        *parents, name = fact.name.replace("[]", "").split(".")
        level: Any = properties
        for part in parents:
            level = level[part].fields
        level[name] = Property(fact, {})
    return properties


def fictional(key: str) -> str:
    """Return a text that stands for a secret, the same one for the same key."""
    return f"fictional-{ident('secret', key).replace('-', '')}"


def user(person: Person) -> Record:
    """Return all that records say of a person."""
    return {"id": person.id, "email": person.email, "name": person.name, "full_name": person.name}


class Maker:
    """Makes records of one company.

    Parameters:
        company: whose apps, teams and people the records refer to.
        records: returns the records of a list, by Heroku's path and the records that stand in its places.
        moved: how far the company's today is moved.
    """

    def __init__(self, company: Company, records: Callable[..., Sequence[Record]], moved: timedelta) -> None:
        self.company = company
        self.records = records
        self.today = datetime.fromisoformat(NOW) + moved
        self._lists = {
            **dict.fromkeys(("team", "organization"), "/teams"),
            **{name: f"/{name}s" for name in ("app", "space", "pipeline", "stack", "region", "generation")},
            "enterprise_account": "/enterprise-accounts",
            "addon_service": "/addon-services",
        }

    def __call__(self, resource: str, key: str, **values: Any) -> Record:
        """Return a record.

        Parameters:
            resource: what it is.
            key: what makes it another one than the others.
            given: values of fields by name. Of an object, only what Heroku sends there is taken.
        """
        record = self._object(fields_of(resource), f"{resource}/{key}", values)
        if "created_at" in values and "updated_at" in record and "updated_at" not in values:
            record["updated_at"] = values["created_at"]
        return record

    def several(self, resource: str, key: str, **values: Any) -> list[Record]:
        """Return some records with the same given values."""
        return [self(resource, f"{key}/{n}", **values) for n in range(_SEVERAL)]

    def months(self, count: int) -> list[str]:
        """Return the last whole months before today, the oldest first, as `2026-10`."""
        this = self.today.year * 12 + self.today.month - 1
        return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(this - count, this)]

    def _object(self, fields: Mapping[str, Property], key: str, values: Mapping[str, Any]) -> Record:
        return {
            name: self._given(field, f"{key}.{name}", values[name]) if name in values else self._value(field, key, name)
            for name, field in fields.items()
        }

    def _given(self, field: Property, key: str, value: Any) -> Any:
        inner = bool(field.fields) and isinstance(value, dict) and field.fact.kind == "object"
        return self._object(field.fields, key, value) if inner else value

    def _value(self, field: Property, key: str, name: str) -> Any:
        fact, key = field.fact, f"{key}.{name}"
        chance = _chance(key)
        if field.fields:
            value: Any = self._object(field.fields, key, self._reference(name, field.fields, chance))
            return [value] if fact.kind == "array" else value
        if fact.kind == "timestamp":
            return _time(fact, key, name, chance)
        if fact.kind == "array":
            item = FieldFact(f"{fact.name}[]", "string", False, (), "", "", fact.items.partition(" ")[2])
            return [_text(item, key, name, chance)] if fact.items else []
        if fact.nullable and fact.kind == "string" and not fact.values and chance % 3 == 0:
            return None
        simple = {"boolean": chance % 2 == 1, "integer": chance % 90 + 10, "number": chance % 90 + 10, "object": {}}
        return simple[fact.kind] if fact.kind in simple else _text(fact, key, name, chance)

    def _reference(self, name: str, fields: Mapping[str, Property], chance: int) -> Record:
        """Return a thing of the company for an object with this name, or nothing."""
        if "email" in fields:
            return user(STAFF[chance % len(STAFF)])
        if name == "identity_provider":
            return SIGN_IN
        choice = self.records(self._lists[name]) if name in self._lists else ()
        return choice[chance % len(choice)] if choice else {}


def _text(fact: FieldFact, key: str, name: str, chance: int) -> str:
    """Return a text: one of the values that there are, one of the format, or one that begins with the field's name."""
    if fact.values:
        return fact.values[chance % len(fact.values)]
    if fact.mark.startswith("secret"):
        secret = fictional(key)
        return f"https://files.larkmoor.example/{secret}" if name.endswith(("url", "uri", "endpoint")) else secret
    if "cidr" in name or name == "source":
        return f"10.{chance % 200}.0.0/20"
    texts = {
        "uuid": ident("made", key),
        "email": STAFF[chance % len(STAFF)].email,
        "uri": f"https://larkmoor.example/{name}",
        "ipv4": f"192.0.2.{chance % 250 + 1}",
        "date": NOW[:10],
    }
    kind = {"id": "uuid", "period_start": "date", "period_end": "date"}.get(name, fact.format)
    kind = "ipv4" if name.endswith("ip") else kind
    return texts.get(kind) or f"{name.replace('_', '-')}-{chance:012x}"


def _time(fact: FieldFact, key: str, name: str, chance: int) -> str | None:
    """Return a time: none where there need not be one, one ahead for what ends, and `updated_at` after `created_at`."""
    if name.startswith(_LATER):
        return None if fact.nullable else ago(-float(chance % 90 + 1))
    if fact.nullable and name != "updated_at":
        return None
    if name == "created_at":
        return ago(chance % _OLDEST + chance % 7 / 10)
    created = ago(_chance(f"{key.removesuffix(name)}created_at") % _OLDEST)
    return later(created, chance % 30 + 1)


def _chance(key: str) -> int:
    """Return a number that looks random, the same one for the same key."""
    return int(ident("made", key)[-12:], 16)
