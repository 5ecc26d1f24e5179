r"""The process as others see it: its streams and its exit codes.

Before standard output and standard error, control characters are escaped, and a closed stream is noticed. Text from
scripts, services and files could move a terminal's cursor, hide lines of a log or type into a shell. The command
replaces both streams by an `OutputStream`, which writes each control character as an escape such as `\u001b`, whether
the output goes to a terminal, a pipe or a file. Line feeds, tabs and carriage returns before a line feed stay. Colours
of this package are written with `styled`; their text is escaped before it gets its colour.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from kosmo_kernel.errors import FileWriteError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult


_LINES = {ord("\n"): None, ord("\t"): None}
_SUPPLEMENT = "\U000e0000"  # tags and variation selectors, of which some count as printable
_NAMES = {"<stdout>": "Standard output", "<stderr>": "Standard error"}
SUCCESS, FAILED, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
CLOSED = 141  # the reader of standard output or standard error closed it: what a shell reports for SIGPIPE


class ClosedStreamError(Exception):
    """The reader of standard output or standard error closed it. No `OSError`, which click would handle itself."""


class OutputStream:
    """A text stream for the process's output.

    All other attributes are those of the stream behind it.

    Parameters:
        stream: the stream behind it.
        escapes: whether control characters are escaped.
    """

    def __init__(self, stream: TextIO, *, escapes: bool = True) -> None:
        self._stream, self._escapes = stream, escapes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            ClosedStreamError: the reader closed the stream.
            FileWriteError: the stream cannot be written, for example because the disk is full.
        """
        with self._writing():
            return self._stream.write(escape_controls(text) if self._escapes else text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts.

        Raises:
            ClosedStreamError: the reader closed the stream.
            FileWriteError: the stream cannot be written, for example because the disk is full.
        """
        for line in lines:
            self.write(line)

    def write_bytes(self, data: bytes) -> None:
        """Write all bytes unchanged, after the text written before, and flush.

        With PYTHONUNBUFFERED=1 the stream is not buffered, and one write may take only a part of the data.

        Raises:
            ClosedStreamError: the reader closed the stream.
            FileWriteError: the stream cannot be written, for example because the disk is full.
        """
        self.flush()
        remaining = memoryview(data)
        with self._writing():
            while remaining:
                remaining = remaining[self._stream.buffer.write(remaining) :]
            self._stream.buffer.flush()

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            ClosedStreamError: the reader closed the stream.
            FileWriteError: the stream cannot be written, for example because the disk is full.
        """
        with self._writing():
            self._stream.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except ConnectionError as error:
            raise ClosedStreamError from error
        except OSError as error:
            raise FileWriteError(_NAMES.get(getattr(self._stream, "name", ""), "An output"), error) from error

    def unescaped(self) -> OutputStream:
        """Return a stream to the same place that writes text unchanged."""
        return OutputStream(self._stream, escapes=False)


def output_stream(stream: TextIO) -> OutputStream:
    """Return the stream itself if it escapes control characters, else one to the same place that does."""
    escaping: object = stream  # no `TextIO`, of which it has only what is used
    return escaping if isinstance(escaping, OutputStream) else OutputStream(stream)


def replace_streams() -> None:
    """Replace standard output and standard error by streams that escape control characters and accept any text."""
    sys.stdout, sys.stderr = _replacement(sys.stdout), _replacement(sys.stderr)


def discard_unwritten() -> None:
    """Redirect streams that are closed or full to the null device, so that Python does not fail to flush them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ClosedStreamError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def styled(stream: TextIO) -> TextIO:
    """Return a stream that writes the escape sequences of colours to the same place as `stream`."""
    return cast("TextIO", output_stream(stream).unescaped())


def console(stream: TextIO, **options: Any) -> Console:
    """Return a rich console for a stream. It colours a terminal; control characters in its texts are escaped.

    Parameters:
        stream: the stream.
        options: further arguments of `rich.console.Console`.
    """
    from rich.console import Console, RenderHook

    class Escaping(RenderHook):
        def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
            return [_Escaped(renderable) for renderable in renderables]

    screen = Console(file=styled(stream), highlight=False, markup=False, emoji=False, **options)
    screen.push_render_hook(Escaping())
    return screen


def escape_controls(text: str) -> str:
    """Return a text with control characters as escapes, except those of line ends and tabs."""
    if text.translate(_LINES).isprintable() and max(text, default="") < _SUPPLEMENT:  # as the help is
        return text
    from kosmo_kernel.safety.text import with_escapes

    return "\r\n".join(map(with_escapes, text.split("\r\n")))


class _Escaped:
    """A renderable of rich whose texts have their control characters escaped; rich's own are kept."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=escape_controls(segment.text))


def _replacement(stream: TextIO | None) -> TextIO:
    """Return the stream to use in place of one of the process's own, which its parent may have closed."""
    if stream is None:
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open until the process ends
    if reconfigure := getattr(stream, "reconfigure", None):  # the terminal's encoding may lack characters of the output
        reconfigure(errors="backslashreplace")
    return cast("TextIO", output_stream(stream))


def input_is_terminal() -> bool:
    """Return whether standard input is a terminal. The parent process may have closed it."""
    return bool(sys.stdin and sys.stdin.isatty())


def whole_input() -> bytes:
    """Read standard input to its end; return nothing if the parent process has closed it."""
    return sys.stdin.buffer.read() if sys.stdin else b""
