"""The session and the history behind one notebook, and the content of its replies.

This module builds the content of Jupyter's messages and uses no sockets: outputs go to the callback `send`, and `ask`
returns a line of input. The kernel imports it after its first `kernel_info` reply or at the first request that needs
it, because it and its dependencies would make the kernel's start a quarter slower.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.errors import KosmoError, StoppedError, TryLaterError, UserError
from kosmo_kernel.kernel.channels import Content, error_content
from kosmo_kernel.kernel.history import History
from kosmo_kernel.notebook.cells import Cell, NotebookProgress, failed_plan, parse_cell, plan_note
from kosmo_kernel.pages.design import begin_cell
from kosmo_kernel.render.display import FULL_VALUE, Display, Note, bundle_of, bundle_of_notes, bundles_of, with_outline
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.notebook.commands import NotebookContext

CLOSE_INTERRUPT_INTERVAL_SECONDS = 0.1  # pause between interrupts while the session closes


class KernelNotebook:
    """The Lua of one notebook.

    Parameters:
        session: the Lua session.
        send: called with a message type and a content to broadcast them.
        ask: called with a format of `io.read`, and a prompt, to read a line of input; returns None at its end.
        stopped: returns whether the running cell was interrupted, even before this object existed.
        between_cells: calls a function in the thread that runs cells, as soon as no cell is running.
    """

    def __init__(
        self,
        session: Session,
        send: Callable[[str, Content], None],
        ask: Callable[..., str | None],
        stopped: Callable[[], bool] = lambda: False,
        between_cells: Callable[[Callable[[], None]], None] = lambda call: call(),
    ) -> None:
        self.session = session
        self.history = History()
        self._send = send
        self._ask = ask
        self._stopped = stopped
        self._between_cells = between_cells
        self._formatting_error = Interruptible()  # marks the formatting of an error
        self._stored = False  # whether the running cell has its own execution count

    def interrupt(self) -> bool:
        """Stop the running cell, or the run that a widget started. Raises nothing.

        May be called from any thread and from a signal handler.

        Returns:
            Whether the main thread is rendering the cell's values or error, which only `interrupt_rendering` can end.
        """
        # Read this before Lua stops, because its error is formatted then.
        formatting_error = self._formatting_error.is_open
        if not self.session.interruptible.is_open:
            self.session.interrupt()
        return formatting_error or self.session.interruptible.is_open

    def interrupt_rendering(self) -> None:
        """Interrupt the rendering of a cell's values or errors. Call it only from a signal handler.

        Raises:
            KeyboardInterrupt: the main thread is rendering.
        """
        self._formatting_error.interrupt()
        self.session.interruptible.interrupt()

    def close(self) -> None:
        """Interrupt the running cell and end the Lua process. Call it from a thread that runs no cells."""
        closing = threading.Thread(target=self.session.close, name="closing Lua")
        closing.start()
        while closing.is_alive():  # a single interrupt could arrive between two cells
            self.interrupt()
            closing.join(CLOSE_INTERRUPT_INTERVAL_SECONDS)

    def execute(self, content: Content, number: int, *, stored: bool, cell_id: str = "") -> Content:
        """Run a cell and broadcast its outputs.

        Parameters:
            content: that of an `execute_request`: the code, whether it is silent, and what the reply must have.
            number: the execution count: of this cell if it is stored, else of the last stored one.
            stored: whether the cell has its own execution count and goes into the history.
            cell_id: the front end's name of the cell, or empty.

        Returns:
            The content of the reply.
        """
        self._stored, code = stored, str(content["code"])
        begin_cell(cell_id or code)
        if stored:
            self.history.add(number, code)
        reply: Content = {"status": "ok", "execution_count": number, "payload": [], "user_expressions": {}}
        send = (lambda _kind, _content: None) if content.get("silent") else self._send
        try:
            with self.session.expecting_run():
                with self.session.keep_error():
                    if self._stopped():  # interrupted before the session could notice
                        raise StoppedError("Interrupted.")  # noqa: TRY301 - handled below like an interrupt of the run
                    cell = parse_cell(code)
                    if cell.help_name:
                        from kosmo_kernel import editor

                        page = editor.explain(cell.help_name, self.session, cell.detail)
                        reply["payload"] = [{"source": "page", "data": bundle_of(page), "start": 0}]
                for command in cell.commands:
                    value = self._command(command, send)
                    if value is not None:
                        self._keep(value, number, send)
                        self._show([value], cell, number, send)
                if cell.lua.strip():
                    self._run(cell, number, send, self._ask if content.get("allow_stdin") else None)
                expressions = content.get("user_expressions") or {}
                reply["user_expressions"] = {key: self._evaluate(lua) for key, lua in expressions.items()}
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - without a reply the front end would wait forever
            failure = self._error_content(error)
            send("error", failure)
            reply |= failure | {"status": "error"}
        return reply

    def _command(self, command: str, send: Callable[[str, Content], None]) -> Any:
        """Run a `%kosmo` command and return its value."""
        from kosmo_kernel.explorer import explore
        from kosmo_kernel.notebook.commands import NotebookContext, run_command

        show = partial(_send_display, send)
        with NotebookProgress(show) as progress:
            context = NotebookContext(
                self.session,
                between_cells=self._between_cells,
                explore=explore,
                ask=_ask,
                display=show,
                progress=progress,
                is_cancelled=self._stopped,
                set_variable=partial(_set_variable, self.session),
            )
            return run_command(command, context)

    def _keep(self, value: Any, number: int, send: Callable[[str, Content], None]) -> None:
        """Keep the records that a command found as `_` and `Out[number]` of Lua, like the value of a cell."""
        if self._stored and isinstance(value, Records):
            from kosmo_kernel.checks.cell import keep_value

            _show_notes(keep_value(self.session, value, number), partial(_send_display, send))

    def complete(self, content: Content) -> Content:
        """Return the content of the reply to a `complete_request`: the completions at the cursor."""
        from kosmo_kernel import editor

        cursor = content["cursor_pos"]
        lua_cursor = editor.lua_at_cursor(content["code"], cursor, lua=True)
        completion = lua_cursor.complete(self.session) if lua_cursor else editor.Completion((), cursor, cursor)
        span = {"start": completion.start, "end": completion.end}
        types = [span | {"text": m.text, "type": m.type, "signature": m.signature} for m in completion.matches]
        return {
            "matches": [match.text for match in completion.matches],
            "cursor_start": completion.start,
            "cursor_end": completion.end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    def inspect(self, content: Content) -> Content:
        """Return the content of the reply to an `inspect_request`: the documentation of the name at the cursor."""
        from kosmo_kernel import editor

        lua_cursor = editor.lua_at_cursor(content["code"], content["cursor_pos"], lua=True)
        page = lua_cursor.inspect(self.session, content.get("detail_level", 0)) if lua_cursor else None
        data = {} if page is None else bundle_of(page)
        return {"found": page is not None, "data": data, "metadata": {}}

    def is_complete(self, code: str) -> Content:
        """Return the content of an `is_complete_reply`: whether Enter runs the cell or starts a new line."""
        try:
            cell = parse_cell(code)
        except UserError:
            return {"status": "invalid"}
        if cell.help_name or cell.commands:
            return {"status": "complete"}
        try:
            status, indent = self.session.completeness(cell.lua)
        except TryLaterError:  # a cell is running
            return {"status": "unknown"}
        return {"status": status} | ({"indent": indent} if status == "incomplete" else {})

    @contextmanager
    def _rendering(self) -> Iterator[None]:
        """Mark a block that renders values: an interrupt ends it, also one that came just before."""
        with self.session.interruptible:
            if self._stopped():
                raise StoppedError("Interrupted.")
            yield

    def _error_content(self, error: BaseException) -> Content:
        """Return the content of the `error` message for a failure, or for an interrupt while it is formatted."""
        try:
            with self._formatting_error:
                return self._format_error(error)
        except StoppedError as stopped:
            return self._format_error(stopped)

    def _format_error(self, error: BaseException) -> Content:
        """Return the content of the `error` message for a failure."""
        if isinstance(error, KeyboardInterrupt):
            error = StoppedError("Interrupted.")
        return {**error_content(error)}

    def _run(
        self, cell: Cell, number: int, send: Callable[[str, Content], None], ask: Callable[..., str | None] | None
    ) -> None:
        """Run the Lua code of a cell and show its values.

        Raises:
            KosmoError: the run failed.
        """

        def write(stream: str, text: str) -> None:
            send("stream", {"name": stream, "text": text})

        def show(display: Display) -> None:
            if display.clears:
                line.cleared()
            _send_display(send, display)

        line = NotebookProgress(show)
        name, own_number = (f"In[{number}]", number) if self._stored else ("Lua", None)
        try:
            with self.session.keep_error():
                with line:
                    options = cell.options.changed(name=name, number=own_number)
                    frontend = Frontend(write, ask, partial(ask, "l") if ask else None, show, line)
                    result = self.session.execute(cell.lua, options, frontend)
                for display in plan_note(result):
                    show(display)
                note, notes = result.split_notes(tables=not (result.hidden or cell.options.raw))
                _show_notes(notes, show)
                if not result.hidden:
                    self._show(result.values_to_show, cell, number, send, note)
        except KosmoError as error:
            with self._formatting_error:
                plan = failed_plan(error.result, cell.options)
            for display in plan:
                show(display)
            _show_notes(error.result.labelled_notes() if error.result is not None else (), show)
            if not cell.options.no_raise_error:
                raise
            write("stderr", "\n".join(self._error_content(error)["traceback"]) + "\n")

    def _show(
        self, values: list[Any], cell: Cell, number: int, send: Callable[[str, Content], None], note: str = ""
    ) -> None:
        """Send the first value of a cell as its result, the others as displays; show a note below the first table."""
        with self._rendering():
            output_name = f"Out[{number}]" if self._stored else FULL_VALUE
            bundles = bundles_of(values, cell.options, note, output_name)
        for bundle in bundles[:1]:
            if self._stored:
                self.history.show(number, bundle.get("text/plain", ""))
            send("execute_result", {"data": bundle, "metadata": {}, "execution_count": number})
        for bundle in bundles[1:]:
            send("display_data", {"data": bundle, "metadata": {}})

    def _evaluate(self, expression: str) -> Content:
        """Return the value of a user expression as a bundle, or its error."""
        try:
            values = self.session.run(expression).values
            with self._rendering():
                bundles = bundles_of(values, Options())
        except KosmoError as error:
            return self._error_content(error) | {"status": "error"}
        return {"status": "ok", "data": bundles[0] if bundles else {}, "metadata": {}}


def _ask(command: str, line: str, context: NotebookContext) -> Any:
    from kosmo_kernel.checks.cell import ask_in_cell

    return ask_in_cell(command, line, context)


def _set_variable(session: Session, name: str, value: Any) -> None:
    from kosmo_kernel.checks.cell import set_lua_variable

    set_lua_variable(session, name, value)


def _send_display(send: Callable[[str, Content], None], display: Display) -> None:
    """Send the message for a display."""
    if display.clears:
        send("clear_output", {"wait": display.wait})
        return
    transient = {"display_id": display.id} if display.id else {}
    data = with_outline(display.bundle, display.value)
    kind = "update_display_data" if display.update else "display_data"
    send(kind, {"data": data, "metadata": {}, "transient": transient})


def _show_notes(notes: Sequence[Note], show: Callable[[Display], None]) -> None:
    """Show the notes about a run, if there are any."""
    if notes:
        show(Display(bundle_of_notes(notes)))
