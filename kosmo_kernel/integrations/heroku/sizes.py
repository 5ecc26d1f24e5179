"""The names of dyno sizes. Heroku spells them in several ways, and takes any of them.

Its schema has `standard-1X` as an example of the size of a dyno, `Standard-1X` of the size of a process type and `eco`
of the name of a size, while its command line tool shows `Standard-1X` and `Eco`. A join of two of these lists by the
names as they are sent loses rows without an error, so tables and frames have one spelling.
"""

from __future__ import annotations

# The fields with the name of a dyno size, by resource. What else is called `size` is a number of bytes.
FIELDS = (
    ("dyno", "size"),
    ("dyno-size", "name"),
    ("formation", "size"),
    ("formation", "dyno_size.name"),
    ("test-run", "dyno.size"),
)
DOC = "Tables and frames have one spelling; in JSON and Lua Heroku's use of capitals varies"

_FIR = "dyno-"  # the first letters of the names of the Fir generation, which are all in lower case


def spelling(name: str) -> str:
    """Return the usual spelling of a dyno size: `Standard-1X`, `Performance-L-RAM`, `Eco`, `dyno-1c-4gb`.

    Names that differ only in capitals have the same spelling, whatever they are.
    """
    if name.lower().startswith(_FIR):
        return name.lower()
    family, *rest = name.split("-")
    return "-".join([family.capitalize(), *(part.upper() for part in rest)])
