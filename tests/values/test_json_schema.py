"""The import of jsonschema, with a stand-in for the package that takes long to import."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from repository import ROOT

from kosmo_kernel.values.json_schema import GRAMMARS

SCRIPT = f"""
import sys
from kosmo_kernel.values.json_schema import import_jsonschema
import_jsonschema()
import jsonschema, nbformat
print("{GRAMMARS}" in sys.modules)
checker = jsonschema.FormatChecker()
print(checker.conforms("good", "iri"), checker.conforms("bad", "iri"))
print("{GRAMMARS}" in sys.modules)
"""


@pytest.mark.skipif(
    not any(one.startswith("rfc3987-syntax") for one in requires("jsonschema") or ()),
    reason="this version of jsonschema checks addresses without the package",
)
def test_the_grammars_of_addresses_are_imported_for_the_first_address_that_is_checked(tmp_path: Path) -> None:
    (tmp_path / f"{GRAMMARS}.py").write_text(
        "def is_valid_syntax(term, value): return (term, value) == ('iri', 'good')"
    )
    command = [sys.executable, "-c", SCRIPT]
    paths = f"{tmp_path}:{ROOT}"
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": paths}, check=True)
    assert done.stdout.split() == ["False", "True", "False", "True"]


THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from kosmo_kernel.values.json_schema import import_jsonschema
together = Barrier(8)
def import_at_once(_):
    together.wait()
    import_jsonschema()
with ThreadPoolExecutor(8) as pool:
    print(len(list(pool.map(import_at_once, range(8)))))
"""


def test_threads_can_import_it_at_the_same_time(tmp_path: Path) -> None:
    (tmp_path / f"{GRAMMARS}.py").write_text("def is_valid_syntax(term, value): return True")
    command = [sys.executable, "-c", THREADS]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("8\n", "")
