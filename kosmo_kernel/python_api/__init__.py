"""Call the functions of the catalogue from Python, without Lua: `from kosmo_kernel import heroku`.

namespace.py   an integration, or one of its accounts: its functions as attributes
function.py    one function: signature, documentation, call
current.py     the session that the calls use
completion.py  values of arguments, from lists that the session has
frontend.py    how a call shows progress and asks questions
stub.py        the signatures for type checkers, `heroku.pyi`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kosmo_kernel.python_api.namespace import Namespace


def namespace_named(name: str) -> Namespace | None:
    """Return the functions of an integration, or None if there is no integration of this name."""
    from kosmo_kernel.integrations import known
    from kosmo_kernel.python_api.namespace import Namespace

    integration = known(name)
    return Namespace(integration) if integration else None
