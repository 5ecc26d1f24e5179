"""Every claim of SECURITY.md has an identifier, and at least one test that carries it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SECURITY = (TESTS.parent / ".github/SECURITY.md").read_text()
CLAIM = re.compile(r"^(?:- |\| )`([a-z]+(?:-[a-z]+)+)`", re.MULTILINE)


def marks(tree: ast.Module) -> Iterator[str]:
    """Yield the identifiers that the tests of a file carry."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.claim":
                    yield from (str(ast.literal_eval(argument)) for argument in mark.args)


def held() -> set[str]:
    """Return the identifiers that some test carries."""
    sources = [source for path in TESTS.rglob("test_*.py") if "pytest.mark.claim" in (source := path.read_text())]
    return {name for source in sources for name in marks(ast.parse(source))}


def test_every_claim_has_a_test_and_every_test_a_claim() -> None:
    claims = CLAIM.findall(SECURITY)
    assert claims
    assert len(claims) == len(set(claims)), "an identifier stands for two claims"
    assert set(claims) == held()


def test_every_item_of_the_security_page_that_promises_something_has_an_identifier() -> None:
    promises = SECURITY.split("## The Lua process")[1]
    items = re.findall(r"^- .*", promises, re.MULTILINE)
    assert [item for item in items if not CLAIM.match(item)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("@pytest.mark.claim('a-b', 'c-d')\ndef test_x(): ...", {"a-b", "c-d"}),
        ("def test_x(): ...", set()),
        ("@pytest.mark.claim('a-b')\ndef not_a_test(): ...", set()),
    ],
)
def test_identifiers_are_read_from_the_decorators_of_tests(source: str, expected: set[str]) -> None:
    assert set(marks(ast.parse(source))) == expected
