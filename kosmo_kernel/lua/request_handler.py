"""Handle the requests and events that the child sends during a run.

Most requests get their reply at once. A call that the child *begins* has a number chosen by the child; its result is
sent when the child asks for finished calls (`next`), together with all others that have finished. The host makes the
calls in threads of its own. This module only waits for them, and checks meanwhile whether the run must stop. Nothing
from the child is trusted: invalid numbers, or waiting for no call, end the child.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.client.call import BLOCKING, CallRequest
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LimitError, LuaProcessError, StoppedError
from kosmo_kernel.lua import messages
from kosmo_kernel.lua.messages import HostBudget, ValueBudget
from kosmo_kernel.lua.surface import field_of_records, unknown_column, unknown_field
from kosmo_kernel.lua.values import LONGEST_PATH
from kosmo_kernel.reader.task import Allowance, Task
from kosmo_kernel.render.display import FORMS, VALUES, DisplayRequest
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.settings.limits import MAX_ARGUMENTS
from kosmo_kernel.text import iso_time
from kosmo_kernel.walls import wire

if TYPE_CHECKING:
    from kosmo_kernel.lua.lookups import Lookups
    from kosmo_kernel.lua.process import StopReason
    from kosmo_kernel.lua.run import LuaRun
    from kosmo_kernel.lua.values import RemoteLists
    from kosmo_kernel.settings.limits import Limits

    _Request = tuple[CallRequest, ValueBudget] | LimitError

# Requests about MCP servers that a script may make besides tool calls.
MCP_REQUESTS = frozenset({"usable", "server", "known", "servers", "tools", "schema"})
MAX_PENDING_CALLS = 4096  # calls in progress; no real script reaches a tenth of it
MAX_ITEMS = 1 << 32  # items of a list; memory runs out long before
MAX_DISPLAY_BYTES = 8 << 20  # bytes of one displayed item (`display.lua`)
MAX_ID = 200  # characters of the name under which it can be updated (`display.lua`)
MAX_PATH = 4_096  # characters of the path of a file; no system takes a longer one
MAX_NAME = 1_000  # characters of any name; no real name is longer
MAX_FAILURES_BYTES = 4 << 20  # bytes of JSON: 100 failures with messages of 2,000 bytes each (`parallel.lua`)
OUTPUT_BATCH_SECONDS = 0.03  # printed text waits this long for more, because few long messages are shown faster
MAX_OUTPUT_BATCH_BYTES = 64 << 10  # bytes of such a batch
POLL_INTERVAL_SECONDS = 0.05  # seconds between two checks whether the run must stop
_DECODER = codecs.getincrementaldecoder("utf-8")

MAX_MATCH_SECONDS = 0.5  # seconds of CPU time for one request, including compiling the pattern
MAX_MEMORY_BYTES = 192 << 20  # needed for backtracking; replies use a quarter of it
MAX_ANSWER_BYTES = 16 << 20  # size of a reply; the engine stops at half of it
MAX_MESSAGE_LENGTH = 2000  # characters of an error message
MATCH = Task(
    "kosmo_kernel.lua.regex_engine:match",
    "the pattern",
    libraries=("regex",),
    seconds=MAX_MATCH_SECONDS,
    memory=MAX_MEMORY_BYTES,
    max_result=MAX_ANSWER_BYTES,
)


def _text(header: dict[str, Any], key: str, most: int = MAX_NAME) -> str:
    return str(header.get(key))[:most]


def _archive(lookups: Lookups, header: dict[str, Any]) -> dict[str, Any]:
    account, now = lookups.archive(_text(header, "file", MAX_PATH), _text(header, "taken_at"))
    return {"account": account, "now": iso_time(now.astimezone(UTC))}


def _now(lookups: Lookups, header: dict[str, Any]) -> dict[str, Any]:
    account = _text(header, "account") if "account" in header else None
    return {"now": iso_time(lookups.now(account).astimezone(UTC))}


# Requests that only look something up: what the reply has, and the value that the reply describes.
_FACTS: dict[str, Callable[[Lookups, dict[str, Any]], dict[str, Any]]] = {
    "archive": _archive,
    "integrations": lambda lookups, _: {"names": lookups.integrations()},
    "now": _now,
    "outputs": lambda lookups, _: {"numbers": lookups.output_numbers()},
    "record_types": lambda lookups, header: lookups.record_types(_text(header, "name")),
    "signatures": lambda lookups, header: {"signatures": lookups.signatures(_text(header, "integration"))},
    "table": lambda lookups, header: lookups.table(_text(header, "integration"), _text(header, "name")).for_lua(),
}
_VALUES: dict[str, Callable[[Lookups, dict[str, Any]], Any]] = {
    "docs": lambda lookups, header: lookups.docs(_text(header, "verb"), _text(header, "page")),
}


class _EndedError(Exception):
    """The run must stop, so no request is handled."""


class RequestHandler:
    """Handles the requests and events of one run.

    Parameters:
        host: makes the calls, and receives the output.
        limits: of the run.
        ending: why the run must stop, if it must.
        handles: the lists that Lua refers to.
        allowance: the processor time that the run may use in the reader.

    Attributes:
        interruptible: the block in which an interrupt may stop the processing of displayed values.
        budget: the processor time that remains for the run.
    """

    def __init__(
        self, host: LuaRun, limits: Limits, ending: StopReason, handles: RemoteLists, allowance: Allowance
    ) -> None:
        self._host, self._limits, self._ending = host, limits, ending
        self._handles, self.allowance = handles, allowance
        self.interruptible = Interruptible()
        self._calls = 0
        self._last = BLOCKING
        self.budget = HostBudget(limits)
        self._pending: dict[int, ValueBudget] = {}  # the budget of each call's arguments, by the call's number
        self._arguments = ValueBudget(limits)  # the budget of the arguments of all calls in progress
        self._answered: dict[int, list[Any] | KosmoError] = {}
        self._held: list[bytes] = []  # printed text that is not passed on yet
        self._stream = ""  # the stream that it was printed to
        self._held_size, self._held_since = 0, 0.0
        self._decoder = _DECODER("replace")  # incremental, because a character may be split between messages

    def note(self, kind: str, header: dict[str, Any], blobs: list[bytes]) -> None:
        """Handle an event, which has no reply.

        Raises:
            LuaProcessError: the event is malformed.
        """
        if kind != "output":
            self.flush_output(is_end=True)
        getattr(self, f"_note_{kind}")(header, blobs)

    def answer(self, kind: str, header: dict[str, Any], blobs: list[bytes]) -> bytes:
        """Handle a request, and return the payload of the reply.

        Raises:
            LuaProcessError: the request is malformed.
            KeyboardInterrupt: an interrupt ended the wait for input.
        """
        self.flush_output(is_end=True)
        texts: list[bytes] = []
        try:
            self._check_not_stopped()
            if kind in _FACTS:
                reply = _FACTS[kind](self._host.lookups, header)
            elif kind in _VALUES:
                reply = self._handles.answer([_VALUES[kind](self._host.lookups, header)], texts)
            else:
                reply = getattr(self, f"_on_{kind}")(header, blobs, texts)
        except _EndedError:
            return self.stop()
        except KosmoError as error:
            return messages.pack(self._failed(error))
        return messages.pack(reply, texts)

    def stop(self) -> bytes:
        """Return the payload that tells the child to stop the run."""
        return messages.pack({"stop": self._ending.reason})

    def _check_not_stopped(self) -> None:
        if self._ending.closed:
            raise LuaProcessError("This session was closed.")
        if self._ending.reason is not None:
            raise _EndedError

    def _failed(self, error: KosmoError) -> dict[str, Any]:
        if isinstance(error, LuaProcessError):
            raise error
        return {"error": error.facts(), "cause": self._host.failed(error)}

    # Calls -------------------------------------------------------------------------------------------

    def _on_call(self, header: dict[str, Any], blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        self._count(1)
        budget = ValueBudget(self._limits)
        with messages.guard():
            request = self._request(header, blobs, budget)
            if released := header.get("released"):
                self._handles.release(released)  # now, since the call may take long and return much
        self._begin(BLOCKING, request, budget)
        while BLOCKING not in self._answered:
            self._wait()
        answer = self._answered.pop(BLOCKING)
        if isinstance(answer, KosmoError):
            raise answer
        return self._handles.answer(answer, texts)

    def _note_begin(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        """Start calls without waiting for them; each has its own part of the message's texts."""
        with messages.guard():
            coming, finished = int(header.get("coming", 0)), int(header.get("done", 0))
            if not (0 <= coming <= MAX_ITEMS and 0 <= finished <= MAX_ITEMS):
                raise ValueError("the message tells of items that are none")
            requests: list[tuple[int, _Request]] = []
            message_budget = ValueBudget(self._limits)
            at = 0
            for call in header["begin"]:
                number, count = call["id"], call["texts"]
                if type(number) is not int or type(count) is not int or number <= self._last or count < 0:
                    raise ValueError("the message begins a call with a number that it cannot have")
                if len(self._pending) + len(self._answered) + len(requests) >= MAX_PENDING_CALLS:
                    raise ValueError("the message begins more calls than any script can")
                requests.append((number, self._read(call, blobs[at : at + count], message_budget)))
                self._last, at = number, at + count
        self._host.calls.items(coming, finished)
        for number, request in requests:
            if self._ending.reason is not None:
                return
            try:
                self._count(1)
                if isinstance(request, LimitError):
                    raise request
                self._begin(number, *request)
            except _EndedError:
                return  # the reply to the next request says so
            except KeyboardInterrupt:  # during a question to the user
                self._ending.request("interrupted")
                return
            except KosmoError as error:
                self._answered[number] = error

    def _on_next(self, header: dict[str, Any], blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        self._note_begin(header, blobs)
        self._check_not_stopped()
        with messages.guard():
            if not self._pending and not self._answered:
                raise ValueError("the message waits for a call, and none is under way")
        while not self._answered:
            self._wait()
        answers, self._answered = self._answered, {}
        return {"answers": [{"id": number, **self._encode(answer, texts)} for number, answer in answers.items()]}

    def _encode(self, answer: list[Any] | KosmoError, texts: list[bytes]) -> dict[str, Any]:
        if isinstance(answer, KosmoError):
            return self._failed(answer)
        try:
            return self._handles.answer(answer, texts)
        except KosmoError as error:
            return self._failed(error)

    def _note_drop(self, header: dict[str, Any], _blobs: list[bytes]) -> None:
        with messages.guard():
            numbers = [int(number) for number in header["ids"]]
        for number in numbers:
            self._answered.pop(number, None)
            if self._remove_pending(number):
                self._host.calls.cancel(number)

    def _read(self, header: dict[str, Any], blobs: list[bytes], message_budget: ValueBudget) -> _Request:
        """Return a call and the budget that its arguments take, or the error if they are too large.

        Parameters:
            header: the part of the message that describes the call.
            blobs: its texts.
            message_budget: the budget for all calls of the message.

        Raises:
            KeyError, IndexError, TypeError, ValueError: the description is malformed.
        """
        budget = ValueBudget(self._limits)
        try:
            request = self._request(header, blobs, budget)
            if budget.size:
                message_budget.add(budget.size, budget.values)
        except LimitError as error:
            return error
        return request, budget

    def _request(self, header: dict[str, Any], blobs: list[bytes], budget: ValueBudget) -> CallRequest:
        """Return the call that a part of a message describes.

        Raises:
            LimitError: its arguments are too large.
            KeyError, IndexError, TypeError, ValueError: the description is malformed.
        """
        if len(header["arguments"]) > MAX_ARGUMENTS:
            raise ValueError("the message calls with more arguments than any script can")
        values = [(str(item.get("name", "")), self._handles.value(item, blobs, budget)) for item in header["arguments"]]
        has_names = bool(header.get("named"))
        return CallRequest(
            path=str(header["path"])[:MAX_NAME],
            account=str(header["account"])[:MAX_NAME] if header.get("account") else None,
            by_name=dict(values) if has_names else None,
            positional=[] if has_names else [value for _, value in values],
            line=header.get("line"),
            reading=int(header["reading"]) if "reading" in header else None,
        )

    def _begin(self, number: int, request: CallRequest, budget: ValueBudget) -> None:
        """Check a call that was counted and start it, unless its list argument exceeds the run's limit of calls."""
        prepared = self._host.calls.prepare(request)
        self._count(max(0, prepared.calls - 1))
        if budget.size:
            self._arguments.add(budget.size, budget.values)
        prepared.begin(number)
        self._pending[number] = budget

    def _remove_pending(self, number: int) -> bool:
        """Remove a call from the pending ones; return whether it was pending."""
        budget = self._pending.pop(number, None)
        if budget is None:
            return False
        if budget.size:
            self._arguments.release(budget.size, budget.values)
        return True

    def _count(self, calls: int) -> None:
        self._calls += calls
        if self._calls > self._limits.calls:
            self._ending.request("call_limit")
            raise _EndedError

    def _wait(self) -> None:
        """Wait up to `POLL_INTERVAL_SECONDS` for calls to finish."""
        self._check_not_stopped()
        for number, answer in self._host.calls.answers(POLL_INTERVAL_SECONDS):
            if self._remove_pending(number):
                self._answered[number] = answer

    # Other requests ---------------------------------------------------------------------------------

    def _on_column(self, header: dict[str, Any], _blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            reply, blobs = self._handles.column(header["handle"], header["path"])
        texts += blobs
        return reply

    def _on_rows(self, header: dict[str, Any], _blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            reply, blobs = self._handles.rows(header["handle"], int(header["first"]), int(header["count"]))
        texts += blobs
        return reply

    def _on_mcp(self, header: dict[str, Any], _blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            verb = str(header["verb"])
            if verb not in MCP_REQUESTS:
                raise ValueError(f"the message asks MCP servers for {verb!r}")
            names: dict[str, str] = {key: str(header[key])[:MAX_NAME] for key in ("server", "path") if key in header}
        return self._handles.answer(self._host.lookups.mcp(verb, names), texts)

    def _on_space(self, header: dict[str, Any], _blobs: list[bytes], _texts: list[bytes]) -> dict[str, Any]:
        key = _text(header, "key")
        if "integration" in header:
            return {"account": self._host.lookups.resolve_account(_text(header, "integration"), key)}
        described, functions = self._host.lookups.integration(key)
        self._handles.learn(functions)
        return {"integration": described}

    def _on_input(self, header: dict[str, Any], _blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        line = self._host.output.read(str(header.get("format")))
        if line is None:
            return {"ended": True}
        texts.append(line.encode(errors="surrogateescape"))  # bytes that are no UTF-8 reach Lua as they are
        return {}

    def _on_output_of(self, header: dict[str, Any], _blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            number = int(header["number"])
        return self._handles.answer([self._host.lookups.output_of(number)], texts)

    def _on_joins(self, header: dict[str, Any], _blobs: list[bytes], _texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            chunk, first, last = str(header["chunk"]), int(header["first"]), int(header["last"])
        return {"whole": self._host.chunks.concatenations(chunk, first, last)}

    def _on_field(self, header: dict[str, Any], _blobs: list[bytes], _texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            name, source = str(header["name"])[:MAX_NAME], str(header["type"])[:MAX_NAME]
            function = None if header.get("rows") else self._handles.function_of_type(source)
            path = tuple(str(part)[:MAX_NAME] for part in header["path"][:LONGEST_PATH])
            names = [str(field)[:MAX_NAME] for field in header["names"]]
            is_list = bool(header.get("many"))
        if not self._host.chunks.assigns(name):
            if is_list:
                raise field_of_records(function.name if function else source, name)
            raise unknown_field(function, path, name, names) if function else unknown_column(source, name, names)
        return {}

    def _on_orders(self, _header: dict[str, Any], _blobs: list[bytes], _texts: list[bytes]) -> dict[str, Any]:
        names, constructors = self._host.chunks.key_orders()
        return {"names": names, "constructors": constructors}

    def _on_set_now(self, header: dict[str, Any], _blobs: list[bytes], _texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            now = datetime.fromisoformat(str(header["now"])[:MAX_NAME]).astimezone(UTC)
        self._host.lookups.set_now(now)
        return {}

    def _on_regex(self, header: dict[str, Any], blobs: list[bytes], texts: list[bytes]) -> dict[str, Any]:
        with messages.guard():
            request = {
                "verb": str(header["verb"]),
                "flags": str(header["flags"]),
                "limit": int(header.get("limit", -1)),
            }
        reply, results = matches(request, blobs, self.allowance)
        texts += results
        return reply

    # Output ------------------------------------------------------------------------------------------

    def _note_output(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        with messages.guard():
            stream, piece = str(header["stream"]), blobs[0]
        if stream != self._stream:
            self.flush_output(is_end=True)
        now = time.monotonic()
        if not self._held:
            self._stream, self._held_size, self._held_since = stream, 0, now
        self._held.append(piece)
        self._held_size += len(piece)
        if self._held_size >= MAX_OUTPUT_BATCH_BYTES or now - self._held_since >= OUTPUT_BATCH_SECONDS:
            self.flush_output()

    @property
    def has_buffered_output(self) -> bool:
        """Return whether some printed text has not been passed on yet."""
        return bool(self._held)

    def flush_output(self, *, is_end: bool = False) -> None:
        """Pass the printed text on to the host.

        Parameters:
            is_end: whether the text ends here, so that an incomplete character is replaced rather than kept.
        """
        if self._held or is_end:
            text, self._held = self._decoder.decode(b"".join(self._held), is_end), []
            if text:
                self._host.output.write(self._stream, text)

    def _note_display(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        try:
            self._host.output.display(self._display_request(header, blobs))
        except LimitError as error:
            self._host.output.write("stderr", f"display: {error}\n")
        except StoppedError:  # an interrupt during the processing of the value
            self._ending.request("interrupted")

    def _display_request(self, header: dict[str, Any], blobs: list[bytes]) -> DisplayRequest:
        with messages.guard(), self.interruptible:
            form = str(header["form"])
            if form not in FORMS or ("value" in header) != (form in VALUES):
                raise ValueError(f"the message shows something as {form!r}")
            budget, size = ValueBudget(self._limits), sum(map(len, blobs))
            if "value" in header:
                content = self._handles.value(header["value"], blobs, budget)
            elif size > MAX_DISPLAY_BYTES:
                raise ValueError("the message shows more than any script can")
            else:
                content = b"".join(blobs)
            name = str(header.get("id", ""))[:MAX_ID]
            return DisplayRequest(form, content, name, bool(header.get("update")), bool(header.get("wait")), size)

    def _note_failures(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        with messages.guard():
            if len(blobs[0]) > MAX_FAILURES_BYTES:
                raise ValueError("the message tells more of failures than any script can")
            count, of, rows = int(header["count"]), int(header["of"]), decode(blobs[0])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError("the message tells of failures that are none")
        self._host.calls.failures(count, of, rows)

    def _note_unmatched(self, _header: dict[str, Any], blobs: list[bytes]) -> None:
        with messages.guard():
            field, value, similar = (blob[:MAX_NAME].decode(errors="replace") for blob in blobs)
        self._host.output.unmatched(field, value, similar)

    def _note_absent(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        with messages.guard():
            field, names = (blob[:MAX_NAME].decode(errors="replace") for blob in blobs)
            line = int(header["line"])
        self._host.output.absent(line, field, names)


# The kinds of messages, with a reply and without.
_METHODS = [name[1:].partition("_") for name in vars(RequestHandler)]
REQUESTS = {kind for verb, _, kind in _METHODS if verb == "on"} | _FACTS.keys() | _VALUES.keys()
EVENTS = {kind for verb, _, kind in _METHODS if verb == "note"}


# Regular expressions -----------------------------------------------------------------------------
#
# They are matched in the reader, under a limit of time of their own. The replies are checked and not trusted, because a
# pattern may attack the engine.


def matches(header: dict[str, Any], blobs: list[bytes], allowance: Allowance) -> tuple[dict[str, Any], list[bytes]]:
    """Match a pattern, and return the reply for Lua: `count`, `groups` and `names`, and the texts.

    Parameters:
        header, blobs: see `regex_engine.answer`.
        allowance: of the run.

    Raises:
        InvalidArgumentsError: the pattern, a flag or the replacement is invalid.
        LimitError: the request takes too much time or memory, or its result is too large.
        SettingsError: the engine is not installed or does not start.
        StoppedError: the run must stop.
    """
    from kosmo_kernel.reader.reading import HEADER_BYTES, TIME, read

    name = f"regex.{header['verb']}"
    try:
        reply, texts = wire.unpack(
            read(MATCH, wire.pack(header, blobs), allowance), partial(decode, max_bytes=HEADER_BYTES)
        )
        if "error" not in reply:
            names = [(str(group), int(number)) for group, number in reply.get("names", ())]
            return {"count": int(reply["count"]), "groups": int(reply.get("groups", 0)), "names": names}, texts
        problem, limit = (
            str(reply[key])[:MAX_MESSAGE_LENGTH].encode(errors="replace").decode() for key in ("error", "limit")
        )
    except (*messages.MALFORMED, LimitError) as error:
        if isinstance(error, LimitError) and error.limit == TIME:
            what = f"{name}: the pattern took more than {MAX_MATCH_SECONDS:g} s on this subject"
            advice = " A repeat within a repeat, such as (a+)+, is the usual cause."
            raise messages.excess(what, "pattern_time", advice) from None
        raise messages.excess(f"{name}: the process that matches ended", "pattern_process") from None
    raise messages.excess(f"{name}: {problem}", limit) if limit else InvalidArgumentsError(f"{name}: {problem}.")
