"""The MCP servers of a session, created at the first use by a script or an editor; most sessions use none.

A session that records or replays has servers that record or replay their responses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.run.provider import SPACE

if TYPE_CHECKING:
    from kosmo_kernel.archive.playback import Playback
    from kosmo_kernel.archive.recorder import Recorder
    from kosmo_kernel.mcp import Servers
    from kosmo_kernel.run.mcp_tools import McpTools, ReadRequest

NOT_ALLOWED = "This session asks no MCP servers: `kosmo mcp:serve` lets scripts do so with `--allow-mcp`."


class SessionServers:
    """The access of a session to MCP servers.

    Parameters:
        refusal: the error message if the session has no access; empty if it has.
        is_cancelled: returns whether the current run was cancelled.
        cassette: the archive that is recorded or replayed; None for neither.
    """

    def __init__(
        self, refusal: str, is_cancelled: Callable[[], bool], cassette: Recorder | Playback | None = None
    ) -> None:
        self._refusal, self._is_cancelled, self._cassette = refusal, is_cancelled, cassette
        self._servers: Servers | None = None

    @property
    def replays(self) -> bool:
        """Return whether a recording is replayed, so that nothing is sent."""
        return self._cassette is not None and not self._cassette.live

    def get(self) -> Servers:
        """Return the servers, without starting one.

        Raises:
            SettingsError: this session has no access to MCP servers.
        """
        if self._refusal:
            raise SettingsError(self._refusal)
        if self._servers is None:
            self._servers = self._create()
        return self._servers

    def _create(self) -> Servers:
        if self._cassette is None:
            from kosmo_kernel.mcp import Servers

            return Servers()
        from kosmo_kernel.archive.recorder import Recorder

        if isinstance(self._cassette, Recorder):
            from kosmo_kernel.run.mcp_recorder import RecordedServers

            return RecordedServers(self._cassette)
        from kosmo_kernel.run.mcp_player import ReplayedServers

        return ReplayedServers(self._cassette)

    def tools(self, say: Callable[[str], None], admit: Callable[[ReadRequest], bool], *, dry_run: bool) -> McpTools:
        """Return the access of one run to the servers. The parameters are those of `McpTools`.

        Raises:
            SettingsError: this session has no access to MCP servers.
        """
        from kosmo_kernel.run.mcp_tools import McpTools

        self.get()
        return McpTools(self.get, self._is_cancelled, say, admit, dry_run=dry_run)

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets of the servers, to redact from every text."""
        return self._servers.secrets() if self._servers else ()

    def close(self) -> None:
        """Stop the servers."""
        if self._servers:
            self._servers.close()

    # For an editor; nothing is started ---------------------------------------------------------------

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]] | None:
        """Return the names that can follow a chain of names below `app.mcp`, like `Session.names`; None for others."""
        if tuple(chain[:2]) != ("app", SPACE):
            return None
        try:
            servers = self.get()
            match chain[2:]:
                case []:
                    return sorted((called, "table") for called in servers.usable().values())
                case [server]:
                    return sorted((tool.lua, "function") for tool in servers.known(servers.find(str(server)).name))
        except KosmoError:
            return []  # no errors during completion
        return []

    def resolve(self, chain: Sequence[str | int]) -> dict[str, Any] | None:
        """Return the description of a server or tool below `app.mcp`, like `Session.resolve`; None for other chains."""
        match tuple(chain):
            case ("app", space, server, *rest) if space == SPACE and len(rest) < 2:
                from kosmo_kernel.run.mcp_tools import resolved

                try:
                    return resolved(self.get(), str(server), str(rest[0]) if rest else "")
                except KosmoError:
                    return None
        return None
