"""The coverage-guided fuzzer on each reader of foreign bytes, for a few thousand inputs, where it is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from fuzz import SEEDS, TARGETS
from repository import SUPPORT

RUNS = 20_000


def test_every_target_has_inputs_to_begin_with_and_takes_them() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    for name, seeds in SEEDS.items():
        for seed in ("", *seeds):
            TARGETS[name](seed.encode())


@pytest.mark.claim("parent-patterns")
@pytest.mark.full
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_finds_nothing_in_a_reader(name: str) -> None:
    command = [sys.executable, str(SUPPORT / "fuzz.py"), name, f"-runs={RUNS}", "-seed=7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
