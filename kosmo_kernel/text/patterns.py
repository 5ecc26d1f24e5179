"""Regular expressions that are compiled when they are first used.

A process imports many more patterns than it uses, and compiling one takes longer than importing a small module.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _LazyPattern:
    """A pattern that is compiled at the first access to an attribute, which is then kept here."""

    def __init__(self, source: Any, flags: int) -> None:
        self.pattern, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern like `re.compile`. An invalid one raises its error at the first use."""
    return cast("re.Pattern[AnyStr]", _LazyPattern(source, flags))
