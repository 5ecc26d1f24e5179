"""Parse what follows a `%kosmo` command: a name, with options before or after it."""

from __future__ import annotations

from collections.abc import Sequence

from kosmo_kernel.accounts import DEMO
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, Options, first_word, parse_leading
from kosmo_kernel.settings.table import Setting


def name_and_options(line: str, command: str, known: Sequence[Setting]) -> tuple[str, Options]:
    """Return the name on a line, empty if there is none, and the options; `--demo` is the account `demo`.

    Parameters:
        line: the text after the command.
        command: its name.
        known: the options that it has.

    Raises:
        UnknownNameError: there is no such option; the message ends in the nearest one.
        SettingsError: a value is missing or invalid, an option is given twice, or something else is on the line.
    """
    magic = f"`%{COMMAND_MAGIC} {command}`"
    _, after = parse_leading(line, magic, known)
    before = line.strip().removesuffix(after)
    name, rest = first_word(after)
    options, more = parse_leading(f"{before} {rest}", magic, known)
    if more:
        whole = f"%{COMMAND_MAGIC} {command} {name}"
        raise SettingsError(f"`{whole}` takes options only, got `{more[:80]}`. Each {command} has a line of its own.")
    if options.demo and options.account is not None:
        raise SettingsError("`--demo` and `--account` both name an account.")
    if options.demo:
        options.account = DEMO
    return name, options
