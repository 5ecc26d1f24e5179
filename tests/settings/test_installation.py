"""How to install an extra: from where the package was installed, and never by its name alone; what starts import."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from repository import ROOT

from kosmo_kernel.docs import read
from kosmo_kernel.settings.installation import GRAMMARS, how_to_install, install_command

PIP = f"{shlex.quote(sys.executable)} -m pip install "
REAL = importlib.metadata.distribution("kosmo_kernel")
# The name in a command, or with extras, that neither goes on as a path nor says where the package comes from.
BY_NAME = re.compile(
    r"""(install\b[^\n|]*?\bkosmo[-_]kernel|['"`]kosmo[-_]kernel(?=\[))(\[[\w,]*\])?(?!\[|[\w/]|[.-]\w| @ )"""
)

IMPORT_MSGSPEC = """
import sys
from kosmo_kernel.settings.installation import import_msgspec
import_msgspec()
print("msgspec" in sys.modules, "typing_extensions" in sys.modules)
import typing_extensions
import_msgspec()
print(typing_extensions is sys.modules["typing_extensions"])
"""


class Installed(importlib.metadata.Distribution):
    """This package, as if it had been installed from elsewhere."""

    def __init__(self, origin: dict[str, Any] | None) -> None:
        self._origin = origin

    def read_text(self, filename: str) -> str | None:
        if filename != "direct_url.json":
            return REAL.read_text(filename)
        return None if self._origin is None else json.dumps(self._origin)

    def locate_file(self, path: Any) -> Any:
        return REAL.locate_file(path)


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ({"url": "file:///home/me/kosmo%20kernel", "dir_info": {}}, "'/home/me/kosmo kernel[run]'"),
        ({"url": "file:///home/me/kosmo", "dir_info": {"editable": True}}, "-e '/home/me/kosmo[run]'"),
        (
            {
                "url": "https://git.example/kosmo",
                "vcs_info": {"vcs": "git", "requested_revision": "v1.2", "commit_id": "0a1b"},
            },
            "'kosmo_kernel[run] @ git+https://git.example/kosmo@v1.2'",
        ),
        (
            {"url": "https://git.example/kosmo", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}},
            "'kosmo_kernel[run] @ git+https://git.example/kosmo@0a1b'",
        ),
        (
            {"url": "https://files.example/kosmo_kernel-1.0-py3-none-any.whl", "archive_info": {}},
            "'kosmo_kernel[run] @ https://files.example/kosmo_kernel-1.0-py3-none-any.whl'",
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came_from(
    origin: dict[str, Any], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _name: Installed(origin))
    assert install_command("run") == PIP + source
    assert how_to_install("run") == f"Install the extra `run`: {PIP}{source}"
    *_, last = shlex.split(install_command("run"))
    if " @ " in last:
        assert Requirement(last).extras == {"run"}


@pytest.mark.parametrize(("extra", "library"), [("run", "nbclient"), ("lab", "openpyxl"), ("mcp", "mcp")])
def test_where_the_origin_is_unknown_the_libraries_of_the_extra_are_named(
    extra: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _name: Installed(None))
    libraries = [Requirement(text) for text in shlex.split(install_command(extra).removeprefix(PIP))]
    assert library in {one.name for one in libraries}
    assert all(one.marker is None and "kosmo" not in one.name for one in libraries)


def test_without_an_installation_a_clone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert install_command("run") == f"{PIP}'.[run]', in a clone of the repository"


@pytest.mark.parametrize(
    ("text", "is_by_name"),
    [
        ("pip install kosmo_kernel", True),
        ("pip install -U 'kosmo_kernel[run]'", True),
        ("uv pip install kosmo-kernel", True),
        ("install `kosmo_kernel[run,mcp]` there", True),
        ('pip install "kosmo_kernel[run] @ git+${REPOSITORY:?}@${TAG:?}"', False),
        ("pip install '.[run]'", False),
        ("pip install -e /home/me/kosmo_kernel/", False),
    ],
)
def test_a_command_that_installs_by_name_is_recognized(text: str, *, is_by_name: bool) -> None:
    assert bool(BY_NAME.search(text)) is is_by_name


def test_no_text_of_the_repository_installs_the_package_by_its_name_alone() -> None:
    files = [ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / ".github").rglob("*.*")]
    files += [*(ROOT / "kosmo_kernel").rglob("*.py"), *(ROOT / "kosmo_kernel").rglob("*.md")]
    found: dict[str, str] = {}
    for file in files:
        if file.suffix != ".png":
            lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
            found |= {f"{file}:{number}": line for number, line in lines if BY_NAME.search(line)}
    assert len(files) > 100
    assert found == {}


def test_the_guide_to_the_installation_has_the_extras_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = read("installation")
    rows = re.findall(r"^\| `(\w+)` +\|", page.partition("## Extras")[2], re.MULTILINE)
    assert sorted(rows) == sorted(extras)
    [included] = [line for line in extras["lab"] if line.startswith("kosmo_kernel[")]
    assert "JupyterLab, and all of the next three" in page
    assert included == f"kosmo_kernel[{','.join(sorted(rows[rows.index('lab') + 1 :][:3]))}]"


def test_msgspec_is_imported_alone_and_others_can_import_what_it_left_out() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_MSGSPEC], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\nTrue\n"


IMPORT_JSONSCHEMA = f"""
import sys
from kosmo_kernel.settings.installation import import_jsonschema
import_jsonschema()
import jsonschema, nbformat
print("{GRAMMARS}" in sys.modules)
checker = jsonschema.FormatChecker()
print(checker.conforms("good", "iri"), checker.conforms("bad", "iri"))
print("{GRAMMARS}" in sys.modules)
"""


@pytest.mark.skipif(
    not any(one.startswith("rfc3987-syntax") for one in importlib.metadata.requires("jsonschema") or ()),
    reason="this version of jsonschema checks addresses without the package",
)
def test_the_grammars_of_addresses_are_imported_for_the_first_address_that_is_checked(tmp_path: Path) -> None:
    (tmp_path / f"{GRAMMARS}.py").write_text(
        "def is_valid_syntax(term, value): return (term, value) == ('iri', 'good')"
    )
    command = [sys.executable, "-c", IMPORT_JSONSCHEMA]
    paths = f"{tmp_path}:{ROOT}"
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": paths}, check=True)
    assert done.stdout.split() == ["False", "True", "False", "True"]


IMPORT_IN_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from kosmo_kernel.settings.installation import import_jsonschema
together = Barrier(8)
def import_at_once(_):
    together.wait()
    import_jsonschema()
with ThreadPoolExecutor(8) as pool:
    print(len(list(pool.map(import_at_once, range(8)))))
"""


def test_threads_can_import_jsonschema_at_the_same_time(tmp_path: Path) -> None:
    (tmp_path / f"{GRAMMARS}.py").write_text("def is_valid_syntax(term, value): return True")
    command = [sys.executable, "-c", IMPORT_IN_THREADS]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("8\n", "")
