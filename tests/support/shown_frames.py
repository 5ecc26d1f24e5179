"""All that a tool may show of an error: messages, causes, contexts, and the frames with their local variables.

pytest, IPython (`%xmode Verbose`) and error trackers show the local variables of frames, and some their attributes.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

DEPTH = 2  # levels of attributes
_HIDDEN = ("__self__", "__closure__", "__wrapped__", "__dict__")
TESTS = Path(__file__).parent.parent


def everything_shown(error: BaseException) -> Iterator[str]:
    """Yield the text of each part of an error, its causes and contexts; frames of tests are left out."""
    pending, seen, shown = [error], set[int](), dict[int, tuple[int, Any]]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from _texts(one, DEPTH, shown)
        yield "".join(traceback.format_exception(one, chain=False))
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not Path(frame.f_code.co_filename).is_relative_to(TESTS):
                for value in frame.f_locals.values():
                    yield from _texts(value, DEPTH, shown)
        pending += [next_one for next_one in (one.__cause__, one.__context__) if next_one]


def libraries_of(error: BaseException) -> set[str]:
    """Return the top-level packages of an error, its causes and contexts, and of all of their frames."""
    found, pending = set[str](), [error]
    while pending:
        one = pending.pop()
        modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(one.__traceback__)]
        found |= {module.partition(".")[0] for module in (*modules, type(one).__module__)}
        pending += [next_one for next_one in (one.__cause__, one.__context__) if next_one]
    return found


def _texts(value: Any, depth: int, shown: dict[int, tuple[int, Any]]) -> Iterator[str]:
    """Yield the text of a value, and of what it has, unless it was shown as deep; `shown` keeps what was, by id."""
    if shown.get(id(value), (-1, None))[0] >= depth or value is os.environ:
        return  # the environment is where users put tokens: an attribute of a module and of a console of rich
    if id(value) not in shown:
        yield repr(value)
    shown[id(value)] = depth, value
    if not depth or isinstance(value, (str, bytes, int, float, type, ModuleType)):
        return
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, (list, tuple, set)):
        inner = list(value)
    else:
        names = [name for name in dir(value) if not name.startswith("__") or name in _HIDDEN]
        inner = [item for name in names if (item := _attribute(value, name)) is not None]
    for item in inner:
        yield from _texts(item, depth - 1, shown)


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except Exception:  # noqa: BLE001 - a property may raise anything
        return None
