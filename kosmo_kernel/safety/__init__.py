"""Sanitize, escape and redact content from scripts, services and servers before it is shown.

A script in a notebook's output acts as the notebook's user, a remote image tells its server who views it and when, and
an escape sequence can type into a terminal. Content that cannot be sanitized raises `UnsafeContentError`. The libraries
behind these functions are imported when first needed.

markup.py     the types of what is shown, and the gates that make them of untrusted text
html.py       HTML, by an allow-list of tags and attributes
images.py     PNG, JPEG, GIF and WebP of limited size, and an SVG as an image that cannot run scripts
markdown.py   Markdown as HTML, without raw HTML and images
text.py       plain text without escape sequences and control characters
tables.py     tables as HTML and Markdown, lines of CSV
redaction.py  text without secrets, and without the tokens that this process uses
intake.py     files and JSON that somebody else may have written, within limits

The functions of this file keep tokens out of core dumps, which have the whole memory of a process and may be kept, or
sent to somebody. The command, the Lua kernel and the servers are processes of this package, so `forbid_core_dumps` goes
all the way: on Linux the system then lets no other process of the user read their memory either, neither as a file nor
as a debugger. A Python kernel or a script is the user's own process, which that would close to debuggers and profilers.
So there only the soft limit is lowered, by `limit_core_dumps` when a token is used first; the user can raise it again.
The hard limit stays, because child processes inherit it: JupyterLab, notebooks' kernels and MCP servers are the user's.
"""

from __future__ import annotations

import sys

_SET_DUMPABLE = 4  # of prctl(2)


def limit_core_dumps() -> None:
    """Lower the soft limit of core dumps of this process to nothing."""
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft != 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process, and on Linux also that other processes of the user read its memory."""
    limit_core_dumps()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)  # cannot fail with these arguments
