"""Describe what `kosmo doctor --json` finds, and what a test puts in its way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kosmo_command import document
from repository import ROOT

from kosmo_kernel.cli import outcome

FINDING = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z]+\.[a-z]\w*(\.[\w-]+)?$"},
        "state": {"enum": ["ok", "warning", "broken"]},
        "message": {"type": "string", "minLength": 1},
        "what_to_do": {"type": "string"},
    },
    "required": ["name", "state", "message", "what_to_do"],
    "additionalProperties": False,
}
DOCUMENT = {
    "type": "object",
    "properties": {
        "success": {"type": "boolean"},
        "findings": {"type": "array", "items": FINDING},
    },
    "required": ["success", "findings"],
}

PIPS_ENTRY = (ROOT / "kernel.json").read_text(encoding="utf-8")


def diagnosis(**env: str) -> tuple[int, dict[str, Any], dict[str, dict[str, str]]]:
    """Return the exit code, the document, and its findings by name."""
    code, answer = document("doctor", "--json", env=env)
    Draft202012Validator(DOCUMENT).validate(answer)
    assert answer["success"] is (code == 0)
    return code, answer, {finding["name"]: finding for finding in answer["findings"]}


def here(capfdbinary: pytest.CaptureFixture[bytes]) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the same of a doctor in this process, which a test has changed."""
    code = outcome(["doctor", "--json"])
    answer = json.loads(capfdbinary.readouterr().out)
    Draft202012Validator(DOCUMENT).validate(answer)
    return code, {finding["name"]: finding for finding in answer["findings"]}


def kernel(folder: Path, text: str) -> dict[str, str]:
    """Return an entry of the kernel that Jupyter finds before all others, as environment."""
    place = folder / "kernels" / "kosmo-lua"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(text, encoding="utf-8")
    return {"JUPYTER_PATH": str(folder)}


def python(folder: Path, script: str) -> str:
    """Return a program that a kernel's entry can name."""
    program = folder / "its-python"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return json.dumps({"argv": [str(program), "-E", "-P", "-m", "kosmo_kernel.kernel"]})
