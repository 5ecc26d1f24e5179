"""Files that somebody else may have written: what is read, what is refused, and that nothing else opens one."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_syntax import files_with

from kosmo_kernel.safety.intake import (
    UntrustedFileError,
    decode_text,
    read_file,
    read_file_if_any,
    read_unnamed_file,
)

NO_FOLDER = Path("/nowhere/at/all")


class ProblemError(Exception):
    """The error of a caller."""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.claim("parent-files")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/stdin"])
def test_a_device_is_not_read(device: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(device)):
        read_file(Path(device), ProblemError)


@pytest.mark.claim("parent-files")
def test_a_pipe_is_not_waited_for(pipe: Path) -> None:
    with pytest.raises(ProblemError, match="it is a pipe"):
        read_file(pipe, ProblemError)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="it is a folder"):
        read_file(tmp_path, ProblemError)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert read_file(file, ProblemError, most=10) == b"x" * 10
    with pytest.raises(ProblemError, match="more than 9 bytes"):
        read_file(file, ProblemError, most=9)


def test_a_link_to_ones_own_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("dotfiles")
    assert read_unnamed_file(tmp_path / "link", ProblemError, folder=tmp_path) == b"mine"


def test_a_link_to_a_pipe_is_not_waited_for(pipe: Path) -> None:
    link = pipe.with_name("link")
    link.symlink_to(pipe)
    with pytest.raises(ProblemError, match="it is a pipe"):
        read_file(link, ProblemError)


def test_a_file_that_does_not_exist_is_an_error_only_where_the_user_named_it(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert read_file_if_any(missing, ProblemError) is None
    assert read_unnamed_file(missing, ProblemError, folder=tmp_path) is None
    with pytest.raises(ProblemError, match="No such file"):
        read_file(missing, ProblemError)


def test_a_name_that_no_file_can_have_is_the_callers_error() -> None:
    with pytest.raises(ProblemError, match="no"):
        read_file(Path("a\0b"), ProblemError)


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")


@needs_root
def test_an_unnamed_file_of_another_user_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"theirs")
    os.chown(file, 4321, 4321)
    with pytest.raises(UntrustedFileError, match="another user"):
        read_unnamed_file(file, ProblemError, folder=tmp_path)
    assert read_file(file, ProblemError) == b"theirs"


@needs_root
def test_in_a_checkout_of_another_user_files_of_that_user_are_used(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    file = checkout / "file"
    file.write_bytes(b"theirs")
    for path in (checkout, file):
        os.chown(path, 4321, 4321)
    assert read_unnamed_file(file, ProblemError, folder=checkout) == b"theirs"


@pytest.mark.claim("folder-owner")
@pytest.mark.parametrize(("mode", "is_used"), [(0o600, True), (0o644, True), (0o664, True), (0o666, False)])
def test_an_unnamed_file_that_everybody_can_write_is_not_used(tmp_path: Path, mode: int, is_used: bool) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    file.chmod(mode)
    if is_used:
        assert read_unnamed_file(file, ProblemError, folder=tmp_path) == b"x"
    else:
        with pytest.raises(UntrustedFileError, match="chmod o-w"):
            read_unnamed_file(file, ProblemError, folder=tmp_path)


def test_what_is_no_utf_8_is_an_error_with_its_line_and_column() -> None:
    with pytest.raises(ProblemError, match=r"^f:2:3 is no UTF-8 text\.$"):
        decode_text(b"a\nbc\xff", Path("f"), ProblemError)
    assert decode_text(b"\xef\xbb\xbfa", Path("f"), ProblemError) == "a"


# The only place that opens --------------------------------------------------------------------------------------

OPENS = {"open", "read_text", "read_bytes"}
NOT_FILES = {"self._codec.open"}  # opens an envelope

# Files that open by themselves, each with what is read there and why that is bounded or our own.
ALLOWED = {
    "safety/intake.py": "the intake itself",
    "safety/markup.py": "shipped",
    "docs/guides.py": "shipped",
    "docs/search_index.py": "shipped",
    "lua/habits.py": "shipped",
    "editor/resolver.py": "shipped",
    "integrations/heroku/facts.py": "shipped",
    "integrations/heroku/__init__.py": "shipped",
    "integrations/heroku/inventory.py": "shipped",
    "integrations/heroku/entries.py": "shipped",
    "integrations/heroku/__main__.py": "a tool of developers",
    "kernel/__main__.py": "the null device",
    "cli/streams.py": "the null device",
    "lua/worker.py": "shipped; a process without a token",
    "walls/lockdown.py": "the null device, and a trial that must fail; a process without a token",
    "settings/private_files.py": "writes",
    "archive/file.py": "creates archives, which SQLite opens within limits",
    "integrations/__init__.py": "metadata of installed packages",
    "settings/installation.py": "metadata of the installed package",
    "results.py": "the user's own log",
    "cli/kernelspec.py": "shipped",
    "runbook/page.py": "a page that this package wrote before",
    "runbook/__init__.py": "the standard error of a kernel that this package started",
    "kernel/protocol.py": "files of the kernel's own processes in /proc",
    "kernel/channels.py": "the connection file that Jupyter wrote",
    "cli/lua.py": "the script that the user named, also from a pipe; bounded",
}


@pytest.mark.claim("parent-files")
def test_only_the_intake_opens_what_others_may_have_written() -> None:
    opening = files_with(_opening_calls)
    assert {name: calls for name, calls in opening.items() if name not in ALLOWED} == {}
    assert sorted(ALLOWED.keys() - opening.keys()) == [], "these open nothing any more"


def _opening_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) not in NOT_FILES:
            owner, _, method = name.rpartition(".")
            if method in OPENS and (owner or method == "open") and not owner.startswith("Path(f'/proc/"):
                yield name
