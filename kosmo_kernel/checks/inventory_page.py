"""Write the page of an inventory: one file that loads nothing, runs no script, and prints well.

It begins with a sentence and the key figures, what could not be read, what makes a move hard, and the bill. The tables
follow with their first rows, and on paper with all; a table of very many rows is cut, and says where the others are.
The end says of which account and time the page is, and how to make it again. All text of the service is escaped.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kosmo_kernel import __version__
from kosmo_kernel.accounts import is_demo
from kosmo_kernel.catalogue.inventory import KeyFigure
from kosmo_kernel.checks.inventory import CENTS, BillGroup, Inventory, Obstacle, Unread, facts, service
from kosmo_kernel.checks.report import counts_looked_at
from kosmo_kernel.questions.question import Question
from kosmo_kernel.render.page_parts import AT_LEAST, cards, html_page, page_columns, page_table
from kosmo_kernel.render.tables import table_of_rows
from kosmo_kernel.safety.markup import Html, html_attribute, html_of_package
from kosmo_kernel.text import TableColumn, counted, listed
from kosmo_kernel.values.records import Records

MAX_ROWS = 500  # of a table on the page
MAX_PARTS = 8  # of the bill by team, by app and so on
MAX_ABOUT = 140  # characters about a table; of a longer text the first sentence is there
MAX_ITEMS = 8  # names that stand below what makes a move hard, or below what could not be read

_NOTHING = Html("")
_SECTION = Html('<section id="{}">\n<h2>{}</h2>\n{}</section>\n')
_PARTIAL = Html(' Not everything could be read: <a href="#unread">what is missing</a>.')
_OBSTACLE = Html('<li>\n<h3><span class="count">{}</span> <span class="title">{}</span></h3>\n<p>{}</p>\n{}</li>\n')
_CLEAR = Html('<p class="nothing">{}</p>\n')
_TAGS = Html('<p class="names">{}</p>\n')
_TAG, _MORE = Html("<span>{}</span> "), Html('<em>{:,} more: <a href="tables/{}.csv">{}.csv</a></em>')
_MORE_IN_SUMMARY = Html("<em>{:,} more: summary.json</em>")
_TABLE = Html("""\
<details id="{name}" open>
<summary><h3>{title}</h3> <span class="count">{count}</span></summary>
<p class="about">{about} <span class="files">All columns: <a href="tables/{name}.csv">{name}.csv</a>,
<a href="tables/{name}.json">{name}.json</a></span></p>
{table}{cut}</details>
""")
_CUT = Html('<p class="cut">The first {:,} of {:,} rows. All of them are in <a href="tables/{}.csv">{}.csv</a>.</p>\n')
_CUT_PARTS = Html('<p class="cut">All parts of the bill are in <a href="summary.json">summary.json</a>.</p>\n')
_NUMBERS = {1: "day", 2: "two days", 3: "three days"}
_ALL_DAYS = Html('<p class="cut">{}All days are in the table <a href="#deadlines">Deadlines</a>.</p>\n')
_MAYBE_MORE = Html('There may be others, as <a href="#unread">not every day could be read</a>. ')
_COMPLETE = Html("<p>Everything was read: {}.</p>\n")
_TERRAFORM = Html("""\
<p><code>imports.tf</code> has import blocks for the provider <code>{}</code>, so that the account can be
described in Terraform before it is moved. In a copy of this folder:</p>
<pre>terraform init
terraform plan -generate-config-out=generated.tf</pre>
""")


def page_of(inventory: Inventory, folder: Path = Path("inventory")) -> Html:
    """Return the page of the inventory in a folder."""
    day = f"{inventory.time:%d %B %Y}".lstrip("0")
    source = "a snapshot" if inventory.origin else counted(inventory.requests, "request")
    source += f", {inventory.taken_over}" if inventory.taken_over else ""
    figures, missing = inventory.key_figures, inventory.unread
    tables = [result.question for result in inventory.report.results]
    content = [
        cards(figures),
        _days(inventory),
        _SECTION.format("unread", "What is missing", _unread(missing, tables)) if missing else _NOTHING,
        _SECTION.format("move", "What makes a move hard", _obstacles(inventory.obstacles)),
        _SECTION.format("bill", "The bill", _bill(inventory)),
        _SECTION.format("tables", "All there is", _tables(inventory)),
        _SECTION.format("terraform", "Terraform", _TERRAFORM.format(facts().terraform.provider)),
    ]
    counts = counts_looked_at(inventory.report.results)
    lists = f"{counted(len(counts), 'list')}, {counted(sum(counts.values()), 'record')}"
    body = html_of_package("checks/inventory.html").format(
        account=inventory.account,
        day=day,
        lead=_lead(inventory, {figure.name: figure for figure in figures}),
        when=f"{inventory.time:%Y-%m-%d %H:%M} UTC, from {source}.",
        read=_NOTHING if missing else _COMPLETE.format(lists),
        command=_command(inventory, folder),
        version=__version__,
        service=service().title,
        not_told=", ".join(service().not_told),
        content=_NOTHING.join(content),
    )
    return html_page(f"Inventory of {inventory.account}, {day}", body, [inventory.account], inventory.time)


def _command(inventory: Inventory, folder: Path) -> str:
    """Return the command that makes an inventory of the same account, or of the same snapshot, again."""
    account = ["--demo"] if is_demo(inventory.account) else ["-a", inventory.account]
    source = account if inventory.origin is None else ["--from", str(inventory.origin)]
    return shlex.join(["kosmo", "inventory", *source, "-o", str(folder)])


def _lead(inventory: Inventory, figures: Mapping[str, KeyFigure]) -> Html:
    """Return the first sentence: how many apps there are, and what they cost."""
    apps, cost = figures["Apps"], figures["Monthly cost"]
    if apps.value is None:
        return Html("The table of apps could not be made.") + _PARTIAL
    lead = Html("<strong>{}{}</strong>").format("At least " if apps.at_least else "", counted(int(apps.value), "app"))
    if cost.value is None:
        lead += Html("; the bill could not be read.")
    else:
        unknown = len(inventory.bill.unknown)
        rest = f", without {counted(unknown, 'item')} whose price is not known" if unknown else ""
        lead += Html(" with a bill of <strong>{}</strong> a month at list prices{}.").format(cost.text, rest)
    return lead if inventory.complete else lead + _PARTIAL


def _unread(missing: Sequence[Unread], tables: Iterable[Question]) -> Html:
    """Return the list of what could not be read; a list that makes a table alone is called as that table is."""
    titles: dict[str, str] = {}
    for table in tables:
        if len(table.needs) == 1:
            titles.setdefault(table.needs[0].removeprefix("list_"), table.title)
    items = [
        Html("<li><strong>{}</strong>: {}.{}</li>\n").format(
            titles.get(unread.name, unread.name.replace("_", " ").capitalize()),
            unread.reason.rstrip("."),
            _names(unread.items, "", counted(len(unread.items), "item") + ": "),
        )
        for unread in missing
    ]
    return Html('<p>This could not be read, and nothing below has it:</p>\n<ul class="unread">\n{}</ul>\n').format(
        _NOTHING.join(items)
    )


def _days(inventory: Inventory) -> Html:
    """Return the next days on which the service does something by itself."""
    names = ("teams", "apps")
    rows = [{**row, **{name: listed(row[name], MAX_ITEMS) or None for name in names}} for row in inventory.next_days]
    if not rows:
        return _NOTHING
    is_whole = all(row["day"] for row in inventory.rows("deadlines"))
    below = _ALL_DAYS.format(_NOTHING if is_whole else _MAYBE_MORE)
    title = f"The next {_NUMBERS[len(rows)]} that {service().title} decides"
    return _SECTION.format("days", title, page_table(_columns(list(rows[0]), rows)) + below)


def _names(names: Sequence[str], table: str, before: str = "") -> Html:
    """Return the first of some names, and where the others are."""
    if not names:
        return _NOTHING
    tags = [_TAG.format(name) for name in names[:MAX_ITEMS]]
    if (rest := len(names) - MAX_ITEMS) > 0:
        more = _MORE.format(rest, html_attribute(table), table) if table else _MORE_IN_SUMMARY.format(rest)
        tags.append(more)
    return Html(" {}" if before else "{}").format(before) + _TAGS.format(_NOTHING.join(tags))


def _obstacles(kinds: Sequence[Obstacle]) -> Html:
    """Return what makes a move hard, and one sentence on what there is none of."""
    items = [
        _OBSTACLE.format(
            "?" if obstacle.count is None else f"{obstacle.count:,}{'+' * obstacle.at_least}",
            obstacle.name,
            "This could not be read." if obstacle.count is None else obstacle.reason,
            _names(obstacle.items, obstacle.table),
        )
        for obstacle in kinds
        if obstacle.count != 0 or obstacle.at_least
    ]
    none = [obstacle.name for obstacle in kinds if obstacle.count == 0 and not obstacle.at_least]
    hard = Html('<ul class="obstacles">\n{}</ul>\n').format(_NOTHING.join(items)) if items else _NOTHING
    return hard + (_CLEAR.format(f"There are none of these: {_listed(none)}.") if none else _NOTHING)


def _listed(titles: Iterable[str]) -> str:
    """Return titles as a list in a sentence."""
    return ", ".join(title if title[1:2].isupper() else title[:1].lower() + title[1:] for title in titles)


def _bill(inventory: Inventory) -> Html:
    """Return the bill by kind, team and stage, what idles, and what has no known price."""
    bill = inventory.bill
    if not bill.lines:
        return Html("<p>Nothing that is billed could be read.</p>\n")
    missing = [f"{counted(len(bill.unknown), 'item')} without a known price"] if bill.unknown else []
    missing += [] if bill.complete else ["what could not be read"]
    text = f"A month costs ${bill.cents / CENTS:,.0f} at most, at list prices."
    text += f" Not in it: {' and '.join(missing)}." if missing else ""
    text += f" ${bill.idle_cents / CENTS:,.0f} of it may be paid for nothing." if bill.idle else ""
    groups = (("Kind", "kind"), ("Stage", "stage"), ("Team or owner", "team"), ("App", "app"))
    parts = [page_table(_parts(title, bill.by(field))) for title, field in groups]
    names = [f"{line['name']} ({line['plan']})" for line in bill.unknown]
    unknown = Html("<p>Not counted, for want of a price that is known:</p>\n{}").format(_names(names, "costs"))
    is_cut = any(len(bill.by(field)) > MAX_PARTS for _, field in groups)
    below = [_CUT_PARTS] * is_cut + [unknown] * bool(names)
    return Html("<p>{}</p>\n{}").format(text, _NOTHING.join([*parts, *below]))


def _parts(title: str, parts: Sequence[BillGroup]) -> list[TableColumn]:
    """Return the columns of a table of the largest parts of the bill, with the sum of the others in the last row."""
    largest, others = parts[:MAX_PARTS], parts[MAX_PARTS:]
    if others:
        numbers = zip(*((part.cents, part.lines, part.unknown) for part in others), strict=True)
        largest = [*largest, BillGroup(f"{len(others):,} others", *map(sum, numbers))]
    rows = [part.as_row(title) for part in largest]
    return _columns((title, "monthly_usd", "without_price"), rows)


def _tables(inventory: Inventory) -> Html:
    """Return the tables, and one sentence on those without a row."""
    candidates = [result for result in inventory.tables.values() if result.question.page]
    tables = [_table(result.question, result.records) for result in candidates if result.records]
    empty = [result.question for result in candidates if not result.records]
    none = [table for table in empty if inventory.is_whole(*(need.removeprefix("list_") for need in table.needs))]
    unsure = [table for table in empty if table not in none]
    sentences = [
        _CLEAR.format(f"There are none of these{where}: {_listed(table.title for table in some)}.")
        for where, some in (("", none), (" in what could be read", unsure))
        if some
    ]
    return Html('<div class="tables">\n{}</div>\n').format(_NOTHING.join([*tables, *sentences]))


def _table(table: Question, rows: Records) -> Html:
    """Return a table with what its columns mean."""
    count = len(rows)
    return _TABLE.format(
        name=html_attribute(table.name),
        title=table.title,
        count=f"{count:,}",
        about=table.about if len(table.about) <= MAX_ABOUT else f"{table.about.partition('. ')[0]}.",
        table=page_table(_columns(table.page, rows)),
        cut=_CUT.format(MAX_ROWS, count, html_attribute(table.name), table.name) if count > MAX_ROWS else _NOTHING,
    )


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[TableColumn]:
    """Return columns of the first rows of a table; a value is a bound where the column for that says so."""
    columns = []
    for name, column in zip(names, page_columns(table_of_rows(names, rows).first(MAX_ROWS)), strict=True):
        labels = (f"{AT_LEAST} {{}}" if row.get(facts().bounds.get(name, "")) else "{}" for row in rows)
        texts = [text and label.format(text) for label, text in zip(labels, column.texts, strict=False)]
        columns.append(column._replace(texts=texts))
    return columns
