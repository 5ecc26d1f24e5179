"""A run as one document: what `integrations:lua --json` prints, and what agents get from `lua_run`.

It has eight keys, and the same eight when the run failed or never began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kosmo_kernel.client.planned_call import PlannedCall
from kosmo_kernel.results.result import CallRecord, Result
from kosmo_kernel.values import extended_json

SERVERS = "mcp."  # what the full names of tools of MCP servers begin with


def run_document(
    result: Result | None, error: str | None = None, facts: dict[str, Any] | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    """The eight keys of a run as a program reads it.

    Parameters:
        result: what the run gave, or what it had given when it failed; None when it never began.
        error: the message when it failed.
        facts: what is known of the error.
        dry_run: no call was made; those that would have been are listed.
    """
    meta: dict[str, Any] = {"permission_bypassed": bool(result and result.permission_bypassed), "dry_run": dry_run}
    values = result.values if result and error is None else []
    if result is not None:
        meta |= {"account": result.account, "notes": [*result.notes, *_lost(values)]}
        meta |= {"failures": result.failures} if result.failures else {}
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
    """A note of what of the values no JSON document can say; none where there is nothing of the kind."""
    if not any(map(extended_json.is_wide, values)):
        return []
    names = ["result"] if len(values) == 1 else [f"result[{place}]" for place in range(1, len(values) + 1)]
    found = [one for name, value in zip(names, values, strict=True) for one in extended_json.lost(value, name)]
    if not found:  # integer keys, which are texts in JSON
        return []
    return [found[0] + (f"; {len(found) - 1:,} more of the kind." if len(found) > 1 else ".")]


def _calls(result: Result, *, dry_run: bool) -> list[dict[str, Any]]:
    """The calls of a run; what was only planned says with what and where it would have asked."""
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
