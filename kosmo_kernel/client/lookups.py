"""Find the records whose names a function's path does not take: a pipeline's name where Heroku takes its UUID only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from kosmo_kernel.catalogue import Function, Link


class RecordToLookUp(NamedTuple):
    """A record that is requested before a call."""

    function: Function  # has the record; its errors are those of the function that is called
    args: Mapping[str, Any]  # of that function
    param: str  # the argument of the call that the record is for
    field: str  # the field of the record that has the value of the argument


def records_to_look_up(function: Function, args: Mapping[str, Any]) -> Iterator[RecordToLookUp]:
    """Yield the records that a call needs first.

    Parameters:
        function: which is called.
        args: the arguments of one call, as `function.calls` gives them.
    """
    for param in function.params:
        value, lookup = args.get(param.name), param.lookup
        if lookup and value is not None and not re.fullmatch(lookup.taken, str(value)):
            request = Function(
                function.name, "", "", (Link(lookup.path),), "record", (), (replace(param, lookup=None),)
            )
            yield RecordToLookUp(request, {param.name: value}, param.name, lookup.field)
