r"""Render formulas as MathML, which browsers draw themselves.

A front end that typesets LaTeX runs its commands, some of which link, style, name, load or define others. latex2mathml
knows the commands that draw, and nh3 keeps only the MathML on the lists of `html.py`. A formula that the library cannot
read, or any if it is not installed, is shown as its source.
"""

from __future__ import annotations

from xml.etree.ElementTree import tostring

from kosmo_kernel.safety.escape import Html, html_code
from kosmo_kernel.safety.html import clean
from kosmo_kernel.safety.text import UnsafeContentError, check_length, sanitize_text
from kosmo_kernel.text.patterns import lazy_pattern

MAX_LENGTH = 1 << 16  # characters of LaTeX, for which a browser takes seconds

# The formulas of a text, with the delimiters that front ends look for.
_FORMULA = lazy_pattern(r"(\$\$[^$]+\$\$|\$[^$]+\$|\\\[(?:[^\\]|\\[^][])*+\\\]|\\\((?:[^\\]|\\[^()])*+\\\))")


def sanitize_latex(given: str) -> Html:
    r"""Return HTML that shows the formulas of a text, those between `$`, `$$`, `\(` or `\[`, or else all of it as one.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(given, "LaTeX", MAX_LENGTH)
    parts = _FORMULA.split(sanitize_text(given))
    if len(parts) == 1:
        return clean(formula(f"$${parts[0]}$$"), formulas=True)
    shown = (formula(part) if at % 2 else Html.escape(part) for at, part in enumerate(parts))
    return clean("".join(shown), formulas=True)


def formula(source: str) -> str:
    """Return a formula as HTML that is still to be cleaned: as MathML, or its source if that cannot be read.

    Parameters:
        source: LaTeX between delimiters.

    Raises:
        UnsafeContentError: it is nested too deep.
    """
    is_block = source.startswith(("$$", "\\["))
    length = 1 + (is_block or source.startswith("\\"))
    inner = source[length:-length]
    try:
        from latex2mathml.converter import convert_to_element

        element = convert_to_element(inner, display="block" if is_block else "inline")
        return tostring(element, encoding="unicode").replace("&amp;", "&")  # its texts are HTML already
    except RecursionError:
        raise UnsafeContentError("formulas that are nested so deep are not shown") from None
    except Exception:  # noqa: BLE001 - the library raises whatever comes up for a formula with mistakes
        return f"<code>{html_code(inner.strip())}</code>"
