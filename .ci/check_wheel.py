"""Check what a wheel contains before it is published: python .ci/check_wheel.py dist/x.whl [VERSION]."""

from __future__ import annotations

import sys
import zipfile
from email.parser import BytesParser

# What users notice if it is missing: the kernel that pip alone makes appear, JupyterLab's extension, pages and Lua.
NEEDED = (
    "kosmo_kernel/py.typed",
    "kosmo_kernel/kernel.json",
    "kosmo_kernel/guides/overview.md",
    "kosmo_kernel/lua/prelude.lua",
    "kosmo_kernel/integrations/heroku/facts.json",
    "kosmo_kernel/integrations/heroku/functions.md",
    "kosmo_kernel/notebooks/first-steps.ipynb",
    "data/share/jupyter/kernels/kosmo-lua/kernel.json",
    "data/share/jupyter/labextensions/kosmo_kernel/package.json",
    "data/share/jupyter/labextensions/kosmo_kernel/static/remoteEntry.js",
)
UNWANTED = ("tests/", "benchmarks/", "__pycache__", ".ci/", ".github/")


def problems(file: str, version: str | None) -> list[str]:
    """Return what is wrong with a wheel."""
    with zipfile.ZipFile(file) as wheel:
        names = wheel.namelist()
        metadata = BytesParser().parsebytes(wheel.read(next(name for name in names if name.endswith("/METADATA"))))
    found = [f"It has no {name}." for name in NEEDED if not any(one.endswith(name) for one in names)]
    found += [f"It has {name}." for name in names if any(word in name for word in UNWANTED)]
    if version and metadata["Version"] != version:
        found.append(f"Its version is {metadata['Version']} and not {version}.")
    if version and not metadata.get_all("Project-URL"):
        found.append("It has no links: set KOSMO_REPOSITORY when it is built.")
    if version and "](.github/" in metadata.get_payload() + (metadata["Description"] or ""):
        found.append("Its description has links within the repository, which PyPI cannot follow.")
    return found


if __name__ == "__main__":
    wrong = problems(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    print("\n".join(wrong) or "The wheel has what it should.")
    sys.exit(1 if wrong else 0)
