"""The protocol's extension for long calls, `io.modelcontextprotocol/tasks` of the protocol from 2026-07-28 on.

This module is imported only by a server with the option `--tasks`. A client that declares the extension gets a task in
place of a result that takes long. It asks for the state with `tasks/get`, which has the result in the end, and can
cancel the task with `tasks/cancel`. The id of a task cannot be guessed, and whoever has it may use it. No task of ours
needs an input, so `tasks/update` has nothing to do.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mcp import MCPError
from mcp import types as protocol
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from kosmo_kernel.mcp_server.sessions import InFlightCall

EXTENSION = "io.modelcontextprotocol/tasks"
FIRST_PROTOCOL = "2026-07-28"  # versions are dates
POLL_MILLISECONDS = 2_000
KEEP_SECONDS = 3_600.0  # after the end of a task
MAX_ENDED_TASKS = 100

Context = ServerRequestContext[Any, Any]
Running = asyncio.Future[protocol.CallToolResult]


class TaskParams(protocol.RequestParams):
    """The parameters of the requests about one task."""

    task_id: str


@dataclass(slots=True)
class _Task:
    """A call that a client has as a task."""

    call: InFlightCall  # the call
    running: Running  # its result
    created: float  # the time of its creation, in seconds since 1970
    ended: float | None = None  # the time of its end; None until then
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def state(self) -> dict[str, Any]:
        """Return its state as the extension has it, with the result or the error if it has ended."""
        shared: dict[str, Any] = {
            "taskId": self.id,
            "createdAt": _timestamp(self.created),
            "lastUpdatedAt": _timestamp(self.ended or max(self.call.updated_at, self.created)),
            "ttlMs": None,
            "pollIntervalMs": POLL_MILLISECONDS,
        }
        if self.call.cancelled:
            return shared | {"status": "cancelled"}
        if self.ended is None:
            return shared | {"status": "working", "statusMessage": self.call.describe()}
        shared["ttlMs"] = round((self.ended - self.created + KEEP_SECONDS) * 1_000)
        if error := self.running.exception():
            message = f"The server has a fault: {type(error).__name__}."
            fault = {"code": protocol.INTERNAL_ERROR, "message": message}
            return shared | {"status": "failed", "statusMessage": message, "error": fault}
        result = self.running.result().model_dump(by_alias=True, mode="json", exclude_none=True)
        return shared | {"status": "completed", "result": result}


class Tasks:
    """The tasks of all clients. To be used in the event loop only.

    Parameters:
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tasks: dict[str, _Task] = {}

    def register(self, server: Server[Any]) -> None:
        """Let a server serve the extension."""
        server.extensions[EXTENSION] = {}
        for method, handle in {"get": self._get, "update": self._update, "cancel": self._cancel}.items():
            server.add_request_handler(f"tasks/{method}", TaskParams, handle)

    def are_taken(self, context: Context) -> bool:
        """Return whether the client of a request can be given a task."""
        capabilities = context.session.client_capabilities
        extensions = capabilities.extensions if capabilities else None
        return context.protocol_version >= FIRST_PROTOCOL and EXTENSION in (extensions or {})

    def start(self, call: InFlightCall, running: Running) -> dict[str, Any]:
        """Return the result that gives a client a task in place of the result of a call.

        Parameters:
            call: the call; it reports progress to the task from now on.
            running: its result.
        """
        task = _Task(call, running, self._clock())
        call.answered = True
        self._drop_old()
        self._tasks[task.id] = task
        running.add_done_callback(lambda _: self._end(task))
        return {"resultType": "task", **task.state()}

    def _end(self, task: _Task) -> None:
        task.ended = self._clock()
        if not task.running.cancelled():
            task.running.exception()  # it has been looked at, also if no client asks again

    async def _get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        return self._find(context, params).state()

    async def _update(self, context: Context, params: TaskParams) -> dict[str, Any]:
        self._find(context, params)
        return {}

    async def _cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        task = self._find(context, params)
        if task.ended is None:
            task.call.cancel()
        return {}

    def _find(self, context: Context, params: TaskParams) -> _Task:
        """Return the task of a request.

        Raises:
            MCPError: the client has not declared the extension, or there is no such task.
        """
        if context.protocol_version < FIRST_PROTOCOL:
            raise MCPError(protocol.METHOD_NOT_FOUND, "Method not found", context.method)
        if not self.are_taken(context):
            needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
            raise MCPError(
                protocol.MISSING_REQUIRED_CLIENT_CAPABILITY, f"The client has not declared {EXTENSION}.", needed
            )
        self._drop_old()
        if task := self._tasks.get(params.task_id):
            return task
        minutes = round(KEEP_SECONDS / 60)
        raise MCPError(protocol.INVALID_PARAMS, f"There is no such task: one is kept for {minutes} min after its end.")

    def _drop_old(self) -> None:
        """Forget the tasks that ended long ago, and the oldest ended ones if there are many."""
        latest = self._clock() - KEEP_SECONDS
        ended = sorted((task.ended, key) for key, task in self._tasks.items() if task.ended is not None)
        for number, (end, key) in enumerate(ended):
            if end <= latest or number < len(ended) - MAX_ENDED_TASKS:
                del self._tasks[key]


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
