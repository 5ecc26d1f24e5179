"""`kosmo install` and `kosmo uninstall`: add the kernel to Jupyter's kernelspecs, or remove it.

`pip install` already adds a kernelspec to its own environment, which starts "python", whatever that is for the Jupyter
that reads it. The kernelspec written here names this interpreter by its full path, so that a Jupyter from another
environment starts the right one as well.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import click

from kosmo_kernel.cli.command import command, print_result
from kosmo_kernel.cli.options import not_blank
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.decoder import decode_json
from kosmo_kernel.safety.intake import read_file
from kosmo_kernel.settings.installation import is_safe

NAME = "kosmo-lua"
OUTDATED_MESSAGE = "is of an older version: the kernel that it starts runs Python files in the folder of a notebook"

user = click.option("--user", is_flag=True, help="For this user, in every Jupyter (the default).")
sys_prefix = click.option("--sys-prefix", is_flag=True, help="In this Python environment.")
prefix = click.option("--prefix", metavar="P", callback=not_blank, help="In the environment in the folder P.")


class Entry(NamedTuple):
    """A kernelspec of this kernel."""

    file: Path  # its `kernel.json`
    command: list[str]  # the command that it starts; empty if the file is invalid

    @property
    def is_safe(self) -> bool:
        """Return whether it starts nothing, or a Python that imports no modules from a notebook's folder."""
        return not self.command or is_safe(self.command)


def entries() -> list[Entry]:
    """Return the kernelspecs that Jupyter finds, beginning with the one that it uses."""
    from jupyter_core.paths import jupyter_path

    files = (Path(folder, NAME, "kernel.json") for folder in jupyter_path("kernels"))
    return [Entry(file, _command(file)) for file in files if file.is_file()]


def _command(file: Path) -> list[str]:
    """Return the command that a `kernel.json` starts; an empty one if the file is invalid, as for Jupyter."""
    try:
        command = decode_json(read_file(file, ValueError), str(file), ValueError)["argv"]
        return list(map(str, command)) if isinstance(command, list) else []
    except (OSError, ValueError, LookupError, TypeError):
        return []


def renewal(file: Path) -> str:
    """Return the advice on how to replace an old kernelspec."""
    if file.parent == _folder():
        return "Run: kosmo install"
    if file.parent == _folder(sys_prefix=True):
        return "Run: kosmo install --sys-prefix"
    return f"Remove {file.parent}, and run: kosmo install"


@command("install", "kosmo install", "kosmo install --prefix /opt/conda/envs/notebooks", json=False)
@user
@sys_prefix
@prefix
def install(*, user: bool, sys_prefix: bool, prefix: str | None) -> None:
    """Add the kernel Lua (Kosmo) to Jupyter.

    The kernel uses the Python that runs this command.
    """
    folder = _folder(user=user, sys_prefix=sys_prefix, prefix=prefix)
    spec = json.loads(shipped("kernel.json").read_text(encoding="utf-8"))
    spec["argv"][0] = sys.executable
    folder.mkdir(parents=True, exist_ok=True)
    for logo in shipped("jupyter").glob("logo-*"):
        shutil.copyfile(logo, folder / logo.name)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print_result(f"{spec['display_name']} is installed: {folder}")


@command("uninstall", "kosmo uninstall", json=False)
@user
@sys_prefix
@prefix
def uninstall(*, user: bool, sys_prefix: bool, prefix: str | None) -> None:
    """Remove the kernel Lua (Kosmo) from Jupyter.

    Use the same option as for `kosmo install`.
    """
    folder = _folder(user=user, sys_prefix=sys_prefix, prefix=prefix)
    if not folder.is_dir():
        raise SettingsError(f"There is no kernel in {folder}. Give the option that it was installed with.")
    shutil.rmtree(folder)
    print_result(f"Removed: {folder}")


def shipped(name: str) -> Path:
    """Return the path of a packaged file or folder: inside the package in a wheel, beside it in a checkout."""
    inside = Path(str(files("kosmo_kernel"))) / name
    return inside if inside.exists() else Path(str(files("kosmo_kernel"))).parent / name


def _folder(*, user: bool = False, sys_prefix: bool = False, prefix: str | None = None) -> Path:
    """Return the folder of the kernelspec for the given options.

    Raises:
        click.UsageError: more than one of the options is given.
    """
    from jupyter_core.paths import jupyter_data_dir

    if sum((user, sys_prefix, prefix is not None)) > 1:
        raise click.UsageError("--user, --sys-prefix and --prefix exclude one another.")
    if prefix is not None or sys_prefix:
        return Path(prefix or sys.prefix).resolve() / "share" / "jupyter" / "kernels" / NAME
    return Path(jupyter_data_dir()) / "kernels" / NAME
