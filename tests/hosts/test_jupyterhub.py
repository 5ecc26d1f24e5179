"""Test the Lua kernel in JupyterHub: every user has accounts of their own, and what the administrator sets holds.

The tests run where `PATH` has `jupyterhub` (`pip install jupyterhub`) and `configurable-http-proxy` (`npm install
configurable-http-proxy`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
import without_seccomp
from kosmo_command import kosmo
from patience import PATIENCE
from remote_kernel import KERNELSPEC, RemoteKernel, install_kernelspec
from repository import ROOT
from started_server import free_port, program, started_server

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

PROGRAMS = ("jupyterhub", "jupyterhub-singleuser", "configurable-http-proxy")
MISSING = ", ".join(name for name in PROGRAMS if program(name) is None)
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
    pytest.mark.skipif(sys.platform != "linux", reason="the hub requires all walls, which Linux only has"),
]

UNWALLED = "cleo"  # the user whose server runs where processes may not filter their system calls
(ADMIN,) = re.findall(
    r"```python\n(c\.Spawner.*?)```", (ROOT / "kosmo_kernel/guides/teams.md").read_text(encoding="utf-8"), re.DOTALL
)
CONFIGURATION = """
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens"]}}
]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment |= {environment!r}

def pre_spawn_hook(spawner):
    if spawner.user.name == {unwalled!r}:
        spawner.cmd = [{python!r}, {without_seccomp!r}, *spawner.cmd]

c.Spawner.pre_spawn_hook = pre_spawn_hook
"""


class Hub(NamedTuple):
    """A running hub.

    Parameters:
        api: a client of its API, as an administrator.
        address: where users find it.
        homes: the folder with the home of each user.
    """

    api: httpx.Client
    address: str
    homes: Path


class User(NamedTuple):
    """A user of the hub, whose server runs."""

    http: httpx.Client
    home: Path


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Yield a hub with the configuration that the guide `teams` shows."""
    token, homes = secrets.token_hex(), tmp_path / "homes"
    keyring = os.environ["PYTHON_KEYRING_BACKEND"]
    configuration = tmp_path / "jupyterhub_config.py"
    configuration.write_text(
        ADMIN
        + CONFIGURATION.format(
            ports=[free_port() for _ in range(3)],
            proxy=program("configurable-http-proxy"),
            token=token,
            homes=str(homes),
            environment=install_kernelspec(tmp_path) | {"PYTHON_KEYRING_BACKEND": keyring},
            unwalled=UNWALLED,
            python=sys.executable,
            without_seccomp=without_seccomp.__file__,
        ),
        encoding="utf-8",
    )
    scripts = Path(program("jupyterhub-singleuser") or "").parent
    env = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    command = [program("jupyterhub") or "", "--config", str(configuration)]
    ready = r"(?<=JupyterHub is now running at )http://127\.0\.0\.1:\d+"
    with (
        started_server(command, env, tmp_path, ready) as address,
        httpx.Client(base_url=f"{address}/hub/api/", headers=_authorized(token), timeout=PATIENCE) as api,
    ):
        yield Hub(api, address, homes)


@contextmanager
def signed_in(hub: Hub, name: str) -> Iterator[User]:
    """Yield a user whose server runs as long as the `with` block; none of its processes is left."""
    home = hub.homes / name
    home.mkdir(parents=True)
    hub.api.post(f"users/{name}").raise_for_status()
    token = hub.api.post(f"users/{name}/tokens").raise_for_status().json()["token"]
    before = set(psutil.Process().children(recursive=True))
    hub.api.post(f"users/{name}/server").raise_for_status()
    with hub.api.stream("GET", f"users/{name}/server/progress") as progress:
        *_, last = [json.loads(line.removeprefix("data:")) for line in progress.iter_lines() if line]
    assert last.get("ready"), last
    with httpx.Client(base_url=f"{hub.address}/user/{name}/api/", headers=_authorized(token), timeout=PATIENCE) as http:
        yield User(http, home)
    own = [one for one in set(psutil.Process().children(recursive=True)) - before if _home(one) == str(home)]
    assert own
    hub.api.delete(f"users/{name}/server").raise_for_status()
    _, left = psutil.wait_procs(own, timeout=PATIENCE)
    assert left == []


def _authorized(token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


def _home(process: psutil.Process) -> str:
    try:
        return str(process.environ().get("HOME", ""))
    except psutil.NoSuchProcess:
        return ""


def add_account(home: Path, token: str, url: str) -> None:
    """Add an account in a shell of the user's own."""
    settings = home / ".config" / "kosmo_kernel"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "config.toml").write_text(f'[integrations.heroku]\nurl = "{url}"\n', encoding="utf-8")
    done = kosmo("accounts:add", "default", "-", stdin=token.encode(), env={"HOME": str(home)})
    assert done.returncode == 0, done.stderr


def test_two_users_of_a_hub_have_accounts_and_settings_of_their_own(hub: Hub) -> None:
    tokens = {name: f"HRKU-{name}-{secrets.token_hex(16)}" for name in ("ann", "bo")}
    with (
        serve(DemoApi(company(), token=tokens["ann"])) as api_of_ann,
        serve(DemoApi(company(), token=tokens["bo"])) as api_of_bo,
        signed_in(hub, "ann") as ann,
        signed_in(hub, "bo") as bo,
        RemoteKernel.started(ann.http, KERNELSPEC) as kernel_of_ann,
        RemoteKernel.started(bo.http, KERNELSPEC) as kernel_of_bo,
    ):
        add_account(ann.home, tokens["ann"], api_of_ann.url)
        whose = "print(heroku.get_current_user().email)"

        assert kernel_of_ann.printed(whose) == "juno.hale@larkmoor.example\n"
        assert kernel_of_bo.run(whose)[0]["ename"] == "CredentialsError"

        add_account(bo.home, tokens["bo"], api_of_bo.url)
        for kernel, own, other in ((kernel_of_ann, api_of_ann, api_of_bo), (kernel_of_bo, api_of_bo, api_of_ann)):
            assert kernel.printed(whose) == "juno.hale@larkmoor.example\n"  # each API takes its own token only
            accounts = str(kernel.run("%kosmo status"))
            assert own.url in accounts
            assert other.url not in accounts
            assert not any(token in accounts for token in tokens.values())

        assert ann.http.get(f"{hub.address}/user/bo/api/kernels").status_code == httpx.codes.FORBIDDEN


def test_what_the_administrator_of_a_hub_sets_holds_in_the_kernels_of_users(hub: Hub) -> None:
    with signed_in(hub, "ann") as ann, RemoteKernel.started(ann.http, KERNELSPEC) as kernel:
        assert kernel.printed("%%kosmo_lua --memory-limit 536870912\nprint('ran')") == "ran\n"
        reply, _ = kernel.run("%%kosmo_lua --memory-limit 536870913\nprint('ran')")
        assert reply["ename"] == "SettingsError"
        assert "KOSMO_MAX_MEMORY" in reply["evalue"]

    with signed_in(hub, UNWALLED) as user, RemoteKernel.started(user.http, KERNELSPEC) as kernel:
        reply, broadcast = kernel.run("print('ran')")
        assert reply["ename"] == "SettingsError"
        assert "system_calls" in reply["evalue"]
        assert not [content for kind, content in broadcast if kind == "stream"]
