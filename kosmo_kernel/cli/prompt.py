"""Line editing for `--repl` on a terminal, with prompt_toolkit: colours, completion, multi-line input, history.

Completion, indentation and the decision whether Enter ends an input come from `editor`, as for cells in the kernel. All
sessions share one history file, which only its user can read; likely secrets are redacted before they are written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style
from pygments.lexers.scripting import LuaLexer

from kosmo_kernel import editor
from kosmo_kernel.cli.command import print_note
from kosmo_kernel.cli.terminal import LUA_STYLES
from kosmo_kernel.lua_syntax.facts import STEP, closes, indent
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.session import Session
from kosmo_kernel.settings.table import HISTORY

FILE = "repl_history"
_STYLE = Style.from_dict(
    {"prompt": "ansigreen bold", "prompt.more": "ansigreen"}
    | {f"pygments.{kind.lower()}": re.sub(r"\w+$", r"ansi\g<0>", style) for kind, style in LUA_STYLES.items()}
    | {"pygments.comment": "italic"}  # not every terminal can dim
)


class Prompt:
    """Reads one input after the other from the terminal.

    Parameters:
        session: the session whose values are completed.
        is_whole: returns whether an input is complete, so that Enter ends it.
    """

    def __init__(self, session: Session, is_whole: Callable[[str], bool]) -> None:
        self._is_whole = is_whole
        no_colour = bool(os.environ.get("NO_COLOR"))
        self._prompt: PromptSession[str] = PromptSession(
            history=_history(),
            lexer=PygmentsLexer(LuaLexer),
            completer=_LuaCompleter(session),
            complete_while_typing=False,
            enable_history_search=True,
            multiline=True,
            key_bindings=self._keys(),
            # Blank for a line that the terminal wraps.
            prompt_continuation=lambda width, _line, is_wrapped: [
                ("class:prompt.more", " " * width if is_wrapped else f"{'...> ':>{width}}")
            ],
            style=_STYLE,
            include_default_pygments_style=False,
            color_depth=ColorDepth.DEPTH_1_BIT if no_colour else None,
        )

    def read(self, number: int) -> str | None:
        """Read the next input; return None on Ctrl-D.

        Parameters:
            number: the number of the input, shown in the prompt.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; the typed text is discarded.
        """
        try:
            return self._prompt.prompt([("class:prompt", f"In[{number}]> ")])
        except EOFError:
            return None

    def _keys(self) -> KeyBindings:
        def starts_line() -> bool:
            """Return whether only blanks precede the cursor, on a line after the first."""
            document = self._prompt.default_buffer.document
            return document.cursor_position_row > 0 and not document.current_line_before_cursor.strip()

        keys = KeyBindings()
        keys.add("enter")(lambda event: self._enter(event.current_buffer))
        keys.add("escape", "enter")(lambda event: _insert_line(event.current_buffer))
        keys.add("tab", filter=Condition(starts_line))(lambda event: event.current_buffer.insert_text(STEP))
        return keys

    def _enter(self, buffer: Buffer) -> None:
        """Accept the selected completion, end a complete input, or begin a new line."""
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        _dedent_closing(buffer)
        if self._is_whole(buffer.text) and buffer.document.on_last_line:
            buffer.validate_and_handle()
        else:
            _insert_line(buffer)


class _LuaCompleter(Completer):
    """Completes Lua at the cursor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield the completions at the cursor, each with its signature or type."""
        lua = editor.lua_at_cursor(document.text, document.cursor_position, lua=True)
        if lua is None:
            return
        completions = lua.complete(self._session)
        for match in completions.matches:
            yield Completion(
                match.text,
                start_position=completions.start - document.cursor_position,
                display_meta=match.signature or match.type,
            )


class _RedactedHistory(FileHistory):
    """A history file in which secrets are redacted."""

    def store_string(self, string: str) -> None:
        """Redact an input and append it to the file."""
        super().store_string(redact(string))


def _history() -> History:
    """Return the history: a file, or memory if the settings forbid the file or it cannot be opened."""
    if HISTORY.from_env() is False:
        return InMemoryHistory()
    from platformdirs import user_state_path

    file = user_state_path("kosmo_kernel", appauthor=False) / FILE
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
        file.chmod(0o600)  # also if the file existed before
    except OSError as error:
        print_note(f"What is typed here is not kept: {file}: {error.strerror}.")
        return InMemoryHistory()
    return _RedactedHistory(str(file))


def _insert_line(buffer: Buffer) -> None:
    """Begin a new line with the indentation of the block it is in."""
    buffer.insert_text("\n" + indent(buffer.document.text_before_cursor))


def _dedent_closing(buffer: Buffer) -> None:
    """Dedent a line that closes a block, if its indentation is still the one from `_insert_line`."""
    document = buffer.document
    line = document.current_line
    before = document.text[: document.cursor_position - document.cursor_position_col].removesuffix("\n")
    indentation = line[: len(line) - len(line.lstrip())]
    if indentation.endswith(STEP) and closes(line) and indentation == indent(before):
        buffer.cursor_position += document.get_start_of_line_position()
        buffer.delete(len(STEP))
        buffer.cursor_position += document.cursor_position_col - len(STEP)
