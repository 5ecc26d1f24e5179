"""Load nbval, which runs the notebooks, without the slow part of its imports. Each process of the tests loads it."""

from __future__ import annotations

from kosmo_kernel.settings.installation import import_jsonschema

import_jsonschema()

pytest_plugins = ["nbval.plugin"]
