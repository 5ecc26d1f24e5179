"""The Lua kernel as `kosmo install --prefix` adds it to the environment of a server."""

from __future__ import annotations

from pathlib import Path

from kosmo_command import kosmo

KERNELSPEC = "kosmo-lua"


def install_kernelspec(prefix: Path) -> dict[str, str]:
    """Install the kernelspec into the folder; the variables with which a server finds it there."""
    done = kosmo("install", "--prefix", str(prefix))
    assert done.returncode == 0, done.stderr
    return {"JUPYTER_PATH": str(prefix / "share" / "jupyter")}
