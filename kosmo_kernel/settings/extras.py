"""Say how to install an extra of this package: from where the package itself was installed.

The name of the package alone is never enough for a command: what an index has under that name need not be this package.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

PACKAGE = "kosmo_kernel"


def how_to_install(extra: str) -> str:
    """Return a sentence that says how to install an extra: ``Install the extra `run`: python -m pip install …``."""
    return f"Install the extra `{extra}`: {install_command(extra)}"


def install_command(extra: str) -> str:
    """Return the shell command that installs an extra into this environment.

    It names the folder, the repository or the file that this package was installed from. Where that is unknown, it
    names the libraries of the extra.
    """
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    pip = f"{shlex.quote(sys.executable)} -m pip install"
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:  # it runs from a clone that is not installed
        return f"{pip} '.[{extra}]', in a clone of the repository"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")  # https://peps.python.org/pep-0610/
    if not origin:
        return f"{pip} {' '.join(map(shlex.quote, _libraries(installed, extra)))}"
    is_editable = origin.get("dir_info", {}).get("editable", False)
    return f"{pip} {'-e ' if is_editable else ''}{shlex.quote(_source(origin, extra))}"


def _source(origin: dict[str, Any], extra: str) -> str:
    """Return what pip installs the package from, with an extra."""
    from urllib.parse import unquote, urlsplit

    url = str(origin["url"])
    if "dir_info" in origin:
        return f"{unquote(urlsplit(url).path)}[{extra}]"
    version = origin.get("vcs_info")
    if version:
        revision = version.get("requested_revision") or version["commit_id"]
        url = f"{version['vcs']}+{url}@{revision}"
    return f"{PACKAGE}[{extra}] @ {url}"


def _libraries(installed: Distribution, extra: str) -> list[str]:
    """Return the requirements of an extra, those of the extras that it includes too."""
    from packaging.requirements import Requirement

    found: dict[str, None] = {}
    for requirement in map(Requirement, installed.requires or ()):
        if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
            continue
        if requirement.marker.evaluate({"extra": ""}):  # a library that is needed without the extra, too
            continue
        requirement.marker = None
        if requirement.name.replace("-", "_") == PACKAGE:
            found |= dict.fromkeys(one for inner in requirement.extras for one in _libraries(installed, inner))
        else:
            found[str(requirement)] = None
    return list(found)
