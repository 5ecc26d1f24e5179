"""Call the functions of the catalogue from Python, without Lua: `from kosmo_kernel import heroku`.

namespace.py   an integration, or one of its accounts: its functions and tables as attributes; values of arguments
function.py    one function: signature, documentation, call
__main__.py    writes the signatures for type checkers, `heroku.pyi`

The session of the calls is here. In a notebook with `%load_ext kosmo_kernel`, it is the session of the Lua cells, so
both share connections, the cache, the rate limit and the account. Otherwise it is a session of this process, created at
the first call.
"""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kosmo_kernel.session import Session


# The notebooks that were loaded, the last one at the end: objects with a `session`, made when it is first read.
_notebooks: list[weakref.ref[Any]] = []
_own: list[Session] = []  # one at most


def current_session() -> Session:
    """Return the session of the notebook that was loaded last, or that of this process.

    Raises:
        SettingsError: a setting of the session is invalid.
    """
    for reference in reversed(_notebooks):
        if notebook := reference():
            session: Session = notebook.session
            return session
    if not _own:
        from kosmo_kernel.session import Session

        _own.append(Session(notebook=True))
        atexit.register(close_own_session)
    return _own[0]


def share_session(notebook: Any) -> None:
    """Use a notebook's session for calls from Python, as long as the notebook exists."""
    _notebooks.append(weakref.ref(notebook))


def stop_sharing(notebook: Any) -> None:
    """Undo `share_session`."""
    _notebooks[:] = [reference for reference in _notebooks if reference() not in (notebook, None)]


def close_own_session() -> None:
    """Close the session of this process, if there is one; the next call creates another."""
    while _own:
        _own.pop().close()
