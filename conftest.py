"""Load nbval, which runs the notebooks, without the slow part of its imports. Each process of the tests loads it."""

from kosmo_kernel.values.json_schema import import_jsonschema

import_jsonschema()

pytest_plugins = ["nbval.plugin"]
