"""Comms: the messages between widgets in this process and the front end.

ipywidgets finds its kernel through the `comm` package, which keeps the open comms and their callbacks. This module
gives that package a way to send messages to the front end, and passes it the messages from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comm
from comm.base_comm import BaseComm

from kosmo_kernel.kernel.messages import Content, Request


class Comms:
    """The comms of this kernel; a process has one such object. `broadcast` sends a message to the front end."""

    def __init__(self, broadcast: Callable[[str, Content, Content, list[Any]], None]) -> None:
        class KernelComm(BaseComm):
            """A comm whose other end is in the front end."""

            def publish_msg(
                self,
                msg_type: str,
                data: Content | None = None,
                metadata: Content | None = None,
                buffers: list[bytes] | None = None,
                **keys: Any,
            ) -> None:
                """Send a message to the other end."""
                broadcast(msg_type, {"data": data or {}, "comm_id": self.comm_id} | keys, metadata or {}, buffers or [])

        comm.create_comm = KernelComm  # the package documents it as replaceable
        self._manager = comm.get_comm_manager()

    def handle(self, request: Request) -> None:
        """Dispatch a `comm_open`, `comm_msg` or `comm_close`. A comm for an unknown target is closed again."""
        getattr(self._manager, request.kind)(None, request.identities, request.as_dict())

    def open_comms(self, target: str | None = None) -> Content:
        """Return the open comms by id, of one target if `target` is set."""
        comms = list(self._manager.comms.items())  # other threads open and close some meanwhile
        return {id_: {"target_name": c.target_name} for id_, c in comms if target in (None, c.target_name)}
