"""Parameters of large matrices of which a few cases stand for all, unless the long tests are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def full_except(cases: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the cases, those that are not named marked `full`."""
    return [case if case in quick else pytest.param(case, marks=pytest.mark.full) for case in cases]
