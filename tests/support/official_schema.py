"""Heroku's own schema, where `HEROKU_SCHEMA` names it, and the companies that are held against it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import jsonschema
import pytest

COMPANIES = {"Larkmoor Parcels": None, "an invented company": 150}


def official_schema() -> dict[str, Any]:
    """Heroku's own file, with what is known to be wrong in it put right."""
    path = os.environ.get("HEROKU_SCHEMA")
    if not path:
        pytest.skip("HEROKU_SCHEMA names no copy of Heroku's schema")
    definitions: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))["definitions"]
    # It calls a host name a `uri`, and its own example of one is `subdomain.example.com`.
    assert definitions["domain"]["definitions"]["hostname"].pop("format") == "uri"
    # It describes the list of actions as if it were one action.
    actions = definitions["add-on"]["definitions"]["actions"]
    actions["items"]["properties"] = actions.pop("properties")
    return definitions


def formats() -> jsonschema.FormatChecker:
    """Return the formats that the six resources use, checked without further packages."""
    checker = jsonschema.FormatChecker(())
    checker.checks("date-time", ValueError)(lambda text: text is None or bool(datetime.fromisoformat(text)))
    checker.checks("uuid", ValueError)(lambda text: text is None or bool(UUID(text)))
    checker.checks("email")(lambda text: text is None or text.count("@") == 1)
    checker.checks("uri")(lambda text: text is None or bool(urlsplit(text).scheme and urlsplit(text).netloc))
    return checker
