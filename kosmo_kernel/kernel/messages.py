"""Encode, sign, verify and decode Jupyter messages, and make the content of `error` messages.

On the wire a message is a list of frames: routing identities, a delimiter, an HMAC signature, four JSON texts (header,
parent header, metadata, content) and raw buffers. A parent header is sent back byte for byte, without being parsed and
encoded again. https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from kosmo_kernel.safety.markup import Terminal

VERSION = "5.5"  # of the messaging protocol

Content = dict[str, Any]

_DELIMITER = b"<IDS|MSG>"
_JSON_FRAMES = 4
_MAX_SIGNATURES = 1 << 15  # signatures to remember before the older half is dropped
_EMPTY = b"{}"


class InvalidMessageError(ValueError):
    """Malformed, unsigned or replayed frames."""


class Request(NamedTuple):
    """A received message."""

    identities: Sequence[bytes] = ()  # of the sender, to which the reply is routed
    kind: str = ""  # the message type, such as `execute_request`
    content: Content = {}
    metadata: Content = {}
    header: bytes = _EMPTY  # as JSON
    buffers: Sequence[bytes] = ()
    subshell: str = ""  # the id of the subshell that it is sent to; empty for the main one

    def as_dict(self) -> Content:
        """Return the message in the form that jupyter_client and ipykernel use."""
        return {
            "header": json.loads(self.header),
            "msg_type": self.kind,
            "metadata": self.metadata,
            "content": self.content,
            "buffers": [memoryview(buffer) for buffer in self.buffers],
        }


NO_PARENT = Request()  # the parent of a message that no request caused


class MessageCodec:
    """Encodes and decodes the messages of one kernel, signed with a key; an empty one signs none."""

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        method, _, self._digest = scheme.partition("-")
        if method != "hmac" or self._digest not in hashlib.algorithms_available:
            raise ValueError(f"the signature scheme {scheme!r} is not known")
        self._key = key
        self._session = os.urandom(16).hex()
        self._sender = json.dumps({"username": os.environ.get("USER", "kernel"), "session": self._session})[1:-1]
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
        """Return the signed frames of a message.

        Parameters:
            kind: the message type, such as `execute_reply`.
            content: the message's `content`; values without a JSON form are sent as their `str`.
            parent: the request that the message belongs to.
            identities: the routing identities of the receiver, or the topic of a broadcast.
            metadata, buffers: as in `Request`.
        """
        header = (
            f'{{"msg_id": "{self._session}_{next(self._numbers)}", "msg_type": {json.dumps(kind)}, {self._sender}, '
            f'"date": "{now()}", "version": "{VERSION}"}}'
        )
        texts = [header.encode(), parent.header, _json(metadata) if metadata else _EMPTY, _json(content)]
        return [*identities, _DELIMITER, self._sign(texts), *texts, *(buffers or ())]

    def open(self, frames: Sequence[bytes]) -> Request:
        """Verify and decode a message, see `Channels.receive`."""
        try:
            delimiter = frames.index(_DELIMITER)
            signature, *texts = frames[delimiter + 1 : delimiter + 2 + _JSON_FRAMES]
        except ValueError:
            raise InvalidMessageError("frames that are no message") from None
        if self._key:
            if not hmac.compare_digest(self._sign(texts), signature):
                raise InvalidMessageError("a message with a wrong signature")
            if signature in self._seen or signature in self._seen_before:
                raise InvalidMessageError("a message that was there before")
            self._seen.add(signature)
            if len(self._seen) >= _MAX_SIGNATURES:
                self._seen_before, self._seen = self._seen, set()
        try:
            header, _, metadata, content = (json.loads(text.decode(errors="replace")) for text in texts)
            kind, subshell = str(header["msg_type"]), str(header.get("subshell_id") or "")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidMessageError(f"a message that makes no sense: {error}") from None
        buffers = list(frames[delimiter + 2 + _JSON_FRAMES :])
        return Request(list(frames[:delimiter]), kind, content, metadata, texts[0], buffers, subshell)

    def _sign(self, texts: Sequence[bytes]) -> bytes:
        return hmac.digest(self._key, b"".join(texts), self._digest).hex().encode() if self._key else b""


def now() -> str:
    """Return the current time in the format of message headers."""
    return datetime.now(UTC).isoformat()


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, default=str, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), default=str).encode()


def _finite(value: Any) -> Any:
    """Replace the numbers that JSON lacks (NaN, infinity) by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


class ErrorContent(TypedDict):
    """The content of an `error` message of Jupyter's protocol."""

    ename: str
    evalue: Terminal
    traceback: list[Terminal]


def error_content(error: BaseException) -> ErrorContent:
    """Return the content of an `error` message, which is also that of the error reply.

    Any exception other than a `KosmoError` is a bug in this package and is shown with Python's traceback.
    """
    from kosmo_kernel.errors import KosmoError
    from kosmo_kernel.render.error_lines import COLOURED, MAX_MESSAGE_LENGTH, error_lines, traceback_lines
    from kosmo_kernel.safety.markup import Terminal
    from kosmo_kernel.safety.redaction import redact_error

    if isinstance(error, KosmoError):
        message, lines = error.message, error_lines(error, COLOURED, details=True)
    else:
        message = redact_error(str(error))
        lines = [Terminal("The Lua kernel failed; this is a defect of kosmo_kernel."), *traceback_lines(error)]
    text = Terminal.escape(message[:MAX_MESSAGE_LENGTH])
    return {"ename": type(error).__name__, "evalue": text, "traceback": lines}
