"""`kosmo completion SHELL`: print the script that enables completion in bash, zsh or fish.

Completion uses click's mechanism: the shell runs `kosmo` with the line so far in its environment, and click finds the
command and the option in it. `options.py` supplies the values: functions, pages and accounts. Bash splits words
such as `integrations:lua` at the colon, so its script passes the whole line, and the part before the last colon is cut
from each completion.
"""

from __future__ import annotations

import os

import click
from click import shell_completion

from kosmo_kernel.cli.command import CommandResult, command
from kosmo_kernel.cli.streams import COMPLETION_VARIABLE

# Works with bash 3.2, which macOS has: without `mapfile`, and with `compopt` and `nosort` only if available.
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


class _OptionValues(shell_completion.ShellComplete):
    """Completions that keep the option of `--account=ops`, where click returns the value alone."""

    def get_completions(self, args: list[str], incomplete: str) -> list[shell_completion.CompletionItem[str]]:
        """Return the completions for the current word, including its `--option=` part."""
        completions = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("-"):
            for item in completions:
                item.value = f"{option}={item.value}"
        return completions


class Bash(_OptionValues, shell_completion.BashComplete):
    """Bash, whose script passes the whole line."""

    source_template = _BASH

    @staticmethod
    def _check_version() -> None:
        """Accept any version of bash; click prints an error for versions before 4.4."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the current one, and the current word."""
        line = os.environ.get("COMP_LINE", "")
        words = shell_completion.split_arg_string(line)[1:]
        if words and not line[-1:].isspace():
            return words[:-1], words[-1]
        return words, ""

    def format_completion(self, item: shell_completion.CompletionItem[str]) -> str:
        """Format a completion without the part that bash treats as separate words, such as `integrations:`."""
        _, incomplete = self.get_completion_args()
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        at = max(incomplete.rfind(mark) + 1 if mark in breaks else 0 for mark in ":=")
        return f"{item.type},{item.value[at:] if item.value.startswith(incomplete[:at]) else item.value}"


class Zsh(_OptionValues, shell_completion.ZshComplete):
    """Zsh, with click's own script."""


class Fish(_OptionValues, shell_completion.FishComplete):
    """Fish, with whole descriptions: click's script cuts them at their first comma."""

    source_template = shell_completion.FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


SHELLS: dict[str, type[shell_completion.ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def register() -> None:
    """Register these classes with click, in place of its own."""
    for shell in SHELLS.values():
        shell_completion.add_completion_class(shell)


@command(
    "completion",
    'eval "$(kosmo completion bash)"     # ~/.bashrc',
    'eval "$(kosmo completion zsh)"      # ~/.zshrc, after compinit',
    "kosmo completion fish | source      # ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def completion(*, shell: str) -> CommandResult:
    """Print the completion script for a shell.

    SHELL is bash, zsh or fish. The shell then completes commands, options, functions, accounts and pages of the
    reference. Run one of the lines below in your shell, or add it to the file beside it for every new shell.
    """
    kosmo = click.get_current_context().find_root().command
    script = SHELLS[shell](kosmo, {}, "kosmo", COMPLETION_VARIABLE).source()
    return CommandResult({"shell": shell, "script": script}, script.removesuffix("\n"))
