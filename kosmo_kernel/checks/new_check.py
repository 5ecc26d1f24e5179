"""Write the first file of a check or of a table of one's own, which runs as it is."""

from __future__ import annotations

from pathlib import Path

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions.head import SUFFIX, read_text
from kosmo_kernel.questions.own_folder import own_folder
from kosmo_kernel.questions.question import parse_question
from kosmo_kernel.questions.shipped import FIRST, services, shipped_files
from kosmo_kernel.settings.private_files import writing


def write_new_check(name: str, *, is_table: bool = False) -> Path:
    """Write the file of a new check or table, and return it.

    Parameters:
        name: its name, for a file in the user's folder of checks or else in the current folder; or the path of a file.
        is_table: write a table.

    Raises:
        SettingsError: the name cannot be that of a check or a table, or the file exists.
        FileWriteError: it cannot be written.
    """
    path = Path(name if name.endswith(SUFFIX) else name + SUFFIX)
    if len(path.parts) == 1 and not name.endswith(SUFFIX):
        path = (own_folder() or Path()) / path
    text = read_text(Path(shipped_files(services()[0], FIRST)["table" if is_table else "check"]))
    parse_question(text, str(path))  # raises an error for a name that it cannot have
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        raise SettingsError(f"{path} is there already. Choose another name.") from None
    with writing(path):
        path.write_text(text, encoding="utf-8")
    return path
