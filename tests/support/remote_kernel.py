"""Kernels behind a hub or a gateway, as a front end elsewhere uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from kosmo_command import kosmo
from patience import PATIENCE
from websocket import WebSocket, create_connection

Content = dict[str, Any]
Message = tuple[str, Content]


@dataclass
class RemoteKernel:
    """A kernel of a server, and a websocket to it.

    Parameters:
        http: a client of the server's API, with what authorizes it.
        name: of the kernel there.
        socket: carries the messages of all channels.
    """

    http: httpx.Client
    name: str
    socket: WebSocket
    session: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    @contextmanager
    def started(cls, http: httpx.Client, kernelspec: str, env: dict[str, str] | None = None) -> Iterator[Self]:
        """Start a kernel and yield it when it answers; the connection ends with the `with` block.

        Parameters:
            http: a client of the server's API.
            kernelspec: the name of what to start.
            env: variables for the kernel, for gateways.
        """
        name = http.post("kernels", json={"name": kernelspec, "env": env or {}}).raise_for_status().json()["id"]
        kernel = cls(http, name, _connect(http, name))
        try:
            kernel.run("")
            yield kernel
        finally:
            kernel.socket.close()

    def send(self, kind: str, content: Content, channel: str = "shell") -> str:
        """Send a message; its name."""
        header = {"msg_id": uuid4().hex, "msg_type": kind, "session": self.session, "username": "", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}
        self.socket.send(json.dumps(message))
        return header["msg_id"]

    def execute(self, code: str) -> str:
        """Send a cell; the request."""
        options = {"silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return self.send("execute_request", {"code": code, **options})

    def wait_for(self, request: str, kind: str) -> Content:
        """Return the content of the next message of a kind that answers the request."""
        while True:
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") == request and message["msg_type"] == kind:
                content: Content = message["content"]
                return content

    def run(self, code: str) -> tuple[Content, list[Message]]:
        """Run a cell: the content of its reply, and what it broadcast."""
        request = self.execute(code)
        reply: Content = {}
        broadcast: list[Message] = []
        idle = False
        while not (reply and idle):  # they come on two channels, in either order
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != request:
                continue
            content, kind = message["content"], message["msg_type"]
            if kind == "execute_reply":
                reply = content
            elif content.get("execution_state") == "idle":
                idle = True
            else:
                broadcast.append((kind, content))
        return reply, broadcast

    def printed(self, code: str) -> str:
        """Return what a cell that succeeds prints, without the lines about its calls."""
        reply, broadcast = self.run(code)
        assert reply["status"] == "ok", reply
        return "".join(
            content["text"] for kind, content in broadcast if kind == "stream" and content["name"] == "stdout"
        )

    def interrupt(self) -> None:
        self.http.post(f"kernels/{self.name}/interrupt").raise_for_status()

    def restart(self) -> None:
        """Restart the kernel and connect anew; it answers."""
        self.http.post(f"kernels/{self.name}/restart").raise_for_status()
        self.socket.close()
        self.socket = _connect(self.http, self.name)
        self.run("")

    def shut_down(self) -> None:
        self.http.delete(f"kernels/{self.name}").raise_for_status()


def _connect(http: httpx.Client, name: str) -> WebSocket:
    address = str(http.base_url.copy_with(scheme="ws").join(f"kernels/{name}/channels"))
    headers = {name: value for name, value in http.headers.items() if name == "authorization"}
    return create_connection(address, timeout=PATIENCE, header=headers, suppress_origin=True)


KERNELSPEC = "kosmo-lua"


def install_kernelspec(prefix: Path) -> dict[str, str]:
    """Install the kernelspec into the folder; the variables with which a server finds it there."""
    done = kosmo("install", "--prefix", str(prefix))
    assert done.returncode == 0, done.stderr
    return {"JUPYTER_PATH": str(prefix / "share" / "jupyter")}
