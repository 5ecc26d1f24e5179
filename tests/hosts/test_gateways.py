"""Test the Lua kernel behind Kernel Gateway and Enterprise Gateway, over REST and a websocket.

The tests run where `PATH` has `jupyter-kernelgateway` (`pip install jupyter_kernel_gateway`), and where it has
`jupyter-enterprisegateway`, which needs an environment of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from patience import PATIENCE
from remote_kernel import KERNELSPEC, RemoteKernel, install_kernelspec
from started_server import free_port, program, started_server

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

pytestmark = pytest.mark.full

# The name of the gateway's program: that of its settings, and the variables that name what a kernel may inherit from
# the gateway, and what a client may send. Otherwise kernels get nothing but `PATH`.
GATEWAYS = {
    "jupyter-kernelgateway": ("KernelGatewayApp", "KG_ENV_PROCESS_WHITELIST", "KG_ENV_WHITELIST"),
    "jupyter-enterprisegateway": ("EnterpriseGatewayApp", "EG_INHERITED_ENVS", "EG_CLIENT_ENVS"),
}
ADMIN = {"KOSMO_MAX_MEMORY": "300000000"}
# Enterprise Gateway starts no kernels for root, whom the tests may run as.
CLIENT = {"HEROKU_API_KEY": DEMO_TOKEN, "KERNEL_USERNAME": "juno"}
EMAIL = "juno.hale@larkmoor.example"  # whose token it is
ENDLESS = "print('on') while true do pcall(function() while true do end end) end"


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest, tmp_path: Path, demo_url: str) -> Iterator[httpx.Client]:
    """Yield a client of a gateway that finds the kernel where `kosmo install --prefix` has put it."""
    command = program(request.param)
    if command is None:
        pytest.skip(f"{request.param} is not installed")
    app, inherited, sent = GATEWAYS[request.param]
    settings = {**ADMIN, "HEROKU_API_URL": demo_url}
    names = {inherited: ",".join(["HOME", *settings]), sent: "HEROKU_API_KEY"}
    env = os.environ | settings | names | install_kernelspec(tmp_path)
    flags = [f"--{app}.port={free_port()}", f"--{app}.port_retries=0"]
    with (
        started_server([command, *flags], env, tmp_path, r"http://127\.0\.0\.1:\d+") as address,
        httpx.Client(base_url=f"{address}/api/", timeout=PATIENCE) as client,
    ):
        yield client


def test_a_kernel_runs_cells_is_interrupted_restarted_and_ended_by_a_gateway(gateway: httpx.Client) -> None:
    before = set(psutil.Process().children(recursive=True))
    with RemoteKernel.started(gateway, KERNELSPEC, CLIENT) as kernel:
        assert kernel.printed("kept = heroku.get_current_user().email print(kept)") == f"{EMAIL}\n"
        too_much, _ = kernel.run("%%kosmo_lua --memory-limit 300000001\nprint('ran')")
        assert too_much["ename"] == "SettingsError"
        assert "KOSMO_MAX_MEMORY" in too_much["evalue"]

        request = kernel.execute(ENDLESS)
        kernel.wait_for(request, "stream")
        kernel.interrupt()
        assert kernel.wait_for(request, "execute_reply")["ename"] == "StoppedError"
        assert kernel.printed("print(kept)") == f"{EMAIL}\n"  # an interrupt keeps Lua's variables

        first = set(psutil.Process().children(recursive=True)) - before
        kernel.restart()
        assert kernel.printed("print(kept)") == "nil\n"

        second = set(psutil.Process().children(recursive=True)) - before
        kernel.shut_down()
    assert len(first | second) >= 4  # two kernels, and each with its walled process
    _, left = psutil.wait_procs(first | second, timeout=PATIENCE)
    assert left == []
