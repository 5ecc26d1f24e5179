"""A coverage-guided fuzzer for all that reads bytes of others: `python tests/support/fuzz.py TARGET [OPTIONS]`.

It needs `pip install atheris`, and its options are those of libFuzzer. Without options it runs until it finds
something; `-runs=100000` ends it, and a folder keeps inputs between runs. A target fails when it raises what its
callers do not expect, takes seconds for few bytes, or lets something active through.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

MAX_BYTES = 4096  # of an input; what grows with the length is tested with `worst_cases.py`
TIMEOUT = 5  # seconds for an input
ACTIVE = re.compile(
    r"<(?:script|iframe|object|embed|form|input|meta|base|link)\b"
    r"|<[^<>]*\s(?:on\w+|srcdoc|formaction)\s*="
    r"|<[^<>]*\b(?:href|src|action)\s*=\s*[\"']?\s*(?:javascript|vbscript|data:text)",
    re.IGNORECASE,
)


class ActiveContentError(Exception):
    """Sanitized markup can act."""


def text(data: bytes) -> str:
    """Return a text that has all bytes of an input in it."""
    return data.decode("utf-8", "replace")


def frames(data: bytes) -> None:
    """Read a message of the Lua process."""
    import msgspec

    from kosmo_kernel.lua.messages import unpack

    expecting(ValueError, KeyError, TypeError, msgspec.DecodeError)(unpack)(data, 1_000)


def toml(data: bytes) -> None:
    """Read a file of settings, and find the lines of its keys."""
    from kosmo_kernel.errors import SettingsError
    from kosmo_kernel.reader.documents import line_of, toml_values

    try:
        table = toml_values("f", text(data))
    except SettingsError:
        return
    for key in [*table][:3]:
        assert line_of(text(data), (key,))


def json_files(data: bytes) -> None:
    """Read JSON, and JSON with comments; what is read must be what the standard library reads."""
    from kosmo_kernel.reader.documents import jsonc_value
    from kosmo_kernel.safety.decoder import decode_json

    try:
        value = decode_json(data, "f", ValueError)
    except ValueError:
        value = None
    else:
        assert repr(value) == repr(json.loads(data))
    from kosmo_kernel.errors import SettingsError

    expecting(SettingsError)(jsonc_value)("f", text(data))


def markup(name: str, data: bytes) -> None:
    """Sanitize what is displayed."""
    from kosmo_kernel.safety import html, markdown
    from kosmo_kernel.safety.text import UnsafeContentError

    sanitizers: dict[str, Callable[[str], str]] = {
        "html": html.sanitize_html,
        "markdown": markdown.sanitize_markdown,
    }
    try:
        shown = sanitizers[name](text(data))
    except UnsafeContentError:
        return
    if ACTIVE.search(shown):
        raise ActiveContentError(shown)


def svg(data: bytes) -> None:
    """Sanitize an SVG, which becomes an image."""
    from kosmo_kernel.safety.images import sanitize_svg
    from kosmo_kernel.safety.text import UnsafeContentError

    try:
        shown = sanitize_svg(f"<svg xmlns='http://www.w3.org/2000/svg'>{text(data)}</svg>")
    except UnsafeContentError:
        return
    if not shown.startswith("<img "):
        raise ActiveContentError(shown)


def heads(data: bytes) -> None:
    """Read the file of a check."""
    from kosmo_kernel.errors import SettingsError
    from kosmo_kernel.questions.question import parse_question

    head = "-- title: a\n-- severity: low\n-- why: a\n-- do: a\n-- scope: read\n-- key: a\n"
    for source in (text(data), head + text(data)):
        expecting(SettingsError)(parse_question)(source, "f.lua")


def scripts(data: bytes) -> None:
    """Read a script for its warnings, and complete at its end."""
    from kosmo_kernel import editor
    from kosmo_kernel.lua.lint import lint
    from kosmo_kernel.values.lua_source import assigned_fields, set_variables

    source = text(data)
    lint(source, set_variables(source).__contains__)
    assigned_fields(source)
    editor.complete(source, len(source), None)


def expecting(*errors: type[Exception]) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Return a function that calls another one and expects some errors."""

    def wrap(function: Callable[..., object]) -> Callable[..., None]:
        def call(*args: object) -> None:
            with suppress(*errors):
                function(*args)

        return call

    return wrap


TARGETS: dict[str, Callable[[bytes], None]] = {
    "frames": frames,
    "toml": toml,
    "json": json_files,
    "html": partial(markup, "html"),
    "markdown": partial(markup, "markdown"),
    "svg": svg,
    "heads": heads,
    "scripts": scripts,
}


SEEDS: dict[str, Sequence[str]] = {  # inputs to begin with
    "frames": ['\0\0\0\x1c{"type": "call", "blobs": [2]}[]'],
    "toml": ["[tool.a]\nb.c = [1, 'x']\n[[d]]\ne = 1979-05-27\n"],
    "json": ['{"a": [1, null, "\\u0041"], /* b */ "c": {},}'],
    "html": ["<p onclick=\"x\">a <b>b</b><table><td>c</table><!-- d --><a href='javascript:e'>f</a>"],
    "markdown": ["# a\n\n[b](javascript:c) ![d](e) `f` <g>\n\n| h |\n|-|\n| $i$ |\n\n```j\nk\n```\n"],
    "svg": ["<a href='javascript:b'><circle r='1'/></a><script>c</script>"],
    "heads": ["-- param: days = 30 | a certificate\nreturn {}\n"],
    "scripts": [
        "local a <const>, b = { c = 1, ['d'] = f'x' }, [[e]] function a.g:h(...) return #b.i ~= 'j' end -- k\n"
    ],
}


def main() -> None:
    """Fuzz the target that the command line names."""
    import atheris

    name, *options = sys.argv[1:]
    target = TARGETS[name]
    with atheris.instrument_imports(include=["kosmo_kernel", "markdown_it", "tomllib", "json"]):
        target(b"")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, str(number)).write_text(seed, encoding="utf-8")
        artifacts = f"-artifact_prefix={tempfile.gettempdir()}/"  # where an input that fails is kept
        limits = [f"-max_len={MAX_BYTES}", f"-timeout={TIMEOUT}", artifacts]
        atheris.Setup([sys.argv[0], *limits, *options, folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
