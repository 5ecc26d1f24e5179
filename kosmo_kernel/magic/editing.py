"""Completion and tooltips in the Lua cells of a Python notebook, and completion of names in calls from Python.

A matcher is added to IPython's completer, and the kernel's `do_inspect` is wrapped. Both leave other code unchanged.
"""

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
    """Completion and tooltips for the Lua cells of one shell.

    Parameters:
        shell: the IPython shell.
        session: returns the Lua session; None until a cell has run.
    """

    def __init__(self, shell: Any, session: Callable[[], Session | None]) -> None:
        self._shell = shell
        self._session = session
        shell.Completer.custom_matchers.append(self._matches)
        self._kernel = getattr(shell, "kernel", None)  # IPython in a terminal has no kernel, and no tooltips
        if self._kernel is not None:
            self._inspect_python = self._kernel.do_inspect
            self._kernel.do_inspect = self._inspect

    def remove(self) -> None:
        """Remove the matcher and the wrapper from the shell."""
        matchers = self._shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if matcher != self._matches]
        if self._kernel is not None and vars(self._kernel).get("do_inspect") == self._inspect:
            del self._kernel.do_inspect

    @context_matcher(identifier=LUA_MAGIC, priority=100)  # type: ignore[untyped-decorator] # IPython has no types
    def _matches(self, context: CompletionContext) -> SimpleMatcherResult:
        """Return the completions at the cursor of a Lua cell, or of an argument of a call from Python."""
        from kosmo_kernel import editor

        session, previous_lines = self._session(), context.full_text.split("\n")[: context.cursor_line]
        position = sum(len(line) + 1 for line in previous_lines) + context.cursor_position
        text, cursor = self._resolve_alias(context.full_text, position)
        lua_cursor = editor.lua_at_cursor(text, cursor)
        if lua_cursor is not None:
            completion = lua_cursor.complete(session, self._variables())
            fragment = text[completion.start : completion.end]
            matches = [SimpleCompletion(match.text, type=match.type) for match in completion.matches]
            matches = matches or [SimpleCompletion(fragment, type="text")]  # else IPython would offer Python names
        elif session is not None and (values := self._values(text[:cursor], session)):
            matches, fragment = [SimpleCompletion(value, type="instance") for value in values[0]], values[1]
        else:
            return {"completions": [], "suppress": False}
        return {"completions": matches, "suppress": True, "matched_fragment": fragment, "ordered": True}

    def _values(self, code: str, session: Session) -> tuple[list[str], str] | None:
        from kosmo_kernel.python_api.namespace import known_values

        return known_values(code, self._shell.user_ns, session)

    def _resolve_alias(self, cell: str, cursor: int) -> tuple[str, int]:
        """Replace an alias from `%alias_magic` by the magic's own name; return the cell and the moved cursor."""
        for name, magic in self._shell.magics_manager.magics["cell"].items():
            if isinstance(magic, MagicAlias) and magic.magic_name == LUA_MAGIC:
                match = re.match(rf"((?:\s*%%\w.*\n)*\s*%%){re.escape(name)}(?!\S)", cell)
                if match and match.end() <= cursor:
                    return f"{match[1]}{LUA_MAGIC}{cell[match.end() :]}", cursor + len(LUA_MAGIC) - len(name)
        return cell, cursor

    def _variables(self) -> list[str]:
        """Return the names of the user's Python variables."""
        hidden = self._shell.user_ns_hidden
        return [name for name in self._shell.user_ns if not name.startswith("_") and name not in hidden]

    def _inspect(self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()) -> Any:
        """Return the `inspect_reply` for a Lua cell; let the kernel answer for any other cell."""
        from kosmo_kernel import editor

        lua_cursor = editor.lua_at_cursor(*self._resolve_alias(code, cursor_pos))
        if lua_cursor is None:
            return self._inspect_python(code, cursor_pos, detail_level, omit_sections)
        from kosmo_kernel.render.display import bundle_of

        page = lua_cursor.inspect(self._session(), detail_level)
        data = {} if page is None else bundle_of(page)
        return {"status": "ok", "found": page is not None, "data": data, "metadata": {}}
