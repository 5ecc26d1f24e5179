"""Comms: what widgets of Python programs in this process say to the front end, and hear from it.

The `comm` package is where such programs (ipywidgets) look for the kernel they are in. It keeps who is open and who
waits for what; here it gets the way to the front end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comm
from comm.base_comm import BaseComm

from kosmo_kernel.kernel.messages import Content, Request


class Comms:
    """The comms of this kernel; there is one such object in a process.

    Parameters:
        broadcast: sends a message: its kind, content, metadata and buffers.
    """

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

        comm.create_comm = KernelComm  # made to be replaced, its source says
        self._manager = comm.get_comm_manager()

    def handle(self, request: Request) -> None:
        """Take a `comm_open`, `comm_msg` or `comm_close`. A target that is not known is closed again."""
        getattr(self._manager, request.kind)(None, request.identities, request.as_dict())

    def known(self, target: str | None = None) -> Content:
        """The open comms by id, those of one target if it is given."""
        found = self._manager.comms.items()
        return {id_: {"target_name": one.target_name} for id_, one in found if target in (None, one.target_name)}
