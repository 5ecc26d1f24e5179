"""Completion in bash, zsh and fish, by click's own mechanism: `kosmo completion SHELL` prints what switches it on.

The shell runs `kosmo` with the line so far in its environment, and click finds the command and the option in it. What
is ours is the values (functions, pages, accounts: `completions.py`) and the script of bash, which takes
`integrations:lua` apart at the colon: it hands over the whole line, and what stands in front of the last colon is left
out of the answer.
"""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, say
from kosmo_kernel.cli.shell_interface import COMPLETING

SHELLS = ("bash", "zsh", "fish")

# Works from bash 3.2 on, which macOS has: no `mapfile`, and `compopt` and `nosort` only where they are.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value
    COMPREPLY=()
    while IFS=',' read -r kind value; do
        case "$kind" in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""


class _WholeWords(ShellComplete):
    """Answers that are the whole word, where click leaves out the option in front of the value: `--account=ops`."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What can stand in place of the word that is being typed."""
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("-"):
            for item in found:
                item.value = f"{option}={item.value}"
        return found


class Bash(_WholeWords, BashComplete):
    """bash, which hands over the whole line."""

    source_template = _BASH

    @staticmethod
    def _check_version() -> None:
        """Any version will do."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words in front of the one that is being typed, and that one."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        if words and not line[-1:].isspace():
            return words[:-1], words[-1]
        return words, ""

    def format_completion(self, item: CompletionItem[str]) -> str:
        """An answer, without what bash takes for words of their own."""
        _, incomplete = self.get_completion_args()
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        at = max(incomplete.rfind(mark) + 1 if mark in breaks else 0 for mark in ":=")
        return f"{item.type},{item.value[at:] if item.value.startswith(incomplete[:at]) else item.value}"


class Zsh(_WholeWords, ZshComplete):
    """zsh, as click has it."""


class Fish(_WholeWords, FishComplete):
    """fish, with whole descriptions: click's script ends them at their first comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


def register() -> None:
    """Have click use what is ours."""
    for shell in (Bash, Zsh, Fish):
        add_completion_class(shell)


@click.command(
    "completion",
    cls=Command,
    epilog="\b\nExamples:\n"
    '  eval "$(kosmo completion bash)"     # ~/.bashrc\n'
    '  eval "$(kosmo completion zsh)"      # ~/.zshrc, behind compinit\n'
    "  kosmo completion fish | source      # ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(SHELLS))
@as_json
def completion(*, shell: str, as_json: bool) -> None:
    """Print what has a shell complete commands.

    SHELL is bash, zsh or fish. Commands, options, functions, pages of the reference and accounts are completed: in this
    shell by one of the lines below, and in every new one when it stands in the file beside it.
    """
    register()
    found = get_completion_class(shell)
    kosmo = click.get_current_context().find_root().command
    script = found(kosmo, {}, "kosmo", COMPLETING).source() if found else ""
    if as_json:
        document({"success": True, "shell": shell, "script": script})
    else:
        say(script, end="")
