"""One run of a script, as its script sees it: calls are made, pages read, output passed on, and all of it is noted.

Every text that leaves passes `LuaRun.clean`: no token in it, and nothing that moves a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel import accounts, docs, integrations, safety
from kosmo_kernel.accounts.account import adding
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

MAX_OUTPUT_BYTES = 1 << 20  # bytes that one run may print
MAX_OUTPUT_LINES = 20_000
MAX_DISPLAYS = 1_000  # things that one run may show
MAX_SECRET_LENGTH = 64 << 10  # characters
MAX_PAGES = 1_000  # pages of the reference that a run remembers to be such
MAX_ERRORS = 1_000  # errors that answered the script, of which it may end in one
MAX_NOTE_LENGTH = 1_000  # characters of a note
MAX_DISPLAYS_LENGTH = 8 << 20  # and characters of all of them
POLL_INTERVAL_SECONDS = 0.1  # between two looks at whether somebody still waits for a single call


@dataclass(slots=True)
class LuaRun:
    """One run's answers to its script: the machine's `Host`.

    Parameters:
        asking: its calls.
        tokens: gives the tokens that no text may show.
        result: what is being filled in.
        on_output: is passed what the script prints.
        on_input: answers what it reads.
        on_display: is passed what the script shows; None prints its text.
        outputs: what cells before gave, by number.
        scripts: the texts of this run and of those before.
        names: the accounts of an integration.
        interruptible: the block in which what the script shows is made.
    """

    asking: CallTracker
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
    _pages: dict[str, docs.Page] = field(default_factory=dict)  # by their text, as Lua has it
    _bytes: int = 0
    _lines: int = 0
    _cut: bool = False
    _shown: int = 0
    _no_more: bool = False

    def prepare(self, request: CallRequest) -> Prepared:
        """Check a call."""
        return self.asking.prepare(request)

    def answers(self, seconds: float) -> list[tuple[int, list[Any] | KosmoError]]:
        """What was answered, waiting for at most so long when nothing was yet."""
        found = self.asking.answers(seconds)
        for line in self.asking.lines():
            self.output("stderr", line)
        self._show(self.asking.displays())
        return found

    def answer(self, request: CallRequest, gone: Callable[[], bool]) -> list[Any]:
        """Make one call and wait for what it gives.

        Parameters:
            request: the call.
            gone: tells whether nobody waits any more.

        Raises:
            StoppedError: nobody waits any more.
            KosmoError: what the call failed with.
        """
        self.prepare(request).begin(BLOCKING)
        while not gone():
            for _, found in self.answers(POLL_INTERVAL_SECONDS):
                if isinstance(found, KosmoError):
                    raise found
                return found
        raise StoppedError("Interrupted.")

    def mcp(self, verb: str, asked: Mapping[str, Any]) -> list[Any]:
        """What the script asks of MCP servers besides calls."""
        answer = self.asking.tools.question(verb, asked)
        self._show(answer.shown)
        return answer.values

    def _show(self, pieces: Iterable[tuple[str, bytes]]) -> None:
        for form, given in pieces:
            self.display(DisplayRequest(form, given, "", update=False, wait=False, size=len(given)))

    def items(self, coming: int, done: int) -> None:
        """Items of a `parallel.map` are begun or done."""
        self.asking.items(coming, done)

    def drop(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self.asking.cancel(number)

    def failures(self, count: int, of: int, rows: list[dict[str, Any]]) -> None:
        """Items of a `parallel.map` failed and were collected."""
        what = f"{count:,} of {of:,} items failed"
        self.asking.failures(f"{what}: {rows[0].get('message')}" if rows else what, rows)

    def integration(self, name: str) -> tuple[dict[str, Any], Mapping[str, Function]]:
        """An integration that is installed beside the built-in ones: what Lua has of it, its functions by full name."""
        found = integrations.find(name)
        return surface([found], {name: self.names(found)})[0], found.by_full_name()

    def space(self, integration: str, key: str) -> str:
        """The account that a name in a namespace means."""
        found = integrations.find(integration)
        if key == accounts.DEFAULT or normalize_alias(key) in map(normalize_alias, self.names(found)):
            return key
        raise _unknown(found, key, self.names(found))

    def docs(self, verb: str, page: str) -> str:
        """A page of the reference, remembered so that a cell's value which is that page is shown as Markdown."""
        if verb == "read" and page.removeprefix("app.").startswith("mcp.") and self.asking.tools.has_page(page):
            return self._remembered(self.asking.tools.page(page))
        made = {"read": docs.read, "search": docs.search}.get(verb)
        found = made(page) if made else docs.list_pages()
        return self._remembered(found)

    def _remembered(self, found: Page) -> str:
        if len(self._pages) < MAX_PAGES:
            self._pages[str(found)] = found
        return str(found)

    def remember_pages(self, values: Iterable[Any]) -> None:
        """The script is given these values; a page among them stays one."""
        self._pages.update((str(value), value) for value in values if isinstance(value, docs.Page))

    def page(self, value: Any) -> Any:
        """A value of the run, as a page where it is the text of one."""
        return self._pages.get(value, value) if type(value) is str else value

    def output(self, stream: str, text: str) -> None:
        """The script printed: pass it on, up to the limit."""
        if self._cut:
            return
        room_lines, room = MAX_OUTPUT_LINES - self._lines, MAX_OUTPUT_BYTES - self._bytes
        is_longer = len(text) > room + 2 * MAX_SECRET_LENGTH
        text = self.clean(text[: room + 2 * MAX_SECRET_LENGTH])
        if is_longer:  # a secret that is cut in two is not known for one any more: what may be part of one is left out
            text = text[:-MAX_SECRET_LENGTH]
        lines = text.count("\n")
        if is_longer or lines > room_lines or len(text) > room:
            text = "".join(text.splitlines(keepends=True)[:room_lines])[:room]
            self._cut = True
        self._lines, self._bytes = self._lines + lines, self._bytes + len(text)
        self._emit(stream, text)
        if self._cut:
            bounds = f"{MAX_OUTPUT_LINES:,} lines and {MAX_OUTPUT_BYTES:,} bytes"
            self._emit("stderr", f"\n… the output is cut here: a run prints at most {bounds}\n")

    def display(self, request: DisplayRequest) -> None:
        """The script showed something: make it harmless and pass it on, up to the limit."""
        if self._no_more:
            return
        try:
            with self.interruptible:
                display = self._made(request)
        except safety.UnsafeContentError as error:
            self.output("stderr", f"display.{request.form}: {error}\n")
            return
        self._shown += max(display.size, request.size)  # a value is kept whole, and its text may show a part only
        if self._shown > MAX_DISPLAYS_LENGTH or len(self.result.displays) == MAX_DISPLAYS:
            self._no_more = True
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
        given = request.given if isinstance(request.given, bytes) else self.page(request.given)
        value = None if isinstance(given, bytes) else given
        return Display(bundle_from(request.form, given, self.clean), value, self.clean(request.id), request.update)

    def clean(self, text: str) -> str:
        """A text as it may leave: without tokens, and without what moves a terminal."""
        return safety.sanitize_text(self.redact(text)).encode(errors="replace").decode()

    def redact(self, text: str) -> str:
        """A text without tokens: those in use, and whatever looks like one."""
        return redact(text, self.tokens())

    def _emit(self, stream: str, text: str) -> None:
        self._pieces.append(text)
        if self.on_output:
            self.on_output(stream, text)

    def failed(self, error: KosmoError) -> None:
        """A question was answered by an error, which the script may catch or end in."""
        self.errors.append(error)
        if len(self.errors) > 2 * MAX_ERRORS:
            del self.errors[:MAX_ERRORS]

    def output_of(self, number: int) -> Any:
        """What `Out[number]` is: records with a type as they came, other data as tables of its own."""
        value = self.outputs.get(number)
        if isinstance(value, docs.Page):
            self._pages[str(value)] = value
        return value.rows if isinstance(value, Records) and value.function is None else value

    def output_numbers(self) -> list[int]:
        """The cells whose values are kept."""
        return sorted(self.outputs)

    def joins(self, chunk: str, first: int, last: int) -> bool:
        """Return whether a text joins the lines from one to another with `..`."""
        return self.scripts.concatenations(chunk, first, last)

    def orders(self) -> tuple[list[str], list[Names]]:
        """In which order the texts name keys."""
        return self.scripts.key_orders()

    def input(self, form: str) -> str | None:
        """What `io.read` gets."""
        return self.on_input(form) if self.on_input else None

    def end(self, started: float) -> None:
        """The run is over."""
        told, unread = map(self._cleaned, self.asking.end())
        self.result.unread = list(unread)
        self.result.notes += [note for note in told | unread if note not in self.result.notes]
        self.result.seconds = time.perf_counter() - started
        self.result.output = "".join(self._pieces)

    def _cleaned(self, notes: Sequence[str]) -> dict[str, None]:
        """Notes for people, each once."""
        return (
            dict.fromkeys(one_line(self.clean(note), self.tokens(), MAX_NOTE_LENGTH) for note in notes) if notes else {}
        )


def _unknown(integration: Integration, key: str, aliases: Sequence[str]) -> UnknownNameError:
    """A name that is neither a function nor an account."""
    near = nearest(key, [*(f.name for f in integration.functions), *aliases])
    told = f"{integration.title} has no function and no account `{key}`."
    if not near:
        how = adding(integration.name, "NAME")
        told += f' `docs.read("{integration.name}")` has its functions, and `{how}` adds an account.'
    return UnknownNameError(told, tuple(accounts.lua_path(integration, name) for name in near or aliases))
