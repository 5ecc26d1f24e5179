"""Write the page of an inventory: one file that loads nothing, runs no script, and prints well.

It begins with a sentence and the key figures, what could not be read, what makes a move hard, and the bill. The tables
follow with their first rows, and on paper with all; a table of very many rows is cut, and says where the others are.
The end says of which account and time the page is. All text comes from the service and is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel import __version__
from kosmo_kernel.accounts import is_demo
from kosmo_kernel.catalogue.inventory import KeyFigure
from kosmo_kernel.inventory.bill import BillGroup
from kosmo_kernel.inventory.page_style import STYLE
from kosmo_kernel.inventory.service import facts, kinds, service
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.inventory.summary import Obstacle, Unread, key_figures, obstacles, unread
from kosmo_kernel.inventory.tables import InventoryTable
from kosmo_kernel.pages.design import FICTION, MAX_OPEN_ROWS, PRINTED
from kosmo_kernel.render.tables import table_of_rows
from kosmo_kernel.safety.escape import Html, html_attribute
from kosmo_kernel.safety.html_table import HtmlColumn, html_table
from kosmo_kernel.text.quantities import counted

PAGE = "index.html"
MAX_ROWS = 500  # of a table on the page
MAX_PARTS = 8  # of the bill by team, by app and so on
MAX_ABOUT = 140  # characters about a table; of a longer text the first sentence is there
MAX_ITEMS = 8  # names that stand below what makes a move hard, or below what could not be read

_NOTHING = Html("")
_PAGE = Html("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Inventory of {account}, {day}</title>
{style}
</head>
<body>
{band}{printed}<header>
<h1>{service} inventory</h1>
<p>{lead}</p>
</header>
<main>
{content}
</main>
<footer>
<h2>About this page</h2>
<p>Account <strong>{account}</strong>, {when} Written by kosmo {version}.</p>
<p>This page loads nothing and has no value of a config var and no other secret. It is as of {day}; {service} is the
only source. Not in an inventory: source code and builds, the content of databases, logs and metrics, and config
vars of pipelines.</p>
</footer>
</body>
</html>
""")
_FIGURES = Html('<section id="key-figures">\n<ul class="figures">\n{}</ul>\n</section>\n')
_SECTION = Html('<section id="{}">\n<h2>{}</h2>\n{}</section>\n')
_FIGURE = Html('<li><span class="name">{}</span> <strong>{}{}</strong> <span class="detail">{}</span></li>\n')
_AT_LEAST = Html("<small>at least</small> ")
_PARTIAL = Html(' Not everything could be read: <a href="#unread">what is missing</a>.')
_OBSTACLE = Html('<li>\n<h3><span class="count">{}</span> <span class="title">{}</span></h3>\n<p>{}</p>\n{}</li>\n')
_NO_OBSTACLE = Html(
    '<li class="clear">\n<h3><span class="count">{}</span> <span class="title">{}</span></h3>\n<p>{}</p>\n{}</li>\n'
)
_TAGS = Html('<p class="names">{}</p>\n')
_TAG, _MORE = Html("<span>{}</span> "), Html('<em>{:,} more: <a href="tables/{}.csv">{}.csv</a></em>')
_TABLE = Html("""\
<details id="{name}"{open}>
<summary><h3>{title}</h3> <span class="count">{count}</span></summary>
<p class="about">{about} <span class="files">All columns: <a href="tables/{name}.csv">{name}.csv</a>,
<a href="tables/{name}.json">{name}.json</a></span></p>
{table}{cut}</details>
""")
_ROWS = Html('<div class="table">{}</div>\n')
_FOLDED = Html('<details class="more"><summary>{:,} more rows</summary></details>\n')
_NO_ROWS = Html('<p class="nothing">{}</p>\n')
_OPEN = Html(" open")
_CUT = Html('<p class="cut">The first {:,} of {:,} rows. All of them are in <a href="tables/{}.csv">{}.csv</a>.</p>\n')
_COMPLETE = Html('<p class="complete">Everything was read: {}.</p>\n')
_TERRAFORM = Html("""\
<p><code>imports.tf</code> has import blocks for the provider <code>{}</code>, so that the account can be
described in Terraform before it is moved. In a copy of this folder:</p>
<pre>terraform init
terraform plan -generate-config-out=generated.tf</pre>
""")


def page_of(data: AccountData) -> Html:
    """Return the page."""
    day = f"{data.time:%d %B %Y}".lstrip("0")
    source = "a snapshot" if data.origin else counted(data.requests, "request")
    source += f", {data.taken_over}" if data.taken_over else ""
    figures = [*key_figures(data)]
    content = [
        _figures(figures),
        _SECTION.format("unread", "What is missing", _unread(unread(data), data)),
        _SECTION.format("move", "What makes a move hard", _obstacles(obstacles(data))),
        _SECTION.format("costs", "The bill", _bill(data)),
        _SECTION.format("tables", "All there is", _tables(data)),
        _SECTION.format("terraform", "Terraform", _TERRAFORM.format(facts().terraform.provider)),
    ]
    return _PAGE.format(
        account=data.account,
        day=day,
        printed=PRINTED.format(f"{data.account}, {day}"),
        lead=_lead(data, {one.name: one for one in figures}),
        when=f"{data.time:%Y-%m-%d %H:%M} UTC, from {source}.",
        version=__version__,
        service=service().title,
        style=STYLE,
        band=FICTION if is_demo(data.account) else _NOTHING,
        content=_NOTHING.join(content),
    )


def _lead(data: AccountData, figures: Mapping[str, KeyFigure]) -> Html:
    """Return the first sentence: how many apps there are, and what they cost."""
    apps, cost = figures["Apps"], figures["Monthly cost"]
    count = counted(int(apps.value or 0), "app")
    lead = Html("<strong>{}{}</strong>").format("At least " if apps.at_least else "", count)
    if cost.value is None:
        lead += Html("; the bill could not be read.")
    else:
        unknown = len(data.bill.unknown)
        rest = f", without {counted(unknown, 'item')} whose price is not known" if unknown else ""
        lead += Html(" with a bill of <strong>{}</strong> a month at list prices{}.").format(cost.text, rest)
    return (
        lead if data.complete else lead + Html(' Not everything could be read: <a href="#unread">what is missing</a>.')
    )


def _figures(figures: Iterable[KeyFigure]) -> Html:
    items = [
        _FIGURE.format(one.name, _AT_LEAST if one.at_least else _NOTHING, one.number, one.detail) for one in figures
    ]
    return _FIGURES.format(_NOTHING.join(items))


def _unread(missing: Sequence[Unread], data: AccountData) -> Html:
    """Return the list of what could not be read, or the sentence that everything was."""
    if not missing:
        return _COMPLETE.format(
            f"{counted(len(data.tables), 'list')}, {counted(sum(map(len, data.tables.values())), 'record')}"
        )
    titles = {kind.needs[0].removeprefix("list_"): kind.title for kind in kinds() if len(kind.needs) == 1}
    items = [
        Html("<li><strong>{}</strong>: {}.{}</li>\n").format(
            titles.get(one.table, one.table.replace("_", " ").capitalize()),
            one.reason.rstrip("."),
            _names(one.items, "", counted(len(one.items), "item") + ": "),
        )
        for one in missing
    ]
    return Html('<p>This could not be read, and nothing below has it:</p>\n<ul class="unread">\n{}</ul>\n').format(
        _NOTHING.join(items)
    )


def _names(names: Sequence[str], table: str, before: str = "") -> Html:
    """Return the first of some names, and where the others are."""
    if not names:
        return _NOTHING
    tags = [_TAG.format(name) for name in names[:MAX_ITEMS]]
    rest = len(names) - MAX_ITEMS
    if rest > 0:
        tags.append(
            _MORE.format(rest, html_attribute(table), table)
            if table
            else Html("<em>{:,} more: summary.json</em>").format(rest)
        )
    return Html("{}{}").format(Html(" {}").format(before) if before else _NOTHING, _TAGS.format(_NOTHING.join(tags)))


def _obstacles(found: Iterable[Obstacle]) -> Html:
    items = [
        (_OBSTACLE if one.count else _NO_OBSTACLE).format(
            "?" if one.count is None else f"{one.count:,}{'+' if one.at_least else ''}",
            one.name,
            "This could not be read." if one.count is None else one.why,
            _names(one.items, one.table),
        )
        for one in found
    ]
    return Html('<ul class="obstacles">\n{}</ul>\n').format(_NOTHING.join(items))


def _bill(data: AccountData) -> Html:
    """Return the bill by kind, team and stage, what idles, and what has no known price."""
    bill = data.bill
    if not bill.lines:
        return Html("<p>Nothing that is billed could be read.</p>\n")
    first = Html("<p>${:,.2f} a month at most, at list prices{}.{}</p>\n").format(
        bill.cents / 100,
        "" if bill.complete else ", as far as it could be read",
        f" ${bill.idle_cents / 100:,.2f} of it may be paid for nothing." if bill.idle else "",
    )
    parts = [
        Html('<div class="table">{}</div>\n').format(html_table(_parts(title, bill.by(field))))
        for title, field in (("Kind", "kind"), ("Stage", "stage"), ("Team or owner", "team"), ("App", "app"))
    ]
    names = [f"{line['name']} ({line['plan']})" for line in bill.unknown]
    unknown = Html("<p>Not counted, for want of a price that is known:</p>\n{}").format(_names(names, "bill"))
    return _NOTHING.join([first, *parts, *([unknown] if names else [])])


def _parts(title: str, parts: Sequence[BillGroup]) -> list[HtmlColumn]:
    """Return the columns of a table of the largest parts of the bill, with the sum of the others in the last row."""
    shown, others = parts[:MAX_PARTS], parts[MAX_PARTS:]
    if others:
        sums = (sum(numbers) for numbers in zip(*((one.cents, one.lines, one.unknown) for one in others), strict=True))
        shown = [*shown, BillGroup(f"{len(others):,} others", *sums)]
    rows = [part.as_row(title) for part in shown]
    return _columns((title, "monthly_usd", "without_price"), rows)


def _tables(data: AccountData) -> Html:
    tables = [
        _table(table, is_whole=data.is_whole(*(need.removeprefix("list_") for need in table.kind.needs)))
        for table in data.inventory_tables
    ]
    return Html('<div class="tables">\n{}</div>\n').format(_NOTHING.join(tables))


def _table(table: InventoryTable, *, is_whole: bool) -> Html:
    kind, count = table.kind, len(table.rows)
    rows = table.rows[:MAX_ROWS]
    shown = _NO_ROWS.format("None." if is_whole else "None in what could be read.")
    if rows:
        shown = _ROWS.format(html_table(_columns(kind.page, rows)))
        shown += _FOLDED.format(len(rows) - MAX_OPEN_ROWS) if len(rows) > MAX_OPEN_ROWS else _NOTHING
    return _TABLE.format(
        name=html_attribute(kind.name),
        title=kind.title,
        count=f"{count:,}",
        about=kind.about if len(kind.about) <= MAX_ABOUT else f"{kind.about.partition('. ')[0]}.",
        open=_OPEN if rows else _NOTHING,
        table=shown,
        cut=_CUT.format(MAX_ROWS, count, html_attribute(kind.name), kind.name) if count > MAX_ROWS else _NOTHING,
    )


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[HtmlColumn]:
    """Return columns of a table; a value is a bound where the column for that says so."""
    columns = []
    for name, column in zip(names, table_of_rows(names, rows).page_columns(), strict=True):
        labels = ("at least {}" if row.get(facts().bounds.get(name, "")) else "{}" for row in rows)
        texts = [text and label.format(text) for label, text in zip(labels, column.texts, strict=True)]
        columns.append(column._replace(texts=texts))
    return columns
