"""A program's messages as the two streams that the SDK has for a transport: one message a line.

Whoever wants a message reads its line, and whoever has one writes it: with a task of ours between, each message would
wait for that task's turn in the loop, and these are half of what a small call takes. Nothing here knows the SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from kosmo_kernel.mcp.child import Child, TooLongError

T = TypeVar("T")


class _NothingYet(Exception):  # noqa: N818 - no error: the program may still say something
    """It has said nothing, and was given time for that."""


class LineReader(Generic[T]):
    """What a program says.

    Parameters:
        child: the program.
        read: gives the message in a line; None where it is something else that was printed.
        ended: is told once no more comes.
        too_long: is told that this is so for a line without an end.
        patience: seconds to its first message; None for all the time there is.
        instead: gives what is taken for the first one when it has not come by then; None to wait on.
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
        self._child, self._read, self._instead = child, read, instead
        self._ended, self._too_long = ended, too_long
        self._until = None if patience is None else asyncio.get_running_loop().time() + patience
        self._early: asyncio.Task[bytes | None] | None = None  # reads the first line, which may come after `_until`
        self.gives_way = False  # what was read is for others to hear, before they hear what comes next

    async def __anext__(self) -> T:
        if self.gives_way:
            self.gives_way = False
            await asyncio.sleep(0)
        try:
            while (line := await self._line()) is not None:
                if (message := self._read(line)) is not None:
                    self._until = None
                    return message
        except _NothingYet:
            message = self._instead()
            return message if message is not None else await self.__anext__()
        except TooLongError:
            self._too_long()
        except OSError:
            pass  # its end
        except BaseException:
            self._ended()
            raise
        self._ended()
        raise StopAsyncIteration

    async def _line(self) -> bytes | None:
        if self._until is None and self._early is None:
            return await self._child.line()
        self._early = self._early or asyncio.ensure_future(self._child.line())
        if self._until is not None:
            await asyncio.wait((self._early,), timeout=self._until - asyncio.get_running_loop().time())
            if not self._early.done():
                self._until = None
                raise _NothingYet
        early, self._early = self._early, None
        return await early

    async def receive(self) -> T:
        """The next message.

        Raises:
            anyio.EndOfStream: no more comes.
        """
        import anyio

        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def aclose(self) -> None:
        """Nobody reads any more."""
        if self._early:
            self._early.cancel()
        self._ended()

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class LineWriter(Generic[T]):
    """What is said to a program. It never waits: whoever asks waits for the answer only.

    Parameters:
        child: the program.
        write: gives the line of a message.
    """

    def __init__(self, child: Child, write: Callable[[T], bytes]) -> None:
        self._child, self._write = child, write

    async def send(self, item: T, /) -> None:
        """Say something."""
        self._child.say(self._write(item))

    async def aclose(self) -> None:
        """Nothing more is said. The program's input ends when the program is to end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass
