"""Answer many calls of one function from lists of the whole account.

The add-ons of five hundred apps would take five hundred requests; three lists have the same data: all apps, all
add-ons, and which app uses which add-on. An item that the lists do not settle gets a call of its own: one that is not
in the list of items, or that uses a record which the account cannot list. So answers and errors are those of the single
calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from kosmo_kernel.catalogue import BulkSource, Function, Link
from kosmo_kernel.client.call import Reply
from kosmo_kernel.text.paths import value_at

# Minimum number of calls per page of the list of items for which the lists take fewer requests: each such page comes
# with a few pages of records and links.
CALLS_PER_LIST_PAGE = 8


def answer_from_lists(
    function: Function, calls: Sequence[Mapping[str, Any]], fetch: Callable[[Function], Reply]
) -> list[Reply | None]:
    """Return the answer to each call from lists of the whole account, in order; None for a call that has to be made.

    Parameters:
        function, calls: as for `Client.bulk`.
        fetch: calls a function without arguments.

    Raises:
        ApiError: one of the lists cannot be fetched.
    """
    link = function.link(calls[0]) if calls else None
    whole = link.bulk if link else None
    many = next((param for param in function.params if link and param.name in link.places and param.each), None)
    if whole is None or many is None or len(calls) < CALLS_PER_LIST_PAGE:
        return [None] * len(calls)
    lists = [fetch(whole.list_items)]
    if len(calls) < CALLS_PER_LIST_PAGE * lists[0].requests:
        return [None] * len(calls)
    lists.append(fetch(replace(function, links=(Link(whole.path),), params=())))
    if whole.shared_links:
        lists.append(fetch(whole.shared_links))
    replies: list[Reply | None] = []
    requests = sum(reply.requests for reply in lists)
    notes = tuple(note for reply in lists for note in reply.notes)
    names, data = [call[many.name] for call in calls], [list(reply.data) for reply in lists]
    for rows in records_of_items(whole, many.each, names, data):
        if rows is None:
            replies.append(None)
            continue
        replies.append(Reply([rows], requests, lists[-1].remaining, notes))
        requests, notes = 0, ()  # the first reply has the cost of all
    return replies


def records_of_items(
    whole: BulkSource, each: Sequence[str], item_names: Iterable[Any], lists: Sequence[Sequence[Any]]
) -> Iterator[list[Any] | None]:
    """Yield the records of each item, or None if the lists do not settle it.

    Parameters:
        whole: describes the lists.
        each: the fields of an item that name it.
        item_names: one name of each item.
        lists: all items, all records, and with `shared_links` what links records to further items.
    """
    items, records, *links = lists
    names = _names(whole, items, each)
    indices, unsettled = _indices(whole, records, links[0] if links else [])
    for name in item_names:
        item = names.get(name)
        yield None if item is None or item in unsettled else [records[index] for index in sorted(indices[item])]


def _names(whole: BulkSource, items: Sequence[Any], names: Sequence[str]) -> dict[Any, Any]:
    """Return the key that identifies each item in the records, by each of the item's names."""
    key = whole.item.rpartition(".")[2]
    return {item.get(name): item.get(key) for item in items for name in names}


def _indices(
    whole: BulkSource, records: Sequence[Any], links: Sequence[Any]
) -> tuple[Mapping[Any, set[int]], set[Any]]:
    """Return the indices of each item's records, and the items that use records outside the list."""
    indices: defaultdict[Any, set[int]] = defaultdict(set)
    unsettled: set[Any] = set()
    for index, record in enumerate(records):
        indices[value_at(record, whole.item)].add(index)
    index_of = {record.get("id"): index for index, record in enumerate(records)}
    for link in links:
        item, record = value_at(link, whole.link_item), value_at(link, whole.link_record)
        if record in index_of:
            indices[item].add(index_of[record])
        else:
            unsettled.add(item)
    return indices, unsettled
