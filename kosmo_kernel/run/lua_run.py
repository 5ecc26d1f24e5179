"""Answer the requests of a running script: calls, reference pages, output and displays, and add them to the result.

Every text that leaves the run passes through `LuaRun.clean`, which redacts tokens and removes terminal control codes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel import accounts, docs, integrations, safety
from kosmo_kernel.accounts.account import add_command
from kosmo_kernel.catalogue import Function, Integration, nearest
from kosmo_kernel.docs import Page
from kosmo_kernel.errors import KosmoError, StoppedError, UnknownNameError
from kosmo_kernel.lua.host import CallRequest, DisplayRequest, Prepared
from kosmo_kernel.lua.interrupts import Interruptible
from kosmo_kernel.lua.surface import surface
from kosmo_kernel.render.display import CLEAR, Display, bundle_from
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.call_tracker import BLOCKING, CallTracker
from kosmo_kernel.run.chunks import ChunkHistory, Names
from kosmo_kernel.safety.redaction import one_line, redact
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.values.records import Records

MAX_OUTPUT_BYTES = 1 << 20  # printed by one run
MAX_OUTPUT_LINES = 20_000
MAX_DISPLAYS = 1_000  # of one run
MAX_SECRET_LENGTH = 64 << 10  # characters
MAX_PAGES = 1_000  # pages of the reference that a run keeps, to recognize their text
MAX_ERRORS = 1_000  # latest error replies to the script, one of which may have ended it
MAX_NOTE_LENGTH = 1_000  # characters of a note
MAX_DISPLAYS_LENGTH = 8 << 20  # characters of all displays of one run
POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation of a single call


@dataclass(slots=True)
class LuaRun:
    """One run's replies to the requests of its script: the `Host` of the Lua machine.

    Parameters:
        call_tracker: the tracker of the run's calls.
        tokens: returns the tokens to redact from every text.
        result: the result to fill in.
        on_output: callback for the script's output: the stream and the text.
        on_input: returns the input for `io.read`; None without input.
        on_display: callback for displays; None prints their text instead.
        outputs: the values of earlier cells, by number.
        scripts: the texts of this and earlier runs.
        names: returns the accounts of an integration.
        interruptible: the context manager in which displays are made, so that an interrupt can stop it.
        errors: the latest error replies to the script.
    """

    call_tracker: CallTracker
    tokens: Callable[[], tuple[str, ...]]
    result: Result
    on_output: Callable[[str, str], None] | None
    on_input: Callable[[str], str | None] | None
    on_display: Callable[[Display], None] | None = None
    outputs: Mapping[int, Any] = field(default_factory=dict)
    scripts: ChunkHistory = field(default_factory=ChunkHistory)
    names: Callable[[Integration], list[str]] = accounts.names
    interruptible: Interruptible = field(default_factory=Interruptible)
    errors: list[KosmoError] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _pages: dict[str, docs.Page] = field(default_factory=dict)  # by their text
    _bytes: int = 0
    _lines: int = 0
    _cut: bool = False
    _shown: int = 0
    _is_display_full: bool = False

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call, and return what begins it."""
        return self.call_tracker.prepare(request)

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | KosmoError]]:
        """Return the new answers by the number of their call, waiting up to some seconds for the first one."""
        answers = self.call_tracker.answers(seconds)
        for line in self.call_tracker.lines():
            self.output("stderr", line)
        self._show(self.call_tracker.displays())
        return answers

    def answer(self, request: CallRequest, is_cancelled: Callable[[], bool]) -> list[Any]:
        """Make one call, wait for it, and return its values.

        Parameters:
            request: the call.
            is_cancelled: returns whether the call was cancelled.

        Raises:
            StoppedError: the call was cancelled.
            KosmoError: the call failed.
        """
        self.prepare(request).begin(BLOCKING)
        while not is_cancelled():
            for _, answer in self.answers(POLL_INTERVAL_SECONDS):
                if isinstance(answer, KosmoError):
                    raise answer
                return answer
        raise StoppedError("Interrupted.")

    def mcp(self, verb: str, asked: Mapping[str, Any]) -> list[Any]:
        """Answer a request to MCP servers that is no call of a tool."""
        answer = self.call_tracker.tools.question(verb, asked)
        self._show(answer.shown)
        return answer.values

    def _show(self, pieces: Iterable[tuple[str, bytes]]) -> None:
        for form, content in pieces:
            self.display(DisplayRequest(form, content, "", update=False, wait=False, size=len(content)))

    def items(self, coming: int, done: int) -> None:
        """Count items of `parallel.map` that are begun or done."""
        self.call_tracker.items(coming, done)

    def cancel(self, number: int) -> None:
        """Cancel a call by its number."""
        self.call_tracker.cancel(number)

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """Add failed items of `parallel.map` to the result."""
        what = f"{count:,} of {of:,} items failed"
        self.call_tracker.failures(f"{what}: {rows[0].get('message')}" if rows else what, rows)

    def integration(self, name: str) -> tuple[dict[str, Any], Mapping[str, Function]]:
        """Return an installed integration: its description for Lua, and its functions by full name."""
        integration = integrations.find(name)
        return surface([integration], {name: self.names(integration)})[0], integration.by_full_name()

    def resolve_account(self, integration: str, key: str) -> str:
        """Return the account to which a name in an integration's namespace refers.

        Raises:
            UnknownNameError: there is no such account.
        """
        service = integrations.find(integration)
        if key == accounts.DEFAULT or normalize_alias(key) in map(normalize_alias, self.names(service)):
            return key
        raise _unknown(service, key, self.names(service))

    def docs(self, verb: str, page: str) -> str:
        """Return a page of the reference, and keep it, so that a cell's value with this text is shown as Markdown."""
        if verb == "read" and page.removeprefix("app.").startswith("mcp.") and self.call_tracker.tools.has_page(page):
            return self._remembered(self.call_tracker.tools.page(page))
        lookup = {"read": docs.read, "search": docs.search}.get(verb)
        return self._remembered(lookup(page) if lookup else docs.list_pages())

    def _remembered(self, page: Page) -> str:
        if len(self._pages) < MAX_PAGES:
            self._pages[str(page)] = page
        return str(page)

    def remember_pages(self, values: Iterable[Any]) -> None:
        """Keep the pages among values that the script receives, so that `page` recognizes their text."""
        self._pages.update((str(value), value) for value in values if isinstance(value, docs.Page))

    def page(self, value: Any) -> Any:
        """Return a value of the run, or the page whose text it is."""
        return self._pages.get(value, value) if type(value) is str else value

    def output(self, stream: str, text: str) -> None:
        """Pass on the script's output, up to the limit."""
        if self._cut:
            return
        remaining_lines, remaining = MAX_OUTPUT_LINES - self._lines, MAX_OUTPUT_BYTES - self._bytes
        is_longer = len(text) > remaining + 2 * MAX_SECRET_LENGTH
        text = self.clean(text[: remaining + 2 * MAX_SECRET_LENGTH])
        if is_longer:  # a secret cut in two is not recognized, so drop what may be a part of one
            text = text[:-MAX_SECRET_LENGTH]
        lines = text.count("\n")
        if is_longer or lines > remaining_lines or len(text) > remaining:
            text = "".join(text.splitlines(keepends=True)[:remaining_lines])[:remaining]
            self._cut = True
        self._lines, self._bytes = self._lines + lines, self._bytes + len(text)
        self._emit(stream, text)
        if self._cut:
            bounds = f"{MAX_OUTPUT_LINES:,} lines and {MAX_OUTPUT_BYTES:,} bytes"
            self._emit("stderr", f"\n… the output is cut here: a run prints at most {bounds}\n")

    def display(self, request: DisplayRequest) -> None:
        """Sanitize and pass on a display of the script, up to the limit."""
        if self._is_display_full:
            return
        try:
            with self.interruptible:
                display = self._made(request)
        except safety.UnsafeContentError as error:
            self.output("stderr", f"display.{request.form}: {error}\n")
            return
        self._shown += max(display.size, request.size)  # the whole value is kept, even if its text shows only a part
        if self._shown > MAX_DISPLAYS_LENGTH or len(self.result.displays) == MAX_DISPLAYS:
            self._is_display_full = True
            self.output(
                "stderr",
                f"… what is shown ends here: a run shows at most {MAX_DISPLAYS:,} things "
                f"and {MAX_DISPLAYS_LENGTH:,} characters of them\n",
            )
            return
        self.result.displays.append(display)
        if self.on_display:
            self.on_display(display)
        elif not display.clears:
            self.output("stdout", display.bundle["text/plain"] + "\n")

    def _made(self, request: DisplayRequest) -> Display:
        if request.form == CLEAR:
            return Display(wait=request.wait)
        content = request.content if isinstance(request.content, bytes) else self.page(request.content)
        value = None if isinstance(content, bytes) else content
        return Display(bundle_from(request.form, content, self.clean), value, self.clean(request.id), request.update)

    def clean(self, text: str) -> str:
        """Return a text with tokens redacted and terminal control codes removed."""
        return safety.sanitize_text(self.redact(text)).encode(errors="replace").decode()

    def redact(self, text: str) -> str:
        """Return a text with tokens redacted: those in use, and everything that looks like one."""
        return redact(text, self.tokens())

    def _emit(self, stream: str, text: str) -> None:
        self._pieces.append(text)
        if self.on_output:
            self.on_output(stream, text)

    def failed(self, error: KosmoError) -> None:
        """Keep an error reply, which the script may catch or end with."""
        self.errors.append(error)
        if len(self.errors) > 2 * MAX_ERRORS:
            del self.errors[:MAX_ERRORS]

    def output_of(self, number: int) -> Any:
        """Return the value of `Out[number]`: records of a function as such, other data as plain tables."""
        value = self.outputs.get(number)
        if isinstance(value, docs.Page):
            self._pages[str(value)] = value
        return value.rows if isinstance(value, Records) and value.function is None else value

    def output_numbers(self) -> list[int]:
        """Return the numbers of the cells whose values are kept."""
        return sorted(self.outputs)

    def is_one_expression(self, chunk: str, first: int, last: int) -> bool:
        """Return whether `..` joins each of the lines `first` to `last` of a chunk to the next."""
        return self.scripts.concatenations(chunk, first, last)

    def key_orders(self) -> tuple[list[str], list[Names]]:
        """Return the order of table keys in the texts; see `ChunkHistory.key_orders`."""
        return self.scripts.key_orders()

    def input(self, form: str) -> str | None:
        """Return the input for `io.read`; None if there is none."""
        return self.on_input(form) if self.on_input else None

    def end(self, started: float) -> None:
        """End the run, and complete its result."""
        notes, unread = map(self._cleaned, self.call_tracker.end())
        self.result.unread = list(unread)
        self.result.notes += [note for note in notes | unread if note not in self.result.notes]
        self.result.seconds = time.perf_counter() - started
        self.result.output = "".join(self._pieces)

    def _cleaned(self, notes: Sequence[str]) -> dict[str, None]:
        """Return sanitized notes without duplicates."""
        return (
            dict.fromkeys(one_line(self.clean(note), self.tokens(), MAX_NOTE_LENGTH) for note in notes) if notes else {}
        )


def _unknown(integration: Integration, key: str, aliases: Sequence[str]) -> UnknownNameError:
    """Return the error for a name that is neither a function nor an account."""
    near = nearest(key, [*(f.name for f in integration.functions), *aliases])
    message = f"{integration.title} has no function and no account `{key}`."
    if not near:
        how = add_command(integration.name, "NAME")
        message += f' `docs.read("{integration.name}")` has its functions, and `{how}` adds an account.'
    return UnknownNameError(message, tuple(accounts.lua_path(integration, name) for name in near or aliases))
