"""Test what processes of this package import at their start."""

from __future__ import annotations

import subprocess
import sys

from repository import ROOT

CODE = """
import sys
from kosmo_kernel.settings.python_start import import_msgspec
import_msgspec()
print("msgspec" in sys.modules, "typing_extensions" in sys.modules)
import typing_extensions
import_msgspec()
print(typing_extensions is sys.modules["typing_extensions"])
"""


def test_msgspec_is_imported_alone_and_others_can_import_what_it_left_out() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\nTrue\n"
