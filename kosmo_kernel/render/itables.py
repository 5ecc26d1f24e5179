"""Show a table in the notebook that can be paged, sorted and searched, if itables is installed.

Buttons choose columns and save the rows as CSV. The notebook keeps all rows of the table, so their number is bounded.

itables embeds the JavaScript of DataTables in every output (1 MB), so the table works offline and when the notebook is
reopened without its other outputs. Without scripts (on GitHub, in an untrusted notebook) the first rows are shown. The
cells are not trusted: they hold the same texts as our other tables, and itables escapes them. DataTables itself detects
which columns are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.pages.design import style_sheets
from kosmo_kernel.render.display import Bundle
from kosmo_kernel.render.tables import Table
from kosmo_kernel.render.text import escape_control, format_column
from kosmo_kernel.safety.markup import Html, Plain, box, html_from_library
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.settings.table import ROWS

# A notebook keeps the whole table. What is beyond one of these is left out, which a line below the table says.
MAX_ROWS = 10_000
MAX_CHARACTERS = 4_000_000  # of all cells
WRAP_LENGTH = 60  # a column with a longer cell, in characters, is wrapped
WIDE_LENGTH = 100  # a column with a longer cell, in characters, is wrapped and wider
PAGES: list[int | str | Mapping[str, Any]] = [10, 25, 100, {"label": "All", "value": -1}]  # choices of rows per page

LAYOUT: dict[str, str | Mapping[str, Any] | None] = {
    "topStart": "search",
    "topEnd": "buttons",
    "bottomStart": "pageLength",
    "bottomEnd": "paging",
    "bottom2Start": "info",
}
BUTTONS: list[str | Mapping[str, Any]] = [  # CSV has all rows that match the search, and the columns that are shown
    {"extend": "colvis", "text": "Columns", "background": False},
    {"extend": "csvHtml5", "text": "CSV", "title": "table", "exportOptions": {"columns": ":visible"}},
]

_STYLE = Html("<style>\n{}</style>")
# itables recognizes dark pages by a CSS class, which this script keeps up to date.
_THEME = Html("<script type=module>window.{}.then(({{ set_or_remove_dark_class: set }}) => set())</script>")
_BOX = Html('<div class="kosmo-browse">{}{}{}{}{}</div>')
_NOTE = Html(
    "<p>The table has the first {} of {} records, and its search and its CSV only these, so that the notebook stays "
    "small. Filter or sort the records before you browse them, to see others.</p>"
)


class InteractiveTable:
    """A table that renders itself with itables, or as plain text in a terminal.

    Parameters:
        table: the table with all rows.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __repr__(self) -> str:
        return self.table.first(ROWS.resolve()).text()

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return {"text/plain": Plain.escape(repr(self)), "text/html": _html(self.table)}


def interactive_table(name: str, value: Any) -> InteractiveTable:
    """Return a value as an interactive table.

    Parameters:
        name: the variable that holds it, for messages.
        value: a DataFrame, or a list of records as a run returns it.

    Raises:
        SettingsError: itables is not installed.
        InvalidArgumentsError: the value is no table.
    """
    try:
        import itables  # noqa: F401 - an optional dependency, checked here
    except ImportError:
        raise SettingsError(
            f"`%{COMMAND_MAGIC} browse` needs itables, which is not installed. {how_to_install('tables')}"
        ) from None
    from kosmo_kernel.render.tables import table_of
    from kosmo_kernel.values.from_python import is_frame
    from kosmo_kernel.values.records import Records

    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        value = Records(value)
    if isinstance(value, Records):
        return InteractiveTable(table_of(value, MAX_ROWS))
    if not is_frame(value):
        raise InvalidArgumentsError(
            f"`{name}` is no table: `%{COMMAND_MAGIC} browse` shows a DataFrame or a list of records."
        )
    from kosmo_kernel.render.frames import table_of_frame

    return InteractiveTable(table_of_frame(value, MAX_ROWS))


def _html(table: Table) -> Html:
    import itables
    from itables.javascript import generate_init_offline_itables_html

    from kosmo_kernel.render.frames import frame_of_texts

    columns = [[text or "" for text in format_column(values)] for values in table.columns]
    sizes = accumulate(sum(map(len, row)) for row in zip(*columns, strict=True))
    count = max(1, sum(size <= MAX_CHARACTERS for size in sizes)) if columns else table.total
    columns = [texts[:count] for texts in columns]
    max_lengths = [max(map(len, texts), default=0) for texts in columns]
    long = [index for index, length in enumerate(max_lengths) if WRAP_LENGTH < length <= WIDE_LENGTH]
    longer = [index for index, length in enumerate(max_lengths) if length > WIDE_LENGTH]
    # These override the user's itables configuration: embed the script, escape the cells, and keep all rows.
    markup = itables.to_html_datatable(
        frame_of_texts([escape_control(name) for name in table.names], columns),
        connected=False,
        allow_html=False,
        maxBytes=0,
        maxRows=0,
        maxColumns=0,
        showIndex=False,
        display_logo_when_loading=False,
        classes="display compact",
        style="table-layout:auto;width:100%;margin:0",
        columnDefs=[{"targets": long, "className": "kosmo-long"}, {"targets": longer, "className": "kosmo-longer"}],
        lengthMenu=PAGES,
        layout=LAYOUT,
        buttons=BUTTONS,
    )
    program = generate_init_offline_itables_html(itables.options.dt_bundle)
    theme = _THEME.format(f"_itables_{itables.__version__.replace('.', '_')}")
    note = _NOTE.format(f"{count:,}", f"{table.total:,}") if count < table.total else Html("")
    return box(
        _BOX.format(
            _STYLE.format(style_sheets("browse")), html_from_library(markup), html_from_library(program), theme, note
        )
    )
