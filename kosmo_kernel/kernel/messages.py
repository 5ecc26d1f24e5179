"""Jupyter's messages on the wire: signed frames of JSON.

A message is the sender's identities, a delimiter, a signature, four JSON texts (header, parent's header, metadata,
content) and whatever raw buffers follow. https://jupyter-client.readthedocs.io/en/stable/messaging.html

What repeats is not written anew: a parent's header goes back byte for byte as it came.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

VERSION = "5.5"  # of the protocol

Content = dict[str, Any]

_DELIMITER = b"<IDS|MSG>"
_TEXTS = 4
_REMEMBERED = 1 << 15  # signatures, before the older half is forgotten
_EMPTY = b"{}"


class InvalidMessageError(ValueError):
    """Frames that are no message, or none that whoever has the key has signed just now."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that came.

    Parameters:
        identities: who sent it, for the answer to find its way.
        kind: `execute_request`, for example.
        content: what it says.
        metadata: what it says beside that.
        header: of the message, as JSON.
        buffers: what follows the texts.
    """

    identities: list[bytes] = field(default_factory=list)
    kind: str = ""
    content: Content = field(default_factory=dict)
    metadata: Content = field(default_factory=dict)
    header: bytes = _EMPTY
    buffers: list[bytes] = field(default_factory=list)

    def as_dict(self) -> Content:
        """The message as Python programs know it."""
        return {
            "header": json.loads(self.header),
            "msg_type": self.kind,
            "metadata": self.metadata,
            "content": self.content,
            "buffers": [memoryview(buffer) for buffer in self.buffers],
        }


NOBODY = Request()  # the parent of what nobody asked for


class MessageCodec:
    """Writes and reads the messages of one kernel.

    Parameters:
        key: what messages are signed with; empty for none.
        scheme: how, `hmac-sha256`.

    Raises:
        ValueError: a scheme that is not known.
    """

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        method, _, self._digest = scheme.partition("-")
        if method != "hmac" or self._digest not in hashlib.algorithms_available:
            raise ValueError(f"the signature scheme {scheme!r} is not known")
        self._key = key
        self._session = os.urandom(16).hex()
        self._author = json.dumps({"username": os.environ.get("USER", "kernel"), "session": self._session})[1:-1]
        self._numbers = count(1)
        self._seen: set[bytes] = set()
        self._seen_before: set[bytes] = set()

    def seal(
        self,
        kind: str,
        content: Content,
        parent: Request,
        *,
        identities: Sequence[bytes] = (),
        metadata: Content | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> list[Any]:
        """The frames of a message.

        Parameters:
            kind: `execute_reply`, for example.
            content: what it says: values that JSON has, and others as their text.
            parent: the request that it belongs to.
            identities: who gets it, or the topic of a broadcast.
            metadata: what it says beside that.
            buffers: what follows the texts.
        """
        header = (
            f'{{"msg_id": "{self._session}_{next(self._numbers)}", "msg_type": {json.dumps(kind)}, {self._author}, '
            f'"date": "{now()}", "version": "{VERSION}"}}'
        )
        texts = [header.encode(), parent.header, _json(metadata) if metadata else _EMPTY, _json(content)]
        return [*identities, _DELIMITER, self._sign(texts), *texts, *(buffers or ())]

    def open(self, frames: Sequence[bytes]) -> Request:
        """Read a message.

        Raises:
            ForgedError: it is none, or its signature is wrong or was there before.
        """
        try:
            place = frames.index(_DELIMITER)
            signature, *texts = frames[place + 1 : place + 2 + _TEXTS]
        except ValueError:
            raise InvalidMessageError("frames that are no message") from None
        if self._key:
            if not hmac.compare_digest(self._sign(texts), signature):
                raise InvalidMessageError("a message with a wrong signature")
            if signature in self._seen or signature in self._seen_before:
                raise InvalidMessageError("a message that was there before")
            self._seen.add(signature)
            if len(self._seen) >= _REMEMBERED:
                self._seen_before, self._seen = self._seen, set()
        try:
            header, _, metadata, content = (json.loads(text.decode(errors="replace")) for text in texts)
            kind = str(header["msg_type"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidMessageError(f"a message that makes no sense: {error}") from None
        return Request(list(frames[:place]), kind, content, metadata, texts[0], list(frames[place + 2 + _TEXTS :]))

    def _sign(self, texts: Sequence[bytes]) -> bytes:
        return hmac.digest(self._key, b"".join(texts), self._digest).hex().encode() if self._key else b""


def now() -> str:
    """The time as messages have it."""
    return datetime.now(UTC).isoformat()


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, default=str, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), default=str).encode()


def _finite(value: Any) -> Any:
    """A value without numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
