"""Show Lua in HTML, with the colours that JupyterLab's editor has in the light and the dark theme."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.escape import Html, html_attribute, html_code

if TYPE_CHECKING:
    from pygments.lexer import Lexer

# The variable of JupyterLab for each kind of token; elsewhere it has the colour of the text.
_COLOURS = {
    "Keyword": "--jp-mirror-editor-keyword-color",
    "Literal.String": "--jp-mirror-editor-string-color",
    "Literal.Number": "--jp-mirror-editor-number-color",
    "Comment": "--jp-mirror-editor-comment-color",
}
_SPAN = Html('<span style="color:var({},inherit)">{}</span>')


def lua_html(code: str) -> Html:
    """Return Lua as coloured HTML, to stand in a `<pre>`."""
    return Html().join(_piece(str(kind).removeprefix("Token."), text) for kind, text in _lexer().get_tokens(code))


def _piece(kind: str, text: str) -> Html:
    colour = next((name for prefix, name in _COLOURS.items() if kind.startswith(prefix)), "")
    return _SPAN.format(html_attribute(colour), html_code(text)) if colour else html_code(text)


@cache
def _lexer() -> Lexer:
    from pygments.lexers.scripting import LuaLexer

    options: dict[str, Any] = {"ensurenl": False}
    return LuaLexer(**options)  # type: ignore[no-untyped-call] # Pygments' lexers have no type hints
