"""Every command as a program meets it: its `--json` fits a schema, its failures are clear, its help has an example.

`schemas/` has one file for each topic, with an entry for each of its commands that offers `--json`:

    runs      command lines to try: `args` (`--json` is added), and where needed `stdin`, `env`, `files` (by name,
              each with its JSON or text) and `exit`, 0 unless given; `{folder}`, `{support}`, `{python}` and the demo's
              `{demo_url}` and `{demo_token}` stand for what they say
    done      the schema of what is printed when the command exits with 0
    failed    the schema of what is printed otherwise; that of every command (`shared.json`) unless given

A new command fails here until it has one. Everything else about a command is found in `COMMANDS` and tried.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema_specifications  # type: ignore[import-untyped]  # it has the schema of schemas
import pytest
from jsonschema import Draft202012Validator
from kosmo_command import kosmo
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from repository import SUPPORT

from kosmo_kernel.cli import COMMANDS, command_named
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

SCHEMAS = Path(__file__).parent / "schemas"
SERVERS = {"demo:serve", "mcp:serve"}  # which run until they are stopped
SECRET = "not-a-token-of-the-demo"  # in `env` of a run


SHARED = "shared.json"  # what schemas refer to
ENTRIES: dict[str, Any] = {
    name: entry
    for path in sorted(SCHEMAS.iterdir())
    if path.name != SHARED
    for name, entry in json.loads(path.read_bytes()).items()
}


def stored(uri: str) -> Resource[Any]:
    """Return the entry of a command, or what all share."""
    entries = {uri_of(name): entry for name, entry in ENTRIES.items()}
    content = json.loads((SCHEMAS / SHARED).read_bytes()) if uri == SHARED else entries[uri]
    return Resource.from_contents(content, default_specification=DRAFT202012)


FILES: Registry[Any] = Registry(retrieve=stored)  # type: ignore[call-arg]  # an attribute of attrs', with its alias
REGISTRY = jsonschema_specifications.REGISTRY.combine(FILES)


def uri_of(name: str) -> str:
    return name.replace(":", "-")


def known(name: str) -> click.Command:
    command = command_named(name)
    assert command is not None
    return command


def offers_json(name: str) -> bool:
    return any("--json" in param.opts for param in known(name).params)


WITH_JSON = [name for name in COMMANDS if offers_json(name)]


def check(name: str, code: int, printed: str) -> Any:
    """Return the one document on standard output, which fits the command's schema for this exit code."""
    document = json.loads(printed)
    part = "done" if code == 0 else "failed"
    reference = f"{uri_of(name)}#/{part}" if part in ENTRIES.get(name, ()) else f"{SHARED}#/$defs/failure"
    Draft202012Validator({"$ref": reference}, registry=REGISTRY).validate(document)
    return document


# What a command prints with --json ----------------------------------------------------------------------


def test_every_command_with_json_has_a_schema() -> None:
    assert sorted(ENTRIES) == sorted(WITH_JSON)


def test_the_schemas_are_schemas() -> None:
    for name, entry in ENTRIES.items():
        assert {"runs", "done"} <= entry.keys() <= {"runs", "done", "failed", "$defs"}, name
    for content in (*ENTRIES.values(), json.loads((SCHEMAS / SHARED).read_bytes())):
        for part in (content.get("done"), content.get("failed"), *content.get("$defs", {}).values()):
            Draft202012Validator.check_schema({} if part is None else part)


def runs() -> Iterator[Any]:
    for name in WITH_JSON:
        for number, run in enumerate(ENTRIES[name]["runs"] if name in ENTRIES else (), 1):
            yield pytest.param(name, run, id=f"{name} {number}")


@pytest.mark.full
@pytest.mark.parametrize(("name", "run"), list(runs()))
def test_what_a_command_prints_with_json_fits_its_schema(
    name: str, run: dict[str, Any], demo_url: str, tmp_path: Path
) -> None:
    def filled(text: str) -> str:
        places = {"folder": tmp_path, "support": SUPPORT, "python": sys.executable}
        for word, value in {"demo_url": demo_url, "demo_token": DEMO_TOKEN, **places}.items():
            text = text.replace(f"{{{word}}}", str(value))
        return text

    for file, content in run.get("files", {}).items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(filled(text), encoding="utf-8")
    args = [filled(arg) for arg in run["args"]]
    end = args.index("--") if "--" in args else len(args)
    env = {"KOSMO_CONFIG_DIR": str(tmp_path / "settings")} | run.get("env", {})
    done = kosmo(
        name,
        *args[:end],
        "--json",
        *args[end:],
        stdin=filled(run.get("stdin", "")).encode(),
        cwd=tmp_path,
        env={key: filled(value) for key, value in env.items()},
    )

    assert (done.returncode, "Traceback" in done.stderr) == (run.get("exit", 0), False), done.stderr or done.stdout
    check(name, done.returncode, done.stdout)
    assert [secret for secret in (DEMO_TOKEN, SECRET) if secret in done.stdout + done.stderr] == []


# What everybody tries -------------------------------------------------------------------------------------

TRIED: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "an unknown option": ("--no-such-option",),
    "an unknown name": ("no-such-name",),
}
TRIES = [(name, tried) for name in COMMANDS for tried in TRIED if name not in SERVERS or tried != "nothing"]


@pytest.mark.full
@pytest.mark.parametrize(("name", "tried"), TRIES)
def test_whatever_a_command_is_given_it_says_clearly_how_it_went(name: str, tried: str, tmp_path: Path) -> None:
    done = kosmo(name, *TRIED[tried], cwd=tmp_path)

    assert (done.returncode in (0, 1, 2), "Traceback" in done.stderr) == (True, False), done.stderr
    if tried == "an unknown option":
        assert (done.returncode, "--no-such-option" in done.stderr) == (2, True)
    if done.returncode == 2 and name != "check":  # all of whose failures have this code
        assert done.stderr.endswith(f"Try: kosmo {name} --help\n")
    if done.returncode:  # a failure is told on standard error, or is what was asked for: a doctor's report
        assert (done.stdout == "") is done.stderr.startswith("Error: ")


@pytest.mark.full
@pytest.mark.parametrize(("name", "tried"), TRIES)
def test_whatever_a_command_is_given_with_json_it_prints_one_document(name: str, tried: str, tmp_path: Path) -> None:
    done = kosmo(name, *TRIED[tried], "--json", cwd=tmp_path)
    answer = check(name, done.returncode, done.stdout)

    assert (done.returncode in (0, 1, 2), "Traceback" in done.stderr) == (True, False), done.stderr
    if tried == "an unknown option" or name not in WITH_JSON:
        assert (done.returncode, answer["meta"]["error"]["type"]) == (2, "usage")


# Help -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_line_and_has_an_example_that_the_command_takes(name: str) -> None:
    done = kosmo(name, "--help")
    usage, _, text = done.stdout.partition("\n\n")
    assert usage.startswith(f"Usage: kosmo {name} ")
    assert text.splitlines()[0].strip() == COMMANDS[name].summary

    behind = re.split(r"^ *Examples?:", done.stdout, flags=re.MULTILINE)[-1]
    begin, more = rf"(?<![\w:]){re.escape(f'kosmo {name}')}(?![\w:])", r"""(?:(?!  |\)"| [|<>&]).)*"""
    examples = re.findall(begin + more, behind)

    assert (done.returncode, done.stderr, behind != done.stdout, bool(examples)) == (0, "", True, True), done.stdout
    for example in examples:
        words = shlex.split(example, comments=True)[2:]
        with known(name).make_context(f"kosmo {name}", words):
            pass  # it would have raised: no such option, a value that does not fit
