"""All errors that this package raises on purpose, grouped by who has to act.

    KosmoError
    ├── UserError            the user: a name, an argument, a script, a credential
    │   ├── InvalidArgumentsError   CredentialsError   SettingsError   UntrustedError
    │   ├── UnknownNameError        a function, account or page   UnknownFieldError   a field of a record
    │   ├── NotAllowedError         the user did not agree to the call of a tool
    │   ├── FileWriteError          a file or an output that cannot be written             (also an OSError)
    │   ├── NotRecordedError        the recording or snapshot has no such response
    │   ├── LuaError                the script itself: LuaSyntaxError, LuaRuntimeError
    │   ├── LimitError              the script exceeded a limit
    │   ├── StoppedError            the user interrupted the run
    │   └── RefusedError            the service rejected the request: 401, 403, 404, 422 …   (also an ApiError)
    ├── ServiceError         the service: it failed, or sent an invalid response
    │   └── BadAnswerError          not JSON, a truncated body, a 500                        (also an ApiError)
    └── TryLaterError        nobody: a retry later may succeed
        ├── RateLimitError          429                                                      (also an ApiError)
        ├── UnreachableError        no connection, 502, 503, 504                             (also an ApiError)
        └── LuaProcessError         the Lua process ended; a new one is ready

The message says where, what happened, and what to do; each of these parts is an attribute, so that no code needs to
read a message. What looks like a token, and each token in use, is removed from all parts, because users type tokens in
the wrong place. The facts that programs need are attributes, too; `facts()` returns them under the names that Lua's
`pcall` and `--json` use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

from kosmo_kernel.text import lazy_pattern

# What every text that `redact` changes has in it.
_MAYBE_SECRET = lazy_pattern(
    "hrku|gh[oprsu]_|github_pat_|xox|xapp-|slack|k_(?:live|test)_|whsec_|akia|asia|access_?key|private key"
    "|://|authorization|bearer|basic",
    re.IGNORECASE,
)


class KosmoError(Exception):
    """Base class of all errors of this package.

    Parameters:
        text: what happened. May have several lines.
        where: the call that failed, `heroku.list_apps (account default)` for example; may be empty.
        advice: what to do, as a sentence of its own; may be empty.

    Attributes:
        type: a stable identifier for programs, `invalid_arguments` for example.
        actor: who has to act: `you`, `service` or `time`.
        line: the line of the script, counted from 1, or None if unknown.
        chunk: the name of the script, `In[3]` or a file's.
        excerpt: the line with its neighbours, marked; may be empty.
        stack: the call stack, innermost first, as `chunk:line: in NAME`; empty if it has one call only.
        result: the result of the run up to the error (a `session.Result`), or None.
    """

    type: ClassVar[str] = "error"
    actor: ClassVar[Literal["you", "service", "time"]] = "you"

    def __init__(self, text: str, *, where: str = "", advice: str = "") -> None:
        self.where, self.text, self.advice = map(_redacted, (where, text, advice))
        super().__init__(self.message)
        self.line: int | None = None
        self.chunk = ""
        self.excerpt = ""
        self.stack: tuple[str, ...] = ()
        self.result: Any = None

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The whole message: where, what happened, and what to do. Setting it replaces these parts by one text."""
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.text} {self.advice}" if self.advice else where + self.text

    @message.setter
    def message(self, message: str) -> None:
        self.where, self.text, self.advice = "", _redacted(message), ""

    def sanitize(self, clean: Callable[[str], str]) -> None:
        """Apply a function that redacts secrets to all texts of the error, and remove the tokens that are in use."""

        def cleaned(text: str) -> str:
            return _redacted(clean(text))

        self.where, self.text, self.advice = cleaned(self.where), cleaned(self.text), cleaned(self.advice)
        self.chunk, self.excerpt = cleaned(self.chunk), cleaned(self.excerpt)
        self.stack = tuple(map(cleaned, self.stack))

    def facts(self) -> dict[str, Any]:
        """Return the facts of the error as JSON values, `type` and `message` first."""
        return {"type": self.type, "message": self.message}


class UserError(KosmoError):
    """An error that the user can fix."""

    type = "user_error"


class ServiceError(KosmoError):
    """An error that the service has to fix."""

    type = "service_error"
    actor = "service"


class TryLaterError(KosmoError):
    """A temporary error: the same request may succeed later."""

    type = "try_later"
    actor = "time"


class InvalidArgumentsError(UserError):
    """Invalid arguments of a function. Nothing was sent. The message lists all mistakes.

    Attributes:
        missing: the name of a required argument, if the only mistake is that it has no value.
        unknown: the names of the arguments that the function does not have.
        wanted_rows: the value of `limit`, if the only mistake is that a list was called with it.
    """

    type = "invalid_arguments"
    missing: str = ""
    unknown: tuple[str, ...] = ()
    wanted_rows: int | None = None

    @classmethod
    def of_call(cls, function: str, mistakes: Iterable[str], call: str) -> Self:
        """Return the error for a call with mistakes, which advises to write it like another one."""
        return cls(f"{'; '.join(mistakes)}.", where=function, advice=f"Write {call}")


class UnknownNameError(UserError):
    """A function, account, page or setting that does not exist; the advice is the nearest names.

    Attributes:
        suggestions: the nearest full names, best first; may be empty.
        reason: the sentence that says why there is none, if that is known.
    """

    type = "unknown_name"

    def __init__(self, text: str, suggestions: tuple[str, ...] = (), *, reason: str = "") -> None:
        super().__init__(
            f"{text} {reason}".rstrip(), advice=f"Did you mean: {', '.join(suggestions)}" if suggestions else ""
        )
        self.suggestions = suggestions
        self.reason = reason


class UnknownFieldError(UserError):
    """A script read a field that no such record has.

    Attributes:
        suggestions: the nearest fields, best first; may be empty.
    """

    type = "unknown_field"

    def __init__(self, text: str, suggestions: tuple[str, ...] = (), *, advice: str = "") -> None:
        if suggestions:
            *others, last = (f'"{name}"' for name in suggestions)
            choice = f"{', '.join(others)} or {last}" if others else last
            advice = f"Did you mean {choice}?"
        super().__init__(text, advice=advice)
        self.suggestions = suggestions


class CredentialsError(UserError):
    """No credentials, or credentials that must not be used as they are."""

    type = "credentials"


class SettingsError(UserError):
    """A setting, an option or an environment variable has an invalid value."""

    type = "settings"


class FileWriteError(UserError, OSError):
    """A file or an output cannot be written: the disk is full, or it may not be written.

    Parameters:
        target: what cannot be written: a path, or `standard output`.
        cause: the error of the system.
        advice: what was written or kept, and what to do; may be empty.

    Attributes:
        target: what cannot be written.
        errno, strerror: those of the cause.
    """

    type = "file"

    def __init__(self, target: object, cause: OSError, advice: str = "") -> None:
        super().__init__(f"{target} cannot be written: {cause.strerror or cause}.", advice=advice)
        self.target, self.errno, self.strerror = target, cause.errno, cause.strerror


class UntrustedError(UserError):
    """A project configures a program that the user does not trust."""

    type = "untrusted"


class NotAllowedError(UserError):
    """The user did not agree to the call of a tool, or could not be asked. Nothing was sent.

    Attributes:
        function: the full name of the tool, `mcp.github.add_comment`.
        account: its server, `mcp.github`.
    """

    type = "permission"

    def __init__(self, text: str, *, function: str, account: str) -> None:
        super().__init__(text)
        self.function, self.account = function, account

    def facts(self) -> dict[str, Any]:
        """Return the facts, including the call."""
        return super().facts() | {"function": self.function, "account": self.account}


class NotRecordedError(UserError):
    """A run made a request that its recording or snapshot does not contain. Nothing was sent."""

    type = "not_recorded"


class StoppedError(UserError):
    """The run was interrupted."""

    type = "interrupted"


class LimitError(UserError):
    """The script exceeded one of its limits.

    Attributes:
        limit: the name of the limit: `memory_limit`, `cpu_limit`, `timeout` …
    """

    type = "limit"

    def __init__(self, text: str, *, limit: str) -> None:
        super().__init__(text)
        self.limit = limit

    def facts(self) -> dict[str, Any]:
        """Return the facts, including the limit."""
        return super().facts() | {"limit": self.limit}


class LuaError(UserError):
    """The script failed."""

    type = "lua_error"


class LuaSyntaxError(LuaError):
    """The script does not compile.

    Attributes:
        incomplete: the text ends too early; more lines could complete it.
    """

    type = "lua_syntax"

    def __init__(self, text: str, *, incomplete: bool = False) -> None:
        super().__init__(text)
        self.incomplete = incomplete


class LuaRuntimeError(LuaError):
    """The script raised an error while running."""

    type = "lua_runtime"


class LuaProcessError(TryLaterError):
    """The Lua process ended before the run finished. Lua's variables are lost; a new process is ready."""

    type = "lua_process"


class ApiError(KosmoError):
    """A request to a service failed.

    Attributes:
        status: the HTTP status, or None when there was no response.
        id: the service's identifier of the error (Heroku: `not_found`, `rate_limit` …), or None.
        request_id: the identifier of the request for the service's support, or None.
        function: the function called, `heroku.list_dynos`.
        account: the account it was called with.
        is_outage: no request got a response, so that the failure is not that of one request.
        message_has_request_id: whether messages of this class contain the `request_id`, if there is one.
    """

    type = "api_error"
    message_has_request_id: ClassVar[bool] = True

    def __init__(
        self,
        text: str,
        *,
        where: str = "",
        status: int | None = None,
        id: str | None = None,  # noqa: A002 - the name of this fact in Heroku's API and in `facts()`
        request_id: str | None = None,
        function: str = "",
        account: str = "",
    ) -> None:
        super().__init__(text, where=where)
        self.status = status
        self.id = id
        self.request_id = request_id
        self.function = function
        self.account = account
        self.is_outage = False

    @property
    def retryable(self) -> bool:
        """Return whether the same request may succeed later."""
        return isinstance(self, (ServiceError, TryLaterError))

    def facts(self) -> dict[str, Any]:
        """Return the facts, including the service's response."""
        return super().facts() | {
            "status": self.status,
            "id": self.id,
            "request_id": self.request_id,
            "retryable": self.retryable,
            "function": self.function,
            "account": self.account,
        }


class RefusedError(ApiError, UserError):
    """The service rejected the request: wrong credentials, no access, not found, invalid parameters."""

    type = "refused"
    message_has_request_id = False  # the service did nothing wrong, so that its support need not be asked


class BadAnswerError(ApiError, ServiceError):
    """The service failed, or its response is not the JSON that it should be."""

    type = "bad_answer"


class RateLimitError(ApiError, TryLaterError):
    """The account has exceeded its rate limit."""

    type = "rate_limit"


class UnreachableError(ApiError, TryLaterError):
    """The service cannot be reached."""

    type = "unreachable"

    def facts(self) -> dict[str, Any]:
        """Return the facts, including `outage` if the error is about the network and not about this request."""
        return super().facts() | ({"outage": True} if self.is_outage else {})


# The errors of services and MCP servers, by their type in a file.
API_ERRORS = {kind.type: kind for kind in (RefusedError, BadAnswerError, RateLimitError, UnreachableError)}


def api_error(facts: Mapping[str, Any]) -> ApiError:
    """Return the error with some facts, as `ApiError.facts` returns them, and its parts where they are there, too.

    Raises:
        LookupError: it has no type of `API_ERRORS`, or no message.
    """
    about = {name: facts[name] for name in ("status", "id", "request_id", "function", "account") if name in facts}
    error = API_ERRORS[facts["type"]](str(facts.get("text", facts["message"])), where=facts.get("where", ""), **about)
    error.advice, error.is_outage = facts.get("advice", ""), facts.get("outage") is True
    return error


def _redacted(text: str) -> str:
    """Return a text without what looks like a secret, and without the tokens that are in use."""
    from kosmo_kernel.safety.redaction import redact, tokens_in

    tokens = tokens_in(text)
    return redact(text, tokens) if tokens or _MAYBE_SECRET.search(text) else text
