"""Every error this package raises on purpose, ordered by who must act.

    KosmoError
    ├── UserError            you: a name, an argument, a script, a credential
    │   ├── InvalidArgumentsError   UnknownNameError   CredentialsError   SettingsError   UntrustedError
    │   ├── NotAllowedError         the permissions, or a person, said no
    │   ├── NotRecordedError        a cassette has no answer to this
    │   ├── LuaError                the script itself: LuaSyntaxError, LuaRuntimeError
    │   ├── LimitError              the script used more than it may
    │   ├── StoppedError            you asked it to stop
    │   └── RefusedError            the service said no: 401, 403, 404, 422 …   (an ApiError too)
    ├── ServiceError         the service: it broke, or answered what it never should
    │   └── BadAnswerError          not JSON, a truncated body, a 500             (an ApiError too)
    └── TryLaterError        nobody but time
        ├── RateLimitError          429                                          (an ApiError too)
        ├── UnreachableError        no connection, 502, 503, 504                 (an ApiError too)
        └── LuaProcessError         the process that runs Lua ended; a fresh one stands ready

The message says what happened, where, and what to do. Facts that programs need are attributes,
and `facts()` gives them under the names that Lua's `pcall` and `--json` show.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal


class KosmoError(Exception):
    """Anything that went wrong in a way this package knows.

    Attributes:
        type: a stable word for programs, `invalid_arguments` for example.
        actor: who must act: `you`, `service` or `time`.
        message: what happened, where, and what to do. May have several lines.
        line: the line of the script that it came from, counted from 1, or None where Lua does not know.
        chunk: the name of that script, `In[3]` or a file's.
        excerpt: that line with its neighbours, marked; may be empty.
        stack: the calls that led there, innermost first, as `chunk:line: in NAME`; empty where there was one only.
        result: what the run had produced before it failed (a `session.Result`), or None.
    """

    type: ClassVar[str] = "error"
    actor: ClassVar[Literal["you", "service", "time"]] = "you"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.line: int | None = None
        self.chunk = ""
        self.excerpt = ""
        self.stack: tuple[str, ...] = ()
        self.result: Any = None

    def __str__(self) -> str:
        return self.message

    def facts(self) -> dict[str, Any]:
        """What programs may want to know, JSON values only, `type` and `message` first."""
        return {"type": self.type, "message": self.message}


class UserError(KosmoError):
    """You can fix this."""

    type = "user_error"


class ServiceError(KosmoError):
    """The service has to fix this."""

    type = "service_error"
    actor = "service"


class TryLaterError(KosmoError):
    """Nobody has to fix anything: the same request may work in a while."""

    type = "try_later"
    actor = "time"


class InvalidArgumentsError(UserError):
    """Arguments that do not fit the function. Nothing was sent. All mistakes are in the message."""

    type = "invalid_arguments"


class UnknownNameError(UserError):
    """A function, account, page or setting that does not exist; the message ends in the nearest names.

    Attributes:
        suggestions: the nearest full names, best first; may be empty.
    """

    type = "unknown_name"

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        if suggestions:
            message = f"{message} Did you mean: {', '.join(suggestions)}"
        super().__init__(message)
        self.suggestions = suggestions


class CredentialsError(UserError):
    """No credentials, or credentials that must not be used as they are."""

    type = "credentials"


class SettingsError(UserError):
    """A setting, an option or an environment variable has a value that makes no sense."""

    type = "settings"


class UntrustedError(UserError):
    """A project brings a program of its own, and the user has not agreed that it is started."""

    type = "untrusted"


class NotAllowedError(UserError):
    """The permissions do not let a script do this, or a person said no. Nothing was sent.

    Attributes:
        function: the function called, `heroku.list_dynos`.
        account: the account it was called with.
        operation: `read` or `write`.
        permission: `ask` or `deny`.
    """

    type = "permission"

    def __init__(self, message: str, *, function: str, account: str, operation: str, permission: str) -> None:
        super().__init__(message)
        self.function, self.account = function, account
        self.operation, self.permission = operation, permission

    def facts(self) -> dict[str, Any]:
        """The facts, with what was asked for and what the permissions say of it."""
        return super().facts() | {
            "function": self.function,
            "account": self.account,
            "operation": self.operation,
            "permission": self.permission,
        }


class NotRecordedError(UserError):
    """A run that is replayed asks for something that its cassette does not have. Nothing was sent."""

    type = "not_recorded"


class StoppedError(UserError):
    """The run was interrupted."""

    type = "interrupted"


class LimitError(UserError):
    """The script used more than its limit of something.

    Attributes:
        limit: which limit: `memory_limit`, `cpu_limit`, `timeout` …
    """

    type = "limit"

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit

    def facts(self) -> dict[str, Any]:
        """The facts, with the limit."""
        return super().facts() | {"limit": self.limit}


class LuaError(UserError):
    """The script failed."""

    type = "lua_error"


class LuaSyntaxError(LuaError):
    """The script does not compile.

    Attributes:
        incomplete: the text ends too early; more lines could make it right.
    """

    type = "lua_syntax"
    incomplete = False


class LuaRuntimeError(LuaError):
    """The script stopped with an error of its own."""

    type = "lua_runtime"


class LuaProcessError(TryLaterError):
    """The process that runs Lua ended before it answered. Lua's variables are gone; a fresh one stands ready."""

    type = "lua_process"


class ApiError(KosmoError):
    """What a service answered instead of a result.

    Attributes:
        status: the HTTP status, or None when there was no answer.
        id: the service's own word for the error (Heroku: `not_found`, `rate_limit` …), or None.
        request_id: what the service's support asks for, or None.
        function: the function called, `heroku.list_dynos`.
        account: the account it was called with.
        where: what the message begins with to name the call, for those who have named it already; may be empty.
    """

    type = "api_error"
    where = ""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        id: str | None = None,  # noqa: A002 - the name that Heroku and the contract give this fact
        request_id: str | None = None,
        function: str = "",
        account: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.id = id
        self.request_id = request_id
        self.function = function
        self.account = account

    @property
    def retryable(self) -> bool:
        """True when the same request may succeed later."""
        return isinstance(self, (ServiceError, TryLaterError))

    def facts(self) -> dict[str, Any]:
        """The facts, with what the service answered."""
        return super().facts() | {
            "status": self.status,
            "id": self.id,
            "request_id": self.request_id,
            "retryable": self.retryable,
            "function": self.function,
            "account": self.account,
        }


class RefusedError(ApiError, UserError):
    """The service understood and refused: wrong credentials, no access, no such thing, bad parameters."""

    type = "refused"


class BadAnswerError(ApiError, ServiceError):
    """The service failed, or answered something that is not the JSON it promises."""

    type = "bad_answer"


class RateLimitError(ApiError, TryLaterError):
    """The account has used up its requests for now."""

    type = "rate_limit"


class UnreachableError(ApiError, TryLaterError):
    """No usable connection to the service."""

    type = "unreachable"
