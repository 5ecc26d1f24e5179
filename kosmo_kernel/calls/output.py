"""Pass callbacks and output between a run and its user interface; the output is sanitized and limited.

Every text that leaves the run passes through `RunOutput.clean`, which redacts tokens and removes terminal control
codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.errors import LimitError
from kosmo_kernel.pages import Page
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import CLEAR, Display, DisplayRequest, bundle_from
from kosmo_kernel.results import Result
from kosmo_kernel.safety.redaction import one_line, redact
from kosmo_kernel.safety.text import UnsafeContentError, sanitize_text

MAX_OUTPUT_BYTES = 1 << 20  # printed by one run
MAX_OUTPUT_LINES = 20_000
MAX_DISPLAYS = 1_000  # of one run
MAX_SECRET_LENGTH = 64 << 10  # characters
MAX_PAGES = 1_000  # pages of the reference that a run keeps, to recognize their text
MAX_NOTE_LENGTH = 1_000  # characters of a note
MAX_UNMATCHED_TESTS = 100  # tests of `list.filter` and the like that match nothing
LUA_ID = "lua:"  # in front of a script's ids, so that it cannot replace an output that Python displayed under an id
MAX_DISPLAYS_LENGTH = 8 << 20  # characters of all displays of one run


class Frontend(Struct, frozen=True):
    """The callbacks of a user interface. They are called in the thread that runs the script, while it runs."""

    output: Callable[[str, str], None] | None = None  # called with `stdout` or `stderr` and a text
    # Returns a line for `io.read` (called with `l`, `L` or `a`); without it, Lua reads an empty file.
    input: Callable[[str], str | None] | None = None
    # Called with a question about a call that needs consent; returns the user's reply, or None if there is no user.
    # Without it, such a call is an error.
    ask: Callable[[str], str | None] | None = None
    # Called with each object of `display`; without it, its text is printed.
    display: Callable[[Display], None] | None = None
    # Called while the run waits for a remote account: first after half a second of waiting, at most ten times a second,
    # and once at the end. See `progress/display.py` for KOSMO_PROGRESS.
    progress: Callable[[ProgressSnapshot], None] | None = None


NO_FRONTEND = Frontend()


class RunOutput:
    """The output of one run.

    Parameters:
        result: the result to which displays and notes are added.
        frontend: the callbacks of the user interface.
        tokens: returns the tokens to redact from every text.
        interruptible: the context manager in which displays are made, so that an interrupt can stop it.

    Attributes:
        unmatched_tests: the field and the wanted text of tests that match nothing, each with a text that the field has.
        absent_fields: the warnings about fields that no item of a list has.
    """

    def __init__(
        self,
        result: Result,
        frontend: Frontend,
        tokens: Callable[[], tuple[str, ...]],
        interruptible: Interruptible,
    ) -> None:
        self._result, self._frontend, self._tokens = result, frontend, tokens
        self._interruptible = interruptible
        self._pieces: list[str] = []
        self._pages: dict[str, Page] = {}  # by their text
        self._bytes = self._lines = 0
        self._is_cut = self._is_display_full = False
        self._displayed_length = 0
        self.unmatched_tests: dict[tuple[str, str], str] = {}
        self.absent_fields: dict[str, None] = {}

    def write(self, stream: str, text: str) -> None:
        """Pass on the script's output, up to the limit."""
        if self._is_cut:
            return
        remaining_lines, remaining = MAX_OUTPUT_LINES - self._lines, MAX_OUTPUT_BYTES - self._bytes
        is_longer = len(text) > remaining + 2 * MAX_SECRET_LENGTH
        text = self.clean(text[: remaining + 2 * MAX_SECRET_LENGTH])
        if is_longer:  # a secret cut in two is not recognized, so drop what may be a part of one
            text = text[:-MAX_SECRET_LENGTH]
        lines = text.count("\n")
        if is_longer or lines > remaining_lines or len(text) > remaining:
            text = "".join(text.splitlines(keepends=True)[:remaining_lines])[:remaining]
            self._is_cut = True
        self._lines, self._bytes = self._lines + lines, self._bytes + len(text)
        self._emit(stream, text)
        if self._is_cut:
            bounds = f"{MAX_OUTPUT_LINES:,} lines and {MAX_OUTPUT_BYTES:,} bytes"
            self._emit("stderr", f"\n… the output is cut here: a run prints at most {bounds}\n")

    def display(self, request: DisplayRequest) -> None:
        """Sanitize and pass on a display of the script, up to the limit."""
        if self._is_display_full:
            return
        try:
            with self._interruptible:
                display = self._display(request)
        except (UnsafeContentError, LimitError) as error:
            self.write("stderr", f"display.{request.form}: {error}\n")
            return
        # The whole value is kept, even if its text shows only a part.
        self._displayed_length += max(display.size, request.size)
        if self._displayed_length > MAX_DISPLAYS_LENGTH or len(self._result.displays) == MAX_DISPLAYS:
            self._is_display_full = True
            self.write(
                "stderr",
                f"… what is shown ends here: a run shows at most {MAX_DISPLAYS:,} things "
                f"and {MAX_DISPLAYS_LENGTH:,} characters of them\n",
            )
            return
        self._result.displays.append(display)
        if self._frontend.display:
            self._frontend.display(display)
        elif not display.clears:
            self.write("stdout", display.bundle["text/plain"] + "\n")

    def _display(self, request: DisplayRequest) -> Display:
        if request.form == CLEAR:
            return Display(wait=request.wait)
        content = request.content if isinstance(request.content, bytes) else self.page(request.content)
        value = None if isinstance(content, bytes) else content
        display_id = LUA_ID + self.clean(request.id) if request.id else ""
        return Display(bundle_from(request.form, content, self.clean), value, display_id, request.update)

    def show(self, pieces: Iterable[tuple[str, bytes]]) -> None:
        """Show outputs that came with an answer, as pairs of a form of `display` and its content."""
        for form, content in pieces:
            self.display(DisplayRequest(form, content, size=len(content)))

    def read(self, form: str) -> str | None:
        """Return the input for `io.read`; None if there is none."""
        return self._frontend.input(form) if self._frontend.input else None

    def note(self, note: str) -> None:
        """Add a warning to the result, unless it has it."""
        if note not in self._result.notes:
            self._result.notes.append(note)

    def clean(self, text: str) -> str:
        """Return a text with tokens redacted and terminal control codes removed."""
        return sanitize_text(self.redact(text)).encode(errors="replace").decode()

    def unmatched(self, field: str, value: str, similar: str) -> None:
        """Remember a test that matches nothing, for the warnings about the script."""
        if len(self.unmatched_tests) < MAX_UNMATCHED_TESTS:
            field, similar = (one_line(self.clean(text), self._tokens(), MAX_NOTE_LENGTH) for text in (field, similar))
            self.unmatched_tests[field, value] = similar

    def absent(self, line: int, field: str, names: str) -> None:
        """Remember a field that no item of a list has, for the warnings about the script."""
        if len(self.absent_fields) < MAX_UNMATCHED_TESTS:
            field, names = (one_line(self.clean(text), self._tokens(), MAX_NOTE_LENGTH) for text in (field, names))
            self.absent_fields[f'line {line}: no item of the list has a field "{field}". The first has {names}.'] = None

    def redact(self, text: str) -> str:
        """Return a text with tokens redacted: those in use, and everything that looks like one."""
        return redact(text, self._tokens())

    def _emit(self, stream: str, text: str) -> None:
        self._pieces.append(text)
        if self._frontend.output:
            self._frontend.output(stream, text)

    def remember_page(self, page: Page) -> str:
        """Keep a page, so that a cell's value with its text is shown as Markdown; return the text."""
        if len(self._pages) < MAX_PAGES:
            self._pages[str(page)] = page
        return str(page)

    def remember_pages(self, values: Iterable[Any]) -> None:
        """Keep the pages among values that the script receives, so that `page` recognizes their text."""
        self._pages.update((str(value), value) for value in values if isinstance(value, Page))

    def page(self, value: Any) -> Any:
        """Return a value of the run, or the page whose text it is."""
        return self._pages.get(value, value) if type(value) is str else value

    def end(self, notes: Sequence[str], unread: Sequence[str]) -> None:
        """Complete the result with its output and notes.

        Parameters:
            notes: notes for the user.
            unread: notes on items that failed.
        """
        self._result.unread = self._cleaned(unread)
        for note in (*self._cleaned(notes), *self._result.unread):
            self.note(note)
        self._result.output = "".join(self._pieces)

    def _cleaned(self, notes: Sequence[str]) -> list[str]:
        """Return sanitized notes without duplicates."""
        return list(dict.fromkeys(one_line(self.clean(note), self._tokens(), MAX_NOTE_LENGTH) for note in notes))
