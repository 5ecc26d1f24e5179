"""The read and write streams between the MCP SDK and a child process or a client: one JSON message per line.

Messages are read and written directly in the SDK's calls. An intermediate task would delay each message by an iteration
of the event loop, and these delays are half of the time of a small call. This module does not depend on the SDK.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from kosmo_kernel.mcp.child import Child, TooLongError

T = TypeVar("T")


class _SilenceTimeout(Exception):  # noqa: N818 - not an error: a message may still come
    """The program has not sent its first message in time."""


class ReadStream(ABC, Generic[T]):
    """A stream of messages that the SDK reads."""

    @abstractmethod
    async def __anext__(self) -> T:
        """Return the next message."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stop reading."""

    async def receive(self) -> T:
        """Return the next message.

        Raises:
            anyio.EndOfStream: the stream has ended.
        """
        import anyio

        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class WriteStream(ABC, Generic[T]):
    """A stream of messages that the SDK writes."""

    @abstractmethod
    async def send(self, item: T, /) -> None:
        """Send a message."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stop writing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class LineReader(ReadStream[T]):
    """The messages that a program sends.

    Parameters:
        child: the program.
        read: returns the message in a line, or None if the line is other output.
        ended: called when the stream ends.
        too_long: called before `ended` when a line exceeds the size limit.
        patience: seconds to wait for the first message; None for no limit.
        instead: returns a substitute for a first message that did not come in time, or None to keep waiting.

    Attributes:
        yield_to_handlers: run the event loop once before the next message, so that handlers of the last one run first.
    """

    def __init__(
        self,
        child: Child,
        read: Callable[[bytes], T | None],
        ended: Callable[[], None],
        too_long: Callable[[], None],
        *,
        patience: float | None = None,
        instead: Callable[[], T | None] = lambda: None,
    ) -> None:
        self._child, self._read, self._substitute = child, read, instead
        self._ended, self._too_long = ended, too_long
        self._first_deadline = None if patience is None else asyncio.get_running_loop().time() + patience
        self._first_line: asyncio.Task[bytes | None] | None = None  # survives `_first_deadline`
        self.yield_to_handlers = False

    async def __anext__(self) -> T:
        if self.yield_to_handlers:
            self.yield_to_handlers = False
            await asyncio.sleep(0)
        try:
            while (line := await self._line()) is not None:
                if (message := self._read(line)) is not None:
                    self._first_deadline = None
                    return message
        except _SilenceTimeout:
            message = self._substitute()
            return message if message is not None else await self.__anext__()
        except TooLongError:
            self._too_long()
        except OSError:
            pass  # the stream has ended
        except BaseException:
            self._ended()
            raise
        self._ended()
        raise StopAsyncIteration

    async def _line(self) -> bytes | None:
        if self._first_deadline is None and self._first_line is None:
            return await self._child.line()
        self._first_line = self._first_line or asyncio.ensure_future(self._child.line())
        if self._first_deadline is not None:
            await asyncio.wait((self._first_line,), timeout=self._first_deadline - asyncio.get_running_loop().time())
            if not self._first_line.done():
                self._first_deadline = None
                raise _SilenceTimeout
        first_line, self._first_line = self._first_line, None
        return await first_line

    async def aclose(self) -> None:
        """Stop reading."""
        if self._first_line:
            self._first_line.cancel()
        self._ended()


class LineWriter(WriteStream[T]):
    """The messages to a program. Sending never blocks; a caller waits for the response only.

    Parameters:
        child: the program.
        write: returns the line for a message.
    """

    def __init__(self, child: Child, write: Callable[[T], bytes]) -> None:
        self._child, self._write = child, write

    async def send(self, item: T, /) -> None:
        """Send a message."""
        self._child.write_line(self._write(item))

    async def aclose(self) -> None:
        """Do nothing: `Child.end` closes the program's input."""
