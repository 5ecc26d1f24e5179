"""What is published, the package and what is beside it, agrees with itself."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import shlex
import subprocess
import sys
import tomllib
from types import ModuleType
from typing import Any

import pytest
from repository import ROOT

import kosmo_kernel
from kosmo_kernel import catalogue, errors, results, session
from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.cli import command_named
from kosmo_kernel.results import CallRecord, Result

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GITHUB = ROOT / ".github"
REPOSITORY = "https://github.com/Some-Owner/kosmo"


def ci(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def takes(command: str) -> None:
    """Check that a command line of `kosmo` is one: click would raise for an option or a value that there is not."""
    words = shlex.split(command)
    found = command_named(words[0])
    assert found is not None
    with found.make_context(words[0], words[1:]):
        pass


def test_the_recipe_for_conda_needs_what_the_package_needs() -> None:
    recipe = (GITHUB / "conda" / "meta.yaml").read_text(encoding="utf-8")
    needed = recipe.partition("  run:\n")[2].partition("\ntest:")[0]
    listed = {line.strip(" -").replace(" ", "") for line in needed.splitlines() if line.strip()}
    wanted = {f"python{PROJECT['requires-python']}", *(line.lower() for line in PROJECT["dependencies"])}
    assert listed == wanted
    assert f'{{% set version = "{kosmo_kernel.__version__}" %}}' in recipe
    assert f'summary: "{PROJECT["description"]}"' in recipe


def test_the_entry_for_mcp_registries_starts_the_server_of_this_version() -> None:
    entry: dict[str, Any] = json.loads((GITHUB / "server.json").read_text(encoding="utf-8"))
    [package] = entry["packages"]
    assert {entry["version"], package["version"]} == {kosmo_kernel.__version__}
    assert (package["registryType"], package["identifier"]) == ("pypi", PROJECT["name"])
    assert len(entry["description"]) <= 100
    takes(" ".join(argument["value"] for argument in package["packageArguments"]))


def test_a_release_names_its_repository_where_registries_look(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ci("registry_entry").entry(REPOSITORY)
    assert entry["name"] == "io.github.Some-Owner/kosmo_kernel"
    assert entry["repository"] == {"url": REPOSITORY, "source": "github"}
    [package] = entry["packages"]
    source, command = (argument["value"] for argument in package["runtimeArguments"])
    assert source == f"kosmo_kernel[mcp]=={kosmo_kernel.__version__}"
    assert "mcp" in PROJECT["optional-dependencies"]
    assert command in PROJECT["scripts"]
    pytest.importorskip("hatchling", reason="what builds the package is not installed")
    monkeypatch.setenv("KOSMO_REPOSITORY", REPOSITORY)
    metadata: dict[str, Any] = {}
    ci("package_metadata").RepositoryMetadata(str(ROOT), {}).update(metadata)
    assert f"<!-- mcp-name: {entry['name']} -->" in metadata["readme"]["text"]
    assert metadata["urls"]["Documentation"] == f"{REPOSITORY}/tree/main/kosmo_kernel/guides"


def test_the_container_runs_commands_that_there_are() -> None:
    text = (GITHUB / "demo.Containerfile").read_text(encoding="utf-8")
    [entry], [default] = (re.findall(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    assert json.loads(entry) == [*PROJECT["scripts"]]
    takes(shlex.join(json.loads(default)))
    for command in re.findall(r"docker run .*?kosmo-demo (\w.*)$", text, re.MULTILINE):
        takes(command.partition("  #")[0])


def test_the_extension_of_jupyterlab_is_found_by_its_classifier() -> None:
    assert "Framework :: Jupyter :: JupyterLab :: Extensions :: Prebuilt" in PROJECT["classifiers"]
    package = json.loads((ROOT / "kosmo_kernel/jupyter/labextension/package.json").read_text(encoding="utf-8"))
    assert package["version"] == kosmo_kernel.__version__


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import kosmo_kernel; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"__future__"} == {"kosmo_kernel"}  # what starts Python may have had that one


def test_the_public_names_are_those_of_their_modules() -> None:
    tree = {name: value for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    parts = {"Session": session.Session, "Result": results.Result, "catalogue": catalogue}
    public = {name: getattr(kosmo_kernel, name) for name in kosmo_kernel.__all__}
    heroku = public.pop("heroku")
    assert repr(heroku).startswith("<Heroku: ")
    assert public == tree | parts | {"__version__": kosmo_kernel.__version__}


def test_every_public_name_is_offered() -> None:
    assert set(kosmo_kernel.__all__) <= set(dir(kosmo_kernel))


def test_a_name_that_does_not_exist_is_pythons_own_error() -> None:
    with pytest.raises(AttributeError, match="module 'kosmo_kernel' has no attribute 'sesion'"):
        _ = kosmo_kernel.sesion


@pytest.mark.parametrize(
    "kind", [Result, CallRecord, Column, Function, Integration, Link, Param], ids=lambda kind: kind.__name__
)
def test_a_public_class_shows_its_fields_in_help(kind: type) -> None:
    assert list(inspect.signature(kind).parameters)
