"""What a comparison of two snapshots looks at: the lists, what identifies a record, and the facts about it.

The identity of an app is its id, so that a renamed app is one change. A fact is a text, or None if a record does not
have it, such as the team of an app without a team.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kosmo_kernel.text.paths import value_at

Row = Mapping[str, Any]
Fact = str | None

APPS = "apps"
CONFIG_VARS = "config_vars"
FINGERPRINT = "fingerprint"


class ComparedList(NamedTuple):
    """A list that is compared."""

    table: str  # its name in a snapshot
    noun: str  # what one record is
    key: Callable[[Row], Any]  # returns what identifies a record, within its app if it has one
    name: Callable[[Row], Fact]  # returns what a reader calls it
    facts: Mapping[str, Callable[[Row], Fact]]  # the facts that are compared, by what they are called

    def label(self, row: Row) -> str:
        """Return what a reader calls a record, with what it is."""
        return f"{self.noun} {self.name(row) or self.key(row)}"


def _at(path: str) -> Callable[[Row], Fact]:
    """Return a function that reads a field of a record as text; None for null and for absent fields."""
    names = path.split(".")
    return lambda row: _text(value_at(row, names))


def _text(value: Any) -> Fact:
    match value:
        case None | "" | []:
            return None
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(sorted(_text(one) or "" for one in value))
        case Mapping():
            return _text(value.get("name"))
    return str(value)


def _stack_of_next_build(app: Row) -> Fact:
    """Return the stack of the next build if it is another one than the app runs on."""
    build, stack = _at("build_stack.name")(app), _at("stack.name")(app)
    return build if build != stack else None


def _permissions(seat: Row) -> Fact:
    """Return what a seat may do. In an app without a team seats have no permissions, but a role."""
    return _at("permissions")(seat) or _at("role")(seat) or "collaborator"


LISTS: Sequence[ComparedList] = (
    ComparedList(
        APPS,
        "app",
        _at("id"),
        _at("name"),
        {
            "name": _at("name"),
            "owner": _at("owner.email"),
            "team": _at("team.name"),
            "region": _at("region.name"),
            "space": _at("space.name"),
            "stack": _at("stack.name"),
            "stack of the next build": _stack_of_next_build,
            "maintenance": _at("maintenance"),
            "automatic certificates": _at("acm"),
        },
    ),
    ComparedList("stacks", "stack", _at("id"), _at("name"), {"state": _at("state")}),
    ComparedList(
        "formation",
        "process",
        _at("type"),
        _at("type"),
        {"quantity": _at("quantity"), "size": _at("size"), "command": _at("command")},
    ),
    ComparedList("dynos", "dyno", _at("name"), _at("name"), {"size": _at("size"), "state": _at("state")}),
    ComparedList(
        "domains",
        "domain",
        _at("hostname"),
        _at("hostname"),
        {
            "DNS": _at("status"),
            "DNS target": _at("cname"),
            "certificate": _at("acm_status"),
            "certificate endpoint": _at("sni_endpoint.name"),
        },
    ),
    ComparedList(
        "addons", "add-on", _at("id"), _at("name"), {"name": _at("name"), "plan": _at("plan"), "state": _at("state")}
    ),
    ComparedList("collaborators", "seat of", _at("user.email"), _at("user.email"), {"permissions": _permissions}),
    ComparedList(CONFIG_VARS, "config var", _at("name"), _at("name"), {"value": _at(FINGERPRINT)}),
    ComparedList(
        "log_drains", "log drain to", _at("id"), _at("host"), {"host": _at("host"), "add-on": _at("addon.name")}
    ),
    ComparedList(
        "telemetry_drains",
        "telemetry drain to",
        _at("id"),
        _at("exporter.host"),
        {"host": _at("exporter.host"), "signals": _at("signals")},
    ),
)
