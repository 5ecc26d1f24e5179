"""A run as a JSON document: the output of `integrations:lua --json`, and the result of the MCP tool `lua_run`.

It always has the same eight keys, even if the run failed or did not start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kosmo_kernel.client.call import PlannedCall
from kosmo_kernel.results.result import CallRecord, Result
from kosmo_kernel.values import extended_json

SERVERS = "mcp."  # prefix of the full names of MCP servers' tools


def run_document(
    result: Result | None, error: str | None = None, facts: dict[str, Any] | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    """Return the document of a run.

    Parameters:
        result: the result of the run, a partial one if it failed; None if it did not start.
        error: the error message if it failed.
        facts: the attributes of the error.
        dry_run: list the planned calls of a dry run.
    """
    meta: dict[str, Any] = {"permission_bypassed": bool(result and result.permission_bypassed), "dry_run": dry_run}
    values = result.values if result and error is None else []
    if result is not None:
        meta |= {"account": result.account, "notes": [*result.notes, *_lost(values)]}
        meta |= {"failures": result.failures} if result.failures else {}
        meta |= {"deleted": result.deleted} if result.deleted else {}
        meta |= result.taken_over
    if facts is not None:
        meta["error"] = facts
    return {
        "success": error is None,
        "output": result.output if result else "",
        "error": error,
        "result": values,
        "execution_time_ms": round(result.seconds * 1000, 1) if result else 0.0,
        "memory_usage": result.memory if result else 0,
        "integration_calls": _calls(result, dry_run=dry_run) if result else [],
        "meta": meta,
    }


def _lost(values: Sequence[Any]) -> list[str]:
    """Return a note on what is lost of the values in JSON, as a list of one or none."""
    if not any(map(extended_json.is_wide, values)):
        return []
    names = ["result"] if len(values) == 1 else [f"result[{place}]" for place in range(1, len(values) + 1)]
    losses = [
        one
        for name, value in zip(names, values, strict=True)
        for one in extended_json.describe_json_losses(value, name)
    ]
    if not losses:  # only integer keys, which become strings in JSON
        return []
    return [losses[0] + (f"; {len(losses) - 1:,} more of the kind." if len(losses) > 1 else ".")]


def _calls(result: Result, *, dry_run: bool) -> list[dict[str, Any]]:
    """Return the calls of a run; those of a dry run have their arguments, method and URL as well."""
    if not dry_run:
        return [_call(call) for call in result.calls]
    return [
        _call(CallRecord(_path(planned), planned.account, 0.0, "planned"))
        | {"arguments": planned.arguments, "method": planned.method, "url": planned.url}
        for planned in result.planned
    ]


def _call(call: CallRecord) -> dict[str, Any]:
    return {
        "path": call.path,
        "account": call.account,
        "durationMs": round(call.duration_ms, 1),
        "status": call.status,
        "rows": call.rows,
        "requests": call.requests,
    }


def _path(planned: PlannedCall) -> str:
    return planned.function if planned.function.startswith(SERVERS) else f"integrations.{planned.function}"
