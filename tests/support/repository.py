"""Where the files of this project are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
SUPPORT = TESTS / "support"
NOTEBOOKS = ROOT / "notebooks"
