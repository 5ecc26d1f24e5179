"""Complete the values of arguments from lists that this session has: the names of apps after `list_apps` was called.

Nothing is requested. The names come from the service, so only those are offered that stay one text between quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.editor.types import Chain, NamePath
from kosmo_kernel.safety.text import is_plain_in_quotes

if TYPE_CHECKING:
    from kosmo_kernel.editor.inference import CallSite, TypeInferrer


def listed_values(reader: TypeInferrer, call: CallSite) -> Iterator[str]:
    """Yield the known values of the argument whose text is being typed, if a list of them was returned before."""
    place = reader.type_before(call.end)
    function = reader.function_at(place) if isinstance(place, NamePath) else None
    if function is None or not isinstance(place, NamePath):
        return
    param, namespace = _param(function, call), _namespace(reader, place.chain)
    if param is None or namespace is None:
        return
    integration, alias = namespace
    listing = integration.listing(param)
    if listing is not None:
        records = reader.state.last_list(integration.name, listing.name, alias)
        for value in map(param.value_of_record, records):
            if isinstance(value, str) and is_plain_in_quotes(value):
                yield value


def _param(function: Function, call: CallSite) -> Param | None:
    """Return the parameter that a call passes the text to: by its name, or by its position."""
    if call.brace is None:
        return function.params[call.position] if call.position < len(function.params) else None
    return next((param for param in function.params if param.name == call.key), None)


def _namespace(reader: TypeInferrer, chain: Chain) -> tuple[Integration, str] | None:
    """Return the integration of a function at a path, and the account that the path names, or an empty string."""
    above = chain[:-1]
    if above[:1] != ("app",):
        space = (reader.state.resolve(above) or {}).get("space") if above else None
        above = tuple(str(space).split(".")) if space else ()
    match above:
        case ("app", "integrations", str(name), *alias) if integration := integrations.known(name):
            return integration, str(alias[0]) if alias else ""
    return None
