"""Judge tools by twelve ways in which a list comes back short, and store what happened.

    python benchmarks/half_lists/run.py FOLDER [NAME …]

Installs each tool of `tools.toml` below FOLDER, which needs PyPI and npm, runs its commands against look-alikes on
loopback, and writes `results.json` here; with NAMEs, only the results of these tools are replaced. What cannot be
installed is named with the reason. `table.py` makes the tables and the picture of the results.

A command is judged by what a person sees. The verdict is `whole` if all records are in its output; `error` if it says
that something is wrong: an exit code, or a line on stderr that it does not print when nothing is wrong, or for a
display the number of all records or of those that it leaves out; `endless` if it had to be ended; and `silent`
otherwise: the list is short, and nothing says so.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE.parent)]

from half_lists.ways import DEPOT, HEROKU, RECORDS, WAYS, Target, Way, serving

import kosmo_kernel

RESULTS = HERE / "results.json"
TOOLS = HERE / "tools.toml"
LIMIT, LIMIT_OF_EACH = 90, 600  # seconds after which a command is ended; the second for one call for each app
MAX_TEXT = 600  # characters of an error that are stored
UNDISTURBED = ("list", "each", "cursor", "total")  # questions that are asked with nothing wrong, first
_PORT = re.compile(r"(127\.0\.0\.1|localhost):\d+")
_NUMBER = re.compile(r"\d+")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Installed(NamedTuple):
    """Where a tool is, and which version."""

    version: str
    path: str  # for the variable PATH
    variables: Mapping[str, str]


class NotInstalledError(Exception):
    """A tool cannot be installed, and why."""


class Ran(NamedTuple):
    """Hold what a command did."""

    exit: int | None  # None: it was ended
    out: str
    err: str
    seconds: float


def install(tool: Mapping[str, Any], folder: Path) -> Installed:
    """Install a tool, unless it is there from an earlier run.

    Raises:
        NotInstalledError: it cannot be installed.
    """
    package, needs = tool["package"], tool.get("needs", [])
    place = folder / re.sub(r"\W+", "-", package).strip("-")
    match tool["registry"]:
        case "here":
            return Installed(kosmo_kernel.__version__, str(Path(sys.executable).parent), {})
        case "pypi":
            if not place.exists():
                _do([sys.executable, "-m", "venv", str(place)], place)
                _do([str(place / "bin" / "pip"), "install", "--quiet", package, *needs], place)
            code = f"import importlib.metadata as m; print(m.version({package!r}))"
            version = subprocess.run([place / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
            return Installed(version.stdout.strip(), str(place / "bin"), {})
        case "npm":
            if not place.exists():
                place.mkdir(parents=True)
                _do(["npm", "install", "--silent", "--no-fund", "--prefix", str(place), package, *needs], place)
            modules = place / "node_modules"
            version_of = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
            return Installed(version_of["version"], str(modules / ".bin"), {"NODE_PATH": str(modules)})
        case registry:
            raise NotInstalledError(f"Neither PyPI nor npm has it: it comes from {registry} registry.")


def _do(command: Sequence[str], place: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(place, ignore_errors=True)
        raise NotInstalledError((done.stderr.strip() or done.stdout.strip()).splitlines()[-1][:MAX_TEXT])


def run(command: str, environment: Mapping[str, str], limit: float) -> Ran:
    """Run a command in an empty folder, and end it with all that it started when the time is over."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            ["bash", "-c", command],  # noqa: S607 - as in a terminal
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        code: int | None = None
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(_ESCAPES.sub("", file.read().decode(errors="replace")))
    return Ran(code, texts[0], texts[1], time.monotonic() - began)


def judge(ran: Ran, expected: frozenset[str], noise: frozenset[str], *, is_display: bool) -> str:
    """Return the verdict on what a command did.

    Parameters:
        ran: what it did.
        expected: the words that a whole answer has.
        noise: lines of stderr that it prints when nothing is wrong, without numbers.
        is_display: whether it is enough to state the number of all records, or of those that are not shown.
    """
    words = set(re.findall(r"[\w.-]+", ran.out))
    if expected <= words:
        return "whole"
    if ran.exit is None:
        return "endless"
    rest = RECORDS - len(expected & words)
    states_all = is_display and re.search(rf"\b({RECORDS}|{rest})\b", ran.out)
    return "error" if ran.exit or _lines(ran.err) - noise or states_all else "silent"


def _said(text: str) -> str:
    """Return the line of an output that tells best what is wrong: the last one with an error, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return next((line for line in reversed(lines) if "rror" in line), lines[-1])[:MAX_TEXT]


def _lines(text: str) -> set[str]:
    return {_NUMBER.sub("#", line.strip()) for line in text.splitlines() if line.strip()}


def judge_tool(tool: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the results of a tool."""
    facts = {name: tool.get(name, "") for name in ("name", "package", "registry", "claims", "link", "address")}
    try:
        installed = install(tool, folder)
    except NotInstalledError as error:
        return facts | {"installed": False, "reason": str(error)}
    commands: dict[str, str] = {name: text.strip() for name, text in tool["commands"].items()}
    with tempfile.TemporaryDirectory() as home:
        scrub = _Scrub({str(folder): "FOLDER", home: "HOME", str(ROOT): "."})
        asker = _Asker(tool, installed, commands, home)
        noise, undisturbed = asker.undisturbed()
        ways = {}
        for way in WAYS:
            works = undisturbed.get(way.question, undisturbed.get("list")) in ("whole", "silent")
            if works and (api := asker.api_for(way)):
                ran, target = asker.ask(way.question, api, way.faults[api], can_be_whole=way.can_be_whole)
                verdict = judge(ran, target.expected, noise, is_display=way.question == "display")
                words = set(re.findall(r"[\w.-]+", ran.out))
                ways[way.name] = {
                    "verdict": verdict,
                    "exit": ran.exit,
                    "records": len(target.expected & words),
                    "of": len(target.expected),
                    "message": scrub(_said(ran.err.strip() or ran.out)) if verdict == "error" else "",
                    "seconds": round(ran.seconds, 1),
                }
                print(f"  {way.name:8} {verdict:8} {ways[way.name]['records']}/{ways[way.name]['of']}", flush=True)
    reason = tool.get("reason", "") or asker.trouble
    more = {"reason": scrub(reason)} if not ways else {}
    run_of = {"installed": True, "version": installed.version, "commands": commands} | more
    return facts | run_of | {"undisturbed": undisturbed, "ways": ways}


class _Scrub:
    """Removes what only this machine has from a text."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __call__(self, text: str) -> str:
        for path, name in self._names.items():
            text = text.replace(path, name)
        return _PORT.sub(r"\1:PORT", text)


class _Asker:
    """Runs the commands of a tool."""

    def __init__(self, tool: Mapping[str, Any], installed: Installed, commands: Mapping[str, str], home: str) -> None:
        self._tool, self._installed, self._commands, self._home = tool, installed, commands, home
        self.trouble = ""  # the last line that a command said that failed with nothing wrong

    def api_for(self, way: Way) -> str:
        """Return the look-alike that a way is tried on; empty if the way does not apply to the tool."""
        if way.question not in self._commands:
            return ""
        api: str = self._tool["api"]
        return api if api in way.faults else ""

    def undisturbed(self) -> tuple[frozenset[str], dict[str, str]]:
        """Return the lines of stderr when nothing is wrong, and the verdicts then."""
        noise: set[str] = set()
        verdicts = {}
        for question in UNDISTURBED:
            if question in self._commands:
                api = DEPOT if question in ("cursor", "total") else self._tool["api"]
                ran, target = self.ask(question, api, "", can_be_whole=True)
                verdicts[question] = judge(ran, target.expected, frozenset(), is_display=False)
                noise |= _lines(ran.err)
                words = set(re.findall(r"[\w.-]+", ran.out))
                print(f"  undisturbed {question}: {verdicts[question]} {len(target.expected & words)}", flush=True)
                if verdicts[question] in ("error", "endless"):
                    cause = next((line.strip() for line in ran.err.splitlines() if "rror" in line), _said(ran.out))
                    self.trouble = f"With nothing wrong it fails: {cause[:MAX_TEXT]}"
                    print(f"    {ran.err[-MAX_TEXT:]} {ran.out[-300:]}", flush=True)
        return frozenset(noise), verdicts

    def ask(self, question: str, api: str, fault: str, *, can_be_whole: bool) -> tuple[Ran, Target]:
        limit = LIMIT_OF_EACH if question == "each" else LIMIT
        lists = self._tool.get("lists", "")
        with serving(api, question, fault, can_be_whole=can_be_whole, lists=lists) as target:
            variables = (
                {
                    "HEROKU_API_URL": target.url,
                    "HEROKU_HOST": target.url,
                    "HEROKU_PARTICLEBOARD_URL": target.url,
                    "HEROKU_API_KEY": target.token,
                }
                if api == HEROKU
                else {
                    "URL": f"{target.url}/v1",
                    "TOKEN": target.token,
                }
            )
            return run(self._commands[question], self._environment(variables), limit), target

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": f"{self._installed.path}{os.pathsep}{os.environ['PATH']}",
            "HOME": self._home,
            "LANG": "C.UTF-8",
            "PROGRAMS": str(HERE),
            "PYTHON": sys.executable,  # for programs of this folder
            "DISABLE_TELEMETRY": "true",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            **self._installed.variables,
            **variables,
        }


def main() -> None:
    folder, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    tools = tomllib.loads(TOOLS.read_text(encoding="utf-8"))["tool"]
    earlier = json.loads(RESULTS.read_text(encoding="utf-8"))["tools"] if names and RESULTS.exists() else []
    by_name = {result["name"]: result for result in earlier}
    for tool in tools:
        if not names or tool["name"] in names:
            print(tool["name"], flush=True)
            by_name[tool["name"]] = judge_tool(tool, folder)
            _store([by_name[other["name"]] for other in tools if other["name"] in by_name])


def _store(tools: Sequence[Mapping[str, Any]]) -> None:
    results = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": {"system": platform.system(), "python": platform.python_version(), "node": _node()},
        "limit": LIMIT,
        "ways": [{"name": way.name, "title": way.title} for way in WAYS],
        "tools": tools,
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
