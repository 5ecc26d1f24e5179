"""The Lua kernel against ipykernel, both started anew in every round, in turn.

    python benchmarks/kernel.py [--rounds 10] [--cells 100]

Each line is a median over the rounds (over all cells, for cells) and its ratio to ipykernel's in the same
run, with what is aimed at. CPU and memory are those of the kernel and of its Lua process together.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parent.parent
MODULES = {"ipykernel": "ipykernel_launcher", "kosmo_kernel": "kosmo_kernel.kernel"}
LINES = 10_000
PRINTS = {"ipykernel": f"for i in range({LINES}): print(i)", "kosmo_kernel": f"for i = 1, {LINES} do print(i) end"}
LOOPS = {"ipykernel": "while True: pass", "kosmo_kernel": "while true do end"}
NAMES = {"ipykernel": "str.uppe", "kosmo_kernel": "string.uppe"}
PATIENCE = 30  # seconds

# What is measured, its unit, the ratio to ipykernel's that it should not exceed, and the figure.
MEASURES = {
    "start to kernel_info_reply": ("ms", 0.7, None),
    "CPU until then": ("ms", None, None),
    "start to first reply of a cell": ("ms", None, None),
    "1+1 until its reply": ("ms", 0.35, None),
    "1+1 until its reply, p95": ("ms", 0.5, None),
    "1+1 until idle": ("ms", None, None),
    "10,000 printed lines": ("ms", 0.8, None),
    "stream messages for them": ("", None, 5),
    "complete": ("ms", None, 3),
    "inspect": ("ms", None, 3),
    "interrupt of a loop": ("ms", None, 10),
    "memory (USS)": ("MiB", 0.9, None),
}
Figures = dict[str, list[float]]


class Kernel:
    """A running kernel and a client of it, which reconnects at once where ZMQ would wait 100 ms."""

    def __init__(self, module: str) -> None:
        self.manager = KernelManager(transport="tcp")
        self.manager._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", module, "-f", "{connection_file}"], interrupt_mode="signal"
        )
        started = time.perf_counter()
        with Path(os.devnull).open("wb") as nowhere:
            self.manager.start_kernel(stderr=nowhere, cwd=str(ROOT))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.context = zmq.Context()
        self.client.context.setsockopt(zmq.RECONNECT_IVL, 1)
        self.client.start_channels(hb=False)
        self.answer(self.client.kernel_info())
        self.start = time.perf_counter() - started
        self.started = started
        pid = self.manager.provisioner.pid  # type: ignore[union-attr] # the local one has a pid
        self.process = psutil.Process(pid)

    def family(self) -> list[psutil.Process]:
        """Return the kernel's process and those below it."""
        return [self.process, *self.process.children(recursive=True)]

    def answer(self, request: str) -> dict[str, Any]:
        """Return the content of the reply to a request."""
        while True:
            message = self.client.get_shell_msg(timeout=PATIENCE)
            if message["parent_header"]["msg_id"] == request:
                return message["content"]  # type: ignore[no-any-return] # a message is JSON

    def until_idle(self, request: str) -> list[dict[str, Any]]:
        """Return the messages broadcast for a request."""
        found: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return found
            found.append(message)

    def end(self) -> None:
        """Kill the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def interrupted(kernel: Kernel, loop: str) -> float:
    """Milliseconds from an interrupt to the reply of the cell that it stops."""
    request = kernel.client.execute(loop)
    time.sleep(0.1)  # the loop is running
    started = time.perf_counter()
    kernel.manager.interrupt_kernel()
    kernel.answer(request)
    stopped = time.perf_counter()
    kernel.until_idle(request)
    return (stopped - started) * 1000


def measure(name: str, cells: int, figures: Figures) -> None:
    """One round of one kernel."""
    kernel = Kernel(MODULES[name])
    try:
        figures["start to kernel_info_reply"].append(kernel.start * 1000)
        cpu = sum(sum(process.cpu_times()[:2]) for process in kernel.family())
        figures["CPU until then"].append(cpu * 1000)
        client = kernel.client
        for cell in range(cells + 1):
            started = time.perf_counter()
            request = client.execute("1+1")
            assert kernel.answer(request)["status"] == "ok"
            replied = time.perf_counter()
            kernel.until_idle(request)
            if cell == 0:
                figures["start to first reply of a cell"].append((replied - kernel.started) * 1000)
            else:
                figures["1+1 until its reply"].append((replied - started) * 1000)
                figures["1+1 until idle"].append((time.perf_counter() - started) * 1000)
        memory = sum(process.memory_full_info().uss for process in kernel.family())
        figures["memory (USS)"].append(memory / 2**20)
        printed: list[dict[str, Any]] = []
        figures["10,000 printed lines"].append(
            timed(lambda: printed.extend(kernel.until_idle(client.execute(PRINTS[name]))))
        )
        streams = [message["content"]["text"] for message in printed if message["msg_type"] == "stream"]
        assert "".join(streams).count("\n") == LINES
        figures["stream messages for them"].append(len(streams))
        text = NAMES[name]
        for _ in range(6):
            figures["complete"].append(timed(lambda: kernel.answer(client.complete(text))))
            figures["inspect"].append(timed(lambda: kernel.answer(client.inspect(f"{text}r"))))
        for _ in range(3):
            figures["interrupt of a loop"].append(interrupted(kernel, LOOPS[name]))
    finally:
        kernel.end()


def main() -> int:
    """Measure, print the table, and say with the exit status whether all aims are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cells", type=int, default=100)
    options = parser.parse_args()
    figures: dict[str, Figures] = {name: defaultdict(list) for name in MODULES}
    with tempfile.TemporaryDirectory() as home:
        folders = dict.fromkeys(("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), home)
        os.environ |= folders | {"PYTHONPATH": str(ROOT)}
        for number in range(options.rounds):
            for name in list(MODULES)[:: 1 if number % 2 else -1]:
                measure(name, options.cells, figures[name])
    print(f"{'':32}{'ipykernel':>12}{'kosmo_kernel':>14}{'ratio':>8}  aim")
    missed = []
    for measure_name, (unit, ratio_aim, aim) in MEASURES.items():
        theirs, ours = (_typical(figures[name], measure_name) for name in ("ipykernel", "kosmo_kernel"))
        ratio = ours / theirs
        aims = [f"<= {ratio_aim}x"] * (ratio_aim is not None) + [f"<= {aim} {unit}"] * (aim is not None)
        print(f"{measure_name:32}{theirs:10.1f} {unit:2}{ours:12.1f} {unit:2}{ratio:7.2f}x ", " and ".join(aims))
        if (ratio_aim is not None and ratio > ratio_aim) or (aim is not None and ours > aim):
            missed.append(measure_name)
    print("missed: " + ", ".join(missed) if missed else "all aims are met")
    return 1 if missed else 0


def _typical(figures: Figures, name: str) -> float:
    base, _, percentile = name.partition(", p")
    return (
        statistics.quantiles(figures[base], n=100)[int(percentile) - 1]
        if percentile
        else statistics.median(figures[base])
    )


if __name__ == "__main__":
    sys.exit(main())
