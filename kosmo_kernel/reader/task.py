"""What can be read: a function of this package that takes bytes and returns bytes, and its limits."""

from __future__ import annotations

from typing import NamedTuple

from kosmo_kernel.errors import SettingsError

MAX_SECONDS = 5.0  # of processor time
MAX_MEMORY_BYTES = 512 << 20
MAX_RESULT_BYTES = 16 << 20


class Task(NamedTuple):
    """A function that runs in the reader.

    Its module is imported before the process locks itself in, and what the function imports must be imported by then:
    a function `prepare` of the module, if there is one, does that.
    """

    # Where it is: `MODULE:FUNCTION`. It gets the bytes to read, and returns bytes or raises an error of this package,
    # whose message says why it refuses them.
    function: str
    what: str  # what it reads, as the subject of an error: `this HTML`
    libraries: tuple[str, ...] = ()  # the modules that it needs besides this package and the standard library
    # The class of the error that the caller gets when the function refuses the bytes.
    refusal: type[Exception] = SettingsError
    seconds: float = MAX_SECONDS  # processor time that one request may take
    # Bytes that the process may map for one request, besides what it has when it is ready.
    memory: int = MAX_MEMORY_BYTES
    max_result: int = MAX_RESULT_BYTES  # bytes of the result

    @property
    def module(self) -> str:
        """The name of the function's module."""
        return self.function.partition(":")[0]
