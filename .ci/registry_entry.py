"""Print the entry for MCP registries, `.github/server.json`, with the repository and the version of this release.

The registry takes a name only from its owner: `io.github.OWNER/…` from a workflow of that owner, and it looks for the
same name in the description of the package on PyPI, where `package_metadata.py` puts it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def name_of(repository: str) -> str:
    """Return the name of the server in registries, by the address of the repository."""
    owner = repository.rstrip("/").split("/")[-2]
    return f"io.github.{owner}/kosmo_kernel"


def entry(repository: str) -> dict[str, Any]:
    """Return the entry of a release of this repository."""
    found: dict[str, Any] = json.loads((ROOT / ".github" / "server.json").read_text(encoding="utf-8"))
    source = (ROOT / "kosmo_kernel" / "__init__.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"', source, re.MULTILINE)[0]
    # The command of the package has another name than the package, and MCP needs an extra. Only a release names the
    # package so, because nobody else can have its name on PyPI then.
    start = [
        {"type": "named", "name": "--from", "value": f"kosmo_kernel[mcp]=={version}"},
        {"type": "positional", "value": "kosmo"},
    ]
    packages = [package | {"version": version, "runtimeArguments": start} for package in found["packages"]]
    of_release = {"repository": {"url": repository, "source": "github"}, "packages": packages}
    return found | {"name": name_of(repository), "version": version} | of_release


if __name__ == "__main__":
    json.dump(entry(os.environ["KOSMO_REPOSITORY"]), sys.stdout, indent=2)
