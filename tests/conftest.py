"""Describe what every test lives in: a home of its own, no credentials, no network beyond this machine.

The process is cleaned once before anything is collected (fixtures of a wider scope and the kernels of
the notebooks inherit that), and every test gets a fresh home on top.
"""

from __future__ import annotations

import gc
import ipaddress
import itertools
import os
import signal
import socket
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.reader import reading
from kosmo_kernel.session import Session

if TYPE_CHECKING:
    from kernel_client import Kernel

# No example has a deadline, because a machine may be busy, and all runs try the same examples.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.load_profile("tests")

# What a developer's shell may hold and a test must not see; `HEROKU_SCHEMA` is how a test is told where the
# official schema lies, and stays.
FOREIGN = (
    *("HEROKU_", "JUPYTER", "KOSMO_", "NETRC", "SSL_CERT_", "XDG_", "PYTHON_KEYRING", "KEYRING_PROPERTY"),
    *("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"),
)
NO_KEYRING = "keyring.backends.null.Keyring"  # what `keyring --disable` sets: the developer's own is never asked
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
KEPT = ("HEROKU_SCHEMA",)

HOME_NUMBERS = itertools.count(1)
EMPTY_HOMES: list[Path] = []
HOMES = {
    "HOME": ".",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
}


def move_in(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Forget the settings of whoever runs the tests, and keep every file that a program writes below `home`."""
    for name in list(os.environ):
        if (name.startswith(FOREIGN) or name.upper() in PROXIES) and name not in KEPT:
            patch.delenv(name)
    for name, folder in HOMES.items():
        patch.setenv(name, str(home / folder))
    patch.setenv("PYTHON_KEYRING_BACKEND", NO_KEYRING)
    patch.setenv("HEROKU_DATA_HOST", "127.0.0.1")  # the look-alike has the API of databases on the same port
    patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # processes by the thousand would compile every module anew


def stay_on_loopback(event: str, args: tuple[Any, ...]) -> None:
    """Fail the test that looks up or connects to another machine. An audit hook."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and args[0].family in (socket.AF_INET, socket.AF_INET6):
        host = args[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost" or name == socket.gethostname():
        return
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        pytest.fail(f"a test may talk to this machine only, not to {name}")
    if event != "socket.getaddrinfo" and not (address.is_loopback or address.is_unspecified):
        pytest.fail(f"a test may talk to loopback only, not to {name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample",
        type=float,
        default=1.0,
        metavar="FRACTION",
        help="Run this fraction of the selected tests, always the same ones.",
    )


@pytest.hookimpl(trylast=True)  # after `-m` and `-k` have deselected theirs
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    fraction = config.getoption("--sample")
    if fraction >= 1:
        return
    chosen = {item for item in items if zlib.crc32(item.nodeid.encode()) < fraction * 2**32}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    folder = tempfile.TemporaryDirectory(prefix="kosmo-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)
    move_in(patch, Path(folder.name))
    patch.setattr(sys, "dont_write_bytecode", False)
    gc.disable()  # while tests are collected: nothing of them is garbage
    sys.addaudithook(stay_on_loopback)
    # A shell starts its background jobs with SIGINT ignored, and they pass that on: what is tested can be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()  # exempt the tests, so that no collection in a test visits all of them
    gc.enable()


def pytest_sessionfinish() -> None:
    """End the reader that waits for requests, and save what a worker has measured, which is killed if it lives on."""
    reading.close()
    if "coverage" in sys.modules and (measured := sys.modules["coverage"].Coverage.current()):
        measured.save()


@pytest.fixture(scope="module", autouse=True)
def settings_of_a_file() -> Iterator[None]:
    """Forget the settings that a fixture of the whole run has made, such as that of the demo account."""
    with pytest.MonkeyPatch.context() as patch:
        move_in(patch, Path(os.environ["HOME"]))
        yield


@pytest.fixture(scope="module", autouse=True)
def unfrozen_garbage() -> Iterator[None]:
    """Exempt what a file of tests leaves behind: IPython collects all garbage for each new shell and each reset."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the test's home folder, empty. One that a test left empty is the next one's: most tests write nothing."""
    if not EMPTY_HOMES:
        folder = tmp_path_factory.getbasetemp() / "homes" / str(next(HOME_NUMBERS))  # `mktemp` reads all that are there
        folder.mkdir(parents=True)
        EMPTY_HOMES.append(folder)
    folder = EMPTY_HOMES.pop()
    move_in(monkeypatch, folder)
    yield folder
    if folder.is_dir() and not os.listdir(folder):
        EMPTY_HOMES.append(folder)


@pytest.fixture
def session() -> Iterator[Session]:
    """Yield a session whose account is the demo."""
    with Session("demo") as opened:
        yield opened


@pytest.fixture
def demo_url() -> Iterator[str]:
    """Yield the address of the demo account's API, on a real port of this machine."""
    with serve(DemoApi(company())) as served:
        yield served.url


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive with a snapshot of every list of the demo, which tests copy before they change it."""
    from kosmo_kernel import snapshot

    file = tmp_path_factory.mktemp("everything") / "all.kosmo"
    with Session("demo") as demo:
        snapshot.take(demo, file, every=True)
    return file


@pytest.fixture(scope="module")
def kernel_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment in which Jupyter finds the Lua kernel, on the demo account, for a whole module."""
    from kernel_client import known_to_jupyter

    with known_to_jupyter(tmp_path_factory.mktemp("jupyter")) as values:
        yield values


@pytest.fixture
def kernel_list(kernel_settings: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the same environment for kernels that a test starts itself."""
    for name, value in kernel_settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def kernel(kernel_settings: dict[str, str]) -> Iterator[Kernel]:
    """Yield a Lua kernel, one for all tests of a module."""
    from kernel_client import running

    with running() as one:
        yield one
