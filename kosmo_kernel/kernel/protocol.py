"""Jupyter's requests, each handed to the notebook's Lua.

`LuaKernel` overrides the `do_*` methods of ipykernel's base class, and the few of its inner ones that are
wrong for a language which is not Python: what `kernel_info` claims, which cells are counted, what a SIGINT
does, and when the queue behind a failed cell is let go. Protocol 5.5:
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

# ipykernel's methods have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from ipykernel.kernelbase import Kernel

from kosmo_kernel import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.kernel.notebook import Notebook

Message = dict[str, Any]

END_OF_INPUT = "\x04"  # what a front end sends for Ctrl-D
INPUT_TURN = 10  # milliseconds between two looks at whether the cell was stopped


class LuaKernel(Kernel):
    """A kernel that runs Lua."""

    implementation = "kosmo_kernel"
    implementation_version = __version__
    banner = f"Lua 5.4, kosmo_kernel {__version__}. docs.list() says what there is to call; name? explains a name."
    language_info = {  # noqa: RUF012 - an attribute of the class, as the base declares it
        "name": "lua",
        "version": "5.4",
        "mimetype": "text/x-lua",
        "file_extension": ".lua",
        "pygments_lexer": "lua",
        "codemirror_mode": "lua",
    }
    _execute_sleep = 0  # the base waits half a millisecond for Python's streams, which carry nothing here

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.help_links = [
            {"text": "Lua 5.4", "url": "https://www.lua.org/manual/5.4/"},
            {"text": "Heroku Platform API", "url": "https://devcenter.heroku.com/articles/platform-api-reference"},
        ]
        self.shell_handlers |= {
            "comm_open": self._refuse_comm,
            "comm_msg": self._ignore_comm,
            "comm_close": self._ignore_comm,
        }
        self._stored = 0
        self._making = threading.Lock()
        self._notebook: Notebook | None = None
        self._ending = False

    @property
    def notebook(self) -> Notebook:
        """The Lua behind this kernel. Its process starts while the rest of what a cell needs is imported.

        Raises:
            LuaProcessError: the kernel is being shut down.
        """
        with self._making:
            if self._notebook is None:
                if self._ending:
                    from kosmo_kernel.errors import LuaProcessError  # noqa: PLC0415 - see `notebook.py`

                    raise LuaProcessError("The kernel is being shut down.")
                from kosmo_kernel.session import Session  # noqa: PLC0415 - as above

                lua = Session()
                lua.start()
                from kosmo_kernel.kernel.notebook import Notebook  # noqa: PLC0415 - as above

                self._notebook = Notebook(lua, self._send, self._ask)
            return self._notebook

    def start(self) -> None:
        """Take requests. Each becomes one task, so that they stand in line for the lock as they came."""
        super().start()
        if self.shell_stream is not None:
            self.shell_stream.on_recv(partial(self.shell_main, None), copy=False)

    @property
    def kernel_info(self) -> Message:
        """What this kernel is. The base imports a debugger for Python to say that it has one."""
        return {
            "protocol_version": "5.5",
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": [],
        }

    async def kernel_info_request(self, stream: Any, ident: Any, parent: Message) -> None:
        """Say what this kernel is; then start Lua, while the front end makes up its mind what to run."""
        await super().kernel_info_request(stream, ident, parent)
        self.io_loop.add_callback(self._get_ready)

    def _get_ready(self) -> None:
        """Start Lua, unless all is over already."""
        if not self._ending:
            _ = self.notebook

    # Interrupts ----------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop the cell that runs, if one does. Raises nothing; from any thread or a signal handler."""
        if self._notebook is not None:
            self._notebook.interrupt()

    def _send_interrupt_children(self) -> None:
        """An interrupt request needs no signal, and so it works on Windows as well."""
        self.interrupt()

    def pre_handler_hook(self) -> None:
        """The base lets SIGINT raise while it handles a request, and then the reply is lost."""

    def post_handler_hook(self) -> None:
        """See `pre_handler_hook`."""

    # Counting cells, and what a failed one does to those behind it --------------------------------------

    @property
    def execution_count(self) -> int:
        """The number of cells stored so far, as the protocol counts them."""
        return self._stored

    @execution_count.setter
    def execution_count(self, value: int) -> None:
        """The base counts every request that is not silent; `do_execute` counts those that are stored."""

    def _publish_execute_input(self, code: str, parent: Message, execution_count: int) -> None:  # noqa: ARG002 - see above
        number = self._stored + 1 if parent["content"].get("store_history", True) else self._stored
        super()._publish_execute_input(code, parent, number)

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """The base begins to abort behind the reply, and hits what a front end sent in answer to it."""

    def _abort_what_waits(self) -> None:
        """Abort the cells that stand in line now. The end of aborting stands in the same line, behind them."""
        self._aborting = True
        if self.shell_stream is not None:
            self.shell_stream.flush()
        self._end_of_abort = asyncio.ensure_future(self._stop_aborting())

    async def _stop_aborting(self) -> None:
        async with self._main_asyncio_lock:
            self._aborting = False

    # Requests ------------------------------------------------------------------------------------------

    async def do_execute(
        self,
        code: str,
        silent: bool,  # noqa: FBT001 - the base's signature
        store_history: bool = True,  # noqa: FBT001, FBT002 - as above
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,  # noqa: FBT001, FBT002 - as above
        **_origin: Any,
    ) -> Message:
        """Run a cell."""
        stored = store_history and not silent
        self._stored += stored
        number = self._stored

        def answer() -> Message:
            return self.notebook.execute(
                code,
                number,
                stored=stored,
                silent=silent,
                input_allowed=allow_stdin,
                expressions=user_expressions or {},
            )

        reply: Message = {"execution_count": number} | _answered(answer)
        if "user_expressions" not in reply and not silent:  # there is no Lua, so nobody has broadcast the error
            self._send("error", {key: reply[key] for key in ("ename", "evalue", "traceback")})
        stop_on_error = self.get_parent("shell")["content"].get("stop_on_error", True)
        if reply["status"] == "error" and stop_on_error and not silent:
            self._abort_what_waits()
        return reply

    async def do_complete(self, code: str, cursor_pos: int) -> Message:
        """What can stand at the cursor."""
        return _answered(lambda: self.notebook.complete(code, cursor_pos))

    async def do_inspect(self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()) -> Message:  # noqa: ARG002 - the base's signature
        """What is known of the name at the cursor."""
        return _answered(lambda: self.notebook.inspect(code, cursor_pos, detail_level))

    async def do_is_complete(self, code: str) -> Message:
        """Whether Enter should run the cell or start a new line."""
        return _answered(lambda: self.notebook.is_complete(code))

    async def do_history(
        self,
        hist_access_type: str,
        output: bool,  # noqa: FBT001 - the base's signature
        raw: bool,  # noqa: ARG002, FBT001 - as above; a cell is stored as it was typed
        *bounds: Any,
        **limits: Any,
    ) -> Message:
        """What was typed."""

        def answer() -> Message:
            return {"history": self.notebook.history.find(hist_access_type, *bounds, output=output, **limits)}

        return _answered(answer)

    async def do_shutdown(self, restart: bool) -> Message:  # noqa: FBT001 - the base's signature
        """End the Lua process, and with it a cell that still runs. Called in the control thread."""
        with self._making:
            self._ending = True
        if self._notebook is not None:
            self._notebook.close()
        return {"status": "ok", "restart": restart}

    async def _refuse_comm(self, _stream: Any, _ident: Any, parent: Message) -> None:
        """No target is known here, and to say so is the protocol's answer."""
        self._send("comm_close", {"comm_id": parent["content"]["comm_id"], "data": {}})

    async def _ignore_comm(self, _stream: Any, _ident: Any, _parent: Message) -> None:
        """A message to a comm that was refused."""

    # What a cell needs of the sockets ------------------------------------------------------------------

    def _send(self, kind: str, content: Message) -> None:
        """Broadcast a message that belongs to the request at hand."""
        self.send_response(self.iopub_socket, kind, content)

    def _ask(self, form: str) -> str | None:
        """Ask the front end for a line. The base's own way leaves the interrupt to a SIGINT that may never come.

        Args:
            form: how Lua reads: `l`, or `L` for a line with its end, or `a` for all there is.

        Returns:
            What was typed; None where the input ends.

        Raises:
            KeyboardInterrupt: the cell was interrupted; the session ends its run.
        """
        socket, parent = self.stdin_socket, self.get_parent("shell")
        assert self.session is not None  # noqa: S101 - the base's type allows for a kernel that is being taken apart
        while socket.poll(0):  # answers to questions that nobody waits for any more
            socket.recv_multipart()
        content = {"prompt": "", "password": False}
        self.session.send(socket, "input_request", content, parent, ident=self._shell_parent_ident.get())
        while not self.notebook.stopped.is_set():
            if not socket.poll(INPUT_TURN):
                continue
            _, answer = self.session.recv(socket)
            if answer is not None:
                line: str = answer["content"]["value"]
                return None if line == END_OF_INPUT else line + ("\n" if form == "L" else "")
        raise KeyboardInterrupt


def _answered(answer: Callable[[], Message]) -> Message:
    """The content of a reply: what `answer` gives, or its error."""
    try:
        return {"status": "ok"} | answer()
    except Exception as error:  # noqa: BLE001 - the base would log it and send no reply
        from kosmo_kernel.kernel.execute import error_content  # noqa: PLC0415 - not before something has failed

        return error_content(error) | {"status": "error"}
