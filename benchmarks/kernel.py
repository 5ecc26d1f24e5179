"""The Lua kernel against ipykernel, both started anew in every round, in turn.

    python benchmarks/kernel.py [--rounds 10] [--cells 100] [--check] [--where]

Each line is a median over the rounds (over all cells, for cells) and its ratio to ipykernel's in the same run, with the
quartiles of the rounds' ratios and the goal. CPU and memory are those of the kernel and of its Lua process together.
With `--check` a goal that is missed is a failure. `--where` starts no kernel: it goes through the same steps in a
process of its own, and prints the ten that take most of the time until the first cell has its reply.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import statistics
import subprocess
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
STATEMENT = 'for i = 1, 9 do local row = { app = i, "x" } print(row.app) end\n'
LONG_TEXTS = {"ipykernel": "", "kosmo_kernel": STATEMENT * (40_000 // len(STATEMENT))}  # before what is completed
PATIENCE = 30  # seconds

# What is measured, its unit, the ratio to ipykernel's that it should not exceed, and the figure.
MEASURES = {
    "start to kernel_info_reply": ("ms", 0.20, None),
    "CPU until then": ("ms", None, None),
    "start to first reply of a cell": ("ms", 0.42, None),
    "CPU until then, Lua's too": ("ms", None, None),
    "1+1 until its reply": ("ms", 0.24, None),
    "1+1 until its reply, p95": ("ms", 0.5, None),
    "1+1 until idle": ("ms", None, None),
    "10,000 printed lines": ("ms", 0.15, None),
    "stream messages for them": ("", None, 5),
    "complete": ("ms", None, 3),
    "complete in 40 KB": ("ms", None, 3),
    "inspect": ("ms", None, 3),
    "interrupt of a loop": ("ms", 0.28, None),
    "memory (USS)": ("MiB", 0.53, None),
}
# The steps until the first cell has its reply, as the kernel goes through them, each with a line on standard error.
STEPS = """
import sys, time
start = time.perf_counter()
def end(step):
    global start
    sys.stderr.write(f"step: {(time.perf_counter() - start) * 1e6:.0f} {step}\\n")
    sys.stderr.flush()
    start = time.perf_counter()
import gc; gc.disable()
import kosmo_kernel.kernel.__main__
end("the kernel's own modules")
from pathlib import Path
from kosmo_kernel.kernel.channels import Channels, ConnectionFile
from kosmo_kernel.kernel.protocol import LuaKernel
kernel = LuaKernel(Channels(ConnectionFile.read(Path(sys.argv[1]))))
end("sockets")
kernel._prepare()
end("start of the Lua process")
notebook = kernel.notebook
end("session")
assert notebook.execute({"code": "1+1"}, 1, stored=True)["status"] == "ok"
end("first cell, with the wait for Lua")
notebook.execute({"code": "1+1"}, 2, stored=True)
end("second cell")
notebook.close()
"""
LARGEST = 10
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")
_STEP = re.compile(r"step: (\d+) (.+)")
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

    def cpu(self) -> float:
        """Return the processor time that these have used, in seconds."""
        return sum(sum(process.cpu_times()[:2]) for process in self.family())

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
        figures["CPU until then"].append(kernel.cpu() * 1000)
        client = kernel.client
        for cell in range(cells + 1):
            started = time.perf_counter()
            request = client.execute("1+1")
            assert kernel.answer(request)["status"] == "ok"
            replied = time.perf_counter()
            kernel.until_idle(request)
            if cell == 0:
                figures["start to first reply of a cell"].append((replied - kernel.started) * 1000)
                figures["CPU until then, Lua's too"].append(kernel.cpu() * 1000)
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
        for typed in range(10):  # by somebody who types in one cell
            long = f"{LONG_TEXTS[name]}{text[: len(text) - 9 + typed]}"
            started = time.perf_counter()
            kernel.answer(client.complete(long))
            figures["complete in 40 KB"].append((time.perf_counter() - started) * 1000)
        for _ in range(3):
            figures["interrupt of a loop"].append(interrupted(kernel, LOOPS[name]))
    finally:
        kernel.end()


def main() -> int:
    """Measure, print the table, and say with the exit status whether all aims are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--check", action="store_true", help="fail if a goal is missed")
    parser.add_argument("--where", action="store_true", help="print where the time until the first reply goes")
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "kosmo_kernel", quiet=1)  # as pip does; compiling at the start takes time and memory
    if options.where:
        print_where(options.rounds)
        return 0
    figures: dict[str, Figures] = {name: defaultdict(list) for name in MODULES}
    with tempfile.TemporaryDirectory() as home:
        folders = dict.fromkeys(("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), home)
        os.environ |= folders | {"PYTHONPATH": str(ROOT)}
        for number in range(options.rounds):
            for name in list(MODULES)[:: 1 if number % 2 else -1]:
                measure(name, options.cells, figures[name])
    print(f"{'':32}{'ipykernel':>12}{'kosmo_kernel':>14}{'ratio':>8} {'(quartiles)':13}  goal")
    missed = []
    for measure_name, (unit, ratio_aim, aim) in MEASURES.items():
        theirs, ours = (_typical(figures[name], measure_name) for name in ("ipykernel", "kosmo_kernel"))
        ratio = ours / theirs
        aims = [f"<= {ratio_aim}x"] * (ratio_aim is not None) + [f"<= {aim} {unit}"] * (aim is not None)
        spread = _spread(figures, measure_name)
        print(f"{measure_name:32}{theirs:10.1f} {unit:2}{ours:12.1f} {unit:2}{ratio:7.2f}x {spread:13} ", *aims)
        if (ratio_aim is not None and ratio > ratio_aim) or (aim is not None and ours > aim):
            missed.append(measure_name)
    print("missed: " + ", ".join(missed) if missed else "all goals are met")
    return 1 if missed and options.check else 0


def print_where(rounds: int) -> None:
    """Print the steps until the first reply that take most time, the imports of each room and library among them."""
    with tempfile.TemporaryDirectory() as folder:
        bare = [sys.executable, "-E", "-P", "-c", "pass"]
        runs: list[dict[str, float]] = []
        for _ in range(rounds + 1):
            python = timed(lambda: subprocess.run(bare, check=True))
            command = [sys.executable, "-E", "-P", "-X", "importtime", "-c", STEPS, f"{folder}/connection.json"]
            done = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
            runs.append({"Python itself": python} | _steps(done.stderr))
    medians = {name: statistics.median(run.get(name, 0.0) for run in runs[1:]) for name in runs[-1]}
    second = medians.pop("second cell")
    print(f"until the first reply: {sum(medians.values()):.1f} ms; a second cell: {second:.1f} ms")
    for name, milliseconds in sorted(medians.items(), key=lambda item: -item[1])[:LARGEST]:
        print(f"{milliseconds:7.1f} ms  {name}")


def _steps(log: str) -> dict[str, float]:
    """Return the milliseconds of each step without its imports, and those of the imports by room or library."""
    found: dict[str, float] = defaultdict(float)
    imported, is_begun = 0.0, False
    for line in log.splitlines():
        if match := _IMPORT.match(line):
            is_begun = is_begun or match[2].startswith("kosmo_kernel")
            milliseconds = int(match[1]) / 1000 if is_begun else 0.0
            parts = match[2].split(".")
            found[f"import of {'.'.join(parts[: 2 if parts[0] == 'kosmo_kernel' else 1])}"] += milliseconds
            imported += milliseconds
        elif match := _STEP.match(line):
            found[match[2]] += int(match[1]) / 1000 - imported
            imported = 0.0
    return found


def _spread(figures: dict[str, Figures], name: str) -> str:
    """Return the quartiles of the rounds' ratios; empty for a figure that is not one of each round."""
    ours, theirs = (figures[kernel][name.partition(", p")[0]] for kernel in ("kosmo_kernel", "ipykernel"))
    count = min(len(ours), len(theirs))
    if count < 2:
        return ""
    low, _, high = statistics.quantiles([a / b for a, b in zip(ours, theirs, strict=False) if b], n=4)
    return f"({low:.2f}-{high:.2f})"


def _typical(figures: Figures, name: str) -> float:
    base, _, percentile = name.partition(", p")
    return (
        statistics.quantiles(figures[base], n=100)[int(percentile) - 1]
        if percentile
        else statistics.median(figures[base])
    )


if __name__ == "__main__":
    sys.exit(main())
