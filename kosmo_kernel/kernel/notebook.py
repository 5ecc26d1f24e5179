"""One notebook's Lua: the session behind it, what was typed, and the content of each answer.

Here are the contents of Jupyter's messages but none of its sockets: what a cell shows is given to `send`,
and `ask` gets a line of input. The kernel loads this module when the first request after `kernel_info`
comes, or right behind that one, since it and what it needs would add a quarter to the kernel's start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kosmo_kernel import docs, editor
from kosmo_kernel.accounts import demo_chosen
from kosmo_kernel.errors import KosmoError, StoppedError, UserError
from kosmo_kernel.explorer import explore
from kosmo_kernel.kernel.execute import bundles_of, folding
from kosmo_kernel.kernel.failures import error_content
from kosmo_kernel.kernel.history import History
from kosmo_kernel.lua.interrupts import Interruptible
from kosmo_kernel.notebook.cell_syntax import Cell, parse_cell
from kosmo_kernel.notebook.cell_value import NotebookProgress, small_note
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.notebook.error_report import report_lines
from kosmo_kernel.render.display import Display, bundle_of
from kosmo_kernel.results.dry_run import replace_values_with_plan
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.project_file import settings_of

Content = dict[str, Any]

CLOSE_INTERRUPT_INTERVAL_SECONDS = 0.1  # seconds between two interrupts while Lua is being closed


class KernelNotebook:
    """The Lua of one notebook.

    Parameters:
        session: the Lua state.
        send: broadcasts a message of a type with a content.
        ask: gets what `io.read` reads, given the format, or the answer to a question; None at the end of the input.
        stopped: says whether the cell that runs was interrupted, be it before there was a notebook.
    """

    def __init__(
        self,
        session: Session,
        send: Callable[[str, Content], None],
        ask: Callable[..., str | None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session = session
        self.history = History()
        self._send = send
        self._ask = ask
        self._stopped = stopped
        self._telling = Interruptible()  # what an error says
        self._stored = False  # whether the cell that runs has a number of its own
        self._settings: dict[str, Any] | None = None  # of the project; None until they were read without a mistake

    def interrupt(self) -> bool:
        """Stop the cell that runs, or what a widget began. Raises nothing; from any thread or a signal handler.

        Returns:
            Whether the main thread makes what the cell shows; `stop_making` then has it end.
        """
        telling = self._telling.is_open  # before Lua is stopped, since it then tells of that
        if not self.session.interruptible.is_open:
            self.session.interrupt()
        return telling or self.session.interruptible.is_open

    def stop_making(self) -> None:
        """End what the main thread makes of a cell's values and errors. Only for signal handlers.

        Raises:
            KeyboardInterrupt: it makes something.
        """
        self._telling.interrupt()
        self.session.interruptible.interrupt()

    def close(self) -> None:
        """End the Lua process, and first the cell that runs. For another thread than the one that runs cells."""
        closing = threading.Thread(target=self.session.close, name="closing Lua")
        closing.start()
        while closing.is_alive():  # a single interrupt could fall between two cells
            self.interrupt()
            closing.join(CLOSE_INTERRUPT_INTERVAL_SECONDS)
        self.history.close()

    def execute(
        self, code: str, number: int, *, stored: bool, silent: bool, input_allowed: bool, expressions: dict[str, str]
    ) -> Content:
        """Run a cell and broadcast what it shows.

        Args:
            code: the cell.
            number: the number of the last stored cell, which is this one if it is stored.
            stored: whether the cell has a number of its own.
            silent: whether nothing is broadcast.
            input_allowed: whether the front end can be asked for input.
            expressions: Lua expressions that the reply shows the values of, by a name of the front end's.

        Returns:
            The reply.
        """
        self._stored = stored
        if stored:
            self.history.add(number, code)
        reply: Content = {"status": "ok", "execution_count": number, "payload": [], "user_expressions": {}}
        send = _nowhere if silent else self._send
        keep = True
        try:
            with self.session.expected():
                if self._stopped():  # before an interrupt was heeded here
                    raise StoppedError("Interrupted.")  # noqa: TRY301 - it ends as any other does
                cell = self._settled(parse_cell(code))
                if cell.asked:
                    reply["payload"] = self._page(cell)
                keep = False
                for command in cell.commands:
                    value = run_command(command, NotebookContext(self.session, explore=explore))
                    if value is not None:
                        self._show([value], cell, number, send)
                keep = True
                if cell.lua.strip():
                    self._run(
                        cell, number, f"In[{number}]" if stored else "Lua", send, self._ask if input_allowed else None
                    )
                reply["user_expressions"] = {key: self._evaluate(lua) for key, lua in expressions.items()}
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a front end waits for ever for its reply
            content = self._told(error, keep=keep)
            send("error", content)
            reply |= content | {"status": "error"}
        return reply

    def complete(self, code: str, cursor: int) -> Content:
        """What can stand at the cursor."""
        place = editor.lua_at_cursor(code, cursor, lua=True)
        found = place.complete(self.session) if place else editor.Completion((), cursor, cursor)
        span = {"start": found.start, "end": found.end}
        types = [span | {"text": m.text, "type": m.type, "signature": m.signature} for m in found.matches]
        return {
            "matches": [match.text for match in found.matches],
            "cursor_start": found.start,
            "cursor_end": found.end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    def inspect(self, code: str, cursor: int, detail: int) -> Content:
        """What is known of the name at the cursor."""
        place = editor.lua_at_cursor(code, cursor, lua=True)
        page = place.inspect(self.session, detail) if place else None
        data = {} if page is None else bundle_of(page)
        return {"found": page is not None, "data": data, "metadata": {}}

    def is_complete(self, code: str) -> Content:
        """Whether Enter should run the cell or start a new line."""
        try:
            cell = parse_cell(code)
        except UserError:
            return {"status": "invalid"}
        if cell.asked or cell.commands:
            return {"status": "complete"}
        status, indent = self.session.completeness(cell.lua)
        return {"status": status} | ({"indent": indent} if status == "incomplete" else {})

    def _settled(self, cell: Cell) -> Cell:
        """A cell, with what the project says where the cell says nothing.

        Raises:
            UserError: a mistake in the project's settings.
        """
        if self._settings is None:
            found = settings_of(Path.cwd())
            account = found.pop("account", None)
            if account is not None and not demo_chosen():
                self.session.account = account
            self._settings = found
        return replace(cell, options=cell.options.over(self._settings))

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Make what is to be shown, which an interrupt ends, be it one that came just before."""
        with self.session.interruptible:
            if self._stopped():
                raise StoppedError("Interrupted.")
            yield

    def _told(self, error: BaseException, *, keep: bool = True) -> Content:
        """As `_failed`; that it was interrupted, if it is while that is made."""
        try:
            with self._telling:
                return self._failed(error, keep=keep)
        except StoppedError as stopped:
            return self._failed(stopped, keep=keep)

    def _failed(self, error: BaseException, *, keep: bool = True) -> Content:
        """The content of the message that a cell failed.

        Parameters:
            error: why.
            keep: whether `%kosmo error` tells of it later, as it does of all but what a command ended in.
        """
        if isinstance(error, KeyboardInterrupt):
            error = StoppedError("Interrupted.")
        content = error_content(error)
        if isinstance(error, KosmoError):
            if keep:
                self.session.last_error = error
            if (self._settings or {}).get("errors") == "full":
                content["traceback"] += report_lines(error)
        return content

    def _run(
        self,
        cell: Cell,
        number: int,
        name: str,
        send: Callable[[str, Content], None],
        ask: Callable[..., str | None] | None,
    ) -> None:
        """Run the Lua of a cell and show what it gives.

        Raises:
            KosmoError: it failed.
        """

        def write(stream: str, text: str) -> None:
            send("stream", {"name": stream, "text": text})

        def show(display: Display) -> None:
            if display.clears:
                line.cleared()
            send(*_message_of(display))

        line = NotebookProgress(show)
        try:
            with line:
                result = self.session.run(
                    cell.lua,
                    name=name,
                    account=cell.options.account,
                    timeout=cell.options.timeout,
                    memory_limit=cell.options.memory_limit,
                    on_output=write,
                    on_input=ask,
                    on_ask=partial(ask, "l") if ask else None,
                    on_display=show,
                    on_progress=line,
                    dry_run=cell.options.dry_run,
                    fresh=cell.options.fresh,
                    number=number if self._stored else None,
                )
        except KosmoError as error:
            if cell.options.dry_run and error.result is not None:
                with self._telling:
                    plan, bundles = (
                        small_note(replace_values_with_plan(error.result)),
                        bundles_of(error.result.values, cell.options),
                    )
                show(plan)
                for bundle in bundles:
                    send("display_data", {"data": bundle, "metadata": {}})
            _write_notes(error.result.notes if error.result is not None else (), write)
            if not cell.options.no_raise_error:
                raise
            write("stderr", "\n".join(self._told(error)["traceback"]) + "\n")
            return
        if cell.options.dry_run:
            with self._making():
                plan = small_note(replace_values_with_plan(result))
            show(plan)
        below, beside = result.split_notes(tables=not (result.hidden or cell.options.raw))
        _write_notes(beside, write)
        if not result.hidden:
            self._show(result.values, cell, number, send, below)

    def _show(
        self, values: list[Any], cell: Cell, number: int, send: Callable[[str, Content], None], note: str = ""
    ) -> None:
        """Show the values of a cell: the first as its result, the others below it; a note below the first table."""
        with self._making():
            bundles = bundles_of(values, cell.options, note)
        for bundle in bundles[:1]:
            if self._stored:
                self.history.show(number, bundle.get("text/plain", ""))
            send("execute_result", {"data": bundle, "metadata": {}, "execution_count": number})
        for bundle in bundles[1:]:
            send("display_data", {"data": bundle, "metadata": {}})

    def _evaluate(self, expression: str) -> Content:
        """One user expression: its value as the front end would show it, or its error."""
        try:
            values = self.session.run(expression).values
            with self._making():
                bundles = bundles_of(values, Options())
        except KosmoError as error:
            return error_content(error) | {"status": "error"}
        return {"status": "ok", "data": bundles[0] if bundles else {}, "metadata": {}}

    def _page(self, cell: Cell) -> list[Content]:
        """The payload that opens the documentation of a name, or of a page.

        Raises:
            UnknownNameError: nothing is known of it.
        """
        page = editor.inspect(cell.asked, len(cell.asked), self.session, cell.detail) or docs.read(cell.asked)
        return [{"source": "page", "data": bundle_of(page), "start": 0}]


def _message_of(display: Display) -> tuple[str, Content]:
    """The kind and the content of the message that shows something beside a cell's value."""
    if display.clears:
        return "clear_output", {"wait": display.wait}
    transient = {"display_id": display.id} if display.id else {}
    kind = "update_display_data" if display.update else "display_data"
    return kind, {"data": folding(display.bundle, display.value), "metadata": {}, "transient": transient}


def _nowhere(_kind: str, _content: Content) -> None:
    """Take what a silent cell shows."""


def _write_notes(notes: Sequence[str], write: Callable[[str, str], None]) -> None:
    """Say what there is to say about a run, below what it printed."""
    if notes:
        write("stderr", "".join(f"{note}\n" for note in notes))
