"""Import jsonschema without what it needs for international addresses.

`jsonschema` checks the formats `iri` and `iri-reference` with the package rfc3987_syntax, which is installed beside
JupyterLab. Importing that compiles 38 grammars, which takes longer than a second, and few programs check these formats.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

GRAMMARS = "rfc3987_syntax"
_importing = Lock()  # the substitute has no place where another thread could look for it


def import_jsonschema() -> None:
    """Import jsonschema so that it imports the grammars of addresses only when it checks one.

    Call it before the first import of jsonschema or of nbformat, which imports it.
    """
    with _importing:
        loaded = {"jsonschema", GRAMMARS} & sys.modules.keys()
        if loaded or not (find_spec("jsonschema") and find_spec(GRAMMARS)):
            return
        substitute = ModuleType(GRAMMARS)
        vars(substitute)["is_valid_syntax"] = _is_valid_syntax
        sys.modules[GRAMMARS] = substitute
        try:
            import jsonschema  # noqa: F401 - takes the function of the substitute
        finally:
            del sys.modules[GRAMMARS]


def _is_valid_syntax(term: str, value: str) -> bool:
    valid: bool = import_module(GRAMMARS).is_valid_syntax(term=term, value=value)
    return valid
