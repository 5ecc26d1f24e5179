"""What a session does about walls of the sandbox that are missing on this machine: refuse to run, or say so once."""

from __future__ import annotations

from collections.abc import Sequence

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.lua.walls import Wall, missing, requirement
from kosmo_kernel.settings.project_file import ignored_settings


class WallChecks:
    """The checks of one session.

    Attributes:
        required: the setting that forbids running Lua where a wall is missing, as a text; empty when none does.

    Raises:
        SettingsError, UnknownNameError: a mistake in that setting.
    """

    def __init__(self) -> None:
        self.required = requirement()
        self._reported = False

    def check(self, walls: Sequence[Wall]) -> None:
        """Check that no wall is missing.

        Raises:
            SettingsError: one is.
        """
        if gaps := missing(walls):
            raise SettingsError(
                f"{self.required}, and walls around Lua are missing on this machine: {gaps}. Nothing was run. "
                "`kosmo integrations:doctor` tells why; take that setting back to run with fewer walls."
            )

    def notes(self, walls: Sequence[Wall]) -> list[str]:
        """Return the notes about missing walls and misspelt environment variables, once the walls are known, and once.

        Parameters:
            walls: the walls; none while they are not known.
        """
        if self._reported or not walls:
            return []
        self._reported = True
        notes = ignored_settings()
        if gaps := missing(walls):
            notes.append(
                f"Walls around Lua that are missing on this machine: {gaps}. `kosmo integrations:doctor` tells why, "
                "and SECURITY what that means."
            )
        return notes
