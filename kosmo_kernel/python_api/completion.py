"""Complete the values of arguments in Python code from lists that the session has: the names of apps.

Nothing is run and nothing is requested: `heroku` is looked up among the variables, and what follows it is read as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kosmo_kernel.catalogue import Function, Param
from kosmo_kernel.python_api.namespace import Namespace, namespace_named, target
from kosmo_kernel.safety.text import is_plain_in_quotes

if TYPE_CHECKING:
    from kosmo_kernel.session import Session

MAX_CALL_LENGTH = 1_000  # characters of an unfinished call that are read

_KEY = r"""\["[^"\\\n]*"\]|\['[^'\\\n]*'\]"""
_CALL = re.compile(
    rf"(?<![\w.])(?P<root>[^\W\d]\w*)(?P<account>\.\w+|{_KEY})?\.(?P<function>\w+)\((?P<arguments>[^()]*)\Z"
)
_VALUE = re.compile(
    r"""(?:\A|,)\s*(?:(?P<name>\w+)\s*=\s*)?(?:\[(?:\s*(?:"[^"\n]*"|'[^'\n]*')\s*,)*\s*)?["'](?P<text>[^"'\\\n]*)\Z"""
)


class KnownValues(NamedTuple):
    """The values that can follow, and the text that they replace."""

    values: list[str]
    text: str


def known_values(code: str, variables: Mapping[str, Any], session: Session) -> KnownValues | None:
    """Return the values that an unfinished text at the end of Python code can become.

    Parameters:
        code: the code up to the cursor.
        variables: the variables of Python, by name.
        session: the session of the calls.

    Returns:
        None if the text is no argument of a function of the catalogue whose values are known.
    """
    call = _CALL.search(code[-MAX_CALL_LENGTH:])
    if call is None:
        return None
    root = call["root"]
    namespace = variables[root] if root in variables else namespace_named(root)  # which the same cell may import
    if not isinstance(namespace, Namespace):
        return None
    integration, account = target(namespace)
    typed, function = _VALUE.search(call["arguments"]), integration.names().get(call["function"])
    if typed is None or function is None:
        return None
    param = _param(function, typed["name"], call["arguments"][: typed.start()])
    listing = integration.listing(param) if param else None
    if param is None or listing is None:
        return None
    account = (call["account"] or "").strip(".[]\"'") or account or session.account
    records = session.last_list(integration.name, listing.name, account) or ()
    texts = [value for value in map(param.value_of_record, records) if isinstance(value, str)]
    values = [text for text in texts if text.startswith(typed["text"]) and is_plain_in_quotes(text)]
    return KnownValues(values, typed["text"]) if values else None


def _param(function: Function, name: str | None, before: str) -> Param | None:
    """Return the parameter with a name, or without one the parameter at the position after other arguments."""
    position = before.count(",") + 1 if before.strip() else 0
    params = function.params
    if name is None:
        return params[position] if position < len(params) else None
    return next((param for param in params if param.name == name), None)
