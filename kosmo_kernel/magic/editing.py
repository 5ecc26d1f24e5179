"""Completion and tooltips in the cells of a Python notebook that are ours; the others keep what they had."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.magic import MagicAlias

from kosmo_kernel.settings.cell_options import LUA_MAGIC

if TYPE_CHECKING:
    from kosmo_kernel.session import Session


class Editing:
    """What an editor asks of the cells of one shell.

    Parameters:
        shell: the IPython shell.
        session: gives the Lua state; None as long as nothing has run.
    """

    def __init__(self, shell: Any, session: Callable[[], Session | None]) -> None:
        self._shell = shell
        self._session = session
        self._matcher = self._make_matcher()
        shell.Completer.custom_matchers.append(self._matcher)
        self._kernel = getattr(shell, "kernel", None)  # a terminal has none, and no tooltips either
        if self._kernel is not None:
            self._inspects_python = self._kernel.do_inspect
            self._kernel.do_inspect = self._inspect

    def remove(self) -> None:
        """Take away what was added to the shell."""
        matchers = self._shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if each is not self._matcher]
        if self._kernel is not None and vars(self._kernel).get("do_inspect") == self._inspect:
            del self._kernel.do_inspect

    def _make_matcher(self) -> Callable[[CompletionContext], SimpleMatcherResult]:
        """The matcher as IPython takes it: a function, since it gets attributes."""

        def matches(context: CompletionContext) -> SimpleMatcherResult:
            return self._matches(context)

        matcher: Callable[[CompletionContext], SimpleMatcherResult]
        matcher = context_matcher(identifier=LUA_MAGIC, priority=100)(matches)
        return matcher

    def _matches(self, context: CompletionContext) -> SimpleMatcherResult:
        """What can stand at the cursor of a cell that is ours; nothing for other cells, which keep what they had."""
        from kosmo_kernel import editor

        above = context.full_text.split("\n")[: context.cursor_line]
        text, cursor = self._unaliased(
            context.full_text, sum(len(line) + 1 for line in above) + context.cursor_position
        )
        place = editor.lua_at_cursor(text, cursor)
        if place is None:
            return {"completions": [], "suppress": False}
        found = place.complete(self._session(), self._variables())
        typed = text[found.start : found.end]
        matches = [SimpleCompletion(match.text, type=match.type) for match in found.matches]
        return {
            "completions": matches or [SimpleCompletion(typed, type="text")],  # for none, IPython would offer Python
            "suppress": True,
            "matched_fragment": typed,
            "ordered": True,
        }

    def _unaliased(self, cell: str, cursor: int) -> tuple[str, int]:
        """A cell with our magic in place of what `%alias_magic` calls it, and where the cursor is in that."""
        for name, magic in self._shell.magics_manager.magics["cell"].items():
            if isinstance(magic, MagicAlias) and magic.magic_name == LUA_MAGIC:
                found = re.match(rf"((?:\s*%%\w.*\n)*\s*%%){re.escape(name)}(?!\S)", cell)
                if found and found.end() <= cursor:
                    return f"{found[1]}{LUA_MAGIC}{cell[found.end() :]}", cursor + len(LUA_MAGIC) - len(name)
        return cell, cursor

    def _variables(self) -> list[str]:
        """The names of the user's Python variables."""
        hidden = self._shell.user_ns_hidden
        return [name for name in self._shell.user_ns if not name.startswith("_") and name not in hidden]

    def _inspect(self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()) -> Any:
        """What is known of the name at the cursor, in place of the kernel's own answer where the cell is ours."""
        from kosmo_kernel import editor

        place = editor.lua_at_cursor(*self._unaliased(code, cursor_pos))
        if place is None:
            return self._inspects_python(code, cursor_pos, detail_level, omit_sections)
        from kosmo_kernel.render.display import bundle_of

        page = place.inspect(self._session(), detail_level)
        data = {} if page is None else bundle_of(page)
        return {"status": "ok", "found": page is not None, "data": data, "metadata": {}}
