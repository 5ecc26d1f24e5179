"""The line of `--repl` as it is typed on a terminal, by prompt_toolkit: colours, completion, several lines, history.

What the kernel asks of `editor` for a cell is asked here for the line: what can stand at the cursor, whether Enter ends
it, and how far the next line is indented. The history is one file for all, which only its user can read; what looks
like a secret never gets there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style
from pygments.lexers.scripting import LuaLexer

from kosmo_kernel import editor
from kosmo_kernel.cli.output import note
from kosmo_kernel.editor.grammar import STEP, closes
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.session import Session
from kosmo_kernel.settings.env import keeps_history

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyPressEvent

FILE = "repl_history"
# The terminal's own colours, so that they suit its background.
_STYLE = Style.from_dict(
    {
        "prompt": "ansigreen bold",
        "prompt.more": "ansigreen",
        "pygments.comment": "italic",
        "pygments.keyword": "ansiblue bold",
        "pygments.literal.number": "ansimagenta",
        "pygments.literal.string": "ansigreen",
        "pygments.name.builtin": "ansicyan",
        "pygments.name.function": "ansicyan",
        "pygments.operator.word": "ansiblue bold",
    }
)


class Prompt:
    """Reads one input after the other from the terminal.

    Parameters:
        session: whose Lua is asked.
        is_whole: whether an input is one, and does not go on in the next line.
    """

    def __init__(self, session: Session, is_whole: Callable[[str], bool]) -> None:
        self._is_whole = is_whole
        plain = bool(os.environ.get("NO_COLOR"))
        self._prompt: PromptSession[str] = PromptSession(
            history=_history(),
            lexer=PygmentsLexer(LuaLexer),
            completer=_LuaCompleter(session),
            complete_while_typing=False,
            enable_history_search=True,
            multiline=True,
            key_bindings=self._keys(),
            prompt_continuation=_continuation,
            style=_STYLE,
            include_default_pygments_style=False,
            color_depth=ColorDepth.DEPTH_1_BIT if plain else None,
        )

    def read(self, number: int) -> str | None:
        """The next input; None at its end, which is Ctrl-D.

        Parameters:
            number: of the input.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was typed is dropped.
        """
        try:
            return self._prompt.prompt([("class:prompt", f"In[{number}]> ")])
        except EOFError:
            return None

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        buffer = Condition(lambda: _starts_line(self._prompt.default_buffer))

        @keys.add("enter")
        def enter(event: KeyPressEvent) -> None:
            self._enter(event.current_buffer)

        @keys.add("escape", "enter")
        def new_line(event: KeyPressEvent) -> None:
            _insert_line(event.current_buffer)

        @keys.add("tab", filter=buffer)
        def tab(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(STEP)

        return keys

    def _enter(self, buffer: Buffer) -> None:
        """Take the completion that is chosen; or end the input; or begin a new line of it."""
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        _close(buffer)
        if self._is_whole(buffer.text) and buffer.document.on_last_line:
            buffer.validate_and_handle()
        else:
            _insert_line(buffer)


class _LuaCompleter(Completer):
    """What can stand at the cursor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The ways to go on, each with how it is called or what it is."""
        place = editor.lua_at_cursor(document.text, document.cursor_position, lua=True)
        if place is None:
            return
        found = place.complete(self._session)
        for match in found.matches:
            yield Completion(
                match.text,
                start_position=found.start - document.cursor_position,
                display_meta=match.signature or match.type,
            )


class _RedactedHistory(FileHistory):
    """A history file that no secret gets into."""

    def store_string(self, string: str) -> None:
        """Write an input down."""
        super().store_string(redact(string))


def _history() -> History:
    """The history, in a file unless there is none to be."""
    if not keeps_history():
        return InMemoryHistory()
    file = history_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
        file.chmod(0o600)  # also where it was there before
    except OSError as error:
        note(f"What is typed here is not kept: {file}: {error.strerror}.")
        return InMemoryHistory()
    return _RedactedHistory(str(file))


def history_file() -> Path:
    """Where the history is: among what this user's programs remember."""
    from platformdirs import user_state_path

    return user_state_path("kosmo_kernel", appauthor=False) / FILE


def _continuation(width: int, _line: int, is_wrapped: int) -> StyleAndTextTuples:
    """What stands in front of a line that is not the first, or of one that goes on where the terminal ends."""
    return [("class:prompt.more", " " * width if is_wrapped else f"{'...> ':>{width}}")]


def _insert_line(buffer: Buffer) -> None:
    """Begin a new line, as far to the right as what it belongs to wants it."""
    buffer.insert_text("\n" + editor.indent(buffer.document.text_before_cursor))


def _close(buffer: Buffer) -> None:
    """Move a line that ends a block to the left, where it still stands as `_insert_line` began it."""
    document = buffer.document
    line = document.current_line
    before = document.text[: document.cursor_position - document.cursor_position_col].removesuffix("\n")
    blank = line[: len(line) - len(line.lstrip())]
    if blank.endswith(STEP) and closes(line) and blank == editor.indent(before):
        buffer.cursor_position += document.get_start_of_line_position()
        buffer.delete(len(STEP))
        buffer.cursor_position += document.cursor_position_col - len(STEP)


def _starts_line(buffer: Buffer) -> bool:
    """Whether nothing but blanks stands in front of the cursor, on a line that is not the first."""
    document = buffer.document
    return document.cursor_position_row > 0 and not document.current_line_before_cursor.strip()
