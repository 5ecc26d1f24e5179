"""The messages of the Lua process in the parent: pack and unpack payloads, and end a process that sends nonsense.

The payloads are those of `wire.py`, with a faster JSON library than the children use. With Python's own `json` module,
half of the time for a short request would go into JSON.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import msgspec

from kosmo_kernel.errors import LuaProcessError
from kosmo_kernel.lua.host import VARIABLES_LOST
from kosmo_kernel.safety.intake import count_values
from kosmo_kernel.values.records import encode
from kosmo_kernel.walls import wire

pack = partial(wire.pack, to_json=encode)  # returns a payload made of a header and texts


def unpack(payload: bytes, most: int) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header and texts of a payload.

    Raises:
        ValueError: the bytes are not a payload, or its header has more than `most` values.
    """
    if len(payload) > most:  # a value takes at least one byte
        start = wire.LENGTH.size
        end = start + wire.LENGTH.unpack_from(payload)[0]
        if end - start > most and count_values(payload[start:end], most) > most:
            raise ValueError("a header of more values than any script can cause")
    return wire.unpack(payload, msgspec.json.decode)


class guard(AbstractContextManager[None]):  # noqa: N801 - it is used like a function
    """Context manager for code that reads a child's message: turn errors of a malformed one into LuaProcessError.

    The caller then ends the child.
    """

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is not None and issubclass(kind, _MALFORMED):
            raise LuaProcessError(
                f"The Lua process sent a message that makes no sense, and was ended: {VARIABLES_LOST}"
            ) from error


_MALFORMED = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)
