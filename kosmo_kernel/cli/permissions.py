"""What the commands share that show and set permissions: of an integration, an account or an MCP server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from kosmo_kernel.settings.permissions import EFFECTS, Target, permission
from kosmo_kernel.settings.table import POLICIES

_Out = TypeVar("_Out")


def permission_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options that set a permission to a command: `read` and `write`."""
    policy = click.Choice(POLICIES)
    command = click.option("--write", type=policy, help="Whether scripts may change something.")(command)
    return click.option("--read", type=policy, help="Whether scripts may read.")(command)


def permission_facts(target: Target) -> dict[str, Any]:
    """Return the effective permissions as JSON data: `permissions`, and `said_by` with the line that sets each."""
    rules = {effect: permission(target, effect) for effect in EFFECTS}
    return {
        "permissions": {effect: rule.policy for effect, rule in rules.items()},
        "said_by": {effect: rule.place or None for effect, rule in rules.items()},
    }


def permission_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the permissions in such facts as rows for people."""
    return [
        (effect, f"{policy}{f' ({place})' if (place := facts['said_by'][effect]) else ''}")
        for effect, policy in facts["permissions"].items()
    ]
